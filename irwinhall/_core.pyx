# cython: language_level=3, boundscheck=False, wraparound=False, embedsignature=False
# cython: freethreading_compatible=True
"""The binding: argument checks around the functions of irwinhall.h, and no arithmetic.

A plain int takes a path of its own that is little more than the C call. Everything else becomes an
integer array and goes through private NumPy ufuncs, which bring broadcasting, casting in cache-sized
pieces, overlapping memory and the released GIL.
"""

from collections import namedtuple
from numbers import Real
from operator import index

import numpy as np

cimport numpy as cnp
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint32_t, uint64_t, uintptr_t
from libc.string cimport memcmp, memcpy

cnp.import_array()
cnp.import_ufunc()


cdef extern from "irwinhall.h" nogil:
    double c_expected_magnitude "ih_expected_magnitude"(int64_t) noexcept
    double c_letkeman_bound "ih_letkeman_bound"(int64_t) noexcept
    double c_letkeman_bound_normalized "ih_letkeman_bound_normalized"(
        int64_t, int64_t, ih_formula) noexcept
    void c_preserved_magnitude "ih_preserved_magnitude"(
        int64_t, int64_t, double, double *, double *, double *) noexcept
    void c_expected_magnitude_array "ih_expected_magnitude_array"(
        size_t, const char *, ptrdiff_t, char *, ptrdiff_t) noexcept
    void c_letkeman_bound_array "ih_letkeman_bound_array"(
        size_t, const char *, ptrdiff_t, char *, ptrdiff_t) noexcept
    void c_letkeman_bound_normalized_array "ih_letkeman_bound_normalized_array"(
        size_t, const char *, ptrdiff_t, const char *, ptrdiff_t, ih_formula, char *, ptrdiff_t
    ) noexcept
    void c_preserved_magnitude_array "ih_preserved_magnitude_array"(
        size_t, const char *, ptrdiff_t, const char *, ptrdiff_t, const char *, ptrdiff_t,
        char *, ptrdiff_t, char *, ptrdiff_t, char *, ptrdiff_t) noexcept


# ---- for Cython and Numba: irwinhall.h again, under the names of _core.pxd -----------------------

cdef double ih_expected_magnitude(int64_t n) noexcept nogil:
    return c_expected_magnitude(n)


cdef double ih_letkeman_bound(int64_t n) noexcept nogil:
    return c_letkeman_bound(n)


cdef double ih_letkeman_bound_normalized(int64_t n, int64_t m, ih_formula formula) noexcept nogil:
    return c_letkeman_bound_normalized(n, m, formula)


cdef void ih_preserved_magnitude(
    int64_t n, int64_t m, double bound, double *forward, double *backward, double *node_average
) noexcept nogil:
    c_preserved_magnitude(n, m, bound, forward, backward, node_average)


cdef void ih_expected_magnitude_array(
    size_t count, const char *n, ptrdiff_t n_stride, char *out, ptrdiff_t out_stride
) noexcept nogil:
    c_expected_magnitude_array(count, n, n_stride, out, out_stride)


cdef void ih_letkeman_bound_array(
    size_t count, const char *n, ptrdiff_t n_stride, char *out, ptrdiff_t out_stride
) noexcept nogil:
    c_letkeman_bound_array(count, n, n_stride, out, out_stride)


cdef void ih_letkeman_bound_normalized_array(
    size_t count, const char *n, ptrdiff_t n_stride, const char *m, ptrdiff_t m_stride,
    ih_formula formula, char *out, ptrdiff_t out_stride
) noexcept nogil:
    c_letkeman_bound_normalized_array(
        count, n, n_stride, m, m_stride, formula, out, out_stride)


cdef void ih_preserved_magnitude_array(
    size_t count, const char *n, ptrdiff_t n_stride, const char *m, ptrdiff_t m_stride,
    const char *bound, ptrdiff_t bound_stride, char *forward, ptrdiff_t forward_stride,
    char *backward, ptrdiff_t backward_stride, char *node_average, ptrdiff_t node_average_stride
) noexcept nogil:
    c_preserved_magnitude_array(
        count, n, n_stride, m, m_stride, bound, bound_stride, forward, forward_stride,
        backward, backward_stride, node_average, node_average_stride)


