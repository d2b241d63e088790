"""Rao's spacing test against exact fractions, moments and simulations."""

import json
import math
import warnings
from fractions import Fraction

import numpy as np
import pytest
import scipy.stats
from numpy.testing import assert_allclose, assert_array_equal
from verify_rao import RECORD

from irwinhall.stats import rao_critical_value, rao_spacing
from irwinhall.stats._circular import _coefficients, _density, _integral, _sf, _sf_of_all

EXAMPLE = [20, 135, 145, 165, 170, 200, 300, 325, 335, 350]


def exact_sf(u, n):
    """Return the probability of more than u as a fraction, term by term of the truncated powers.

    The density's terms are (n v - i)_+^(j-1) v^(n-j-1) times factors; with w = n v - i the power
    of v is ((w + i)/n)^(n-j-1). All is in integers over one denominator.
    """
    u = Fraction(u)
    scale, multiple = u.denominator, math.lcm(*range(1, n))
    total = 0
    for j in range(1, n):
        order = n - j - 1
        factor = math.factorial(n - 1) // math.factorial(order) * math.comb(n, j)
        inner = 0
        for i in range(min(j, n - 2) + 1):
            top, bottom = (n - 1 - i) * scale, max(n * u.numerator - i * scale, 0)
            if top <= bottom:
                break
            part = 0
            for k in range(order + 1):
                power = j + k
                change = (top**power - bottom**power) * scale ** (n - 1 - power)
                part += math.comb(order, k) * i ** (order - k) * (multiple // power) * change
            inner += (-1) ** i * math.comb(j, i) * part
        total += Fraction(factor * inner, math.factorial(j - 1) * n ** (j - 1 + order + 1))
    return total / multiple / Fraction(scale) ** (n - 1)


# ---- the distribution ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "five", "one"), [(4, 186.45, 221.14), (10, 171.98, 192.37), (50, 151.70, 160.53)]
)
def test_critical_values(n, five, one):
    assert round(rao_critical_value(n), 2) == five
    assert round(rao_critical_value(n, 0.01), 2) == one


@pytest.mark.parametrize("n", [2, 3, 4, 5, 8, 13, 21, 30, 40])
def test_probabilities_are_those_of_exact_fractions(n):
    end = 1 - 1 / n
    for share in (0.05, 0.3, 0.5, 0.7, 0.95):
        u = share * end
        exact = exact_sf(u, n)
        assert abs(_sf(u, n) / float(exact) - 1) < 1e-13
    for significance in (0.05, 0.01, 1e-6):
        u = rao_critical_value(n, significance) / 360.0
        # Of two angles u is within 1e-6 of its largest, of which it holds few digits.
        assert_allclose(float(exact_sf(u, n)), significance, rtol=1e-12 if n > 3 else 1e-9)


def test_two_and_three_angles_by_geometry():
    # abs(D - 1/2) is uniform on (0, 1/2).
    assert_allclose([_sf(u, 2) for u in (0.1, 0.25, 0.49)], [0.8, 0.5, 0.02], rtol=1e-13)
    # Points of a triangle beyond u: three corners where one arc exceeds 1/3 + u, as soon as two
    # short arcs lack less than 1/3 together.
    for u in (0.4, 0.5, 0.6):
        assert_allclose(_sf(u, 3), 3 * (2 / 3 - u) ** 2, rtol=1e-13)


@pytest.mark.parametrize("n", [2, 3, 10, 40, 60, 61, 62, 300, 1000])
def test_the_total_probability_is_1_and_the_moments_are_right(n):
    mean = (1 - 1 / n) ** n
    end = 1 - 1 / n
    assert abs(_integral(mean, end, n) + _integral(mean, 0.0, n) - 1) < 1e-13
    # E U is the integral of sf, which is 1 far below the mean: by Gauss's rule, exact where sf is a
    # polynomial between knots.
    low = max(0.0, mean - 2.5 / math.sqrt(n))
    high = min(end, mean + 2.5 / math.sqrt(n))
    ends = np.arange(n) / n if n <= 10 else np.linspace(low, high, 13)
    nodes, weights = np.polynomial.legendre.leggauss(14)
    half = 0.5 * np.diff(ends)[:, np.newaxis]
    sf = np.vectorize(lambda u: _sf(u, n))(ends[:-1, np.newaxis] + half * (1.0 + nodes))
    assert_allclose(ends[0] + (half * weights * sf).sum(), mean, rtol=1e-12)


