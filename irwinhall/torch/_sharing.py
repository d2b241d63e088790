"""Parameters that lie in the memory of others: views of them, and tensors with the same data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.parameter import is_lazy

from irwinhall._models.roles import WeightRole
from irwinhall.torch._fill import has_values, is_ready
from irwinhall.torch._layers import ParameterSite, parameters
from irwinhall.torch._shards import is_distributed

__all__ = ["Places", "Tied", "held", "storage_of", "tied_parameters"]

Places: TypeAlias = "tuple[ParameterSite, ...]"


class Tied(NamedTuple):
    """All parameters of a model, once.

    `tied` are the places of each, and `ready` says whether a kernel can fill it directly. `shared`
    are the places of parameters in the memory of another, by the first name of the latter, and
    `overlaps` the names of pairs that overlap only in part.
    """

    tied: list[Places]
    ready: list[bool]
    shared: dict[str, list[ParameterSite]]
    overlaps: list[tuple[str, str]]


def tied_parameters(module: nn.Module) -> Tied:
    """Return every parameter of a model; those with the same memory are grouped."""
    found: dict[int, Places] = {}
    for place in parameters(module):
        key = id(place.tensor)
        found[key] = (*found[key], place) if key in found else (place,)
    tied = list(found.values())
    tensors = [places[0].tensor for places in tied]
    ready = list(map(is_ready, tensors))
    sharing = _sharing_of(tied, tensors, ready)
    if sharing is None:
        return Tied(tied, ready, {}, [])
    same, owners, overlaps, changed = sharing
    shared: dict[str, list[ParameterSite]] = {}
    for number, owner in owners.items():
        shared.setdefault(tied[owner][0].name, []).extend(changed.get(number, tied[number]))
    left = [number for number in range(len(tied)) if number not in same and number not in owners]
    # An owner is written at the place of the first parameter in it, whose norms come later.
    place_of = {number: number for number in left}
    for number, owner in owners.items():
        place_of[owner] = min(place_of[owner], number)
    left.sort(key=lambda number: place_of[number])
    return Tied(
        [changed.get(number, tied[number]) for number in left],
        [ready[number] for number in left],
        shared,
        [(tied[one][0].name, tied[other][0].name) for one, other in overlaps],
    )


class _Sharing(NamedTuple):
    """The parameters that share memory, by their numbers.

    `same` maps a parameter with the same elements as another to that one, and `owners` a parameter
    that is otherwise within another to that one. `overlaps` are pairs that overlap only in part.
    `places` replaces the places of the others.
    """

    same: dict[int, int]
    owners: dict[int, int]
    overlaps: list[tuple[int, int]]
    places: dict[int, Places]


class _View(NamedTuple):
    """A parameter and the range of its bytes, relative to its storage."""

    number: int
    tensor: Any
    begin: int
    end: int

    @classmethod
    def of(cls, number: int, tensor: Any) -> _View:
        size = tensor.element_size()
        begin = size * tensor.storage_offset()
        each = zip(tensor.shape, tensor.stride(), strict=True)
        reach = 1 + sum((length - 1) * step for length, step in each)
        return cls(number, tensor, begin, begin + size * reach)

    @property
    def is_dense(self) -> bool:
        """Whether it has every byte of its range."""
        return bool(self.end - self.begin == self.tensor.nbytes)

    @property
    def elements(self) -> object:
        """A key for its elements and their order."""
        return self.begin, self.tensor.dtype, tuple(self.tensor.shape), self.tensor.stride()

    def holds(self, other: _View) -> bool:
        """Return whether all of another's elements are its own."""
        if not (self.begin <= other.begin and other.end <= self.end):
            return False
        return self.is_dense or not (self._marks(other) < other._marks(self)).any()

    def meets(self, other: _View) -> bool:
        """Return whether it shares an element with another; columns of one matrix do not."""
        if self.end <= other.begin or other.end <= self.begin:
            return False
        return bool((self._marks(other) & other._marks(self)).any())

    def _marks(self, other: _View) -> NDArray[np.bool_]:
        """Return which bytes are its own, in the range of it and another."""
        begin, end = min(self.begin, other.begin), max(self.end, other.end)
        marks = np.zeros(end - begin, bool)
        size = self.tensor.element_size()
        shape = (*self.tensor.shape, size)
        steps = (*(size * step for step in self.tensor.stride()), 1)
        np.lib.stride_tricks.as_strided(marks[self.begin - begin :], shape, steps)[...] = True
        return marks


