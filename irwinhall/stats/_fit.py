"""Maximum likelihood estimates of the number of uniforms, loc and scale."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import optimize
from scipy.stats import FitError

from irwinhall.stats._counts import MOST, Floats

# From this many data on, a fit first searches a summary of them: the outermost data on either side,
# and two points for each cell between them, with the same moments up to the third.
_MANY, _OUTERMOST, _CELLS = 10_000, 200, 400
# A fit with free loc and scale stops at this n, where sums are nearly normal.
_MOST_FITTED = 10**6


class Fit:
    """The likelihood of data, maximized over those of loc, scale and n that are not fixed."""

    def __init__(self, law: Any, data: Any, loc: float | None, scale: float | None) -> None:
        self.law = law
        self.data = np.asarray(data, np.float64)
        self.loc = None if loc is None else float(loc)
        self.scale = None if scale is None else float(scale)
        if self.data.size == 0 or not np.isfinite(self.data).all():
            raise ValueError("data must be finite numbers, at least one")
        if scale is not None and not scale > 0:
            raise ValueError(f"fscale must be positive, got {scale}")
        self.low, self.high = float(self.data.min()), float(self.data.max())
        if self.low == self.high and self.loc is None and self.scale is None:
            raise FitError(
                "the likelihood grows without bound as scale falls to 0, since all data are "
                f"{self.low}; fix loc or scale"
            )
        self.centre, self.spread = float(self.data.mean()), float(self.data.std())
        self.shares: Any = None  # weights of the data, if they differ
        self.coarse: Fit | None = None
        if self.data.size >= _MANY and self.low < self.high:
            self.coarse = copy.copy(self)
            self.coarse.data, self.coarse.shares = _summary(self.data)
            self.coarse.known = {}
        self.known: dict[int, tuple[float, float, float]] = {}

    def cost(self, n: int, loc: float, scale: float) -> float:
        """Return the negative mean log-likelihood, infinite if a datum is impossible."""
        if not scale > 0.0:
            return math.inf
        logarithms = self.law.logpdf(self.data, n, loc, scale)
        return -float(np.mean(logarithms) if self.shares is None else self.shares @ logarithms)

    def at(self, n: int) -> tuple[float, float, float]:
        """Return (cost, loc, scale) for the best loc and scale at n."""
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
        """Maximize over loc and scale; the likelihood is log-concave in (1/scale, loc/scale)."""
        half = n / self.law._unit(n) / 2.0
        if self.coarse is None:
            reach = max(self.high - self.centre, self.centre - self.low)
            start = max(self.spread / float(self.law.std(n)), 1.05 * reach / half)
            centre, step = self.centre, 0.1
        else:
            _, loc, start = self.coarse.at(n)
            centre, step = loc + half * start, 1e-3

        def place(point: Any) -> tuple[float, float]:
            scale = start * math.exp(point[1])
            return centre + self.spread * point[0] - half * scale, scale

        found = optimize.minimize(
            lambda point: self.cost(n, *place(point)),
            (0.0, 0.0),
            method="Nelder-Mead",
            options={
                "xatol": 1e-7,
                "fatol": 1e-13,
                "initial_simplex": [(0, 0), (step, 0), (0, step)],
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
            raise ValueError("data must be possible with the fixed parameters")
        return n, loc, scale

    def over_n(self) -> tuple[int, float, float]:
        """Return the most likely (n, loc, scale)."""
        if self.coarse is None:
            return self.result(self._best_n())
        best, n = 0, self.coarse._best_n()
        while n != best:  # the summary may choose wrongly between nearly equal likelihoods
            best = n
            known = self.coarse.at(best)[0]
            near = [
                m for m in (n - 1, n + 1) if m and self.coarse.at(m)[0] - known < 1 / self.data.size
            ]
            n = min([best, *near], key=lambda m: self.at(m)[0])
        return self.result(best)

    def _best_n(self) -> int:
        """Increase n in growing steps until the likelihood falls, then search around the best n."""
        limit = _MOST_FITTED if self.loc is None and self.scale is None else MOST
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
                f"the likelihood still grows at n = {limit}, so the data have no most likely n "
                "(a normal distribution may fit them best); fix n with fn, or fix loc or scale"
            )
        low, high = ladder[max(best - 1, 0)], ladder[min(best + 1, len(ladder) - 1)]
        while high - low > 2:
            left = low + (high - low) // 3
            right = high - (high - low) // 3
            if self.at(left)[0] <= self.at(right)[0]:
                high = right
            else:
                low = left
        return min(range(low, high + 1), key=lambda n: self.at(n)[0])


def _summary(data: Floats) -> tuple[Floats, Floats]:
    """Return a few points and weights that approximate the mean of a smooth function of all data.

    Two points for each cell have its count and its moments up to the third, so the error is of the
    order of the fourth power of the cell's width, which is a few hundredths of a standard
    deviation.
    """
    ordered = np.sort(data)
    inner = ordered[_OUTERMOST:-_OUTERMOST]
    edges = np.linspace(inner[0], inner[-1], _CELLS + 1)[:-1]
    starts = np.unique(np.searchsorted(inner, edges))
    starts = starts[starts < inner.size]
    counts = np.diff(starts, append=inner.size)

    def moment(values: Floats) -> Floats:
        return np.asarray(np.add.reduceat(values, starts) / counts)

    mean = moment(inner)
    distance = inner - np.repeat(mean, counts)
    variance = moment(distance**2)
    # The two points of Gauss's rule for these moments lie at the roots of z^2 - lean z - variance.
    lean = moment(distance**3) / np.where(variance > 0.0, variance, 1.0)
    root = np.sqrt(lean**2 + 4.0 * variance)
    left, right = 0.5 * (lean - root), 0.5 * (lean + root)
    upper = np.where(root > 0.0, -left / np.where(root > 0.0, root, 1.0), 0.5)
    outermost = np.concatenate([ordered[:_OUTERMOST], ordered[-_OUTERMOST:]])
    points = np.concatenate([outermost, mean + left, mean + right])
    shares = np.concatenate([np.ones(outermost.size), counts * (1.0 - upper), counts * upper])
    used = shares > 0.0
    return points[used], shares[used] / data.size
