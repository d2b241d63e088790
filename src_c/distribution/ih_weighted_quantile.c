/* Quantiles of weighted sums of uniforms.
 *
 * Let a be the distance from the lower end and F(a) the cdf. log F is a concave function of log a
 * (Prekopa: w_1 e^(v_1) + ... <= e^t is convex in v and t), so Newton's method on it never steps
 * beyond the root, and converges from any start. The start is the saddle-point approximation, with
 * an error of a few per cent in F. From the second step on, inverse interpolation through the last
 * two points with both slopes makes the error about the product of their squared errors. Three
 * evaluations are enough.
 *
 * By symmetry q is at most 1/2. Below all weights F(a) is a^k/(k! w_1 ... w_k), solved for a.
 */
#include <math.h>

#include "distribution/ih_weighted_internal.h"

/* If log F is this close, Newton's step is exact to a double: its error is about the square. */
#define NEAR 1e-8
/* Below this logarithm of a probability, F is a power of a, and a is 0 in doubles. */
#define DEEPEST -1e9
/* Far more than the 6 steps that the slowest tested weights take. */
#define MOST_STEPS 100
/* The error of log F at the start is about this. */
#define START_ERROR 0.02

double ih_weighted_log_volume(const ih_weights *weights) {
    double least = weights->weight[weights->count - 1], factors = 1.0;
    ih_dd total = {0.0, 0.0};
    for (size_t i = 0; i < weights->count; i++) {
        factors *= (double)(i + 1) * (weights->weight[i] / least);
        if (factors > 1e150 || i == weights->count - 1) { /* a factor is below 2^464 */
            total = plus(total, (ih_dd){log(factors), 0.0});
            factors = 1.0;
        }
    }
    return total.hi;
}

/* log(F/q) for a q near F */
static double log_ratio(scaled_double f, scaled_double q) {
    return scaled_log(normal(f.mantissa / q.mantissa, f.exponent - q.exponent));
}

/* a from a^k/(k! w_1 ... w_k) = q, by its logarithm over the least weight */
static scaled_double root_of_power(const ih_weights *weights, double log_a, double log_q,
                                   scaled_double q) {
    if (log_a < DEEPEST) return (scaled_double){0.0, 0};
    scaled_double least = normal(weights->weight[weights->count - 1], 0);
    scaled_double a = scaled_product(scaled_exp((ih_dd){log_a, 0.0}), least);
    if (log_q < DEEPEST) return a;
    double excess = log_ratio(ih_weighted_all_dropped(weights, a), q) / (double)weights->count;
    return scaled_product(a, normal(exp(-excess), 0));
}

/* A distance at which log F is within a few per cent of log_q, by Newton's method for log s, the
 * logarithm of the distance's saddle point; log F falls faster and faster with log s. */
static double start_of(const ih_weights *weights, double log_q) {
    double deviation = sqrt(weights->variance[0]), log_cdf, steepness;
    double s = fmax(1.0, sqrt(-2.0 * log_q)) / deviation;
    for (int step = 0;; step++) {
        double a = ih_weighted_tilted(weights, s, &log_cdf, &steepness);
        double excess = log_cdf - log_q;
        if (fabs(excess) < START_ERROR || step == 30) return a;
        s *= exp(fmax(-2.0, fmin(2.0, excess / steepness)));
    }
}

/* t(0) of the cubic t(y) with t(y0) = t0, t'(y0) = 1/slope0, and likewise at y1 */
static double inverse_cubic(double y0, double t0, double slope0, double y1, double t1,
                            double slope1) {
    double d = y1 - y0, u = -y0 / d, v = 1.0 - u;
    double tangents = d * u * v * (v / slope0 - u / slope1);
    return t0 + (t1 - t0) * u * u * (3.0 - 2.0 * u) + tangents;
}

/* The distance a at which F(a) = q, 0 < q <= 1/2. */
static scaled_double distance_of(const ih_weights *weights, double log_volume, double log_q,
                                 scaled_double q) {
    size_t count = weights->count;
    if (count == 1) return scaled_product(q, normal(weights->weight[0], 0));
    double log_a = (log_q + log_volume) / (double)count;
    if (log_a <= 0.0) return root_of_power(weights, log_a, log_q, q);

    double low = log_a + log(weights->weight[count - 1]), high = log(0.5 * weights->tail[0].hi);
    double t = fmax(low, fmin(high, log(start_of(weights, log_q))));
    double last_t = 0.0, last_excess = 0.0, last_slope = 0.0;
    for (int step = 0;; step++) {
        double a = exp(t);
        scaled_double density, cdf = ih_weighted_lower(weights, a, &density);
        scaled_double steepness =
            normal(a * density.mantissa / cdf.mantissa, density.exponent - cdf.exponent);
        double slope = ldexp(steepness.mantissa, steepness.exponent);
        double excess = log_ratio(cdf, q), next = t - excess / slope;
        if (fabs(excess) < NEAR || next == t || step == MOST_STEPS)
            return normal(a - a * (excess / slope), 0);
        low = fmax(low, next);
        if (excess > 0.0) high = fmin(high, t);
        next = low;
        if (last_slope > 0.0) {
            double better = inverse_cubic(last_excess, last_t, last_slope, excess, t, slope);
            if (better > low && better < high) next = better;
        }
        last_t = t;
        last_excess = excess;
        last_slope = slope;
        t = next;
    }
}

/* x at a distance from the lower or the upper end */
static double x_at(const ih_weights *weights, int from_above, scaled_double a) {
    ih_dd end = from_above ? weights->positive : weights->negative;
    if (end.hi != 0.0) a = normal(minus((ih_dd){ldexp(a.mantissa, a.exponent), 0.0}, end).hi, 0);
    double x = ldexp(a.mantissa, a.exponent + weights->exponent);
    return from_above ? -x : x;
}

static double quantile_at(const ih_weights *weights, double log_volume, int is_upper, int is_log,
                          double p) {
    if (!(is_log ? p <= 0.0 : p >= 0.0 && p <= 1.0)) return NAN;
    if (!is_log && p == 0.5)
        return ldexp(half(minus(weights->positive, weights->negative)).hi, weights->exponent);
    if (is_log ? p > -IH_LOG_2 : p > 0.5) {
        p = is_log ? -expm1(p) : 1.0 - p;
        is_log = 0;
        is_upper = !is_upper;
    }
    double log_q = is_log ? p : log(p);
    scaled_double q = normal(p, 0), nothing = {0.0, 0};
    if (is_log) q = log_q < DEEPEST ? nothing : scaled_exp((ih_dd){log_q, 0.0});
    int is_end = log_q == -INFINITY;
    return x_at(weights, is_upper, is_end ? nothing : distance_of(weights, log_volume, log_q, q));
}

void ih_weighted_quantile_array(const ih_weights *weights, double log_volume, ih_weighted_kind kind,
                                size_t count, const double *q, double *out) {
    int is_log = kind == IH_WEIGHTED_PPF_LOG || kind == IH_WEIGHTED_ISF_LOG;
    int is_upper = kind == IH_WEIGHTED_ISF || kind == IH_WEIGHTED_ISF_LOG;
    for (size_t i = 0; i < count; i++)
        out[i] = quantile_at(weights, log_volume, is_upper, is_log, q[i]);
}
