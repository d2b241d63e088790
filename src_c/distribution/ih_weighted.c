/* Weighted sums of uniforms, by three rules and a contour integral.
 *
 * Let R be the sum of the weights from some index on, in descending order, times uniforms on (0,
 * 1), and W its greatest value. All functions are made of
 *
 *     G_p(a) = E[(a - R)_+^p] / p!        G_0 its cdf,  G_-1 = G_0' its density,
 *
 *            = 1/(2 pi i) Int e^(a s) / s^(p+1) prod (1 - e^(-w s))/(w s) ds,    Re s > 0,
 *
 * where a is the distance from the lower end, in two doubles, so that tails keep their relative
 * accuracy. With w the largest weight and R' the sum without it, the rules are
 *
 *     1. reflect  G_p(a) = E[(a - R)^p]/p! + (-1)^(p+1) G_p(W - a)      where a > W/2
 *     2. drop     G_p(a; R) = G_(p+1)(a; R')/w                          where a <= w
 *     3. split    G_p(a; R) = (G_(p+1)(a; R') - G_(p+1)(a - w; R'))/w
 *     4. the contour integral through its saddle point.
 *
 * Dropping loses no accuracy. Dominant weights are always dropped: if w > W/2, then a <= W/2 < w.
 * If a is below all weights, all are dropped at once. Splitting doubles the work; its cancellation
 * is mild, because the two terms differ for a > w. The number of nodes of the contour depends on
 * how fast the integrand decays, and is small if half a dozen weights have similar sizes. So the
 * contour is used if a thousand nodes are enough. A few weights are split until none is left, which
 * gives the sum over the corners of a box, each term within its support.
 */
#include <math.h>
#include <stdint.h>

#include "common/ih_clones.h"
#include "distribution/ih_weighted_internal.h"

/* Up to this number, weights are always split: at most 1024 corners, of which most are not needed.
 */
#define MOST_SPLIT 10
/* The largest number of nodes of the contour; with more, the weights are split. */
#define MOST_NODES 1024
/* From this power on, the integrand decays fast enough for all weights. */
#define HIGH_POWER 24
/* A product of factors from 1e-146 to 1 could become subnormal if it is below this. */
#define VANISHING 1e-150
/* The powers of this many weights are computed together. */
#define LANES 8
/* This many nodes are computed together: their rotations are products of the first. */
#define BLOCK 16
/* Aliases and the truncation error are below e^-40 of the integrand at the saddle point. */
#define NEGLIGIBLE 40.0
/* A number below 2^-1000 is tiny relative to weights of 2^-464 and more; a number above is far from
 * subnormal. */
#define LEAST_EXPONENT -1000

/* log of e^(a s)/s^(p+1) prod (1 - e^(-w s))/(w s) at a real s, and its first two derivatives */
typedef struct {
    ih_dd value;
    double slope, curvature;
} log_integrand;

typedef enum { DENSITY, BELOW, ABOVE } value_kind;

/* G_p(a) for the weights from `first` on. */
typedef struct {
    const ih_weights *weights;
    size_t first;
    ih_dd a;
    int p;
} integral;

/* ---- preparation ---------------------------------------------------------------------------- */

size_t ih_weights_scratch(size_t count) {
    size_t groups = count < IH_WEIGHT_GROUPS ? count : IH_WEIGHT_GROUPS;
    return count * sizeof(double) + (count + 1) * (sizeof(ih_dd) + sizeof(double)) +
           groups * sizeof(ih_weight_group);
}

/* Add the powers of the weights of one group, LANES at a time. */
static void add_powers(ih_weight_group *group, const double *weight, size_t count) {
    double square[LANES], power[LANES];
    for (size_t i = 0; i < count; i += LANES) {
        for (int lane = 0; lane < LANES; lane++) {
            double ratio = i + lane < count ? weight[i + lane] / group->largest : 0.0;
            square[lane] = ratio * ratio;
            power[lane] = 1.0;
        }
        for (int j = 0; j < IH_CUMULANT_TERMS; j++) {
            for (int lane = 0; lane < LANES; lane++) power[lane] *= square[lane];
            double low = (power[0] + power[1]) + (power[2] + power[3]);
            group->power[j] += low + ((power[4] + power[5]) + (power[6] + power[7]));
        }
    }
}

