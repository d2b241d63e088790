"""The oracle: expected magnitudes and bounds as fractions, or to any number of digits.

Nothing here is optimised and nothing is shared with the C kernels, which are tested against it.
Two independent formulas are used:

* the closed sum over the Irwin-Hall density, in exact rational arithmetic; and
* for large n, the asymptotic series with a bound on its truncation error.

The bound of the series.  With phi(t) = sin(t)/t, integration by parts gives ::

    A(n) = (2/pi) Int_0^inf -(phi(t)^n)' / t dt.

On (0, t0), where phi falls from 1 to exp(-3/2), substitute u = -log phi(t)::

    A(n) = (2/pi) [ Int_0^{3/2} n exp(-n u) h(u) / sqrt(6 u) du + tail ],   h(u) = sqrt(6 u)/t(u).

h continues from the ray u > 0, where t runs through (0, pi), to a disc around 0 without zeros of
phi' on its sheet: the nearest is t = 4.493, phi = -0.217, u = 1.527 +- i pi, so that h is analytic
for abs(u) < 3.49. There abs(h) <= 3/2 on abs(u) = 3. These two statements are numerical: the
tests follow h around that circle in short steps and find at most 1.41796, but do not enclose h
between the steps; and singularities of another kind, at which t tends to infinity, are not
excluded.

With h(u) = sum a_k u^k this bounds, in units of exp(-3n/2) or of the last term, ::

    the tail beyond t0                  2 exp(-3n/2)       (n >= 2: total variation of phi^n / t0)
    terms k >= K on (0, 3/2)            (3/sqrt 6) Gamma(K+1/2) sqrt(n) (3n)^-K
    terms k < K integrated past 3/2     3 exp(-3n/2)       (for K <= 3n/4)

The series is then A(n) = sqrt(2n/(3 pi)) sum_{k<K} c_k n^-k with the rational numbers
c_k = a_k (1/2)(3/2)...(k-1/2).
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from fractions import Fraction
from functools import cache, lru_cache
from operator import index
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    import mpmath

__all__ = [
    "expected_magnitude",
    "expected_magnitude_mp",
    "irwin_hall_cdf",
    "irwin_hall_pdf",
    "letkeman_bound",
    "letkeman_bound_mp",
    "series_coefficients",
    "uniform_cumulants",
]

Formula = Literal["node_average", "as_printed"]


def expected_magnitude(n: int) -> Fraction:
    """Return A(n) = E|U_1 + ... + U_n|, the U_i uniform on (-1, 1), as an exact fraction.

    A(n) = 4/(n+1)! * sum_{k <= n/2} (-1)^k C(n, k) (n/2 - k)^(n+1), in integers throughout.

    Parameters
    ----------
    n : int
        Number of summands, at least 1. The time grows like n^3: a few seconds at n = 5000.

    Returns
    -------
    fractions.Fraction

    Raises
    ------
    TypeError
        If n is not an integer.
    ValueError
        If n is less than 1.

    See Also
    --------
    expected_magnitude_mp : Any number of digits, for any n.
    irwinhall.expected_magnitude : The nearest double, fast.

    Examples
    --------
    >>> from irwinhall import exact
    >>> [str(exact.expected_magnitude(n)) for n in (1, 2, 3, 4)]
    ['1/2', '2/3', '13/16', '14/15']
    """
    n = _integer("n", n)
    total = 0
    binomial = 1
    for k in range(n // 2 + 1):
        total += (-1) ** k * binomial * (n - 2 * k) ** (n + 1)
        binomial = binomial * (n - k) // (k + 1)
    return Fraction(4 * total, math.factorial(n + 1) << (n + 1))


def letkeman_bound(n: int, m: int | None = None, *, formula: Formula = "node_average") -> Fraction:
    """Return the Letkeman bound of a layer with n inputs and m outputs as an exact fraction.

    The bound is 1/A(n) without m, and (n+m)/(m A(n) + n A(m)) with m, or (n+m)/(n A(n) + m A(m))
    for ``formula="as_printed"``.

    Parameters
    ----------
    n : int
        Number of inputs (fan_in), at least 1.
    m : int, optional
        Number of outputs (fan_out), at least 1.
    formula : {"node_average", "as_printed"}
        As for `irwinhall.letkeman_bound`.

    Returns
    -------
    fractions.Fraction

    Raises
    ------
    TypeError
        If n or m is not an integer.
    ValueError
        If n or m is less than 1, or formula is unknown.

    See Also
    --------
    letkeman_bound_mp : Any number of digits, for any sizes.
    irwinhall.letkeman_bound : The nearest double, fast.

    Examples
    --------
    >>> from irwinhall import exact
    >>> exact.letkeman_bound(3), exact.letkeman_bound(1, 2)
    (Fraction(16, 13), Fraction(9, 5))
    """
    bound: Fraction = _bound(n, m, formula, expected_magnitude)
    return bound


def irwin_hall_pdf(x: Fraction | float, n: int) -> Fraction:
    """Return the density of the sum of n uniforms on (0, 1) at x as an exact fraction.

    sum_{k <= x} (-1)^k C(n, k) (x - k)^(n-1) / (n-1)!. At the ends of (0, 1), for n = 1, it is 1.

    Parameters
    ----------
    x : fractions.Fraction, int or float
        The point. A float is taken at its exact value.
    n : int
        Number of uniforms, at least 1; a few hundred take little time.

    Returns
    -------
    fractions.Fraction

    Raises
    ------
    TypeError
        If n is not an integer or x not a real number.
    ValueError
        If n is less than 1, or x is NaN.
    OverflowError
        If x is infinite.

    Examples
    --------
    >>> from irwinhall import exact
    >>> exact.irwin_hall_pdf(1.5, 3)
    Fraction(3, 4)
    """
    n = _integer("n", n)
    x = _fraction(x)
    if n == 1:
        return Fraction(int(0 <= x <= 1))
    return _alternating_sum(x, n, n - 1)


def irwin_hall_cdf(x: Fraction | float, n: int) -> Fraction:
    """Return the probability that the sum of n uniforms on (0, 1) is at most x, as a fraction.

    sum_{k <= x} (-1)^k C(n, k) (x - k)^n / n!.

    Parameters
    ----------
    x : fractions.Fraction, int or float
        The point. A float is taken at its exact value.
    n : int
        Number of uniforms, at least 1; a few hundred take little time.

    Returns
    -------
    fractions.Fraction

    Raises
    ------
    TypeError
        If n is not an integer or x not a real number.
    ValueError
        If n is less than 1, or x is NaN.
    OverflowError
        If x is infinite.

    Examples
    --------
    >>> from irwinhall import exact
    >>> exact.irwin_hall_cdf(1, 3)
    Fraction(1, 6)
    """
    n = _integer("n", n)
    return _alternating_sum(_fraction(x), n, n)


def expected_magnitude_mp(n: int, dps: int = 50) -> mpmath.mpf:
    """Return A(n) as an mpmath number, correct to `dps` significant digits for any n.

    Uses the exact sum for n up to about 1.6 dps, and the series above. The docstring of the module
    derives the bound on the truncation error, which is below the last digit.

    Parameters
    ----------
    n : int
        Number of summands, at least 1; there is no upper limit.
    dps : int
        Decimal digits, at least 1.

    Returns
    -------
    mpmath.mpf
        With its guard digits, so that `mpmath.nstr(value, dps)` rounds once.

    Raises
    ------
    TypeError
        If n or dps is not an integer.
    ValueError
        If n or dps is less than 1.

    Examples
    --------
    >>> import mpmath
    >>> from irwinhall import exact
    >>> mpmath.nstr(exact.expected_magnitude_mp(10**18, dps=30), 30)
    '460658865.961780639043359138007'
    """
    import mpmath

    n = _integer("n", n)
    dps = _integer("dps", dps)
    context = _own_context()
    with context.workdps(dps + _GUARD_DIGITS):
        terms = _series_length(n, dps + _GUARD_DIGITS)
        if terms is None:
            fraction = expected_magnitude(n)
            value = context.mpf(fraction.numerator) / fraction.denominator
        else:
            series = context.mpf(0)
            for c in reversed(series_coefficients(terms)):
                series = series / n + context.mpf(c.numerator) / c.denominator
            value = context.sqrt(context.mpf(2) * n / (3 * _pi(context))) * series
    return mpmath.mp.convert(value)


def letkeman_bound_mp(
    n: int, m: int | None = None, dps: int = 50, *, formula: Formula = "node_average"
) -> mpmath.mpf:
    """Return the Letkeman bound as an mpmath number, correct to `dps` digits for any n and m.

    Parameters
    ----------
    n : int
        Number of inputs (fan_in), at least 1.
    m : int, optional
        Number of outputs (fan_out), at least 1.
    dps : int
        Decimal digits, at least 1.
    formula : {"node_average", "as_printed"}
        As for `irwinhall.letkeman_bound`.

    Returns
    -------
    mpmath.mpf
        With its guard digits, so that `mpmath.nstr(value, dps)` rounds once.

    Raises
    ------
    TypeError
        If n, m or dps is not an integer.
    ValueError
        If n, m or dps is less than 1, or formula is unknown.

    Examples
    --------
    >>> import mpmath
    >>> from irwinhall import exact
    >>> mpmath.nstr(exact.letkeman_bound_mp(784, 256, dps=30), 30)
    '0.114514142486902103753561484562'
    """
    import mpmath

    dps = _integer("dps", dps)
    context = _own_context()

    def magnitude(k: int) -> mpmath.mpf:
        return context.convert(_cached_magnitude_mp(k, dps + _GUARD_DIGITS))

    with context.workdps(dps + _GUARD_DIGITS):
        return mpmath.mp.convert(_bound(n, m, formula, magnitude))


@lru_cache(1024)
def _cached_magnitude_mp(n: int, dps: int) -> mpmath.mpf:
    return expected_magnitude_mp(n, dps)


_own = threading.local()


def _own_context() -> Any:
    """Return an mpmath context for this thread; mpmath.mp has one precision for all threads."""
    import mpmath

    if not hasattr(_own, "context"):
        _own.context = mpmath.MPContext()
    return _own.context


def series_coefficients(count: int) -> tuple[Fraction, ...]:
    """Return c_0 ... c_{count-1} of A(n) ~ sqrt(2n/(3 pi)) (c_0 + c_1/n + c_2/n^2 + ...).

    With w = t^2 and e = 1 - t cot t, both power series in u = -log(sin(t)/t), ::

        e w' = 2 w        (1 - e + e') e = w        w = 6 u + ...,  e = 2 u + ...

    which give w and e term by term; then a_k are the coefficients of sqrt(6 u / w) and
    c_k = a_k (1/2)(3/2)...(k - 1/2).

    Parameters
    ----------
    count : int
        Number of coefficients, at least 0.

    Returns
    -------
    tuple of fractions.Fraction

    Raises
    ------
    TypeError
        If count is not an integer.
    ValueError
        If count is negative.

    Examples
    --------
    >>> from irwinhall import exact
    >>> [str(c) for c in exact.series_coefficients(4)]
    ['1', '1/20', '11/1120', '41/22400']
    """
    return _series_coefficients(_integer("count", count, least=0))


@cache
def _series_coefficients(count: int) -> tuple[Fraction, ...]:
    w = [Fraction(0), Fraction(6)]
    e = [Fraction(0), Fraction(2)]
    for k in range(2, count + 1):
        # Coefficients of u^k, the unknown w_k and e_k on the left:
        #   (2k - 2) w_k + 6 e_k = -known_w         w_k = (2k + 3) e_k + known_e
        known_w = sum((e[i] * (k + 1 - i) * w[k + 1 - i] for i in range(2, k)), Fraction(0))
        known_e = sum(
            (e[i] * ((k + 1 - i) * e[k + 1 - i] - e[k - i]) for i in range(2, k)), Fraction(0)
        )
        known_e -= e[1] * e[k - 1]
        e_k = (-known_w - (2 * k - 2) * known_e) / ((2 * k - 2) * (2 * k + 3) + 6)
        e.append(e_k)
        w.append((2 * k + 3) * e_k + known_e)

    v = [coefficient / 6 for coefficient in w[1 : count + 1]]
    a = [Fraction(1)]
    for k in range(1, count):  # the power rule for v^(-1/2), v_0 = 1
        terms = ((Fraction(j, 2) - k) * v[j] * a[k - j] for j in range(1, k + 1))
        a.append(sum(terms, Fraction(0)) / k)

    rising = Fraction(1)
    c = []
    for k in range(count):
        c.append(a[k] * rising)
        rising *= Fraction(2 * k + 1, 2)
    return tuple(c)


def uniform_cumulants(count: int) -> tuple[Fraction, ...]:
    """Return the cumulants of order 2, 4, ..., 2 count of a uniform variable on (0, 1).

    They are B_2j/(2 j) with the Bernoulli numbers B; those of odd order above 1 are 0. The
    cumulants of a sum of n uniforms are n times as large, those of c times a uniform c^(2j) times.

    Parameters
    ----------
    count : int
        Number of cumulants, at least 0.

    Returns
    -------
    tuple of fractions.Fraction

    Raises
    ------
    TypeError
        If count is not an integer.
    ValueError
        If count is negative.

    Examples
    --------
    >>> from irwinhall import exact
    >>> [str(c) for c in exact.uniform_cumulants(3)]
    ['1/12', '-1/120', '1/252']
    """
    return _uniform_cumulants(_integer("count", count, least=0))


@cache
def _uniform_cumulants(count: int) -> tuple[Fraction, ...]:
    bernoulli = [Fraction(1)]
    for m in range(1, 2 * count + 1):
        known = sum((math.comb(m + 1, k) * bernoulli[k] for k in range(m)), Fraction(0))
        bernoulli.append(-known / (m + 1))
    return tuple(bernoulli[2 * j] / (2 * j) for j in range(1, count + 1))


def _alternating_sum(x: Fraction, n: int, power: int) -> Fraction:
    """Return sum_{k <= x} (-1)^k C(n, k) (x - k)^power / power!."""
    terms = (
        (-1) ** k * math.comb(n, k) * (x - k) ** power for k in range(min(math.floor(x), n) + 1)
    )
    return sum(terms, Fraction(0)) / math.factorial(power)


def _pi(context: Any) -> mpmath.mpf:
    """Return pi by Machin's formula; mpmath keeps its own unlocked, where threads can spoil it."""
    bits: int = context.prec + 32

    def arccot(k: int) -> int:
        total = power = (1 << bits) // k
        odd = 1
        while power:
            power //= -k * k
            odd += 2
            total += power // odd
        return total

    return context.mpf(4 * (4 * arccot(5) - arccot(239))) / (1 << bits)


