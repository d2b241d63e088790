"""Drop-ins for scipy.stats: the Irwin-Hall and Bates distributions, and Edgington's method.

`irwinhall` and `bates` are continuous distributions of SciPy's kind, with its signatures, shapes
and conventions: invalid parameters give NaN, and whatever SciPy offers for all of them works. The
values are those of `irwinhall.distribution`, whose accuracy they have.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize
from scipy.stats import CensoredData, FitError, rv_continuous
from scipy.stats._distn_infrastructure import _ShapeInfo

from irwinhall import _distribution, distribution
from irwinhall.exact import uniform_cumulants
from irwinhall.stream import Stream

__all__ = ["EdgingtonResult", "bates", "edgington", "irwinhall"]

# The largest n of irwinhall.distribution.
_MOST = 2**53
# Up to this n a draw adds n uniforms; above it a draw is the quantile of one, which costs as much.
_MOST_ADDED = 64
# Doubles that are drawn at a time, where several sums are added at once.
_BLOCK = 2**14
# A fit with loc and scale free stops here: the likelihood hardly tells such a sum from a normal.
_MOST_FITTED = 10**6

_UFUNCS = _distribution.UFUNCS
_SCALARS = (int, float)

_Floats = NDArray[np.float64]


class _UniformSum(rv_continuous):  # type: ignore[misc]
    """What the sum and the mean of n uniforms share."""

    def _argcheck(self, n: Any) -> Any:
        return _valid(n)

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
        if plain and 1 <= n <= _MOST and scale > 0:  # most calls, in a third of the time
            return at, n, loc, scale, True
        n, loc, scale = np.asarray(n), np.asarray(loc, np.float64), np.asarray(scale, np.float64)
        good = np.asarray(self._argcheck(n) & (scale > 0))
        if good.all():
            return at, _integers(n), loc, scale, True
        return at, _integers(np.where(good, n, 1)), loc, np.where(good, scale, 1.0), good

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
        """Return the x at which the cdf is q; NaN where q is no probability."""
        return self._quantile("ppf", q, *args, **kwds)

    def isf(self, q: ArrayLike, *args: Any, **kwds: Any) -> Any:
        """Return the x at which the survival function is q; NaN where q is no probability."""
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
        return self._function("pdf", x, _integers(n))

    def _logpdf(self, x: Any, n: Any) -> Any:
        return self._function("logpdf", x, _integers(n))

    def _cdf(self, x: Any, n: Any) -> Any:
        return self._function("cdf", x, _integers(n))

    def _logcdf(self, x: Any, n: Any) -> Any:
        return self._function("logcdf", x, _integers(n))

    def _sf(self, x: Any, n: Any) -> Any:
        return self._function("sf", x, _integers(n))

    def _logsf(self, x: Any, n: Any) -> Any:
        return self._function("logsf", x, _integers(n))

    def _ppf(self, q: Any, n: Any) -> Any:
        return self._function("ppf", q, _integers(n))

    def _isf(self, q: Any, n: Any) -> Any:
        return self._function("isf", q, _integers(n))

    # ---- moments, entropy ------------------------------------------------------------------------

    def _unit(self, n: int) -> int:
        """Return what the sum of n uniforms is divided by."""
        raise NotImplementedError

    def _munp(self, order: int, n: Any) -> Any:
        def one(order: int, n: float) -> float:
            if not self._argcheck(n):  # SciPy's newer interface asks for any n
                return float(self.badvalue)
            moment = _raw_moments(int(order), int(n))[-1]
            return _rounded(moment / self._unit(int(n)) ** int(order))

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
            raw = _raw_moments(power, int(n))
            lowest = 0 if shift else power
            terms = (
                math.comb(power, j) * factor**j * shift ** (power - j) * raw[j]
                for j in range(lowest, power + 1)
            )
            return _rounded(sum(terms, Fraction(0)))

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
            return _entropy(int(n)) - math.log(self._unit(int(n)))

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
        integers = _integers(np.broadcast_to(n, size))
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
        integers = _integers(n).ravel()
        total = np.empty((integers.size, *(size[axis] for axis in inner)))
        start = 0
        for count, run in groupby(integers.tolist()):
            stop = start + sum(1 for _ in run)
            if not self._argcheck(count):
                total[start:stop] = self.badvalue
            elif count <= _MOST_ADDED:
                _add_uniforms(total[start:stop], count, random_state)
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

        For each n the likelihood is maximised over loc and scale; over n it is searched upwards
        until it falls. Keywords fix parameters as in SciPy: `fn` (or `f0`, `fix_n`), `floc` and
        `fscale`. Starting points for n, `loc` and `scale` may be given as in SciPy; none is needed.

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
            raise TypeError("fit takes no optimizer: n is an integer, and has a search of its own")
        if str(kwds.pop("method", "mle")).lower() != "mle":
            raise ValueError("method must be 'MLE'; no other is offered")
        for start in ("n", "loc", "scale"):
            kwds.pop(start, None)
        fixed_n = [kwds.pop(name) for name in ("f0", "fn", "fix_n") if name in kwds]
        fit = _Fit(self, np.ravel(data), kwds.pop("floc", None), kwds.pop("fscale", None))
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

    `rvs` adds uniforms up to n = 64 and above that is the quantile function of one. Besides what
    SciPy takes as `random_state`, `rng` takes a Generator, a seed or an `irwinhall.Stream`.

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
        return 0 * _floats(n), _floats(n)

    def _function(self, name: str, x: Any, n: Any) -> Any:
        return _UFUNCS[name](x, n)

    def _unit(self, n: int) -> int:
        return 1

    def _units(self, n: Any) -> Any:
        return 1.0

    def _stats(self, n: Any) -> tuple[Any, Any, Any, Any]:
        n = _floats(n)
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
        zero = 0 * _floats(n)
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
        return _floats(n)

    def _stats(self, n: Any) -> tuple[Any, Any, Any, Any]:
        n = _floats(n)
        return 0.5 + 0 * n, 1 / (12 * n), 0 * n, -6 / (5 * n)


_MIRRORED = {"cdf": "sf", "sf": "cdf", "logcdf": "logsf", "logsf": "logcdf"}

irwinhall = _IrwinHall(name="irwinhall")
bates = _Bates(name="bates")


# ---- exact numbers -------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def _raw_moments(order: int, n: int) -> list[Fraction]:
    """Return E[S^0], ..., E[S^order] of the sum of n uniforms on (0, 1), from its cumulants."""
    even = uniform_cumulants(order // 2)
    cumulants = [Fraction(0), Fraction(n, 2)]
    for j in range(2, order + 1):
        cumulants.append(n * even[j // 2 - 1] if j % 2 == 0 else Fraction(0))
    moments = [Fraction(1)]
    for k in range(1, order + 1):
        terms = (
            math.comb(k - 1, j - 1) * cumulants[j] * moments[k - j]
            for j in range(1, k + 1)
            if cumulants[j]
        )
        moments.append(sum(terms, Fraction(0)))
    return moments


def _valid(n: Any) -> Any:
    return (n >= 1) & (n <= _MOST) & (n == np.floor(n))


def _integers(n: Any) -> NDArray[np.int64]:
    """Return n as int64, which arithmetic takes without overflow, and 0 where it is not valid."""
    n = np.asarray(n)
    return np.where(_valid(n), n, 0).astype(np.int64)


def _floats(n: Any) -> _Floats:
    """Return n as float64, and NaN where it is not valid."""
    n = np.asarray(n)
    return np.where(_valid(n), n, np.nan).astype(np.float64, copy=False)


def _add_uniforms(total: _Floats, count: int, random_state: Any) -> None:
    """Write sums of `count` uniforms, row after row, each the bits of uniforms.sum(axis=0)."""
    shape = total.shape[1:]
    length = math.prod(shape) * count  # the uniforms of a row
    if length == 0:
        return
    if length <= _BLOCK or length == count:
        rows = max(1, _BLOCK // length)
        for start in range(0, len(total), rows):
            part = total[start : start + rows]
            part[...] = random_state.random((len(part), count, *shape)).sum(axis=1)
        return
    for row in range(len(total)):  # NumPy adds arrays one after another, too
        total[row] = random_state.random(shape)
        for _ in range(count - 1):
            total[row] += random_state.random(shape)


def _rounded(value: Fraction) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


@lru_cache(maxsize=1024)
def _entropy(n: int) -> float:
    """Return the entropy of the sum of n uniforms on (0, 1), to about 1e-13."""
    if n == 1:
        return 0.0
    if n <= 32:
        # Between knots -f log f is analytic, but for the first piece f = x^(n-1)/(n-1)!, whose
        # integral is known; the other half of the pieces mirrors this one.
        log_factor = -math.lgamma(n)
        first = math.exp(log_factor) * ((n - 1) / n**2 - log_factor / n)
        nodes, weights = np.polynomial.legendre.leggauss(48)
        ends = np.append(np.arange(1.0, n / 2), n / 2)
        widths = np.diff(ends)[:, np.newaxis]
        inner = ends[:-1, np.newaxis] + widths * (nodes + 1.0) / 2.0
        terms = distribution.pdf(inner, n) * distribution.logpdf(inner, n) * widths * weights / 2.0
        return 2.0 * (first - float(terms.sum()))
    # Near a normal the trapezoidal rule converges like its square: ten standard deviations, in
    # steps of a power of two, which n/2 and all its multiples can be added to without rounding.
    deviation = math.sqrt(n / 12.0)
    step = 2.0 ** math.floor(math.log2(deviation / 6.0))
    x = n / 2.0 - step * np.arange(0.0, 10.0 * deviation / step)
    x = x[x > 0.0]
    terms = distribution.pdf(x, n) * distribution.logpdf(x, n)
    return -step * float(2.0 * terms.sum() - terms[0])


# ---- fits ----------------------------------------------------------------------------------------


class _Fit:
    """The likelihood of data, maximised over loc, scale and n where these are not fixed."""

    def __init__(self, law: _UniformSum, data: Any, loc: float | None, scale: float | None) -> None:
        self.law = law
        self.data = np.asarray(data, np.float64)
        self.loc = None if loc is None else float(loc)
        self.scale = None if scale is None else float(scale)
        if self.data.size == 0 or not np.isfinite(self.data).all():
            raise ValueError("data must be finite numbers, at least one")
        if scale is not None and not scale > 0:
            raise ValueError(f"fscale must be positive, got {scale}")
        self.low, self.high = float(self.data.min()), float(self.data.max())
        self.known: dict[int, tuple[float, float, float]] = {}

    def cost(self, n: int, loc: float, scale: float) -> float:
        """Return the negative mean log-likelihood, infinite where a datum is impossible."""
        if not scale > 0.0:
            return math.inf
        return -float(np.mean(self.law.logpdf(self.data, n, loc, scale)))

    def at(self, n: int) -> tuple[float, float, float]:
        """Return (cost, loc, scale) of the best loc and scale for n."""
        if n not in self.known:
            self.known[n] = self._best(n)
        return self.known[n]

    def _best(self, n: int) -> tuple[float, float, float]:
        low, high = self.low, self.high
        width = n / self.law._unit(n)
        if self.loc is not None and self.scale is not None:
            return self.cost(n, self.loc, self.scale), self.loc, self.scale
        if self.scale is not None:
            loc = self._minimum(
                lambda loc: self.cost(n, loc, float(self.scale or 0)),
                high - width * self.scale,
                low,
            )
            return self.cost(n, loc, self.scale), loc, self.scale
        if self.loc is not None:
            least = (high - self.loc) / width
            if not least > 0.0 or low < self.loc:
                return math.inf, self.loc, math.nan
            if n == 1:
                return self.cost(n, self.loc, least), self.loc, least
            fixed = self.loc
            start = math.log(least)
            factor = math.exp(
                self._minimum(lambda b: self.cost(n, fixed, math.exp(b)), start, start + 20.0)
            )
            return self.cost(n, fixed, factor), fixed, factor
        if n == 1 or low == high:
            return (self.cost(1, low, high - low) if n == 1 else math.inf), low, high - low
        return self._both(n)

    def _both(self, n: int) -> tuple[float, float, float]:
        """Maximise over loc and scale; the likelihood is log-concave in (1/scale, loc/scale)."""
        centre, spread = float(self.data.mean()), float(self.data.std())
        half = n / self.law._unit(n) / 2.0
        reach = max(self.high - centre, centre - self.low)
        start = max(spread / float(self.law.std(n)), 1.05 * reach / half)

        def place(point: Any) -> tuple[float, float]:
            scale = start * math.exp(point[1])
            return centre + spread * point[0] - half * scale, scale

        found = optimize.minimize(
            lambda point: self.cost(n, *place(point)),
            (0.0, 0.0),
            method="Nelder-Mead",
            options={
                "xatol": 1e-7,
                "fatol": 1e-13,
                "initial_simplex": [(0, 0), (0.1, 0), (0, 0.1)],
            },
        )
        loc, scale = place(found.x.tolist())
        return float(found.fun), loc, scale

    @staticmethod
    def _minimum(cost: Callable[[float], float], low: float, high: float) -> float:
        if low >= high:
            return low
        options = {"xatol": 1e-10 * (high - low)}
        found = optimize.minimize_scalar(
            cost, bounds=(low, high), method="bounded", options=options
        )
        return float(found.x)

    def result(self, n: int) -> tuple[int, float, float]:
        cost, loc, scale = self.at(n)
        if not math.isfinite(cost):
            raise ValueError("data must be possible for the parameters that are fixed")
        return n, loc, scale

    def over_n(self) -> tuple[int, float, float]:
        """Climb a ladder of n until the likelihood falls, and search between the best's rungs."""
        limit = _MOST_FITTED if self.loc is None and self.scale is None else _MOST
        ladder = [1]
        while ladder[-1] < limit:
            ladder.append(min(limit, ladder[-1] + max(1, ladder[-1] // 3)))
        best = 0
        for rung, n in enumerate(ladder):
            if self.at(n)[0] < self.at(ladder[best])[0]:
                best = rung
            elif rung > best + 3 and math.isfinite(self.at(ladder[best])[0]):
                break
        if best >= len(ladder) - 2:  # the last two hardly differ
            raise FitError(
                f"the likelihood still grows at n = {limit}, as for data that a normal fits best: "
                "they have no most likely n; fix n by fn, or more of loc and scale"
            )
        low, high = ladder[max(best - 1, 0)], ladder[min(best + 1, len(ladder) - 1)]
        while high - low > 2:
            left = low + (high - low) // 3
            right = high - (high - low) // 3
            if self.at(left)[0] <= self.at(right)[0]:
                high = right
            else:
                low = left
        return self.result(min(range(low, high + 1), key=lambda n: self.at(n)[0]))


# ---- Edgington's method --------------------------------------------------------------------------


class EdgingtonResult(NamedTuple):
    """The sum of p-values and the probability of a sum so small.

    Examples
    --------
    >>> from irwinhall.stats import EdgingtonResult
    >>> EdgingtonResult._fields
    ('statistic', 'pvalue')
    """

    statistic: Any
    pvalue: Any


def edgington(
    pvalues: ArrayLike, weights: ArrayLike | None = None, *, axis: int | None = 0
) -> EdgingtonResult:
    """Combine independent p-values by their sum (Edgington's method).

    If all null hypotheses hold, the p-values are uniform, and their sum has the Irwin-Hall
    distribution; with weights, that of a weighted sum.

    Parameters
    ----------
    pvalues : array_like of float
        The p-values, in (0, 1]; any number of them.
    weights : array_like of float, optional
        Their weights, positive and as many; default all the same.
    axis : int or None
        The axis along which they are combined; None combines all.

    Returns
    -------
    EdgingtonResult
        (statistic, pvalue): the sum and the combined p-value, floats for one axis, else arrays
        without `axis`.

    Raises
    ------
    TypeError
        If pvalues or weights are not real.
    ValueError
        If a p-value is 0, negative, above 1 or NaN, a weight is not positive or not finite, there
        are no p-values, or the weights are not as many.

    Notes
    -----
    The relative error of the combined p-value is below 1e-12, however small it is; the sum is
    correctly rounded without weights. `scipy.stats.combine_pvalues` has this result for other
    methods.

    References
    ----------
    Edgington, E. S. (1972), An additive method for combining probability values from independent
    experiments, The Journal of Psychology 80, 351-363.

    Examples
    --------
    >>> from irwinhall.stats import edgington
    >>> edgington([0.2, 0.35, 0.35, 0.4, 0.4, 0.4, 0.4])
    EdgingtonResult(statistic=2.5, pvalue=0.0974...)
    >>> edgington([0.01, 0.2, 0.1], weights=[3.0, 1.0, 2.0]).pvalue
    0.0022...
    """
    p = _distribution.checked_reals("pvalues", pvalues).astype(np.float64, copy=False)
    if p.ndim == 0:
        raise ValueError(f"pvalues must have at least one axis, got {pvalues!r}")
    _refuse("pvalues", "in (0, 1]", p, ~((p > 0.0) & (p <= 1.0)))
    rows = p.ravel() if axis is None else np.moveaxis(p, axis, -1)
    count = rows.shape[-1]
    if count == 0:
        raise ValueError("pvalues must be at least one along the axis")
    if weights is None:
        terms = rows
    else:
        w = _distribution.checked_reals("weights", weights).astype(np.float64, copy=False)
        if w.shape != (count,):
            raise ValueError(f"weights must have shape ({count},), got {w.shape}")
        _refuse("weights", "positive and finite", w, ~((w > 0.0) & (w < math.inf)))
        terms = rows * w
    sums = np.array([math.fsum(row) for row in terms.reshape(-1, count)]).reshape(rows.shape[:-1])
    statistic: Any = sums if sums.ndim else sums.item()
    if weights is None:
        return EdgingtonResult(statistic, distribution.cdf(statistic, count))
    return EdgingtonResult(statistic, distribution.weighted_cdf(statistic, w))


def _refuse(name: str, wanted: str, values: _Floats, wrong: NDArray[np.bool_]) -> None:
    if wrong.any():
        first = tuple(int(i) for i in np.unravel_index(np.argmax(wrong), values.shape))
        raise ValueError(f"{name} must be {wanted}, got {values[first]} at index {first}")
