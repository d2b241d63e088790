# Checks of numbers and arrays, which the binding modules include: each defines LARGEST, the largest
# n that its functions take, and LARGEST_WRITTEN, that number as its messages write it.
from operator import index

from cpython.long cimport PyLong_AsLongLongAndOverflow
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
        and not isinstance(value, bool)
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
    """Return the first element of an array for which `wrong` holds, and its index, as text."""
    first = np.unravel_index(np.argmax(wrong), array.shape)
    where = f" at index {tuple(int(i) for i in first)}" if array.ndim else ""
    return f"{array[first]}{where}"


cpdef object checked_reals(str name, object value):
    """Return a real number or array of them as an array of float32 or float64."""
    array = value if type(value) is np.ndarray else as_array(name, value)
    if array.dtype.kind not in "fiu" or array.dtype.itemsize > 8:
        raise TypeError(f"{name} must be a real number or an array of them, got {described(value)}")
    # A half fits a single; an integer would become a single too if NumPy chose.
    dtype = np.float32 if array.dtype.kind == "f" and array.dtype.itemsize < 8 else np.float64
    return array.astype(dtype, copy=False)


cdef object checked_integers(str name, object value):
    """Return an integer or integer array, every element from 1 to LARGEST, as an array."""
    if isinstance(value, bool):
        raise TypeError(f"{name} must be an integer or an array of integers, got {value} (bool)")
    if type(value) is int:
        checked_int(name, value)
        return np.asarray(value, np.int64)
    array = as_array(name, value)
    if isinstance(value, (list, tuple)):
        # NumPy makes integers of booleans beside integers, and floats or objects of large integers.
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
        array = array.astype(np.uint64, copy=False).view(np.int64)
    # No int64 exceeds 2**63 - 1: then a look at the largest is a pass over the array for nothing.
    if array.size and (array.min() < 1 or (LARGEST < INT64_MAX and array.max() > LARGEST)):
        shown = first_of(np.asarray(value), (array < 1) | (array > LARGEST))
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