@pytest.mark.parametrize("n", [2, 5, 20])
def test_the_second_moment_is_that_of_two_arcs(n):
    # E (1/n - D)_+^2 and E (1/n - D)_+ (1/n - D')_+ from the densities (n-1)(1-x)^(n-2) and
    # (n-1)(n-2)(1-x-y)^(n-3) of one arc and of two.
    a = Fraction(1, n)
    rest = 1 - a
    b = a / n - (1 - rest ** (n + 1)) / (n * (n + 1))
    one = a * a - 2 * b
    c = a * rest**n / n - (rest ** (n + 1) - (1 - 2 * a) ** (n + 1)) / (n * (n + 1))
    two = a * (a - (1 - rest**n) / n) - b + c
    exact = n * one + n * (n - 1) * two
    nodes, weights = np.polynomial.legendre.leggauss(30)
    ends = np.arange(n) / n
    half = 0.5 / n
    places = ends[:-1, np.newaxis] + half * (1.0 + nodes)
    found = (half * weights * places**2 * _density(places, n)).sum()
    assert_allclose(found, float(exact), rtol=1e-12)


def test_recorded_simulations_agree_within_five_standard_errors():
    record = json.loads(RECORD.read_text())
    assert record["samples"] == 10**7
    for counts in record["exceeding"].values():
        for significance, counted in zip(record["significances"], counts, strict=True):
            error = math.sqrt(significance * (1 - significance) / record["samples"])
            assert abs(counted / record["samples"] - significance) <= 5 * error


@pytest.mark.parametrize(("n", "samples"), [(7, 2000), (200, 300)])
def test_a_small_simulation_agrees_within_five_standard_errors(n, samples):
    angles = 2 * math.pi * np.random.default_rng(4).random((samples, n))
    pvalues = rao_spacing(angles, axis=1).pvalue
    for significance in (0.05, 0.5):
        error = math.sqrt(significance * (1 - significance) / samples)
        assert abs(np.mean(pvalues < significance) - significance) < 5 * error


@pytest.mark.parametrize("n", [5, 60, 61, 150])
def test_many_probabilities_at_once_are_those_of_each(n):
    places = np.random.default_rng(n).uniform(-0.01, 1.01 * (1 - 1 / n), 40)
    places[:3] = places[3]
    each = [_sf(u, n) for u in places.tolist()]
    assert_allclose(_sf_of_all(places, n), each, rtol=1e-13, atol=1e-300)


def test_far_tails_keep_their_digits():
    # All arcs but one short: n C_1 ... ((1 - 1/n) - u)^(n-1)
    for n in (10, 200):
        u = 1 - 1 / n - 1e-4 / n
        exact = n * (1e-4 / n) ** (n - 1)
        assert_allclose(_sf(u, n), exact, rtol=1e-8)
    assert 0 < _sf(0.6, 1000) < 1e-100
    assert _sf(0.99, 1000) == 0.0


def test_ten_thousand_angles():
    value = rao_critical_value(10_000)
    mean, deviation = math.exp(-1), math.sqrt((2 / math.e - 5 / math.e**2) / 10_000)
    assert_allclose(value / 360, mean + 1.6449 * deviation, rtol=1e-3)


def test_many_angles_whose_terms_hold_densities_below_every_double():
    n = 30_000
    mean, deviation = (1 - 1 / n) ** n, math.sqrt((2 / math.e - 5 / math.e**2) / n)
    upper = _integral(mean, 1 - 1 / n, n)
    assert abs(upper + _integral(mean, 0.0, n) - 1) < 1e-11
    found = _sf(mean + 3.0 * deviation, n)
    assert_allclose(found, scipy.stats.norm.sf(3.0), rtol=2e-2)


@pytest.mark.parametrize("n", [2, 5, 300])
def test_the_coefficients_are_those_of_exact_fractions(n):
    for j, (mantissa, exponent) in enumerate(zip(*_coefficients(n), strict=True), start=1):
        exact = Fraction(math.comb(n, j) * math.perm(n - 1, j), n ** (j - 1))
        found = Fraction(float(mantissa)) * Fraction(2) ** int(exponent)
        assert abs(found / exact - 1) < 2**-52


# ---- the test ------------------------------------------------------------------------------------


def test_the_statistic_is_half_the_sum_of_deviations():
    result = rao_spacing(EXAMPLE, degrees=True)
    arcs = np.diff([*sorted(EXAMPLE), 360 + min(EXAMPLE)])
    assert_allclose(result.statistic, np.abs(arcs - 36).sum() / 2, rtol=1e-14)
    assert_allclose(result.pvalue, float(exact_sf(result.statistic / 360, 10)), rtol=1e-12)
    assert result == (result.statistic, result.pvalue)


