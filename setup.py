"""The extension modules; everything else stands in pyproject.toml."""

import sys
from pathlib import Path

import numpy
from setuptools import Extension, setup

# -ffp-contract=off: the double-double error terms and the promised bits hold only if the compiler
# fuses nothing by itself. -fno-math-errno and -fno-trapping-math change no result; they let the
# compiler vectorize sqrt and turn branches into selections. No -march: one build runs anywhere.
CFLAGS = [
    "-std=c11",
    "-O3",
    "-g0",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fvisibility=hidden",
    "-pthread",
]

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
