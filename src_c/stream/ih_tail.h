/* Elements of two words. If the first is in the far tail, a second word refines it; a narrow
 * truncation uses two words for every element. The quantile is evaluated in double precision, by
 * the f64 table or, for q < 2^-17, by a fit in r = sqrt(-2 ln q). Only +, -, *, /, sqrt and fused
 * multiply-adds are used, and not libm: IEEE 754 rounds each of them correctly, so the bits are the
 * same on every machine.
 *
 * Every kernel defines IH_KERNEL and includes this, so that its own instructions are used.
 */
#ifndef IH_TAIL_H
#define IH_TAIL_H

#include <math.h>

#include "stream/ih_elementary.h"
#include "stream/ih_fill_scalar.h"
#include "stream/ih_kernel.h"

/* q = mantissa * 2^-(65 + octave), mantissa in [2^63, 2^64]; relative error a few 2^-53. */
static inline double ih_tail_quantile(uint64_t mantissa, int octave) {
    double r = sqrt(-2 * ih_log_scaled((double)mantissa * 0x1p-63, -(octave + 2)));
    int piece = 0;
    const double *row;
    double x, shortfall;
    while (piece < IH_NORMAL_TAIL_PIECES - 1 && r >= ih_normal_tail_edges[piece]) piece++;
    row = ih_normal_tail[piece];
    x = (r - row[0]) * row[1];
    shortfall = row[2 + IH_NORMAL_TAIL_DEGREE];
    for (int power = IH_NORMAL_TAIL_DEGREE - 1; power >= 0; power--)
        shortfall = ih_fma_f64(shortfall, x, row[2 + power]);
    return shortfall - r;
}

/* Phi^-1(q), q = odd * 2^-(65 + shift), odd an odd integer. */
IH_NOINLINE double ih_quantile(uint64_t odd, int shift) {
    int zeros = ih_leading_zeros_64(odd), octave = zeros + shift;
    uint64_t fraction;
    if (octave >= IH_NORMAL_OCTAVES) return ih_tail_quantile(odd << zeros, octave);
    fraction = (~odd | 1u) << (zeros + 1);
    return ih_normal_f64_segment(ih_normal_f64[16 * octave + (int)(fraction >> 60)],
                                 (double)(int64_t)(fraction & (UINT64_MAX >> 4)) * 0x1p-60);
}

/* The words of an element in the tail domain. */
static inline uint32_t ih_tail_word_32(const ih_plan *plan, uint64_t block, unsigned lane) {
    uint32_t words[4];
    ih_block_words(plan->round_key, block, IH_DOMAIN_TAIL, words);
    return words[lane];
}

static inline uint64_t ih_tail_word_64(const ih_plan *plan, uint64_t block, unsigned lane) {
    uint32_t words[4];
    ih_block_words(plan->round_key, block, IH_DOMAIN_TAIL, words);
    return ih_word_64(words, lane);
}

/* The 63 bits of magnitude of two canonical words: 31 of the first, 32 of the second. */
IH_NOINLINE float ih_refine_normal_f32(const ih_plan *plan, uint64_t block, unsigned lane,
                                       uint32_t word) {
    uint64_t tail = ih_tail_word_32(plan, block, lane);
    double z = ih_quantile((uint64_t)(word >> 1) << 33 | tail << 1 | 1, 0);
    return (float)(word & 1 ? -z : z);
}

/* The quantile of a 128-bit number below 2^112: its leading 64 bits are enough for the precision of
 * the quantile, with bit 0 set for the midpoint. */
static inline double ih_quantile_128(uint64_t high, uint64_t low) {
    int zeros;
    if (high == 0) return ih_quantile(low | 1, 64);
    zeros = ih_leading_zeros_64(high);
    if (zeros > 0) high = high << zeros | low >> (64 - zeros);
    return ih_quantile(high | 1, zeros);
}

IH_NOINLINE double ih_refine_normal_f64(const ih_plan *plan, uint64_t block, unsigned lane,
                                        uint64_t word) {
    uint64_t tail = ih_tail_word_64(plan, block, lane);
    double z = ih_quantile_128((word & ~UINT64_C(1)) | tail >> 63, tail << 1);
    return word & 1 ? -z : z;
}

/* The truncated law from 64 bits an element (f32: both words, the first one high), unscaled;
 * one_tail does the same. */
static inline double ih_two_words(const ih_plan *plan, uint64_t words) {
    uint64_t u = ih_canonical_64(plan->first + ih_high_64(words, plan->span));
    double z = ih_quantile(u | 1, 0);
    return u & 1 ? -z : z;
}

IH_NOINLINE float ih_refine_truncated_f32(const ih_plan *plan, uint64_t block, unsigned lane,
                                          uint32_t word) {
    return (float)ih_two_words(plan, (uint64_t)word << 32 | ih_tail_word_32(plan, block, lane));
}

