/* The generator: the schedule of round keys, and ARS for code that needs single blocks. */
#include "stream/ih_ars.h"

#include "stream/ih_ars_inline.h"

#define WEYL_LOW UINT64_C(0x9E3779B97F4A7C15)  /* golden ratio */
#define WEYL_HIGH UINT64_C(0xBB67AE8584CAA73B) /* sqrt(3) - 1 */

void ih_aes_round(uint32_t state[4], const uint32_t round_key[4], int last) {
    if (last)
        ih_table_last_round(state, round_key);
    else
        ih_table_round(state, round_key);
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

int ih_ars(const uint32_t counter[4], const uint32_t key[4], int rounds, uint32_t out[4]) {
    uint32_t round_key[IH_MAX_ROUNDS + 1][4];
    ih_key whole;
    if (!counter || !key || !out) return IH_ERROR_NULL;
    if (rounds < 1 || rounds > IH_MAX_ROUNDS) return IH_ERROR_ROUNDS;
    whole.word[0] = key[0] | (uint64_t)key[1] << 32;
    whole.word[1] = key[2] | (uint64_t)key[3] << 32;
    ih_schedule(&whole, rounds, round_key);
    memmove(out, counter, 4 * sizeof *out);
    ih_table_ars((const uint32_t (*)[4])round_key, rounds, out);
    return IH_OK;
}

void ih_block_words(const uint32_t round_key[][4], uint64_t block, uint32_t domain,
                    uint32_t words[4]) {
    ih_table_block_words(round_key, block, domain, words);
}
