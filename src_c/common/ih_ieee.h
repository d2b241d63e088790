/* What the promised bits need of a compiler: each operation rounds once, to its own type. */
#ifndef IH_IEEE_H
#define IH_IEEE_H

#include <float.h>

#if FLT_EVAL_METHOD != 0
#error "irwinhall needs FLT_EVAL_METHOD == 0 (on 32-bit x86: -msse2 -mfpmath=sse)"
#endif
#ifdef __FAST_MATH__
#error "irwinhall must not be compiled with -ffast-math"
#endif

#endif
