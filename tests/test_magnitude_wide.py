"""The accurate path, ih_magnitude_wide.c: when it is taken, and that it is right."""

import csv
import random

import make_hard_cases
import oracle
import pytest
from c_library import FORMULAS, LAST, PUBLIC, SOURCES, WIDE, compiled
from flint import arb

import irwinhall

EDGES = [1, 2, 3, 4, 255, 256, 257, 2**31, 2**52 - 1, 2**52, 2**53 + 1, 2**62 - 1, 2**62, LAST]
# In place of the accurate path: every result that takes it becomes -1.
STUB = """
#include "magnitude/ih_magnitude_wide.h"
ih_dd ih_magnitude_wide(int64_t n) { (void)n; return (ih_dd){-1.0, 0.0}; }
ih_dd ih_average_wide(int64_t n, int64_t m) { (void)n, (void)m; return (ih_dd){-1.0, 0.0}; }
double ih_bound_wide(int64_t n, int64_t m, ih_formula formula)
{
    (void)n, (void)m, (void)formula;
    return -1.0;
}
"""


@pytest.fixture(scope="module")
def fast(tmp_path_factory):
    """Return the fast path alone, whose doubtful results are -1."""
    folder = tmp_path_factory.mktemp("fast")
    stub = folder / "stub.c"
    stub.write_text(STUB, encoding="ascii")
    return compiled(folder, PUBLIC, SOURCES / "magnitude/ih_magnitude.c", stub)


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """Return the accurate path alone."""
    return compiled(
        tmp_path_factory.mktemp("wide"), WIDE, SOURCES / "magnitude/ih_magnitude_wide.c"
    )


def numbers(count, seed):
    generator = random.Random(seed)
    return EDGES + [min(LAST, int(2.0 ** generator.uniform(0, 63))) for _ in range(count)]


def pairs(count, seed):
    drawn = numbers(2 * count, seed)[len(EDGES) :]
    edges = [(n, m) for n in EDGES for m in EDGES]
    return edges + list(zip(drawn[::2], drawn[1::2], strict=True))


def hard_cases():
    with make_hard_cases.HARD_CASES.open(encoding="ascii", newline="") as file:
        return [
            (row["function"], int(row["n"]), int(row["m"] or 0)) for row in csv.DictReader(file)
        ]


@pytest.mark.parametrize(("function", "n", "m"), hard_cases())
def test_every_hard_case_takes_the_accurate_path(fast, function, n, m):
    if function in FORMULAS:
        result = fast.ih_letkeman_bound_normalized(n, m, FORMULAS[function])
    else:
        result = getattr(fast, f"ih_{function}")(n)
    assert result == -1.0


@pytest.mark.parametrize("n", [2**52, 2**52 + 1, 2**53, 2**62, LAST])
def test_every_large_number_takes_the_accurate_path(fast, n):
    results = [
        fast.ih_expected_magnitude(n),
        fast.ih_letkeman_bound(n),
        fast.ih_letkeman_bound_normalized(n, 5, 0),
        fast.ih_letkeman_bound_normalized(5, n, 1),
    ]
    assert results == [-1.0] * 4


def test_the_fast_path_decides_almost_every_smaller_result_and_rounds_it_rightly(fast):
    generator = random.Random(61)
    drawn = [generator.randint(1, 2**52 - 1) for _ in range(2000)]
    assert [irwinhall.letkeman_bound(n) for n in drawn] == [
        fast.ih_letkeman_bound(n) for n in drawn
    ]


def test_the_fast_path_decides_every_result_to_10_000(fast):
    assert all(fast.ih_expected_magnitude(n) > 0 for n in range(1, 10_001))


def test_the_accurate_magnitude_has_all_bits_of_two_doubles(wide):
    errors = []
    for n in numbers(2000, seed=62):
        pair, ball = wide.ih_magnitude_wide(n), oracle.magnitude(n)
        errors.append(float((abs((arb(pair.hi) + arb(pair.lo)) / ball - 1)).upper()))
    assert max(errors) <= 2.0**-106


def test_the_accurate_magnitude_starts_with_the_nearest_double(wide):
    drawn = numbers(2000, seed=63)
    expected = [oracle.nearest(oracle.magnitude(n)) for n in drawn]
    assert expected == [wide.ih_magnitude_wide(n).hi for n in drawn]


def test_the_accurate_average_has_all_bits_of_two_doubles(wide):
    errors = []
    for n, m in pairs(2000, seed=64):
        pair, ball = wide.ih_average_wide(n, m), 1 / oracle.normalized_bound(n, m)
        errors.append(float((abs((arb(pair.hi) + arb(pair.lo)) / ball - 1)).upper()))
    assert max(errors) <= 2.0**-106


@pytest.mark.parametrize("formula", FORMULAS)
def test_the_accurate_bound_is_the_nearest_double(wide, formula):
    drawn = pairs(2000, seed=65)
    expected = [oracle.nearest(oracle.normalized_bound(n, m, formula)) for n, m in drawn]
    assert expected == [wide.ih_bound_wide(n, m, FORMULAS[formula]) for n, m in drawn]
