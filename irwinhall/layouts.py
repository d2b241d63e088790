"""Layouts: which axes of a weight are inputs, outputs or neither, and the resulting fans.

A `Weight` has the roles of the axes, resolved and checked once. The caller gives the axes, or names
a row of `LAYOUTS`, which has one for every kind of layer of the frameworks. To add a layer, add a
row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from math import prod
from operator import index
from typing import Any, NamedTuple, SupportsIndex, TypedDict

from irwinhall._arguments import (
    Axes,
    Region,
    checked_axes,
    checked_count,
    checked_region,
    checked_shape,
    plain_shape,
    shown,
)
from irwinhall._lookup import FrozenMapping, Names

__all__ = ["LAYOUTS", "Fans", "Layout", "Weight", "WeightOptions", "fans"]


class Layout(NamedTuple):
    """A row of `LAYOUTS`.

    Attributes
    ----------
    name : str
        Framework and kind of layer.
    stored : str
        The axes of a weight: "in" and "out", "batch" for independent weights side by side, and
        ``*k`` for the kernel. An axis with "/groups" holds the inputs or outputs of one group.
    active_inputs : int or None
        The number of inputs that are nonzero at a time, if the layer fixes it: 1 for embeddings.
    aliases : tuple of str
        Other names.

    Examples
    --------
    >>> from irwinhall import layouts
    >>> layouts.LAYOUTS["torch.conv"].stored
    '(out, in/groups, *k)'
    """

    name: str
    stored: str
    active_inputs: int | None = None
    aliases: tuple[str, ...] = ()


_ROWS = (
    Layout("torch.linear", "(out, in)"),
    Layout("torch.matmul", "(in, out)"),  # x @ w
    Layout("torch.bilinear", "(out, in, in)"),
    Layout("torch.conv", "(out, in/groups, *k)"),
    Layout("torch.conv_transpose", "(in, out/groups, *k)"),
    Layout("torch.embedding", "(in, out)", active_inputs=1),
    Layout("flax.dense", "(in, out)"),
    Layout("flax.conv", "(*k, in/groups, out)"),
    Layout("flax.conv_transpose", "(*k, in, out)"),
    Layout("flax.conv_transpose_kernel", "(*k, out, in)"),  # transpose_kernel=True
    Layout("flax.attention_in", "(in, out, out)"),  # out: heads and their size
    Layout("flax.attention_out", "(in, in, out)"),
    Layout("flax.embedding", "(in, out)", active_inputs=1),
    Layout("haiku.linear", "(in, out)"),
    Layout("haiku.conv", "(*k, in/groups, out)"),
    Layout("haiku.conv_transpose", "(*k, out, in)"),
    Layout("haiku.embedding", "(in, out)", active_inputs=1),
    Layout("equinox.linear", "(out, in)"),
    Layout("equinox.conv", "(out, in/groups, *k)"),
    Layout("equinox.conv_transpose", "(out, in/groups, *k)"),
    Layout("equinox.embedding", "(in, out)", active_inputs=1),
    Layout("keras.dense", "(in, out)"),
    Layout("keras.conv", "(*k, in/groups, out)"),
    Layout("keras.conv_transpose", "(*k, out, in)"),
    Layout("keras.depthwise", "(*k, batch, out)"),  # out: the multiplier
    Layout("keras.attention_in", "(in, out, out)"),
    Layout("keras.attention_out", "(in, in, out)"),
    Layout("keras.embedding", "(in, out)", active_inputs=1),
)

#: Every layout by its name.
#:
#: :meta hide-value:
LAYOUTS: Mapping[str, Layout] = FrozenMapping({row.name: row for row in _ROWS})
_NAMES = Names("layout", _ROWS)


class Fans(NamedTuple):
    """The fans of a weight: fan_in inputs feed each output, each input feeds fan_out outputs.

    Attributes
    ----------
    fan_in : int
        The number of inputs that feed an output.
    fan_out : int
        The number of outputs that an input feeds.

    Examples
    --------
    >>> import irwinhall
    >>> irwinhall.fans((3, 4)) == irwinhall.Fans(fan_in=3, fan_out=4)
    True
    """

    fan_in: int
    fan_out: int


class WeightOptions(TypedDict, total=False):
    """The keyword arguments of `Weight.of` that describe the axes of a weight.

    Examples
    --------
    >>> from irwinhall import layouts
    >>> layouts.WeightOptions(layout="flax.dense", parts=3)
    {'layout': 'flax.dense', 'parts': 3}
    """

    in_axis: Axes
    out_axis: Axes
    batch_axis: Axes
    groups: SupportsIndex
    layout: str | Weight | None
    parts: SupportsIndex
    stacked: SupportsIndex


@dataclass(frozen=True)
class Weight:
    """The shape of a layer's weight and the roles of its axes, made and checked by `Weight.of`.

    Attributes
    ----------
    shape : tuple of int
        The stored shape.
    logical_shape : tuple of int
        The same, but with an axis along which weights are fused split in two: the number of parts
        and the size of each. The axes below refer to it.
    in_axes, out_axes, batch_axes : tuple of int
        The axes of inputs, of outputs and of stacked independent weights, counted from 0. All
        others are the receptive field.
    groups : int
        Groups of a convolution.
    active_inputs : int or None
        The number of inputs that are nonzero at a time; None for all.
    split : int or None
        The stored axis that is split in two; None if `logical_shape` is `shape`.
    unknown : str
        Why the default axes give no fans for the shape; empty if they do.

    Examples
    --------
    >>> from irwinhall.layouts import Weight
    >>> packed = Weight.of((1536, 512), layout="torch.linear", parts=3)  # query, key and value
    >>> packed.logical_shape, packed.batch_axes, packed.fans
    ((3, 512, 512), (0,), Fans(fan_in=512, fan_out=512))
    """

    shape: tuple[int, ...]
    logical_shape: tuple[int, ...]
    in_axes: tuple[int, ...]
    out_axes: tuple[int, ...]
    batch_axes: tuple[int, ...]
    groups: int = 1
    active_inputs: int | None = None
    split: int | None = None
    unknown: str = ""

    @staticmethod
    def of(
        shape: object,
        *,
        in_axis: Axes = -2,
        out_axis: Axes = -1,
        batch_axis: Axes = (),
        groups: SupportsIndex = 1,
        layout: str | Weight | None = None,
        parts: SupportsIndex = 1,
        stacked: SupportsIndex = 0,
        active_inputs: SupportsIndex | None = None,
    ) -> Weight:
        """Return the weight of a shape, described by its axes or by a layout.

        Parameters
        ----------
        shape : int or sequence of int
            Shape of the whole weight as stored.
        in_axis, out_axis, batch_axis
            As for `irwinhall.fans`; not with a layout.
        groups : int
            Groups of a convolution.
        layout : str or Weight, optional
            In place of axes: a name of `LAYOUTS`, or a weight of this shape, which determines
            everything but the active inputs.
        parts : int
            With a layout, how many weights of equal size are fused along the out axis: 3 for query,
            key and value in one, 2 for gate and up, 4 for the gates of an LSTM. Each part has its
            own fans, and its own matrix under orthogonal schemes.
        stacked : int
            With a layout, how many leading axes only stack weights, such as experts or scanned
            layers.
        active_inputs : int, optional
            How many inputs are nonzero at a time; default the layout's own, 1 for embeddings.

        Returns
        -------
        Weight

        Raises
        ------
        TypeError, ValueError
            If an argument is not as described; the message names it.

        Notes
        -----
        Parts, and the groups of PyTorch's transposed convolutions, become a batch axis: the axis
        that holds them is split in two. Element i of the split weight is element i of the stored
        one, in C order.

        Examples
        --------
        >>> from irwinhall.layouts import Weight
        >>> Weight.of((64, 8, 4, 4), layout="torch.conv_transpose", groups=4).logical_shape
        (4, 16, 8, 4, 4)
        >>> Weight.of((64, 16, 3, 3), in_axis=1, out_axis=0, groups=4).fans
        Fans(fan_in=144, fan_out=144)
        """
        return weight_of(
            checked_shape(shape),
            in_axis,
            out_axis,
            batch_axis,
            groups,
            layout,
            parts,
            stacked,
            active_inputs,
        )

    @cached_property
    def fans(self) -> Fans:
        """The fan_in and fan_out of one part, group and stacked weight.

        Raises
        ------
        ValueError
            If a fan is 0, which only weights without elements have, or the axes are not known.

        Examples
        --------
        >>> from irwinhall.layouts import Weight
        >>> Weight.of((1536, 512), layout="torch.linear", parts=3).fans
        Fans(fan_in=512, fan_out=512)
        """
        if self.unknown:
            raise ValueError(f"fan_in and fan_out need in and out axes: {self.unknown}")
        field = prod([self.logical_shape[axis] for axis in self.field_axes])
        result = Fans(self.inputs * field, self.outputs_of_group * field)
        if 0 in result:
            raise ValueError(
                f"shape must give fans of at least 1, got {shown(self.shape)} with fan_in "
                f"{shown(result.fan_in)} and fan_out {shown(result.fan_out)}"
            )
        if self.active_inputs is None:
            return result
        return Fans(self.active_inputs * field, result.fan_out)

    @property
    def inputs(self) -> int:
        """The number of inputs, of one group."""
        return prod(self.sizes(self.in_axes))

    @property
    def outputs_of_group(self) -> int:
        """The number of outputs of one group."""
        return prod(self.sizes(self.out_axes)) // self.groups

    @property
    def field_axes(self) -> tuple[int, ...]:
        """The axes of the receptive field."""
        known = {*self.in_axes, *self.out_axes, *self.batch_axes}
        return tuple([axis for axis in range(len(self.logical_shape)) if axis not in known])

    def sizes(self, axes: tuple[int, ...]) -> tuple[int, ...]:
        """Return the lengths of some axes."""
        return tuple([self.logical_shape[axis] for axis in axes])

    def with_active_inputs(self, active_inputs: SupportsIndex) -> Weight:
        """Return the weight with another number of active inputs."""
        active = checked_count("active_inputs", active_inputs, 1)
        if not self.unknown and active > self.inputs:
            raise ValueError(
                f"active_inputs must be at most the {shown(self.inputs)} inputs, "
                f"got {shown(active)}"
            )
        return self if active == self.active_inputs else replace(self, active_inputs=active)

    def divisible_region(self, region: Region | None) -> tuple[slice, ...]:
        """Return the smallest region that contains a region and no matrix only in part.

        A matrix spans all axes but those of the batch, and one part of a split axis.
        """
        start, count = checked_region(region, self.shape)
        if 0 in count:
            return slices(start, count)
        widened = []
        for axis, (low, length) in enumerate(zip(start, count, strict=True)):
            place = axis + (self.split is not None and axis > self.split)
            if place in self.batch_axes:
                size = self.logical_shape[axis + 1] if axis == self.split else 1
                widened.append(slice(low // size * size, -(-(low + length) // size) * size))
            else:
                widened.append(slice(0, self.shape[axis]))
        return tuple(widened)

    def logical_regions(
        self, start: tuple[int, ...], count: tuple[int, ...]
    ) -> Iterator[tuple[tuple[slice, ...], tuple[slice, ...]]]:
        """Yield regions of the logical shape that make up a region of the stored weight.

        Each comes with its slices in the stored region, whose elements, reshaped, are those of the
        logical region.
        """
        region = slices(start, count)
        axis = self.split
        if axis is None:
            yield (slice(None),) * len(region), region
            return
        done = 0
        for parts, part in _cuts(
            start[axis], start[axis] + count[axis], self.logical_shape[axis + 1]
        ):
            length = (parts.stop - parts.start) * (part.stop - part.start)
            where = (*[slice(None)] * axis, slice(done, done + length))
            done += length
            yield where, (*region[:axis], parts, part, *region[axis + 1 :])


def fans(
    shape: object,
    *,
    in_axis: Axes = -2,
    out_axis: Axes = -1,
    batch_axis: Axes = (),
    groups: SupportsIndex = 1,
    layout: str | Weight | None = None,
    parts: SupportsIndex = 1,
    stacked: SupportsIndex = 0,
    active_inputs: SupportsIndex | None = None,
) -> Fans:
    """Return the fan_in and fan_out of a weight.

    ::

        fan_in  = in sizes * receptive field
        fan_out = out sizes * receptive field / groups

    The receptive field is the product of all axes that are neither in, out nor batch. Strides,
    dilation and padding do not count, as in all frameworks.

    Parameters
    ----------
    shape : int or sequence of int
        Shape of the whole weight; both fans must be at least 1.
    in_axis, out_axis : int or sequence of int
        Axes that hold the inputs and the outputs, counted from the end if negative; () for none.
        The default is (..., in, out), the layout of JAX and Keras.
    batch_axis : int or sequence of int
        Axes that only stack independent weights, such as experts; they are left out of both fans.
    groups : int
        Number of groups of a convolution. The in axis holds the inputs of one group, the out axis
        the outputs of all groups, as every framework stores it: each output has in/groups inputs,
        and each input has out/groups outputs. It must divide the out size.
    layout, parts, stacked
        In place of axes, as for `irwinhall.layouts.Weight.of`: the name of a layout, how many
        weights are fused along its out axis, how many leading axes stack weights.
    active_inputs : int, optional
        How many inputs are nonzero at a time; fan_in counts only these. Default: all, or the
        layout's own number, 1 for embeddings.

    Returns
    -------
    Fans
        Named tuple (fan_in, fan_out) of int.

    Raises
    ------
    TypeError
        If shape, an axis or groups is not made of integers (bool is not accepted).
    ValueError
        If a size is negative, an axis does not exist or is named twice, a fan is 0, or groups is
        less than 1 or does not divide the out size.

    See Also
    --------
    irwinhall.sample_weights : Weights sized by these fans.
    irwinhall.layouts.LAYOUTS : How frameworks store weights.

    Notes
    -----
    =============================  ========================  ======================================
    weight                         stored as                 axes
    =============================  ========================  ======================================
    PyTorch Linear, Conv           ``(out, in/groups, *k)``  in_axis=1, out_axis=0, groups=groups
    PyTorch ConvTranspose          ``(in, out, *k)``         in_axis=0, out_axis=1
    JAX, Flax, Keras Dense, Conv   ``(*k, in/groups, out)``  groups=groups
    Keras transposed Conv          ``(*k, out, in)``         in_axis=-1, out_axis=-2
    Keras DepthwiseConv            ``(*k, in, multiplier)``  in_axis=(), batch_axis=-2
    stacked experts                ``(experts, in, out)``    batch_axis=0
    attention, query by heads      ``(in, heads, size)``     in_axis=0, out_axis=(1, 2)
    attention, output from heads   ``(heads, size, out)``    in_axis=(0, 1), out_axis=2
    =============================  ========================  ======================================

    For a transposed convolution exchange the axes, as above. With groups, its in axis holds all
    inputs and its out axis the outputs of one group, which axes do not describe: use
    ``layout="torch.conv_transpose"``.

    For fused weights (query, key and value in one, or gate and up) name a layout and `parts`. For
    shards give the shape of the whole weight, not that of the shard.

    Examples
    --------
    >>> import irwinhall
    >>> irwinhall.fans((784, 256))
    Fans(fan_in=784, fan_out=256)
    >>> irwinhall.fans((128, 16, 3, 3), in_axis=1, out_axis=0, groups=4)  # 64 inputs, PyTorch
    Fans(fan_in=144, fan_out=288)
    >>> irwinhall.fans((8, 512, 256), batch_axis=0)  # 8 experts
    Fans(fan_in=512, fan_out=256)
    >>> irwinhall.fans((1536, 512), layout="torch.linear", parts=3)  # query, key and value
    Fans(fan_in=512, fan_out=512)
    """
    weight = weight_of(
        plain_shape(shape),
        in_axis,
        out_axis,
        batch_axis,
        groups,
        layout,
        parts,
        stacked,
        active_inputs,
    )
    return weight.fans


def slices(start: tuple[int, ...], count: tuple[int, ...]) -> tuple[slice, ...]:
    """Return a region as slices."""
    return tuple([slice(low, low + length) for low, length in zip(start, count, strict=True)])


def relative_region(outer: tuple[slice, ...], inner: tuple[slice, ...]) -> tuple[slice, ...]:
    """Return a region relative to one that contains it."""
    pairs = zip(outer, inner, strict=True)
    return tuple([slice(b.start - a.start, b.stop - a.start) for a, b in pairs])


# ---- making a weight -----------------------------------------------------------------------------

_AXES = ("in_axis", "out_axis", "batch_axis")
_DEFAULT_AXES = ((-2,), (-1,), ())
_DEFAULT_COUNTS = {"groups": 1, "parts": 1, "stacked": 0}


def weight_of(
    shape: tuple[int, ...],
    in_axis: Axes,
    out_axis: Axes,
    batch_axis: Axes,
    groups: SupportsIndex,
    layout: str | Weight | None,
    parts: SupportsIndex,
    stacked: SupportsIndex,
    active_inputs: SupportsIndex | None,
) -> Weight:
    """Return the weight of a checked shape; the other arguments are those of `Weight.of`."""
    if layout is not None and type(layout) is not str:
        if isinstance(layout, Weight):
            _checked_options(in_axis, out_axis, batch_axis, groups, layout, parts, stacked)
            if layout.shape != shape:
                raise ValueError(
                    f"layout must be a Weight of shape {shape}, got one of {layout.shape}"
                )
            return layout if active_inputs is None else layout.with_active_inputs(active_inputs)
        layout = _layout(layout).name
    # Most calls pass plain integers. Nothing else reaches the cache, where True and 1.0 equal 1.
    if type(in_axis) is not int:
        in_axis = checked_axes("in_axis", in_axis)
    if type(out_axis) is not int:
        out_axis = checked_axes("out_axis", out_axis)
    if type(batch_axis) is not int and (type(batch_axis) is not tuple or batch_axis):
        batch_axis = checked_axes("batch_axis", batch_axis)
    if not type(groups) is type(parts) is type(stacked) is int:
        groups = checked_count("groups", groups, 1)
        parts = checked_count("parts", parts, 1)
        stacked = checked_count("stacked", stacked, 0)
    weight = _weight_of(shape, in_axis, out_axis, batch_axis, groups, layout, parts, stacked)
    return weight if active_inputs is None else weight.with_active_inputs(active_inputs)


def plain_options(options: WeightOptions) -> dict[str, Any]:
    """Return options as plain values without defaults, so that equivalent options are equal.

    Raises what `Weight.of` would raise for every shape.
    """
    check_names(options)
    plain: dict[str, Any] = dict(options)
    plain.update(zip(_AXES, _checked_options(**options), strict=True))
    plain.update((name, index(plain[name])) for name in _DEFAULT_COUNTS if name in plain)
    default = {**dict(zip(_AXES, _DEFAULT_AXES, strict=True)), **_DEFAULT_COUNTS, "layout": None}
    return {name: value for name, value in plain.items() if value != default[name]}


def check_names(options: WeightOptions) -> None:
    """Raise TypeError for unknown options."""
    unknown = set(options) - set(WeightOptions.__annotations__)
    if unknown:
        raise TypeError(
            f"arguments must be among {', '.join(WeightOptions.__annotations__)}, "
            f"got {', '.join(sorted(unknown))}"
        )


def _checked_options(
    in_axis: Axes = -2,
    out_axis: Axes = -1,
    batch_axis: Axes = (),
    groups: SupportsIndex = 1,
    layout: str | Weight | None = None,
    parts: SupportsIndex = 1,
    stacked: SupportsIndex = 0,
) -> tuple[tuple[int, ...], ...]:
    """Return the axes as tuples; check the other options, as far as that needs no shape."""
    axes = tuple(
        checked_axes(name, given)
        for name, given in zip(_AXES, (in_axis, out_axis, batch_axis), strict=True)
    )
    counts = {
        "groups": checked_count("groups", groups, 1),
        "parts": checked_count("parts", parts, 1),
        "stacked": checked_count("stacked", stacked, 0),
    }
    given = {name: value for name, value in counts.items() if value != _DEFAULT_COUNTS[name]}
    if layout is None:
        for name in ("parts", "stacked"):
            if name in given:
                raise TypeError(f"{name} must come with a layout, got {shown(given[name])}")
        return axes
    named: dict[str, object] = {
        name: value
        for name, value, default in zip(_AXES, axes, _DEFAULT_AXES, strict=True)
        if value != default
    }
    what = "layout"
    if isinstance(layout, Weight):  # which determines everything
        named, what = {**named, **given}, "Weight"
    else:
        _layout(layout)
    for name, value in named.items():
        raise TypeError(f"{name} must be left out with a {what}, got {shown(value)}")
    return axes


@lru_cache(maxsize=1024)  # a model has few shapes
def _weight_of(
    shape: tuple[int, ...],
    in_axis: Axes,
    out_axis: Axes,
    batch_axis: Axes,
    groups: int,
    layout: str | None,
    parts: int,
    stacked: int,
) -> Weight:
    axes = _checked_options(in_axis, out_axis, batch_axis, groups, layout, parts, stacked)
    if layout is not None:
        return _by_layout(shape, _layout(layout), groups, parts, stacked)
    return _by_axes(shape, axes, groups)


def _by_axes(shape: tuple[int, ...], named: tuple[tuple[int, ...], ...], groups: int) -> Weight:
    """Return the weight of a shape and its axes.

    Default axes may be missing: a bias has none of them, and no fans.
    """
    roles: dict[int, str] = {}
    found: dict[str, tuple[int, ...]] = dict.fromkeys(_AXES, ())
    unknown = ""
    dimensions = len(shape)
    # The axes that the caller names come first, so that a default gives way to them.
    order = sorted(range(3), key=lambda i: named[i] == _DEFAULT_AXES[i])
    for name, axes, default in ((_AXES[i], named[i], _DEFAULT_AXES[i]) for i in order):
        resolved = []
        for axis in axes:
            if -dimensions <= axis < dimensions:
                resolved.append(axis % dimensions)
                continue
            if axes != default:
                raise ValueError(
                    f"{name} must name an axis of shape, got {shown(axis)} for the {dimensions}-D "
                    f"shape {shown(shape)}" + ("; () names none" if dimensions < 2 else "")
                )
            unknown = (
                f"a {dimensions}-D shape has neither, unless in_axis and out_axis say what its "
                f"axes hold, got shape {shown(shape)}"
            )
        for axis in resolved:
            if axis in roles:
                problem = (
                    "in_axis, out_axis and batch_axis must name each axis of shape once, got axis "
                    f"{axis} in " + (f"{name} twice" if roles[axis] == name else "")
                )
                if roles[axis] != name:
                    first, second = sorted((roles[axis], name), key=_AXES.index)
                    problem += f"{first} and in {second}"
                if axes != default:
                    raise ValueError(problem)
                unknown = unknown or problem
            roles[axis] = name
        found[name] = tuple(resolved)
    ins, outs, batches = found.values()
    weight = Weight(shape, shape, ins, outs, batches, groups, unknown=unknown)
    if outs or named[1] != _DEFAULT_AXES[1]:
        _check_groups(weight)
    return weight


def _by_layout(
    shape: tuple[int, ...], row: Layout, groups: int, parts: int, stacked: int
) -> Weight:
    roles = _roles(row, shape, stacked)
    if groups > 1 and "/groups" not in row.stored:
        raise ValueError(f"groups must be 1 for {row.name}, which has none, got {shown(groups)}")
    if groups > 1 and parts > 1:
        raise ValueError(f"parts must be 1 for a weight with groups, got {shown(parts)}")
    split, pieces, what = None, 1, ""
    if parts > 1:
        if roles.count("out") > 1:
            raise ValueError(
                f"parts must be 1 for {row.name}, which has two out axes, got {shown(parts)}"
            )
        split, pieces, what = roles.index("out"), parts, "parts"
    elif groups > 1 and "out/groups" in row.stored:
        split, pieces, what = roles.index("in"), groups, "groups"
        groups = 1
    logical = shape
    if split is not None:
        size = shape[split]
        if size % pieces:
            raise ValueError(
                f"{what} must divide axis {split} of {shown(shape)}, got {shown(pieces)} {what} "
                f"of {shown(size)}"
            )
        logical = (*shape[:split], pieces, size // pieces, *shape[split + 1 :])
        roles.insert(split, "batch")
    ins, outs, batches = (
        tuple(axis for axis, named in enumerate(roles) if named == role)
        for role in ("in", "out", "batch")
    )
    weight = Weight(shape, logical, ins, outs, batches, groups, row.active_inputs, split)
    _check_groups(weight)
    return weight


def _check_groups(weight: Weight) -> None:
    outputs = prod(weight.sizes(weight.out_axes))
    if outputs % weight.groups:
        raise ValueError(
            f"groups must divide the size of out_axis, got {shown(weight.groups)} groups of "
            f"{shown(outputs)} outputs"
        )


def _cuts(begin: int, end: int, size: int) -> Iterator[tuple[slice, slice]]:
    """Yield (parts, range within each): the end of a part, whole parts, the beginning of one."""
    if begin == end:
        yield slice(0, 0), slice(0, 0)
    while begin < end:
        part, first = divmod(begin, size)
        whole = (end - begin) // size if first == 0 else 0
        last = size if whole else min(first + end - begin, size)
        yield slice(part, part + max(whole, 1)), slice(first, last)
        begin += max(whole, 1) * (last - first)


def _layout(name: object) -> Layout:
    if not isinstance(name, str):
        raise TypeError(
            f"layout must be a string or a Weight, got {name!r} ({type(name).__name__})"
        )
    return LAYOUTS[name] if name in LAYOUTS else _NAMES.find(name)


def _roles(row: Layout, shape: tuple[int, ...], stacked: int) -> list[str]:
    """Return the role of each axis of a stored weight."""
    named = [axis.split("/")[0] for axis in row.stored.strip("()").split(", ")]
    kernel = len(shape) - stacked - (len(named) - 1)
    if "*k" in named:
        place = named.index("*k")
        named[place : place + 1] = ["*k"] * kernel
    if kernel < 1 or len(named) != len(shape) - stacked:
        behind = f" after {shown(stacked)} stacked axes" if stacked else ""
        raise ValueError(f"shape must be {row.stored}{behind} for {row.name}, got {shown(shape)}")
    return ["batch"] * stacked + named
