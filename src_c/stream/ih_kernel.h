/* The interface of kernels: the plan of a call, the blocks to make, and the signatures. */
#ifndef IH_KERNEL_H
#define IH_KERNEL_H

#include "common/ih_ieee.h"
#include "ih_fill.h"
#include "stream/ih_ars.h"

/* Kernels read a list of blocks in groups of this size. */
#define IH_LIST_GROUP 4

/* The numbers of laws and types for which kernels have functions. */
enum { IH_KERNEL_LAWS = IH_TRUNCATED_NORMAL + 1, IH_FLOAT_DTYPES = IH_BF16 + 1 };

typedef struct ih_kernel ih_kernel;

/* The data for a kernel, computed once per call. */
typedef struct {
    _Alignas(64) uint32_t round_key[IH_ROUNDS + 1][4];
    const ih_law *law;
    const ih_kernel *kernel;
    float scale_f32;         /* uniform: bound * 2^-31, else the factor of the normal */
    float low_f32, high_f32; /* the least and greatest value allowed, in the element type */
    uint16_t greatest_half;  /* uniform: the bits of high_f32 in the 16-bit type */
    double scale_f64;        /* uniform: bound * 2^-63, else the factor of the normal */
    double low_f64, high_f64;
    uint64_t first, span;       /* truncated: the probability interval on the scale 2^-64;
                                   integers: the least, and how many */
    uint32_t first_32, span_32; /* the same on the scale 2^-32 */
} ih_plan;

/* The blocks to make: first, first + 1, ..., or list[0], list[1], ... if list is not NULL. */
typedef struct {
    uint64_t first;
    const uint64_t *list;
} ih_blocks;

static inline uint64_t ih_block_at(ih_blocks blocks, size_t i) {
    return blocks.list ? blocks.list[i] : blocks.first + i;
}

/* Fill whole blocks: 4 elements each (2 for f64), contiguous in out, in order.
 * count is a multiple of blocks_per_vector. If stream is nonzero, out is aligned to 64 bytes and
 * the function ends with the fence that streaming stores need. */
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
    ih_fill_function *fill[IH_KERNEL_LAWS][IH_FLOAT_DTYPES];
    ih_fill_function *two_words[IH_FLOAT_DTYPES]; /* narrow truncations */
};

static inline int ih_item_bytes(int dtype) {
    return dtype == IH_F16 || dtype == IH_BF16 ? 2 : dtype == IH_F64 || dtype == IH_U64 ? 8 : 4;
}

/* STAMP(law, LAW, dtype, DTYPE) for every law and type, and the table of the functions
 * prefix_law_dtype that it defines. */
#define IH_FOR_LAWS_AND_TYPES(STAMP)                                                               \
    IH_FOR_TYPES(STAMP, uniform, IH_UNIFORM)                                                       \
    IH_FOR_TYPES(STAMP, normal, IH_NORMAL)                                                         \
    IH_FOR_TYPES(STAMP, truncated, IH_TRUNCATED_NORMAL)
#define IH_FOR_TYPES(STAMP, law, LAW)                                                              \
    STAMP(law, LAW, f32, IH_F32)                                                                   \
    STAMP(law, LAW, f64, IH_F64)                                                                   \
    STAMP(law, LAW, f16, IH_F16)                                                                   \
    STAMP(law, LAW, bf16, IH_BF16)
#define IH_FILL_TABLE(prefix)                                                                      \
    {IH_FILL_ROW(prefix##_uniform), IH_FILL_ROW(prefix##_normal), IH_FILL_ROW(prefix##_truncated)}
#define IH_FILL_ROW(prefix) {prefix##_f32, prefix##_f64, prefix##_f16, prefix##_bf16}

#endif
