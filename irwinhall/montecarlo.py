"""Monte Carlo estimates of the magnitudes that random weights preserve, with standard errors.

The estimates check the exact values and the article's tables. They simulate the definitions, by
sending ones through a layer of random weights, and use none of the formulas. The weights are those
of `irwinhall.Stream.uniform`, summed in C as they are made: no weight matrix is stored, and an
estimate depends on its arguments alone, not on the number of threads.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from irwinhall import stream
from irwinhall._arguments import checked_count, checked_progress, checked_real
from irwinhall._core import MAX_TRIAL_WEIGHTS, block_trials, layer_scratch, simulate
from irwinhall._keywords import takes
from irwinhall.executors import ordered_map

__all__ = ["Estimate", "LayerEstimate", "layer", "magnitude"]

# Weights drawn between two looks at signals, progress and the standard error: few at first, so that
# little is wasted where few suffice, then enough to hide what a call costs.
_FIRST_BATCH = 1 << 20
_LAST_BATCH = 1 << 26
# The same for an executor, where each batch is a piece and a call may cost milliseconds.
_LAST_PIECE = 1 << 28

# A standard error estimated from fewer trials is too rough to stop by (7 % from this many).
_LEAST_TRIALS = 100
# The most weights that an estimate without `trials` may take: minutes.
_MOST_WEIGHTS = 1 << 40
# Blocks that a batch has at least, where threads are more than that: the most threads of a call.
_MOST_THREADS = 256
# Elements of a stream that C indexes.
_STREAM_LENGTH = 1 << 63

_MAGNITUDE_TRIALS = 1_000_000
_LAYER_TRIALS = 5_000

Progress = Callable[[int], object]


class Estimate(NamedTuple):
    """A mean over independent trials and its standard error.

    Attributes
    ----------
    estimate : float
        The mean.
    standard_error : float
        The standard error of the mean.
    trials : int
        The number of trials.

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

    Attributes
    ----------
    forward : Estimate
        The magnitude of the outputs.
    backward : Estimate
        The magnitude of the inputs' gradients.
    node_average : Estimate
        The mean magnitude of all nodes.

    Examples
    --------
    >>> from irwinhall.montecarlo import LayerEstimate
    >>> LayerEstimate._fields
    ('forward', 'backward', 'node_average')
    """

    forward: Estimate
    backward: Estimate
    node_average: Estimate


@takes("rng", not_="seed")
def magnitude(
    n: int,
    bound: float = 1.0,
    trials: int | None = None,
    *,
    rng: stream.Seed | stream.Stream = 0,
    standard_error: float | None = None,
    threads: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Estimate:
    """Return an estimate of bound A(n), the mean magnitude of w_1 + ... + w_n over trials.

    Parameters
    ----------
    n : int
        Number of weights (fan_in), from 1 to 2**38.
    bound : float
        Half-width of the interval of the weights; finite, at least 0.
    trials : int, optional
        Number of independent sums, at least 2; default 1,000,000. With `standard_error`, the
        maximum number; default as many as 2**40 weights make.
    rng : int, bytes, Stream, numpy.random.SeedSequence, numpy.random.Generator or None
        The source of the weights. Trial t adds the elements t n, ..., t n + n - 1 of
        Stream(rng).uniform.
    standard_error : float, optional
        Positive; run trials until the estimate's standard error is at most this. Trials are added
        in whole blocks, of 2**18 weights or 2048 trials if that is less, and are at least 100.
    threads : int, optional
        Maximum number of threads; default all cores that the process may use, or with an executor
        one for each of its pieces. The estimate does not depend on it.
    executor : concurrent.futures.Executor, optional
        Runs pieces of the trials in processes, or on a Dask cluster (`irwinhall.executors.dask`);
        default in this process. The estimate does not depend on it.
    progress : callable, optional
        Called from time to time with the number of weights drawn since the last call.

    Returns
    -------
    Estimate
        (estimate, standard_error, trials). If `trials` were too few for the wanted
        `standard_error`, it has the one that they reached.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described, or if `standard_error` without `trials` would take more
        than 2**40 weights. This is raised after the first hundred trials, or at once if they are
        already more.

    See Also
    --------
    irwinhall.expected_magnitude : The exact value at bound 1.
    layer : A whole layer, in both directions.

    Notes
    -----
    The sums are exact integers in units of bound 2**-24, so that an estimate is the same on every
    machine. One block of trials is the work of one thread.

    Examples
    --------
    >>> import irwinhall
    >>> estimate = irwinhall.montecarlo.magnitude(100, trials=10_000)
    >>> exact = irwinhall.expected_magnitude(100)
    >>> abs(estimate.estimate - exact) < 5 * estimate.standard_error
    True
    >>> estimate = irwinhall.montecarlo.magnitude(100, standard_error=0.01)
    >>> estimate.standard_error <= 0.01
    True
    """
    n = _checked_size("n", n)
    (estimate,) = _simulated(
        n, None, bound, trials, _MAGNITUDE_TRIALS, rng, standard_error, threads, executor, progress
    )
    return estimate


@takes("rng", not_="seed")
def layer(
    n: int,
    m: int,
    bound: float = 1.0,
    trials: int | None = None,
    *,
    rng: stream.Seed | stream.Stream = 0,
    standard_error: float | None = None,
    threads: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> LayerEstimate:
    """Return estimates of the magnitudes that weights uniform on (-bound, bound) preserve.

    Each trial draws a weight matrix and sends ones through it both ways: the mean ``|output|``, the
    mean ``|gradient of an input|``, and the mean over all n + m nodes.

    Parameters
    ----------
    n : int
        Number of inputs (fan_in), at least 1.
    m : int
        Number of outputs (fan_out), at least 1; n m is at most 2**38.
    bound : float
        Half-width of the interval of the weights; finite, at least 0.
    trials : int, optional
        Number of independent matrices, at least 2; default 5,000. With `standard_error`, the
        maximum number; default as many as 2**40 weights make.
    rng, threads, executor, progress
        As for `magnitude`; trial t takes the t-th (n, m) matrix of Stream(rng).uniform.
    standard_error : float, optional
        As for `magnitude`; all three standard errors are then at most this.

    Returns
    -------
    LayerEstimate
        (forward, backward, node_average), each an `Estimate`.

    Raises
    ------
    TypeError, ValueError
        As for `magnitude`.

    See Also
    --------
    irwinhall.preserved_magnitude : The exact values.
    magnitude : One sum.

    Notes
    -----
    A thread needs memory for m column sums: 4 bytes each, 12 if n is above 255.

    Examples
    --------
    >>> import irwinhall
    >>> estimate = irwinhall.montecarlo.layer(15, 25, trials=1_000)
    >>> exact = irwinhall.preserved_magnitude(15, 25, 1.0)
    >>> abs(estimate.forward.estimate - exact.forward) < 5 * estimate.forward.standard_error
    True
    """
    n, m = _checked_size("n", n), _checked_size("m", m)
    if n * m > MAX_TRIAL_WEIGHTS:
        raise ValueError(f"n m must be at most 2**38, got n = {n} and m = {m}")
    estimates = _simulated(
        n, m, bound, trials, _LAYER_TRIALS, rng, standard_error, threads, executor, progress
    )
    return LayerEstimate(*estimates)


class _Moments:
    """Mean and variance gathered block by block, by Chan's update."""

    def __init__(self) -> None:
        self.count = 0
        self.mean = 0.0
        self.squares = 0.0

    def add(self, count: float, mean: float, squares: float) -> None:
        distance = mean - self.mean
        total = self.count + int(count)
        self.squares += squares + distance**2 * self.count * count / total
        self.mean += distance * count / total
        self.count = total

    def standard_error(self) -> float:
        return math.sqrt(self.squares / (self.count - 1) / self.count)

    def estimate(self) -> Estimate:
        return Estimate(self.mean, self.standard_error(), self.count)