/* a + b; the low part collects the errors of many sums, with a relative error of about 2^-53. */
static ih_dd collected(ih_dd a, double b) {
    ih_dd s = two_sum(a.hi, b);
    return (ih_dd){s.hi, s.lo + a.lo};
}

void ih_weights_prepare(ih_weights *weights, size_t count, const double *size,
                        const double *signed_weight, void *scratch) {
    ih_dd *tail = scratch;
    double *variance = (double *)(tail + count + 1);
    double *weight = variance + count + 1;
    ih_weight_group *groups = (ih_weight_group *)(weight + count);
    int bits;
    frexp(size[0], &weights->exponent);
    frexp((double)count, &bits);
    weights->exponent += bits;
    weights->count = count;
    weights->weight = weight;
    weights->tail = tail;
    weights->variance = variance;
    weights->group = groups;
    /* 2^-exponent in two factors, as it may overflow. */
    double some = ldexp(1.0, -(weights->exponent / 2));
    double others = ldexp(1.0, weights->exponent / 2 - weights->exponent);
    ih_dd negative = {0.0, 0.0}, positive = {0.0, 0.0}, total = {0.0, 0.0};
    for (size_t i = 0; i < count; i++) {
        double scaled = signed_weight[i] * some * others;
        negative = collected(negative, scaled < 0.0 ? -scaled : 0.0);
        positive = collected(positive, scaled > 0.0 ? scaled : 0.0);
    }
    weights->negative = fast_two_sum(negative.hi, negative.lo);
    weights->positive = fast_two_sum(positive.hi, positive.lo);
    tail[count] = total;
    variance[count] = 0.0;
    for (size_t i = count; i-- > 0;) {
        weight[i] = size[i] * some * others;
        total = collected(total, weight[i]);
        tail[i] = fast_two_sum(total.hi, total.lo);
        variance[i] = variance[i + 1] + weight[i] * weight[i] / 12.0;
    }

    weights->groups = 0;
    for (size_t i = 0; i < count; i++) {
        int last = weights->groups - 1;
        if (last >= 0 && weight[i] >= 0.5 * groups[last].largest) continue;
        groups[weights->groups++] = (ih_weight_group){.start = i, .largest = weight[i]};
    }
    size_t end = count;
    for (int g = weights->groups - 1; g >= 0; g--) {
        ih_weight_group *group = &groups[g];
        add_powers(group, weight + group->start, end - group->start);
        end = group->start;
        if (g == weights->groups - 1) continue;
        const ih_weight_group *smaller = group + 1;
        double ratio = smaller->largest / group->largest, factor = 1.0;
        for (int j = 0; j < IH_CUMULANT_TERMS; j++)
            group->power[j] += smaller->power[j] * (factor *= ratio * ratio);
    }
}

/* ---- the integrand -------------------------------------------------------------------------- */

/* The first group with abs(w s) <= pi, half the radius of convergence of log(sinh(z/2)/(z/2)), or
 * NULL. The weights before its start are handled one by one. */
static const ih_weight_group *series_group(const integral *in, double size_of_s) {
    const ih_weights *weights = in->weights;
    for (int g = 0; g < weights->groups; g++) {
        const ih_weight_group *group = &weights->group[g];
        if (group->start >= in->first && group->largest * size_of_s <= 0.5 * IH_TWO_PI)
            return group;
    }
    return NULL;
}

static size_t series_start(const integral *in, const ih_weight_group *group) {
    return group ? group->start : in->weights->count;
}

/* a minus half the sum of the weights of the series, the centre of their sum */
static ih_dd shifted_a(const integral *in, const ih_weight_group *group) {
    return minus(in->a, half(in->weights->tail[series_start(in, group)]));
}

