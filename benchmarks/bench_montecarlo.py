"""The article's two simulations, at its numbers of trials, beside its Python script and NumPy.

The script is written anew from the algorithm that the article describes: Python loops over
random.uniform, and for layers a list of rows, added up both ways. The rivals run a part of the
trials, and their times are multiplied by what is missing: all of them take time in proportion.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest

import irwinhall
from irwinhall import article, montecarlo, stream

SUMS = (1, 5, 25, 100, 300, 1000)
LAYERS = ((1, 1), (5, 5), (100, 1), (15, 25), (10, 100), (100, 50), (100, 300), (1000, 10))
LAYERS += ((1, 10_000), (3, 10_000))
CORES = stream.available_cores()
THREADS = sorted({1, CORES})
STANDARD_TRIALS, NORMALIZED_TRIALS = article.STANDARD_TRIALS, article.NORMALIZED_TRIALS
# Trials of a rival's part; the article's numbers are multiples of these.
SCRIPT_SUMS, NUMPY_SUMS = 100, 1000
SCRIPT_LAYERS, NUMPY_LAYERS = 1, 10

GENERATOR = np.random.default_rng(1)


# ---- rivals: each returns the mean over its trials -----------------------------------------------


def script_sum(n: int, bound: float, trials: int) -> float:
    total = 0.0
    for _ in range(trials):
        value = 0.0
        for _ in range(n):
            value += random.uniform(-bound, bound)
        total += abs(value)
    return total / trials


def script_layer(n: int, m: int, bound: float, trials: int) -> float:
    total = 0.0
    for _ in range(trials):
        weights = [[random.uniform(-bound, bound) for _ in range(m)] for _ in range(n)]
        gradients = 0.0
        for i in range(n):
            value = 0.0
            for j in range(m):
                value += weights[i][j]
            gradients += abs(value)
        outputs = 0.0
        for j in range(m):
            value = 0.0
            for i in range(n):
                value += weights[i][j]
            outputs += abs(value)
        total += (outputs + gradients) / (n + m)
    return total / trials


def numpy_sum(n: int, bound: float, trials: int) -> float:
    # Sums over the first axis add whole rows, which NumPy vectorizes for any n.
    return float(np.abs(GENERATOR.uniform(-bound, bound, (n, trials)).sum(axis=0)).mean())


def numpy_layer(n: int, m: int, bound: float, trials: int) -> float:
    weights = GENERATOR.uniform(-bound, bound, (trials, n, m))
    outputs = np.abs(weights.sum(axis=1)).sum(axis=1)
    gradients = np.abs(weights.sum(axis=2)).sum(axis=1)
    return float(((outputs + gradients) / (n + m)).mean())


# ---- the tables ----------------------------------------------------------------------------------


def sums(function: Callable[[int, float, int], object], trials: int) -> Callable[[], None]:
    """Return a callable that runs the sums of the article's standard table."""

    def run() -> None:
        for n in SUMS:
            function(n, 1.0, trials)

    return run


def layers(function: Callable[[int, int, float, int], object], trials: int) -> Callable[[], None]:
    """Return a callable that runs the layers of the article's normalized table."""

    def run() -> None:
        for n, m in LAYERS:
            function(n, m, 1.0, trials)

    return run


def both(first: Callable[[], None], second: Callable[[], None]) -> Callable[[], None]:
    """Return a callable that runs one after the other."""

    def run() -> None:
        first()
        second()

    return run


def our_sums(threads: int) -> Callable[[], None]:
    """Return a callable that runs our standard table."""
    return sums(lambda n, b, t: montecarlo.magnitude(n, b, t, threads=threads), STANDARD_TRIALS)


def our_layers(threads: int) -> Callable[[], None]:
    """Return a callable that runs our normalized table."""
    return layers(
        lambda n, m, b, t: montecarlo.layer(n, m, b, t, threads=threads), NORMALIZED_TRIALS
    )


def check_answers() -> None:
    """Compare every rival's answer for one size with the exact one."""
    for function, trials in ((script_sum, 5000), (numpy_sum, 5000)):
        assert function(25, 0.5, trials) == pytest.approx(
            0.5 * irwinhall.expected_magnitude(25), rel=5 * 0.76 / trials**0.5
        )
    exact = irwinhall.preserved_magnitude(15, 25, 0.5).node_average
    for layer_function, trials in ((script_layer, 200), (numpy_layer, 1000)):
        assert layer_function(15, 25, 0.5, trials) == pytest.approx(exact, rel=0.05)


@pytest.mark.parametrize("threads", THREADS, ids=lambda n: f"{n} threads" if n > 1 else "1 thread")
def bench_standard_table(versus, threads):
    check_answers()
    versus(
        our_sums(threads),
        {
            "article's script": sums(script_sum, SCRIPT_SUMS),
            "NumPy": sums(numpy_sum, NUMPY_SUMS),
        },
        rounds=9,
        calls=article.uniforms_drawn(STANDARD_TRIALS, 0),
        parts={
            "article's script": STANDARD_TRIALS // SCRIPT_SUMS,
            "NumPy": STANDARD_TRIALS // NUMPY_SUMS,
        },
    )


@pytest.mark.parametrize("threads", THREADS, ids=lambda n: f"{n} threads" if n > 1 else "1 thread")
def bench_normalized_table(versus, threads):
    versus(
        our_layers(threads),
        {
            "article's script": layers(script_layer, SCRIPT_LAYERS),
            "NumPy": layers(numpy_layer, NUMPY_LAYERS),
        },
        rounds=9,
        calls=article.uniforms_drawn(0, NORMALIZED_TRIALS),
        parts={
            "article's script": NORMALIZED_TRIALS // SCRIPT_LAYERS,
            "NumPy": NORMALIZED_TRIALS // NUMPY_LAYERS,
        },
    )


def bench_both_tables(versus):
    # One part for both tables: 1 of 5000 trials.
    part = NORMALIZED_TRIALS // SCRIPT_LAYERS
    sum_trials = STANDARD_TRIALS // part
    versus(
        both(our_sums(CORES), our_layers(CORES)),
        {"article's script": both(sums(script_sum, sum_trials), layers(script_layer, 1))},
        rounds=9,
        calls=article.uniforms_drawn(STANDARD_TRIALS, NORMALIZED_TRIALS),
        parts={"article's script": part},
    )
