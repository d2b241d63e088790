"""The figures of docs/evidence.md, 390 px wide. The same results give the same bytes."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np

from . import statistics
from .catalogue import ALL, ARTICLE
from .flows import read_predictions
from .methods import METHODS
from .tables import Row, Table

__all__ = ["figures", "save"]

Rows = Mapping[str, Sequence[Row]]

WIDTH = 390 / 96  # inches, of 96 pixels each
# Okabe and Ito's palette; each method has its own line style.
STYLES: Mapping[str, tuple[str, Any]] = {
    "letkeman": ("#0072B2", "-"),
    "letkeman_normalized": ("#56B4E9", (0, (5, 1))),
    "xavier_standard": ("#E69F00", (0, (3, 1, 1, 1))),
    "xavier_uniform": ("#D55E00", (0, (4, 2))),
    "he_normal": ("#009E73", (0, (1, 1))),
    "letkeman_real": ("#CC79A7", (0, (6, 1, 1, 1, 1, 1))),
}
NETWORKS = (
    ("counting", "counting", "Binary counting"),
    ("conv", "conv", "MNIST, convolutional, ReLU"),
    ("dense", "dense", "MNIST, dense, sigmoid"),
    ("hamlet", "fan-in", "Hamlet RNN, sized by fan-in"),
    ("hamlet", "active", "Hamlet RNN, by active nodes"),
)
SETTINGS = {
    "svg.hashsalt": "irwinhall",
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "path.simplify_threshold": 0.5,
}


def _panels(count: int, height: float) -> tuple[Any, list[Any]]:
    figure, axes = plt.subplots(
        count, 1, figsize=(WIDTH, height * count), layout="constrained", squeeze=False
    )
    return figure, list(axes[:, 0])


def _legend(figure: Any, names: Sequence[str]) -> None:
    handles = [
        matplotlib.lines.Line2D([], [], color=STYLES[n][0], linestyle=STYLES[n][1], linewidth=2)
        for n in names
    ]
    labels = [METHODS[n].label for n in names]
    figure.legend(handles, labels, loc="outside upper left", ncols=2, handlelength=2.6)


def _logarithmic(panel: Any, name: str) -> None:
    """Make an axis logarithmic, with ticks at few round numbers."""
    panel.set(**{f"{name}scale": "log"})
    axis = panel.xaxis if name == "x" else panel.yaxis
    low, high = axis.get_view_interval()
    subs = (1,) if high / low > 100 else (1, 2, 5) if high / low > 4 else (1, 1.5, 2, 3, 5, 7)
    axis.set_major_locator(matplotlib.ticker.LogLocator(subs=subs))
    axis.set_major_formatter("{x:g}")
    panel.minorticks_off()


def losses(rows: Rows) -> Any:
    """Plot loss against epoch with the range over seeds, a panel for each network."""
    figure, panels = _panels(len(NETWORKS), 2.1)
    names = (*ARTICLE, "letkeman_real")
    for panel, (study, case, title) in zip(panels, NETWORKS, strict=True):
        for name in names:
            found = statistics.curves(rows[study], case, name)
            every = 2000 / found.curves.shape[1] if study == "counting" else 1
            step = max(1, found.curves.shape[1] // 20)
            shown = found.curves[:, ::step]
            epochs = every * np.arange(1, found.curves.shape[1] + 1)[::step]
            colour, dashes = STYLES[name]
            panel.plot(epochs, shown.mean(axis=0), color=colour, linestyle=dashes)
            low, high = shown.min(axis=0), shown.max(axis=0)
            panel.fill_between(epochs, low, high, color=colour, alpha=0.12, linewidth=0)
        panel.set(title=title, ylabel="training loss")
        if study != "hamlet":
            _logarithmic(panel, "y")
        panel.grid(alpha=0.25)
    panels[-1].set_xlabel("epoch")
    _legend(figure, names)
    return figure


def speeds(rows: Rows) -> Any:
    """Plot the speed of every method relative to Normalized Xavier, a panel for each network."""
    figure, panels = _panels(len(NETWORKS), 2.9)
    for panel, (study, case, title) in zip(panels, NETWORKS, strict=True):
        there = {row.method for row in rows[study] if row.case == case}
        names = [name for name in ALL if name in there]
        reference = statistics.curves(rows[study], case, "xavier_uniform")
        found = {
            n: statistics.speed(statistics.curves(rows[study], case, n), reference) for n in names
        }
        names.sort(key=lambda name: found[name].value)
        for place, name in enumerate(names):
            value, low, high = found[name]
            colour = STYLES.get(name, ("#555555", "-"))[0]
            panel.plot([low, high], [place, place], color=colour, linewidth=2)
            panel.plot([value], [place], "o", color=colour, markersize=4.5)
        panel.axvline(1.0, color="#999999", linewidth=0.8)
        panel.set_yticks(range(len(names)), [METHODS[n].label for n in names], fontsize=7.5)
        panel.set_title(title)
        _logarithmic(panel, "x")
        panel.grid(alpha=0.25, axis="x")
    panels[-1].set_xlabel("times as fast as Normalized Xavier")
    return figure


def rates(rows: Rows) -> Any:
    """Plot the last loss against the learning rate, a panel for each network."""
    figure, panels = _panels(len(NETWORKS), 1.9)
    names = (*ARTICLE, "letkeman_real")
    for panel, (study, case, title) in zip(panels, NETWORKS, strict=True):
        for name in names:
            options = statistics.trained(rows[study], case, name)
            colour, dashes = STYLES[name]
            x, y = [o.rate for o in options], [o.final for o in options]
            panel.plot(x, y, color=colour, linestyle=dashes, marker="o", markersize=3.5)
        panel.set(title=title, xscale="log", ylabel="last loss")
        panel.set_xticks(x, [f"{rate:g}" for rate in x])
        _logarithmic(panel, "y")
        panel.grid(alpha=0.25)
    panels[-1].set_xlabel("learning rate")
    _legend(figure, names)
    return figure


def depths(rows: Rows, table: Table) -> Any:
    """Plot the predicted and the measured depth of every activation and method."""
    found = read_predictions(table.path.with_name("predictions.csv"))
    figure, (panel,) = _panels(1, 5.2)
    for place, one in enumerate(reversed(found)):
        chosen = [r for r in rows["depth"] if (r.case, r.method) == (one.activation, one.method)]
        reached = [max(1.0, r.figures["depth"]) for r in chosen]
        panel.plot(reached, [place] * len(reached), "o", color="#0072B2", alpha=0.5, markersize=5)
        panel.plot([one.kept], [place], "|", color="#D55E00", markersize=13, markeredgewidth=2.5)
        panel.plot([one.scales], [place], "x", color="#009E73", markersize=6, markeredgewidth=1.5)
    labels = [f"{one.activation}, {METHODS[one.method].label}" for one in reversed(found)]
    panel.set_yticks(range(len(found)), labels, fontsize=7.5)
    panel.set(xscale="log", xlabel="hidden layers")
    panel.set_xticks([2, 4, 8, 15, 30, 60], ["2", "4", "8", "15", "30", "60"])
    panel.minorticks_off()
    panel.grid(alpha=0.25, axis="x")
    marks = (
        ("o", "#0072B2", "trained, each of five seeds"),
        ("|", "#D55E00", "predicted: change of 10⁴"),
        ("x", "#009E73", "predicted: six depth scales"),
    )
    handles = [
        matplotlib.lines.Line2D([], [], color=c, marker=m, linestyle="", label=text)
        for m, c, text in marks
    ]
    figure.legend(handles=handles, loc="outside upper left")
    return figure


def signals(rows: Rows, table: Table) -> Any:
    """Plot mean squares against layers, simulated and predicted, a panel for each activation."""
    cases = [case.name for case in table.study.cases]
    figure, axes = plt.subplots(
        math.ceil(len(cases) / 2), 2, figsize=(WIDTH, 7.2), layout="constrained", sharex=True
    )
    names = [name for name in STYLES if name in table.study.methods]
    for panel, case in zip(axes.flat, cases, strict=False):
        for row in rows["flow"]:
            if row.case == case:
                colour, dashes = STYLES[row.method]
                found, expected = np.split(np.array(row.curve), 2)
                layers = 5 * np.arange(len(found))
                if row.seed == 1:
                    panel.plot(layers[::5], found[::5], "o", color=colour, markersize=3)
                    panel.plot(
                        layers[::2], expected[::2], color=colour, linestyle=dashes, linewidth=1.3
                    )
        panel.set_title(case.replace("_", " "))
        panel.set_ylim(-31, 31)
        panel.grid(alpha=0.25)
    for panel in axes.flat[len(cases) :]:
        panel.axis("off")
    axes[-1, 0].set_xlabel("layer")
    figure.supylabel("log10 of the mean square", fontsize=9)
    _legend(figure, names)
    return figure


def figures(tables: Mapping[str, Table]) -> dict[str, Any]:
    """Return all figures by the stems of their files."""
    rows = {name: table.rows() for name, table in tables.items()}
    return {
        "evidence-losses": losses(rows),
        "evidence-speeds": speeds(rows),
        "evidence-rates": rates(rows),
        "evidence-depths": depths(rows, tables["depth"]),
        "evidence-signals": signals(rows, tables["flow"]),
    }


def save(tables: Mapping[str, Table], directory: Path) -> None:
    """Draw all figures into a directory, as SVG."""
    matplotlib.use("Agg")
    directory.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context(SETTINGS):
        for stem, figure in figures(tables).items():
            text = io.StringIO()
            figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
            plt.close(figure)
            # A precision of a tenth of a point halves the file.
            short = re.sub(r"(?<![>\d.])(\d+\.\d)\d+", r"\1", text.getvalue())
            short = re.sub(r"\s*\n\s*", "\n", short)
            (directory / f"{stem}.svg").write_text(short, encoding="utf-8")
