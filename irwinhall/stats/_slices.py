"""The arguments axis, nan_policy and keepdims of tests of samples, as in SciPy."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, SupportsIndex, TypeAlias

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple
from numpy.typing import NDArray

from irwinhall import _distribution
from irwinhall._arguments import checked_axes, checked_choice

Axis: TypeAlias = SupportsIndex | Sequence[SupportsIndex] | None
Floats: TypeAlias = NDArray[np.float64]

NAN_POLICIES = ("propagate", "omit", "raise")
ALTERNATIVES = ("two-sided", "less", "greater")


@dataclass(frozen=True)
class Slices:
    """Samples as the rows of an array, with 0 in place of NaN."""

    rows: Floats
    counts: Any  # how many numbers of each sample are used: an integer, or an array of integers
    omitted: NDArray[np.bool_] | None
    spoiled: NDArray[np.bool_] | None  # rows whose results are NaN
    shape: tuple[int, ...]
    kept: tuple[int, ...]

    def result(self, values: Any, keepdims: bool) -> Any:
        """Return one value for each sample, in the shape of the results of SciPy's tests."""
        values = np.asarray(values, np.float64)
        if self.spoiled is not None:
            values = np.where(self.spoiled, np.nan, values)
        values = values.reshape(self.kept if keepdims else self.shape)
        return values if values.ndim else values.item()


def samples_along(
    name: str, values: Floats, axis: Axis, nan_policy: str, least: int, also_nan: Any = None
) -> Slices:
    """Return the samples along one or several axes; with None, all numbers are one sample.

    The result of a sample of fewer than `least` numbers is NaN, with a warning. The NaN of
    `also_nan`, an array of the same shape, count like those of the values.
    """
    checked_choice("nan_policy", nan_policy, NAN_POLICIES)
    rows, shape, kept = rows_along(values, axis)
    nan = np.isnan(rows)
    if also_nan is not None:
        nan |= rows_along(also_nan, axis)[0]
    counts: Any = rows.shape[1]
    omitted = spoiled = None
    if nan.any():
        if nan_policy == "raise":
            raise ValueError(f"{name} must not be NaN with nan_policy='raise'")
        rows = np.where(nan, 0.0, rows)
        if nan_policy == "omit":
            omitted, counts = nan, rows.shape[1] - nan.sum(axis=1)
        else:
            spoiled = nan.any(axis=1)
    few = np.broadcast_to(counts < least, rows.shape[:1])
    if few.any():
        numbers = f"{least} number" + "s" * (least > 1)
        message = f"{name} has samples of fewer than {numbers}; their results are NaN"
        warnings.warn(message, RuntimeWarning, stacklevel=3)
        spoiled = few if spoiled is None else few | spoiled
    return Slices(rows, counts, omitted, spoiled, shape, kept)


def rows_along(
    values: NDArray[Any], axis: Axis
) -> tuple[NDArray[Any], tuple[int, ...], tuple[int, ...]]:
    """Return an array of rows, the shape without the axes, and the shape with them as 1."""
    values = np.atleast_1d(values)
    plain = range(values.ndim) if axis is None else checked_axes("axis", axis)
    axes = normalize_axis_tuple(plain, values.ndim, "axis")
    moved = np.moveaxis(values, axes, range(-len(axes), 0))
    shape = moved.shape[: moved.ndim - len(axes)]
    kept = tuple(1 if i in axes else length for i, length in enumerate(values.shape))
    return moved.reshape(math.prod(shape), -1 if values.size else 0), shape, kept


def checked_reals(name: str, values: object) -> Floats:
    """Return real numbers as an array of float64."""
    return _distribution.checked_reals(name, values).astype(np.float64, copy=False)


def refuse(name: str, wanted: str, values: Floats, wrong: NDArray[np.bool_]) -> None:
    """Raise a ValueError that names the first element for which `wrong` holds."""
    if wrong.any():
        first = tuple(int(i) for i in np.unravel_index(np.argmax(wrong), values.shape))
        where = f" at index {first}" if first else ""
        raise ValueError(f"{name} must be {wanted}, got {values[first]}{where}")


def checked_positive(name: str, values: object, allow_nan: bool = False) -> Floats:
    """Return positive finite numbers as an array of float64."""
    array = checked_reals(name, values)
    good = (array > 0.0) & (array < math.inf)
    refuse(name, "positive and finite", array, ~(good | np.isnan(array) if allow_nan else good))
    return array