# ---- the ufuncs: (int64, ...) -> float64 loops and no other types ---------------------------------

cdef void expected_magnitude_loop(
    char **args, const cnp.npy_intp *count, const cnp.npy_intp *steps, void *data
) noexcept nogil:
    c_expected_magnitude_array(count[0], args[0], steps[0], args[1], steps[1])


cdef void standard_bound_loop(
    char **args, const cnp.npy_intp *count, const cnp.npy_intp *steps, void *data
) noexcept nogil:
    c_letkeman_bound_array(count[0], args[0], steps[0], args[1], steps[1])


cdef void normalized_bound_loop(
    char **args, const cnp.npy_intp *count, const cnp.npy_intp *steps, void *data
) noexcept nogil:
    c_letkeman_bound_normalized_array(
        count[0], args[0], steps[0], args[1], steps[1], (<ih_formula *>data)[0], args[2], steps[2])


cdef void preserved_loop(
    char **args, const cnp.npy_intp *count, const cnp.npy_intp *steps, void *data
) noexcept nogil:
    c_preserved_magnitude_array(
        count[0], args[0], steps[0], args[1], steps[1], args[2], steps[2],
        args[3], steps[3], args[4], steps[4], args[5], steps[5])


# NumPy keeps pointers to all of these, so they live as long as the module.
cdef cnp.PyUFuncGenericFunction[4] loops = [
    <cnp.PyUFuncGenericFunction>expected_magnitude_loop,
    <cnp.PyUFuncGenericFunction>standard_bound_loop,
    <cnp.PyUFuncGenericFunction>normalized_bound_loop,
    <cnp.PyUFuncGenericFunction>preserved_loop,
]
cdef char[2] one_to_one = [cnp.NPY_INT64, cnp.NPY_DOUBLE]
cdef char[3] two_to_one = [cnp.NPY_INT64, cnp.NPY_INT64, cnp.NPY_DOUBLE]
cdef char[6] three_to_three = [
    cnp.NPY_INT64, cnp.NPY_INT64, cnp.NPY_DOUBLE, cnp.NPY_DOUBLE, cnp.NPY_DOUBLE, cnp.NPY_DOUBLE]
cdef void *no_data = NULL
cdef ih_formula node_average_formula = IH_NODE_AVERAGE
cdef ih_formula as_printed_formula = IH_AS_PRINTED
cdef void *node_average_data = &node_average_formula
cdef void *as_printed_data = &as_printed_formula


cdef object private_ufunc(
    int loop, void **data, char *types, int inputs, int outputs, const char *name
):
    return cnp.PyUFunc_FromFuncAndData(
        &loops[loop], data, types, 1, inputs, outputs, cnp.PyUFunc_None, name, NULL, 0)


cdef object magnitude_ufunc = private_ufunc(0, &no_data, one_to_one, 1, 1, b"expected_magnitude")
cdef object standard_ufunc = private_ufunc(1, &no_data, one_to_one, 1, 1, b"letkeman_bound")
cdef object node_average_ufunc = private_ufunc(
    2, &node_average_data, two_to_one, 2, 1, b"letkeman_bound")
cdef object as_printed_ufunc = private_ufunc(
    2, &as_printed_data, two_to_one, 2, 1, b"letkeman_bound")
cdef object preserved_ufunc = private_ufunc(
    3, &no_data, three_to_three, 3, 3, b"preserved_magnitude")


# ---- checks --------------------------------------------------------------------------------------

cdef int64_t LARGEST = 2**63 - 1
cdef str LARGEST_WRITTEN = "2**63 - 1"
cdef Py_ssize_t FIRST_PIECE = 1 << 17
include "_checks.pxi"


cdef object checked_bounds(object value):
    if isinstance(value, Real) and not isinstance(value, (bool, np.generic)):
        try:
            value = float(value)  # fractions and large integers, too
        except OverflowError:
            raise ValueError("bound must be finite and at least 0, got one beyond double") from None
    array = cast(checked_reals("bound", value), np.float64)
    few = distinct(array)
    valid = np.isfinite(few) & (few >= 0.0)
    if not valid.all():
        raise ValueError(f"bound must be finite and at least 0, got {first_of(array, ~valid)}")
    return array


