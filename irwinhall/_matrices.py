"""Weights that are made of matrices: orthogonal, delta-orthogonal and identity.

NumPy and JAX share the rules for which axes make up the rows and columns.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from irwinhall.layouts import Weight, slices
from irwinhall.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class Matrices(NamedTuple):
    """The axes of a weight as those of its matrices: a stack of (rows, groups * columns).

    `order` has the axes of the stack first, then those of the rows, then those of the columns. Rows
    are inputs times the receptive field, columns the outputs of one group.
    """

    order: tuple[int, ...]
    row_axes: tuple[int, ...]
    rows: int
    columns: int

    @classmethod
    def of(cls, weight: Weight) -> Matrices:
        """Return the axes of a weight as those of its matrices."""
        batches, outs = weight.batch_axes, weight.out_axes
        known = {*batches, *outs}
        row_axes = tuple(axis for axis in range(len(weight.logical_shape)) if axis not in known)
        order = (*batches, *row_axes, *outs)
        return cls(order, row_axes, prod(weight.sizes(row_axes)), weight.outputs_of_group)


def identity(weight: Weight, places: Sequence[Any]) -> Any:
    """Return where the identity matrix is 1, in the middle of the receptive field.

    `places` has an array of indices along every axis, of any library; they broadcast.
    """

    def number(axes: tuple[int, ...]) -> Any:
        total: Any = 0
        for axis in axes:
            total = total * weight.logical_shape[axis] + places[axis]
        return total

    ones = number(weight.in_axes) == number(weight.out_axes) % weight.outputs_of_group
    for axis in weight.field_axes:
        ones = ones & (places[axis] == _middle(weight.logical_shape[axis]))
    return ones


def identity_region(
    weight: Weight, start: tuple[int, ...], count: tuple[int, ...]
) -> NDArray[np.bool]:
    """Return where in a region of the logical shape the identity matrix is 1."""
    ones = identity(weight, np.ogrid[slices(start, count)])
    return np.broadcast_to(np.asarray(ones), count)


def orthogonal(
    weight: Weight,
    start: tuple[int, ...],
    count: tuple[int, ...],
    stream: Stream,
    threads: int | None,
) -> NDArray[np.float64]:
    """Return a region of orthogonal matrices, one for every place of the batch axes and group."""
    order, row_axes, rows, columns = Matrices.of(weight)
    batches = weight.batch_axes
    tall = max(rows, columns), min(rows, columns)
    shape = (prod(weight.sizes(batches)) * weight.groups, *tall)

    lengths = tuple(count[axis] for axis in batches)
    stack = np.empty((*lengths, rows, weight.groups, columns))
    for place in np.ndindex(lengths):
        index = 0
        for axis, offset in zip(batches, place, strict=True):
            index = index * weight.logical_shape[axis] + start[axis] + offset
        part = slice(index * weight.groups, (index + 1) * weight.groups)
        normals = stream.normal(shape, dtype="float64", region=part, threads=threads)
        q, r = np.linalg.qr(normals)
        q *= np.copysign(1.0, np.diagonal(r, axis1=-2, axis2=-1))[:, np.newaxis, :]
        if rows < columns:
            q = q.transpose(0, 2, 1)
        stack[place] = q.transpose(1, 0, 2)

    weights = stack.reshape(lengths + weight.sizes((*row_axes, *weight.out_axes)))
    weights = weights.transpose(np.argsort(order))
    region = (
        slice(None) if axis in batches else part for axis, part in enumerate(slices(start, count))
    )
    return weights[tuple(region)]


def delta_orthogonal(
    weight: Weight,
    start: tuple[int, ...],
    count: tuple[int, ...],
    stream: Stream,
    threads: int | None,
) -> NDArray[np.float64]:
    """Return a region of kernels with an orthogonal matrix in the middle and 0 elsewhere."""
    weights = np.zeros(count)
    flat, middle = centre(weight)
    target = [slice(None)] * len(count)
    starts, counts = list(start), list(count)
    for axis in weight.field_axes:
        offset = middle[axis].start - start[axis]
        if not 0 <= offset < count[axis]:
            return weights
        target[axis] = slice(offset, offset + 1)
        starts[axis], counts[axis] = 0, 1
    weights[tuple(target)] = orthogonal(flat, tuple(starts), tuple(counts), stream, threads)
    return weights


def centre(weight: Weight) -> tuple[Weight, tuple[slice, ...]]:
    """Return the middle of the receptive field as a weight, and where in the whole it lies."""
    shape = list(weight.logical_shape)
    region = [slice(None)] * len(shape)
    for axis in weight.field_axes:
        middle = _middle(shape[axis])
        region[axis] = slice(middle, middle + 1)
        shape[axis] = 1
    return replace(weight, logical_shape=tuple(shape)), tuple(region)


def _middle(size: int) -> int:
    return (size - 1) // 2
