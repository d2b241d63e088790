"""Measure the errors of the distribution: ``python tests/verify/verify_distribution.py``.

Uses 400 x for each n from 1 to 200 and for n = 10^3, 10^4 and 10^6: quarter-knots, both far tails,
the centre and random numbers. Compares values, logarithms and quantiles with the oracle of
distribution_oracle.py. It takes a few minutes, and writes the worst errors and their places to
data/verify_distribution.json; the suite checks this record and a sample. With ``--reference``, it
writes the sample, data/distribution_reference.json.
"""

import argparse
import json
import math
import multiprocessing
import random
import sys
from fractions import Fraction
from pathlib import Path

from flint import arb, ctx
from tqdm import tqdm

from irwinhall import distribution

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "oracles"))

import distribution_oracle as oracle

DATA = Path(__file__).resolve().parents[1] / "data"
RECORD = DATA / "verify_distribution.json"
REFERENCE = DATA / "distribution_reference.json"
SEED = 1927  # the year of Irwin's and of Hall's paper
POINTS = 400
QUANTILES = 60
BOUND = 1e-13
LEAST_NORMAL = sys.float_info.min
LARGE = (10**3, 10**4, 10**6)
RANGES = {"1-27": (1, 27), "28-63": (28, 63), "64-200": (64, 200)} | {str(n): (n, n) for n in LARGE}
FUNCTIONS = ("pdf", "cdf", "sf", "logpdf", "logcdf", "logsf", "ppf", "isf")
LOG_OF = {"logpdf": "pdf", "logcdf": "cdf", "logsf": "sf"}


def points(n, count, generator):
    """Return x in (0, n), the same for the same generator."""
    deviation = math.sqrt(n / 12)
    knots = [k / 4 for k in range(1, 4 * n)]
    parts = [
        knots if len(knots) <= count // 4 else generator.sample(knots, count // 4),
        [n * 10 ** generator.uniform(-4, 0) / 2 for _ in range(count // 8)],
        [10 ** generator.uniform(-300, 0) for _ in range(count // 16)],
        [1e-300, 5e-324, math.nextafter(n, 0), n / 2, math.nextafter(n / 2, 0)],
        [n - n * 10 ** generator.uniform(-4, 0) / 2 for _ in range(count // 8)],
        [generator.gauss(n / 2, deviation) for _ in range(count // 4)],
    ]
    found = [x for part in parts for x in part if 0 < x < n]
    return found + [generator.uniform(0, n) for _ in range(count - len(found))]


def truths(x, n):
    """Return the true values by function name, as balls; for the large n by quadrature."""
    ctx.prec = oracle.BITS
    values = oracle.exact(x, n) if n <= 200 else oracle.by_contour(x, n)
    found = dict(zip(("pdf", "cdf", "sf"), values, strict=True))
    for name, linear in LOG_OF.items():
        other = {"cdf": "sf", "sf": "cdf"}.get(linear)
        small = other and 2 * x != n and (2 * x > n) == (linear == "cdf")
        # of a number near 1 by the small number that it lacks
        found[name] = (-arb(found[other])).log1p() if small else arb(found[linear]).log()
    return {name: arb(value) for name, value in found.items()}


def error(name, value, true):
    """Return the relative error, or for logarithms the absolute error if it is smaller."""
    absolute = abs(float((arb(value) - true).mid())) if math.isfinite(value) else math.inf
    relative = absolute / abs(float(true.mid())) if abs(true) > LEAST_NORMAL else math.inf
    if name in LOG_OF:
        return min(absolute, relative)
    return relative if true > LEAST_NORMAL else 0.0


def quantile_error(name, q, n):
    """Return the relative error of a quantile, by the distance of its probability from q."""
    x = getattr(distribution, name)(q, n)
    if x == n:  # right if the tail halfway to the next double below holds more than q
        gap = (n - Fraction(math.nextafter(n, 0))) / 2
        return 0.0 if truths(n - gap, n)["sf"] >= arb(q) else math.inf
    true = truths(x, n)
    probability = true["cdf" if name == "ppf" else "sf"]
    return abs(float(((probability - arb(q)) / (true["pdf"] * arb(x))).mid()))


def probabilities(generator):
    """Return q in (0, 1), down to 1e-300."""
    tails = [10 ** generator.uniform(-300, 0) for _ in range(QUANTILES // 2)]
    near_one = [1 - 10 ** generator.uniform(-16, -1) for _ in range(QUANTILES // 8)]
    found = [1e-300, 1e-200, 0.25, *tails, *near_one]
    return found + [generator.random() for _ in range(QUANTILES - len(found))]


def worst_errors(n):
    """Return n and, by function, (error, where, how many were compared)."""
    generator = random.Random(SEED * n)
    worst = dict.fromkeys(FUNCTIONS, (0.0, 0.0))
    counts = dict.fromkeys(FUNCTIONS, 0)
    for x in points(n, POINTS, generator):
        for name, true in truths(x, n).items():
            counts[name] += 1
            found = error(name, getattr(distribution, name)(x, n), true)
            worst[name] = max(worst[name], (found, x))
    for q in probabilities(generator):
        for name in ("ppf", "isf"):
            counts[name] += 1
            worst[name] = max(worst[name], (quantile_error(name, q, n), q))
    return n, {name: (*worst[name], counts[name]) for name in FUNCTIONS}


def reference():
    """Return the sample of true values: [n, x, {function: 20 digits}]."""
    generator = random.Random(SEED)
    rows = []
    for n in (1, 2, 3, 4, 10, 20, 27, 28, 40, 63, 64, 100, 200, *LARGE):
        for x in points(n, 24, generator):
            values = {name: value.str(20, radius=False) for name, value in truths(x, n).items()}
            rows.append([n, x.hex(), values])
    return rows


def main():
    """Measure everything, print and record the worst errors and return the exit status."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--processes", type=int, help="worker processes (default: one a core)")
    parser.add_argument("--reference", action="store_true", help="write the sample, and no more")
    options = parser.parse_args()
    if options.reference:
        lines = ",\n".join(map(json.dumps, reference()))
        REFERENCE.write_text(f"[\n{lines}\n]\n", encoding="ascii")
        return 0
    numbers = [*LARGE, *range(200, 0, -1)]
    ranges = {title: {} for title in RANGES}
    with multiprocessing.Pool(options.processes) as pool:
        results = pool.imap_unordered(worst_errors, numbers)
        for n, errors in tqdm(results, total=len(numbers), disable=None):
            (title,) = (key for key, (low, high) in RANGES.items() if low <= n <= high)
            for name, (found, where, count) in errors.items():
                entry = ranges[title].setdefault(name, {"checked": 0, "worst": -1.0})
                entry["checked"] += count
                if found > entry["worst"]:
                    entry.update(worst=found, n=n, at=where)
    for title, entries in ranges.items():
        listed = ", ".join(f"{name} {entry['worst']:.1e}" for name, entry in entries.items())
        print(f"n = {title}: {listed}")
    record = {"seed": SEED, "bound": BOUND, "ranges": ranges}
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="ascii")
    return int(any(e["worst"] > BOUND for entries in ranges.values() for e in entries.values()))


if __name__ == "__main__":
    raise SystemExit(main())
