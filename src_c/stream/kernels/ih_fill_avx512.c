/* The AVX-512 kernel: VAES on 512 bits, four blocks per vector. */
#include "common/ih_compiler.h"
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

#define IH_HAS_FMA 1
#include "stream/ih_fill_scalar.h"
#include "stream/kernels/ih_cpu.h"

#define IH_NAME avx512
#define IH_SUPPORTED ih_cpu_has_avx512
#define V_BLOCKS 4
#include "stream/kernels/ih_vector.h"

typedef v_words v_state;

VERB v_words v_round_key(const uint32_t *key) {
    return (v_words)_mm512_broadcast_i32x4(_mm_load_si128((const __m128i *)key));
}
VERB v_state v_to_state(v_words x) { return x; }
VERB v_words v_from_state(v_state x) { return x; }
VERB v_state v_aes(v_state s, v_words k) {
    return (v_state)_mm512_aesenc_epi128((__m512i)s, (__m512i)k);
}
VERB v_state v_aes_last(v_state s, v_words k) {
    return (v_state)_mm512_aesenclast_epi128((__m512i)s, (__m512i)k);
}
VERB void v_store(char *p, v_words x) { _mm512_storeu_si512(p, (__m512i)x); }
VERB void v_stream(char *p, v_words x) { _mm512_stream_si512((__m512i *)p, (__m512i)x); }
VERB void v_store_half(char *p, v_words x) {
    _mm256_storeu_si256((__m256i *)p, _mm512_castsi512_si256((__m512i)x));
}
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
/* Minima run on the port that the AES rounds need; additions can run on the other. */
VERB v_words v_cut_halves(v_words x, uint16_t end) {
    __m512i twice = _mm512_add_epi16((__m512i)x, (__m512i)x); /* without the sign */
    __mmask32 beyond = _mm512_cmpgt_epu16_mask(twice, _mm512_set1_epi16((short)(2 * end)));
    return (v_words)_mm512_mask_sub_epi16((__m512i)x, beyond, (__m512i)x, _mm512_set1_epi16(1));
}
VERB v_words v_to_f16(v_floats a, v_floats b) {
    __m256i low = _mm512_cvtps_ph((__m512)a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256i high = _mm512_cvtps_ph((__m512)b, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    return (v_words)_mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}
/* Separate the upper and lower halves and round: add 1 to the upper half if the lower half is above
 * 2^15, or is 2^15 and the upper half is odd. (AVX512-BF16 treats subnormals as 0.) */
VERB v_words v_to_bf16(v_floats a, v_floats b) {
    __m512i apart =
        _mm512_broadcast_i32x4(_mm_setr_epi8(2, 3, 6, 7, 10, 11, 14, 15, 0, 1, 4, 5, 8, 9, 12, 13));
    __m512i first = _mm512_shuffle_epi8((__m512i)a, apart);
    __m512i second = _mm512_shuffle_epi8((__m512i)b, apart);
    __m512i upper =
        _mm512_permutex2var_epi64(first, _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14), second);
    __m512i lower =
        _mm512_permutex2var_epi64(first, _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15), second);
    __m512i one = _mm512_set1_epi16(1);
    __m512i half = _mm512_sub_epi16(_mm512_set1_epi16((short)0x8000), _mm512_and_si512(upper, one));
    __mmask32 up = _mm512_cmpgt_epu16_mask(lower, half);
    return (v_words)_mm512_mask_add_epi16(upper, up, upper, one);
}
VERB v_floats v_fma(v_floats a, v_floats b, v_floats c) {
    return (v_floats)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
}
VERB v_doubles v_fma_f64(v_doubles a, v_doubles b, v_doubles c) {
    return (v_doubles)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
}

#define V_RARE_BELOW_32 IH_TAIL_BELOW_32

/* ~x | 1 in one instruction. */
VERB v_words negated_odd_32(v_words x) {
    __m512i one = _mm512_set1_epi32(1);
    return (v_words)_mm512_ternarylogic_epi32((__m512i)x, one, one, 0xcf);
}
VERB v_longs negated_odd_64(v_longs x) {
    __m512i one = _mm512_set1_epi64(1);
    return (v_longs)_mm512_ternarylogic_epi64((__m512i)x, one, one, 0xcf);
}
VERB void v_locate_32(v_words x, v_words *octave, v_words *distance) {
    *octave = (v_words)_mm512_lzcnt_epi32((__m512i)x);
    *distance = (negated_odd_32(x) << *octave) & 0x7fffffff;
}
VERB void v_locate_64(v_longs x, v_longs *row, v_longs *distance) {
    v_longs octave = (v_longs)_mm512_lzcnt_epi64((__m512i)x);
    v_longs fraction = negated_odd_64(x) << (octave + 1);
    *row = (v_longs)_mm512_shldi_epi64((__m512i)octave, (__m512i)fraction, 4);
    *distance = fraction & (UINT64_MAX >> 4);
}
VERB v_doubles v_to_f64(v_longs x) { return (v_doubles)_mm512_cvtepi64_pd((__m512i)x); }
VERB v_doubles v_signed_to_f64(v_longs x) { return (v_doubles)_mm512_cvtepi64_pd((__m512i)x); }
VERB v_words v_least_32(v_words a, v_words b) {
    return (v_words)_mm512_min_epu32((__m512i)a, (__m512i)b);
}
/* Move a mask with an instruction that clears the upper bits: otherwise GCC 12 with the address
 * sanitizer spills 16 bits and reads 32. */
VERB unsigned v_below_32(v_words x, uint32_t limit) {
    __mmask16 below = _mm512_cmplt_epu32_mask((__m512i)x, _mm512_set1_epi32((int)limit));
    unsigned lanes;
    __asm__("kmovw %1, %0" : "=r"(lanes) : "k"(below));
    return lanes;
}
VERB unsigned v_below_64(v_longs x, uint64_t limit) {
    __mmask8 below = _mm512_cmplt_epu64_mask((__m512i)x, _mm512_set1_epi64((long long)limit));
    unsigned lanes;
    __asm__("kmovb %1, %0" : "=r"(lanes) : "k"(below));
    return lanes;
}

/* The whole f32 table is in registers: one register of sixteen octaves for each power. */
typedef struct {
    __m512 power[IH_NORMAL_F32_DEGREE + 1];
} v_f32_table;

VERB v_f32_table v_load_f32_table(void) {
    v_f32_table table;
    UNROLL for (int power = 0; power <= IH_NORMAL_F32_DEGREE; power++) table.power[power] =
        _mm512_load_ps(ih_normal_f32[power]);
    return table;
}
VERB v_floats v_table_f32(const v_f32_table *table, v_words octave, int power) {
    return (v_floats)_mm512_permutexvar_ps((__m512i)octave, table->power[power]);
}

/* Eight rows of eight coefficients, transposed, which is faster than eight gathers. */
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
