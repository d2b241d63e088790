/* The Irwin-Hall distribution: the sum of n independent uniforms on (0, 1).
 *
 * Every function is pure, allocates nothing and may be called from any thread. n is from 1 to
 * IH_IRWIN_HALL_MAX_N. For other n and for NaN, results are NaN. Below 0 and above n, the density
 * is 0 and the probabilities are 0 or 1.
 *
 * From Cython: `from irwinhall.distribution cimport ih_irwin_hall_pdf`. From Numba and others: the
 * capsules in irwinhall._distribution.__pyx_capi__, which carry the names below.
 */
#ifndef IH_DISTRIBUTION_H
#define IH_DISTRIBUTION_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The largest n. Up to it, n and n - x for every x in the upper half are exact as doubles. */
#define IH_IRWIN_HALL_MAX_N ((int64_t)1 << 53)

typedef enum {
    IH_IRWIN_HALL_PDF,
    IH_IRWIN_HALL_LOGPDF,
    IH_IRWIN_HALL_CDF,
    IH_IRWIN_HALL_LOGCDF,
    IH_IRWIN_HALL_SF,
    IH_IRWIN_HALL_LOGSF,
    IH_IRWIN_HALL_PPF,
    IH_IRWIN_HALL_ISF,
    IH_IRWIN_HALL_PPF_LOG, /* of log q */
    IH_IRWIN_HALL_ISF_LOG
} ih_irwin_hall_kind;

/* Return the density at x. */
double ih_irwin_hall_pdf(double x, int64_t n);
double ih_irwin_hall_logpdf(double x, int64_t n);

/* Return the probability of a sum of at most x. */
double ih_irwin_hall_cdf(double x, int64_t n);
double ih_irwin_hall_logcdf(double x, int64_t n);

/* Return the probability of a sum above x. */
double ih_irwin_hall_sf(double x, int64_t n);
double ih_irwin_hall_logsf(double x, int64_t n);

/* Return the x whose cdf (ppf) or sf (isf) is q; NaN for q outside [0, 1]. The other two functions
 * take log q. */
double ih_irwin_hall_ppf(double q, int64_t n);
double ih_irwin_hall_isf(double q, int64_t n);
double ih_irwin_hall_ppf_log(double log_q, int64_t n);
double ih_irwin_hall_isf_log(double log_q, int64_t n);

/* The same for `count` elements. x (or q) and the results are doubles, or floats in the second
 * function; n is int64_t. Strides are in bytes and may be zero or negative; no alignment is needed.
 * The output may be the memory of an input, element for element, but must not overlap it otherwise.
 */
void ih_irwin_hall_array(ih_irwin_hall_kind kind, size_t count, const char *x, ptrdiff_t x_stride,
                         const char *n, ptrdiff_t n_stride, char *out, ptrdiff_t out_stride);
void ih_irwin_hall_array_f32(ih_irwin_hall_kind kind, size_t count, const char *x,
                             ptrdiff_t x_stride, const char *n, ptrdiff_t n_stride, char *out,
                             ptrdiff_t out_stride);

#ifdef __cplusplus
}
#endif

#endif
