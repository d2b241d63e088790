/* The vector kernel, written once: included by each instruction set's file, which first defines
 *
 *   IH_NAME, IH_SUPPORTED   the kernel's name as a token; the function that asks the CPU
 *   IH_VECTOR_NORMAL        1 if the normal map runs on vectors, 0 if lane by lane
 *   V_BLOCKS                blocks in a vector: 1, 2 or 4; then it includes ih_vector.h
 *   v_halves                the type of half a vector: one 16-bit value for each word of a vector
 *
 * and these verbs (a test compares the list with what is used below):
 *
 *   v_round_key()           four words to every block of a vector
 *   v_aes(), v_aes_last()   an AES round of every block
 *   v_store()               to memory of any alignment
 *   v_stream(), v_fence()   past the caches, to aligned memory; what ends such stores
 *   v_store_half(), v_join_halves()      one v_halves to memory; two of them to a vector
 *   v_low_halves(), v_to_f16()           the low 16 bits of each word; f32 to f16
 *   v_multiply_32()         low 32 bits of each 64-bit lane, product 64 bits
 *   v_minimum(), v_maximum(), v_minimum_f64(), v_maximum_f64()
 *                           of a vector and a number; of two zeros either that of the vector or the
 *                           one that is less (greater): the lower end is -0, the upper one +0
 *
 * With IH_VECTOR_NORMAL, also the type v_f32_table, what of the table stays in registers, and
 *
 *   v_leading_zeros_32(), v_leading_zeros_64()
 *   v_negated_odd_32(), v_negated_odd_64()     -(x | 1)
 *   v_least_32()            the unsigned minimum
 *   v_any_below_32(), v_any_below_64()   1 if any lane is below a limit, unsigned
 *   v_row_f32()             twice the octave, plus the top bit of the fraction
 *   v_is_deep()             1 if any row is beyond those that v_table_f32 finds without it
 *   v_load_f32_table(), v_table_f32()    a power of each row
 *   v_table_f64()           all powers of each row
 *
 * Everything else is written with the operators of GCC's vector types. No product is ever fused
 * with a sum (-ffp-contract=off), so that each step rounds as in ih_fill_scalar.h.
 */
#include "stream/ih_tail.h"

/* Vectors side by side, to cover the latency of the AES instructions; even. */
#ifndef IN_FLIGHT
#define IN_FLIGHT 4
#endif

typedef struct {
    v_words key[IH_ROUNDS + 1];
} v_schedule;

IH_INLINE v_schedule load_schedule(const ih_plan *plan) {
    v_schedule schedule;
    EACH (round, IH_ROUNDS + 1) schedule.key[round] = v_round_key(plan->round_key[round]);
    return schedule;
}

/* The blocks of vector i, where blocks begins with those of vector 0. */
IH_INLINE ih_blocks blocks_of(ih_blocks blocks, int i) {
    ih_blocks here = {blocks.first + (uint64_t)(i * V_BLOCKS), NULL};
    if (blocks.list) here.list = blocks.list + i * V_BLOCKS;
    return here;
}

/* Counters of V_BLOCKS blocks: the words (block low, block high, domain, version) of each. */
IH_INLINE v_longs counters_from(uint64_t first, uint32_t domain) {
    v_longs counters = {0};
    EACH (i, V_BLOCKS) {
        counters[2 * i] = first + (uint64_t)i;
        counters[2 * i + 1] = domain | (uint64_t)IH_STREAM_VERSION << 32;
    }
    return counters;
}

IH_INLINE v_longs counters_of(const uint64_t *list, uint32_t domain) {
    v_longs counters = {0};
    EACH (i, V_BLOCKS) {
        counters[2 * i] = list[i];
        counters[2 * i + 1] = domain | (uint64_t)IH_STREAM_VERSION << 32;
    }
    return counters;
}

IH_INLINE v_longs counters_at(ih_blocks blocks, uint32_t domain) {
    return blocks.list ? counters_of(blocks.list, domain) : counters_from(blocks.first, domain);
}

IH_INLINE v_longs counter_step(void) {
    v_longs step = {0};
    EACH (i, V_BLOCKS) {
        step[2 * i] = V_BLOCKS;
        step[2 * i + 1] = 0;
    }
    return step;
}

