"""The distributions for SciPy's newer infrastructure: IrwinHall, Bates and UniformSum.

SciPy makes a class from any object with its protocol: parameters, support and formulas. The objects
of this module have a formula for every method.
"""

from __future__ import annotations

import math
from abc import ABCMeta
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import __version__ as scipy_version

if tuple(map(int, scipy_version.split(".")[:2])) < (1, 16):
    raise ImportError(f"IrwinHall, Bates and UniformSum need SciPy 1.16, not {scipy_version}")

from scipy.stats import make_distribution

from irwinhall import _distribution, distribution
from irwinhall.stats._counts import MOST, as_floats, as_integers, is_valid
from irwinhall.stats._moments import cumulants_of, moment_of_kind
from irwinhall.stats._sampling import added_uniforms, checked_weights
from irwinhall.stats._slices import checked_reals
from irwinhall.stats._univariate import bates, irwinhall


class _OfCount:
    """SciPy's protocol for the sum or the mean of n uniforms; NaN where n is not an integer.

    The parameter is called `terms` here because SciPy's order statistics also have an n.
    """

    __make_distribution_version__ = "1.16.0"

    def __init__(self, law: Any) -> None:
        self.law = law
        self.is_mean = law is bates

    @property
    def parameters(self) -> dict[str, Any]:
        return {"terms": {"endpoints": (1, MOST), "inclusive": (True, True), "typical": (1, 30)}}

    @property
    def support(self) -> dict[str, Any]:
        # SciPy also passes the parameters of a truncated distribution.
        def left(*, terms: Any, **_: Any) -> Any:
            return self.law._get_support(terms)[0]

        def right(*, terms: Any, **_: Any) -> Any:
            return self.law._get_support(terms)[1]

        return {"endpoints": (left, right), "inclusive": (True, True)}

    def pdf(self, x: Any, terms: Any) -> Any:
        return self.law._pdf(x, terms)

    def logpdf(self, x: Any, terms: Any) -> Any:
        return self.law._logpdf(np.real(x), terms)  # SciPy integrates entropies of complex numbers

    def cdf(self, x: Any, terms: Any) -> Any:
        return self.law._cdf(x, terms)

    def logcdf(self, x: Any, terms: Any) -> Any:
        return self.law._logcdf(x, terms)

    def ccdf(self, x: Any, terms: Any) -> Any:
        return self.law._sf(x, terms)

    def logccdf(self, x: Any, terms: Any) -> Any:
        return self.law._logsf(x, terms)

    def icdf(self, p: Any, terms: Any) -> Any:
        return self.law._ppf(p, terms)

    def iccdf(self, p: Any, terms: Any) -> Any:
        return self.law._isf(p, terms)

    def ilogcdf(self, logp: Any, terms: Any) -> Any:
        return self._unscaled("ppf_log", logp, terms)

    def ilogccdf(self, logp: Any, terms: Any) -> Any:
        return self._unscaled("isf_log", logp, terms)

    def _unscaled(self, name: str, logp: Any, terms: Any) -> Any:
        values = _distribution.UFUNCS[name](logp, as_integers(terms))
        return values / as_floats(terms) if self.is_mean else values

    def median(self, terms: Any) -> Any:
        return self.law._stats(terms)[0]

    def mode(self, terms: Any) -> Any:
        return self.law._stats(terms)[0]

    def entropy(self, terms: Any) -> Any:
        return self.law._entropy(terms)

    def logentropy(self, terms: Any) -> Any:
        return np.log(self.law._entropy(terms) + 0j)

    def moment(self, order: int, kind: str, terms: Any) -> Any:
        """Return a moment of any order and kind, exact and rounded once."""
        power = int(order)

        def one(count: float) -> float:
            if not is_valid(count):
                return math.nan
            width = Fraction(1, int(count) if self.is_mean else 1)
            cumulants = [int(count) * cumulant for cumulant in cumulants_of(power, [width])]
            return moment_of_kind(cumulants, kind)

        return np.vectorize(one, otypes=[np.float64])(terms)

    def sample(self, shape: tuple[int, ...], *, terms: Any, rng: Any = None) -> Any:
        return self.law._rvs(terms, shape, rng)


class _OfWeights:
    """SciPy's protocol for a weighted sum of uniforms; the weights are part of the class."""

    __make_distribution_version__ = "1.16.0"
    parameters = ()

    def __init__(self, weights: tuple[float, ...]) -> None:
        self.weights = np.array(weights)
        low = math.fsum(w for w in weights if w < 0.0)
        high = math.fsum(w for w in weights if w > 0.0)
        self.centre = math.fsum(weights) / 2.0
        self.support = {"endpoints": (low, high), "inclusive": (True, True)}

    def pdf(self, x: Any) -> Any:
        return np.asarray(distribution.weighted_pdf(x, self.weights))

    def logpdf(self, x: Any) -> Any:
        return np.asarray(distribution.weighted_logpdf(np.real(x), self.weights))

    def cdf(self, x: Any) -> Any:
        return np.asarray(distribution.weighted_cdf(x, self.weights))

    def logcdf(self, x: Any) -> Any:
        return np.asarray(distribution.weighted_logcdf(x, self.weights))

    def ccdf(self, x: Any) -> Any:
        return np.asarray(distribution.weighted_sf(x, self.weights))

    def logccdf(self, x: Any) -> Any:
        return np.asarray(distribution.weighted_logsf(x, self.weights))

    def icdf(self, p: Any) -> Any:
        return np.asarray(distribution.weighted_ppf(p, self.weights))

    def iccdf(self, p: Any) -> Any:
        return np.asarray(distribution.weighted_isf(p, self.weights))

    def ilogcdf(self, logp: Any) -> Any:
        return np.asarray(distribution.weighted_ppf(logp, self.weights, log=True))

    def ilogccdf(self, logp: Any) -> Any:
        return np.asarray(distribution.weighted_isf(logp, self.weights, log=True))

    def median(self) -> Any:
        return np.float64(self.centre)

    def mode(self) -> Any:
        return np.float64(self.centre)

    def moment(self, order: int, kind: str) -> Any:
        """Return a moment of any order and kind, exact and rounded once."""
        exact = [Fraction(w) for w in self.weights.tolist()]
        return np.float64(moment_of_kind(cumulants_of(int(order), exact), kind))

    def sample(self, shape: tuple[int, ...], *, rng: Any = None) -> Any:
        return added_uniforms(self.weights, tuple(shape), rng)[()]


