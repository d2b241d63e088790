/* Calls of every public function by libFuzzer, and of the weighted distributions: each input
 * chooses functions and their arguments, and what it is too short for is random. Arrays end at
 * pages that cannot be touched. What must hold:
 *
 * - an array function gives what the function of one element gives, and touches nothing else;
 * - a result is NaN where the header says so, and nowhere else, and lies within its range;
 * - magnitudes grow with n, the normalized bound is the same with n and m exchanged;
 * - at neighbouring doubles a cdf does not fall, and an sf does not rise, by more than its error;
 * - fills and simulations give what the portable kernel with one thread gives.
 *
 * Compiled and run by tests/verify/fuzz_interface.py.
 */
#define main fuzz_main /* of fuzz.c, whose calls, guards and reports are used here */
#include "fuzz.c"
#undef main
/* With RANDOM_INPUTS it has a main that makes as many inputs as its argument says, for coverage. */

#include "distribution/ih_weighted.h"
#include "ih_distribution.h"
#include "ih_montecarlo.h"
#include "irwinhall.h"

#define COUNT 20  /* elements of an array, at most */
#define BUFFERS 6 /* arrays of a call, at most */
#define BUFFER_BYTES ((size_t)4096)
#define WEIGHTS 300
#define TRIAL_WEIGHTS 3000 /* of a simulation, at most */
#define FILLED 300         /* elements of a fill, at most */
#define CALLS 16           /* of an input, at most */
/* Twice the errors that are promised: of the distribution, and with any weights. */
#define SUM_ERROR 2e-13
#define WEIGHTED_ERROR 2e-12
#define MAX_ROUNDS 14

