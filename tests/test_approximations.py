"""The article's formulas: as printed, and as wrong as documented."""

from __future__ import annotations

import math

import numpy as np
import pytest

import irwinhall
from irwinhall import approximations


def printed_standard(n):
    """Return the article's approximate(n), written after its listing."""
    if n in (1, 2, 3):
        return {1: 0.5, 2: 0.471404520791, 3: 0.469097093716}[n]
    a = 0.039
    return (0.5 - a) + ((1.0 / math.sqrt(2.0 * n - 1.0)) ** 2) * a


def printed_normalized(n, m):
    """Return the article's approximate_normalized(n, m), written after its listing."""

    def part(value, limit, a):
        return (limit - a) + (1.0 / math.sqrt(6.0 * value - 5.0)) * a

    high, low = max(n, m), min(n, m)
    c = 1 / math.sqrt(0.5 * (high / low) + 0.5)
    return part(low, 0.866, 0.073) * part(high - low + 1, 1.0, -0.08) * c


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 25, 1000])
def test_standard_is_the_printed_formula(n):
    assert approximations.article_standard(n) == pytest.approx(printed_standard(n), rel=1e-14)


@pytest.mark.parametrize(("n", "m"), [(1, 1), (10, 100), (100, 10), (3, 10000), (50, 51)])
def test_normalized_is_the_printed_formula(n, m):
    expected = printed_normalized(n, m)
    assert approximations.article_normalized(n, m) == pytest.approx(expected, rel=1e-14)


def test_standard_is_wrong_by_less_than_a_thousandth():
    n = np.arange(1, 10**5)
    error = approximations.article_standard(n) * np.sqrt(n) / irwinhall.expected_magnitude(n) - 1
    assert 0.00073 < abs(error).max() < 0.00075


def test_normalized_is_wrong_by_up_to_twelve_percent():
    n = np.arange(1, 1001)[:, None]
    m = np.arange(1, 1001)
    preserved = irwinhall.preserved_magnitude(n, m, np.sqrt(6.0 / (n + m))).node_average
    error = preserved / approximations.article_normalized(n, m) - 1
    assert np.unravel_index(error.argmax(), error.shape) == (175 - 1, 1000 - 1)
    assert error.max() == pytest.approx(0.1228, abs=5e-5)
