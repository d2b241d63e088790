"""The distributions `irwinhall` and `bates`, of SciPy's rv_continuous."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import CensoredData
from scipy.stats._distn_infrastructure import _ShapeInfo

from irwinhall import _distribution, distribution
from irwinhall.stats._counts import (
    MOST,
    MOST_ADDED,
    add_uniforms,
    as_floats,
    as_integers,
    is_valid,
)
from irwinhall.stats._fit import Fit
from irwinhall.stats._moments import entropy_of, raw_moments, rounded
from irwinhall.stream import Stream

if TYPE_CHECKING:

    class rv_continuous:  # noqa: N801 - SciPy has no types
        """A class that has any method; those that `super` is asked for stand by their names."""

        entropy: Any
        nnlf: Any
        rvs: Any

        def __init__(self, **keywords: Any) -> None: ...
        def __call__(self, *args: Any, **kwds: Any) -> Any: ...
        def __getattr__(self, name: str) -> Any: ...

else:
    from scipy.stats import rv_continuous

_UFUNCS = _distribution.UFUNCS
_SCALARS = (int, float)


class _UniformSum(rv_continuous):
    """What the sum and the mean of n uniforms share."""

    def _argcheck(self, n: Any) -> Any:
        return is_valid(n)

    def _shape_info(self) -> list[_ShapeInfo]:
        return [_ShapeInfo("n", True, (1, np.inf), (True, False))]

    # ---- values, straight to the C functions: SciPy's own methods sort and copy first ------------

    def _values(self, name: str, x: ArrayLike, *args: Any, **kwds: Any) -> tuple[Any, Any]:
        """Return the values of one function at (x - loc)/scale, and scale."""
        at, n, loc, scale, good = self._standard(x, *args, **kwds)
        values = self._function(name, (at - loc) / scale, n)
        return (values if good is True else np.where(good, values, self.badvalue)), scale

    def _standard(self, x: ArrayLike, *args: Any, **kwds: Any) -> tuple[Any, Any, Any, Any, Any]:
        (n,), loc, scale = self._parse_args(*args, **kwds)
        at = np.asarray(x, np.float64)
        plain = type(n) is int and type(loc) in _SCALARS and type(scale) in _SCALARS
        if plain and 1 <= n <= MOST and scale > 0:  # most calls, in a third of the time
            return at, n, loc, scale, True
        n, loc, scale = np.asarray(n), np.asarray(loc, np.float64), np.asarray(scale, np.float64)
        good = np.asarray(self._argcheck(n) & (scale > 0))
        if good.all():
            return at, as_integers(n), loc, scale, True
        return at, as_integers(np.where(good, n, 1)), loc, np.where(good, scale, 1.0), good

    def pdf(self, x: ArrayLike, *args: Any, **kwds: Any) -> Any:
        """Return the density at x."""
        values, scale = self._values("pdf", x, *args, **kwds)
        return np.divide(values, scale)[()]

    def logpdf(self, x: ArrayLike, *args: Any, **kwds: Any) -> Any:
        """Return the logarithm of the density at x."""
        values, scale = self._values("logpdf", x, *args, **kwds)
        return np.subtract(values, np.log(scale))[()]

    def cdf(self, x: ArrayLike, *args: Any, **kwds: Any) -> Any:
        """Return the probability of at most x."""
        return np.asarray(self._values("cdf", x, *args, **kwds)[0])[()]

    def logcdf(self, x: ArrayLike, *args: Any, **kwds: Any) -> Any:
        """Return the logarithm of the probability of at most x."""
        return np.asarray(self._values("logcdf", x, *args, **kwds)[0])[()]

    def sf(self, x: ArrayLike, *args: Any, **kwds: Any) -> Any:
        """Return the probability of more than x."""
        return np.asarray(self._values("sf", x, *args, **kwds)[0])[()]

    def logsf(self, x: ArrayLike, *args: Any, **kwds: Any) -> Any:
        """Return the logarithm of the probability of more than x."""
        return np.asarray(self._values("logsf", x, *args, **kwds)[0])[()]

    def ppf(self, q: ArrayLike, *args: Any, **kwds: Any) -> Any:
        """Return the x at which the cdf is q; NaN where q is not a probability."""
        return self._quantile("ppf", q, *args, **kwds)

    def isf(self, q: ArrayLike, *args: Any, **kwds: Any) -> Any:
        """Return the x at which the survival function is q; NaN where q is not a probability."""
        return self._quantile("isf", q, *args, **kwds)

    def _quantile(self, name: str, q: ArrayLike, *args: Any, **kwds: Any) -> Any:
        at, n, loc, scale, good = self._standard(q, *args, **kwds)
        values = self._function(name, at, n) * scale + loc
        return np.asarray(values if good is True else np.where(good, values, self.badvalue))[()]

    def _function(self, name: str, x: Any, n: Any) -> Any:
        """Return the values of a function of irwinhall.distribution; NaN for what is no q."""
        raise NotImplementedError

    # ---- the same for SciPy's own machinery ------------------------------------------------------

    def _pdf(self, x: Any, n: Any) -> Any:
        return self._function("pdf", x, as_integers(n))

    def _logpdf(self, x: Any, n: Any) -> Any:
        return self._function("logpdf", x, as_integers(n))

    def _cdf(self, x: Any, n: Any) -> Any:
        return self._function("cdf", x, as_integers(n))

    def _logcdf(self, x: Any, n: Any) -> Any:
        return self._function("logcdf", x, as_integers(n))

    def _sf(self, x: Any, n: Any) -> Any:
        return self._function("sf", x, as_integers(n))

    def _logsf(self, x: Any, n: Any) -> Any:
        return self._function("logsf", x, as_integers(n))

    def _ppf(self, q: Any, n: Any) -> Any:
        return self._function("ppf", q, as_integers(n))

    def _isf(self, q: Any, n: Any) -> Any:
        return self._function("isf", q, as_integers(n))

    # ---- moments, entropy ------------------------------------------------------------------------

    def _unit(self, n: int) -> int:
        """Return what the sum of n uniforms is divided by."""
        raise NotImplementedError

    def _munp(self, order: int, n: Any) -> Any:
        def one(order: int, n: float) -> float:
            if not self._argcheck(n):  # SciPy's newer interface asks for any n
                return float(self.badvalue)
            moment = raw_moments(int(order), int(n))[-1]
            return rounded(moment / self._unit(int(n)) ** int(order))

        return np.vectorize(one, otypes=[np.float64])(order, n)

    def moment(self, order: int, *args: Any, **kwds: Any) -> Any:
        """Return the moment E[X^order], correctly rounded."""
        if order != math.floor(order) or order < 0:
            raise ValueError(f"order must be an integer that is at least 0, got {order}")
        power = int(order)

        def one(n: float, loc: float, scale: float) -> float:
            if not (self._argcheck(n) and scale > 0 and math.isfinite(loc + scale)):
                return float(self.badvalue)
            shift, factor = Fraction(loc), Fraction(scale) / self._unit(int(n))
            raw = raw_moments(power, int(n))
            lowest = 0 if shift else power
            terms = (
                math.comb(power, j) * factor**j * shift ** (power - j) * raw[j]
                for j in range(lowest, power + 1)
            )
            return rounded(sum(terms, Fraction(0)))

        # Elements of arrays reach `one` as Python's numbers; NumPy's would overflow in fractions.
        (n,), loc, scale = self._parse_args(*args, **kwds)
        arrays = (np.asarray(n), np.asarray(loc), np.asarray(scale))
        return np.vectorize(one, otypes=[np.float64])(*arrays)[()]

    def entropy(self, *args: Any, **kwds: Any) -> Any:
        """Return the differential entropy, that of n uniforms plus log(scale)."""
        (n,), loc, scale = self._parse_args(*args, **kwds)
        return super().entropy(n, loc=loc, scale=np.asarray(scale, np.float64))

    def _entropy(self, n: Any) -> Any:
        def one(n: float) -> float:
            if not self._argcheck(n):  # SciPy asks even where all n are invalid
                return float(self.badvalue)
            return entropy_of(int(n)) - math.log(self._unit(int(n)))

        return np.vectorize(one, otypes=[np.float64])(n)

    # ---- random values ---------------------------------------------------------------------------

    def rvs(self, *args: Any, rng: Any = None, **kwds: Any) -> Any:
        """Return random values; memory does not grow with n.

        The arguments are n, loc, scale, size and random_state as for every distribution of SciPy.
        `rng` may take the place of random_state: a Generator, or what numpy.random.default_rng
        takes. Either may be an `irwinhall.Stream`; value i is then a function of the stream's
        seed and name, of n and of i alone.
        """
        if rng is not None:
            if kwds.get("random_state") is not None:
                raise TypeError("rvs takes rng or random_state, not both")
            kwds["random_state"] = rng if isinstance(rng, Stream) else np.random.default_rng(rng)
        stream = kwds.get("random_state")
        if not isinstance(stream, Stream):
            return super().rvs(*args, **kwds)
        del kwds["random_state"]
        (n,), loc, scale, size = self._parse_args_rvs(*args, **kwds)
        if not np.all(self._argcheck(n) & (scale >= 0)):
            raise ValueError(f"n must be an integer from 1 to 2**53 and scale at least 0, got {n}")
        centred = stream.uniform(size, bound=0.5, dtype="float64")
        # Exact on both sides of the centre: q = 1/2 - abs(centred) loses nothing.
        integers = as_integers(np.broadcast_to(n, size))
        lower = distribution.ppf(0.5 - np.abs(centred), integers)
        return np.where(centred < 0.0, lower, integers - lower) / self._units(n) * scale + loc

    def _rvs(self, n: Any, size: Any = None, random_state: Any = None) -> Any:
        # As in SciPy, every n of an array takes its uniforms in turn, and with them all values of
        # the axes that n does not have.
        n = np.asarray(n)
        size = n.shape if size is None else tuple(size)
        own = (1,) * (len(size) - n.ndim) + n.shape
        outer = [axis for axis, length in enumerate(own) if length != 1]
        inner = [axis for axis, length in enumerate(own) if length == 1]
        integers = as_integers(n).ravel()
        total = np.empty((integers.size, *(size[axis] for axis in inner)))
        start = 0
        for count, run in groupby(integers.tolist()):
            stop = start + sum(1 for _ in run)
            if not self._argcheck(count):
                total[start:stop] = self.badvalue
            elif count <= MOST_ADDED:
                add_uniforms(total[start:stop], count, random_state)
            else:
                uniforms = random_state.random(total[start:stop].shape)
                total[start:stop] = distribution.ppf(uniforms, count)
            start = stop
        total = total.reshape([size[axis] for axis in outer + inner])
        return np.moveaxis(total, range(len(size)), outer + inner)[()] / self._units(n)

    def _units(self, n: Any) -> Any:
        """Return what each sum of n uniforms is divided by."""
        raise NotImplementedError

    # ---- fits ------------------------------------------------------------------------------------

    def nnlf(self, theta: Any, x: ArrayLike) -> Any:
        """Return the negative log-likelihood of theta = (n, loc, scale) for the data x."""
        return super().nnlf([float(parameter) for parameter in theta], x)

    def fit(self, data: ArrayLike, *args: Any, **kwds: Any) -> tuple[int, float, float]:
        """Return the most likely (n, loc, scale), n being an integer.

        The likelihood is maximized over loc and scale for increasing n, until it falls. Keywords
        fix parameters as in SciPy: `fn` (or `f0`, `fix_n`), `floc` and `fscale`. Starting values of
        n, `loc` and `scale` are accepted as in SciPy, and ignored.

        Parameters
        ----------
        data : array_like
            Finite numbers.

        Returns
        -------
        tuple of int and two floats
            (n, loc, scale).

        Raises
        ------
        TypeError
            If data are censored, an optimizer is given, or there are unknown arguments.
        ValueError
            If data are empty or not finite, all parameters are fixed, no parameters allow all
            data, or method is not "MLE".
        scipy.stats.FitError
            If the likelihood grows with n to the end of the search, at 10**6 with loc and scale
            free: data that are best fitted by a normal have no most likely n.
        """
        if len(args) > 1:
            raise TypeError("Too many input arguments.")
        if isinstance(data, CensoredData):
            raise TypeError("data must be numbers; censored data are not fitted")
        if kwds.pop("optimizer", None) is not None:
            raise TypeError("fit takes no optimizer: n is an integer, and has its own search")
        if str(kwds.pop("method", "mle")).lower() != "mle":
            raise ValueError("method must be 'MLE'")
        for start in ("n", "loc", "scale"):
            kwds.pop(start, None)
        fixed_n = [kwds.pop(name) for name in ("f0", "fn", "fix_n") if name in kwds]
        fit = Fit(self, np.ravel(data), kwds.pop("floc", None), kwds.pop("fscale", None))
        if kwds:
            raise TypeError(f"Unknown arguments: {kwds}.")
        if not fixed_n:
            return fit.over_n()
        if not self._argcheck(fixed_n[0]):
            raise ValueError(f"fn must be an integer from 1 to 2**53, got {fixed_n[0]}")
        if fit.loc is not None and fit.scale is not None:
            raise ValueError("All parameters fixed. There is nothing to optimize.")
        return fit.result(int(fixed_n[0]))


class _IrwinHall(_UniformSum):
    """The Irwin-Hall distribution: the sum of n independent uniforms on (0, 1).

    %(before_notes)s

    Notes
    -----
    A drop-in for `scipy.stats.irwinhall`, with the accuracy of `irwinhall.distribution` in both
    tails, exact moments, a time that does not grow with n, and a `fit`. n is an integer from 1 to
    2**53, as a float too.

    `rvs` adds uniforms up to n = 64; above, it takes the quantile of one uniform. Besides SciPy's
    `random_state` it takes `rng`: a Generator, a seed or an `irwinhall.Stream`.

    Examples
    --------
    >>> from irwinhall.stats import irwinhall
    >>> irwinhall.pdf([0.5, 1.0, 1.5], 2)
    array([0.5, 1. , 0.5])
    >>> float(irwinhall.isf(1e-200, 50))
    49.998...
    >>> n, loc, scale = irwinhall.fit(irwinhall.rvs(3, size=2000, rng=1), floc=0, fscale=1)
    >>> n
    3
    """

    def _get_support(self, n: Any) -> tuple[Any, Any]:
        return 0 * as_floats(n), as_floats(n)

    def _function(self, name: str, x: Any, n: Any) -> Any:
        return _UFUNCS[name](x, n)

    def _unit(self, n: int) -> int:
        return 1

    def _units(self, n: Any) -> Any:
        return 1.0

    def _stats(self, n: Any) -> tuple[Any, Any, Any, Any]:
        n = as_floats(n)
        return n / 2, n / 12, 0 * n, -6 / (5 * n)


class _Bates(_UniformSum):
    """The Bates distribution: the mean of n independent uniforms on (0, 1).

    %(before_notes)s

    Notes
    -----
    The mean of uniforms on (low, high) has loc = low and scale = high - low. Everything else is as
    for `irwinhall.stats.irwinhall`.

    Examples
    --------
    >>> from irwinhall.stats import bates
    >>> bates.pdf([0.25, 0.5], 2)
    array([1., 2.])
    >>> mean = bates(12, loc=-1.0, scale=2.0)  # of uniforms on (-1, 1)
    >>> mean.support(), round(float(mean.std()), 9)
    ((np.float64(-1.0), np.float64(1.0)), 0.166666667)
    """

    def _get_support(self, n: Any) -> tuple[Any, Any]:
        zero = 0 * as_floats(n)
        return zero, zero + 1

    def _function(self, name: str, x: Any, n: Any) -> Any:
        if name in _MIRRORED:
            # From the nearer end, or the distance from the upper end would be lost.
            below, above = _UFUNCS[name], _UFUNCS[_MIRRORED[name]]
            return np.where(np.less(x, 0.5), below(x * n, n), above((1.0 - x) * n, n))
        if name in ("ppf", "isf"):
            return _UFUNCS[name](x, n) / n
        values = _UFUNCS[name](np.minimum(x, 1.0 - x) * n, n)
        return values * n if name == "pdf" else values + np.log(np.maximum(n, 1))

    def _unit(self, n: int) -> int:
        return n

    def _units(self, n: Any) -> Any:
        return as_floats(n)

    def _stats(self, n: Any) -> tuple[Any, Any, Any, Any]:
        n = as_floats(n)
        return 0.5 + 0 * n, 1 / (12 * n), 0 * n, -6 / (5 * n)


_MIRRORED = {"cdf": "sf", "sf": "cdf", "logcdf": "logsf", "logsf": "logcdf"}

irwinhall: _IrwinHall = _IrwinHall(name="irwinhall")
bates: _Bates = _Bates(name="bates")
