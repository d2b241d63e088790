"""Rao's spacing test of uniformity on a circle, exactly.

Let D_1, ..., D_n be the arcs between n points on a circle of circumference 1, and U half the sum of
abs(D_i - 1/n): the sum of what the short arcs lack. If the points are uniform, so are the arcs on
their simplex. What j short arcs lack fills a cube (0, 1/n)^j, and what the others have in excess
fills, where its sum is u, a simplex of a size proportional to u^(n-j-1)/(n-j-1)!, so that ::

    f(u) = (n-1)! sum_(j=1)^(n-1) C(n, j) n^(1-j) g_j(n u) u^(n-j-1)/(n-j-1)!

is U's density, g_j the Irwin-Hall density: a sum of positive terms. It is integrated by Gauss's
rule, outwards from u, so that small p-values keep their relative accuracy.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize

from irwinhall import distribution
from irwinhall._arguments import checked_count, checked_real
from irwinhall.stats._slices import Axis, Floats, checked_reals, refuse, samples_along

# The largest number of points: a p-value takes seconds there.
_MOST_POINTS = 10**5
# Up to so many points the polynomial between two knots is integrated exactly.
_MOST_EXACT, _EXACT_RULE = 60, np.polynomial.legendre.leggauss(32)
# For more points the density is smooth: a panel in which it changes by about e^6 is exact, too.
_SMOOTH_RULE, _CHANGE = np.polynomial.legendre.leggauss(24), 6.0


class RaoSpacingResult(NamedTuple):
    """Rao's U in degrees and the probability of a U at least as large.

    Attributes
    ----------
    statistic : float or ndarray
        Rao's U in degrees.
    pvalue : float or ndarray
        The probability of a U as large, for uniform angles.

    Examples
    --------
    >>> from irwinhall.stats import RaoSpacingResult
    >>> RaoSpacingResult._fields
    ('statistic', 'pvalue')
    """

    statistic: Any
    pvalue: Any


def rao_spacing(
    angles: ArrayLike,
    *,
    degrees: bool = False,
    axis: Axis = 0,
    nan_policy: str = "propagate",
    keepdims: bool = False,
) -> RaoSpacingResult:
    """Test whether angles are uniform on the circle, by the arcs between neighbours (Rao).

    Parameters
    ----------
    angles : array_like of float
        The angles, in radians from -2 pi to 2 pi or in degrees from -360 to 360.
    degrees : bool
        Whether angles are in degrees.
    axis : int, tuple of int or None
        The axis or axes along which a sample lies; with None, all numbers are one sample.
    nan_policy : {"propagate", "omit", "raise"}
        A NaN makes the result of its own sample NaN, is omitted, or raises an error.
    keepdims : bool
        Whether to keep the axes of a sample, with length 1.

    Returns
    -------
    RaoSpacingResult
        (statistic, pvalue): U = 1/2 sum abs(D_i - 360/n) in degrees, D_i the n arcs, from 0 for
        even spacing to 360 (1 - 1/n) for equal angles, and the probability of one as large; floats
        for one sample, else arrays. NaN, with a RuntimeWarning, for fewer than 2 angles.

    Raises
    ------
    TypeError
        If angles are not real.
    ValueError
        If an angle is infinite or outside the range of its unit, there are more than 10^5, or a
        keyword has an unknown value.

    See Also
    --------
    rao_critical_value : The critical value of U.

    Notes
    -----
    The p-value is exact, where others interpolate a table or simulate: its relative error is below
    1e-12 for up to 1,000 angles. Ties are allowed; they speak against uniformity.

    References
    ----------
    Rao, J. S. (1976), Some tests based on arc-lengths for the circle, Sankhya B 38, 329-338.
    Russell, G. S. and Levitin, D. J. (1995), An expanded table of probability values for Rao's
    spacing test, Communications in Statistics: Simulation and Computation 24, 879-888.

    Examples
    --------
    >>> from irwinhall.stats import rao_spacing
    >>> rao_spacing([20, 135, 145, 165, 170, 200, 300, 325, 335, 350], degrees=True)
    RaoSpacingResult(statistic=143.0, pvalue=0.2569...)
    >>> rao_spacing([0.0, 90.0, 180.0, 270.0], degrees=True)
    RaoSpacingResult(statistic=0.0, pvalue=1.0)
    """
    values = checked_reals("angles", angles)
    period = 360.0 if degrees else 2.0 * math.pi
    finite = values[~np.isnan(values)]
    refuse("angles", "finite", values, np.isinf(values))
    # 2 pi in single precision is above 2 pi.
    if finite.size and np.abs(finite).max() > period * (1.0 + 1e-6):
        unit = "degrees, from -360 to 360" if degrees else "radians, from -2 pi to 2 pi"
        hint = "" if degrees else "; pass degrees=True for degrees"
        raise ValueError(
            f"angles must be in {unit}, got numbers from {finite.min()} to {finite.max()}{hint}"
        )
    samples = samples_along("angles", values, axis, nan_policy, 2)
    turns = samples.rows / period
    counts = np.broadcast_to(samples.counts, turns.shape[:1])
    _checked_points("the number of angles", int(counts.max(initial=0)))
    statistic, pvalue = np.full(counts.shape, np.nan), np.full(counts.shape, np.nan)
    for count in np.unique(counts[counts >= 2]).tolist():
        rows = counts == count
        used = turns[rows]
        if samples.omitted is not None:
            used = used[~samples.omitted[rows]].reshape(-1, count)
        statistic[rows] = _lacking(used)
        pvalue[rows] = _sf_of_all(statistic[rows], count)
    return RaoSpacingResult(
        samples.result(360.0 * statistic, keepdims), samples.result(pvalue, keepdims)
    )


def rao_critical_value(n: int, significance: float = 0.05) -> float:
    """Return the U in degrees that Rao's spacing test of n angles exceeds with this probability.

    Parameters
    ----------
    n : int
        Number of angles, from 2 to 10^5.
    significance : float
        The probability of a larger U for uniform angles, between 0 and 1.

    Returns
    -------
    float
        The critical value in degrees.

    Raises
    ------
    TypeError
        If n is not an integer or significance is not real.
    ValueError
        If one is out of range.

    See Also
    --------
    rao_spacing : The test.

    Examples
    --------
    >>> from irwinhall.stats import rao_critical_value
    >>> round(rao_critical_value(10), 2), round(rao_critical_value(10, 0.01), 2)
    (171.98, 192.37)
    """
    count = _checked_points("n", checked_count("n", n, 2))
    alpha = checked_real("significance", significance)
    if not 0.0 < alpha < 1.0:
        raise ValueError(f"significance must lie between 0 and 1, got {significance}")

    def excess(u: float) -> float:
        return math.log(max(_sf(u, count), 5e-324)) - math.log(alpha)

    return 360.0 * float(optimize.brentq(excess, 0.0, 1.0 - 1.0 / count, xtol=1e-15, rtol=1e-15))


def _checked_points(name: str, count: int) -> int:
    if count > _MOST_POINTS:
        raise ValueError(f"{name} must be at most {_MOST_POINTS}, got {count}")
    return count


def _lacking(turns: Floats) -> Floats:
    """Return U for each row of angles as fractions of a turn."""
    ordered = np.sort(turns % 1.0, axis=1)
    last = 1.0 - (ordered[:, -1:] - ordered[:, :1])  # 1 exactly for equal angles
    arcs = np.concatenate([np.diff(ordered, axis=1), last], axis=1)
    lacking: Floats = 0.5 * np.abs(arcs - 1.0 / turns.shape[1]).sum(axis=1)
    return lacking


# ---- the distribution of U -----------------------------------------------------------------------


def _sf(u: float, n: int) -> float:
    """Return the probability of more than u."""
    return float(_sf_of_all(np.array([u]), n)[0])


def _sf_of_all(places: Floats, n: int) -> Floats:
    """Return the probability of more than each place, from the side that holds less.

    From one place to the next only what lies between is integrated.
    """
    mean, end = (1.0 - 1.0 / n) ** n, 1.0 - 1.0 / n
    order = np.argsort(places)
    sf = np.empty(places.shape)
    total, last = 0.0, end
    for i in order[places[order] >= mean][::-1]:
        place = min(float(places[i]), end)
        total += _integral(place, last, n)
        sf[i], last = total, place
    total, last = 0.0, 0.0
    for i in order[places[order] < mean]:
        place = max(float(places[i]), 0.0)
        total += _integral(place, last, n)
        sf[i], last = 1.0 - total, place
    return sf


def _integral(start: float, end: float, n: int) -> float:
    """Return the integral of the density between two places, from the first on."""
    if n > _MOST_EXACT:
        return _integral_of_many(start, end, n)
    low, high = min(start, end), max(start, end)
    knots = np.arange(n) / n
    places = np.concatenate([[low], knots[(knots > low) & (knots < high)], [high]])
    nodes, weights = _EXACT_RULE
    half = 0.5 * np.diff(places)[:, np.newaxis]
    values = _density(places[:-1, np.newaxis] + half * (1.0 + nodes), n)
    return math.fsum((half * weights * values).ravel())


def _integral_of_many(start: float, end: float, n: int) -> float:
    """Return the same for a density that is smooth, panel by panel until nothing is added."""
    nodes, weights = _SMOOTH_RULE
    deviation = math.sqrt((2.0 / math.e - 5.0 / math.e**2) / n)
    place, total, length = start, 0.0, deviation / 32.0
    while place != end:
        length = min(length, 0.5 * deviation, abs(end - place))
        half = 0.5 * math.copysign(length, end - place)
        values = _density(place + half * (1.0 + nodes), n)
        if not values[0] > 0.0:
            break
        change = abs(math.log(max(values[-1], 1e-320) / values[0]))
        if change > 2.0 * _CHANGE:
            length *= _CHANGE / change
            continue
        added = abs(half) * float(weights @ values)
        total += added
        if added < 1e-18 * total:
            break
        place = end if length == abs(end - place) else place + 2.0 * half
        length *= min(2.0, _CHANGE / max(change, 1.0))
    return total


def _density(u: Floats, n: int) -> Floats:
    """Return U's density at each place inside (0, 1 - 1/n), within some units of the last digit."""
    first, last = 1, n
    if n > _MOST_EXACT:
        first, last = _heaviest(u[[0, -1]], n)
    density: Floats = _terms(u, n, first, last).sum(axis=-1)
    return density


