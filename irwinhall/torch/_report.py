"""Rows of the report on a PyTorch model: weights are measured when rows are asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import torch
from torch.nn.parameter import is_lazy

from irwinhall._models.report import Row
from irwinhall.torch._shards import is_distributed

__all__ = ["Seen", "TensorRow", "version"]

# Number of elements measured at a time, in float32: few enough for the cache, and for torch to stay
# on one thread, as more threads are slow to start and stop on a busy machine.
_CHUNK = 2**15


class Part(Protocol):
    """The values of a parameter, or of a part of one of its axes."""

    @property
    def axis(self) -> int | None:
        """The axis of which it fills a part; None if it fills all."""

    @property
    def first(self) -> int:
        """Where along the axis it begins."""

    @property
    def length(self) -> int:
        """How much of the axis it fills."""

    def row(self, name: str, note: str) -> Row:
        """Return the row of a parameter of this name, without measurements."""


class Seen(NamedTuple):
    """A weak reference to a tensor, and its version when it was seen."""

    tensor: Callable[[], Any]
    version: int | None


def version(tensor: Any) -> int | None:
    """Return the version of a tensor, its number of writes, if it counts them."""
    return None if is_lazy(tensor) or tensor.is_inference() else tensor._version


class TensorRow(NamedTuple):
    """The row of a tensor, or of a part of one, and the values that were written, if any."""

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
        """Return the row, without measurements."""
        if self.part is None:
            return Row(self.name, self.shape or (), scheme=self.scheme, note=self.note)
        return self.part.row(self.name, self.note)

    def measured(self) -> Row:
        """Return the row, with measurements."""
        row, part = self.row(), self.part
        if row.scheme is None:
            return row
        where = None
        if part is not None and part.axis is not None:
            where = part.axis, part.first, part.length
        return _measured(row, self.seen, where)


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
