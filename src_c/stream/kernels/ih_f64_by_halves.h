/* 64-bit integers to f64 where there is no instruction for it, for kernels that have a verb of
 * their own, joined_words(): the lower word of each lane of one vector, the upper one of another.
 */
#define TWO_52 ((v_longs)((v_doubles){0} + 0x1p52))
#define TWO_84 ((v_longs)((v_doubles){0} + 0x1p84))

/* Two halves of x, each in its place of a double, are subtracted exactly and added with one
 * rounding; excess is what the upper one has too much. */
VERB v_doubles two_halves(v_longs x, v_longs upper, double excess) {
    v_longs lower = joined_words(x, TWO_52);
    return ((v_doubles)upper - (0x1p84 + 0x1p52 + excess)) + (v_doubles)lower;
}
VERB v_doubles v_to_f64(v_longs x) { return two_halves(x, x >> 32 | TWO_84, 0); }
VERB v_doubles v_signed_to_f64(v_longs x) { /* with the sign bit flipped it is 2^63 too much */
    return two_halves(x, x >> 32 ^ (TWO_84 | UINT64_C(1) << 31), 0x1p63);
}
