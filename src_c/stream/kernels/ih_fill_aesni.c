/* The AES-NI kernel for CPUs without AVX2: one block per vector, and no fma instruction. */
#include "common/ih_compiler.h"
#include "common/ih_ieee.h"

#if defined(__x86_64__) && !defined(IH_NO_AESNI)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("sse4.1,aes"))), apply_to = function)
#else
#pragma GCC target("sse4.1,aes")
#endif
#include <immintrin.h>

#include "stream/ih_fill_scalar.h"
#include "stream/kernels/ih_cpu.h"

#define IH_NAME aesni
#define IH_SUPPORTED ih_cpu_has_aesni
#define V_BLOCKS 1
#include "stream/kernels/ih_vector.h"

typedef v_words v_state;

VERB v_words v_round_key(const uint32_t *key) {
    return (v_words)_mm_load_si128((const __m128i *)key);
}
VERB v_state v_to_state(v_words x) { return x; }
VERB v_words v_from_state(v_state x) { return x; }
VERB v_state v_aes(v_state s, v_words k) {
    return (v_state)_mm_aesenc_si128((__m128i)s, (__m128i)k);
}
VERB v_state v_aes_last(v_state s, v_words k) {
    return (v_state)_mm_aesenclast_si128((__m128i)s, (__m128i)k);
}
VERB void v_store(char *p, v_words x) { _mm_storeu_si128((__m128i *)p, (__m128i)x); }
VERB void v_stream(char *p, v_words x) { _mm_stream_si128((__m128i *)p, (__m128i)x); }
VERB void v_store_half(char *p, v_words x) { _mm_storel_epi64((__m128i *)p, (__m128i)x); }
VERB void v_fence(void) { _mm_sfence(); }
VERB v_longs v_multiply_32(v_longs a, v_longs b) {
    return (v_longs)_mm_mul_epu32((__m128i)a, (__m128i)b);
}
VERB v_floats v_minimum(v_floats a, float b) {
    return (v_floats)_mm_min_ps(_mm_set1_ps(b), (__m128)a);
}
VERB v_floats v_maximum(v_floats a, float b) {
    return (v_floats)_mm_max_ps(_mm_set1_ps(b), (__m128)a);
}
VERB v_doubles v_minimum_f64(v_doubles a, double b) {
    return (v_doubles)_mm_min_pd(_mm_set1_pd(b), (__m128d)a);
}
VERB v_doubles v_maximum_f64(v_doubles a, double b) {
    return (v_doubles)_mm_max_pd(_mm_set1_pd(b), (__m128d)a);
}
/* As an unsigned number only a negative value is above the negative end's bits, as a signed number
 * only a positive one above the positive end's. */
VERB v_words v_cut_halves(v_words x, uint16_t end) {
    __m128i cut = _mm_min_epu16((__m128i)x, _mm_set1_epi16((short)(end | 0x8000)));
    return (v_words)_mm_min_epi16(cut, _mm_set1_epi16((short)end));
}
VERB v_words v_to_bf16(v_floats a, v_floats b) {
    v_words x = (v_words)a, y = (v_words)b;
    x = (x + 0x7fff + (x >> 16 & 1)) >> 16;
    y = (y + 0x7fff + (y >> 16 & 1)) >> 16;
    return (v_words)_mm_packus_epi32((__m128i)x, (__m128i)y);
}
VERB v_words v_to_f16(v_floats a, v_floats b) {
    uint16_t halves[8];
    v_words packed;
    for (int i = 0; i < 4; i++) {
        halves[i] = ih_to_f16(a[i]);
        halves[i + 4] = ih_to_f16(b[i]);
    }
    memcpy(&packed, halves, sizeof packed);
    return packed;
}

VERB v_longs joined_words(v_longs lower, v_longs upper) {
    return (v_longs)_mm_blend_epi16((__m128i)lower, (__m128i)upper, 0xcc);
}
#include "stream/kernels/ih_f64_by_halves.h"

