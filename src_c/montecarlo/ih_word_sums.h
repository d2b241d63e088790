/* Sums of the stream's words as weights.
 *
 * A weight is k = ((int32)word >> 7) | 1 in units of 2^-24, which is 2 * ((int32)word >> 8) + 1. So
 * the sum of `count` weights is twice the sum of the shifted words, plus count. The loops add
 * shifted words, at most 2^23 in magnitude, in 32-bit lanes, and widen before a lane can overflow.
 * Without vectors, they add word by word.
 */
#ifndef IH_WORD_SUMS_H
#define IH_WORD_SUMS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/ih_compiler.h"

#define LANES 16
/* Number of rows that a 32-bit column can add: 255 * 2^23 < 2^31. */
#define COLUMN_ROWS 255

/* The magnitude of a sum of count weights, from the sum of their shifted words. */
IH_INLINE int64_t weight_sum_magnitude(int64_t shifted, uint64_t count) {
    int64_t sum = 2 * shifted + (int64_t)count;
    return sum < 0 ? -sum : sum;
}

#if defined(IH_GNU)

/* GCC and Clang compile this type for the vectors of the machine. */
typedef int32_t lanes __attribute__((vector_size(4 * LANES)));
typedef int32_t half_lanes __attribute__((vector_size(2 * LANES)));
typedef int32_t quarter_lanes __attribute__((vector_size(LANES)));

/* All lanes from LANES - count on are 0, read from offset LANES - count: count ones, then zeros. */
static const int32_t first_lanes[2 * LANES] = {-1, -1, -1, -1, -1, -1, -1, -1,
                                               -1, -1, -1, -1, -1, -1, -1, -1};

IH_INLINE void load_shifted(lanes *value, const uint32_t *words) {
    memcpy(value, words, sizeof *value);
    *value >>= 8;
}

IH_INLINE void load_shifted_part(lanes *value, const uint32_t *words, size_t count) {
    lanes mask;
    memcpy(&mask, first_lanes + LANES - count, sizeof mask);
    load_shifted(value, words);
    *value &= mask;
}

/* The sum of all lanes if it fits 32 bits, by halves, which stay in vector registers. */
IH_INLINE int32_t narrow_sum_of_lanes(const lanes *value) {
    half_lanes low, high;
    quarter_lanes left, right;
    uint64_t pair[2];
    memcpy(&low, value, sizeof low);
    memcpy(&high, (const char *)value + sizeof low, sizeof high);
    low += high;
    memcpy(&left, &low, sizeof left);
    memcpy(&right, (const char *)&low + sizeof left, sizeof right);
    left += right;
    memcpy(pair, &left, sizeof pair);
    return ((int32_t)pair[0] + (int32_t)(pair[0] >> 32)) +
           ((int32_t)pair[1] + (int32_t)(pair[1] >> 32));
}

/* The sum of all lanes, separately for the upper and lower 16 bits, which cannot overflow. */
IH_INLINE int64_t sum_of_lanes(const lanes *value) {
    lanes low = *value & 0xffff, high = *value >> 16;
    return (int64_t)narrow_sum_of_lanes(&high) * 65536 + narrow_sum_of_lanes(&low);
}

IH_INLINE int64_t sum_of_words(const uint32_t *words, size_t count) {
    lanes total = {0}, value;
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        load_shifted(&value, words + i);
        total += value;
    }
    if (i < count) {
        load_shifted_part(&value, words + i, count - i);
        total += value;
    }
    return count <= COLUMN_ROWS ? narrow_sum_of_lanes(&total) : sum_of_lanes(&total);
}

/* The same for count <= LANES. */
IH_INLINE int64_t sum_of_few_words(const uint32_t *words, size_t count) {
    lanes part;
    load_shifted_part(&part, words, count);
    return narrow_sum_of_lanes(&part);
}

/* Add words to columns, and return the sum of the words. Columns are written in whole vectors. */
IH_INLINE int64_t add_to_columns(int32_t *column, const uint32_t *words, size_t count) {
    lanes total = {0}, value, sum;
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        load_shifted(&value, words + i);
        memcpy(&sum, column + i, sizeof sum);
        sum += value;
        memcpy(column + i, &sum, sizeof sum);
        total += value;
    }
    if (i < count) {
        load_shifted_part(&value, words + i, count - i);
        memcpy(&sum, column + i, sizeof sum);
        sum += value;
        memcpy(column + i, &sum, sizeof sum);
        total += value;
    }
    return count <= COLUMN_ROWS ? narrow_sum_of_lanes(&total) : sum_of_lanes(&total);
}

/* Add rows of m <= LANES words to columns and return the sum of the rows' magnitudes. */
IH_INLINE int64_t add_narrow_rows(int32_t *column, const uint32_t *words, size_t m, size_t rows) {
    int64_t magnitudes = 0;
    lanes total, value;
    memcpy(&total, column, sizeof total);
    for (size_t i = 0; i < rows; i++, words += m) {
        load_shifted_part(&value, words, m);
        total += value;
        magnitudes += weight_sum_magnitude(narrow_sum_of_lanes(&value), m);
    }
    memcpy(column, &total, sizeof total);
    return magnitudes;
}

#else

IH_INLINE int64_t sum_of_words(const uint32_t *words, size_t count) {
    int64_t sum = 0;
    for (size_t i = 0; i < count; i++) sum += (int32_t)words[i] >> 8;
    return sum;
}

IH_INLINE int64_t sum_of_few_words(const uint32_t *words, size_t count) {
    return sum_of_words(words, count);
}

IH_INLINE int64_t add_to_columns(int32_t *column, const uint32_t *words, size_t count) {
    for (size_t i = 0; i < count; i++) column[i] += (int32_t)words[i] >> 8;
    return sum_of_words(words, count);
}

IH_INLINE int64_t add_narrow_rows(int32_t *column, const uint32_t *words, size_t m, size_t rows) {
    int64_t magnitudes = 0;
    for (size_t i = 0; i < rows; i++, words += m)
        magnitudes += weight_sum_magnitude(add_to_columns(column, words, m), m);
    return magnitudes;
}

#endif

#endif
