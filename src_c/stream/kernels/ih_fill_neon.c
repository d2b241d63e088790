/* The AArch64 kernel: NEON with the AES instructions, one block a vector.
 *
 * AESE adds its key before the substitution, not after MixColumns as x86 does: a round key is
 * added one instruction later, which is the same sum (AESE with key 0, AESMC, then the key).
 */
#include "common/ih_ieee.h"

#if defined(__aarch64__) && !defined(IH_NO_NEON)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("aes"))), apply_to = function)
#else
#pragma GCC target("+crypto")
#endif
#include <arm_neon.h>

#include "stream/ih_fill_scalar.h"
#include "stream/kernels/ih_cpu.h"

#define IH_NAME neon
#define IH_SUPPORTED ih_cpu_has_neon
#define IH_VECTOR_NORMAL 1
#define V_BLOCKS 1
#include "stream/kernels/ih_vector.h"

typedef uint64_t v_halves;

VERB v_words v_round_key(const uint32_t *key) { return (v_words)vld1q_u32(key); }
VERB v_words v_aes(v_words s, v_words k) {
    return (v_words)vaesmcq_u8(vaeseq_u8((uint8x16_t)s, vdupq_n_u8(0))) ^ k;
}
VERB v_words v_aes_last(v_words s, v_words k) {
    return (v_words)vaeseq_u8((uint8x16_t)s, vdupq_n_u8(0)) ^ k;
}
VERB void v_store(char *p, v_words x) { vst1q_u8((uint8_t *)p, (uint8x16_t)x); }
VERB void v_stream(char *p, v_words x) { v_store(p, x); } /* no streaming store in NEON */
VERB void v_store_half(char *p, v_halves x) { memcpy(p, &x, sizeof x); }
VERB void v_fence(void) {}
VERB v_longs v_multiply_32(v_longs a, v_longs b) {
    return (v_longs)vmull_u32(vmovn_u64((uint64x2_t)a), vmovn_u64((uint64x2_t)b));
}
VERB v_floats v_minimum(v_floats a, float b) {
    return (v_floats)vminq_f32((float32x4_t)a, vdupq_n_f32(b));
}
VERB v_floats v_maximum(v_floats a, float b) {
    return (v_floats)vmaxq_f32((float32x4_t)a, vdupq_n_f32(b));
}
VERB v_doubles v_minimum_f64(v_doubles a, double b) {
    return (v_doubles)vminq_f64((float64x2_t)a, vdupq_n_f64(b));
}
VERB v_doubles v_maximum_f64(v_doubles a, double b) {
    return (v_doubles)vmaxq_f64((float64x2_t)a, vdupq_n_f64(b));
}
VERB v_halves v_low_halves(v_words x) {
    return vget_lane_u64(vreinterpret_u64_u16(vmovn_u32((uint32x4_t)x)), 0);
}
VERB v_halves v_to_f16(v_floats x) {
    return vget_lane_u64(vreinterpret_u64_f16(vcvt_f16_f32((float32x4_t)x)), 0);
}
VERB v_words v_join_halves(v_halves a, v_halves b) { return (v_words)(v_longs){a, b}; }
VERB v_words v_leading_zeros_32(v_words x) { return (v_words)vclzq_u32((uint32x4_t)x); }
VERB v_longs v_leading_zeros_64(v_longs x) {
    return (v_longs){(uint64_t)__builtin_clzll(x[0] | 1), (uint64_t)__builtin_clzll(x[1] | 1)};
}
VERB v_words v_negated_odd_32(v_words x) { return -(x | 1); }
VERB v_longs v_negated_odd_64(v_longs x) { return -(x | 1); }
VERB v_words v_row_f32(v_words octave, v_words fraction) {
    return octave + octave + (fraction >> 31);
}
VERB v_words v_least_32(v_words a, v_words b) {
    return (v_words)vminq_u32((uint32x4_t)a, (uint32x4_t)b);
}
VERB int v_any_below_32(v_words x, uint32_t limit) { return vminvq_u32((uint32x4_t)x) < limit; }
VERB int v_any_below_64(v_longs x, uint64_t limit) { return (x[0] < limit) | (x[1] < limit); }

typedef int v_f32_table;

VERB v_f32_table v_load_f32_table(void) { return 0; }

VERB int v_is_deep(v_words row) {
    (void)row;
    return 0;
}
VERB v_floats v_table_f32(const v_f32_table *table, v_words row, int deep, int power) {
    const float *column = ih_normal_f32[power];
    (void)table;
    (void)deep;
    /* Tail words, whose value is replaced, must not read beyond the table. */
    row &= IH_NORMAL_F32_ROWS - 1;
    return (v_floats){column[row[0]], column[row[1]], column[row[2]], column[row[3]]};
}
VERB void v_table_f64(v_longs row, v_doubles *c) {
    const double *first = ih_normal_f64[row[0]], *second = ih_normal_f64[row[1]];
    for (int power = 0; power <= IH_NORMAL_F64_DEGREE; power++)
        c[power] = (v_doubles){first[power], second[power]};
}

#include "stream/kernels/ih_fill_template.h"

#if defined(__clang__)
#pragma clang attribute pop
#endif
#else
typedef int ih_fill_neon_is_empty;
#endif
