/* Expected magnitudes and Letkeman bounds, correctly rounded.
 *
 * The fast path computes unevaluated sums of two doubles with a relative error below 2^-75: from a
 * table for n < IH_TABLE_END, and for larger n by the square root
 *
 *     A(n) = sqrt(2/(3 pi) (n + s_0 + s_1/n + s_2/n^2 + ...)),
 *
 * in which only n + s_0 needs more than a double. If the result is so close to the middle between
 * two doubles that the error could change the rounding, about once in 10^6 results, the accurate
 * path of ih_magnitude_wide.c computes it again with 190 bits. It also computes all n from 2^52 on.
 */
#include <math.h>
#include <string.h>

#include "common/ih_clones.h"
#include "common/ih_compiler.h"
#include "magnitude/ih_magnitude_wide.h"
#include "magnitude/ih_magnitude_table.h"
#include "common/ih_dd.h"

/* The clones of a function give the same bits, as fma() rounds once as an instruction and as a
 * call.
 */

/* Twice the bound on the relative error of the pairs below. */
#define IH_ROUNDING_MARGIN 0x1p-74

/* Below this, an integer and the sum of two are exact as doubles. */
#define IH_FAST_END ((int64_t)1 << 52)

/* Number of elements that the array functions handle at a time: their buffers stay in the L1 cache.
 */
#define IH_CHUNK 128

/* ---- double-double pieces ------------------------------------------------------------------- */

/* a / b to about 2^-103: one Newton step from the rounded reciprocal */
static inline ih_dd quotient(ih_dd a, ih_dd b) {
    double reciprocal = 1.0 / b.hi;
    double hi = a.hi * reciprocal;
    double rest = fma(-hi, b.hi, a.hi) + (a.lo - hi * b.lo);
    return (ih_dd){hi, rest * reciprocal};
}

/* the same for a double a */
static inline ih_dd ratio(double a, ih_dd b) {
    double reciprocal = 1.0 / b.hi;
    double hi = a * reciprocal;
    double rest = fma(-hi, b.hi, a) - hi * b.lo;
    return (ih_dd){hi, rest * reciprocal};
}

/* n exactly, for 0 <= n <= 2^52. The last bits of the double 2^52 + n are n; no vector unit before
 * AVX-512 converts 64-bit integers. */
static inline double from_integer(int64_t n) {
    uint64_t bits = (uint64_t)n + 0x4330000000000000u;
    double shifted;
    memcpy(&shifted, &bits, sizeof shifted);
    return shifted - 0x1p52;
}

/* The nearest double; *doubtful becomes 1 if it could be another within the margin of error. */
static inline double rounded(ih_dd value, int *doubtful) {
    double margin = value.hi * IH_ROUNDING_MARGIN;
    double up = value.hi + (value.lo + margin);
    double down = value.hi + (value.lo - margin);
    *doubtful |= up != down;
    return up;
}

/* ---- the formulas --------------------------------------------------------------------------- */

/* A(n) for IH_TABLE_END <= n <= IH_FAST_END. The terms s_1/n + ... are below 2^-25 n, so their
 * rounding errors, about six half ulp, are below 2^-75.9 of the sum, and half of this for its root.
 * The omitted terms are below 2^-78. */
static inline ih_dd magnitude_by_series(double n) {
    double x = 1.0 / n;
    double tail = ih_shift[IH_SHIFT_TERMS - 1];
    for (int k = IH_SHIFT_TERMS - 2; k >= 0; k--) tail = tail * x + ih_shift[k];
    tail *= x;
    ih_dd shifted = fast_two_sum(n, ih_shift_0[0]);
    /* Remove the overlap of the two doubles: the first-order step of the square root needs this. */
    shifted = fast_two_sum(shifted.hi, shifted.lo + (ih_shift_0[1] + tail));

    ih_dd square = product(ih_two_over_3pi[0], shifted);
    square.lo += ih_two_over_3pi[1] * shifted.hi;
    double root = sqrt(square.hi);
    double rest = fma(-root, root, square.hi) + square.lo;
    /* 1/(2 root) without a division: root/2 times 1/square = (x/constant)(1 - v + v^2 - ...),
     * v = (s_0 + s_1/n + ...)/n < 2^-13. It scales a term of 2^-52, so 2^-39 is accurate enough. */
    double v = x * (ih_shift_0[0] + tail);
    double half_over_square = x * (0.5 / ih_two_over_3pi[0]) * (1.0 - v + v * v);
    return (ih_dd){root, rest * (root * half_over_square)};
}

static inline ih_dd magnitude_by_table(int64_t n) {
    return (ih_dd){ih_table[n][0], ih_table[n][1]};
}

