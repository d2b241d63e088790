"""Statistics of the results: best rates, speeds relative to a method, intervals over seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from irwinhall import Stream

from .tables import Row

__all__ = ["Interval", "Trained", "best", "curves", "interval", "mean", "speed", "trained"]

Array = NDArray[np.float64]

_RESAMPLES = 2000


class Interval(NamedTuple):
    """An estimate and its 95 % bootstrap interval over seeds."""

    value: float
    low: float
    high: float


class Trained(NamedTuple):
    """The curves of a case and method at one rate, a row per seed, and which of them diverged."""

    method: str
    rate: float
    curves: Array
    diverged: int

    @property
    def final(self) -> float:
        """The mean of the last losses; infinite if a seed diverged."""
        return math.inf if self.diverged else float(self.curves[:, -1].mean())


def trained(rows: Iterable[Row], case: str, method: str) -> list[Trained]:
    """Return the curves of a method at every rate; those of diverged runs are infinite."""
    chosen = [row for row in rows if (row.case, row.method) == (case, method)]
    length = max(len(row.curve) for row in chosen)
    found = []
    for rate in sorted({row.rate for row in chosen}):
        here = sorted((row for row in chosen if row.rate == rate), key=lambda row: row.seed)
        curve = np.full((len(here), length), math.inf)
        for line, row in zip(curve, here, strict=True):
            if row.outcome == "finished":
                line[:] = row.curve
        diverged = sum(row.outcome != "finished" for row in here)
        found.append(Trained(method, rate, curve, diverged))
    return found


def best(options: Sequence[Trained]) -> Trained:
    """Return the rate with the smallest mean last loss; of several, the smallest rate."""
    return min(options, key=lambda one: one.final)


def curves(rows: Iterable[Row], case: str, method: str) -> Trained:
    """Return a method's curves at its best rate."""
    return best(trained(rows, case, method))


def speed(one: Trained, other: Trained) -> Interval:
    """Return how much faster `one` trains than `other`: the article's ratio, with its interval.

    Losses are means over seeds. If `one` has the smaller last loss, the ratio is the number of
    epochs divided by the epochs in which `one` reaches the last loss of `other`. Else it is the
    number of epochs in which `other` reaches the last loss of `one`, divided by the number of
    epochs. So it is above 1 if `one` is faster, and exchanging the two gives its reciprocal.
    """
    return interval(
        lambda seeds: _speed(one.curves[seeds].mean(axis=1), other.curves[seeds].mean(axis=1)),
        len(one.curves),
    )


def _speed(one: Array, other: Array) -> Array:
    """Return the ratios for mean curves, a row for each resample."""
    epochs = one.shape[1]
    with np.errstate(all="ignore"):
        ahead = epochs / _epochs_to(one, other[:, -1])
        behind = _epochs_to(other, one[:, -1]) / epochs
    ratios = np.where(one[:, -1] <= other[:, -1], ahead, behind)
    # Where one of them diverged there is no number of epochs.
    ratios[np.isinf(other[:, -1])] = math.inf
    ratios[np.isinf(one[:, -1])] = 0.0
    return ratios


def _epochs_to(curve: Array, loss: Array) -> Array:
    """Return the epoch at which curves first reach the loss, by linear interpolation."""
    reached = curve <= loss[:, np.newaxis]
    first = np.where(reached.any(axis=1), reached.argmax(axis=1), curve.shape[1] - 1)
    lines = np.arange(len(curve))
    after, before = curve[lines, first], curve[lines, np.maximum(first - 1, 0)]
    share = np.where(before > after, (before - loss) / (before - after), 1.0)
    share = np.where((first == 0) | ~np.isfinite(share), 1.0, share)
    result: Array = first + np.clip(share, 0.0, 1.0)
    return result


def mean(values: Sequence[float]) -> Interval:
    """Return the mean over seeds."""
    array = np.asarray(values, dtype=np.float64)
    return interval(lambda seeds: array[seeds].mean(axis=1), len(array))


def interval(statistic: Callable[[NDArray[np.int64]], Array], seeds: int) -> Interval:
    """Return a statistic of seeds, and the middle 95 % of it over resampled seeds.

    The statistic takes an array of rows of indices of seeds, and returns a value for each row.
    """
    resampled = Stream(0, "bootstrap").integers((_RESAMPLES, seeds), high=seeds)
    found = np.sort(statistic(resampled))
    low, high = (found[round(share * (_RESAMPLES - 1))] for share in (0.025, 0.975))
    whole = statistic(np.arange(seeds)[np.newaxis])[0]
    return Interval(float(whole), float(low), float(high))
