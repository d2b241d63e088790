/* The vector kernel, written once: included by each instruction set's file, which first defines
 *
 *   IH_NAME, IH_SUPPORTED   the kernel's name as a token; the function that asks the CPU
 *   V_BLOCKS                blocks in a vector: 1, 2 or 4; then it includes ih_vector.h
 *   v_state                 a vector under encryption
 *
 * and these verbs (a test compares the list with their uses below):
 *
 *   v_round_key()           four words to every block of a vector
 *   v_to_state(), v_from_state()         a vector to be encrypted; the one that was
 *   v_aes(), v_aes_last()   an AES round of every block
 *   v_store()               to memory of any alignment
 *   v_stream(), v_fence()   store past the caches, to aligned memory; end such stores
 *   v_store_half()          the first half of a vector
 *   v_to_bf16(), v_to_f16() two vectors of f32 to one of 16 bits, rounded to nearest even
 *   v_cut_halves()          16-bit floats, each at most one step beyond a magnitude, cut to it
 *   v_multiply_32()         low 32 bits of each 64-bit lane, product 64 bits
 *   v_signed_to_f64()       signed 64-bit integers to f64, of 53 bits and trailing zeros
 *   v_minimum(), v_maximum(), v_minimum_f64(), v_maximum_f64()
 *                           of a vector and a number; of two zeros either that of the vector or the
 *                           one that is less (greater): the lower end is -0, the upper one +0
 *
 * for the normal laws V_RARE_BELOW_32, below which a canonical word is left to the scalar map, the
 * type v_f32_table, the part of the table that stays in registers, and
 *
 *   v_fma(), v_fma_f64()    a * b + c, rounded once
 *   v_locate_32()           the octave, and the distance from its inner end on the scale 2^-31
 *   v_locate_64()           the row of the f64 table, and the distance on the scale 2^-60
 *   v_to_f64()              64-bit integers below 2^60 to f64
 *   v_least_32()            the unsigned minimum
 *   v_below_32(), v_below_64()           a bit for each lane below a limit, unsigned
 *   v_load_f32_table(), v_table_f32()    a power of each octave
 *   v_table_f64()           all powers of each row
 *
 * Everything else uses the operators of GCC's vector types. The compiler must not fuse products and
 * sums (-ffp-contract=off), so that each step rounds as in ih_fill_scalar.h.
 */
#define IH_KERNEL
#include "stream/ih_tail.h"

/* Number of vectors that are encrypted together, to hide the latency of AES instructions; even. */
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

/* Vectors that are encrypted together by ARS-7; key 0 is already added to their counters. */
IH_INLINE void vector_ars_begin(const v_schedule *schedule, v_longs *counters, v_longs step,
                                v_state *state, int vectors) {
    EACH (i, vectors) {
        state[i] = v_to_state((v_words)*counters ^ schedule->key[0]);
        *counters += step;
    }
}

IH_INLINE void vector_ars_round(const v_schedule *schedule, v_state *state, int vectors,
                                int round) {
    EACH (i, vectors)
        state[i] = round < IH_ROUNDS ? v_aes(state[i], schedule->key[round])
                                     : v_aes_last(state[i], schedule->key[round]);
}

IH_INLINE v_words vector_ars(const v_schedule *schedule, v_longs counters) {
    v_state state;
    vector_ars_begin(schedule, &counters, (v_longs){0}, &state, 1);
    EACH (round, IH_ROUNDS) vector_ars_round(schedule, &state, 1, round + 1);
    return v_from_state(state);
}

/* Encryption of the next words while others are mapped to values: AES rounds are between the steps
 * of the map, so that the CPU can run both at the same time. state is NULL if there are none. */
typedef struct {
    const v_schedule *schedule;
    v_state *state;
    int vectors;
} v_ahead;

IH_INLINE void ahead_rounds(const v_ahead *ahead, int first, int last) {
    if (!ahead->state) return;
    EACH (step, last - first + 1)
        vector_ars_round(ahead->schedule, ahead->state, ahead->vectors, first + step);
}

/* Maps from words to values: vector_uniform_f32 is ih_uniform_f32 of ih_fill_scalar.h lane by lane;
 * the others correspond in the same way. */

IH_INLINE v_floats vector_uniform_f32(v_words words, float scale) {
    return __builtin_convertvector((v_ints)((words & ~UINT32_C(0xff)) | 0x80), v_floats) * scale;
}

