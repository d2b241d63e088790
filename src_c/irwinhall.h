/* irwinhall: expected magnitudes of uniform sums and Letkeman bounds.
 *
 * The public C interface. S_n = U_1 + ... + U_n with the U_i independent and uniform on (-1, 1);
 * A(n) = E|S_n|. Every function is pure, allocates nothing and may be called from any thread.
 * Results assume the default rounding mode, to nearest.
 *
 * From Cython: `cimport irwinhall`. From Numba and others: the capsules in
 * irwinhall._core.__pyx_capi__, which carry the names below.
 */
#ifndef IRWINHALL_H
#define IRWINHALL_H

#include <stddef.h>
#include <stdint.h>

#include "ih_fill.h"
#include "ih_montecarlo.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The formula of the normalized Letkeman bound. */
typedef enum {
    IH_NODE_AVERAGE = 0, /* (n + m) / (m A(n) + n A(m)): the average over all nodes is 1 */
    IH_AS_PRINTED = 1    /* (n + m) / (n A(n) + m A(m)): the integral the article prints */
} ih_formula;

/* Return the expected magnitude A(n) of a sum of n uniforms on (-1, 1).
 * Correctly rounded for every n from 1 to 2^63 - 1; NaN if n < 1. */
double ih_expected_magnitude(int64_t n);

/* Return the standard Letkeman bound 1/A(n) of a layer with n inputs.
 * Correctly rounded for every n from 1 to 2^63 - 1; NaN if n < 1. */
double ih_letkeman_bound(int64_t n);

/* Return the Letkeman bound of a layer with n inputs and m outputs.
 * The normalized one, correctly rounded for all n and m from 1 to 2^63 - 1; NaN if n < 1 or m < 1.
 */
double ih_letkeman_bound_normalized(int64_t n, int64_t m, ih_formula formula);

/* Return the magnitudes that weights uniform on (-bound, bound) preserve.
 * forward = bound A(n), backward = bound A(m), node_average = (m forward + n backward)/(n + m),
 * each within 0.501 ulp (1 ulp below 2^-968), infinite if too large for a double; NaN if n < 1 or
 * m < 1. bound is finite and at least 0. */
void ih_preserved_magnitude(int64_t n, int64_t m, double bound, double *forward, double *backward,
                            double *node_average);

/* The same for `count` elements, of type int64_t and double. Strides are in bytes and may be zero
 * or negative; no alignment is needed. An output may be the memory of an input, element for
 * element, but must not overlap it otherwise. Elements below 1 give NaN. */
void ih_expected_magnitude_array(size_t count, const char *n, ptrdiff_t n_stride, char *out,
                                 ptrdiff_t out_stride);
void ih_letkeman_bound_array(size_t count, const char *n, ptrdiff_t n_stride, char *out,
                             ptrdiff_t out_stride);
void ih_letkeman_bound_normalized_array(size_t count, const char *n, ptrdiff_t n_stride,
                                        const char *m, ptrdiff_t m_stride, ih_formula formula,
                                        char *out, ptrdiff_t out_stride);
void ih_preserved_magnitude_array(size_t count, const char *n, ptrdiff_t n_stride, const char *m,
                                  ptrdiff_t m_stride, const char *bound, ptrdiff_t bound_stride,
                                  char *forward, ptrdiff_t forward_stride, char *backward,
                                  ptrdiff_t backward_stride, char *node_average,
                                  ptrdiff_t node_average_stride);

#ifdef __cplusplus
}
#endif

#endif
