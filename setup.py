"""The extension module; everything else stands in pyproject.toml."""

import sys
from pathlib import Path

import numpy
from setuptools import Extension, setup

SOURCES = sorted(str(path) for path in Path("src_c").glob("*.c"))

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

setup(
    ext_modules=[
        Extension(
            "irwinhall._core",
            sources=["irwinhall/_core.pyx", *SOURCES],
            depends=[str(path) for path in Path("src_c").glob("*.h")],
            include_dirs=["src_c", numpy.get_include()],
            define_macros=[("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")],
            extra_compile_args=[] if sys.platform == "win32" else CFLAGS,
            extra_link_args=[] if sys.platform == "win32" else ["-pthread"],
            libraries=[] if sys.platform == "win32" else ["m"],
        )
    ]
)
