"""Compiler flags that change results are refused in every file that computes."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

SOURCES = Path(__file__).resolve().parents[1] / "src_c"
FILES = sorted(
    path for path in SOURCES.rglob("*.c") if re.search(r"\b(float|double)\b", path.read_text())
)
UNSAFE = [
    "-ffast-math", "-Ofast", "-funsafe-math-optimizations", "-freciprocal-math",
    "-fno-signed-zeros", "-ffinite-math-only",
    "-fassociative-math -fno-signed-zeros -fno-trapping-math",
]  # fmt: skip
# The macro by which MSVC says that it compiles with /fp:fast.
MSVC_FAST_MATH = "-D_M_FP_FAST"
# What these do, setup.py asks for.
SAFE = ["-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off"]

FAST_MATH = "must not be compiled with -ffast-math"
EXCESS_PRECISION = "compile with -std=gnu11 -ffp-contract=off instead of -std=c11, and for 32-bit"


def compiled(compiler: str, path: Path, *flags: str) -> subprocess.CompletedProcess:
    """Return what a compiler says of a file and makes of it, as assembly."""
    return subprocess.run(
        [compiler, "-std=gnu11", "-Wall", f"-I{SOURCES}", *flags, "-S", "-o", "-", path],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def compiler_or_skip(name: str) -> str:
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    return name


def test_the_files_that_compute_are_found():
    names = {path.name for path in FILES}
    assert {"ih_magnitude.c", "ih_weighted.c", "ih_fill_law.c", "ih_montecarlo.c"} <= names


def assert_refused(compiler: str, path: Path, *flags: str, message: str = FAST_MATH) -> None:
    result = compiled(compiler, path, *flags, "-fsyntax-only")
    assert result.returncode != 0, path
    assert message in result.stderr, path


@pytest.mark.parametrize("compiler", ["gcc", "aarch64-linux-gnu-gcc"])
@pytest.mark.parametrize("flags", [*UNSAFE, "-fsingle-precision-constant", MSVC_FAST_MATH])
def test_gcc_is_refused(compiler, flags):
    compiler_or_skip(compiler)
    assert_refused(compiler, SOURCES / "stream/ih_fill_law.c", *flags.split())


@pytest.mark.parametrize("flag", ["-ffast-math", "-Ofast", "-ffinite-math-only"])
def test_clang_is_refused_where_it_says_so(flag):
    compiler_or_skip("clang")
    assert_refused("clang", SOURCES / "stream/ih_fill_law.c", flag)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_that_computes_is_refused(path):
    assert_refused(compiler_or_skip("gcc"), path, "-funsafe-math-optimizations")


@pytest.mark.parametrize("flag", ["-freciprocal-math", "-ffp-contract=on"])
def test_clang_is_told_not_to(flag):
    compiler_or_skip("clang")
    for name in ("magnitude/ih_magnitude.c", "stream/kernels/ih_fill_avx2.c"):
        plain = compiled("clang", SOURCES / name, "-O1", "-ffp-contract=off")
        assert compiled("clang", SOURCES / name, "-O1", flag).stdout == plain.stdout


# Of these, GCC says that floats have more precision than their type.
@pytest.mark.parametrize(
    ("compiler", "flags"),
    [("s390x-linux-gnu-gcc", ["-std=c11"]), ("i686-linux-gnu-gcc", ["-mfpmath=387"])],
)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_excess_precision_is_refused(compiler, flags, path):
    compiler_or_skip(compiler)
    assert_refused(compiler, path, *flags, message=EXCESS_PRECISION)


@pytest.mark.parametrize(
    ("compiler", "flags"),
    [
        ("s390x-linux-gnu-gcc", []),
        ("i686-linux-gnu-gcc", ["-msse2", "-mfpmath=sse"]),
        # Half precision by instructions of its own: FLT_EVAL_METHOD is 16.
        ("gcc", ["-march=sapphirerapids"]),
        ("aarch64-linux-gnu-gcc", ["-march=armv8.2-a+fp16"]),
    ],
)
def test_machines_that_round_each_operation_are_accepted(compiler, flags):
    compiler_or_skip(compiler)
    for path in FILES:
        result = compiled(compiler, path, *SAFE, *flags, "-Werror", "-fsyntax-only")
        assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("compiler", ["gcc", "clang", "aarch64-linux-gnu-gcc"])
def test_flags_that_change_no_result_are_accepted(compiler):
    compiler_or_skip(compiler)
    path = SOURCES / "stream/ih_fill_law.c"
    assert compiled(compiler, path, *SAFE, "-Werror", "-fsyntax-only").returncode == 0
