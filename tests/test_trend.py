"""Laplace's trend test against exact fractions."""

import math
from fractions import Fraction

import numpy as np
import pytest
import scipy.stats
from numpy.testing import assert_allclose

from irwinhall import exact
from irwinhall.stats import laplace_trend

# Nine events, whose times add up to 4475.7.
TIMES = [70.0, 120.0, 200.0, 340.0, 495.7, 560.0, 700.0, 890.0, 1100.0]


def test_nine_events():
    statistic, pvalue = laplace_trend(TIMES, 2000.0, alternative="less")
    assert round(pvalue, 8) == 0.00370973
    assert round(scipy.stats.norm.cdf(statistic), 4) == 0.0045  # the usual approximation
    place = sum(map(Fraction, TIMES)) / 2000
    assert_allclose(pvalue, float(exact.irwin_hall_cdf(place, 9)), rtol=1e-13)
    assert laplace_trend(TIMES, 2000.0).pvalue == 2 * pvalue


def test_the_statistic_is_laplaces_factor():
    factor = (np.mean(TIMES) - 1000) / (2000 / math.sqrt(12 * 9))
    assert_allclose(laplace_trend(TIMES, 2000.0).statistic, factor, rtol=1e-14)


def test_late_events_mirror_early_ones():
    late = [2000.0 - t for t in TIMES]
    early = laplace_trend(TIMES, 2000.0, alternative="less")
    assert_allclose(laplace_trend(late, 2000.0, alternative="greater").pvalue, early.pvalue)
    moved = laplace_trend([t + 500 for t in TIMES], 2500, start=500, alternative="less")
    assert_allclose(moved, early, rtol=1e-13)


def test_samples_and_nans():
    times = np.array([[1.0, 2.0, np.nan], [3.0, 4.0, 5.0]])
    result = laplace_trend(times, 10.0, axis=1)
    assert math.isnan(result.pvalue[0])
    assert result.pvalue[1] == laplace_trend(times[1], 10.0).pvalue
    omitted = laplace_trend(times, 10.0, axis=1, nan_policy="omit", keepdims=True)
    assert omitted.pvalue[0, 0] == laplace_trend([1.0, 2.0], 10.0).pvalue
    with pytest.warns(RuntimeWarning, match="times has samples of fewer than 1 number"):
        assert math.isnan(laplace_trend([], 10.0).pvalue)


@pytest.mark.parametrize(
    ("arguments", "keywords", "message"),
    [
        (([1.0, 11.0], 10.0), {}, r"times must be from 0.0 to 10.0, got 11.0 at index \(1,\)"),
        (([1.0], 10.0), {"start": 2.0}, "times must be from 2.0 to 10.0, got 1.0"),
        (([1.0], 0.0), {}, "end must be above start by a finite number, got start 0.0 and end 0.0"),
        (([1.0], 1e308), {"start": -1e308}, "end must be above start by a finite number"),
        (([1.0], np.inf), {}, "end must be finite"),
        (([np.inf], 2.0), {}, "times must be from 0.0 to 2.0, got inf"),
        (([1.0], 2.0), {"alternative": "up"}, "alternative must be one of"),
    ],
)
def test_what_is_wrong_is_said(arguments, keywords, message):
    with pytest.raises(ValueError, match=message):
        laplace_trend(*arguments, **keywords)