static log_integrand log_integrand_at(const integral *in, double s) {
    if (s < 0.0) { /* the integrand of the distance from the upper end; the slope changes sign */
        integral mirrored = *in;
        mirrored.a = minus(in->weights->tail[in->first], in->a);
        return log_integrand_at(&mirrored, -s);
    }
    const ih_weight_group *group = series_group(in, s);
    ih_dd shifted = shifted_a(in, group);
    log_integrand e = {times_double(shifted, s), shifted.hi, 0.0};
    if (in->p >= 0) {
        double order = in->p + 1;
        e.value = plus(e.value, (ih_dd){-order * log(s), 0.0});
        e.slope -= order / s;
        e.curvature += order / (s * s);
    }
    if (group) {
        double square = group->largest * group->largest, z2 = square * s * s;
        double value = 0.0, slope = 0.0, curvature = 0.0;
        for (int j = IH_CUMULANT_TERMS; j > 0; j--) {
            double term = ih_cumulant[j - 1] * group->power[j - 1];
            value = value * z2 + term;
            slope = slope * z2 + 2 * j * term;
            curvature = curvature * z2 + 2 * j * (2 * j - 1) * term;
        }
        e.value = plus(e.value, (ih_dd){value * z2, 0.0});
        e.slope += slope * square * s;
        e.curvature += curvature * square;
    }
    double factors =
        1.0; /* at least 1e-146 each; the logarithm is taken before their product underflows */
    size_t end = series_start(in, group);
    for (size_t i = in->first; i < end; i++) {
        double w = in->weights->weight[i], z = w * s;
        if (z < 1e-6) { /* to within 1e-13 */
            e.value = plus(e.value, (ih_dd){-0.5 * z, 0.0});
            e.slope -= 0.5 * w;
            e.curvature += w * w / 12.0;
            continue;
        }
        double risen = -expm1(-z), pull = w * (1.0 - risen) / risen;
        factors *= risen / z;
        if (factors < VANISHING) {
            e.value = plus(e.value, (ih_dd){log(factors), 0.0});
            factors = 1.0;
        }
        e.slope += pull - 1.0 / s;
        e.curvature += 1.0 / (s * s) - pull * (w / risen);
    }
    e.value = plus(e.value, (ih_dd){log(factors), 0.0});
    return e;
}

/* An upper bound of log abs(integrand at c + i t')/(integrand at c) for all t' >= t. */
static double log_envelope(const integral *in, double c, double t) {
    double size = hypot(c, t), ratio = size / c, log_size = c > 0.0 ? log(ratio) : 0.0;
    const ih_weight_group *group = series_group(in, size);
    double sum = in->p >= 0 ? -(in->p + 1) * log_size : 0.0;
    if (group) {
        double square = group->largest * group->largest;
        double re = square * (c - t) * (c + t), im = 2.0 * square * c * t, at_c = square * c * c;
        double x = 0.0, y = 0.0, real = 0.0;
        for (int j = IH_CUMULANT_TERMS; j > 0; j--) {
            double term = ih_cumulant[j - 1] * group->power[j - 1], old = x;
            x = (old + term) * re - y * im;
            y = (old + term) * im + y * re;
            real = (real + term) * at_c;
        }
        sum += x - real;
    }
    double squares = 1.0, enough = exp(-4.0 * NEGLIGIBLE); /* squares of the factors below 1 */
    size_t end = series_start(in, group);
    for (size_t i = in->first; i < end && squares > enough; i++) {
        double w = in->weights->weight[i];
        double risen = c > 0.0 ? -expm1(-w * c) : 0.0;
        double sine = w * t < 0.5 * IH_TWO_PI ? sin(0.5 * w * t) : 1.0;
        double top = risen * risen + 4.0 * (1.0 - risen) * sine * sine;
        double bottom = c > 0.0 ? risen * ratio : w * t;
        double square = top / (bottom * bottom);
        if (square < 1.0) squares *= square;
    }
    return sum + 0.5 * log(squares);
}

/* Add the real parts of the integrand, and of s times the integrand, at BLOCK nodes s = c + i t,
 * t = start, start + step, ..., relative to the integrand at c. */
