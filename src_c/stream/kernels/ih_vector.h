/* The vectors of a kernel's file, which defines V_BLOCKS first: the blocks (of four words) in one.
 */
#ifndef IH_VECTOR_H
#define IH_VECTOR_H

#include <stdint.h>

#include "common/ih_compiler.h"

#define V_WORDS (4 * V_BLOCKS)
#define V_LONGS (2 * V_BLOCKS)
#define V_BYTES (16 * V_BLOCKS)

typedef uint32_t v_words __attribute__((vector_size(V_BYTES)));
typedef int32_t v_ints __attribute__((vector_size(V_BYTES)));
typedef uint64_t v_longs __attribute__((vector_size(V_BYTES)));
typedef int64_t v_signed_longs __attribute__((vector_size(V_BYTES)));
typedef float v_floats __attribute__((vector_size(V_BYTES)));
typedef double v_doubles __attribute__((vector_size(V_BYTES)));

/* A function that each instruction set defines (ih_fill_template.h lists these verbs). */
#define VERB IH_INLINE

/* Loops over vectors in registers must be unrolled, or the arrays are stored in memory. Clang
 * unrolls them early enough by itself, but too late with a pragma. */
#if defined(__clang__)
#define UNROLL
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#define EACH(i, count) UNROLL for (int i = 0; i < (count); i++)
#define EACH_DOWN(i, first) UNROLL for (int i = (first); i >= 0; i--)

#endif
