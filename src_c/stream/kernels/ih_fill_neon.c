/* The AArch64 kernel: NEON with the AES instructions, one block per vector.
 *
 * AESE adds its key before the substitution, while x86 adds it after MixColumns. So a round is AESE
 * with key 0, AESMC, and then the addition of the round key.
 */
#include "common/ih_compiler.h"
#include "common/ih_ieee.h"

#if defined(__aarch64__) && !defined(__AARCH64EB__) && !defined(IH_NO_NEON)

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
#define V_BLOCKS 1
#include "stream/kernels/ih_vector.h"

typedef v_words v_state;

VERB v_words v_round_key(const uint32_t *key) { return (v_words)vld1q_u32(key); }
VERB v_state v_to_state(v_words x) { return x; }
VERB v_words v_from_state(v_state x) { return x; }
VERB v_state v_aes(v_state s, v_words k) {
    return (v_state)vaesmcq_u8(vaeseq_u8((uint8x16_t)s, vdupq_n_u8(0))) ^ k;
}
VERB v_state v_aes_last(v_state s, v_words k) {
    return (v_state)vaeseq_u8((uint8x16_t)s, vdupq_n_u8(0)) ^ k;
}
VERB void v_store(char *p, v_words x) { vst1q_u8((uint8_t *)p, (uint8x16_t)x); }
VERB void v_stream(char *p, v_words x) { v_store(p, x); } /* no streaming store in NEON */
VERB void v_store_half(char *p, v_words x) { vst1_u8((uint8_t *)p, vget_low_u8((uint8x16_t)x)); }
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
/* As an unsigned number only a negative value is above the negative end's bits, as a signed number
 * only a positive one above the positive end's. */
VERB v_words v_cut_halves(v_words x, uint16_t end) {
    uint16x8_t cut = vminq_u16((uint16x8_t)x, vdupq_n_u16(end | 0x8000));
    return (v_words)vminq_s16((int16x8_t)cut, vdupq_n_s16((int16_t)end));
}
VERB v_words v_to_bf16(v_floats a, v_floats b) {
    v_words x = (v_words)a, y = (v_words)b;
    x += 0x7fff + (x >> 16 & 1);
    y += 0x7fff + (y >> 16 & 1);
    return (v_words)vuzp2q_u16((uint16x8_t)x, (uint16x8_t)y);
}
VERB v_words v_to_f16(v_floats a, v_floats b) {
    return (v_words)vcvt_high_f16_f32(vcvt_f16_f32((float32x4_t)a), (float32x4_t)b);
}
VERB v_doubles v_to_f64(v_longs x) { return (v_doubles)vcvtq_f64_u64((uint64x2_t)x); }
VERB v_doubles v_signed_to_f64(v_longs x) { return (v_doubles)vcvtq_f64_s64((int64x2_t)x); }
VERB v_floats v_fma(v_floats a, v_floats b, v_floats c) {
    return (v_floats)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
}
VERB v_doubles v_fma_f64(v_doubles a, v_doubles b, v_doubles c) {
    return (v_doubles)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
}

#define V_RARE_BELOW_32 IH_TAIL_BELOW_32

VERB void v_locate_32(v_words x, v_words *octave, v_words *distance) {
    *octave = (v_words)vclzq_u32((uint32x4_t)x);
    *distance = ((~x | 1) << *octave) & 0x7fffffff;
}
VERB void v_locate_64(v_longs x, v_longs *row, v_longs *distance) {
    v_longs octave = {(uint64_t)__builtin_clzll(x[0] | 1), (uint64_t)__builtin_clzll(x[1] | 1)};
    v_longs fraction = (~x | 1) << octave << 1;
    *row = (octave << 4) + (fraction >> 60);
    *distance = fraction & (UINT64_MAX >> 4);
}
VERB v_words v_least_32(v_words a, v_words b) {
    return (v_words)vminq_u32((uint32x4_t)a, (uint32x4_t)b);
}
VERB unsigned v_below_32(v_words x, uint32_t limit) {
    static const uint32_t bit[4] = {1, 2, 4, 8};
    uint32x4_t below = vcltq_u32((uint32x4_t)x, vdupq_n_u32(limit));
    return vaddvq_u32(vandq_u32(below, vld1q_u32(bit)));
}
VERB unsigned v_below_64(v_longs x, uint64_t limit) {
    return (unsigned)(x[0] < limit) | (unsigned)(x[1] < limit) << 1;
}

/* Sixteen octaves are four registers for each power, which one byte look-up reads. */
typedef int v_f32_table;

VERB v_f32_table v_load_f32_table(void) { return 0; }

VERB v_floats v_table_f32(const v_f32_table *table, v_words octave, int power) {
    const uint8x16x4_t column = vld1q_u8_x4((const uint8_t *)ih_normal_f32[power]);
    /* The bytes of an entry. Beyond the table, for tail words only, the look-up gives 0. */
    v_words bytes = octave * 0x04040404 + 0x03020100;
    (void)table;
    return (v_floats)vqtbl4q_u8(column, (uint8x16_t)bytes);
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