/* ih_emulated_fma_f32 of two lanes, and a bit where its sum is halfway between two floats. */
VERB __m128 fma_of_two(__m128 a, __m128 b, __m128 c, __m128i *halfway) {
    __m128d product = _mm_mul_pd(_mm_cvtps_pd(a), _mm_cvtps_pd(b));
    __m128d sum = _mm_add_pd(product, _mm_cvtps_pd(c));
    __m128i low = _mm_and_si128(_mm_castpd_si128(sum), _mm_set1_epi64x(0x1fffffff));
    *halfway = _mm_cmpeq_epi64(low, _mm_set1_epi64x(0x10000000));
    return _mm_cvtpd_ps(sum);
}
__attribute__((noinline)) static v_floats fma_lane_by_lane(v_floats a, v_floats b, v_floats c) {
    for (int i = 0; i < 4; i++) a[i] = ih_emulated_fma_f32(a[i], b[i], c[i]);
    return a;
}
VERB v_floats v_fma(v_floats a, v_floats b, v_floats c) {
    __m128 x = (__m128)a, y = (__m128)b, z = (__m128)c;
    __m128i first, second;
    __m128 low = fma_of_two(x, y, z, &first);
    __m128 high =
        fma_of_two(_mm_movehl_ps(x, x), _mm_movehl_ps(y, y), _mm_movehl_ps(z, z), &second);
    first = _mm_or_si128(first, second);
    if (__builtin_expect(!_mm_testz_si128(first, first), 0)) return fma_lane_by_lane(a, b, c);
    return (v_floats)_mm_movelh_ps(low, high);
}
IH_DEFINE_ERROR_TERMS(lanes, v_doubles)

/* Inlined, it would make the module 40 kB larger and no faster. */
IH_NOINLINE v_doubles v_fma_f64(v_doubles a, v_doubles b, v_doubles c) {
    v_doubles moved, rounded = lanes_nearly_fma(a, b, c, &moved);
    if (__builtin_expect(_mm_movemask_pd(_mm_cmpneq_pd((__m128d)moved, (__m128d)rounded)), 0))
        EACH (i, 2) rounded[i] = ih_fma_by_odd(a[i], b[i], c[i]);
    return rounded;
}

#define V_RARE_BELOW_32 IH_TAIL_BELOW_32

/* There is no instruction for leading zeros: the exponent of the upper 24 bits, which are exact as
 * a float, gives the place of the first one. There is no shift lane by lane either, only a product.
 */
VERB void v_locate_32(v_words x, v_words *octave, v_words *distance) {
    v_words upper = (v_words)_mm_cvtepi32_ps((__m128i)(x >> 8));
    v_words zeros = 127 + 23 - (upper >> 23);
    __m128i power = _mm_cvttps_epi32(_mm_castsi128_ps((__m128i)((zeros + 127) << 23)));
    *octave = zeros & (IH_NORMAL_OCTAVES - 1); /* tail words must not index beyond the table */
    *distance = ((~x | 1) * (v_words)power) & 0x7fffffff;
}
VERB void v_locate_64(v_longs x, v_longs *row, v_longs *distance) {
    EACH (i, 2) {
        int octave = ih_leading_zeros_64(x[i] | 1);
        uint64_t fraction = (~x[i] | 1) << octave << 1;
        (*row)[i] = ((uint64_t)octave << 4) + (fraction >> 60);
        (*distance)[i] = fraction & (UINT64_MAX >> 4);
    }
}
VERB v_words v_least_32(v_words a, v_words b) {
    return (v_words)_mm_min_epu32((__m128i)a, (__m128i)b);
}
/* Unsigned comparison: the minimum with limit - 1 is x itself. */
VERB unsigned v_below_32(v_words x, uint32_t limit) {
    __m128i below = _mm_min_epu32((__m128i)x, _mm_set1_epi32((int)(limit - 1)));
    __m128i equal = _mm_cmpeq_epi32(below, (__m128i)x);
    return (unsigned)_mm_movemask_ps(_mm_castsi128_ps(equal));
}
VERB unsigned v_below_64(v_longs x, uint64_t limit) {
    return (unsigned)(x[0] < limit) | (unsigned)(x[1] < limit) << 1;
}

typedef int v_f32_table;

VERB v_f32_table v_load_f32_table(void) { return 0; }

VERB v_floats v_table_f32(const v_f32_table *table, v_words octave, int power) {
    const float *column = ih_normal_f32[power];
    (void)table;
    return (v_floats){column[octave[0]], column[octave[1]], column[octave[2]], column[octave[3]]};
}
VERB void v_table_f64(v_longs row, v_doubles *c) {
    const double *first = ih_normal_f64[row[0]], *second = ih_normal_f64[row[1]];
    EACH (power, IH_NORMAL_F64_DEGREE + 1) c[power] = (v_doubles){first[power], second[power]};
}

#include "stream/kernels/ih_fill_template.h"

#if defined(__clang__)
#pragma clang attribute pop
#endif
#else
typedef int ih_fill_aesni_is_empty;
#endif
