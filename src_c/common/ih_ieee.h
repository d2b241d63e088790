/* What the promised bits need of a compiler: each operation rounds once, to its own type.
 *
 * Every file that computes with floats includes this before its first function. GCC says by macros
 * which parts of -ffast-math are on, and -fsingle-precision-constant. Clang says so of -ffast-math
 * and -ffinite-math-only alone, and MSVC of /fp:fast; the pragmas take back -freciprocal-math, and
 * the products that Clang and MSVC fuse unasked. Not seen from here: -funsafe-math-optimizations,
 * -fassociative-math and -fno-signed-zeros of Clang, -ffp-contract=fast of Clang or GCC (whose
 * default it is but for -std=c11), and denormals flushed to zero by a program or by what it was
 * linked with.
 */
#ifndef IH_IEEE_H
#define IH_IEEE_H

#include <float.h>

/* 16 differs from 0 in half precision alone, in which nothing here computes. With GCC, -std=c11
 * asks s390x for float products and sums in double; -std=gnu11 does not. */
#if FLT_EVAL_METHOD != 0 && FLT_EVAL_METHOD != 16
#error "irwinhall needs float and double operations without excess precision (FLT_EVAL_METHOD 0 \
or 16): compile with -std=gnu11 -ffp-contract=off instead of -std=c11, and for 32-bit x86 with \
-msse2 -mfpmath=sse"
#endif
#if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) ||     \
    defined(__NO_SIGNED_ZEROS__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__) ||     \
    (defined(__GCC_IEC_559) && !__GCC_IEC_559) || defined(_M_FP_FAST)
#error "irwinhall must not be compiled with -ffast-math or a part of it, such as -fassociative-math"
#endif
#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wignored-pragmas" /* of processors without the next one */
#pragma float_control(precise, on)
#pragma clang diagnostic pop
#pragma STDC FP_CONTRACT OFF
#elif defined(_MSC_VER)
#pragma fp_contract(off)
#endif

#endif
