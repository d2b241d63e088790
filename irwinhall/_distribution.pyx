# cython: language_level=3, boundscheck=False, wraparound=False, embedsignature=False
# cython: freethreading_compatible=True
"""Bindings of ih_distribution.h and ih_weighted.h: they check arguments and allocate memory.

The functions of the Irwin-Hall distribution are private NumPy ufuncs.
"""

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


# ---- for Cython and Numba: the functions of ih_distribution.h, declared in _distribution.pxd -----

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


# NumPy keeps pointers to these, so they must exist as long as the module.
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

# By name, without the checks below: probabilities and n outside their range give NaN.
UFUNCS = dict(
    zip(
        ["pdf", "logpdf", "cdf", "logcdf", "sf", "logsf", "ppf", "isf", "ppf_log", "isf_log"],
        ufuncs))


# ---- checks --------------------------------------------------------------------------------------

cdef int64_t LARGEST = IH_IRWIN_HALL_MAX_N
cdef str LARGEST_WRITTEN = "2**53"
cdef Py_ssize_t FIRST_PIECE = 1 << 14
include "_checks.pxi"


cdef int check_probabilities(object q, bint is_log) except -1:
    few = distinct(q)
    wrong = few > 0.0 if is_log else (few < 0.0) | (few > 1.0)
    if wrong.any():
        limits = "log q must be at most 0" if is_log else "q must be from 0 to 1"
        raise ValueError(f"{limits}, got {first_of(q, wrong)}")
    return 0


cdef object of_arrays(ih_irwin_hall_kind kind, str name, object x, object n, object out):
    """Return the values of one function for arguments that broadcast."""
    x = checked_reals(name, x)
    n = checked_integers("n", plain(n))
    shape = checked_shape(f"{name} and n", (x, n))
    if name == "q":
        check_probabilities(x, kind >= IH_IRWIN_HALL_PPF_LOG)
    if out is not None:
        checked_out(out, x.dtype, shape)
    return computed(ufuncs[kind], (x, n), shape, x.dtype, out, 1)


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


# ---- sums, row by row ----------------------------------------------------------------------------

cdef extern from "distribution/ih_dot.h" nogil:
    double ih_dot(size_t, const double *, const double *) noexcept


def row_sums(rows, weights):
    """Return the weighted sum of each row of float64, rounded once.

    The weights are None (for 1), one row for all, or one for each row.
    """
    cdef cnp.ndarray values = np.ascontiguousarray(rows, np.float64)
    cdef cnp.ndarray factors = None if weights is None else np.ascontiguousarray(weights, np.float64)
    cdef cnp.ndarray out = np.empty(values.shape[0])
    cdef size_t count = values.shape[1], i
    cdef size_t step = 0 if weights is None or factors.ndim == 1 else count
    cdef const double *a = <const double *>cnp.PyArray_DATA(values)
    cdef const double *b = NULL if weights is None else <const double *>cnp.PyArray_DATA(factors)
    cdef double *sums = <double *>cnp.PyArray_DATA(out)
    with nogil:
        for i in range(<size_t>out.shape[0]):
            sums[i] = ih_dot(count, a + i * count, NULL if b == NULL else b + i * step)
    return out


# ---- weighted sums -------------------------------------------------------------------------------

cdef extern from "distribution/ih_weighted.h" nogil:
    ctypedef enum ih_weighted_kind:
        IH_WEIGHTED_PDF
        IH_WEIGHTED_LOGPDF
        IH_WEIGHTED_CDF
        IH_WEIGHTED_LOGCDF
        IH_WEIGHTED_SF
        IH_WEIGHTED_LOGSF
        IH_WEIGHTED_PPF
        IH_WEIGHTED_ISF
        IH_WEIGHTED_PPF_LOG
        IH_WEIGHTED_ISF_LOG
    ctypedef struct ih_weights:
        pass
    size_t ih_weights_scratch(size_t) noexcept
    void ih_weights_prepare(
        ih_weights *, size_t, const double *, const double *, void *) noexcept
    void ih_weighted_array(
        const ih_weights *, ih_weighted_kind, size_t, const double *, double *) noexcept
    double ih_weighted_log_volume(const ih_weights *) noexcept
    void ih_weighted_quantile_array(
        const ih_weights *, double, ih_weighted_kind, size_t, const double *, double *) noexcept
    double ih_weighted_magnitude(const ih_weights *) noexcept


# The C functions accept weights of at least this fraction of the largest.
cdef double LEAST_RATIO = 2.0**-400


cdef object checked_weights(str name, object value):
    """Return finite numbers, along at least one axis, as an array of float64."""
    array = cast(checked_reals(name, value), np.float64)
    if array.ndim == 0 or array.shape[array.ndim - 1] == 0:
        raise ValueError(f"{name} must have at least one element along the last axis, got {value!r}")
    wrong = ~np.isfinite(distinct(array))
    if wrong.any():
        raise ValueError(f"{name} must be finite, got {first_of(array, wrong)}")
    return array


