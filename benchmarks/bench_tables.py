"""How long large tables take, by the row, beside small ones; and the command by its defaults."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable

import pytest

from irwinhall import tables


def standard(rows: int) -> dict[str, str]:
    return tables.rendered(tables.standard_table(rows))


def normalized(sizes: int) -> dict[str, str]:
    return tables.rendered(tables.normalized_table(sizes))


@pytest.mark.parametrize("rows", [2_000, 8_000], ids=lambda n: f"{n} rows")
def bench_standard_table(versus: Callable[..., None], rows: int) -> None:
    small = {"1000 rows": lambda: standard(1_000)}
    parts = {"1000 rows": rows / 1_000}
    versus(lambda: standard(rows), small, rounds=5, calls=rows, parts=parts)


@pytest.mark.parametrize("sizes", [50, 100, 200], ids=lambda n: f"grid of {n}")
def bench_normalized_table(versus: Callable[..., None], sizes: int) -> None:
    rows, few = (len(tables.grid_pairs(count)) for count in (sizes, 25))
    small = {"grid of 25": lambda: normalized(25)}
    parts = {"grid of 25": rows / few}
    versus(lambda: normalized(sizes), small, rounds=5, calls=rows, parts=parts)


def bench_command(versus: Callable[..., None]) -> None:
    def command() -> None:
        with tempfile.TemporaryDirectory() as directory:
            arguments = ["tables", "--out", directory]
            subprocess.run(
                [sys.executable, "-m", "irwinhall", *arguments],
                check=True,
                stdout=subprocess.DEVNULL,
            )

    versus(command, {}, rounds=3)
