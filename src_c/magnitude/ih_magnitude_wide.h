/* The accurate path, for the rare results that the fast path of ih_magnitude.c cannot round. */
#ifndef IH_MAGNITUDE_WIDE_H
#define IH_MAGNITUDE_WIDE_H

#include "common/ih_dd.h"
#include "irwinhall.h"

/* An unsigned fixed-point number with 32 integer and 224 fraction bits: the sum over i of
 * limb[i] 2^(32 i - 224). */
#define IH_LIMBS 8
typedef struct {
    uint32_t limb[IH_LIMBS];
} ih_fixed;

/* About 190 correct bits. Arguments as for the public functions, and at least 1. Each hi is rounded
 * to nearest even. */
ih_dd ih_magnitude_wide(int64_t n);
ih_dd ih_average_wide(int64_t n, int64_t m); /* (m A(n) + n A(m))/(n + m) */
double ih_bound_wide(int64_t n, int64_t m, ih_formula formula);

#endif