/* One step of ARS-7 of vectors side by side: round 0 adds the key, round 7 is the last. */
IH_INLINE void vector_ars_round(const v_schedule *schedule, v_words *state, int vectors,
                                int round) {
    EACH (i, vectors)
        state[i] = round == 0          ? state[i] ^ schedule->key[0]
                   : round < IH_ROUNDS ? v_aes(state[i], schedule->key[round])
                                       : v_aes_last(state[i], schedule->key[round]);
}

IH_INLINE void vector_ars(const v_schedule *schedule, v_words *state, int vectors) {
    EACH (round, IH_ROUNDS + 1) vector_ars_round(schedule, state, vectors, round);
}

/* Words under way while others are mapped: the rounds of the next vectors stand between the steps
 * of the map, so that the CPU has both to do at any time. state is NULL where there are none. */
typedef struct {
    const v_schedule *schedule;
    v_words *state;
    int vectors;
} v_ahead;

IH_INLINE void ahead_rounds(const v_ahead *ahead, int first, int last) {
    if (!ahead->state) return;
    EACH (step, last - first + 1)
        vector_ars_round(ahead->schedule, ahead->state, ahead->vectors, first + step);
}

/* Maps from words to values: vector_uniform_f32 is ih_uniform_f32 of ih_fill_scalar.h lane by lane,
 * and so are the others. */

IH_INLINE v_floats vector_uniform_f32(v_words words, float scale) {
    return __builtin_convertvector(((v_ints)words >> 7) | 1, v_floats) * scale;
}

IH_INLINE v_doubles vector_uniform_f64(v_words words, double scale) {
    return __builtin_convertvector(((v_signed_longs)words >> 10) | 1, v_doubles) * scale;
}

IH_INLINE v_words vector_high_32(v_words words, uint32_t factor) {
    v_longs factors = (v_longs){0} + factor;
    v_longs even = v_multiply_32((v_longs)words, factors);
    v_longs odd = v_multiply_32((v_longs)words >> 32, factors);
    return (v_words)((even >> 32) | (odd & ~(uint64_t)UINT32_MAX));
}

IH_INLINE v_longs vector_high_64(v_longs a, uint64_t factor) {
    v_longs b0 = (v_longs){0} + (uint32_t)factor, b1 = (v_longs){0} + (factor >> 32);
    v_longs a1 = a >> 32;
    v_longs low = v_multiply_32(a, b0), cross = v_multiply_32(a1, b0), other = v_multiply_32(a, b1);
    v_longs middle = (low >> 32) + (cross & UINT32_MAX) + (other & UINT32_MAX);
    return v_multiply_32(a1, b1) + (cross >> 32) + (other >> 32) + (middle >> 32);
}

IH_INLINE v_words vector_canonical_32(v_words u) {
    v_words upper = (v_words)((v_ints)u >> 31);
    return ((u ^ upper) << 1) - upper;
}

IH_INLINE v_longs vector_canonical_64(v_longs u) {
    v_longs upper = (v_longs)((v_signed_longs)u >> 63);
    return ((u ^ upper) << 1) - upper;
}

#if IH_VECTOR_NORMAL

typedef struct {
    v_f32_table f32;
} v_tables;

IH_INLINE v_tables load_tables(void) {
    v_tables tables;
    tables.f32 = v_load_f32_table();
    return tables;
}

/* Vectors side by side, step by step: the chain of one is too long to keep the CPU busy. A
 * coefficient is looked up where it is used: all at once would not fit the registers. */
