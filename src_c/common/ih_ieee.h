/* Compiler checks for reproducible bits: each operation must round once, to its own type.
 *
 * Every file that computes with floats includes this before its first function. GCC defines macros
 * for each part of -ffast-math and for -fsingle-precision-constant; Clang only for -ffast-math and
 * -ffinite-math-only, and MSVC for /fp:fast. The pragmas undo -freciprocal-math, and the fused
 * products that are the default of Clang and MSVC. These are not detected:
 * -funsafe-math-optimizations, -fassociative-math and -fno-signed-zeros of Clang;
 * -ffp-contract=fast of Clang or GCC (GCC's default without -std=c11); denormals that the program
 * or a library flushes to zero.
 */
#ifndef IH_IEEE_H
#define IH_IEEE_H

#include <float.h>

/* 16 differs from 0 only in half precision, which is not used here. On s390x, GCC computes float
 * products and sums in double with -std=c11, but not with -std=gnu11. */
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
#pragma clang diagnostic ignored "-Wignored-pragmas" /* on processors without the next one */
#pragma float_control(precise, on)
#pragma clang diagnostic pop
#pragma STDC FP_CONTRACT OFF
#elif defined(_MSC_VER)
#pragma fp_contract(off)
#endif

#endif
