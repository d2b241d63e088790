"""Plots, by matplotlib, which is imported only when one is drawn."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from irwinhall.flow import Flow

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

__all__ = ["flow_figure", "save_flow"]

# Okabe and Ito's palette, told apart with any colour vision, without its yellow, which is faint.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#56B4E9", "#E69F00")
_DASHES = ("solid", "dashed", "dotted", "dashdot")
_INK = "#222222"
# Inches: left of a panel, the panel, and a character of a label.
_TICKS, _PANEL, _CHARACTER = 0.95, 4.4, 0.075


class _Curve(NamedTuple):
    label: str
    values: NDArray[np.float64]
    style: dict[str, Any]


def save_flow(path: str | os.PathLike[str], flows: Sequence[Flow], *, title: str = "") -> None:
    """Draw the flow of signals and gradients and write it to a PNG or SVG file.

    Parameters
    ----------
    path : str or path
        Its ending, .png or .svg, says which.
    flows : sequence of Flow
        From `irwinhall.flow.simulate`, at least one.
    title : str
        What the whole figure shows.

    Raises
    ------
    ImportError
        If matplotlib is missing.
    ValueError
        If the ending is neither, or there are no flows.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> from irwinhall import flow, plots
    >>> flows = flow.simulate(["he_normal", "xavier_normal"], width=32, depth=10)
    >>> plots.save_flow("flow.png", flows)  # doctest: +SKIP
    """
    kind = checked_format(path)
    figure = flow_figure(flows, title=title)
    import matplotlib

    # The same flows make the same file: no time of making, no random names.
    metadata = {"svg": {"Date": None}, "png": {"Software": None}}[kind]
    with matplotlib.rc_context({"svg.hashsalt": "irwinhall", "svg.fonttype": "none"}):
        figure.savefig(path, format=kind, metadata=metadata)


def checked_format(path: str | os.PathLike[str]) -> str:
    """Return "png" or "svg", by the ending of a path."""
    kind = Path(path).suffix.lower().removeprefix(".")
    if kind not in ("png", "svg"):
        raise ValueError(f"the plot's path must end in .png or .svg, got {os.fspath(path)}")
    return kind


def flow_figure(flows: Sequence[Flow], *, title: str = "") -> Figure:
    """Return a figure of two panels: the magnitude of signals and of gradients, by layer.

    Every line is labelled at its end. Schemes whose numbers are the same share a line and a label;
    signals that leave the range of doubles end where they leave it, and their label says so.

    Parameters
    ----------
    flows : sequence of Flow
        From `irwinhall.flow.simulate`, at least one.
    title : str
        What the whole figure shows.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        If matplotlib is missing.
    ValueError
        If there are no flows.

    Examples
    --------
    >>> from irwinhall import flow, plots
    >>> flows = flow.simulate(["he_normal", "xavier_normal"], width=32, depth=10)
    >>> figure = plots.flow_figure(flows)
    >>> [panel.get_title() for panel in figure.axes]
    ['Signals, forward', 'Gradients, backward']
    """
    if not flows:
        raise ValueError("flows must hold at least one, got none")
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.ticker import FuncFormatter, MaxNLocator
    except ImportError:
        raise ImportError("plots need matplotlib: pip install 'irwinhall[plot]'") from None

    curves = _distinct(flows)
    depth = len(flows[0].forward_magnitude) - 1
    ends = (depth, 0)
    lines_of_text = [
        part
        for lines, end in zip(curves, ends, strict=True)
        for line in lines
        for part in _label(line, end).splitlines()
    ]
    # In inches: ticks, panel and labels, twice over.
    step = _TICKS + _PANEL + 0.4 + _CHARACTER * max(len(part) for part in lines_of_text)
    width, height = 2 * step, max(5.0, 1.6 + 0.1 * len(lines_of_text))
    figure = Figure(figsize=(width, height), dpi=150)
    FigureCanvasAgg(figure)
    panels = [
        figure.add_axes((left / width, 0.6 / height, _PANEL / width, 1 - 1.4 / height))
        for left in (_TICKS, step + _TICKS)
    ]
    if title:
        figure.suptitle(title, x=_TICKS / width, y=1 - 0.2 / height, ha="left", fontsize=12)
    titles = ("Signals, forward", "Gradients, backward")
    for panel, heading, lines in zip(panels, titles, curves, strict=True):
        panel.set_title(heading, loc="center", fontsize=11)
        panel.set_xlabel("layer")
        panel.set_ylabel("magnitude")
        panel.grid(axis="y", color="#DDDDDD", linewidth=0.6)
        panel.set_axisbelow(True)
        for side in ("top", "right"):
            panel.spines[side].set_visible(False)
        for line in lines:
            panel.plot(np.arange(depth + 1), _exponents(line.values), **line.style)
        # Exponents on a linear axis: matplotlib's logarithmic one overflows near the ends of the
        # doubles. Whole decades, so that there are ticks however little the lines move.
        low, high = panel.dataLim.intervaly
        if not low <= high:
            low = high = 0.0
        panel.set_ylim(math.floor(low - 0.05), math.ceil(high + 0.05))
        panel.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=10))
        panel.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"$10^{{{y:.0f}}}$"))
        panel.set_xlim(0, depth)
    panels[1].invert_xaxis()  # gradients travel from the last layer to the first
    figure.draw_without_rendering()  # fixes the limits that labels are placed by
    for panel, lines, end in zip(panels, curves, ends, strict=True):
        _label_ends(panel, lines, end)
    return figure


def _distinct(flows: Sequence[Flow]) -> tuple[list[_Curve], list[_Curve]]:
    """Return the curves of both panels, those that are the same made one."""
    merged: dict[tuple[bytes, bytes], list[Flow]] = {}
    for flow in flows:
        # To about 6 digits: equal scales may differ in the last bits of their weights.
        rounded = (
            np.array([float(f"{value:.5e}") for value in values]).tobytes()
            for values in (flow.forward_magnitude, flow.backward_magnitude)
        )
        forward, backward = rounded
        merged.setdefault((forward, backward), []).append(flow)
    both: tuple[list[_Curve], list[_Curve]] = ([], [])
    for number, same in enumerate(merged.values()):
        turn, colour = divmod(number, len(_COLOURS))
        style = {
            "color": _COLOURS[colour],
            "linestyle": _DASHES[turn % len(_DASHES)],
            "linewidth": 1.8,
        }
        label = "\n= ".join(dict.fromkeys(flow.scheme for flow in same))
        for lines, values in zip(
            both, (same[0].forward_magnitude, same[0].backward_magnitude), strict=True
        ):
            lines.append(_Curve(label, values, style))
    return both


def _exponents(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return log10 of the values; nan for 0 and what is not finite, which no line can show."""
    visible = np.isfinite(values) & (values > 0.0)
    return np.log10(values, out=np.full(values.shape, np.nan), where=visible)


