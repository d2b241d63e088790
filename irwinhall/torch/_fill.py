"""Fill PyTorch tensors of any type, strides, device and sharding from our stream.

The kernels fill tensors in main memory in place, without a copy. Values of tensors on other devices
are made in main memory, piece by piece, and copied there, so that the bits do not depend on the
device.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import product
from math import prod
from operator import attrgetter
from typing import Any, NamedTuple, SupportsIndex

import torch
from numpy.typing import NDArray
from torch._subclasses.fake_tensor import is_fake
from torch.autograd.graph import increment_version
from torch.compiler import disable, is_dynamo_compiling
from torch.nn.parameter import is_lazy

from irwinhall._arguments import checked_count
from irwinhall._arrays import CODES, output, overlaps_itself
from irwinhall._core import NORMAL
from irwinhall._keywords import takes
from irwinhall._models.plan import shown
from irwinhall.layouts import Weight
from irwinhall.sampling import Sampler
from irwinhall.schemes import Gain, Scheme, get_scheme
from irwinhall.stream import (
    Seed,
    Stream,
    as_stream,
    checked_threads,
    fill_memory,
    prepare_law,
)
from irwinhall.torch._gains import array_gain
from irwinhall.torch._shards import Places, agreed, is_distributed, local_pieces

DTYPES = {
    torch.float32: "float32",
    torch.float64: "float64",
    torch.float16: "float16",
    torch.bfloat16: "bfloat16",
}
DTYPE_CODES = {dtype: CODES[name] for dtype, name in DTYPES.items()}
_PARAMETER = torch.nn.Parameter
_PLAIN = (_PARAMETER, torch.Tensor)

UNREAD = Stream(0)  # for what is not random

# The size of the pieces of what cannot be made in place.
PIECE_BYTES = 2**24


class Source(NamedTuple):
    """The values of a tensor.

    draw(out, dtype, region, threads) writes a region of the whole weight to an array. adjust, if
    given, changes values in place, in float32 or float64, before they are rounded to a type of 16
    bits. If divisible, a region costs time in proportion to its size. sampler and stream are given
    if they alone make the values.
    """

    draw: Callable[[NDArray[Any], str, Places, int], object]
    adjust: Callable[[torch.Tensor], object] | None = None
    divisible: bool = True
    sampler: Sampler | None = None
    stream: Stream = UNREAD

    @classmethod
    def of(cls, sampler: Sampler, stream: Stream) -> Source:
        """Return a sampler's weights as a source."""

        def draw(out: NDArray[Any], dtype: str, region: Places, threads: int) -> None:
            target = output(sampler.weight.shape, dtype, out, region)
            sampler.draw(stream, target, threads)

        return cls(draw, None, sampler.scheme.divisible, sampler, stream)


class Direct(NamedTuple):
    """How one call of a kernel fills a plain tensor."""

    law: bytes
    code: int
    shape: tuple[int, ...]
    is_random: bool
    value: float | None = None  # of a constant, which is torch's to write

    @classmethod
    def of(cls, sampler: Sampler, dtype: torch.dtype) -> Direct | None:
        """Return how one call of a kernel draws the weights of a sampler; None if it cannot."""
        code = DTYPE_CODES[dtype]
        if sampler.scale == 0.0 and math.copysign(1.0, sampler.scale) > 0.0:
            # A deviation of 0 draws nothing.
            return cls(prepare_law(code, NORMAL, 0.0), code, sampler.weight.shape, False)
        if sampler.scheme.elementwise and sampler.scale != 0.0:
            return cls(sampler.prepared_law(code), code, sampler.weight.shape, True)
        if sampler.scheme.is_constant:
            sampler.check(code)
            return cls(b"", code, sampler.weight.shape, False, sampler.scale)
        return None

    def fill(self, tensor: torch.Tensor, stream: Stream, threads: int) -> None:
        """Fill a plain tensor of the shape and type, which has been checked."""
        law, code, shape, _, value = self
        if value is not None:
            tensor.detach().fill_(value)
            return
        fill_memory(stream, law, code, shape, tensor.stride(), tensor.data_ptr(), threads)