def _sharing_of(
    tied: Sequence[Places], tensors: Sequence[Any], ready: Sequence[bool]
) -> _Sharing | None:
    """Return which parameters share memory; None if none do. `ready`: it alone has a storage.

    Few models have such parameters, but every model pays for the test: for a tensor that is ready,
    compare only the address of its memory.
    """
    starts = [
        tensor.data_ptr() if alone else storage_of(tensor)
        for tensor, alone in zip(tensors, ready, strict=True)
    ]
    if len(set(starts)) == len(starts) - max(starts.count(0) - 1, 0):
        return None
    found = defaultdict(list)
    for number, start in enumerate(starts):
        if start:
            found[start].append(_View.of(number, held(tensors[number])))
    sharing = _Sharing({}, {}, [], {})
    for views in found.values():
        if len(views) > 1:
            _resolve(tied, views, sharing)
    return sharing


def held(tensor: Any) -> Any:
    """Return the part of a tensor that this process holds."""
    return tensor.to_local() if is_distributed(tensor) else tensor


def storage_of(tensor: Any) -> int:
    """Return the address of a tensor's storage; 0 if it is not known."""
    if is_lazy(tensor) or tensor.layout != torch.strided or tensor.is_nested:
        return 0
    tensor = held(tensor)
    if tensor.numel() == 0 or not has_values(tensor):
        return 0
    try:
        return int(tensor.untyped_storage().data_ptr())
    except RuntimeError:  # of a subclass that has none
        return 0


def _resolve(tied: Sequence[Places], views: list[_View], sharing: _Sharing) -> None:
    """Find out which views of one storage are equal, within others, or overlapping."""
    same, owners, overlaps, places = sharing
    firsts: dict[Any, _View] = {}
    for view in views:
        first = firsts.setdefault(view.elements, view)
        if first is not view:
            same[view.number] = first.number
            places[first.number] = places.get(first.number, tied[first.number]) + tied[view.number]

    def is_unknown(view: _View) -> bool:
        each = places.get(view.number, tied[view.number])
        return all(isinstance(place.role, str) for place in each)

    # The first name is the owner's, unless its layer is unknown and gives no role.
    distinct = sorted(firsts.values(), key=lambda view: (is_unknown(view), view.number))
    for one, other in _neighbours(distinct):
        if one.number in owners or other.number in owners:
            continue
        if one.holds(other):
            owner, inner = one, other
        elif other.holds(one):
            owner, inner = other, one
        elif one.meets(other):
            overlaps.append((one.number, other.number))
            continue
        else:
            continue
        owners[inner.number] = owner.number
        mine, its = (places.get(v.number, tied[v.number]) for v in (owner, inner))
        places[owner.number] = _padded(mine, owner, its, inner)
    for number, holder in owners.items():
        while holder in owners:
            holder = owners[holder]
        owners[number] = holder


def _neighbours(views: Sequence[_View]) -> Iterator[tuple[_View, _View]]:
    """Yield the pairs of views whose bytes may overlap, in the order of the views."""
    rank = {view.number: place for place, view in enumerate(views)}
    pairs = []
    by_begin = sorted(views, key=lambda view: view.begin)
    for place, one in enumerate(by_begin):
        for other in by_begin[place + 1 :]:
            if other.begin >= one.end:
                break
            pairs.append(sorted((one, other), key=lambda view: rank[view.number]))
    pairs.sort(key=lambda pair: (rank[pair[0].number], rank[pair[1].number]))
    for one, other in pairs:
        yield one, other


def _padded(mine: Places, owner: _View, its: Places, inner: _View) -> Places:
    """Return an owner's places, with zeros for the padding of embeddings within it."""
    role = mine[0].role
    zeros = {z for place in its if isinstance(place.role, WeightRole) for z in place.role.zeros}
    if not zeros or not isinstance(role, WeightRole):
        return mine
    whole = not is_distributed(mine[0].tensor)  # offsets of a shard are relative to it
    mapped = {_mapped(zero, owner, inner) if whole else None for zero in zeros}
    if None in mapped:
        raise ValueError(
            f"{its[0].name} must have its padding in a row or column of {mine[0].name}, "
            "whose memory it shares"
        )
    found = tuple(sorted({*role.zeros, *filter(None, mapped)}))
    return (mine[0]._replace(role=role._replace(zeros=found)), *mine[1:])


def _mapped(zero: tuple[int, int], owner: _View, inner: _View) -> tuple[int, int] | None:
    """Return the axis and index in an owner of a row or column of a matrix in it, or None."""
    if owner.tensor.dtype != inner.tensor.dtype or owner.tensor.ndim != 2:
        return None
    axis, index = zero
    offset = (inner.begin - owner.begin) // owner.tensor.element_size()
    offset += index * inner.tensor.stride(axis)
    length, step = inner.tensor.size(1 - axis), inner.tensor.stride(1 - axis)
    for mine in (0, 1):
        across = 1 - mine
        place, rest = divmod(offset, owner.tensor.stride(mine))
        fits = (owner.tensor.size(across), owner.tensor.stride(across)) == (length, step)
        if fits and rest == 0 and place < owner.tensor.size(mine):
            return mine, place
    return None
