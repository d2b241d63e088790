/* Laws made ready: the constants of the truncated normal by quadrature and continued fraction.
 *
 * Only +, -, *, / and sqrt in a fixed order, which IEEE rounds the same everywhere: these
 * constants are part of the stream's bits, so libm must not enter. Relative errors are a few
 * times 2^-53 and are tested against mpmath.
 */
#include <math.h>
#include <string.h>

#include "stream/ih_fill_internal.h"

#define LN_2_HIGH 0x1.62e42fee00000p-1 /* 32 bits: k * LN_2_HIGH is exact for |k| < 2^21 */
#define LN_2_LOW 0x1.a39ef35793c76p-33
#define PER_LN_2 0x1.71547652b82fep+0
#define PER_SQRT_TWO_PI 0x1.9884533d43651p-2
#define HALF_PI 0x1.921fb54442d18p+0

/* Below this probability 32 bits leave fewer than 2^28 values: draw 64 instead. */
#define WIDE_INTERVAL 0x1p-4
/* The continued fraction is used from here on, the central series below it. */
#define SERIES_LIMIT 1.0
/* The fraction's error falls like exp(-sqrt(8 * terms) * x): below 2^-70 from x = 1 on. */
#define FRACTION_TERMS 300
/* Beyond this many standard deviations exponential() gives 0: exp(-38^2 / 2) = exp(-722). */
#define NOTHING_BEYOND 38.0
/* Density beyond exp(-DENSITY_CUT / 2) of its peak is left out of the moments: below 2^-60. */
#define DENSITY_CUT 90.0
/* Tanh-sinh quadrature: the step, and the nodes on each side of the middle. */
#define QUADRATURE_STEP 0x1p-5
#define QUADRATURE_NODES 112

/* x * 2^k for results in the normal range. */
static double scale_by_power(double x, int k) {
    uint64_t bits = (uint64_t)(k + 1023) << 52;
    double power;
    memcpy(&power, &bits, sizeof power);
    return x * power;
}

/* exp(x) for -708 < x < 709; 0 below. Taylor to the 14th power on |r| <= ln(2)/2: 2^-60. */
static double exponential(double x) {
    double k, r, sum = 1.0;
    if (x < -708) return 0;
    k = (double)(int)(x * PER_LN_2 + (x < 0 ? -0.5 : 0.5));
    r = (x - k * LN_2_HIGH) - k * LN_2_LOW;
    for (int power = 14; power >= 1; power--) sum = 1.0 + sum * r / power;
    return scale_by_power(sum, (int)k);
}

/* The normal density; x is split so that the exponent's rounding does not grow with x^2. */
static double density(double x) {
    double head = (double)(float)x;
    return PER_SQRT_TWO_PI * exponential(-0.5 * head * head) *
           exponential(-0.5 * (x - head) * (x + head));
}

/* Phi(x) - 1/2 for |x| <= 1: density(x) * (x + x^3/3 + x^5/(3*5) + ...), terms of one sign. */
static double central_probability(double x) {
    double term = x, sum = x;
    for (int odd = 3; odd < 61; odd += 2) {
        term = term * x * x / odd;
        sum += term;
    }
    return density(x) * sum;
}

/* 1 - Phi(x) for x >= 1: density(x) / (x + 1/(x + 2/(x + 3/(x + ...)))). */
static double tail_probability(double x) {
    double fraction = x;
    if (x > NOTHING_BEYOND) return 0;
    for (int k = FRACTION_TERMS; k >= 1; k--) fraction = x + k / fraction;
    return density(x) / fraction;
}

/* Phi(x) on the scale 2^-64; 2^64 itself comes out as 0. */
static uint64_t probability_64(double x) {
    if (x < -SERIES_LIMIT) return (uint64_t)(tail_probability(-x) * 0x1p64);
    if (x > SERIES_LIMIT) return 0 - (uint64_t)(tail_probability(x) * 0x1p64);
    if (x < 0) return (UINT64_C(1) << 63) - (uint64_t)(-central_probability(x) * 0x1p64);
    return (UINT64_C(1) << 63) + (uint64_t)(central_probability(x) * 0x1p64);
}

/* The standard deviation of the normal law cut to [low, high].
 * All terms of the three moments have one sign, so that narrow and far intervals lose nothing.
 * Substitution x = low + width / (1 + exp(-2 u)), u = pi/2 sinh(t): the weights vanish doubly
 * exponentially at both ends. */
