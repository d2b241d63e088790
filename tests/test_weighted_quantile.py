"""Quantiles and logarithms of weighted sums (ih_weighted_quantile.c) against exact volumes."""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from flint import arb
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from verify_weighted import hostile_weights, quantile_error
from weighted_oracle import by_corners, by_series

from irwinhall import distribution

quantiles = pytest.mark.parametrize(
    "quantile", [distribution.weighted_ppf, distribution.weighted_isf], ids=["ppf", "isf"]
)
LOGARITHMS = {
    "pdf": distribution.weighted_logpdf,
    "cdf": distribution.weighted_logcdf,
    "sf": distribution.weighted_logsf,
}
few = settings(max_examples=25)


# ---- quantiles -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(300))
def test_quantiles_of_few_hostile_weights_are_right_for_all_probabilities(seed):
    generator = np.random.default_rng(seed)
    weights = hostile_weights(generator, int(generator.integers(1, 13)))
    q = [*10.0 ** -generator.uniform(0.3, 300, 2), *generator.random(2), 1e-300, 1 - 2.0**-53]
    assert max(quantile_error(at, weights) for at in q) < 1e-13


@pytest.mark.parametrize("seed", range(12))
def test_quantiles_of_many_weights_are_right(seed):
    generator = np.random.default_rng(seed)
    weights = np.abs(hostile_weights(generator, int(generator.integers(13, 150)), 3))
    q = np.array([0.5, 0.2, 1e-3, 1e-9, 1e-20])
    x = distribution.weighted_ppf(q, weights)
    density, below, _ = by_series(weights, x.tolist(), 200)
    for at, place, slope, found in zip(q, x, density, below, strict=True):
        assert float(abs((found - arb(at)) / (slope * arb(place))).upper()) < 1e-13


@pytest.mark.parametrize("n", [1, 2, 10, 11, 28, 300, 5000])
def test_quantiles_of_equal_weights_are_those_of_irwin_hall(n):
    q = np.r_[10.0 ** -np.linspace(0.4, 300, 30), 0.6, 1 - 2.0**-53]
    assert_allclose(
        distribution.weighted_ppf(q, np.full(n, 3.0)), 3 * distribution.ppf(q, n), rtol=2e-15
    )
    assert_allclose(
        distribution.weighted_isf(q, np.full(n, -3.0)), -3 * distribution.ppf(q, n), rtol=2e-15
    )


@pytest.mark.parametrize("count", [13, 100, 1000, 5000])
@pytest.mark.parametrize("seed", range(6))
def test_quantiles_of_many_hostile_weights_have_their_probabilities(count, seed):
    generator = np.random.default_rng(seed)
    weights = hostile_weights(generator, count)
    q = np.array([1e-300, 1e-100, 1e-20, 1e-5, 0.2, 0.5])
    low = np.minimum(weights, 0.0).sum()
    sizes = np.abs(weights)  # so that x is the distance from the end
    x = distribution.weighted_ppf(q, sizes)
    steepness = np.maximum(
        1.0, x * distribution.weighted_pdf(x, sizes) / distribution.weighted_cdf(x, sizes)
    )
    found = distribution.weighted_cdf(x, sizes)
    assert np.all(np.abs(found / q - 1) < 1e-13 + 2.5e-16 * steepness)
    assert_allclose(distribution.weighted_ppf(q, weights), low + x, rtol=0, atol=1e-15 * sum(sizes))


def test_the_upper_tail_is_the_lower_one_of_the_negative_weights():
    weights, q = np.array([1.0, -2.0, 0.5, 3.0, 1e-12]), 10.0 ** -np.arange(1.0, 300.0, 7.0)
    upper = distribution.weighted_isf(q, weights)
    assert_array_equal(upper, -distribution.weighted_ppf(q, -weights))


