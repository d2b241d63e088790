"""Scalar calls beside math.hypot, arrays beside the article's approximations in plain NumPy.

The approximations are written here without a check of their arguments, which makes them three times
as fast as irwinhall.approximations.FORMS, whose values they must have.
"""

from __future__ import annotations

import ctypes
import itertools
import math
import subprocess
import sysconfig
import tempfile
import timeit
from collections.abc import Callable
from pathlib import Path

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


def article_normalized(n, m):
    """Return the article's approximation of the normalized bound."""
    low, high = np.minimum(n, m), np.maximum(n, m)
    a = 0.793 + 0.073 / np.sqrt(6.0 * low - 5.0)
    b = 1.08 - 0.08 / np.sqrt(6.0 * (high - low + 1) - 5.0)
    c = 1.0 / np.sqrt(0.5 * (high / low) + 0.5)
    return np.sqrt(6.0 / (n + m)) / (a * b * c)


def article_standard(n):
    """Return the bound by the article's approximation of the magnitude."""
    by_hand = [0.5, 0.471404520791, 0.469097093716]
    formula = 0.461 + 0.039 / (2.0 * n - 1.0)
    return 1.0 / (np.sqrt(n) * np.select([n == 1, n == 2, n == 3], by_hand, formula))


@pytest.mark.parametrize("arrays", ARRAYS)
def bench_array_normalized(versus, arrays):
    n, m = ARRAYS[arrays]
    form = approximations.FORMS["article_normalized"]
    bound, rival = irwinhall.letkeman_bound(n, m), article_normalized(n, m)
    np.testing.assert_allclose(rival, form(n, m), rtol=1e-14)
    np.testing.assert_allclose(rival, bound, rtol=form.max_relative_error)
    versus(
        lambda: irwinhall.letkeman_bound(n, m),
        {"article in NumPy": lambda: article_normalized(n, m)},
        calls=bound.size,
    )


def bench_array_standard(versus):
    n = ARRAYS["random 10^6"][0]
    form = approximations.FORMS["article_standard"]
    bound, rival = irwinhall.letkeman_bound(n), article_standard(n)
    np.testing.assert_allclose(rival, 1.0 / form(n), rtol=1e-14)
    # The form's error is that of the magnitude, which the bound is 1 over.
    np.testing.assert_allclose(1.0 / rival, 1.0 / bound, rtol=form.max_relative_error)
    versus(
        lambda: irwinhall.letkeman_bound(n),
        {"article in NumPy": lambda: article_standard(n)},
        calls=n.size,
    )


@pytest.fixture(scope="module")
def five_operations():
    """Return loop(n, m, out): the square roots and divisions of a bound, and nothing else."""
    source = Path(__file__).with_name("five_operations.c")
    with tempfile.TemporaryDirectory() as directory:
        library = Path(directory) / "five_operations.so"
        compiler = sysconfig.get_config_var("CC").split()
        flags = ["-std=gnu11", "-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"]
        flags += ["-shared", "-fPIC", f"-I{source.parent.parent / 'src_c'}"]
        subprocess.run([*compiler, *flags, str(source), "-o", str(library), "-lm"], check=True)
        loaded = ctypes.CDLL(str(library))
    loaded.five_operations.argtypes = [ctypes.c_size_t, *[ctypes.c_void_p] * 3]
    return lambda n, m, out: loaded.five_operations(
        n.size, n.ctypes.data, m.ctypes.data, out.ctypes.data
    )


@pytest.mark.parametrize("size", [2**14, 10**6], ids=["random 2^14 to 10^5", "random 10^6 to 10^5"])
def bench_five_operations(versus, five_operations, size):
    """Sizes to 10^5, of which every hundredth is small enough for the table."""
    n, m = np.random.default_rng(1).integers(1, 10**5, size=(2, size))
    out, stored = np.empty(size), np.empty(size)
    repeats = 10**6 // size

    def ours() -> None:
        for _ in range(repeats):
            irwinhall.letkeman_bound(n, m, out=out)

    def loop() -> None:
        for _ in range(repeats):
            five_operations(n, m, stored)

    versus(ours, {"2 square roots, 3 divisions": loop}, calls=repeats * size)
    np.testing.assert_allclose(stored, 1.0 / (n**-0.5 + m**-0.5), rtol=1e-14)


def bench_exact_fraction(versus):
    versus(lambda: exact.letkeman_bound(784, 256), {})


def bench_exact_50_digits(versus):
    sizes = itertools.count(256)  # magnitudes are kept: every call needs sizes of its own
    versus(lambda: exact.letkeman_bound_mp(next(sizes), next(sizes), dps=50), {})
