/* The AVX2 kernel for CPUs with AES on 128 bits only (before VAES). */
#include "common/ih_ieee.h"

#if defined(__x86_64__) && !defined(IH_NO_AVX2)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,aes,f16c"))), apply_to = function)
#else
#pragma GCC target("avx2,aes,f16c")
#endif
#include <immintrin.h>

#include "stream/kernels/ih_fill_avx2_verbs.h"

#define IH_NAME aesni_avx2
#define IH_SUPPORTED ih_cpu_has_aesni_avx2

/* The CPU encrypts 128 bits at a time: each half on its own. */
VERB v_words v_aes(v_words s, v_words k) {
    __m128i key = _mm256_castsi256_si128((__m256i)k);
    __m128i low = _mm_aesenc_si128(_mm256_castsi256_si128((__m256i)s), key);
    __m128i high = _mm_aesenc_si128(_mm256_extracti128_si256((__m256i)s, 1), key);
    return (v_words)_mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
}
VERB v_words v_aes_last(v_words s, v_words k) {
    __m128i key = _mm256_castsi256_si128((__m256i)k);
    __m128i low = _mm_aesenclast_si128(_mm256_castsi256_si128((__m256i)s), key);
    __m128i high = _mm_aesenclast_si128(_mm256_extracti128_si256((__m256i)s, 1), key);
    return (v_words)_mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
}

#include "stream/kernels/ih_fill_template.h"

#if defined(__clang__)
#pragma clang attribute pop
#endif
#else
typedef int ih_fill_aesni_avx2_is_empty;
#endif
