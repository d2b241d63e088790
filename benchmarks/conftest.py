"""What every benchmark shares: timing ours and its rivals in turns, and recording figures."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

Call = Callable[[], object]


@pytest.fixture
def versus(benchmark: Any) -> Callable[..., None]:
    """Return ``versus(ours, rivals, ...)``, which records ours and rivals in one run.

    Each round times every rival and then ours, so that whatever else the machine does in that
    moment slows all of them. What is recorded beside pytest-benchmark's own statistics is the
    median time of each and the median over rounds of rival/ours. `calls` is how many calls one
    timing spans, given when the callables loop inside. A rival that does only a part of the work
    has its name in `parts`, with how many such parts the whole is.
    """

    def run(
        ours: Call,
        rivals: Mapping[str, Call],
        *,
        rounds: int = 31,
        calls: int = 1,
        parts: Mapping[str, float] | None = None,
    ) -> None:
        seconds: dict[str, list[float]] = {name: [] for name in rivals}

        def time_rivals() -> None:
            for name, rival in rivals.items():
                start = time.perf_counter()
                rival()
                elapsed = time.perf_counter() - start
                seconds[name].append(elapsed * (parts or {}).get(name, 1))

        benchmark.pedantic(ours, setup=time_rivals, rounds=rounds, warmup_rounds=2)
        if benchmark.disabled:
            return
        # The warm-up rounds come first in the rivals' lists and are not in ours.
        our_seconds = benchmark.stats.stats.data
        benchmark.extra_info["calls"] = calls
        benchmark.extra_info["nanoseconds"] = 1e9 * statistics.median(our_seconds) / calls
        benchmark.extra_info["rivals"] = {
            name: {
                "nanoseconds": 1e9 * statistics.median(theirs[-rounds:]) / calls,
                "ratio": statistics.median(
                    t / o for t, o in zip(theirs[-rounds:], our_seconds, strict=True)
                ),
            }
            for name, theirs in seconds.items()
        }

    return run


@pytest.fixture
def record(benchmark: Any) -> Callable[..., None]:
    """Return ``record(name=figure, ...)``, for what is measured and is not a time."""

    def run(**figures: float) -> None:
        benchmark.extra_info.update(figures)
        benchmark.pedantic(lambda: None)

    return run
