/* Prints digests of simulations by one kernel: two builds that agree print the same. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ih_fill.h"
#include "ih_montecarlo.h"

#define TRIALS 20
#define MOST_INPUTS 1000
#define MOST_OUTPUTS 300

static const ih_key key = {{UINT64_C(0x0123456789abcdef), UINT64_C(0xfedcba9876543210)}};
static ih_moments moments[3 * TRIALS]; /* at most, of one trial each */
static uint64_t scratch[2 * (MOST_INPUTS + MOST_OUTPUTS)];

/* FNV-1a, a word at a time */
static uint64_t hashed(uint64_t count) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (uint64_t i = 0; i < count; i++) {
        const double values[3] = {moments[i].count, moments[i].mean, moments[i].squares};
        for (int k = 0; k < 3; k++) {
            uint64_t bits;
            memcpy(&bits, &values[k], sizeof bits);
            hash = (hash ^ bits) * UINT64_C(0x100000001b3);
        }
    }
    return hash;
}

static uint64_t blocks_of(uint64_t weights) { return (TRIALS - 1) / ih_block_trials(weights) + 1; }

int main(int argc, char **argv) {
    /* On both sides of a vector's lanes, and of the rows that a narrow column holds. */
    static const uint64_t inputs[] = {1, 2, 7, 15, 16, 17, 31, 32, 255, 256, 257, MOST_INPUTS};
    static const uint64_t outputs[] = {1, 5, 15, 16, 17, 40, MOST_OUTPUTS};
    const int kernel = ih_kernel_find(argc > 1 ? argv[1] : NULL);
    if (kernel < 0) {
        printf("no such kernel here\n");
        return 3;
    }
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
        const uint64_t n = inputs[i];
        if (ih_simulate_magnitude(&key, n, 3, TRIALS, moments, 2, kernel, NULL)) return 1;
        printf("%" PRIu64 " %016" PRIx64 "\n", n, hashed(blocks_of(n)));
        for (size_t j = 0; j < sizeof outputs / sizeof *outputs; j++) {
            const uint64_t m = outputs[j];
            if (ih_layer_scratch(n, m, 1) > sizeof scratch) return 1;
            if (ih_simulate_layer(&key, n, m, 3, TRIALS, moments, scratch, 1, kernel, NULL))
                return 1;
            printf("%" PRIu64 " x %" PRIu64 " %016" PRIx64 "\n", n, m,
                   hashed(3 * blocks_of(n * m)));
        }
    }
    return 0;
}
