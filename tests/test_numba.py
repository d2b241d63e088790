"""The C functions from Numba, by their addresses."""

import ctypes
from ctypes import c_double, c_int, c_int64

import numpy as np
import pytest

import irwinhall

numba = pytest.importorskip("numba", reason="numba is not installed: pip install numba")
extending = pytest.importorskip("numba.extending")


def c_function(name, *arguments):
    address = extending.get_cython_function_address("irwinhall._core", name)
    return ctypes.CFUNCTYPE(c_double, *arguments)(address)


normalized = c_function("ih_letkeman_bound_normalized", c_int64, c_int64, c_int)
standard = c_function("ih_letkeman_bound", c_int64)


@numba.njit
def normalized_loop(n, m, formula):
    out = np.empty(n.size)
    for i in range(n.size):
        out[i] = normalized(n[i], m[i], formula)
    return out


@numba.njit
def standard_loop(n):
    out = np.empty(n.size)
    for i in range(n.size):
        out[i] = standard(n[i])
    return out


N = np.concatenate([np.arange(1, 2001), [2558, 2**52, 2**63 - 1]])
M = np.concatenate([np.arange(2000, 0, -1), [7929, 3, 2**53 + 1]])


@pytest.mark.parametrize(("formula", "code"), [("node_average", 0), ("as_printed", 1)])
def test_numba_gets_the_normalized_bounds_that_python_gets(formula, code):
    expected = irwinhall.letkeman_bound(N, M, formula=formula)
    assert expected.tobytes() == normalized_loop(N, M, code).tobytes()


def test_numba_gets_the_standard_bounds_that_python_gets():
    assert irwinhall.letkeman_bound(N).tobytes() == standard_loop(N).tobytes()