#define REQUIRE(kept)                                                                              \
    do {                                                                                           \
        if (!(kept)) {                                                                             \
            fprintf(stderr, "line %d: " #kept "\n", __LINE__);                                     \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* ---- arguments ---- */

static int64_t any_n(void) {
    static const int64_t edges[] = {
        0, -1, INT64_MIN, INT64_MAX, IH_IRWIN_HALL_MAX_N, IH_IRWIN_HALL_MAX_N + 1};
    switch (below(8)) {
    case 0:
        return edges[below(sizeof edges / sizeof *edges)];
    case 1:
        return (int64_t)random_bits();
    case 2:
        return 1 + (int64_t)below(40);
    default:
        return (int64_t)any_size(INT64_MAX);
    }
}

/* Any bits, or any size, or near an edge. */
static double any_double(double edge) {
    uint64_t bits = random_bits();
    double value;
    switch (below(6)) {
    case 0:
        memcpy(&value, &bits, sizeof value);
        return value;
    case 1:
        return one_in(2) ? edge : -edge;
    case 2:
        return nextafter(edge, one_in(2) ? INFINITY : -INFINITY);
    case 3:
        return edge * ldexp(fraction(), -(int)below(1100));
    case 4:
        return edge * (1 - ldexp(fraction(), -(int)below(53)));
    default:
        return edge * fraction();
    }
}

/* NaN equals NaN. */
static int same(double a, double b) { return a == b || (isnan(a) && isnan(b)); }

/* ---- arrays between guards ---- */

typedef struct {
    unsigned char *pages, *first; /* between the guards; of element 0 */
    ptrdiff_t stride;
    size_t item;
} array;

static array arrays[BUFFERS];

/* An array of `count` elements at one of the guards. What is read may have a stride of 0. */
static array *any_array(int index, size_t count, size_t item, int is_read) {
    array *made = &arrays[index];
    size_t step, span;
    if (!made->pages) {
        const size_t page = (size_t)sysconf(_SC_PAGESIZE);
        unsigned char *guarded =
            mmap(NULL, BUFFER_BYTES + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (guarded == MAP_FAILED ||
            mprotect(guarded + page, BUFFER_BYTES, PROT_READ | PROT_WRITE) != 0)
            abort();
        made->pages = guarded + page;
    }
    step = one_in(2) ? item : one_in(2) ? item * (1 + below(4)) : item + below(64);
    if (is_read && one_in(4)) step = 0;
    span = count ? step * (count - 1) + item : 0;
    memset(made->pages, 0xa5, BUFFER_BYTES);
    made->item = item;
    made->stride = (ptrdiff_t)step;
    made->first = made->pages + (one_in(2) ? 0 : BUFFER_BYTES - span);
    if (count && one_in(3)) {
        made->stride = -made->stride;
        made->first += step * (count - 1);
    }
    return made;
}

static void *at(const array *of, size_t i) { return of->first + (ptrdiff_t)i * of->stride; }

static char *start_of(const array *of) { return (char *)of->first; }

static void put_n(const array *of, size_t i, int64_t value) {
    memcpy(at(of, i), &value, sizeof value);
}

static int64_t get_n(const array *of, size_t i) {
    int64_t value;
    memcpy(&value, at(of, i), sizeof value);
    return value;
}

/* A double, or a float. */
static void put(const array *of, size_t i, double value) {
    float narrow = (float)value;
    memcpy(at(of, i), of->item == sizeof value ? (void *)&value : (void *)&narrow, of->item);
}

static double get(const array *of, size_t i) {
    double value;
    float narrow;
    if (of->item == sizeof value) {
        memcpy(&value, at(of, i), sizeof value);
        return value;
    }
    memcpy(&narrow, at(of, i), sizeof narrow);
    return (double)narrow;
}

/* Require that only the elements have been written, by making them as they were. */
static void require_rest(const array *of, size_t count) {
    for (size_t i = 0; i < count; i++) memset(at(of, i), 0xa5, of->item);
    REQUIRE(of->pages[0] == 0xa5 && memcmp(of->pages, of->pages + 1, BUFFER_BYTES - 1) == 0);
}

/* ---- magnitudes and bounds ---- */

static void magnitudes(void) {
    const int64_t n = any_n(), m = any_n();
    const double magnitude = ih_expected_magnitude(n), bound = any_double(1);
    const double printed = ih_letkeman_bound_normalized(n, m, IH_AS_PRINTED);
    const double average = ih_letkeman_bound_normalized(n, m, IH_NODE_AVERAGE);
    double forward, backward, node;
    if (n < 1) {
        REQUIRE(isnan(magnitude) && isnan(ih_letkeman_bound(n)) && isnan(average));
        return;
    }
    REQUIRE(magnitude >= 0.5 && magnitude < 2e9);
    REQUIRE(n == INT64_MAX || ih_expected_magnitude(n + 1) >= magnitude);
    REQUIRE(fabs(ih_letkeman_bound(n) * magnitude - 1) < 3e-16);
    REQUIRE((m < 1) == isnan(average) && (m < 1) == isnan(printed));
    if (m < 1) return;
    REQUIRE(average > 0 && average <= 2 && printed > 0 && printed <= 2);
    REQUIRE(average == ih_letkeman_bound_normalized(m, n, IH_NODE_AVERAGE));
    REQUIRE(printed == ih_letkeman_bound_normalized(m, n, IH_AS_PRINTED));
    if (!(bound >= 0 && bound < INFINITY)) return;
    ih_preserved_magnitude(n, m, bound, &forward, &backward, &node);
    REQUIRE(forward >= 0 && backward >= 0);
    REQUIRE(node >= fmin(forward, backward) * (1 - 3e-16) - 0x1p-1070);
    REQUIRE(node <= fmax(forward, backward) * (1 + 3e-16) + 0x1p-1070);
}

static void magnitude_arrays(void) {
    const size_t count = below(COUNT + 1);
    const uint64_t which = below(4);
    const ih_formula formula = one_in(2) ? IH_NODE_AVERAGE : IH_AS_PRINTED;
    const array *n = any_array(0, count, 8, 1), *m = any_array(1, count, 8, 1);
    const array *bound = any_array(2, count, 8, 1), *out[3];
    for (int i = 0; i < 3; i++) out[i] = any_array(3 + i, count, 8, 0);
    for (size_t i = 0; i < count; i++) {
        put_n(n, i, any_n());
        put_n(m, i, any_n());
        put(bound, i, fabs(any_double(1)));
        if (!isfinite(get(bound, i))) put(bound, i, 0.5);
    }
    if (which == 0)
        ih_expected_magnitude_array(count, start_of(n), n->stride, start_of(out[0]),
                                    out[0]->stride);
    if (which == 1)
        ih_letkeman_bound_array(count, start_of(n), n->stride, start_of(out[0]), out[0]->stride);
    if (which == 2)
        ih_letkeman_bound_normalized_array(count, start_of(n), n->stride, start_of(m), m->stride,
                                           formula, start_of(out[0]), out[0]->stride);
    if (which == 3)
        ih_preserved_magnitude_array(count, start_of(n), n->stride, start_of(m), m->stride,
                                     start_of(bound), bound->stride, start_of(out[0]),
                                     out[0]->stride, start_of(out[1]), out[1]->stride,
                                     start_of(out[2]), out[2]->stride);
    for (size_t i = 0; i < count; i++) {
        const int64_t a = get_n(n, i), b = get_n(m, i);
        double expected[3];
        if (which == 0) expected[0] = ih_expected_magnitude(a);
        if (which == 1) expected[0] = ih_letkeman_bound(a);
        if (which == 2) expected[0] = ih_letkeman_bound_normalized(a, b, formula);
        if (which == 3)
            ih_preserved_magnitude(a, b, get(bound, i), &expected[0], &expected[1], &expected[2]);
        for (int k = 0; k < (which == 3 ? 3 : 1); k++) REQUIRE(same(get(out[k], i), expected[k]));
    }
    for (int k = 0; k < 3; k++) require_rest(out[k], k == 0 || which == 3 ? count : 0);
}

/* ---- the Irwin-Hall distribution ---- */

typedef double of_sum(double, int64_t);
static of_sum *const sums[] = {ih_irwin_hall_pdf,    ih_irwin_hall_logpdf, ih_irwin_hall_cdf,
                               ih_irwin_hall_logcdf, ih_irwin_hall_sf,     ih_irwin_hall_logsf,
                               ih_irwin_hall_ppf,    ih_irwin_hall_isf,    ih_irwin_hall_ppf_log,
                               ih_irwin_hall_isf_log};

/* Whether an argument is one: a number, or a probability, or the logarithm of one. */
static int is_argument(int kind, double x) {
    if (kind >= IH_IRWIN_HALL_PPF_LOG) return x <= 0;
    return kind >= IH_IRWIN_HALL_PPF ? x >= 0 && x <= 1 : !isnan(x);
}

/* Whether a value may be a result, of sums from 0 to n. */
static int is_in_range(int kind, double value, double low, double high) {
    static const int is_logarithm[] = {0, 1, 0, 1, 0, 1};
    if (kind >= IH_IRWIN_HALL_PPF) return value >= low && value <= high;
    if (kind == IH_IRWIN_HALL_PDF) return value >= 0;
    if (kind == IH_IRWIN_HALL_LOGPDF) return !isnan(value);
    return is_logarithm[kind] ? value <= 0 : value >= 0 && value <= 1;
}

/* Whether a value that must not fall has fallen by no more than its error, which is relative, and
 * of logarithms near 0 and of quantiles absolute. */
static int keeps_order(double before, double after, double error, double scale) {
    return after >= before || before - after <= error * fabs(before) + error * scale + 0x1p-1060;
}

static double argument_for(int kind, int64_t n) {
    if (kind >= IH_IRWIN_HALL_PPF_LOG) return -fabs(any_double(one_in(2) ? 1 : 1e3));
    return any_double(kind >= IH_IRWIN_HALL_PPF ? 1 : one_in(2) ? (double)n : (double)n / 2);
}

static void one_sum(void) {
    const int kind = (int)below(sizeof sums / sizeof *sums);
    const int64_t n = any_n();
    const double x = argument_for(kind, n), value = sums[kind](x, n), next = nextafter(x, INFINITY);
    const int valid = n >= 1 && n <= IH_IRWIN_HALL_MAX_N && is_argument(kind, x);
    double scale;
    REQUIRE(valid != isnan(value));
    if (!valid) return;
    REQUIRE(is_in_range(kind, value, 0, (double)n));
    if (kind < IH_IRWIN_HALL_CDF || !is_argument(kind, next)) return;
    scale = kind == IH_IRWIN_HALL_LOGCDF || kind == IH_IRWIN_HALL_LOGSF;
    if (kind == IH_IRWIN_HALL_SF || kind == IH_IRWIN_HALL_LOGSF || kind == IH_IRWIN_HALL_ISF ||
        kind == IH_IRWIN_HALL_ISF_LOG)
        REQUIRE(keeps_order(sums[kind](next, n), value, SUM_ERROR, scale));
    else
        REQUIRE(keeps_order(value, sums[kind](next, n), SUM_ERROR, scale));
}

static void sum_arrays(void) {
    const size_t count = below(COUNT + 1), item = one_in(2) ? 4 : 8;
    const int kind = (int)below(sizeof sums / sizeof *sums);
    const array *x = any_array(0, count, item, 1), *n = any_array(1, count, 8, 1);
    const array *out = any_array(2, count, item, 0);
    for (size_t i = 0; i < count; i++) {
        put_n(n, i, any_n());
        put(x, i, argument_for(kind, get_n(n, i)));
    }
    (item == 8 ? ih_irwin_hall_array
               : ih_irwin_hall_array_f32)((ih_irwin_hall_kind)kind, count, start_of(x), x->stride,
                                          start_of(n), n->stride, start_of(out), out->stride);
    for (size_t i = 0; i < count; i++) {
        double expected = sums[kind](get(x, i), get_n(n, i));
        if (item == 4) expected = (double)(float)expected;
        REQUIRE(same(get(out, i), expected));
    }
    require_rest(out, count);
}

/* ---- weighted sums ---- */

static int descending(const void *a, const void *b) {
    const double x = fabs(*(const double *)a), y = fabs(*(const double *)b);
    return x < y ? 1 : x > y ? -1 : 0;
}

static void weighted(void) {
    static double weight[WEIGHTS], size[WEIGHTS], scratch[1 << 16];
    const size_t count = 1 + below(one_in(100) ? WEIGHTS : 8);
    const int kind = (int)below(10), spread = (int)below(one_in(4) ? 399 : 6);
    const int exponent = one_in(4) ? (int)below(1000) - 500 : 0;
    double low = 0, high = 0, x, next, value[2];
    ih_weights weights;
    REQUIRE(ih_weights_scratch(count) <= sizeof scratch);
    for (size_t i = 0; i < count; i++) {
        weight[i] =
            ldexp(one_in(3) ? 1 : 1 + fraction(), exponent - (int)below(1 + (uint64_t)spread));
        if (one_in(4)) weight[i] = -weight[i];
        *(weight[i] < 0 ? &low : &high) += weight[i];
    }
    qsort(weight, count, sizeof *weight, descending);
    for (size_t i = 0; i < count; i++) size[i] = fabs(weight[i]);
    ih_weights_prepare(&weights, count, size, weight, scratch);
    REQUIRE(ih_weighted_magnitude(&weights) > 0);
    x = kind >= IH_WEIGHTED_PPF ? argument_for(kind, 1) : low + any_double(1) * (high - low);
    next = nextafter(x, INFINITY);
    for (int i = 0; i < 2; i++) {
        const double *where = i ? &next : &x;
        if (kind >= IH_WEIGHTED_PPF)
            ih_weighted_quantile_array(&weights, ih_weighted_log_volume(&weights),
                                       (ih_weighted_kind)kind, 1, where, &value[i]);
        else
            ih_weighted_array(&weights, (ih_weighted_kind)kind, 1, where, &value[i]);
        REQUIRE(is_argument(kind, *where) != isnan(value[i]));
    }
    if (!is_argument(kind, x)) return;
    REQUIRE(is_in_range(kind, value[0], low - 1e-13 * (high - low), high + 1e-13 * (high - low)));
    if (kind < IH_WEIGHTED_CDF || kind >= IH_WEIGHTED_PPF || isnan(value[1])) return;
    if (kind == IH_WEIGHTED_SF || kind == IH_WEIGHTED_LOGSF)
        REQUIRE(keeps_order(value[1], value[0], WEIGHTED_ERROR, kind == IH_WEIGHTED_LOGSF));
    else
        REQUIRE(keeps_order(value[0], value[1], WEIGHTED_ERROR, kind == IH_WEIGHTED_LOGCDF));
}

/* ---- simulations ---- */

static int stop(void *context) { return --*(int *)context <= 0; }

static void simulations(void) {
    static ih_moments made[3 * TRIAL_WEIGHTS], expected[3 * TRIAL_WEIGHTS];
    static double scratch[1 << 19];
    const uint64_t n = one_in(20) ? random_bits() : any_size(3000);
    const uint64_t m = one_in(2) ? 0 : one_in(20) ? random_bits() : any_size(200);
    const int layer = m > 0, threads = (int)below(4),
              kernel = usable[below((uint64_t)usable_count)];
    const uint64_t trials = any_size(20), first = one_in(8) ? random_bits() : any_size(1 << 20);
    const ih_key key = {{random_bits(), random_bits()}};
    int asked = one_in(8) ? 1 : 1000000, status, alone;
    const ih_interrupt interrupt = {stop, &asked};
    const int too_large = layer ? n > IH_MAX_TRIAL_WEIGHTS / m : n > IH_MAX_TRIAL_WEIGHTS;
    if (!n) return;
    if (too_large) {
        status = layer
                     ? ih_simulate_layer(&key, n, m, first, trials, made, scratch, 1, kernel, NULL)
                     : ih_simulate_magnitude(&key, n, first, trials, made, 1, kernel, NULL);
        REQUIRE(status == IH_ERROR_SIZE);
        return;
    }
    if (n * (layer ? m : 1) * trials > TRIAL_WEIGHTS) return;
    REQUIRE(!layer || ih_layer_scratch(n, m, threads < 1 ? 1 : threads) <= sizeof scratch);
    if (layer) {
        status = ih_simulate_layer(&key, n, m, first, trials, made, scratch, threads, kernel,
                                   &interrupt);
        alone = ih_simulate_layer(&key, n, m, first, trials, expected, scratch, 1, portable, NULL);
    } else {
        status = ih_simulate_magnitude(&key, n, first, trials, made, threads, kernel, &interrupt);
        alone = ih_simulate_magnitude(&key, n, first, trials, expected, 1, portable, NULL);
    }
    if (threads < 1) {
        REQUIRE(status == IH_ERROR_THREADS);
        return;
    }
    REQUIRE(status == alone || status == IH_INTERRUPTED);
    if (status != IH_OK) return;
    const uint64_t block = ih_block_trials(n * (layer ? m : 1));
    const uint64_t blocks = (trials + block - 1) / block * (layer ? 3 : 1);
    REQUIRE(memcmp(made, expected, blocks * sizeof *made) == 0);
    for (uint64_t i = 0; i < blocks; i++)
        REQUIRE(made[i].count >= 1 && made[i].mean >= 0 && made[i].squares >= 0);
}

/* ---- fills, words and quantiles ---- */

static void fills(void) {
    const arena *around;
    make_call(&current);
    if (current.elements > FILLED) return; /* fuzz.c makes those, too */
    around = place_output(&current);
    if (one_in(8))
        call_badly(around);
    else
        call_well(around);
}

static void generator(void) {
    const ih_key key = {{random_bits(), random_bits()}};
    const size_t blocks = below(COUNT);
    const uint64_t first = random_bits() >> 2;
    const uint32_t domain = (uint32_t)random_bits();
    const array *words = any_array(0, 0, 4, 0);
    static uint32_t expected[4 * COUNT], counter[4], out[4];
    const int rounds = (int)below(20) - 2, shift = (int)below(1000);
    const uint64_t odd = random_bits() | 1;
    double quantile;
    /* The words are dense. */
    uint32_t *dense = (uint32_t *)(void *)(words->pages + BUFFER_BYTES - 16 * blocks);
    REQUIRE(ih_words(&key, first, domain, blocks, dense, usable[below((uint64_t)usable_count)]) ==
            IH_OK);
    REQUIRE(ih_words(&key, first, domain, blocks, expected, portable) == IH_OK);
    REQUIRE(memcmp(dense, expected, 16 * blocks) == 0);
    for (int i = 0; i < 4; i++) counter[i] = (uint32_t)random_bits();
    REQUIRE((ih_ars(counter, counter, rounds, out) == IH_OK) ==
            (rounds >= 1 && rounds <= MAX_ROUNDS));
    ih_aes_round(out, counter, one_in(2));
    quantile = ih_normal_quantile(odd, shift);
    REQUIRE(quantile < 0 && isfinite(quantile));
}

static const struct {
    const char *name;
    void (*call)(void);
} targets[] = {{"magnitudes", magnitudes},
               {"arrays of magnitudes", magnitude_arrays},
               {"distribution", one_sum},
               {"arrays of the distribution", sum_arrays},
               {"weighted sums", weighted},
               {"simulations", simulations},
               {"fills", fills},
               {"generator", generator}};
#define TARGETS (sizeof targets / sizeof *targets)

static unsigned long long calls[TARGETS];

static void print_calls(void) {
    for (size_t i = 0; i < TARGETS; i++)
        printf("%s\"%s\": %llu", i ? ", " : "{", targets[i].name, calls[i]);
    printf("}\n");
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    atexit(print_calls);
    portable = ih_kernel_find("portable");
    for (int i = 0; i < ih_kernel_count() && i < MAX_KERNELS; i++)
        if (ih_kernel_supported(i)) usable[usable_count++] = i;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    chosen = data;
    chosen_left = size;
    random_state = size;
    for (size_t i = 0; i < size; i++) random_state = random_state * 257 + data[i];
    for (int call = 0; call < CALLS && chosen_left; call++) {
        const size_t target = *chosen++ % TARGETS;
        chosen_left--;
        targets[target].call();
        calls[target]++;
    }
    return 0;
}

#ifdef RANDOM_INPUTS
int main(int argc, char **argv) {
    static unsigned char input[400];
    const unsigned long inputs = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    LLVMFuzzerInitialize(&argc, &argv);
    for (unsigned long i = 0; i < inputs; i++) {
        random_state = i;
        chosen_left = 0;
        for (size_t k = 0; k < sizeof input; k++) input[k] = (unsigned char)random_bits();
        LLVMFuzzerTestOneInput(input, 8 + i % (sizeof input - 8));
    }
    return 0;
}
#endif
