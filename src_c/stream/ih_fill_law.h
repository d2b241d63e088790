/* A law's constants, as the kernels read them. */
#ifndef IH_FILL_LAW_H
#define IH_FILL_LAW_H

#include "stream/ih_kernel.h"

/* Write all of a plan that depends on the law and the element type, and return 1; or return 0 where
 * all that the law gives in the type is 0. */
int ih_plan_law(ih_plan *plan, const ih_law *law, int dtype);

#endif