@takes("seed", not_="rng")
def fill_(
    tensor: torch.Tensor,
    scheme: str | Scheme = "letkeman",
    gain: Gain = None,
    generator: torch.Generator | None = None,
    *,
    seed: Seed | Stream = None,
    name: str = "",
    layout: str | Weight | None = None,
    groups: SupportsIndex = 1,
    parts: SupportsIndex = 1,
    stacked: SupportsIndex = 0,
    transposed: bool = False,
    active_inputs: SupportsIndex | None = None,
    low: float | None = None,
    high: float | None = None,
    corrected: bool | None = None,
    threads: int | None = None,
) -> torch.Tensor:
    """Fill a tensor with the weights of a scheme, in place, and return it.

    Parameters
    ----------
    tensor : Tensor
        float32, float64, float16 or bfloat16; any strides that do not overlap, any device; a
        parameter, a view of one, or a DTensor, whose local shard gets its part of the whole. Meta
        tensors and those without elements are left alone.
    scheme : str or Scheme
        A name or alias of `irwinhall.schemes.SCHEMES`, or a row of your own.
    gain : float, str or callable, optional
        As for `irwinhall.sample_weights`: a number, or the activation that the layer reads, which
        may be one of torch, such as torch.nn.functional.gelu or torch.nn.SiLU().
    generator : torch.Generator, optional
        Supplies the seed, and is advanced. Default torch's global generator of the CPU, seeded by
        torch.manual_seed.
    seed : int, bytes, Stream, numpy.random.SeedSequence or numpy.random.Generator, optional
        In place of a generator: the weights are then those of
        ``irwinhall.sample_weights(..., rng=seed, name=name)``, bit for bit.
    name : str
        The parameter's qualified name. Parameters of one model share a seed and differ by name:
        with a seed and no name, every call for the same shape gives the same weights, so
        ``model.apply(lambda layer: fill_(layer.weight, seed=1))`` makes such layers equal.
    layout : str or Weight, optional
        The meaning of the axes, as for `irwinhall.sample_weights`. Default "torch.linear" for two
        axes and "torch.conv" for more.
    groups, parts, stacked : int
        As for `irwinhall.layouts.Weight.of`: groups of a convolution, weights fused along the out
        axis (3 for query, key and value in one), leading axes that stack weights (experts).
    transposed : bool
        In place of a layout: the axes are ``(in, out/groups, *k)``, as in ConvTranspose.
    active_inputs, low, high, corrected
        As for `irwinhall.sample_weights`.
    threads : int, optional
        Maximum number of threads; default torch.get_num_threads(). The bits do not depend on it.

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
    An interrupt leaves the tensor partly written.

    A tensor of fewer than 2 dimensions has no default fans: for schemes that need them, pass an
    `irwinhall.layouts.Weight` as its layout.

    Examples
    --------
    >>> import torch, irwinhall
    >>> import irwinhall.torch as init
    >>> layer = torch.nn.Linear(784, 256)
    >>> weight = init.fill_(layer.weight, "letkeman", seed=1, name="hidden.weight")
    >>> bool(weight.abs().max() < irwinhall.letkeman_bound(784))
    True
    """
    if is_dynamo_compiling():  # the kernels cannot be traced
        return disable(fill_)(
            tensor,
            scheme,
            gain,
            generator,
            seed=seed,
            name=name,
            layout=layout,
            groups=groups,
            parts=parts,
            stacked=stacked,
            transposed=transposed,
            active_inputs=active_inputs,
            low=low,
            high=high,
            corrected=corrected,
            threads=threads,
        )
    row = get_scheme(scheme, low, high, corrected)
    ready = isinstance(tensor, torch.Tensor) and is_ready(tensor)
    if not ready:
        check_tensor(tensor)
    check_seed(seed, generator)
    if is_kept(tensor) or tensor.numel() == 0:
        return tensor
    shape = tuple(tensor.shape)
    if layout is None and (
        row.reads_axes or transposed or not groups == parts == 1 or stacked != 0
    ):
        layout = _default_layout(shape, row, stacked, transposed)
    elif transposed:
        raise ValueError(f"transposed must be left out if a layout is given, got {layout!r}")
    sampler = Sampler.of(
        shape,
        row,
        gain=array_gain(gain),
        groups=groups,
        layout=layout,
        parts=parts,
        stacked=stacked,
        active_inputs=active_inputs,
    )
    sampler.check(DTYPE_CODES[tensor.dtype])
    if not ready and not has_values(tensor):
        return tensor
    stream = stream_of(tensor, seed, generator, name) if row.is_random else UNREAD
    direct = Direct.of(sampler, tensor.dtype) if ready else None
    if direct is None:
        return write(tensor, Source.of(sampler, stream), threads)
    try:
        direct.fill(tensor, stream, used_threads(threads))
    finally:  # an interrupt leaves some values written
        increment_version(tensor)
    return tensor


