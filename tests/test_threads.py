"""Many threads at once: every kind of call gives the values that it gives alone."""

import multiprocessing
import os
import subprocess
import sys
import sysconfig
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import cache

import numpy as np
import pytest

import irwinhall
from irwinhall import exact

THREADS = 6
VARIANTS = 3  # each the call of two threads
# What all threads share.
SIZES = np.arange(1, 3001).reshape(3, -1)
POINTS = np.linspace(0.0, 20.0, 100)
WEIGHTS = np.array([[3.0, 1.0, -2.0, 0.5], [1.0, 0.0, 7.0, 2.0], [0.1, 0.2, 0.3, 0.4]])


@cache
def stream():
    """Return the stream of all threads of a process, as the weights of a model share one."""
    return irwinhall.Stream(7, "layer")


def weights_of(scheme, k, **how):
    return irwinhall.sample_weights((24, 16 + k), scheme, rng=stream(), name="w", **how)


def refusal(k):
    with pytest.raises(ValueError, match="index") as caught:
        irwinhall.letkeman_bound([1, -k])
    return str(caught.value)


# One entry for each kind of state that calls could share: functions of 0, 1 and 2. The first use of
# modules, kernels and caches is in threads, too.
CALLS = {
    "magnitude": lambda k: irwinhall.expected_magnitude(SIZES[k]),
    "bound": lambda k: [irwinhall.letkeman_bound(n, 10**n + k) for n in range(1, 18)],
    "bounds": lambda k: irwinhall.letkeman_bound(SIZES, SIZES[k], out=np.empty(SIZES.shape)),
    "bounds in pieces": lambda k: irwinhall.letkeman_bound(np.arange(1 + k, 150_000)),
    "preserved": lambda k: irwinhall.preserved_magnitude(SIZES, 5, 0.25 * k),
    "refused": refusal,
    "kernels": lambda k: irwinhall.kernels()[k:],
    "uniform": lambda k: stream().uniform((70, 30), 0.5 + k, dtype="float16"),
    "normal": lambda k: stream().child(str(k)).normal(300_000, threads=2),
    "out": lambda k: stream().normal((90, 30), out=np.empty((30, 90)).T, std=1.0 + k),
    "truncated normal": lambda k: irwinhall.Stream(k).truncated_normal(99, low=-1.5, high=2.5 + k),
    "interval": lambda k: stream().log_uniform(99, low=1e-3, high=2.0 + k, dtype="float64"),
    "permutation": lambda k: stream().permutation(500 + k),
    "region": lambda k: stream().uniform((70, 30), region=(slice(9, 40), slice(k, 30))),
    "fans": lambda k: irwinhall.fans((3 + k, 3, 16, 32), layout="keras.conv"),
    "letkeman": lambda k: weights_of("letkeman", k),
    "orthogonal": lambda k: weights_of("orthogonal", k),
    "truncated scheme": lambda k: weights_of("truncated_normal", k, gain=0.02, low=-3.0 - k),
    "gain": lambda k: [irwinhall.gain(name, at=2.0 + k) for name in ("gelu", "silu")],
    "statistics": lambda k: irwinhall.schemes.statistics("truncated_normal", 9, 5 + k, gain=1.0),
    "recipe": lambda k: repr(irwinhall.recipes.recipe(["Qwen3", "gpt2", "mamba2"][k])),
    "simulated sum": lambda k: irwinhall.montecarlo.magnitude(50 + k, trials=5000, threads=2),
    "simulated layer": lambda k: irwinhall.montecarlo.layer(9, 5 + k, trials=500, threads=2),
    "depths": lambda k: irwinhall.flow.predict(["letkeman"], width=64 + k, depth=5),
    "forms": lambda k: [form.as_c() for form in irwinhall.approximations.closed_forms()[k:]],
    "fraction": lambda k: irwinhall.exact.letkeman_bound(30, 20 + k),
    "digits": lambda k: irwinhall.exact.letkeman_bound_mp(784, 256, dps=30 + 20 * k).man_exp,
    "distribution": lambda k: irwinhall.distribution.cdf(POINTS, SIZES[0, k : k + 9, np.newaxis]),
    "quantiles": lambda k: irwinhall.distribution.isf([0.1, 1e-200], 30 + k),
    "weighted": lambda k: irwinhall.distribution.weighted_cdf(POINTS, WEIGHTS[k]),
    "weighted quantiles": lambda k: irwinhall.distribution.weighted_ppf([0.1, 0.9], WEIGHTS[k]),
    "magnitude of weights": lambda k: irwinhall.expected_magnitude_of(WEIGHTS[k]),
    "scipy": lambda k: irwinhall.stats.irwinhall(5, loc=k).ppf([0.2, 0.4]),
    "moments": lambda k: irwinhall.stats.irwinhall.moment(8, 5 + k),
    "entropy": lambda k: float(irwinhall.stats.bates.entropy(20 + k)),
    "draws": lambda k: irwinhall.stats.irwinhall.rvs(4, size=50, random_state=k),
    "edgington": lambda k: irwinhall.stats.edgington([0.01, 0.2, 0.1], weights=[3.0, 1.0, 2.0 + k]),
    "spacing": lambda k: irwinhall.stats.rao_critical_value(12 + k),
    "coverage": lambda k: irwinhall.stats.coverage_factor([1.0, 0.2 + k], p=0.99),
}