def _simulated(
    n: int,
    m: int | None,
    bound: float,
    trials: int | None,
    default_trials: int,
    rng: stream.Seed | stream.Stream,
    standard_error: float | None,
    threads: int | None,
    executor: Executor | None,
    progress: Progress | None,
) -> list[Estimate]:
    """Return the estimates of a sum (m is None: one) or of a layer (three)."""
    checked_progress(progress)
    bound = _checked_bound(bound)
    weights = n * (m or 1)
    wanted = None if standard_error is None else _checked_error(standard_error)
    if trials is not None:
        most = checked_count("trials", trials, 2)
        if most > _STREAM_LENGTH // weights:
            raise ValueError(
                f"trials must be at most {_STREAM_LENGTH // weights}, 2**63 weights in all, "
                f"got {most}"
            )
    else:
        most = default_trials if wanted is None else _MOST_WEIGHTS // weights
        if wanted is not None and most < _LEAST_TRIALS:
            raise ValueError(
                f"trials must be given with standard_error if {_LEAST_TRIALS} trials are more "
                f"than 2**40 weights, got standard_error {wanted} and {weights} weights per trial"
            )
    source = stream.as_stream(rng)

    if executor is None:
        used = stream.available_cores() if threads is None else checked_count("threads", threads, 1)
        scratch = None if m is None else np.empty(layer_scratch(n, m, used), np.uint8)
        batches = _batches(most, weights, min(used, _MOST_THREADS), _LAST_BATCH)
    else:
        used = 1 if threads is None else checked_count("threads", threads, 1)
        scratch = None  # each piece its own
        batches = _batches(most, weights, min(used, _MOST_THREADS), _LAST_PIECE)
    simulated = partial(_block_moments, source.key, n, m, used, scratch)
    moments = [_Moments() for _ in range(1 if m is None else 3)]
    unsure = wanted is not None and trials is None
    for made in ordered_map(simulated, batches, executor):
        if progress is not None:
            progress(int(made[:, 0, 0].sum()) * weights)
        # The estimate ends after a block, not after a batch, whose size depends on the threads.
        for quantities in made.tolist():
            for gathered, values in zip(moments, quantities, strict=True):
                gathered.add(*values)
            if wanted is not None and moments[0].count >= _LEAST_TRIALS:
                worst = bound * max(gathered.standard_error() for gathered in moments)
                if worst <= wanted:
                    return [gathered.estimate().scaled(bound) for gathered in moments]
                if unsure and (worst / wanted) ** 2 * moments[0].count > most:
                    least = worst * math.sqrt(moments[0].count / most)
                    raise ValueError(
                        f"standard_error must be at least {least:.2g}, which takes 2**40 weights, "
                        f"unless trials are given, got {wanted}"
                    )
                unsure = False
    return [gathered.estimate().scaled(bound) for gathered in moments]


