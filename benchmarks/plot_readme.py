"""Draw docs/figures/readme.svg, the figure of README.md: ``python benchmarks/plot_readme.py``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np

import irwinhall
from irwinhall import flow
from irwinhall.approximations import FORMS

ROOT = Path(__file__).resolve().parent.parent
COLOURS = {
    "he_normal": "#0072B2",
    "letkeman": "#D55E00",
    "xavier_uniform": "#009E73",
    "xavier_standard": "#CC79A7",
}
INPUTS, DEPTH, WIDTH = 10, 50, 256


def readme_figure() -> Any:
    """Return what approximate bounds preserve, beside signals through a deep network."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.0), layout="constrained")
    outputs = np.unique(np.geomspace(1, 10_000, 80).astype(int))
    exact = irwinhall.letkeman_bound(INPUTS, outputs)
    article = FORMS["article_normalized"](INPUTS, outputs)
    left.semilogx(outputs, article / exact, color="#D55E00", label="the article's formula")
    left.axhline(1.0, color="#0072B2", label="irwinhall")
    left.set(
        xlabel="outputs",
        ylabel="magnitude preserved",
        title=f"Letkeman's normalized rule, {INPUTS} inputs",
    )
    flows = flow.predict(list(COLOURS), activation="relu", width=WIDTH, depth=DEPTH)
    for predicted in flows:
        signal = predicted.forward_variance
        right.semilogy(signal, color=COLOURS[predicted.scheme], label=predicted.scheme)
    right.set(
        xlabel="layer", ylabel="variance of the signal", title="Signals through layers with ReLU"
    )
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    return figure


def main() -> None:
    """Write the figure."""
    path = ROOT / "docs" / "figures" / "readme.svg"
    with matplotlib.rc_context({"svg.hashsalt": "irwinhall", "svg.fonttype": "none"}):
        readme_figure().savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
