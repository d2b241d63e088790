"""JAX arrays that are made shard by shard, on the host, from their places in the stream."""

from __future__ import annotations

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


def made_by_shards(
    shape: tuple[int, ...],
    sharding: Any,
    element: np.dtype[Any],
    draw: Callable[[_Region], NDArray[Any]],
    widened: Callable[[_Region], _Region],
) -> Any:
    """Return an array whose shards this process makes, those of its own devices and no others.

    draw makes a region. widened returns the least region around one that is made as cheaply: what
    is wider than a shard is made once, and kept until all are cut.
    """
    blocks: dict[str, NDArray[Any]] = {}

    def part(index: _Region | None) -> NDArray[Any]:
        region = tuple(
            slice(*place.indices(size)[:2]) for place, size in zip(index or (), shape, strict=True)
        )
        block = widened(region)
        if block == region:
            return draw(region)
        if repr(block) not in blocks:
            blocks[repr(block)] = draw(block)
        return blocks[repr(block)][relative_region(block, region)]

    return jax.make_array_from_callback(shape, sharding, part, dtype=element)


def sampled_by_shards(
    sampler: Sampler,
    stream: Stream,
    sharding: Any,
    element: np.dtype[Any],
    threads: int | None = None,
) -> Any:
    """Return the weights of a sampler, as `made_by_shards` makes them."""
    weight = sampler.weight

    def draw(region: _Region) -> NDArray[Any]:
        target = output(weight.shape, element.name, None, region)
        return np.asarray(sampler.draw(stream, target, threads))

    def widened(region: _Region) -> _Region:
        return region if sampler.scheme.divisible else weight.divisible_region(region)

    return made_by_shards(weight.shape, sharding, element, draw, widened)


def made_like(
    array: Any,
    draw: Callable[[_Region], NDArray[Any]],
    widened: Callable[[_Region], _Region],
) -> Any:
    """Return an array of the type and the sharding of another, which may be abstract or NumPy's.

    draw and widened are as for `made_by_shards`.
    """
    element = np.dtype(array.dtype)
    whole = tuple(slice(0, size) for size in array.shape)
    if isinstance(array, np.ndarray):
        return draw(whole)
    checked_for_jax(element, element.name)
    # An array that is not committed to its device must not make one that is.
    sharding = array.sharding if getattr(array, "committed", True) else None
    if sharding is None:
        return jax.numpy.asarray(draw(whole))
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
