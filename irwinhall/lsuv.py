"""LSUV: rescale weights layer by layer until the outputs of all layers have unit variance.

D. Mishkin and J. Matas, "All you need is a good init", 2016. Unlike the schemes of
`irwinhall.schemes` it uses data and the actual weights: it needs whole weights, not shards, and is
a separate step after `irwinhall.sample_weights`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

import numpy as np

from irwinhall._arguments import checked_count, checked_real

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["LayerReport", "Rescaled", "rescale"]

Result = TypeVar("Result")
Layer: TypeAlias = "Callable[[NDArray[Any], NDArray[Any]], ArrayLike]"


class LayerReport(NamedTuple):
    """The result of `rescale` for one layer.

    Attributes
    ----------
    variance_before, variance_after : float
        Variance of all values of the layer's output, with all layers before it rescaled.
    factor : float
        The factor by which its weights were multiplied.
    iterations : int
        The number of rescalings.
    converged : bool
        Whether variance_after is within the tolerance.

    Examples
    --------
    >>> from irwinhall.lsuv import LayerReport
    >>> LayerReport(4.0, 1.0, 0.5, 1, True).factor
    0.5
    """

    variance_before: float
    variance_after: float
    factor: float
    iterations: int
    converged: bool


class Rescaled(NamedTuple):
    """The weights that `rescale` found, and a report of each layer.

    Attributes
    ----------
    weights : list of ndarray
        The rescaled weights.
    reports : list of LayerReport
        A report of each layer.

    Examples
    --------
    >>> from irwinhall.lsuv import Rescaled
    >>> Rescaled._fields
    ('weights', 'reports')
    """

    weights: list[NDArray[Any]]
    reports: list[LayerReport]


def rescale(
    layers: Sequence[Layer],
    weights: Sequence[ArrayLike],
    inputs: ArrayLike,
    *,
    variance: float = 1.0,
    tolerance: float = 0.01,
    max_iterations: int = 10,
) -> Rescaled:
    """Return weights that give the output of every layer the wanted variance on a batch.

    Each layer in turn runs on the output of the one before, and its weights are multiplied by
    sqrt(variance / variance of its output) until the latter is within the tolerance.

    Parameters
    ----------
    layers : sequence of callable
        Each takes (weights, input) and returns the output, whose variance is measured and which is
        the input of the next layer. The article measures before the activation: let each layer
        apply the previous layer's activation to its input, then the weights.
    weights : sequence of array
        The initial weights, floating point, one array per layer; the article starts from
        "orthogonal". They are not changed.
    inputs : array
        A batch of data, the input of the first layer.
    variance : float
        The variance to reach; finite and positive.
    tolerance : float
        The largest relative difference of an output's variance from `variance`; positive.
    max_iterations : int
        Maximum number of rescalings of a layer, at least 1. Once is enough if the output is
        proportional to the weights.

    Returns
    -------
    Rescaled
        (weights, reports): new arrays of the same types, and a `LayerReport` of each layer. It
        tells if a layer did not converge, as when an activation limits its variance.

    Raises
    ------
    TypeError
        If layers are not a sequence of callables or weights not floating point.
    ValueError
        If there is not one weight per layer, or a number is not as described.
    ArithmeticError
        If an output is not finite (OverflowError), or has no variance, as of a dead layer
        (ZeroDivisionError). The message names the layer.

    See Also
    --------
    irwinhall.sample_weights : Weights to start from.

    Examples
    --------
    >>> import irwinhall
    >>> import numpy as np
    >>> from irwinhall import lsuv
    >>> sizes = [(64, 100), (100, 100), (100, 10)]
    >>> weights = [
    ...     irwinhall.sample_weights(size, "orthogonal", rng=1, name=f"{i}")
    ...     for i, size in enumerate(sizes)
    ... ]
    >>> first = lambda w, x: x @ w
    >>> after_relu = lambda w, x: np.maximum(x, 0) @ w
    >>> batch = irwinhall.Stream(2).normal((500, 64))
    >>> weights, reports = lsuv.rescale([first, after_relu, after_relu], weights, batch)
    >>> [f"{report.variance_before:.1f} {report.variance_after:.3f}" for report in reports]
    ['0.6 1.000', '0.5 1.000', '0.4 1.000']
    """
    arrays = _checked(layers, weights)
    variance = checked_positive("variance", variance)
    tolerance = checked_positive("tolerance", tolerance)
    max_iterations = checked_count("max_iterations", max_iterations, 1)

    signal: NDArray[Any] = np.asarray(inputs)
    reports = []
    for number, (layer, given) in enumerate(zip(layers, arrays, strict=True)):
        run = partial(_scaled, number, layer, given, signal)
        (arrays[number], signal), report = rescale_until(
            f"layers[{number}]", run, variance, tolerance, max_iterations
        )
        reports.append(report)
    return Rescaled(arrays, reports)


def rescale_until(
    name: str,
    run: Callable[[float], tuple[Result, float]],
    variance: float,
    tolerance: float,
    max_iterations: int,
) -> tuple[Result, LayerReport]:
    """Rescale a layer until its output has the variance; return its result and the report.

    `run` takes the factor on the weights, and returns any result and the variance of the output.
    """
    factor, iterations = 1.0, 0
    result, reached = run(factor)
    before = reached
    while abs(reached - variance) > tolerance * variance and iterations < max_iterations:
        if reached == 0.0:
            raise ZeroDivisionError(
                f"{name} is dead: its output has the variance 0 for these inputs"
            )
        factor *= math.sqrt(variance / reached)
        iterations += 1
        result, reached = run(factor)
    converged = abs(reached - variance) <= tolerance * variance
    return result, LayerReport(before, reached, factor, iterations, converged)


def _checked(layers: Sequence[Layer], weights: Sequence[ArrayLike]) -> list[NDArray[Any]]:
    """Return copies of the weights."""
    for name, value, of in (("layers", layers, "callables"), ("weights", weights, "arrays")):
        # A callable module of torch may have a length; an array without axes has none.
        if (
            not hasattr(value, "__len__")
            or (callable(value) and not isinstance(value, Sequence))
            or getattr(value, "ndim", 1) == 0
        ):
            raise TypeError(
                f"{name} must be a sequence of {of}, got {value!r} ({type(value).__name__})"
            )
    if len(weights) != len(layers):
        raise ValueError(
            f"weights must be one array per layer, got {len(weights)} for {len(layers)} layers"
        )
    arrays = []
    for number, (layer, weight) in enumerate(zip(layers, weights, strict=True)):
        if not callable(layer):
            raise TypeError(
                f"layers[{number}] must be callable, got {layer!r} ({type(layer).__name__})"
            )
        array = np.array(weight)
        # To NumPy bfloat16 is not a float; an integer would not keep a factor.
        if array.dtype.kind != "f" and array.dtype.name != "bfloat16":
            raise TypeError(f"weights[{number}] must be floating point, got {array.dtype}")
        arrays.append(array)
    return arrays


def _scaled(
    number: int, layer: Layer, given: NDArray[Any], signal: NDArray[Any], factor: float
) -> tuple[tuple[NDArray[Any], NDArray[Any]], float]:
    """Return the scaled weights and the layer's output, and the variance of that."""
    weights = given
    if factor != 1.0:
        # Scale the given weights, so that they are rounded once, however many iterations.
        weights = (given.astype(np.float64) * factor).astype(given.dtype)
    output, variance = _run(number, layer, weights, signal)
    return (weights, output), variance


def _run(
    number: int, layer: Layer, weights: NDArray[Any], signal: NDArray[Any]
) -> tuple[NDArray[Any], float]:
    """Return the layer's output and its variance."""
    output: NDArray[Any] = np.asarray(layer(weights, signal))
    values = output.astype(np.float64)
    if values.size == 0:
        raise ValueError(f"layers[{number}] must return values, got the shape {output.shape}")
    with np.errstate(over="ignore", invalid="ignore"):
        variance = float(values.var())
    if not math.isfinite(variance):
        raise OverflowError(f"layers[{number}] must return finite values of finite variance")
    return output, variance


def checked_positive(name: str, value: object) -> float:
    """Return a finite positive real number as a float."""
    number = checked_real(name, value)
    if not 0.0 < number < math.inf:
        raise ValueError(f"{name} must be finite and positive, got {number}")
    return number
