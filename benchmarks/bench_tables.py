"""How long tables take, by the row, as they grow; and the whole command with its defaults."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable

import pytest

from irwinhall import tables


@pytest.mark.parametrize("rows", [1_000, 4_000, 16_000], ids=lambda n: f"{n} rows")
def bench_standard_table(versus: Callable[..., None], rows: int) -> None:
    versus(lambda: tables.rendered(tables.standard_table(rows)), {}, rounds=3, calls=rows)


@pytest.mark.parametrize("sizes", [25, 50, 100, 200], ids=lambda n: f"grid of {n}")
def bench_normalized_table(versus: Callable[..., None], sizes: int) -> None:
    rows = len(tables.grid_pairs(sizes))
    versus(lambda: tables.rendered(tables.normalized_table(sizes)), {}, rounds=3, calls=rows)


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
