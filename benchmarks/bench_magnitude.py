"""Scalar calls beside math.hypot, arrays beside the article's approximations in NumPy."""

from __future__ import annotations

import math
import timeit
from collections.abc import Callable

import numpy as np
import pytest

import irwinhall
from irwinhall import approximations, exact

CALLS = 200_000


def repeated(function: Callable[..., object], *arguments: int) -> Callable[[], object]:
    """Return a callable that makes CALLS calls in timeit's loop."""
    listed = ", ".join(map(str, arguments))
    timer = timeit.Timer(f"f({listed})", globals={"f": function})
    return lambda: timer.timeit(CALLS)


@pytest.mark.parametrize(("n", "m"), [(784, 256), (16384, 4096)], ids=["784x256", "16384x4096"])
def bench_scalar_bound(versus, n, m):
    ours = repeated(irwinhall.letkeman_bound, n, m)
    versus(ours, {"math.hypot": repeated(math.hypot, n, m)}, calls=CALLS)


def bench_scalar_standard_bound(versus):
    ours = repeated(irwinhall.letkeman_bound, 784)
    versus(ours, {"math.hypot": repeated(math.hypot, 784, 256)}, calls=CALLS)


def bench_scalar_magnitude(versus):
    ours = repeated(irwinhall.expected_magnitude, 784)
    versus(ours, {"math.hypot": repeated(math.hypot, 784, 256)}, calls=CALLS)


SIDE = np.arange(1, 1001)
ARRAYS = {
    "grid 1000x1000": tuple(np.meshgrid(SIDE, SIDE, indexing="ij")),
    "open grid 1000x1000": np.ix_(SIDE, SIDE),
    "random 10^6": tuple(np.random.default_rng(1).integers(1, 10**5, size=(2, 10**6))),
}


@pytest.mark.parametrize("arrays", ARRAYS)
def bench_array_normalized(versus, arrays):
    n, m = ARRAYS[arrays]
    bound = irwinhall.letkeman_bound(n, m)
    # The rival's bound is sqrt(6/(n + m)) over this; it is not charged for that last step.
    preserved = approximations.article_normalized(n, m)
    np.testing.assert_allclose(bound * preserved / np.sqrt(6.0 / (n + m)), 1.0, rtol=0.12)
    versus(
        lambda: irwinhall.letkeman_bound(n, m),
        {"article in NumPy": lambda: approximations.article_normalized(n, m)},
        calls=bound.size,
    )


def bench_array_standard(versus):
    n = ARRAYS["random 10^6"][0]
    versus(
        lambda: irwinhall.letkeman_bound(n),
        {"article in NumPy": lambda: approximations.article_standard(n)},
        calls=n.size,
    )


def bench_exact_fraction(versus):
    versus(lambda: exact.letkeman_bound(784, 256), {})


def bench_exact_50_digits(versus):
    versus(lambda: exact.letkeman_bound_mp(784, 256, dps=50), {})
