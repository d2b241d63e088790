"""Compare the predictions of `irwinhall.flow` with simulations of 1024 units.

    python tests/verify/verify_flow.py [--networks 30] [--workers 2]

Compares every scheme with predictions, every activation, and every normalization with and without
residual branches. Writes tests/data/verify_flow.json: the largest deviation of the simulations'
mean from the prediction in any of 50 layers, in standard errors, and the mean squares after 100
layers of activations that start at a fixed point. Run ``python benchmarks/report.py --render``
afterwards to update the documentation. It takes half an hour.

The fluctuations of a network accumulate, so a mean over networks deviates by about layers/width
more than its standard error; the last column of the record allows for this. Batch normalization is
predicted for large batches, and simulated with a batch of 256. If a fixed point is unstable, only
the layers in which a deviation at most doubles are compared.
"""

from __future__ import annotations

import argparse
import json
import math
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from tqdm import tqdm

from irwinhall import flow
from irwinhall.executors import ordered_map, processes
from irwinhall.gains import ACTIVATIONS, Activation, fixed_points, gain
from irwinhall.schemes import SCHEMES

RECORD = Path(__file__).resolve().parents[1] / "data" / "verify_flow.json"
WIDTH, DEPTH, BATCH, LARGE_BATCH = 1024, 50, 8, 256
QUANTITIES = flow.Flow._fields[1:]
COLUMNS = ("network", "layers", *QUANTITIES, "with_allowance")
# The activations and variances whose gains are simulated through 100 layers.
FIXED_POINTS = (("tanh", 1), ("silu", 1), ("silu", 100), ("gelu", 100), ("mish", 100))
FIXED_POINT_DEPTH = 100


def cases() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each scheme to compare and the other arguments of `flow.simulate`."""
    for name, row in SCHEMES.items():
        if row.law in ("uniform", "normal", "truncated_normal", "orthogonal"):
            yield (name if row.gain is not None else f"{name}:0.04"), {}
    for name in ACTIVATIONS:
        yield f"lecun_normal:{name}", {"activation": name}
    for activation in ("relu", "tanh", "gelu"):
        for normalization in (None, "layer", "rms", "batch"):
            for residual in (None, 0.3):
                if normalization or residual:
                    how = {"normalization": normalization, "residual": residual}
                    yield f"lecun_normal:{activation}", {"activation": activation, **how}


def label(case: tuple[str, dict[str, Any]]) -> str:
    """Return the name of a case in the record."""
    scheme, how = case
    return ", ".join([scheme, *(f"{name}={value}" for name, value in how.items() if value)])


def layers_to_compare(how: dict[str, Any], depth: int) -> int:
    """Return the number of layers in which a deviation from the fixed point at most doubles."""
    activation = how.get("activation", "relu")
    if set(how) - {"activation"} or activation in ("linear", "relu", "leaky_relu", "prelu"):
        return depth
    points = fixed_points(activation, gain(activation))
    slope = min(points, key=lambda point: abs(point.variance - 1.0)).slope
    return depth if slope <= 1.0 else max(1, min(depth, int(math.log(2.0) / math.log(slope))))


def compared(
    case: tuple[str, dict[str, Any]], networks: int, width: int = WIDTH, depth: int = DEPTH
) -> list[Any]:
    """Return a row of the record: the largest deviations of a case."""
    scheme, how = case
    sizes = {"width": width, "depth": layers_to_compare(how, depth), **how}
    (expected,) = flow.predict([scheme], **sizes)
    batch = LARGE_BATCH if how.get("normalization") == "batch" else BATCH
    simulated = [
        flow.simulate([scheme], batch=batch, rng=seed, **sizes)[0] for seed in range(networks)
    ]
    largest, with_allowance = [], 0.0
    for quantity in QUANTITIES:
        ratios = np.array([getattr(one, quantity) for one in simulated])
        ratios /= getattr(expected, quantity)
        error = ratios.std(axis=0, ddof=1) / math.sqrt(networks)
        off = np.abs(ratios.mean(axis=0) - 1.0)
        passed = np.arange(len(off))
        if quantity.startswith("backward"):
            passed = passed[::-1]
        # With branches, the magnitude of gradients is predicted at the last layer only.
        known = ~np.isnan(off)
        largest.append(float(np.max((off / error)[known])))
        allowed = float(np.max(((off - passed / width) / error)[known]))
        with_allowance = max(with_allowance, allowed)
    return [label(case), sizes["depth"], *(round(value, 2) for value in [*largest, with_allowance])]


def kept(point: tuple[str, float], networks: int) -> list[Any]:
    """Return a row of the record: mean squares after 100 layers, over that of the fixed point."""
    activation, at = point
    row, root = ACTIVATIONS[activation], math.sqrt(at)
    # The network whose signals are smaller by sqrt(at) starts at variance 1.
    rescaled = Activation(activation, lambda z: row(root * z) / root, "")
    after = [
        flow.simulate(
            [f"lecun_normal:{gain(activation, at=at)!r}"],
            width=WIDTH,
            depth=FIXED_POINT_DEPTH,
            activation=rescaled,
            batch=BATCH,
            rng=seed,
        )[0].forward_variance[-1]
        for seed in range(networks)
    ]
    spread = (np.median(after), min(after), max(after))
    return [activation, at, *(float(f"{value:.3g}") for value in spread)]


def main() -> None:
    """Simulate and write the record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=30)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    listed = list(cases())
    with processes(options.workers) as executor:
        compare = partial(compared, networks=options.networks)
        predictions = list(tqdm(ordered_map(compare, listed, executor), total=len(listed)))
        hold = partial(kept, networks=options.networks)
        points = list(ordered_map(hold, FIXED_POINTS, executor))
    record = {
        "networks": options.networks,
        "columns": COLUMNS,
        "predictions": predictions,
        "fixed_points": points,
    }
    RECORD.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
