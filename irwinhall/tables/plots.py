"""Plots with matplotlib, which is imported only when one is drawn."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from irwinhall import approximations
from irwinhall._core import expected_magnitude
from irwinhall.flow import Flow
from irwinhall.tables._drawing import COLOURS, INK, draw_grid, new_figure
from irwinhall.tables._drawing import check_matplotlib as check_matplotlib
from irwinhall.tables._figures import distribution_figure, report_figure, weighted_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from irwinhall.approximations import ClosedForm

__all__ = [
    "Plot",
    "distribution_figure",
    "flow_figure",
    "form_plots",
    "report_figure",
    "save_flow",
    "weighted_figure",
]

_DASHES = ("solid", "dashed", "dotted", "dashdot")
# Widths in inches: the space left of a panel, a panel, and a character of a label.
_TICKS, _PANEL, _CHARACTER = 0.95, 4.4, 0.075


class _Curve(NamedTuple):
    label: str
    values: NDArray[np.float64]
    style: dict[str, Any]


def save_flow(path: str | os.PathLike[str], flows: Sequence[Flow], *, title: str = "") -> None:
    """Plot the magnitudes of signals and gradients by layer, and write a PNG or SVG file.

    Parameters
    ----------
    path : str or path
        The file, whose name ends in .png or .svg.
    flows : sequence of Flow
        Results of `irwinhall.flow.simulate`, at least one.
    title : str
        Title of the figure.

    Raises
    ------
    ImportError
        If matplotlib is missing.
    ValueError
        If the path has another ending, or there are no flows.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> from irwinhall import flow, plots
    >>> flows = flow.simulate(["he_normal", "xavier_normal"], width=32, depth=10)
    >>> plots.save_flow("flow.png", flows)  # doctest: +SKIP
    """
    kind = checked_format(path)
    _save(flow_figure(flows, title=title), path, kind)


def _save(figure: Figure, path: Any, kind: str, **metadata: str) -> None:
    """Write a figure to a path or file; the same figure gives the same bytes."""
    import matplotlib

    # Without a time stamp and without random ids.
    fixed = {"svg": {"Date": None}, "png": {"Software": None}}[kind]
    with matplotlib.rc_context({"svg.hashsalt": "irwinhall", "svg.fonttype": "none"}):
        figure.savefig(path, format=kind, metadata={**fixed, **metadata})


def checked_format(path: str | os.PathLike[str]) -> str:
    """Return "png" or "svg", the ending of a path."""
    kind = Path(path).suffix.lower().removeprefix(".")
    if kind not in ("png", "svg"):
        raise ValueError(f"path of the plot must end in .png or .svg, got {os.fspath(path)}")
    return kind


def flow_figure(flows: Sequence[Flow], *, title: str = "") -> Figure:
    """Plot the magnitudes of signals and of gradients by layer, in two panels.

    Every line has a label at its end. Schemes with the same magnitudes share a line and a label.
    The line of a signal that leaves the range of doubles ends there, and its label says so.

    Parameters
    ----------
    flows : sequence of Flow
        Results of `irwinhall.flow.simulate`, at least one.
    title : str
        Title of the figure.

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
    check_matplotlib()
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    curves = _distinct(flows)
    depth = len(flows[0].forward_magnitude) - 1
    ends = (depth, 0)
    lines_of_text = [
        part
        for lines, end in zip(curves, ends, strict=True)
        for line in lines
        for part in _label(line, end).splitlines()
    ]
    # Widths in inches: ticks, panel and labels, twice.
    step = _TICKS + _PANEL + 0.4 + _CHARACTER * max(len(part) for part in lines_of_text)
    width, height = 2 * step, max(5.0, 1.6 + 0.1 * len(lines_of_text))
    figure = new_figure(width, height)
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
        draw_grid(panel, axis="y", color="#DDDDDD", linewidth=0.6)
        for line in lines:
            panel.plot(np.arange(depth + 1), _exponents(line.values), **line.style)
        # The axis is linear in the exponent: matplotlib's logarithmic axis overflows near the
        # limits of doubles. It shows whole decades, so that there are always ticks.
        low, high = panel.dataLim.intervaly
        if not low <= high:
            low = high = 0.0
        panel.set_ylim(math.floor(low - 0.05), math.ceil(high + 0.05))
        panel.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=10))
        panel.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"$10^{{{y:.0f}}}$"))
        panel.set_xlim(0, depth)
    panels[1].invert_xaxis()  # gradients go from the last layer to the first
    figure.draw_without_rendering()  # fixes the limits, which the places of labels depend on
    for panel, lines, end in zip(panels, curves, ends, strict=True):
        _label_ends(panel, lines, end)
    return figure


