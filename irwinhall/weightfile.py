"""Write random weights of any size to a .npy file.

The file is the one that ``numpy.save`` writes of the whole array. It is written piece by piece
through a memory map, and appears under its name only when it is complete.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, SupportsIndex

import numpy as np

from irwinhall._arguments import Axes, Shape, checked_progress
from irwinhall._arrays import element_type, output
from irwinhall._files import whole_file
from irwinhall._keywords import takes
from irwinhall.layouts import Weight
from irwinhall.sampling import Sampler
from irwinhall.schemes import Gain, Scheme
from irwinhall.stream import Seed, Stream, as_stream, checked_threads

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

__all__ = ["save_weights"]

# Bytes of a piece.
_PIECE = 1 << 26


@takes("rng", not_="seed")
def save_weights(
    path: str | os.PathLike[str] | BinaryIO,
    shape: Shape,
    scheme: str | Scheme = "letkeman",
    *,
    rng: Seed | Stream = None,
    name: str = "",
    in_axis: Axes = -2,
    out_axis: Axes = -1,
    batch_axis: Axes = (),
    groups: SupportsIndex = 1,
    layout: str | Weight | None = None,
    parts: SupportsIndex = 1,
    stacked: SupportsIndex = 0,
    active_inputs: SupportsIndex | None = None,
    gain: Gain = None,
    low: float | None = None,
    high: float | None = None,
    corrected: bool | None = None,
    dtype: DTypeLike = "float32",
    threads: int | None = None,
    overwrite: bool = False,
    progress: Callable[[int], object] | None = None,
) -> None:
    """Write random weights of a layer to a .npy file.

    Parameters
    ----------
    path : str, path or binary file
        Where to write. An open binary file gets the bytes in order. The directory of a path must
        exist. Until the file is complete, it has no name or a hidden one; it is removed if anything
        fails. A symlink to an existing file is followed.
    shape, scheme, rng, name, in_axis, out_axis, batch_axis, groups, layout, parts, stacked
        As for `irwinhall.sample_weights`, whose bits the file holds.
    active_inputs, gain, low, high, corrected, threads
        As for `irwinhall.sample_weights`.
    dtype : {"float32", "float64", "float16", "bfloat16"} or dtype
        Element type. The format has no bfloat16: its bits are stored as uint16.
    overwrite : bool
        Whether to replace an existing regular file; its mode is kept.
    progress : callable, optional
        Called with the number of bytes written since the last call.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described; the message names it.
    FileExistsError
        If there is a file under this name, unless overwrite.
    OSError
        If the file cannot be written. Its full size is reserved on disk before any weight is made,
        so that a full disk is reported at once.

    See Also
    --------
    irwinhall.sample_weights : The same weights as an array.

    Notes
    -----
    The file is written in regions of at most 64 MiB, so memory use does not grow with the array.
    Orthogonal schemes are the exception: any part needs the whole matrix, which is made at once.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> import irwinhall
    >>> from irwinhall.weightfile import save_weights
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     path = pathlib.Path(directory, "w.npy")
    ...     save_weights(path, (784, 256), "he_normal", rng=1, name="hidden.weight")
    ...     saved = np.load(path)
    >>> whole = irwinhall.sample_weights((784, 256), "he_normal", rng=1, name="hidden.weight")
    >>> bool((saved == whole).all())
    True
    """
    sampler = Sampler.of(
        shape,
        scheme,
        gain=gain,
        low=low,
        high=high,
        corrected=corrected,
        in_axis=in_axis,
        out_axis=out_axis,
        batch_axis=batch_axis,
        groups=groups,
        layout=layout,
        parts=parts,
        stacked=stacked,
        active_inputs=active_inputs,
    )
    element = stored_type(dtype)
    # An array of uint16 takes the bits of bfloat16 if that is asked for by name.
    name_of_type = "bfloat16" if element == np.uint16 else element.name
    sampler.check(element_type(name_of_type, element)[0])
    checked_threads(threads, 0)
    checked_progress(progress)
    if not isinstance(path, (str, os.PathLike)) and not hasattr(path, "write"):
        raise TypeError(
            f"path must be a string, a path or a binary file, got {path!r} ({type(path).__name__})"
        )
    stream = as_stream(rng, name)
    whole = sampler.weight.shape
    try:
        np.empty((0,) * len(whole))
    except ValueError:
        raise ValueError(
            f"shape must be that of an array that NumPy can make, got {whole}"
        ) from None
    size = math.prod(whole)
    most = _PIECE // element.itemsize if sampler.scheme.divisible else max(size, 1)
    regions = _pieces(whole, most) if size else ()

    def draw(region: tuple[slice, ...], piece: NDArray[Any]) -> None:
        sampler.draw(stream, output(whole, name_of_type, piece, region), threads)
        if progress:
            progress(piece.nbytes)

    if not isinstance(path, (str, os.PathLike)):
        _write_header(path, whole, element)
        for region in regions:
            lengths = [part.stop - part.start for part in region]
            piece = np.empty((*lengths, *whole[len(region) :]), element)
            draw(region, piece)
            path.write(piece.data)
        return
    with new_file(path, whole, element, overwrite) as (file, offset):
        if size:
            weights = np.memmap(file, element, "r+", offset, whole)
            for region in regions:
                where: Any = (*region, ...)  # a view, even of a single number
                draw(region, weights[where])
            weights.flush()
            del weights


@contextmanager
def new_file(
    path: str | os.PathLike[str],
    shape: tuple[int, ...],
    element: np.dtype[Any],
    overwrite: bool,
    *,
    named: bool = False,
) -> Iterator[tuple[BinaryIO, int]]:
    """Yield a .npy file of full size to fill, and the offset of its array.

    The file gets its name when the block ends, and is removed if the block fails. Until then it has
    no name, or with `named` a hidden one.
    """
    with whole_file(Path(path), overwrite=overwrite, named=named) as file:
        _write_header(file, shape, element)
        file.flush()
        offset = file.tell()
        _reserve(file, offset, math.prod(shape) * element.itemsize)
        yield file, offset


def stored_type(dtype: DTypeLike) -> np.dtype[Any]:
    """Return the type that a file has for an element type: uint16 for the bits of bfloat16."""
    if dtype == "bfloat16" or getattr(dtype, "__name__", None) == "bfloat16":
        return np.dtype(np.uint16)
    _, element = element_type(dtype)
    return np.dtype(np.uint16) if element.name == "bfloat16" else element


def _write_header(file: BinaryIO, shape: tuple[int, ...], element: np.dtype[Any]) -> None:
    """Write the header as numpy.save does."""
    description: Any = np.lib.format.dtype_to_descr(element)
    header = {"descr": description, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


def _reserve(file: BinaryIO, offset: int, size: int) -> None:
    """Reserve the full size of the file on disk.

    A write through a memory map kills the process if the disk is full.
    """
    if size == 0:
        return
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, offset + size)
        return
    zeros = bytes(1 << 20)
    for start in range(0, size, len(zeros)):
        file.write(zeros[: size - start])
    file.flush()


def _pieces(shape: tuple[int, ...], most: int) -> Iterator[tuple[slice, ...]]:
    """Yield regions of at most `most` elements that cover the shape in C order."""
    if not shape:
        yield ()
        return
    row = math.prod(shape[1:])
    if row > most:
        for index in range(shape[0]):
            for inner in _pieces(shape[1:], most):
                yield slice(index, index + 1), *inner
        return
    step = max(1, most // max(1, row))
    for start in range(0, shape[0], step):
        yield (slice(start, min(start + step, shape[0])),)
