"""Figures of the distributions of sums, and of the weights of an initialized model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from irwinhall import distribution
from irwinhall._arguments import checked_count
from irwinhall.tables._drawing import COLOURS, INK, check_matplotlib, draw_grid, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike, NDArray

    from irwinhall._models.report import Row

# Number of points of a curve, and standard deviations shown on each side.
_POINTS, _DEVIATIONS = 400, 6.0
# Longer names of parameters are shortened to this many characters.
_LONGEST_NAME = 48


def distribution_figure(n: int | Sequence[int]) -> Figure:
    """Plot the density and the upper tail of Irwin-Hall distributions, with those of the normal.

    Parameters
    ----------
    n : int or sequence of int
        Number of uniforms on (0, 1). There is a curve for each number.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        If matplotlib is missing.
    TypeError, ValueError
        If n has another type or value, or is empty.

    Examples
    --------
    >>> from irwinhall import plots
    >>> figure = plots.distribution_figure([2, 12])
    >>> [panel.get_title() for panel in figure.axes]
    ['Density', 'Upper tail']
    """
    numbers: list[Any] = [n] if np.ndim(n) == 0 else [*n]  # type: ignore[misc]
    if not numbers:
        raise ValueError("n must hold at least one number, got none")
    curves = []
    for number in (checked_count("n", one, 1) for one in numbers):
        deviation = math.sqrt(number / 12)
        reach = min(_DEVIATIONS, math.sqrt(3 * number))
        z = np.linspace(-reach, reach, _POINTS)
        x = number / 2 + deviation * z
        density = deviation * distribution.pdf(x, number)
        curves.append((f"n = {number}", z, density, distribution.sf(x, number)))
    return _density_and_tail(curves, "(sum - n/2) / sqrt(n/12)")


def weighted_figure(weights: ArrayLike) -> Figure:
    """Plot the density and the upper tail of a weighted sum of uniforms on (0, 1).

    Parameters
    ----------
    weights : array_like
        As for `irwinhall.distribution.weighted_pdf`.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        If matplotlib is missing.
    TypeError, ValueError
        As for `irwinhall.distribution.weighted_pdf`.

    Examples
    --------
    >>> from irwinhall import plots
    >>> figure = plots.weighted_figure([3.0, 1.0, 0.5])
    >>> [panel.get_title() for panel in figure.axes]
    ['Density', 'Upper tail']
    """
    values = np.asarray(weights, np.float64)
    deviation = math.sqrt(float(np.sum(values**2)) / 12)
    reach = min(_DEVIATIONS, 0.5 * float(np.sum(np.abs(values))) / deviation) if deviation else 1.0
    z = np.linspace(-reach, reach, _POINTS)
    x = 0.5 * float(np.sum(values)) + deviation * z
    density = deviation * distribution.weighted_pdf(x, values)
    curve = ("weighted sum", z, density, distribution.weighted_sf(x, values))
    return _density_and_tail([curve], "(sum - mean) / standard deviation")


def _density_and_tail(curves: Sequence[tuple[str, NDArray[Any], Any, Any]], x: str) -> Figure:
    """Return a figure with two panels of standardized curves, with the normal's in grey."""
    from scipy import special

    check_matplotlib()
    figure = new_figure(9.6, 3.9)
    panels = [figure.add_axes((left, 0.15, 0.38, 0.74)) for left in (0.075, 0.575)]
    z = np.linspace(-_DEVIATIONS, _DEVIATIONS, _POINTS)
    normal: dict[str, Any] = {
        "color": "#888888",
        "linestyle": "dashed",
        "linewidth": 1.2,
        "label": "normal",
    }
    panels[0].plot(z, np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi), **normal)
    panels[1].plot(z, special.ndtr(-z), **normal)
    for i, (label, at, density, tail) in enumerate(curves):
        style: dict[str, Any] = {"color": COLOURS[i % len(COLOURS)], "linewidth": 1.6}
        panels[0].plot(at, density, label=label, **style)
        panels[1].plot(at[tail > 0], tail[tail > 0], label=label, **style)
    panels[1].set_yscale("log")
    panels[1].set_ylim(1e-16, 2.0)
    for panel, title, y in zip(
        panels, ("Density", "Upper tail"), ("density", "probability of more"), strict=True
    ):
        panel.set_title(title, fontsize=11)
        panel.set_xlabel(x)
        panel.set_ylabel(y)
        draw_grid(panel)
        panel.legend(frameon=False, fontsize=9, loc="best")
    return figure


def report_figure(rows: Sequence[Row]) -> Figure:
    """Plot the standard deviation of every matrix of an initialized model, from first to last.

    Parameters
    ----------
    rows : sequence of irwinhall.torch.Row
        The rows of a report of `init_weights`, for PyTorch, JAX or Keras. Parameters with fewer
        than two axes, and those that were not drawn, are not shown.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        If matplotlib is missing.
    ValueError
        If no row is a matrix that was drawn.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from irwinhall import plots
    >>> rows = [SimpleNamespace(name=f"{k}.weight", shape=(64, 64), std=0.18) for k in range(5)]
    >>> figure = plots.report_figure(rows)
    >>> figure.axes[0].get_xlabel()
    'standard deviation'
    """
    drawn = [(row.name, row.std) for row in rows if len(row.shape) > 1 and row.std is not None]
    if not drawn:
        raise ValueError("rows must hold a matrix that was drawn, got none")
    check_matplotlib()
    names = [_shortened(name) for name, _ in drawn]
    deviations = [deviation for _, deviation in drawn]
    # In inches: names and panel side by side, and a line of text for each of at most 80 rows.
    left = 0.3 + 0.075 * max(map(len, names))
    width, height = left + 4.8, max(2.5, 1.1 + 0.19 * min(len(drawn), 80))
    figure = new_figure(width, height)
    panel = figure.add_axes((left / width, 0.6 / height, 4.4 / width, 1 - 1.0 / height))
    places = np.arange(len(drawn))
    panel.hlines(places, 0.0, deviations, color=COLOURS[0], linewidth=1.0)
    panel.plot(deviations, places, "o", color=COLOURS[0], markersize=4)
    every = -(-len(drawn) // 80)
    panel.set_yticks(places[::every], names[::every], fontsize=8, color=INK)
    panel.set_ylim(len(drawn) - 0.5, -0.5)  # from top to bottom
    panel.set_xlim(0.0, 1.08 * max(deviations) or 1.0)
    panel.set_xlabel("standard deviation")
    panel.set_title("Weights by depth", fontsize=11)
    draw_grid(panel)
    return figure


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"...{name[3 - _LONGEST_NAME :]}"
