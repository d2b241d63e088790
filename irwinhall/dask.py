"""Dask: random weights as a dask.array, in any chunks and on any scheduler.

Every chunk is made from its position in the stream, without the rest. The array equals that of
`irwinhall.sample_weights` for the same seed and name, on threads, processes or a cluster, even one
that loses workers.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from irwinhall._arguments import Shape
from irwinhall._arrays import element_type, output
from irwinhall._keywords import takes
from irwinhall.layouts import WeightOptions, check_names
from irwinhall.sampling import Sampler
from irwinhall.schemes import Gain, Scheme
from irwinhall.stream import Seed, Stream, as_stream
from irwinhall.weightfile import new_file, stored_type

try:
    import dask.array as da
    from dask.base import tokenize
except ModuleNotFoundError as _error:
    if (_error.name or "").partition(".")[0] != "dask":
        raise
    raise ImportError(
        "irwinhall.dask needs Dask: pip install 'dask[array,distributed]'"
    ) from _error

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

__all__ = ["sample_weights", "to_npy"]


@takes("rng", not_="seed")
def sample_weights(
    shape: Shape,
    scheme: str | Scheme = "letkeman",
    *,
    rng: Seed | Stream = None,
    name: str = "",
    chunks: Any = "auto",
    active_inputs: int | None = None,
    gain: Gain = None,
    low: float | None = None,
    high: float | None = None,
    corrected: bool | None = None,
    dtype: DTypeLike = "float32",
    **axes: Unpack[WeightOptions],
) -> da.Array:
    """Return random weights of a layer, sized by a scheme, as a dask.array.

    Parameters
    ----------
    shape, scheme, rng, name, active_inputs, gain, low, high, corrected
        As for `irwinhall.sample_weights`. None and a Generator supply their seed once, in this
        call.
    chunks : int, tuple or str
        As for `dask.array`.
    dtype : {"float32", "float64", "float16", "bfloat16"} or dtype
        Element type.
    **axes
        in_axis, out_axis, batch_axis, groups, layout, parts and stacked, as for
        `irwinhall.sample_weights`.

    Returns
    -------
    dask.array.Array
        ``irwinhall.sample_weights(shape, scheme, ...)``, bit for bit, for any chunks.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described; the message names it. compute raises none of them.

    Notes
    -----
    A chunk is one task without dependencies, on one thread. An orthogonal matrix must be made
    whole: one task makes it, in the memory of one worker, and the chunks are slices of it.

    Examples
    --------
    >>> import irwinhall, irwinhall.dask
    >>> weights = irwinhall.dask.sample_weights((784, 256), rng=1, name="w", chunks=(100, 256))
    >>> weights.numblocks
    (8, 1)
    >>> bool((weights.compute() == irwinhall.sample_weights((784, 256), rng=1, name="w")).all())
    True
    """
    check_names(axes)
    sampler = Sampler.of(
        shape,
        scheme,
        gain=gain,
        low=low,
        high=high,
        corrected=corrected,
        active_inputs=active_inputs,
        **axes,
    )
    code, element = element_type(dtype)
    sampler.check(code)
    stream = as_stream(rng, name)
    whole = sampler.weight.shape
    asked = _chunks_of(chunks, whole, element)
    made = asked
    if not sampler.scheme.divisible:
        # One element widens to what cannot be cut.
        one = sampler.weight.divisible_region([slice(0, min(1, size)) for size in whole])
        made = tuple(
            cut if part.stop <= 1 else (size,)
            for cut, part, size in zip(asked, one, whole, strict=True)
        )
    token = tokenize(sampler, stream, element.name, made)
    array = da.map_blocks(
        _block,
        sampler,
        stream,
        element.name,
        chunks=made,
        dtype=element,
        meta=np.empty((0,) * len(whole), element),
        name=f"irwinhall-{token}",
    )
    return array.rechunk(asked)


def _chunks_of(chunks: Any, shape: tuple[int, ...], element: Any) -> tuple[tuple[int, ...], ...]:
    """Return the sizes of the chunks along every axis, which add up to it."""
    made: tuple[tuple[int, ...], ...]
    try:
        made = da.core.normalize_chunks(chunks, shape, dtype=element)
    except ZeroDivisionError:
        made = ()
    except (TypeError, ValueError) as error:
        rule = f"chunks must be what Dask takes for shape {shape}, got {chunks!r}"
        raise ValueError(f"{rule}: {' '.join(str(error).split())}") from None
    # Dask lets sizes pass that are not known, negative or cut off.
    for axis, size in enumerate(shape):
        if axis >= len(made) or sum(made[axis]) != size or not min(made[axis], default=0) >= 0:
            raise ValueError(f"chunks must be sizes that add up to shape {shape}, got {chunks!r}")
    return made


def _block(sampler: Sampler, stream: Stream, dtype: str, block_info: Mapping[Any, Any]) -> Any:
    region = [slice(*ends) for ends in block_info[None]["array-location"]]
    return sampler.draw(stream, output(sampler.weight.shape, dtype, None, region), threads=1)


def to_npy(weights: da.Array, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write a dask.array of weights to one .npy file, chunk by chunk.

    Parameters
    ----------
    weights : dask.array.Array
        Weights of float32, float64, float16 or bfloat16, whose bits are stored as uint16.
    path : str or path
        Where to write, on a disk that all workers see. The directory must exist; the file appears
        under its name only when it is complete.
    overwrite : bool
        Whether to replace an existing file.

    Raises
    ------
    FileExistsError
        If there is a file under this name, unless overwrite.
    OSError
        If the file cannot be written; a full disk is reported before anything is computed.

    Notes
    -----
    Each task writes its chunk through a memory map, so only the chunks of running tasks are in
    memory. For Zarr, Dask's own ``weights.to_zarr(...)`` does the same.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> import irwinhall, irwinhall.dask
    >>> weights = irwinhall.dask.sample_weights((784, 256), rng=1, chunks=(100, 100))
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     path = pathlib.Path(directory, "w.npy")
    ...     irwinhall.dask.to_npy(weights, path)
    ...     saved = np.load(path)
    >>> bool((saved == irwinhall.sample_weights((784, 256), rng=1)).all())
    True
    """
    element = stored_type(weights.dtype)
    with new_file(path, weights.shape, element, overwrite, named=True) as (file, _):
        if weights.size:
            da.store(weights, _Npy(os.path.abspath(file.name)), lock=False)


class _Npy:
    """A .npy file that chunks are assigned to, from any process."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __setitem__(self, where: Any, block: Any) -> None:
        weights = np.load(self.path, mmap_mode="r+")
        weights[where] = block.view(weights.dtype)
        weights.flush()