IH_CLONES
static void add_block(const integral *in, double c, double start, double step, double *sum,
                      double *sum_of_slopes) {
    const ih_weight_group *group = series_group(in, hypot(c, start + BLOCK * step));
    size_t direct_end = series_start(in, group);
    double shifted = shifted_a(in, group).hi;
    double direct = (double)(direct_end - in->first), order = in->p + 1;
    double re[BLOCK], im[BLOCK], inverse[BLOCK];
    for (int n = 0; n < BLOCK; n++) {
        double t = start + n * step, size = hypot(c, t);
        double log_size = order > 0.0 ? order * log(c / size) : 0.0;
        double angle = t * shifted - (direct + order) * atan2(t, c);
        if (group) {
            double square = group->largest * group->largest;
            double zr = square * (c - t) * (c + t), zi = 2.0 * square * c * t;
            double at_c = square * c * c, x = 0.0, y = 0.0, real = 0.0;
            for (int j = IH_CUMULANT_TERMS; j > 0; j--) {
                double term = ih_cumulant[j - 1] * group->power[j - 1], old = x + term;
                x = old * zr - y * zi;
                y = old * zi + y * zr;
                real = (real + term) * at_c;
            }
            log_size += x - real;
            angle += y;
        }
        double scale = exp(log_size);
        re[n] = scale * cos(angle);
        im[n] = scale * sin(angle);
        inverse[n] = 1.0 / size;
    }
    for (size_t i = in->first; i < direct_end; i++) {
        /* (1 - e^(-w s))/(w s) over its value at c; the angle above has the phase of 1/s. */
        double w = in->weights->weight[i], damped = exp(-w * c);
        double factor = c > 0.0 ? c / -expm1(-w * c) : 1.0 / w;
        double zr[BLOCK] = {damped * cos(w * start)}, zi[BLOCK] = {-damped * sin(w * start)};
        double turn_r = cos(w * step), turn_i = -sin(w * step);
        for (int known = 1; known < BLOCK; known *= 2) {
            for (int n = 0; n < known; n++) {
                zr[known + n] = zr[n] * turn_r - zi[n] * turn_i;
                zi[known + n] = zr[n] * turn_i + zi[n] * turn_r;
            }
            double twice = turn_r * turn_r - turn_i * turn_i;
            turn_i *= 2.0 * turn_r;
            turn_r = twice;
        }
        for (int n = 0; n < BLOCK; n++) {
            double scale = factor * inverse[n], fr = (1.0 - zr[n]) * scale, fi = -zi[n] * scale;
            double r = re[n] * fr - im[n] * fi;
            im[n] = re[n] * fi + im[n] * fr;
            re[n] = r;
        }
    }
    double values = 0.0, slopes = 0.0;
    for (int n = 0; n < BLOCK; n++) {
        values += re[n];
        slopes += c * re[n] - (start + n * step) * im[n];
    }
    *sum += values;
    *sum_of_slopes += slopes;
}

/* ---- the contour ---------------------------------------------------------------------------- */

/* The point on the real axis where the integrand is smallest, to a tenth of the width there. */
static double saddle_point(const integral *in, log_integrand *at) {
    const ih_weights *weights = in->weights;
    double variance = weights->variance[in->first], order = in->p + 1;
    double below_centre = minus(half(weights->tail[in->first]), in->a).hi;
    /* The slope of each factor is above -1/s, so the saddle point is below `high`. */
    double low = 0.0, high = ((double)(weights->count - in->first) + order) / in->a.hi;
    double root = sqrt(below_centre * below_centre + 4.0 * order * variance);
    double c = below_centre >= 0.0 ? (root + below_centre) / (2.0 * variance)
                                   : 2.0 * order / (root - below_centre);
    c = fmin(high, c);
    if (in->p < 0 && c * sqrt(variance) < 1e-3) c = 0.0;
    for (;;) {
        *at = log_integrand_at(in, c);
        if (fabs(at->slope) <= 0.1 * sqrt(at->curvature)) return c;
        if (at->slope > 0.0)
            high = c;
        else
            low = c;
        double next = c - at->slope / at->curvature;
        if (!(next > low && next < high)) next = low > 0.0 ? sqrt(low * high) : 0.125 * high;
        if (next == c) return c;
        c = next;
    }
}

