"""What init_weights did to each parameter, as rows and as a table."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from html import escape
from typing import Any, NamedTuple, Protocol

import torch
from torch.nn.parameter import is_lazy

from irwinhall.stream import seed_text
from irwinhall.torch._shards import is_distributed

__all__ = ["PendingRow", "Report", "Row", "Seen", "table", "version"]

# How many elements are measured at a time, in float32: few enough for the cache, and for torch to
# stay on one thread, whose others are slow to start and stop on a busy machine.
_CHUNK = 2**15


class Row(NamedTuple):
    """What became of a parameter, or of a part of one whose parts differ in size.

    Attributes
    ----------
    name : str
        Its qualified name, which is that of its stream.
    shape : tuple of int
        Its shape.
    fan_in, fan_out : int or None
        The fans of one part, group or expert; None for what is no weight of a known layout.
    scheme : str or None
        The name of the scheme; None if it was left alone.
    gain, scale : float or None
        The gain, with all factors in it, and the scale that the scheme makes of it: the bound of a
        uniform law, the standard deviation of a normal one, the value of a constant.
    std, magnitude : float or None
        What was realized: standard deviation and mean magnitude. Of a DTensor, those of what this
        process holds of it.
    note : str
        What else there is to know, or why it was left alone. Also what a parameter was, where the
        model may have set it on purpose: a bias, norm or slope that no layer of torch starts with,
        a weight of one value, or one of a scale of its own.

    Examples
    --------
    >>> import torch
    >>> import irwinhall.torch as init
    >>> layer = torch.nn.Linear(784, 256)
    >>> row = init.init_weights(layer, seed=1).rows[0]
    >>> row.name, row.fan_in, row.fan_out, row.scheme, round(row.scale, 4), round(row.magnitude, 3)
    ('weight', 784, 256, 'letkeman', 0.0775, 0.039)
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


class Part(Protocol):
    """What a parameter, or a part of one of its axes, was filled with."""

    @property
    def axis(self) -> int | None:
        """The axis of which it fills a part, if it does not fill all."""

    @property
    def first(self) -> int:
        """Where along the axis it begins."""

    @property
    def length(self) -> int:
        """How much of the axis it fills."""

    def row(self, name: str, note: str) -> Row:
        """Return the row of a parameter of this name, without what was realized."""


class Seen(NamedTuple):
    """A tensor, by a weak reference, and how often it had been written to when it was seen."""

    tensor: Callable[[], Any]
    version: int | None


def version(tensor: Any) -> int | None:
    """Return how often a tensor has been written to, where it counts that."""
    return None if is_lazy(tensor) or tensor.is_inference() else tensor._version


class PendingRow(NamedTuple):
    """A row before it is asked for: a parameter, and what it was filled with, if anything."""

    seen: Seen
    name: str
    note: str
    shape: tuple[int, ...] | None
    part: Part | None = None
    scheme: str | None = None
    is_tied: bool = False

    @property
    def is_left_alone(self) -> bool:
        """Whether nothing was written to the parameter."""
        return self.part is None and self.scheme is None and not self.is_tied

    def row(self) -> Row:
        """Return the row, without what was realized."""
        if self.part is None:
            return Row(self.name, self.shape or (), scheme=self.scheme, note=self.note)
        return self.part.row(self.name, self.note)

    def measured(self) -> Row:
        """Return the row, with what was realized."""
        row, part = self.row(), self.part
        if row.scheme is None:
            return row
        where = None
        if part is not None and part.axis is not None:
            where = part.axis, part.first, part.length
        return _measured(row, self.seen, where)


class _Totals(NamedTuple):
    left_alone: tuple[str, ...]
    parameters: int
    elements: int


class Report:
    """What `init_weights` did to each parameter; it prints as a table.

    Attributes
    ----------
    rows : tuple of Row
        A row for every name of every parameter, in the order of named_parameters. std and magnitude
        are measured when rows or the table are first asked for, as it takes longer than to draw the
        weights: ask before training. What has changed by then is not measured, and says so. The
        report does not keep the model alive; pickling it measures.
    left_alone : tuple of str
        The parameters that hold what they held before.
    buffers : tuple of str
        The buffers, which hold what they held before; the statistics of norms are not among them.
    seed : int or str
        What the weights were drawn from: the same seed gives the same weights again. JSON can hold
        it; bytes are "bytes:" and hexadecimal digits.

    Examples
    --------
    >>> import torch
    >>> import irwinhall.torch as init
    >>> model = torch.nn.Sequential(torch.nn.Linear(8, 4), torch.nn.LayerNorm(4))
    >>> print(init.init_weights(model, "he_normal", seed=1))
    parameter  shape  fans  scheme     scale    std  mean |w|  note
    0.weight   4x8    8, 4  he_normal    0.5  0...    0...
    0.bias     4            zeros          0      0         0  bias
    1.weight   4            ones           1      0         1  norm
    1.bias     4            zeros          0      0         0  norm
    44 elements in 4 parameters, 0 of them left alone; seed 1
    """

    def __init__(
        self,
        pending: Callable[[], Sequence[PendingRow]],
        buffers: Sequence[str],
        seed: int | bytes,
    ) -> None:
        self._pending = pending  # not asked for before the report is
        self.buffers: tuple[str, ...] = tuple(buffers)
        self.seed = seed_text(seed)

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """A row for every name of every parameter."""
        return tuple(pending.measured() for pending in self._pending())

    @property
    def left_alone(self) -> tuple[str, ...]:
        """The parameters that hold what they held before."""
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
        """Return the table as notebooks show it."""
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


# ---- what was realized ---------------------------------------------------------------------------


def _measured(row: Row, seen: Seen, part: tuple[int, int, int] | None) -> Row:
    tensor = seen.tensor()
    if tensor is None:
        return row
    if version(tensor) != seen.version:
        return row._replace(note=", ".join(filter(None, [row.note, "changed since"])))
    tensor = tensor.detach()
    if is_distributed(tensor):
        if part is not None:
            return row
        tensor = tensor.to_local()
    elif part is not None:
        tensor = tensor.narrow(*part)
    count = tensor.numel()
    if count == 0 or tensor.is_meta:
        return row
    total = squares = magnitudes = 0.0
    for chunk in _chunks(tensor):
        values = chunk if chunk.dtype == torch.float64 else chunk.float()
        total += float(values.sum())
        squares += float(values.square().sum())
        magnitudes += float(values.abs().sum())
    variance = max(squares / count - (total / count) ** 2, 0.0)
    return row._replace(std=math.sqrt(variance), magnitude=magnitudes / count)


def _chunks(tensor: Any) -> Iterator[Any]:
    """Yield pieces of bounded size, none of them a copy."""
    if tensor.numel() <= _CHUNK:
        yield tensor
        return
    axis = max(range(tensor.ndim), key=tensor.size)
    length = max(_CHUNK * tensor.size(axis) // tensor.numel(), 1)
    for piece in tensor.split(length, dim=axis):
        yield from _chunks(piece) if length == 1 else (piece,)
