"""Builds the C of the weight stream into a shared library and drives it by ctypes."""

from __future__ import annotations

import ctypes
import hashlib
import os
import pathlib
import subprocess
import tempfile

import numpy as np

SOURCES = pathlib.Path(__file__).resolve().parents[2] / "src_c"
FLAGS = [
    "-std=gnu11", "-fPIC", "-shared", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror",
    f"-I{SOURCES}",
]  # fmt: skip

UNIFORM, NORMAL, TRUNCATED = range(3)
DTYPES = {"float32": 0, "float64": 1, "float16": 2, "bfloat16": 3}
NUMPY_TYPES = {
    "float32": np.float32,
    "float64": np.float64,
    "float16": np.float16,
    "bfloat16": np.uint16,
}
STATUS = {
    -1: "null",
    -2: "kernel",
    -3: "scale",
    -4: "interval",
    -5: "far tail",
    -6: "dimensions",
    -7: "shape",
    -8: "region",
    -9: "dtype",
    -10: "law",
    -11: "threads",
    -12: "rounds",
}


class StatusError(Exception):
    """A negative status of the C library."""


class Law(ctypes.Structure):
    _fields_ = [
        ("kind", ctypes.c_int), ("draw", ctypes.c_int), ("tail_shift", ctypes.c_int),
        ("positive", ctypes.c_int), ("scale", ctypes.c_double), ("low", ctypes.c_double),
        ("high", ctypes.c_double), ("first", ctypes.c_uint64), ("span", ctypes.c_uint64),
        ("deviation", ctypes.c_double), ("from_", ctypes.c_double), ("width", ctypes.c_double),
    ]  # fmt: skip


def build(compiler: str = "cc", optimise: str = "-O3", extra: tuple[str, ...] = ()) -> pathlib.Path:
    """Compile the library, once for each state of its sources, and return its path."""
    sources = sorted(SOURCES.glob("stream/**/*.c"))
    state = hashlib.sha256(" ".join([compiler, optimise, *extra, *FLAGS]).encode())
    for path in [*sources, *sorted(SOURCES.rglob("*.h"))]:
        state.update(path.read_bytes())
    folder = pathlib.Path(tempfile.gettempdir()) / f"ih_kernels_{os.getuid()}"
    folder.mkdir(exist_ok=True)
    library = folder / f"{state.hexdigest()[:24]}.so"
    if not library.exists():
        partial = library.with_suffix(f".{os.getpid()}.tmp")
        subprocess.run(
            [compiler, *FLAGS, optimise, *extra, "-o", partial, *sources, "-lm", "-pthread"],
            check=True,
        )
        partial.replace(library)
    return library


def _check(status: int) -> int:
    if status < 0:
        raise StatusError(STATUS.get(status, str(status)))
    return status


class Fill:
    """The C functions with NumPy arrays for arguments."""

    def __init__(self, library: pathlib.Path | None = None) -> None:
        self.c = c = ctypes.CDLL(str(library or build()))
        c.ih_kernel_name.restype = ctypes.c_char_p
        c.ih_normal_quantile.restype = ctypes.c_double
        c.ih_normal_quantile.argtypes = [ctypes.c_uint64, ctypes.c_int]
        c.ih_law_uniform.argtypes = [ctypes.c_void_p, ctypes.c_double]
        c.ih_law_normal.argtypes = [ctypes.c_void_p, ctypes.c_double]
        c.ih_law_truncated_normal.argtypes = [ctypes.c_void_p, *[ctypes.c_double] * 3, ctypes.c_int]
        c.ih_words.argtypes = [
            ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint32, ctypes.c_size_t, ctypes.c_void_p,
            ctypes.c_int,
        ]  # fmt: skip
        c.ih_fill.argtypes = [
            ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int, *[ctypes.c_void_p] * 5,
            ctypes.c_int, ctypes.c_int, ctypes.c_int,
        ]  # fmt: skip

    def kernels(self) -> dict[str, bool]:
        """Return the name and availability of each kernel, best first."""
        return {
            self.c.ih_kernel_name(i).decode(): bool(self.c.ih_kernel_supported(i))
            for i in range(self.c.ih_kernel_count())
        }

    def kernel(self, name: str | None = None) -> int:
        """Return the index of a kernel."""
        return _check(self.c.ih_kernel_find(name.encode() if name else None))

    def uniform(self, bound: float) -> Law:
        """Return the uniform law."""
        law = Law()
        _check(self.c.ih_law_uniform(ctypes.byref(law), bound))
        return law

    def normal(self, std: float) -> Law:
        """Return the normal law."""
        law = Law()
        _check(self.c.ih_law_normal(ctypes.byref(law), std))
        return law

    def truncated(self, std: float, low: float, high: float, corrected: bool = True) -> Law:
        """Return the truncated normal law."""
        law = Law()
        _check(self.c.ih_law_truncated_normal(ctypes.byref(law), std, low, high, corrected))
        return law

    def words(self, key: tuple[int, int], first: int, blocks: int, domain: int = 0, kernel=None):
        """Return raw words."""
        out = np.zeros(4 * blocks, np.uint32)
        k = np.array(key, np.uint64)
        index = self.kernel(kernel)
        _check(self.c.ih_words(k.ctypes.data, first, domain, blocks, out.ctypes.data, index))
        return out

    def ars(self, counter, key, rounds: int):
        """Return ARS-rounds of a counter, four words each."""
        c, k, out = np.array(counter, np.uint32), np.array(key, np.uint32), np.zeros(4, np.uint32)
        c, k, o = (array.ctypes.data_as(ctypes.c_void_p) for array in (c, k, out))
        _check(self.c.ih_ars(c, k, rounds, o))
        return out

    def aes_round(self, state, round_key, *, last: bool) -> None:
        """Encrypt four words by one AES round, in place."""
        s, k = (array.ctypes.data_as(ctypes.c_void_p) for array in (state, round_key))
        self.c.ih_aes_round(s, k, int(last))

    def fill(
        self,
        out,
        law: Law,
        dtype: str,
        *,
        key=(1, 2),
        shape=None,
        start=None,
        kernel=None,
        threads: int = 1,
        memory: int = 0,
    ):
        """Fill an array with the region of its shape that begins at start of the global shape."""
        shape = out.shape if shape is None else shape
        start = (0,) * len(shape) if start is None else start
        vectors = [
            np.array(shape, np.uint64), np.array(start, np.uint64),
            np.array(out.shape, np.uint64), np.array(out.strides, np.int64),
        ]  # fmt: skip
        k = np.array(key, np.uint64)
        _check(
            self.c.ih_fill(
                k.ctypes.data, ctypes.byref(law), DTYPES[dtype], len(shape),
                *[v.ctypes.data for v in vectors], out.ctypes.data, threads, memory,
                self.kernel(kernel),
            )
        )  # fmt: skip
        return out
