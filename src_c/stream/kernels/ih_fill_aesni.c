/* The AES-NI kernel for CPUs without AVX2: one block a vector, normals lane by lane. */
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
#define IH_VECTOR_NORMAL 0 /* no shifts by lane, no table look-up */
#define V_BLOCKS 1
#include "stream/kernels/ih_vector.h"

typedef uint64_t v_halves;

VERB v_words v_round_key(const uint32_t *key) {
    return (v_words)_mm_load_si128((const __m128i *)key);
}
VERB v_words v_aes(v_words s, v_words k) {
    return (v_words)_mm_aesenc_si128((__m128i)s, (__m128i)k);
}
VERB v_words v_aes_last(v_words s, v_words k) {
    return (v_words)_mm_aesenclast_si128((__m128i)s, (__m128i)k);
}
VERB void v_store(char *p, v_words x) { _mm_storeu_si128((__m128i *)p, (__m128i)x); }
VERB void v_stream(char *p, v_words x) { _mm_stream_si128((__m128i *)p, (__m128i)x); }
VERB void v_store_half(char *p, v_halves x) { memcpy(p, &x, sizeof x); }
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
VERB v_halves v_low_halves(v_words x) {
    return (uint64_t)_mm_cvtsi128_si64(_mm_packus_epi32((__m128i)x, (__m128i)x));
}
VERB v_halves v_to_f16(v_floats x) {
    v_words halves;
    for (int i = 0; i < 4; i++) halves[i] = ih_to_f16(x[i]);
    return v_low_halves(halves);
}
VERB v_words v_join_halves(v_halves a, v_halves b) { return (v_words)(v_longs){a, b}; }

#include "stream/kernels/ih_fill_template.h"

#if defined(__clang__)
#pragma clang attribute pop
#endif
#else
typedef int ih_fill_aesni_is_empty;
#endif
