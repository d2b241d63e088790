# cython: language_level=3, boundscheck=False, wraparound=False, embedsignature=False
"""The binding of ih_weighted.h: argument checks, memory, and no arithmetic on the values."""

import numpy as np

cimport numpy as cnp

cnp.import_array()


cdef extern from "ih_weighted.h" nogil:
    ctypedef enum ih_weighted_kind:
        IH_WEIGHTED_PDF
        IH_WEIGHTED_CDF
        IH_WEIGHTED_SF
    ctypedef struct ih_weights:
        pass
    size_t ih_weights_scratch(size_t) noexcept
    void ih_weights_prepare(ih_weights *, size_t, const double *, void *) noexcept
    void ih_weighted_array(
        const ih_weights *, ih_weighted_kind, size_t, const double *, double *) noexcept
    double ih_weighted_magnitude(const ih_weights *) noexcept


PDF, CDF, SF = IH_WEIGHTED_PDF, IH_WEIGHTED_CDF, IH_WEIGHTED_SF

# What the C functions take: the least weight over the largest.
cdef double LEAST_RATIO = 2.0**-400


cdef str at_index(array, where):
    """Return the words that say where the first true element is, of an array of more than one."""
    first = np.unravel_index(np.argmax(where), array.shape)
    return f"{array[first]} at index {tuple(int(i) for i in first)}"


def checked_reals(str name, value):
    """Return real numbers as an array of float32 or float64."""
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(
            f"{name} must be an array without a mask, got a masked array of {value.dtype}")
    try:
        array = np.asarray(value)
    except ValueError:  # a ragged list
        raise ValueError(f"{name} must be a number or an array, got {value!r}") from None
    if array.dtype.kind not in "fiu" or array.dtype.itemsize > 8:
        shown = f"{value!r}" if array.ndim == 0 else f"an array of {array.dtype}"
        raise TypeError(f"{name} must be a real number or an array of them, got {shown}")
    dtype = np.float32 if array.dtype.kind == "f" and array.dtype.itemsize < 8 else np.float64
    return array.astype(dtype, copy=False)


def checked_weights(str name, value):
    """Return finite numbers, along at least one axis, as an array of float64."""
    array = checked_reals(name, value).astype(np.float64, copy=False)
    if array.ndim == 0 or array.shape[array.ndim - 1] == 0:
        raise ValueError(f"{name} must be at least one along the last axis, got {value!r}")
    wrong = ~np.isfinite(array)
    if wrong.any():
        raise ValueError(f"{name} must be finite, got {at_index(array, wrong)}")
    return array


cdef object prepare(ih_weights *weights, str name, cnp.ndarray row):
    """Prepare weights, those that are 0 left out, and return the memory that they need."""
    used = row[row != 0.0]
    if used.size == 0:
        return None
    cdef cnp.ndarray ordered = used[np.argsort(-np.abs(used), kind="stable")]
    first, last = ordered[0], ordered[ordered.size - 1]
    if abs(last) < LEAST_RATIO * abs(first):
        raise ValueError(
            f"{name} must be within a factor of 2**400 of each other, got {first} and {last}")
    cdef cnp.ndarray scratch = np.empty(ih_weights_scratch(ordered.size), np.uint8)
    cdef size_t count = ordered.size
    cdef const double *sizes = <const double *>cnp.PyArray_DATA(ordered)
    cdef void *memory = cnp.PyArray_DATA(scratch)
    with nogil:
        ih_weights_prepare(weights, count, sizes, memory)
    return scratch


cdef object of_row(int kind, cnp.ndarray x, cnp.ndarray row):
    """Return the values at a contiguous array x for one row of weights."""
    cdef ih_weights weights
    cdef cnp.ndarray out = np.empty_like(x)
    cdef size_t count = x.size
    cdef const double *at = <const double *>cnp.PyArray_DATA(x)
    cdef double *values = <double *>cnp.PyArray_DATA(out)
    memory = prepare(&weights, "weights", row)
    if memory is None:
        raise ValueError("weights must not all be 0")
    with nogil:
        ih_weighted_array(&weights, <ih_weighted_kind>kind, count, at, values)
    return out


def weighted(int kind, x, weights):
    """Return the values of one function at x, which broadcasts with all but the last axis."""
    x = checked_reals("x", x)
    rows = checked_weights("weights", weights)
    leading = rows.shape[:rows.ndim - 1]
    try:
        shape = np.broadcast_shapes(x.shape, leading)
    except ValueError:
        raise ValueError(
            f"x must broadcast with all but the last axis of weights, got shapes {x.shape} and "
            f"{rows.shape}") from None
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


def magnitude(coefficients):
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
    return out if shape else out.item()
