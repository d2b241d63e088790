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

/* The accurate path, for the rare results that the fast path cannot round: about 200 correct bits,
 * rounded to nearest even. Arguments as for the public functions, and at least 1. */
double ih_expected_magnitude_wide(int64_t n);
double ih_letkeman_bound_wide(int64_t n, int64_t m, ih_formula formula);

#endif
