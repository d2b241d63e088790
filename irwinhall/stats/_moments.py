"""Exact moments of sums of uniforms, and their entropy."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache

import numpy as np

from irwinhall import distribution
from irwinhall.exact import uniform_cumulants


@lru_cache(maxsize=256)
def raw_moments(order: int, n: int) -> list[Fraction]:
    """Return E[S^0], ..., E[S^order] of the sum of n uniforms on (0, 1), from its cumulants."""
    return moments_of([n * cumulant for cumulant in cumulants_of(order, [Fraction(1)])])


def cumulants_of(order: int, weights: list[Fraction]) -> list[Fraction]:
    """Return the cumulants of order 0, 1, ..., `order` of a weighted sum of uniforms on (0, 1)."""
    even = uniform_cumulants(order // 2)
    cumulants = [Fraction(0), sum(weights, Fraction(0)) / 2] + [Fraction(0)] * (order - 1)
    for j in range(2, order + 1, 2):
        cumulants[j] = even[j // 2 - 1] * sum((w**j for w in weights), Fraction(0))
    return cumulants[: order + 1]


def moment_of_kind(cumulants: list[Fraction], kind: str) -> float:
    """Return the last order's raw, central or standardized moment of a symmetric distribution."""
    order = len(cumulants) - 1
    if kind != "raw" and order > 0:
        cumulants = [Fraction(0), Fraction(0), *cumulants[2:]]
    moment = moments_of(cumulants)[-1]
    if kind == "standardized" and order > 1:
        moment = moment / cumulants[2] ** (order // 2)  # 0 for odd orders
    return rounded(moment)


def moments_of(cumulants: list[Fraction]) -> list[Fraction]:
    """Return the raw moments of order 0, 1, ... from the cumulants of these orders."""
    moments = [Fraction(1)]
    for k in range(1, len(cumulants)):
        terms = (
            math.comb(k - 1, j - 1) * cumulants[j] * moments[k - j]
            for j in range(1, k + 1)
            if cumulants[j]
        )
        moments.append(sum(terms, Fraction(0)))
    return moments


def rounded(value: Fraction) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


@lru_cache(maxsize=1024)
def entropy_of(n: int) -> float:
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
