/* Laws without kernels of their own. */
#ifndef IH_FILL_ELEMENT_H
#define IH_FILL_ELEMENT_H

#include "stream/ih_kernel.h"

/* The function that fills blocks with the values of such a law. */
ih_fill_function *ih_element_fill(const ih_law *law, int dtype);

#endif
