/* The constants of a law for the kernels. */
#ifndef IH_FILL_LAW_H
#define IH_FILL_LAW_H

#include "stream/ih_kernel.h"

/* Write the parts of a plan that depend on the law and the element type, and return 1. Return 0 if
 * all values of the law in this type are 0. */
int ih_plan_law(ih_plan *plan, const ih_law *law, int dtype);

#endif
