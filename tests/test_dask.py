"""Dask: any chunks on any scheduler against sample_weights, and files that are whole or absent."""

from __future__ import annotations

import os
import signal
import time

import numpy as np
import pytest
from frameworks import framework
from hypothesis import given, settings
from hypothesis import strategies as st

import irwinhall
from irwinhall import schemes
from irwinhall.sampling import Sampler

framework("dask.array")

import dask  # noqa: E402
import dask.array as da  # noqa: E402

import irwinhall.dask as idask  # noqa: E402

# ---- chunks --------------------------------------------------------------------------------------


def cuts(length):
    """Return a strategy for the chunk sizes of an axis."""
    ends = st.sets(st.integers(1, length - 1)).map(lambda found: [0, *sorted(found), length])
    return ends.map(lambda ends: tuple(np.diff(ends).tolist()))


@settings(max_examples=30)
@given(chunks=st.tuples(cuts(13), cuts(8)), scheme=st.sampled_from(sorted(schemes.SCHEMES)))
def test_any_chunks_of_any_scheme_are_the_numpy_result(chunks, scheme):
    if scheme == "delta_orthogonal":
        chunks = chunks[::-1]
    shape = tuple(map(sum, chunks))
    arguments = {"gain": 0.5} if schemes.SCHEMES[scheme].gain is None else {}
    weights = idask.sample_weights(shape, scheme, rng=3, name="w", chunks=chunks, **arguments)
    expected = irwinhall.sample_weights(shape, scheme, rng=3, name="w", **arguments)
    assert weights.chunks == chunks
    assert weights.dtype == expected.dtype
    assert weights.compute(scheduler="sync").tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    ("scheduler", "dtype"),
    [
        ("sync", "float64"),
        ("threads", "float32"),
        ("threads", "float16"),
        ("threads", "bfloat16"),
        ("processes", "bfloat16"),
    ],
)
def test_types_and_schedulers_change_no_bit(scheduler, dtype):
    weights = idask.sample_weights((50, 40), "he_normal", rng=1, dtype=dtype, chunks=(20, 15))
    expected = irwinhall.sample_weights((50, 40), "he_normal", rng=1, dtype=dtype)
    made = weights.compute(scheduler=scheduler)
    assert (weights.dtype, made.dtype) == (expected.dtype, expected.dtype)
    assert made.tobytes() == expected.tobytes()


@pytest.mark.parametrize("scheme", ["letkeman", "orthogonal"])
@pytest.mark.parametrize(
    ("shape", "where"),
    [
        ((6, 8, 3, 3), {"in_axis": 1, "out_axis": 0}),
        ((6, 8, 3, 3), {"layout": "torch.conv", "groups": 3}),
        ((6, 4, 3), {"layout": "torch.conv_transpose", "groups": 3}),
        ((8, 12), {"layout": "keras.dense", "parts": 3}),
        ((5, 6, 4), {"batch_axis": 0}),
        ((5, 6, 4), {"layout": "flax.dense", "stacked": 1}),
    ],
)
def test_axes_and_layouts_are_read_as_everywhere(scheme, shape, where):
    weights = idask.sample_weights(shape, scheme, rng=1, chunks=3, **where)
    expected = irwinhall.sample_weights(shape, scheme, rng=1, **where)
    assert weights.compute(scheduler="sync").tobytes() == expected.tobytes()


@pytest.mark.parametrize("shape", [(), (0, 4), (4, 0)])
def test_shapes_without_a_chunk_to_cut(shape):
    weights = idask.sample_weights(shape, "normal", gain=1.0, rng=1, chunks=2)
    expected = irwinhall.sample_weights(shape, "normal", gain=1.0, rng=1)
    np.testing.assert_array_equal(weights.compute(), expected)


def test_a_corner_of_a_large_array_makes_only_its_chunk():
    shape = (2**18, 2**16)  # 64 GiB
    corner = idask.sample_weights(shape, rng=1, chunks=(2**13, 2**10))[-2:, -3:].compute()
    region = slice(2**18 - 2, 2**18), slice(2**16 - 3, 2**16)
    assert corner.tobytes() == irwinhall.sample_weights(shape, rng=1, region=region).tobytes()


def made_shapes(monkeypatch, weights):
    shapes = []
    original = Sampler.draw

    def recording(*arguments, **more):
        result = original(*arguments, **more)
        shapes.append(result.shape)
        return result

    monkeypatch.setattr(Sampler, "draw", recording)
    weights.compute(scheduler="sync")
    return sorted(shapes)


