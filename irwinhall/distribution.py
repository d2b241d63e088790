"""The Irwin-Hall distribution: the sum of n independent uniforms on (0, 1).

Eight functions of (x, n), or of (q, n) for quantiles, which broadcast as in NumPy. n is an integer
from 1 to 2**53, and the time is the same for all n. Half-precision and single-precision x give
single-precision results, computed in double precision and rounded once. For the mean m of n
uniforms (Bates distribution), the density is n pdf(n m, n) and the cdf is cdf(n m, n).

The relative error of a density or probability is below 1e-13 wherever it is a normal double, in
both tails. Logarithms have the same relative error, or an absolute error of 1e-13 near 0, and are
finite in all of (0, n). Values at neighbouring doubles are monotone up to that error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from irwinhall import _distribution

__all__ = [
    "cdf",
    "expected_magnitude_of",
    "isf",
    "logcdf",
    "logpdf",
    "logsf",
    "pdf",
    "ppf",
    "sf",
    "weighted_cdf",
    "weighted_isf",
    "weighted_logcdf",
    "weighted_logpdf",
    "weighted_logsf",
    "weighted_pdf",
    "weighted_ppf",
    "weighted_sf",
]

# Not SupportsIndex, which arrays are, too.
_Integer: TypeAlias = int | np.integer[Any]
_Real: TypeAlias = float | np.floating[Any] | np.integer[Any]
_Floats: TypeAlias = "NDArray[np.floating[Any]]"


@overload
def pdf(x: _Real, n: _Integer) -> float: ...
@overload
def pdf(x: ArrayLike, n: ArrayLike, *, out: _Floats | None = None) -> _Floats: ...
def pdf(x: Any, n: Any, *, out: Any = None) -> Any:
    """Return the density of the sum of n uniforms on (0, 1) at x.

    The density is a piecewise polynomial of degree n - 1, symmetric about n/2.

    Parameters
    ----------
    x : float or array_like of float
        The points, any real numbers.
    n : int or array_like of int
        Number of uniforms, from 1 to 2**53; broadcasts with x.
    out : ndarray of float32 or float64, optional
        Array for the result, of exactly its type and the broadcast shape.

    Returns
    -------
    float or ndarray
        A float for scalars, else an array of the broadcast shape: float32 if x has that type or
        float16, else float64. 0 outside [0, n], NaN where x is NaN.

    Raises
    ------
    TypeError
        If n is not an integer or an array of integers, x is not real, or out has another type.
    ValueError
        If an n lies outside 1 to 2**53, the shapes do not broadcast, or out has another shape.

    See Also
    --------
    cdf : The probability of a sum at most x.
    weighted_pdf : The same for weighted sums.
    irwinhall.stats.irwinhall : A distribution in the form of SciPy's.

    Examples
    --------
    >>> from irwinhall import distribution
    >>> distribution.pdf(1.5, 3)
    0.75
    >>> distribution.pdf([0.5, 1.0, 1.5], 2)
    array([0.5, 1. , 0.5])
    """
    return _distribution.pdf(x, n, out)


@overload
def logpdf(x: _Real, n: _Integer) -> float: ...
@overload
def logpdf(x: ArrayLike, n: ArrayLike, *, out: _Floats | None = None) -> _Floats: ...
def logpdf(x: Any, n: Any, *, out: Any = None) -> Any:
    """Return the natural logarithm of the density at x.

    It is finite in all of (0, n), however small the density.

    Parameters
    ----------
    x, n, out
        As for `pdf`.

    Returns
    -------
    float or ndarray
        Of the shape and type of `pdf`'s. -inf outside, NaN where x is NaN.

    Raises
    ------
    TypeError, ValueError
        As for `pdf`.

    Examples
    --------
    >>> from irwinhall import distribution
    >>> distribution.logpdf(1e-3, 200)
    -2232.57...
    """
    return _distribution.logpdf(x, n, out)


@overload
def cdf(x: _Real, n: _Integer) -> float: ...
@overload
def cdf(x: ArrayLike, n: ArrayLike, *, out: _Floats | None = None) -> _Floats: ...
def cdf(x: Any, n: Any, *, out: Any = None) -> Any:
    """Return the probability that the sum is at most x.

    The relative error is as small in the tails as in the centre.

    Parameters
    ----------
    x, n, out
        As for `pdf`.

    Returns
    -------
    float or ndarray
        Of the shape and type of `pdf`'s. 0 below 0 and 1 above n, NaN where x is NaN.

    Raises
    ------
    TypeError, ValueError
        As for `pdf`.

    See Also
    --------
    sf : Its complement, accurate in the upper tail.
    ppf : Its inverse.
    weighted_cdf : The same for weighted sums.

    Examples
    --------
    >>> from irwinhall import distribution
    >>> distribution.cdf(1.0, 3)
    0.1666666666666666...
    """
    return _distribution.cdf(x, n, out)


@overload
def logcdf(x: _Real, n: _Integer) -> float: ...
@overload
def logcdf(x: ArrayLike, n: ArrayLike, *, out: _Floats | None = None) -> _Floats: ...
def logcdf(x: Any, n: Any, *, out: Any = None) -> Any:
    """Return the natural logarithm of the probability that the sum is at most x.

    Finite in all of (0, n), and accurate near 0 where the probability is nearly 1.

    Parameters
    ----------
    x, n, out
        As for `pdf`.

    Returns
    -------
    float or ndarray
        Of the shape and type of `pdf`'s. -inf below 0 and 0 above n, NaN where x is NaN.

    Raises
    ------
    TypeError, ValueError
        As for `pdf`.

    Examples
    --------
    >>> from irwinhall import distribution
    >>> distribution.logcdf(1e-3, 200)
    -2244.78...
    """
    return _distribution.logcdf(x, n, out)


@overload
def sf(x: _Real, n: _Integer) -> float: ...
@overload
def sf(x: ArrayLike, n: ArrayLike, *, out: _Floats | None = None) -> _Floats: ...
def sf(x: Any, n: Any, *, out: Any = None) -> Any:
    """Return the probability that the sum is above x, 1 - cdf.

    It is computed as the mirrored cdf, not as a difference, and is as accurate as `cdf`.

    Parameters
    ----------
    x, n, out
        As for `pdf`.

    Returns
    -------
    float or ndarray
        Of the shape and type of `pdf`'s. 1 below 0 and 0 above n, NaN where x is NaN.

    Raises
    ------
    TypeError, ValueError
        As for `pdf`.

    See Also
    --------
    cdf : Its complement, accurate in the lower tail.
    isf : Its inverse.

    Examples
    --------
    >>> from irwinhall import distribution
    >>> distribution.sf(9.9, 10)
    2.75573192239849...e-17
    """
    return _distribution.sf(x, n, out)


@overload
def logsf(x: _Real, n: _Integer) -> float: ...
@overload
def logsf(x: ArrayLike, n: ArrayLike, *, out: _Floats | None = None) -> _Floats: ...
def logsf(x: Any, n: Any, *, out: Any = None) -> Any:
    """Return the natural logarithm of the probability that the sum is above x.

    Finite in all of (0, n), and accurate near 0 where the probability is nearly 1.

    Parameters
    ----------
    x, n, out
        As for `pdf`.

    Returns
    -------
    float or ndarray
        Of the shape and type of `pdf`'s. 0 below 0 and -inf above n, NaN where x is NaN.

    Raises
    ------
    TypeError, ValueError
        As for `pdf`.

    Examples
    --------
    >>> from irwinhall import distribution
    >>> distribution.logsf(1.0, 2)
    -0.693147180559945...
    """
    return _distribution.logsf(x, n, out)


@overload
def ppf(q: _Real, n: _Integer, *, log: bool = False) -> float: ...
@overload
def ppf(
    q: ArrayLike, n: ArrayLike, *, log: bool = False, out: _Floats | None = None
) -> _Floats: ...
def ppf(q: Any, n: Any, *, log: bool = False, out: Any = None) -> Any:
    """Return the quantile: the x at which the cdf is q.

    It is as accurate as q allows, down to the smallest q.

    Parameters
    ----------
    q : float or array_like of float
        Probability, from 0 to 1, or with ``log=True`` its natural logarithm, at most 0.
    n : int or array_like of int
        Number of uniforms, from 1 to 2**53; broadcasts with q.
    log : bool
        Whether q is the logarithm of the probability, which reaches further into the tails.
    out : ndarray of float32 or float64, optional
        Array for the result, of exactly its type and the broadcast shape.

    Returns
    -------
    float or ndarray
        A float for scalars, else an array of the broadcast shape: float32 if q has that type or
        float16, else float64. NaN where q is NaN.

    Raises
    ------
    TypeError
        If n is not an integer or an array of integers, q is not real, or out has another type.
    ValueError
        If a q is not a probability, an n lies outside 1 to 2**53, the shapes do not broadcast, or
        out has another shape.

    See Also
    --------
    cdf : Its inverse.
    isf : Quantiles from the upper tail.

    Examples
    --------
    >>> from irwinhall import distribution
    >>> distribution.ppf(0.5, 3)
    1.5
    >>> distribution.ppf(-1e4, 100, log=True)  # q = exp(-10000), below every double
    1.413...e-42
    """
    return _distribution.ppf(q, n, log, out)


@overload
def isf(q: _Real, n: _Integer, *, log: bool = False) -> float: ...
@overload
def isf(
    q: ArrayLike, n: ArrayLike, *, log: bool = False, out: _Floats | None = None
) -> _Floats: ...
def isf(q: Any, n: Any, *, log: bool = False, out: Any = None) -> Any:
    """Return the upper quantile: the x at which the survival function is q.

    It is as accurate as q allows, and equals n - ppf(q, n).

    Parameters
    ----------
    q, n, log, out
        As for `ppf`.

    Returns
    -------
    float or ndarray
        Of the shape and type of `ppf`'s. NaN where q is NaN.

    Raises
    ------
    TypeError, ValueError
        As for `ppf`.

    See Also
    --------
    sf : Its inverse.
    ppf : Quantiles from the lower tail.

    Examples
    --------
    >>> from irwinhall import distribution
    >>> distribution.isf(1e-200, 50)
    49.998...
    """
    return _distribution.isf(q, n, log, out)


# ---- sums with weights ---------------------------------------------------------------------------


@overload
def weighted_pdf(x: float, weights: Sequence[float]) -> float: ...
@overload
def weighted_pdf(x: ArrayLike, weights: ArrayLike) -> _Floats: ...
def weighted_pdf(x: Any, weights: Any) -> Any:
    """Return the density of w_1 U_1 + ... + w_k U_k at x, the U_i uniform on (0, 1).

    The density is a piecewise polynomial, with a knot at each sum of some of the weights.

    Parameters
    ----------
    x : float or array_like of float
        The points, any real numbers. Broadcasts with all axes of `weights` but the last.
    weights : array_like of float
        The weights w_1, ..., w_k along the last axis, of any sign and number, within a factor of
        2**400 of each other. Zeros are ignored.

    Returns
    -------
    float or ndarray
        Of the shape and type of `pdf`'s. 0 outside the support. NaN where x is NaN.

    Raises
    ------
    TypeError
        If x or weights are not real.
    ValueError
        If a weight is not finite, all are 0 or one is too small compared with another, or the
        shapes do not broadcast.

    Notes
    -----
    The relative error is below 1e-13 for up to a hundred weights, and below 1e-12 for 10^5, in
    both tails. docs/stats.md has the method and times.

    Examples
    --------
    >>> from irwinhall import distribution
    >>> distribution.weighted_pdf(1.0, [1.0, 2.0, -0.5])
    0.5
    >>> distribution.weighted_pdf([0.5, 1.5], [[1.0, 1.0], [1.0, 4.0]])
    array([0.5 , 0.25])
    """
    return _distribution.weighted_pdf(x, weights)


@overload
def weighted_logpdf(x: float, weights: Sequence[float]) -> float: ...
@overload
def weighted_logpdf(x: ArrayLike, weights: ArrayLike) -> _Floats: ...
def weighted_logpdf(x: Any, weights: Any) -> Any:
    """Return the natural logarithm of the density of a weighted sum at x.

    It is finite inside the support, however small the density.

    Parameters
    ----------
    x, weights
        As for `weighted_pdf`.

    Returns
    -------
    float or ndarray
        Of the shape and type of `pdf`'s. -inf outside the support. NaN where x is NaN.

    Raises
    ------
    TypeError, ValueError
        As for `weighted_pdf`.

    Examples
    --------
    >>> from irwinhall import distribution
    >>> distribution.weighted_logpdf(1e-3, 100 * [2.0])
    -1112.3...
    """
    return _distribution.weighted_logpdf(x, weights)


@overload
def weighted_cdf(x: float, weights: Sequence[float]) -> float: ...
@overload
def weighted_cdf(x: ArrayLike, weights: ArrayLike) -> _Floats: ...
def weighted_cdf(x: Any, weights: Any) -> Any:
    """Return the probability that w_1 U_1 + ... + w_k U_k is at most x, the U_i on (0, 1).

    The relative error is as small in the tails as in the centre.

    Parameters
    ----------
    x, weights
        As for `weighted_pdf`.

    Returns
    -------
    float or ndarray
        Of the shape and type of `pdf`'s. 0 below the support, 1 above it. NaN where x is NaN.

    Raises
    ------
    TypeError, ValueError
        As for `weighted_pdf`.

    Examples
    --------
    >>> from irwinhall import distribution
    >>> distribution.weighted_cdf(0.5, [1.0, 2.0, 3.0])  # 0.5^3/3!/(1 2 3)
    0.003472222222222222
    >>> distribution.weighted_cdf([0.0, 1.0, 3.0], [1.0, 2.0])
    array([0.  , 0.25, 1.  ])
    """
    return _distribution.weighted_cdf(x, weights)


@overload
def weighted_logcdf(x: float, weights: Sequence[float]) -> float: ...
@overload
def weighted_logcdf(x: ArrayLike, weights: ArrayLike) -> _Floats: ...
def weighted_logcdf(x: Any, weights: Any) -> Any:
    """Return the natural logarithm of the probability that a weighted sum is at most x.

    Finite inside the support, however small the probability.

    Parameters
    ----------
    x, weights
        As for `weighted_pdf`.

    Returns
    -------
    float or ndarray
        Of the shape and type of `pdf`'s. -inf below the support, 0 above it. NaN where x is NaN.

    Raises
    ------
    TypeError, ValueError
        As for `weighted_pdf`.

    Examples
    --------
    >>> from irwinhall import distribution
    >>> distribution.weighted_logcdf(1e-3, 100 * [2.0])
    -1123.8...
    """
    return _distribution.weighted_logcdf(x, weights)


@overload
def weighted_sf(x: float, weights: Sequence[float]) -> float: ...
@overload
def weighted_sf(x: ArrayLike, weights: ArrayLike) -> _Floats: ...
def weighted_sf(x: Any, weights: Any) -> Any:
    """Return the probability that w_1 U_1 + ... + w_k U_k is above x, the U_i on (0, 1).

    The relative error is as small in the tails as in the centre.

    Parameters
    ----------
    x, weights
        As for `weighted_pdf`.

    Returns
    -------
    float or ndarray
        Of the shape and type of `pdf`'s. 1 below the support, 0 above it. NaN where x is NaN.

    Raises
    ------
    TypeError, ValueError
        As for `weighted_pdf`.

    Examples
    --------
    >>> from irwinhall import distribution
    >>> distribution.weighted_sf(5.5, [1.0, 2.0, 3.0])
    0.003472222222222222
    >>> distribution.weighted_sf(99.0, 100 * [1.0])  # 1/100!
    1.07151...e-158
    """
    return _distribution.weighted_sf(x, weights)


@overload
def weighted_logsf(x: float, weights: Sequence[float]) -> float: ...
@overload
def weighted_logsf(x: ArrayLike, weights: ArrayLike) -> _Floats: ...
def weighted_logsf(x: Any, weights: Any) -> Any:
    """Return the natural logarithm of the probability that a weighted sum is above x.

    Finite inside the support, however small the probability.

    Parameters
    ----------
    x, weights
        As for `weighted_pdf`.

    Returns
    -------
    float or ndarray
        Of the shape and type of `pdf`'s. 0 below the support, -inf above it. NaN where x is NaN.

    Raises
    ------
    TypeError, ValueError
        As for `weighted_pdf`.

    Examples
    --------
    >>> from irwinhall import distribution
    >>> distribution.weighted_logsf(1.0, [1.0, -1.0, 2.0])
    -0.6931...
    """
    return _distribution.weighted_logsf(x, weights)


@overload
def weighted_ppf(q: float, weights: Sequence[float], *, log: bool = False) -> float: ...
@overload
def weighted_ppf(q: ArrayLike, weights: ArrayLike, *, log: bool = False) -> _Floats: ...
def weighted_ppf(q: Any, weights: Any, *, log: bool = False) -> Any:
    """Return the quantile of a weighted sum: the x at which its cdf is q.

    Parameters
    ----------
    q : float or array_like of float
        Probability, from 0 to 1, or with ``log=True`` its natural logarithm, at most 0. Broadcasts
        with all axes of `weights` but the last.
    weights : array_like of float
        As for `weighted_pdf`.
    log : bool
        Whether q is the logarithm of the probability, which reaches further into the tails.

    Returns
    -------
    float or ndarray
        Of the shape and type of `ppf`'s. NaN where q is NaN.

    Raises
    ------
    TypeError
        If q or weights are not real.
    ValueError
        If a q is not a probability, or for weights as in `weighted_pdf`.

    Notes
    -----
    The distance from the lower end of the support, or for q above 1/2 from the upper end, has a
    relative error below 1e-13, however small q is. The result is that end plus the distance,
    rounded: if weights have both signs, a result near 0 has fewer correct digits.

    Examples
    --------
    >>> from irwinhall import distribution
    >>> distribution.weighted_ppf([0.0, 0.5, 1.0], [1.0, 2.0, -4.0])
    array([-4. , -0.5,  3. ])
    >>> distribution.weighted_ppf(1e-300, [1.0, 2.0, 3.0])  # (1e-300 3! 1 2 3)^(1/3)
    3.301927248894...e-100
    """
    return _distribution.weighted_ppf(q, weights, log)


@overload
def weighted_isf(q: float, weights: Sequence[float], *, log: bool = False) -> float: ...
@overload
def weighted_isf(q: ArrayLike, weights: ArrayLike, *, log: bool = False) -> _Floats: ...
def weighted_isf(q: Any, weights: Any, *, log: bool = False) -> Any:
    """Return the upper quantile of a weighted sum: the x at which its survival function is q.

    Parameters
    ----------
    q, weights, log
        As for `weighted_ppf`.

    Returns
    -------
    float or ndarray
        Of the shape and type of `ppf`'s. NaN where q is NaN.

    Raises
    ------
    TypeError, ValueError
        As for `weighted_ppf`.

    Examples
    --------
    >>> from irwinhall import distribution
    >>> distribution.weighted_isf(1e-300, [-1.0, -2.0, -3.0])
    -3.301927248894...e-100
    """
    return _distribution.weighted_isf(q, weights, log)


@overload
def expected_magnitude_of(coefficients: Sequence[float]) -> float: ...
@overload
def expected_magnitude_of(coefficients: ArrayLike) -> float | NDArray[np.float64]: ...
def expected_magnitude_of(coefficients: Any) -> Any:
    """Return the expected magnitude of a neuron with random weights.

    It is E|c_1 U_1 + ... + c_n U_n| for the inputs c_1, ..., c_n and weights U_i, which are
    independent and uniform on (-1, 1).
    ``irwinhall.expected_magnitude(n)`` is the case of n ones.

    Parameters
    ----------
    coefficients : array_like of float
        The inputs c_1, ..., c_n along the last axis: finite, of any sign, those that are not 0
        within a factor of 2**400 of each other.

    Returns
    -------
    float or ndarray of float64
        A float for one axis, else an array without the last axis. 0 where all are 0.

    Raises
    ------
    TypeError
        If coefficients are not real.
    ValueError
        If one is not finite or too small compared with another, or there are none.

    See Also
    --------
    irwinhall.expected_magnitude : The same for n inputs of 1.

    Notes
    -----
    The relative error is below 1e-13. Scaling all coefficients scales the result.

    Examples
    --------
    >>> import irwinhall
    >>> irwinhall.expected_magnitude_of([3.0, -4.0])
    2.375
    >>> irwinhall.expected_magnitude_of([[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]])
    array([0.8125, 0.5   ])
    """
    return _distribution.weighted_magnitude(coefficients)
