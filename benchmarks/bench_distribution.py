"""The Irwin-Hall distribution beside scipy.stats.irwinhall, a point of an array."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from irwinhall import distribution

POINTS = 10_000
# How many of the points SciPy gets: its time grows from 20 us to 300 ms a density, and a quantile
# takes some 50 densities. Beyond these n it takes minutes or all memory.
SCIPY_POINTS = {3: 100, 10: 100, 50: 100, 200: 20, 1000: 4, 10**4: 1}
SCIPY_QUANTILES = {3: 20, 10: 5, 50: 4, 200: 4, 1000: 1}
NUMBERS = [3, 10, 50, 100, 200, 1000, 10**4, 10**6]


@pytest.mark.parametrize("n", NUMBERS)
@pytest.mark.parametrize("function", ["pdf", "cdf", "logpdf", "ppf"])
def bench_distribution(versus, function, n):
    generator = np.random.default_rng(7)
    if function == "ppf":
        points, known = generator.uniform(size=POINTS), SCIPY_QUANTILES
    else:
        spread = 6 * math.sqrt(n / 12) * generator.uniform(-1, 1, POINTS)
        points, known = np.clip(n / 2 + spread, 0.01, n - 0.01), SCIPY_POINTS
    ours = getattr(distribution, function)
    rivals, parts = {}, {}
    if n in known:
        theirs, some = getattr(scipy.stats.irwinhall, function), points[: known[n]]
        np.testing.assert_allclose(ours(some, n), theirs(some, n), rtol=1e-9)
        rivals["scipy"] = lambda: theirs(some, n)
        parts["scipy"] = POINTS // known[n]
    versus(lambda: ours(points, n), rivals, rounds=15, calls=POINTS, parts=parts)


@pytest.mark.parametrize("n", [3, 50, 1000])
def bench_scalar_density(versus, n):
    def ours():
        for _ in range(POINTS):
            distribution.pdf(1.25, n)

    versus(ours, {}, calls=POINTS)
