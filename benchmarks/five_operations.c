/* The floor of a normalized bound: its two square roots and three divisions an element, in the same
 * vectors as ih_magnitude.c has, and only what it takes to load, combine and store them.
 */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/ih_clones.h"

/* as in ih_magnitude.c */
static inline double from_integer(int64_t n) {
    uint64_t bits = (uint64_t)n + 0x4330000000000000u;
    double shifted;
    memcpy(&shifted, &bits, sizeof shifted);
    return shifted - 0x1p52;
}

IH_CLONES
void five_operations(size_t count, const int64_t *restrict n, const int64_t *restrict m,
                     double *restrict out) {
    for (size_t i = 0; i < count; i++) {
        double inputs = from_integer(n[i]), outputs = from_integer(m[i]);
        out[i] = 1.0 / (sqrt(inputs) * (1.0 / inputs) + sqrt(outputs) * (1.0 / outputs));
    }
}
