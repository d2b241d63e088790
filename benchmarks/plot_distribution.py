"""Draw docs/distribution-*.svg: ``python benchmarks/plot_distribution.py``.

Time against n from the recorded results, and error against x/n, by the oracle of the tests.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "verify"))

import verify_distribution as verify  # noqa: E402

from irwinhall import distribution  # noqa: E402

NUMBERS = (5, 20, 40, 60, 150, 1000)
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#56B4E9")


def time_figure() -> Any:
    """Return the time of a point against n, ours as solid and SciPy's as dashed lines."""
    part = json.loads((ROOT / "benchmarks" / "results.json").read_text())["bench_distribution"]
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for colour, function in zip(COLOURS, ("pdf", "cdf", "ppf"), strict=False):
        ours, theirs = [], []
        for name, measured in part["benchmarks"].items():
            found = re.fullmatch(rf"bench_distribution\[{function}-(\d+)\]", name)
            if found:
                n = int(found[1])
                ours.append((n, measured["nanoseconds"]))
                if "scipy" in measured["rivals"]:
                    theirs.append((n, measured["rivals"]["scipy"]["nanoseconds"]))
        axes.plot(*zip(*ours, strict=True), "o-", color=colour, label=f"irwinhall {function}")
        axes.plot(*zip(*theirs, strict=True), "s--", color=colour, label=f"SciPy {function}")
    axes.set(xscale="log", yscale="log", xlabel="n", ylabel="nanoseconds a point")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return figure


def error_figure() -> Any:
    """Return the relative error of the density and the probability against x/n."""
    figure, panels = plt.subplots(1, 2, figsize=(9, 4), layout="constrained", sharey=True)
    for axes, function in zip(panels, ("pdf", "cdf"), strict=True):
        for colour, n in zip(COLOURS, NUMBERS, strict=True):
            shares = np.linspace(0.004, 0.996, 50)
            errors = []
            for x in (n * shares).tolist():
                true = verify.truths(x, n)[function]
                error = verify.error(function, getattr(distribution, function)(x, n), true)
                errors.append(max(error, 1e-17))
            axes.plot(shares, errors, ".", color=colour, markersize=4, label=f"n = {n}")
        axes.axhline(2**-53, color="#888888", linewidth=0.8)
        axes.set(yscale="log", xlabel="x/n", title=function, ylim=(1e-17, 1e-12))
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("relative error")
    panels[1].legend(fontsize=8)
    return figure


def main() -> None:
    """Draw both figures into docs/."""
    with matplotlib.rc_context({"svg.hashsalt": "irwinhall", "svg.fonttype": "none"}):
        for name, figure in (("time", time_figure()), ("error", error_figure())):
            path = ROOT / "docs" / f"distribution-{name}.svg"
            figure.savefig(path, format="svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
