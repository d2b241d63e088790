"""Coverage factors and intervals against the GUM, exact fractions and integrals to many digits."""

import math
import warnings
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import scipy.stats
from numpy.testing import assert_allclose
from weighted_oracle import by_corners

from irwinhall.stats import coverage_factor, coverage_interval

# ---- published values ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "p", "factor"),
    [
        (1, 0.95, 1.6454),
        (2, 0.95, 1.9018),
        (3, 0.95, 1.9373),
        (4, 0.95, 1.9397),
        (6, 0.95, 1.9458),
        (3, 0.99, 2.3786),
    ],
)
def test_factors_of_equal_rectangular_contributions(count, p, factor):
    assert round(coverage_factor(count * [0.3], p), 4) == factor


def test_the_examples_of_the_guides():
    # GUM G.2.2
    assert round(coverage_factor([1.0, 1.0, 1.0], 0.95), 3) == 1.937
    assert round(coverage_factor([1.0, 1.0, 1.0], 0.99), 3) == 2.379
    # JCGM 101, 9.2.2 (normal), 9.2.3 (rectangular) and 9.2.4 (one ten times as large)
    assert_allclose(coverage_interval([], normal=2.0), (-3.9199, 3.9199), atol=5e-5)
    assert_allclose(coverage_interval(4 * [3**0.5]), (-3.8794, 3.8794), atol=5e-5)
    large = coverage_interval([*3 * [3**0.5], 10 * 3**0.5])
    assert_allclose(large, (-17.0, 17.0), atol=0.05)


def test_one_rectangular_contribution():
    assert_allclose(coverage_factor(2.0, 0.95), 0.95 * math.sqrt(3.0), rtol=1e-15)
    assert_allclose(coverage_interval(2.0, 0.5, estimate=10.0), (9.0, 11.0), rtol=1e-15)


# ---- exact values --------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.01, 0.5, 0.6827, 0.95, 0.9973, 1 - 1e-12])
@pytest.mark.parametrize("widths", [[1.0, 0.3], [1.0, 1.0, 0.1, 2.0], [1e-6, 1.0, 3e-3], [0.7] * 9])
def test_coverage_is_exact(widths, p):
    low, high = coverage_interval(widths, p)
    whole = [2 * Fraction(w) for w in widths]
    centre = sum(whole) / 2
    outside = by_corners("sf", Fraction(high) + centre, whole)
    density = by_corners("pdf", Fraction(high) + centre, whole)
    missed = (2 * outside - (1 - Fraction(p))) / 2 / density / Fraction(high)
    assert low == -high
    assert abs(missed) < 1e-13
    uncertainty = math.sqrt(sum(w * w for w in widths) / 3)
    assert_allclose(coverage_factor(widths, p), high / uncertainty, rtol=1e-15)


def test_a_triangular_contribution_is_two_rectangular_ones():
    assert coverage_interval([], triangular=[1.0]) == coverage_interval([0.5, 0.5])
    assert coverage_factor([3.0], triangular=[1.0, 4.0]) == coverage_factor([3, 0.5, 0.5, 2, 2])
    # 1 - (1 - y)^2 = p
    low, high = coverage_interval([], 0.84, triangular=1.0)
    assert_allclose([low, high], [-0.6, 0.6], rtol=1e-14)


# ---- with a normal contribution ------------------------------------------------------------------


def outside(y, widths, deviation):
    """Return the probability of more than y by integrating over the normal, to many digits."""
    whole = [2 * Fraction(w) for w in widths]
    centre = sum(whole) / 2

    def above(x):
        place = Fraction(*map(int, mpmath.libmp.to_rational((x)._mpf_))) + centre
        value = by_corners("sf", place, whole)
        return mpmath.mpf(value.numerator) / value.denominator

    with mpmath.workdps(30):
        y, deviation = mpmath.mpf(y), mpmath.mpf(deviation)
        knots = {sum(signs) for signs in corners(widths)}
        inside = [y - mpmath.mpf(k) for k in knots if abs(y - k) < 14 * deviation]
        places = sorted([-14 * deviation, 14 * deviation, mpmath.mpf(0), *inside])
        return mpmath.quad(lambda z: above(y - z) * mpmath.npdf(z, 0, deviation), places)


def corners(widths):
    sums = [()]
    for w in widths:
        sums = [(*s, sign * w) for s in sums for sign in (-1, 1)]
    return sums


