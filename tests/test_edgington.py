"""irwinhall.stats.edgington against exact fractions and balls, and shapes against SciPy's tests."""

import math
import warnings
from fractions import Fraction

import numpy as np
import pytest
import scipy.stats
from flint import arb, ctx
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from irwinhall import Stream, distribution, exact, stats

NAN = np.nan


# ---- values --------------------------------------------------------------------------------------


def test_values_of_the_literature():
    assert_allclose(stats.edgington([0.0, 0.3, 0.4]), (0.7, 0.7**3 / 6), rtol=1e-15)
    columns = stats.edgington([[0.1, NAN], [0.2, 0.3]], axis=0)
    assert_allclose(columns.pvalue, [0.045, NAN], rtol=1e-14)
    # ReplicationSuccess::pEdgington of (0.026, 0.001), r = 1 and 2: p1 + r p2
    assert round(stats.edgington([0.026, 0.001]).pvalue, 7) == 0.0003645
    assert round(stats.edgington([0.026, 0.001], [1.0, 2.0]).pvalue, 6) == 0.000196


@pytest.mark.parametrize("k", [1, 2, 3, 7, 12, 20, 28, 40, 60])
def test_combined_p_values_are_right_at_every_size(k):
    generator = np.random.default_rng(k)
    for factor in (1.0, 0.5, 0.1, 1e-3, 1e-30):
        p = generator.random(k) * factor
        statistic, pvalue = stats.edgington(p)
        total = sum(map(Fraction, p.tolist()))
        true = exact.irwin_hall_cdf(total, k)
        # The sum is rounded once, and the combined p-value follows it.
        steepness = float(exact.irwin_hall_pdf(total, k) * total / true)
        assert statistic == float(total)
        tolerance = 1e-13 + 2.0**-53 * steepness
        assert abs(Fraction(pvalue) - true) <= Fraction(tolerance) * true + Fraction(2) ** -1074


@pytest.mark.parametrize("deviations", [0.0, 1.0, 6.0, 12.0])
def test_a_hundred_thousand_p_values(deviations):
    k = 100_000
    target = k / 2 - deviations * math.sqrt(k / 12)
    p = np.full(k, target / k)
    statistic, pvalue = stats.edgington(p)
    # The cdf as a Fourier series of period k, whose coefficients are sinc(pi j/k)^k.
    ctx.prec = 200
    centred = arb(statistic) - arb(k) / 2
    true = arb(statistic) / k
    for j in range(1, 5000):
        angle = arb.pi() * j / k
        true += angle.sinc() ** k * (2 * angle * centred).sin() / (arb.pi() * j)
    assert float(abs(arb(pvalue) / true - 1).upper()) < 1e-12


def test_large_sums_count_with_alternative_greater():
    p = np.array([0.9, 0.95, 1.0])
    assert_allclose(stats.edgington(p, alternative="greater").pvalue, 0.15**3 / 6, rtol=1e-13)
    assert_allclose(stats.edgington(p, alternative="two-sided").pvalue, 0.15**3 / 3, rtol=1e-13)
    assert stats.edgington([0.5, 0.5], alternative="two-sided").pvalue == 1.0
    assert stats.edgington([1.0, 1.0]).pvalue == 1.0
    assert stats.edgington([0.0, 0.0]).pvalue == 0.0


# ---- the shape of SciPy's tests ------------------------------------------------------------------


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [0, 1, -1, (0, 2), (1, -1), (2, 0, 1), None])
@pytest.mark.parametrize("nan_policy", ["propagate", "omit"])
@pytest.mark.parametrize("weights", [None, 2.0, [1.0, 2.0], [[[1.0], [2.0], [4.0]]]])
def test_shapes_and_nans_are_those_of_scipy(axis, keepdims, nan_policy, weights):
    p = np.random.default_rng(1).random((4, 3, 2))
    p[1, 0, 1] = p[2, 2, 0] = NAN
    keywords = {"axis": axis, "keepdims": keepdims, "nan_policy": nan_policy}
    full = None if weights is None else np.broadcast_to(np.asarray(weights), p.shape)
    theirs = scipy.stats.combine_pvalues(p, "stouffer", full, **keywords)
    ours = stats.edgington(p, weights, **keywords)
    for mine, other in zip(ours, theirs, strict=True):
        assert np.shape(mine) == np.shape(other)
        assert_array_equal(np.isnan(mine), np.isnan(other))


