/* The accurate path: the formulas of ih_magnitude.c in fixed point with 224 binary places.
 *
 * Every operation truncates, with an error of at most a few units of the last place, 2^-224, of
 * numbers that are at least 2^-32. About 190 bits of the result are right. The accurate path runs
 * about once in 10^6 calls and takes a few microseconds, so the code is simple rather than fast. */
#include <math.h>

#include "magnitude/ih_magnitude_wide.h"
#include "magnitude/ih_magnitude_wide_table.h"

static const ih_fixed one = {{0, 0, 0, 0, 0, 0, 0, 1}};

static ih_fixed add(ih_fixed a, ih_fixed b) {
    uint64_t carry = 0;
    for (int i = 0; i < IH_LIMBS; i++) {
        carry += (uint64_t)a.limb[i] + b.limb[i];
        a.limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    return a;
}

/* a - b for a >= b */
static ih_fixed subtract(ih_fixed a, ih_fixed b) {
    uint64_t borrow = 0;
    for (int i = 0; i < IH_LIMBS; i++) {
        uint64_t difference = (uint64_t)a.limb[i] - b.limb[i] - borrow;
        a.limb[i] = (uint32_t)difference;
        borrow = difference >> 63;
    }
    return a;
}

static int less(ih_fixed a, ih_fixed b) {
    for (int i = IH_LIMBS - 1; i >= 0; i--)
        if (a.limb[i] != b.limb[i]) return a.limb[i] < b.limb[i];
    return 0;
}

static ih_fixed multiply(ih_fixed a, ih_fixed b) {
    uint32_t full[2 * IH_LIMBS] = {0};
    for (int i = 0; i < IH_LIMBS; i++) {
        uint64_t carry = 0;
        for (int j = 0; j < IH_LIMBS; j++) {
            carry += (uint64_t)a.limb[i] * b.limb[j] + full[i + j];
            full[i + j] = (uint32_t)carry;
            carry >>= 32;
        }
        full[i + IH_LIMBS] = (uint32_t)carry;
    }
    ih_fixed product;
    for (int i = 0; i < IH_LIMBS; i++) product.limb[i] = full[i + IH_LIMBS - 1];
    return product;
}

/* a 2^bits, for -256 < bits < 256; bits shifted out at either end are lost. */
static ih_fixed shift(ih_fixed a, int bits) {
    int limbs = (bits + 32 * IH_LIMBS) / 32 - IH_LIMBS; /* floor(bits / 32) */
    int rest = bits - 32 * limbs;
    ih_fixed shifted;
    for (int i = 0; i < IH_LIMBS; i++) {
        int from = i - limbs;
        uint64_t high = from >= 0 && from < IH_LIMBS ? a.limb[from] : 0;
        uint64_t low = from >= 1 && from <= IH_LIMBS ? a.limb[from - 1] : 0;
        shifted.limb[i] = (uint32_t)((high << 32 | low) >> (32 - rest));
    }
    return shifted;
}

/* n / 2^64 */
static ih_fixed fraction_of_2_64(uint64_t n) {
    ih_fixed a = {{0}};
    a.limb[IH_LIMBS - 2] = (uint32_t)(n >> 32);
    a.limb[IH_LIMBS - 3] = (uint32_t)n;
    return a;
}

/* The index of the highest set bit of a, its weight being 2^(index - 224); -1 if a is zero. */
static int highest_bit(ih_fixed a) {
    int bit = 32 * IH_LIMBS - 1;
    while (bit >= 0 && !(a.limb[bit / 32] >> (bit % 32) & 1)) bit--;
    return bit;
}

/* The nearest double to a, ties to even. */
static double nearest_double(ih_fixed a) {
    int top = highest_bit(a);
    if (top < 0) return 0.0;
    ih_fixed window = shift(a, 32 * IH_LIMBS - 1 - top); /* the leading bit in bit 255 */
    uint64_t leading = (uint64_t)window.limb[IH_LIMBS - 1] << 32 | window.limb[IH_LIMBS - 2];
    uint64_t kept = leading >> 11, dropped = leading & 0x7ff;
    int sticky = 0;
    for (int i = 0; i < IH_LIMBS - 2; i++) sticky |= window.limb[i] != 0;
    if (dropped > 0x400 || (dropped == 0x400 && (sticky || (kept & 1)))) kept++;
    return ldexp((double)kept, top - 224 - 52);
}

/* The first 64 bits of a positive a, accurate enough to start Newton's iteration. */
static double roughly(ih_fixed a) {
    return ldexp(a.limb[7], 0) + ldexp(a.limb[6], -32) + ldexp(a.limb[5], -64);
}

/* A double in [0, 2^32) */
static ih_fixed from_double(double value) {
    ih_fixed a = {{0}};
    for (int i = IH_LIMBS - 1; i >= IH_LIMBS - 4; i--) {
        a.limb[i] = (uint32_t)value;
        value = (value - a.limb[i]) * 0x1p32;
    }
    return a;
}

/* 1/a for a in [1/4, 1): y <- y (2 - a y), each step doubling 52 right bits. */
static ih_fixed reciprocal(ih_fixed a) {
    ih_fixed two = add(one, one);
    ih_fixed y = from_double(1.0 / roughly(a));
    for (int step = 0; step < 3; step++) y = multiply(y, subtract(two, multiply(a, y)));
    return y;
}

/* sqrt(a) for a in [1/32, 1): a times y <- y (3 - a y^2)/2, which tends to 1/sqrt(a). */
static ih_fixed square_root(ih_fixed a) {
    ih_fixed three = add(one, add(one, one));
    ih_fixed y = from_double(1.0 / sqrt(roughly(a)));
    for (int step = 0; step < 3; step++)
        y = shift(multiply(y, subtract(three, multiply(a, multiply(y, y)))), -1);
    return multiply(a, y);
}

/* A(n), below 2^31. Above the table n = f 4^e with f in [1/4, 1), and
 * A(n) = 2^e sqrt(2/(3 pi) f (1 + (s_0 + s_1/n + ...)/n)), summed in x = IH_WIDE_TABLE_END/n. */
static ih_fixed magnitude(int64_t n) {
    if (n < IH_WIDE_TABLE_END) return ih_wide_table[n];
    int e = 32;
    while (!((uint64_t)n >> (2 * e - 2))) e--;
    ih_fixed f = shift(fraction_of_2_64((uint64_t)n), 64 - 2 * e);
    ih_fixed inverse = shift(reciprocal(f), -2 * e);
    ih_fixed x = multiply(from_double(IH_WIDE_TABLE_END), inverse);

    ih_fixed size = {{0}};
    int negative = 0;
    for (int k = IH_WIDE_SHIFT_TERMS - 1; k >= 0; k--) {
        ih_fixed term = ih_wide_shift[k].size;
        size = multiply(size, x);
        if (negative == ih_wide_shift[k].negative) {
            size = add(size, term);
        } else if (less(size, term)) {
            size = subtract(term, size);
            negative = !negative;
        } else {
            size = subtract(size, term);
        }
    }
    /* The sum is positive, because s_0 = 1/10 is larger than the other terms. */
    ih_fixed shifted = add(one, multiply(size, inverse));
    return shift(square_root(multiply(ih_wide_two_over_3pi, multiply(f, shifted))), e);
}

/* (m A(n) + n A(m))/(n + m), or with the weights exchanged; between 1/2 and 2^31 */
static ih_fixed average(int64_t n, int64_t m, ih_formula formula) {
    uint64_t total = (uint64_t)n + (uint64_t)m;
    int up = 0;
    while (!(total << up >> 63)) up++;
    ih_fixed inverse_total = reciprocal(fraction_of_2_64(total << up));
    ih_fixed n_share = multiply(fraction_of_2_64((uint64_t)n << up), inverse_total);
    ih_fixed m_share = multiply(fraction_of_2_64((uint64_t)m << up), inverse_total);
    ih_fixed a_n = magnitude(n), a_m = magnitude(m);
    return formula == IH_NODE_AVERAGE ? add(multiply(m_share, a_n), multiply(n_share, a_m))
                                      : add(multiply(n_share, a_n), multiply(m_share, a_m));
}

/* a in [2^-10, 2^32) as a sum of two doubles */
static ih_dd as_pair(ih_fixed a) {
    double hi = nearest_double(a);
    ih_fixed nearest = from_double(hi);
    return (ih_dd){hi, less(a, nearest) ? -nearest_double(subtract(nearest, a))
                                        : nearest_double(subtract(a, nearest))};
}

ih_dd ih_magnitude_wide(int64_t n) { return as_pair(magnitude(n)); }

ih_dd ih_average_wide(int64_t n, int64_t m) { return as_pair(average(n, m, IH_NODE_AVERAGE)); }

double ih_bound_wide(int64_t n, int64_t m, ih_formula formula) {
    /* The average is g 2^e with g in [1/2, 1); rounding commutes with the scaling by 2^-e. */
    ih_fixed preserved = average(n, m, formula);
    int e = highest_bit(preserved) - 223;
    return ldexp(nearest_double(reciprocal(shift(preserved, -e))), -e);
}
