/* Monte Carlo on the weight stream: words are generated and summed in pieces that fit L1. */
#include <string.h>

#include "common/ih_clones.h"
#include "common/ih_compiler.h"
#include "common/ih_flag.h"
#include "common/ih_threads.h"
#include "ih_montecarlo.h"
#include "montecarlo/ih_word_sums.h"
#include "stream/kernels/ih_fill_dispatch.h"

/* Weights and trials in a block: enough to make the overhead of a block negligible, few enough for
 * the stack and for many threads. */
#define BLOCK_WEIGHTS (UINT64_C(1) << 18)
#define BLOCK_TRIALS 2048
/* Number of words generated at a time, 8 KiB. */
#define PIECE_WORDS 2048
_Static_assert(PIECE_WORDS / LANES < COLUMN_ROWS, "a lane must hold the sum of its words");

/* Number of pieces between two checks whether to stop: a few milliseconds. */
#define PIECES_UNASKED 1024

/* Whether to stop: the calling thread checks, and all threads read the result. */
typedef struct {
    const ih_interrupt *interrupt;
    ih_flag stopped;
} watch;

/* A run of the stream's words. */
typedef struct {
    const ih_plan *plan;
    watch *watch;
    unsigned unasked;                   /* pieces until the next check, 0 for never */
    uint64_t block, left;               /* the next block; the number of words not generated yet */
    size_t at, end;                     /* the words in the piece that were not taken yet */
    uint32_t word[PIECE_WORDS + LANES]; /* room to load a whole vector from the last word on */
} word_source;

static void open_source(word_source *source, const ih_plan *plan, uint64_t index, uint64_t count) {
    source->plan = plan;
    source->block = index / 4;
    source->left = count + index % 4;
    source->at = source->end = 0;
    memset(source->word + PIECE_WORDS, 0, LANES * sizeof *source->word);
}

static int is_stopped(const word_source *source) { return ih_read_flag(&source->watch->stopped); }

static void ask_whether_to_stop(word_source *source) {
    const ih_interrupt *interrupt = source->watch->interrupt;
    source->unasked = PIECES_UNASKED;
    if (interrupt->wanted(interrupt->context)) ih_write_flag(&source->watch->stopped, 1);
}

/* Called before the first block. The calling thread is thread 0. */
static void watch_source(word_source *source, watch *watch, unsigned thread) {
    source->watch = watch;
    source->unasked = watch->interrupt && thread == 0 ? PIECES_UNASKED : 0;
}

static void make_words(word_source *source, size_t skip) {
    const ih_kernel *kernel = source->plan->kernel;
    size_t count = source->left < PIECE_WORDS ? (size_t)source->left : PIECE_WORDS;
    size_t group = 4 * (size_t)kernel->blocks_per_vector,
           whole = (count + group - 1) / group * group;
    ih_blocks blocks = {source->block, NULL};
    if (source->unasked && --source->unasked == 0) ask_whether_to_stop(source);
    kernel->words(source->plan, blocks, IH_DOMAIN_MAIN, whole / 4, source->word);
    source->block += whole / 4;
    source->left -= count;
    source->at = skip;
    source->end = count;
}

/* How many whole runs of `length` words are left in the piece, at most `wanted`. */
IH_INLINE size_t whole_runs(const word_source *source, uint64_t length, uint64_t wanted) {
    size_t runs = (source->end - source->at) / (size_t)length;
    return runs < wanted ? runs : (size_t)wanted;
}

/* The next words: *got of them, at least 1 and at most `wanted`. */
IH_INLINE const uint32_t *take(word_source *source, uint64_t wanted, size_t *got) {
    const uint32_t *words;
    if (source->at == source->end) make_words(source, 0);
    words = source->word + source->at;
    *got = source->end - source->at;
    if (*got > wanted) *got = (size_t)wanted;
    source->at += *got;
    return words;
}

/* ---- blocks of trials ---- */

/* Moments of values / divisor * 2^-24. The sum is an exact integer; the squares are summed in eight
 * lanes, in an order that does not depend on the machine's vectors. */
IH_CLONES
static void moments_of(const int64_t *value, size_t count, uint64_t divisor, ih_moments *out) {
    double lane[8] = {0}, mean, unit = 0x1p-24 / (double)divisor;
    int64_t sum = 0;
    size_t i = 0;
    for (size_t k = 0; k < count; k++) sum += value[k];
    mean = (double)sum / (double)count;
    for (; i + 8 <= count; i += 8)
        for (size_t k = 0; k < 8; k++) {
            double distance = (double)value[i + k] - mean;
            lane[k] += distance * distance;
        }
    for (size_t k = 0; i + k < count; k++) {
        double distance = (double)value[i + k] - mean;
        lane[k] += distance * distance;
    }
    out->count = (double)count;
    out->mean = (double)sum / ((double)count * (double)divisor) * 0x1p-24;
    out->squares = (((lane[0] + lane[4]) + (lane[2] + lane[6])) +
                    ((lane[1] + lane[5]) + (lane[3] + lane[7]))) *
                   unit * unit;
}