cdef object as_printed(object formula):
    """Return whether the formula is the printed one."""
    if isinstance(formula, str) and formula in ("node_average", "as_printed"):
        return formula == "as_printed"
    raise ValueError(f"formula must be 'node_average' or 'as_printed', got {formula!r}")


# ---- Python --------------------------------------------------------------------------------------

PreservedMagnitude = namedtuple(
    "PreservedMagnitude", ["forward", "backward", "node_average"], module="irwinhall")
PreservedMagnitude.__doc__ = """The magnitudes that a layer's weights preserve.

Attributes
----------
forward : float or ndarray
    The magnitude of the outputs, for inputs of magnitude 1.
backward : float or ndarray
    The magnitude of the inputs' gradients, for output gradients of magnitude 1.
node_average : float or ndarray
    The mean over all n + m nodes.

Examples
--------
>>> import irwinhall
>>> irwinhall.preserved_magnitude(3, 1, 1.0)._asdict()
{'forward': 0.8125, 'backward': 0.5, 'node_average': 0.578125}
"""


def expected_magnitude(n):
    """Return the expected magnitude A(n) of a sum of n uniforms on (-1, 1).

    A(n) = E|U_1 + ... + U_n| is the mean magnitude of the output of a neuron with n weights uniform
    on (-1, 1), for n inputs of magnitude 1.

    Parameters
    ----------
    n : int or array_like of int
        Number of summands (fan_in), from 1 to 2**63 - 1.

    Returns
    -------
    float or ndarray of float64
        A float for a scalar, else an array of n's shape.

    Raises
    ------
    TypeError
        If n is not an integer or an array of integers (bool is not accepted).
    ValueError
        If an n lies outside 1 to 2**63 - 1; the message gives its value and index.

    See Also
    --------
    letkeman_bound : The bound of weights that keep the magnitude at 1.
    expected_magnitude_of : The same for inputs that are not all 1.
    irwinhall.exact.expected_magnitude : The same as a fraction.

    Notes
    -----
    Correctly rounded for every n: from a table below n = 1024, and above it from the asymptotic
    series of the Irwin-Hall integral [1]_ in double-double arithmetic, or in 190 bits if that
    cannot decide the rounding.

    References
    ----------
    .. [1] T. Letkeman, "Rethinking Weight Initialization", 2021, gives the integral and
       approximates it.

    Examples
    --------
    >>> import irwinhall
    >>> irwinhall.expected_magnitude(3)
    0.8125
    >>> irwinhall.expected_magnitude([1, 2, 784])
    array([ 0.5       ,  0.66666667, 12.89927106])
    """
    n = n if type(n) is int else plain(n)
    if type(n) is int:
        return c_expected_magnitude(checked_int("n", n))
    n = checked_integers("n", n)
    return computed(magnitude_ufunc, (n,), n.shape, np.float64, None, 1)


