/* Normal elements that take two words: those in the far tail, and all of a narrow truncation. */
#ifndef IH_TAIL_H
#define IH_TAIL_H

#include "stream/ih_fill_scalar.h"
#include "stream/ih_kernel.h"

/* Element values, unscaled, where the first word alone does not settle them. */
float ih_refine_normal_f32(const ih_plan *plan, uint64_t block, unsigned lane, uint32_t word);
double ih_refine_normal_f64(const ih_plan *plan, uint64_t block, unsigned lane, uint64_t word);
float ih_refine_truncated_f32(const ih_plan *plan, uint64_t block, unsigned lane, uint32_t word);
double ih_refine_truncated_f64(const ih_plan *plan, uint64_t block, unsigned lane, uint64_t word);

/* The fill functions of laws that draw two words an element, for any kernel. */
extern ih_fill_function *const ih_fill_two_words[IH_DTYPES];

/* The values of elements: standard normal, plain or truncated, any word. */
static inline float ih_standard_normal_f32(const ih_plan *plan, uint64_t block, unsigned lane,
                                           uint32_t word) {
    return word < IH_TAIL_BELOW_32 ? ih_refine_normal_f32(plan, block, lane, word)
                                   : ih_normal_f32_value(word);
}

static inline double ih_standard_normal_f64(const ih_plan *plan, uint64_t block, unsigned lane,
                                            uint64_t word) {
    return word < IH_TAIL_BELOW_64 ? ih_refine_normal_f64(plan, block, lane, word)
                                   : ih_normal_f64_value(word);
}

static inline float ih_truncated_f32(const ih_plan *plan, uint64_t block, unsigned lane,
                                     uint32_t word) {
    uint32_t u = ih_canonical_32(plan->first_32 + ih_high_32(word, plan->span_32));
    return u < IH_TAIL_BELOW_32 ? ih_refine_truncated_f32(plan, block, lane, word)
                                : ih_normal_f32_value(u);
}

static inline double ih_truncated_f64(const ih_plan *plan, uint64_t block, unsigned lane,
                                      uint64_t word) {
    uint64_t u = ih_canonical_64(plan->first + ih_high_64(word, plan->span));
    return u < IH_TAIL_BELOW_64 ? ih_refine_truncated_f64(plan, block, lane, word)
                                : ih_normal_f64_value(u);
}

#endif