def _default_layout(
    shape: tuple[int, ...], scheme: Scheme, stacked: SupportsIndex, transposed: bool
) -> str:
    dimensions = len(shape) - checked_count("stacked", stacked, 0)
    if dimensions < 2:
        raise ValueError(
            f"tensor must have at least 2 dimensions for {scheme.name}, which needs fans, got "
            f"shape {shape}; for fewer, pass an irwinhall.layouts.Weight as its layout"
        )
    if transposed:
        return "torch.conv_transpose" if dimensions > 2 else "torch.matmul"
    return "torch.conv" if dimensions > 2 else "torch.linear"


# ---- tensors -------------------------------------------------------------------------------------


def check_tensor(tensor: object) -> None:
    """Raise an error for a tensor that cannot be filled."""
    if not isinstance(tensor, torch.Tensor):
        raise TypeError(f"tensor must be a torch.Tensor, got {shown(tensor)}")
    if is_lazy(tensor):
        raise ValueError(
            "tensor must have a shape, got an uninitialized parameter: "
            "run its module on a batch first"
        )
    if tensor.dtype not in DTYPES:
        raise TypeError(f"tensor must be of {', '.join(DTYPES.values())}, got {tensor.dtype}")
    check_memory(tensor)


def check_memory(tensor: torch.Tensor) -> None:
    """Raise an error for a tensor whose elements cannot be written one by one and in place."""
    if tensor.layout != torch.strided or tensor.is_nested:
        kind = "that is nested" if tensor.is_nested else f"of layout {tensor.layout}"
        raise TypeError(f"tensor must be dense, got one {kind}")
    if tensor.requires_grad and not (tensor if tensor._base is None else tensor._base).is_leaf:
        raise ValueError(
            "tensor must be a leaf, such as a parameter, or a view of one, "
            "got the result of an operation recorded by autograd"
        )
    if tensor.is_inference() and not torch.is_inference_mode_enabled():
        raise ValueError(
            "tensor must not be an inference tensor outside torch.inference_mode(), where torch "
            "does not allow writing to it"
        )
    if not tensor.is_contiguous() and overlaps_itself(tuple(tensor.shape), tensor.stride(), 1):
        raise ValueError(
            "tensor must not overlap itself, so that no element is written twice, got strides "
            f"{tensor.stride()} for shape {tuple(tensor.shape)}"
        )
    held = tensor.to_local() if is_distributed(tensor) else tensor
    if is_plain(held) or (is_unwrapped(held) and (held.is_cpu or held.is_cuda)):
        if not _has_storage(held):
            raise ValueError(
                f"tensor must have memory for shape {tuple(held.shape)}, got a storage of "
                f"{held.untyped_storage().nbytes()} bytes"
            )
    elif has_values(held) and is_addressable(held):
        try:
            array_of(held.detach())
        except (RuntimeError, TypeError) as error:  # from many subclasses
            raise TypeError(
                f"tensor must be an array in memory, got a {type(held).__name__}: {error}"
            ) from None


def _has_storage(tensor: torch.Tensor) -> bool:
    """Return whether a plain tensor's storage, which may have been resized, holds all of it."""
    needed = tensor.nbytes
    if not tensor.is_contiguous():
        each = zip(tensor.shape, tensor.stride(), strict=True)
        needed = tensor.element_size() * (1 + sum((size - 1) * step for size, step in each))
    offset = tensor.storage_offset()
    if offset:
        needed += tensor.element_size() * offset
    enough: bool = tensor.untyped_storage().nbytes() >= needed
    return enough or tensor.numel() == 0


def is_plain(tensor: torch.Tensor) -> bool:
    """Return whether a tensor is a plain one in main memory.

    Most are, and testing this first saves them slower tests.
    """
    return (
        type(tensor) in _PLAIN
        and _traits(tensor) in _PLAIN_TRAITS
        and not tensor.is_neg()
        and not _is_functional(tensor)
    )


def is_unwrapped(tensor: torch.Tensor) -> bool:
    """Return whether a tensor is a plain one, on any device."""
    return type(tensor) in _PLAIN and not _is_functional(tensor)


_traits = attrgetter("is_cpu", "is_nested", "layout", "dtype")  # four in one call
_PLAIN_TRAITS = frozenset((True, False, torch.strided, dtype) for dtype in DTYPE_CODES)
_ready_traits = attrgetter("is_cpu", "is_nested", "layout", "dtype", "is_leaf")
_READY_TRAITS = frozenset((*traits, True) for traits in _PLAIN_TRAITS)
_is_functional = torch._is_functional_tensor


