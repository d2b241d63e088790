"""Weighted sums of uniforms (ih_weighted.c) against exact volumes and Fourier series."""

import json
import math
import threading
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from verify_weighted import PROMISED, RECORD, monte_carlo_cases, probabilities
from weighted_oracle import by_corners, by_series, relative_error

import irwinhall
from irwinhall import distribution
from irwinhall._distribution import row_sums

FUNCTIONS = {
    "pdf": distribution.weighted_pdf,
    "cdf": distribution.weighted_cdf,
    "sf": distribution.weighted_sf,
}
kinds = pytest.mark.parametrize("kind", FUNCTIONS)
few = settings(max_examples=25)


def worst_error(kind, x, weights):
    values = np.atleast_1d(FUNCTIONS[kind](x, weights)).tolist()
    exact = [by_corners(kind, at, weights) for at in np.atleast_1d(x)]
    return max(relative_error(v, e) for v, e in zip(values, exact, strict=True) if e > 1e-300)


def points(weights, generator):
    """Return points everywhere: over the support, in both far tails and beside knots."""
    sizes = np.abs(weights)
    low, span = np.minimum(weights, 0.0).sum(), sizes.sum()
    knots = low + [(sizes * (generator.random(sizes.size) < 0.5)).sum() for _ in range(3)]
    tails = span * 10.0 ** generator.uniform(-9, 0, 4)
    return np.concatenate(
        [low + span * generator.random(4), low + tails, low + span - tails, knots, knots + 1e-9]
    )


# ---- few weights, exactly ------------------------------------------------------------------------

SETS = {
    "one": [0.75],
    "two": [1.0, 0.3],
    "two far apart": [1.0, 1e-9],
    "signs": [1.0, -2.0, 0.5, -0.125],
    "equal": [1.0] * 7,
    "twelve equal": [0.1] * 12,
    "three scales": [1.0, 1.1, 1e-4, 1.2e-4, 1e-8, 1.1e-8, 0.9e-8],
    "powers of two": list(0.5 ** np.arange(12)),
    "powers of ten": list(10.0 ** -np.arange(12)),
    "harmonic": list(1.0 / np.arange(1, 13)),
    "one dominant": [1.0] + [1e-5] * 10,
    "huge": [1e200, 2e200, 1e199, 3e198, 1e200, 1e200, 1e198, 1e200],
}


@kinds
@pytest.mark.parametrize("name", SETS)
def test_few_weights_are_right_everywhere(kind, name):
    weights = np.array(SETS[name])
    assert worst_error(kind, points(weights, np.random.default_rng(1)), weights) < 1e-13


@kinds
def test_weights_and_points_as_far_apart_as_can_be(kind):
    weights = np.array([1.0, 1e-30, 1e-60, 1e-90, 1e-118] * 2)
    x = np.array([1e-300, 1e-119, 1e-100, 2e-90, 0.7e-60, 2e-60, 1e-45, 1e-20, 0.3, 1.0, 1.7])
    assert worst_error(kind, x, weights) < 1e-13


@kinds
@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("largest", [-600, 0, 60, 80, 500, 900])
@pytest.mark.parametrize("ratio", [0, -52, -399])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_points_that_are_no_doubles_in_units_of_the_weights(kind, sign, largest, ratio, count):
    weights = sign * np.ldexp(
        [1.0, 1.3, 1.1, 1.7][:count], [largest, *[largest + ratio] * 3][:count]
    )
    x = sign * 1.2345678912345 * 2.0 ** np.array([-1074.0, -1060, -1022, -1000, -950, -700])
    x = np.concatenate([x, -x])
    for at, value in zip(x.tolist(), FUNCTIONS[kind](x, weights).tolist(), strict=True):
        exact = by_corners(kind, at, weights)
        if 0 < exact < Fraction(2) ** 1023:
            assert (
                abs(Fraction(value) - exact) <= exact * Fraction(1, 10**13) + Fraction(2) ** -1075
            )
        else:
            assert value == (exact and math.inf)


