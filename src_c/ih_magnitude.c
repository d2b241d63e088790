/* Expected magnitudes and Letkeman bounds, correctly rounded.
 *
 * The fast path works on unevaluated sums of two doubles, whose relative error stays below 2^-71:
 * a table for n < IH_TABLE_END, above it the square root of the shifted argument,
 *
 *     A(n) = sqrt(2/(3 pi) (n + s_0 + s_1/n + s_2/n^2 + ...)),
 *
 * in which only n + s_0 needs more than a double. If the sum lies so near the middle of two
 * doubles that the error could decide, about once in 10^5 results, the accurate path of
 * ih_magnitude_wide.c computes it again with 200 bits.
 */
#include <math.h>
#include <string.h>

#include "ih_internal.h"
#include "ih_magnitude_table.h"

/* One copy of each array loop for every x86-64 level that matters; the loader picks. The copies
 * differ in speed only: fma() is exact whether it is an instruction or a call. */
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__clang__) && __GNUC__ >= 12
#define IH_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define IH_CLONES
#endif

/* Twice the bound on the relative error of every double_double below. */
#define IH_ROUNDING_MARGIN 0x1p-70

/* Elements handled at a time by the array functions: what they buffer stays in the L1 cache. */
#define IH_CHUNK 256

/* The value hi + lo, abs(lo) at most a few ulp of hi. */
typedef struct {
    double hi, lo;
} double_double;

/* ---- double-double pieces ------------------------------------------------------------------- */

/* a + b exactly, if abs(a) >= abs(b) or a == 0. */
static inline double_double fast_two_sum(double a, double b)
{
    double hi = a + b;
    return (double_double){hi, b - (hi - a)};
}

static inline double_double two_sum(double a, double b)
{
    double hi = a + b;
    double b_part = hi - a;
    return (double_double){hi, (a - (hi - b_part)) + (b - b_part)};
}

/* a b to about 2^-104. */
static inline double_double product(double_double a, double_double b)
{
    double hi = a.hi * b.hi;
    return (double_double){hi, fma(a.hi, b.hi, -hi) + (a.hi * b.lo + a.lo * b.hi)};
}

/* a + b to about 2^-104, for a and b of one sign. */
static inline double_double sum(double_double a, double_double b)
{
    double_double s = two_sum(a.hi, b.hi);
    return (double_double){s.hi, s.lo + (a.lo + b.lo)};
}

/* a / b to about 2^-103: one Newton step from the rounded reciprocal. */
static inline double_double quotient(double_double a, double_double b)
{
    double reciprocal = 1.0 / b.hi;
    double hi = a.hi * reciprocal;
    double rest = fma(-hi, b.hi, a.hi) + (a.lo - hi * b.lo);
    return (double_double){hi, rest * reciprocal};
}

/* n exactly, for n >= 0. Written on the bits, because no vector unit before AVX-512 converts 64-bit
 * integers: 2^84 + high 2^32 and 2^52 + low are doubles whose bits are the halves of n. */
static inline double_double from_integer(int64_t n)
{
    uint64_t high_bits = ((uint64_t)n >> 32) | 0x4530000000000000u;
    uint64_t low_bits = ((uint64_t)n & 0xffffffffu) | 0x4330000000000000u;
    double high, low;
    memcpy(&high, &high_bits, sizeof high);
    memcpy(&low, &low_bits, sizeof low);
    return fast_two_sum(high - 0x1p84, low - 0x1p52);
}

/* The nearest double; *doubtful becomes 1 if the margin of error admits another. */
static inline double rounded(double_double value, int *doubtful)
{
    double margin = value.hi * IH_ROUNDING_MARGIN;
    double up = value.hi + (value.lo + margin);
    double down = value.hi + (value.lo - margin);
    *doubtful |= up != down;
    return up;
}

/* ---- the formulas --------------------------------------------------------------------------- */

/* A(n) for n >= IH_TABLE_END. The terms s_1/n + ... are below 2^-21 n, so that their rounding
 * errors stay below 2^-72 of the sum; the terms left out are below 2^-77. */