/* The L from which on, by Chernoff's bound at s, G_p(a + L) e^(-c L) is negligible relative to
 * G_p(a): for L > 0 if s < c, for L < 0 if s > c (returned without sign). */
static double negligible_from(const integral *in, double c, const log_integrand *at, double s) {
    return (NEGLIGIBLE + log_integrand_at(in, s).value.hi - at->value.hi) / fabs(c - s);
}

/* The trapezoidal rule with step 2 pi/L adds the aliases G_p(a + j L) e^(-c j L), j != 0. Return
 * an L that makes them negligible. *minus_one becomes 1 if for j > 0 only the aliases of G_0 - 1
 * are negligible, not those of G_0. */
static double alias_distance(const integral *in, double c, const log_integrand *at,
                             int *minus_one) {
    double width = 8.9 / sqrt(at->curvature), distance = INFINITY;
    double above = minus(in->weights->tail[in->first], in->a).hi;
    *minus_one = 0;
    if (c > 0.0) {
        distance = fmin(negligible_from(in, c, at, 0.125 * c), negligible_from(in, c, at, c / 3));
        if (c - width > c / 3) distance = fmin(distance, negligible_from(in, c, at, c - width));
    }
    if (in->p <= 0) {
        double s = c - width;
        if (in->p == 0) s = fmin(s, -0.1 * width);
        double other = above;
        if (in->p < 0 || s < 0.0) other = fmin(above, negligible_from(in, c, at, s));
        if (other < distance) {
            distance = other;
            *minus_one = in->p == 0;
        }
    }
    double left = fmin(in->a.hi, negligible_from(in, c, at, c + width));
    if (c > 0.0) left = fmin(left, negligible_from(in, c, at, 2.0 * c));
    return fmax(distance, left);
}

/* G_p(a) and its slope by the contour integral. Return 0 if that needs too many nodes, unless
 * `must`. The slope, G_(p-1)(a), is truncated at the same node, so it has fewer digits. */
static int by_contour(const integral *in, int must, scaled_double *result, scaled_double *slope) {
    log_integrand at;
    int minus_one;
    double c = saddle_point(in, &at);
    double distance = alias_distance(in, c, &at, &minus_one), step = IH_TWO_PI / distance;
    double width = sqrt(at.curvature), last = MOST_NODES * step;
    if (!must && log_envelope(in, c, last) + log1p(last * width) > -NEGLIGIBLE) return 0;

    double sum = 0.5, sum_of_slopes = 0.5 * c, t = step, envelope;
    do {
        add_block(in, c, t, step, &sum, &sum_of_slopes);
        t += BLOCK * step;
        envelope = log_envelope(in, c, t) + log1p(t * width);
    } while (envelope > -NEGLIGIBLE);
    scaled_double factor = scaled_product(scaled_exp(at.value), normal(2.0 / distance, 0));
    *result = scaled_product(factor, normal(sum, 0));
    *slope = scaled_product(factor, normal(sum_of_slopes, 0));
    if (minus_one)
        *result = scaled_sum(*result, scaled_negative(normal(1.0 / expm1(c * distance), 0)));
    return 1;
}

double ih_weighted_tilted(const ih_weights *weights, double s, double *log_cdf, double *steepness) {
    integral in = {weights, 0, {0.0, 0.0}, 0};
    log_integrand at = log_integrand_at(&in, s);
    *log_cdf = at.value.hi - s * at.slope - 0.5 * log(IH_TWO_PI * at.curvature);
    *steepness = at.curvature * s * s;
    return -at.slope;
}

/* ---- the rules ------------------------------------------------------------------------------ */

/* E[(a - R)^p]/p! for a > W/2: the sum of b^(p - 2 j)/(p - 2 j)! m_j with b = a - W/2 and m_j the
 * central moment of order 2 j over (2 j)!. All terms are positive; they are in units of a. */
