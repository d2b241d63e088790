"""The report of `init_weights` on each parameter, as rows and as a table."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from html import escape
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from irwinhall.stream import seed_text

__all__ = ["ArrayRow", "PendingRow", "Report", "Row", "table"]

# Number of elements measured at a time: few enough for the cache.
_CHUNK = 2**15


class Row(NamedTuple):
    """The outcome for a parameter, or for a part of one whose parts differ in size.

    Attributes
    ----------
    name : str
        Its qualified name, which is also the name of its stream.
    shape : tuple of int
        Its shape.
    fan_in, fan_out : int or None
        The fans of one part, group or expert; None unless it is a weight of a known layout.
    scheme : str or None
        The name of the scheme; None if it was left alone.
    gain, scale : float or None
        The gain, including all factors, and the resulting scale: the bound of a uniform
        distribution, the standard deviation of a normal one, the value of a constant.
    std, magnitude : float or None
        The realized standard deviation and mean magnitude; of a DTensor, those of the local shard.
    note : str
        Further remarks, or why it was left alone. Also the previous value of a parameter that the
        model may have set on purpose: a bias, norm or slope that no layer of torch starts with, a
        weight with a single value, or one with an unusual scale.

    Examples
    --------
    >>> Row("hidden.weight", (256, 784), 784, 256, "letkeman", gain=1.0).fan_in
    784
    """

    name: str
    shape: tuple[int, ...]
    fan_in: int | None = None
    fan_out: int | None = None
    scheme: str | None = None
    gain: float | None = None
    scale: float | None = None
    std: float | None = None
    magnitude: float | None = None
    note: str = ""


class PendingRow(Protocol):
    """A row that is not yet measured: a parameter, and its values, if any."""

    @property
    def name(self) -> str:
        """The name of the parameter."""

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Its shape, if it has one."""

    @property
    def is_tied(self) -> bool:
        """Whether it is another name of a parameter that has a row."""

    @property
    def is_left_alone(self) -> bool:
        """Whether nothing was written to the parameter."""

    def row(self) -> Row:
        """Return the row, without measurements."""

    def measured(self) -> Row:
        """Return the row, with measurements."""


class ArrayRow(NamedTuple):
    """The row of an array, or of a part of one.

    `arrays` returns the pieces of the array in this process when called. `part` is the axis of
    which it is a part, and the begin and length of the part.
    """

    made: Row
    arrays: Callable[[], Sequence[NDArray[Any]]] = tuple
    part: tuple[int, int, int] | None = None
    is_tied: bool = False

    @property
    def name(self) -> str:
        """The name of the parameter."""
        return self.made.name

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        return self.made.shape

    @property
    def is_left_alone(self) -> bool:
        """Whether nothing was written to the parameter."""
        return self.made.scheme is None and not self.is_tied

    def row(self) -> Row:
        """Return the row, without measurements."""
        return self.made

    def measured(self) -> Row:
        """Return the row, with measurements."""
        arrays = self.arrays()
        if self.part is not None:
            axis, first, length = self.part
            if len(arrays) != 1:
                return self.made
            here = (*[slice(None)] * axis, slice(first, first + length))
            arrays = [arrays[0][here]]
        count = sum(array.size for array in arrays)
        if count == 0:
            return self.made
        total = squares = magnitudes = 0.0
        for array in arrays:
            flat = array.reshape(-1)
            for start in range(0, flat.size, _CHUNK):
                values = flat[start : start + _CHUNK].astype(np.float64)
                total += float(values.sum())
                squares += float(np.square(values).sum())
                magnitudes += float(np.abs(values).sum())
        variance = max(squares / count - (total / count) ** 2, 0.0)
        return self.made._replace(std=math.sqrt(variance), magnitude=magnitudes / count)


class _Totals(NamedTuple):
    left_alone: tuple[str, ...]
    parameters: int
    elements: int