def test_a_chunk_is_made_without_the_rest(monkeypatch):
    weights = idask.sample_weights((40, 30), rng=1, chunks=(20, 10))
    assert made_shapes(monkeypatch, weights) == [(20, 10)] * 6


def test_an_orthogonal_matrix_is_made_once_and_an_expert_alone(monkeypatch):
    weights = idask.sample_weights((4, 8, 6), "orthogonal", rng=1, batch_axis=0, chunks=(2, 3, 3))
    assert made_shapes(monkeypatch, weights) == [(2, 8, 6)] * 2


# ---- seeds ---------------------------------------------------------------------------------------


def test_without_a_seed_every_compute_gives_the_same_and_every_array_another():
    arrays = [idask.sample_weights((4, 5), chunks=2) for _ in range(2)]
    first, second = (array.compute() for array in arrays)
    assert first.tobytes() == arrays[0].compute().tobytes()
    assert first.tobytes() != second.tobytes()
    assert arrays[0].name != arrays[1].name


def test_a_generator_is_asked_once():
    ours, theirs = np.random.default_rng(1), np.random.default_rng(1)
    weights = idask.sample_weights((4, 5), rng=ours, chunks=2)
    expected = irwinhall.sample_weights((4, 5), rng=theirs)
    assert weights.compute().tobytes() == expected.tobytes()
    assert weights.compute().tobytes() == expected.tobytes()
    assert ours.bytes(4) == theirs.bytes(4)


def test_equal_weights_have_equal_names_and_others_do_not():
    def name(**more):
        return idask.sample_weights((4, 5), **{"rng": 1, "chunks": 2, **more}).name

    assert name() == name()
    assert len({name(), name(rng=2), name(name="w"), name(gain=2.0), name(dtype="float16")}) == 5


def test_ends_are_those_of_sample_weights():
    ends = {"gain": 0.02, "low": -3, "high": 3, "corrected": False}
    weights = idask.sample_weights((30, 20), "truncated_normal", rng=1, chunks=7, **ends)
    expected = irwinhall.sample_weights((30, 20), "truncated_normal", rng=1, **ends)
    assert weights.compute().tobytes() == expected.tobytes()


# ---- a cluster -----------------------------------------------------------------------------------


def test_a_worker_killed_half_way_costs_no_weight():
    distributed = framework("distributed")
    shape, chunks = (2048, 1024), (16, 1024)
    weights = idask.sample_weights(shape, "he_normal", rng=1, name="w", chunks=chunks)
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "30s"}),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        pids = list(client.run(os.getpid).values())
        assert len(set(pids)) == 2
        kept = client.persist(weights)
        futures = distributed.futures_of(kept)
        assert len(futures) == 128
        while sum(future.done() for future in futures) < 64:
            time.sleep(0.001)
        os.kill(pids[0], signal.SIGKILL)
        result = kept.compute()
        assert pids[0] not in client.run(os.getpid).values()
    expected = irwinhall.sample_weights(shape, "he_normal", rng=1, name="w")
    assert result.tobytes() == expected.tobytes()


# ---- files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheduler", ["threads", "processes"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_npy_file_holds_the_weights(tmp_path, scheduler, dtype):
    weights = idask.sample_weights((50, 40), rng=1, dtype=dtype, chunks=(20, 15))
    with dask.config.set(scheduler=scheduler):
        idask.to_npy(weights, tmp_path / "w.npy")
    saved = np.load(tmp_path / "w.npy")
    assert saved.dtype == (np.uint16 if dtype == "bfloat16" else np.float32)
    assert saved.tobytes() == irwinhall.sample_weights((50, 40), rng=1, dtype=dtype).tobytes()
    assert os.listdir(tmp_path) == ["w.npy"]


def test_an_empty_array_makes_an_empty_file(tmp_path):
    weights = idask.sample_weights((0, 4), "zeros", rng=1, chunks=2)
    idask.to_npy(weights, tmp_path / "w.npy")
    assert np.load(tmp_path / "w.npy").shape == (0, 4)


def test_a_file_that_fails_half_way_is_not_there(tmp_path):
    weights = idask.sample_weights((50, 40), rng=1, chunks=(10, 40))

    def failing(block, block_info):
        if block_info[0]["chunk-location"] == (3, 0):
            raise RuntimeError("the fourth chunk")
        return block

    broken = da.map_blocks(failing, weights, dtype=weights.dtype)
    with pytest.raises(RuntimeError, match="the fourth chunk"):
        idask.to_npy(broken, tmp_path / "w.npy")
    assert os.listdir(tmp_path) == []