static inline double_double magnitude_by_series(double_double n)
{
    double x = 1.0 / n.hi;
    double tail = ih_shift[IH_SHIFT_TERMS - 1];
    for (int k = IH_SHIFT_TERMS - 2; k >= 0; k--)
        tail = tail * x + ih_shift[k];
    tail *= x;
    double_double shifted = fast_two_sum(n.hi, ih_shift_0[0]);
    /* Made two doubles without overlap again: the square root's first-order step needs that. */
    shifted = fast_two_sum(shifted.hi, shifted.lo + (n.lo + (ih_shift_0[1] + tail)));

    double_double constant = {ih_two_over_3pi[0], ih_two_over_3pi[1]};
    double_double square = product(constant, shifted);
    double root = sqrt(square.hi);
    double rest = fma(-root, root, square.hi) + square.lo;
    /* 1/(2 root) without a division: root/2 times 1/square = (x/constant)(1 - v + v^2 - ...),
     * v = (s_0 + s_1/n + ...)/n < 2^-11. It scales a term of 2^-52, so 2^-33 is accurate enough. */
    double v = x * (ih_shift_0[0] + tail);
    double half_over_square = x * (0.5 / ih_two_over_3pi[0]) * (1.0 - v + v * v);
    return (double_double){root, rest * (root * half_over_square)};
}

static inline double_double magnitude_by_table(int64_t n)
{
    return (double_double){ih_table[n][0], ih_table[n][1]};
}

static inline double_double magnitude(int64_t n)
{
    return n < IH_TABLE_END ? magnitude_by_table(n) : magnitude_by_series(from_integer(n));
}

static inline double_double standard_bound(double_double a_n)
{
    return quotient((double_double){1.0, 0.0}, a_n);
}

/* m A(n) + n A(m) */
static inline double_double weighted_sum(double_double n, double_double a_n, double_double m,
                                         double_double a_m)
{
    return sum(product(m, a_n), product(n, a_m));
}

static inline double_double normalized_bound(double_double n, double_double a_n, double_double m,
                                             double_double a_m, ih_formula formula)
{
    double_double weighted = formula == IH_NODE_AVERAGE ? weighted_sum(n, a_n, m, a_m)
                                                        : weighted_sum(m, a_n, n, a_m);
    return quotient(sum(n, m), weighted);
}

/* bound A(n), within 0.501 ulp */
static inline double scaled(double bound, double_double a_n)
{
    double hi = bound * a_n.hi;
    return hi + (fma(bound, a_n.hi, -hi) + bound * a_n.lo);
}

/* bound (m A(n) + n A(m))/(n + m), within 0.501 ulp */
static inline double preserved_average(double_double n, double_double a_n, double_double m,
                                       double_double a_m, double bound)
{
    return scaled(bound, quotient(weighted_sum(n, a_n, m, a_m), sum(n, m)));
}

/* ---- scalars -------------------------------------------------------------------------------- */

IH_CLONES double ih_expected_magnitude(int64_t n)
{
    if (n < 1)
        return NAN;
    int doubtful = 0;
    double result = rounded(magnitude(n), &doubtful);
    return doubtful ? ih_expected_magnitude_wide(n) : result;
}

IH_CLONES double ih_letkeman_bound(int64_t n)
{
    if (n < 1)
        return NAN;
    int doubtful = 0;
    double result = rounded(standard_bound(magnitude(n)), &doubtful);
    return doubtful ? ih_letkeman_bound_wide(n, n, IH_NODE_AVERAGE) : result;
}

IH_CLONES double ih_letkeman_bound_normalized(int64_t n, int64_t m, ih_formula formula)
{
    if (n < 1 || m < 1)
        return NAN;
    int doubtful = 0;
    double_double bound =
        normalized_bound(from_integer(n), magnitude(n), from_integer(m), magnitude(m), formula);
    double result = rounded(bound, &doubtful);
    return doubtful ? ih_letkeman_bound_wide(n, m, formula) : result;
}

