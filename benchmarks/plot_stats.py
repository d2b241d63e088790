"""Draw the figures of docs/measurement.md, meta-analysis.md and circular.md.

``python benchmarks/plot_stats.py`` writes measurement-factor.svg, meta-analysis-function.svg and
circular-critical.svg to docs/.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import scipy.stats

from irwinhall.stats import coverage_factor, p_value_function, rao_critical_value

ROOT = Path(__file__).resolve().parent.parent
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
# The example of docs/meta-analysis.md.
ESTIMATES = [0.21, 0.53, 0.24, 0.32, 0.28]
ERRORS = [0.10, 0.21, 0.14, 0.12, 0.06]


def factor_figure() -> Any:
    """Return the coverage factor of a dominant rectangular contribution beside a smaller one."""
    ratios = np.linspace(0.01, 1.0, 100)
    curves = {
        "two rectangular of half-width r": lambda r: coverage_factor([1.0, r, r]),
        "one rectangular of half-width r": lambda r: coverage_factor([1.0, r]),
        "one normal of standard deviation r/sqrt(3)": lambda r: coverage_factor(
            [1.0], normal=r / math.sqrt(3.0)
        ),
        "one triangular of half-width r": lambda r: coverage_factor([1.0], triangular=[r]),
    }
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for colour, (label, factor) in zip(COLOURS, curves.items(), strict=True):
        axes.plot(ratios, [factor(r) for r in ratios.tolist()], color=colour, label=label)
    axes.axhline(1.96, color="#888888", linestyle="--", linewidth=0.8)
    axes.text(0.0, 1.965, "normal: 1.96", fontsize=8, color="#555555")
    axes.set(
        xlabel="r",
        ylabel="coverage factor for 95 %",
        title="A rectangular contribution of half-width 1 with smaller ones",
    )
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, title="the smaller ones", title_fontsize=8)
    return figure


def function_figure() -> Any:
    """Return the p-value function of five studies beside that of the fixed-effect normal."""
    function = p_value_function(ESTIMATES, ERRORS)
    effects = np.linspace(0.0, 0.7, 400)
    weights = 1.0 / np.square(ERRORS)
    centre, error = np.average(ESTIMATES, weights=weights), weights.sum() ** -0.5
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for estimate, deviation in zip(ESTIMATES, ERRORS, strict=True):
        single = p_value_function([estimate], [deviation])
        (grey,) = axes.plot(effects, single(effects), color="#AAAAAA", linewidth=0.8)
    grey.set_label("one study alone")
    axes.plot(effects, function(effects), color=COLOURS[0], label="Edgington")
    normal = 2.0 * scipy.stats.norm.sf(np.abs(effects - centre) / error)
    axes.plot(effects, normal, "--", color=COLOURS[1], label="fixed effect, normal")
    low, high = function.confidence_interval(0.95)
    axes.plot([low, high], [0.05, 0.05], "|-", color=COLOURS[0], markersize=10)
    interval = f"95 % interval: {low:.3f} to {high:.3f}"
    axes.annotate(interval, (0.41, 0.065), fontsize=8, color=COLOURS[0])
    title = "p-value functions of five studies"
    axes.set(xlabel="effect", ylabel="two-sided p-value", ylim=(0.0, 1.02), title=title)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return figure


def critical_figure() -> Any:
    """Return critical values of Rao's test against n, exact and by the normal limit."""
    counts = np.unique(np.rint(np.geomspace(4, 1000, 30)).astype(int)).tolist()
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    mean, variance = math.exp(-1.0), 2.0 / math.e - 5.0 / math.e**2
    for colour, significance in zip(COLOURS, (0.1, 0.05, 0.01), strict=False):
        exact = [rao_critical_value(n, significance) for n in counts]
        z = scipy.stats.norm.isf(significance)
        limit = [360.0 * (mean + z * math.sqrt(variance / n)) for n in counts]
        axes.plot(counts, exact, "o-", markersize=3, color=colour, label=f"{significance:.0%}")
        axes.plot(counts, limit, "--", color=colour, linewidth=0.8)
    axes.plot([], [], "--", color="#555555", linewidth=0.8, label="normal limit")
    title = "Critical values of Rao's spacing test"
    axes.set(xscale="log", xlabel="number of angles n", ylabel="critical U in degrees", title=title)
    axes.set_xticks([5, 10, 20, 50, 100, 200, 500, 1000])
    axes.xaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, title="significance", title_fontsize=8)
    return figure


def main() -> None:
    """Draw all figures into docs/."""
    figures = {
        "measurement-factor": factor_figure(),
        "meta-analysis-function": function_figure(),
        "circular-critical": critical_figure(),
    }
    with matplotlib.rc_context({"svg.hashsalt": "irwinhall", "svg.fonttype": "none"}):
        for name, figure in figures.items():
            path = ROOT / "docs" / f"{name}.svg"
            figure.savefig(path, format="svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
