"""The predictions of irwinhall.flow against its simulation: 1024 units, 50 layers, many networks.

    python tests/verify/verify_flow.py [--networks 16] [--width 1024] [--depth 50] [--batch 8]

Every scheme that can be predicted, every activation, and every normalization with and without
residual branches. A line for each: the largest deviation from the prediction, of any layer, in
standard errors of the mean over the networks, for the mean square and the magnitude, forward and
backward. Batch normalization is predicted for large batches: it gets one of 256.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from irwinhall import flow
from irwinhall.gains import ACTIVATIONS
from irwinhall.schemes import SCHEMES

QUANTITIES = ("forward_variance", "forward_magnitude", "backward_variance", "backward_magnitude")
LARGE_BATCH = 256
ALLOWED = 3.0


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


def deviations(
    case: tuple[str, dict[str, Any]], networks: int, width: int, depth: int, batch: int
) -> list[float]:
    """Return the largest deviation of any layer, in standard errors, of every quantity."""
    scheme, how = case
    (expected,) = flow.predict([scheme], width=width, depth=depth, **how)
    if how.get("normalization") == "batch":
        batch = LARGE_BATCH
    simulated = [
        flow.simulate([scheme], width=width, depth=depth, batch=batch, rng=seed, **how)[0]
        for seed in range(networks)
    ]
    found = []
    for quantity in QUANTITIES:
        values = np.array([getattr(one, quantity) for one in simulated])
        ratio = values / getattr(expected, quantity)
        error = ratio.std(axis=0, ddof=1) / np.sqrt(networks)
        found.append(float(np.max(np.abs(ratio.mean(axis=0) - 1.0) / error)))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=16)
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
            worst = np.nanmax(found)
            beyond += worst > ALLOWED
            label = " ".join([scheme, *(f"{key}={value}" for key, value in how.items() if value)])
            print(f"{label:<70}" + "".join(f"{value:7.2f}" for value in found), flush=True)
    print(f"{beyond} of {len(listed)} have a layer beyond {ALLOWED} standard errors")
    return int(beyond > 0)


if __name__ == "__main__":
    sys.exit(main())
