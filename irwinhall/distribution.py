"""The Irwin-Hall distribution: the sum of n independent uniforms on (0, 1).

Eight functions of (x, n), or for the quantiles of (q, n), which broadcast like NumPy's own. n is
an integer from 1 to 2**53, and the time is the same for all n. Half-precision and single-precision
x give single-precision results, computed in double precision and rounded once. The mean of n
uniforms (Bates) has x/n here: its density at m is n pdf(n m, n), its cdf is cdf(n m, n).

The relative error of a density or probability is below 1e-13 wherever it is a normal double, in
both tails; logarithms are as accurate, or to 1e-13 absolutely near 0, and finite in all of (0, n).
"""

from __future__ import annotations

from typing import Any, SupportsIndex, TypeAlias, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from irwinhall import _distribution

__all__ = ["cdf", "isf", "logcdf", "logpdf", "logsf", "pdf", "ppf", "sf"]

_Floats: TypeAlias = "NDArray[np.floating[Any]]"


@overload
def pdf(x: float, n: SupportsIndex) -> float: ...
@overload
def pdf(x: ArrayLike, n: ArrayLike, *, out: _Floats | None = None) -> _Floats: ...
def pdf(x: Any, n: Any, *, out: Any = None) -> Any:
    """Return the density of the sum of n uniforms on (0, 1) at x.

    A piecewise polynomial of degree n - 1, symmetric about n/2.

    Parameters
    ----------
    x : float or array_like of float
        Where; any real number.
    n : int or array_like of int
        Number of uniforms, from 1 to 2**53; broadcasts with x.
    out : ndarray of float32 or float64, optional
        Where to write the result; of exactly the broadcast shape and the result's type.

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
def logpdf(x: float, n: SupportsIndex) -> float: ...
@overload
def logpdf(x: ArrayLike, n: ArrayLike, *, out: _Floats | None = None) -> _Floats: ...
def logpdf(x: Any, n: Any, *, out: Any = None) -> Any:
    """Return the natural logarithm of the density at x.

    Finite in all of (0, n), however small the density.

    Parameters
    ----------
    x : float or array_like of float
        Where; any real number.
    n : int or array_like of int
        Number of uniforms, from 1 to 2**53; broadcasts with x.
    out : ndarray of float32 or float64, optional
        Where to write the result; of exactly the broadcast shape and the result's type.

    Returns
    -------
    float or ndarray
        A float for scalars, else an array of the broadcast shape: float32 if x has that type or
        float16, else float64. -inf outside, NaN where x is NaN.

    Raises
    ------
    TypeError
        If n is not an integer or an array of integers, x is not real, or out has another type.
    ValueError
        If an n lies outside 1 to 2**53, the shapes do not broadcast, or out has another shape.

    Examples
    --------
    >>> from irwinhall import distribution
    >>> distribution.logpdf(1e-3, 200)
    -2232.57...
    """
    return _distribution.logpdf(x, n, out)


@overload
def cdf(x: float, n: SupportsIndex) -> float: ...
@overload
def cdf(x: ArrayLike, n: ArrayLike, *, out: _Floats | None = None) -> _Floats: ...
def cdf(x: Any, n: Any, *, out: Any = None) -> Any:
    """Return the probability of a sum of at most x.

    As accurate, relative to its size, for the least probabilities as for the centre.

    Parameters
    ----------
    x : float or array_like of float
        Where; any real number.
    n : int or array_like of int
        Number of uniforms, from 1 to 2**53; broadcasts with x.
    out : ndarray of float32 or float64, optional
        Where to write the result; of exactly the broadcast shape and the result's type.

    Returns
    -------
    float or ndarray
        A float for scalars, else an array of the broadcast shape: float32 if x has that type or
        float16, else float64. 0 below 0 and 1 above n, NaN where x is NaN.

    Raises
    ------
    TypeError
        If n is not an integer or an array of integers, x is not real, or out has another type.
    ValueError
        If an n lies outside 1 to 2**53, the shapes do not broadcast, or out has another shape.

    Examples
    --------
    >>> from irwinhall import distribution
    >>> distribution.cdf(1.0, 3)
    0.1666666666666666...
    """
    return _distribution.cdf(x, n, out)


@overload
def logcdf(x: float, n: SupportsIndex) -> float: ...
@overload
def logcdf(x: ArrayLike, n: ArrayLike, *, out: _Floats | None = None) -> _Floats: ...
def logcdf(x: Any, n: Any, *, out: Any = None) -> Any:
    """Return the natural logarithm of the probability of a sum of at most x.

    Finite in all of (0, n), and accurate near 0 where the probability is nearly 1.

    Parameters
    ----------
    x : float or array_like of float
        Where; any real number.
    n : int or array_like of int
        Number of uniforms, from 1 to 2**53; broadcasts with x.
    out : ndarray of float32 or float64, optional
        Where to write the result; of exactly the broadcast shape and the result's type.

    Returns
    -------
    float or ndarray
        A float for scalars, else an array of the broadcast shape: float32 if x has that type or
        float16, else float64. -inf below 0 and 0 above n, NaN where x is NaN.

    Raises
    ------
    TypeError
        If n is not an integer or an array of integers, x is not real, or out has another type.
    ValueError
        If an n lies outside 1 to 2**53, the shapes do not broadcast, or out has another shape.

    Examples
    --------
    >>> from irwinhall import distribution
    >>> distribution.logcdf(1e-3, 200)
    -2244.78...
    """
    return _distribution.logcdf(x, n, out)


@overload
def sf(x: float, n: SupportsIndex) -> float: ...
@overload
def sf(x: ArrayLike, n: ArrayLike, *, out: _Floats | None = None) -> _Floats: ...
def sf(x: Any, n: Any, *, out: Any = None) -> Any:
    """Return the probability of a sum above x, 1 - cdf.

    Computed as the mirrored cdf, never as a difference: as accurate as `cdf`.

    Parameters
    ----------
    x : float or array_like of float
        Where; any real number.
    n : int or array_like of int
        Number of uniforms, from 1 to 2**53; broadcasts with x.
    out : ndarray of float32 or float64, optional
        Where to write the result; of exactly the broadcast shape and the result's type.

    Returns
    -------
    float or ndarray
        A float for scalars, else an array of the broadcast shape: float32 if x has that type or
        float16, else float64. 1 below 0 and 0 above n, NaN where x is NaN.

    Raises
    ------
    TypeError
        If n is not an integer or an array of integers, x is not real, or out has another type.
    ValueError
        If an n lies outside 1 to 2**53, the shapes do not broadcast, or out has another shape.

    Examples
    --------
    >>> from irwinhall import distribution
    >>> distribution.sf(9.9, 10)
    2.75573192239849...e-17
    """
    return _distribution.sf(x, n, out)


@overload
def logsf(x: float, n: SupportsIndex) -> float: ...
@overload
def logsf(x: ArrayLike, n: ArrayLike, *, out: _Floats | None = None) -> _Floats: ...
def logsf(x: Any, n: Any, *, out: Any = None) -> Any:
    """Return the natural logarithm of the probability of a sum above x.

    Finite in all of (0, n), and accurate near 0 where the probability is nearly 1.

    Parameters
    ----------
    x : float or array_like of float
        Where; any real number.
    n : int or array_like of int
        Number of uniforms, from 1 to 2**53; broadcasts with x.
    out : ndarray of float32 or float64, optional
        Where to write the result; of exactly the broadcast shape and the result's type.

    Returns
    -------
    float or ndarray
        A float for scalars, else an array of the broadcast shape: float32 if x has that type or
        float16, else float64. 0 below 0 and -inf above n, NaN where x is NaN.

    Raises
    ------
    TypeError
        If n is not an integer or an array of integers, x is not real, or out has another type.
    ValueError
        If an n lies outside 1 to 2**53, the shapes do not broadcast, or out has another shape.

    Examples
    --------
    >>> from irwinhall import distribution
    >>> distribution.logsf(1.0, 2)
    -0.693147180559945...
    """
    return _distribution.logsf(x, n, out)


@overload
def ppf(q: float, n: SupportsIndex, *, log: bool = False) -> float: ...
@overload
def ppf(
    q: ArrayLike, n: ArrayLike, *, log: bool = False, out: _Floats | None = None
) -> _Floats: ...
def ppf(q: Any, n: Any, *, log: bool = False, out: Any = None) -> Any:
    """Return the x at which the cdf is q, the quantile.

    Right to the last digits that q determines, and down to the least q.

    Parameters
    ----------
    q : float or array_like of float
        Probability, from 0 to 1, or with ``log=True`` its natural logarithm, at most 0.
    n : int or array_like of int
        Number of uniforms, from 1 to 2**53; broadcasts with q.
    log : bool
        Whether q is the logarithm of the probability, which reaches further into the tails.
    out : ndarray of float32 or float64, optional
        Where to write the result; of exactly the broadcast shape and the result's type.

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
def isf(q: float, n: SupportsIndex, *, log: bool = False) -> float: ...
@overload
def isf(
    q: ArrayLike, n: ArrayLike, *, log: bool = False, out: _Floats | None = None
) -> _Floats: ...
def isf(q: Any, n: Any, *, log: bool = False, out: Any = None) -> Any:
    """Return the x at which the survival function is q, the upper quantile.

    Right to the last digits that q determines; n minus it is `ppf`.

    Parameters
    ----------
    q : float or array_like of float
        Probability, from 0 to 1, or with ``log=True`` its natural logarithm, at most 0.
    n : int or array_like of int
        Number of uniforms, from 1 to 2**53; broadcasts with q.
    log : bool
        Whether q is the logarithm of the probability, which reaches further into the tails.
    out : ndarray of float32 or float64, optional
        Where to write the result; of exactly the broadcast shape and the result's type.

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

    Examples
    --------
    >>> from irwinhall import distribution
    >>> distribution.isf(1e-200, 50)
    49.998...
    """
    return _distribution.isf(q, n, log, out)