def test_a_density_far_below_the_weights_is_as_published():
    x = 1.2345678912345 * 2.0**-1000
    assert_allclose(distribution.weighted_pdf(x, [2.0**80, 2.0**-320]), 2.04e-229, rtol=5e-3)
    exact = by_corners("pdf", x, [2.0**60, 2.0**-340])
    assert relative_error(distribution.weighted_pdf(x, [2.0**60, 2.0**-340]), exact) < 1e-15


@kinds
@given(
    st.lists(st.floats(-9, 3), min_size=1, max_size=9),
    st.lists(st.booleans(), min_size=9, max_size=9),
    st.integers(0, 2**32),
)
@few
def test_random_weights_of_all_sizes_are_right_everywhere(kind, logarithms, signs, seed):
    weights = 10.0 ** np.array(logarithms) * np.where(signs[: len(logarithms)], 1.0, -1.0)
    assert worst_error(kind, points(weights, np.random.default_rng(seed)), weights) < 1e-13


def test_the_ends_of_the_support():
    weights = [2.0, -1.0]
    assert_array_equal(distribution.weighted_pdf([-1.0, 2.0, -1.1, 2.1], weights), 0.0)
    assert_array_equal(distribution.weighted_cdf([-1.0, 2.0, -np.inf, np.inf], weights), [0, 1] * 2)
    assert_array_equal(distribution.weighted_sf([-1.0, 2.0, -np.inf, np.inf], weights), [1, 0] * 2)
    assert_array_equal(distribution.weighted_pdf([0.0, -4.0], [-4.0]), 0.25)


@kinds
def test_nan_gives_nan(kind):
    assert_array_equal(np.isnan(FUNCTIONS[kind]([np.nan, 0.5], [1.0, 2.0])), [True, False])


# ---- many weights, by Fourier series -------------------------------------------------------------

GENERATOR = np.random.default_rng(4)
MANY = {
    "30 random": GENERATOR.random(30) + 0.05,
    "60 harmonic": 1.0 / np.arange(1, 61),
    "60 geometric": 0.9 ** np.arange(60),
    "100 ones": np.ones(100),
    "three large": np.r_[5.0, 4.0, 3.0, np.full(200, 0.05)],
    "400 random": GENERATOR.random(400),
}


@pytest.mark.parametrize("name", MANY)
def test_many_weights_are_right_in_the_centre_and_in_the_tail(name):
    weights = MANY[name]
    span, deviation = float(weights.sum()), math.sqrt(np.sum(weights**2) / 12)
    x = [span / 2 - steps * deviation for steps in (0.0, 0.7, 2.0, 4.0, 8.0)]
    x = [at for at in x if at > 0.1 * span]
    density, below, magnitude = by_series(weights, x, 200)
    for kind, balls in (("pdf", density), ("cdf", below)):
        for value, exact in zip(FUNCTIONS[kind](x, weights), balls, strict=True):
            assert relative_error(value, exact) < 1e-13
    assert relative_error(2 * distribution.expected_magnitude_of(weights), 4 * magnitude) < 1e-13


@pytest.mark.parametrize(
    ("n", "w", "x", "promised"),
    [
        (92, 0.6031288287951451, 1.0106234653201014, 1e-13),
        (93, 0.9489718838072069, 5.155286839131354, 1e-13),
        (429, 0.6018400107105623, 25.76302668511501, 1e-12),
        (1721, 0.514740039833135, 236.51204576511188, 1e-12),
        (478, 1.0, 63.6417185600701, 1e-12),
        (1092, 1.0, 294.79690847055684, 1e-12),
        (1913, 0.8485610643935648, 440.2506009644766, 1e-12),
    ],
)
def test_the_worst_points_that_docs_stats_names(n, w, x, promised):
    place, value = Fraction(x) / Fraction(w), distribution.weighted_cdf(x, [w] * n)
    nearest = float(place)
    # The Irwin-Hall distribution is right to 1e-14 there, and the place is no double.
    steepness = distribution.pdf(nearest, n) / distribution.cdf(nearest, n)
    truth = distribution.cdf(nearest, n) * (1 + steepness * float(place - Fraction(nearest)))
    assert abs(value / truth - 1) < promised


