"""Laplace's test for a trend in the times of events, exactly."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from irwinhall import _distribution, distribution
from irwinhall._arguments import checked_choice, checked_finite
from irwinhall.stats._slices import (
    ALTERNATIVES,
    Axis,
    checked_reals,
    refuse,
    samples_along,
)


class LaplaceTrendResult(NamedTuple):
    """Laplace's factor and the probability of a factor at least as extreme.

    Attributes
    ----------
    statistic : float or ndarray
        Laplace's factor.
    pvalue : float or ndarray
        The probability of a factor as extreme, at a constant rate.

    Examples
    --------
    >>> from irwinhall.stats import LaplaceTrendResult
    >>> LaplaceTrendResult._fields
    ('statistic', 'pvalue')
    """

    statistic: Any
    pvalue: Any


def laplace_trend(
    times: ArrayLike,
    end: float,
    *,
    start: float = 0.0,
    axis: Axis = 0,
    nan_policy: str = "propagate",
    keepdims: bool = False,
    alternative: str = "two-sided",
) -> LaplaceTrendResult:
    """Test whether events come at a constant rate, by the mean of their times (Laplace).

    At a constant rate the times of n events are n uniforms on (start, end), and their sum has the
    Irwin-Hall distribution: the p-value is exact, where the normal approximation is usual.

    Parameters
    ----------
    times : array_like of float
        The times of the events, from start to end, in any order.
    end : float
        The end of the observation. If it ended at an event, leave this event out.
    start : float
        The start of the observation.
    axis : int, tuple of int or None
        The axis or axes along which the events of a sample lie; with None, all are one sample.
    nan_policy : {"propagate", "omit", "raise"}
        A NaN makes the result of its own sample NaN, is omitted, or raises an error.
    keepdims : bool
        Whether to keep the axes of a sample, with length 1.
    alternative : {"two-sided", "less", "greater"}
        "less": the events come early, the rate falls; "greater": they come late, it grows.

    Returns
    -------
    LaplaceTrendResult
        (statistic, pvalue): Laplace's factor, the mean time's distance from the middle in standard
        deviations, and the p-value; floats for one sample, else arrays. NaN, with a
        RuntimeWarning, for a sample without events.

    Raises
    ------
    TypeError
        If an argument is not real.
    ValueError
        If a time lies outside [start, end], end is not above start, or a keyword has an unknown
        value.

    Examples
    --------
    >>> from irwinhall.stats import laplace_trend
    >>> laplace_trend([70, 120, 200, 340, 495.7, 560, 700, 890, 1100], end=2000)
    LaplaceTrendResult(statistic=-2.6..., pvalue=0.0074...)
    """
    checked_choice("alternative", alternative, ALTERNATIVES)
    low, high = checked_finite("start", start), checked_finite("end", end)
    if not 0.0 < high - low < math.inf:
        raise ValueError(
            f"end must be above start by a finite number, got start {start} and end {end}"
        )
    values = checked_reals("times", times)
    refuse("times", f"from {low} to {high}", values, (values < low) | (values > high))
    samples = samples_along("times", (values - low) / (high - low), axis, nan_policy, 1)
    sums = _distribution.row_sums(samples.rows, None)
    counts = np.maximum(samples.counts, 1)
    below, above = distribution.cdf(sums, counts), distribution.sf(sums, counts)
    pvalue = {
        "less": below,
        "greater": above,
        "two-sided": np.minimum(1.0, 2.0 * np.minimum(below, above)),
    }[alternative]
    statistic = (sums - counts / 2.0) / np.sqrt(counts / 12.0)
    return LaplaceTrendResult(samples.result(statistic, keepdims), samples.result(pvalue, keepdims))
