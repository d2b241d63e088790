"""How many inputs feed an output of a layer, and how many outputs an input feeds.

Both are read from the shape of the whole weight, before it is sharded, packed or fused, and from
axes that the caller names: no shape tells by itself which of its axes is which.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import prod
from operator import index
from typing import NamedTuple, SupportsIndex, TypeAlias

__all__ = ["Axes", "Fans", "fans"]

Axes: TypeAlias = SupportsIndex | Sequence[SupportsIndex]


class Fans(NamedTuple):
    """The fans of a weight: fan_in inputs feed each output, each input feeds fan_out outputs.

    Examples
    --------
    >>> import irwinhall
    >>> irwinhall.fans((3, 4)) == irwinhall.Fans(fan_in=3, fan_out=4)
    True
    """

    fan_in: int
    fan_out: int


def fans(
    shape: Iterable[SupportsIndex],
    *,
    in_axis: Axes = -2,
    out_axis: Axes = -1,
    batch_axis: Axes = (),
    groups: SupportsIndex = 1,
) -> Fans:
    """Return the fan_in and fan_out of a weight.

    fan_in  = in sizes * receptive field
    fan_out = out sizes * receptive field / groups

    The receptive field is the product of all axes that are neither in, out nor batch. Strides,
    dilation and padding are no part of a weight's shape and do not count, as in all frameworks.

    Parameters
    ----------
    shape : sequence of int
        Shape of the whole weight; every fan must come out at least 1.
    in_axis, out_axis : int or sequence of int
        Axes that hold the inputs and the outputs, counted from the end if negative; () for none.
        The default is (..., in, out), the layout of JAX and Keras.
    batch_axis : int or sequence of int
        Axes that only stack independent weights, such as experts; they are left out of both fans.
    groups : int
        Number of groups of a convolution. The in axis holds the inputs of one group, the out axis
        the outputs of all groups, as every framework stores it: each output has in/groups inputs,
        and each input has out/groups outputs. It must divide the out size.

    Returns
    -------
    Fans
        Named tuple (fan_in, fan_out) of int.

    Raises
    ------
    TypeError
        If shape, an axis or groups is not made of integers (bool does not count as one).
    ValueError
        If a size is negative, an axis does not exist or is named twice, a fan is 0, or groups is
        less than 1 or does not divide the out size.

    Notes
    -----
    ===============================  ====================  ======================================
    weight                           stored as             axes
    ===============================  ====================  ======================================
    PyTorch Linear, Conv             (out, in/groups, *k)  in_axis=1, out_axis=0, groups=groups
    PyTorch ConvTranspose            (in, out, *k)         in_axis=0, out_axis=1
    JAX, Flax, Keras Dense, Conv     (*k, in/groups, out)  groups=groups
    Keras transposed Conv            (*k, out, in)         in_axis=-1, out_axis=-2
    Keras DepthwiseConv              (*k, in, multiplier)  in_axis=(), batch_axis=-2
    stacked experts                  (experts, in, out)    batch_axis=0
    attention, query by heads        (in, heads, size)     in_axis=0, out_axis=(1, 2)
    attention, output from heads     (heads, size, out)    in_axis=(0, 1), out_axis=2
    ===============================  ====================  ======================================

    A transposed convolution exchanges the roles of the axes, and so does the caller. With groups it
    is stored the other way round, the in axis holding all inputs and the out axis one group's
    outputs, which `groups` does not describe. Name its groups as a batch axis instead: the same
    memory seen as ``(groups, in/groups, out/groups, *k)`` with batch_axis=0, in_axis=1, out_axis=2.
    Every grouped weight can be seen so.

    For fused weights (query, key and value in one, or gate and up) and for shards, give the shape
    of one part of the whole, not the shape of the array at hand.

    Examples
    --------
    >>> import irwinhall
    >>> irwinhall.fans((784, 256))
    Fans(fan_in=784, fan_out=256)
    >>> irwinhall.fans((128, 16, 3, 3), in_axis=1, out_axis=0, groups=4)  # 64 inputs, PyTorch
    Fans(fan_in=144, fan_out=288)
    >>> irwinhall.fans((8, 512, 256), batch_axis=0)  # 8 experts
    Fans(fan_in=512, fan_out=256)
    """
    sizes = _integers("shape", shape)
    if any(size < 0 for size in sizes):
        raise ValueError(f"shape must not have negative sizes, got {sizes}")
    groups = _integer("groups must be an integer", groups)
    if groups < 1:
        raise ValueError(f"groups must be at least 1, got {groups}")

    roles = axis_roles({"in_axis": in_axis, "out_axis": out_axis, "batch_axis": batch_axis}, sizes)

    def product(role: str | None) -> int:
        return prod(size for axis, size in enumerate(sizes) if roles.get(axis) == role)

    outputs, receptive_field = product("out_axis"), product(None)
    if outputs % groups:
        raise ValueError(
            f"groups must divide the size of out_axis, got {groups} groups of {outputs} outputs"
        )
    result = Fans(product("in_axis") * receptive_field, outputs // groups * receptive_field)
    if 0 in result:
        raise ValueError(
            f"shape must give fans of at least 1, got {sizes} with fan_in {result.fan_in} "
            f"and fan_out {result.fan_out}"
        )
    return result


def axis_roles(named: Mapping[str, Axes], sizes: tuple[int, ...]) -> dict[int, str]:
    """Return the role of each axis that has one, counted from 0, in the order they are named."""
    roles: dict[int, str] = {}
    for name, axes in named.items():
        for axis in _resolved_axes(name, axes, sizes):
            if axis in roles:
                raise ValueError(
                    "in_axis, out_axis and batch_axis must name each axis of shape once, got axis "
                    f"{axis} in {roles[axis]}"
                    + (" twice" if name == roles[axis] else f" and in {name}")
                )
            roles[axis] = name
    return roles


def plain_axes(name: str, axes: Axes) -> tuple[int, ...]:
    """Return the axes as they are counted by the caller; an iterator is used up by it."""
    if isinstance(axes, Iterable):
        return _integers(name, axes)
    return (_integer(f"{name} must be an integer or a sequence of integers", axes),)


def _resolved_axes(name: str, axes: Axes, sizes: tuple[int, ...]) -> list[int]:
    """Return the axes counted from 0."""
    many = plain_axes(name, axes)
    dimensions = len(sizes)
    for axis in many:
        if not -dimensions <= axis < dimensions:
            raise ValueError(
                f"{name} must name an axis of shape, got {axis} for the {dimensions}-D shape "
                f"{sizes}" + ("; () names none" if dimensions < 2 else "")
            )
    return [axis % dimensions for axis in many]


def _integers(name: str, values: object) -> tuple[int, ...]:
    try:
        if isinstance(values, (str, bytes)):
            raise TypeError
        items: tuple[object, ...] = tuple(values)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(
            f"{name} must be a sequence of integers, got {values!r} ({type(values).__name__})"
        ) from None
    return tuple(_integer(f"{name} must hold integers", item) for item in items)


def _integer(rule: str, value: object) -> int:
    # index() itself decides: arrays have __index__ even where calling it fails.
    try:
        if isinstance(value, bool):
            raise TypeError
        return index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{rule}, got {value!r} ({type(value).__name__})") from None
