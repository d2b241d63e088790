/* Sums of products, accumulated in two doubles. */
#ifndef IH_DOT_H
#define IH_DOT_H

#include <stddef.h>

/* Return a_1 b_1 + ... + a_count b_count for products of one sign. The relative error is below
 * count 2^-104 before one rounding. If b is NULL, return the sum of a. */
double ih_dot(size_t count, const double *a, const double *b);

#endif