def _distinct(flows: Sequence[Flow]) -> tuple[list[_Curve], list[_Curve]]:
    """Return the curves of both panels, with equal ones merged."""
    merged: dict[tuple[bytes, bytes], list[Flow]] = {}
    for flow in flows:
        # Compare 6 digits: schemes of equal scale may differ in the last bits.
        rounded = (
            np.array([float(f"{value:.5e}") for value in values]).tobytes()
            for values in (flow.forward_magnitude, flow.backward_magnitude)
        )
        forward, backward = rounded
        merged.setdefault((forward, backward), []).append(flow)
    both: tuple[list[_Curve], list[_Curve]] = ([], [])
    for number, same in enumerate(merged.values()):
        turn, colour = divmod(number, len(COLOURS))
        style = {
            "color": COLOURS[colour],
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
    """Return log10 of the values, and NaN for values that are 0 or not finite."""
    visible = np.isfinite(values) & (values > 0.0)
    return np.log10(values, out=np.full(values.shape, np.nan), where=visible)


def _label(line: _Curve, end: int) -> str:
    value = line.values[end]
    if np.isfinite(value) and value > 0.0:
        return line.label
    fate = "fades to 0" if value == 0.0 else "overflows" if np.isinf(value) else "no gradient"
    return f"{line.label} ({fate})"


def _label_ends(panel: Any, lines: Sequence[_Curve], end: int) -> None:
    """Write the label of every line next to its end, moved vertically so that none overlap."""
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
            color=INK,
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
    """Return centres close to those wanted, in the same order, so that labels do not overlap.

    Labels that touch form a block, which is centred at the average of the wanted places. Blocks
    stay inside the panel if they fit.
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


# ---- closed forms --------------------------------------------------------------------------------

# Sizes in the plots: all from 1 to 30, then in nearly equal ratios to 10^6.
_FIRST_SIZES, _LAST_SIZE = 30, 10**6
_COLUMNS = (4, 5, 6)
_ROUNDING = 2.0**-53
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Plot(NamedTuple):
    """A plot as SVG, with its caption and its alternative text for screen readers.

    Attributes
    ----------
    name : str
        The name of the file, without its extension.
    caption : str
        The caption.
    alt : str
        A description for readers who cannot see the plot.
    svg : str
        The SVG source.

    Examples
    --------
    >>> from irwinhall.plots import Plot
    >>> Plot("dot", "A dot.", "One black dot.", "<svg/>").name
    'dot'
    """

    name: str
    caption: str
    alt: str
    svg: str


def form_plots(worst: Mapping[str, float]) -> list[Plot]:
    """Return the plots of A(n) and of the errors of the closed forms.

    Parameters
    ----------
    worst : mapping of str to float
        The certified worst relative error of every form of `approximations.FORMS`.

    Returns
    -------
    list of Plot
        The text is always the same for one version of matplotlib.

    Raises
    ------
    ImportError
        If matplotlib is missing.

    Examples
    --------
    >>> from irwinhall import approximations, plots
    >>> worst = {name: 1e-3 for name in approximations.FORMS}
    >>> [plot.name for plot in plots.form_plots(worst)]  # doctest: +SKIP
    ['magnitude', 'errors', 'heat-maps']
    """
    check_matplotlib()
    return [_magnitude_plot(), _error_plot(worst), _heat_map_plot(worst)]


def _plot(name: str, caption: str, alt: str, figure: Figure) -> Plot:
    file = io.BytesIO()
    _save(figure, file, "svg", Title=caption, Description=alt)
    return Plot(name, caption, alt, file.getvalue().decode())


def _sizes(per_decade: int) -> NDArray[np.int64]:
    """Return integers from 1 to 10^6: the first 30, then about `per_decade` for each decade."""
    decades = int(math.log10(_LAST_SIZE))
    spread = np.rint(10.0 ** (np.arange(decades * per_decade + 1) / per_decade)).astype(np.int64)
    return np.union1d(np.arange(1, _FIRST_SIZES + 1), spread)


def _magnitude_plot() -> Plot:
    n: Any = _sizes(20)
    limit = np.sqrt(2.0 * n / (3.0 * math.pi))
    exact = expected_magnitude(n)
    figure = new_figure(9.6, 3.9)
    left, right = (figure.add_axes((x, 0.14, 0.38, 0.82)) for x in (0.075, 0.575))
    left.plot(n, exact, color=COLOURS[0], linewidth=1.8, label="A(n)")
    dashed: dict[str, Any] = {"color": COLOURS[1], "linestyle": "dashed", "linewidth": 1.4}
    left.plot(n, limit, label="sqrt(2n / (3 pi))", **dashed)
    left.set_ylabel("expected magnitude")
    left.legend(frameon=False, loc="upper left")
    right.plot(n, exact / limit - 1.0, color=COLOURS[0], linewidth=1.8)
    right.set_ylabel("A(n) / sqrt(2n / (3 pi)) - 1")
    for panel, exponents in ((left, range(-1, 4)), (right, range(-8, 1))):
        panel.set_xlabel("n")
        _logarithmic(panel, range(7), exponents)
    return _plot(
        "magnitude",
        "The expected magnitude A(n) of a sum of n uniforms on (-1, 1), its limit for large n, and"
        " its relative distance from the limit.",
        "Two panels over n from 1 to a million, both axes logarithmic. Left: A(n) rises from 0.5 to"
        " 461 along a straight line, on which the limit lies from the first few n on. Right: the"
        " relative distance from the limit falls from 0.085 at n = 1 to 5e-8, like 1/(20 n).",
        figure,
    )


def _error_plot(worst: Mapping[str, float]) -> Plot:
    forms = approximations.closed_forms("magnitude")
    errors = []
    for form in forms:
        n: Any = _sizes(40)
        n = n[(n >= form.domain[0]) & (n <= form.domain[1])]
        errors.append((n, np.maximum(np.abs(approximations.relative_error(form, n)), _ROUNDING)))
    figure, panels = _small_multiples(len(forms), (1.9, 1.6), "n", "relative error", top=0.85)
    for panel, form, (n, error) in zip(panels, forms, errors, strict=True):
        for others in errors:
            (grey,) = panel.plot(*others, color="#BBBBBB", linewidth=0.5)
        (own,) = panel.plot(n, error, color=COLOURS[0], linewidth=1.6)
        limit = panel.axhline(worst[form.name], color=COLOURS[1], linewidth=1.0, linestyle="dashed")
        _logarithmic(panel, range(0, 7, 2), range(-16, 1, 4))
        panel.set_xlim(1, _LAST_SIZE)
        panel.set_ylim(_ROUNDING / 4, 1.0)
        _name(panel, form, worst)
    figure.legend(
        (own, limit, grey),
        ("this form", "its certified worst error", "all other forms"),
        loc="upper left",
        ncols=3,
        frameon=False,
        fontsize=9,
    )
    return _plot(
        "errors",
        "Relative error of each closed form of A(n) against n: its own curve in blue, the certified"
        " worst error dashed in orange, all other forms in grey. Errors below 1.1e-16, the rounding"
        " error of a double, are drawn at 1.1e-16.",
        _list_of_worst(
            "A small panel for each closed form of A(n), both axes logarithmic.", forms, worst
        ),
        figure,
    )


def _heat_map_plot(worst: Mapping[str, float]) -> Plot:
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import BoundaryNorm

    forms = approximations.closed_forms("normalized_bound")
    sizes: Any = _sizes(12)
    edges = np.sqrt(np.concatenate(([0.5], sizes)) * np.concatenate((sizes, [2 * _LAST_SIZE])))
    figure, panels = _small_multiples(len(forms), (1.8, 1.8), "inputs n", "outputs m", right=1.0)
    decades = 10.0 ** np.arange(-16, 1)
    shades = ScalarMappable(BoundaryNorm(decades.tolist(), 256), colormaps["cividis"])
    for panel, form in zip(panels, forms, strict=True):
        covered = (sizes >= form.domain[0]) & (sizes <= form.domain[1])
        some = sizes[covered]
        error = np.full((sizes.size, sizes.size), np.nan)
        error[np.ix_(covered, covered)] = np.abs(
            approximations.relative_error(form, some[None, :], some[:, None])
        )
        # Rasterized: one picture instead of ten thousand squares.
        shown = np.maximum(error, _ROUNDING)
        panel.pcolormesh(
            edges, edges, shown, norm=shades.norm, cmap=shades.get_cmap(), rasterized=True
        )
        _logarithmic(panel, range(0, 7, 2), range(0, 7, 2))
        _name(panel, form, worst)
    width, height = (float(length) for length in figure.get_size_inches())
    long = min(height - 1.4, 3.2)
    beside = figure.add_axes(
        (1 - 0.85 / width, (height - long) / 2 / height, 0.12 / width, long / height)
    )
    bar = figure.colorbar(shades, cax=beside, ticks=decades[::4].tolist(), format=_decade)
    bar.ax.minorticks_off()
    bar.set_label("relative error")
    return _plot(
        "heat-maps",
        "Relative error of each closed form of the normalized bound, over inputs n and outputs m"
        " from 1 to a million. Brighter shades are larger errors, with a shade for each power of"
        " ten; the form does not cover the sizes in white.",
        _list_of_worst(
            "A square map for each closed form of the normalized bound, n across and m upwards,"
            " both logarithmic.",
            forms,
            worst,
        ),
        figure,
    )


def _list_of_worst(text: str, forms: Sequence[ClosedForm], worst: Mapping[str, float]) -> str:
    errors = ", ".join(f"{form.name} {worst[form.name]:.3g}" for form in forms)
    return f"{text} Worst errors: {errors}."


def _small_multiples(
    count: int,
    panel: tuple[float, float],
    x: str,
    y: str,
    *,
    top: float = 0.5,
    right: float = 0.1,
) -> tuple[Figure, list[Any]]:
    """Return a figure of `count` panels of a size in inches, in rows of 4 to 6."""
    columns = min(_COLUMNS, key=lambda columns: -count % columns)
    rows = -(-count // columns)
    step_x, step_y = panel[0] + 0.35, panel[1] + 0.65
    left = 0.8
    width = left + columns * step_x + right
    height = top + rows * step_y + 0.1
    figure = new_figure(width, height)
    panels = [
        figure.add_axes(
            (
                (left + i % columns * step_x) / width,
                1 - (top + i // columns * step_y + panel[1]) / height,
                panel[0] / width,
                panel[1] / height,
            )
        )
        for i in range(count)
    ]
    for i, axes in enumerate(panels):
        axes.tick_params(labelsize=8, labelleft=i % columns == 0)
        if i + columns >= count:  # nothing below
            axes.set_xlabel(x, fontsize=9)
        if i % columns == 0:
            axes.set_ylabel(y, fontsize=9)
    return figure, panels


def _name(panel: Any, form: ClosedForm, worst: Mapping[str, float]) -> None:
    panel.set_title(f"{form.name}\nat most {worst[form.name]:.3g}", fontsize=8, color=INK)


def _logarithmic(panel: Any, x: Iterable[int], y: Iterable[int]) -> None:
    """Make both axes logarithmic, with ticks at the given powers of ten and a faint grid."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    panel.set_xscale("log")
    panel.set_yscale("log")
    for axis, exponents in ((panel.xaxis, x), (panel.yaxis, y)):
        axis.set_major_locator(FixedLocator([10.0**exponent for exponent in exponents]))
        axis.set_major_formatter(FuncFormatter(_decade))
        axis.set_minor_locator(NullLocator())
    draw_grid(panel)


def _decade(value: float, _: object = None) -> str:
    """Return a power of ten as plain text; matplotlib's mathematical text takes seconds."""
    return f"10{str(round(math.log10(value))).translate(_SUPERSCRIPTS)}"
