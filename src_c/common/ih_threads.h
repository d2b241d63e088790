/* Split items between threads that run for one call. Callers share nothing, and fork is safe. */
#ifndef IH_THREADS_H
#define IH_THREADS_H

#include <stddef.h>
#include <stdint.h>
#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#define NOMINMAX
#include <process.h>
#include <windows.h>
#else
#include <pthread.h>
#endif

#define IH_MAX_THREADS 256
/* Creating a thread costs about as much as 60,000 elements of a stream. */
#define IH_ELEMENTS_PER_THREAD (UINT64_C(1) << 17)

/* Work on items [begin, end); thread counts from 0. */
typedef void ih_work_function(const void *job, uint64_t begin, uint64_t end, unsigned thread);

#if defined(_WIN32)
typedef HANDLE ih_thread;
#else
typedef pthread_t ih_thread;
#endif

typedef struct {
    ih_work_function *work;
    const void *job;
    uint64_t begin, end;
    ih_thread handle;
    unsigned thread;
    int started;
} ih_share;

/* The number of threads to use for a number of elements, at most `threads`. */
static inline uint64_t ih_worth_threads(uint64_t elements, int threads) {
    uint64_t used = elements / IH_ELEMENTS_PER_THREAD;
    if (used > (uint64_t)threads) used = (uint64_t)threads;
    if (used > IH_MAX_THREADS) used = IH_MAX_THREADS;
    return used > 1 ? used : 1;
}

static inline void ih_run_share(const ih_share *share) {
    share->work(share->job, share->begin, share->end, share->thread);
}

/* Start a thread for a share (1: started, 0: the system has no more threads), and wait for it. */
#if defined(_WIN32)
static inline unsigned __stdcall ih_run_thread(void *share) {
    ih_run_share(share);
    return 0;
}

static inline int ih_start_thread(ih_share *share) {
    share->handle = (HANDLE)_beginthreadex(NULL, 0, ih_run_thread, share, 0, NULL);
    return share->handle != NULL;
}

static inline void ih_join_thread(ih_share *share) {
    WaitForSingleObject(share->handle, INFINITE);
    CloseHandle(share->handle);
}
#else
static inline void *ih_run_thread(void *share) {
    ih_run_share(share);
    return NULL;
}

static inline int ih_start_thread(ih_share *share) {
    return pthread_create(&share->handle, NULL, ih_run_thread, share) == 0;
}

static inline void ih_join_thread(ih_share *share) { pthread_join(share->handle, NULL); }
#endif

/* Give each thread a run of items that ends at a multiple of unit. The last run, which is the
 * longest, also has the rest; the caller does it, as thread 0. */
static inline void ih_run_threads(ih_work_function *work, const void *job, uint64_t items,
                                  uint64_t unit, uint64_t threads) {
    ih_share share[IH_MAX_THREADS];
    uint64_t units = items / unit;
    if (threads <= 1) {
        work(job, 0, items, 0);
        return;
    }
    for (uint64_t i = 0; i < threads; i++) {
        uint64_t last = units / threads * (i + 1) + units % threads * (i + 1) / threads;
        share[i].work = work;
        share[i].job = job;
        share[i].thread = (unsigned)(threads - 1 - i);
        share[i].begin = i == 0 ? 0 : share[i - 1].end;
        share[i].end = i + 1 == threads ? items : last * unit;
        share[i].started = i + 1 < threads && ih_start_thread(&share[i]);
    }
    /* The caller also does the shares whose threads could not start. */
    for (uint64_t i = 0; i < threads; i++)
        if (!share[i].started) ih_run_share(&share[i]);
    for (uint64_t i = 0; i < threads; i++)
        if (share[i].started) ih_join_thread(&share[i]);
}

#endif