static scaled_double full_moment(const integral *in) {
    const ih_weights *weights = in->weights;
    double a = in->a.hi, b = minus(in->a, half(weights->tail[in->first])).hi / a;
    double moment[HIGH_POWER / 2 + 1] = {1.0}, uniform[HIGH_POWER / 2 + 1];
    int p = in->p, order = p / 2;
    if (p < 0) return (scaled_double){0.0, 0};
    if (order == 1) moment[1] = 0.5 * weights->variance[in->first] / a / a;
    for (size_t i = in->first; order > 1 && i < weights->count; i++) {
        double w = 0.5 * weights->weight[i] / a;
        uniform[0] = 1.0;
        for (int j = 1; j <= order; j++)
            uniform[j] = uniform[j - 1] * w * w / (2.0 * j * (2.0 * j + 1.0));
        for (int j = order; j > 0; j--)
            for (int l = 0; l < j; l++) moment[j] += moment[l] * uniform[j - l];
    }
    double sum = 0.0, power = 1.0; /* the power of b over the factorial */
    for (int j = order, above = p - 2 * order; j >= 0; j--) {
        for (; above > 0; above--) power *= b / (p - 2 * j - above + 1);
        sum += power * moment[j];
        above = 2;
    }
    scaled_double result = normal(sum, 0), unit = normal(a, 0);
    for (int n = 0; n < p; n++) result = scaled_product(result, unit);
    return result;
}

/* G_p with one more weight from G_(p+1) of the rest */
static scaled_double divided(scaled_double value, double weight) {
    return scaled_product(value, normal(1.0 / weight, 0));
}

/* a^q/q! over the product of the weights from `first` on, q = p + their number: G_p(a) if all can
 * be dropped. */
static scaled_double all_dropped(const ih_weights *weights, size_t first, scaled_double a, int p) {
    scaled_double result = {0.5, 1};
    double order = 0.0;
    for (int n = 0; n < p; n++)
        result = scaled_product(result, normal(a.mantissa / ++order, a.exponent));
    if (p < 0) { /* one weight has no factor a */
        result = divided(result, weights->weight[first]);
        first++;
    }
    for (size_t i = first; i < weights->count; i++)
        result =
            scaled_product(result, normal(a.mantissa / (++order * weights->weight[i]), a.exponent));
    return result;
}

static scaled_double g(const ih_weights *weights, size_t first, ih_dd a, int p) {
    integral in = {weights, first, a, p};
    scaled_double result = {0.0, 0}, slope;
    if (a.hi <= 0.0) return result;
    if (first == weights->count || a.hi <= weights->weight[weights->count - 1])
        return all_dropped(weights, first, normal(a.hi, 0), p);
    ih_dd above = minus(weights->tail[first], a);
    if (a.hi > above.hi && p <= HIGH_POWER) {
        scaled_double rest = g(weights, first, above, p);
        return scaled_sum(full_moment(&in), p % 2 ? rest : scaled_negative(rest));
    }
    if ((weights->count - first > MOST_SPLIT || p > HIGH_POWER) &&
        by_contour(&in, p > HIGH_POWER, &result, &slope))
        return result;
    double weight = weights->weight[first];
    result = g(weights, first + 1, a, p + 1);
    if (a.hi > weight) {
        ih_dd lower = minus(a, (ih_dd){weight, 0.0});
        result = scaled_sum(result, scaled_negative(g(weights, first + 1, lower, p + 1)));
    }
    return divided(result, weight);
}

scaled_double ih_weighted_all_dropped(const ih_weights *weights, scaled_double a) {
    return all_dropped(weights, 0, a, 0);
}

scaled_double ih_weighted_lower(const ih_weights *weights, double distance, scaled_double *slope) {
    ih_dd a = {distance, 0.0};
    integral in = {weights, 0, a, 0};
    scaled_double result;
    if (weights->count > MOST_SPLIT && distance > weights->weight[weights->count - 1] &&
        by_contour(&in, 0, &result, slope))
        return result;
    *slope = g(weights, 0, a, -1);
    return g(weights, 0, a, 0);
}

