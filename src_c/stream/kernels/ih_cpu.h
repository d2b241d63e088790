/* One function for each kernel: 1 if the CPU and the operating system support its instructions. */
#ifndef IH_CPU_H
#define IH_CPU_H

int ih_cpu_has_aesni(void);      /* AES-NI and SSE4.1 */
int ih_cpu_has_aesni_avx2(void); /* AES-NI, AVX2, FMA, F16C */
int ih_cpu_has_avx2(void);       /* VAES on 256 bits, AVX2, FMA, F16C */
int ih_cpu_has_avx512(void);     /* VAES on 512 bits, AVX-512 F BW DQ CD VL VBMI2 */
int ih_cpu_has_neon(void);       /* AArch64 with the AES instructions */

#endif