def letkeman_bound(n, m=None, *, formula="node_average", out=None):
    """Return the Letkeman bound of a layer with n inputs and m outputs.

    Weights uniform on (-bound, bound) keep the expected magnitude of signals at 1. Without m,
    return the standard bound 1/A(n), which preserves the forward magnitude; with m, the normalized
    bound (n + m)/(m A(n) + n A(m)), which preserves the average over all nodes, forward and
    backward.

    Parameters
    ----------
    n : int or array_like of int
        Number of inputs (fan_in), from 1 to 2**63 - 1.
    m : int or array_like of int, optional
        Number of outputs (fan_out), from 1 to 2**63 - 1; broadcasts with n.
    formula : {"node_average", "as_printed"}
        "as_printed" is (n + m)/(n A(n) + m A(m)), as weighted in the integral that the article
        prints (without its misprint, C(n, k) for C(m, k) in the sum over m); the article's text,
        simulation and approximation all use the default. Without m, both are the same.
    out : ndarray of float64, optional
        Array for the result, of exactly the broadcast shape.

    Returns
    -------
    float or ndarray of float64
        A float for scalars, else an array of the broadcast shape; `out` if it was given.

    Raises
    ------
    TypeError
        If n or m is not an integer or an array of integers, or out is not a float64 array.
    ValueError
        If an n or m lies outside 1 to 2**63 - 1, if the shapes do not broadcast, if out has another
        shape or is read-only, or if formula is unknown. `out` is then untouched.

    See Also
    --------
    preserved_magnitude : The magnitudes that weights of a bound preserve.
    irwinhall.exact.letkeman_bound : The same as a fraction.
    sample_weights : Weights of this bound.

    Notes
    -----
    Correctly rounded for all n and m; letkeman_bound(n, n) == letkeman_bound(n).

    Examples
    --------
    >>> import irwinhall
    >>> irwinhall.letkeman_bound(784)
    0.07752376048912427
    >>> irwinhall.letkeman_bound(10, 100)
    0.5714136991151525
    >>> irwinhall.letkeman_bound([1, 100], 1)
    array([2.        , 1.84951549])
    """
    cdef bint printed = formula is not NODE_AVERAGE and as_printed(formula)
    n = n if type(n) is int else plain(n)
    if m is None:
        if type(n) is int and out is None:
            return c_letkeman_bound(checked_int("n", n))
    else:
        m = m if type(m) is int else plain(m)
        if type(n) is int and type(m) is int and out is None:
            return c_letkeman_bound_normalized(
                checked_int("n", n), checked_int("m", m),
                IH_AS_PRINTED if printed else IH_NODE_AVERAGE)

    n = checked_integers("n", n)
    arrays = (n,) if m is None else (n, checked_integers("m", m))
    shape = checked_shape("n and m", arrays)
    if out is not None:
        checked_out(out, np.dtype(np.float64), shape)
    ufunc = standard_ufunc if m is None else as_printed_ufunc if printed else node_average_ufunc
    return computed(ufunc, arrays, shape, np.float64, out, 1)


cdef str NODE_AVERAGE = "node_average"


def preserved_magnitude(n, m, bound):
    """Return the magnitudes that weights uniform on (-bound, bound) preserve.

    forward = bound A(n), backward = bound A(m), node_average = (m forward + n backward)/(n + m),
    for inputs and output gradients of magnitude 1. The normalized Letkeman bound makes
    node_average 1.

    Parameters
    ----------
    n : int or array_like of int
        Number of inputs (fan_in), from 1 to 2**63 - 1.
    m : int or array_like of int
        Number of outputs (fan_out), from 1 to 2**63 - 1.
    bound : float or array_like of float
        Half-width of the weights' range; finite, at least 0. n, m and bound broadcast.

    Returns
    -------
    PreservedMagnitude
        Named tuple (forward, backward, node_average) of floats, or of float64 arrays.

    Raises
    ------
    TypeError
        If n or m is not an integer or an array of integers, or bound is not real.
    ValueError
        If an n or m lies outside 1 to 2**63 - 1, a bound is negative or not finite, or the shapes
        do not broadcast.

    See Also
    --------
    letkeman_bound : The bound that preserves 1.
    irwinhall.montecarlo.layer : The same by simulation.
    irwinhall.schemes.statistics : The same for every scheme.

    Notes
    -----
    Each value is within 0.501 ulp of the exact one (1 ulp below 2**-968), and infinite if that is
    too large for a double.

    Examples
    --------
    >>> import irwinhall
    >>> irwinhall.preserved_magnitude(10, 100, irwinhall.letkeman_bound(10, 100))
    PreservedMagnitude(forward=0.8366..., backward=2.6335..., node_average=1.0)
    """
    cdef double forward, backward, node_average
    n, m = plain(n), plain(m)
    bounds = checked_bounds(bound)
    if type(n) is int and type(m) is int and bounds.ndim == 0:
        c_preserved_magnitude(
            checked_int("n", n), checked_int("m", m), bounds, &forward, &backward, &node_average)
        return PreservedMagnitude(forward, backward, node_average)
    arrays = (checked_integers("n", n), checked_integers("m", m), bounds)
    shape = checked_shape("n, m and bound", arrays)
    return PreservedMagnitude(*computed(preserved_ufunc, arrays, shape, np.float64, None, 3))


# ---- the weight stream: irwinhall.stream checks the arguments and gives them their names ------------

cdef extern from "common/ih_threads.h" nogil:
    const uint64_t IH_ELEMENTS_PER_THREAD


cdef extern from "stream/ih_kernel.h" nogil:
    int ih_item_bytes(int dtype)


