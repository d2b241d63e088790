/* ARS in portable C with tables, inlined for the portable kernel; other code uses ih_ars.h. */
#ifndef IH_ARS_INLINE_H
#define IH_ARS_INLINE_H

#include <string.h>

#include "stream/ih_aes_table.h"
#include "stream/ih_ars.h"

static inline uint32_t ih_byte_of(uint32_t word, int row) { return word >> (8 * row) & 255; }

/* One column: row r of it comes from column + r (ShiftRows). */
static inline uint32_t ih_mixed_column(const uint32_t s[4], int c) {
    return ih_aes_mixed[0][ih_byte_of(s[c], 0)] ^ ih_aes_mixed[1][ih_byte_of(s[(c + 1) & 3], 1)] ^
           ih_aes_mixed[2][ih_byte_of(s[(c + 2) & 3], 2)] ^
           ih_aes_mixed[3][ih_byte_of(s[(c + 3) & 3], 3)];
}

static inline uint32_t ih_plain_column(const uint32_t s[4], int c) {
    return (uint32_t)ih_aes_sbox[ih_byte_of(s[c], 0)] |
           (uint32_t)ih_aes_sbox[ih_byte_of(s[(c + 1) & 3], 1)] << 8 |
           (uint32_t)ih_aes_sbox[ih_byte_of(s[(c + 2) & 3], 2)] << 16 |
           (uint32_t)ih_aes_sbox[ih_byte_of(s[(c + 3) & 3], 3)] << 24;
}

static inline void ih_table_round(uint32_t s[4], const uint32_t key[4]) {
    uint32_t a = ih_mixed_column(s, 0), b = ih_mixed_column(s, 1), c = ih_mixed_column(s, 2),
             d = ih_mixed_column(s, 3);
    s[0] = a ^ key[0];
    s[1] = b ^ key[1];
    s[2] = c ^ key[2];
    s[3] = d ^ key[3];
}

static inline void ih_table_last_round(uint32_t s[4], const uint32_t key[4]) {
    uint32_t a = ih_plain_column(s, 0), b = ih_plain_column(s, 1), c = ih_plain_column(s, 2),
             d = ih_plain_column(s, 3);
    s[0] = a ^ key[0];
    s[1] = b ^ key[1];
    s[2] = c ^ key[2];
    s[3] = d ^ key[3];
}

static inline void ih_table_ars(const uint32_t (*round_key)[4], int rounds, uint32_t state[4]) {
    for (int i = 0; i < 4; i++) state[i] ^= round_key[0][i];
    for (int round = 1; round < rounds; round++) ih_table_round(state, round_key[round]);
    ih_table_last_round(state, round_key[rounds]);
}

/* The function behind ih_block_words. */
static inline void ih_table_block_words(const uint32_t round_key[][4], uint64_t block,
                                        uint32_t domain, uint32_t words[4]) {
    words[0] = (uint32_t)block;
    words[1] = (uint32_t)(block >> 32);
    words[2] = domain;
    words[3] = IH_STREAM_VERSION;
    ih_table_ars(round_key, IH_ROUNDS, words);
}

#endif
