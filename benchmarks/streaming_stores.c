/* The ceiling of every generator: a loop of streaming stores of a constant, on a number of threads.
 */
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

typedef struct {
    char *from, *to;
} part;

static void *store(void *argument) {
    part *p = argument;
#if defined(__AVX512F__)
    for (char *at = p->from; at < p->to; at += 64)
        _mm512_stream_si512((void *)at, _mm512_set1_epi32(1));
    _mm_sfence();
#elif defined(__x86_64__)
    for (char *at = p->from; at < p->to; at += 16) _mm_stream_si128((void *)at, _mm_set1_epi32(1));
    _mm_sfence();
#else
    for (char *at = p->from; at < p->to; at += 8) *(volatile uint64_t *)at = 1;
#endif
    return NULL;
}

/* bytes is a multiple of 64 and memory aligned to 64. */
void streaming_stores(char *memory, size_t bytes, int threads) {
    pthread_t thread[64];
    part parts[64];
    size_t lines = bytes / 64;
    for (int i = 0; i < threads; i++) {
        parts[i].from = memory + 64 * (lines * i / threads);
        parts[i].to = memory + 64 * (lines * (i + 1) / threads);
    }
    for (int i = 1; i < threads; i++) pthread_create(&thread[i], NULL, store, &parts[i]);
    store(&parts[0]);
    for (int i = 1; i < threads; i++) pthread_join(thread[i], NULL);
}