def is_ready(tensor: torch.Tensor) -> bool:
    """Return whether a tensor passes every check, and a kernel can fill it in one call."""
    return (
        type(tensor) in _PLAIN
        and _ready_traits(tensor) in _READY_TRAITS
        and not tensor.is_neg()
        and (type(tensor) is _PARAMETER or not _is_functional(tensor))  # no parameter is
        and tensor.is_contiguous()
        and not tensor.is_inference()
        # It is all that its storage has, and not empty.
        and tensor.nbytes == tensor.untyped_storage().nbytes() > 0
        and tensor.storage_offset() == 0
    )


def has_values(tensor: torch.Tensor) -> bool:
    """Return whether a tensor has memory to fill, which meta and fake tensors do not."""
    return is_plain(tensor) or not (tensor.is_meta or is_fake(tensor))


def is_kept(tensor: torch.Tensor) -> bool:
    """Return whether transformers protects a loaded tensor, also against torch.nn.init."""
    return is_loading() and bool(getattr(tensor, "_is_hf_initialized", False))


def is_loading() -> bool:
    """Return whether transformers loads a model.

    Meanwhile it replaces the functions of torch.nn.init by its own, which leave tensors with its
    mark alone. At any other time the mark means nothing.
    """
    return bool(torch.nn.init.normal_.__module__ == "transformers.initialization")


# ---- seeds ---------------------------------------------------------------------------------------


def check_seed(seed: Seed | Stream, generator: object) -> None:
    """Raise an error if generator is not a torch.Generator, or is given with a seed."""
    if generator is None:
        return
    if not isinstance(generator, torch.Generator):
        raise TypeError(f"generator must be a torch.Generator, got {shown(generator)}")
    if seed is not None:
        raise ValueError(f"seed must be left out if a generator is given, got {seed!r}")


def stream_of(
    tensor: torch.Tensor | None,
    seed: Seed | Stream,
    generator: torch.Generator | None,
    name: str,
) -> Stream:
    """Return the stream of a name, with a seed or 128 bits from a generator as its seed.

    All processes that share a distributed tensor use the bits that the first of them draws.
    """
    if seed is not None:
        return as_stream(seed, name, argument="seed")
    device = "cpu" if generator is None else generator.device
    bits = torch.empty(2, dtype=torch.int64, device=device)
    bits = bits.random_(-(2**63), None, generator=generator).cpu()
    if tensor is not None and is_distributed(tensor):
        bits = agreed(bits, tensor.device_mesh)
    return Stream(bits.numpy().astype("<i8").tobytes(), name)


# ---- values --------------------------------------------------------------------------------------


def used_threads(threads: int | None) -> int:
    """Return the maximum number of threads; default torch's own number."""
    return torch.get_num_threads() if threads is None else checked_threads(threads, 0)


def write(tensor: torch.Tensor, source: Source, threads: int | None = None) -> torch.Tensor:
    """Fill a checked tensor, or this process's shard of it."""
    used = used_threads(threads)
    direct = None
    if source.sampler is not None and is_plain(tensor):
        direct = Direct.of(source.sampler, tensor.dtype)
    try:
        if direct is not None:
            direct.fill(tensor, source.stream, used)
        else:
            with torch.no_grad():
                _write_pieces(tensor, source, used)
    finally:  # an interrupt leaves some values written
        if not tensor.is_inference():
            increment_version(tensor)
    return tensor


def _write_pieces(tensor: torch.Tensor, source: Source, threads: int) -> None:
    if is_distributed(tensor):
        local, pieces = local_pieces(tensor)
    else:
        everything = tuple(slice(0, length) for length in tensor.shape)
        local, pieces = tensor.detach(), [(everything, everything)]
    for where, region in pieces:
        part = local[where]
        if source.adjust is None and is_addressable(part):
            source.draw(array_of(part), DTYPES[part.dtype], region, threads)
        else:
            _write_copies(part, region, source, threads)


def is_addressable(tensor: torch.Tensor) -> bool:
    """Return whether a tensor's values are stored unchanged in main memory."""
    return tensor.is_cpu and not tensor.is_neg()


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
    most = PIECE_BYTES // dtype.itemsize if source.divisible else part.numel()
    # The copy to a CUDA device is fastest from pinned memory.
    memory = torch.empty(
        min(most, part.numel()), dtype=dtype, device="cpu", pin_memory=part.is_cuda
    )
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
    """Yield blocks of at most that many elements that together make up a shape."""
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
