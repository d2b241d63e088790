/* Functions of the weighted sums for quantiles: the lower tail at a distance from the lower end of
 * the support, in units in which the weights add up to less than 1. */
#ifndef IH_WEIGHTED_INTERNAL_H
#define IH_WEIGHTED_INTERNAL_H

#include "distribution/ih_scaled.h"
#include "distribution/ih_weighted.h"

/* Return the cdf at a distance in (0, 1); *slope becomes the density, with fewer digits. */
scaled_double ih_weighted_lower(const ih_weights *weights, double distance, scaled_double *slope);

/* Return the cdf at a distance a below all weights; elsewhere, an upper bound of it. */
scaled_double ih_weighted_all_dropped(const ih_weights *weights, scaled_double a);

/* Return the distance whose saddle point is s > 0. *log_cdf becomes the saddle-point approximation
 * of log cdf there, and *steepness its decrease with log s. */
double ih_weighted_tilted(const ih_weights *weights, double s, double *log_cdf, double *steepness);

#endif