cdef object prepare(ih_weights *weights, str name, cnp.ndarray row):
    """Prepare the weights that are not 0. Return the memory that they use, or None without any."""
    cdef cnp.ndarray used = row[row != 0.0]
    cdef size_t count = used.size
    if count == 0:
        return None
    cdef cnp.ndarray ordered = np.abs(used)
    ordered.sort()
    ordered = np.ascontiguousarray(ordered[::-1])
    cdef const double *sizes = <const double *>cnp.PyArray_DATA(ordered)
    if sizes[count - 1] < LEAST_RATIO * sizes[0]:
        raise ValueError(
            f"{name} must be within a factor of 2**400 of each other in size, got {sizes[0]} and "
            f"{sizes[count - 1]}")
    cdef cnp.ndarray scratch = np.empty(ih_weights_scratch(count), np.uint8)
    cdef const double *with_signs = <const double *>cnp.PyArray_DATA(used)
    cdef void *memory = cnp.PyArray_DATA(scratch)
    with nogil:
        ih_weights_prepare(weights, count, sizes, with_signs, memory)
    return scratch


cdef object of_row(ih_weighted_kind kind, cnp.ndarray x, cnp.ndarray row):
    """Return the values at a contiguous array x for one row of weights."""
    cdef ih_weights weights
    cdef cnp.ndarray out = np.empty_like(x)
    cdef size_t count = x.size
    cdef const double *at = <const double *>cnp.PyArray_DATA(x)
    cdef double *values = <double *>cnp.PyArray_DATA(out)
    memory = prepare(&weights, "weights", row)
    if memory is None:
        raise ValueError("weights must not all be 0")
    # A piece takes a few milliseconds at most, and much longer than reading the clock.
    cdef size_t done = 0, piece = 1 + 8192 // <size_t>row.shape[0]
    cdef double last = 0.0
    cdef bint stopped = False
    cdef double log_volume = 0.0
    if kind >= IH_WEIGHTED_PPF:
        log_volume = ih_weighted_log_volume(&weights)
    with nogil:
        while done < count and not stopped:
            piece = min(piece, count - done)
            if kind < IH_WEIGHTED_PPF:
                ih_weighted_array(&weights, kind, piece, at + done, values + done)
            else:
                ih_weighted_quantile_array(
                    &weights, log_volume, kind, piece, at + done, values + done)
            done += piece
            stopped = done < count and interrupted(&last)
    if stopped:
        raise_caught()
    PyErr_CheckSignals()  # also between rows
    return out


cdef object of_rows(ih_weighted_kind kind, str name, object x, object weights):
    """Return the values of one function at x, which broadcasts with all but the last axis."""
    x = checked_reals(name, x)
    rows = checked_weights("weights", weights)
    leading = rows.shape[:rows.ndim - 1]
    try:
        shape = np.broadcast_shapes(x.shape, leading)
    except ValueError:
        raise ValueError(
            f"{name} must broadcast with all but the last axis of weights, got shapes {x.shape} "
            f"and {rows.shape}") from None
    if name == "q":
        check_probabilities(x, kind >= IH_WEIGHTED_PPF_LOG)
    at = np.ascontiguousarray(np.broadcast_to(x, shape), np.float64)
    rows = rows.reshape(-1, rows.shape[rows.ndim - 1])
    if len(rows) == 1:
        out = of_row(kind, at, rows[0])
    else:
        out = np.empty(shape)
        number = np.broadcast_to(np.arange(len(rows)).reshape(leading), shape)
        order = np.argsort(number, axis=None, kind="stable")
        ends = np.searchsorted(number.ravel()[order], np.arange(1, len(rows)))
        for row, places in zip(rows, np.split(order, ends)):
            out.flat[places] = of_row(kind, at.ravel()[places], row)
    out = out.reshape(shape).astype(x.dtype, copy=False)
    return out if shape else out.item()


def weighted_pdf(x, weights):
    return of_rows(IH_WEIGHTED_PDF, "x", x, weights)


def weighted_logpdf(x, weights):
    return of_rows(IH_WEIGHTED_LOGPDF, "x", x, weights)


def weighted_cdf(x, weights):
    return of_rows(IH_WEIGHTED_CDF, "x", x, weights)


def weighted_logcdf(x, weights):
    return of_rows(IH_WEIGHTED_LOGCDF, "x", x, weights)


def weighted_sf(x, weights):
    return of_rows(IH_WEIGHTED_SF, "x", x, weights)


def weighted_logsf(x, weights):
    return of_rows(IH_WEIGHTED_LOGSF, "x", x, weights)


def weighted_ppf(q, weights, bint log):
    return of_rows(IH_WEIGHTED_PPF_LOG if log else IH_WEIGHTED_PPF, "q", q, weights)


def weighted_isf(q, weights, bint log):
    return of_rows(IH_WEIGHTED_ISF_LOG if log else IH_WEIGHTED_ISF, "q", q, weights)


def weighted_magnitude(coefficients):
    """Return E|c_1 V_1 + ... + c_k V_k|, the V_i uniform on (-1, 1), along the last axis."""
    cdef ih_weights weights
    cdef double value
    rows = checked_weights("coefficients", coefficients)
    shape = rows.shape[:rows.ndim - 1]
    out = np.empty(shape)
    for place in np.ndindex(shape):
        memory = prepare(&weights, "coefficients", rows[place])
        if memory is None:
            out[place] = 0.0
            continue
        with nogil:
            value = ih_weighted_magnitude(&weights)
        out[place] = value
        PyErr_CheckSignals()
    return out if shape else out.item()
