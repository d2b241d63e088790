"""Checks of numbers of uniforms, and sums of uniforms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

# The largest n of irwinhall.distribution.
MOST = 2**53
# Up to this n, a draw is the sum of n uniforms. Above, it is the quantile of one uniform, which
# takes as long as this many uniforms.
MOST_ADDED = 64
# Number of doubles in a piece when several sums are added at once.
_BLOCK = 2**14

Floats = NDArray[np.float64]


def is_valid(n: Any) -> Any:
    return (n >= 1) & (n <= MOST) & (n == np.floor(n))


def as_integers(n: Any) -> NDArray[np.int64]:
    """Return n as int64, and 0 where it is not valid."""
    n = np.asarray(n)
    return np.where(is_valid(n), n, 0).astype(np.int64)


def as_floats(n: Any) -> Floats:
    """Return n as float64, and NaN where it is not valid."""
    n = np.asarray(n)
    return np.where(is_valid(n), n, np.nan).astype(np.float64, copy=False)


def add_uniforms(total: Floats, count: int, random_state: Any) -> None:
    """Write sums of `count` uniforms row by row, with the bits of uniforms.sum(axis=0)."""
    shape = total.shape[1:]
    length = math.prod(shape) * count  # the uniforms of a row
    if length == 0:
        return
    if length <= _BLOCK or length == count:
        rows = max(1, _BLOCK // length)
        for start in range(0, len(total), rows):
            part = total[start : start + rows]
            part[...] = random_state.random((len(part), count, *shape)).sum(axis=1)
        return
    for row in range(len(total)):  # NumPy also adds arrays one after another
        total[row] = random_state.random(shape)
        for _ in range(count - 1):
            total[row] += random_state.random(shape)
