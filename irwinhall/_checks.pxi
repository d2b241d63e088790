# Argument checks, and ufuncs computed in pieces, which the binding modules include. Each defines
# LARGEST, the largest n of its functions; LARGEST_WRITTEN, that number as text for messages; and
# FIRST_PIECE, a number of elements that each of its ufuncs computes in less than 0.1 s.
from operator import index

from cpython.exc cimport PyErr_CheckSignals
from cpython.long cimport PyLong_AsLongLongAndOverflow
from cpython.time cimport monotonic
from libc.stdint cimport INT64_MAX


cdef int64_t checked_int(str name, object value) except -1:
    """Return an exact Python int from 1 to LARGEST as a C integer."""
    cdef int overflow = 0
    cdef int64_t integer = PyLong_AsLongLongAndOverflow(value, &overflow)
    if overflow or integer < 1 or integer > LARGEST:
        # Python refuses to print integers of more than 4300 digits.
        shown = value if -(1 << 200) < value < 1 << 200 else f"one of {value.bit_length()} bits"
        raise ValueError(f"{name} must be from 1 to {LARGEST_WRITTEN}, got {shown}")
    return integer


cdef object plain(object value):
    """Return NumPy's integer scalars, and whatever else has __index__, as int; the rest as it is."""
    # Arrays of other libraries have __index__ too, and raise there if they are more than a scalar.
    if isinstance(value, np.integer) or (
        hasattr(value, "__index__")
        and not hasattr(value, "__array__")
        and not isinstance(value, (bool, type))
    ):
        return index(value)
    return value


cdef str described(object value):
    if isinstance(value, np.ndarray):
        kind = "a masked array" if hasattr(value, "mask") else "an array"
        return f"{kind} of {value.dtype}"
    return f"{value!r} ({type(value).__name__})"


cdef object as_array(str name, object value):
    if isinstance(value, np.ndarray) and hasattr(value, "mask"):
        raise TypeError(f"{name} must be an array without a mask, got {described(value)}")
    try:
        return np.asarray(value)
    except ValueError:  # a ragged list
        raise ValueError(f"{name} must be a number or an array, got {described(value)}") from None


cdef str first_of(object array, object wrong):
    """Return the first element of an array for which `wrong` holds, and its index, as text.

    `wrong` may have length 1 along the axes that the array was broadcast to.
    """
    first = np.unravel_index(np.argmax(wrong), wrong.shape)
    where = f" at index {tuple(int(i) for i in first)}" if array.ndim else ""
    return f"{array[first]}{where}"


cdef object distinct(cnp.ndarray array):
    """Return a broadcast array without its repetitions, with length 1 along axes of stride 0."""
    cdef int axis
    for axis in range(array.ndim):
        if array.strides[axis] == 0 and array.shape[axis] > 1:
            return array[
                tuple(slice(0, 1) if step == 0 else slice(None) for step in (<object>array).strides)]
    return array


cdef object cast(object array, object dtype):
    """Return an array as another type; a broadcast array stays broadcast."""
    few = distinct(array)
    if few is array:
        return array.astype(dtype, copy=False)
    return np.broadcast_to(few.astype(dtype, copy=False), array.shape)


cpdef object checked_reals(str name, object value):
    """Return a real number or array of them as an array of float32 or float64."""
    array = value if type(value) is np.ndarray else as_array(name, value)
    if array.dtype.kind not in "fiu" or array.dtype.itemsize > 8:
        raise TypeError(f"{name} must be a real number or an array of them, got {described(value)}")
    # float32 holds float16; small integers become float64, not float32 as NumPy would choose.
    dtype = np.float32 if array.dtype.kind == "f" and array.dtype.itemsize < 8 else np.float64
    return cast(array, dtype)


cdef object checked_integers(str name, object value):
    """Return an integer or integer array, every element from 1 to LARGEST, as an array."""
    if isinstance(value, bool):
        raise TypeError(f"{name} must be an integer or an array of integers, got {value} (bool)")
    if type(value) is int:
        checked_int(name, value)
        return np.asarray(value, np.int64)
    array = as_array(name, value)
    if isinstance(value, (list, tuple)):
        # NumPy turns booleans among integers to integers, and large integers to floats or objects.
        for element in np.asarray(value, dtype=object).flat:
            if isinstance(element, (bool, np.bool_)):
                raise TypeError(f"{name} must hold integers, got {element!r} (bool)")
            if type(element) is int and array.dtype.kind not in "iu":
                checked_int(name, element)
    if array.dtype.kind not in "iu":
        raise TypeError(
            f"{name} must be an integer or an array of integers, got {described(value)}"
            + ("" if isinstance(value, np.ndarray) else f", which makes an array of {array.dtype}")
        )
    if array.dtype.kind == "u" and array.dtype.itemsize == 8:
        # The same bits as int64: what exceeds 2**63 - 1 shows as negative below.
        array = cast(array, np.uint64).view(np.int64)
    few = distinct(array)
    # If LARGEST is 2**63 - 1, no int64 exceeds it, and the pass for the maximum is skipped.
    if few.size and (few.min() < 1 or (LARGEST < INT64_MAX and few.max() > LARGEST)):
        shown = first_of(np.asarray(value), (few < 1) | (few > LARGEST))
        raise ValueError(f"{name} must be from 1 to {LARGEST_WRITTEN}, got {shown}")
    return array


