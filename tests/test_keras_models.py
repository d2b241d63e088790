"""Whole models of Keras: bits of sample_weights by path on every backend, shards by themselves."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from frameworks import framework

keras = framework("keras")

import keras_model  # noqa: E402
import verify_shards  # noqa: E402

import irwinhall  # noqa: E402
import irwinhall.keras as ik  # noqa: E402

SUPPORT = os.path.dirname(keras_model.__file__)


def test_a_model_has_the_bits_of_sample_weights_by_path():
    built = keras_model.model()
    keras_model.check(built, ik.init_weights(built, "he_normal", seed=1))


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_so_it_has_on_every_backend(backend):
    if backend == "torch":
        framework("torch")
    program = f"""
import keras, keras_model, irwinhall.keras
assert keras.backend.backend() == {backend!r}
built = keras_model.model()
keras_model.check(built, irwinhall.keras.init_weights(built, "he_normal", seed=1))
print("equal")
"""
    finished = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": SUPPORT},
        capture_output=True,
        text=True,
    )
    assert finished.stdout == "equal\n", finished.stderr


def weights_of(built):
    return {variable.path: keras.ops.convert_to_numpy(variable) for variable in built.variables}


def test_inserting_a_layer_changes_no_other():
    short, long = keras_model.model(2), keras_model.model(3)
    for built in (short, long):
        ik.init_weights(built, seed=1)
    before, after = weights_of(short), weights_of(long)
    skipped = ("slope", "seed_generator", "both/")  # what is left alone, or reads the new layer
    for path, array in before.items():
        if not path.startswith(skipped):
            assert np.array_equal(array, after[path]), path
    assert set(after) - set(before) >= {"block2/kernel", "block2/bias"}


def dense(*names, units=4):
    made = [keras.layers.Dense(units, name=name) for name in names]
    return keras.Sequential([keras.Input((4,)), *made], name="net")


def test_a_plan_has_the_language_of_torchs():
    built = dense("qkv", "last", units=12)
    plan = {
        "*qkv/kernel": {"parts": (6, 3, 3), "scheme": "xavier_normal"},
        keras.layers.Dense: {"std": 0.02},
    }
    report = ik.init_weights(
        built, seed=1, plan=plan, exclude="*bias", residual="*last/kernel", residual_factor=0.5
    )
    kernels = [keras.ops.convert_to_numpy(layer.kernel) for layer in built.layers]
    path = built.layers[0].kernel.path
    for number, part in enumerate(np.split(kernels[0], (6, 9), axis=1)):
        expected = irwinhall.sample_weights(
            part.shape, "xavier_normal", rng=1, name=f"{path}/{number}"
        )
        assert part.tobytes() == expected.tobytes()
    path = built.layers[1].kernel.path
    expected = irwinhall.sample_weights((12, 12), "normal", gain=0.01, rng=1, name=path)
    assert kernels[1].tobytes() == expected.tobytes()
    assert [name.rpartition("/")[2] for name in report.left_alone] == ["bias", "bias"]


def test_what_is_frozen_is_left_alone_unless_the_plan_names_it():
    built = dense("first", "second")
    built.layers[0].trainable = False
    before = weights_of(built)
    report = ik.init_weights(built, seed=1)
    first = built.layers[0].kernel.path
    assert report.left_alone == (first, built.layers[0].bias.path)
    assert np.array_equal(weights_of(built)[first], before[first])
    report = ik.init_weights(built, seed=1, plan={first: "letkeman"})
    assert first not in report.left_alone


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_types_stay(dtype):
    layer = keras.layers.Dense(6, dtype=keras.DTypePolicy(dtype), name="dense")
    layer.build((None, 4))
    ik.init_weights(layer, seed=1)
    expected = irwinhall.sample_weights((4, 6), rng=1, name=layer.kernel.path, dtype=dtype)
    assert keras.backend.standardize_dtype(layer.kernel.dtype) == dtype
    assert np.array_equal(
        keras.ops.convert_to_numpy(keras.ops.cast(layer.kernel, "float32")),
        expected.astype(np.float32),
    )


def named_twice():
    inner = [keras.Sequential([keras.layers.Dense(4, name="same")]) for _ in range(2)]
    for each in inner:
        each.layers[0].build((None, 4))
    return keras.Sequential([keras.Input((4,)), *inner])


@pytest.mark.parametrize(
    ("make", "arguments", "error", "message"),
    [
        (lambda: [], {}, TypeError, "^model must be a keras.Layer, got one of type list"),
        (lambda: keras.layers.Dense(4), {}, ValueError, "^model must be built, got dense"),
        (named_twice, {}, ValueError, "^model must have unique names, got 2 param"),
        (lambda: dense("a"), {"seed": None}, TypeError, "^seed must be given"),
        (lambda: dense("a"), {"plan": {"b": "ones"}}, ValueError, "^plan pattern 'b' matches no"),
        (lambda: dense("a"), {"plan": {"net/a": "ones"}}, ValueError, "'net/a/\\*' matches"),
        (
            lambda: dense("a"),
            {"exclude": "*"},
            ValueError,
            "^model must have parameters to initial",
        ),
        (lambda: dense("a"), {"threads": -1}, ValueError, "^threads must be"),
        (lambda: dense("a"), {"rng": 1}, TypeError, "^init_weights takes seed, not rng$"),
        (
            lambda: dense("a"),
            {"residual": {"*kernel": "gpt2"}},
            ValueError,
            "must name parameters with the number of a layer in their names",
        ),
    ],
)
def test_bad_arguments_are_named(make, arguments, error, message):
    with pytest.raises(error, match=message):
        ik.init_weights(make(), **{"seed": 1, **arguments})


# ---- shards --------------------------------------------------------------------------------------


def test_the_recorded_memory_is_that_of_the_shards():
    cases = json.loads(verify_shards.RECORD.read_text(encoding="ascii"))["cases"]
    assert tuple(cases) == verify_shards.CASES
    beyond = {case: found["beyond_shards_mib"] for case, found in cases.items()}
    assert max(beyond["called"], beyond["made anew"]) < 64
    assert beyond["built"] < 1024 + 64 < beyond["built by Keras"]


def test_what_is_measured_is_memory_beyond_the_shards():
    found = verify_shards.measure("called", side=2048)
    assert found["shards_mib"] == 16
    assert found["beyond_shards_mib"] < 8


SHARDED = """
import jax, keras, numpy as np
import irwinhall, irwinhall.keras as ik
mesh = keras.distribution.DeviceMesh((4,), ["model"], keras.distribution.list_devices())
layouts = keras.distribution.LayoutMap(mesh)
layouts[".*kernel"] = (None, "model")
keras.distribution.set_distribution(keras.distribution.ModelParallel(layout_map=layouts))
made = []
original = irwinhall.sampling.Sampler.draw
def draw(self, stream, target, threads=None):
    made.append(target.array.shape)
    return original(self, stream, target, threads)
