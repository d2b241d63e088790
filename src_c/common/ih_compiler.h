/* What GCC and Clang, clang-cl too, have beyond C11: vectors, attributes, builtins. By another
 * compiler, or with IH_NO_GNU, C11 does the same with the same bits, more slowly: the portable
 * kernel is the only one. */
#ifndef IH_COMPILER_H
#define IH_COMPILER_H

#if (defined(__GNUC__) || defined(__clang__)) && !defined(IH_NO_GNU)
#define IH_GNU 1
#endif

/* IH_INLINE: a function that is part of each caller, whatever the compiler makes of its size.
 * IH_NOINLINE: one that stays a call. */
#if defined(IH_GNU)
#define IH_INLINE static inline __attribute__((always_inline))
#define IH_NOINLINE static __attribute__((noinline, unused))
#define IH_UNLIKELY(condition) __builtin_expect(condition, 0)
#else
#define IH_INLINE static inline
#define IH_NOINLINE static inline
#define IH_UNLIKELY(condition) (condition)
#endif

/* Kernels that need more than C11. The headers of older Clangs declare instructions only where the
 * whole file may use them: for clang-cl before 19, for AArch64 before 16. */
#if !defined(IH_GNU) || (defined(__clang__) && defined(_MSC_VER) && __clang_major__ < 19)
#define IH_NO_AVX512 1
#define IH_NO_AVX2 1
#define IH_NO_AESNI 1
#endif
#if !defined(IH_GNU) || (defined(__clang__) && __clang_major__ < 16 && !defined(__ARM_FEATURE_AES))
#define IH_NO_NEON 1
#endif

#endif
