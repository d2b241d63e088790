"""Arrays to write weights to: their element types, and checks before a fill."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from irwinhall._arguments import Region, checked_region, checked_shape
from irwinhall._core import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, UINT32, UINT64

# The element types, and the codes that C has for them.
CODES = {
    "float32": FLOAT32,
    "float64": FLOAT64,
    "float16": FLOAT16,
    "bfloat16": BFLOAT16,
}
NAMES = {code: name for name, code in CODES.items()}
_LISTED = ", ".join(CODES)
# The types of raw words, and of integers.
BITS = {"uint32": UINT32, "uint64": UINT64}
INTEGERS = {"int64": UINT64}


class Target(NamedTuple):
    """An array to write, checked, and the region of a whole array that goes there.

    `result` is returned to the caller: the array, or the buffer that was passed as out.
    """

    result: Any
    array: NDArray[Any]
    code: int
    whole: tuple[int, ...]
    start: tuple[int, ...]
    is_new: bool


def shape_of(shape: object, out: Any, region: Region | None) -> tuple[int, ...]:
    """Return the shape of the whole array: the one given, or out's."""
    if shape is not None:
        return checked_shape(shape)
    if out is None or region is not None:
        raise TypeError("shape must be given, unless out is given and region is not")
    return writable_array(out).shape


def output(
    whole: tuple[int, ...], dtype: DTypeLike | None, out: Any, region: Region | None
) -> Target:
    """Return a new array for a region of a checked shape, or out, checked for it."""
    if out is None:
        code, element = element_type(dtype)
        return _new(whole, region, code, element)
    array = writable_array(out)
    code, _ = element_type(dtype, array.dtype)
    return _given(whole, region, code, out, array)


def integer_output(
    whole: tuple[int, ...],
    dtype: DTypeLike | None,
    out: Any,
    region: Region | None,
    codes: dict[str, int],
) -> Target:
    """Do as `output` for integer types: the one of dtype or out, else the first of `codes`."""
    array = None if out is None else writable_array(out)
    wanted = dtype if dtype is not None or array is None else array.dtype
    try:
        known = np.dtype(next(iter(codes)) if wanted is None else wanted)
    except (TypeError, ValueError):
        known = None
    if known is None or known.name not in codes or not known.isnative:
        what = "dtype" if dtype is not None else "out's dtype"
        rule = f"{what} must be {' or '.join(codes)}"
        raise TypeError(f"{rule}, got {dtype!r}" if known is None else f"{rule}, got {known}")
    if array is None:
        return _new(whole, region, codes[known.name], known)
    if array.dtype != known:
        raise TypeError(f"out must have dtype {known}, got {array.dtype}")
    return _given(whole, region, codes[known.name], out, array)


def _new(
    whole: tuple[int, ...], region: Region | None, code: int, element: np.dtype[Any]
) -> Target:
    """Return a new array for a region of a checked shape."""
    start, count = checked_region(region, whole)
    try:
        array = np.empty(count, element)
    except ValueError:
        raise ValueError(
            f"shape must be that of an array that NumPy can make, got {count}"
        ) from None
    return Target(array, array, code, whole, start, True)


def _given(
    whole: tuple[int, ...], region: Region | None, code: int, out: Any, array: NDArray[Any]
) -> Target:
    """Return out, whose array has the right type, if it also has the shape of the region."""
    start, count = checked_region(region, whole)
    if array.shape != count:
        raise ValueError(f"out must have shape {count}, got {array.shape}")
    return Target(out, array, code, whole, start, False)


def element_type(
    dtype: DTypeLike | None, out: np.dtype[Any] | None = None
) -> tuple[int, np.dtype[Any]]:
    """Return the C code of the element type that is asked for, and the dtype of its arrays."""
    try:
        hash(dtype)
    except TypeError:
        raise TypeError(f"dtype must be one of {_LISTED}, got {dtype!r}") from None
    name = _element_name(dtype, out)  # type: ignore[arg-type]
    if out is not None:
        return CODES[name], out
    return CODES[name], _bfloat16() if name == "bfloat16" else _DTYPES[name]


_DTYPES = {name: np.dtype(name) for name in CODES if name != "bfloat16"}


@lru_cache(maxsize=64)  # NumPy takes microseconds to find a dtype's name
def _element_name(dtype: DTypeLike | None, out: np.dtype[Any] | None) -> str:
    if dtype is None:
        name = "float32" if out is None else out.name
    else:
        # A name or a scalar type is taken by name: NumPy knows bfloat16 only through ml_dtypes.
        name = dtype if isinstance(dtype, str) else getattr(dtype, "__name__", None) or ""
        if name not in CODES:
            try:
                known = np.dtype(dtype)
            except (TypeError, ValueError):  # ValueError: text that is not UTF-8
                raise TypeError(f"dtype must be one of {_LISTED}, got {dtype!r}") from None
            if not known.isnative:
                raise TypeError(f"dtype must have the machine's byte order, got {known.str}")
            name = known.name
    if name not in CODES:
        what = "dtype" if dtype is not None or out is None else "out's dtype"
        raise TypeError(f"{what} must be one of {_LISTED}, got {name}")
    if out is not None:
        if out.name != name and (name, out.name) != ("bfloat16", "uint16"):
            raise TypeError(f"out must have dtype {name}, got {out}")
        if not out.isnative:
            raise TypeError(f"out must have the machine's byte order, got {out.str}")
    return name


def _bfloat16() -> np.dtype[Any]:
    try:
        from ml_dtypes import bfloat16
    except ImportError:
        raise ImportError(
            "arrays of bfloat16 need ml_dtypes: pip install ml_dtypes. "
            "Without it, pass out= an array of uint16 to get the bits."
        ) from None
    made: np.dtype[Any] = np.dtype(bfloat16)
    return made


def writable_array(out: object) -> NDArray[Any]:
    """Return out, or a view of it if it is a buffer, checked for a fill."""
    if isinstance(out, np.ndarray):
        array = out
    else:
        try:
            array = np.asarray(memoryview(out))  # type: ignore[arg-type]
        except TypeError:
            raise TypeError(f"out must be an array or a buffer, got {type(out).__name__}") from None
    if not array.flags.writeable:
        raise ValueError("out must be writeable, got a read-only buffer")
    if not array.flags.c_contiguous and overlaps_itself(array.shape, array.strides, array.itemsize):
        raise ValueError(
            "out must have nested strides, so that no element is written twice, got strides "
            f"{array.strides} for shape {array.shape}"
        )
    return array


def overlaps_itself(shape: tuple[int, ...], strides: tuple[int, ...], span: int) -> bool:
    """Return whether an axis has a stride below the span of the axes with smaller strides.

    The strides and the span of one element have the same unit. Nested axes, as every array made by
    slicing and transposing has, never overlap.
    """
    if 0 in shape:
        return False
    axes = [(abs(s), n) for s, n in zip(strides, shape, strict=True) if n > 1]
    for stride, length in sorted(axes):
        if stride < span:
            return True
        span += stride * (length - 1)
    return False