cdef extern from "irwinhall.h" nogil:
    ctypedef struct ih_key:
        uint64_t word[2]
    ctypedef struct ih_law:
        pass
    enum:
        IH_OK
        IH_ERROR_SCALE
        IH_ERROR_INTERVAL
        IH_ERROR_FAR_TAIL
        IH_MAX_DIMENSIONS
        IH_MEMORY_UNKNOWN
        IH_MEMORY_FRESH
        IH_UNIFORM
        IH_NORMAL
        IH_TRUNCATED_NORMAL
        IH_UNIFORM_BETWEEN
        IH_LOG_UNIFORM
        IH_LOG_OF_UNIFORM
        IH_INVERSE_SOFTPLUS
        IH_F32
        IH_F64
        IH_F16
        IH_BF16
        IH_U32
        IH_U64
    int ih_law_uniform(ih_law *, double) noexcept
    int ih_law_normal(ih_law *, double) noexcept
    int ih_law_truncated_normal(ih_law *, double, double, double, int) noexcept
    int ih_law_interval(ih_law *, int, double, double) noexcept
    int ih_law_integers(ih_law *, int64_t, uint64_t) noexcept
    int ih_law_bits(ih_law *) noexcept
    int ih_type_limits(int, double *, double *, double *) noexcept
    const double IH_GREATEST_RATIO
    const double IH_LEAST_OF_LOGARITHM
    int ih_law_check(const ih_law *, int) noexcept
    int ih_kernel_count() noexcept
    const char *ih_kernel_name(int) noexcept
    int ih_kernel_supported(int) noexcept
    int ih_kernel_find(const char *) noexcept
    int ih_fill(
        const ih_key *, const ih_law *, int, int, const uint64_t *, const uint64_t *,
        const uint64_t *, const ptrdiff_t *, void *, int, int, int) noexcept
    int ih_words(const ih_key *, uint64_t, uint32_t, size_t, uint32_t *, int) noexcept
    ctypedef struct ih_moments:
        pass
    ctypedef struct ih_interrupt:
        int (*wanted)(void *) noexcept nogil
        void *context
    enum:
        IH_INTERRUPTED
    const uint64_t IH_MAX_TRIAL_WEIGHTS
    uint64_t ih_block_trials(uint64_t) noexcept
    size_t ih_layer_scratch(uint64_t, uint64_t, int) noexcept
    int ih_simulate_magnitude(
        const ih_key *, uint64_t, uint64_t, uint64_t, ih_moments *, int, int,
        const ih_interrupt *) noexcept
    int ih_simulate_layer(
        const ih_key *, uint64_t, uint64_t, uint64_t, uint64_t, ih_moments *, void *, int, int,
        const ih_interrupt *) noexcept


UNIFORM, NORMAL, TRUNCATED_NORMAL = IH_UNIFORM, IH_NORMAL, IH_TRUNCATED_NORMAL
UNIFORM_BETWEEN, LOG_UNIFORM = IH_UNIFORM_BETWEEN, IH_LOG_UNIFORM
LOG_OF_UNIFORM, INVERSE_SOFTPLUS = IH_LOG_OF_UNIFORM, IH_INVERSE_SOFTPLUS
# How many elements a fill has for each thread, at least.
ELEMENTS_PER_THREAD = IH_ELEMENTS_PER_THREAD
FLOAT32, FLOAT64, FLOAT16, BFLOAT16 = IH_F32, IH_F64, IH_F16, IH_BF16
UINT32, UINT64 = IH_U32, IH_U64


cdef int checked(int status, str what) except -1:
    """Turn a status of the C functions into an exception; `what` describes the law."""
    if status == IH_OK:
        return 0
    if status == IH_ERROR_SCALE:
        raise ValueError(f"{what} is out of the range that the element type can hold exactly")
    if status == IH_ERROR_INTERVAL:
        raise ValueError(f"{what} holds no value of the element type")
    if status == IH_ERROR_FAR_TAIL:
        raise ValueError(f"{what} lies wholly beyond 37 standard deviations")
    raise RuntimeError(f"{what} failed with status {status}")


cdef tuple limits_of(int dtype):
    cdef double least_uniform, greatest, least
    checked(ih_type_limits(dtype, &least_uniform, &greatest, &least), "asking for a type's limits")
    return least_uniform, greatest, least