static inline ih_dd magnitude(int64_t n) {
    return n < IH_TABLE_END ? magnitude_by_table(n) : magnitude_by_series(from_integer(n));
}

static inline ih_dd standard_bound(ih_dd a_n) { return ratio(1.0, a_n); }

static inline ih_dd weighted_sum(double of_n, ih_dd a_n, double of_m, ih_dd a_m) {
    return sum(product(of_n, a_n), product(of_m, a_m));
}

/* Select the weights, not the sums: vector code would compute both sums. */
static inline ih_dd normalized_bound(double n, ih_dd a_n, double m, ih_dd a_m, ih_formula formula) {
    double of_n = formula == IH_NODE_AVERAGE ? m : n;
    double of_m = formula == IH_NODE_AVERAGE ? n : m;
    return ratio(n + m, weighted_sum(of_n, a_n, of_m, a_m));
}

static inline ih_dd average(double n, ih_dd a_n, double m, ih_dd a_m) {
    return quotient(weighted_sum(m, a_n, n, a_m), (ih_dd){n + m, 0.0});
}

/* bound a, within 0.501 ulp above 2^-968, where the low part does not underflow, and within 1 ulp
 * below; infinite, not NaN, on overflow */
static inline double scaled(double bound, ih_dd a) {
    double hi = bound * a.hi;
    return fabs(hi) > DBL_MAX ? hi : hi + (fma(bound, a.hi, -hi) + bound * a.lo);
}

/* ---- scalars -------------------------------------------------------------------------------- */

IH_CLONES
double ih_expected_magnitude(int64_t n) {
    if (n < 1) return NAN;
    if (n >= IH_FAST_END) return ih_magnitude_wide(n).hi;
    int doubtful = 0;
    double result = rounded(magnitude(n), &doubtful);
    return doubtful ? ih_magnitude_wide(n).hi : result;
}

IH_CLONES
double ih_letkeman_bound(int64_t n) {
    if (n < 1) return NAN;
    if (n >= IH_FAST_END) return ih_bound_wide(n, n, IH_NODE_AVERAGE);
    int doubtful = 0;
    double result = rounded(standard_bound(magnitude(n)), &doubtful);
    return doubtful ? ih_bound_wide(n, n, IH_NODE_AVERAGE) : result;
}

IH_CLONES
double ih_letkeman_bound_normalized(int64_t n, int64_t m, ih_formula formula) {
    if (n < 1 || m < 1) return NAN;
    if ((n | m) >= IH_FAST_END) return ih_bound_wide(n, m, formula);
    int doubtful = 0;
    ih_dd bound =
        normalized_bound(from_integer(n), magnitude(n), from_integer(m), magnitude(m), formula);
    double result = rounded(bound, &doubtful);
    return doubtful ? ih_bound_wide(n, m, formula) : result;
}

IH_CLONES
void ih_preserved_magnitude(int64_t n, int64_t m, double bound, double *forward, double *backward,
                            double *node_average) {
    if (n < 1 || m < 1) {
        *forward = *backward = *node_average = NAN;
        return;
    }
    int fast = (n | m) < IH_FAST_END;
    ih_dd a_n = fast ? magnitude(n) : ih_magnitude_wide(n);
    ih_dd a_m = fast ? magnitude(m) : ih_magnitude_wide(m);
    *forward = scaled(bound, a_n);
    *backward = scaled(bound, a_m);
    *node_average = scaled(bound, fast ? average(from_integer(n), a_n, from_integer(m), a_m)
                                       : ih_average_wide(n, m));
}

/* ---- arrays --------------------------------------------------------------------------------- */

/* The chunk as an array: in place if it is contiguous and aligned, else copied into the buffer.
 * load and store are not inlined: compilers would make string instructions of the copies, which
 * take three times as long. */
IH_NOINLINE
const int64_t *load(int64_t *buffer, const char *from, ptrdiff_t stride, size_t count) {
    if (stride == sizeof(int64_t) && (uintptr_t)from % _Alignof(int64_t) == 0)
        return (const int64_t *)(const void *)from;
    for (size_t i = 0; i < count; i++)
        memcpy(&buffer[i], from + (ptrdiff_t)i * stride, sizeof(int64_t));
    return buffer;
}

IH_NOINLINE
void store(char *to, ptrdiff_t stride, const double *chunk, size_t count) {
    if (stride == sizeof(double))
        memcpy(to, chunk, count * sizeof(double));
    else
        for (size_t i = 0; i < count; i++)
            memcpy(to + (ptrdiff_t)i * stride, &chunk[i], sizeof(double));
}

/* The sizes in a chunk, which determine how it is computed. If fast is 0, the others are undefined.
 */
