/* The distribution of X = w_1 U_1 + ... + w_k U_k, the U_i independent and uniform on (0, 1).
 *
 * Every function is pure, allocates nothing and may be called from any thread.
 */
#ifndef IH_WEIGHTED_H
#define IH_WEIGHTED_H

#include <stddef.h>

#include "common/ih_dd.h"
#include "distribution/ih_weighted_table.h"

/* Weights within a factor of two or so are grouped: the smallest is above 2^-400 of the largest. */
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

/* Sizes of weights in descending order, times 2^-exponent so that their sum is below 1, and what
 * is summed of them once. */
typedef struct {
    size_t count;
    int exponent;
    ih_dd negative;         /* the sum of the sizes of the negative weights */
    ih_dd positive;         /* and of the positive ones */
    const double *weight;   /* count of them */
    const ih_dd *tail;      /* the sum of weight[i], weight[i + 1], ..., for i up to count */
    const double *variance; /* of the same sum of uniforms */
    int groups;
    const ih_weight_group *group;
} ih_weights;

/* The bytes of scratch memory that ih_weights_prepare needs for `count` weights, at least one. */
size_t ih_weights_scratch(size_t count);

/* Prepare weights, which are finite and not 0: their sizes in descending order, none below 2^-400
 * of the first, and the weights themselves in any order. scratch is aligned to 8 bytes and must
 * outlive *weights. */
void ih_weights_prepare(ih_weights *weights, size_t count, const double *size,
                        const double *signed_weight, void *scratch);

/* Write the density of X at each x, or the probability of X <= x or of X > x, or its logarithm. The
 * relative error is below 1e-12, and below 1e-13 for up to a hundred weights; that of a logarithm
 * too, or it is as small absolutely near 0. NaN gives NaN. */
void ih_weighted_array(const ih_weights *weights, ih_weighted_kind kind, size_t count,
                       const double *x, double *out);

/* Return log(k! w_1 ... w_k/w_k^k) of the sizes, which quantiles take. */
double ih_weighted_log_volume(const ih_weights *weights);

/* Write the x whose cdf is q, or its sf, or of log q. The relative error of the distance from the
 * end that is nearer by probability is below 1e-13; NaN and what is no probability give NaN. */
void ih_weighted_quantile_array(const ih_weights *weights, double log_volume, ih_weighted_kind kind,
                                size_t count, const double *q, double *out);

/* Return E|w_1 V_1 + ... + w_k V_k|, the V_i independent and uniform on (-1, 1), within 1e-13 of
 * its size. */
double ih_weighted_magnitude(const ih_weights *weights);

#endif
