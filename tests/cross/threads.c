/* Calls from several threads at once, for the sanitizers: threads [race | overrun]
 *
 * Four callers fill parts of one array by every kernel, with two threads each, and simulate; all
 * must get what one thread alone gets. "race" lets two callers fill the same part, and "overrun"
 * fills beyond an array: faults that a sanitizer must report.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ih_distribution.h"
#include "ih_fill.h"
#include "ih_montecarlo.h"
#include "irwinhall.h"

#define CALLERS 4
#define PART 300001 /* enough for two threads, and no whole number of blocks */
#define ELEMENTS ((uint64_t)CALLERS * PART)
#define TRIALS 400
#define BLOCKS TRIALS /* at most, of one trial each */
#define INPUTS 1000
#define OUTPUTS 7

typedef struct {
    float *out;
    uint64_t start, count;
    int kernel, status;
    ih_moments moments[BLOCKS], layer[3 * BLOCKS];
    double values[4];
} caller;

static const ih_key key = {{1, 2}};
static float together[ELEMENTS], alone[ELEMENTS];

static int never(void *context) {
    (void)context;
    return 0;
}

static int simulate(caller *self, int threads) {
    const ih_interrupt interrupt = {never, NULL};
    void *scratch = malloc(ih_layer_scratch(INPUTS, OUTPUTS, threads));
    int status = scratch == NULL;
    status |= ih_simulate_magnitude(&key, INPUTS, 0, TRIALS, self->moments, threads, self->kernel,
                                    &interrupt);
    status |= ih_simulate_layer(&key, INPUTS, OUTPUTS, 0, TRIALS, self->layer, scratch, threads,
                                self->kernel, NULL);
    free(scratch);
    return status;
}

static int fill(caller *self, int threads) {
    const uint64_t shape = ELEMENTS + 1;
    const ptrdiff_t stride = sizeof(float);
    ih_law law;
    return ih_law_normal(&law, 1.0) | ih_fill(&key, &law, IH_F32, 1, &shape, &self->start,
                                              &self->count, &stride, self->out, threads,
                                              IH_MEMORY_TOUCHED, self->kernel);
}

static void *call(void *argument) {
    caller *self = argument;
    self->status = fill(self, 2) | simulate(self, 2);
    self->values[0] = ih_expected_magnitude(INPUTS);
    self->values[1] = ih_letkeman_bound(OUTPUTS);
    self->values[2] = ih_irwin_hall_cdf(10.0, 30);
    self->values[3] = ih_irwin_hall_ppf(0.01, 30);
    return NULL;
}

static caller callers[CALLERS], reference;

static int compare(int kernel, int race) {
    pthread_t handles[CALLERS];
    int wrong = 0;
    memset(&reference, 0, sizeof reference);
    reference.out = alone;
    reference.count = ELEMENTS;
    reference.kernel = kernel;
    wrong |= fill(&reference, 1) | simulate(&reference, 1);
    for (int i = 0; i < CALLERS; i++) {
        memset(&callers[i], 0, sizeof callers[i]);
        callers[i].start = (uint64_t)(race ? i / 2 * 2 : i) * PART;
        callers[i].out = together + callers[i].start;
        callers[i].count = PART;
        callers[i].kernel = kernel;
        wrong |= pthread_create(&handles[i], NULL, call, &callers[i]) != 0;
    }
    for (int i = 0; i < CALLERS; i++) pthread_join(handles[i], NULL);
    for (int i = 0; i < CALLERS; i++) {
        wrong |= callers[i].status;
        wrong |= memcmp(callers[i].moments, reference.moments, sizeof reference.moments);
        wrong |= memcmp(callers[i].layer, reference.layer, sizeof reference.layer);
        wrong |= memcmp(callers[i].values, callers[0].values, sizeof reference.values);
    }
    return wrong | (!race && memcmp(together, alone, sizeof alone));
}

/* Fill one element more than an array on the heap has, whose end is no multiple of a page. */
static int overrun(void) {
    caller self = {.count = PART};
    self.out = malloc((PART - 1) * sizeof(float));
    self.kernel = ih_kernel_find("portable");
    int status = self.out == NULL ? 1 : fill(&self, 1);
    free(self.out);
    return status;
}

int main(int argc, char **argv) {
    const char *fault = argc > 1 ? argv[1] : "";
    if (strcmp(fault, "overrun") == 0) return overrun();
    for (int kernel = 0; kernel < ih_kernel_count(); kernel++) {
        if (!ih_kernel_supported(kernel)) continue;
        if (compare(kernel, strcmp(fault, "race") == 0)) {
            printf("%s: other bits\n", ih_kernel_name(kernel));
            return 1;
        }
        printf("%s: %d callers get what one gets\n", ih_kernel_name(kernel), CALLERS);
    }
    return 0;
}