typedef struct {
    int fast;                  /* every n is from 1 to IH_FAST_END */
    int constant;              /* all n are equal: an axis of a grid, or a broadcast scalar */
    int some_small, all_small; /* some or all n are below IH_TABLE_END */
} ih_contents;

/* Uses the sign bits of differences, because AVX2 has no minimum of 64-bit integers. */
static inline ih_contents contents(const int64_t *n, size_t count) {
    uint64_t before = 0, some = 0, all = UINT64_MAX;
    for (size_t i = 0; i < count; i++) {
        before |= (uint64_t)n[i] - 1;
        some |= (uint64_t)n[i] - IH_TABLE_END;
        all &= (uint64_t)n[i] - IH_TABLE_END;
    }
    uint64_t different = (uint64_t)(n[0] ^ n[count - 1]);
    if (!different)
        for (size_t i = 0; i < count; i++) different |= (uint64_t)(n[0] ^ n[i]);
    return (ih_contents){before < IH_FAST_END, !different, some >> 63, all >> 63};
}

/* The pair of a small n, or row 0 for a large n, without a branch to mispredict. Copied as bytes
 * through integer registers: mixing SSE with the AVX of the clones would be slow. */
static inline void look_up_one(int64_t n, double *hi, double *lo) {
    const double *row = ih_table[n & -(int64_t)((uint64_t)(n - IH_TABLE_END) >> 63)];
    memcpy(hi, &row[0], sizeof *hi);
    memcpy(lo, &row[1], sizeof *lo);
}

/* Write the pairs of the small n, which are looked for four at a time. The other elements of hi and
 * lo are unspecified. */
IH_NOINLINE
void look_up(const int64_t *n, double *hi, double *lo, size_t count) {
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        int64_t some = (n[i] - IH_TABLE_END) | (n[i + 1] - IH_TABLE_END) |
                       (n[i + 2] - IH_TABLE_END) | (n[i + 3] - IH_TABLE_END);
        if (some < 0)
            for (size_t j = i; j < i + 4; j++) look_up_one(n[j], &hi[j], &lo[j]);
    }
    for (; i < count; i++) look_up_one(n[i], &hi[i], &lo[i]);
}

/* A(n), which is looked_up if n is small. The series is always computed and one of the two
 * selected, so that loops are vectorized. */
static inline ih_dd magnitude_or(ih_dd looked_up, int64_t n) {
    ih_dd a = magnitude_by_series(from_integer(n));
    int small = n < IH_TABLE_END;
    return (ih_dd){small ? looked_up.hi : a.hi, small ? looked_up.lo : a.lo};
}

/* A(n[i]) as hi[i] + lo[i] */
static inline void magnitudes(const int64_t *n, ih_contents all, double *hi, double *lo,
                              size_t count) {
    if (all.constant) {
        ih_dd a = magnitude(n[0]);
        for (size_t i = 0; i < count; i++) {
            hi[i] = a.hi;
            lo[i] = a.lo;
        }
    } else if (all.all_small) {
        for (size_t i = 0; i < count; i++) {
            ih_dd a = magnitude_by_table(n[i]);
            hi[i] = a.hi;
            lo[i] = a.lo;
        }
    } else {
        if (all.some_small) look_up(n, hi, lo, count);
        for (size_t i = 0; i < count; i++) {
            ih_dd a = magnitude_or((ih_dd){hi[i], lo[i]}, n[i]);
            hi[i] = a.hi;
            lo[i] = a.lo;
        }
    }
}

IH_CLONES
void ih_expected_magnitude_array(size_t count, const char *n, ptrdiff_t n_stride, char *out,
                                 ptrdiff_t out_stride) {
    int64_t buffer[IH_CHUNK];
    double hi[IH_CHUNK], lo[IH_CHUNK];
    while (count > 0) {
        size_t size = count < IH_CHUNK ? count : IH_CHUNK;
        const int64_t *chunk = load(buffer, n, n_stride, size);
        ih_contents all = contents(chunk, size);
        int doubtful = !all.fast;
        if (all.fast) {
            magnitudes(chunk, all, hi, lo, size);
            for (size_t i = 0; i < size; i++) hi[i] = rounded((ih_dd){hi[i], lo[i]}, &doubtful);
        }
        if (doubtful)
            for (size_t i = 0; i < size; i++) hi[i] = ih_expected_magnitude(chunk[i]);
        store(out, out_stride, hi, size);
        n += (ptrdiff_t)size * n_stride;
        out += (ptrdiff_t)size * out_stride;
        count -= size;
    }
}