@pytest.mark.parametrize("weights", [None, [[1.0], [2.0], [3.0]]])
def test_omitting_is_leaving_out(weights):
    p = np.array([[0.1, NAN], [0.2, 0.3], [0.3, 0.1]])
    ours = stats.edgington(p, weights, nan_policy="omit").pvalue
    left = None if weights is None else [2.0, 3.0]
    whole = None if weights is None else [1.0, 2.0, 3.0]
    assert ours[0] == stats.edgington(p[:, 0], whole).pvalue
    assert ours[1] == stats.edgington([0.3, 0.1], left).pvalue


def test_a_nan_weight_is_a_nan_p_value():
    assert np.isnan(stats.edgington([0.1, 0.2], [1.0, NAN]).pvalue)
    omitted = stats.edgington([0.1, 0.2], [1.0, NAN], nan_policy="omit")
    assert_allclose(omitted, (0.1, 0.1), rtol=1e-15)


@pytest.mark.parametrize(
    ("p", "axis", "nan_policy"),
    [
        ([], 0, "propagate"),
        (np.empty((0, 3)), 0, "propagate"),
        (np.empty((3, 0)), 1, "omit"),
        ([NAN, NAN], 0, "omit"),
        ([[NAN, 0.5], [NAN, 0.25]], 0, "omit"),
    ],
)
@pytest.mark.parametrize("weights", [None, 3.0])
def test_a_sample_without_p_values_is_nan_as_in_scipy(p, axis, nan_policy, weights):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = scipy.stats.combine_pvalues(p, axis=axis, nan_policy=nan_policy)
    with pytest.warns(RuntimeWarning, match="pvalues has samples of fewer than 1 number"):
        ours = stats.edgington(p, weights, axis=axis, nan_policy=nan_policy)
    assert_array_equal(np.isnan(ours.pvalue), np.isnan(theirs.pvalue))


def test_no_samples_give_no_results():
    assert stats.edgington(np.empty((3, 0))).pvalue.shape == (0,)
    assert stats.edgington(0.25) == (0.25, 0.25)


# ---- examples and properties --------------------------------------------------------------------


def test_the_published_example_of_metap():
    # The data set `edgington` of the R package metap, whose manual gives p = 0.097 for it.
    result = stats.edgington([0.2, 0.35, 0.35, 0.4, 0.4, 0.4, 0.4])
    exact = sum((-1) ** j * math.comb(7, j) * Fraction(5 - 2 * j, 2) ** 7 for j in range(3))
    assert round(result.pvalue, 3) == 0.097
    assert_allclose(result.pvalue, float(exact / math.factorial(7)), rtol=1e-14)


def test_the_result_is_a_named_tuple_as_of_combine_pvalues():
    theirs = scipy.stats.combine_pvalues([0.1, 0.2])
    result = stats.edgington([0.1, 0.2])
    assert result._fields == ("statistic", "pvalue")
    assert (hasattr(theirs, "statistic"), hasattr(theirs, "pvalue")) == (True, True)
    assert_allclose(result, (0.3, 0.045), rtol=1e-14)


def test_ten_thousand_p_values():
    p = Stream(8).uniform(10_000, bound=0.5, dtype="float64") + 0.5
    result = stats.edgington(p)
    assert result.statistic == math.fsum(p)
    normal = scipy.stats.norm.cdf((result.statistic - 5000) / math.sqrt(10_000 / 12))
    assert_allclose(result.pvalue, normal, rtol=1e-4)
    # Equal weights take the other way, by the contour integral of ih_weighted.c.
    assert_allclose(stats.edgington(p, np.full(10_000, 2.0)).pvalue, result.pvalue, rtol=1e-12)


