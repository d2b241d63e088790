#include "distribution/ih_dot.h"

#include "common/ih_dd.h"

double ih_dot(size_t count, const double *a, const double *b) {
    ih_dd total = {0.0, 0.0};
    for (size_t i = 0; i < count; i++)
        total = sum(total, b ? two_product(a[i], b[i]) : (ih_dd){a[i], 0.0});
    return total.hi + total.lo;
}