IH_CLONES
static void magnitude_trials(word_source *source, uint64_t n, size_t trials, int64_t *value) {
    for (size_t t = 0; t < trials;) {
        int64_t sum = 0;
        if (n <= LANES) { /* a trial is a part of a vector: do many at a time */
            size_t whole = whole_runs(source, n, trials - t);
            const uint32_t *words = source->word + source->at;
            for (size_t i = 0; i < whole; i++, words += n)
                value[t++] = weight_sum_magnitude(sum_of_few_words(words, (size_t)n), n);
            source->at += whole * (size_t)n;
            if (t == trials) return;
        }
        for (uint64_t left = n; left;) {
            size_t got;
            const uint32_t *words = take(source, left, &got);
            sum += sum_of_words(words, got);
            left -= got;
            if (is_stopped(source)) return;
        }
        value[t++] = weight_sum_magnitude(sum, n);
    }
}

/* Scratch memory of a thread: m columns of 32 bits and, if these could overflow, m of 64 bits. */
typedef struct {
    int32_t *narrow;
    int64_t *wide; /* NULL if n <= COLUMN_ROWS */
} column_sums;

static void widen(const column_sums *column, uint64_t m) {
    for (uint64_t j = 0; j < m; j++) column->wide[j] += column->narrow[j];
    memset(column->narrow, 0, m * sizeof *column->narrow);
}

/* One trial of layers: the sums of the magnitudes of column sums and of row sums. */
IH_INLINE void layer_trial(word_source *source, uint64_t n, uint64_t m, const column_sums *column,
                           int64_t *outputs, int64_t *gradients) {
    int64_t forward = 0, backward = 0;
    unsigned rows = 0;
    memset(column->narrow, 0, m * sizeof *column->narrow);
    if (column->wide) memset(column->wide, 0, m * sizeof *column->wide);
    for (uint64_t i = 0; i < n;) {
        int64_t sum = 0;
        if (rows == COLUMN_ROWS) {
            widen(column, m);
            rows = 0;
        }
        if (m <= LANES) { /* a row is a part of a vector: do many at a time */
            uint64_t wanted = n - i < COLUMN_ROWS - rows ? n - i : COLUMN_ROWS - rows;
            size_t whole = whole_runs(source, m, wanted);
            if (whole) {
                const uint32_t *words = source->word + source->at;
                backward += add_narrow_rows(column->narrow, words, (size_t)m, whole);
                source->at += whole * (size_t)m;
                rows += (unsigned)whole;
                i += whole;
                continue;
            }
        }
        for (uint64_t j = 0; j < m;) {
            size_t got;
            const uint32_t *words = take(source, m - j, &got);
            sum += add_to_columns(column->narrow + j, words, got);
            j += got;
        }
        if (is_stopped(source)) return;
        backward += weight_sum_magnitude(sum, m);
        rows++;
        i++;
    }
    if (column->wide) {
        widen(column, m);
        for (uint64_t j = 0; j < m; j++) forward += weight_sum_magnitude(column->wide[j], n);
    } else {
        for (uint64_t j = 0; j < m; j++) forward += weight_sum_magnitude(column->narrow[j], n);
    }
    *outputs = forward;
    *gradients = backward;
}

IH_CLONES
static void layer_trials(word_source *source, uint64_t n, uint64_t m, size_t trials,
                         const column_sums *column, int64_t *outputs, int64_t *gradients) {
    for (size_t t = 0; t < trials && !is_stopped(source); t++)
        layer_trial(source, n, m, column, outputs + t, gradients + t);
}

/* ---- calls ---- */

typedef struct {
    ih_plan plan;
    uint64_t n, m, weights; /* weights: in a trial */
    uint64_t first, trials, block_trials;
    ih_moments *out;
    char *scratch;
    size_t scratch_bytes; /* of a thread */
    watch *watch;
} simulation;

static size_t trials_of_block(const simulation *job, uint64_t block) {
    uint64_t left = job->trials - block * job->block_trials;
    return (size_t)(left < job->block_trials ? left : job->block_trials);
}

static void open_block(word_source *source, const simulation *job, uint64_t block, size_t trials) {
    uint64_t index = (job->first + block * job->block_trials) * job->weights;
    open_source(source, &job->plan, index, trials * job->weights);
    make_words(source, index % 4);
}

static void magnitude_blocks(const void *task, uint64_t begin, uint64_t end, unsigned thread) {
    const simulation *job = task;
    word_source source;
    int64_t value[BLOCK_TRIALS];
    watch_source(&source, job->watch, thread);
    for (uint64_t block = begin; block < end; block++) {
        size_t trials = trials_of_block(job, block);
        open_block(&source, job, block, trials);
        magnitude_trials(&source, job->n, trials, value);
        if (is_stopped(&source)) return;
        moments_of(value, trials, 1, job->out + block);
    }
}

