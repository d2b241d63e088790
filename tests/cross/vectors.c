/* Prints a digest of every law and type for one kernel: two builds that agree print the same. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ih_fill.h"

#define ELEMENTS 200003
#define LAWS 13

static uint64_t digest(const unsigned char *bytes, size_t count) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (size_t i = 0; i < count; i++) hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

int main(int argc, char **argv) {
    static const int size[IH_DTYPES] = {4, 8, 2, 2};
    const int kernel = ih_kernel_find(argc > 1 ? argv[1] : NULL);
    const ih_key key = {{UINT64_C(0x0123456789abcdef), UINT64_C(0xfedcba9876543210)}};
    ih_law laws[LAWS];
    unsigned char *out = malloc(8 * ELEMENTS + 1);
    int status = 0;
    if (kernel < 0 || !out) {
        printf("no such kernel here\n");
        return 3;
    }
    status |= ih_law_uniform(&laws[0], 0.1);
    status |= ih_law_normal(&laws[1], 0.02);
    status |= ih_law_truncated_normal(&laws[2], 1.0, -2.0, 2.0, 1);
    status |= ih_law_truncated_normal(&laws[3], 1.0, -9.0, 9.0, 1);
    status |= ih_law_truncated_normal(&laws[4], 1.0, -0.01, 0.02, 1);
    status |= ih_law_truncated_normal(&laws[5], 1.0, 3.0, INFINITY, 1);
    status |= ih_law_truncated_normal(&laws[6], 1.0, -INFINITY, -12.0, 0);
    /* Ends and values that are 0 in some type. */
    status |= ih_law_truncated_normal(&laws[7], 0x1p-149, -0.01, 1.0, 0);
    status |= ih_law_truncated_normal(&laws[8], 0x1p-149, -1.0, 0.01, 0);
    status |= ih_law_truncated_normal(&laws[9], 0x1p-1074, -INFINITY, 0.1, 0);
    status |= ih_law_truncated_normal(&laws[10], 0x1p-27, -2.0, 2.0, 1);
    status |= ih_law_truncated_normal(&laws[11], 0x1p-148, 0.0, INFINITY, 0);
    status |= ih_law_normal(&laws[12], 0x1p-149);
    for (int law = 0; law < LAWS; law++)
        for (int dtype = 0; dtype < IH_DTYPES; dtype++) {
            uint64_t shape = UINT64_MAX, start = (UINT64_C(1) << 33) - 100, count = ELEMENTS;
            ptrdiff_t stride = size[dtype];
            status |= ih_fill(&key, &laws[law], dtype, 1, &shape, &start, &count, &stride, out + 1,
                              2, IH_MEMORY_UNKNOWN, kernel);
            printf("%d %d %016" PRIx64 "\n", law, dtype,
                   digest(out + 1, (size_t)ELEMENTS * (size_t)size[dtype]));
        }
    free(out);
    return status ? 1 : 0;
}