def test_a_file_that_is_there_is_kept_unless_overwritten(tmp_path):
    path = tmp_path / "w.npy"
    path.write_text("mine")
    weights = idask.sample_weights((5, 4), rng=1, chunks=2)
    with pytest.raises(FileExistsError, match="w.npy exists"):
        idask.to_npy(weights, path)
    assert path.read_text() == "mine"
    idask.to_npy(weights, path, overwrite=True)
    assert np.load(path).tobytes() == weights.compute().tobytes()


def test_zarr_takes_the_weights(tmp_path):
    zarr = framework("zarr")
    weights = idask.sample_weights((50, 40), rng=1, chunks=(20, 15))
    weights.to_zarr(str(tmp_path / "w.zarr"))
    saved = zarr.open(str(tmp_path / "w.zarr"), mode="r")
    assert saved[:].tobytes() == irwinhall.sample_weights((50, 40), rng=1).tobytes()


# ---- arguments -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"scheme": "he_norml"}, ValueError, "did you mean 'he_normal'"),
        ({"scheme": 3}, TypeError, "^scheme must be a name or a Scheme, got 3"),
        ({"rng": 1.5}, TypeError, "^rng must be a Stream, an int"),
        ({"name": 1}, TypeError, "^name must be a string, got 1"),
        ({"dtype": "int32"}, TypeError, "^dtype must be one of"),
        ({"scheme": "normal"}, ValueError, "^gain must be given for normal"),
        ({"gain": -1.0}, ValueError, "^gain must be at least 0"),
        ({"in_axis": 0}, ValueError, None),
        ({"in_axis": 3}, ValueError, "^in_axis must name an axis of shape, got 3"),
        ({"groups": 3}, ValueError, "^groups must divide the size of out_axis"),
        ({"active_inputs": 9}, ValueError, "^active_inputs must be at most the 8 inputs, got 9$"),
        ({"layout": "flax.dense", "in_axis": 0}, TypeError, "^in_axis must be left out"),
        ({"axis": 0}, TypeError, "^arguments must be among"),
        ({"shape": (8, -4)}, ValueError, r"^shape must have no negative sizes, got \(8, -4\)$"),
        ({"gain": 1e6, "dtype": "float16"}, ValueError, "for float16, got"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_computed(arguments, error, message):
    arguments = {"shape": (8, 4), "rng": 1, "chunks": 2, **arguments}
    if message is None:
        arguments["out_axis"], message = 0, "once, got axis 0 in in_axis and in out_axis$"
    with pytest.raises(error, match=message):
        idask.sample_weights(**arguments)


NAN = float("nan")


@pytest.mark.parametrize(
    "chunks",
    [
        *(0, -2, 2.5, NAN, None, "x", np.int64(0), {0: 0}, [0, 3], (0, 3), (False, 3), (-1, -5)),
        *((5,), (5, 5, 5), ((0, 0), 13), ((5, 6), 13), ((-1, 11), 13), ((2.5, 7.5), 13)),
        *(((NAN, NAN), 13), ((5, 5), (NAN,)), object()),
    ],
    ids=lambda chunks: type(chunks).__name__ if type(chunks) is object else str(chunks),
)
def test_chunks_that_do_not_add_up_are_refused_at_once(chunks):
    with pytest.raises(ValueError, match="^chunks must be "):
        idask.sample_weights((10, 13), rng=1, chunks=chunks)


@pytest.mark.parametrize("chunks", [((0, 10), 13), {0: 5}, "auto", -1, (None, 5), 100])
def test_chunks_that_dask_takes_are_taken(chunks):
    weights = idask.sample_weights((10, 13), rng=1, chunks=chunks).compute()
    assert weights.tobytes() == irwinhall.sample_weights((10, 13), rng=1).tobytes()


@pytest.mark.parametrize("scheme", ["letkeman", "orthogonal", "identity"])
@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (2, 0, 4)])
def test_a_weight_without_elements_is_empty(scheme, shape):
    weights = idask.sample_weights(shape, scheme, rng=1, chunks=2)
    assert (weights.shape, weights.compute().shape) == (shape, shape)


def test_schemes_that_share_a_name_do_not_share_chunks():
    narrow, wide = (
        irwinhall.schemes.Scheme("mine", "uniform", lambda fan_in, fan_out, b=bound: b)
        for bound in (0.5, 2.0)
    )
    first, second = (idask.sample_weights((40, 40), row, rng=1) for row in (narrow, wide))
    assert first.name != second.name
    assert np.array_equal(4 * first.compute(), second.compute())