@quantiles
def test_the_ends_and_the_centre_are_exact(quantile):
    weights = [1.0, 2.0, -4.0]
    ends = [-4.0, -0.5, 3.0]
    expected = ends if quantile is distribution.weighted_ppf else ends[::-1]
    assert_array_equal(quantile([0.0, 0.5, 1.0], weights), expected)
    assert quantile(0.5, [0.1, -0.1, 0.7, -0.7]) == 0.0


@quantiles
def test_logarithms_of_probabilities_reach_further(quantile):
    weights = np.array([1.0, 2.0, 0.5])
    assert_allclose(quantile(np.log(0.3), weights, log=True), quantile(0.3, weights), rtol=1e-15)
    assert_allclose(quantile(-1e-9, weights, log=True), quantile(-np.expm1(-1e-9), -weights) * -1)
    assert quantile(-np.inf, weights, log=True) == quantile(0.0, weights)
    assert quantile(-1e300, weights, log=True) == quantile(0.0, weights)
    assert quantile(0.0, weights, log=True) == quantile(1.0, weights)


@pytest.mark.parametrize("log_q", [-100.0, -1000.0, -5000.0, -1e5, -1e7])
def test_a_quantile_whose_probability_is_no_double(log_q):
    weights = np.full(50, 0.25)
    x = distribution.weighted_ppf(log_q, weights, log=True)
    if x > 0:
        assert_allclose(distribution.weighted_logcdf(x, weights), log_q, rtol=1e-14)
    assert_allclose(x, distribution.ppf(log_q, 50, log=True) / 4, rtol=1e-14)


weight_lists = st.lists(st.floats(0.01, 100.0), min_size=1, max_size=40)


@few
@given(weight_lists, st.floats(-600, -0.001))
def test_the_cdf_of_a_quantile_is_the_probability(weights, log_q):
    x = distribution.weighted_ppf(log_q, weights, log=True)
    steepness = x * distribution.weighted_pdf(x, weights) / distribution.weighted_cdf(x, weights)
    found = distribution.weighted_logcdf(x, weights)
    assert abs(found - log_q) < 1e-13 * max(1.0, steepness, -log_q)


@few
@given(weight_lists, st.floats(1e-300, 1.0), st.integers(-300, 300))
def test_quantiles_scale_by_powers_of_two(weights, q, power):
    scaled = np.ldexp(weights, power)
    assert distribution.weighted_ppf(q, scaled) == np.ldexp(
        distribution.weighted_ppf(q, weights), power
    )


def test_quantiles_broadcast_with_rows_of_weights():
    weights = np.array([[1.0, 2.0, 0.0], [1.0, 1.0, 1.0]])
    values = distribution.weighted_ppf([[0.1], [0.5], [np.nan]], weights)
    assert values.shape == (3, 2)
    assert values[0, 0] == distribution.weighted_ppf(0.1, [1.0, 2.0])
    assert_array_equal(values[1], [1.5, 1.5])
    assert np.isnan(values[2]).all()
    assert distribution.weighted_ppf(np.float32([0.1]), weights[1]).dtype == np.float32


@quantiles
@pytest.mark.parametrize(
    ("q", "log", "message"),
    [
        ([0.5, 1.5], False, r"q must be from 0 to 1, got 1.5 at index \(1,\)"),
        (-1e-300, False, "q must be from 0 to 1, got -1e-300"),
        (0.5, True, "log q must be at most 0, got 0.5"),
        ([0.5] * 3, False, "q must broadcast with all but the last axis of weights"),
    ],
)
def test_what_is_no_probability_is_said(quantile, q, log, message):
    with pytest.raises(ValueError, match=message):
        quantile(q, [[1.0, 2.0], [3.0, 4.0]], log=log)


