/* Prints, for each octave, how many float32 normal values there are of one word, and their worst
 * errors: absolute, and in units in the last place. The float64 quantile, whose error is below
 * 10^-15, stands for the exact one. */
#include <math.h>
#include <stdio.h>

#include "stream/ih_tail.h"

int main(void) {
    for (int octave = 0; octave < IH_NORMAL_OCTAVES; octave++) {
        const uint32_t first = UINT32_C(1) << (31 - octave), last = first | (first - 1);
        double worst = 0, worst_ulp = 0;
        for (uint32_t word = first | 1;; word += 2) {
            double z = ih_normal_f32_value(word);
            double exact = -ih_quantile((uint64_t)word << 32 | 1, 0);
            double error = fabs(z - exact), ulp = ldexp(1, ilogb(z) - 23);
            if (error > worst) worst = error;
            if (error > worst_ulp * ulp) worst_ulp = error / ulp;
            if (word == last) break;
        }
        printf("%d %u %.4g %.4g\n", octave, (last - first) / 2 + 1, worst, worst_ulp);
        fflush(stdout);
    }
    return 0;
}
