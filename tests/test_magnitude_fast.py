"""The fast path of ih_magnitude.c: the error of its double-double pairs, before any rounding."""

import random
from ctypes import c_int, c_int64

import oracle
import pytest
from c_library import FORMULAS, SOURCES, Pair, compiled
from flint import arb

LAST = 2**52 - 1  # of the fast path
# What the fast path's rounding test allows, in each direction: half of it is the claimed error.
CLAIMED_ERROR = 2.0**-75
SHOWN = """
#include "magnitude/ih_magnitude.c"
ih_dd shown_magnitude(int64_t n) { return magnitude(n); }
ih_dd shown_standard_bound(int64_t n) { return standard_bound(magnitude(n)); }
ih_dd shown_normalized_bound(int64_t n, int64_t m, ih_formula formula)
{
    return normalized_bound(from_integer(n), magnitude(n), from_integer(m), magnitude(m), formula);
}
ih_dd shown_average(int64_t n, int64_t m)
{
    return average(from_integer(n), magnitude(n), from_integer(m), magnitude(m));
}
"""
SIGNATURES = {
    "shown_magnitude": (Pair, c_int64),
    "shown_standard_bound": (Pair, c_int64),
    "shown_normalized_bound": (Pair, c_int64, c_int64, c_int),
    "shown_average": (Pair, c_int64, c_int64),
}


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """Return the file's static functions, made visible."""
    folder = tmp_path_factory.mktemp("shown")
    source = folder / "shown.c"
    source.write_text(SHOWN, encoding="ascii")
    return compiled(folder, SIGNATURES, source, SOURCES / "magnitude/ih_magnitude_wide.c")


def error(pair, ball):
    """Return the relative error of a pair, at most."""
    return float(abs((arb(pair.hi) + arb(pair.lo)) / ball - 1).upper())


def numbers(seed):
    generator = random.Random(seed)
    drawn = [min(LAST, int(2.0 ** generator.uniform(10, 52))) for _ in range(3000)]
    return [*range(1, 3000), *drawn, LAST - 1, LAST]


def pairs(seed):
    generator = random.Random(seed)
    drawn = numbers(seed)
    return [(n, generator.choice(drawn)) for n in drawn]


def test_a_magnitude_is_within_the_claimed_error(shown):
    errors = [error(shown.shown_magnitude(n), oracle.magnitude(n)) for n in numbers(71)]
    assert max(errors) < CLAIMED_ERROR


def test_a_magnitude_of_the_table_is_within_two_doubles(shown):
    errors = [error(shown.shown_magnitude(n), oracle.magnitude(n)) for n in range(1, 1024)]
    assert max(errors) <= 2.0**-105


def test_a_standard_bound_is_within_the_claimed_error(shown):
    errors = [error(shown.shown_standard_bound(n), oracle.standard_bound(n)) for n in numbers(72)]
    assert max(errors) < CLAIMED_ERROR


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_normalized_bound_is_within_the_claimed_error(shown, formula):
    errors = [
        error(
            shown.shown_normalized_bound(n, m, FORMULAS[formula]),
            oracle.normalized_bound(n, m, formula),
        )
        for n, m in pairs(73)
    ]
    assert max(errors) < CLAIMED_ERROR


def test_an_average_is_within_the_claimed_error(shown):
    errors = [
        error(shown.shown_average(n, m), 1 / oracle.normalized_bound(n, m)) for n, m in pairs(74)
    ]
    assert max(errors) < CLAIMED_ERROR


def test_the_margin_is_twice_the_claimed_error():
    text = (SOURCES / "magnitude/ih_magnitude.c").read_text(encoding="ascii")
    assert "#define IH_ROUNDING_MARGIN 0x1p-74\n" in text
