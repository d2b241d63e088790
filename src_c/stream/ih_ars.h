/* The generator: ARS, AES rounds on a counter with a Weyl sequence of round keys. */
#ifndef IH_ARS_H
#define IH_ARS_H

#include "ih_fill.h"

/* Number of rounds of the stream, and the largest number that ih_ars accepts. */
#define IH_ROUNDS 7
#define IH_MAX_ROUNDS 14

/* The domains of the first words of elements, and of the second words of those that need one. */
enum ih_domain { IH_DOMAIN_MAIN = 0, IH_DOMAIN_TAIL = 1 };

/* Round keys: key + r * W in two separate 64-bit additions (Random123's ARS). */
void ih_schedule(const ih_key *key, int rounds, uint32_t round_key[][4]);

/* The four words of a block in a domain. */
void ih_block_words(const uint32_t round_key[][4], uint64_t block, uint32_t domain,
                    uint32_t words[4]);

#endif
