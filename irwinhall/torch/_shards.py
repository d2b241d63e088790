"""Which part of a distributed tensor this process holds.

A DTensor's shards follow torch.chunk, mesh axis by mesh axis, so that along each tensor axis a
process holds a list of indices, computed here from the placements alone. Usually these are
contiguous; the strided shards of FSDP2 over tensor parallelism may have gaps.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import product
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

Places: TypeAlias = "tuple[slice, ...]"


def is_distributed(tensor: torch.Tensor) -> bool:
    """Return whether a tensor is a DTensor, without importing torch.distributed."""
    module = sys.modules.get("torch.distributed.tensor")
    return module is not None and isinstance(tensor, module.DTensor)


def local_pieces(tensor: Any) -> tuple[torch.Tensor, list[tuple[Places, Places]]]:
    """Return the local tensor, and for each of its pieces the local and the global slices.

    A process outside the mesh has no pieces.
    """
    for placement in tensor.placements:
        if not placement.is_replicate() and not hasattr(placement, "dim"):
            raise ValueError(f"tensor must be sharded or replicated, got placement {placement}")
    coordinate = tensor.device_mesh.get_coordinate()
    if coordinate is None:
        return tensor.to_local(), []
    places = [np.arange(length) for length in tensor.shape]
    for mesh_axis, placement in enumerate(tensor.placements):
        if placement.is_replicate():
            continue
        axis = placement.dim
        factor = getattr(placement, "split_factor", 1)
        count, which = tensor.device_mesh.size(mesh_axis), coordinate[mesh_axis]
        places[axis] = np.concatenate(
            [_chunk(_chunk(places[axis], factor, j), count, which) for j in range(factor)]
        )
    local = tensor.to_local()
    if local.shape != tuple(map(len, places)):
        raise ValueError(
            f"tensor must hold the shard that its placements {tensor.placements} name, "
            f"of shape {tuple(map(len, places))}, got {tuple(local.shape)}"
        )
    runs = [list(_runs(along)) for along in places]
    return local, [
        (tuple(here for here, _ in piece), tuple(there for _, there in piece))
        for piece in product(*runs)
    ]


def agreed(bits: torch.Tensor, mesh: Any) -> torch.Tensor:
    """Return the bits of the first process of a mesh; all of its processes must call this."""
    if mesh.get_coordinate() is None:
        return bits
    shared = bits.to(mesh.device_type)
    for axis in range(mesh.ndim):
        group = mesh.get_group(axis)
        torch.distributed.broadcast(
            shared, torch.distributed.get_global_rank(group, 0), group=group
        )
    return shared.to(bits.device)


def _chunk(places: NDArray[np.intp], count: int, which: int) -> NDArray[np.intp]:
    size = -(-len(places) // count)
    return places[which * size : (which + 1) * size]


def _runs(places: NDArray[np.intp]) -> Iterator[tuple[slice, slice]]:
    """Yield contiguous runs: their slices of the list, and of the axis."""
    ends = [*(np.flatnonzero(np.diff(places) != 1) + 1).tolist(), len(places)]
    begin = 0
    for end in ends:
        if begin < end:
            first = int(places[begin])
            yield slice(begin, end), slice(first, first + end - begin)
        begin = end
