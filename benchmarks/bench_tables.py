"""How long large tables take, by the row, beside small ones; and the command by its defaults."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable

import pytest

from irwinhall import tables

ROWS = {"1000 rows": 1_000, "2000 rows": 2_000, "8000 rows": 8_000}
SIZES = {"grid of 25": 25, "grid of 50": 50, "grid of 100": 100, "grid of 200": 200}
OPTIONS: list[str] = []  # of the command


def standard(rows: int) -> dict[str, str]:
    return tables.rendered(tables.standard_table(rows))


def normalized(sizes: int) -> dict[str, str]:
    return tables.rendered(tables.normalized_table(sizes))


@pytest.mark.parametrize("name", list(ROWS)[1:])
def bench_standard_table(versus: Callable[..., None], name: str) -> None:
    small, *_ = ROWS
    few, rows = ROWS[small], ROWS[name]
    rivals = {small: lambda: standard(few)}
    versus(lambda: standard(rows), rivals, rounds=5, calls=rows, parts={small: rows / few})


@pytest.mark.parametrize("name", list(SIZES)[1:])
def bench_normalized_table(versus: Callable[..., None], name: str) -> None:
    small, *_ = SIZES
    few, rows = (len(tables.grid_pairs(SIZES[grid])) for grid in (small, name))
    rivals = {small: lambda: normalized(SIZES[small])}
    versus(lambda: normalized(SIZES[name]), rivals, rounds=5, calls=rows, parts={small: rows / few})


def bench_command(versus: Callable[..., None]) -> None:
    def command() -> None:
        with tempfile.TemporaryDirectory() as directory:
            arguments = ["tables", "--out", directory, *OPTIONS]
            subprocess.run(
                [sys.executable, "-m", "irwinhall", *arguments],
                check=True,
                stdout=subprocess.DEVNULL,
            )

    versus(command, {}, rounds=3)
