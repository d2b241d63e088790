/* The AVX-512 kernel: VAES on 512 bits, four blocks a vector. */
#include "common/ih_ieee.h"

#if defined(__x86_64__) && !defined(IH_NO_AVX512)

#if defined(__clang__)
#pragma clang attribute push(                                                                      \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512cd,avx512vl,avx512vbmi2,vaes,f16c"))),  \
    apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512cd,avx512vl,avx512vbmi2,vaes,f16c")
#endif
#include <immintrin.h>

#include "stream/ih_normal_table.h"
#include "stream/kernels/ih_cpu.h"

#define IH_NAME avx512
#define IH_SUPPORTED ih_cpu_has_avx512
#define IH_VECTOR_NORMAL 1
#define V_BLOCKS 4
#include "stream/kernels/ih_vector.h"

typedef __m256i v_halves;

VERB v_words v_round_key(const uint32_t *key) {
    return (v_words)_mm512_broadcast_i32x4(_mm_load_si128((const __m128i *)key));
}
VERB v_words v_aes(v_words s, v_words k) {
    return (v_words)_mm512_aesenc_epi128((__m512i)s, (__m512i)k);
}
VERB v_words v_aes_last(v_words s, v_words k) {
    return (v_words)_mm512_aesenclast_epi128((__m512i)s, (__m512i)k);
}
VERB void v_store(char *p, v_words x) { _mm512_storeu_si512(p, (__m512i)x); }
VERB void v_stream(char *p, v_words x) { _mm512_stream_si512((__m512i *)p, (__m512i)x); }
VERB void v_store_half(char *p, v_halves x) { _mm256_storeu_si256((__m256i *)p, x); }
VERB void v_fence(void) { _mm_sfence(); }
VERB v_longs v_multiply_32(v_longs a, v_longs b) {
    return (v_longs)_mm512_mul_epu32((__m512i)a, (__m512i)b);
}
VERB v_floats v_minimum(v_floats a, float b) {
    return (v_floats)_mm512_min_ps(_mm512_set1_ps(b), (__m512)a);
}
VERB v_floats v_maximum(v_floats a, float b) {
    return (v_floats)_mm512_max_ps(_mm512_set1_ps(b), (__m512)a);
}
VERB v_doubles v_minimum_f64(v_doubles a, double b) {
    return (v_doubles)_mm512_min_pd(_mm512_set1_pd(b), (__m512d)a);
}
VERB v_doubles v_maximum_f64(v_doubles a, double b) {
    return (v_doubles)_mm512_max_pd(_mm512_set1_pd(b), (__m512d)a);
}
VERB v_halves v_to_f16(v_floats x) {
    return _mm512_cvtps_ph((__m512)x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
VERB v_halves v_low_halves(v_words x) { return _mm512_cvtepi32_epi16((__m512i)x); }
VERB v_words v_join_halves(v_halves a, v_halves b) {
    return (v_words)_mm512_inserti64x4(_mm512_castsi256_si512(a), b, 1);
}
VERB v_words v_leading_zeros_32(v_words x) { return (v_words)_mm512_lzcnt_epi32((__m512i)x); }
VERB v_longs v_leading_zeros_64(v_longs x) { return (v_longs)_mm512_lzcnt_epi64((__m512i)x); }
/* ~x | 1 in one instruction. */
VERB v_words v_negated_odd_32(v_words x) {
    __m512i one = _mm512_set1_epi32(1);
    return (v_words)_mm512_ternarylogic_epi32((__m512i)x, one, one, 0xcf);
}
VERB v_longs v_negated_odd_64(v_longs x) {
    __m512i one = _mm512_set1_epi64(1);
    return (v_longs)_mm512_ternarylogic_epi64((__m512i)x, one, one, 0xcf);
}
VERB v_words v_row_f32(v_words octave, v_words fraction) {
    return (v_words)_mm512_shldi_epi32((__m512i)octave, (__m512i)fraction, 1);
}
VERB v_words v_least_32(v_words a, v_words b) {
    return (v_words)_mm512_min_epu32((__m512i)a, (__m512i)b);
}
VERB int v_any_below_32(v_words x, uint32_t limit) {
    return _mm512_cmplt_epu32_mask((__m512i)x, _mm512_set1_epi32((int)limit)) != 0;
}
VERB int v_any_below_64(v_longs x, uint64_t limit) {
    return _mm512_cmplt_epu64_mask((__m512i)x, _mm512_set1_epi64((long long)limit)) != 0;
}

/* The whole f32 table lives in registers: 32 rows are two registers a power. */
typedef struct {
    __m512 low[IH_NORMAL_F32_DEGREE + 1], high[IH_NORMAL_F32_DEGREE + 1];
} v_f32_table;

VERB v_f32_table v_load_f32_table(void) {
    v_f32_table table;
    UNROLL for (int power = 0; power <= IH_NORMAL_F32_DEGREE; power++) {
        table.low[power] = _mm512_loadu_ps(ih_normal_f32[power]);
        table.high[power] = _mm512_loadu_ps(ih_normal_f32[power] + 16);
    }
    return table;
}
VERB int v_is_deep(v_words row) {
    (void)row;
    return 0;
}
VERB v_floats v_table_f32(const v_f32_table *table, v_words row, int deep, int power) {
    (void)deep;
    return (v_floats)_mm512_permutex2var_ps(table->low[power], (__m512i)row, table->high[power]);
}

/* Eight rows of eight coefficients, transposed: cheaper than eight gathers. */
VERB void v_table_f64(v_longs row, v_doubles *c) {
    __m512d r[8], s[8];
    UNROLL for (int i = 0; i < 8; i++) r[i] = _mm512_load_pd(ih_normal_f64[row[i]]);
    UNROLL for (int i = 0; i < 8; i += 2) {
        s[i] = _mm512_unpacklo_pd(r[i], r[i + 1]);
        s[i + 1] = _mm512_unpackhi_pd(r[i], r[i + 1]);
    }
    UNROLL for (int i = 0; i < 2; i++) {
        /* 0x88 takes the even 128-bit lanes of both, 0xdd the odd ones. */
        __m512d even_low = _mm512_shuffle_f64x2(s[i], s[i + 2], 0x88);
        __m512d odd_low = _mm512_shuffle_f64x2(s[i], s[i + 2], 0xdd);
        __m512d even_high = _mm512_shuffle_f64x2(s[i + 4], s[i + 6], 0x88);
        __m512d odd_high = _mm512_shuffle_f64x2(s[i + 4], s[i + 6], 0xdd);
        c[i] = (v_doubles)_mm512_shuffle_f64x2(even_low, even_high, 0x88);
        c[i + 4] = (v_doubles)_mm512_shuffle_f64x2(even_low, even_high, 0xdd);
        c[i + 2] = (v_doubles)_mm512_shuffle_f64x2(odd_low, odd_high, 0x88);
        c[i + 6] = (v_doubles)_mm512_shuffle_f64x2(odd_low, odd_high, 0xdd);
    }
}

#include "stream/kernels/ih_fill_template.h"

#if defined(__clang__)
#pragma clang attribute pop
#endif
#else
typedef int ih_fill_avx512_is_empty;
#endif
