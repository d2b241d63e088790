/* Detection of the instructions that the processor and the system support. */
#include "stream/kernels/ih_cpu.h"

#include "common/ih_compiler.h"

#if defined(IH_GNU) && defined(__x86_64__)

#include <cpuid.h>

/* CPUID bits, by leaf and register. */
#define LEAF1_ECX_FMA (1u << 12)
#define LEAF1_ECX_SSE41 (1u << 19)
#define LEAF1_ECX_AES (1u << 25)
#define LEAF1_ECX_OSXSAVE (1u << 27)
#define LEAF1_ECX_AVX (1u << 28)
#define LEAF1_ECX_F16C (1u << 29)
#define LEAF7_EBX_AVX2 (1u << 5)
/* F 16, DQ 17, CD 28, BW 30, VL 31 */
#define LEAF7_EBX_AVX512 (1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31)
#define LEAF7_ECX_VBMI2 (1u << 6)
#define LEAF7_ECX_VAES (1u << 9)
/* XCR0: the register state that the system saves. SSE 1, AVX 2; opmask 5, ZMM 6 and 7. */
#define XCR0_AVX (1u << 1 | 1u << 2)
#define XCR0_AVX512 (XCR0_AVX | 1u << 5 | 1u << 6 | 1u << 7)

typedef struct {
    unsigned leaf1_ecx, leaf7_ebx, leaf7_ecx, xcr0;
} cpu_features;

static cpu_features ask_cpu(void) {
    cpu_features cpu = {0, 0, 0, 0};
    unsigned eax, ebx, ecx, edx;
    if (__get_cpuid(1, &eax, &ebx, &ecx, &edx)) cpu.leaf1_ecx = ecx;
    if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) {
        cpu.leaf7_ebx = ebx;
        cpu.leaf7_ecx = ecx;
    }
    if (cpu.leaf1_ecx & LEAF1_ECX_OSXSAVE) { /* XGETBV exists only then */
        unsigned high;
        __asm__ volatile("xgetbv" : "=a"(cpu.xcr0), "=d"(high) : "c"(0));
    }
    return cpu;
}

static int all_of(unsigned have, unsigned want) { return (have & want) == want; }

int ih_cpu_has_aesni(void) { return all_of(ask_cpu().leaf1_ecx, LEAF1_ECX_AES | LEAF1_ECX_SSE41); }

int ih_cpu_has_aesni_avx2(void) {
    cpu_features cpu = ask_cpu();
    return all_of(cpu.leaf1_ecx, LEAF1_ECX_AES | LEAF1_ECX_AVX | LEAF1_ECX_FMA | LEAF1_ECX_F16C) &&
           all_of(cpu.leaf7_ebx, LEAF7_EBX_AVX2) && all_of(cpu.xcr0, XCR0_AVX);
}

int ih_cpu_has_avx2(void) {
    return ih_cpu_has_aesni_avx2() && all_of(ask_cpu().leaf7_ecx, LEAF7_ECX_VAES);
}

int ih_cpu_has_avx512(void) {
    cpu_features cpu = ask_cpu();
    return ih_cpu_has_avx2() && all_of(cpu.leaf7_ebx, LEAF7_EBX_AVX512) &&
           all_of(cpu.leaf7_ecx, LEAF7_ECX_VBMI2) && all_of(cpu.xcr0, XCR0_AVX512);
}

#elif defined(IH_GNU) && defined(__aarch64__)

#if defined(__linux__)
#include <sys/auxv.h>
#define HWCAP_AES_BIT (1ul << 3)
int ih_cpu_has_neon(void) { return (getauxval(AT_HWCAP) & HWCAP_AES_BIT) != 0; }
#else
/* Every 64-bit Apple and Windows machine has the AES instructions. */
int ih_cpu_has_neon(void) { return 1; }
#endif

#else
typedef int ih_cpu_is_empty;
#endif
