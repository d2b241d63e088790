"""irwinhall.stats beside scipy.stats, and weighted sums beside what users do without them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import scipy.stats
from scipy import optimize, special

import irwinhall
from irwinhall import distribution, stats
from irwinhall.stats._moments import entropy_of

GENERATOR = np.random.default_rng(1)
# Points of a call; SciPy takes milliseconds for each where n is large.
SIZES = {3: 2000, 10: 2000, 50: 2000, 200: 400, 1000: 40}


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("method", ["pdf", "cdf", "ppf"])
def bench_method(versus, method, n):
    count = SIZES[n] if method != "ppf" else max(2, SIZES[n] // 50)
    q = np.linspace(0.05, 0.95, count)
    points = q if method == "ppf" else stats.irwinhall.ppf(q, n)
    ours, theirs = getattr(stats.irwinhall, method), getattr(scipy.stats.irwinhall, method)
    np.testing.assert_allclose(ours(points, n), theirs(points, n), rtol=1e-6)
    versus(
        lambda: ours(points, n),
        {"scipy.stats.irwinhall": lambda: theirs(points, n)},
        rounds=7,
        calls=count,
    )


def bench_one_point(versus):
    versus(
        lambda: stats.irwinhall.pdf(4.5, 10),
        {"scipy.stats.irwinhall": lambda: scipy.stats.irwinhall.pdf(4.5, 10)},
    )


@pytest.mark.parametrize("n", [3, 50, 1000, 10_000])
def bench_rvs(versus, n):
    size = 10_000 if n <= 1000 else 1000

    def sample(law: scipy.stats.rv_continuous) -> Callable[[], object]:
        return lambda: law.rvs(n, size=size, random_state=np.random.default_rng(2))

    rivals = {"scipy.stats.irwinhall": sample(scipy.stats.irwinhall)}
    versus(sample(stats.irwinhall), rivals, rounds=7, calls=size)


def bench_entropy_uncached(versus):
    def ours() -> object:
        entropy_of.cache_clear()
        return stats.irwinhall.entropy(10)

    versus(ours, {"scipy.stats.irwinhall": lambda: scipy.stats.irwinhall.entropy(10)}, rounds=7)


@pytest.mark.parametrize("count", [10, 100, 1000, 10_000, 100_000])
def bench_weighted_cdf(versus, count):
    weights = GENERATOR.random(count) + 0.1
    deviation = np.sqrt(np.sum(weights**2) / 12)
    x = weights.sum() / 2 + deviation * np.linspace(-4.0, 4.0, 50)

    def simulated() -> object:
        # A hundredth of what a relative error of 1 % in the centre takes.
        sums = np.random.default_rng(3).random((100, count)) @ weights
        return np.mean(sums[:, np.newaxis] <= x, axis=0)

    versus(
        lambda: distribution.weighted_cdf(x, weights),
        {"10^4 simulated sums": simulated},
        rounds=7,
        calls=x.size,
        parts={"10^4 simulated sums": 100},
    )


def bench_weighted_cdf_far_tail(versus):
    weights = GENERATOR.random(1000) + 0.1
    x = np.linspace(0.05, 0.1, 20) * weights.sum()
    versus(lambda: distribution.weighted_cdf(x, weights), {}, rounds=7, calls=x.size)


@pytest.mark.parametrize("count", [5, 100, 5000])
def bench_weighted_ppf(versus, count):
    weights = GENERATOR.random(count) + 0.1
    q = np.array([1e-9, 0.025, 0.3])
    span = weights.sum()

    def bracketed() -> object:
        def missing(x: float, p: float) -> float:
            return distribution.weighted_cdf(x, weights) - p

        return [optimize.brentq(missing, 0.0, span, (p,), xtol=1e-13 * span) for p in q.tolist()]

    def simulated() -> object:
        # A hundredth of the sums, which is timed a hundredfold.
        return np.quantile(np.random.default_rng(3).random((10_000, count)) @ weights, q)

    versus(
        lambda: distribution.weighted_ppf(q, weights),
        {"brentq over weighted_cdf": bracketed, "10^6 simulated sums": simulated},
        rounds=7,
        calls=q.size,
        parts={"10^6 simulated sums": 100},
    )


@pytest.mark.parametrize("count", [10, 784, 1000, 1_000_000])
def bench_expected_magnitude_of(versus, count):
    inputs = GENERATOR.standard_normal(count)
    versus(lambda: irwinhall.expected_magnitude_of(inputs), {}, rounds=7)


@pytest.mark.parametrize("count", [10, 10_000])
def bench_edgington(versus, count):
    p = GENERATOR.random(count)
    versus(
        lambda: stats.edgington(p),
        {"combine_pvalues, Fisher": lambda: scipy.stats.combine_pvalues(p)},
        rounds=15,
    )


@pytest.mark.parametrize("normal", [0.0, 0.1])
def bench_coverage_interval(versus, normal):
    widths = [0.5, 0.2, 0.3, 0.1]

    def simulated() -> object:
        generator = np.random.default_rng(3)
        sums = sum(generator.uniform(-w, w, 10**6) for w in widths)
        sums += normal * generator.standard_normal(10**6) if normal else 0.0
        return np.quantile(sums, [0.025, 0.975])

    versus(
        lambda: stats.coverage_interval(widths, 0.95, normal=normal),
        {"10^6 simulated sums": simulated},
        rounds=7,
    )


@pytest.mark.parametrize("count", [5, 50])
def bench_p_value_function(versus, count):
    estimates, errors = GENERATOR.random(count), 0.1 + GENERATOR.random(count)
    effects = np.linspace(-1.0, 2.0, 1000)
    ours = stats.p_value_function(estimates, errors)

    def as_confmeta() -> object:
        # Its formula: the alternating sum up to 11 studies, and a normal from 12 on.
        total = special.ndtr((effects[:, np.newaxis] - estimates) / errors).sum(axis=1)
        if count >= 12:
            p = special.ndtr((total - count / 2) / np.sqrt(count / 12))
        else:
            k = np.arange(count + 1)
            signed = (-1.0) ** k * special.comb(count, k)
            powers = np.maximum(total[:, np.newaxis] - k, 0.0) ** count
            p = powers @ signed / special.factorial(count)
        return 2.0 * np.minimum(p, 1.0 - p)

    versus(lambda: ours(effects), {"confMeta's formula": as_confmeta}, calls=effects.size)


@pytest.mark.parametrize("count", [10, 50, 1000])
def bench_rao_spacing(versus, count):
    angles = 2.0 * np.pi * GENERATOR.random(count)

    def simulated() -> object:
        # A thousandth of the samples, which is timed a thousandfold.
        arcs = np.random.default_rng(3).standard_exponential((1000, count))
        arcs /= arcs.sum(axis=1, keepdims=True)
        return 0.5 * np.abs(arcs - 1.0 / count).sum(axis=1)

    versus(
        lambda: stats.rao_spacing(angles),
        {"10^6 simulated samples": simulated},
        rounds=7,
        parts={"10^6 simulated samples": 1000},
    )