/* The value at an x that is tiny relative to all weights, if an end of the support is 0. x is the
 * distance from this end, which may be too small for a double in units of the weights. */
static scaled_double beside_zero(const ih_weights *weights, value_kind kind, scaled_double x) {
    int is_lower = weights->negative.hi == 0.0, is_density = kind == DENSITY;
    if (!is_density && kind != (is_lower ? BELOW : ABOVE)) return normal(1.0, 0);
    if (is_lower != (x.mantissa > 0.0)) return normal(0.0, 0);
    x.mantissa = fabs(x.mantissa);
    return all_dropped(weights, 0, x, is_density ? -1 : 0);
}

static scaled_double value_at(const ih_weights *weights, value_kind kind, double x) {
    scaled_double scaled = normal(x, -weights->exponent);
    int has_end_at_0 = weights->negative.hi == 0.0 || weights->positive.hi == 0.0;
    if (has_end_at_0 && scaled.exponent < LEAST_EXPONENT) return beside_zero(weights, kind, scaled);
    /* Compute each distance from its own end: their difference would lose the smaller one. */
    ih_dd at = {ldexp(x, -weights->exponent), 0.0};
    ih_dd a = plus(weights->negative, at), above = minus(weights->positive, at);
    if (kind == BELOW) return above.hi <= 0.0 ? normal(1.0, 0) : g(weights, 0, a, 0);
    if (kind == ABOVE) return a.hi <= 0.0 ? normal(1.0, 0) : g(weights, 0, above, 0);
    if (weights->count == 1) /* 1/w, also at the ends */
        return normal(a.hi >= 0.0 && above.hi >= 0.0 ? 1.0 / weights->weight[0] : 0.0, 0);
    return g(weights, 0, a.hi < above.hi ? a : above, -1);
}

/* The logarithm of a value; near 1 it is computed from the complement. */
static double log_value_at(const ih_weights *weights, value_kind kind, double x) {
    scaled_double value = value_at(weights, kind, x);
    if (kind != DENSITY && value.exponent + (value.mantissa > 0.5) > 0)
        value = value_at(weights, kind == BELOW ? ABOVE : BELOW, x);
    else
        return scaled_log(value) - (kind == DENSITY ? weights->exponent * IH_LOG_2 : 0.0);
    return 0.0 + log1p(-ldexp(value.mantissa, value.exponent)); /* no -0.0 */
}

/* The value of each function, and whether the function is its logarithm. */
static const struct {
    value_kind kind;
    int is_log;
} functions[] = {[IH_WEIGHTED_PDF] = {DENSITY, 0}, [IH_WEIGHTED_LOGPDF] = {DENSITY, 1},
                 [IH_WEIGHTED_CDF] = {BELOW, 0},   [IH_WEIGHTED_LOGCDF] = {BELOW, 1},
                 [IH_WEIGHTED_SF] = {ABOVE, 0},    [IH_WEIGHTED_LOGSF] = {ABOVE, 1}};

void ih_weighted_array(const ih_weights *weights, ih_weighted_kind function, size_t count,
                       const double *x, double *out) {
    value_kind kind = functions[function].kind;
    int is_log = functions[function].is_log;
    for (size_t i = 0; i < count; i++) {
        double at = ldexp(x[i], -weights->exponent);
        if (!isfinite(at)) {
            double value = kind != DENSITY && (at > 0.0 ? kind == BELOW : kind == ABOVE);
            out[i] = isnan(at) ? at : is_log ? log(value) : value;
        } else if (is_log) {
            out[i] = log_value_at(weights, kind, x[i]);
        } else {
            scaled_double value = value_at(weights, kind, x[i]);
            int exponent = kind == DENSITY ? weights->exponent : 0;
            out[i] = ldexp(value.mantissa, value.exponent - exponent);
        }
    }
}

double ih_weighted_magnitude(const ih_weights *weights) {
    /* 2 E[(W/2 - R)_+], with weights twice as large. */
    scaled_double result = g(weights, 0, half(weights->tail[0]), 1);
    return ldexp(4.0 * result.mantissa, result.exponent + weights->exponent);
}
