/* The Irwin-Hall distribution. */
#include "ih_distribution.h"

#include <complex.h>
#include <math.h>
#include <string.h>

typedef struct {
    double log_pdf, log_tail; /* of the density and of the probability below u <= n/2 */
} parts;

static double mean_part(double s) { /* 1/s - 1/(e^s - 1), s > 0 */
    if (s < 0.1) return 0.5 - s / 12 + s * s * s / 720 - s * s * s * s * s / 30240;
    return 1 / s - 1 / expm1(s);
}
static double log_transform(double s) { /* log((1 - e^-s)/s) */
    return s < 1e-4 ? -0.5 * s + s * s / 24 : log(-expm1(-s) / s);
}
static double saddle(double m) {
    double low = 0, high = 1 / m + 1;
    double s = m < 0.2 ? 1 / m : 12 * (0.5 - m);
    for (int i = 0; i < 100; i++) {
        double r = mean_part(s) - m;
        if (r > 0) low = s; else high = s;
        double slope = s < 0.1 ? -1 / 12.0 : -1 / (s * s) + 0.25 / (sinh(s / 2) * sinh(s / 2));
        double next = s - r / slope;
        if (!(next > low && next < high)) next = 0.5 * (low + high);
        if (fabs(next - s) < 1e-10 * s) return next;
        s = next;
    }
    return s;
}
static parts by_contour(double u, double n) {
    double s = saddle(u / n), s0 = s;
    double sd = sqrt(n * (s < 0.1 ? 1 / 12.0 : 1 / (s * s) - 0.25 / (sinh(s / 2) * sinh(s / 2))));
    if (s0 < 1.5 / sd) s0 = 1.5 / sd;
    double base = s0 * u + n * log_transform(s0), h = 0.25 / sd, pdf = 0, tail = 0;
    for (int k = 0; k < 44; k++) {
        double complex z = s0 + I * (k * h);
        double complex e = k ? cexp(I * (k * h) * u + n * clog((1 - cexp(-z)) / z * (s0 / -expm1(-s0)))) : 1;
        double w = k ? 2 : 1;
        pdf += w * creal(e);
        tail += w * creal(e / z);
    }
    double scale = log(h / (2 * 3.141592653589793));
    return (parts){base + scale + log(pdf), base + scale + log(tail)};
}
static parts by_recurrence(double u, int n) { /* f_k(u - j), k up to n + 1 */
    double f[80];
    double pdf = 0;
    int cell = (int)u;
    double t = u - cell;
    for (int j = 0; j <= cell; j++) f[j] = j == 0;
    /* f[j] = f_k(t + j) */
    for (int k = 2; k <= n + 1; k++) {
        if (k == n + 1) pdf = f[cell];
        for (int j = cell; j >= 0; j--) {
            double x = t + j;
            f[j] = x >= k ? 0 : (x * f[j] + (k - x) * (j ? f[j - 1] : 0)) / (k - 1);
        }
    }
    double tail = 0;
    for (int j = 0; j <= cell; j++) tail += f[j];
    return (parts){log(pdf), log(tail)};
}
static parts lower(double u, int64_t n) {
    if (n == 1) return (parts){0, log(u)};
    if (u <= 1) return (parts){(double)(n - 1) * log(u) - lgamma((double)n), (double)n * log(u) - lgamma((double)n + 1)};
    return n <= 64 ? by_recurrence(u, (int)n) : by_contour(u, (double)n);
}
static double log_tail(double u, int64_t n, int upper) { /* of the side u lies on, or the other */
    if (2 * u == (double)n) return log(0.5);
    double l = lower(u, n).log_tail;
    return upper ? log1p(-exp(l)) : l;
}
static double quantile(double log_q, int64_t n) { /* u <= n/2, log_q <= log 1/2 */
    if (log_q == -INFINITY) return 0;
    double low = 0, high = 0.5 * (double)n;
    double u = exp((log_q + lgamma((double)n + 1)) / (double)n);
    if (!(u < high)) u = high * 0.999;
    for (int i = 0; i < 200; i++) {
        parts p = lower(u, n);
        double r = p.log_tail - log_q;
        if (r < 0) low = u; else high = u;
        double next = u - r / exp(p.log_pdf - p.log_tail);
        if (!(next > low && next < high)) next = 0.5 * (low + high);
        if (fabs(next - u) <= 4e-16 * u) return next;
        u = next;
    }
    return u;
}
static double density(double x, int64_t n) {
    if (n < 1 || n > IH_IRWIN_HALL_MAX_N || isnan(x)) return NAN;
    if (!(x > 0 && x < (double)n)) return n == 1 && (x == 0 || x == 1) ? 0 : -INFINITY;
    return lower(fmin(x, (double)n - x), n).log_pdf;
}
static double probability(double x, int64_t n, int above) {
    if (n < 1 || n > IH_IRWIN_HALL_MAX_N || isnan(x)) return NAN;
    if (x <= 0) return above ? 0 : -INFINITY;
    if (x >= (double)n) return above ? -INFINITY : 0;
    int right = x > 0.5 * (double)n;
    return log_tail(right ? (double)n - x : x, n, right != above);
}
double ih_irwin_hall_pdf(double x, int64_t n) { return exp(density(x, n)); }
double ih_irwin_hall_logpdf(double x, int64_t n) { return density(x, n); }
double ih_irwin_hall_cdf(double x, int64_t n) { return exp(probability(x, n, 0)); }
double ih_irwin_hall_logcdf(double x, int64_t n) { return probability(x, n, 0); }
double ih_irwin_hall_sf(double x, int64_t n) { return exp(probability(x, n, 1)); }
double ih_irwin_hall_logsf(double x, int64_t n) { return probability(x, n, 1); }
static double inverse(double log_q, double log_p, int64_t n, int above) {
    if (n < 1 || n > IH_IRWIN_HALL_MAX_N || !(log_q <= 0)) return NAN;
    int other = log_q > log_p;
    double u = log_q == log_p ? 0.5 * (double)n : quantile(other ? log_p : log_q, n);
    return other != above ? (double)n - u : u;
}
double ih_irwin_hall_ppf_log(double l, int64_t n) { return inverse(l, log(-expm1(l)), n, 0); }
double ih_irwin_hall_isf_log(double l, int64_t n) { return inverse(l, log(-expm1(l)), n, 1); }
double ih_irwin_hall_ppf(double q, int64_t n) { return inverse(log(q), log1p(-q), n, 0); }
double ih_irwin_hall_isf(double q, int64_t n) { return inverse(log(q), log1p(-q), n, 1); }

