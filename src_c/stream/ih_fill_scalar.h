/* The maps from words to values, one element at a time: the readable form of docs/stream.md.
 *
 * A canonical word of the normal laws has the sign in bit 0 (1: positive). The word with bit 0 set,
 * over 2^33 (2^65 for 64 bits), is the probability q of the tail, 0 < q < 1/2. Only integer
 * operations, *, + and fused multiply-adds are used, each rounded once, so every machine gives the
 * same bits.
 */
#ifndef IH_FILL_SCALAR_H
#define IH_FILL_SCALAR_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/ih_compiler.h"
#include "common/ih_fma.h"
#include "common/ih_ieee.h"
#include "stream/ih_normal_table.h"

/* A canonical word below this has q < 2^-17, beyond the table: a second word is drawn (ih_tail.h).
 */
#define IH_TAIL_BELOW_32 (UINT32_C(1) << (32 - IH_NORMAL_OCTAVES))
#define IH_TAIL_BELOW_64 (UINT64_C(1) << (64 - IH_NORMAL_OCTAVES))

/* A 64-bit word of a block: two 32-bit words, the low half first. */
static inline uint64_t ih_word_64(const uint32_t *words, size_t place) {
    return words[2 * place] | (uint64_t)words[2 * place + 1] << 32;
}

/* Of x > 0. */
#if defined(IH_GNU)
static inline int ih_leading_zeros_32(uint32_t x) { return __builtin_clz(x); }
static inline int ih_leading_zeros_64(uint64_t x) { return __builtin_clzll(x); }
#else
static inline int ih_leading_zeros_64(uint64_t x) {
    int zeros = 0;
    for (int step = 32; step; step /= 2)
        if (x >> (64 - step) == 0) {
            x <<= step;
            zeros += step;
        }
    return zeros;
}
static inline int ih_leading_zeros_32(uint32_t x) { return ih_leading_zeros_64(x) - 32; }
#endif

static inline uint32_t ih_high_32(uint32_t a, uint32_t b) {
    return (uint32_t)(((uint64_t)a * b) >> 32);
}

/* The high half of a 64 x 64 bit product, from four 32-bit ones. */
static inline uint64_t ih_high_64(uint64_t a, uint64_t b) {
    uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
    uint64_t low = a0 * b0, cross = a1 * b0, other = a0 * b1;
    uint64_t middle = (low >> 32) + (uint32_t)cross + (uint32_t)other;
    return a1 * b1 + (cross >> 32) + (other >> 32) + (middle >> 32);
}

/* The word's upper 25 bits (54 for f64), made odd, are an integer times 2^7 (2^10). Its conversion
 * is exact, so there is one rounding. The value is never 0, and its magnitude is below the bound.
 * scale is bound * 2^-31 (2^-63). */
static inline float ih_uniform_f32(uint32_t word, float scale) {
    return (float)(int32_t)((word & ~UINT32_C(0xff)) | 0x80) * scale;
}

static inline double ih_uniform_f64(uint64_t word, double scale) {
    return (double)(int64_t)((word & ~UINT64_C(0x7ff)) | 0x400) * scale;
}

/* Probability (u + 1/2) / 2^32 in (0, 1) to a canonical word; increasing in u. */
static inline uint32_t ih_canonical_32(uint32_t u) {
    uint32_t upper = (uint32_t)((int32_t)u >> 31);
    return ((u ^ upper) << 1) - upper;
}

static inline uint64_t ih_canonical_64(uint64_t u) {
    uint64_t upper = (uint64_t)((int64_t)u >> 63);
    return ((u ^ upper) << 1) - upper;
}

/* Phi^-1 of a canonical word that is not below IH_TAIL_BELOW_32.
 * -(word | 1), shifted past its leading one, is the exact distance of q from the end of its octave
 * that is nearer to the centre, so values near 0 keep their relative precision. */
static inline float ih_normal_f32_value(uint32_t word) {
    int octave = ih_leading_zeros_32(word);
    float t = (float)(int32_t)(((~word | 1u) << octave) & 0x7fffffffu) * 0x1p-31f;
    float z = ih_normal_f32[IH_NORMAL_F32_DEGREE][octave];
    for (int power = IH_NORMAL_F32_DEGREE - 1; power >= 0; power--)
        z = ih_fma_f32(z, t, ih_normal_f32[power][octave]);
    return word & 1 ? -z : z;
}

static inline double ih_normal_f64_segment(const double *row, double t) {
    double z = row[IH_NORMAL_F64_DEGREE];
    for (int power = IH_NORMAL_F64_DEGREE - 1; power >= 0; power--)
        z = ih_fma_f64(z, t, row[power]);
    return z;
}

static inline double ih_normal_f64_value(uint64_t word) {
    int octave = ih_leading_zeros_64(word);
    uint64_t fraction = (~word | 1u) << (octave + 1);
    const double *row = ih_normal_f64[16 * octave + (int)(fraction >> 60)];
    double z =
        ih_normal_f64_segment(row, (double)(int64_t)(fraction & (UINT64_MAX >> 4)) * 0x1p-60);
    return word & 1 ? -z : z;
}

static inline float ih_clamp_f32(float x, float low, float high) {
    return x < low ? low : x > high ? high : x;
}

static inline double ih_clamp_f64(double x, double low, double high) {
    return x < low ? low : x > high ? high : x;
}

/* Round to nearest even with integer operations; x is finite. */
static inline uint16_t ih_to_bf16(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (uint16_t)((bits + 0x7fffu + ((bits >> 16) & 1)) >> 16);
}

static inline uint16_t ih_to_f16(float x) {
    uint32_t bits, sign, magnitude;
    memcpy(&bits, &x, sizeof bits);
    sign = (bits >> 16) & 0x8000u;
    magnitude = bits & 0x7fffffffu;
    if (magnitude >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u); /* 65520 and more: infinity */
    if (magnitude >= 0x38800000u) { /* normal: rebias the exponent by 127 - 15, round 13 bits off */
        magnitude -= (127u - 15u) << 23;
        return (uint16_t)(sign | ((magnitude + 0xfffu + ((magnitude >> 13) & 1)) >> 13));
    }
    if (magnitude < 0x33000000u) return (uint16_t)sign; /* below 2^-25: zero */
    {                                                   /* denormal: units of 2^-24 */
        uint32_t shift = 126u - (magnitude >> 23);
        uint32_t mantissa = (magnitude & 0x7fffffu) | 0x800000u;
        uint32_t half = UINT32_C(1) << (shift - 1);
        return (uint16_t)(sign | ((mantissa + half - 1 + ((mantissa >> shift) & 1)) >> shift));
    }
}

#endif