IH_CLONES
void ih_letkeman_bound_array(size_t count, const char *n, ptrdiff_t n_stride, char *out,
                             ptrdiff_t out_stride) {
    int64_t buffer[IH_CHUNK];
    double hi[IH_CHUNK], lo[IH_CHUNK];
    while (count > 0) {
        size_t size = count < IH_CHUNK ? count : IH_CHUNK;
        const int64_t *chunk = load(buffer, n, n_stride, size);
        ih_contents all = contents(chunk, size);
        int doubtful = !all.fast;
        if (all.fast) {
            magnitudes(chunk, all, hi, lo, size);
            for (size_t i = 0; i < size; i++)
                hi[i] = rounded(standard_bound((ih_dd){hi[i], lo[i]}), &doubtful);
        }
        if (doubtful)
            for (size_t i = 0; i < size; i++) hi[i] = ih_letkeman_bound(chunk[i]);
        store(out, out_stride, hi, size);
        n += (ptrdiff_t)size * n_stride;
        out += (ptrdiff_t)size * out_stride;
        count -= size;
    }
}

IH_CLONES
void ih_letkeman_bound_normalized_array(size_t count, const char *n, ptrdiff_t n_stride,
                                        const char *m, ptrdiff_t m_stride, ih_formula formula,
                                        char *out, ptrdiff_t out_stride) {
    int64_t n_buffer[IH_CHUNK], m_buffer[IH_CHUNK];
    double n_hi[IH_CHUNK], n_lo[IH_CHUNK], m_hi[IH_CHUNK], m_lo[IH_CHUNK];
    while (count > 0) {
        size_t size = count < IH_CHUNK ? count : IH_CHUNK;
        const int64_t *n_chunk = load(n_buffer, n, n_stride, size);
        const int64_t *m_chunk = load(m_buffer, m, m_stride, size);
        ih_contents all_n = contents(n_chunk, size), all_m = contents(m_chunk, size);
        int fast = all_n.fast && all_m.fast, doubtful = !fast;
        int need_series = !(all_n.constant || all_n.all_small || all_m.constant || all_m.all_small);
        if (fast && need_series) {
            /* In one pass, so that other arithmetic runs while the divider is busy. */
            if (all_n.some_small) look_up(n_chunk, n_hi, n_lo, size);
            if (all_m.some_small) look_up(m_chunk, m_hi, m_lo, size);
            for (size_t i = 0; i < size; i++) {
                ih_dd a_n = magnitude_or((ih_dd){n_hi[i], n_lo[i]}, n_chunk[i]);
                ih_dd a_m = magnitude_or((ih_dd){m_hi[i], m_lo[i]}, m_chunk[i]);
                n_hi[i] = rounded(normalized_bound(from_integer(n_chunk[i]), a_n,
                                                   from_integer(m_chunk[i]), a_m, formula),
                                  &doubtful);
            }
        } else if (fast) {
            magnitudes(n_chunk, all_n, n_hi, n_lo, size);
            magnitudes(m_chunk, all_m, m_hi, m_lo, size);
            for (size_t i = 0; i < size; i++) {
                ih_dd a_n = {n_hi[i], n_lo[i]}, a_m = {m_hi[i], m_lo[i]};
                n_hi[i] = rounded(normalized_bound(from_integer(n_chunk[i]), a_n,
                                                   from_integer(m_chunk[i]), a_m, formula),
                                  &doubtful);
            }
        }
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

IH_CLONES
void ih_preserved_magnitude_array(size_t count, const char *n, ptrdiff_t n_stride, const char *m,
                                  ptrdiff_t m_stride, const char *bound, ptrdiff_t bound_stride,
                                  char *forward, ptrdiff_t forward_stride, char *backward,
                                  ptrdiff_t backward_stride, char *node_average,
                                  ptrdiff_t node_average_stride) {
    for (size_t i = 0; i < count; i++) {
        int64_t inputs, outputs;
        double half_width, preserved[3];
        memcpy(&inputs, n + (ptrdiff_t)i * n_stride, sizeof inputs);
        memcpy(&outputs, m + (ptrdiff_t)i * m_stride, sizeof outputs);
        memcpy(&half_width, bound + (ptrdiff_t)i * bound_stride, sizeof half_width);
        ih_preserved_magnitude(inputs, outputs, half_width, &preserved[0], &preserved[1],
                               &preserved[2]);
        memcpy(forward + (ptrdiff_t)i * forward_stride, &preserved[0], sizeof(double));
        memcpy(backward + (ptrdiff_t)i * backward_stride, &preserved[1], sizeof(double));
        memcpy(node_average + (ptrdiff_t)i * node_average_stride, &preserved[2], sizeof(double));
    }
}