class Report:
    """Report of `init_weights` on each parameter; it prints as a table.

    Attributes
    ----------
    rows : tuple of Row
        A row for every name of every parameter, in the order of named_parameters. std and magnitude
        are measured when rows or the table are first read, because measuring takes longer than
        drawing: read them before training. Parameters that have changed by then are not measured,
        and their notes say so. The report does not keep the model alive; pickling it measures.
    left_alone : tuple of str
        The parameters that were not written.
    buffers : tuple of str
        The buffers, which were not written; the statistics of norms are not among them.
    seed : int or str
        The seed of the weights: the same seed gives the same weights. It is a value for JSON; bytes
        are written as "bytes:" and hexadecimal digits.

    Examples
    --------
    >>> rows = [
    ...     Row("0.weight", (4, 8), 8, 4, "he_normal", gain=2**0.5, scale=0.5),
    ...     Row("0.bias", (4,), scheme="zeros", scale=0.0, note="bias"),
    ... ]
    >>> print(Report(lambda: [ArrayRow(row) for row in rows], (), seed=1))
    parameter  shape  fans  scheme     scale  std  mean |w|  note
    0.weight   4x8    8, 4  he_normal    0.5
    0.bias     4            zeros          0                 bias
    36 elements in 2 parameters, 0 of them left alone; seed 1
    """

    def __init__(
        self,
        pending: Callable[[], Sequence[PendingRow]],
        buffers: Sequence[str],
        seed: int | bytes,
    ) -> None:
        self._pending = pending  # evaluated only when the report is read
        self.buffers: tuple[str, ...] = tuple(buffers)
        self.seed: int | str = seed_text(seed)

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """A row for every name of every parameter."""
        return tuple(pending.measured() for pending in self._pending())

    @property
    def left_alone(self) -> tuple[str, ...]:
        """The parameters that were not written."""
        return self._totals.left_alone

    @cached_property
    def _totals(self) -> _Totals:
        own = [each for each in self._pending() if not each.is_tied]
        left_alone = tuple(each.name for each in own if each.is_left_alone)
        elements = sum(math.prod(each.row().shape) for each in own if each.shape is not None)
        return _Totals(left_alone, len(own), elements)

    def __getstate__(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "_totals": self._totals,
            "buffers": self.buffers,
            "seed": self.seed,
        }

    def __repr__(self) -> str:
        left_alone, count, _ = self._totals
        return f"<Report of {count} parameters, {len(left_alone)} of them left alone>"

    def __str__(self) -> str:
        return "\n".join(
            [table(_HEADS, [_cells(row) for row in self.rows], right=_NUMBERS), *self._summary()]
        )

    def _repr_html_(self) -> str:
        """Return the table in HTML for notebooks."""
        lines = ["<table>", _html_row("th", _HEADS)]
        lines += [_html_row("td", _cells(row)) for row in self.rows]
        return "\n".join([*lines, "</table>", *(f"<p>{escape(s)}</p>" for s in self._summary())])

    def _summary(self) -> list[str]:
        left_alone, count, elements = self._totals
        lines = [
            f"{elements:,} elements in {count} parameters, "
            f"{len(left_alone)} of them left alone; seed {self.seed!r}"
        ]
        if self.buffers:
            lines.append(f"buffers left alone: {', '.join(self.buffers)}")
        return lines


_HEADS = ("parameter", "shape", "fans", "scheme", "scale", "std", "mean |w|", "note")
_NUMBERS = (4, 5, 6)


def _html_row(tag: str, cells: Sequence[str]) -> str:
    def cell(number: int, text: str) -> str:
        side = "right" if number in _NUMBERS else "left"
        return f'<{tag} style="text-align: {side}">{escape(text)}</{tag}>'

    return f"<tr>{''.join(cell(*each) for each in enumerate(cells))}</tr>"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int]) -> str:
    """Return lines of aligned columns, those of the given numbers to the right."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        return "  ".join(
            cell.rjust(width) if number in right else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ).rstrip()

    return "\n".join(map(line, [heads, *rows]))


def _cells(row: Row) -> list[str]:
    def number(value: float | None) -> str:
        return "" if value is None else f"{value:.4g}"

    return [
        row.name,
        "x".join(map(str, row.shape)),
        "" if row.fan_in is None else f"{row.fan_in}, {row.fan_out}",
        row.scheme or "",
        number(row.scale),
        number(row.std),
        number(row.magnitude),
        row.note,
    ]
