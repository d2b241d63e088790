/* Regions, threads and stores of a fill; the kernels compute the values.
 *
 * A region is filled row by row. A row is a run along the last axis, after contiguous axes were
 * merged. The kernel fills long rows in whole blocks, directly in out if it is contiguous, else
 * through a buffer in L1. Short rows and parts of blocks are collected: the kernel makes a list of
 * blocks at once, and their elements are copied to out.
 */
#define _DEFAULT_SOURCE /* mincore */
#include <string.h>
#if defined(__linux__)
#include <sys/mman.h>
#include <unistd.h>
#endif

#include "common/ih_threads.h"
#include "stream/ih_fill_element.h"
#include "stream/ih_fill_law.h"
#include "stream/kernels/ih_fill_dispatch.h"

/* The share of a thread ends at a multiple of this number of elements: at a cache line if out is
 * contiguous. */
#define SHARE_UNIT 4096
/* Larger outputs do not stay in the caches, so stores that bypass them are faster. */
#define STREAM_BYTES (UINT64_C(8) << 20)
/* Streaming stores write whole cache lines, of which shorter rows have too few. */
#define STREAM_ROW_BYTES 4096
#define LINE_BYTES 64
/* Shorter rows are collected. */
#define LONG_ROW 48
#define LIST_BLOCKS 64
#define CHUNK_BLOCKS 256

/* An axis of the region: its length, and its steps in the flat global index and in out. */
typedef struct {
    uint64_t count, index_step;
    ptrdiff_t out_step;
} axis;

typedef struct {
    ih_plan plan;
    ih_fill_function *fill;
    int dtype, item_bytes, log2_per_block;
    int stream;
    int axes;
    axis axis[IH_MAX_DIMENSIONS]; /* the last one is the row */
    uint64_t first_index, elements;
    char *out;
} fill_job;

static ih_fill_function *choose_fill(const ih_kernel *kernel, const ih_law *law, int dtype) {
    if (law->kind >= IH_KERNEL_LAWS) return ih_element_fill(law, dtype);
    int one_word = law->kind != IH_TRUNCATED_NORMAL || law->draw == IH_DRAW_ONE_WORD ||
                   (law->draw == IH_DRAW_TWO_WORDS && dtype == IH_F64);
    return one_word ? kernel->fill[law->kind][dtype] : kernel->two_words[dtype];
}

/* ---- rows ---- */

static void copy_items(char *to, ptrdiff_t step, const char *from, size_t count, int bytes) {
    if (step == bytes) {
        memcpy(to, from, count * (size_t)bytes);
        return;
    }
    switch (bytes) { /* with a constant size, memcpy is one move */
    case 2:
        for (size_t i = 0; i < count; i++, to += step) memcpy(to, from + 2 * i, 2);
        return;
    case 4:
        for (size_t i = 0; i < count; i++, to += step) memcpy(to, from + 4 * i, 4);
        return;
    default:
        for (size_t i = 0; i < count; i++, to += step) memcpy(to, from + 8 * i, 8);
    }
}

/* Part of a vector of blocks: elements [skip, skip + count) from block first on. */
static void fill_part(const fill_job *job, uint64_t first, size_t skip, size_t count, char *out,
                      ptrdiff_t step) {
    _Alignas(LINE_BYTES) char buffer[IH_LIST_GROUP * 16];
    ih_blocks blocks = {first, NULL};
    job->fill(&job->plan, blocks, (size_t)job->plan.kernel->blocks_per_vector, buffer, 0);
    copy_items(out, step, buffer + skip * (size_t)job->item_bytes, count, job->item_bytes);
}