IH_INLINE v_doubles vector_uniform_f64(v_words words, double scale) {
    return v_signed_to_f64(((v_longs)words & ~UINT64_C(0x7ff)) | 0x400) * scale;
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

/* Several vectors step by step: the dependency chain of one would not keep the CPU busy. Each
 * coefficient is looked up just before its use, as all of them do not fit the registers. */
IH_INLINE void vector_normal_f32(const v_f32_table *table, const v_words *words, v_floats *z,
                                 int vectors, const v_ahead *ahead) {
    v_floats t[IN_FLIGHT];
    v_words octave[IN_FLIGHT];
    EACH (i, vectors) {
        v_words distance;
        v_locate_32(words[i], &octave[i], &distance);
        t[i] = __builtin_convertvector((v_ints)distance, v_floats) * 0x1p-31f;
        z[i] = v_table_f32(table, octave[i], IH_NORMAL_F32_DEGREE);
    }
    _Static_assert(IH_NORMAL_F32_DEGREE > IH_ROUNDS, "there is a step for each round");
    EACH_DOWN (power, IH_NORMAL_F32_DEGREE - 1) {
        EACH (i, vectors) z[i] = v_fma(z[i], t[i], v_table_f32(table, octave[i], power));
        if (power < IH_ROUNDS) ahead_rounds(ahead, IH_ROUNDS - power, IH_ROUNDS - power);
    }
    EACH (i, vectors) z[i] = (v_floats)((v_words)z[i] ^ (words[i] << 31));
}

IH_INLINE v_doubles vector_normal_f64(v_longs words) {
    v_longs row, distance;
    v_doubles c[IH_NORMAL_F64_DEGREE + 1];
    v_locate_64(words, &row, &distance);
    /* Tail words, whose values are replaced, must not index beyond the table. */
    v_table_f64(row & (16 * IH_NORMAL_OCTAVES - 1), c);
    v_doubles t = v_to_f64(distance) * 0x1p-60;
    v_doubles z = c[IH_NORMAL_F64_DEGREE];
    EACH_DOWN (power, IH_NORMAL_F64_DEGREE - 1) z = v_fma_f64(z, t, c[power]);
    return (v_doubles)((v_longs)z ^ (words << 63));
}

/* The rare lanes that the scalar map computes, including those with a tail word. */
__attribute__((noinline)) static v_floats vector_refine_f32(const ih_plan *plan, int law,
                                                            ih_blocks blocks, v_words words,
                                                            unsigned rare, v_floats z) {
    for (; rare; rare &= rare - 1) {
        int i = __builtin_ctz(rare);
        uint64_t block = ih_block_at(blocks, (size_t)i / 4);
        z[i] = law == IH_NORMAL ? ih_standard_normal_f32(plan, block, i % 4, words[i])
                                : ih_truncated_f32(plan, block, i % 4, words[i]);
    }
    return z;
}

__attribute__((noinline)) static v_doubles vector_refine_f64(const ih_plan *plan, int law,
                                                             ih_blocks blocks, v_longs words,
                                                             unsigned rare, v_doubles z) {
    for (; rare; rare &= rare - 1) {
        int i = __builtin_ctz(rare);
        uint64_t block = ih_block_at(blocks, (size_t)i / 2);
        z[i] = law == IH_NORMAL ? ih_refine_normal_f64(plan, block, i % 2, words[i])
                                : ih_refine_truncated_f64(plan, block, i % 2, words[i]);
    }
    return z;
}

IH_INLINE void vector_standard_f32(const v_f32_table *table, const ih_plan *plan, int law,
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
    vector_normal_f32(table, canonical, z, vectors, ahead);
    if (__builtin_expect(v_below_32(least, V_RARE_BELOW_32), 0))
        EACH (i, vectors) {
            unsigned rare = v_below_32(canonical[i], V_RARE_BELOW_32);
            if (rare)
                z[i] = vector_refine_f32(plan, law, blocks_of(blocks, i), words[i], rare, z[i]);
        }
}

IH_INLINE v_doubles vector_standard_f64(const ih_plan *plan, int law, ih_blocks blocks,
                                        v_longs words) {
    v_longs canonical = words;
    if (law == IH_TRUNCATED_NORMAL)
        canonical = vector_canonical_64(vector_high_64(words, plan->span) + plan->first);
    v_doubles z = vector_normal_f64(canonical);
    unsigned rare = v_below_64(canonical, IH_TAIL_BELOW_64);
    if (__builtin_expect(rare, 0)) z = vector_refine_f64(plan, law, blocks, words, rare, z);
    return z;
}

IH_INLINE void vector_values_f32(const v_f32_table *table, const ih_plan *plan, int law,
                                 ih_blocks blocks, const v_words *words, v_floats *values,
                                 int vectors, const v_ahead *ahead) {
    if (law == IH_UNIFORM) {
        ahead_rounds(ahead, 1, IH_ROUNDS);
        EACH (i, vectors) values[i] = vector_uniform_f32(words[i], plan->scale_f32);
        return;
    }
    vector_standard_f32(table, plan, law, blocks, words, values, vectors, ahead);
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

/* Two vectors of f32 values to one of a 16-bit type. */
IH_INLINE v_words pack_halves(const ih_plan *plan, int law, int dtype, v_floats a, v_floats b) {
    v_words halves = dtype == IH_F16 ? v_to_f16(a, b) : v_to_bf16(a, b);
    return law == IH_UNIFORM ? v_cut_halves(halves, plan->greatest_half) : halves;
}

IH_INLINE void put(char *to, v_words bits, int stream) {
    if (stream)
        v_stream(to, bits);
    else
        v_store(to, bits);
}

/* Write the elements of the words of a few vectors to out. */
IH_INLINE void emit(const v_f32_table *table, const ih_plan *plan, int law, int dtype,
                    ih_blocks blocks, const v_words *words, int vectors, char *out, int stream,
                    const v_ahead *ahead) {
    v_floats values[IN_FLIGHT];
    if (dtype == IH_F64) {
        ahead_rounds(ahead, 1, IH_ROUNDS);
        EACH (i, vectors)
            put(out + i * V_BYTES,
                (v_words)vector_value_f64(plan, law, blocks_of(blocks, i), words[i]), stream);
        return;
    }
    vector_values_f32(table, plan, law, blocks, words, values, vectors, ahead);
    if (dtype == IH_F32)
        EACH (i, vectors) put(out + i * V_BYTES, (v_words)values[i], stream);
    else if (vectors == 1)
        v_store_half(out, pack_halves(plan, law, dtype, values[0], values[0]));
    else
        UNROLL for (int i = 0; i < vectors; i += 2)
            put(out + i * (V_BYTES / 2), pack_halves(plan, law, dtype, values[i], values[i + 1]),
                stream);
}

IH_INLINE void fill_blocks(const ih_plan *plan, int law, int dtype, ih_blocks blocks, size_t count,
                           void *out, int stream) {
    const int bytes_per_vector = dtype == IH_F16 || dtype == IH_BF16 ? V_BYTES / 2 : V_BYTES;
    const v_schedule schedule = load_schedule(plan);
    const v_f32_table table = v_load_f32_table();
    const size_t group = IN_FLIGHT * V_BLOCKS;
    const v_ahead none = {&schedule, NULL, 0};
    v_words words[IN_FLIGHT];
    char *to = out;
    if (!blocks.list && count >= group) {
        const v_longs step = counter_step();
        v_longs counters = counters_from(blocks.first, IH_DOMAIN_MAIN);
        v_state state[IN_FLIGHT];
        const v_ahead ahead = {&schedule, state, IN_FLIGHT};
        vector_ars_begin(&schedule, &counters, step, state, IN_FLIGHT);
        ahead_rounds(&ahead, 1, IH_ROUNDS);
        for (;; count -= group) {
            EACH (i, IN_FLIGHT) words[i] = v_from_state(state[i]);
            vector_ars_begin(&schedule, &counters, step, state, IN_FLIGHT);
            emit(&table, plan, law, dtype, blocks, words, IN_FLIGHT, to, stream, &ahead);
            to += IN_FLIGHT * bytes_per_vector;
            blocks = blocks_of(blocks, IN_FLIGHT);
            if (count < 2 * group) break;
        }
        count -= group;
    }
    for (; count; count -= V_BLOCKS, to += bytes_per_vector) {
        words[0] = vector_ars(&schedule, counters_at(blocks, IH_DOMAIN_MAIN));
        emit(&table, plan, law, dtype, blocks, words, 1, to, 0, &none);
        blocks = blocks_of(blocks, 1);
    }
    if (stream) v_fence();
}

static void vector_words(const ih_plan *plan, ih_blocks blocks, uint32_t domain, size_t count,
                         uint32_t *out) {
    const v_schedule schedule = load_schedule(plan);
    for (size_t i = 0; i < count; i += V_BLOCKS) {
        v_store((char *)(out + 4 * i), vector_ars(&schedule, counters_at(blocks, domain)));
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
    TEXT_OF(IH_NAME),
    IH_SUPPORTED,
    V_BLOCKS,
    vector_words,
    IH_FILL_TABLE(vector_fill),
    IH_FILL_ROW(two_words_fill),
};