typedef double function(double, int64_t);
static function *const functions[] = {
    ih_irwin_hall_pdf, ih_irwin_hall_logpdf, ih_irwin_hall_cdf, ih_irwin_hall_logcdf,
    ih_irwin_hall_sf, ih_irwin_hall_logsf, ih_irwin_hall_ppf, ih_irwin_hall_isf,
    ih_irwin_hall_ppf_log, ih_irwin_hall_isf_log};

void ih_irwin_hall_array(ih_irwin_hall_kind kind, size_t count, const char *x, ptrdiff_t x_stride,
                         const char *n, ptrdiff_t n_stride, char *out, ptrdiff_t out_stride) {
    for (size_t i = 0; i < count; i++) {
        double value;
        int64_t terms;
        memcpy(&value, x + (ptrdiff_t)i * x_stride, sizeof value);
        memcpy(&terms, n + (ptrdiff_t)i * n_stride, sizeof terms);
        value = functions[kind](value, terms);
        memcpy(out + (ptrdiff_t)i * out_stride, &value, sizeof value);
    }
}
void ih_irwin_hall_array_f32(ih_irwin_hall_kind kind, size_t count, const char *x,
                             ptrdiff_t x_stride, const char *n, ptrdiff_t n_stride, char *out,
                             ptrdiff_t out_stride) {
    for (size_t i = 0; i < count; i++) {
        float value;
        int64_t terms;
        memcpy(&value, x + (ptrdiff_t)i * x_stride, sizeof value);
        memcpy(&terms, n + (ptrdiff_t)i * n_stride, sizeof terms);
        value = (float)functions[kind](value, terms);
        memcpy(out + (ptrdiff_t)i * out_stride, &value, sizeof value);
    }
}
