/* What the C files share among themselves. */
#ifndef IH_INTERNAL_H
#define IH_INTERNAL_H

#include <float.h>

#include "irwinhall.h"

#if FLT_EVAL_METHOD != 0
#error "double arithmetic must round to double (no x87): error-free sums rely on it"
#endif

/* An unsigned fixed-point number with 32 integer and 224 fraction bits: the sum over i of
 * limb[i] 2^(32 i - 224). */
#define IH_LIMBS 8
typedef struct {
    uint32_t limb[IH_LIMBS];
} ih_wide;

/* The value hi + lo, abs(lo) at most a few ulp of hi. */
typedef struct {
    double hi, lo;
} ih_pair;

/* The accurate path, for the rare results that the fast path cannot round: about 190 correct bits.
 * Arguments as for the public functions, and at least 1. Each hi is rounded to nearest even. */
ih_pair ih_magnitude_wide(int64_t n);
ih_pair ih_average_wide(int64_t n, int64_t m); /* (m A(n) + n A(m))/(n + m) */
double ih_bound_wide(int64_t n, int64_t m, ih_formula formula);

#endif