IH_NOINLINE double ih_refine_truncated_f64(const ih_plan *plan, uint64_t block, unsigned lane,
                                           uint64_t word) {
    uint64_t tail = ih_tail_word_64(plan, block, lane);
    /* first * 2^64 + span * (word * 2^64 + tail) / 2^64, to 2^-128 */
    uint64_t low = word * plan->span, high = plan->first + ih_high_64(word, plan->span);
    uint64_t rest = low + ih_high_64(tail, plan->span);
    uint64_t upper;
    double z;
    high += rest < low;
    upper = (uint64_t)((int64_t)high >> 63);
    high ^= upper;
    rest ^= upper;
    z = ih_quantile_128(high << 1 | rest >> 63, rest << 1);
    return upper ? -z : z;
}

/* q = (u | 1) / 2^(64 + tail_shift), u in [first, first + span); tail_shift >= 2. */
static inline double ih_one_tail(const ih_plan *plan, uint64_t words) {
    uint64_t u = plan->first + ih_high_64(words, plan->span);
    double z = ih_quantile(u | 1, plan->law->tail_shift - 1);
    return plan->law->positive ? -z : z;
}

/* The values of elements: standard normal, plain or truncated, any word. */
static inline float ih_standard_normal_f32(const ih_plan *plan, uint64_t block, unsigned lane,
                                           uint32_t word) {
    return word < IH_TAIL_BELOW_32 ? ih_refine_normal_f32(plan, block, lane, word)
                                   : ih_normal_f32_value(word);
}

static inline double ih_standard_normal_f64(const ih_plan *plan, uint64_t block, unsigned lane,
                                            uint64_t word) {
    return word < IH_TAIL_BELOW_64 ? ih_refine_normal_f64(plan, block, lane, word)
                                   : ih_normal_f64_value(word);
}

static inline float ih_truncated_f32(const ih_plan *plan, uint64_t block, unsigned lane,
                                     uint32_t word) {
    uint32_t u = ih_canonical_32(plan->first_32 + ih_high_32(word, plan->span_32));
    return u < IH_TAIL_BELOW_32 ? ih_refine_truncated_f32(plan, block, lane, word)
                                : ih_normal_f32_value(u);
}

static inline double ih_truncated_f64(const ih_plan *plan, uint64_t block, unsigned lane,
                                      uint64_t word) {
    uint64_t u = ih_canonical_64(plan->first + ih_high_64(word, plan->span));
    return u < IH_TAIL_BELOW_64 ? ih_refine_truncated_f64(plan, block, lane, word)
                                : ih_normal_f64_value(u);
}

/* Store a value in an element type: multiplied by the law's factor, which is 1 for an interval,
 * rounded to f32 (except for f64), clipped to the law's interval, and rounded to 16 bits for 16-bit
 * types. */
static inline void ih_put_value(int dtype, const ih_plan *plan, double z, char *out) {
    if (dtype == IH_F64) {
        double value = ih_clamp_f64(z * plan->scale_f64, plan->low_f64, plan->high_f64);
        memcpy(out, &value, sizeof value);
        return;
    }
    float value = ih_clamp_f32((float)z * plan->scale_f32, plan->low_f32, plan->high_f32);
    if (dtype == IH_F32) {
        memcpy(out, &value, sizeof value);
        return;
    }
    uint16_t half = dtype == IH_F16 ? ih_to_f16(value) : ih_to_bf16(value);
    memcpy(out, &half, sizeof half);
}

/* ---- narrow truncations: every element from two words ---- */

IH_INLINE void ih_fill_two_words(const ih_plan *plan, ih_blocks blocks, size_t count, char *out,
                                 int dtype) {
    uint32_t main_words[4 * IH_LIST_GROUP], tail_words[4 * IH_LIST_GROUP];
    const int in_one_tail = plan->law->draw == IH_DRAW_ONE_TAIL;
    const size_t group = (size_t)plan->kernel->blocks_per_vector;
    const int lanes = dtype == IH_F64 ? 2 : 4, bytes = ih_item_bytes(dtype);
    for (size_t i = 0; i < count; i += group) {
        ih_blocks here = {blocks.first + i, blocks.list ? blocks.list + i : NULL};
        plan->kernel->words(plan, here, IH_DOMAIN_MAIN, group, main_words);
        if (dtype != IH_F64) plan->kernel->words(plan, here, IH_DOMAIN_TAIL, group, tail_words);
        for (size_t lane = 0; lane < group * (size_t)lanes; lane++, out += bytes) {
            uint64_t words = dtype == IH_F64 ? ih_word_64(main_words, lane)
                                             : (uint64_t)main_words[lane] << 32 | tail_words[lane];
            ih_put_value(dtype, plan,
                         in_one_tail ? ih_one_tail(plan, words) : ih_two_words(plan, words), out);
        }
    }
}

/* The fill functions of the including kernel for these. */
#define STAMP(law, LAW, dtype, DTYPE)                                                              \
    static void law##_fill_##dtype(const ih_plan *plan, ih_blocks blocks, size_t count, void *out, \
                                   int stream) {                                                   \
        (void)stream;                                                                              \
        ih_fill_two_words(plan, blocks, count, out, DTYPE);                                        \
    }
#if defined(IH_KERNEL)
IH_FOR_TYPES(STAMP, two_words, IH_TRUNCATED_NORMAL)
#endif
#undef STAMP

#endif
