"""Builders of the generated files, for developers; not part of the installed package.

Each builder returns the text of one file, computed with `irwinhall.exact` or from definitions in
rational or high-precision arithmetic, so the bytes are the same on every machine. The test suite
builds all files in memory and compares them. Do not edit generated files by hand.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from irwinhall._codegen.aes import aes_table
from irwinhall._codegen.distribution import distribution_table
from irwinhall._codegen.fitting import fitted_constants
from irwinhall._codegen.gains import gain_constants
from irwinhall._codegen.magnitude import magnitude_table, magnitude_wide_table
from irwinhall._codegen.normal import normal_table
from irwinhall._codegen.weighted import weighted_table

PACKAGE_DIRECTORY = Path(__file__).resolve().parent.parent
SOURCE_DIRECTORY = PACKAGE_DIRECTORY.parent / "src_c"

GENERATED: dict[Path, Callable[[], str]] = {
    PACKAGE_DIRECTORY / "_gain_constants.py": gain_constants,
    PACKAGE_DIRECTORY / "approximations" / "_fitted.py": fitted_constants,
    SOURCE_DIRECTORY / "stream" / "ih_aes_table.h": aes_table,
    SOURCE_DIRECTORY / "distribution" / "ih_distribution_table.h": distribution_table,
    SOURCE_DIRECTORY / "magnitude" / "ih_magnitude_table.h": magnitude_table,
    SOURCE_DIRECTORY / "magnitude" / "ih_magnitude_wide_table.h": magnitude_wide_table,
    SOURCE_DIRECTORY / "stream" / "ih_normal_table.h": normal_table,
    SOURCE_DIRECTORY / "distribution" / "ih_weighted_table.h": weighted_table,
}


def main() -> int:
    """Write the generated files that changed, or with --check only list them."""
    parser = argparse.ArgumentParser(prog="python -m irwinhall._codegen", description=main.__doc__)
    parser.add_argument("--check", action="store_true", help="exit 1 if a file would change")
    check = parser.parse_args().check
    stale = [
        path
        for path, build in GENERATED.items()
        if not path.exists() or path.read_text(encoding="ascii") != build()
    ]
    for path in stale:
        print(f"{'differs' if check else 'written'}: {path.name}")
        if not check:
            path.write_text(GENERATED[path](), encoding="ascii")
    return int(check and bool(stale))
