"""The predictions of irwinhall.flow against its simulation: 1024 units, 50 layers, many networks.

    python tests/verify/verify_flow.py [--networks 30] [--width 1024] [--depth 50] [--batch 8]

Every scheme that can be predicted, every activation, and every normalization with and without
residual branches. A line for each: the largest deviation from the prediction, of any layer, in
standard errors of the mean over the networks, for the mean square and the magnitude, forward and
backward; then the largest of all after an allowance of layers / width for what the prediction
neglects, which must be below 4. Batch normalization is predicted for large batches: it gets one of
256. Where the fixed point is unstable, only those layers are compared in which chance has at most
doubled. It takes about an hour.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from irwinhall import flow
from irwinhall.gains import ACTIVATIONS, fixed_points, gain
from irwinhall.schemes import SCHEMES

QUANTITIES = ("forward_variance", "forward_magnitude", "backward_variance", "backward_magnitude")
LARGE_BATCH = 256
ALLOWED = 4.0


def cases() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what to compare: a scheme, and the other arguments of `flow.simulate`."""
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


def layers_to_compare(how: dict[str, Any], depth: int) -> int:
    """Return in how many layers a deviation from the fixed point at most doubles."""
    activation = how.get("activation", "relu")
    if set(how) - {"activation"} or activation in ("linear", "relu", "leaky_relu", "prelu"):
        return depth
    points = fixed_points(activation, gain(activation))
    slope = min(points, key=lambda point: abs(point.variance - 1.0)).slope
    return depth if slope <= 1.0 else max(1, min(depth, int(math.log(2.0) / math.log(slope))))


def deviations(
    case: tuple[str, dict[str, Any]], networks: int, width: int, depth: int, batch: int
) -> list[float]:
    """Return the largest deviation of every quantity, and the largest after the allowance."""
    scheme, how = case
    depth = layers_to_compare(how, depth)
    (expected,) = flow.predict([scheme], width=width, depth=depth, **how)
    if how.get("normalization") == "batch":
        batch = LARGE_BATCH
    simulated = [
        flow.simulate([scheme], width=width, depth=depth, batch=batch, rng=seed, **how)[0]
        for seed in range(networks)
    ]
    found, after = [], 0.0
    for quantity in QUANTITIES:
        ratio = np.array([getattr(one, quantity) for one in simulated])
        ratio /= getattr(expected, quantity)
        error = ratio.std(axis=0, ddof=1) / np.sqrt(networks)
        off = np.abs(ratio.mean(axis=0) - 1.0)
        passed = np.arange(depth + 1)
        if quantity.startswith("backward"):
            passed = passed[::-1]
        if np.isnan(off[:-1]).all():  # a magnitude that is not predicted
            off, error, passed = off[-1:], error[-1:], passed[-1:]
        found.append(float(np.max(off / error)))
        after = max(after, float(np.max((off - passed / width) / error)))
    return [*found, after]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=30)
    parser.add_argument("--width", type=int, default=1024)
    parser.add_argument("--depth", type=int, default=50)
    parser.add_argument("--batch", type=int, default=8)
    options = parser.parse_args()
    numbers = (options.networks, options.width, options.depth, options.batch)
    listed = list(cases())
    beyond = 0
    with ProcessPoolExecutor(2) as pool:
        futures = [pool.submit(deviations, case, *numbers) for case in listed]
        for (scheme, how), future in zip(listed, futures, strict=True):
            found = future.result()
            beyond += not found[-1] <= ALLOWED
            label = " ".join([scheme, *(f"{key}={value}" for key, value in how.items() if value)])
            print(f"{label:<70}" + "".join(f"{value:7.2f}" for value in found), flush=True)
    print(f"{beyond} of {len(listed)} are beyond {ALLOWED} standard errors")
    return int(beyond > 0)


if __name__ == "__main__":
    sys.exit(main())
