/* The table of kernels, the best first. */
#include "stream/kernels/ih_fill_dispatch.h"

#include <string.h>

#include "common/ih_compiler.h"
#include "common/ih_flag.h"

extern const ih_kernel ih_kernel_portable;
extern const ih_kernel ih_kernel_aesni;
extern const ih_kernel ih_kernel_aesni_avx2;
extern const ih_kernel ih_kernel_avx2;
extern const ih_kernel ih_kernel_avx512;
extern const ih_kernel ih_kernel_neon;

static const ih_kernel *const kernels[] = {
#if defined(__x86_64__)
#ifndef IH_NO_AVX512
    &ih_kernel_avx512,
#endif
#ifndef IH_NO_AVX2
    &ih_kernel_avx2,     &ih_kernel_aesni_avx2,
#endif
#ifndef IH_NO_AESNI
    &ih_kernel_aesni,
#endif
#endif
#if defined(__aarch64__) && !defined(__AARCH64EB__) && !defined(IH_NO_NEON)
    &ih_kernel_neon,
#endif
    &ih_kernel_portable,
};

enum { KERNELS = sizeof kernels / sizeof kernels[0] };

int ih_kernel_count(void) { return KERNELS; }

const char *ih_kernel_name(int index) {
    return index >= 0 && index < KERNELS ? kernels[index]->name : NULL;
}

/* CPUID may trap to a hypervisor and take tens of microseconds, so each kernel is checked once.
 * Threads that do so at the same time write the same result. */
int ih_kernel_supported(int index) {
    enum { UNKNOWN, NO, YES };
    static ih_flag answer[KERNELS];
    int known;
    if (index < 0 || index >= KERNELS) return 0;
    known = ih_read_flag(&answer[index]);
    if (known == UNKNOWN) {
        known = kernels[index]->supported() ? YES : NO;
        ih_write_flag(&answer[index], known);
    }
    return known == YES;
}

const ih_kernel *ih_kernel_at(int index) {
    return ih_kernel_supported(index) ? kernels[index] : NULL;
}

int ih_kernel_find(const char *name) {
    for (int i = 0; i < KERNELS; i++) {
        if (name && strcmp(name, kernels[i]->name) != 0) continue;
        if (ih_kernel_supported(i)) return i;
    }
    return IH_ERROR_KERNEL;
}
