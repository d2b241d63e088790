"""Check weighted sums of uniforms: ``python tests/verify/verify_weighted.py``.

Measures the errors for many random sets of weights with the exact oracle, and simulates 10^7 sums
for some sets. It takes a few minutes and writes data/verify_weighted.json; the suite checks this
record, and compares the simulated frequencies with the present probabilities.
"""

import json
import math
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
from flint import arb
from tqdm import tqdm

from irwinhall import distribution

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "oracles"))

from weighted_oracle import by_corners, by_series, relative_error

RECORD = Path(__file__).resolve().parents[1] / "data" / "verify_weighted.json"
SEED = 271828
SAMPLES = 10**7
SETS_OF_FEW = 2000
# The documented bound of the relative error of each kind of result.
PROMISED = {
    "up to 12 weights of sizes 1e-9 to 1e3": 1e-13,
    "13 to 500 weights of one size, to 12 standard deviations": 1e-13,
    "2,000 weights, to 25 standard deviations": 1e-12,
    "magnitudes of up to 500 coefficients": 1e-13,
    "quantiles of up to 12 hostile weights, q to 1e-300": 1e-13,
    "quantiles of 13 to 5,000 weights, q to 1e-60": 1e-13,
}
FUNCTIONS = {
    "pdf": distribution.weighted_pdf,
    "cdf": distribution.weighted_cdf,
    "sf": distribution.weighted_sf,
}


def few_weights(generator):
    """Return up to 12 weights: of one size, of all sizes, or in groups."""
    count, style = int(generator.integers(1, 13)), generator.integers(4)
    sizes = [
        generator.random(count) + 1e-3,
        10.0 ** generator.uniform(-9, 3, count),
        10.0 ** generator.integers(-8, 1, count) * (1 + 0.1 * generator.random(count)),
        np.full(count, generator.random() + 0.1),
    ][style]
    return sizes * np.where(generator.random(count) < 0.2, -1.0, 1.0)


def error_of_few(generator):
    """Return the worst relative error at a dozen points of one random set."""
    weights = few_weights(generator)
    low, span = np.minimum(weights, 0).sum(), np.abs(weights).sum()
    tails = span * 10.0 ** generator.uniform(-9, 0, 4)
    x = np.concatenate([low + span * generator.random(4), low + tails, low + span - tails])
    worst = 0.0
    for kind, function in FUNCTIONS.items():
        for at, value in zip(x, function(x, weights), strict=True):
            exact = by_corners(kind, at, weights)
            if exact > 1e-300:
                worst = max(worst, relative_error(value, exact))
    return worst


def error_of_many(generator, count, steps, bits):
    """Return the worst relative error of values and of the magnitude, for one random set."""
    power = generator.uniform(0.0, 1.5)
    weights = generator.random(count) ** power + 0.01
    span, deviation = float(weights.sum()), math.sqrt(np.sum(weights**2) / 12)
    x = [span / 2 - step * deviation for step in steps]
    x = [at for at in x if at > 0.02 * span]
    density, below, magnitude = by_series(weights, x, bits)
    errors = [
        relative_error(value, exact)
        for function, balls in ((FUNCTIONS["pdf"], density), (FUNCTIONS["cdf"], below))
        for value, exact in zip(function(x, weights), balls, strict=True)
        if exact > arb_least(bits)
    ]
    found = distribution.expected_magnitude_of(weights)
    return max(errors), relative_error(found, 2 * magnitude)


def hostile_weights(generator, count, decades=12):
    """Return weights of one size or with one dominant, in groups or with ratios up to 1e12."""
    styles = [
        generator.random(count) + 1e-3,
        10.0 ** generator.uniform(-decades, 0, count),
        np.full(count, generator.random() + 0.1),
        np.r_[1.0, np.full(count - 1, 10.0 ** generator.uniform(-decades, -1))],
        10.0 ** generator.integers(1 - decades, 1, count) * (1 + 0.1 * generator.random(count)),
        1.0 / np.arange(1, count + 1),
    ]
    sizes = styles[generator.integers(len(styles))]
    return sizes * np.where(generator.random(count) < generator.choice([0.0, 0.3]), -1.0, 1.0)


