"""Monte Carlo estimates of the magnitudes that random weights preserve, with standard errors.

The estimates check the exact values and the article's tables; they simulate what the definitions
say, a layer of ones through random weights, and use none of the formulas.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from operator import index
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Estimate", "LayerEstimate", "layer", "magnitude"]

# Uniforms drawn at a time: 8 MiB of them.
_BATCH = 1 << 20

Progress = Callable[[int], object]


class Estimate(NamedTuple):
    """A mean over independent trials and its standard error.

    Examples
    --------
    >>> from irwinhall.montecarlo import Estimate
    >>> Estimate(estimate=0.5, standard_error=0.25, trials=100).scaled(-2)
    Estimate(estimate=-1.0, standard_error=0.5, trials=100)
    """

    estimate: float
    standard_error: float
    trials: int

    def scaled(self, factor: float) -> Estimate:
        """Return the estimate of `factor` times the same quantity."""
        return Estimate(self.estimate * factor, self.standard_error * abs(factor), self.trials)


class LayerEstimate(NamedTuple):
    """The magnitudes of the outputs, of the inputs' gradients, and of all nodes together.

    Examples
    --------
    >>> from irwinhall.montecarlo import LayerEstimate
    >>> LayerEstimate._fields
    ('forward', 'backward', 'node_average')
    """

    forward: Estimate
    backward: Estimate
    node_average: Estimate


def magnitude(
    n: int,
    bound: float = 1.0,
    trials: int = 1_000_000,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> Estimate:
    """Return an estimate of bound A(n), the mean of |w_1 + ... + w_n| over trials.

    Parameters
    ----------
    n : int
        Number of weights (fan_in), at least 1.
    bound : float
        Half-width of the weights' uniform law; finite, at least 0.
    trials : int
        Number of independent sums, at least 2.
    seed : int
        Seed of the NumPy generator; the same seed gives the same estimate.
    progress : callable, optional
        Called now and then with the number of uniforms drawn since the last call.

    Returns
    -------
    Estimate
        (estimate, standard_error, trials).

    Raises
    ------
    TypeError, ValueError
        If n, trials or bound is not as described.

    Examples
    --------
    >>> import irwinhall
    >>> estimate = irwinhall.montecarlo.magnitude(100, trials=10_000)
    >>> exact = irwinhall.expected_magnitude(100)
    >>> abs(estimate.estimate - exact) < 5 * estimate.standard_error
    True
    """
    n = _checked_count("n", n, 1)
    trials = _checked_count("trials", trials, 2)
    bound = _checked_bound(bound)
    generator = np.random.default_rng(seed)
    moments = _Moments()
    for size in _batches(trials, n):
        # Sums over the first axis add whole rows, which NumPy vectorizes for any n.
        sums = generator.uniform(-1.0, 1.0, size=(n, size)).sum(axis=0)
        moments.add(np.abs(sums))
        if progress:
            progress(n * size)
    return moments.estimate().scaled(bound)


def layer(
    n: int,
    m: int,
    bound: float = 1.0,
    trials: int = 5_000,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> LayerEstimate:
    """Return estimates of what an n by m layer of weights uniform on (-bound, bound) preserves.

    Each trial draws a weight matrix and sends ones through it both ways: the mean |output|, the
    mean |gradient of an input|, and the mean over all n + m nodes.

    Parameters
    ----------
    n : int
        Number of inputs (fan_in), at least 1.
    m : int
        Number of outputs (fan_out), at least 1.
    bound : float
        Half-width of the weights' uniform law; finite, at least 0.
    trials : int
        Number of independent matrices, at least 2.
    seed : int
        Seed of the NumPy generator; the same seed gives the same estimates.
    progress : callable, optional
        Called now and then with the number of uniforms drawn since the last call.

    Returns
    -------
    LayerEstimate
        (forward, backward, node_average), each an `Estimate`.

    Raises
    ------
    TypeError, ValueError
        If n, m, trials or bound is not as described.

    Examples
    --------
    >>> import irwinhall
    >>> estimate = irwinhall.montecarlo.layer(15, 25, trials=1_000)
    >>> exact = irwinhall.preserved_magnitude(15, 25, 1.0)
    >>> abs(estimate.forward.estimate - exact.forward) < 5 * estimate.forward.standard_error
    True
    """
    n = _checked_count("n", n, 1)
    m = _checked_count("m", m, 1)
    trials = _checked_count("trials", trials, 2)
    bound = _checked_bound(bound)
    generator = np.random.default_rng(seed)
    forward, backward, node_average = _Moments(), _Moments(), _Moments()
    for size in _batches(trials, n * m):
        weights = generator.uniform(-1.0, 1.0, size=(size, n, m))
        outputs = np.abs(weights.sum(axis=1)).mean(axis=1)
        gradients = np.abs(weights.sum(axis=2)).mean(axis=1)
        forward.add(outputs)
        backward.add(gradients)
        node_average.add((m * outputs + n * gradients) / (n + m))
        if progress:
            progress(weights.size)
    return LayerEstimate(
        forward.estimate().scaled(bound),
        backward.estimate().scaled(bound),
        node_average.estimate().scaled(bound),
    )


class _Moments:
    """Mean and variance gathered batch by batch, by Chan's update."""

    def __init__(self) -> None:
        self.count = 0
        self.mean = 0.0
        self.squares = 0.0

    def add(self, values: NDArray[np.float64]) -> None:
        count, mean = values.size, float(values.mean())
        distance = mean - self.mean
        total = self.count + count
        self.squares += float(((values - mean) ** 2).sum())
        self.squares += distance**2 * self.count * count / total
        self.mean += distance * count / total
        self.count = total

    def estimate(self) -> Estimate:
        variance = self.squares / (self.count - 1)
        return Estimate(self.mean, math.sqrt(variance / self.count), self.count)


def _batches(trials: int, uniforms_per_trial: int) -> list[int]:
    size = max(1, _BATCH // uniforms_per_trial)
    full, rest = divmod(trials, size)
    return [size] * full + ([rest] if rest else [])


def _checked_count(name: str, value: int, least: int) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be an integer, got {value!r} ({type(value).__name__})")
    if index(value) < least:
        raise ValueError(f"{name} must be at least {least}, got {value}")
    return index(value)


def _checked_bound(bound: float) -> float:
    if isinstance(bound, (bool, str)):
        raise TypeError(f"bound must be a real number, got {bound!r} ({type(bound).__name__})")
    value = float(bound)
    if not (math.isfinite(value) and value >= 0.0):
        raise ValueError(f"bound must be finite and at least 0, got {value}")
    return value
