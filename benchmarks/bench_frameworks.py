"""The adapters' initializers beside those of JAX, Keras and Dask, for a weight of 4096 x 4096.

The frameworks compile for a shape once, which is not timed.
"""

from __future__ import annotations

import os

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")

jax = pytest.importorskip("jax")
keras = pytest.importorskip("keras")
da = pytest.importorskip("dask.array")

import irwinhall.dask  # noqa: E402
import irwinhall.jax  # noqa: E402
import irwinhall.keras  # noqa: E402

SHAPE = (4096, 4096)
ROUNDS = 11


def called(init, *arguments):
    return lambda: jax.block_until_ready(init(*arguments))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("law", ["he_uniform", "he_normal"])
def bench_jax_initializer(versus, law, dtype):
    key = jax.random.key(0)
    ours = called(getattr(irwinhall.jax, law)(), key, SHAPE, dtype)
    theirs = called(getattr(jax.nn.initializers, law)(), key, SHAPE, dtype)
    versus(ours, {"jax.nn.initializers": theirs}, rounds=ROUNDS)


@pytest.mark.parametrize("law", ["he_uniform", "he_normal"])
def bench_jax_sharded(versus, law):
    place = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    scheme = {"he_uniform": "he_uniform", "he_normal": "he_truncated_normal"}[law]
    theirs = called(getattr(jax.nn.initializers, law)(), jax.random.key(0), SHAPE)

    def ours():
        return jax.block_until_ready(irwinhall.jax.sharded(SHAPE, place, scheme, seed=1))

    versus(ours, {"jax.nn.initializers": theirs}, rounds=ROUNDS)


@pytest.mark.parametrize("law", ["HeUniform", "HeNormal"])
def bench_keras(versus, law):
    ours = called(getattr(irwinhall.keras, law)(seed=1), SHAPE)
    theirs = called(getattr(keras.initializers, law)(seed=1), SHAPE)
    versus(ours, {f"Keras on {keras.backend.backend()}": theirs}, rounds=ROUNDS)


def bench_dask_normal(versus):
    generator = da.random.default_rng(1)
    ours = irwinhall.dask.sample_weights(SHAPE, "he_normal", rng=1, chunks=1024)
    theirs = generator.standard_normal(SHAPE, dtype=np.float32, chunks=1024) * np.float32(0.02)
    versus(ours.compute, {"dask.array.random": theirs.compute}, rounds=ROUNDS)