cdef tuple checked_shape(str names, tuple arrays):
    """Return the shape that the arrays broadcast to."""
    shapes = [array.shape for array in arrays if array.ndim]
    if len(shapes) == 1:
        return shapes[0]
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        listed = ", ".join(str(array.shape) for array in arrays)
        raise ValueError(f"{names} must broadcast together, got shapes {listed}") from None


cdef object checked_out(object out, object dtype, tuple shape):
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out must be a NumPy array, got {described(out)}")
    if out.dtype != dtype:
        raise TypeError(f"out must have dtype {dtype}, got {out.dtype}")
    if out.shape != shape:
        raise ValueError(f"out must have shape {shape}, got {out.shape}")
    if not out.flags.writeable:
        raise ValueError("out must be writeable, got a read-only array")
    return out


# ---- signals in long calls of C ------------------------------------------------------------------

cdef extern from "Python.h":
    int caught_signal "PyErr_CheckSignals"() noexcept

# Short enough to answer Ctrl-C soon, and long enough to take the GIL rarely.
cdef double SECONDS_UNASKED = 0.05


cdef int interrupted(void *last) noexcept nogil:
    """Return whether a signal handler raised; look 20 times a second, last at the time *last."""
    cdef double now = monotonic()
    if now - (<double *>last)[0] < SECONDS_UNASKED:
        return 0
    (<double *>last)[0] = now
    with gil:
        return caught_signal()


cdef int raise_caught() except -1:
    """Raise the exception of a signal handler that `interrupted` reported."""
    return -1


cdef Py_ssize_t next_piece(
    Py_ssize_t piece, Py_ssize_t size, double taken, double most
) noexcept nogil:
    """Return the size of pieces that take SECONDS_UNASKED, where one of `size` took `taken`.

    It is at most `most` times `size`. A size much below `piece`, the current one, is ignored.
    """
    if 2 * size <= piece:
        return piece
    if taken * most < SECONDS_UNASKED:
        return <Py_ssize_t>(size * most)
    return max(1, <Py_ssize_t>(size * (SECONDS_UNASKED / taken)))


# ---- ufuncs in pieces: NumPy looks for signals only after a whole call ---------------------------

cdef bint is_safe_with(object out, object array):
    """Return whether writing an element of `out` changes no other element of `array`."""
    if not np.may_share_memory(out, array):
        return True
    return (
        out.ctypes.data == array.ctypes.data
        and out.strides == array.strides
        and out.shape == array.shape
    )


cdef object computed(object ufunc, tuple arrays, tuple shape, object dtype, object out, int outputs):
    """Return ufunc(*arrays), whose outputs have this shape and type, as an array or a tuple."""
    cdef Py_ssize_t piece = FIRST_PIECE
    size = 1
    for length in shape:
        size *= length
    if size <= piece:
        return ufunc(*arrays) if out is None else ufunc(*arrays, out=out)
    if out is None:
        # Allocate in the memory order that the ufunc would choose, or raise MemoryError.
        made = np.nditer(
            (*arrays, *[None] * outputs), [],
            [["readonly"]] * len(arrays) + [["writeonly", "allocate"]] * outputs,
            [None] * len(arrays) + [dtype] * outputs,
        ).operands[len(arrays):]
    else:
        made = (out,)
        arrays = tuple(
            [array if is_safe_with(out, array) else array.copy() for array in arrays])
    compute_pieces(ufunc, [np.broadcast_to(array, shape) for array in arrays], list(made), &piece)
    return made[0] if outputs == 1 else made


cdef int compute_pieces(object ufunc, list arrays, list made, Py_ssize_t *piece) except -1:
    """Compute pieces of about `piece` elements, which follows the time that they take."""
    cdef Py_ssize_t axis = 0, other, first, length, rest, step
    cdef double began
    out = made[0]
    if out.size <= piece[0]:
        began = monotonic()
        ufunc(*arrays, out=tuple(made))
        piece[0] = next_piece(piece[0], out.size, monotonic() - began, 2.0)
        PyErr_CheckSignals()
        return 0
    # Along the axis that is outermost in memory.
    shape, strides = out.shape, out.strides
    for other in range(out.ndim):
        if shape[axis] == 1 or (shape[other] > 1 and abs(strides[other]) > abs(strides[axis])):
            axis = other
    length = shape[axis]
    rest = out.size // length
    first = 0
    while first < length:
        step = max(1, piece[0] // rest)
        part = (slice(None),) * axis + (slice(first, first + step),)
        compute_pieces(
            ufunc, [array[part] for array in arrays], [array[part] for array in made], piece)
        first += step
    return 0
