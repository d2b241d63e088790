/* The portable kernel: ARS with tables, and the scalar maps. The reference for all other kernels.
 */
#include "common/ih_ieee.h"
#include "stream/ih_ars_inline.h"
#define IH_KERNEL
#include "stream/ih_tail.h"

static void words_portable(const ih_plan *plan, ih_blocks blocks, uint32_t domain, size_t count,
                           uint32_t *out) {
    for (size_t i = 0; i < count; i++) {
        uint32_t words[4];
        ih_table_block_words(plan->round_key, ih_block_at(blocks, i), domain, words);
        memcpy(out + 4 * i, words, sizeof words);
    }
}

/* The f32 value of an element, which 16-bit types round. */
static inline float value_f32(const ih_plan *plan, int law, uint64_t block, unsigned lane,
                              uint32_t word) {
    if (law == IH_UNIFORM) return ih_uniform_f32(word, plan->scale_f32);
    if (law == IH_NORMAL) return ih_standard_normal_f32(plan, block, lane, word) * plan->scale_f32;
    return ih_clamp_f32(ih_truncated_f32(plan, block, lane, word) * plan->scale_f32, plan->low_f32,
                        plan->high_f32);
}

static inline double value_f64(const ih_plan *plan, int law, uint64_t block, unsigned lane,
                               uint64_t word) {
    if (law == IH_UNIFORM) return ih_uniform_f64(word, plan->scale_f64);
    if (law == IH_NORMAL) return ih_standard_normal_f64(plan, block, lane, word) * plan->scale_f64;
    return ih_clamp_f64(ih_truncated_f64(plan, block, lane, word) * plan->scale_f64, plan->low_f64,
                        plan->high_f64);
}

static inline void fill_portable(const ih_plan *plan, int law, int dtype, ih_blocks blocks,
                                 size_t count, void *out) {
    for (size_t i = 0; i < count; i++) {
        uint64_t block = ih_block_at(blocks, i);
        uint32_t words[4];
        ih_table_block_words(plan->round_key, block, IH_DOMAIN_MAIN, words);
        if (dtype == IH_F64) {
            double values[2];
            for (unsigned lane = 0; lane < 2; lane++)
                values[lane] = value_f64(plan, law, block, lane, ih_word_64(words, lane));
            memcpy((char *)out + 16 * i, values, sizeof values);
            continue;
        }
        float values[4];
        uint16_t halves[4];
        for (unsigned lane = 0; lane < 4; lane++)
            values[lane] = value_f32(plan, law, block, lane, words[lane]);
        if (dtype == IH_F32) {
            memcpy((char *)out + 16 * i, values, sizeof values);
            continue;
        }
        for (unsigned lane = 0; lane < 4; lane++) {
            float value = ih_clamp_f32(values[lane], plan->low_f32, plan->high_f32);
            halves[lane] = dtype == IH_F16 ? ih_to_f16(value) : ih_to_bf16(value);
        }
        memcpy((char *)out + 8 * i, halves, sizeof halves);
    }
}

#define STAMP(law, LAW, dtype, DTYPE)                                                              \
    static void portable_fill_##law##_##dtype(const ih_plan *plan, ih_blocks blocks, size_t count, \
                                              void *out, int stream) {                             \
        (void)stream;                                                                              \
        fill_portable(plan, LAW, DTYPE, blocks, count, out);                                       \
    }
IH_FOR_LAWS_AND_TYPES(STAMP)

static int always(void) { return 1; }

const ih_kernel ih_kernel_portable = {
    "portable",
    always,
    1,
    words_portable,
    IH_FILL_TABLE(portable_fill),
    IH_FILL_ROW(two_words_fill),
};