IH_CLONES void ih_preserved_magnitude(int64_t n, int64_t m, double bound, double *forward,
                                      double *backward, double *node_average)
{
    if (n < 1 || m < 1) {
        *forward = *backward = *node_average = NAN;
        return;
    }
    double_double a_n = magnitude(n), a_m = magnitude(m);
    *forward = scaled(bound, a_n);
    *backward = scaled(bound, a_m);
    *node_average = preserved_average(from_integer(n), a_n, from_integer(m), a_m, bound);
}

/* ---- arrays --------------------------------------------------------------------------------- */

static inline void load(int64_t *chunk, const char *from, ptrdiff_t stride, size_t count)
{
    if (stride == sizeof(int64_t))
        memcpy(chunk, from, count * sizeof(int64_t));
    else
        for (size_t i = 0; i < count; i++)
            memcpy(&chunk[i], from + (ptrdiff_t)i * stride, sizeof(int64_t));
}

static inline void store(char *to, ptrdiff_t stride, const double *chunk, size_t count)
{
    if (stride == sizeof(double))
        memcpy(to, chunk, count * sizeof(double));
    else
        for (size_t i = 0; i < count; i++)
            memcpy(to + (ptrdiff_t)i * stride, &chunk[i], sizeof(double));
}

/* A(n[i]) as hi[i] + lo[i]; NaN where n[i] < 1. */
static inline void magnitudes(const int64_t *n, double *hi, double *lo, size_t count)
{
    int64_t smallest = n[0], largest = n[0];
    for (size_t i = 1; i < count; i++) {
        smallest = n[i] < smallest ? n[i] : smallest;
        largest = n[i] > largest ? n[i] : largest;
    }
    if (smallest == largest && smallest >= 1) { /* one axis of a grid, or a broadcast scalar */
        double_double a = magnitude(smallest);
        for (size_t i = 0; i < count; i++) {
            hi[i] = a.hi;
            lo[i] = a.lo;
        }
        return;
    }
    for (size_t i = 0; i < count; i++) {
        double_double a = magnitude_by_series(from_integer(n[i]));
        hi[i] = a.hi;
        lo[i] = a.lo;
    }
    if (smallest < IH_TABLE_END) /* rows 0 and IH_TABLE_END hold NaN and zero: no branch is left */
        for (size_t i = 0; i < count; i++) {
            int64_t row = n[i] < 0 ? 0 : n[i] > IH_TABLE_END ? IH_TABLE_END : n[i];
            hi[i] = ih_table[row][0] + (n[i] < IH_TABLE_END ? 0.0 : hi[i]);
            lo[i] = ih_table[row][1] + (n[i] < IH_TABLE_END ? 0.0 : lo[i]);
        }
}

IH_CLONES void ih_expected_magnitude_array(size_t count, const char *n, ptrdiff_t n_stride,
                                           char *out, ptrdiff_t out_stride)
{
    int64_t chunk[IH_CHUNK];
    double hi[IH_CHUNK], lo[IH_CHUNK];
    while (count > 0) {
        size_t size = count < IH_CHUNK ? count : IH_CHUNK;
        load(chunk, n, n_stride, size);
        magnitudes(chunk, hi, lo, size);
        int doubtful = 0;
        for (size_t i = 0; i < size; i++)
            hi[i] = rounded((double_double){hi[i], lo[i]}, &doubtful);
        if (doubtful)
            for (size_t i = 0; i < size; i++)
                hi[i] = ih_expected_magnitude(chunk[i]);
        store(out, out_stride, hi, size);
        n += (ptrdiff_t)size * n_stride;
        out += (ptrdiff_t)size * out_stride;
        count -= size;
    }
}

IH_CLONES void ih_letkeman_bound_array(size_t count, const char *n, ptrdiff_t n_stride, char *out,
                                       ptrdiff_t out_stride)
{
    int64_t chunk[IH_CHUNK];
    double hi[IH_CHUNK], lo[IH_CHUNK];
    while (count > 0) {
        size_t size = count < IH_CHUNK ? count : IH_CHUNK;
        load(chunk, n, n_stride, size);
        magnitudes(chunk, hi, lo, size);
        int doubtful = 0;
        for (size_t i = 0; i < size; i++)
            hi[i] = rounded(standard_bound((double_double){hi[i], lo[i]}), &doubtful);
        if (doubtful)
            for (size_t i = 0; i < size; i++)
                hi[i] = ih_letkeman_bound(chunk[i]);
        store(out, out_stride, hi, size);
        n += (ptrdiff_t)size * n_stride;
        out += (ptrdiff_t)size * out_stride;
        count -= size;
    }
}

