"""Monte Carlo estimates against exact values, and their standard errors against theory."""

from __future__ import annotations

import math

import numpy as np
import pytest

import irwinhall
from irwinhall import montecarlo


@pytest.mark.parametrize("n", [1, 2, 3, 17, 1000])
def test_magnitude_estimates_the_expected_magnitude(n):
    estimate = montecarlo.magnitude(n, trials=20_000, seed=n)
    exact = irwinhall.expected_magnitude(n)
    assert abs(estimate.estimate - exact) < 5 * estimate.standard_error


def test_the_standard_error_is_the_theoretical_one():
    # E S^2 = n/3, so the variance of |S| is n/3 - A(n)^2.
    n, trials = 12, 100_000
    expected = math.sqrt((n / 3 - irwinhall.expected_magnitude(n) ** 2) / trials)
    estimate = montecarlo.magnitude(n, trials=trials)
    assert estimate.standard_error == pytest.approx(expected, rel=0.02)


def test_batches_give_the_moments_of_the_whole():
    values = np.random.default_rng(3).exponential(size=1000)
    moments = montecarlo._Moments()
    for piece in np.split(values, [1, 10, 11, 500]):
        moments.add(piece)
    estimate = moments.estimate()
    assert estimate.estimate == pytest.approx(values.mean(), rel=1e-14)
    assert estimate.standard_error == pytest.approx(values.std(ddof=1) / math.sqrt(1000), rel=1e-13)
    assert estimate.trials == 1000


@pytest.mark.parametrize(("n", "m"), [(1, 1), (7, 3), (3, 200)])
def test_layer_estimates_what_the_layer_preserves(n, m):
    estimates = montecarlo.layer(n, m, bound=0.3, trials=4_000, seed=5)
    exact = irwinhall.preserved_magnitude(n, m, 0.3)
    for estimate, value in zip(estimates, exact, strict=True):
        assert abs(estimate.estimate - value) < 5 * estimate.standard_error


def test_the_bound_only_scales():
    one = montecarlo.magnitude(5, trials=100)
    assert montecarlo.magnitude(5, bound=0.25, trials=100) == one.scaled(0.25)


def test_the_same_seed_gives_the_same_estimate():
    assert montecarlo.layer(3, 4, trials=50, seed=9) == montecarlo.layer(3, 4, trials=50, seed=9)
    assert montecarlo.layer(3, 4, trials=50, seed=9) != montecarlo.layer(3, 4, trials=50, seed=8)


def test_progress_counts_every_uniform():
    drawn = []
    montecarlo.magnitude(1000, trials=3000, progress=drawn.append)
    assert (sum(drawn), len(drawn) > 1) == (3_000_000, True)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n": 0}, ValueError, "n must be at least 1, got 0"),
        ({"n": 2.0}, TypeError, "n must be an integer, got 2.0"),
        ({"n": True}, TypeError, "n must be an integer, got True"),
        ({"n": 2, "trials": 1}, ValueError, "trials must be at least 2, got 1"),
        ({"n": 2, "bound": math.inf}, ValueError, "bound must be finite and at least 0, got inf"),
        ({"n": 2, "bound": -1}, ValueError, "bound must be finite and at least 0, got -1"),
        ({"n": 2, "bound": "1"}, TypeError, "bound must be a real number, got '1'"),
    ],
)
def test_bad_arguments_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        montecarlo.magnitude(**arguments)
    with pytest.raises(error, match=message):
        montecarlo.layer(**{"m": 3, **arguments})
