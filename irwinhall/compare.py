"""Compare every scheme of the table for one layer.

All figures come from `irwinhall.schemes.statistics`, or, for the magnitudes of truncated normals,
which have no closed form, from simulation with a standard error.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from irwinhall._arguments import checked_progress
from irwinhall._keywords import takes
from irwinhall.gains import gain as activation_gain
from irwinhall.montecarlo import Estimate
from irwinhall.schemes import SCHEMES, checked_fan, scale, statistics
from irwinhall.stream import Seed, Stream, as_stream

__all__ = ["Comparison", "compare", "left_out"]

# Truncated normals drawn for a magnitude, all sums together, and at a time (8 MiB of them).
_DRAWS = 1 << 24
_BATCH = 1 << 20

Progress = Callable[[int], object]


class Comparison(NamedTuple):
    """The statistics of one scheme for one layer.

    Attributes
    ----------
    scheme, law : str
        Its name and distribution, as in `irwinhall.schemes.SCHEMES`.
    scale : float
        The bound of a uniform distribution, the standard deviation of a normal one, the factor of
        others.
    std : float
        Root mean square of the weights: their standard deviation if their mean is 0.
    forward_variance, backward_variance : float
        Variance of the outputs for inputs of variance 1, and of the gradients the other way.
    forward_magnitude, backward_magnitude, node_average : Estimate or None
        Mean magnitude of the outputs for inputs that are all 1, of the inputs' gradients for
        gradients that are all 1, and of all n + m nodes together. For random signals, read the
        variances instead. Exact values have a standard error of 0 and no trials; None if a
        simulation would take too long.
    share : float
        std divided by gain / sqrt(min(n, m)), the largest std of any scheme that preserves a
        variance: that of the direction with fewer summands. Below 1 the weights are too small for
        that direction, above 1 the variance grows in both.

    Examples
    --------
    >>> from irwinhall.compare import compare
    >>> row = next(row for row in compare(784, 256) if row.scheme == "letkeman")
    >>> row.forward_magnitude.estimate, round(row.share, 4)
    (1.0, 0.7161)
    """

    scheme: str
    law: str
    scale: float
    std: float
    forward_variance: float
    backward_variance: float
    forward_magnitude: Estimate | None
    backward_magnitude: Estimate | None
    node_average: Estimate | None
    share: float


@takes("rng", not_="seed")
def compare(
    n: int,
    m: int,
    *,
    activation: str | None = None,
    rng: Seed | Stream = 0,
    progress: Progress | None = None,
) -> list[Comparison]:
    """Return the statistics of every scheme that has its own scale, for a layer.

    Parameters
    ----------
    n : int
        Number of inputs (fan_in), at least 1.
    m : int
        Number of outputs (fan_out), at least 1.
    activation : str, optional
        The activation that the layer reads. Its gain replaces the gain of every scheme. Without it,
        he_* have the gain of ReLU, and most others the gain 1.
    rng : int, bytes, Stream, numpy.random.SeedSequence, numpy.random.Generator or None
        The seed of the simulation of truncated normals.
    progress : callable, optional
        Called from time to time with the number of weights drawn since the last call.

    Returns
    -------
    list of Comparison
        In the order of the table, without the schemes that `left_out` names.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described; the message names it.

    See Also
    --------
    irwinhall.schemes.statistics : Exact statistics of one scheme.
    irwinhall.flow.simulate : Many layers.

    Examples
    --------
    >>> from irwinhall.compare import compare
    >>> rows = {row.scheme: row for row in compare(100, 400, activation="tanh")}
    >>> round(rows["xavier_uniform"].share, 6), rows["kalafus_uniform"].share
    (0.632456, 0.5)
    """
    number = None if activation is None else activation_gain(activation)
    n, m = checked_fan("n", n), checked_fan("m", m)
    checked_progress(progress)
    need = (1.0 if number is None else number) / math.sqrt(min(n, m))
    omitted = left_out(n, m)
    rows = []
    source = as_stream(rng)
    simulated: dict[int, Estimate | None] = {}
    for name, row in SCHEMES.items():
        if name in omitted:
            continue
        exact = statistics(name, n, m, gain=number)
        std = math.hypot(exact.std, exact.mean)
        forward, backward = (
            _simulated(fan, std, simulated, source, progress)
            if magnitude is None
            else Estimate(magnitude, 0.0, 0)
            for fan, magnitude in ((n, exact.forward_magnitude), (m, exact.backward_magnitude))
        )
        rows.append(
            Comparison(
                name,
                row.law,
                scale(name, n, m, gain=number),
                std,
                exact.forward_variance,
                exact.backward_variance,
                forward,
                backward,
                _node_average(n, m, forward, backward),
                std / need,
            )
        )
    return rows


def left_out(n: int, m: int) -> list[str]:
    """Return the schemes that have nothing to compare for a layer.

    These are the schemes that require a gain or two ends, and delta_orthogonal unless m >= n.

    Parameters
    ----------
    n, m : int
        The numbers of inputs and outputs.

    Returns
    -------
    list of str

    Examples
    --------
    >>> from irwinhall.compare import left_out
    >>> left_out(256, 784)
    ['constant', 'uniform', 'normal', 'truncated_normal', ...]
    """
    n, m = checked_fan("n", n), checked_fan("m", m)
    return [
        name
        for name, row in SCHEMES.items()
        if row.gain is None or row.is_interval or (row.law == "delta_orthogonal" and n > m)
    ]


def _node_average(
    n: int, m: int, forward: Estimate | None, backward: Estimate | None
) -> Estimate | None:
    if forward is None or backward is None:
        return None
    one, other = forward.scaled(m / (n + m)), backward.scaled(n / (n + m))
    # The two are simulated apart, unless n = m, where they are one number.
    error = (
        one.standard_error + other.standard_error
        if n == m
        else math.hypot(one.standard_error, other.standard_error)
    )
    return Estimate(one.estimate + other.estimate, error, min(one.trials, other.trials))


def _simulated(
    fan: int,
    std: float,
    known: dict[int, Estimate | None],
    source: Stream,
    progress: Progress | None,
) -> Estimate | None:
    """Return E|w_1 + ... + w_fan| of truncated normals, drawn once a fan at std 1."""
    if fan not in known:
        known[fan] = _magnitude_of_truncated_normals(fan, source, progress)
    unit = known[fan]
    return None if unit is None else unit.scaled(std)


def _magnitude_of_truncated_normals(
    fan: int, source: Stream, progress: Progress | None
) -> Estimate | None:
    trials = _DRAWS // fan
    if trials < 2:
        return None
    stream = source.child(f"compare.truncated_normal.{fan}")
    magnitudes = np.empty(trials)
    step = max(1, _BATCH // fan)
    for start in range(0, trials, step):
        part = slice(start, min(start + step, trials))
        weights = stream.truncated_normal((trials, fan), dtype="float64", region=part)
        magnitudes[part] = np.abs(weights.sum(axis=1))
        if progress:
            progress(weights.size)
    error = float(magnitudes.std(ddof=1)) / math.sqrt(trials)
    return Estimate(float(magnitudes.mean()), error, trials)
