"""What every benchmark shares: timing ours and its rivals in turns, and recording figures."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

Call = Callable[[], object]

OURS = "irwinhall"
# Seconds that one timing takes at least, in which the clock's own steps do not show: what is
# quicker is called several times.
_LEAST = 1e-3
# Rounds that are timed however long they take.
_LEAST_ROUNDS = 2


def pytest_configure(config: pytest.Config) -> None:
    """Show what says most, in this order, unless --benchmark-columns or -sort say otherwise."""
    option = config.option
    if getattr(option, "benchmark_columns", ...) is None:
        option.benchmark_columns = ["median", "iqr", "rounds"]
    given = [str(argument) for argument in config.invocation_params.args]
    if hasattr(option, "benchmark_sort") and not any("-sort" in argument for argument in given):
        option.benchmark_sort = "median"


@pytest.fixture
def versus(benchmark: Any) -> Callable[..., None]:
    """Return ``versus(ours, rivals, ...)``, which times ours and rivals in one run.

    Each round times every rival and then ours, so that whatever else the machine does in that
    moment slows all of them. Each of them is a row of pytest-benchmark's table, in a group of the
    benchmark's name. For `report.py` the row of ours records the median time of each, too, and the
    median over rounds of rival/ours.

    `calls` is how many calls or elements one callable spans: times are those of one. A rival that
    does only a part of the work has its name in `parts`, with how many such parts the whole is.
    There are at most `rounds` rounds, and fewer where they take longer than --benchmark-max-time
    seconds, 1 unless given.
    """

    def run(
        ours: Call,
        rivals: Mapping[str, Call],
        *,
        rounds: int = 31,
        calls: int = 1,
        parts: Mapping[str, float] | None = None,
    ) -> None:
        contestants = {**rivals, OURS: ours}
        if benchmark.disabled:
            for call in contestants.values():
                call()
            benchmark.pedantic(lambda: None)
            return
        # A round to warm up, and another where it is quick, says how long they take. `_max_time` is
        # --benchmark-max-time, which the fixture has under no public name.
        once = {name: _timed(call, 1) for name, call in contestants.items()}
        if sum(once.values()) < benchmark._max_time:
            once = {name: _timed(call, 1) for name, call in contestants.items()}
        repeats = {name: max(1, math.ceil(_LEAST / taken)) for name, taken in once.items()}
        whole = sum(taken * repeats[name] for name, taken in once.items())
        affordable = math.ceil(benchmark._max_time / whole)
        seconds: dict[str, list[float]] = {name: [] for name in contestants}
        for _ in range(max(_LEAST_ROUNDS, min(rounds, affordable))):
            for name, call in contestants.items():
                one = _timed(call, repeats[name]) / repeats[name]
                seconds[name].append(one * (parts or {}).get(name, 1) / calls)
        _add_rows(benchmark, seconds, calls)

    return run


def _timed(call: Call, repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    return time.perf_counter() - start


def _add_rows(benchmark: Any, seconds: Mapping[str, list[float]], calls: int) -> None:
    """Add a row for each contestant to the session of pytest-benchmark.

    One fixture is meant to make one row; `_make_stats` is what it makes that with.
    """
    title, fullname = benchmark.name, benchmark.fullname
    benchmark.group = title
    benchmark._mode = "versus"  # used, so that it does not warn
    figures = {"calls": calls, **_figures(seconds)}
    for name, taken in seconds.items():
        benchmark.name, benchmark.fullname = name, f"{fullname}: {name}"
        row = benchmark._make_stats(iterations=1)
        row.extra_info = figures if name == OURS else {}
        for one in taken:
            row.update(one)


def _figures(seconds: Mapping[str, list[float]]) -> dict[str, Any]:
    """Return what report.py reads: medians, and rivals' ratios to ours."""
    ours = seconds[OURS]
    return {
        "nanoseconds": 1e9 * statistics.median(ours),
        "rivals": {
            name: {
                "nanoseconds": 1e9 * statistics.median(theirs),
                "ratio": statistics.median(t / o for t, o in zip(theirs, ours, strict=True)),
            }
            for name, theirs in seconds.items()
            if name != OURS
        },
    }


@pytest.fixture
def record(benchmark: Any) -> Callable[..., None]:
    """Return ``record(name=figure, ...)``, for what is measured and is not a time."""

    def run(**figures: float) -> None:
        benchmark.group = benchmark.name
        benchmark.extra_info.update(figures)
        benchmark.pedantic(lambda: None)

    return run