# ---- logarithms ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", LOGARITHMS)
@pytest.mark.parametrize("seed", range(20))
def test_logarithms_of_few_weights_are_right(kind, seed):
    generator = np.random.default_rng(seed)
    weights = hostile_weights(generator, int(generator.integers(1, 10)))
    low, span = np.minimum(weights, 0.0).sum(), np.abs(weights).sum()
    x = [low + span * place for place in (1e-12, 1e-5, 0.1, 0.5, 0.9, 1 - 1e-5)]
    for at, value in zip(x, LOGARITHMS[kind](x, weights).tolist(), strict=True):
        exact = by_corners(kind, at, weights)
        if exact == 0:
            assert value == -math.inf
        else:
            with mpmath.workdps(40):
                less = exact - 1  # a fraction: what lacks to 1 is not lost
                less = mpmath.mpf(less.numerator) / less.denominator
                true = (
                    mpmath.log1p(less)
                    if exact > 0.1
                    else mpmath.log(mpmath.mpf(exact.numerator) / exact.denominator)
                )
                near_zero = 1 if kind == "pdf" else abs(true)
                assert abs(value - true) < 1e-13 * max(near_zero, abs(true))


def test_logarithms_are_finite_where_nothing_else_is():
    weights = np.r_[np.full(1000, 3.0), np.full(500, 1e-9)]
    # x^k/(k! w_1 ... w_k), k = 1500, and its derivative
    exact = 1500 * (math.log(1e-10)) - math.lgamma(1501) - np.log(weights).sum()
    assert_allclose(distribution.weighted_logcdf(1e-10, weights), exact, rtol=1e-14)
    exact += math.log(1500) - math.log(1e-10)
    assert_allclose(distribution.weighted_logpdf(1e-10, weights), exact, rtol=1e-14)
    assert distribution.weighted_cdf(1e-10, weights) == 0.0


@pytest.mark.parametrize("seed", range(10))
def test_logarithms_of_weights_of_more_sizes_than_64(seed):
    # A hundred large weights can be dropped; a dozen small ones are left, of which many are tiny.
    generator = np.random.default_rng(seed)
    weights = np.sort(10.0 ** generator.uniform(-60, 0, 122))
    x = 1.3 * float(weights[12])
    exact = by_corners("cdf", x, weights)
    with mpmath.workdps(40):
        true = mpmath.log(mpmath.mpf(exact.numerator) / exact.denominator)
        assert abs(distribution.weighted_logcdf(x, weights) / true - 1) < 1e-14
    found = distribution.weighted_ppf(float(true), weights, log=True)
    assert_allclose(found, x, rtol=1e-12)


def test_logarithms_scale_with_the_weights():
    x, weights = np.array([0.5, 2.0]), np.array([1.0, 2.0, 1.5])
    density = distribution.weighted_logpdf(2.0**700 * x, 2.0**700 * weights)
    assert_allclose(density, distribution.weighted_logpdf(x, weights) - 700 * math.log(2))
    below = distribution.weighted_logcdf(2.0**-700 * x, 2.0**-700 * weights)
    assert_array_equal(below, distribution.weighted_logcdf(x, weights))


def test_logarithms_at_the_ends():
    x = [-1.1, -1.0, 2.0, 2.1, -np.inf, np.inf, np.nan]
    weights = [2.0, -1.0]
    assert_array_equal(
        distribution.weighted_logcdf(x, weights), [-np.inf, -np.inf, 0, 0, -np.inf, 0, np.nan]
    )
    assert_array_equal(
        distribution.weighted_logsf(x, weights), [0, 0, -np.inf, -np.inf, 0, -np.inf, np.nan]
    )
    assert_array_equal(distribution.weighted_logpdf(x, weights), [-np.inf] * 6 + [np.nan])
    assert not np.signbit(distribution.weighted_logcdf(2.1, weights))


def test_a_logarithm_keeps_what_lacks_to_one():
    lacking = Fraction(1, 10**20) ** 3 / 6
    assert_allclose(
        distribution.weighted_logsf(1e-20, [1.0, 1.0, 1.0]), -float(lacking), rtol=1e-14
    )
