"""The report of `activation_flow`, common to all frameworks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from irwinhall._models.report import table
from irwinhall.flow import Flow, Verdict, verdict

__all__ = ["ActivationFlow", "FlowRow", "Moments", "with_verdicts"]


class Moments(NamedTuple):
    """The mean of abs(x), that of x^2, and the share of dead units."""

    magnitude: float
    mean_square: float
    dead: float


class FlowRow(NamedTuple):
    """The output of a module, and the gradient with respect to it.

    Attributes
    ----------
    name : str
        The module's qualified name; empty for the batch and for the whole model.
    kind : str
        The name of its class; "batch" for the model's input.
    call : int
        The number of earlier calls of the module.
    shape : tuple of int
        The shape of the output.
    has_weight : bool
        Whether the module itself holds a parameter of two axes or more.
    magnitude, mean_square, dead : float
        The means of abs(x) and of x^2, and the share of dead units: elements of a sample, along all
        axes but the first, that are 0 in every sample of the batch.
    gradient_magnitude, gradient_mean_square, gradient_dead : float or None
        The same for the gradient; None if the output has none.

    Examples
    --------
    >>> row = FlowRow("layers.0", "Linear", 0, (8, 3), True, 0.8, 1.0, 0.0)
    >>> row.mean_square, row.gradient_mean_square
    (1.0, None)
    """

    name: str
    kind: str
    call: int
    shape: tuple[int, ...]
    has_weight: bool
    magnitude: float
    mean_square: float
    dead: float
    gradient_magnitude: float | None = None
    gradient_mean_square: float | None = None
    gradient_dead: float | None = None


class ActivationFlow(NamedTuple):
    """Report of `activation_flow`; it prints as a table.

    Attributes
    ----------
    rows : tuple of FlowRow
        The batch, then a row for every output, in the order in which they were computed.
    signals, gradients : Verdict
        The growth of the signals' mean square from the first layer to the last, and of the
        gradients' square norm on the way back. The square norm is the mean square times the number
        of elements: a layer whose scheme keeps the signals by fan_in keeps it, whatever its width.
        Layers are the rows with weights, or all rows if fewer than two have any.

    Examples
    --------
    >>> from irwinhall.flow import Verdict
    >>> rows = [
    ...     FlowRow("0", "Linear", 0, (8, 3), True, 0.8, 1.0, 0.0, 0.6, 0.5, 0.0),
    ...     FlowRow("1", "Linear", 0, (8, 3), True, 1.2, 2.0, 0.0, 0.8, 1.0, 0.0),
    ... ]
    >>> print(ActivationFlow(tuple(rows), Verdict("kept", 2.0, 2), Verdict("kept", 0.5, 2)))
       module  kind    E|x|  E x^2  dead  E|g|  E g^2  dead
    0  0       Linear   0.8      1     0   0.6    0.5     0
    1  1       Linear   1.2      2     0   0.8      1     0
    mean square of signals kept: times 2 a layer, times 2 over 2 layers
    square norm of gradients kept: times 0.5 a layer, times 0.5 over 2 layers
    """

    rows: tuple[FlowRow, ...]
    signals: Verdict
    gradients: Verdict

    def __str__(self) -> str:
        heads = ("", "module", "kind", "E|x|", "E x^2", "dead", "E|g|", "E g^2", "dead")
        cells = [_cells(number, row) for number, row in enumerate(self.rows)]
        lines = [table(heads, cells, right=(0, 3, 4, 5, 6, 7, 8))]
        lines.append(f"mean square of signals {self.signals}")
        lines.append(f"square norm of gradients {self.gradients}")
        return "\n".join(lines)

    def check(self) -> None:
        """Raise an AssertionError, with the table, unless signals and gradients are kept.

        Examples
        --------
        >>> import torch
        >>> import irwinhall.torch as init
        >>> model = torch.nn.Sequential(*(torch.nn.Linear(64, 64) for _ in range(30)))
        >>> _ = init.init_weights(model, "lecun_normal", seed=1)
        >>> init.activation_flow(model, init.normal_(torch.empty(32, 64), seed=2)).check()
        """
        if not self.signals.word == self.gradients.word == "kept":
            raise AssertionError(f"signals and gradients must be kept\n{self}")

    def as_flow(self, label: str) -> Flow:
        """Return the same as an `irwinhall.flow.Flow`, for `irwinhall.plots.save_flow`.

        Its layers are the rows. Missing gradients are nan.

        Parameters
        ----------
        label : str
            The name in the plot.

        Returns
        -------
        irwinhall.flow.Flow

        Examples
        --------
        >>> import torch
        >>> import irwinhall.torch as init
        >>> from irwinhall import plots
        >>> found = init.activation_flow(torch.nn.Linear(4, 3), torch.ones(8, 4))
        >>> plots.save_flow("flow.png", [found.as_flow("torch's defaults")])  # doctest: +SKIP
        """
        return Flow(
            label,
            np.array([row.magnitude for row in self.rows]),
            np.array([row.mean_square for row in self.rows]),
            np.array([_number(row.gradient_magnitude) for row in self.rows]),
            np.array([_number(row.gradient_mean_square) for row in self.rows]),
        )


def with_verdicts(rows: Sequence[FlowRow]) -> ActivationFlow:
    """Return the report of the rows of a pass."""
    layers = [row for row in rows if row.has_weight]
    if len(layers) < 2:
        layers = [row for row in rows if row.kind != "batch"]
    back = [row for row in reversed(layers) if row.gradient_mean_square is not None]
    return ActivationFlow(
        tuple(rows),
        verdict([row.mean_square for row in layers], dead=layers[-1].dead if layers else 0.0),
        verdict(
            [_number(row.gradient_mean_square) * math.prod(row.shape) for row in back],
            dead=_number(back[-1].gradient_dead) if back else 0.0,
        ),
    )


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _cells(number: int, row: FlowRow) -> list[str]:
    def figure(value: float | None) -> str:
        return "" if value is None else f"{value:.3g}"

    name = row.name or f"({row.kind})"
    return [
        str(number),
        f"{name}, call {row.call + 1}" if row.call else name,
        row.kind,
        *map(figure, row[5:]),
    ]
