/* Sums of products of doubles, in two doubles. */
#ifndef IH_DOT_H
#define IH_DOT_H

#include <stddef.h>

/* Return a_1 b_1 + ... + a_count b_count, all of one sign, rounded once: before that its relative
 * error is below count 2^-104. b is NULL for a sum. */
double ih_dot(size_t count, const double *a, const double *b);

#endif
