"""Random weighted sums of uniforms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from irwinhall import distribution
from irwinhall._arguments import checked_shape
from irwinhall.stats._slices import Floats, checked_reals, refuse
from irwinhall.stream import Stream

# Uniforms that are drawn at a time.
_BLOCK = 2**16


def checked_weights(weights: ArrayLike) -> Floats:
    """Return finite weights along one axis, not all 0."""
    array = np.atleast_1d(checked_reals("weights", weights))
    if array.ndim != 1 or array.size == 0:
        raise ValueError(
            f"weights must be at least one number along one axis, got shape {array.shape}"
        )
    refuse("weights", "finite", array, ~np.isfinite(array))
    if not array.any():
        raise ValueError("weights must not all be 0")
    return array


def weighted_rvs(weights: ArrayLike, size: Any = None, *, rng: Any = None) -> Any:
    """Return random values of w_1 U_1 + ... + w_k U_k, the U_i uniform on (0, 1).

    Parameters
    ----------
    weights : array_like of float
        The weights, along one axis, of any sign.
    size : int or tuple of int, optional
        The shape of the result. Default: one value.
    rng : Generator, int, Stream or None
        A generator or seed of NumPy, whose uniforms are added, or an `irwinhall.Stream`: value i
        is then the quantile of uniform i, and depends only on the stream's seed and name, the
        weights and i.

    Returns
    -------
    float or ndarray of float64
        The values.

    Raises
    ------
    TypeError
        If weights are not real.
    ValueError
        If they are not finite, all 0 or none.

    Examples
    --------
    >>> from irwinhall import Stream
    >>> from irwinhall.stats import weighted_rvs
    >>> weighted_rvs([1.0, -2.0, 0.5], 3, rng=Stream(1))
    array([...])
    >>> weighted_rvs([1.0, 2.0], (2, 3), rng=1).shape
    (2, 3)
    """
    w = checked_weights(weights)
    shape = () if size is None else checked_shape(size)
    if isinstance(rng, Stream):
        centred = rng.uniform(shape or 1, bound=0.5, dtype="float64").reshape(shape)
        # Exact on both sides of the centre: q = 1/2 - abs(centred) loses nothing.
        q = 0.5 - np.abs(centred)
        below, above = distribution.weighted_ppf(q, w), distribution.weighted_isf(q, w)
        values: Any = np.where(centred < 0.0, below, above)
    else:
        try:
            generator = np.random.default_rng(rng)
        except (TypeError, ValueError) as error:
            raise type(error)(f"rng must be what numpy.random.default_rng takes: {error}") from None
        values = added_uniforms(w, shape, generator)
    return values if shape else float(values)


def added_uniforms(weights: Floats, shape: tuple[int, ...], generator: Any) -> Floats:
    """Return weighted sums of a generator's uniforms, in little memory."""
    total = np.empty(math.prod(shape))
    rows = max(1, _BLOCK // weights.size)
    for start in range(0, total.size, rows):
        part = total[start : start + rows]
        part[...] = generator.random((part.size, weights.size)) @ weights
    return total.reshape(shape)