IH_INLINE void vector_normal_f32(const v_tables *tables, const v_words *words, v_floats *z,
                                 int vectors, const v_ahead *ahead) {
    v_floats t[IN_FLIGHT];
    v_words row[IN_FLIGHT];
    int deep[IN_FLIGHT];
    EACH (i, vectors) {
        v_words octave = v_leading_zeros_32(words[i]);
        v_words fraction = v_negated_odd_32(words[i]) << (octave + 1);
        t[i] = __builtin_convertvector((v_ints)(fraction & 0x7fffffff), v_floats) * 0x1p-31f;
        row[i] = v_row_f32(octave, fraction);
        deep[i] = v_is_deep(row[i]);
        z[i] = v_table_f32(&tables->f32, row[i], deep[i], IH_NORMAL_F32_DEGREE);
    }
    ahead_rounds(ahead, 0, IH_ROUNDS - IH_NORMAL_F32_DEGREE);
    EACH_DOWN (power, IH_NORMAL_F32_DEGREE - 1) {
        EACH (i, vectors) z[i] = z[i] * t[i] + v_table_f32(&tables->f32, row[i], deep[i], power);
        ahead_rounds(ahead, IH_ROUNDS - power, IH_ROUNDS - power);
    }
    EACH (i, vectors) z[i] = (v_floats)((v_words)z[i] ^ (words[i] << 31));
}

IH_INLINE v_doubles vector_normal_f64(v_longs words) {
    v_longs octave = v_leading_zeros_64(words);
    v_longs fraction = v_negated_odd_64(words) << (octave + 1);
    /* Tail words, whose value is replaced, must not read beyond the table. */
    v_longs row = ((octave << 4) + (fraction >> 60)) & (16 * IH_NORMAL_OCTAVES - 1);
    v_signed_longs rest = (v_signed_longs)(fraction & (UINT64_MAX >> 4));
    v_doubles t = __builtin_convertvector(rest, v_doubles) * 0x1p-60;
    v_doubles c[IH_NORMAL_F64_DEGREE + 1];
    v_doubles z;
    v_table_f64(row, c);
    z = c[IH_NORMAL_F64_DEGREE];
    EACH_DOWN (power, IH_NORMAL_F64_DEGREE - 1) z = z * t + c[power];
    return (v_doubles)((v_longs)z ^ (words << 63));
}

/* The rare vectors with a tail word: their elements again, one by one, for the tail's values. */
__attribute__((noinline)) static v_floats vector_refine_f32(const ih_plan *plan, int law,
                                                            ih_blocks blocks, v_words words,
                                                            v_words canonical, v_floats z) {
    for (int i = 0; i < V_WORDS; i++) {
        if (canonical[i] >= IH_TAIL_BELOW_32) continue;
        z[i] = law == IH_NORMAL
                   ? ih_refine_normal_f32(plan, ih_block_at(blocks, (size_t)i / 4), i % 4, words[i])
                   : ih_refine_truncated_f32(plan, ih_block_at(blocks, (size_t)i / 4), i % 4,
                                             words[i]);
    }
    return z;
}

__attribute__((noinline)) static v_doubles vector_refine_f64(const ih_plan *plan, int law,
                                                             ih_blocks blocks, v_longs words,
                                                             v_longs canonical, v_doubles z) {
    for (int i = 0; i < V_LONGS; i++) {
        if (canonical[i] >= IH_TAIL_BELOW_64) continue;
        z[i] = law == IH_NORMAL
                   ? ih_refine_normal_f64(plan, ih_block_at(blocks, (size_t)i / 2), i % 2, words[i])
                   : ih_refine_truncated_f64(plan, ih_block_at(blocks, (size_t)i / 2), i % 2,
                                             words[i]);
    }
    return z;
}

IH_INLINE void vector_standard_f32(const v_tables *tables, const ih_plan *plan, int law,
                                   ih_blocks blocks, const v_words *words, v_floats *z, int vectors,
                                   const v_ahead *ahead) {
    v_words canonical[IN_FLIGHT], least;
    EACH (i, vectors) {
        canonical[i] = words[i];
        if (law == IH_TRUNCATED_NORMAL)
            canonical[i] =
                vector_canonical_32(vector_high_32(words[i], plan->span_32) + plan->first_32);
        least = i ? v_least_32(least, canonical[i]) : canonical[i];
    }
    vector_normal_f32(tables, canonical, z, vectors, ahead);
    if (__builtin_expect(v_any_below_32(least, IH_TAIL_BELOW_32), 0))
        EACH (i, vectors)
            z[i] = vector_refine_f32(plan, law, blocks_of(blocks, i), words[i], canonical[i], z[i]);
}

