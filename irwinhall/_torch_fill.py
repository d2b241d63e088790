"""Filling PyTorch tensors of any type, strides, device and sharding from our stream.

Tensors in main memory are filled where they are, by the kernels, without a copy. What lives on
another device is made in main memory, piece by piece, and copied there, so that its bits are those
of the CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from math import prod
from typing import Any, NamedTuple, SupportsIndex, TypeAlias

import torch
from numpy.typing import NDArray
from torch._subclasses.fake_tensor import is_fake

from irwinhall import layouts, schemes
from irwinhall._arguments import checked_count
from irwinhall._torch_shards import Places, agreed, is_distributed, local_pieces
from irwinhall.layouts import View
from irwinhall.schemes import Gain, Scheme
from irwinhall.stream import Seed, Stream, overlaps_itself

Key: TypeAlias = "Seed | Stream"

DTYPES = {
    torch.float32: "float32",
    torch.float64: "float64",
    torch.float16: "float16",
    torch.bfloat16: "bfloat16",
}

# How much is made at a time of what cannot be made in place.
PIECE_BYTES = 2**24


class Source(NamedTuple):
    """What a tensor is filled with.

    draw(out, dtype, region, threads) writes a region of the whole weight to an array. adjust, if
    there is one, then changes it in place, in float32 or float64, before it is rounded to a type of
    16 bits. indivisible: a region costs as much as the whole.
    """

    draw: Callable[[NDArray[Any], str, Places, int], object]
    adjust: Callable[[torch.Tensor], object] | None = None
    indivisible: bool = False


def fill_(
    tensor: torch.Tensor,
    scheme: str | Scheme = "letkeman",
    gain: Gain = None,
    generator: torch.Generator | None = None,
    *,
    seed: Key = None,
    name: str = "",
    layout: str | View | None = None,
    groups: SupportsIndex = 1,
    parts: SupportsIndex = 1,
    stacked: SupportsIndex = 0,
    transposed: bool = False,
    active_inputs: SupportsIndex | None = None,
    threads: int | None = None,
) -> torch.Tensor:
    """Fill a tensor with the weights of a scheme, in place, and return it.

    Parameters
    ----------
    tensor : Tensor
        float32, float64, float16 or bfloat16; any strides that do not overlap, any device; a
        parameter, a view of one, or a DTensor, of which the local shard gets its part of the whole.
        Meta tensors and those without elements are left alone.
    scheme : str or Scheme
        A name or alias of `irwinhall.schemes.SCHEMES`, or a row of your own.
    gain : float, str or callable, optional
        As for `irwinhall.sample_weights`: a number, or the activation that the layer reads.
    generator : torch.Generator, optional
        Gives the seed, and is advanced. Default torch's own generator of the CPU, so that
        torch.manual_seed governs.
    seed : int, bytes, Stream, numpy.random.SeedSequence or numpy.random.Generator, optional
        In place of a generator: the weights are then those of
        ``irwinhall.sample_weights(..., rng=seed, name=name)``, bit for bit.
    name : str
        The parameter's qualified name. Parameters of one model share a seed and differ by name.
    layout : str or View, optional
        What the axes mean, as for `irwinhall.layouts.sample_weights`. Default "torch.linear" for
        two axes and "torch.conv" for more.
    groups, parts, stacked : int
        As for `irwinhall.layouts.view`: groups of a convolution, weights fused along the out axis
        (3 for query, key and value in one), leading axes that stack weights (experts).
    transposed : bool
        In place of a layout: the axes are (in, out/groups, *k), as in ConvTranspose.
    active_inputs : int, optional
        As for `irwinhall.sample_weights`.
    threads : int, optional
        The most threads to use; default torch.get_num_threads(). The bits do not depend on it.

    Returns
    -------
    Tensor
        The same tensor.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described; the message names it. The tensor is then untouched.

    Notes
    -----
    A tensor of fewer than 2 dimensions does not show its fans: schemes that read them need a
    `irwinhall.layouts.View` as its layout.

    Examples
    --------
    >>> import torch, irwinhall
    >>> import irwinhall.torch as init
    >>> layer = torch.nn.Linear(784, 256)
    >>> weight = init.fill_(layer.weight, "letkeman", seed=1, name="hidden.weight")
    >>> bool(weight.abs().max() < irwinhall.letkeman_bound(784))
    True
    """
    row = schemes.row_of(scheme)
    check_tensor(tensor)
    check_key(seed, generator)
    if tensor.numel() == 0 or is_kept(tensor):
        return tensor
    shape = tuple(tensor.shape)
    seen = None
    if reads_axes(row) or layout is not None or transposed or (groups, parts, stacked) != (1, 1, 0):
        seen = _view(shape, row, layout, groups, parts, stacked, transposed)
    if not has_values(tensor):
        _check_scale(shape, row, seen, gain, active_inputs, DTYPES[tensor.dtype])
        return tensor
    drawn = row.law not in ("constant", "identity")
    stream = stream_of(tensor, seed, generator, name) if drawn else Stream(0)

    def draw(out: NDArray[Any], dtype: str, region: Places, threads: int) -> None:
        arguments: dict[str, Any] = {
            "rng": stream,
            "active_inputs": active_inputs,
            "gain": gain,
            "dtype": dtype,
            "out": out,
            "region": region,
            "threads": threads,
        }
        if seen is None:
            schemes.sample_weights(shape, row, **arguments)
        else:
            layouts.sample_weights(shape, row, layout=seen, **arguments)

    indivisible = row.law in ("orthogonal", "delta_orthogonal")
    return write(tensor, Source(draw, indivisible=indivisible), threads)


def reads_axes(row: Scheme) -> bool:
    """Return whether a scheme must know what the axes of a weight mean."""
    return callable(row.rule) or row.law in ("orthogonal", "delta_orthogonal", "identity")


def _view(
    shape: tuple[int, ...],
    row: Scheme,
    layout: str | View | None,
    groups: SupportsIndex,
    parts: SupportsIndex,
    stacked: SupportsIndex,
    transposed: bool,
) -> View:
    if isinstance(layout, View):
        if prod(layout.shape) != prod(shape):
            raise ValueError(f"layout must be a view of shape {shape}, got one of {layout.shape}")
        return layout
    dimensions = len(shape) - checked_count("stacked", stacked, 0)
    if layout is None and dimensions < 2:
        raise ValueError(
            f"tensor must have at least 2 dimensions for {row.name}, which reads its fans, got "
            f"shape {shape}; for another, a layout of irwinhall.layouts.View says what it holds"
        )
    if transposed:
        if layout is not None:
            raise ValueError(f"transposed must be left out where a layout is given, got {layout!r}")
        layout = "torch.conv_transpose" if dimensions > 2 else "torch.matmul"
    elif layout is None:
        layout = "torch.conv" if dimensions > 2 else "torch.linear"
    return layouts.view(shape, layout, groups=groups, parts=parts, stacked=stacked)


def _check_scale(
    shape: tuple[int, ...],
    row: Scheme,
    seen: View | None,
    gain: Gain,
    active_inputs: SupportsIndex | None,
    dtype: str,
) -> None:
    """Raise what filling would raise."""
    if seen is None:
        schemes.scale_of(shape, row, active_inputs=active_inputs, gain=gain, dtype=dtype)
        return
    if active_inputs is None and callable(row.rule):
        active_inputs = seen.active_inputs
    schemes.scale_of(
        seen.shape, row, **seen.axes, active_inputs=active_inputs, gain=gain, dtype=dtype
    )


# ---- tensors -------------------------------------------------------------------------------------


def check_tensor(tensor: object) -> None:
    """Refuse what cannot be filled, saying why."""
    if not isinstance(tensor, torch.Tensor):
        raise TypeError(f"tensor must be a torch.Tensor, got {tensor!r} ({type(tensor).__name__})")
    if torch.nn.parameter.is_lazy(tensor):
        raise ValueError(
            "tensor must have a shape, got an uninitialized parameter: "
            "run its module on a batch first"
        )
    if tensor.dtype not in DTYPES:
        raise TypeError(f"tensor must be of {', '.join(DTYPES.values())}, got {tensor.dtype}")
    if tensor.layout != torch.strided:
        raise TypeError(f"tensor must be dense, got one of layout {tensor.layout}")
    base = tensor if tensor._base is None else tensor._base
    if tensor.requires_grad and not base.is_leaf:
        raise ValueError(
            "tensor must be a leaf, such as a parameter, or a view of one, "
            "got the result of an operation that autograd has recorded"
        )
    if overlaps_itself(tuple(tensor.shape), tensor.stride(), 1):
        raise ValueError(
            "tensor must not overlap itself, so that no element is written twice, got strides "
            f"{tensor.stride()} for shape {tuple(tensor.shape)}"
        )


def has_values(tensor: torch.Tensor) -> bool:
    """Return whether a tensor has memory to fill, which meta and fake tensors do not."""
    return not (tensor.is_meta or is_fake(tensor))


def is_kept(tensor: torch.Tensor) -> bool:
    """Return whether transformers protects a tensor that it has loaded, from torch.nn.init too.

    While it loads a model it puts functions of its own in the place of torch.nn.init's, which leave
    tensors with this mark alone. At any other time the mark means nothing.
    """
    guarded = torch.nn.init.normal_.__module__ == "transformers.initialization"
    return guarded and bool(getattr(tensor, "_is_hf_initialized", False))


# ---- keys ----------------------------------------------------------------------------------------


def check_key(seed: Key, generator: object) -> None:
    """Refuse a generator that is none, or that stands beside a seed."""
    if generator is None:
        return
    if not isinstance(generator, torch.Generator):
        raise TypeError(
            f"generator must be a torch.Generator, got {generator!r} ({type(generator).__name__})"
        )
    if seed is not None:
        raise ValueError(f"seed must be left out where a generator is given, got {seed!r}")


def stream_of(
    tensor: torch.Tensor, seed: Key, generator: torch.Generator | None, name: str
) -> Stream:
    """Return the stream of a name, of a seed or of 128 bits from a generator.

    All processes that share a distributed tensor take the bits that the first of them draws.
    """
    if isinstance(seed, Stream):
        return seed.child(name) if name else seed
    if seed is None:
        device = "cpu" if generator is None else generator.device
        bits = torch.empty(2, dtype=torch.int64, device=device)
        bits = bits.random_(-(2**63), None, generator=generator).cpu()
        if is_distributed(tensor):
            bits = agreed(bits, tensor.device_mesh)
        return Stream(bits.numpy().astype("<i8").tobytes(), name)
    return Stream(seed, name)


# ---- values --------------------------------------------------------------------------------------


def write(tensor: torch.Tensor, source: Source, threads: int | None = None) -> torch.Tensor:
    """Fill a checked tensor, or this process's shard of it."""
    used = torch.get_num_threads() if threads is None else checked_count("threads", threads, 1)
    with torch.no_grad():
        if is_distributed(tensor):
            local, pieces = local_pieces(tensor)
        else:
            everything = tuple(slice(0, length) for length in tensor.shape)
            local, pieces = tensor.detach(), [(everything, everything)]
        for where, region in pieces:
            part = local[where]
            if source.adjust is None and is_addressable(part):
                source.draw(array_of(part), DTYPES[part.dtype], region, used)
            else:
                _write_copies(part, region, source, used)
        if not tensor.is_inference():
            torch.autograd.graph.increment_version(tensor)
    return tensor