/* A long row: adjacent elements of the global array, with any step in out. */
static void fill_row(const fill_job *job, uint64_t index, uint64_t count, char *out,
                     ptrdiff_t step) {
    _Alignas(LINE_BYTES) char buffer[CHUNK_BLOCKS * 16];
    const int shift = job->log2_per_block, bytes = job->item_bytes;
    const uint64_t per_block = UINT64_C(1) << shift, phase = index & (per_block - 1);
    const uint64_t vector_blocks = (uint64_t)job->plan.kernel->blocks_per_vector;
    const uint64_t per_vector = vector_blocks << shift;
    const int direct = step == bytes;
    uint64_t block = index >> shift, whole;
    int stream = 0;
    if (phase) {
        uint64_t part = per_block - phase < count ? per_block - phase : count;
        fill_part(job, block++, phase, part, out, step);
        out += (ptrdiff_t)part * step;
        count -= part;
    }
    if (direct && job->stream && count * (uint64_t)bytes >= STREAM_ROW_BYTES) {
        /* Blocks up to the first cache line, if a block can begin at a cache line. */
        uint64_t ahead = (0 - (uint64_t)(uintptr_t)out) & (LINE_BYTES - 1);
        uint64_t block_bytes = (uint64_t)bytes << shift;
        if (ahead % block_bytes == 0) {
            stream = 1;
            for (uint64_t left = ahead / block_bytes; left;) {
                uint64_t some = left < vector_blocks ? left : vector_blocks;
                fill_part(job, block, 0, some << shift, out, step);
                block += some;
                out += some * block_bytes;
                count -= some << shift;
                left -= some;
            }
        }
    }
    whole = count / per_vector * vector_blocks;
    if (direct) {
        if (whole) {
            ih_blocks blocks = {block, NULL};
            job->fill(&job->plan, blocks, whole, out, stream);
            out += (ptrdiff_t)(whole << shift) * step;
            block += whole;
        }
    } else {
        for (uint64_t left = whole; left;) {
            uint64_t some = left < CHUNK_BLOCKS ? left : CHUNK_BLOCKS;
            ih_blocks blocks = {block, NULL};
            job->fill(&job->plan, blocks, some, buffer, 0);
            copy_items(out, step, buffer, some << shift, bytes);
            out += (ptrdiff_t)(some << shift) * step;
            block += some;
            left -= some;
        }
    }
    count -= whole << shift;
    if (count) fill_part(job, block, 0, count, out, step);
}

/* The blocks of short rows, and the places of their elements. */
typedef struct {
    uint64_t list[LIST_BLOCKS];
    char *to[LIST_BLOCKS * 4];
    uint16_t from[LIST_BLOCKS * 4];
    unsigned blocks, items;
} collection;

static void fill_collected(const fill_job *job, collection *wanted) {
    _Alignas(LINE_BYTES) char buffer[LIST_BLOCKS * 16];
    ih_blocks blocks = {0, wanted->list};
    unsigned count = wanted->blocks, group = (unsigned)job->plan.kernel->blocks_per_vector;
    if (!count) return;
    while (count % group) {
        wanted->list[count] = wanted->list[count - 1];
        count++;
    }
    job->fill(&job->plan, blocks, count, buffer, 0);
    switch (job->item_bytes) {
    case 2:
        for (unsigned i = 0; i < wanted->items; i++)
            memcpy(wanted->to[i], buffer + 2 * wanted->from[i], 2);
        break;
    case 4:
        for (unsigned i = 0; i < wanted->items; i++)
            memcpy(wanted->to[i], buffer + 4 * wanted->from[i], 4);
        break;
    default:
        for (unsigned i = 0; i < wanted->items; i++)
            memcpy(wanted->to[i], buffer + 8 * wanted->from[i], 8);
    }
    wanted->blocks = wanted->items = 0;
}

static void collect_row(const fill_job *job, collection *wanted, uint64_t index, uint64_t step,
                        uint64_t count, char *out, ptrdiff_t out_step) {
    const int shift = job->log2_per_block;
    const uint64_t lanes = UINT64_C(1) << shift;
    for (uint64_t i = 0; i < count; i++, index += step, out += out_step) {
        uint64_t block = index >> shift;
        if (!wanted->blocks || wanted->list[wanted->blocks - 1] != block ||
            wanted->items == LIST_BLOCKS * 4) {
            if (wanted->blocks == LIST_BLOCKS || wanted->items == LIST_BLOCKS * 4)
                fill_collected(job, wanted);
            wanted->list[wanted->blocks++] = block;
        }
        wanted->from[wanted->items] =
            (uint16_t)(((wanted->blocks - 1) << shift) + (index & (lanes - 1)));
        wanted->to[wanted->items++] = out;
    }
}

