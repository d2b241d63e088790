/* The normal quantile of the C interface. */
#include "stream/ih_tail.h"

double ih_normal_quantile(uint64_t odd, int shift) { return ih_quantile(odd, shift); }
