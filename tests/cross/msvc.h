/* What the C uses of Microsoft's headers, for Clang and their ABI: run.sh lets it stand for each of
 * them. Macros are defined as there. */
#ifndef MSVC_H
#define MSVC_H

#include <stddef.h>
#include <stdint.h>

/* <math.h> */
#define INFINITY ((float)(1e+300 * 1e+300))
#define NAN (-(float)(INFINITY * 0.0F))
#define isnan(x) ((x) != (x))
#define isinf(x) (fabs(x) == INFINITY)
#define isfinite(x) (fabs(x) < INFINITY)
float ldexpf(float, int), nextafterf(float, float);
int ilogbf(float);
double atan2(double, double), cos(double), erfc(double), exp(double), expm1(double), fabs(double);
double floor(double), fma(double, double, double), fmax(double, double), fmin(double, double);
double frexp(double, int *), hypot(double, double), ldexp(double, int), log(double);
double log1p(double), nextafter(double, double), round(double), sin(double), sqrt(double);

/* <fenv.h> */
#define FE_ALL_EXCEPT 31
typedef struct {
    unsigned long control, status;
} fexcept_t;
int fegetexceptflag(fexcept_t *, int), fesetexceptflag(const fexcept_t *, int);

/* <string.h>, <stdlib.h>, and <malloc.h>, which Clang's <immintrin.h> includes */
int strcmp(const char *, const char *), abs(int);
void *memcpy(void *, const void *, size_t), *memmove(void *, const void *, size_t);
void *memset(void *, int, size_t), *malloc(size_t), *_aligned_malloc(size_t, size_t);
void free(void *), _aligned_free(void *);

/* <process.h>, <windows.h> */
typedef void *HANDLE;
#define INFINITE 0xffffffff
uintptr_t _beginthreadex(void *, unsigned, unsigned(__stdcall *)(void *), void *, unsigned,
                         unsigned *);
unsigned long WaitForSingleObject(HANDLE, unsigned long);
int CloseHandle(HANDLE);

#endif