IH_CLONES void ih_letkeman_bound_normalized_array(size_t count, const char *n, ptrdiff_t n_stride,
                                                  const char *m, ptrdiff_t m_stride,
                                                  ih_formula formula, char *out,
                                                  ptrdiff_t out_stride)
{
    int64_t n_chunk[IH_CHUNK], m_chunk[IH_CHUNK];
    double n_hi[IH_CHUNK], n_lo[IH_CHUNK], m_hi[IH_CHUNK], m_lo[IH_CHUNK];
    while (count > 0) {
        size_t size = count < IH_CHUNK ? count : IH_CHUNK;
        load(n_chunk, n, n_stride, size);
        load(m_chunk, m, m_stride, size);
        magnitudes(n_chunk, n_hi, n_lo, size);
        magnitudes(m_chunk, m_hi, m_lo, size);
        int doubtful = 0;
        for (size_t i = 0; i < size; i++)
            n_hi[i] = rounded(normalized_bound(from_integer(n_chunk[i]),
                                               (double_double){n_hi[i], n_lo[i]},
                                               from_integer(m_chunk[i]),
                                               (double_double){m_hi[i], m_lo[i]}, formula),
                              &doubtful);
        if (doubtful)
            for (size_t i = 0; i < size; i++)
                n_hi[i] = ih_letkeman_bound_normalized(n_chunk[i], m_chunk[i], formula);
        store(out, out_stride, n_hi, size);
        n += (ptrdiff_t)size * n_stride;
        m += (ptrdiff_t)size * m_stride;
        out += (ptrdiff_t)size * out_stride;
        count -= size;
    }
}

IH_CLONES void ih_preserved_magnitude_array(size_t count, const char *n, ptrdiff_t n_stride,
                                            const char *m, ptrdiff_t m_stride, const char *bound,
                                            ptrdiff_t bound_stride, char *forward,
                                            ptrdiff_t forward_stride, char *backward,
                                            ptrdiff_t backward_stride, char *node_average,
                                            ptrdiff_t node_average_stride)
{
    int64_t n_chunk[IH_CHUNK], m_chunk[IH_CHUNK], bound_bits[IH_CHUNK];
    double n_hi[IH_CHUNK], n_lo[IH_CHUNK], m_hi[IH_CHUNK], m_lo[IH_CHUNK];
    double bounds[IH_CHUNK], averages[IH_CHUNK];
    while (count > 0) {
        size_t size = count < IH_CHUNK ? count : IH_CHUNK;
        load(n_chunk, n, n_stride, size);
        load(m_chunk, m, m_stride, size);
        load(bound_bits, bound, bound_stride, size);
        memcpy(bounds, bound_bits, size * sizeof(double));
        magnitudes(n_chunk, n_hi, n_lo, size);
        magnitudes(m_chunk, m_hi, m_lo, size);
        for (size_t i = 0; i < size; i++) {
            double_double a_n = {n_hi[i], n_lo[i]}, a_m = {m_hi[i], m_lo[i]};
            averages[i] = preserved_average(from_integer(n_chunk[i]), a_n, from_integer(m_chunk[i]),
                                            a_m, bounds[i]);
            n_hi[i] = scaled(bounds[i], a_n);
            m_hi[i] = scaled(bounds[i], a_m);
        }
        store(forward, forward_stride, n_hi, size);
        store(backward, backward_stride, m_hi, size);
        store(node_average, node_average_stride, averages, size);
        n += (ptrdiff_t)size * n_stride;
        m += (ptrdiff_t)size * m_stride;
        bound += (ptrdiff_t)size * bound_stride;
        forward += (ptrdiff_t)size * forward_stride;
        backward += (ptrdiff_t)size * backward_stride;
        node_average += (ptrdiff_t)size * node_average_stride;
        count -= size;
    }
}
