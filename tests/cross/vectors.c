/* Prints digests of every law and type for one kernel: two builds that agree print the same. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ih_fill.h"

#define ELEMENTS 200003
#define LAWS 21
/* Elements of each law in the sweep, on both sides of a block whose number passes 2^32. */
#define SWEPT 131
#define DENSE 12 /* scales from the least one on, all powers of two; wider steps follow */

#define FLOATS (IH_BF16 + 1) /* types; those of integers follow */

static const int item_bytes[IH_DTYPES] = {4, 8, 2, 2, 4, 8};
static const ih_key key = {{UINT64_C(0x0123456789abcdef), UINT64_C(0xfedcba9876543210)}};
static unsigned char out[8 * ELEMENTS + 1];

/* FNV-1a of a value's bytes, the least significant first, whatever their order in memory. */
static uint64_t hashed(uint64_t hash, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++)
        hash = (hash ^ (value >> (8 * i) & 255)) * UINT64_C(0x100000001b3);
    return hash;
}

static uint64_t hashed_double(uint64_t hash, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return hashed(hash, bits, 8);
}

static uint64_t hashed_elements(uint64_t hash, const unsigned char *elements, size_t count,
                                int bytes) {
    const uint16_t one = 1;
    const int reversed = *(const unsigned char *)&one != 1;
    for (; count; count--, elements += bytes)
        for (int i = 0; i < bytes; i++)
            hash = hashed(hash, elements[reversed ? bytes - 1 - i : i], 1);
    return hash;
}

static const uint64_t no_hash = UINT64_C(0xcbf29ce484222325);

/* Fill out + 1 with elements of a huge array. */
static int fill(const ih_law *law, int dtype, uint64_t start, uint64_t count, int kernel) {
    uint64_t shape = UINT64_MAX;
    ptrdiff_t stride = item_bytes[dtype];
    return ih_fill(&key, law, dtype, 1, &shape, &start, &count, &stride, out + 1, 2,
                   IH_MEMORY_UNKNOWN, kernel);
}

static int print_laws(int kernel) {
    ih_law laws[LAWS];
    int status = 0;
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
    for (int kind = IH_UNIFORM_BETWEEN; kind <= IH_INVERSE_SOFTPLUS; kind++) {
        status |= ih_law_interval(&laws[10 + kind], kind, 0x1p-10, 0.1);
        status |= ih_law_interval(&laws[14 + kind], kind, 0.01, 60000);
    }
    for (int law = 0; law < LAWS; law++)
        for (int dtype = 0; dtype < FLOATS; dtype++) {
            status |= fill(&laws[law], dtype, (UINT64_C(1) << 33) - 100, ELEMENTS, kernel);
            printf("%d %d %016" PRIx64 "\n", law, dtype,
                   hashed_elements(no_hash, out + 1, ELEMENTS, item_bytes[dtype]));
        }
    return status;
}

static int print_integers(int kernel) {
    static const int dtypes[] = {IH_U32, IH_U64, IH_U64, IH_U64, IH_U64};
    ih_law laws[5];
    int status = ih_law_bits(&laws[0]) | ih_law_bits(&laws[1]) | ih_law_integers(&laws[2], -5, 11) |
                 ih_law_integers(&laws[3], INT64_MIN, UINT64_C(3) << 62) |
                 ih_law_integers(&laws[4], INT64_MIN, 0);
    for (int law = 0; law < 5; law++) {
        status |= fill(&laws[law], dtypes[law], (UINT64_C(1) << 33) - 100, ELEMENTS, kernel);
        printf("integers %d %016" PRIx64 "\n", law,
               hashed_elements(no_hash, out + 1, ELEMENTS, item_bytes[dtypes[law]]));
    }
    return status;
}

/* A law's constants and elements, or the status that refuses it. */
static uint64_t hashed_law(uint64_t hash, const ih_law *law, int status, int dtype, int kernel) {
    const uint64_t block_elements = dtype == IH_F64 ? 2 : 4;
    if (!status) status = fill(law, dtype, (block_elements << 32) - SWEPT / 2, SWEPT, kernel);
    hash = hashed(hash, (uint64_t)-status, 1);
    if (status) return hash;
    hash = hashed_double(hashed_double(hash, law->scale), law->deviation);
    hash = hashed_double(hashed_double(hash, law->low), law->high);
    hash = hashed(hashed(hash, law->first, 8), law->span, 8);
    return hashed_elements(hash, out + 1, SWEPT, item_bytes[dtype]);
}

/* Every type, and scales from half its least subnormal number to above its greatest. */
static void print_sweep(int kernel) {
    static const int least[FLOATS] = {-149, -1074, -24, -133};
    static const int greatest[FLOATS] = {128, 1023, 16, 128};
    const double ends[][2] = {
        {-2, 2},     {-0.01, 1},      {-1, 0.01},       {-0.01, 0.02},     {0, INFINITY},
        {-0.0, 0.3}, {-INFINITY, 0},  {-INFINITY, 0.1}, {-1e-3, INFINITY}, {1, INFINITY},
        {1.5, 1.6},  {-INFINITY, -3}, {-37, -36.5},     {-9, 9},
    };
    for (int dtype = 0; dtype < FLOATS; dtype++)
        for (int step = -1, exponent = least[dtype] - 1; exponent <= greatest[dtype]; step++) {
            const double scale = ldexp(step % 2 ? 1.0 : 1.4142135623730951, exponent);
            uint64_t hash = no_hash;
            ih_law law = {0};
            hash = hashed_law(hash, &law, ih_law_uniform(&law, scale), dtype, kernel);
            hash = hashed_law(hash, &law, ih_law_normal(&law, scale), dtype, kernel);
            for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
                hash = hashed_law(
                    hash, &law,
                    ih_law_truncated_normal(&law, scale, ends[i][0], ends[i][1], step % 3 == 0),
                    dtype, kernel);
            printf("sweep %d 2^%d %016" PRIx64 "\n", dtype, exponent, hash);
            exponent += step < DENSE ? 1 : 1 + (greatest[dtype] - least[dtype]) / 40;
        }
}

int main(int argc, char **argv) {
    const int kernel = ih_kernel_find(argc > 1 ? argv[1] : NULL);
    if (kernel < 0) {
        printf("no such kernel here\n");
        return 3;
    }
    if (print_laws(kernel) || print_integers(kernel)) return 1;
    print_sweep(kernel);
    return 0;
}
