/* The Irwin-Hall distribution.
 *
 * By symmetry, everything is computed below the middle, at u <= n/2; above it, u = n - x is exact.
 * The density and the probability below u are a factor times exp of a pair of doubles. The error of
 * the pair is small even if it is large, so the same code gives values, logarithms and quantiles.
 * There are three regions of m = u/n (measured errors in docs/distribution.md):
 *
 *     n < 28, m >= 1/4                    Taylor polynomials of the unit intervals
 *     n < 64, m < 1/4, or m < 3/128       u^n/n! and the alternating sum, whose terms are small
 * here the rest                            series in 1/n about the saddle point, uniform in m
 */
#include "ih_distribution.h"

#include <fenv.h>
#include <string.h>

#include "common/ih_clones.h"
#include "common/ih_compiler.h"
#include "common/ih_dd.h"
#include "distribution/ih_distribution_table.h"

/* The density and the probability below u, both to be multiplied by exp(log.hi + log.lo). */
typedef struct {
    ih_dd log;
    double density, tail;
} ih_lower;

/* Flags: which of them to compute. */
#define IH_DENSITY 1
#define IH_TAIL 2

/* ---- elementary functions ------------------------------------------------------------------- */

IH_INLINE uint64_t bits_of(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* Even and odd powers separately: half the latency of Horner's rule. count is even. */
IH_INLINE double polynomial(const double *c, int count, double x) {
    double square = x * x, even = c[count - 2], odd = c[count - 1];
    for (int i = count - 4; i >= 0; i -= 2) {
        even = even * square + c[i];
        odd = odd * square + c[i + 1];
    }
    return even + x * odd;
}

/* log x to about 2^-64 absolutely, for x > 0 */
IH_INLINE ih_dd logarithm(double x) {
    double exponent = -1023.0;
    if (x < DBL_MIN) {
        x *= 0x1p54;
        exponent -= 54.0;
    }
    uint64_t bits = bits_of(x);
    exponent += (double)(int)(bits >> 52);
    bits = (bits & 0xFFFFFFFFFFFFFu) | 0x3FF0000000000000u;
    memcpy(&x, &bits, sizeof x);
    int cell = (int)((x - 1.0) * IH_LOG_CELLS);
    double r = fma(x, ih_inverse[cell], -1.0); /* below 2^-6.6 */
    ih_dd square = two_product(r, -0.5 * r);
    double rest =
        r * r * r *
        (1.0 / 3 - r * (1.0 / 4 - r * (1.0 / 5 - r * (1.0 / 6 - r * (1.0 / 7 - r * (1.0 / 8))))));
    ih_dd power = product(exponent, (ih_dd){ih_log_2[0], ih_log_2[1]});
    ih_dd near = {ih_log[cell][0], ih_log[cell][1]};
    ih_dd small = sum((ih_dd){r, 0.0}, square);
    ih_dd whole = sum(sum(power, near), small);
    return fast_two_sum(whole.hi, whole.lo + rest);
}

/* exp(z^2) erfc(z), z >= 0 */
IH_INLINE double erfcx(double z) {
    double y = 4.0 / (4.0 + z);
    int cell = (int)(y * IH_ERFCX_CELLS);
    if (cell == IH_ERFCX_CELLS) cell--;
    double t = y - (cell + 0.5) * (1.0 / IH_ERFCX_CELLS);
    return y * polynomial(ih_erfcx_table[cell], IH_ERFCX_ROWS, t);
}

/* exp(log) factor, factor < 2^1024. In two halves where exp alone could underflow, although the
 * result does not. */
IH_INLINE double exponential(ih_dd log, double factor) {
    factor += factor * log.lo;
    if (log.hi > -690.0) return exp(log.hi) * factor;
    if (log.hi < -1600.0) return 0.0;
    double root = exp(0.5 * log.hi);
    return root * factor * root;
}

/* log n! - (n log n - n + log(2 pi n)/2), n >= IH_FAR_SERIES_START: Stirling's series */
IH_INLINE double stirling(double nu) {
    double square = nu * nu;
    return nu * (1.0 / 12 - square * (1.0 / 360 - square * (1.0 / 1260 - square * (1.0 / 1680))));
}

/* ---- the regions ---------------------------------------------------------------------------- */

IH_INLINE ih_lower by_taylor(double u, int n, int wanted) {
    int interval = (int)u;
    if (2 * interval >= n) interval--; /* the middle n/2 is in the interval below it */
    const int row = ih_taylor_begin[n] + interval;
    const double t = u - (interval + 0.5);
    ih_lower lower = {{0.0, 0.0}, 0.0, 0.0};
    if (wanted & IH_DENSITY) lower.density = polynomial(ih_taylor_density[row], IH_TAYLOR_TERMS, t);
    if (wanted & IH_TAIL) lower.tail = polynomial(ih_taylor_tail[row], IH_TAYLOR_TERMS, t);
    return lower;
}

/* base^power, power >= 1 */
IH_INLINE double integer_power(double base, int power) {
    double result = power & 1 ? base : 1.0;
    while (power >>= 1) {
        base *= base;
        if (power & 1) result *= base;
    }
    return result;
}

/* u^n/n! sum_k (-1)^k C(n,k) ((u-k)/u)^n, and the same with n - 1 for powers and factorial. The
 * terms are at most 1 here and decrease quickly; from n = 64 on, all but the first are negligible.
 * If only the density is computed, the power of u is u^(n-1), as n/u overflows for tiny u. */
IH_INLINE ih_lower by_alternating_sum(double u, double n, int wanted) {
    const int alone = wanted == IH_DENSITY;
    ih_dd log = logarithm(u);
    double density = 1.0, tail = 1.0, factor = 1.0;
    if (n < IH_FAR_SERIES_START) {
        const int count = (int)n;
        const double *factorial = ih_log_factorial[count - alone];
        log = sum(product(n - alone, log), (ih_dd){-factorial[0], -factorial[1]});
        double binomial = 1.0;
        for (int k = 1; k < u; k++) {
            double ratio = (u - k) / u;
            binomial *= (k - 1 - n) / k;
            double term = binomial * integer_power(ratio, count - 1);
            density += term;
            tail += term * ratio;
            if (fabs(term) < 0x1p-60) break;
        }
    } else {
        const double nu = 1.0 / n;
        ih_dd size = logarithm(n);
        ih_dd log_m = sum(log, (ih_dd){-size.hi, -size.lo});
        log = product(n, sum(log_m, (ih_dd){1.0, 0.0}));
        if (alone) log = sum(log, (ih_dd){-log_m.hi, -log_m.lo});
        log = two_sum(log.hi, log.lo - stirling(nu));
        factor = ih_inverse_root_2pi * sqrt(nu);
    }
    return (ih_lower){log, factor * (alone ? density : density * (n / u)), factor * tail};
}

/* sum of rows of powers of d and columns of powers of x */
IH_INLINE double table_sum(const double table[IH_ROWS][IH_COLUMNS], double d, double x) {
    double even[IH_COLUMNS], odd[IH_COLUMNS], square = d * d;
    for (int j = 0; j < IH_COLUMNS; j++) {
        even[j] = table[IH_ROWS - 2][j];
        odd[j] = table[IH_ROWS - 1][j];
    }
    for (int i = IH_ROWS - 4; i >= 0; i -= 2)
        for (int j = 0; j < IH_COLUMNS; j++) {
            even[j] = even[j] * square + table[i][j];
            odd[j] = odd[j] * square + table[i + 1][j];
        }
    for (int j = 0; j < IH_COLUMNS; j++) even[j] += d * odd[j];
    return polynomial(even, IH_COLUMNS, x);
}

IH_INLINE ih_lower by_series(double u, double n, int wanted) {
    const double nu = 1.0 / n;
    int key = (int)(bits_of(u * nu) >> 50) - 4 * 1023 - IH_FIRST_CELL_KEY;
    key = key < 0 ? 0 : key >= IH_CELLS ? IH_CELLS - 1 : key;
    const struct ih_cell *cell = &ih_cell[key];
    const double d = fma(-n, cell->centre, u), distance = d * nu;

    /* n rate(m) = n rate + slope d + (d^2/n) (curvature + ...); terms in one double are small */
    ih_dd square = two_product(d, d);
    ih_dd ratio = {square.hi / n, 0.0};
    ratio.lo = (fma(-ratio.hi, n, square.hi) + square.lo) * nu;
    double bend = cell->bend[IH_ROWS - 2];
    for (int i = IH_ROWS - 3; i >= 0; i--) bend = bend * distance + cell->bend[i];
    ih_dd rate = product(ratio.hi, (ih_dd){cell->curvature[0], cell->curvature[1]});
    rate.lo += ratio.lo * cell->curvature[0];
    rate = sum(rate, product(d, (ih_dd){cell->slope[0], cell->slope[1]}));
    rate = sum(rate, product(n, (ih_dd){cell->rate[0], cell->rate[1]}));
    rate = fast_two_sum(rate.hi, rate.lo + ratio.hi * (bend * distance));

    const double root = sqrt(nu);
    const double start = key < IH_FIRST_NEAR_CELL ? IH_FAR_SERIES_START : IH_SERIES_START;
    ih_lower lower = {{-rate.hi, -rate.lo}, 0.0, 0.0};
    if (wanted & IH_DENSITY) lower.density = root * table_sum(cell->density, distance, start * nu);
    if (wanted & IH_TAIL)
        lower.tail =
            0.5 * erfcx(sqrt(rate.hi)) + root * table_sum(cell->tail, distance, start * nu);
    return lower;
}

/* 0 < u <= n/2 */
IH_INLINE ih_lower lower_half(double u, double n, int wanted) {
    if (n == 1.0) return (ih_lower){{0.0, 0.0}, 1.0, u};
    if (128.0 * u < 3.0 * n || (4.0 * u < n && n < IH_FAR_SERIES_START))
        return by_alternating_sum(u, n, wanted);
    return n < IH_SERIES_START ? by_taylor(u, (int)n, wanted) : by_series(u, n, wanted);
}

/* ---- quantiles ------------------------------------------------------------------------------ */

/* The u <= n/2 whose probability has logarithm log_q < log 1/2. The logarithm of the probability is
 * a concave function of log u, so Newton's method on it converges from any start. From the second
 * step on, Hermite's inverse interpolation through the last two points makes the error about the
 * product of their squared errors. About three evaluations are enough. */
IH_INLINE double lower_quantile(ih_dd log_q, double n) {
    const double half = 0.5 * n;
    double log_factorial_over_n =
        n < IH_FAR_SERIES_START
            ? ih_log_factorial[(int)n][0] / n
            : log(n) - 1.0 - (log(ih_inverse_root_2pi) - 0.5 * log(n) - stirling(1.0 / n)) / n;
    /* The solution of u^n/n! = q: exact up to u = 1, and too small above. */
    double u = exp(log_q.hi / n + log_factorial_over_n);
    if (u < 0x1p-1000) return u;
    if (u > (n < IH_FAR_SERIES_START ? 0.25 : 3.0 / 128) * n) {
        double inverse = 1.0 / sqrt(-2.0 * log_q.hi);
        double z = polynomial(ih_start_normal, IH_START_TERMS, inverse) / inverse;
        double r = z / sqrt(n);
        u = half * exp(r * polynomial(ih_start_rate, IH_START_TERMS, r));
    }
    double last_step = 0.0, last_error = 0.0, last_inverse = 0.0;
    for (int i = 0; i < 50; i++) {
        ih_lower lower = lower_half(u, n, IH_DENSITY | IH_TAIL);
        double error = (lower.log.hi - log_q.hi) + (lower.log.lo - log_q.lo + log(lower.tail));
        double inverse = lower.tail / (u * lower.density); /* d log u / d log q */
        double step = -error * inverse, close = error * error;
        double gap = error - last_error;
        if (i > 0 && fabs(gap) > 0x1p-20) {
            double chord = last_step / gap;
            double second = (inverse - chord) / gap;
            double third = (second - (chord - last_inverse) / gap) / gap;
            step += close * (second - last_error * third);
            close *= last_error * last_error;
        }
        double next = u + u * expm1(step);
        if (!(next <= half)) next = 0.5 * (u + half);
        if (close < 0x1p-56 || fabs(error) < -4.0 * DBL_EPSILON * log_q.hi) return next;
        last_step = step;
        last_error = error;
        last_inverse = inverse;
        u = next;
    }
    return u;
}

IH_INLINE double quantile(ih_irwin_hall_kind kind, double q, double n) {
    const int is_log = kind >= IH_IRWIN_HALL_PPF_LOG;
    int upper = kind == IH_IRWIN_HALL_ISF || kind == IH_IRWIN_HALL_ISF_LOG;
    if (is_log ? q > 0.0 : q < 0.0 || q > 1.0) return NAN;
    double u;
    if (is_log && q < -1.0) {
        u = n == 1.0 ? exp(q) : isinf(q) ? 0.0 : lower_quantile((ih_dd){q, 0.0}, n);
    } else {
        const double given = is_log ? exp(q) : q;
        if (given == 0.5) return 0.5 * n;
        /* Both differences lose no accuracy: 1 - q is exact for q > 1/2. */
        const double least = given < 0.5 ? given : is_log ? -expm1(q) : 1.0 - q;
        if (given > 0.5) upper = !upper;
        u = n == 1.0 || least == 0.0 ? least : lower_quantile(logarithm(least), n);
    }
    return upper ? n - u : u;
}

/* ---- the functions -------------------------------------------------------------------------- */

IH_INLINE double density(ih_irwin_hall_kind kind, double x, double n) {
    const int is_log = kind == IH_IRWIN_HALL_LOGPDF;
    if (n == 1.0 && x >= 0.0 && x <= 1.0) return is_log ? 0.0 : 1.0;
    if (x <= 0.0 || x >= n) return is_log ? -INFINITY : 0.0;
    ih_lower lower = lower_half(x > 0.5 * n ? n - x : x, n, IH_DENSITY);
    if (is_log) return lower.log.hi + (lower.log.lo + log(lower.density));
    return exponential(lower.log, lower.density);
}

IH_INLINE double probability(ih_irwin_hall_kind kind, double x, double n) {
    const int is_log = kind == IH_IRWIN_HALL_LOGCDF || kind == IH_IRWIN_HALL_LOGSF;
    const int above = kind == IH_IRWIN_HALL_SF || kind == IH_IRWIN_HALL_LOGSF;
    if (x <= 0.0 || x >= n) return (x <= 0.0) == above ? 1.0 - is_log : is_log ? -INFINITY : 0.0;
    const double half = 0.5 * n;
    if (x == half) return is_log ? log(0.5) : 0.5;
    const int upper = x > half;
    ih_lower lower = lower_half(upper ? n - x : x, n, IH_TAIL);
    if (is_log && upper == above) return lower.log.hi + (lower.log.lo + log(lower.tail));
    double tail = exponential(lower.log, lower.tail);
    if (upper == above) return tail;
    return is_log ? log1p(-tail) : 1.0 - tail;
}

IH_CLONES
static double value(ih_irwin_hall_kind kind, double x, int64_t count) {
    if (count < 1 || count > IH_IRWIN_HALL_MAX_N || x != x) return NAN;
    const double n = (double)count;
    if (kind <= IH_IRWIN_HALL_LOGPDF) return density(kind, x, n);
    return kind < IH_IRWIN_HALL_PPF ? probability(kind, x, n) : quantile(kind, x, n);
}

double ih_irwin_hall_pdf(double x, int64_t n) { return value(IH_IRWIN_HALL_PDF, x, n); }
double ih_irwin_hall_logpdf(double x, int64_t n) { return value(IH_IRWIN_HALL_LOGPDF, x, n); }
double ih_irwin_hall_cdf(double x, int64_t n) { return value(IH_IRWIN_HALL_CDF, x, n); }
double ih_irwin_hall_logcdf(double x, int64_t n) { return value(IH_IRWIN_HALL_LOGCDF, x, n); }
double ih_irwin_hall_sf(double x, int64_t n) { return value(IH_IRWIN_HALL_SF, x, n); }
double ih_irwin_hall_logsf(double x, int64_t n) { return value(IH_IRWIN_HALL_LOGSF, x, n); }
double ih_irwin_hall_ppf(double q, int64_t n) { return value(IH_IRWIN_HALL_PPF, q, n); }
double ih_irwin_hall_isf(double q, int64_t n) { return value(IH_IRWIN_HALL_ISF, q, n); }
double ih_irwin_hall_ppf_log(double q, int64_t n) { return value(IH_IRWIN_HALL_PPF_LOG, q, n); }
double ih_irwin_hall_isf_log(double q, int64_t n) { return value(IH_IRWIN_HALL_ISF_LOG, q, n); }

/* Keep the caller's floating-point flags: intermediate steps raise flags (an exp that underflows,
 * log 0) that do not describe the results. */
#define IH_LOOP(type)                                                                              \
    fexcept_t flags;                                                                               \
    fegetexceptflag(&flags, FE_ALL_EXCEPT);                                                        \
    for (size_t i = 0; i < count; i++) {                                                           \
        type from, to;                                                                             \
        int64_t terms;                                                                             \
        memcpy(&from, x + (ptrdiff_t)i * x_stride, sizeof from);                                   \
        memcpy(&terms, n + (ptrdiff_t)i * n_stride, sizeof terms);                                 \
        to = (type)value(kind, from, terms);                                                       \
        memcpy(out + (ptrdiff_t)i * out_stride, &to, sizeof to);                                   \
    }                                                                                              \
    fesetexceptflag(&flags, FE_ALL_EXCEPT)

void ih_irwin_hall_array(ih_irwin_hall_kind kind, size_t count, const char *x, ptrdiff_t x_stride,
                         const char *n, ptrdiff_t n_stride, char *out, ptrdiff_t out_stride) {
    IH_LOOP(double);
}

void ih_irwin_hall_array_f32(ih_irwin_hall_kind kind, size_t count, const char *x,
                             ptrdiff_t x_stride, const char *n, ptrdiff_t n_stride, char *out,
                             ptrdiff_t out_stride) {
    IH_LOOP(float);
}
