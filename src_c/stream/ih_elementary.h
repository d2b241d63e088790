/* exp and ln in double precision with only +, -, *, /, each of which IEEE 754 rounds once. They are
 * part of the stream's definition, so libm is not used, and no operations are fused. */
#ifndef IH_ELEMENTARY_H
#define IH_ELEMENTARY_H

#include <stdint.h>
#include <string.h>

#include "common/ih_compiler.h"
#include "common/ih_ieee.h"

#define IH_LN_2_HIGH 0x1.62e42fee00000p-1 /* 32 bits: k * IH_LN_2_HIGH is exact for |k| < 2^21 */
#define IH_LN_2_LOW 0x1.a39ef35793c76p-33
#define IH_PER_LN_2 0x1.71547652b82fep+0
#define IH_SQRT_2 0x1.6a09e667f3bcdp+0

/* x * 2^k for results in the normal range. */
IH_INLINE double ih_scale_by_power(double x, int k) {
    uint64_t bits = (uint64_t)(k + 1023) << 52;
    double power;
    memcpy(&power, &bits, sizeof power);
    return x * power;
}

/* exp(x) for -708 < x < 709; 0 below. Taylor to the 14th power on |r| <= ln(2)/2: 2^-60. */
IH_INLINE double ih_exp(double x) {
    static const double inverse_factorial[15] = {
        1.0,
        1.0,
        1.0 / 2,
        1.0 / 6,
        1.0 / 24,
        1.0 / 120,
        1.0 / 720,
        1.0 / 5040,
        1.0 / 40320,
        1.0 / 362880,
        1.0 / 3628800,
        1.0 / 39916800,
        1.0 / 479001600,
        1.0 / 6227020800,
        1.0 / 87178291200,
    };
    double within = x < -708 ? -708 : x;
    int k = (int)(within * IH_PER_LN_2 + (within < 0 ? -0.5 : 0.5));
    double r = (within - k * IH_LN_2_HIGH) - k * IH_LN_2_LOW;
    double sum = inverse_factorial[14];
    for (int power = 13; power >= 0; power--) sum = sum * r + inverse_factorial[power];
    return x < -708 ? 0 : ih_scale_by_power(sum, k);
}

/* ln(f * 2^k) for f in [1, 2]: 2 atanh(s), s = (f - 1) / (f + 1). f is halved above sqrt 2, so that
 * |s| <= 0.1716 and the series truncated after s^23 is right to 2^-60. */
IH_INLINE double ih_log_scaled(double f, int k) {
    int halved = f > IH_SQRT_2;
    double g = halved ? f * 0.5 : f, power = k + halved;
    double s = (g - 1) / (g + 1), square = s * s;
    double sum = 1.0 / 23;
    for (int odd = 21; odd >= 1; odd -= 2) sum = sum * square + 1.0 / odd;
    return (2 * s * sum + power * IH_LN_2_LOW) + power * IH_LN_2_HIGH;
}

/* ln(x) for x positive, finite and not subnormal. */
IH_INLINE double ih_log(double x) {
    uint64_t bits;
    double f;
    memcpy(&bits, &x, sizeof bits);
    int k = (int)(bits >> 52) - 1023;
    bits = (bits & (UINT64_MAX >> 12)) | (UINT64_C(1023) << 52);
    memcpy(&f, &bits, sizeof f);
    return ih_log_scaled(f, k);
}

/* e^x - 1 for 0 < x <= 1: the series to x^19 / 19!. */
IH_INLINE double ih_exp_minus_1(double x) {
    double sum = 0;
    for (int power = 19; power >= 2; power--) sum = (1 + sum) * x / power;
    return x + x * sum;
}

/* The x with ln(1 + e^x) = t, for t > 0: ln(e^t - 1). */
IH_INLINE double ih_inverse_softplus(double t) {
    double within = t < 1 ? t : 1;
    double below_1 = ih_log(ih_exp_minus_1(within));
    double above_1 = t + ih_log(1 - ih_exp(-(t < 1 ? 1 : t)));
    return t < 1 ? below_1 : above_1;
}

#endif