def is_addressable(tensor: torch.Tensor) -> bool:
    """Return whether a tensor's values lie in main memory as they are."""
    return tensor.device.type == "cpu" and not tensor.is_neg()


def array_of(tensor: torch.Tensor) -> NDArray[Any]:
    """Return the memory of a tensor as an array; bfloat16, which NumPy lacks, as its bits."""
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.view(torch.uint16)
    array: NDArray[Any] = tensor.numpy()
    return array


def _write_copies(part: torch.Tensor, region: Places, source: Source, threads: int) -> None:
    """Fill a tensor from pieces that are made in main memory and copied."""
    dtype = part.dtype
    if source.adjust is not None and dtype != torch.float64:
        dtype = torch.float32
    most = part.numel() if source.indivisible else PIECE_BYTES // dtype.itemsize
    # The copy to a CUDA device is fastest from memory that the system keeps in place.
    memory = torch.empty(min(most, part.numel()), dtype=dtype, pin_memory=part.is_cuda)
    for where in _cut(tuple(part.shape), most):
        target = part[where]
        made = memory[: target.numel()].view(target.shape)
        there = tuple(
            slice(r.start + w.start, r.start + w.stop) for r, w in zip(region, where, strict=True)
        )
        source.draw(array_of(made), DTYPES[dtype], there, threads)
        if source.adjust is not None:
            source.adjust(made)
        target.copy_(made)


def _cut(shape: tuple[int, ...], most: int) -> Iterator[Places]:
    """Yield blocks of at most that many elements that make up a shape."""
    axis = 0
    while axis < len(shape) - 1 and prod(shape[axis + 1 :]) > most:
        axis += 1
    steps = [1] * axis + [max(1, most // max(1, prod(shape[axis + 1 :])))] if shape else []
    steps += list(shape[axis + 1 :])
    yield from product(
        *(
            [slice(begin, min(begin + step, length)) for begin in range(0, length, step)]
            for length, step in zip(shape, steps, strict=True)
        )
    )