irwinhall.sampling.Sampler.draw = draw
for scheme in ("he_normal", "orthogonal"):
    init = ik.SchemeInitializer(scheme, seed=1, name="w")
    layer = keras.layers.Dense(64, kernel_initializer=init, name=f"{scheme}_layer")
    layer.build((None, 32))
    assert len(layer.kernel.value.addressable_shards) == 4
    assert layer.kernel.value.addressable_shards[0].data.shape == (32, 16)
    expected = irwinhall.sample_weights((32, 64), scheme, rng=1, name="w")
    assert np.asarray(layer.kernel.value).tobytes() == expected.tobytes()
    assert layer(np.ones((4, 32), np.float32)).shape == (4, 64)
    if scheme == "he_normal":
        assert made == [(32, 16)] * 4 + [(32, 64)]  # no whole, but the one expected
made.clear()
model = keras.Sequential([keras.Input((32,)), keras.layers.Dense(64, name="dense")])
report = ik.init_weights(model, "he_normal", seed=1)
kernel = model.layers[0].kernel
assert made == [(32, 16)] * 4 + [(64,)]
assert kernel.value.sharding.spec == jax.sharding.PartitionSpec(None, "model")
expected = irwinhall.sample_weights((32, 64), "he_normal", rng=1, name=kernel.path)
assert np.asarray(kernel.value).tobytes() == expected.tobytes()
print("equal")
"""


def test_a_sharded_variable_is_made_shard_by_shard():
    framework("jax")
    finished = subprocess.run(
        [sys.executable, "-c", SHARDED],
        env={
            **os.environ,
            "KERAS_BACKEND": "jax",
            "XLA_FLAGS": "--xla_force_host_platform_device_count=4",
        },
        capture_output=True,
        text=True,
    )
    assert finished.stdout == "equal\n", finished.stderr
