"""LSUV on networks whose variances are known, and on layers that cannot be rescaled."""

from __future__ import annotations

import math

import numpy as np
import pytest

import irwinhall
from irwinhall import lsuv

BATCH = irwinhall.Stream(2).normal((400, 32), dtype="float64")


def linear(weights, x):
    return x @ weights


def after_relu(weights, x):
    return np.maximum(x, 0) @ weights


def before_tanh(weights, x):
    return np.tanh(x @ weights)


def start(*sizes, scheme="orthogonal", dtype="float64"):
    return [
        irwinhall.sample_weights(size, scheme, rng=1, name=f"{i}", dtype=dtype)
        for i, size in enumerate(sizes)
    ]


def variances(layers, weights, x):
    found = []
    for layer, w in zip(layers, weights, strict=True):
        x = layer(w, x)
        found.append(float(np.var(x, dtype=np.float64)))
    return found


@pytest.mark.parametrize("scheme", ["orthogonal", "xavier_uniform", "he_normal"])
def test_every_layer_of_a_relu_network_gets_unit_variance_in_one_step(scheme):
    layers = [linear] + [after_relu] * 9
    weights = start((32, 64), *[(64, 64)] * 8, (64, 10), scheme=scheme)
    rescaled, reports = lsuv.rescale(layers, weights, BATCH, tolerance=1e-9)
    assert variances(layers, rescaled, BATCH) == pytest.approx([1.0] * 10, rel=1e-12)
    assert all(report.converged and report.iterations == 1 for report in reports)


def test_the_report_says_what_was_done():
    weights = start((32, 8))
    before = float((BATCH @ weights[0]).var())
    rescaled, [report] = lsuv.rescale([linear], weights, BATCH, variance=4.0)
    assert report.variance_before == before
    assert report.variance_after == pytest.approx(4.0)
    assert report.factor == math.sqrt(4.0 / before)
    assert np.array_equal(rescaled[0], weights[0] * report.factor)


def test_the_weights_given_are_left_as_they_are():
    weights = start((32, 8))
    copies = [w.copy() for w in weights]
    rescaled, _ = lsuv.rescale([linear], weights, BATCH)
    assert np.array_equal(weights[0], copies[0])
    assert not np.shares_memory(rescaled[0], weights[0])


def test_a_layer_within_the_tolerance_is_not_touched():
    weights = start((32, 32))
    variance = variances([linear], weights, BATCH)[0]
    rescaled, [report] = lsuv.rescale(
        [linear], weights, BATCH, variance=variance * 1.04, tolerance=0.05
    )
    assert np.array_equal(rescaled[0], weights[0])
    assert report == (variance, variance, 1.0, 0, True)


def test_a_nonlinear_layer_takes_more_steps():
    layers = [before_tanh, before_tanh]
    rescaled, reports = lsuv.rescale(
        layers, start((32, 32), (32, 32)), BATCH, variance=0.5, tolerance=0.01, max_iterations=50
    )
    assert variances(layers, rescaled, BATCH) == pytest.approx([0.5, 0.5], rel=0.01)
    assert all(report.converged and report.iterations > 1 for report in reports)


def test_a_layer_that_cannot_reach_the_variance_is_reported():
    _, [report] = lsuv.rescale([before_tanh], start((32, 32)), BATCH, variance=2.0)
    assert (report.converged, report.iterations) == (False, 10)
    assert report.variance_after < 1.0


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_weights_keep_their_type(dtype):
    rescaled, reports = lsuv.rescale([linear], start((32, 8), dtype=dtype), BATCH)
    assert rescaled[0].dtype == dtype
    assert reports[0].variance_after == pytest.approx(1.0, rel=1e-2)


def test_bfloat16_weights():
    bfloat16 = pytest.importorskip("ml_dtypes").bfloat16
    rescaled, [report] = lsuv.rescale(
        [lambda w, x: x @ w.astype(np.float32)], start((32, 8), dtype="bfloat16"), BATCH
    )
    assert rescaled[0].dtype == bfloat16
    assert report.converged


def test_no_layers_are_no_work():
    assert lsuv.rescale([], [], BATCH) == ([], [])


@pytest.mark.parametrize(
    ("layers", "weights", "keywords", "error", "message"),
    [
        (
            [linear, after_relu],
            [np.eye(32), np.zeros((32, 4))],
            {},
            ZeroDivisionError,
            r"layers\[1\] is dead",
        ),
        (
            [linear],
            [np.full((32, 4), np.nan)],
            {},
            OverflowError,
            r"layers\[0\] must return finite",
        ),
        ([linear], [np.full((32, 4), 1e200)], {}, OverflowError, r"layers\[0\] must return finite"),
        (
            [linear],
            [np.zeros((32, 0))],
            {},
            ValueError,
            r"layers\[0\] must return values, got .*\(400, 0\)",
        ),
        ([linear], [], {}, ValueError, "weights must be one array per layer, got 0 for 1 layers"),
        (linear, [np.eye(32)], {}, TypeError, "layers must be a sequence of callables, got <func"),
        (
            np.array(1j),
            [],
            {},
            TypeError,
            r"layers must be a sequence of callables, got array\(0\.\+1",
        ),
        (3.0, [np.eye(32)], {}, TypeError, r"layers must be a sequence of callables, got 3\.0"),
        ([linear], 3, {}, TypeError, "weights must be a sequence of arrays, got 3"),
        ([3], [np.eye(32)], {}, TypeError, r"layers\[0\] must be callable, got 3 \(int\)"),
        (
            [linear],
            [np.eye(32, dtype=int)],
            {},
            TypeError,
            r"weights\[0\] must be floating .* int64",
        ),
        (
            [linear],
            [np.eye(32)],
            {"variance": 0},
            ValueError,
            "variance must be finite and positive",
        ),
        ([linear], [np.eye(32)], {"variance": "1"}, TypeError, "variance must be a real number"),
        (
            [linear],
            [np.eye(32)],
            {"tolerance": math.nan},
            ValueError,
            "tolerance must be a number, got nan",
        ),
        (
            [linear],
            [np.eye(32)],
            {"max_iterations": 0},
            ValueError,
            "max_iterations .* least 1, got 0",
        ),
        (
            [linear],
            [np.eye(32)],
            {"max_iterations": np.array([3, 4])},
            TypeError,
            "max_iterations must be an integer, got array",
        ),
        (
            [linear],
            [np.eye(32)],
            {"max_iterations": 1.5},
            TypeError,
            "max_iterations must be an int",
        ),
    ],
)
def test_bad_input_is_named(layers, weights, keywords, error, message):
    with pytest.raises(error, match=message):
        lsuv.rescale(layers, weights, BATCH, **keywords)
