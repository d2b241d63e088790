"""The extension modules; everything else stands in pyproject.toml."""

import platform
import struct
import sys
from pathlib import Path

import numpy
from setuptools import Extension, setup

# -ffp-contract=off: the double-double error terms and the promised bits hold only if the compiler
# fuses nothing by itself. -fno-math-errno and -fno-trapping-math change no result; they let the
# compiler vectorize sqrt and turn branches into selections. No -march: one build runs anywhere.
# -std=gnu11: with c11, GCC for s390x computes float products and sums in double.
CFLAGS = [
    "-std=gnu11",
    "-O3",
    "-g0",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fvisibility=hidden",
    "-pthread",
]
# 32-bit x86 has excess precision unless it computes by SSE.
if struct.calcsize("P") == 4 and platform.machine().lower() in {"i386", "i586", "i686", "x86_64"}:
    CFLAGS += ["-msse2", "-mfpmath=sse"]

# The C files of the module that is loaded only where it is used; the other has the rest.
DISTRIBUTION = set(Path("src_c/distribution").glob("*.c"))


def extension(name: str, sources: set[Path]) -> Extension:
    """Return the module irwinhall.NAME, made of NAME.pyx and C files."""
    return Extension(
        f"irwinhall.{name}",
        sources=[f"irwinhall/{name}.pyx", *sorted(map(str, sources))],
        depends=["irwinhall/_checks.pxi", *map(str, Path("src_c").rglob("*.h"))],
        include_dirs=["src_c", numpy.get_include()],
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")],
        extra_compile_args=[] if sys.platform == "win32" else CFLAGS,
        extra_link_args=[] if sys.platform == "win32" else ["-pthread"],
        libraries=[] if sys.platform == "win32" else ["m"],
    )


setup(
    ext_modules=[
        extension("_core", set(Path("src_c").rglob("*.c")) - DISTRIBUTION),
        extension("_distribution", DISTRIBUTION),
    ]
)