def _label(line: _Curve, end: int) -> str:
    value = line.values[end]
    if np.isfinite(value) and value > 0.0:
        return line.label
    fate = "fades to 0" if value == 0.0 else "overflows" if np.isinf(value) else "no gradient"
    return f"{line.label} ({fate})"


def _label_ends(panel: Any, lines: Sequence[_Curve], end: int) -> None:
    """Write every line's label beside its end, moved apart vertically until none overlap."""
    from matplotlib.lines import Line2D

    placed = []
    bottom, top = (float(value) for value in panel.bbox.intervaly)
    for line in lines:
        exponents = _exponents(line.values)
        seen = np.flatnonzero(np.isfinite(exponents))
        value = line.values[end]
        if np.isfinite(exponents[end]) or (np.isnan(value) and seen.size):
            last = int(seen[np.argmin(np.abs(seen - end))])
            height = float(panel.transData.transform((last, exponents[last]))[1])
        else:  # off the panel
            height = bottom if value == 0.0 else top
        placed.append((height, _label(line, end), line.style["color"]))
    placed.sort(key=lambda entry: entry[0])

    pixels = panel.figure.dpi / 72.0
    heights = [(entry[1].count("\n") + 1) * 11.5 * pixels for entry in placed]
    centres = _spread([entry[0] for entry in placed], heights, bottom, top)
    for (height, text, colour), centre in zip(placed, centres, strict=True):
        where = (centre - bottom) / (top - bottom)
        panel.text(
            1.06,
            where,
            text,
            transform=panel.transAxes,
            color=_INK,
            fontsize=8.5,
            linespacing=1.1,
            va="center",
            ha="left",
        )
        panel.add_artist(
            Line2D(
                (1.0, 1.015, 1.04, 1.052),
                ((height - bottom) / (top - bottom),) * 2 + (where,) * 2,
                transform=panel.transAxes,
                clip_on=False,
                color=colour,
                linewidth=1.2,
            )
        )


def _spread(
    wanted: Sequence[float], heights: Sequence[float], bottom: float, top: float
) -> list[float]:
    """Return centres as near as can be to those wanted, in their order, without overlap.

    Labels that touch form a block, centred where its members' wishes average, inside the panel as
    long as they fit.
    """
    blocks: list[tuple[list[int], float]] = []  # members, centre of the whole block

    def size(members: list[int]) -> float:
        return sum(heights[i] for i in members)

    def settled(members: list[int]) -> tuple[list[int], float]:
        total = size(members)
        wishes, below = [], 0.0
        for i in members:
            wishes.append(wanted[i] - (below + heights[i] / 2) + total / 2)
            below += heights[i]
        centre = sum(wishes) / len(wishes)
        return members, max(bottom + total / 2, min(centre, top - total / 2))

    for i in range(len(wanted)):
        block = settled([i])
        while blocks and blocks[-1][1] + size(blocks[-1][0]) / 2 > block[1] - size(block[0]) / 2:
            members, _ = blocks.pop()
            block = settled(members + block[0])
        blocks.append(block)
    centres = []
    for members, centre in blocks:
        edge = centre - size(members) / 2
        for i in members:
            centres.append(edge + heights[i] / 2)
            edge += heights[i]
    return centres
