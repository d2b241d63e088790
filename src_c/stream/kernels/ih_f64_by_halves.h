/* Conversion of 64-bit integers to f64 without an instruction for it. The including kernel defines
 * joined_words(): the lower word of each lane from one vector, the upper word from another. */
#define TWO_52 ((v_longs)((v_doubles){0} + 0x1p52))
#define TWO_84 ((v_longs)((v_doubles){0} + 0x1p84))

/* Each half of x becomes part of a double. The differences are exact, and their sum is rounded
 * once; excess is subtracted from the upper half. */
VERB v_doubles two_halves(v_longs x, v_longs upper, double excess) {
    v_longs lower = joined_words(x, TWO_52);
    return ((v_doubles)upper - (0x1p84 + 0x1p52 + excess)) + (v_doubles)lower;
}
VERB v_doubles v_to_f64(v_longs x) { return two_halves(x, x >> 32 | TWO_84, 0); }
VERB v_doubles v_signed_to_f64(v_longs x) { /* with the sign bit flipped it is 2^63 too much */
    return two_halves(x, x >> 32 ^ (TWO_84 | UINT64_C(1) << 31), 0x1p63);
}