def _batches(most: int, weights: int, least: int, last: int) -> Iterator[tuple[int, int]]:
    """Yield (first trial, trials) of every batch, in whole blocks, `least` of them or more."""
    block = block_trials(weights)
    done, batch = 0, _FIRST_BATCH
    while done < most:
        count = min(max(batch // (block * weights), least) * block, most - done)
        yield done, count
        done += count
        batch = min(2 * batch, last)


def _block_moments(
    key: bytes,
    n: int,
    m: int | None,
    threads: int,
    scratch: NDArray[np.uint8] | None,
    batch: tuple[int, int],
) -> NDArray[np.float64]:
    """Return the (count, mean, squares) of every quantity of every block of a batch."""
    first, count = batch
    if m is not None and scratch is None:
        scratch = np.empty(layer_scratch(n, m, threads), np.uint8)
    quantities = 1 if m is None else 3
    made = np.empty((-(-count // block_trials(n * (m or 1))), quantities, 3))
    simulate(key, n, m, first, count, made, threads, stream.KERNEL, scratch)
    return made


def _checked_size(name: str, value: int) -> int:
    size = checked_count(name, value, 1)
    if size > MAX_TRIAL_WEIGHTS:
        raise ValueError(f"{name} must be at most 2**38, got {size}")
    return size


def _checked_bound(bound: float) -> float:
    value = checked_real("bound", bound)
    if not 0.0 <= value < math.inf:
        raise ValueError(f"bound must be finite and at least 0, got {value}")
    return value


def _checked_error(standard_error: float) -> float:
    value = checked_real("standard_error", standard_error)
    if not 0.0 < value < math.inf:
        raise ValueError(f"standard_error must be finite and positive, got {value}")
    return value
