/* The verbs of 256-bit vectors, two blocks each; the AES verbs come from the including file. */
#include "stream/ih_normal_table.h"
#include "stream/kernels/ih_cpu.h"

#define IH_VECTOR_NORMAL 1
#define V_BLOCKS 2
#include "stream/kernels/ih_vector.h"

typedef __m128i v_halves;

VERB v_words v_round_key(const uint32_t *key) {
    return (v_words)_mm256_broadcastsi128_si256(_mm_load_si128((const __m128i *)key));
}
VERB void v_store(char *p, v_words x) { _mm256_storeu_si256((__m256i *)p, (__m256i)x); }
VERB void v_stream(char *p, v_words x) { _mm256_stream_si256((__m256i *)p, (__m256i)x); }
VERB void v_store_half(char *p, v_halves x) { _mm_storeu_si128((__m128i *)p, x); }
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
VERB v_halves v_to_f16(v_floats x) { return _mm256_cvtps_ph((__m256)x, _MM_FROUND_TO_NEAREST_INT); }
VERB v_halves v_low_halves(v_words x) {
    return _mm_packus_epi32(_mm256_castsi256_si128((__m256i)x),
                            _mm256_extracti128_si256((__m256i)x, 1));
}
VERB v_words v_join_halves(v_halves a, v_halves b) {
    return (v_words)_mm256_inserti128_si256(_mm256_castsi128_si256(a), b, 1);
}

/* There is no instruction for it: the exponent of x as a float is its leading bit once x keeps no
 * other bit that could round it up. The conversion is signed: words with bit 31, whose answer is
 * 0, are masked. x = 0 gives 158; only tail words do. */
VERB v_words v_leading_zeros_32(v_words x) {
    v_words alone = x & ~(x >> 1);
    v_floats value = __builtin_convertvector((v_ints)alone, v_floats);
    v_words zeros = 158 - ((v_words)value >> 23);
    return zeros & ~(v_words)((v_ints)x >> 31);
}
VERB v_longs v_leading_zeros_64(v_longs x) {
    v_longs zeros;
    for (int i = 0; i < 4; i++) zeros[i] = (uint64_t)__builtin_clzll(x[i] | 1);
    return zeros;
}
VERB v_words v_negated_odd_32(v_words x) { return -(x | 1); }
VERB v_longs v_negated_odd_64(v_longs x) { return -(x | 1); }
VERB v_words v_row_f32(v_words octave, v_words fraction) {
    return octave + octave + (fraction >> 31);
}
VERB v_words v_least_32(v_words a, v_words b) {
    return (v_words)_mm256_min_epu32((__m256i)a, (__m256i)b);
}
/* Unsigned comparison: the minimum with limit - 1 is x itself. */
VERB int v_any_below_32(v_words x, uint32_t limit) {
    __m256i below = _mm256_min_epu32((__m256i)x, _mm256_set1_epi32((int)(limit - 1)));
    return _mm256_movemask_epi8(_mm256_cmpeq_epi32(below, (__m256i)x)) != 0;
}
VERB int v_any_below_64(v_longs x, uint64_t limit) {
    return (x[0] < limit) | (x[1] < limit) | (x[2] < limit) | (x[3] < limit);
}

/* 32 rows are four registers a power. Rows of 16 and more are q < 2^-9: one vector in 32 has
 * one, so that two registers and one blend nearly always do. */
typedef int v_f32_table;

VERB v_f32_table v_load_f32_table(void) { return 0; }

VERB __m256 rows_of_16(const float *column, __m256i row) {
    __m256 low = _mm256_permutevar8x32_ps(_mm256_loadu_ps(column), row);
    __m256 high = _mm256_permutevar8x32_ps(_mm256_loadu_ps(column + 8), row);
    return _mm256_blendv_ps(low, high, _mm256_castsi256_ps(_mm256_slli_epi32(row, 28)));
}
VERB __m256 is_deep_lane(v_words row) {
    return _mm256_castsi256_ps(_mm256_slli_epi32((__m256i)row, 27));
}
VERB int v_is_deep(v_words row) { return _mm256_movemask_ps(is_deep_lane(row)) != 0; }
VERB v_floats v_table_f32(const v_f32_table *table, v_words row, int deep, int power) {
    __m256 c = rows_of_16(ih_normal_f32[power], (__m256i)row);
    (void)table;
    if (__builtin_expect(deep, 0))
        c = _mm256_blendv_ps(c, rows_of_16(ih_normal_f32[power] + 16, (__m256i)row),
                             is_deep_lane(row));
    return (v_floats)c;
}

/* Four rows of eight coefficients, transposed by halves. */
VERB void v_table_f64(v_longs row, v_doubles *c) {
    for (int half = 0; half < 8; half += 4) {
        __m256d r0 = _mm256_load_pd(ih_normal_f64[row[0]] + half);
        __m256d r1 = _mm256_load_pd(ih_normal_f64[row[1]] + half);
        __m256d r2 = _mm256_load_pd(ih_normal_f64[row[2]] + half);
        __m256d r3 = _mm256_load_pd(ih_normal_f64[row[3]] + half);
        __m256d s0 = _mm256_unpacklo_pd(r0, r1), s1 = _mm256_unpackhi_pd(r0, r1);
        __m256d s2 = _mm256_unpacklo_pd(r2, r3), s3 = _mm256_unpackhi_pd(r2, r3);
        c[half] = (v_doubles)_mm256_permute2f128_pd(s0, s2, 0x20);
        c[half + 1] = (v_doubles)_mm256_permute2f128_pd(s1, s3, 0x20);
        c[half + 2] = (v_doubles)_mm256_permute2f128_pd(s0, s2, 0x31);
        c[half + 3] = (v_doubles)_mm256_permute2f128_pd(s1, s3, 0x31);
    }
}
