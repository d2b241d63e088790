# The functions of irwinhall.h for other Cython code, and by name in _core.__pyx_capi__.
from libc.stdint cimport int64_t


cdef extern from "irwinhall.h":
    ctypedef enum ih_formula:
        IH_NODE_AVERAGE
        IH_AS_PRINTED


cdef double ih_expected_magnitude(int64_t n) noexcept nogil
cdef double ih_letkeman_bound(int64_t n) noexcept nogil
cdef double ih_letkeman_bound_normalized(int64_t n, int64_t m, ih_formula formula) noexcept nogil
cdef void ih_preserved_magnitude(
    int64_t n, int64_t m, double bound, double *forward, double *backward, double *node_average
) noexcept nogil
cdef void ih_expected_magnitude_array(
    size_t count, const char *n, ptrdiff_t n_stride, char *out, ptrdiff_t out_stride
) noexcept nogil
cdef void ih_letkeman_bound_array(
    size_t count, const char *n, ptrdiff_t n_stride, char *out, ptrdiff_t out_stride
) noexcept nogil
cdef void ih_letkeman_bound_normalized_array(
    size_t count, const char *n, ptrdiff_t n_stride, const char *m, ptrdiff_t m_stride,
    ih_formula formula, char *out, ptrdiff_t out_stride
) noexcept nogil
cdef void ih_preserved_magnitude_array(
    size_t count, const char *n, ptrdiff_t n_stride, const char *m, ptrdiff_t m_stride,
    const char *bound, ptrdiff_t bound_stride, char *forward, ptrdiff_t forward_stride,
    char *backward, ptrdiff_t backward_stride, char *node_average, ptrdiff_t node_average_stride
) noexcept nogil
