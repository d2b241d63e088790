/* The portable kernel: ARS by AES tables and the scalar maps. The truth for all the others. */
#include "stream/ih_aes_table.h"
#include "stream/ih_fill_scalar.h"

#define WEYL_LOW UINT64_C(0x9E3779B97F4A7C15)  /* golden ratio */
#define WEYL_HIGH UINT64_C(0xBB67AE8584CAA73B) /* sqrt(3) - 1 */

static inline uint32_t byte_of(uint32_t word, int row) { return word >> (8 * row) & 255; }

/* One column: row r of it comes from column + r (ShiftRows). */
static inline uint32_t mixed_column(const uint32_t s[4], int c) {
    return ih_aes_mixed[0][byte_of(s[c], 0)] ^ ih_aes_mixed[1][byte_of(s[(c + 1) & 3], 1)] ^
           ih_aes_mixed[2][byte_of(s[(c + 2) & 3], 2)] ^
           ih_aes_mixed[3][byte_of(s[(c + 3) & 3], 3)];
}

static inline uint32_t plain_column(const uint32_t s[4], int c) {
    return (uint32_t)ih_aes_sbox[byte_of(s[c], 0)] |
           (uint32_t)ih_aes_sbox[byte_of(s[(c + 1) & 3], 1)] << 8 |
           (uint32_t)ih_aes_sbox[byte_of(s[(c + 2) & 3], 2)] << 16 |
           (uint32_t)ih_aes_sbox[byte_of(s[(c + 3) & 3], 3)] << 24;
}

static inline void aes_round(uint32_t s[4], const uint32_t key[4]) {
    uint32_t a = mixed_column(s, 0), b = mixed_column(s, 1), c = mixed_column(s, 2),
             d = mixed_column(s, 3);
    s[0] = a ^ key[0];
    s[1] = b ^ key[1];
    s[2] = c ^ key[2];
    s[3] = d ^ key[3];
}

static inline void aes_last_round(uint32_t s[4], const uint32_t key[4]) {
    uint32_t a = plain_column(s, 0), b = plain_column(s, 1), c = plain_column(s, 2),
             d = plain_column(s, 3);
    s[0] = a ^ key[0];
    s[1] = b ^ key[1];
    s[2] = c ^ key[2];
    s[3] = d ^ key[3];
}

void ih_aes_round(uint32_t state[4], const uint32_t round_key[4], int last) {
    if (last)
        aes_last_round(state, round_key);
    else
        aes_round(state, round_key);
}

void ih_schedule(const ih_key *key, int rounds, uint32_t round_key[][4]) {
    uint64_t low = key->word[0], high = key->word[1];
    for (int round = 0; round <= rounds; round++) {
        round_key[round][0] = (uint32_t)low;
        round_key[round][1] = (uint32_t)(low >> 32);
        round_key[round][2] = (uint32_t)high;
        round_key[round][3] = (uint32_t)(high >> 32);
        low += WEYL_LOW;
        high += WEYL_HIGH;
    }
}

static inline void ars(const uint32_t (*round_key)[4], int rounds, uint32_t state[4]) {
    for (int i = 0; i < 4; i++) state[i] ^= round_key[0][i];
    for (int round = 1; round < rounds; round++) aes_round(state, round_key[round]);
    aes_last_round(state, round_key[rounds]);
}

int ih_ars(const uint32_t counter[4], const uint32_t key[4], int rounds, uint32_t out[4]) {
    uint32_t round_key[IH_MAX_ROUNDS + 1][4];
    ih_key whole;
    if (!counter || !key || !out) return IH_ERROR_NULL;
    if (rounds < 1 || rounds > IH_MAX_ROUNDS) return IH_ERROR_ROUNDS;
    whole.word[0] = key[0] | (uint64_t)key[1] << 32;
    whole.word[1] = key[2] | (uint64_t)key[3] << 32;
    ih_schedule(&whole, rounds, round_key);
    memmove(out, counter, 4 * sizeof *out);
    ars((const uint32_t (*)[4])round_key, rounds, out);
    return IH_OK;
}

static inline void block_words(const ih_plan *plan, uint64_t block, uint32_t domain,
                               uint32_t words[4]) {
    words[0] = (uint32_t)block;
    words[1] = (uint32_t)(block >> 32);
    words[2] = domain;
    words[3] = IH_STREAM_VERSION;
    ars(plan->round_key, IH_ROUNDS, words);
}

static void words_portable(const ih_plan *plan, ih_blocks blocks, uint32_t domain, size_t count,
                           uint32_t *out) {
    for (size_t i = 0; i < count; i++) {
        uint32_t words[4];
        block_words(plan, ih_block_at(blocks, i), domain, words);
        memcpy(out + 4 * i, words, sizeof words);
    }
}

/* The f32 value of an element: 16-bit types round it. */
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
        block_words(plan, block, IH_DOMAIN_MAIN, words);
        if (dtype == IH_F64) {
            double values[2];
            for (unsigned lane = 0; lane < 2; lane++)
                values[lane] = value_f64(plan, law, block, lane,
                                         words[2 * lane] | (uint64_t)words[2 * lane + 1] << 32);
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
    static void fill_##law##_##dtype(const ih_plan *plan, ih_blocks blocks, size_t count,          \
                                     void *out, int stream) {                                      \
        (void)stream;                                                                              \
        fill_portable(plan, LAW, DTYPE, blocks, count, out);                                       \
    }
#define STAMP_LAW(law, LAW)                                                                        \
    STAMP(law, LAW, f32, IH_F32)                                                                   \
    STAMP(law, LAW, f64, IH_F64)                                                                   \
    STAMP(law, LAW, f16, IH_F16)                                                                   \
    STAMP(law, LAW, bf16, IH_BF16)

STAMP_LAW(uniform, IH_UNIFORM)
STAMP_LAW(normal, IH_NORMAL)
STAMP_LAW(truncated, IH_TRUNCATED_NORMAL)

static int always(void) { return 1; }

const ih_kernel ih_kernel_portable = {
    "portable",
    always,
    1,
    words_portable,
    {{fill_uniform_f32, fill_uniform_f64, fill_uniform_f16, fill_uniform_bf16},
     {fill_normal_f32, fill_normal_f64, fill_normal_f16, fill_normal_bf16},
     {fill_truncated_f32, fill_truncated_f64, fill_truncated_f16, fill_truncated_bf16}},
};
