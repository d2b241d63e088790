"""Checks of arguments that several modules share; every message names argument and value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import index
from typing import Any, SupportsIndex, TypeAlias

import numpy as np

Shape: TypeAlias = "SupportsIndex | Sequence[SupportsIndex]"
Region: TypeAlias = "slice | Sequence[slice]"


def checked_real(name: str, value: object) -> float:
    """Return a real number, infinite perhaps, as a float."""
    # NumPy would turn arrays of booleans and text, and the real part of complex numbers, to floats.
    kind = value.dtype.kind if isinstance(value, (np.generic, np.ndarray)) else "f"
    if (
        isinstance(value, (bool, str, bytes))
        or not hasattr(value, "__float__")
        or kind not in "fiu"
    ):
        raise TypeError(f"{name} must be a real number, got {value!r} ({type(value).__name__})")
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
    number = checked_real(name, value)
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite, got {number}")
    return number


def checked_count(name: str, value: object, least: int) -> int:
    """Return an integer that is at least `least` as an int."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be an integer, got {value!r} ({type(value).__name__})")
    try:
        number = index(value)
    except TypeError:  # an array
        raise TypeError(f"{name} must be an integer, got {value!r}") from None
    if number < least:
        raise ValueError(f"{name} must be at least {least}, got {number}")
    return number


def checked_shape(shape: Shape | None) -> tuple[int, ...]:
    """Return the shape of an array of less than 2**63 elements as a tuple."""
    lengths = tuple(shape) if isinstance(shape, Sequence) else (shape,)
    plain = tuple(checked_count("shape", length, 0) for length in lengths)
    if max(plain, default=0) >= 2**63 or math.prod(plain) >= 2**63:
        raise ValueError(f"shape must have less than 2**63 elements, got {plain}")
    return plain


def checked_region(
    region: Region | None, whole: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the start and the length of the region along every axis."""
    if region is None or isinstance(region, slice):
        slices: tuple[Any, ...] = () if region is None else (region,)
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
            raise ValueError(f"region must have steps of 1, got {part!r} for axis {axis}")
        if not 0 <= start <= stop <= length:
            raise ValueError(
                f"region must lie inside the shape, got {part!r} for axis {axis} of length {length}"
            )
        starts.append(start)
        lengths.append(stop - start)
    return tuple(starts), tuple(lengths)
