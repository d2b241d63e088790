/* The laws that are computed element by element in double precision, and raw words.
 *
 * A word becomes u in (0, 1), the middle of its step. ih_exp and ih_log compute the value from u.
 * It is rounded to f32 (except for f64), clipped to the law's interval, and rounded to 16 bits for
 * 16-bit types. Loops run over arrays, so that the compiler can vectorize them.
 */
#include "stream/ih_fill_element.h"

#include "common/ih_clones.h"
#include "stream/ih_elementary.h"
#include "stream/ih_tail.h"

/* Number of elements at a time: their words, and their values in double precision, stay in L1. */
#define ELEMENT_BLOCKS 64
#define CHUNK (4 * ELEMENT_BLOCKS)

/* The double in [1, 2) whose fraction has these 52 bits. */
IH_INLINE double one_to_two(uint64_t bits) {
    double x;
    bits |= UINT64_C(1023) << 52;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* (w + 1/2) / 2^32, or (w / 2^12 + 1/2) / 2^52 with w / 2^12 rounded down; both exact. */
IH_INLINE double unit_of_32(uint32_t word) {
    return one_to_two((uint64_t)word << 20) - (1 - 0x1p-33);
}
IH_INLINE double unit_of_64(uint64_t word) { return one_to_two(word >> 12) - (1 - 0x1p-53); }

static IH_CLONES
void values_of_units(const ih_law *law, double *x, size_t count) {
    const double from = law->from, width = law->width;
    switch (law->kind) {
    case IH_UNIFORM_BETWEEN:
        for (size_t i = 0; i < count; i++) x[i] = from + width * x[i];
        return;
    case IH_LOG_UNIFORM:
        for (size_t i = 0; i < count; i++) x[i] = from * ih_exp(width * x[i]);
        return;
    case IH_LOG_OF_UNIFORM:
        for (size_t i = 0; i < count; i++) x[i] = ih_log(from + width * x[i]);
        return;
    default:
        for (size_t i = 0; i < count; i++) x[i] = ih_inverse_softplus(from * ih_exp(width * x[i]));
    }
}

IH_INLINE void fill_elements(const ih_plan *plan, int dtype, ih_blocks blocks, size_t count,
                             char *out) {
    const size_t per_block = dtype == IH_F64 ? 2 : 4;
    for (size_t some; count; count -= some) {
        uint32_t words[CHUNK];
        double x[CHUNK];
        some = count < ELEMENT_BLOCKS ? count : ELEMENT_BLOCKS;
        plan->kernel->words(plan, blocks, IH_DOMAIN_MAIN, some, words);
        if (dtype == IH_F64)
            for (size_t i = 0; i < 2 * some; i++) x[i] = unit_of_64(ih_word_64(words, i));
        else
            for (size_t i = 0; i < 4 * some; i++) x[i] = unit_of_32(words[i]);
        values_of_units(plan->law, x, per_block * some);
        for (size_t i = 0; i < per_block * some; i++, out += ih_item_bytes(dtype))
            ih_put_value(dtype, plan, x[i], out);
        blocks.first += some;
        if (blocks.list) blocks.list += some;
    }
}

static void fill_words(const ih_plan *plan, ih_blocks blocks, size_t count, void *out, int stream) {
    uint32_t words[CHUNK];
    char *to = out;
    (void)stream;
    for (size_t some; count; count -= some, to += 16 * some) {
        some = count < ELEMENT_BLOCKS ? count : ELEMENT_BLOCKS;
        plan->kernel->words(plan, blocks, IH_DOMAIN_MAIN, some, words);
        memcpy(to, words, 16 * some);
        blocks.first += some;
        if (blocks.list) blocks.list += some;
    }
}

/* The same for the two 64-bit words of a block, in any byte order of the machine. */
static void fill_words_64(const ih_plan *plan, ih_blocks blocks, size_t count, void *out,
                          int stream) {
    fill_words(plan, blocks, count, out, stream);
    for (size_t i = 0; i < 2 * count; i++) {
        uint32_t halves[2];
        uint64_t word;
        memcpy(halves, (char *)out + 8 * i, sizeof halves);
        word = ih_word_64(halves, 0);
        memcpy((char *)out + 8 * i, &word, sizeof word);
    }
}

/* Lemire 2019: the upper half of word * span. The word is drawn again, from the next domain, while
 * the lower half is among the 2^64 mod span values that would make some results more probable. */
static uint64_t unbiased(const ih_plan *plan, uint64_t block, unsigned lane, uint64_t word) {
    uint64_t span = plan->span, low = word * span;
    if (span == 0) return plan->first + word; /* all of them */
    if (low < span) {
        uint64_t excess = (0 - span) % span;
        for (uint32_t domain = 1; low < excess; domain++) {
            uint32_t words[4];
            ih_block_words(plan->round_key, block, domain, words);
            word = ih_word_64(words, lane);
            low = word * span;
        }
    }
    return plan->first + ih_high_64(word, span);
}

static void fill_integers(const ih_plan *plan, ih_blocks blocks, size_t count, void *out,
                          int stream) {
    fill_words_64(plan, blocks, count, out, stream);
    for (size_t i = 0; i < 2 * count; i++) {
        uint64_t value;
        memcpy(&value, (char *)out + 8 * i, sizeof value);
        value = unbiased(plan, ih_block_at(blocks, i / 2), i % 2, value);
        memcpy((char *)out + 8 * i, &value, sizeof value);
    }
}

#define STAMP(law, LAW, dtype, DTYPE)                                                              \
    static void law##_##dtype(const ih_plan *plan, ih_blocks blocks, size_t count, void *out,      \
                              int stream) {                                                        \
        (void)stream;                                                                              \
        fill_elements(plan, DTYPE, blocks, count, out);                                            \
    }
IH_FOR_TYPES(STAMP, fill, any)

ih_fill_function *ih_element_fill(const ih_law *law, int dtype) {
    static ih_fill_function *const fill[IH_FLOAT_DTYPES] = IH_FILL_ROW(fill);
    if (law->kind == IH_INTEGERS) return fill_integers;
    if (law->kind == IH_BITS) return dtype == IH_U64 ? fill_words_64 : fill_words;
    return fill[dtype];
}
