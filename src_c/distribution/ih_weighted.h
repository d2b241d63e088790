/* The distribution of X = w_1 U_1 + ... + w_k U_k, the U_i independent and uniform on (0, 1).
 *
 * Every function is pure, allocates nothing and may be called from any thread.
 */
#ifndef IH_WEIGHTED_H
#define IH_WEIGHTED_H

#include <stddef.h>

#include "common/ih_dd.h"
#include "distribution/ih_weighted_table.h"

/* Weights within a factor of 2 are a group. The smallest weight is at least 2^-400 of the largest.
 */
#define IH_WEIGHT_GROUPS 402

typedef enum {
    IH_WEIGHTED_PDF,
    IH_WEIGHTED_LOGPDF,
    IH_WEIGHTED_CDF,
    IH_WEIGHTED_LOGCDF,
    IH_WEIGHTED_SF,
    IH_WEIGHTED_LOGSF,
    IH_WEIGHTED_PPF,
    IH_WEIGHTED_ISF,
    IH_WEIGHTED_PPF_LOG, /* of log q */
    IH_WEIGHTED_ISF_LOG
} ih_weighted_kind;

/* The weights from `start` on, the largest of them, and the sums of (w / largest)^(2 j). */
typedef struct {
    size_t start;
    double largest;
    double power[IH_CUMULANT_TERMS];
} ih_weight_group;

/* Sizes of weights in descending order, times 2^-exponent so that their sum is below 1, with sums
 * that are computed once. */
typedef struct {
    size_t count;
    int exponent;
    ih_dd negative;         /* the sum of the sizes of the negative weights */
    ih_dd positive;         /* and of the positive ones */
    const double *weight;   /* count of them */
    const ih_dd *tail;      /* the sum of weight[i], weight[i + 1], ..., for i up to count */
    const double *variance; /* of the sum of these weights times uniforms */
    int groups;
    const ih_weight_group *group;
} ih_weights;

/* The bytes of scratch memory that ih_weights_prepare needs for `count` weights, at least one. */
size_t ih_weights_scratch(size_t count);

/* Prepare finite weights that are not 0. size: their sizes in descending order, all at least 2^-400
 * of the first; signed_weight: the weights in any order. scratch is aligned to 8 bytes and must
 * outlive *weights. */
void ih_weights_prepare(ih_weights *weights, size_t count, const double *size,
                        const double *signed_weight, void *scratch);

/* Write the density, the cdf or the sf of X at each x, or its logarithm. The relative error is
 * below 1e-12, and below 1e-13 for up to a hundred weights. For logarithms near 0, this is the
 * absolute error. NaN gives NaN. */
void ih_weighted_array(const ih_weights *weights, ih_weighted_kind kind, size_t count,
                       const double *x, double *out);

/* Return log(k! w_1 ... w_k/w_k^k) of the sizes, an argument of the quantile function. */
double ih_weighted_log_volume(const ih_weights *weights);

/* Write the x whose cdf or sf is q, or whose log cdf or log sf is q. The distance from the end of
 * the support on the side of the smaller tail has a relative error below 1e-13. NaN, and a q that
 * is not a probability or the logarithm of one, give NaN. */
void ih_weighted_quantile_array(const ih_weights *weights, double log_volume, ih_weighted_kind kind,
                                size_t count, const double *q, double *out);

/* Return E|w_1 V_1 + ... + w_k V_k|, the V_i independent and uniform on (-1, 1), with a relative
 * error below 1e-13. */
double ih_weighted_magnitude(const ih_weights *weights);

#endif
