/* Random calls of ih_fill: fuzz CALLS SEED [FIRST]
 *
 * Each call draws a law, an element type, a region of a global array, a layout of the output,
 * threads, a memory hint and a kernel. The memory around the output has a pattern and ends at pages
 * that cannot be read or written. Afterwards all of it must be the pattern with every element in
 * its place. Expected elements come from whole aligned windows of the flat array that the portable
 * kernel fills: no walk of a region, no list of blocks, no streaming store. Some calls have one bad
 * argument, for which the status must be right and nothing written.
 *
 * Call i of a seed depends on the seed and i alone. The first difference or crash prints the call
 * and its number, and fuzz 1 SEED NUMBER repeats it. Without any, the counts are printed as JSON.
 */
#define _GNU_SOURCE /* MAP_ANONYMOUS, sigaction */
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ih_fill.h"

#define MAX_KERNELS 8
#define ARENAS 15 /* of 1, 2, 4, ... pages */
#define WINDOW 64
#define WINDOWS 256
#define MIB (UINT64_C(1) << 20)

#define FLOATS (IH_BF16 + 1) /* types; those of integers follow */

static const size_t item_bytes[IH_DTYPES] = {4, 8, 2, 2, 4, 8};

typedef struct {
    ih_key key;
    ih_law law;
    int dtype, ndim, threads, memory, kernel;
    uint64_t shape[IH_MAX_DIMENSIONS], start[IH_MAX_DIMENSIONS], count[IH_MAX_DIMENSIONS];
    ptrdiff_t strides[IH_MAX_DIMENSIONS];
    uint64_t elements;
    size_t extent, origin; /* bytes from the lowest to the highest; where element 0 is among them */
    unsigned char *out;
} fill_call;

static int portable, usable[MAX_KERNELS], usable_count;

/* ---- chance ---- */

static uint64_t random_state;
/* Bits that someone chose, which come first (fuzz_interface.c). */
static const unsigned char *chosen;
static size_t chosen_left;

