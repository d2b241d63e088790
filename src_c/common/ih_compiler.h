/* Extensions of C11 in GCC, Clang and clang-cl: vectors, attributes, builtins. Other compilers, and
 * IH_NO_GNU, use C11 only. The bits are the same, but slower: the portable kernel is the only one.
 */
#ifndef IH_COMPILER_H
#define IH_COMPILER_H

#if (defined(__GNUC__) || defined(__clang__)) && !defined(IH_NO_GNU)
#define IH_GNU 1
#endif

/* IH_INLINE: a function that is always inlined, whatever its size.
 * IH_NOINLINE: a function that is never inlined. */
#if defined(IH_GNU)
#define IH_INLINE static inline __attribute__((always_inline))
#define IH_NOINLINE static __attribute__((noinline, unused))
#define IH_UNLIKELY(condition) __builtin_expect(condition, 0)
#else
#define IH_INLINE static inline
#define IH_NOINLINE static inline
#define IH_UNLIKELY(condition) (condition)
#endif

/* Kernels that need more than C11. The headers of older Clangs (clang-cl before 19, AArch64 before
 * 16) declare instructions only if the whole file is compiled for them. */
#if !defined(IH_GNU) || (defined(__clang__) && defined(_MSC_VER) && __clang_major__ < 19)
#define IH_NO_AVX512 1
#define IH_NO_AVX2 1
#define IH_NO_AESNI 1
#endif
#if !defined(IH_GNU) || (defined(__clang__) && __clang_major__ < 16 && !defined(__ARM_FEATURE_AES))
#define IH_NO_NEON 1
#endif

#endif
