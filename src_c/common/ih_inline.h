/* IH_INLINE: a function that is part of each caller, whatever the compiler makes of its size. */
#ifndef IH_INLINE_H
#define IH_INLINE_H

#if defined(__GNUC__)
#define IH_INLINE static inline __attribute__((always_inline))
#else
#define IH_INLINE static inline
#endif

#endif
