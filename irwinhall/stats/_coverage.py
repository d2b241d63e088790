"""Coverage factors and intervals for sums of rectangular, triangular and normal errors."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from irwinhall import distribution
from irwinhall._arguments import checked_finite, checked_real
from irwinhall.stats._slices import Floats, checked_positive

# The smallest normal contribution next to rectangular ones, in standard deviations of their sum.
# A smaller one needs too many nodes.
_LEAST_NORMAL = 1e-5
# Rectangular contributions below this fraction of the largest contribution are left out.
_LEAST_SHARE = 1e-30
# The truncation error and the aliases are below e^-40 of the integrand at the saddle point.
_NEGLIGIBLE = 40.0
# Numbers of nodes that are summed at a time. A wide normal contribution needs few.
_FIRST_BLOCK, _BLOCK = 2**8, 2**16


class CoverageInterval(NamedTuple):
    """The ends of a coverage interval.

    Attributes
    ----------
    low, high : float
        The ends.

    Examples
    --------
    >>> from irwinhall.stats import coverage_interval
    >>> coverage_interval([1.0])._fields
    ('low', 'high')
    """

    low: float
    high: float


def coverage_factor(
    half_widths: ArrayLike, p: float = 0.95, *, triangular: ArrayLike = (), normal: float = 0.0
) -> float:
    """Return the coverage factor of a sum of independent errors.

    This is the half-width of the coverage interval divided by the combined standard uncertainty.
    The interval has exactly the coverage probability p; the usual factors 1.96 and 2 assume that
    the sum is normal.

    Parameters
    ----------
    half_widths : array_like of float
        Positive half-widths of rectangular contributions, each uniform on (-half_width,
        half_width) and multiplied by the sensitivity coefficient of its input. A number, or numbers
        along one axis.
    p : float
        The coverage probability, between 0 and 1.
    triangular : array_like of float
        Positive half-widths of triangular contributions. Each is the sum of two rectangular
        contributions of half this half-width.
    normal : float
        The combined standard uncertainty of all normal contributions.

    Returns
    -------
    float
        The coverage factor.

    Raises
    ------
    TypeError
        If an argument is not real.
    ValueError
        If a half-width is not positive and finite, there are several axes or no contributions, p is
        not between 0 and 1, or normal is negative, not finite, or less than 1e-5 times the standard
        uncertainty of the other contributions, but not 0.

    See Also
    --------
    coverage_interval : The coverage interval.

    Notes
    -----
    For p >= 0.01, the relative error is below 1e-13, or 1e-11 with a normal contribution.

    References
    ----------
    JCGM 100:2008 (GUM), G.2; JCGM 101:2008, 9.2.

    Examples
    --------
    >>> from irwinhall.stats import coverage_factor
    >>> coverage_factor([1.0, 1.0, 1.0])  # GUM G.2.2: 1.937
    1.9373...
    >>> coverage_factor([1.0, 0.2], p=0.99)
    1.8861...
    >>> coverage_factor([1.0], normal=0.1)
    1.6745...
    """
    widths, deviation, _ = _contributions(half_widths, triangular, normal)
    return _half_width(widths, deviation, p) / _uncertainty(widths, deviation)


def coverage_interval(
    half_widths: ArrayLike,
    p: float = 0.95,
    *,
    triangular: ArrayLike = (),
    normal: float = 0.0,
    estimate: float = 0.0,
) -> CoverageInterval:
    """Return the coverage interval of an estimate whose error is a sum of independent errors.

    Parameters
    ----------
    half_widths, p, triangular, normal
        As for `coverage_factor`.
    estimate : float
        The centre of the interval.

    Returns
    -------
    CoverageInterval
        (low, high), symmetric about the estimate. No interval of probability p is shorter.

    Raises
    ------
    TypeError, ValueError
        As for `coverage_factor`, or if the estimate is not finite.

    See Also
    --------
    coverage_factor : The half-width in standard uncertainties.

    Examples
    --------
    >>> from irwinhall.stats import coverage_interval
    >>> low, high = coverage_interval(4 * [3**0.5])  # JCGM 101, 9.2.3: +-3.88
    >>> round(low, 4), round(high, 4)
    (-3.8794, 3.8794)
    """
    widths, deviation, unit = _contributions(half_widths, triangular, normal)
    centre, half_width = (
        checked_finite("estimate", estimate),
        _half_width(widths, deviation, p) * unit,
    )
    return CoverageInterval(centre - half_width, centre + half_width)


def _contributions(
    half_widths: ArrayLike, triangular: ArrayLike, normal: float
) -> tuple[Floats, float, float]:
    """Return the rectangular half-widths and the normal std, in a unit, and this unit."""
    arrays = {"half_widths": half_widths, "triangular": triangular}
    checked = {name: np.atleast_1d(checked_positive(name, v)) for name, v in arrays.items()}
    for name, array in checked.items():
        if array.ndim != 1:
            raise ValueError(f"{name} must be numbers along one axis, got shape {array.shape}")
    deviation = checked_finite("normal", normal)
    widths = np.concatenate([checked["half_widths"], np.repeat(checked["triangular"] / 2.0, 2)])
    if deviation < 0.0:
        raise ValueError(f"normal must be at least 0, got {normal}")
    if widths.size == 0 and deviation == 0.0:
        raise ValueError("half_widths must not be empty if triangular is empty and normal is 0")
    # A power of 2 near the largest, which avoids overflow and rounding.
    largest = max(float(widths.max(initial=0.0)), deviation)
    unit = 2.0 ** (math.frexp(largest)[1] - 1)
    widths, deviation = widths[widths > _LEAST_SHARE * largest] / unit, deviation / unit
    if 0.0 < deviation < _LEAST_NORMAL * _uncertainty(widths, 0.0):
        raise ValueError(
            f"normal must be 0, or at least {_LEAST_NORMAL} times the standard uncertainty of the "
            f"other contributions, got {normal}; leave it out"
        )
    return widths, deviation, unit


def _uncertainty(widths: Floats, deviation: float) -> float:
    """Return the standard deviation of the sum."""
    return math.sqrt(math.fsum(widths**2) / 3.0 + deviation**2)


def _half_width(widths: Floats, deviation: float, p: float) -> float:
    """Return the y for which the sum is within (-y, y) with probability p."""
    probability = checked_real("p", p)
    if not 0.0 < probability < 1.0:
        raise ValueError(f"p must lie between 0 and 1, got {p}")
    tail = 0.5 * (1.0 - probability)
    of_normal = -deviation * float(special.ndtri(tail))
    if widths.size == 0:
        return of_normal
    of_others = math.fsum(widths) - float(distribution.weighted_ppf(tail, 2.0 * widths))
    if deviation == 0.0:
        return of_others
    # In units of the standard deviation. log sf is concave: Newton's method stays above the root
    # from the second step on.
    unit = _uncertainty(widths, deviation)
    y, step = math.hypot(of_normal, of_others) / unit, 1.0
    while abs(step) > 1e-8:  # the next step would be of the order of its square
        log_sf, hazard = _upper_tail(widths / unit, deviation / unit, y)
        step = (log_sf - math.log(tail)) / hazard
        y += step
    return unit * y


def _upper_tail(widths: Floats, deviation: float, y: float) -> tuple[float, float]:
    """Return log sf(y) and pdf(y)/sf(y) for y >= 0 and a sum of variance 1.

    sf(y) is 1/(2 pi i) Int e^(-y s)/s exp(deviation^2 s^2/2) prod sinh(w s)/(w s) ds along
    Re s = c > 0, and pdf(y) is the same integral without 1/s. The trapezoidal rule converges
    exponentially.
    """

    def log_integrand(s: float) -> tuple[float, float, float]:
        """Return the logarithm of the integrand at a real s, and its first two derivatives."""
        z = widths * s
        shrunk = -np.expm1(-2.0 * z)  # 2 e^-z sinh z
        value = float(np.sum(z + np.log(shrunk / (2.0 * z))))
        slope = float(np.sum(widths * ((2.0 - shrunk) / shrunk - 1.0 / z)))
        curved = widths**2 * (1.0 / z**2 - 4.0 * (1.0 - shrunk) / shrunk**2)
        # For small z the two terms cancel, and their difference is 1/3 - z^2/15 ...
        curvature = float(np.sum(np.where(z < 1e-2, widths**2 * (1.0 / 3.0 - z**2 / 15.0), curved)))
        return (
            value + 0.5 * (deviation * s) ** 2 - y * s - math.log(s),
            slope + deviation**2 * s - y - 1.0 / s,
            curvature + deviation**2 + 1.0 / s**2,
        )

    c = max(1.0, y)
    for _ in range(100):
        at_c, slope, curvature = log_integrand(c)
        if abs(slope) < 0.1 * math.sqrt(curvature):
            break
        c = min(max(c - slope / curvature, 0.2 * c), 5.0 * c)
    # Aliases: sf(y - L) e^(-c L) < e^(-c L), and by Chernoff's bound at c + d sf(y + L) e^(c L).
    d = 5.0 / math.sqrt(curvature)
    length = max(
        (_NEGLIGIBLE - at_c + 0.5 * math.log(curvature)) / c,
        (_NEGLIGIBLE + log_integrand(c + d)[0] + math.log1p(d / c) - at_c) / d,
    )
    step = 2.0 * math.pi / length
    sf, density, t = 0.5, 0.5 * c, step
    shrunk = -np.expm1(-2.0 * widths * c)
    block = _FIRST_BLOCK
    while True:
        s = c + 1j * (t + step * np.arange(block))
        # The integrand divided by its value at c, with the phase of e^(-i t (y - sum of w)).
        log_values = 0.5 * deviation**2 * (s**2 - c**2) - (s - c) * (y - widths.sum())
        values = np.exp(log_values) * (c / s)
        for w, low in zip(widths.tolist(), shrunk.tolist(), strict=True):
            values *= -np.expm1(-2.0 * w * s) / low * (c / s)
        sf += float(values.real.sum())
        density += float((values * s).real.sum())
        t += step * block
        block = min(4 * block, _BLOCK)
        # The logarithm of a bound of the integrand from here on.
        bound = -0.5 * (deviation * t) ** 2
        bound += float(np.minimum(0.0, np.log(2.0 * c / (np.hypot(c, t) * shrunk))).sum())
        if bound + math.log1p(t) < -_NEGLIGIBLE:
            break
    return at_c + math.log(2.0 * sf / length), density / sf
