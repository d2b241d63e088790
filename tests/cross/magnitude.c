/* Prints digests of the expected magnitude and the bounds: two builds that agree print the same. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "irwinhall.h"
#include "magnitude/ih_magnitude_wide.h"

static uint64_t hash;

/* FNV-1a, a word at a time */
static void add(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    hash = (hash ^ bits) * UINT64_C(0x100000001b3);
}

static void add_sizes(int64_t n, int64_t m) {
    add(ih_expected_magnitude(n));
    add(ih_letkeman_bound(n));
    add(ih_magnitude_wide(n).lo);
    add(ih_letkeman_bound_normalized(n, m, IH_NODE_AVERAGE));
    add(ih_letkeman_bound_normalized(n, m, IH_AS_PRINTED));
}

int main(void) {
    for (int64_t n = 1; n <= 3000; n++) {
        hash = UINT64_C(0xcbf29ce484222325);
        for (int64_t m = n; m < n + 20; m++) add_sizes(n, m);
        if (n % 100 == 0) printf("%" PRId64 " %016" PRIx64 "\n", n, hash);
    }
    for (int power = 11; power < 63; power++) {
        hash = UINT64_C(0xcbf29ce484222325);
        for (int64_t n = (INT64_C(1) << power) - 20; n < (INT64_C(1) << power) + 20; n++)
            add_sizes(n, 3 * (n / 5));
        printf("2^%d %016" PRIx64 "\n", power, hash);
    }
    return 0;
}