/* Elements [begin, end) of the region in C order. */
static void fill_range(const void *fill, uint64_t begin, uint64_t end, unsigned thread) {
    const fill_job *job = fill;
    const axis *row = &job->axis[job->axes - 1];
    uint64_t at[IH_MAX_DIMENSIONS], index = job->first_index, rest = begin;
    char *out = job->out;
    collection wanted;
    (void)thread;
    wanted.blocks = wanted.items = 0;
    for (int k = job->axes - 1; k >= 0; k--) {
        at[k] = rest % job->axis[k].count;
        rest /= job->axis[k].count;
        index += at[k] * job->axis[k].index_step;
        out += (ptrdiff_t)at[k] * job->axis[k].out_step;
    }
    while (begin < end) {
        uint64_t count = row->count - at[job->axes - 1];
        if (count > end - begin) count = end - begin;
        if (row->index_step == 1 && count >= LONG_ROW)
            fill_row(job, index, count, out, row->out_step);
        else
            collect_row(job, &wanted, index, row->index_step, count, out, row->out_step);
        begin += count;
        /* Back to the start of the row, then one step along the axes above. */
        index -= at[job->axes - 1] * row->index_step;
        out -= (ptrdiff_t)at[job->axes - 1] * row->out_step;
        at[job->axes - 1] = 0;
        for (int k = job->axes - 2; k >= 0; k--) {
            index += job->axis[k].index_step;
            out += job->axis[k].out_step;
            if (++at[k] < job->axis[k].count) break;
            index -= job->axis[k].count * job->axis[k].index_step;
            out -= (ptrdiff_t)job->axis[k].count * job->axis[k].out_step;
            at[k] = 0;
        }
    }
    fill_collected(job, &wanted);
}

/* ---- the region, its memory and its threads ---- */

/* The axes of the region: without those of length 1, and merged if contiguous in both arrays. */
static int walk_region(fill_job *job, int ndim, const uint64_t *shape, const uint64_t *start,
                       const uint64_t *count, const ptrdiff_t *strides) {
    uint64_t steps[IH_MAX_DIMENSIONS], total = 1;
    int empty = 0, global_empty = 0;
    for (int k = 0; k < ndim; k++) {
        if (start[k] > shape[k] || count[k] > shape[k] - start[k]) return IH_ERROR_REGION;
        if (count[k] == 0) empty = 1;
        if (shape[k] == 0) global_empty = 1;
    }
    for (int k = ndim - 1; k >= 0; k--) {
        steps[k] = total;
        if (!global_empty && shape[k] > UINT64_MAX / total) return IH_ERROR_SHAPE;
        total *= shape[k];
    }
    job->axes = 0;
    job->first_index = 0;
    job->elements = empty ? 0 : 1;
    if (empty) return IH_OK;
    for (int k = 0; k < ndim; k++) {
        axis *last = job->axes ? &job->axis[job->axes - 1] : NULL;
        job->first_index += start[k] * steps[k];
        job->elements *= count[k];
        if (count[k] == 1) continue;
        if (last && last->index_step == count[k] * steps[k] &&
            last->out_step == (ptrdiff_t)count[k] * strides[k]) {
            last->count *= count[k];
            last->index_step = steps[k];
            last->out_step = strides[k];
            continue;
        }
        job->axis[job->axes].count = count[k];
        job->axis[job->axes].index_step = steps[k];
        job->axis[job->axes].out_step = strides[k];
        job->axes++;
    }
    if (!job->axes) { /* a single element */
        job->axis[0].count = 1;
        job->axis[0].index_step = 1;
        job->axis[0].out_step = job->item_bytes;
        job->axes = 1;
    }
    return IH_OK;
}

/* 1 if most pages of [low, low + bytes) have data. The system writes zeros to a page on the first
 * store, which leaves its lines in the cache, so streaming stores are slower there. */
static int is_touched(const char *low, uint64_t bytes) {
#if defined(__linux__)
    enum { PROBES = 16 };
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    unsigned resident = 0;
    for (unsigned i = 0; i < PROBES; i++) {
        uintptr_t probe =
            ((uintptr_t)low + bytes / PROBES * i + bytes / (2 * PROBES)) & ~(page - 1);
        unsigned char in_memory = 0;
        if (mincore((void *)probe, page, &in_memory) != 0) return 1;
        resident += in_memory & 1;
    }
    return resident >= PROBES / 2;
#else
    (void)low;
    (void)bytes;
    return 1;
#endif
}

