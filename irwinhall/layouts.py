"""How frameworks store weights: the one place that knows which axis is which.

`LAYOUTS` has a row for every kind of layer. `view` turns a stored weight into the shape and axes
that `irwinhall.fans` and `irwinhall.sample_weights` take, and `fans` and `sample_weights` here do
so on the way. Adding a layer is adding a row. The adapters take a layout or axes, `Where`, and
read both by `described`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, SupportsIndex, TypedDict, Unpack

import numpy as np

from irwinhall import schemes
from irwinhall._arguments import Region, Shape, checked_count, checked_region, checked_shape
from irwinhall.fans import Axes, Fans, axis_roles, plain_axes
from irwinhall.fans import fans as fans_of_axes
from irwinhall.schemes import Gain, Scheme
from irwinhall.stream import Seed, Stream, element_type, writable_array

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

__all__ = ["LAYOUTS", "Layout", "View", "Where", "described", "fans", "sample_weights", "view"]


class Layout(NamedTuple):
    """A row of `LAYOUTS`.

    Attributes
    ----------
    name : str
        Framework and kind of layer.
    stored : str
        The axes of a weight: "in" and "out", "batch" for independent weights side by side, "*k" for
        the kernel. The one that "/groups" stands behind holds only one group's.
    active_inputs : int or None
        How many inputs are not 0 at a time, if the layer itself knows: 1 for embeddings.

    Examples
    --------
    >>> from irwinhall import layouts
    >>> layouts.LAYOUTS["torch.conv"].stored
    '(out, in/groups, *k)'
    """

    name: str
    stored: str
    active_inputs: int | None = None


class View(NamedTuple):
    """A stored weight as `irwinhall.fans` and `irwinhall.sample_weights` see it.

    Attributes
    ----------
    shape : tuple of int
        Its shape, which is the stored one but for one axis that may be split in two: the same
        elements in the same order.
    in_axis, out_axis, batch_axis : tuple of int
        What its axes mean.
    groups : int
        Groups of a convolution.
    active_inputs : int or None
        As `Layout` says.
    split : int or None
        Which stored axis is split in two; None if `shape` is the stored one.

    Examples
    --------
    >>> from irwinhall import layouts
    >>> layouts.view((64, 8, 4, 4), "torch.conv_transpose", groups=4).shape
    (4, 16, 8, 4, 4)
    """

    shape: tuple[int, ...]
    in_axis: tuple[int, ...]
    out_axis: tuple[int, ...]
    batch_axis: tuple[int, ...]
    groups: int = 1
    active_inputs: int | None = None
    split: int | None = None

    @property
    def axes(self) -> dict[str, Any]:
        """The keyword arguments of `irwinhall.fans` that describe the shape."""
        return {
            "in_axis": self.in_axis,
            "out_axis": self.out_axis,
            "batch_axis": self.batch_axis,
            "groups": self.groups,
        }


class Where(TypedDict, total=False):
    """Keyword arguments that say which axis of a weight is which.

    Either the axes, as for `irwinhall.fans`, or the name of a layout, as for `view`.

    Examples
    --------
    >>> from irwinhall import layouts
    >>> layouts.Where(layout="flax.dense", parts=3)
    {'layout': 'flax.dense', 'parts': 3}
    """

    in_axis: Axes
    out_axis: Axes
    batch_axis: Axes
    groups: SupportsIndex
    layout: str
    parts: SupportsIndex
    stacked: SupportsIndex


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

LAYOUTS: Mapping[str, Layout] = MappingProxyType({row.name: row for row in _ROWS})


def view(
    shape: Shape,
    layout: str,
    *,
    groups: SupportsIndex = 1,
    parts: SupportsIndex = 1,
    stacked: SupportsIndex = 0,
) -> View:
    """Return the shape and axes by which to read a weight that a framework stores.

    Parameters
    ----------
    shape : sequence of int
        Shape of the whole weight, as the framework stores it.
    layout : str
        A name of `LAYOUTS`.
    groups : int
        Groups of the convolution.
    parts : int
        How many weights of equal size are fused along the out axis: 3 for query, key and value in
        one, 2 for gate and up, 4 for the gates of an LSTM. Each part has its own fans, and its own
        matrix under orthogonal schemes.
    stacked : int
        How many leading axes only stack weights, such as experts or scanned layers.

    Returns
    -------
    View

    Raises
    ------
    TypeError, ValueError
        If there is no such layout, or shape does not fit it; if groups or parts do not divide what
        they must, or the layout has no groups.

    Notes
    -----
    Parts, and the groups of PyTorch's transposed convolutions, become a batch axis: the axis that
    holds them is split in two. Element i of the view is element i of the weight, in C order.

    Examples
    --------
    >>> import irwinhall
    >>> from irwinhall import layouts
    >>> packed = layouts.view((1536, 512), "torch.linear", parts=3)  # query, key and value
    >>> packed.shape, irwinhall.fans(packed.shape, **packed.axes)
    ((3, 512, 512), Fans(fan_in=512, fan_out=512))
    """
    row = _row(layout)
    whole = checked_shape(shape)
    groups = checked_count("groups", groups, 1)
    parts = checked_count("parts", parts, 1)
    stacked = checked_count("stacked", stacked, 0)
    roles = _roles(row, whole, stacked)
    if groups > 1 and "/groups" not in row.stored:
        raise ValueError(f"groups must be 1 for {layout}, which has none, got {groups}")
    if groups > 1 and parts > 1:
        raise ValueError(f"parts must be 1 for a weight with groups, got {parts}")
    split, pieces, what = None, 1, ""
    if parts > 1:
        if roles.count("out") > 1:
            raise ValueError(f"parts must be 1 for {layout}, which has two out axes, got {parts}")
        split, pieces, what = roles.index("out"), parts, "parts"
    elif groups > 1 and "out/groups" in row.stored:
        split, pieces, what = roles.index("in"), groups, "groups"
        groups = 1
    if split is not None:
        size = whole[split]
        if size % pieces:
            raise ValueError(
                f"{what} must divide axis {split} of {whole}, got {pieces} {what} of {size}"
            )
        whole = (*whole[:split], pieces, size // pieces, *whole[split + 1 :])
        roles.insert(split, "batch")

    def axes(role: str) -> tuple[int, ...]:
        return tuple(axis for axis, named in enumerate(roles) if named == role)

    return View(whole, axes("in"), axes("out"), axes("batch"), groups, row.active_inputs, split)


def described(shape: Shape, **where: Unpack[Where]) -> View:
    """Return the shape and axes by which to read a weight, from axes or from a layout.

    Parameters
    ----------
    shape : sequence of int
        Shape of the whole weight.
    **where
        in_axis, out_axis, batch_axis and groups, with the defaults of `irwinhall.fans`; or layout,
        groups, parts and stacked, as for `view`.

    Returns
    -------
    View

    Raises
    ------
    TypeError
        If axes are given beside a layout, parts or stacked without one, or anything else.
    ValueError
        As for `view`.

    Examples
    --------
    >>> from irwinhall import layouts
    >>> layouts.described((64, 16, 3, 3), in_axis=1, out_axis=0, groups=4).groups
    4
    >>> layouts.described((64, 16, 3, 3), layout="torch.conv", groups=4).in_axis
    (1,)
    """
    check_where(where)
    groups = where.get("groups", 1)
    if where.get("layout") is not None:
        parts, stacked = where.get("parts", 1), where.get("stacked", 0)
        return view(shape, where["layout"], groups=groups, parts=parts, stacked=stacked)
    return View(
        checked_shape(shape),
        plain_axes("in_axis", where.get("in_axis", -2)),
        plain_axes("out_axis", where.get("out_axis", -1)),
        plain_axes("batch_axis", where.get("batch_axis", ())),
        checked_count("groups", groups, 1),
    )


def check_where(where: Mapping[str, object]) -> None:
    """Refuse keyword arguments that `described` would refuse for any shape."""
    unknown = set(where) - set(Where.__annotations__)
    if unknown:
        raise TypeError(
            f"arguments must be among {', '.join(Where.__annotations__)}, "
            f"got {', '.join(sorted(unknown))}"
        )
    by_layout = where.get("layout") is not None
    if by_layout:
        _row(where["layout"])
    other = ("in_axis", "out_axis", "batch_axis") if by_layout else ("parts", "stacked")
    given = [name for name in other if name in where]
    if given:
        rule = "be left out with a layout" if by_layout else "come with a layout"
        raise TypeError(f"{given[0]} must {rule}, got {where[given[0]]!r}")


def fans(
    shape: Shape,
    layout: str,
    *,
    groups: SupportsIndex = 1,
    parts: SupportsIndex = 1,
    stacked: SupportsIndex = 0,
) -> Fans:
    """Return the fan_in and fan_out of a weight that a framework stores.

    Parameters
    ----------
    shape, layout, groups, parts, stacked
        As for `view`.

    Returns
    -------
    Fans
        Those of one part, one group and one of the stacked weights. fan_in of an embedding is 1:
        what it looks up is one row.

    Raises
    ------
    TypeError, ValueError
        As for `view`, and if a fan is 0.

    Examples
    --------
    >>> from irwinhall import layouts
    >>> layouts.fans((64, 1, 3, 3), "torch.conv", groups=64)  # depthwise
    Fans(fan_in=9, fan_out=9)
    >>> layouts.fans((4, 4, 32, 64), "keras.conv_transpose")
    Fans(fan_in=1024, fan_out=512)
    >>> layouts.fans((8, 512, 256), "flax.dense", stacked=1)  # 8 experts
    Fans(fan_in=512, fan_out=256)
    """
    seen = view(shape, layout, groups=groups, parts=parts, stacked=stacked)
    result = fans_of_axes(seen.shape, **seen.axes)
    return result if seen.active_inputs is None else Fans(seen.active_inputs, result.fan_out)


def sample_weights(
    shape: Shape,
    scheme: str | Scheme = "letkeman",
    *,
    layout: str | View,
    rng: Seed | Stream = None,
    name: str = "",
    groups: SupportsIndex = 1,
    parts: SupportsIndex = 1,
    stacked: SupportsIndex = 0,
    active_inputs: SupportsIndex | None = None,
    gain: Gain = None,
    dtype: DTypeLike | None = None,
    out: Any = None,
    region: Region | None = None,
    threads: int | None = None,
) -> Any:
    """Return random weights of a layer as a framework stores them, sized by a scheme.

    `irwinhall.sample_weights`, with the name of a layout in place of axes.

    Parameters
    ----------
    shape : sequence of int
        Shape of the whole weight, as the framework stores it, even when only a region is wanted.
    scheme, rng, name, gain, dtype, threads
        As for `irwinhall.sample_weights`.
    layout : str or View
        A name of `LAYOUTS`, or what `view` made of this shape; groups, parts and stacked are then
        not read.
    groups, parts, stacked
        As for `view`.
    active_inputs : int, optional
        As for `irwinhall.sample_weights`; default the layout's own: 1 for embeddings under schemes
        that read fans.
    out, region
        As for `irwinhall.sample_weights`, in terms of the stored shape.

    Returns
    -------
    ndarray
        A new array, or out. Element i is that of ``irwinhall.sample_weights(view.shape,
        **view.axes, ...)``.

    Raises
    ------
    TypeError, ValueError
        As for `irwinhall.sample_weights` and `view`.

    Examples
    --------
    >>> from irwinhall import layouts
    >>> weights = layouts.sample_weights(
    ...     (1536, 512), "xavier_normal", layout="torch.linear", parts=3, rng=1, name="qkv.weight"
    ... )
    >>> round(float(weights.std()), 4), round((2 / (512 + 512)) ** 0.5, 4)
    (0.0442, 0.0442)
    """
    row = schemes.row_of(scheme)
    if isinstance(layout, View):
        seen = layout
    else:
        seen = view(shape, layout, groups=groups, parts=parts, stacked=stacked)
    if active_inputs is None and callable(row.rule):
        active_inputs = seen.active_inputs
    arguments = {
        **seen.axes,
        "name": name,
        "active_inputs": active_inputs,
        "gain": gain,
        "threads": threads,
    }
    if seen.split is None:
        return schemes.sample_weights(
            seen.shape, row, rng=rng, dtype=dtype, out=out, region=region, **arguments
        )
    # A Generator gives its seed once, and None makes one.
    stream = rng if isinstance(rng, Stream) else Stream(rng)
    start, count = checked_region(region, checked_shape(shape))
    buffer = None if out is None else writable_array(out)
    element = element_type(dtype, None if buffer is None else buffer.dtype)[1]
    if buffer is None:
        buffer = np.empty(count, dtype=element)
    elif buffer.shape != count:
        raise ValueError(f"out must have shape {count}, got {buffer.shape}")
    for where, there in _pieces(seen, start, count):
        # Splitting an axis never copies.
        piece = buffer[where].reshape([part.stop - part.start for part in there])
        schemes.sample_weights(
            seen.shape, row, rng=stream, dtype=dtype, out=piece, region=there, **arguments
        )
    return buffer if out is None else out


def whole_matrices(
    scheme: str | Scheme, seen: View, shape: tuple[int, ...], region: Region
) -> tuple[slice, ...]:
    """Return the least region that no orthogonal matrix reaches out of.

    What a scheme draws element by element can be made anywhere; an orthogonal matrix is made
    whole. A program that cuts weights into pieces makes each of these regions once.
    """
    row = schemes.row_of(scheme)
    start, count = checked_region(region, shape)
    if row.law not in ("orthogonal", "delta_orthogonal") or 0 in count:
        return tuple(slice(low, low + length) for low, length in zip(start, count, strict=True))
    roles = axis_roles({"batch_axis": seen.batch_axis}, seen.shape)
    widened = []
    for axis, (low, length) in enumerate(zip(start, count, strict=True)):
        place = axis + (seen.split is not None and axis > seen.split)
        size = 1  # in stored steps, of one place along the batch axis
        if axis == seen.split:
            size = seen.shape[axis + 1]
        if place in roles:
            widened.append(slice(low // size * size, -(-(low + length) // size) * size))
        else:
            widened.append(slice(0, shape[axis]))
    return tuple(widened)


def inside(outer: Iterable[slice], inner: Iterable[slice]) -> tuple[slice, ...]:
    """Return where in a region another one lies that is part of it."""
    pairs = zip(outer, inner, strict=True)
    return tuple(slice(b.start - a.start, b.stop - a.start) for a, b in pairs)


def _pieces(
    seen: View, start: tuple[int, ...], count: tuple[int, ...]
) -> Iterator[tuple[tuple[slice, ...], tuple[slice, ...]]]:
    """Yield slices of a region of the stored weight, and where each stands in the view."""
    axis = seen.split
    assert axis is not None
    inside = [slice(first, first + length) for first, length in zip(start, count, strict=True)]
    done = 0
    for parts, part in _cuts(start[axis], start[axis] + count[axis], seen.shape[axis + 1]):
        length = (parts.stop - parts.start) * (part.stop - part.start)
        where = (*[slice(None)] * axis, slice(done, done + length))
        done += length
        yield where, (*inside[:axis], parts, part, *inside[axis + 1 :])


def _cuts(begin: int, end: int, size: int) -> Iterator[tuple[slice, slice]]:
    """Yield which parts of a size, and what of them: the end of one, whole ones, a beginning."""
    if begin == end:
        yield slice(0, 0), slice(0, 0)
    while begin < end:
        part, first = divmod(begin, size)
        whole = (end - begin) // size if first == 0 else 0
        last = size if whole else min(first + end - begin, size)
        yield slice(part, part + max(whole, 1)), slice(first, last)
        begin += max(whole, 1) * (last - first)


def _row(name: object) -> Layout:
    if not isinstance(name, str):
        raise TypeError(f"layout must be a string, got {name!r} ({type(name).__name__})")
    row = LAYOUTS.get(name)
    if row is None:
        raise ValueError(f"layout must be one of {', '.join(LAYOUTS)}, got {name!r}")
    return row


def _roles(row: Layout, shape: tuple[int, ...], stacked: int) -> list[str]:
    """Return what each axis of a stored weight is."""
    named = [axis.split("/")[0] for axis in row.stored.strip("()").split(", ")]
    kernel = len(shape) - stacked - (len(named) - 1)
    if "*k" in named:
        place = named.index("*k")
        named[place : place + 1] = ["*k"] * kernel
    if kernel < 1 or len(named) != len(shape) - stacked:
        behind = f" behind {stacked} stacked axes" if stacked else ""
        raise ValueError(f"shape must be {row.stored}{behind} for {row.name}, got {shape}")
    return ["batch"] * stacked + named
