# The functions of ih_distribution.h for other Cython code, and by name in __pyx_capi__.
from libc.stdint cimport int64_t


cdef extern from "ih_distribution.h":
    ctypedef enum ih_irwin_hall_kind:
        IH_IRWIN_HALL_PDF
        IH_IRWIN_HALL_LOGPDF
        IH_IRWIN_HALL_CDF
        IH_IRWIN_HALL_LOGCDF
        IH_IRWIN_HALL_SF
        IH_IRWIN_HALL_LOGSF
        IH_IRWIN_HALL_PPF
        IH_IRWIN_HALL_ISF
        IH_IRWIN_HALL_PPF_LOG
        IH_IRWIN_HALL_ISF_LOG


cdef double ih_irwin_hall_pdf(double x, int64_t n) noexcept nogil
cdef double ih_irwin_hall_logpdf(double x, int64_t n) noexcept nogil
cdef double ih_irwin_hall_cdf(double x, int64_t n) noexcept nogil
cdef double ih_irwin_hall_logcdf(double x, int64_t n) noexcept nogil
cdef double ih_irwin_hall_sf(double x, int64_t n) noexcept nogil
cdef double ih_irwin_hall_logsf(double x, int64_t n) noexcept nogil
cdef double ih_irwin_hall_ppf(double q, int64_t n) noexcept nogil
cdef double ih_irwin_hall_isf(double q, int64_t n) noexcept nogil
cdef double ih_irwin_hall_ppf_log(double log_q, int64_t n) noexcept nogil
cdef double ih_irwin_hall_isf_log(double log_q, int64_t n) noexcept nogil
cdef void ih_irwin_hall_array(
    ih_irwin_hall_kind kind, size_t count, const char *x, ptrdiff_t x_stride,
    const char *n, ptrdiff_t n_stride, char *out, ptrdiff_t out_stride
) noexcept nogil
cdef void ih_irwin_hall_array_f32(
    ih_irwin_hall_kind kind, size_t count, const char *x, ptrdiff_t x_stride,
    const char *n, ptrdiff_t n_stride, char *out, ptrdiff_t out_stride
) noexcept nogil
