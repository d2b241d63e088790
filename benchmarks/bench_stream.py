"""Filling arrays with random weights, beside every generator that users have, and beside memory.

The ceiling is a loop of streaming stores of a constant (streaming_stores.c): no generator that
writes its numbers to memory can be faster. Rivals that are not installed are left out of the table.
"""

from __future__ import annotations

import ctypes
import importlib
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import irwinhall
from irwinhall import stream

RAM = 2**24  # elements: far beyond the caches
SIZES = {"L1": 2**12, "L2": 2**17}
IN_CACHE = 2**21  # elements that one timing of a size in the caches fills
FRESH = 2**28  # 1 GiB of float32
STREAM = irwinhall.Stream(1)
CORES = stream.available_cores()
THREADS = sorted({1, CORES})

Fill = Callable[[Any], object]


def numpy_between(generator: np.random.Generator, array: Any, low: float, high: float) -> Any:
    """Fill an array with numbers uniform on an interval."""
    generator.random(out=array, dtype=array.dtype)
    array *= high - low
    array += low
    return array


def numpy_log_uniform(generator: np.random.Generator, array: Any) -> Any:
    """Fill an array with log-uniform numbers."""
    return np.exp(numpy_between(generator, array, np.log(0.001), np.log(0.1)), out=array)


# The laws on an interval, and NumPy's steps to them.
INTERVAL_LAWS: dict[str, Callable[..., object]] = {
    "uniform_between": lambda g, a: numpy_between(g, a, 0.001, 0.1),
    "log_uniform": numpy_log_uniform,
    "log_of_uniform": lambda g, a: np.log(numpy_between(g, a, 0.001, 0.1), out=a),
    "inverse_softplus_log_uniform": lambda g, a: np.log(
        np.expm1(numpy_log_uniform(g, a), out=a), out=a
    ),
}


