"""Find the results that are hardest to round: ``python tests/verify/make_hard_cases.py``.

Searches every n below SINGLE_END, and every pair of layer sizes below PAIR_END in both formulas,
with double-double arithmetic in NumPy, and keeps those whose exact values are nearest to the
midpoint between two doubles. The oracle measures these again and writes data/hard_cases.csv. The
relative distances are all below 2^-74, so the fast path must use the accurate path for them.
"""

import argparse
import csv
import math
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
from tqdm import tqdm

from irwinhall import exact

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "oracles"))

import oracle

HARD_CASES = Path(__file__).resolve().parents[1] / "data" / "hard_cases.csv"
COLUMNS = ("function", "n", "m", "log2_distance", "nearest")
EXACT = {
    "expected_magnitude": lambda n, m: oracle.magnitude(n),
    "letkeman_bound": lambda n, m: oracle.standard_bound(n),
    "node_average": lambda n, m: oracle.normalized_bound(n, m, "node_average"),
    "as_printed": lambda n, m: oracle.normalized_bound(n, m, "as_printed"),
}
SINGLE_END = 1 << 25
PAIR_END = 1 << 13
KEPT = 10
_BLOCK = 1 << 15


# ---- double-double arithmetic on pairs of arrays (Dekker 1971); errors of some 2^-100 -----------


def two_sum(a, b):
    high = a + b
    b_part = high - a
    return high, (a - (high - b_part)) + (b - b_part)


def two_product(a, b):
    high = a * b
    a_high, a_low = _split(a)
    b_high, b_low = _split(b)
    return high, ((a_high * b_high - high) + a_high * b_low + a_low * b_high) + a_low * b_low


def multiply(a, b):
    high, low = two_product(a[0], b[0])
    return two_sum(high, low + (a[0] * b[1] + a[1] * b[0]))


def add(a, b):
    high, low = two_sum(a[0], b[0])
    return two_sum(high, low + (a[1] + b[1]))


def divide(a, b):
    first = a[0] / b[0]
    high, low = two_product(first, b[0])
    second = ((a[0] - high) - low + a[1] - first * b[1]) / b[0]
    return two_sum(first, second)


def square_root(a):
    first = np.sqrt(a[0])
    high, low = two_product(first, first)
    return two_sum(first, ((a[0] - high) - low + a[1]) / (2.0 * first))


def pair(value):
    """Return a Fraction as two doubles."""
    high = float(value)
    return np.float64(high), np.float64(float(value - Fraction(high)))


def _split(a):
    scaled = a * 134217729.0  # 2^27 + 1
    high = scaled - (scaled - a)
    return high, a - high


# ---- the search ----------------------------------------------------------------------------------


def log2_distances(value):
    """Return log2 of the distance from the nearest middle of two doubles, relative to the value."""
    high, low = value
    half = np.spacing(high) / 2
    with np.errstate(divide="ignore"):
        return np.log2((half - np.abs(low)) / high)


def magnitudes(n):
    """Return A(n) for an array of n, not too small, by the series' first 12 terms."""
    zero = np.zeros_like(n)
    inverse = divide((np.ones_like(n), zero), (n, zero))
    series = (zero, zero)
    for c in reversed(exact.series_coefficients(12)):
        high, low = pair(c)
        series = add(multiply(series, inverse), (zero + high, zero + low))
    constant = oracle.two_over_three_pi()
    high = float(constant.mid())
    low = float((constant - oracle.arb(high)).mid())
    root = square_root(multiply((zero + high, zero + low), (n, zero)))
    return multiply(root, series)


def candidates():
    """Yield (rough log2 of the distance, function, n, m) of everything that may be a hard case."""
    small = [oracle.magnitude(n) for n in range(1, PAIR_END)]
    table_high = np.array([float(ball.mid()) for ball in small])
    table_low = np.array(
        [float((b - oracle.arb(h)).mid()) for b, h in zip(small, table_high, strict=True)]
    )

    def near(function, n, m, value):
        distances = log2_distances(value)
        for i in np.flatnonzero(distances < -74):
            yield float(distances[i]), function, int(n[i]), None if m is None else int(m)

    for start in tqdm(range(1, SINGLE_END, _BLOCK), desc="every n", disable=None):
        n = np.arange(start, min(start + _BLOCK, SINGLE_END), dtype=np.float64)
        a = magnitudes(n)
        known = slice(None, max(0, min(len(n), PAIR_END - start)))
        a[0][known] = table_high[start - 1 : start - 1 + len(a[0][known])]
        a[1][known] = table_low[start - 1 : start - 1 + len(a[1][known])]
        yield from near("expected_magnitude", n, None, a)
        one = (np.ones_like(n), np.zeros_like(n))
        yield from near("letkeman_bound", n, None, divide(one, a))

    numbers = np.arange(1, PAIR_END, dtype=np.float64)
    for m in tqdm(range(2, PAIR_END), desc="every pair", disable=None):
        n = numbers[: m - 1]
        zero = np.zeros_like(n)
        a_n = (table_high[: m - 1], table_low[: m - 1])
        a_m = (zero + table_high[m - 1], zero + table_low[m - 1])
        sizes, other = (n, zero), (zero + m, zero)
        total = (n + m, zero)
        average = add(multiply(other, a_n), multiply(sizes, a_m))
        printed = add(multiply(sizes, a_n), multiply(other, a_m))
        yield from near("node_average", n, m, divide(total, average))
        yield from near("as_printed", n, m, divide(total, printed))


def hard_cases():
    """Return the rows of data/hard_cases.csv, the hardest first within each function."""
    found = sorted(candidates(), key=lambda candidate: candidate[0])
    rows = []
    for function in EXACT:
        chosen = [case for case in found if case[1] == function][:KEPT]
        rows += [row(function, n, m) for _, _, n, m in chosen]
    return rows


def row(function, n, m):
    """Return one row, measured with the oracle."""
    ball = EXACT[function](n, m)
    distance = math.log2(oracle.distance_from_middle(ball))
    return (function, str(n), str(m or ""), f"{distance:.2f}", oracle.nearest(ball).hex())


def main():
    """Write data/hard_cases.csv."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    with HARD_CASES.open("w", encoding="ascii", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(hard_cases())


if __name__ == "__main__":
    main()
