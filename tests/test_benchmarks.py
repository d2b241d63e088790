"""Every benchmark runs: ours and each rival are called once, with sizes that take no time.

The functions of benchmarks/bench_*.py become tests of this module, named after file and function.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from frameworks import framework
from newer_scipy import OLD, REASON

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
NEEDED = {
    "bench_frameworks": ("jax", "keras", "dask"),
    "bench_small": ("torch",),
    "bench_torch": ("torch",),
}
BESIDE_SCIPY = {"bench_distribution", "bench_stats"}
# Fixtures of a file's own, which pytest must find in this module.
FIXTURES = {
    "bench_magnitude": ["five_operations"],
    "bench_stream": ["streaming_stores"],
    "bench_torch": ["model"],
}
# What takes the place of a benchmark's own numbers.
SMALL = {
    "bench_distribution": {
        "POINTS": 20,
        "SCIPY_POINTS": {3: 2, 10: 2, 50: 2},
        "SCIPY_QUANTILES": {3: 2, 10: 2},
    },
    "bench_frameworks": {"SHAPE": (16, 8)},
    "bench_magnitude": {"CALLS": 10},
    "bench_montecarlo": {"STANDARD_TRIALS": 2000, "NORMALIZED_TRIALS": 10},
    "bench_small": {"CALLS": 2, "LINEARS": 3, "LAYERS": 1},
    "bench_stats": {"SIZES": {3: 2, 10: 2, 50: 2, 200: 2, 1000: 2}},
    "bench_stream": {
        "RAM": 2**12,
        "SIZES": {"L1": 2**8, "L2": 2**9},
        "IN_CACHE": 2**10,
        "FRESH": 2**12,
    },
    "bench_tables": {
        "ROWS": {"1000 rows": 10, "2000 rows": 20, "8000 rows": 30},
        "SIZES": {"grid of 25": 3, "grid of 50": 4, "grid of 100": 5, "grid of 200": 6},
        "OPTIONS": ["--max-n", "10", "--grid", "4"],
    },
    "bench_torch": {"SIZES": (16, 8, 4, 12, 2)},
}


def loaded(stem: str) -> ModuleType:
    """Return a benchmark file as a module of our own, with small numbers."""
    for name in NEEDED.get(stem, ()):
        framework(name)
    if OLD and stem in BESIDE_SCIPY:
        pytest.skip(REASON)
    spec = importlib.util.spec_from_file_location(f"small_{stem}", BENCHMARKS / f"{stem}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, value in SMALL.get(stem, {}).items():
        assert hasattr(module, name)
        setattr(module, name, value)
    return module


def skipping(reason: str):
    """Return a test that skips, in the place of the benchmarks of a file."""
    return lambda: pytest.skip(reason)


def benchmarks(stem: str) -> dict[str, object]:
    """Return what a file has for pytest: its benchmarks by their new names, and its fixtures."""
    try:
        module = loaded(stem)
    except pytest.skip.Exception as missing:
        return {stem: skipping(str(missing))}
    tests = {
        f"{stem}_{name.removeprefix('bench_')}": function
        for name, function in vars(module).items()
        if name.startswith(("bench_", "test_"))
    }
    return tests | {name: getattr(module, name) for name in FIXTURES.get(stem, ())}


for _file in sorted(BENCHMARKS.glob("bench_*.py")):
    globals().update(benchmarks(_file.stem))


@pytest.fixture
def versus():
    """Give what calls ours and every rival once and measures nothing."""
    called = []

    def run(ours, rivals, *, rounds=31, calls=1, parts=None):
        for rival in rivals.values():
            rival()
        ours()
        assert set(parts or ()) <= set(rivals)
        assert min(rounds, calls, *(parts or {}).values()) >= 1
        called.append(ours)

    yield run
    assert called


@pytest.fixture
def record():
    """Return what takes figures and keeps none of them."""

    def run(**figures):
        assert figures
        assert all(figure >= 0.0 for figure in figures.values())

    return run
