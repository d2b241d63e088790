/* Double-double arithmetic: unevaluated sums of two doubles. The error terms are right only if each
 * operation rounds once. */
#ifndef IH_DD_H
#define IH_DD_H

#include <math.h>

#include "common/ih_ieee.h"

/* The value hi + lo, abs(lo) at most a few ulp of hi. */
typedef struct {
    double hi, lo;
} ih_dd;

/* a + b exactly, if abs(a) >= abs(b) or a == 0. */
static inline ih_dd fast_two_sum(double a, double b) {
    double hi = a + b;
    return (ih_dd){hi, b - (hi - a)};
}

static inline ih_dd two_sum(double a, double b) {
    double hi = a + b;
    double b_part = hi - a;
    return (ih_dd){hi, (a - (hi - b_part)) + (b - b_part)};
}

/* a b exactly */
static inline ih_dd two_product(double a, double b) {
    double hi = a * b;
    return (ih_dd){hi, fma(a, b, -hi)};
}

/* a b to about 2^-105 */
static inline ih_dd product(double a, ih_dd b) {
    ih_dd p = two_product(a, b.hi);
    return (ih_dd){p.hi, p.lo + a * b.lo};
}

/* a + b to about 2^-104 if a and b have the same sign, else to 2^-104 of the larger */
static inline ih_dd sum(ih_dd a, ih_dd b) {
    ih_dd s = two_sum(a.hi, b.hi);
    return (ih_dd){s.hi, s.lo + (a.lo + b.lo)};
}

#endif
