/* What quantiles need of the weighted sums: the lower tail by its distance from the lower end, in
 * units in which the weights add up to less than 1. */
#ifndef IH_WEIGHTED_INTERNAL_H
#define IH_WEIGHTED_INTERNAL_H

#include "distribution/ih_scaled.h"
#include "distribution/ih_weighted.h"

/* Return the cdf at a distance in (0, 1), and its slope, the density, to fewer digits. */
scaled_double ih_weighted_lower(const ih_weights *weights, double distance, scaled_double *slope);

/* Return what the cdf is at a distance a below all weights, and at most elsewhere. */
scaled_double ih_weighted_all_dropped(const ih_weights *weights, scaled_double a);

/* Return the distance whose saddle point is s > 0, the logarithm of the cdf there by the
 * saddle-point approximation, and how fast this falls with log s. */
double ih_weighted_tilted(const ih_weights *weights, double s, double *log_cdf, double *steepness);

#endif
