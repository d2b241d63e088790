"""Interval arithmetic on doubles, and power series with interval coefficients.

They enclose the value of a formula, both in exact arithmetic and as computed in doubles: every
operation widens its result by a few units in the last place, to cover the rounding of the
interval's ends and that of the formula's own operation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from irwinhall.approximations._expressions import Arithmetic

__all__ = [
    "INTERVALS",
    "SLOPES",
    "Interval",
    "Series",
    "Slope",
    "enclosed",
    "exactly",
    "series_arithmetic",
]

# Two roundings of half a unit each, doubled to cover their products as well.
_WIDENING = 2.0**-51


@dataclass(frozen=True)
class Interval:
    """All numbers from low to high, which may be arrays."""

    low: Any
    high: Any

    def __add__(self, other: Interval) -> Interval:
        return _widened(self.low + other.low, self.high + other.high)

    def __sub__(self, other: Interval) -> Interval:
        return _widened(self.low - other.high, self.high - other.low)

    def __mul__(self, other: Interval) -> Interval:
        return _corners(lambda x, y: x * y, self, other)

    def __truediv__(self, other: Interval) -> Interval:
        if np.any((other.low <= 0.0) & (other.high >= 0.0)):
            raise ZeroDivisionError("division by an interval that holds 0")
        return _corners(lambda x, y: x / y, self, other)

    def root(self) -> Interval:
        """Return the square roots."""
        return _widened(np.sqrt(self.low), np.sqrt(self.high))

    @property
    def magnitude(self) -> Any:
        """The largest absolute value."""
        return np.maximum(np.abs(self.low), np.abs(self.high))


def exactly(value: Any) -> Interval:
    """Return the interval that contains only one double."""
    return Interval(value, value)


def _widened(low: Any, high: Any) -> Interval:
    return Interval(low - np.abs(low) * _WIDENING, high + np.abs(high) * _WIDENING)


def _corners(operation: Callable[[Any, Any], Any], first: Interval, second: Interval) -> Interval:
    """Return the interval of a monotone operation on two intervals, from their four corners."""
    corners = [operation(x, y) for x in (first.low, first.high) for y in (second.low, second.high)]
    low, high = corners[0], corners[0]
    for corner in corners[1:]:
        low, high = np.minimum(low, corner), np.maximum(high, corner)
    return _widened(low, high)


def _no_cases(n: object, first: object, otherwise: Any) -> Any:
    """Return the formula for large n, where no value is tabulated."""
    return otherwise


INTERVALS = Arithmetic(exactly, {"sqrt": Interval.root}, _no_cases)


@dataclass(frozen=True)
class Slope:
    """The values of a function of one variable and of its derivative over intervals."""

    value: Interval
    slope: Interval

    def __add__(self, other: Slope) -> Slope:
        return Slope(self.value + other.value, self.slope + other.slope)

    def __sub__(self, other: Slope) -> Slope:
        return Slope(self.value - other.value, self.slope - other.slope)

    def __mul__(self, other: Slope) -> Slope:
        slope = self.slope * other.value + self.value * other.slope
        return Slope(self.value * other.value, slope)

    def __truediv__(self, other: Slope) -> Slope:
        value = self.value / other.value
        return Slope(value, (self.slope - value * other.slope) / other.value)

    def root(self) -> Slope:
        """Return the square roots."""
        value = self.value.root()
        return Slope(value, self.slope / (value + value))


def _constant(value: float) -> Slope:
    return Slope(exactly(value), exactly(0.0))


SLOPES = Arithmetic(_constant, {"sqrt": Slope.root}, _no_cases)


def enclosed(function: Callable[[Slope], Slope], x: Interval) -> Interval:
    """Return bounds of a function over intervals, by the mean value theorem where it is sharper.

    f(x) = f(middle) + f'(xi) (x - middle) for some xi between x and middle. The overestimation is
    proportional to the square of the width, not to the width.
    """
    middle = exactly(0.5 * (x.low + x.high))
    over = function(Slope(x, exactly(1.0)))
    at = function(Slope(middle, exactly(1.0)))
    mean = at.value + over.slope * (x - middle)
    return Interval(np.maximum(over.value.low, mean.low), np.minimum(over.value.high, mean.high))


@dataclass(frozen=True)
class Series:
    """t^valuation (c_0 + c_1 t + ... + c_K t^K) for 0 < t <= limit, every c_k within an interval.

    The c_k may differ from one t to another, so widening the intervals covers a rounding that
    depends on t. The last coefficient includes all higher powers:
    c_K t^K + c_(K+1) t^(K+1) = (c_K + c_(K+1) t) t^K.
    """

    coefficients: tuple[Interval, ...]
    limit: float
    valuation: int = 0

    def __add__(self, other: Series) -> Series:
        return self._joined(other, Interval.__add__)

    def __sub__(self, other: Series) -> Series:
        return self._joined(other, Interval.__sub__)

    def __mul__(self, other: Series) -> Series:
        product = _product(self.coefficients, other.coefficients)
        return self._like(self._folded(product), self.valuation + other.valuation)

    def __truediv__(self, other: Series) -> Series:
        return self * other.reciprocal()

    def reciprocal(self) -> Series:
        """Return 1/f.

        If g has the terms below K of 1/f, then f g = 1 + r t^K and 1/f = g - (r/f) t^K.
        """
        c, order = self.coefficients, len(self.coefficients) - 1
        g = [exactly(1.0) / c[0]]
        for k in range(1, order):
            known = _sum(c[i] * g[k - i] for i in range(1, k + 1))
            g.append(exactly(0.0) - known * g[0])
        rest = self._folded(_product(c, tuple(g)))[order]
        g.append(exactly(0.0) - rest / self._like(c, 0).range())
        return self._like(tuple(g), -self.valuation)

    def root(self) -> Series:
        """Return the square root; the valuation must be even.

        If s has the terms below K of sqrt f, then f = s^2 + r t^K and
        sqrt f = s + r/(sqrt f + s) t^K.
        """
        if self.valuation % 2:
            raise ValueError(f"valuation must be even, got {self.valuation}")
        c, order = self.coefficients, len(self.coefficients) - 1
        s = [c[0].root()]
        for k in range(1, order):
            known = _sum(s[i] * s[k - i] for i in range(1, k))
            s.append((c[k] - known) / (s[0] + s[0]))
        rest = c[order] - self._folded(_product(tuple(s), tuple(s)))[order]
        below = self._like((*s, exactly(0.0)), 0).range()
        s.append(rest / (self._like(c, 0).range().root() + below))
        return self._like(tuple(s), self.valuation // 2)

    def range(self) -> Interval:
        """Return bounds of the values over all t; the valuation must be 0."""
        if self.valuation:
            raise ValueError(f"valuation must be 0, got {self.valuation}")
        total = exactly(0.0)
        for coefficient in reversed(self.coefficients):
            total = coefficient + total * Interval(0.0, self.limit)
        return total

    def _like(self, coefficients: tuple[Interval, ...], valuation: int) -> Series:
        return Series(coefficients, self.limit, valuation)

    def _joined(self, other: Series, join: Callable[[Interval, Interval], Interval]) -> Series:
        valuation = min(self.valuation, other.valuation)
        shifted = [
            self._folded((exactly(0.0),) * (part.valuation - valuation) + part.coefficients)
            for part in (self, other)
        ]
        return self._like(tuple(map(join, *shifted)), valuation)

    def _folded(self, coefficients: tuple[Interval, ...]) -> tuple[Interval, ...]:
        """Return as many coefficients as this series has; the last includes all higher powers."""
        order = len(self.coefficients) - 1
        last = exactly(0.0)
        for coefficient in reversed(coefficients[order:]):
            last = coefficient + last * Interval(0.0, self.limit)
        kept = coefficients[:order]
        return (*kept, *(exactly(0.0),) * (order - len(kept)), last)


def series_arithmetic(order: int, limit: float) -> tuple[Arithmetic, Series]:
    """Return the arithmetic of series in t = n^(-1/2) up to t^order, and n as such a series."""

    def number(value: float, valuation: int = 0) -> Series:
        return Series((exactly(value), *(exactly(0.0),) * order), limit, valuation)

    return Arithmetic(number, {"sqrt": Series.root}, _no_cases), number(1.0, -2)


def _product(first: tuple[Interval, ...], second: tuple[Interval, ...]) -> tuple[Interval, ...]:
    return tuple(
        _sum(
            first[i] * second[k - i]
            for i in range(max(0, k - len(second) + 1), min(k + 1, len(first)))
        )
        for k in range(len(first) + len(second) - 1)
    )


def _sum(terms: Any) -> Interval:
    total = exactly(0.0)
    for term in terms:
        total = total + term
    return total
