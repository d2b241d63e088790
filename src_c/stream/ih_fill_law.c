/* Preparation of laws: the constants of the truncated normal by quadrature and continued fraction,
 * and the range of values of an element type within a law's interval.
 *
 * The constants are part of the stream's bits, so only +, -, *, / and sqrt compute them, in a fixed
 * order, and the exact functions of libm (nextafter, ldexp, ilogb). The relative errors are a few
 * times 2^-53 and are tested against mpmath.
 */
#include "stream/ih_fill_law.h"

#include <math.h>
#include <string.h>

#include "stream/ih_elementary.h"
#include "stream/ih_fill_scalar.h"

#define PER_SQRT_TWO_PI 0x1.9884533d43651p-2
#define HALF_PI 0x1.921fb54442d18p+0

/* Below this span, a probability of 1/16, 32 bits give fewer than 2^28 values: draw 64 bits. */
#define WIDE_SPAN (UINT64_C(1) << 60)
/* The continued fraction is used from this |x| on, the series about 0 below it. */
#define SERIES_LIMIT 1.0
/* The error of the fraction decreases like exp(-sqrt(8 * terms) * x): below 2^-70 for x >= 1. */
#define FRACTION_TERMS 300
/* Beyond this many standard deviations ih_exp() gives 0: exp(-38^2 / 2) = exp(-722). */
#define NOTHING_BEYOND 38.0
/* The moments omit densities below exp(-DENSITY_CUT / 2) of the peak: less than 2^-60. */
#define DENSITY_CUT 90.0
/* Tanh-sinh quadrature: the step, and the number of nodes on each side of the middle. */
#define QUADRATURE_STEP 0x1p-5
#define QUADRATURE_NODES 112

/* ---- the truncated normal ---- */

/* The normal density; x is split so that the exponent's rounding does not grow with x^2. */
static double density(double x) {
    double head = (double)(float)x;
    return PER_SQRT_TWO_PI * ih_exp(-0.5 * head * head) * ih_exp(-0.5 * (x - head) * (x + head));
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

/* Phi(x) on the scale 2^-64; 2^64 is returned as 0. */
static uint64_t probability_64(double x) {
    if (x < -SERIES_LIMIT) return (uint64_t)(tail_probability(-x) * 0x1p64);
    if (x > SERIES_LIMIT) return 0 - (uint64_t)(tail_probability(x) * 0x1p64);
    if (x < 0) return (UINT64_C(1) << 63) - (uint64_t)(-central_probability(x) * 0x1p64);
    return (UINT64_C(1) << 63) + (uint64_t)(central_probability(x) * 0x1p64);
}

/* The standard deviation of the normal law truncated to [low, high].
 * All terms of the three moments have one sign, so narrow and far intervals lose no accuracy.
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
        double e = ih_exp(t), u = 0.5 * HALF_PI * (e - 1 / e);
        double decay = ih_exp(-2 * (u < 0 ? -u : u));
        double fraction = u < 0 ? decay / (1 + decay) : 1 / (1 + decay);
        double slope = (e + 1 / e) * decay / ((1 + decay) * (1 + decay));
        double x = left + width * fraction;
        offset[i] = width * fraction;
        weight[i] = slope * ih_exp(-0.5 * (x - peak) * (x + peak));
        mass += weight[i];
        mean += weight[i] * offset[i];
    }
    mean /= mass;
    for (int i = 0; i <= 2 * QUADRATURE_NODES; i++)
        variance += weight[i] * (offset[i] - mean) * (offset[i] - mean);
    return sqrt(variance / mass);
}

/* ---- laws ---- */

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

/* For an interval beyond SERIES_LIMIT on one side: its tail probabilities, times the power of 2
 * that makes the larger one a number in [1/2, 1). */
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
    law->low = law->scale > 0 ? low * law->scale : 0; /* 0 times infinity is NaN */
    law->high = law->scale > 0 ? high * law->scale : 0;
    law->first = probability_64(low);
    /* Rounding may reverse ends that differ by an ulp or two; last = 0 means 2^64. */
    uint64_t last = probability_64(high);
    law->span = last > law->first || (last == 0 && high > 0) ? last - law->first : 0;
    if (law->span == 0 && low < -1 && high > 1) law->span = UINT64_MAX; /* both tails below 2^-65 */
    if (law->span >= WIDE_SPAN) return IH_OK;
    law->draw = IH_DRAW_TWO_WORDS;
    law->positive = low > 0;
    if (low >= SERIES_LIMIT) one_tail_interval(law, low, high);
    if (high <= -SERIES_LIMIT) one_tail_interval(law, -high, -low);
    return IH_OK;
}

