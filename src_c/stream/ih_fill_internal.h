/* What the stream's files share: the plan of a call and the signature of a kernel. */
#ifndef IH_FILL_INTERNAL_H
#define IH_FILL_INTERNAL_H

#include <float.h>

#include "ih_fill.h"

/* Same bits everywhere needs plain IEEE arithmetic: no extended precision. */
#if FLT_EVAL_METHOD != 0
#error "irwinhall needs FLT_EVAL_METHOD == 0 (on 32-bit x86: -msse2 -mfpmath=sse)"
#endif
#ifdef __FAST_MATH__
#error "irwinhall must not be compiled with -ffast-math"
#endif

#define IH_ROUNDS 7
#define IH_MAX_ROUNDS 14
/* Kernels may be asked for the blocks of a list; they read the list in groups of this many. */
#define IH_LIST_GROUP 4

enum ih_domain { IH_DOMAIN_MAIN = 0, IH_DOMAIN_TAIL = 1 };

typedef struct ih_kernel ih_kernel;

/* Everything that a kernel needs, made once a call. */
typedef struct {
    _Alignas(64) uint32_t round_key[IH_ROUNDS + 1][4];
    const ih_law *law;
    const ih_kernel *kernel;
    float scale_f32;         /* uniform: bound * 2^-24, else the factor of the normal */
    float low_f32, high_f32; /* the least and greatest value allowed, in the element type */
    double scale_f64;        /* uniform: bound * 2^-53, else the factor of the normal */
    double low_f64, high_f64;
    uint64_t first, span;       /* truncated: the probability interval on the scale 2^-64 */
    uint32_t first_32, span_32; /* the same on the scale 2^-32 */
} ih_plan;

/* The blocks to make: first, first + 1, ... or, where list is given, list[0], list[1], ... */
typedef struct {
    uint64_t first;
    const uint64_t *list;
} ih_blocks;

static inline uint64_t ih_block_at(ih_blocks blocks, size_t i) {
    return blocks.list ? blocks.list[i] : blocks.first + i;
}

/* Fill whole blocks: 4 elements each (2 for f64), contiguous in out, in order.
 * count is a multiple of the kernel's vector (blocks_per_vector). With stream nonzero out is
 * aligned to 64 bytes, and the function ends with the fence that streaming stores need. */
typedef void ih_fill_function(const ih_plan *plan, ih_blocks blocks, size_t count, void *out,
                              int stream);

/* Write the words of count blocks (a multiple of blocks_per_vector) of a domain. */
typedef void ih_words_function(const ih_plan *plan, ih_blocks blocks, uint32_t domain, size_t count,
                               uint32_t *out);

struct ih_kernel {
    const char *name;
    int (*supported)(void);
    int blocks_per_vector; /* 1, 2 or 4: divides IH_LIST_GROUP */
    ih_words_function *words;
    ih_fill_function *fill[IH_LAW_KINDS][IH_DTYPES];
};

extern const ih_kernel ih_kernel_portable;
extern const ih_kernel ih_kernel_aesni;
extern const ih_kernel ih_kernel_aesni_avx2;
extern const ih_kernel ih_kernel_avx2;
extern const ih_kernel ih_kernel_avx512;
extern const ih_kernel ih_kernel_neon;

/* The kernel of an index, or NULL if there is none or the machine cannot run it. */
const ih_kernel *ih_kernel_at(int index);

/* Round keys: key + r * W in two separate 64-bit additions (Random123's ARS). */
void ih_schedule(const ih_key *key, int rounds, uint32_t round_key[][4]);

/* The word of the tail domain that belongs to element lane of a block, 32-bit types and f64. */
uint32_t ih_tail_word_32(const ih_plan *plan, uint64_t block, unsigned lane);
uint64_t ih_tail_word_64(const ih_plan *plan, uint64_t block, unsigned lane);

/* Element values, unscaled, where the first word alone does not settle them. */
float ih_refine_normal_f32(const ih_plan *plan, uint64_t block, unsigned lane, uint32_t word);
double ih_refine_normal_f64(const ih_plan *plan, uint64_t block, unsigned lane, uint64_t word);
float ih_refine_truncated_f32(const ih_plan *plan, uint64_t block, unsigned lane, uint32_t word);
double ih_refine_truncated_f64(const ih_plan *plan, uint64_t block, unsigned lane, uint64_t word);

/* The truncated law from 64 bits an element (f32: both words, the first one high), unscaled. */
double ih_two_words(const ih_plan *plan, uint64_t words);
double ih_one_tail(const ih_plan *plan, uint64_t words);

#endif
