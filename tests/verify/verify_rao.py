"""Simulate Rao's spacing test: ``python tests/verify/verify_rao.py``.

Counts how many of 10^7 samples of uniform angles exceed the exact critical values. It takes a few
minutes and writes data/verify_rao.json, which the suite compares with the significance levels.
"""

import json
from pathlib import Path

import numpy as np
from tqdm import tqdm

from irwinhall.stats import rao_critical_value

RECORD = Path(__file__).resolve().parents[1] / "data" / "verify_rao.json"
SEED, SAMPLES = 161803, 10**7
NUMBERS = 5 * 10**5  # at a time, which a cache holds
POINTS = (50, 200, 1000)
SIGNIFICANCES = (0.5, 0.1, 0.05, 0.01, 0.001)


def exceeding(n, generator):
    """Return how many samples exceed the critical value of each significance."""
    critical = np.array([rao_critical_value(n, s) for s in SIGNIFICANCES]) / 360.0
    counts = np.zeros(critical.size, np.int64)
    batch = NUMBERS // n
    for _ in tqdm(range(SAMPLES // batch), leave=False):
        arcs = generator.standard_exponential((batch, n))
        arcs /= arcs.sum(axis=1, keepdims=True)
        arcs -= 1.0 / n
        lacking = 0.5 * np.abs(arcs, out=arcs).sum(axis=1)
        counts += (lacking[:, np.newaxis] > critical).sum(axis=0)
    return counts.tolist()


def main():
    """Simulate, and write the record."""
    generator = np.random.default_rng(SEED)
    record = {
        "seed": SEED,
        "samples": SAMPLES,
        "significances": SIGNIFICANCES,
        "exceeding": {str(n): exceeding(n, generator) for n in POINTS},
    }
    RECORD.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
