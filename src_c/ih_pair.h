/* Unevaluated sums of two doubles: the pieces of double-double arithmetic. */
#ifndef IH_PAIR_H
#define IH_PAIR_H

#include <math.h>

#include "ih_internal.h"

/* a + b exactly, if abs(a) >= abs(b) or a == 0. */
static inline ih_pair fast_two_sum(double a, double b) {
    double hi = a + b;
    return (ih_pair){hi, b - (hi - a)};
}

static inline ih_pair two_sum(double a, double b) {
    double hi = a + b;
    double b_part = hi - a;
    return (ih_pair){hi, (a - (hi - b_part)) + (b - b_part)};
}

/* a b exactly */
static inline ih_pair two_product(double a, double b) {
    double hi = a * b;
    return (ih_pair){hi, fma(a, b, -hi)};
}

/* a b to about 2^-105 */
static inline ih_pair product(double a, ih_pair b) {
    ih_pair p = two_product(a, b.hi);
    return (ih_pair){p.hi, p.lo + a * b.lo};
}

/* a + b to about 2^-104, for a and b of one sign; else to 2^-104 of the larger */
static inline ih_pair sum(ih_pair a, ih_pair b) {
    ih_pair s = two_sum(a.hi, b.hi);
    return (ih_pair){s.hi, s.lo + (a.lo + b.lo)};
}

#endif
