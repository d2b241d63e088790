"""The tests' oracle against a third formula, which shares nothing with it."""

import math
from fractions import Fraction

import mpmath
import oracle
import pytest
from flint import arb

from irwinhall import exact


def characteristic_integral(n):
    """Return (2/pi) Int_0^inf (1 - (sin t/t)^n)/t^2 dt to 35 digits, for n of 12 and more.

    Gauss-Legendre pieces up to `end`, beyond which (sin t/t)^n counts for less than 10^-40 and
    Int 1/t^2 dt = 1/end.
    """
    with mpmath.workdps(60):
        width = mpmath.sqrt(mpmath.mpf(6) / n)
        if n < 90:
            end = mpmath.mpf(10) ** (mpmath.mpf(40) / (n + 1))
            width = min(width, mpmath.pi / 2)
        else:
            end = min(11 * width, mpmath.pi)
        pieces = [end * i / math.ceil(end / width) for i in range(math.ceil(end / width) + 1)]
        body = mpmath.quad(
            lambda t: (1 - mpmath.sinc(t) ** n) / t**2, pieces, method="gauss-legendre"
        )
        return 2 / mpmath.pi * (body + 1 / end)


def as_mpf(ball):
    return mpmath.mpf(ball.mid().str(60, radius=False))


@pytest.mark.parametrize("n", [15, 24, 50, 92, 93, 94, 100, 110, 256, 299, 300, 1024, 5000])
def test_the_oracle_agrees_with_the_integral_of_the_characteristic_function(n):
    with mpmath.workdps(60):
        expected = characteristic_integral(n)
        assert abs(as_mpf(oracle.magnitude(n)) / expected - 1) < mpmath.mpf(10) ** -33


@pytest.mark.parametrize("n", [93, 107, 1024, 5000])
def test_the_exact_layer_agrees_with_the_integral_of_the_characteristic_function(n):
    with mpmath.workdps(60):
        expected = characteristic_integral(n)
        actual = exact.expected_magnitude_mp(n, dps=40)
        assert abs(actual / expected - 1) < mpmath.mpf(10) ** -33


@pytest.mark.parametrize("n", [300, 301, 350, 512, 1000])
def test_the_series_ball_contains_the_exact_fraction(n):
    value = exact.expected_magnitude(n)
    ball = oracle.magnitude(n)
    assert ball.contains(arb(value.numerator) / value.denominator)


@pytest.mark.parametrize("bits", [200, 320])
@pytest.mark.parametrize("n", [300, 301, 1000, 10**6, 2**53, 2**63 - 1])
def test_the_series_ball_is_as_small_as_its_bits_allow(n, bits):
    ball = oracle.magnitude(n, bits)
    assert float((ball.rad() / ball).upper()) < 2.0 ** (12 - bits)


@pytest.mark.parametrize("n", [299, 300, 301])
def test_a_shorter_ball_overlaps_the_longer_one(n):
    assert oracle.magnitude(n, 200).overlaps(oracle.magnitude(n, 320))


def test_nearest_is_the_rounding_of_fractions():
    for n in range(1, 150):
        assert float(exact.expected_magnitude(n)) == oracle.nearest(oracle.magnitude(n))


def test_a_neighbouring_double_is_not_what_the_ball_rounds_to():
    value = float(exact.expected_magnitude(10))
    assert not oracle.rounds_to(oracle.magnitude(10), math.nextafter(value, 2.0))


def test_a_ball_over_the_middle_of_two_doubles_is_undecided():
    middle = arb(1) + arb(2) ** -53
    with pytest.raises(oracle.Undecided, match="neighbour"):
        oracle.rounds_to(middle + arb(0, 1e-30), 1.0)


def test_below_a_power_of_two_the_doubles_lie_twice_as_dense():
    just_below = arb(1) - arb(2) ** -54 - arb(2) ** -80
    assert oracle.nearest(just_below) == math.nextafter(1.0, 0.0)


def test_the_distance_from_the_middle_is_relative():
    ball = arb(4) + arb(2) ** -51 - arb(2) ** -73  # 2^-73 below the middle above 4
    assert oracle.distance_from_middle(ball) == pytest.approx(2.0**-75, rel=1e-6)


def test_the_preserved_balls_hold_the_exact_values():
    a_2, a_3 = exact.expected_magnitude(2), exact.expected_magnitude(3)
    expected = (a_2 / 2, a_3 / 2, (3 * a_2 + 2 * a_3) / Fraction(10))
    actual = oracle.preserved(2, 3, 0.5)
    for value, ball in zip(expected, actual, strict=True):
        assert ball.contains(arb(value.numerator) / value.denominator)