int ih_law_interval(ih_law *law, int kind, double low, double high) {
    if (!law) return IH_ERROR_NULL;
    if (kind < IH_UNIFORM_BETWEEN || kind > IH_INVERSE_SOFTPLUS) return IH_ERROR_LAW;
    if (!(low < high)) return IH_ERROR_INTERVAL;
    clear_law(law, kind, 1);
    law->low = law->from = low;
    law->high = high;
    law->width = high - low;
    if (!(law->width <= DBL_MAX)) return IH_ERROR_SCALE;
    if (kind == IH_UNIFORM_BETWEEN) return IH_OK;
    if (!(low >= DBL_MIN || (low == 0 && kind == IH_LOG_OF_UNIFORM))) return IH_ERROR_SCALE;
    if (kind == IH_LOG_OF_UNIFORM) {
        if (high < IH_LEAST_OF_LOGARITHM) return IH_ERROR_SCALE;
        law->low = low > 0 ? ih_log(low) : -INFINITY;
        law->high = ih_log(high);
        return IH_OK;
    }
    if (high / low > IH_GREATEST_RATIO) return IH_ERROR_SCALE;
    law->width = ih_log(high / low);
    if (kind == IH_LOG_UNIFORM) return IH_OK;
    law->low = ih_inverse_softplus(low);
    law->high = ih_inverse_softplus(high);
    return IH_OK;
}

int ih_law_integers(ih_law *law, int64_t low, uint64_t span) {
    if (!law) return IH_ERROR_NULL;
    clear_law(law, IH_INTEGERS, 1);
    law->first = (uint64_t)low;
    law->span = span;
    return IH_OK;
}

int ih_law_bits(ih_law *law) {
    if (!law) return IH_ERROR_NULL;
    clear_law(law, IH_BITS, 1);
    return IH_OK;
}

/* ---- the least and the greatest value of a type within an interval ---- */

static float step_f32(float x, int up) { return nextafterf(x, up ? INFINITY : -INFINITY); }

/* The greatest f32 value <= x; the least one >= x is the negative of that for -x. */
static float f32_at_most(double x) {
    float y = (float)x;
    return (double)y > x ? step_f32(y, 0) : y;
}

static float f32_below(double x) {
    float y = f32_at_most(x);
    return (double)y < x ? y : step_f32(y, 0);
}

static float f16_value(uint16_t bits) {
    int exponent = bits >> 10, mantissa = bits & 0x3ff;
    return exponent ? ldexpf((float)(mantissa | 0x400), exponent - 25)
                    : ldexpf((float)mantissa, -24);
}

/* The greatest 16-bit magnitude at most x, or below x if strict, for x >= 0. */
static float half_at_most(int dtype, float x, int strict) {
    uint32_t low = 0, high = dtype == IH_F16 ? 0x7bff : 0x7f7f; /* largest finite value */
    if (x == INFINITY) return x;
    while (low < high) {
        uint32_t middle = (low + high + 1) / 2, wide = middle << 16;
        float value;
        if (dtype == IH_F16)
            value = f16_value((uint16_t)middle);
        else
            memcpy(&value, &wide, sizeof value);
        if (value < x || (!strict && value == x))
            low = middle;
        else
            high = middle - 1;
    }
    if (dtype == IH_F16) return f16_value((uint16_t)low);
    {
        uint32_t wide = low << 16;
        float value;
        memcpy(&value, &wide, sizeof value);
        return value;
    }
}

/* The least 16-bit magnitude at least x, for x >= 0. */
static float half_at_least(int dtype, float x) {
    float below = half_at_most(dtype, x, 0);
    uint32_t bits;
    if (below == x) return x;
    if (dtype == IH_F16)
        return below + (below < 0x1p-14f ? 0x1p-24f : ldexpf(1, ilogbf(below) - 10));
    memcpy(&bits, &below, sizeof bits);
    bits += 0x10000u;
    memcpy(&below, &bits, sizeof below);
    return below;
}

static float half_inward(int dtype, float x, int upper) {
    if (upper) return x >= 0 ? half_at_most(dtype, x, 0) : -half_at_least(dtype, -x);
    return x <= 0 ? -half_at_most(dtype, -x, 0) : half_at_least(dtype, x);
}

/* Whether the ends of a law's interval are excluded. */
static int is_open(const ih_law *law) {
    return law->kind >= IH_UNIFORM_BETWEEN && law->kind <= IH_INVERSE_SOFTPLUS;
}

static double f64_low(const ih_law *law) {
    return is_open(law) ? nextafter(law->low, INFINITY) : law->low;
}

static double f64_high(const ih_law *law) {
    return is_open(law) ? nextafter(law->high, -INFINITY) : law->high;
}

/* The least and the greatest value of a 32- or 16-bit type within a law's interval. If there is no
 * such value, the least is above the greatest. */
