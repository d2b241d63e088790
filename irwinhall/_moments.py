"""Moments of truncated normals and of distributions on an interval.

A tanh-sinh rule in Python's own floats: the last bit does not depend on the version of NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

__all__ = ["INTERVALS", "Moments", "interval_moments", "truncated_moments"]


class Moments(NamedTuple):
    """Mean, standard deviation, mean magnitude, and the supremum of the magnitude."""

    mean: float
    std: float
    magnitude: float
    bound: float


@lru_cache(maxsize=1)
def _rule() -> list[tuple[float, float]]:
    """Return nodes and weights on (0, 1), exact for smooth functions, logarithms included."""
    step = 1 / 16
    rule = []
    for k in range(-58, 59):
        u = 0.5 * math.pi * math.sinh(k * step)
        weight = step * 0.25 * math.pi * math.cosh(k * step) / math.cosh(u) ** 2
        rule.append((1.0 / (1.0 + math.exp(-2.0 * u)), weight))
    return rule


# The density of a truncated normal is cut off where it has fallen by exp(-_FALL).
_FALL = 50.0


@lru_cache(maxsize=256)
def truncated_moments(low: float, high: float) -> Moments:
    """Return the moments of a standard normal that is truncated to [low, high]."""
    mode = min(max(0.0, low), high)
    reach = 2.0 * _FALL / (abs(mode) + math.sqrt(mode * mode + 2.0 * _FALL))
    # Relative to its mode, the density at the distance s from it is exp(-s (s/2 + |mode|)).
    above, below = (_side(min(end, reach), abs(mode)) for end in (high - mode, mode - low))
    mass = above[0] + below[0]
    first = (above[1] - below[1]) / mass
    away = (above[1] + below[1]) / mass
    variance = (above[2] + below[2]) / mass - first * first
    bound = max(abs(low), abs(high))
    return Moments(mode + first, math.sqrt(variance), abs(mode) + away, bound)


def _side(length: float, rate: float) -> tuple[float, float, float]:
    """Return the integrals of exp(-s (s/2 + rate)) times 1, s and s^2 over (0, length)."""
    nodes = [(length * x, length * w) for x, w in _rule()]
    terms = [(s, w * math.exp(-s * (0.5 * s + rate))) for s, w in nodes]
    zeroth, first, second = (math.fsum(w * s**power for s, w in terms) for power in range(3))
    return zeroth, first, second


# Each as a function of u, which is uniform on (0, 1) and in which it increases, and its zero.
Interval = Callable[[float, float], tuple[Callable[[float], float], float]]


def _uniform(low: float, high: float) -> tuple[Callable[[float], float], float]:
    return lambda u: (1.0 - u) * low + u * high, low / (low - high)


def _log_uniform(low: float, high: float) -> tuple[Callable[[float], float], float]:
    width = math.log(high / low)
    return lambda u: low * math.exp(width * u), 0.0


def _log_of_uniform(low: float, high: float) -> tuple[Callable[[float], float], float]:
    width = high - low

    def value(u: float) -> float:
        uniform = low + width * u
        return math.log(uniform) if uniform else -math.inf

    return value, (1.0 - low) / width


def _inverse_softplus(low: float, high: float) -> tuple[Callable[[float], float], float]:
    inner, _ = _log_uniform(low, high)

    def value(u: float) -> float:
        t = inner(u)
        return t + math.log(-math.expm1(-t))

    return value, math.log(math.log(2.0) / low) / math.log(high / low)


INTERVALS: dict[str, Interval] = {
    "uniform_between": _uniform,
    "log_uniform": _log_uniform,
    "log_of_uniform": _log_of_uniform,
    "inverse_softplus_log_uniform": _inverse_softplus,
}


@lru_cache(maxsize=256)
def interval_moments(law: str, low: float, high: float) -> Moments:
    """Return the moments of one of `INTERVALS` with the given ends."""
    value, zero = INTERVALS[law](low, high)
    # The magnitude has a kink at 0: integrate either side separately.
    pieces = [0.0, zero, 1.0] if 0.0 < zero < 1.0 else [0.0, 1.0]
    terms = [
        (value(begin + (end - begin) * x), (end - begin) * w)
        for begin, end in pairwise(pieces)
        for x, w in _rule()
    ]
    mean = math.fsum(w * y for y, w in terms)
    variance = math.fsum(w * (y - mean) ** 2 for y, w in terms)
    ends = [value(0.0), value(1.0)]
    magnitude = math.fsum(w * abs(y) for y, w in terms)
    return Moments(mean, math.sqrt(variance), magnitude, max(map(abs, ends)))