static double truncated_deviation(double low, double high) {
    double peak = low > 0 ? low : high < 0 ? high : 0;
    double reach = sqrt(peak * peak + DENSITY_CUT);
    double left = low > -reach ? low : -reach, right = high < reach ? high : reach;
    double width = right - left;
    double mass = 0, mean = 0, variance = 0;
    double offset[2 * QUADRATURE_NODES + 1], weight[2 * QUADRATURE_NODES + 1];
    for (int i = 0; i <= 2 * QUADRATURE_NODES; i++) {
        double t = (i - QUADRATURE_NODES) * QUADRATURE_STEP;
        double e = exponential(t), u = 0.5 * HALF_PI * (e - 1 / e);
        double decay = exponential(-2 * (u < 0 ? -u : u));
        double fraction = u < 0 ? decay / (1 + decay) : 1 / (1 + decay);
        double slope = (e + 1 / e) * decay / ((1 + decay) * (1 + decay));
        double x = left + width * fraction;
        offset[i] = width * fraction;
        weight[i] = slope * exponential(-0.5 * (x - peak) * (x + peak));
        mass += weight[i];
        mean += weight[i] * offset[i];
    }
    mean /= mass;
    for (int i = 0; i <= 2 * QUADRATURE_NODES; i++)
        variance += weight[i] * (offset[i] - mean) * (offset[i] - mean);
    return sqrt(variance / mass);
}

static int is_scale(double scale) { return scale >= 0 && scale <= DBL_MAX; }

static void clear_law(ih_law *law, int kind, double scale) {
    memset(law, 0, sizeof *law);
    law->kind = kind;
    law->scale = scale;
    law->low = -INFINITY;
    law->high = INFINITY;
    law->deviation = 1;
}

int ih_law_uniform(ih_law *law, double bound) {
    if (!law) return IH_ERROR_NULL;
    if (!is_scale(bound) || bound == 0) return IH_ERROR_SCALE;
    clear_law(law, IH_UNIFORM, bound);
    return IH_OK;
}

int ih_law_normal(ih_law *law, double std) {
    if (!law) return IH_ERROR_NULL;
    if (!is_scale(std)) return IH_ERROR_SCALE;
    clear_law(law, IH_NORMAL, std);
    return IH_OK;
}

/* The interval lies beyond SERIES_LIMIT on one side: its tail probabilities, scaled by the power of
 * two that brings the larger one into [1/2, 1). */
static void one_tail_interval(ih_law *law, double near_end, double far_end) {
    double most = tail_probability(near_end), least = tail_probability(far_end);
    int shift = 0;
    while (most < 0.5) {
        most *= 2;
        least *= 2;
        shift++;
    }
    law->draw = IH_DRAW_ONE_TAIL;
    law->tail_shift = shift;
    law->first = (uint64_t)(least * 0x1p64);
    law->span = (uint64_t)((most - least) * 0x1p64);
}

int ih_law_truncated_normal(ih_law *law, double std, double low, double high, int corrected) {
    if (!law) return IH_ERROR_NULL;
    if (!is_scale(std)) return IH_ERROR_SCALE;
    if (!(low < high)) return IH_ERROR_INTERVAL;
    if (low > IH_TRUNCATION_LIMIT || high < -IH_TRUNCATION_LIMIT) return IH_ERROR_FAR_TAIL;
    clear_law(law, IH_TRUNCATED_NORMAL, std);
    if (low == -INFINITY && high == INFINITY) {
        law->kind = IH_NORMAL;
        return IH_OK;
    }
    law->deviation = truncated_deviation(low, high);
    if (corrected) law->scale = std / law->deviation;
    if (!is_scale(law->scale)) return IH_ERROR_SCALE;
    law->low = low * law->scale;
    law->high = high * law->scale;
    law->first = probability_64(low);
    /* Within an ulp or two rounding may turn the order around; 0 as last stands for 2^64. */
    uint64_t last = probability_64(high);
    law->span = last > law->first || (last == 0 && high > 0) ? last - law->first : 0;
    if (law->span == 0 && low < -1 && high > 1) law->span = UINT64_MAX; /* both tails below 2^-65 */
    if ((double)law->span >= WIDE_INTERVAL * 0x1p64) return IH_OK;
    law->draw = IH_DRAW_TWO_WORDS;
    law->positive = low > 0;
    if (low >= SERIES_LIMIT) one_tail_interval(law, low, high);
    if (high <= -SERIES_LIMIT) one_tail_interval(law, -high, -low);
    return IH_OK;
}