FLOATS = (FLOAT32, FLOAT64, FLOAT16, BFLOAT16)
# Of each element type: the least bound of a uniform law, and the greatest bound or std of any.
TYPE_LIMITS = {dtype: limits_of(dtype)[:2] for dtype in FLOATS}
LEAST_VALUES = {dtype: limits_of(dtype)[2] for dtype in FLOATS}
GREATEST_RATIO, LEAST_OF_LOGARITHM = IH_GREATEST_RATIO, IH_LEAST_OF_LOGARITHM


cdef ih_key key_from(bytes key):
    cdef const unsigned char *content = key
    cdef ih_key words
    cdef int place
    assert len(key) == 16
    words.word[0] = words.word[1] = 0
    for place in range(16):  # little-endian on every machine
        words.word[place // 8] |= <uint64_t>content[place] << (8 * (place % 8))
    return words


def prepare_law(int dtype, int kind, double scale, double low, double high, bint corrected):
    """Return the C form of a law, checked for an element type, as bytes for `fill`."""
    cdef ih_law law
    cdef int status
    if kind == IH_UNIFORM:
        status = ih_law_uniform(&law, scale)
    elif kind == IH_NORMAL:
        status = ih_law_normal(&law, scale)
    else:
        status = ih_law_truncated_normal(&law, scale, low, high, corrected)
    if status == IH_OK:
        status = ih_law_check(&law, dtype)
    if status != IH_OK:
        what = "bound" if kind == IH_UNIFORM else "std"
        interval = f" on [low, high] = [{low}, {high}]" if kind == IH_TRUNCATED_NORMAL else ""
        checked(status, f"{what} = {scale}{interval}")
    return (<char *>&law)[:sizeof(ih_law)]


def prepare_interval(int dtype, int kind, double low, double high):
    """Return the C form of a law on the open interval (low, high), as `prepare_law` does."""
    cdef ih_law law
    cdef int status = ih_law_interval(&law, kind, low, high)
    if status == IH_OK:
        status = ih_law_check(&law, dtype)
    checked(status, f"(low, high) = ({low}, {high})")
    return (<char *>&law)[:sizeof(ih_law)]


def prepare_integers(int64_t low, uint64_t span):
    """Return the C form of the law of `span` integers from `low` on."""
    cdef ih_law law
    checked(ih_law_integers(&law, low, span), f"the range of {span} integers from {low}")
    return (<char *>&law)[:sizeof(ih_law)]


def prepare_bits():
    """Return the C form of the law of the words as they are."""
    cdef ih_law law
    checked(ih_law_bits(&law), "the law of bits")
    return (<char *>&law)[:sizeof(ih_law)]


def fill(
    bytes key, bytes prepared_law, int dtype, tuple whole, tuple start, cnp.ndarray out,
    int threads, bint fresh, int kernel,
):
    """Fill out with the region of the array `whole` that begins at `start`."""
    cdef uint64_t[IH_MAX_DIMENSIONS] whole_shape, starts, counts
    cdef ptrdiff_t[IH_MAX_DIMENSIONS] strides
    cdef int dimensions = out.ndim, axis
    for axis in range(dimensions):
        whole_shape[axis] = whole[axis]
        starts[axis] = start[axis]
        counts[axis] = out.shape[axis]
        strides[axis] = out.strides[axis]
    fill_region(key, prepared_law, dtype, dimensions, whole_shape, starts, counts, strides,
                cnp.PyArray_DATA(out), threads, IH_MEMORY_FRESH if fresh else IH_MEMORY_UNKNOWN,
                kernel)


def fill_memory(
    bytes key, bytes prepared_law, int dtype, tuple shape, tuple strides, uintptr_t address,
    int threads, int kernel,
):
    """Fill memory at an address with a whole array; strides are in elements.

    The caller must ensure that the address is valid.
    """
    cdef uint64_t[IH_MAX_DIMENSIONS] whole_shape, starts, counts
    cdef ptrdiff_t[IH_MAX_DIMENSIONS] steps
    cdef int dimensions = len(shape), axis
    cdef ptrdiff_t item = ih_item_bytes(dtype)
    if dimensions > IH_MAX_DIMENSIONS:
        raise ValueError(f"shape must have at most {IH_MAX_DIMENSIONS} axes, got {dimensions}")
    if len(strides) != dimensions:
        raise ValueError(f"strides must be {dimensions}, got {len(strides)}")
    for axis in range(dimensions):
        whole_shape[axis] = counts[axis] = shape[axis]
        starts[axis] = 0
        steps[axis] = item * <ptrdiff_t>strides[axis]
    fill_region(key, prepared_law, dtype, dimensions, whole_shape, starts, counts, steps,
                <void *>address, threads, IH_MEMORY_UNKNOWN, kernel)


# A sample of equal elements is compared with so many bytes from where the memory begins.
cdef size_t COMPARED_BYTES = 2**16
# Multiples of the golden ratio, less their whole parts, fall between those before them: such a
# sample is spread evenly, and in step with no row or diagonal.
cdef double GOLDEN = 0.6180339887498949


def sample_memory(uintptr_t address, size_t nbytes, int dtype, size_t most):
    """Return some elements of memory, spread over it, as bytes: all of them if there are few.

    Of more than `most` elements return a single one if the sample and the first bytes of memory
    hold no other value. The caller must ensure that the address is valid.
    """
    cdef size_t item = ih_item_bytes(dtype)
    cdef size_t count = nbytes // item, number
    cdef const char *memory = <const char *>address
    cdef char *to
    cdef double place = 0.0
    cdef bytes found
    if count <= most:
        return memory[:nbytes]
    found = PyBytes_FromStringAndSize(NULL, most * item)
    to = found
    for number in range(most):
        memcpy(to + number * item, memory + <size_t>(place * count) * item, item)
        place += GOLDEN
        if place >= 1.0:
            place -= 1.0
    if (
        memcmp(to, to + item, (most - 1) * item) == 0
        and memcmp(memory, memory + item, min(nbytes, COMPARED_BYTES) - item) == 0
    ):
        return found[:item]
    return found


# The arguments of ih_fill, of which start and count are those of a piece; how many elements pieces
# should have; when signals were last looked for.
cdef struct fill_call:
    ih_key key
    ih_law law
    int dtype, dimensions, threads, memory, kernel
    const uint64_t *whole
    uint64_t *start
    uint64_t *count
    const ptrdiff_t *strides
    Py_ssize_t piece
    double last


cdef int fill_region(
    bytes key, bytes prepared_law, int dtype, int dimensions, const uint64_t *whole,
    uint64_t *start, uint64_t *count, const ptrdiff_t *strides, void *out,
    int threads, int memory, int kernel,
) except -1:
    """Fill a region, a large one in pieces; start and count change meanwhile."""
    cdef fill_call call
    cdef uint64_t elements = 1
    cdef int status, axis
    assert len(prepared_law) == sizeof(ih_law)
    call.key = key_from(key)
    call.law = (<ih_law *><char *>prepared_law)[0]
    call.dtype, call.dimensions = dtype, dimensions
    call.threads, call.memory, call.kernel = threads, memory, kernel
    call.whole, call.start, call.count, call.strides = whole, start, count, strides
    call.last = 0.0
    for axis in range(dimensions):
        elements *= count[axis]
    with nogil:
        if elements < SHORT_FILL:
            status = fill_piece(&call, out)
        else:
            call.piece = first_piece(&call, out)
            status = fill_pieces(&call, 0, elements, <char *>out)
    if status == IH_INTERRUPTED:
        raise_caught()
    return checked(status, "filling out")


# Elements that the slowest kernel makes in 0.2 s by the slowest distribution.
cdef uint64_t SHORT_FILL = 1 << 20
# Elements to time, too few to be worth a thread.
cdef uint64_t TRIAL_FILL = 1 << 12


cdef int fill_piece(const fill_call *call, void *out) noexcept nogil:
    return ih_fill(
        &call.key, &call.law, call.dtype, call.dimensions, call.whole, call.start, call.count,
        call.strides, out, call.threads, call.memory, call.kernel)


cdef Py_ssize_t first_piece(const fill_call *call, void *out) noexcept nogil:
    """Make some elements, and return how many a thread makes in SECONDS_UNASKED."""
    cdef fill_call trial = call[0]
    cdef uint64_t[IH_MAX_DIMENSIONS] count
    cdef uint64_t elements = 1
    cdef int axis
    cdef double began
    for axis in range(call.dimensions - 1, -1, -1):
        count[axis] = min(call.count[axis], TRIAL_FILL // elements)
        elements *= count[axis]
    trial.count = count
    began = monotonic()
    fill_piece(&trial, out)
    return next_piece(elements, elements, monotonic() - began, 2.0**40)


cdef int fill_pieces(fill_call *call, int axis, uint64_t elements, char *out) noexcept nogil:
    """Fill so many elements in pieces, cut along `axis` and the axes after it."""
    cdef uint64_t begin, length, rest, done = 0, step
    cdef double began
    cdef int status = IH_OK
    if elements < 2 * <uint64_t>call.piece:
        began = monotonic()
        status = fill_piece(call, out)
        call.piece = next_piece(call.piece, elements, monotonic() - began, 16.0)
        return IH_INTERRUPTED if status == IH_OK and interrupted(&call.last) else status
    begin, length = call.start[axis], call.count[axis]
    rest = elements // length
    while done < length and status == IH_OK:
        step = max(<uint64_t>1, <uint64_t>call.piece // rest)
        if length - done < 2 * step:  # no small piece at the end
            step = length - done
        call.start[axis], call.count[axis] = begin + done, step
        status = fill_pieces(call, axis + 1, step * rest, out + <ptrdiff_t>done * call.strides[axis])
        done += step
    call.start[axis], call.count[axis] = begin, length
    return status


def words(bytes key, uint64_t first, uint32_t domain, size_t blocks, int kernel):
    """Return the generator's raw words, four for each block from `first` on."""
    cdef ih_key key_words = key_from(key)
    cdef cnp.ndarray out = np.empty(4 * blocks, dtype=np.uint32)
    cdef uint32_t *data = <uint32_t *>cnp.PyArray_DATA(out)
    cdef int status
    with nogil:
        status = ih_words(&key_words, first, domain, blocks, data, kernel)
    checked(status, "drawing raw words")
    return out


# ---- simulation: irwinhall.montecarlo checks the arguments --------------------------------------

MAX_TRIAL_WEIGHTS = IH_MAX_TRIAL_WEIGHTS


def block_trials(uint64_t weights):
    """Return the number of trials in a block when a trial has this many weights."""
    return ih_block_trials(weights)


def simulate(
    bytes key, uint64_t n, m, uint64_t first, uint64_t trials, cnp.ndarray moments, threads,
    int kernel, cnp.ndarray scratch=None,
):
    """Simulate trials first, first + 1, ... and write the moments of each block of them.

    m is None for sums of n weights, which have one quantity; a layer has three. moments is an array
    of float64 (block, quantity, moment); the moments are count, mean and squares. scratch, for a
    layer, has layer_scratch(n, m, threads) bytes.
    """
    cdef ih_key words = key_from(key)
    cdef bint is_layer = m is not None
    cdef uint64_t columns = m if is_layer else 1
    cdef ih_moments *out = <ih_moments *>cnp.PyArray_DATA(moments)
    cdef int used_threads = min(threads, 2**31 - 1), status
    cdef void *memory = cnp.PyArray_DATA(scratch) if is_layer else NULL
    cdef double last = 0.0
    cdef ih_interrupt interrupt
    interrupt.wanted = interrupted
    interrupt.context = &last
    with nogil:
        if is_layer:
            status = ih_simulate_layer(
                &words, n, columns, first, trials, out, memory, used_threads, kernel,
                &interrupt)
        else:
            status = ih_simulate_magnitude(
                &words, n, first, trials, out, used_threads, kernel, &interrupt)
    if status == IH_INTERRUPTED:
        raise_caught()
    checked(status, "a simulation")


def layer_scratch(uint64_t n, uint64_t m, threads):
    """Return how many bytes of scratch memory the simulation of a layer needs."""
    return ih_layer_scratch(n, m, min(threads, 2**31 - 1))


# ---- kernels -----------------------------------------------------------------------------------


def kernels():
    """Return (name, available) of every kernel, best first."""
    return [
        (ih_kernel_name(i).decode(), bool(ih_kernel_supported(i)))
        for i in range(ih_kernel_count())
    ]


def find_kernel(name):
    """Return the index of a kernel (None: the best), negative if this machine has none such."""
    if name is None:
        return ih_kernel_find(NULL)
    encoded = name.encode()
    return ih_kernel_find(encoded)
