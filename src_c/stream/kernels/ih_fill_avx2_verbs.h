/* The verbs of 256-bit vectors, two blocks each; the AES verbs come from the including file. */
#include "stream/ih_fill_scalar.h"
#include "stream/kernels/ih_cpu.h"

#define V_BLOCKS 2
#include "stream/kernels/ih_vector.h"

VERB v_words v_round_key(const uint32_t *key) {
    return (v_words)_mm256_broadcastsi128_si256(_mm_load_si128((const __m128i *)key));
}
VERB void v_store(char *p, v_words x) { _mm256_storeu_si256((__m256i *)p, (__m256i)x); }
VERB void v_stream(char *p, v_words x) { _mm256_stream_si256((__m256i *)p, (__m256i)x); }
VERB void v_store_half(char *p, v_words x) {
    _mm_storeu_si128((__m128i *)p, _mm256_castsi256_si128((__m256i)x));
}
VERB void v_fence(void) { _mm_sfence(); }
VERB v_longs v_multiply_32(v_longs a, v_longs b) {
    return (v_longs)_mm256_mul_epu32((__m256i)a, (__m256i)b);
}
VERB v_floats v_minimum(v_floats a, float b) {
    return (v_floats)_mm256_min_ps(_mm256_set1_ps(b), (__m256)a);
}
VERB v_floats v_maximum(v_floats a, float b) {
    return (v_floats)_mm256_max_ps(_mm256_set1_ps(b), (__m256)a);
}
VERB v_doubles v_minimum_f64(v_doubles a, double b) {
    return (v_doubles)_mm256_min_pd(_mm256_set1_pd(b), (__m256d)a);
}
VERB v_doubles v_maximum_f64(v_doubles a, double b) {
    return (v_doubles)_mm256_max_pd(_mm256_set1_pd(b), (__m256d)a);
}
/* As an unsigned number only a negative value is above the negative end's bits, as a signed number
 * only a positive one above the positive end's. */
VERB v_words v_cut_halves(v_words x, uint16_t end) {
    __m256i cut = _mm256_min_epu16((__m256i)x, _mm256_set1_epi16((short)(end | 0x8000)));
    return (v_words)_mm256_min_epi16(cut, _mm256_set1_epi16((short)end));
}
VERB v_words v_to_f16(v_floats a, v_floats b) {
    __m128i low = _mm256_cvtps_ph((__m256)a, _MM_FROUND_TO_NEAREST_INT);
    __m128i high = _mm256_cvtps_ph((__m256)b, _MM_FROUND_TO_NEAREST_INT);
    return (v_words)_mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
}
/* Separate the upper and lower halves and round: add 1 to the upper half if the lower half is above
 * 2^15, or is 2^15 and the upper half is odd. */
VERB v_words v_to_bf16(v_floats a, v_floats b) {
    __m256i apart = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(2, 3, 6, 7, 10, 11, 14, 15, 0, 1, 4, 5, 8, 9, 12, 13));
    __m256i first = _mm256_shuffle_epi8((__m256i)a, apart);
    __m256i second = _mm256_shuffle_epi8((__m256i)b, apart);
    __m256i upper = _mm256_unpacklo_epi64(first, second);
    __m256i lower = _mm256_unpackhi_epi64(first, second), one = _mm256_set1_epi16(1);
    lower = _mm256_adds_epu16(lower, _mm256_and_si256(upper, one));
    lower = _mm256_subs_epu16(lower, _mm256_set1_epi16((short)0x8000));
    upper = _mm256_add_epi16(upper, _mm256_min_epu16(lower, one));
    return (v_words)_mm256_permute4x64_epi64(upper, 0xd8);
}
VERB v_floats v_fma(v_floats a, v_floats b, v_floats c) {
    return (v_floats)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}
VERB v_doubles v_fma_f64(v_doubles a, v_doubles b, v_doubles c) {
    return (v_doubles)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
}

/* The first eight octaves of the table are one register for each power; one word in 2^8 is beyond.
 */
#define V_RARE_BELOW_32 (UINT32_C(1) << 24)

/* There is no instruction for leading zeros: the exponent of the upper 24 bits, which are exact as
 * a float, gives the place of the first one. */
VERB void v_locate_32(v_words x, v_words *octave, v_words *distance) {
    v_words upper = (v_words)_mm256_cvtepi32_ps((__m256i)(x >> 8));
    *octave = 127 + 23 - (upper >> 23);
    *distance = ((~x | 1) << *octave) & 0x7fffffff;
}

VERB v_longs joined_words(v_longs lower, v_longs upper) {
    return (v_longs)_mm256_blend_epi32((__m256i)lower, (__m256i)upper, 0xaa);
}
#include "stream/kernels/ih_f64_by_halves.h"

/* The same with 52 bits, which become a double by their place in it. */
VERB void v_locate_64(v_longs x, v_longs *row, v_longs *distance) {
    v_doubles upper = (v_doubles)(x >> 12 | TWO_52) - 0x1p52;
    *row = 16 * (1023 + 51) + 15 - ((v_longs)upper >> 48);
    *distance = ((~x | 1) << (*row >> 4) << 1) & (UINT64_MAX >> 4);
}
VERB v_words v_least_32(v_words a, v_words b) {
    return (v_words)_mm256_min_epu32((__m256i)a, (__m256i)b);
}
/* Unsigned comparison: the minimum with limit - 1 is x itself. */
VERB unsigned v_below_32(v_words x, uint32_t limit) {
    __m256i below = _mm256_min_epu32((__m256i)x, _mm256_set1_epi32((int)(limit - 1)));
    __m256i equal = _mm256_cmpeq_epi32(below, (__m256i)x);
    return (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(equal));
}
/* Only a power of two is asked for: no bit at or above it. */
VERB unsigned v_below_64(v_longs x, uint64_t limit) {
    __m256i upper = _mm256_and_si256((__m256i)x, _mm256_set1_epi64x((long long)(0 - limit)));
    __m256i equal = _mm256_cmpeq_epi64(upper, _mm256_setzero_si256());
    return (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(equal));
}

typedef int v_f32_table;

VERB v_f32_table v_load_f32_table(void) { return 0; }

VERB v_floats v_table_f32(const v_f32_table *table, v_words octave, int power) {
    (void)table;
    return (v_floats)_mm256_permutevar8x32_ps(_mm256_load_ps(ih_normal_f32[power]),
                                              (__m256i)octave);
}

/* Four rows of eight coefficients, transposed. */
VERB __m256d two_rows(const double *a, const double *b) {
    return _mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_load_pd(a)), _mm_load_pd(b), 1);
}
VERB void v_table_f64(v_longs row, v_doubles *c) {
    const double *r0 = ih_normal_f64[row[0]], *r1 = ih_normal_f64[row[1]];
    const double *r2 = ih_normal_f64[row[2]], *r3 = ih_normal_f64[row[3]];
    UNROLL for (int i = 0; i < 8; i += 2) {
        __m256d even = two_rows(r0 + i, r2 + i), odd = two_rows(r1 + i, r3 + i);
        c[i] = (v_doubles)_mm256_unpacklo_pd(even, odd);
        c[i + 1] = (v_doubles)_mm256_unpackhi_pd(even, odd);
    }
}
