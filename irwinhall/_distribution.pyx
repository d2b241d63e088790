# cython: language_level=3, boundscheck=False, wraparound=False, embedsignature=False
"""The binding of ih_distribution.h: argument checks, private NumPy ufuncs, and no arithmetic."""

import numpy as np

cimport numpy as cnp
from libc.stdint cimport int64_t

cnp.import_array()
cnp.import_ufunc()


cdef extern from "ih_distribution.h" nogil:
    const int64_t IH_IRWIN_HALL_MAX_N
    double c_pdf "ih_irwin_hall_pdf"(double, int64_t) noexcept
    double c_logpdf "ih_irwin_hall_logpdf"(double, int64_t) noexcept
    double c_cdf "ih_irwin_hall_cdf"(double, int64_t) noexcept
    double c_logcdf "ih_irwin_hall_logcdf"(double, int64_t) noexcept
    double c_sf "ih_irwin_hall_sf"(double, int64_t) noexcept
    double c_logsf "ih_irwin_hall_logsf"(double, int64_t) noexcept
    double c_ppf "ih_irwin_hall_ppf"(double, int64_t) noexcept
    double c_isf "ih_irwin_hall_isf"(double, int64_t) noexcept
    double c_ppf_log "ih_irwin_hall_ppf_log"(double, int64_t) noexcept
    double c_isf_log "ih_irwin_hall_isf_log"(double, int64_t) noexcept
    void c_array "ih_irwin_hall_array"(
        ih_irwin_hall_kind, size_t, const char *, ptrdiff_t, const char *, ptrdiff_t,
        char *, ptrdiff_t) noexcept
    void c_array_f32 "ih_irwin_hall_array_f32"(
        ih_irwin_hall_kind, size_t, const char *, ptrdiff_t, const char *, ptrdiff_t,
        char *, ptrdiff_t) noexcept


# ---- for Cython and Numba: ih_distribution.h again, under the names of _distribution.pxd ---------

cdef double ih_irwin_hall_pdf(double x, int64_t n) noexcept nogil:
    return c_pdf(x, n)


cdef double ih_irwin_hall_logpdf(double x, int64_t n) noexcept nogil:
    return c_logpdf(x, n)


cdef double ih_irwin_hall_cdf(double x, int64_t n) noexcept nogil:
    return c_cdf(x, n)


cdef double ih_irwin_hall_logcdf(double x, int64_t n) noexcept nogil:
    return c_logcdf(x, n)


cdef double ih_irwin_hall_sf(double x, int64_t n) noexcept nogil:
    return c_sf(x, n)


cdef double ih_irwin_hall_logsf(double x, int64_t n) noexcept nogil:
    return c_logsf(x, n)


cdef double ih_irwin_hall_ppf(double q, int64_t n) noexcept nogil:
    return c_ppf(q, n)


cdef double ih_irwin_hall_isf(double q, int64_t n) noexcept nogil:
    return c_isf(q, n)


cdef double ih_irwin_hall_ppf_log(double log_q, int64_t n) noexcept nogil:
    return c_ppf_log(log_q, n)


cdef double ih_irwin_hall_isf_log(double log_q, int64_t n) noexcept nogil:
    return c_isf_log(log_q, n)


cdef void ih_irwin_hall_array(
    ih_irwin_hall_kind kind, size_t count, const char *x, ptrdiff_t x_stride,
    const char *n, ptrdiff_t n_stride, char *out, ptrdiff_t out_stride
) noexcept nogil:
    c_array(kind, count, x, x_stride, n, n_stride, out, out_stride)


cdef void ih_irwin_hall_array_f32(
    ih_irwin_hall_kind kind, size_t count, const char *x, ptrdiff_t x_stride,
    const char *n, ptrdiff_t n_stride, char *out, ptrdiff_t out_stride
) noexcept nogil:
    c_array_f32(kind, count, x, x_stride, n, n_stride, out, out_stride)


# ---- the ufuncs: (float32, int64) -> float32 and (float64, int64) -> float64 ---------------------

cdef enum:
    KINDS = 10


cdef void loop(
    char **args, const cnp.npy_intp *count, const cnp.npy_intp *steps, void *data
) noexcept nogil:
    c_array(
        (<ih_irwin_hall_kind *>data)[0], count[0], args[0], steps[0], args[1], steps[1],
        args[2], steps[2])


cdef void loop_f32(
    char **args, const cnp.npy_intp *count, const cnp.npy_intp *steps, void *data
) noexcept nogil:
    c_array_f32(
        (<ih_irwin_hall_kind *>data)[0], count[0], args[0], steps[0], args[1], steps[1],
        args[2], steps[2])


# NumPy keeps pointers to all of these, so they live as long as the module.
cdef cnp.PyUFuncGenericFunction[2] loops = [
    <cnp.PyUFuncGenericFunction>loop_f32, <cnp.PyUFuncGenericFunction>loop]
cdef char[6] types = [
    cnp.NPY_FLOAT, cnp.NPY_INT64, cnp.NPY_FLOAT, cnp.NPY_DOUBLE, cnp.NPY_INT64, cnp.NPY_DOUBLE]