static int should_stream(const fill_job *job, int memory) {
    const axis *row = &job->axis[job->axes - 1];
    uint64_t bytes = job->elements * (uint64_t)job->item_bytes;
    if (memory == IH_MEMORY_FRESH || bytes < STREAM_BYTES) return 0;
    if (row->index_step != 1 || row->out_step != job->item_bytes) return 0;
    if (row->count * (uint64_t)job->item_bytes < STREAM_ROW_BYTES) return 0;
    if (memory == IH_MEMORY_TOUCHED) return 1;
    /* From the lowest to the highest address of the region in out. */
    const char *low = job->out;
    uint64_t span = row->count * (uint64_t)job->item_bytes;
    for (int k = 0; k < job->axes - 1; k++) {
        ptrdiff_t reach = (ptrdiff_t)(job->axis[k].count - 1) * job->axis[k].out_step;
        if (reach < 0) low += reach;
        span += (uint64_t)(reach < 0 ? -reach : reach);
    }
    return is_touched(low, span);
}

static void fill_zeros(const fill_job *job) {
    static const char zero[8] = {0};
    uint64_t at[IH_MAX_DIMENSIONS] = {0};
    const axis *row = &job->axis[job->axes - 1];
    char *out = job->out;
    for (int k = 0; k >= 0;) {
        if (row->out_step == job->item_bytes)
            memset(out, 0, row->count * (uint64_t)job->item_bytes);
        else
            for (uint64_t i = 0; i < row->count; i++)
                memcpy(out + (ptrdiff_t)i * row->out_step, zero, (size_t)job->item_bytes);
        for (k = job->axes - 2; k >= 0; k--) {
            out += job->axis[k].out_step;
            if (++at[k] < job->axis[k].count) break;
            out -= (ptrdiff_t)job->axis[k].count * job->axis[k].out_step;
            at[k] = 0;
        }
    }
}

int ih_fill(const ih_key *key, const ih_law *law, int dtype, int ndim, const uint64_t *global_shape,
            const uint64_t *start, const uint64_t *count, const ptrdiff_t *strides, void *out,
            int threads, int memory, int kernel) {
    fill_job job;
    const ih_kernel *chosen = ih_kernel_at(kernel);
    int status = ih_law_check(law, dtype);
    if (status) return status;
    if (!key) return IH_ERROR_NULL;
    if (ndim < 0 || ndim > IH_MAX_DIMENSIONS) return IH_ERROR_DIMENSIONS;
    if (ndim && (!global_shape || !start || !count || !strides)) return IH_ERROR_NULL;
    if (threads < 1) return IH_ERROR_THREADS;
    if (!chosen) return IH_ERROR_KERNEL;
    job.dtype = dtype;
    job.item_bytes = ih_item_bytes(dtype);
    job.log2_per_block = job.item_bytes == 8 ? 1 : 2;
    job.out = out;
    status = walk_region(&job, ndim, global_shape, start, count, strides);
    if (status || job.elements == 0) return status;
    if (!out) return IH_ERROR_NULL;
    if (!ih_plan_law(&job.plan, law, dtype)) {
        fill_zeros(&job);
        return IH_OK;
    }
    ih_schedule(key, IH_ROUNDS, job.plan.round_key);
    job.plan.kernel = chosen;
    job.fill = choose_fill(chosen, law, dtype);
    job.stream = should_stream(&job, memory);
    ih_run_threads(fill_range, &job, job.elements, SHARE_UNIT,
                   ih_worth_threads(job.elements, threads));
    return IH_OK;
}

int ih_words(const ih_key *key, uint64_t first, uint32_t domain, size_t blocks, uint32_t *out,
             int kernel) {
    const ih_kernel *chosen = ih_kernel_at(kernel);
    ih_plan plan;
    if (!key || (!out && blocks)) return IH_ERROR_NULL;
    if (!chosen) return IH_ERROR_KERNEL;
    ih_schedule(key, IH_ROUNDS, plan.round_key);
    size_t group = (size_t)chosen->blocks_per_vector, whole = blocks / group * group;
    ih_blocks range = {first, NULL};
    if (whole) chosen->words(&plan, range, domain, whole, out);
    if (whole < blocks) {
        uint32_t rest[4 * IH_LIST_GROUP];
        range.first += whole;
        chosen->words(&plan, range, domain, group, rest);
        memcpy(out + 4 * whole, rest, (blocks - whole) * 4 * sizeof *rest);
    }
    return IH_OK;
}