@pytest.mark.parametrize("n", [13, 200, 1000])
def test_equal_weights_are_the_irwin_hall_distribution(n):
    x = n / 2 - math.sqrt(n / 12) * np.array([0.0, 1.5, 6.0, 20.0])
    x = x[x > 0]
    for kind in FUNCTIONS:
        expected = getattr(distribution, kind)(x, n)
        assert_allclose(
            FUNCTIONS[kind](3 * x, np.full(n, 3.0)) * (3 if kind == "pdf" else 1),
            expected,
            rtol=2e-13,
        )


def test_a_hundred_thousand_weights():
    weights = np.random.default_rng(2).random(100_000)
    low, middle = distribution.weighted_cdf([24_000.0, weights.sum() / 2], weights)
    assert abs(middle - 0.5) < 1e-12
    assert 0 < low < 1e-20


def test_a_dominant_weight_hides_ten_thousand():
    # P(U + R <= x) = E[x - R] where R < x < 1.
    small = np.full(10_000, 1e-9)
    assert_allclose(distribution.weighted_cdf(0.5, np.append(small, 1.0)), 0.5 - 5e-6, rtol=1e-14)


# ---- properties ----------------------------------------------------------------------------------

weight_lists = st.lists(st.floats(0.01, 100.0), min_size=1, max_size=40)


@few
@given(weight_lists, st.floats(0.0, 1.0))
def test_the_probabilities_of_both_sides_add_to_one(weights, place):
    x = place * sum(weights)
    total = distribution.weighted_cdf(x, weights) + distribution.weighted_sf(x, weights)
    assert abs(total - 1) < 1e-13


@few
@given(weight_lists, st.floats(0.0, 1.0))
def test_negative_weights_mirror(weights, place):
    x = place * sum(weights)
    mirrored = distribution.weighted_cdf(-x, [-w for w in weights])
    assert_allclose(mirrored, distribution.weighted_sf(x, weights), rtol=1e-13)


@kinds
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_each_end_is_as_near_as_the_other(kind, sign):
    weights = sign * np.array([0.1, 0.3, 0.7] + [2.4e-32] * 8)
    x = sign * 2.4e-32 * np.array([1.7, 3.0, 6.5, 30.0])
    assert worst_error(kind, x, weights) < 1e-13


@few
@given(weight_lists, st.floats(0.0, 1.0), st.randoms())
def test_the_order_of_weights_does_not_matter(weights, place, random):
    x = place * sum(weights)
    before = distribution.weighted_pdf(x, weights)
    random.shuffle(weights)
    assert distribution.weighted_pdf(x, weights) == before


@few
@given(weight_lists, st.floats(0.01, 1.0), st.integers(-300, 300))
def test_a_power_of_two_scales_exactly(weights, place, power):
    x, factor = place * sum(weights), 2.0**power
    scaled = [factor * w for w in weights]
    assert distribution.weighted_cdf(factor * x, scaled) == distribution.weighted_cdf(x, weights)


@few
@given(weight_lists, st.floats(0.0, 0.99), st.floats(0.0, 0.01))
def test_the_cdf_never_falls(weights, place, step):
    low, high = distribution.weighted_cdf(
        [place * sum(weights), (place + step) * sum(weights)], weights
    )
    assert low <= high * (1 + 1e-13)


@few
@given(weight_lists, st.floats(0.01, 100.0), st.floats(0.0, 1.0))
def test_one_weight_more_averages_the_cdf_of_the_rest(weights, new, place):
    # pdf(x; w and v) = (cdf(x; w) - cdf(x - v; w))/v
    x = place * (sum(weights) + new)
    above, below = distribution.weighted_cdf([x, x - new], weights)
    expected = (above - below) / new
    if len(weights) > 1:
        assert_allclose(
            distribution.weighted_pdf(x, [*weights, new]), expected, rtol=1e-11, atol=1e-12 / new
        )