def test_units_turns_and_starts_do_not_matter():
    expected = rao_spacing(EXAMPLE, degrees=True)
    assert_allclose(rao_spacing(np.deg2rad(EXAMPLE)), expected, rtol=1e-12)
    negative = [a - 360 if a > 180 else a for a in EXAMPLE]
    assert_allclose(rao_spacing(negative, degrees=True), expected, rtol=1e-12)
    turned = np.mod(np.array(EXAMPLE) + 17.5, 360.0)
    assert_allclose(rao_spacing(turned[::-1], degrees=True), expected, rtol=1e-12)


def test_ties_and_even_spacing():
    for n in range(2, 100):
        statistic, pvalue = rao_spacing([1.2345] * n)
        assert statistic == pytest.approx(360 * (1 - 1 / n), rel=1e-14)
        assert pvalue < 1e-30  # 0 but for the statistic's last digit
    assert rao_spacing([1.2345] * 2) == (180.0, 0.0)
    assert rao_spacing([0, 90, 180, 270], degrees=True) == (0.0, 1.0)
    assert rao_spacing([0, 0, 180, 180], degrees=True).statistic == 180.0
    assert rao_spacing([0, 360], degrees=True) == (180.0, 0.0)


def test_samples_along_axes():
    angles = np.random.default_rng(1).random((4, 5, 3)) * 6
    result = rao_spacing(angles, axis=(0, 2), keepdims=True)
    assert result.pvalue.shape == (1, 5, 1)
    assert result.pvalue[0, 2, 0] == rao_spacing(angles[:, 2, :].ravel()).pvalue
    assert rao_spacing(angles, axis=None) == rao_spacing(angles.ravel())


@pytest.mark.filterwarnings("ignore:angles has samples of fewer:RuntimeWarning")
def test_nans_as_in_scipy():
    angles = np.array(
        [[0.1, 1.0, np.nan, 4.0], [0.3, 0.4, 0.5, 0.6], [np.nan, np.nan, np.nan, 1.0]]
    )
    assert_array_equal(np.isnan(rao_spacing(angles, axis=1).pvalue), [True, False, True])
    omitted = rao_spacing(angles, axis=1, nan_policy="omit")
    assert omitted.pvalue[0] == rao_spacing([0.1, 1.0, 4.0]).pvalue
    assert omitted.pvalue[1] == rao_spacing(angles[1]).pvalue
    assert np.isnan(omitted.pvalue[2])
    with pytest.raises(ValueError, match="angles must not be NaN"):
        rao_spacing(angles, nan_policy="raise")


@pytest.mark.parametrize("angles", [[], [1.0], 1.0, np.empty((0, 2))])
def test_fewer_than_two_angles_are_nan(angles):
    with pytest.warns(RuntimeWarning, match="angles has samples of fewer than 2 numbers"):
        assert np.isnan(rao_spacing(angles).pvalue).all()


def test_the_wrong_unit_is_named_with_the_range_that_was_seen():
    with pytest.raises(
        ValueError, match="in radians, from -2 pi to 2 pi, got numbers from 20.0 to"
    ):
        rao_spacing(EXAMPLE)
    with pytest.raises(ValueError, match="from 20.0 to 350.0; pass degrees=True for degrees"):
        rao_spacing(EXAMPLE)
    with pytest.raises(
        ValueError, match="in degrees, from -360 to 360, got numbers from 0.0 to 40"
    ):
        rao_spacing([0, 400], degrees=True)
    with pytest.raises(ValueError, match=r"angles must be finite, got inf at index \(1,\)"):
        rao_spacing([0.0, np.inf])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rao_spacing([0.0, 2 * math.pi, -2 * math.pi])
        rao_spacing(np.array([0.0, 2 * math.pi], np.float32))


def test_the_least_significance_has_a_critical_value():
    assert rao_critical_value(2, 5e-324) == 180.0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((1,), ValueError, "n must be at least 2"),
        ((2.5,), TypeError, "n must be an integer"),
        ((10**6,), ValueError, "n must be at most 100000, got 1000000"),
        ((10, 5), ValueError, "significance must lie between 0 and 1, got 5"),
        ((10, np.nan), ValueError, "significance must be a number"),
    ],
)
def test_critical_values_say_what_is_wrong(arguments, error, message):
    with pytest.raises(error, match=message):
        rao_critical_value(*arguments)
