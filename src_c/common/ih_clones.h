/* IH_CLONES: compile a function for several x86-64 levels; the loader chooses one. They differ only
 * in speed. */
#ifndef IH_CLONES_H
#define IH_CLONES_H

#include "common/ih_compiler.h"

#if defined(IH_GNU) && defined(__x86_64__) && defined(__GLIBC__) && !defined(__clang__) &&         \
    __GNUC__ >= 12
#define IH_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define IH_CLONES
#endif

#endif
