/* The generator: ARS, AES rounds on a counter with a Weyl sequence of round keys. */
#ifndef IH_ARS_H
#define IH_ARS_H

#include "ih_fill.h"

/* Rounds of the stream, and the most that ih_ars takes. */
#define IH_ROUNDS 7
#define IH_MAX_ROUNDS 14

/* A block's first words, and the words of its elements that need a second one. */
enum ih_domain { IH_DOMAIN_MAIN = 0, IH_DOMAIN_TAIL = 1 };

/* Round keys: key + r * W in two separate 64-bit additions (Random123's ARS). */
void ih_schedule(const ih_key *key, int rounds, uint32_t round_key[][4]);

/* The four words of a block in a domain. */
void ih_block_words(const uint32_t round_key[][4], uint64_t block, uint32_t domain,
                    uint32_t words[4]);

#endif