@pytest.mark.parametrize("p", [0.5, 0.95, 0.9999])
@pytest.mark.parametrize(
    ("widths", "deviation"),
    [([1.0], 0.01), ([1.0], 1.0), ([1.0, 0.3], 0.001), ([1.0, 1.0], 0.2), ([0.5, 2.0, 1.0], 10.0)],
)
def test_coverage_with_a_normal_contribution(widths, deviation, p):
    high = coverage_interval(widths, p, normal=deviation).high
    assert_allclose(float(outside(high, widths, deviation)), (1 - p) / 2, rtol=1e-11)


def test_normal_contributions_at_both_extremes():
    assert_allclose(coverage_factor([], normal=3.0), scipy.stats.norm.ppf(0.975), rtol=1e-15)
    assert_allclose(coverage_factor([1e-9], normal=3.0), scipy.stats.norm.ppf(0.975), rtol=1e-14)
    without = coverage_factor([1.0, 2.0])
    assert_allclose(coverage_factor([1.0, 2.0], normal=2e-5), without, rtol=1e-9)
    with_many = coverage_interval(200 * [0.1], normal=1e-3)
    assert_allclose(with_many, coverage_interval(200 * [0.1] + 12 * [0.5e-3]), rtol=1e-11)


def test_a_normal_contribution_scales():
    factors = [coverage_factor([f, 2 * f], normal=0.3 * f) for f in (1e-150, 1.0, 1e150)]
    assert_allclose(factors, factors[1], rtol=1e-13)


def test_contributions_of_any_size_beside_each_other():
    one, normal = coverage_factor([1.0]), coverage_factor([], normal=1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert coverage_factor([1.0, 1e-200]) == one
        assert (
            coverage_factor([1.0], normal=1e200) == coverage_factor([1e-300], normal=1.0) == normal
        )
        assert_allclose(coverage_factor([1e308, 1e308]), coverage_factor([1.0, 1.0]), rtol=1e-15)
        assert coverage_factor([5e-324, 5e-324]) == coverage_factor([1.0, 1.0])
        high = coverage_interval([2.0**1020], normal=2.0**1018).high
        assert high == 2.0**1020 * coverage_interval([1.0], normal=0.25).high


def test_simulated_coverage_agrees():
    generator = np.random.default_rng(6)
    low, high = coverage_interval([1.0], 0.9, triangular=[0.5], normal=0.2, estimate=5.0)
    count = 200_000
    sums = 5.0 + generator.uniform(-1, 1, count) + generator.triangular(-0.5, 0, 0.5, count)
    sums += 0.2 * generator.standard_normal(count)
    covered = np.mean((sums > low) & (sums < high))
    assert abs(covered - 0.9) < 5 * math.sqrt(0.09 / count)


# ---- arguments -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "keywords", "message"),
    [
        (([],), {}, "half_widths must not be empty if triangular is empty and normal is 0"),
        (([1.0, 0.0],), {}, r"half_widths must be positive and finite, got 0.0 at index \(1,\)"),
        (([-1.0],), {}, "half_widths must be positive and finite, got -1.0"),
        (([np.nan],), {}, "half_widths must be positive and finite, got nan"),
        (([[1.0]],), {}, r"half_widths must be numbers along one axis, got shape \(1, 1\)"),
        (([1.0],), {"triangular": [np.inf]}, "triangular must be positive and finite, got inf"),
        (([1.0],), {"normal": -1.0}, "normal must be at least 0, got -1.0"),
        (([1.0],), {"normal": np.nan}, "normal must be a number, got nan"),
        (([1.0],), {"normal": 1e-9}, "normal must be 0, or at least 1e-05 times"),
        (([1.0],), {"estimate": np.inf}, "estimate must be finite"),
        (([1.0], 95), {}, "p must lie between 0 and 1, got 95"),
        (([1.0], 1.0), {}, "p must lie between 0 and 1, got 1.0"),
        (([1.0], np.nan), {}, "p must be a number, got nan"),
    ],
)
def test_what_is_wrong_is_said(arguments, keywords, message):
    with pytest.raises(ValueError, match=message):
        coverage_interval(*arguments, **keywords)


def test_half_widths_are_real():
    with pytest.raises(TypeError, match="half_widths must be a real number"):
        coverage_factor(["1"])
