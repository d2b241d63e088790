"""Maximum likelihood in the number of uniforms, loc and scale."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import optimize
from scipy.stats import FitError

from irwinhall.stats._counts import MOST

# A fit with loc and scale free stops here: the likelihood hardly tells such a sum from a normal.
_MOST_FITTED = 10**6


class Fit:
    """The likelihood of data, maximised over loc, scale and n where these are not fixed."""

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
