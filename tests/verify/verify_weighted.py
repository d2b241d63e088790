"""Check weighted sums of uniforms: ``python tests/verify/verify_weighted.py``.

Accuracy on many random sets of weights against the exact oracle, and 10^7 simulated sums of some
sets. It takes some minutes and writes what it found to data/verify_weighted.json; the suite checks
that record, and the simulated frequencies against the probabilities as they are now.
"""

import json
import math
import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

from irwinhall import distribution

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "oracles"))

from weighted_oracle import by_corners, by_series, relative_error

RECORD = Path(__file__).resolve().parents[1] / "data" / "verify_weighted.json"
SEED = 271828
SAMPLES = 10**7
SETS_OF_FEW = 2000
# The worst relative error that is promised, by what it is of.
PROMISED = {
    "up to 12 weights of sizes 1e-9 to 1e3": 1e-13,
    "13 to 500 weights of one size, to 12 standard deviations": 1e-13,
    "2,000 weights, to 25 standard deviations": 1e-12,
    "magnitudes of up to 500 coefficients": 1e-13,
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


def bits(count):
    """Return a precision that the Fourier series of so many weights reaches in some 10^3 terms."""
    return int(min(240, 8 * count))


def arb_least(bits):
    """Return the size from which on balls of so many bits still hold 25 digits."""
    return 2.0 ** (90 - bits)


def monte_carlo_cases():
    """Return name -> (weights, points), a score of probabilities in all."""
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
    """Return what the frequencies estimate."""
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
    worst = [few, max(values for values, _ in many), far, max(errors for _, errors in many)]
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