/* splitmix64 */
static uint64_t random_bits(void) {
    uint64_t z;
    if (chosen_left >= sizeof z) {
        memcpy(&z, chosen, sizeof z);
        chosen += sizeof z;
        chosen_left -= sizeof z;
        return z;
    }
    z = random_state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static uint64_t below(uint64_t limit) { return random_bits() % limit; }

static int one_in(uint64_t chances) { return below(chances) == 0; }

/* In [0, 1). */
static double fraction(void) { return (double)(random_bits() >> 11) * 0x1p-53; }

static double between(double low, double high) { return low + (high - low) * fraction(); }

/* In [1, limit], every size of number about as often. */
static uint64_t any_size(uint64_t limit) {
    int bits = 0;
    while (bits < 64 && limit >> bits) bits++;
    uint64_t shift = 63 - below((uint64_t)bits);
    uint64_t value = random_bits() >> shift;
    return value < 1 ? 1 : value > limit ? limit : value;
}

/* ---- laws ---- */

static const int least_exponent[FLOATS] = {-149, -1074, -24, -133};
static const int greatest_exponent[FLOATS] = {127, 1023, 15, 127};

/* From below the least subnormal number of the type to above its greatest. */
static double any_scale(int dtype) {
    double least, greatest, positive;
    int exponent = least_exponent[dtype] - 4;
    ih_type_limits(dtype, &least, &greatest, &positive);
    switch (below(8)) {
    case 0:
        return 0.02;
    case 1: /* the neighbourhood of the least */
        exponent += (int)below(32);
        break;
    case 2:
        return one_in(2) ? least : one_in(8) ? 0 : greatest;
    case 3: /* the whole range of doubles */
        exponent = -1074 + (int)below(1074 + 1024);
        break;
    default:
        exponent += (int)below((uint64_t)(greatest_exponent[dtype] - exponent + 2));
    }
    return ldexp(one_in(4) ? 1.0 : 1.0 + fraction(), exponent);
}

static void any_interval(double *low, double *high) {
    switch (below(10)) {
    case 0: /* around the centre */
        *low = -between(0.5, 10);
        *high = between(0.5, 10);
        break;
    case 1: /* its ends near 0, whose products round to 0 */
        *low = -(1 + fraction());
        *low = ldexp(*low, -(int)below(60)); /* one by one: arguments have no order */
        *high = 1 + fraction();
        *high = ldexp(*high, one_in(2) ? (int)below(4) : -(int)below(60));
        break;
    case 2: /* narrow, anywhere */
        *low = between(-9, 9);
        *high = *low + ldexp(1, -(int)below(45));
        break;
    case 3: /* nearly empty */
        *low = between(-37, 37);
        *high = *low;
        for (uint64_t steps = 1 + below(4); steps; steps--) *high = nextafter(*high, INFINITY);
        break;
    case 4: /* one tail */
        *low = between(1, 36);
        *high = *low + between(0, 5);
        break;
    case 5:
        *low = between(-4, 37);
        *high = INFINITY;
        break;
    case 6:
        *low = one_in(2) ? 0.0 : -0.0;
        *high = one_in(2) ? INFINITY : between(0, 3);
        break;
    case 7:
        *low = between(-50, 20);
        *high = ldexp(1, (int)below(1024));
        break;
    case 8: /* the ends of the series and of the fraction, 1 and 38 */
        *low = one_in(2) ? 1 : -1;
        *high = one_in(2) ? 38 : nextafter(1, 2);
        break;
    default:
        *low = -INFINITY;
        *high = one_in(4) ? INFINITY : between(-37, 37);
        if (one_in(3)) *high = -1.534; /* a sixteenth: one word, and the most that need a second */
    }
    if (one_in(2)) { /* the mirror image */
        double mirrored = -*low;
        *low = -*high;
        *high = mirrored;
    }
}

/* A law on an open interval, its ends of every size. */
static int make_interval_law(ih_law *law, int dtype) {
    const int kind = IH_UNIFORM_BETWEEN + (int)below(IH_INTEGERS - IH_UNIFORM_BETWEEN);
    double high = any_scale(dtype), low = one_in(2) ? any_scale(dtype) : high * fraction();
    if (one_in(4)) low = 0;
    if (one_in(4)) low = -low;
    if (one_in(8)) low = nextafter(high, 0);
    return ih_law_interval(law, kind, low < high ? low : high, low < high ? high : low);
}

static int make_integer_law(ih_law *law, int dtype) {
    int64_t low;
    if (dtype == IH_U32 || one_in(3)) return ih_law_bits(law);
    low = (int64_t)random_bits();
    return ih_law_integers(law, low, one_in(20) ? 0 : any_size(UINT64_MAX));
}

/* 1 if it is a law, and one that the type can have. */
static int make_law(ih_law *law, int dtype) {
    double scale, low, high;
    int status;
    if (dtype >= FLOATS) return make_integer_law(law, dtype) == IH_OK;
    scale = any_scale(dtype);
    switch (below(5)) {
    case 0:
        status = ih_law_uniform(law, scale);
        break;
    case 1:
        status = ih_law_normal(law, scale);
        break;
    case 2:
        status = make_interval_law(law, dtype);
        break;
    default:
        any_interval(&low, &high);
        status = ih_law_truncated_normal(law, scale, low, high, one_in(2));
    }
    return status == IH_OK && ih_law_check(law, dtype) == IH_OK;
}

/* ---- regions ---- */

/* Lengths of the axes whose product is about elements. */
static void make_counts(fill_call *call, uint64_t elements) {
    uint64_t rest = elements;
    for (int k = 0; k < call->ndim; k++) call->count[k] = 1;
    for (int axes = call->ndim < 6 ? call->ndim : 6; axes > 0; axes--) {
        uint64_t *count = &call->count[below((uint64_t)call->ndim)];
        if (*count != 1 || one_in(8)) continue;
        *count = axes == 1 || one_in(3) ? rest : any_size(rest);
        rest /= *count;
    }
    if (call->ndim && one_in(50)) call->count[below((uint64_t)call->ndim)] = 0;
}

/* Bring the longest axis to the end. */
static void make_long_rows(fill_call *call) {
    uint64_t *last = &call->count[call->ndim - 1];
    for (int k = 0; k < call->ndim; k++)
        if (call->count[k] > *last) {
            uint64_t longer = call->count[k];
            call->count[k] = *last;
            *last = longer;
        }
}

/* A global array around the region: axes as long as it, a little longer, or as long as can be. The
 * region begins anywhere, or so that its flat indexes cross one where a word of the counter ends.
 */
static void make_place(fill_call *call) {
    static const int borders[] = {30, 31, 32, 33, 34, 35, 36, 62, 63};
    uint64_t total = 1, wanted = 1, reach, step[IH_MAX_DIMENSIONS];
    int crossing = one_in(3);
    for (int k = 0; k < call->ndim; k++) wanted *= call->count[k] ? call->count[k] : 1;
    for (int k = call->ndim - 1; k >= 0; k--) {
        uint64_t least = call->count[k] ? call->count[k] : 1, most;
        wanted /= least;
        most = UINT64_MAX / total / wanted;
        step[k] = total;
        call->shape[k] = least;
        if (one_in(3)) call->shape[k] += below(9);
        if (one_in(4) || (crossing && k == 0)) call->shape[k] = any_size(most);
        if (crossing && k == 0 && one_in(2)) call->shape[k] = most;
        if (call->shape[k] < least) call->shape[k] = least;
        if (call->shape[k] > most) call->shape[k] = most;
        total *= call->shape[k];
    }
    reach = UINT64_C(1) << borders[below(sizeof borders / sizeof *borders)];
    if (one_in(8)) reach = UINT64_MAX;
    for (int k = 0; k < call->ndim; k++) {
        uint64_t room = call->shape[k] - call->count[k];
        if (crossing) {
            call->start[k] = reach / step[k];
            reach %= step[k];
            if (k == call->ndim - 1) {
                uint64_t back = below(call->count[k] + 1);
                call->start[k] -= back < call->start[k] ? back : call->start[k];
            }
        } else {
            call->start[k] = one_in(4) ? room : below(room + 1 ? room + 1 : room);
        }
        if (call->start[k] > room) call->start[k] = room;
    }
    if (call->ndim && one_in(200)) { /* a global array without elements */
        int k = (int)below((uint64_t)call->ndim);
        call->shape[k] = call->start[k] = call->count[k] = 0;
    }
}

/* Strides of an output in which no two elements meet: from the innermost axis, which is any, to
 * the outermost one, each step at least what is inside it. Dense rows are the last axis, without
 * gaps. */
static void make_layout(fill_call *call, int dense_rows) {
    int order[IH_MAX_DIMENSIONS];
    const size_t item = item_bytes[call->dtype], most = 48 * MIB;
    const int padded = one_in(3), odd = one_in(2);
    uint64_t rest = 1; /* elements for each one along the axes that are laid out */
    call->extent = item;
    call->origin = 0;
    call->elements = 1;
    for (int k = 0; k < call->ndim; k++) {
        order[k] = call->ndim - 1 - k;
        if (call->count[k]) rest *= call->count[k];
    }
    if (!dense_rows && one_in(2))
        for (int k = call->ndim - 1; k > 0; k--) {
            int other = (int)below((uint64_t)k + 1), kept = order[k];
            order[k] = order[other];
            order[other] = kept;
        }
    for (int k = 0; k < call->ndim; k++) {
        const int at = order[k];
        const uint64_t count = call->count[at];
        size_t stride = call->extent;
        call->elements *= count;
        if (count <= 1) { /* a step that is never taken */
            const uint64_t shift = below(64);
            call->strides[at] = (ptrdiff_t)(random_bits() >> shift);
            continue;
        }
        if (dense_rows && k == 0) {
            call->strides[at] = (ptrdiff_t)item;
            call->extent = item * count;
            rest /= count;
            continue;
        }
        if (padded && one_in(2)) stride += (odd ? 1 : item) * below(40);
        if (stride > most / rest) stride = call->extent;
        rest /= count;
        call->strides[at] = (ptrdiff_t)stride;
        if (one_in(4)) {
            call->strides[at] = -(ptrdiff_t)stride;
            call->origin += stride * (count - 1);
        }
        call->extent += stride * (count - 1);
    }
    if (call->elements == 0) call->extent = call->origin = 0;
}

static void make_call(fill_call *call) {
    uint64_t elements = any_size(one_in(40) ? 16384 : 1024);
    static const int dimensions[] = {0, 1, 1, 2, 2, 2, 3, 3, 4, 5, 6, 6};
    int dense_rows = 0;
    memset(call, 0, sizeof *call);
    call->key.word[0] = random_bits();
    call->key.word[1] = random_bits();
    call->dtype = (int)below(IH_DTYPES);
    while (!make_law(&call->law, call->dtype)) continue;
    call->kernel = usable[below((uint64_t)usable_count)];
    call->threads = one_in(64) ? 1000 : 1 + (int)below(3);
    call->memory = (int)below(3);
    call->ndim = dimensions[below(sizeof dimensions / sizeof *dimensions)];
    if (one_in(100)) call->ndim = 1 + (int)below(IH_MAX_DIMENSIONS);
    if (one_in(4000)) { /* enough for several threads */
        elements = (1 << 18) + below(1 << 18);
        call->ndim = 1 + call->ndim % 4;
    }
    if (one_in(6000)) { /* enough for streaming stores */
        elements = (8 * MIB + below(MIB)) / item_bytes[call->dtype];
        call->ndim = 1 + call->ndim % 3;
        dense_rows = !one_in(8);
    }
    make_counts(call, elements);
    if (dense_rows) make_long_rows(call);
    make_place(call);
    make_layout(call, dense_rows);
}

/* ---- what is expected ---- */

static unsigned char windows[WINDOWS][WINDOW * 8];
static uint64_t window_at[WINDOWS];

static void forget_windows(void) { memset(window_at, 0xff, sizeof window_at); }

/* Element index of the flat array, from the portable kernel's fill of its whole window. */
static const unsigned char *expected_element(const fill_call *call, uint64_t index) {
    const uint64_t whole = UINT64_MAX, window = index / WINDOW, start = window * WINDOW;
    const uint64_t count = whole - start < WINDOW ? whole - start : WINDOW, slot = window % WINDOWS;
    const ptrdiff_t item = (ptrdiff_t)item_bytes[call->dtype];
    if (window_at[slot] != window) {
        if (ih_fill(&call->key, &call->law, call->dtype, 1, &whole, &start, &count, &item,
                    windows[slot], 1, IH_MEMORY_FRESH, portable) != IH_OK)
            abort();
        window_at[slot] = window;
    }
    return windows[slot] + index % WINDOW * (uint64_t)item;
}

/* Write all elements of the region, each by its own indexes. */
static void write_expected(const fill_call *call, unsigned char *out) {
    forget_windows();
    for (uint64_t n = 0; n < call->elements; n++) {
        uint64_t rest = n, index = 0, step = 1;
        ptrdiff_t at = 0;
        for (int k = call->ndim - 1; k >= 0; k--) {
            uint64_t here = rest % call->count[k];
            rest /= call->count[k];
            if (here) at += (ptrdiff_t)here * call->strides[k];
            index += (call->start[k] + here) * step;
            step *= call->shape[k];
        }
        memcpy(out + at, expected_element(call, index), item_bytes[call->dtype]);
    }
}

/* ---- memory ---- */

/* Pages between two that cannot be touched, and as many bytes for what is expected in them. */
typedef struct {
    unsigned char *pages, *expected;
    size_t bytes;
} arena;

static arena *arena_of(size_t bytes) {
    static arena arenas[ARENAS];
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    int size = 0;
    while (page << size < bytes) size++;
    if (size >= ARENAS) abort();
    arena *chosen = &arenas[size];
    if (!chosen->bytes) {
        unsigned char *guarded;
        chosen->bytes = page << size;
        guarded =
            mmap(NULL, chosen->bytes + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        chosen->pages = guarded + page;
        chosen->expected = malloc(chosen->bytes);
        if (guarded == MAP_FAILED || !chosen->expected ||
            mprotect(chosen->pages, chosen->bytes, PROT_READ | PROT_WRITE) != 0)
            abort();
    }
    return chosen;
}

/* Choose where the output is: at one of the guards, or up to a cache line from it; the lowest byte
 * anywhere, or where blocks meet cache lines. */
static arena *place_output(fill_call *call) {
    size_t gap = one_in(2) ? 0 : below(65);
    arena *around = arena_of(call->extent + gap);
    size_t low = one_in(2) ? gap : around->bytes - gap - call->extent;
    if (one_in(2)) low -= low % 16;
    if (one_in(8) && around->bytes >= MIB) { /* pages that were never written */
        madvise(around->pages, around->bytes, MADV_DONTNEED);
        memset(around->expected, 0, around->bytes);
    } else {
        int pattern = (int)below(256);
        memset(around->pages, pattern, around->bytes);
        memset(around->expected, pattern, around->bytes);
    }
    call->out = around->pages + low + call->origin;
    return around;
}

/* ---- calls and reports ---- */

static uint64_t seed, number;
static fill_call current;

static void print_list(const char *name, const uint64_t *list, int count) {
    fprintf(stderr, " %s (", name);
    for (int k = 0; k < count; k++) fprintf(stderr, "%s%" PRIu64, k ? ", " : "", list[k]);
    fprintf(stderr, ")");
}

static void print_call(const fill_call *call) {
    fprintf(stderr, "kernel %s, type %d, law %d draw %d scale %a from %a to %a\n",
            ih_kernel_name(call->kernel), call->dtype, call->law.kind, call->law.draw,
            call->law.scale, call->law.low, call->law.high);
    fprintf(stderr, "key %" PRIx64 " %" PRIx64 ", %d threads, memory %d, out %p\n",
            call->key.word[0], call->key.word[1], call->threads, call->memory, (void *)call->out);
    print_list("shape", call->shape, call->ndim);
    print_list("start", call->start, call->ndim);
    print_list("count", call->count, call->ndim);
    fprintf(stderr, " strides (");
    for (int k = 0; k < call->ndim; k++) fprintf(stderr, "%s%td", k ? ", " : "", call->strides[k]);
    fprintf(stderr, ")\n");
}

static void print_number(const char *what) {
    fprintf(stderr,
            "\ncall %" PRIu64 " of seed %" PRIu64 ": %s; repeat it by: fuzz 1 %" PRIu64 " %" PRIu64
            "\n",
            number, seed, what, seed, number);
}

static _Noreturn void fail(const char *what) {
    print_number(what);
    print_call(&current);
    exit(1);
}

static struct sigaction previous[65];

/* A guard was touched, or a sanitizer reports: say which call it was, and leave the rest to whoever
 * handled the signal before. */
static void crash(int signal_number) {
    print_number("a crash");
    print_call(&current);
    sigaction(signal_number, &previous[signal_number], NULL);
    if (signal_number == SIGABRT) raise(SIGABRT);
}

static void watch_crashes(void) {
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = crash;
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        sigaction(signals[i], &action, &previous[signals[i]]);
}

static void check_memory(const arena *around) {
    for (size_t i = 0; memcmp(around->pages, around->expected, around->bytes) != 0; i++)
        if (around->pages[i] != around->expected[i]) {
            fprintf(stderr, "\nbyte %td from out: %02x, expected %02x",
                    around->pages + i - current.out, around->pages[i], around->expected[i]);
            fail("other bytes");
        }
}

static int fill(const fill_call *call) {
    return ih_fill(&call->key, &call->law, call->dtype, call->ndim, call->shape, call->start,
                   call->count, call->strides, call->out, call->threads, call->memory,
                   call->kernel);
}

/* Make one argument bad and say which status names it; 0 if this call cannot have that fault. */
static int spoil(fill_call *call, int *status) {
    const int k = call->ndim ? (int)below((uint64_t)call->ndim) : 0;
    const uint64_t kind = below(call->ndim ? 10 : 6);
    static const int errors[] = {
        IH_ERROR_DTYPE, IH_ERROR_DIMENSIONS, IH_ERROR_THREADS, IH_ERROR_KERNEL, IH_ERROR_LAW,
        IH_ERROR_SCALE, IH_ERROR_REGION,     IH_ERROR_REGION,  IH_ERROR_SHAPE,  IH_ERROR_INTERVAL};
    *status = errors[kind];
    switch (kind) {
    case 0:
        call->dtype = one_in(2) ? -1 - (int)below(100) : IH_DTYPES + (int)below(100);
        return 1;
    case 1:
        call->ndim = one_in(2) ? -1 - (int)below(100) : IH_MAX_DIMENSIONS + 1 + (int)below(100);
        return 1;
    case 2:
        call->threads = -(int)below(100);
        return 1;
    case 3:
        call->kernel = one_in(2) ? -1 - (int)below(100) : ih_kernel_count() + (int)below(100);
        return 1;
    case 4:
        call->law.kind = one_in(2) ? -1 - (int)below(100) : IH_LAW_KINDS + (int)below(100);
        return 1;
    case 5: {
        double least, greatest, positive, bad[] = {NAN, INFINITY, -1, 0};
        if (call->dtype >= FLOATS) return 0;
        ih_type_limits(call->dtype, &least, &greatest, &positive);
        bad[3] = call->law.kind == IH_UNIFORM ? nextafter(least, 0) : nextafter(greatest, INFINITY);
        call->law.scale = bad[below(4)];
        return 1;
    }
    case 6: /* start, or start + count, which may wrap around */
        if (call->shape[k] == UINT64_MAX) return 0;
        call->start[k] = call->shape[k] + any_size(UINT64_MAX - call->shape[k]);
        if (call->count[k] && one_in(2) && call->count[k] < UINT64_MAX - call->shape[k])
            call->start[k] = UINT64_MAX - below(call->count[k]);
        return 1;
    case 7:
        call->count[k] = call->shape[k] - call->start[k];
        if (call->count[k] == UINT64_MAX) return 0;
        call->count[k] += any_size(UINT64_MAX - call->count[k]);
        if (call->start[k] && one_in(2)) call->count[k] = UINT64_MAX - below(call->start[k]);
        return 1;
    case 8: {
        uint64_t others = 1;
        for (int i = 0; i < call->ndim; i++) others *= i == k ? 1 : call->shape[i];
        if (others <= 1) return 0;
        call->shape[k] = UINT64_MAX / others + 1;
        call->shape[k] += below(UINT64_MAX - call->shape[k] + 1);
        return 1;
    }
    default: /* between two neighbours of the type */
        if (call->dtype == IH_F64 || call->law.kind != IH_TRUNCATED_NORMAL) return 0;
        call->law.scale = 1;
        call->law.low = 1 + 0x1p-30;
        call->law.high = 1 + 0x1p-25;
        return 1;
    }
}

/* A pointer is missing; those that are not needed may be. */
static void call_with_null(const fill_call *call, int missing, unsigned char *expected_out) {
    const int ndim = call->ndim;
    const int status =
        ih_fill(missing == 0 ? NULL : &call->key, missing == 1 ? NULL : &call->law, call->dtype,
                ndim, missing == 2 ? NULL : call->shape, missing == 3 ? NULL : call->start,
                missing == 4 ? NULL : call->count, missing == 5 ? NULL : call->strides,
                missing == 6 ? NULL : call->out, call->threads, call->memory, call->kernel);
    const int needed = missing < 2 || (missing < 6 ? ndim > 0 : call->elements > 0);
    if (status != (needed ? IH_ERROR_NULL : IH_OK)) fail("a wrong status for a missing pointer");
    if (!needed && call->elements) write_expected(call, expected_out);
}

static void call_badly(const arena *around) {
    fill_call bad = current;
    int status;
    if (one_in(4)) {
        call_with_null(&current, (int)below(7), around->expected + (current.out - around->pages));
    } else if (spoil(&bad, &status)) {
        current = bad;
        if (fill(&bad) != status) fail("a wrong status");
    }
    check_memory(around);
}

static void call_well(const arena *around) {
    if (fill(&current) != IH_OK) fail("refused");
    write_expected(&current, around->expected + (current.out - around->pages));
    check_memory(around);
}

int main(int argc, char **argv) {
    uint64_t calls, first, elements = 0, bad = 0, of_kernel[MAX_KERNELS] = {0};
    if (argc < 3) {
        fprintf(stderr, "usage: fuzz CALLS SEED [FIRST]\n");
        return 2;
    }
    calls = strtoull(argv[1], NULL, 10);
    seed = strtoull(argv[2], NULL, 10);
    first = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
    portable = ih_kernel_find("portable");
    for (int i = 0; i < ih_kernel_count() && i < MAX_KERNELS; i++)
        if (ih_kernel_supported(i)) usable[usable_count++] = i;
    watch_crashes();
    for (number = first; number - first < calls; number++) {
        const arena *around;
        random_state = seed;
        random_state = random_bits() ^ number;
        random_state = random_bits();
        make_call(&current);
        around = place_output(&current);
        if (one_in(30)) {
            bad++;
            call_badly(around);
            continue;
        }
        call_well(around);
        elements += current.elements;
        of_kernel[current.kernel]++;
    }
    printf("{\"calls\": %" PRIu64 ", \"seed\": %" PRIu64
           ", \"differences\": 0, \"elements\": %" PRIu64 ", \"bad_arguments\": %" PRIu64
           ", \"kernels\": {",
           calls, seed, elements, bad);
    for (int i = 0; i < usable_count; i++)
        printf("%s\"%s\": %" PRIu64, i ? ", " : "", ih_kernel_name(usable[i]),
               of_kernel[usable[i]]);
    printf("}}\n");
    return 0;
}
