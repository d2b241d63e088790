"""What type checkers make of calls: ``mypy tests/support/typed_client.py`` checks each line."""

from typing import assert_type

import numpy as np
from numpy.typing import NDArray

import irwinhall
import irwinhall.jax
import irwinhall.keras
from irwinhall import distribution

Doubles = NDArray[np.float64]
SIZES = np.arange(1, 4)

assert_type(irwinhall.expected_magnitude(5), float)
assert_type(irwinhall.expected_magnitude(np.int32(5)), float)
assert_type(irwinhall.expected_magnitude(SIZES), Doubles)
assert_type(irwinhall.letkeman_bound(5, 7), float)
assert_type(irwinhall.letkeman_bound(np.uint8(5)), float)
assert_type(irwinhall.letkeman_bound(SIZES), Doubles)
assert_type(irwinhall.letkeman_bound([1, 2], 7), Doubles)
assert_type(irwinhall.letkeman_bound(5, SIZES), Doubles)
assert_type(irwinhall.preserved_magnitude(5, 7, 0.1).forward, float)
assert_type(irwinhall.preserved_magnitude(SIZES, 7, 0.1).forward, Doubles)
assert_type(distribution.cdf(0.5, 3), float)
assert_type(distribution.cdf(np.float32(0.5), np.int64(3)), float)
assert_type(distribution.ppf(0.5, SIZES), NDArray[np.floating])
assert_type(distribution.pdf([0.5, 1.0], 3), NDArray[np.floating])
plan: irwinhall.keras.Options = {"layout": "keras.dense", "parts": (6, 3, 3), "std": 0.02}
report = irwinhall.keras.init_weights(object(), seed=1, plan={"*/kernel": plan})
assert_type(report, irwinhall.keras.Report)
assert_type(report.rows[0], irwinhall.keras.Row)
assert_type(irwinhall.jax.init_weights({}, seed=1)[1], irwinhall.jax.Report)
assert_type(report.rows[0].fan_in, int | None)
