"""Check the statistics of every scheme's weights: ``python tests/verify/verify_schemes.py``.

Compares 10^7 weights of every random scheme, for three shapes and both float types, with
`irwinhall.schemes.statistics`: mean and standard deviation in standard errors, and the largest
weight with the bound. It takes about a minute and writes data/verify_schemes.csv; the suite checks
this record, and a scheme of each distribution with 10^6 weights.
"""

import csv
import math
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

import irwinhall
from irwinhall import schemes

RECORD = Path(__file__).resolve().parents[1] / "data" / "verify_schemes.csv"
SEED = 1729
SAMPLES = 10**7
SHAPES = ((784, 256), (10, 100), (3, 3, 16, 32))
DTYPES = ("float32", "float64")
# The gain of the rows that need one.
GIVEN_GAIN = 0.02
RANDOM = [row for row in schemes.SCHEMES.values() if row.law not in ("constant", "identity")]
# Orthogonal weights are not independent, and their mean square is fixed.
INDEPENDENT = [row for row in RANDOM if "orthogonal" not in row.law]


class Deviation(NamedTuple):
    """Distances from the formulas in standard errors, and the largest weight over the bound."""

    scheme: str
    shape: str
    dtype: str
    samples: int
    mean: float
    std: float
    largest: float


def deviation(row, shape, dtype, samples):
    """Return the deviations of about `samples` weights, drawn as a stack of layers."""
    copies = -(-samples // math.prod(shape))
    name = f"{row.name}/{shape}/{dtype}"
    gain = GIVEN_GAIN if row.gain is None else None
    weights = irwinhall.sample_weights(
        (copies, *shape), row, rng=SEED, name=name, batch_axis=0, gain=gain, dtype=dtype
    )
    expected = schemes.statistics(row, *irwinhall.fans(shape), gain=gain)
    values = weights.astype(np.float64, copy=False).ravel()
    centred = values - expected.mean
    square = centred * centred
    mean_error = expected.std / math.sqrt(values.size)
    fourth = float(np.dot(square, square)) / values.size
    # The error of the std is that of the variance divided by twice the std.
    square_error = math.sqrt((fourth - expected.std**4) / values.size)
    std = math.sqrt(float(square.mean()))
    return Deviation(
        row.name,
        "x".join(map(str, shape)),
        dtype,
        values.size,
        float(centred.mean()) / mean_error,
        (std - expected.std) / (square_error / (2.0 * expected.std)),
        float(max(values.max(), -values.min())) / expected.bound,
    )


def cases():
    """Return all (row, shape, dtype)."""
    return [(row, shape, dtype) for row in INDEPENDENT for shape in SHAPES for dtype in DTYPES]


def main():
    """Run all checks, write the record and return the exit status."""
    found = [deviation(*case, SAMPLES) for case in tqdm(cases(), disable=None)]
    with RECORD.open("w", encoding="ascii", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Deviation._fields)
        for row in found:
            numbers = (f"{row.mean:.3f}", f"{row.std:.3f}", f"{row.largest:.9f}")
            writer.writerow((*row[:4], *numbers))
    wrong = [row for row in found if max(abs(row.mean), abs(row.std)) > 5 or row.largest > 1]
    print(f"{len(found)} checked, {len(wrong)} off", *wrong, sep="\n", file=sys.stderr)
    return int(bool(wrong))


if __name__ == "__main__":
    raise SystemExit(main())
