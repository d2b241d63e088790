"""irwinhall.stats.p_value_function against fractions of normal probabilities to many digits."""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import scipy.stats
from numpy.testing import assert_allclose
from weighted_oracle import by_corners

from irwinhall import stats

ESTIMATES = [0.21, 0.53, -0.24, 0.32, 0.28]
ERRORS = [0.10, 0.21, 0.14, 0.12, 0.06]
WEIGHTS = [1.0, 2.0, 1.5, 1.25, 3.0]


def one_sided(effect, estimates, errors, weights=None, sign=1):
    """Return the combined p-value of one side, to many digits."""
    weights = weights or [1.0] * len(estimates)
    with mpmath.workdps(40):
        total = mpmath.fsum(
            w * mpmath.ncdf(sign * (mpmath.mpf(effect) - e) / s)
            for e, s, w in zip(estimates, errors, weights, strict=True)
        )
        place = Fraction(*map(int, mpmath.libmp.to_rational(total._mpf_)))
    return by_corners("cdf", place, weights)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("effect", [-2.0, -0.4, 0.0, 0.2, 0.26, 0.5, 1.0, 3.0])
def test_p_values_are_right(effect, weights):
    above, below = (one_sided(effect, ESTIMATES, ERRORS, weights, sign) for sign in (1, -1))
    found = {
        alternative: stats.p_value_function(ESTIMATES, ERRORS, weights, alternative=alternative)
        for alternative in ("greater", "less", "two-sided")
    }
    assert_allclose(found["greater"](effect), float(above), rtol=1e-11)
    assert_allclose(found["less"](effect), float(below), rtol=1e-11)
    assert_allclose(found["two-sided"](effect), float(2 * min(above, below)), rtol=1e-11)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("level", [0.5, 0.95, 0.999, 1 - 1e-9])
def test_the_confidence_interval_inverts_the_function(level, weights):
    p = stats.p_value_function(ESTIMATES, ERRORS, weights)
    low, high = p.confidence_interval(level)
    assert low < p.estimate < high
    for end, sign in ((low, 1), (high, -1)):
        exact = one_sided(end, ESTIMATES, ERRORS, weights, sign)
        assert_allclose(float(exact), (1 - level) / 2, rtol=1e-11)
    centre = one_sided(p.estimate, ESTIMATES, ERRORS, weights)
    assert_allclose(float(centre), 0.5, rtol=1e-13)
    one = stats.p_value_function(ESTIMATES, ERRORS, weights, alternative="greater")
    assert one.confidence_interval((1 + level) / 2) == (pytest.approx(low, rel=1e-8), math.inf)
    one = stats.p_value_function(ESTIMATES, ERRORS, weights, alternative="less")
    assert one.confidence_interval((1 + level) / 2) == (-math.inf, pytest.approx(high, rel=1e-8))


def test_one_study_has_its_normal_interval():
    low, high = stats.p_value_function([1.0], [0.5]).confidence_interval(0.9)
    assert_allclose([low, high], 1.0 + 0.5 * scipy.stats.norm.ppf([0.05, 0.95]), rtol=1e-14)
    assert_allclose(stats.p_value_function([1.0], 0.5)(0.0), 2 * scipy.stats.norm.sf(2.0))


def test_the_way_of_counting_does_not_matter():
    p, mirrored = (
        stats.p_value_function(sign * np.array(ESTIMATES), ERRORS, WEIGHTS) for sign in (1, -1)
    )
    effects = np.linspace(-1.0, 1.0, 7)
    assert_allclose(p(effects), mirrored(-effects), rtol=1e-13)
    low, high = p.confidence_interval()
    assert_allclose(mirrored.confidence_interval(), [-high, -low], rtol=1e-13)


def test_many_studies_where_others_take_a_normal():
    generator = np.random.default_rng(2)
    errors = 0.1 + generator.random(60)
    estimates = 0.3 + errors * generator.standard_normal(60)
    p = stats.p_value_function(estimates, errors)
    level = 1 - 1e-8
    low, _ = p.confidence_interval(level)
    exact = one_sided_of_equal(low, estimates, errors)
    assert_allclose(exact, (1 - level) / 2, rtol=1e-12)
    # confMeta's rule from 12 studies on: the sum as a normal
    total = scipy.stats.norm.cdf((low - estimates) / errors).sum()
    normal = scipy.stats.norm.cdf((total - 30) / math.sqrt(60 / 12))
    assert abs(normal / exact - 1) > 0.2


def one_sided_of_equal(effect, estimates, errors):
    from irwinhall import exact

    with mpmath.workdps(40):
        total = mpmath.fsum(
            mpmath.ncdf((mpmath.mpf(effect) - e) / s)
            for e, s in zip(estimates.tolist(), errors.tolist(), strict=True)
        )
        place = Fraction(*map(int, mpmath.libmp.to_rational(total._mpf_)))
    return float(exact.irwin_hall_cdf(place, len(estimates)))


def test_the_shape_follows_the_effects():
    p = stats.p_value_function(ESTIMATES, ERRORS)
    assert type(p(0.1)) is float
    assert p([[0.1, 0.2]]).shape == (1, 2)
    assert np.isnan(p(np.nan))
    assert p([-np.inf, np.inf]).tolist() == [0.0, 0.0]
    assert repr(p) == "<PValueFunction of 5 estimates, two-sided>"


@pytest.mark.parametrize(
    ("arguments", "keywords", "message"),
    [
        (([], []), {}, r"estimates must be at least one number along one axis, got shape \(0,\)"),
        (([[1.0]], [1.0]), {}, r"estimates must be at least one number along one axis"),
        (([1.0, np.nan], [1.0, 1.0]), {}, r"estimates must be finite, got nan at index \(1,\)"),
        (([1.0, 2.0], [1.0, 0.0]), {}, "standard_errors must be positive and finite, got 0.0"),
        (([1.0, 2.0], [1.0, 1.0, 1.0]), {}, r"standard_errors must have shape \(2,\), got \(3,\)"),
        (([1.0, 2.0], 1.0, [1.0, -1.0]), {}, "weights must be positive and finite, got -1.0"),
        (([1.0, 2.0], 1.0, [1.0]), {}, r"weights must have shape \(2,\), got \(1,\)"),
        (([1.0], [1.0]), {"alternative": "both"}, "alternative must be one of"),
    ],
)
def test_what_is_wrong_is_said(arguments, keywords, message):
    with pytest.raises(ValueError, match=message):
        stats.p_value_function(*arguments, **keywords)


@pytest.mark.parametrize("level", [0.0, 1.0, 95, np.nan])
def test_a_confidence_level_lies_between_0_and_1(level):
    with pytest.raises(ValueError, match="confidence_level must"):
        stats.p_value_function([1.0], [1.0]).confidence_interval(level)