IH_INLINE v_doubles vector_standard_f64(const ih_plan *plan, int law, ih_blocks blocks,
                                        v_longs words) {
    v_longs canonical = words;
    if (law == IH_TRUNCATED_NORMAL)
        canonical = vector_canonical_64(vector_high_64(words, plan->span) + plan->first);
    v_doubles z = vector_normal_f64(canonical);
    if (__builtin_expect(v_any_below_64(canonical, IH_TAIL_BELOW_64), 0))
        z = vector_refine_f64(plan, law, blocks, words, canonical, z);
    return z;
}

#else

typedef int v_tables;

IH_INLINE v_tables load_tables(void) { return 0; }

IH_INLINE void vector_standard_f32(const v_tables *tables, const ih_plan *plan, int law,
                                   ih_blocks blocks, const v_words *words, v_floats *z, int vectors,
                                   const v_ahead *ahead) {
    (void)tables;
    ahead_rounds(ahead, 0, IH_ROUNDS);
    EACH (i, vectors) {
        v_floats values = {0};
        for (int j = 0; j < V_WORDS; j++) {
            uint64_t block = ih_block_at(blocks_of(blocks, i), (size_t)j / 4);
            values[j] = law == IH_NORMAL ? ih_standard_normal_f32(plan, block, j % 4, words[i][j])
                                         : ih_truncated_f32(plan, block, j % 4, words[i][j]);
        }
        z[i] = values;
    }
}

IH_INLINE v_doubles vector_standard_f64(const ih_plan *plan, int law, ih_blocks blocks,
                                        v_longs words) {
    v_doubles z;
    EACH (i, V_LONGS)
        z[i] =
            law == IH_NORMAL
                ? ih_standard_normal_f64(plan, ih_block_at(blocks, (size_t)i / 2), i % 2, words[i])
                : ih_truncated_f64(plan, ih_block_at(blocks, (size_t)i / 2), i % 2, words[i]);
    return z;
}

#endif

IH_INLINE void vector_values_f32(const v_tables *tables, const ih_plan *plan, int law,
                                 ih_blocks blocks, const v_words *words, v_floats *values,
                                 int vectors, const v_ahead *ahead) {
    if (law == IH_UNIFORM) {
        ahead_rounds(ahead, 0, IH_ROUNDS);
        EACH (i, vectors) values[i] = vector_uniform_f32(words[i], plan->scale_f32);
        return;
    }
    vector_standard_f32(tables, plan, law, blocks, words, values, vectors, ahead);
    EACH (i, vectors) values[i] *= plan->scale_f32;
    if (law == IH_TRUNCATED_NORMAL)
        EACH (i, vectors)
            values[i] = v_minimum(v_maximum(values[i], plan->low_f32), plan->high_f32);
}

IH_INLINE v_doubles vector_value_f64(const ih_plan *plan, int law, ih_blocks blocks,
                                     v_words words) {
    if (law == IH_UNIFORM) return vector_uniform_f64(words, plan->scale_f64);
    v_doubles value = vector_standard_f64(plan, law, blocks, (v_longs)words) * plan->scale_f64;
    if (law == IH_TRUNCATED_NORMAL)
        value = v_minimum_f64(v_maximum_f64(value, plan->low_f64), plan->high_f64);
    return value;
}