def optional(name: str) -> Any:
    """Return a module, or None if it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


torch = optional("torch")
randomgen = optional("randomgen")
# MKL's vector statistics library, without the copies that a wrapper makes.
MKL = max((Path(sys.prefix) / "lib").glob("libmkl_rt.so.*"), default=None)
INSTALLED = {"torch": torch, "randomgen": randomgen, "mkl": MKL}


# ---- rivals: (law, dtype) -> {name: function that fills an array} --------------------------------


def numpy_rivals(law: str, dtype: str) -> dict[str, Fill]:
    rivals: dict[str, Fill] = {}
    if dtype not in ("float32", "float64"):
        return rivals
    for bits in ("PCG64", "SFC64"):
        generator = np.random.Generator(getattr(np.random, bits)(1))
        if law == "uniform":
            rivals[f"NumPy {bits}"] = lambda a, g=generator: g.random(out=a, dtype=dtype)
        if law == "normal":
            rivals[f"NumPy {bits}"] = lambda a, g=generator: g.standard_normal(out=a, dtype=dtype)
    return rivals


def torch_rivals(law: str, dtype: str) -> dict[str, Fill]:
    if torch is None:
        return {}
    fills = {
        "uniform": lambda t: t.uniform_(-1.0, 1.0),
        "normal": lambda t: t.normal_(0.0, 1.0),
        "truncated_normal": lambda t: torch.nn.init.trunc_normal_(t, 0.0, 1.0, -2.0, 2.0),
    }
    kind = getattr(torch, dtype)
    return {"torch": lambda a: fills[law](torch.from_numpy(a).view(kind))}


def mkl_rivals(law: str, dtype: str) -> dict[str, Fill]:
    if MKL is None or law == "truncated_normal" or dtype not in ("float32", "float64"):
        return {}
    mkl = ctypes.CDLL(str(MKL))
    state = ctypes.c_void_p()
    assert mkl.vslNewStream(ctypes.byref(state), 13 << 20, 1) == 0  # SFMT19937, its fastest
    kind, real = ("s", ctypes.c_float) if dtype == "float32" else ("d", ctypes.c_double)
    name, method = {"uniform": ("Uniform", 0), "normal": ("Gaussian", 2)}[law]  # 2: inversion
    function = getattr(mkl, f"v{kind}Rng{name}")
    low, high = (real(-1.0), real(1.0)) if law == "uniform" else (real(0.0), real(1.0))
    title = "MKL" if law == "uniform" else "MKL ICDF"
    return {
        title: lambda a: function(method, state, a.size, ctypes.c_void_p(a.ctypes.data), low, high)
    }


def randomgen_rivals(law: str, dtype: str) -> dict[str, Fill]:
    if randomgen is None or law == "truncated_normal" or dtype != "float32":
        return {}
    generator = np.random.Generator(randomgen.AESCounter(1))
    method = generator.random if law == "uniform" else generator.standard_normal
    return {"randomgen AES": lambda a: method(out=a, dtype=dtype)}


def rivals_of(law: str, dtype: str) -> dict[str, Fill]:
    makers = (numpy_rivals, torch_rivals, mkl_rivals, randomgen_rivals)
    return {name: fill for maker in makers for name, fill in maker(law, dtype).items()}


@pytest.fixture(scope="module")
def streaming_stores():
    """Return store(array, threads), the plain loop of streaming stores."""
    source = Path(__file__).with_name("streaming_stores.c")
    with tempfile.TemporaryDirectory() as directory:
        library = Path(directory) / "streaming_stores.so"
        compiler = sysconfig.get_config_var("CC").split()
        flags = ["-std=gnu11", "-O3", "-march=native", "-shared", "-fPIC", "-pthread"]
        subprocess.run([*compiler, *flags, str(source), "-o", str(library)], check=True)
        loaded = ctypes.CDLL(str(library))
    loaded.streaming_stores.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    return lambda a, threads: loaded.streaming_stores(a.ctypes.data, a.nbytes, threads)


def aligned(count: int, dtype: str) -> np.ndarray[Any, Any]:
    """Return a touched array that starts on a page."""
    kind = np.dtype(np.uint16 if dtype == "bfloat16" else dtype)
    memory = np.zeros(count * kind.itemsize + 4096, dtype=np.uint8)
    start = -memory.ctypes.data % 4096
    array = memory[start : start + count * kind.itemsize].view(kind)
    array[:] = 1
    return array


# ---- benchmarks ----------------------------------------------------------------------------------


@pytest.mark.parametrize("package", INSTALLED)
def test_a_rival_is_installed(package):
    if INSTALLED[package] is None:
        pytest.skip(f"{package} is not installed, and its rows are left out")


@pytest.mark.parametrize("threads", THREADS, ids=lambda n: f"{n} threads")
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "float64"])
@pytest.mark.parametrize("law", ["uniform", "normal", "truncated_normal"])
def bench_memory(versus, streaming_stores, law, dtype, threads):
    array = aligned(RAM, dtype)
    fill = getattr(STREAM, law)
    rivals = {"streaming stores": lambda: streaming_stores(array, threads)}
    for name, rival in rivals_of(law, dtype).items():
        rivals[name] = lambda rival=rival: rival(array)
    if torch is not None:
        torch.set_num_threads(threads)
    versus(
        lambda: fill(out=array, dtype=dtype, threads=threads),
        rivals,
        rounds=9 if law == "truncated_normal" else 15,
        calls=RAM,
    )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("law", ["uniform", "normal", "truncated_normal"])
def bench_cache(versus, law, size):
    count = SIZES[size]
    array = aligned(count, "float32")
    repeats = IN_CACHE // count

    def repeated(fill: Fill) -> Callable[[], None]:
        def run() -> None:
            for _ in range(repeats):
                fill(array)

        return run

    ours = getattr(STREAM, law)
    rivals = {name: repeated(rival) for name, rival in rivals_of(law, "float32").items()}
    versus(repeated(lambda a: ours(out=a)), rivals, rounds=9, calls=repeats * count)


@pytest.mark.parametrize("threads", THREADS, ids=lambda n: f"{n} threads")
def bench_fresh(versus, threads):
    """Time a new array of 1 GiB, its allocation and page faults included."""
    generator = np.random.default_rng(1)
    versus(
        lambda: STREAM.uniform(FRESH, threads=threads),
        {
            "numpy.empty and fill": lambda: np.empty(FRESH, np.float32).fill(0.0),
            "NumPy PCG64": lambda: generator.random(FRESH, dtype=np.float32),
        },
        rounds=5,
        calls=FRESH,
    )


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "float64"])
@pytest.mark.parametrize("law", ["uniform", "normal", "truncated_normal"])
@pytest.mark.parametrize("kernel", [name for name, available in irwinhall.kernels() if available])
def bench_kernel(versus, monkeypatch, kernel, law, dtype):
    """Every kernel that this machine has, on one thread in L2, beside its float32."""
    monkeypatch.setattr(stream, "KERNEL", irwinhall._core.find_kernel(kernel))
    array, single = aligned(SIZES["L2"], dtype), aligned(SIZES["L2"], "float32")
    fill = getattr(STREAM, law)
    rivals = {"float32": lambda: fill(out=single, threads=1)} if dtype != "float32" else {}
    versus(lambda: fill(out=array, dtype=dtype, threads=1), rivals, rounds=15, calls=array.size)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("law", INTERVAL_LAWS)
def bench_interval(versus, law, dtype):
    """Time the laws on an interval, on one thread in L2, beside NumPy's steps to the same."""
    array = aligned(SIZES["L2"], dtype)
    fill = getattr(STREAM, law)
    generator = np.random.default_rng(1)
    versus(
        lambda: fill(out=array, low=0.001, high=0.1, dtype=dtype, threads=1),
        {"NumPy": lambda: INTERVAL_LAWS[law](generator, array)},
        rounds=15,
        calls=array.size,
    )


def bench_integers(versus):
    generator = np.random.default_rng(1)
    count = SIZES["L2"]
    versus(
        lambda: STREAM.integers(count, high=1000, threads=1),
        {"NumPy": lambda: generator.integers(1000, size=count)},
        rounds=15,
        calls=count,
    )