def quantile_error(q, weights):
    """Return the worst relative error of ppf and isf as distances from the nearer end, exactly."""
    errors = []
    for quantile, kind in ((distribution.weighted_ppf, "cdf"), (distribution.weighted_isf, "sf")):
        x = float(quantile(q, weights))
        low = sum((Fraction(w) for w in weights if w < 0), Fraction(0))
        high = sum((Fraction(w) for w in weights if w > 0), Fraction(0))
        distance = Fraction(x) - low if (kind == "cdf") == (q <= 0.5) else high - Fraction(x)
        # x is only the nearest double, which may be coarse relative to its distance from the end.
        rounding = Fraction(math.ulp(x)) / 2 * Fraction(1 + 1e-9)
        around = [by_corners(kind, Fraction(x) + side * rounding, weights) for side in (-1, 1)]
        if min(around) <= Fraction(q) <= max(around):
            errors.append(0.0)
            continue
        missed = min(abs(value - Fraction(q)) for value in around)
        errors.append(float(missed / by_corners("pdf", x, weights) / distance))
    return max(errors)


def quantile_error_of_many(generator, count):
    """Return the worst relative error of quantiles of one random set, by Fourier series."""
    weights = generator.random(count) ** generator.uniform(0.0, 1.5) + 0.01
    q = np.array([0.4, 1e-2, 1e-8, 1e-20, 1e-60])
    q = q[q > 0.01 ** (0.1 * count)]
    x = distribution.weighted_ppf(q, weights)
    density, below, _ = by_series(weights, x.tolist(), min(320, 8 * count))
    return max(
        float(abs((found - arb(at)) / (slope * arb(place))).upper())
        for at, place, slope, found in zip(q.tolist(), x.tolist(), density, below, strict=True)
    )


def bits(count):
    """Return a precision that the Fourier series of so many weights reaches in 10^3 terms."""
    return int(min(240, 8 * count))


def arb_least(bits):
    """Return the size above which balls of so many bits have 25 right digits."""
    return 2.0 ** (90 - bits)


def monte_carlo_cases():
    """Return name -> (weights, points), about twenty probabilities in all."""
    generator = np.random.default_rng(SEED)
    sets = {
        "three of both signs": np.array([1.0, -2.0, 0.5]),
        "harmonic": 1.0 / np.arange(1, 11),
        "one dominant": np.append(np.full(30, 0.01), 1.0),
        "hundred random": generator.standard_normal(100),
    }
    cases = {}
    for name, weights in sets.items():
        centre, deviation = weights.sum() / 2, math.sqrt(np.sum(weights**2) / 12)
        cases[name] = weights, centre + deviation * np.array([-2.0, -0.8, 0.0, 0.5, 1.6])
    return cases


def probabilities(weights, x):
    """Return the probabilities that the frequencies estimate."""
    return distribution.weighted_cdf(x, weights).tolist()


def simulated(weights, x, generator):
    """Return how many of SAMPLES sums are at most each x."""
    counts, batch = np.zeros(len(x), np.int64), 10**5
    for _ in tqdm(range(SAMPLES // batch), leave=False):
        sums = generator.random((batch, len(weights))) @ weights
        counts += (sums[:, np.newaxis] <= x).sum(axis=0)
    return counts.tolist()


def main():
    """Check, and write the record."""
    generator = np.random.default_rng(SEED)
    few = max(error_of_few(generator) for _ in tqdm(range(SETS_OF_FEW)))
    many = [
        error_of_many(generator, int(count), (0.0, 0.5, 2.0, 5.0, 8.0, 12.0), bits(count))
        for count in tqdm(np.geomspace(13, 500, 60))
    ]
    far, _ = error_of_many(generator, 2000, (1.0, 10.0, 18.0, 25.0), 700)
    quantiles_of_few = max(
        quantile_error(float(10.0 ** -generator.uniform(0.3, 300)), hostile_weights(generator, n))
        for n in tqdm(generator.integers(1, 13, SETS_OF_FEW).tolist())
    )
    quantiles_of_many = max(
        quantile_error_of_many(generator, int(count)) for count in tqdm(np.geomspace(13, 5000, 30))
    )
    worst = [few, max(values for values, _ in many), far, max(errors for _, errors in many)]
    worst += [quantiles_of_few, quantiles_of_many]
    record = {
        "seed": SEED,
        "accuracy": {
            name: {"promised": promised, "worst error": float(f"{error:.2g}")}
            for (name, promised), error in zip(PROMISED.items(), worst, strict=True)
        },
        "monte carlo": {
            "samples": SAMPLES,
            "cases": {
                name: simulated(weights, x, generator)
                for name, (weights, x) in monte_carlo_cases().items()
            },
        },
    }
    RECORD.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
