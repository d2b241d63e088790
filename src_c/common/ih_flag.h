/* An int that threads may read and write at the same time. */
#ifndef IH_FLAG_H
#define IH_FLAG_H

#if defined(__STDC_NO_ATOMICS__) /* MSVC reads and writes a volatile int in one piece */
typedef volatile int ih_flag;
static inline int ih_read_flag(ih_flag *flag) { return *flag; }
static inline void ih_write_flag(ih_flag *flag, int value) { *flag = value; }
#else
#include <stdatomic.h>
typedef atomic_int ih_flag;
static inline int ih_read_flag(ih_flag *flag) {
    return atomic_load_explicit(flag, memory_order_relaxed);
}
static inline void ih_write_flag(ih_flag *flag, int value) {
    atomic_store_explicit(flag, value, memory_order_relaxed);
}
#endif

#endif