# ---- sums, row by row (ih_dot.c) -----------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 2, 1000])
def test_row_sums_are_correctly_rounded(count):
    generator = np.random.default_rng(8)
    rows = generator.random((5, count)) * 10.0 ** generator.integers(-30, 1, (5, count))
    weights = generator.random((5, count))
    assert row_sums(rows, None).tolist() == [math.fsum(row) for row in rows]
    for factors in (weights, weights[0]):
        products = [
            sum((Fraction(a) * Fraction(b) for a, b in zip(row, w, strict=True)), Fraction(0))
            for row, w in zip(rows, np.broadcast_to(factors, rows.shape), strict=True)
        ]
        assert row_sums(rows, factors).tolist() == [float(total) for total in products]


# ---- the magnitude of a neuron -------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3, 6, 7, 12, 30, 100, 1000, 10_000, 100_000])
def test_ones_have_the_expected_magnitude_of_their_number(n):
    value = irwinhall.expected_magnitude_of(np.ones(n))
    assert_allclose(value, irwinhall.expected_magnitude(n), rtol=1e-14)


@few
@given(st.lists(st.floats(-6, 2), min_size=1, max_size=10))
def test_magnitudes_of_few_coefficients_are_right(logarithms):
    c = 10.0 ** np.array(logarithms)
    value = irwinhall.expected_magnitude_of(c)
    assert relative_error(value, by_corners("magnitude", None, 2 * c)) < 1e-14


def test_a_dominant_coefficient():
    # E|a U + S| = a/2 + E[S^2]/(2 a), as long as abs(S) <= a.
    small = np.full(1000, 1e-3)
    assert_allclose(
        irwinhall.expected_magnitude_of(np.append(small, -2.0)), 1 + 1e-3 / 3 / 4, rtol=1e-15
    )


def test_zeros_add_nothing():
    assert irwinhall.expected_magnitude_of([0.0, 3.0, 0.0, -4.0, -0.0]) == 2.375
    assert irwinhall.expected_magnitude_of([0.0, 0.0]) == 0.0
    assert distribution.weighted_pdf(1.0, [0.0, 1.0, 2.0]) == 0.5


@few
@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=50), st.integers(-200, 200))
def test_magnitudes_scale(c, power):
    before = irwinhall.expected_magnitude_of(c)
    after = irwinhall.expected_magnitude_of([-value * 2.0**power for value in c])
    assert after == before * 2.0**power


def test_a_million_coefficients():
    c = np.random.default_rng(3).standard_normal(1_000_000)
    # Nearly a normal with this variance: sqrt(2/pi) sigma (1 + kurtosis/24 ...)
    normal = math.sqrt(2 / math.pi * np.sum(c**2) / 3)
    excess = -6 / 5 * np.sum(c**4) / np.sum(c**2) ** 2
    assert_allclose(irwinhall.expected_magnitude_of(c), normal * (1 - excess / 24), rtol=1e-11)


def test_rows_of_coefficients():
    c = np.arange(24.0).reshape(2, 3, 4)
    values = irwinhall.expected_magnitude_of(c)
    assert values.shape == (2, 3)
    assert values[1, 2] == irwinhall.expected_magnitude_of(c[1, 2])


# ---- arguments -----------------------------------------------------------------------------------


def test_x_broadcasts_with_all_axes_of_weights_but_the_last():
    weights = np.array([[1.0, 2.0, 0.5], [1.0, 1.0, 1.0]])
    x = np.array([[0.5], [1.0], [2.0]])
    values = distribution.weighted_cdf(x, weights)
    assert values.shape == (3, 2)
    assert values[2, 0] == distribution.weighted_cdf(2.0, weights[0])
    assert values[0, 1] == distribution.weighted_cdf(0.5, weights[1])


def test_types_follow_x():
    assert type(distribution.weighted_cdf(0.5, [1.0, 2.0])) is float
    assert distribution.weighted_cdf(np.float32([0.5]), [1.0, 2.0]).dtype == np.float32
    assert distribution.weighted_cdf([1], [1, 2]).dtype == np.float64
    assert distribution.weighted_cdf([], [1.0]).shape == (0,)


