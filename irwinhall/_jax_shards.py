"""JAX arrays that are made shard by shard, on the host, from their positions in the stream."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import numpy as np
from numpy.typing import NDArray

from irwinhall._arrays import output
from irwinhall.layouts import relative_region
from irwinhall.sampling import Sampler
from irwinhall.stream import Stream

__all__ = ["checked_for_jax", "made_by_shards", "made_like", "sampled_by_shards"]

_Region: TypeAlias = "tuple[slice, ...]"
_Draw: TypeAlias = "Callable[[NDArray[Any], _Region], None]"


def made_by_shards(
    shape: tuple[int, ...],
    sharding: Any,
    element: np.dtype[Any],
    draw: _Draw,
    widened: Callable[[_Region], _Region],
) -> Any:
    """Return an array of which this process makes the shards of its own devices.

    `draw` writes a region to an array. `widened` returns the smallest region around one that
    contains whole matrices only: one wider than a shard is made once, and kept for all shards.
    """
    blocks: dict[str, NDArray[Any]] = {}

    def part(index: _Region | None) -> NDArray[Any]:
        region = tuple(
            slice(*place.indices(size)[:2]) for place, size in zip(index or (), shape, strict=True)
        )
        block = widened(region)
        made = blocks.get(repr(block))
        if made is None:
            made = _empty(tuple(place.stop - place.start for place in block), element)
            draw(made, block)
        if block == region:
            return made
        blocks[repr(block)] = made
        return made[relative_region(block, region)]

    return jax.make_array_from_callback(shape, sharding, part, dtype=element)


def _empty(shape: tuple[int, ...], element: np.dtype[Any]) -> NDArray[Any]:
    """Return a new array that JAX uses without a copy if its devices share the main memory.

    JAX copies arrays that do not begin at a multiple of 64 bytes.
    """
    size = math.prod(shape) * element.itemsize
    memory = np.empty(size + 63, np.uint8)
    first = -memory.ctypes.data % 64
    return memory[first : first + size].view(element).reshape(shape)


def sampled_by_shards(
    sampler: Sampler,
    stream: Stream,
    sharding: Any,
    element: np.dtype[Any],
    threads: int | None = None,
) -> Any:
    """Return the weights of a sampler, made by `made_by_shards`."""
    weight = sampler.weight

    def draw(out: NDArray[Any], region: _Region) -> None:
        sampler.draw(stream, output(weight.shape, element.name, out, region), threads)

    def widened(region: _Region) -> _Region:
        return region if sampler.scheme.divisible else weight.divisible_region(region)

    return made_by_shards(weight.shape, sharding, element, draw, widened)


def made_like(array: Any, draw: _Draw, widened: Callable[[_Region], _Region]) -> Any:
    """Return an array of the type and the sharding of another, which may be abstract or NumPy's.

    `draw` and `widened` are as for `made_by_shards`.
    """
    element = np.dtype(array.dtype)
    whole = tuple(slice(0, size) for size in array.shape)
    # From an array that is not committed to its device, make one that is not.
    is_committed = getattr(array, "committed", True)
    sharding = array.sharding if is_committed and not isinstance(array, np.ndarray) else None
    if not isinstance(array, np.ndarray):
        checked_for_jax(element, element.name)
    if sharding is None:
        made = _empty(array.shape, element)
        draw(made, whole)
        return made if isinstance(array, np.ndarray) else jax.numpy.asarray(made)
    return made_by_shards(tuple(array.shape), sharding, element, draw, widened)


def checked_for_jax(element: np.dtype[Any], dtype: object) -> np.dtype[Any]:
    """Return an element type in which JAX can hold the bits of the stream."""
    if element.name == "float64" and not jax.config.jax_enable_x64:
        # An initializer would warn and give float32; these bits are promised.
        raise ValueError(
            'dtype must not be float64 without jax.config.update("jax_enable_x64", True), '
            f"got {dtype!r}"
        )
    return element