/* A 16-bit value in the low half of each word; its upper half is not defined for bf16. */
IH_INLINE v_halves round_to_16(const ih_plan *plan, int law, int dtype, v_floats value) {
    if (law == IH_UNIFORM) value = v_minimum(v_maximum(value, plan->low_f32), plan->high_f32);
    if (dtype == IH_F16) return v_to_f16(value);
    v_words bits = (v_words)value;
    return v_low_halves((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

IH_INLINE void put(char *to, v_words bits, int stream) {
    if (stream)
        v_stream(to, bits);
    else
        v_store(to, bits);
}

/* Turn the words of a few vectors into elements at out. */
IH_INLINE void emit(const v_tables *tables, const ih_plan *plan, int law, int dtype,
                    ih_blocks blocks, const v_words *words, int vectors, char *out, int stream,
                    const v_ahead *ahead) {
    v_floats values[IN_FLIGHT];
    if (dtype == IH_F64) {
        ahead_rounds(ahead, 0, IH_ROUNDS);
        EACH (i, vectors)
            put(out + i * V_BYTES,
                (v_words)vector_value_f64(plan, law, blocks_of(blocks, i), words[i]), stream);
        return;
    }
    vector_values_f32(tables, plan, law, blocks, words, values, vectors, ahead);
    if (dtype == IH_F32)
        EACH (i, vectors) put(out + i * V_BYTES, (v_words)values[i], stream);
    else if (vectors == 1)
        v_store_half(out, round_to_16(plan, law, dtype, values[0]));
    else
        UNROLL for (int i = 0; i < vectors; i += 2)
            put(out + i * (V_BYTES / 2),
                v_join_halves(round_to_16(plan, law, dtype, values[i]),
                              round_to_16(plan, law, dtype, values[i + 1])),
                stream);
}

IH_INLINE void fill_blocks(const ih_plan *plan, int law, int dtype, ih_blocks blocks, size_t count,
                           void *out, int stream) {
    const int bytes_per_vector = dtype == IH_F16 || dtype == IH_BF16 ? V_BYTES / 2 : V_BYTES;
    const v_schedule schedule = load_schedule(plan);
    const v_tables tables = load_tables();
    const size_t group = IN_FLIGHT * V_BLOCKS;
    const v_ahead none = {&schedule, NULL, 0};
    v_words words[IN_FLIGHT];
    char *to = out;
    if (!blocks.list && count >= group) {
        const v_longs step = counter_step();
        v_longs counters = counters_from(blocks.first, IH_DOMAIN_MAIN);
        EACH (i, IN_FLIGHT) {
            words[i] = (v_words)counters;
            counters += step;
        }
        vector_ars(&schedule, words, IN_FLIGHT);
        for (;; count -= group) {
            v_words next[IN_FLIGHT];
            const v_ahead ahead = {&schedule, next, IN_FLIGHT};
            EACH (i, IN_FLIGHT) {
                next[i] = (v_words)counters;
                counters += step;
            }
            emit(&tables, plan, law, dtype, blocks, words, IN_FLIGHT, to, stream, &ahead);
            EACH (i, IN_FLIGHT) words[i] = next[i];
            to += IN_FLIGHT * bytes_per_vector;
            blocks = blocks_of(blocks, IN_FLIGHT);
            if (count < 2 * group) break;
        }
        count -= group;
    }
    for (; count; count -= V_BLOCKS, to += bytes_per_vector) {
        words[0] = (v_words)counters_at(blocks, IH_DOMAIN_MAIN);
        vector_ars(&schedule, words, 1);
        emit(&tables, plan, law, dtype, blocks, words, 1, to, 0, &none);
        blocks = blocks_of(blocks, 1);
    }
    if (stream) v_fence();
}

static void vector_words(const ih_plan *plan, ih_blocks blocks, uint32_t domain, size_t count,
                         uint32_t *out) {
    const v_schedule schedule = load_schedule(plan);
    for (size_t i = 0; i < count; i += V_BLOCKS) {
        v_words words = (v_words)counters_at(blocks, domain);
        vector_ars(&schedule, &words, 1);
        v_store((char *)(out + 4 * i), words);
        blocks = blocks_of(blocks, 1);
    }
}

#define STAMP(law, LAW, dtype, DTYPE)                                                              \
    static void vector_fill_##law##_##dtype(const ih_plan *plan, ih_blocks blocks, size_t count,   \
                                            void *out, int stream) {                               \
        if (stream)                                                                                \
            fill_blocks(plan, LAW, DTYPE, blocks, count, out, 1);                                  \
        else                                                                                       \
            fill_blocks(plan, LAW, DTYPE, blocks, count, out, 0);                                  \
    }
IH_FOR_LAWS_AND_TYPES(STAMP)

#define PASTE(a, b) a##b
#define KERNEL_NAME(name) PASTE(ih_kernel_, name)
#define TEXT(x) #x
#define TEXT_OF(x) TEXT(x)

const ih_kernel KERNEL_NAME(IH_NAME) = {
    TEXT_OF(IH_NAME), IH_SUPPORTED, V_BLOCKS, vector_words, IH_FILL_TABLE(vector_fill),
};