def _heaviest(ends: Floats, n: int) -> tuple[int, int]:
    """Return between which j, first and last + 1, the terms hold all but 1e-25 of the density."""
    # Those of the first place and of the last, and between them those of the places between.
    terms = _terms(ends, n, 1, n)
    heavy = np.flatnonzero((terms > 1e-28 * terms.max(axis=1, keepdims=True)).any(axis=0))
    return (int(heavy[0]) + 1, int(heavy[-1]) + 2) if heavy.size else (1, 2)


def _terms(u: Floats, n: int, first: int, last: int) -> Floats:
    """Return the density's terms for j from first to last - 1 short arcs, along the last axis."""
    mantissa, exponent = (part[first - 1 : last - 1] for part in _coefficients(n))
    short = np.arange(first, last)
    of_short, scale = _densities(n * u[..., np.newaxis], short)
    power, shift = _powers(u[..., np.newaxis], n - 1 - short)
    terms: Floats = np.ldexp(mantissa * of_short * power, exponent + shift + scale)
    return terms


def _densities(x: Floats, n: NDArray[np.int64]) -> tuple[Floats, NDArray[np.int64]]:
    """Return Irwin-Hall densities as doubles times powers of two: some are below every double."""
    densities = distribution.pdf(x, n).astype(np.float64, copy=False)
    scale = np.zeros(densities.shape, np.int64)
    small = densities < 1e-290
    if small.any():
        logs = distribution.logpdf(x, n)[small]
        octaves = np.floor(np.where(logs > -math.inf, logs, 0.0) / math.log(2.0))
        densities[small] = np.exp(logs - octaves * math.log(2.0))
        scale[small] = octaves
    return densities, scale


