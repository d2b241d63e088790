"""Mean squares and magnitudes of signals and gradients in networks of infinite width.

Pre-activations are then normal, and the gradients that reach a layer are independent of them
(mean-field theory: Poole et al. 2016, Schoenholz et al. 2017; with batch normalization Yang et al.
2019). With q_l the mean square of z_l, and z standard normal,

    q_l = r q_{l-1} + a^2 F_l E f(s z)^2              s = sqrt(q_{l-1}), 1 behind a normalization
    G_{l-1} = G_l (r + a^2 B_l E f'(s z)^2 / d)       d = what the normalization divides by, squared

F_l is fan_in E w^2 and B_l fan_out E w^2. r = 1 with residual branches, of factor a, else r = 0 and
a = 1. Layer and RMS normalization divide by the root of d = q_{l-1}. Batch normalization does, in
the limit of large batches, by that of d = q_{l-1} - c_{l-1}, with c the covariance of two samples,
which is that of f's mean: c_l = r c_{l-1} + a^2 F_l (E f(z))^2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from irwinhall.gains import Activation, Moments, moments

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.float64]

__all__ = ["Factors", "mean_field"]

_NORMAL_MAGNITUDE = math.sqrt(2.0 / math.pi)
# Smaller variances than this have the moments of this one, which are those of f's part in z.
_LEAST = 1e-200


class Factors(NamedTuple):
    """The factors of a layer's weights on mean squares, forward and backward."""

    forward: float
    backward: float


def mean_field(
    layers: Sequence[Factors],
    activation: Activation,
    normalization: str | None,
    residual: float | None,
) -> tuple[Array, Array, Array, Array]:
    """Return magnitudes and mean squares of signals, then those of gradients, of every layer."""
    factor = 1.0 if residual is None else residual**2

    def kept(value: float) -> float:
        # What goes past the branch: not 0 times a value that may be infinite.
        return 0.0 if residual is None else value

    depth = len(layers)
    signals, gradients = np.ones(depth + 1), np.ones(depth + 1)
    backward_magnitudes = np.full(depth + 1, _NORMAL_MAGNITUDE)
    read: list[tuple[Moments, float]] = []  # of every layer, what it reads, and d
    covariance = 0.0
    for number, layer in enumerate(layers, 1):
        square = signals[number - 1]
        found = _moments(activation, 1.0 if normalization else square)
        divisor = 1.0
        if normalization:
            divisor = square - (covariance if normalization == "batch" else 0.0)
        read.append((found, divisor))
        signals[number] = kept(square) + factor * layer.forward * found.square
        covariance = kept(covariance) + factor * layer.forward * found.mean * found.mean
    for number in range(depth, 0, -1):
        found, divisor = read[number - 1]
        # Of what comes through the weights, before f'.
        arriving = factor * layers[number - 1].backward * gradients[number] / divisor
        gradients[number - 1] = kept(gradients[number]) + arriving * found.slope_square
        # A sum of products of normals and f' has no such form.
        backward_magnitudes[number - 1] = (
            _NORMAL_MAGNITUDE * np.sqrt(arriving) * found.slope_magnitude
            if residual is None
            else math.nan
        )
    forward_magnitudes: Array = _NORMAL_MAGNITUDE * np.sqrt(signals)
    return forward_magnitudes, signals, backward_magnitudes, gradients


def _moments(activation: Activation, variance: float) -> Moments:
    if not math.isfinite(variance):
        return Moments(math.inf, math.inf, math.nan, math.nan)
    try:
        found = moments(activation, max(float(variance), _LEAST))
    except (ValueError, ArithmeticError):  # beyond the doubles, or an uncertain integral
        return Moments(math.nan, math.nan, math.nan, math.nan)
    if variance < _LEAST and float(activation(0.0)) == 0.0:
        found = found._replace(square=found.square / _LEAST * variance)
    return found