def exactly(value):
    """Return a value in a form that == compares to the last bit."""
    if isinstance(value, np.ndarray):
        return value.shape, value.dtype.str, value.tobytes()
    if isinstance(value, tuple | list):
        return type(value).__name__, [exactly(each) for each in value]
    return repr(value)


def at_once(function, arguments):
    """Return the values of a function, which threads that start together call at the same time."""
    start = threading.Barrier(len(arguments))

    def work(argument):
        start.wait()
        return function(argument)

    with ThreadPoolExecutor(len(arguments)) as pool:
        return list(pool.map(work, arguments))


def results(calls):
    return [(call, exactly(CALLS[call[0]](call[1]))) for call in calls]


def together():
    """Return calls and the values that threads get.

    First, all make a call of the same kind at the same time; then each is elsewhere in the list.
    """
    sys.setswitchinterval(1e-5)  # with the GIL, calls are interrupted anywhere
    variants = [i % VARIANTS for i in range(THREADS)]
    found = [at_once(results, [[(name, k)] for k in variants]) for name in CALLS]
    names = list(CALLS)
    orders = [names[7 * i :] + names[: 7 * i] for i in range(THREADS)]
    lists = [[(name, k) for name in order] for order, k in zip(orders, variants, strict=True)]
    found.append(at_once(results, lists))
    return [result for group in found for thread in group for result in thread]


def test_threads_get_the_values_that_a_call_gives_alone():
    expected = dict(results((name, k) for name in CALLS for k in range(VARIANTS)))
    # None that is mistaken for another goes unnoticed.
    assert len(set(map(str, expected.values()))) == VARIANTS * len(CALLS)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as fresh:
        found = fresh.submit(together).result()
    assert len(found) == 2 * THREADS * len(CALLS)
    assert [call for call, value in found if value != expected[call]] == []


def test_digits_do_not_depend_on_what_mpmath_keeps(monkeypatch):
    context = exact._own_context()
    monkeypatch.setattr(context, "pi", context.mpf(3))
    assert irwinhall.letkeman_bound(10**6) == float(exact.letkeman_bound_mp(10**6))


@pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="a build with the GIL")
def test_no_module_needs_the_gil():
    program = "import sys; from irwinhall import *; assert not sys._is_gil_enabled()"
    unforced = {**os.environ, "PYTHON_GIL": ""}
    subprocess.run([sys.executable, "-c", program], check=True, env=unforced)
