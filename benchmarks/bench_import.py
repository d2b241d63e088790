"""Importing irwinhall and its functions beside importing NumPy, each in a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable


def importing(module: str) -> Callable[[], object]:
    return lambda: subprocess.run([sys.executable, "-c", f"import {module}"], check=True)


def bench_import(versus):
    versus(importing("irwinhall._core"), {"import numpy": importing("numpy")})