def test_tiny_p_values_keep_their_digits():
    assert_allclose(stats.edgington([1e-20] * 10).pvalue, 1e-190 / math.factorial(10), rtol=1e-13)


def test_weights_weigh():
    # P(3 U + V <= 0.13) = 0.13^2/(2 3)
    assert_allclose(stats.edgington([0.01, 0.1], [3.0, 1.0]).pvalue, 0.13**2 / 6, rtol=1e-14)


def test_p_values_are_combined_along_an_axis():
    p = np.array([[0.1, 0.9, 0.3], [0.2, 0.8, 1.0]])
    assert_array_equal(stats.edgington(p).pvalue, [stats.edgington(c).pvalue for c in p.T])
    assert_array_equal(stats.edgington(p, axis=1).pvalue, [stats.edgington(r).pvalue for r in p])
    assert stats.edgington(p, axis=None) == stats.edgington(p.ravel())
    weighted = stats.edgington(p, [1.0, 2.0, 3.0], axis=1).pvalue
    assert_array_equal(weighted, [stats.edgington(r, [1.0, 2.0, 3.0]).pvalue for r in p])


@pytest.mark.parametrize(
    ("p", "keywords", "message"),
    [
        ([0.5, -0.1], {}, r"pvalues must be from 0 to 1, got -0.1 at index \(1,\)"),
        ([[0.5], [1.5]], {}, r"got 1.5 at index \(1, 0\)"),
        (np.inf, {}, "pvalues must be from 0 to 1, got inf$"),
        (
            [0.5, 0.5],
            {"weights": [1.0, 2.0, 3.0]},
            r"weights must broadcast with pvalues, got shap",
        ),
        (
            [0.5, 0.5],
            {"weights": [1.0, 0.0]},
            r"weights must be positive and finite, got 0.0 at in",
        ),
        ([0.5, 0.5], {"weights": [1.0, np.inf]}, r"got inf at index \(1,\)"),
        ([0.5, 0.5], {"weights": -1.0}, r"weights must be positive and finite, got -1.0$"),
        ([0.5, np.nan], {"nan_policy": "raise"}, "pvalues must not be NaN with nan_policy='raise'"),
        ([0.5], {"nan_policy": "drop"}, "nan_policy must be one of propagate, omit, raise, got 'd"),
        ([0.5], {"alternative": "more"}, "alternative must be one of two-sided, less, greater, g"),
        ([0.5], {"axis": 1}, "axis: axis 1 is out of bounds"),
        ([[0.5]], {"axis": (0, 0)}, "repeated axis in `axis`"),
    ],
)
def test_edgington_says_what_is_wrong(p, keywords, message):
    with pytest.raises(ValueError, match=message):
        stats.edgington(p, **keywords)


def test_an_axis_that_is_none_is_named():
    with pytest.raises(TypeError, match="axis must be an integer or a sequence"):
        stats.edgington([0.5], axis=object())


@pytest.mark.parametrize("p", [["a"], [True], [0.5j], "0.5"])
def test_p_values_are_real_numbers(p):
    with pytest.raises(TypeError, match="pvalues must be a real number"):
        stats.edgington(p)


@settings(max_examples=40)
@given(st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=30), st.integers(0, 29))
def test_a_smaller_p_value_makes_a_smaller_combined_one(p, place):
    place %= len(p)
    smaller = [value / 2 if i == place else value for i, value in enumerate(p)]
    before, after = stats.edgington(p).pvalue, stats.edgington(smaller).pvalue
    assert 0 < after <= before <= 1
    assert_allclose(before, distribution.cdf(math.fsum(p), len(p)), rtol=1e-15)