def _powers(u: Floats, order: NDArray[np.int64]) -> tuple[Floats, NDArray[np.int64]]:
    """Return u^order as a double times a power of two."""
    base, doublings = np.frexp(u)
    small = base < math.sqrt(0.5)
    base, doublings = np.where(small, 2.0 * base, base), doublings - small
    # base^2000 is in the range of doubles.
    whole, over = np.divmod(order, 2000)
    big, more = np.frexp(base**2000.0)
    power, last = np.frexp(base ** over.astype(np.float64))
    return power * big ** whole.astype(np.float64), doublings * order + last + more * whole


@lru_cache(maxsize=16)
def _coefficients(n: int) -> tuple[Floats, NDArray[np.int64]]:
    """Return C(n, j) n^(1-j) (n-1)!/(n-j-1)! for j from 1 on, as doubles times powers of 2."""
    value, exponent, mantissas, exponents = n, 0, [], []
    for j in range(n - 1):
        # Some 128 bits of each: the roundings add up to 2^-128 n.
        value = (value << 192) * ((n - j) * (n - j - 1)) // ((j + 1) * n)
        extra = value.bit_length() - 128
        value >>= extra
        exponent += extra - 192
        mantissas.append((value >> 64) * 2.0**-64)
        exponents.append(exponent + 128)
    return np.array(mantissas), np.array(exponents)