# Guard digits: the rounding errors of some dozens of operations, at a condition number of about 1,
# stay far below the last digit.
_GUARD_DIGITS = 15


def _series_length(n: int, dps: int) -> int | None:
    """Return the K for which the error bound of the series is below `dps` digits, or None.

    The bounds are those of the module's docstring, divided by (pi/2) A(n) > (2/3) sqrt(n):
    8 exp(-3n/2) for the tails, 2 Gamma(K+1/2) (3n)^-K for the omitted terms.
    """
    wanted = -(dps * math.log(10)) - math.log(2)
    if math.log(8) - 1.5 * n > wanted:
        return None
    for terms in range(1, 3 * n // 4 + 1):
        if math.log(2) + math.lgamma(terms + 0.5) - terms * math.log(3 * n) <= wanted:
            return terms
    return None


def _bound(n: int, m: int | None, formula: str, magnitude: Callable[[int], Any]) -> Any:
    n = _integer("n", n)
    m = n if m is None else _integer("m", m)
    if not isinstance(formula, str) or formula not in ("node_average", "as_printed"):
        raise ValueError(f"formula must be 'node_average' or 'as_printed', got {formula!r}")
    if formula == "as_printed":
        return (n + m) / (n * magnitude(n) + m * magnitude(m))
    return (n + m) / (m * magnitude(n) + n * magnitude(m))


def _integer(name: str, value: object, least: int = 1) -> int:
    # NumPy's integers overflow, and Fraction keeps them: convert them all.
    try:
        if isinstance(value, (bool, np.bool)):
            raise TypeError
        integer = index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(
            f"{name} must be an integer, got {value!r} ({type(value).__name__})"
        ) from None
    if integer < least:
        raise ValueError(f"{name} must be at least {least}, got {integer}")
    return integer


def _fraction(value: Any) -> Fraction:
    """Return a number, or an array without axes, as an exact fraction of two int."""
    is_array = getattr(value, "ndim", None) == 0 and hasattr(value, "item")
    number = value.item() if is_array else value
    try:
        return Fraction(index(number))
    except TypeError:
        pass
    try:
        if hasattr(number, "numerator") and hasattr(number, "denominator"):
            return Fraction(index(number.numerator), index(number.denominator))
        return Fraction(*number.as_integer_ratio())
    except (AttributeError, TypeError):
        raise TypeError(
            f"x must be a real number, got {value!r} ({type(value).__name__})"
        ) from None
    except (OverflowError, ValueError) as error:  # infinite, or NaN
        raise type(error)(f"x must be finite, got {value!r}") from None
