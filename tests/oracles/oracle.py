"""The tests' own oracle: A(n) and the bounds as balls that contain the exact value.

Ball arithmetic (Arb, through python-flint) carries a proven radius with every number, so rounding a
ball to a double either is certain or says that it is not. Below SERIES_START the balls come from
the exact fractions, above it from the asymptotic series, whose coefficients are rational; the
radius of what the series leaves out is that of irwinhall.exact's docstring, and the quadrature of
test_oracle.py, which shares nothing with either, agrees with both.
"""

import math
from functools import cache

from flint import arb, arb_poly, ctx, fmpq

from irwinhall import exact

SERIES_START = 300
BITS = 320
_MOST_TERMS = 64

ctx.prec = BITS


class UndecidedError(AssertionError):
    """The ball holds the middle of two doubles, so more bits are needed."""


def magnitude(n, bits=BITS):
    """Return a ball around A(n)."""
    ctx.prec = bits
    if n < SERIES_START:
        return arb(_fraction(n))
    polynomial, count, margin = _series(bits, _terms(n, bits))
    x = arb(1) / n
    # 2 Gamma(K + 1/2) (3 n)^-K + 8 exp(-3 n/2), relative to (pi/2) A(n) > (2/3) sqrt(n)
    left_out = margin * x**count + 8 * (-arb(3 * n) / 2).exp()
    return (two_over_three_pi(bits) * n).sqrt() * (polynomial(x) + _plus_minus(left_out))


def standard_bound(n, bits=BITS):
    """Return a ball around 1/A(n)."""
    return 1 / magnitude(n, bits)


def normalized_bound(n, m, formula="node_average", bits=BITS):
    """Return a ball around (n + m)/(m A(n) + n A(m)), or with the weights as printed."""
    a_n, a_m = magnitude(n, bits), magnitude(m, bits)
    weighted = m * a_n + n * a_m if formula == "node_average" else n * a_n + m * a_m
    return (n + m) / weighted


def preserved(n, m, bound):
    """Return balls around the forward, backward and node-average magnitudes."""
    forward, backward = bound * magnitude(n), bound * magnitude(m)
    return forward, backward, (m * forward + n * backward) / (n + m)


def rounds_to(ball, value):
    """Return whether the double nearest to the ball's number is `value`, which the ball decides."""
    upper, lower = _middles(value)
    if lower < ball < upper:
        return True
    if ball > upper or ball < lower:
        return False
    raise UndecidedError(f"{ball} may round to {value!r} or to its neighbour")


def nearest(ball):
    """Return the double nearest to the ball's number; the ball must decide it."""
    start = float(ball.mid())
    for value in (start, math.nextafter(start, math.inf), math.nextafter(start, -math.inf)):
        if rounds_to(ball, value):
            return value
    raise UndecidedError(f"no double is nearest to all of {ball}")


def ulps(ball, value):
    """Return how many units in the last place of `value` lie between it and the ball, at most."""
    return float((abs(ball - arb(value)) / arb(math.ulp(value))).upper())


def distance_from_middle(ball):
    """Return the distance of the number from the nearest middle of two doubles, relative to it."""
    upper, lower = _middles(nearest(ball))
    return float((min((upper - ball).mid(), (ball - lower).mid()) / ball).mid())


def _middles(value):
    """Return the ends of what rounds to `value` > 0, the middles to its two neighbours, exactly."""
    below = math.nextafter(value, 0.0)
    above = math.nextafter(value, math.inf)
    return (arb(value) + arb(above)) / 2, (arb(value) + arb(below)) / 2


@cache
def _fraction(n):
    value = exact.expected_magnitude(n)
    return fmpq(value.numerator, value.denominator)


def _terms(n, bits):
    """Return how many terms leave out less than 2^-bits at n, as a multiple of 4, or the most."""
    for count in range(8, _MOST_TERMS, 4):
        if math.lgamma(count + 0.5) - count * math.log(3 * n) < -(bits + 2) * math.log(2):
            return count
    return _MOST_TERMS


@cache
def _series(bits, count):
    ctx.prec = bits
    coefficients = exact.series_coefficients(_MOST_TERMS)[:count]
    polynomial = arb_poly([arb(fmpq(c.numerator, c.denominator)) for c in coefficients])
    return polynomial, count, 2 * (arb(count) + 0.5).gamma() / arb(3) ** count


@cache
def two_over_three_pi(bits=BITS):
    """Return a ball around 2/(3 pi)."""
    ctx.prec = bits
    return 2 / (3 * arb.pi())


def _plus_minus(radius):
    return arb(0, radius.upper())
