"""The extension modules; everything else stands in pyproject.toml."""

import os
import platform
import struct
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

import numpy
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist

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

# For Cython's C, which has no loops to vectorize: -O3 would make it a seventh larger and no faster.
GLUE_CFLAGS = ["-O2"]

# MSVC has no -ffp-contract: /fp:precise rounds each operation once, and the products that older
# versions fuse even so, ih_ieee.h forbids. /fp:strict would only allow for other modes of rounding.
MSVC_CFLAGS = ["/std:c11", "/O2", "/fp:precise"]

# The C files of the module that is loaded only where it is used; the other has the rest.
DISTRIBUTION = set(Path("src_c/distribution").glob("*.c"))

# What kinds of files the source distribution takes of each folder: none that lies there by chance.
SUFFIXES = {
    "irwinhall": {".css", ".js", ".pxd", ".pxi", ".py", ".pyi", ".pyx", ".typed"},
    "src_c": {".c", ".h"},
    "tests": {".c", ".csv", ".h", ".json", ".py", ".rs", ".sh", ".txt"},
    "benchmarks": {".c", ".csv", ".json", ".md", ".py"},
    "docs": {".cff", ".css", ".md", ".py", ".svg"},
}


def extension(name: str, sources: set[Path]) -> Extension:
    """Return the module irwinhall.NAME, made of NAME.pyx and C files."""
    return Extension(
        f"irwinhall.{name}",
        sources=[f"irwinhall/{name}.pyx", *sorted(map(str, sources))],
        depends=["irwinhall/_checks.pxi", *map(str, Path("src_c").rglob("*.h"))],
        include_dirs=["src_c", numpy.get_include()],
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")],
        extra_compile_args=CFLAGS,
        extra_link_args=["-pthread"],
        libraries=["m"],
    )


class BuildExt(build_ext):
    """Compile the files of a module in as many processes as there are cores, or MAX_JOBS."""

    def build_extensions(self) -> None:
        """Build every module; setuptools would compile one file after another."""
        compile_files = self.compiler.compile

        def compile_in_parallel(
            sources: list[str], extra_postargs: Sequence[str] = (), **options
        ) -> list[str]:
            def compile_one(source: str) -> list[str]:
                flags = [] if source.startswith("src_c") else GLUE_CFLAGS
                return compile_files([source], extra_postargs=[*extra_postargs, *flags], **options)

            with ThreadPoolExecutor(int(os.environ.get("MAX_JOBS") or os.cpu_count() or 1)) as pool:
                return [*chain.from_iterable(pool.map(compile_one, sources))]

        if self.compiler.compiler_type != "msvc":
            self.compiler.compile = compile_in_parallel
        else:  # whose class is not made for threads
            for module in self.extensions:
                module.extra_compile_args = MSVC_CFLAGS
                module.extra_link_args = module.libraries = []
        super().build_extensions()


class SDist(sdist):
    """Put tests, benchmarks, pages and generators into the source distribution, too."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        """Copy the files that setuptools finds and every source file of these folders."""
        found = {
            str(path)
            for folder, suffixes in SUFFIXES.items()
            for path in Path(folder).rglob("*")
            if path.is_file() and path.suffix in suffixes and "_build" not in path.parts
        }
        generated = {f"irwinhall/{name}.c" for name in ("_core", "_distribution")}
        super().make_release_tree(base_dir, sorted({*files, *found, "CHANGELOG.md"} - generated))


setup(
    cmdclass={"build_ext": BuildExt, "sdist": SDist},
    ext_modules=[
        extension("_core", set(Path("src_c").rglob("*.c")) - DISTRIBUTION),
        extension("_distribution", DISTRIBUTION),
    ],
)
