/* The choice of a kernel. */
#ifndef IH_FILL_DISPATCH_H
#define IH_FILL_DISPATCH_H

#include "stream/ih_kernel.h"

/* The kernel of an index, or NULL if it does not exist or the machine cannot run it. */
const ih_kernel *ih_kernel_at(int index);

#endif