cdef ih_irwin_hall_kind[KINDS] kinds
cdef void *kind_of_loop[2 * KINDS]
cdef list ufuncs = []
cdef const char *names[KINDS]
names[:] = [
    "pdf", "logpdf", "cdf", "logcdf", "sf", "logsf", "ppf", "isf", "ppf", "isf"]

for _kind in range(KINDS):
    kinds[_kind] = <ih_irwin_hall_kind>_kind
    kind_of_loop[2 * _kind] = kind_of_loop[2 * _kind + 1] = &kinds[_kind]
    ufuncs.append(
        cnp.PyUFunc_FromFuncAndData(
            loops, &kind_of_loop[2 * _kind], types, 2, 2, 1, cnp.PyUFunc_None, names[_kind], NULL,
            0))

# By name, without the checks below: what is no probability or no n within range gives NaN.
UFUNCS = dict(zip(["pdf", "logpdf", "cdf", "logcdf", "sf", "logsf", "ppf", "isf"], ufuncs))


# ---- checks --------------------------------------------------------------------------------------

cdef int64_t LARGEST = IH_IRWIN_HALL_MAX_N
cdef str LARGEST_WRITTEN = "2**53"
include "_checks.pxi"


cdef object checked_reals(str name, object value):
    """Return a real number or array of them as an array of float32 or float64."""
    array = value if type(value) is np.ndarray else as_array(name, value)
    if array.dtype.kind not in "fiu" or array.dtype.itemsize > 8:
        raise TypeError(f"{name} must be a real number or an array of them, got {described(value)}")
    # A half fits a single; an integer would become a single too if NumPy chose.
    dtype = np.float32 if array.dtype.kind == "f" and array.dtype.itemsize < 8 else np.float64
    return array.astype(dtype, copy=False)


cdef int refuse_probability(bint is_log, object value, str where="") except -1:
    name, limits = ("log q", "at most 0") if is_log else ("q", "from 0 to 1")
    raise ValueError(f"{name} must be {limits}, got {value}{where}")


cdef object of_arrays(ih_irwin_hall_kind kind, str name, object x, object n, object out):
    """Return the values of one function for anything that broadcasts."""
    x = checked_reals(name, x)
    n = checked_integers("n", plain(n))
    shape = checked_shape(f"{name} and n", (x, n))
    if name == "q":
        is_log = kind >= IH_IRWIN_HALL_PPF_LOG
        wrong = x > 0.0 if is_log else (x < 0.0) | (x > 1.0)
        if wrong.any():
            first = np.unravel_index(np.argmax(wrong), x.shape)
            where = f" at index {tuple(int(i) for i in first)}" if x.ndim else ""
            refuse_probability(is_log, x[first], where)
    if out is not None:
        checked_out(out, x.dtype, shape)
    return ufuncs[kind](x, n, out=out)


# ---- Python --------------------------------------------------------------------------------------


def pdf(x, n, out):
    if type(x) is float and type(n) is int and out is None:
        return c_pdf(x, checked_int("n", n))
    return of_arrays(IH_IRWIN_HALL_PDF, "x", x, n, out)


def logpdf(x, n, out):
    if type(x) is float and type(n) is int and out is None:
        return c_logpdf(x, checked_int("n", n))
    return of_arrays(IH_IRWIN_HALL_LOGPDF, "x", x, n, out)


def cdf(x, n, out):
    if type(x) is float and type(n) is int and out is None:
        return c_cdf(x, checked_int("n", n))
    return of_arrays(IH_IRWIN_HALL_CDF, "x", x, n, out)


def logcdf(x, n, out):
    if type(x) is float and type(n) is int and out is None:
        return c_logcdf(x, checked_int("n", n))
    return of_arrays(IH_IRWIN_HALL_LOGCDF, "x", x, n, out)


def sf(x, n, out):
    if type(x) is float and type(n) is int and out is None:
        return c_sf(x, checked_int("n", n))
    return of_arrays(IH_IRWIN_HALL_SF, "x", x, n, out)


def logsf(x, n, out):
    if type(x) is float and type(n) is int and out is None:
        return c_logsf(x, checked_int("n", n))
    return of_arrays(IH_IRWIN_HALL_LOGSF, "x", x, n, out)


cdef bint valid(double q, bint is_log) noexcept:
    return not (q > 0.0 if is_log else q < 0.0 or q > 1.0)


def ppf(q, n, bint log, out):
    if type(q) is float and type(n) is int and out is None and valid(q, log):
        return (c_ppf_log if log else c_ppf)(<double>q, checked_int("n", n))
    return of_arrays(IH_IRWIN_HALL_PPF_LOG if log else IH_IRWIN_HALL_PPF, "q", q, n, out)


def isf(q, n, bint log, out):
    if type(q) is float and type(n) is int and out is None and valid(q, log):
        return (c_isf_log if log else c_isf)(<double>q, checked_int("n", n))
    return of_arrays(IH_IRWIN_HALL_ISF_LOG if log else IH_IRWIN_HALL_ISF, "q", q, n, out)
