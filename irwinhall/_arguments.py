"""Checks of arguments that several modules share; every message names argument and value."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from operator import index
from typing import Any, SupportsIndex, TypeAlias

import numpy as np

Axes: TypeAlias = SupportsIndex | Sequence[SupportsIndex]
Shape: TypeAlias = "SupportsIndex | Sequence[SupportsIndex]"
Region: TypeAlias = "slice | Sequence[slice]"


def shown(value: object) -> str:
    """Return a value as messages show it; Python prints no integers of thousands of digits."""
    try:
        return repr(value)
    except ValueError:
        pass
    if isinstance(value, tuple):
        return f"({', '.join(map(shown, value))}{',' * (len(value) == 1)})"
    if isinstance(value, slice):
        return f"slice({shown(value.start)}, {shown(value.stop)}, {shown(value.step)})"
    bits = f" of {value.bit_length()} bits" if isinstance(value, int) else ""
    return f"<{type(value).__name__}{bits}>"


def checked_real(name: str, value: object) -> float:
    """Return a real number, infinite perhaps, as a float."""
    # NumPy would turn arrays of booleans and text, and the real part of complex numbers, to floats.
    kind = value.dtype.kind if isinstance(value, (np.generic, np.ndarray)) else "f"
    if (
        isinstance(value, (bool, str, bytes))
        or not hasattr(value, "__float__")
        or kind not in "fiu"
    ):
        raise TypeError(
            f"{name} must be a real number, got {shown(value)} ({type(value).__name__})"
        )
    try:
        number = float(value)
    except OverflowError:
        raise ValueError(f"{name} must fit a double, got an integer too large") from None
    except TypeError:  # an array of more than one element
        raise TypeError(f"{name} must be one real number, got {value!r}") from None
    if math.isnan(number):
        raise ValueError(f"{name} must be a number, got nan")
    return number


def checked_finite(name: str, value: object) -> float:
    """Return a finite real number as a float."""
    if type(value) is float and math.isfinite(value):
        return value
    number = checked_real(name, value)
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite, got {number}")
    return number


def checked_interval(
    low: object, high: object, *, positive: bool = False, zero: bool = False
) -> tuple[float, float]:
    """Return the ends of an interval; low must be positive if `positive`, or 0 if `zero`."""
    low, high = checked_finite("low", low), checked_finite("high", high)
    if not low < high:
        raise ValueError(f"low must be less than high, got low={low}, high={high}")
    if positive and (low < 0.0 or (low == 0.0 and not zero)):
        raise ValueError(f"low must be positive, got {low}")
    return low, high


def checked_truncation(low: object, high: object, corrected: object) -> tuple[float, float, bool]:
    """Return the ends of a truncated normal, and whether std is the one after truncation."""
    low, high = checked_real("low", low), checked_real("high", high)
    if not low < high:
        raise ValueError(f"low must be less than high, got low={low}, high={high}")
    if not isinstance(corrected, (bool, np.bool)):
        raise TypeError(f"corrected must be True or False, got {corrected!r}")
    return low, high, bool(corrected)


def checked_count(name: str, value: object, least: int) -> int:
    """Return an integer that is at least `least` as an int."""
    if type(value) is int and value >= least:
        return value
    if isinstance(value, (bool, np.bool)) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be an integer, got {shown(value)} ({type(value).__name__})")
    try:
        number = index(value)
    except TypeError:  # an array
        raise TypeError(f"{name} must be an integer, got {value!r}") from None
    if number < least:
        raise ValueError(f"{name} must be at least {least}, got {shown(number)}")
    return number


def checked_progress(progress: object) -> None:
    """Raise TypeError if a progress callback is not callable."""
    if progress is not None and not callable(progress):
        raise TypeError(f"progress must be callable, got {progress!r} ({type(progress).__name__})")


def checked_choice(name: str, value: object, choices: Sequence[str | None]) -> None:
    """Raise ValueError if a value is not among the choices: strings, and None perhaps."""
    if not isinstance(value, str | None) or value not in choices:
        known = ", ".join(map(str, choices))
        raise ValueError(f"{name} must be one of {known}, got {shown(value)}")


def checked_shape(shape: object) -> tuple[int, ...]:
    """Return the shape of an array of fewer than 2**63 elements as a tuple."""
    plain = plain_shape(shape)
    if math.prod(plain) >= 2**63 or (0 in plain and max(plain) >= 2**63):
        raise ValueError(f"shape must have fewer than 2**63 elements, got {shown(plain)}")
    return plain


def plain_shape(shape: object) -> tuple[int, ...]:
    """Return a shape, or the length of a single axis, as a tuple of int."""
    if type(shape) is tuple:
        for length in shape:
            if type(length) is not int or length < 0:
                break
        else:  # the usual case: nothing to convert
            return shape
    elif isinstance(shape, (str, bytes)) or not isinstance(shape, Iterable) or _is_scalar(shape):
        rule = "shape must be an integer or a sequence of integers"
        length = _integer(rule, shape)
        if length < 0:
            raise ValueError(f"shape must be at least 0, got {shown(length)}")
        return (length,)
    lengths = tuple([_integer("shape must hold integers", length) for length in shape])
    if min(lengths, default=0) < 0:
        raise ValueError(f"shape must have no negative sizes, got {shown(lengths)}")
    return lengths


def _is_scalar(value: object) -> bool:
    """Return whether a value is an array without axes, which cannot be iterated over."""
    return getattr(value, "ndim", None) == 0


def checked_region(
    region: Region | None, whole: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the start and the length of the region along every axis."""
    if region is None:
        return (0,) * len(whole), whole
    if isinstance(region, slice):
        slices: tuple[Any, ...] = (region,)
    elif isinstance(region, Sequence):
        slices = tuple(region)
    else:
        raise TypeError(f"region must be a slice or a sequence of slices, got {region!r}")
    if len(slices) > len(whole):
        raise ValueError(f"region must have at most {len(whole)} slices, got {len(slices)}")
    starts, lengths = [], []
    for axis, length in enumerate(whole):
        part = slices[axis] if axis < len(slices) else slice(None)
        if not isinstance(part, slice):
            raise TypeError(f"region must be made of slices, got {part!r} for axis {axis}")
        try:
            start = 0 if part.start is None else index(part.start)
            stop = length if part.stop is None else index(part.stop)
            step = 1 if part.step is None else index(part.step)
        except TypeError:
            raise TypeError(
                f"region must have integer ends, got {part!r} for axis {axis}"
            ) from None
        if step != 1:
            raise ValueError(f"region must have steps of 1, got {shown(part)} for axis {axis}")
        if not 0 <= start <= stop <= length:
            raise ValueError(
                f"region must lie inside the shape, got {shown(part)} "
                f"for axis {axis} of length {length}"
            )
        starts.append(start)
        lengths.append(stop - start)
    return tuple(starts), tuple(lengths)


def checked_axes(name: str, axes: object) -> tuple[int, ...]:
    """Return an axis, or several, as a tuple of int; negative ones stay negative."""
    if type(axes) is int:
        return (axes,)
    if not isinstance(axes, Iterable):
        return (_integer(f"{name} must be an integer or a sequence of integers", axes),)
    if isinstance(axes, (str, bytes)):
        raise TypeError(f"{name} must be a sequence of integers, got {axes!r}")
    if _is_scalar(axes):
        return (_integer(f"{name} must be an integer or a sequence of integers", axes),)
    return tuple([_integer(f"{name} must hold integers", axis) for axis in axes])


def _integer(rule: str, value: object) -> int:
    # index() itself decides: arrays have __index__ even where calling it fails.
    try:
        if isinstance(value, (bool, np.bool)):  # NumPy 2.1 makes an index of its own
            raise TypeError
        return index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{rule}, got {shown(value)} ({type(value).__name__})") from None
