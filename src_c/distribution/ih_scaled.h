/* Number types of the weighted sums: pairs of doubles, and doubles with a larger exponent. */
#ifndef IH_SCALED_H
#define IH_SCALED_H

#include <math.h>
#include <stdlib.h>

#include "common/ih_dd.h"

#define IH_LOG_2 0x1.62e42fefa39efp-1

/* The value mantissa 2^exponent: powers of small weights leave the range of a double. */
typedef struct {
    double mantissa;
    int exponent;
} scaled_double;

static inline ih_dd plus(ih_dd a, ih_dd b) {
    ih_dd s = two_sum(a.hi, b.hi), t = two_sum(a.lo, b.lo);
    s = two_sum(s.hi, s.lo + t.hi);
    return two_sum(s.hi, s.lo + t.lo);
}

static inline ih_dd minus(ih_dd a, ih_dd b) { return plus(a, (ih_dd){-b.hi, -b.lo}); }

static inline ih_dd half(ih_dd a) { return (ih_dd){0.5 * a.hi, 0.5 * a.lo}; }

static inline ih_dd times_double(ih_dd a, double b) {
    double hi = a.hi * b;
    return two_sum(hi, fma(a.hi, b, -hi) + a.lo * b);
}

static inline scaled_double normal(double mantissa, int exponent) {
    int shift;
    mantissa = frexp(mantissa, &shift);
    return (scaled_double){mantissa, mantissa != 0.0 ? exponent + shift : 0};
}

static inline scaled_double scaled_product(scaled_double a, scaled_double b) {
    return normal(a.mantissa * b.mantissa, a.exponent + b.exponent);
}

static inline scaled_double scaled_sum(scaled_double a, scaled_double b) {
    if (a.mantissa == 0.0) return b;
    if (b.mantissa == 0.0) return a;
    if (a.exponent < b.exponent) {
        scaled_double larger = b;
        b = a;
        a = larger;
    }
    int distance = a.exponent - b.exponent;
    return distance > 200 ? a : normal(a.mantissa + ldexp(b.mantissa, -distance), a.exponent);
}

static inline scaled_double scaled_negative(scaled_double a) {
    return (scaled_double){-a.mantissa, a.exponent};
}

static inline scaled_double scaled_exp(ih_dd power) {
    int halvings = 0;
    for (; fabs(power.hi) > 700.0; halvings++) power = half(power);
    scaled_double result = normal(exp(power.hi) * (1.0 + power.lo), 0);
    for (; halvings > 0; halvings--) result = scaled_product(result, result);
    return result;
}

static inline double scaled_log(scaled_double a) {
    if (abs(a.exponent) < 1000) return log(ldexp(a.mantissa, a.exponent));
    return log(a.mantissa) + a.exponent * IH_LOG_2;
}

#endif
