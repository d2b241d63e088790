/* The AVX2 kernel for CPUs with AES only on 128 bits (without VAES). */
#include "common/ih_compiler.h"
#include "common/ih_ieee.h"

#if defined(__x86_64__) && !defined(IH_NO_AVX2)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,aes,f16c"))), apply_to = function)
#else
#pragma GCC target("avx2,fma,aes,f16c")
#endif
#include <immintrin.h>

#define IH_HAS_FMA 1
#include "stream/kernels/ih_fill_avx2_verbs.h"

#define IH_NAME aesni_avx2
#define IH_SUPPORTED ih_cpu_has_aesni_avx2

/* The CPU encrypts 128 bits at a time, so all rounds treat the two halves separately. */
typedef struct {
    __m128i low, high;
} v_state;

VERB v_state v_to_state(v_words x) {
    return (v_state){_mm256_castsi256_si128((__m256i)x), _mm256_extracti128_si256((__m256i)x, 1)};
}
VERB v_words v_from_state(v_state s) {
    return (v_words)_mm256_inserti128_si256(_mm256_castsi128_si256(s.low), s.high, 1);
}
VERB v_state v_aes(v_state s, v_words k) {
    __m128i key = _mm256_castsi256_si128((__m256i)k);
    return (v_state){_mm_aesenc_si128(s.low, key), _mm_aesenc_si128(s.high, key)};
}
VERB v_state v_aes_last(v_state s, v_words k) {
    __m128i key = _mm256_castsi256_si128((__m256i)k);
    return (v_state){_mm_aesenclast_si128(s.low, key), _mm_aesenclast_si128(s.high, key)};
}

#include "stream/kernels/ih_fill_template.h"

#if defined(__clang__)
#pragma clang attribute pop
#endif
#else
typedef int ih_fill_aesni_avx2_is_empty;
#endif
