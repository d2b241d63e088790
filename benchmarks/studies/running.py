"""Execute unfinished runs in this process, in a process pool, or on a Dask cluster."""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path

from irwinhall.executors import ordered_map

from . import tables
from .tables import Run, Study, Table

__all__ = ["finish"]

# PyTorch reads these when it is imported, in this process and in those that it starts.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")


def finish(
    study: Study, directory: Path, executor: Executor | None, progress: Callable[[int], object]
) -> None:
    """Execute every run of a study that is not in its table, and add the results to the table.

    Each result is written as soon as it is there, so that an interrupted study can continue.
    """
    table = Table(directory, study)
    pieces = study.pieces(table.records())
    for lines in ordered_map(run_piece, pieces, executor):
        table.append(lines)
        progress(len(lines))


def run_piece(runs: list[Run]) -> list[dict[str, str]]:
    """Return the lines of the CSV for runs of one piece of work."""
    module, _, function = runs[0].work.partition(":")
    work = getattr(importlib.import_module(f"benchmarks.studies.{module}"), function)
    start = time.perf_counter()
    results = work(runs)
    seconds = (time.perf_counter() - start) / len(runs)
    where = tables.environment()
    return [
        tables.line(run, result, seconds, where) for run, result in zip(runs, results, strict=True)
    ]
