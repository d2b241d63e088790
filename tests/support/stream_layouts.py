"""What the tests of the stream share: kernels, laws, element types and memory layouts."""

import os

import ml_dtypes
import numpy as np
import pytest
from hypothesis import strategies as st

from irwinhall import _core, kernels, stream

# The kernels that this machine has; IRWINHALL_REQUIRE_KERNELS names those that it must have.
KERNELS = [name for name, available in kernels() if available]
REQUIRED = [name for name in os.environ.get("IRWINHALL_REQUIRE_KERNELS", "").split(",") if name]

DTYPES = {
    "float32": np.dtype(np.float32),
    "float64": np.dtype(np.float64),
    "float16": np.dtype(np.float16),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
}

LAWS = {
    "uniform": ("uniform", {"bound": 0.1}),
    "normal": ("normal", {"std": 0.02}),
    "truncated": ("truncated_normal", {"std": 1.0}),
    "half normal": ("truncated_normal", {"std": 0.5, "low": 0.0, "high": np.inf}),
    "narrow": ("truncated_normal", {"low": -0.01, "high": 0.02, "corrected": False}),
    "one tail": ("truncated_normal", {"low": 3.0, "high": np.inf}),
}


def draw(source, law, *arguments, **keywords):
    """Call the stream's method of a law of LAWS."""
    method, parameters = LAWS[law]
    return getattr(source, method)(*arguments, **parameters, **keywords)


def bits(dtype):
    """Return the unsigned integer type as wide as an element type."""
    return np.dtype(f"u{DTYPES[dtype].itemsize}")


def forced(kernel, patch):
    """Make streams use a kernel until the monkeypatch ends."""
    patch.setattr(stream, "KERNEL", _core.find_kernel(kernel))


def raw_words(source, blocks, domain=0, first=0):
    """Return the 32-bit words of a stream's blocks from `first` on."""
    return _core.words(source.key, first, domain, blocks, _core.find_kernel(None))


def same_bytes(a, b):
    """Return whether two arrays have the same shape and bytes."""
    return a.shape == b.shape and a.tobytes() == b.tobytes()


@st.composite
def regions(draw):
    """Return a shape of 1 to 4 axes and slices of it."""
    axes = draw(st.integers(1, 4))
    most = (600, 60, 20, 10)[axes - 1]
    shape = tuple(draw(st.integers(1, most)) for _ in range(axes))
    region = []
    for length in shape:
        start = draw(st.integers(0, length))
        region.append(slice(start, draw(st.integers(start, length))))
    return shape, tuple(region)


@st.composite
def layouts(draw, axes):
    """Return the order of the axes in memory, the step along each, and the bytes ahead."""
    order = draw(st.permutations(range(axes)))
    steps = draw(st.lists(st.sampled_from([1, 1, 2, 3, -1, -2]), min_size=axes, max_size=axes))
    return order, steps, draw(st.integers(0, 9))


def laid_out(shape, layout, dtype):
    """Return a view with such a layout, and the whole of the bytes that it lies in."""
    order, steps, ahead = layout
    itemsize = DTYPES[dtype].itemsize
    lengths = [shape[axis] * abs(steps[axis]) for axis in order]
    whole = np.full(int(np.prod(lengths)) * itemsize + 32, 0xCA, np.uint8)
    size = int(np.prod(lengths)) * itemsize
    view = whole[ahead : ahead + size].view(DTYPES[dtype]).reshape(lengths)
    view = view[tuple(slice(None, None, steps[axis]) for axis in order)]
    return view.transpose(np.argsort(order)), whole


def skip_without(module):
    """Skip, visibly, the test whose optional rival is not installed."""
    return pytest.importorskip(module, reason=f"{module} is not installed")