static void ends_in_type(const ih_law *law, int dtype, float *low, float *high) {
    int half = dtype == IH_F16 || dtype == IH_BF16;
    if (law->kind == IH_UNIFORM) {
        *high = f32_at_most(law->scale);
        if (half) *high = half_at_most(dtype, *high, 1);
        *low = -*high;
        return;
    }
    if (is_open(law)) {
        *low = -f32_below(-law->low);
        *high = f32_below(law->high);
    } else {
        *low = -f32_at_most(-law->low);
        *high = f32_at_most(law->high);
    }
    if (law->kind != IH_NORMAL && half) {
        *low = half_inward(dtype, *low, 0);
        *high = half_inward(dtype, *high, 1);
    }
}

/* ---- checks and constants ---- */

/* The factor of the products must be normal: bound * 2^-31 in f32, bound * 2^-63 in f64. A 16-bit
 * uniform needs values below its bound. No scale may exceed the greatest value of its type. Below
 * the least value of its type, a log-uniform law would repeat this value. */
static const double least_bound[IH_FLOAT_DTYPES] = {0x1p-95, 0x1p-959, 0x1p-14, 0x1p-95};
static const double least_value[IH_FLOAT_DTYPES] = {0x1p-149, 0x1p-1074, 0x1p-24, 0x1p-133};
static const double greatest_scale[IH_FLOAT_DTYPES] = {FLT_MAX, DBL_MAX, 65504, 0x1.fep127};

int ih_type_limits(int dtype, double *least_uniform, double *greatest, double *least) {
    if (!least_uniform || !greatest || !least) return IH_ERROR_NULL;
    if (dtype < 0 || dtype >= IH_FLOAT_DTYPES) return IH_ERROR_DTYPE;
    *least_uniform = least_bound[dtype];
    *greatest = greatest_scale[dtype];
    *least = least_value[dtype];
    return IH_OK;
}

int ih_law_check(const ih_law *law, int dtype) {
    if (!law) return IH_ERROR_NULL;
    if (dtype < 0 || dtype >= IH_DTYPES) return IH_ERROR_DTYPE;
    if (law->kind < 0 || law->kind >= IH_LAW_KINDS) return IH_ERROR_LAW;
    if (law->kind >= IH_INTEGERS) {
        int held = dtype == IH_U64 || (dtype == IH_U32 && law->kind == IH_BITS);
        return held ? IH_OK : IH_ERROR_DTYPE;
    }
    if (dtype >= IH_FLOAT_DTYPES) return IH_ERROR_DTYPE;
    if (!(law->scale >= 0 && law->scale <= DBL_MAX)) return IH_ERROR_SCALE;
    if (law->scale > greatest_scale[dtype]) return IH_ERROR_SCALE;
    if (law->kind == IH_UNIFORM && law->scale < least_bound[dtype]) return IH_ERROR_SCALE;
    if (law->kind == IH_LOG_UNIFORM && law->low < least_value[dtype]) return IH_ERROR_SCALE;
    if (is_open(law)) {
        if (law->high > greatest_scale[dtype]) return IH_ERROR_SCALE;
        if (law->low < -greatest_scale[dtype] && law->low != -INFINITY) return IH_ERROR_SCALE;
    }
    if (law->kind >= IH_TRUNCATED_NORMAL && law->scale > 0) {
        float low, high;
        if (dtype == IH_F64) return f64_low(law) > f64_high(law) ? IH_ERROR_INTERVAL : IH_OK;
        ends_in_type(law, dtype, &low, &high);
        if (low > high) return IH_ERROR_INTERVAL;
    }
    return IH_OK;
}

int ih_plan_law(ih_plan *plan, const ih_law *law, int dtype) {
    if (law->scale == 0) return 0;
    plan->law = law;
    plan->first = law->first;
    plan->span = law->span;
    plan->first_32 = (uint32_t)(law->first >> 32);
    plan->span_32 = (uint32_t)(law->span >> 32);
    if (law->kind >= IH_INTEGERS) return 1;
    plan->low_f64 = f64_low(law);
    plan->high_f64 = f64_high(law);
    ends_in_type(law, dtype, &plan->low_f32, &plan->high_f32);
    /* Clipping keeps the sign of zeros: -0 is below +0. */
    if (plan->low_f64 == 0) plan->low_f64 = -0.0;
    if (plan->low_f32 == 0) plan->low_f32 = -0.0f;
    if (plan->high_f64 == 0) plan->high_f64 = 0.0;
    if (plan->high_f32 == 0) plan->high_f32 = 0.0f;
    plan->greatest_half = dtype == IH_F16 ? ih_to_f16(plan->high_f32) : ih_to_bf16(plan->high_f32);
    int uniform = law->kind == IH_UNIFORM;
    plan->scale_f32 = uniform ? f32_at_most(law->scale) * 0x1p-31f : (float)law->scale;
    plan->scale_f64 = uniform ? law->scale * 0x1p-63 : law->scale;
    return dtype == IH_F64 ? plan->low_f64 != 0 || plan->high_f64 != 0
                           : plan->low_f32 != 0 || plan->high_f32 != 0;
}
