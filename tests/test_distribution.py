"""The Irwin-Hall distribution, computed by src_c/ih_distribution.c, against exact fractions."""

import numpy as np

from irwinhall import distribution


def test_a_triangle_is_exact():
    np.testing.assert_array_equal(distribution.pdf([0.5, 1.0, 1.5], 2), [0.5, 1.0, 0.5])
