/* a * b + c rounded once, with the same bits with and without an fma instruction.
 *
 * Without the instruction, exact error terms and rounding to odd emulate it (Boldo and Melquiond
 * 2008), because libm's fma() is slow on some systems and wrong on others. The emulation is right
 * without overflow and if no error term is subnormal, as in the polynomials of the stream.
 */
#ifndef IH_FMA_H
#define IH_FMA_H

#include <stdint.h>
#include <string.h>

#include "common/ih_compiler.h"
#include "common/ih_ieee.h"

/* A file that is compiled for a processor with this instruction may define IH_HAS_FMA itself. */
#if defined(IH_GNU) && !defined(IH_HAS_FMA) &&                                                     \
    (defined(__FP_FAST_FMA) || defined(__FMA__) || defined(__aarch64__))
#define IH_HAS_FMA 1
#endif

/* ---- without an instruction ---- */

/* Error terms of doubles or vectors of doubles: prefix_sum_error() of sum = a + b,
 * prefix_product_error() of product = a * b (Dekker, with Veltkamp's splitting), and
 * prefix_nearly_fma(): the sum of the three parts, which is correctly rounded unless *moved differs
 * from it; then it is within 2^-30 of the middle between two doubles. */
#define IH_DEFINE_ERROR_TERMS(prefix, REAL)                                                        \
    IH_INLINE REAL prefix##_sum_error(REAL a, REAL b, REAL sum) {                                  \
        REAL b_part = sum - a;                                                                     \
        return (a - (sum - b_part)) + (b - b_part);                                                \
    }                                                                                              \
    IH_INLINE REAL prefix##_upper_half(REAL x) {                                                   \
        REAL scaled = x * 0x8000001p0; /* 2^27 + 1 */                                              \
        return scaled - (scaled - x);                                                              \
    }                                                                                              \
    IH_INLINE REAL prefix##_product_error(REAL a, REAL b, REAL product) {                          \
        REAL a1 = prefix##_upper_half(a), a2 = a - a1;                                             \
        REAL b1 = prefix##_upper_half(b), b2 = b - b1;                                             \
        return ((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2;                                \
    }                                                                                              \
    IH_INLINE REAL prefix##_nearly_fma(REAL a, REAL b, REAL c, REAL *moved) {                      \
        REAL product = a * b, sum = product + c;                                                   \
        REAL error = prefix##_sum_error(product, c, sum) + prefix##_product_error(a, b, product);  \
        REAL rounded = sum + error, rest = error - (rounded - sum);                                \
        *moved = rounded + rest * (1 + 0x1p-30);                                                   \
        return rounded;                                                                            \
    }

IH_DEFINE_ERROR_TERMS(ih, double)

/* Round x + error to odd: x if error is 0 or the last bit of x is 1, else the next double towards
 * x + error. Without branches, which could not be predicted. */
IH_INLINE double ih_to_odd(double x, double error) {
    uint64_t bits, outward = (error > 0) == (x > 0);
    memcpy(&bits, &x, sizeof bits);
    bits += (2 * outward - 1) * ((error != 0) & ~bits);
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Right in every case, but slow: all parts of the sum except the largest are rounded to odd. */
IH_NOINLINE double ih_fma_by_odd(double a, double b, double c) {
    double product = a * b, product_error = ih_product_error(a, b, product);
    double low = c + product_error, low_error = ih_sum_error(c, product_error, low);
    double high = product + low, high_error = ih_sum_error(product, low, high);
    double rest = low_error + high_error;
    return high + ih_to_odd(rest, ih_sum_error(low_error, high_error, rest));
}

/* The product is exact in double. Rounding twice is right unless the sum in double is halfway
 * between two floats, when its last 29 bits are a 1 and 28 zeros. */
IH_INLINE float ih_emulated_fma_f32(float a, float b, float c) {
    double product = (double)a * b, sum = product + c;
    uint64_t bits;
    memcpy(&bits, &sum, sizeof bits);
    if (IH_UNLIKELY((bits & 0x1fffffff) == 0x10000000))
        sum = ih_to_odd(sum, ih_sum_error(product, c, sum));
    return (float)sum;
}

IH_INLINE double ih_emulated_fma_f64(double a, double b, double c) {
    double moved, rounded = ih_nearly_fma(a, b, c, &moved);
    return IH_UNLIKELY(moved != rounded) ? ih_fma_by_odd(a, b, c) : rounded;
}

/* ---- with or without ---- */

IH_INLINE float ih_fma_f32(float a, float b, float c) {
#if defined(IH_HAS_FMA)
    return __builtin_fmaf(a, b, c);
#else
    return ih_emulated_fma_f32(a, b, c);
#endif
}

IH_INLINE double ih_fma_f64(double a, double b, double c) {
#if defined(IH_HAS_FMA)
    return __builtin_fma(a, b, c);
#else
    return ih_emulated_fma_f64(a, b, c);
#endif
}

#endif
