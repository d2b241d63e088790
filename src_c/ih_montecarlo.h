/* Monte Carlo estimates of the magnitudes that uniform weights preserve, without storing a weight.
 *
 * The weights are those of the stream's uniform float32 law with bound 1. They are odd integers in
 * units of 2^-24, so their sums are exact. Trials are grouped in blocks of a fixed size. The
 * moments of a block depend only on (key, n, m, trial numbers): the bits are the same for any
 * number of threads, kernel and machine. Nothing is allocated.
 */
#ifndef IH_MONTECARLO_H
#define IH_MONTECARLO_H

#include <stddef.h>
#include <stdint.h>

#include "ih_fill.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The largest number of weights in a trial, n or n * m. Every sum fits 64 bits. */
#define IH_MAX_TRIAL_WEIGHTS (UINT64_C(1) << 38)

enum ih_simulation_status {
    IH_ERROR_SIZE = -20,   /* n or m is 0, or a trial has more than IH_MAX_TRIAL_WEIGHTS weights */
    IH_ERROR_TRIALS = -21, /* the last weight is beyond the first 2^63 elements of the stream */
    IH_INTERRUPTED = -22   /* the caller's function returned nonzero; out is undefined */
};

/* The calling thread calls `wanted` every few milliseconds; if it is nonzero, the simulation ends.
 */
typedef struct {
    int (*wanted)(void *context);
    void *context;
} ih_interrupt;

/* The moments of a block of trials. */
typedef struct {
    double count, mean, squares; /* trials; their mean; sum of squared deviations from it */
} ih_moments;

/* The number of trials in a block when a trial has this many weights (1 if weights is 0). */
uint64_t ih_block_trials(uint64_t weights);

/* Simulate sums of n weights: trial t adds elements t * n, ..., t * n + n - 1 of the stream, and
 * its value is the magnitude of the sum. Simulate trials first, ..., first + trials - 1, and write
 * the moments of each block of them, counted from first, to out; the last block may be short.
 * interrupt may be NULL. */
int ih_simulate_magnitude(const ih_key *key, uint64_t n, uint64_t first, uint64_t trials,
                          ih_moments *out, int threads, int kernel, const ih_interrupt *interrupt);

/* The bytes of scratch memory that ih_simulate_layer needs, or SIZE_MAX if that is too many. */
size_t ih_layer_scratch(uint64_t n, uint64_t m, int threads);

/* Simulate n by m layers: trial t uses the C-ordered (n, m) matrix of the elements from t * n * m
 * on. Its values are the mean magnitude of the m column sums (forward: the outputs for inputs of
 * 1), of the n row sums (backward: the gradients), and of all n + m. out gets three moments for
 * each block, in this order. scratch is aligned to 8 bytes. */
int ih_simulate_layer(const ih_key *key, uint64_t n, uint64_t m, uint64_t first, uint64_t trials,
                      ih_moments *out, void *scratch, int threads, int kernel,
                      const ih_interrupt *interrupt);

#ifdef __cplusplus
}
#endif

#endif
