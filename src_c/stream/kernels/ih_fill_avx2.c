/* The AVX2 kernel: VAES on 256 bits, two blocks per vector. */
#include "common/ih_compiler.h"
#include "common/ih_ieee.h"

#if defined(__x86_64__) && !defined(IH_NO_AVX2)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,vaes,aes,f16c"))), apply_to = function)
#else
#pragma GCC target("avx2,fma,vaes,aes,f16c")
#endif
#include <immintrin.h>

#define IH_HAS_FMA 1
#include "stream/kernels/ih_fill_avx2_verbs.h"

#define IH_NAME avx2
#define IH_SUPPORTED ih_cpu_has_avx2

typedef v_words v_state;

VERB v_state v_to_state(v_words x) { return x; }
VERB v_words v_from_state(v_state x) { return x; }
VERB v_state v_aes(v_state s, v_words k) {
    return (v_state)_mm256_aesenc_epi128((__m256i)s, (__m256i)k);
}
VERB v_state v_aes_last(v_state s, v_words k) {
    return (v_state)_mm256_aesenclast_epi128((__m256i)s, (__m256i)k);
}

#include "stream/kernels/ih_fill_template.h"

#if defined(__clang__)
#pragma clang attribute pop
#endif
#else
typedef int ih_fill_avx2_is_empty;
#endif