@pytest.mark.parametrize(
    ("x", "weights", "message"),
    [
        (0.5, [1.0, np.nan], r"weights must be finite, got nan at index \(1,\)"),
        (0.5, [[1.0], [-np.inf]], r"weights must be finite, got -inf at index \(1, 0\)"),
        (0.5, [], "weights must have at least one element along the last axis"),
        (0.5, 1.0, "weights must have at least one element along the last axis"),
        (0.5, [0.0, 0.0], "weights must not all be 0"),
        (0.5, [1.0, 1e-130], r"weights must be within a factor of 2\*\*400 of each other"),
        ([0.5, 1.0], [[1.0], [2.0], [3.0]], "x must broadcast with all but the last axis"),
        ([[0.5], [1.0, 2.0]], [1.0], "x must be a number or an array"),
    ],
)
def test_what_is_wrong_is_said(x, weights, message):
    with pytest.raises(ValueError, match=message):
        distribution.weighted_cdf(x, weights)


@pytest.mark.parametrize("value", [True, "1", 1j, None, [True]])
def test_numbers_are_real(value):
    with pytest.raises(TypeError, match="x must be a real number"):
        distribution.weighted_cdf(value, [1.0])
    with pytest.raises(TypeError, match="coefficients must be a real number"):
        irwinhall.expected_magnitude_of(value)


def test_a_masked_array_is_refused():
    with pytest.raises(TypeError, match="weights must be an array without a mask"):
        distribution.weighted_cdf(0.5, np.ma.array([1.0, 2.0], mask=[False, True]))


def test_threads_share_nothing():
    weights = np.random.default_rng(6).random(200)
    expected = distribution.weighted_cdf(np.linspace(1, 99, 50), weights)
    results = [None] * 4

    def work(i):
        results[i] = distribution.weighted_cdf(np.linspace(1, 99, 50), weights)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert_array_equal(results, [expected] * 4)


# ---- the record ----------------------------------------------------------------------------------


def test_the_record_keeps_what_is_promised():
    record = json.loads(RECORD.read_text())
    assert {name: row["promised"] for name, row in record["accuracy"].items()} == PROMISED
    assert all(row["worst error"] < row["promised"] for row in record["accuracy"].values())


def test_recorded_simulations_agree_within_five_standard_errors():
    record = json.loads(RECORD.read_text())["monte carlo"]
    assert record["samples"] == 10**7
    cases = monte_carlo_cases()
    assert set(record["cases"]) == set(cases)
    for name, (weights, x) in cases.items():
        for p, counted in zip(probabilities(weights, x), record["cases"][name], strict=True):
            error = math.sqrt(p * (1 - p) / record["samples"])
            assert abs(counted / record["samples"] - p) <= 5 * error


def test_a_small_simulation_agrees_within_five_standard_errors():
    weights = np.array([1.0, -2.0, 0.5, 3.0])
    sample = np.random.default_rng(5).random((100_000, 4)) @ weights
    for x in (-1.5, 0.0, 1.0, 3.5):
        p = distribution.weighted_cdf(x, weights)
        assert abs(np.mean(sample <= x) - p) < 5 * math.sqrt(p * (1 - p) / sample.size)
    magnitude = np.abs((2 * np.random.default_rng(7).random((100_000, 4)) - 1) @ weights)
    standard_error = magnitude.std() / math.sqrt(magnitude.size)
    assert abs(irwinhall.expected_magnitude_of(weights) - magnitude.mean()) < 5 * standard_error


def test_the_oracles_agree():
    weights, x = [1.0, 0.75, 0.5, 0.875, 0.25, 1.5], 1.3125
    density, below, magnitude = by_series(weights, [x], 56)
    for ball, kind in ((density[0], "pdf"), (below[0], "cdf"), (magnitude, "magnitude")):
        exact = by_corners(kind, x, weights)
        assert relative_error(exact.numerator / exact.denominator, ball) < 1e-12
    assert by_corners("cdf", 0.5, [1.0, 2.0]) == Fraction(1, 16)