class _Counted:
    """Classes whose parameter `terms` is called n for users."""

    def __init__(self, *, n: ArrayLike, **kwargs: Any) -> None:
        super().__init__(terms=checked_reals("n", n), **kwargs)  # type: ignore[call-arg]

    @property
    def n(self) -> Any:
        """The number of uniforms."""
        return self.terms  # type: ignore[attr-defined]

    def __repr__(self) -> str:
        return super().__repr__().replace("terms=", "n=")

    def __str__(self) -> str:
        return super().__str__().replace("terms=", "n=")


class IrwinHall(_Counted, make_distribution(_OfCount(irwinhall))):  # type: ignore[misc]
    """The sum of n independent uniforms on (0, 1), for SciPy's newer infrastructure.

    Parameters
    ----------
    n : int or array_like of int
        Number of uniforms, from 1 to 2**53. Results are NaN for other values.

    Notes
    -----
    The methods are those of `scipy.stats.Normal`, with the values of `irwinhall.distribution`.
    SciPy's functions of distributions accept it, such as `scipy.stats.order_statistic`, `truncate`
    and `Mixture`, as does its arithmetic, as in ``2 * IrwinHall(n=3) - 1``. SciPy must be at least
    1.16.

    Examples
    --------
    >>> from irwinhall.stats import IrwinHall
    >>> X = IrwinHall(n=50)
    >>> float(X.iccdf(1e-200)), float(X.kurtosis())
    (49.998..., 2.976)
    >>> float((2 * X - 50).standard_deviation())
    4.0824...
    """


class Bates(_Counted, make_distribution(_OfCount(bates))):  # type: ignore[misc]
    """The mean of n independent uniforms on (0, 1), for SciPy's newer infrastructure.

    Parameters
    ----------
    n : int or array_like of int
        Number of uniforms, from 1 to 2**53. Results are NaN for other values.

    Notes
    -----
    See `IrwinHall`.

    Examples
    --------
    >>> from irwinhall.stats import Bates
    >>> float(Bates(n=12).standard_deviation())
    0.0833...
    """


class UniformSum(metaclass=ABCMeta):  # noqa: B024 (its instances are of registered classes)
    """The sum w_1 U_1 + ... + w_k U_k, the U_i uniform on (0, 1), for SciPy's newer infrastructure.

    Parameters
    ----------
    weights : array_like of float
        Any number of weights along one axis, of any sign. Those that are not 0 must be within a
        factor of 2**400 of each other.

    Raises
    ------
    TypeError
        If weights are not real.
    ValueError
        If weights have more than one axis, none or only zeros, are not finite, or differ by more
        than a factor of 2**400.

    Notes
    -----
    The result is a distribution of SciPy with the methods of `scipy.stats.Normal`, and the values
    of `irwinhall.distribution.weighted_pdf` and the related functions. The weights do not
    broadcast. SciPy's quadrature computes the entropy, to at least six digits. SciPy must be at
    least 1.16.

    Examples
    --------
    >>> from irwinhall.stats import UniformSum
    >>> X = UniformSum(weights=[1.0, 2.0, -4.0])
    >>> X.support(), float(X.mean()), float(X.variance())
    ((np.float64(-4.0), np.float64(3.0)), -0.5, 1.75)
    >>> float(X.iccdf(0.025))
    1.93...
    """

    def __new__(cls, *, weights: ArrayLike, **kwargs: Any) -> Any:
        return _class_of(tuple(checked_weights(weights).tolist()))(**kwargs)


@lru_cache(maxsize=64)
def _class_of(weights: tuple[float, ...]) -> type:
    distribution.weighted_cdf(0.0, weights)  # raises an error if a weight is too small
    base = make_distribution(_OfWeights(weights))

    def reduced(self: Any) -> Any:
        return _remade, (weights,)

    shown = f"weights={list(weights)}" if len(weights) <= 8 else f"{len(weights)} weights"
    made = type(
        "UniformSum",
        (base,),
        {
            "__doc__": UniformSum.__doc__,
            "__module__": __name__,
            "__repr__": lambda self: f"UniformSum({shown})",
            "__str__": lambda self: f"UniformSum({shown})",
            "__reduce__": reduced,
        },
    )
    UniformSum.register(made)  # for isinstance
    return made


def _remade(weights: tuple[float, ...]) -> Any:
    return UniformSum(weights=weights)