static void layer_blocks(const void *task, uint64_t begin, uint64_t end, unsigned thread) {
    const simulation *job = task;
    word_source source;
    int64_t outputs[BLOCK_TRIALS], gradients[BLOCK_TRIALS];
    char *scratch = job->scratch + thread * job->scratch_bytes;
    column_sums column = {(int32_t *)scratch, NULL};
    if (job->n > COLUMN_ROWS) {
        column.wide = (int64_t *)scratch;
        column.narrow = (int32_t *)(column.wide + job->m);
    }
    watch_source(&source, job->watch, thread);
    for (uint64_t block = begin; block < end; block++) {
        size_t trials = trials_of_block(job, block);
        ih_moments *out = job->out + 3 * block;
        open_block(&source, job, block, trials);
        layer_trials(&source, job->n, job->m, trials, &column, outputs, gradients);
        if (is_stopped(&source)) return;
        moments_of(outputs, trials, job->m, out);
        moments_of(gradients, trials, job->n, out + 1);
        for (size_t t = 0; t < trials; t++) outputs[t] += gradients[t];
        moments_of(outputs, trials, job->n + job->m, out + 2);
    }
}

uint64_t ih_block_trials(uint64_t weights) {
    uint64_t trials = weights ? BLOCK_WEIGHTS / weights : 1;
    return trials > BLOCK_TRIALS ? BLOCK_TRIALS : trials ? trials : 1;
}

/* Bytes of a thread's columns: whole vectors, on cache lines that no other thread uses. */
static uint64_t column_bytes(uint64_t n, uint64_t m) {
    uint64_t bytes = (m + LANES) * sizeof(int32_t);
    if (n > COLUMN_ROWS) bytes += m * sizeof(int64_t);
    return (bytes + 127) / 64 * 64;
}

/* The number of threads that need scratch memory. */
static uint64_t most_threads(int threads) {
    return threads < 1 ? 1 : threads > IH_MAX_THREADS ? IH_MAX_THREADS : (uint64_t)threads;
}

static int size_fits(uint64_t n, uint64_t m) {
    return n >= 1 && m >= 1 && n <= IH_MAX_TRIAL_WEIGHTS && m <= IH_MAX_TRIAL_WEIGHTS / n;
}

size_t ih_layer_scratch(uint64_t n, uint64_t m, int threads) {
    uint64_t each;
    if (!size_fits(n, m)) return SIZE_MAX;
    each = column_bytes(n, m);
    if (each > SIZE_MAX / 2 / most_threads(threads)) return SIZE_MAX;
    return (size_t)(each * most_threads(threads));
}

static int simulate(simulation *job, ih_work_function *work, const ih_key *key, int threads,
                    int kernel, const ih_interrupt *interrupt) {
    watch watched = {interrupt, 0};
    uint64_t blocks, used;
    const ih_kernel *chosen = ih_kernel_at(kernel);
    if (!key || !job->out) return IH_ERROR_NULL;
    if (!size_fits(job->n, job->m)) return IH_ERROR_SIZE;
    if (threads < 1) return IH_ERROR_THREADS;
    if (!chosen) return IH_ERROR_KERNEL;
    job->weights = job->n * job->m;
    if (job->first > (UINT64_C(1) << 63) / job->weights ||
        job->trials > (UINT64_C(1) << 63) / job->weights - job->first)
        return IH_ERROR_TRIALS;
    if (job->trials == 0) return IH_OK;
    job->watch = &watched;
    ih_schedule(key, IH_ROUNDS, job->plan.round_key);
    job->plan.kernel = chosen;
    job->block_trials = ih_block_trials(job->weights);
    blocks = (job->trials - 1) / job->block_trials + 1;
    used = ih_worth_threads(job->trials * job->weights, threads);
    ih_run_threads(work, job, blocks, 1, used < blocks ? used : blocks);
    return ih_read_flag(&watched.stopped) ? IH_INTERRUPTED : IH_OK;
}

int ih_simulate_magnitude(const ih_key *key, uint64_t n, uint64_t first, uint64_t trials,
                          ih_moments *out, int threads, int kernel, const ih_interrupt *interrupt) {
    simulation job = {.n = n, .m = 1, .first = first, .trials = trials, .out = out};
    return simulate(&job, magnitude_blocks, key, threads, kernel, interrupt);
}

int ih_simulate_layer(const ih_key *key, uint64_t n, uint64_t m, uint64_t first, uint64_t trials,
                      ih_moments *out, void *scratch, int threads, int kernel,
                      const ih_interrupt *interrupt) {
    simulation job = {.n = n, .m = m, .first = first, .trials = trials, .out = out};
    if (!scratch) return IH_ERROR_NULL;
    if (!size_fits(n, m)) return IH_ERROR_SIZE;
    job.scratch = scratch;
    job.scratch_bytes = (size_t)column_bytes(n, m);
    return simulate(&job, layer_blocks, key, threads, kernel, interrupt);
}
