"""The stream's interface: seeds, names, shapes, regions, buffers, threads, forks and bad input."""

import array
import copy
import math
import mmap
import multiprocessing
import os
import pickle
import re
import subprocess
import sys
import threading
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_layouts import (
    DTYPES,
    KERNELS,
    LAWS,
    REQUIRED,
    draw,
    forced,
    laid_out,
    layouts,
    regions,
    same_bytes,
)

import irwinhall
from irwinhall import Stream, kernels

SEEDS = [0, 1, -1, 255, 256, -(2**63), 2**64, 10**5000, b"", b"\x01", b"1", bytes(100)]
METHODS = ["uniform", "normal", "truncated_normal"]
AS_STRIDED = np.lib.stride_tricks.as_strided
# Enough elements for several threads to share them.
MANY = 5 << 17
# Its bytes are all alike, so that it looks the same at any address.
SENTINEL = np.frombuffer(b"\xca" * 4, np.float32)[0]


# ---- seeds and names -----------------------------------------------------------------------------


def for_every_seed_and_name(test):
    """Run a test for every seed of SEEDS with every kind of name."""
    ids = [f"seed {place}" for place in range(len(SEEDS))]
    named = pytest.mark.parametrize("name", ["", "a/b", "\u6743\u91cd"])(test)
    return pytest.mark.parametrize("seed", SEEDS, ids=ids)(named)


@for_every_seed_and_name
def test_a_stream_keeps_its_seed_and_name(seed, name):
    stream = Stream(seed, name)
    assert (seed, name) == (stream.seed, stream.name)


@for_every_seed_and_name
def test_a_stream_is_remade_from_its_seed_and_name(seed, name):
    stream = Stream(seed, name)
    assert stream == Stream(stream.seed, stream.name)


@for_every_seed_and_name
def test_a_stream_is_remade_from_its_repr(seed, name):
    stream = Stream(seed, name)
    assert stream == eval(repr(stream))


@for_every_seed_and_name
def test_a_stream_survives_pickling(seed, name):
    stream = Stream(seed, name)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(stream, protocol))
        assert (stream, seed, name) == (again, again.seed, again.name)


@for_every_seed_and_name
def test_a_stream_survives_copying(seed, name):
    stream = Stream(seed, name)
    assert copy.copy(stream) == stream == copy.deepcopy(stream)


@for_every_seed_and_name
def test_a_stream_hashes_like_its_equals(seed, name):
    assert hash(Stream(seed, name)) == hash(Stream(seed, name))


def test_every_seed_gives_its_own_weights():
    drawn = {Stream(seed).uniform(4).tobytes() for seed in SEEDS}
    assert len(SEEDS) == len(drawn)


def test_an_int_and_bytes_that_look_alike_are_two_seeds():
    assert len({Stream(1), Stream(b"\x01"), Stream(b"1"), Stream(-1), Stream(0, "1")}) == 5


def test_every_name_gives_its_own_weights():
    names = ["", "a", "b", "ab", "a/b", "A", "a ", "\x00"]
    assert len(names) == len({Stream(1, name).uniform(4).tobytes() for name in names})


def test_the_end_of_a_seed_is_not_the_start_of_a_name():
    assert Stream(b"ab", "c") != Stream(b"a", "bc")


def test_a_stream_equals_no_other_thing():
    assert (Stream(1) == 1, Stream(1) == "Stream(1)", Stream(1) is None) == (False,) * 3


@pytest.mark.parametrize("seed", [np.int8(-5), np.int64(-5), np.array(-5)], ids=repr)
def test_an_integer_of_numpy_is_that_int(seed):
    assert Stream(-5) == Stream(seed)
    assert type(Stream(seed).seed) is int


def test_a_seed_sequence_is_not_changed():
    sequence = np.random.SeedSequence(12)
    before = sequence.state, sequence.generate_state(8).tolist()
    Stream(sequence)
    assert before == (sequence.state, sequence.generate_state(8).tolist())


def test_a_seed_sequence_gives_the_same_stream_each_time():
    sequence = np.random.SeedSequence(12)
    assert Stream(sequence) == Stream(sequence) == Stream(np.random.SeedSequence(12))


def test_spawned_seed_sequences_give_streams_of_their_own():
    children = np.random.SeedSequence(12).spawn(5)
    assert len({Stream(child) for child in children}) == 5


def test_a_generator_is_advanced_by_16_bytes():
    generator, twin = np.random.default_rng(3), np.random.default_rng(3)
    assert Stream(twin.bytes(16)) == Stream(generator)
    assert twin.bit_generator.state == generator.bit_generator.state


def test_a_generator_gives_another_stream_each_time():
    generator = np.random.default_rng(3)
    assert Stream(generator) != Stream(generator)


def test_no_seed_takes_fresh_entropy_that_can_be_read():
    stream = Stream()
    assert Stream(stream.seed) == stream
    assert Stream() != stream


def test_drawing_leaves_a_generator_alone():
    generator = np.random.default_rng(3)
    stream = Stream(generator)
    before = generator.bit_generator.state
    stream.normal(10)
    assert before == generator.bit_generator.state


def test_drawing_changes_nothing():
    stream = Stream(1)
    assert same_bytes(stream.normal(10), stream.normal(10))


def test_a_child_is_the_stream_of_the_longer_name():
    assert Stream(7, "encoder/layer/0") == Stream(7, "encoder").child("layer").child("0")


def test_a_child_of_the_nameless_stream_has_the_name_alone():
    assert Stream(7, "bias") == Stream(7).child("bias")


@pytest.mark.parametrize("attribute", ["seed", "name"])
def test_seed_and_name_cannot_be_set(attribute):
    with pytest.raises(AttributeError):
        setattr(Stream(1), attribute, 2)


@pytest.mark.parametrize(
    "seed",
    [1.0, True, np.bool(True), "1", bytearray(b"1"), Fraction(1), [1], np.arange(2)],
    ids=repr,
)
def test_a_seed_of_another_type_is_named(seed):
    with pytest.raises(TypeError, match=re.escape(f"got {seed!r} ({type(seed).__name__})")) as what:
        Stream(seed)
    assert str(what.value).startswith("seed must be ")


@pytest.mark.parametrize("make", [lambda name: Stream(1, name), Stream(1).child])
@pytest.mark.parametrize("name", [5, None, b"a"])
def test_a_name_that_is_no_string_is_named(make, name):
    with pytest.raises(TypeError, match=rf"^name must be a string, got {name!r} "):
        make(name)


def test_a_name_without_utf_8_is_named():
    with pytest.raises(ValueError, match=r"^name must be encodable in UTF-8, got '\\ud800'$"):
        Stream(1, "\ud800")


def test_an_empty_name_of_a_child_is_named():
    with pytest.raises(ValueError, match=r"^name must not be empty, got ''$"):
        Stream(1).child("")


# ---- shapes, types and the array returned --------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("law", LAWS)
def test_a_fill_returns_a_contiguous_array_of_the_type_asked_for(law, dtype):
    weights = draw(Stream(1), law, (3, 5), dtype=dtype)
    assert ((3, 5), DTYPES[dtype], True) == (
        weights.shape,
        weights.dtype,
        weights.flags.c_contiguous,
    )


@pytest.mark.parametrize("method", METHODS)
def test_the_type_is_float32_unless_asked_for(method):
    assert np.float32 == getattr(Stream(1), method)(3).dtype


@pytest.mark.parametrize(
    ("asked", "dtype"),
    [
        (np.float64, "float64"),
        (float, "float64"),
        ("d", "float64"),
        (np.dtype("f2"), "float16"),
        ("half", "float16"),
        (ml_dtypes.bfloat16, "bfloat16"),
        (np.dtype(ml_dtypes.bfloat16), "bfloat16"),
    ],
)
def test_a_type_may_be_asked_for_in_any_way_of_numpy(asked, dtype):
    expected = Stream(1).normal(9, dtype=dtype)
    assert same_bytes(expected, Stream(1).normal(9, dtype=asked))
    assert DTYPES[dtype] == expected.dtype


@pytest.mark.parametrize(
    "shape", [6, [6], (6,), np.int8(6), [np.int64(6)], np.array(6), range(6, 7)]
)
def test_a_shape_may_be_an_integer_or_any_sequence(shape):
    assert same_bytes(Stream(1).uniform((6,)), Stream(1).uniform(shape))


def test_elements_lie_in_c_order():
    expected = Stream(1).uniform(24)
    assert same_bytes(expected, Stream(1).uniform((2, 3, 4)).reshape(24))


def test_the_first_elements_do_not_depend_on_how_many_follow():
    assert same_bytes(Stream(1).normal(100)[:10], Stream(1).normal(10))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [0, (0,), (3, 0), (0, 3), (2, 0, 2**40)])
def test_shapes_without_elements_succeed(shape, dtype):
    weights = Stream(1).normal(shape, dtype=dtype)
    assert (shape if shape else (0,)) == weights.shape


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_shape_without_axes_is_one_element(dtype):
    weights = Stream(1).normal((), dtype=dtype)
    assert weights.shape == ()
    assert Stream(1).normal(1, dtype=dtype)[0] == weights


def test_a_shape_without_axes_fills_an_array_without_axes():
    out = np.zeros((), np.float32)
    assert out is Stream(1).uniform(out=out)
    assert Stream(1).uniform(1)[0] == out


def test_as_many_axes_as_numpy_has_are_filled():
    shape = (1,) * 60 + (2, 3, 2, 1)
    assert same_bytes(Stream(1).uniform(12), Stream(1).uniform(shape).reshape(12))


def test_the_bits_scale_by_powers_of_two():
    assert same_bytes(Stream(1).uniform(99) / 8, Stream(1).uniform(99, bound=0.125))


def test_uniform_takes_any_real_number_for_its_bound():
    expected = Stream(1).uniform(9, bound=0.5)
    for bound in (Fraction(1, 2), np.float32(0.5), np.array(0.5)):
        assert same_bytes(expected, Stream(1).uniform(9, bound=bound))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("method", ["normal", "truncated_normal"])
def test_a_std_of_zero_fills_zeros(method, dtype):
    weights = getattr(Stream(1), method)((3, 5), 0.0, dtype=dtype)
    assert bytes(weights.nbytes) == weights.tobytes()


def test_infinite_ends_on_both_sides_are_the_normal_law():
    expected = Stream(1).normal(1000, 0.3)
    cut = Stream(1).truncated_normal(1000, 0.3, low=-math.inf, high=math.inf)
    assert same_bytes(expected, cut)


def test_uncorrected_is_corrected_of_another_std():
    cut = Stream(1).truncated_normal(1000, 0.5, corrected=False, dtype="float64")
    corrected = Stream(1).truncated_normal(1000, 0.5, dtype="float64")
    assert np.ptp(corrected / cut) < 1e-14
    assert cut.std() < 0.47


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("law", ["normal"])
def test_16_bit_values_are_the_float32_ones_rounded(law, dtype):
    expected = draw(Stream(1), law, 10000).astype(DTYPES[dtype])
    assert same_bytes(expected, draw(Stream(1), law, 10000, dtype=dtype))


# ---- out -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_out_is_returned_and_gives_shape_and_type(dtype):
    out = np.zeros((3, 5), DTYPES[dtype])
    assert out is Stream(1).normal(out=out)
    assert same_bytes(Stream(1).normal((3, 5), dtype=dtype), out)


def test_a_uint16_array_takes_the_bits_of_bfloat16_by_name():
    out = np.zeros(100, np.uint16)
    Stream(1).normal(out=out, dtype="bfloat16")
    assert same_bytes(Stream(1).normal(100, dtype="bfloat16").view(np.uint16), out)


def test_a_uint16_array_is_not_taken_for_bfloat16_without_the_name():
    with pytest.raises(TypeError, match=r"^out's dtype must be one of .*, got uint16$"):
        Stream(1).normal(out=np.zeros(3, np.uint16))


def test_a_uint16_array_is_not_taken_for_float16():
    with pytest.raises(TypeError, match=r"^out must have dtype float16, got uint16$"):
        Stream(1).normal(out=np.zeros(3, np.uint16), dtype="float16")


BUFFERS = {
    "bytearray": lambda: memoryview(bytearray(48)).cast("f"),
    "bytearray, two axes": lambda: memoryview(bytearray(48)).cast("f", (3, 4)),
    "array.array of f": lambda: array.array("f", bytes(48)),
    "array.array of d": lambda: array.array("d", bytes(48)),
    "mmap": lambda: memoryview(mmap.mmap(-1, 48)).cast("f"),
    "half precision": lambda: memoryview(np.zeros(12, np.float16)),
    "reversed": lambda: memoryview(array.array("f", bytes(48)))[::-1],
}


@pytest.mark.parametrize("make", BUFFERS.values(), ids=BUFFERS)
def test_any_writable_buffer_of_floats_is_filled(make):
    out = make()
    assert out is Stream(1).normal(out=out)
    actual = np.asarray(out)
    assert same_bytes(Stream(1).normal(actual.shape, dtype=actual.dtype), actual)


def test_a_file_in_memory_is_filled(tmp_path):
    out = np.memmap(tmp_path / "weights", np.float32, "w+", shape=(100, 30))
    assert out is Stream(1).normal(out=out)
    out.flush()
    assert Stream(1).normal((100, 30)).tobytes() == (tmp_path / "weights").read_bytes()


def test_a_subclass_of_ndarray_is_filled_and_returned():
    out = np.zeros(10, np.float32).view(np.recarray)
    assert out is Stream(1).normal(out=out)
    assert same_bytes(Stream(1).normal(10), np.asarray(out))


OUT_LAYOUTS = {
    "transposed": lambda base: base[:40].reshape(8, 5).T,
    "reversed": lambda base: base[:40].reshape(5, 8)[::-1, ::-1],
    "every third": lambda base: base[: 3 * 40 : 3].reshape(5, 8),
    "column": lambda base: base[:80].reshape(40, 2)[:, 1].reshape(5, 8),
    "Fortran": lambda base: base[:40].reshape((5, 8), order="F"),
    "misaligned": lambda base: base.view(np.uint8)[1:161].view(np.float32).reshape(5, 8),
    "odd stride": lambda base: AS_STRIDED(base, (5, 8), (41, 5)),
}


@pytest.mark.parametrize("layout", OUT_LAYOUTS.values(), ids=OUT_LAYOUTS)
def test_any_layout_is_filled_and_nothing_beside_it(layout):
    base = np.full(200, SENTINEL)
    out = layout(base)
    Stream(1).normal(out=out)
    assert same_bytes(Stream(1).normal((5, 8)), np.ascontiguousarray(out))
    out[...] = SENTINEL
    assert same_bytes(np.full(200, SENTINEL), base)


OVERLAPPING = {
    "broadcast": lambda base: np.broadcast_to(base[:3], (4, 3)),
    "stride 0": lambda base: AS_STRIDED(base, (4, 3), (0, 4)),
    "windows": lambda base: AS_STRIDED(base, (4, 3), (4, 4)),
    "less than an item": lambda base: AS_STRIDED(base, (12,), (2,)),
    "backwards": lambda base: AS_STRIDED(base[20:], (4, 3), (-8, 4)),
}


@pytest.mark.parametrize("layout", OVERLAPPING.values(), ids=OVERLAPPING)
def test_an_out_that_holds_an_element_twice_is_refused(layout):
    base = np.full(40, 7, np.float32)
    out = layout(base)
    with pytest.raises(ValueError, match=r"^out must "):
        Stream(1).normal(out=out)
    assert same_bytes(np.full(40, 7, np.float32), base)


def test_an_axis_of_length_one_may_have_any_stride():
    out = AS_STRIDED(np.zeros(12, np.float32), (1, 12, 1), (0, 4, 0))
    assert same_bytes(Stream(1).normal((1, 12, 1)), Stream(1).normal(out=out))


# ---- regions -------------------------------------------------------------------------------------


@settings(max_examples=300, derandomize=True)
@given(st.data())
def test_a_region_is_that_part_of_the_whole(data):
    shape, region = data.draw(regions())
    law, dtype = (
        data.draw(st.sampled_from(sorted(LAWS))),
        data.draw(st.sampled_from(sorted(DTYPES))),
    )
    threads = data.draw(st.integers(1, 8))
    part = draw(Stream(4, law), law, shape, dtype=dtype)[region]
    out, whole = laid_out(part.shape, data.draw(layouts(len(shape))), dtype)
    with pytest.MonkeyPatch.context() as patch:
        forced(data.draw(st.sampled_from(KERNELS)), patch)
        draw(Stream(4, law), law, shape, out=out, region=region, threads=threads)
    assert part.tobytes() == np.ascontiguousarray(out).tobytes()
    out.view(np.ndarray)[...] = 0
    written = np.count_nonzero(whole != 0xCA)
    assert out.nbytes == written


@settings(max_examples=20, derandomize=True)
@given(
    st.sampled_from([(MANY,), (700, 1100), (1100, 700), (30, 40, 700), (90, 20, 20, 20)]),
    st.sampled_from(sorted(LAWS)),
    st.sampled_from(sorted(DTYPES)),
    st.integers(1, 8),
    st.randoms(use_true_random=False),
)
def test_a_large_region_is_that_part_of_the_whole(shape, law, dtype, threads, random):
    region = tuple(slice(random.randint(0, 9), length - random.randint(0, 9)) for length in shape)
    part = draw(Stream(4), law, shape, dtype=dtype, threads=1)[region]
    actual = draw(Stream(4), law, shape, dtype=dtype, region=region, threads=threads)
    assert part.tobytes() == actual.tobytes()


@pytest.mark.parametrize(
    "region",
    [
        None,
        (),
        slice(None),
        (slice(None),),
        [slice(0, 7)],
        (slice(None, None, 1), slice(0, np.int64(9))),
        slice(0, 7, None),
    ],
    ids=repr,
)
def test_a_region_may_leave_out_what_is_whole(region):
    assert same_bytes(Stream(1).normal((7, 9)), Stream(1).normal((7, 9), region=region))


@pytest.mark.parametrize(
    "region", [slice(3, 3), (slice(2), slice(5, 5)), (slice(7, 7), slice(9, 9))]
)
def test_a_region_without_elements_succeeds(region):
    assert Stream(1).normal((7, 9), region=region).size == 0


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("law", LAWS)
def test_a_region_of_a_huge_array_equals_its_neighbours(law, dtype):
    side = 2**31
    start = side - 70
    corner = (slice(start, side), slice(start, side))
    block = draw(Stream(9), law, (side, side), dtype=dtype, region=corner)
    for row in (0, 1, 69):
        first = (start + row) * side + start
        run = draw(Stream(9), law, side * side, dtype=dtype, region=slice(first, first + 70))
        assert same_bytes(block[row], run)


def test_a_region_of_a_huge_array_of_four_axes_is_addressed_in_64_bits():
    shape = (2**20, 2**14, 2**14, 2**14)
    place = (2**20 - 3, 5, 2**14 - 2, 77)
    one = Stream(9).normal(shape, region=[slice(i, i + 1) for i in place])
    flat = ((place[0] * 2**14 + place[1]) * 2**14 + place[2]) * 2**14 + place[3]
    assert same_bytes(one.reshape(1), Stream(9).normal(2**62, region=slice(flat, flat + 1)))


def test_the_last_element_of_the_largest_shape_can_be_had():
    assert Stream(9).normal(2**63 - 1, region=slice(2**63 - 2, 2**63 - 1)).shape == (1,)


@pytest.mark.parametrize("dtype", DTYPES)
def test_shards_along_any_axis_make_the_whole(dtype):
    whole = Stream(2).truncated_normal((24, 36), dtype=dtype)
    rows = [
        Stream(2).truncated_normal((24, 36), dtype=dtype, region=slice(i, i + 6))
        for i in range(0, 24, 6)
    ]
    columns = [
        Stream(2).truncated_normal((24, 36), dtype=dtype, region=(slice(None), slice(i, i + 9)))
        for i in range(0, 36, 9)
    ]
    assert whole.tobytes() == np.concatenate(rows).tobytes()
    assert whole.tobytes() == np.concatenate(columns, axis=1).tobytes()


# ---- threads, forks and kernels ------------------------------------------------------------------


@pytest.mark.parametrize("threads", [None, 1, 2, 3, 7, 64, 2**40])
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_bits_do_not_depend_on_the_thread_count(threads, dtype):
    expected = Stream(1).normal(MANY + 3, dtype=dtype, threads=1)
    assert same_bytes(expected, Stream(1).normal(MANY + 3, dtype=dtype, threads=threads))


def test_concurrent_callers_get_the_same_bits():
    expected = Stream(1).normal(MANY).tobytes()
    results = []
    start = threading.Barrier(6)

    def work():
        start.wait()
        results.extend(Stream(1).normal(MANY, threads=3).tobytes() == expected for _ in range(3))

    callers = [threading.Thread(target=work) for _ in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert results == [True] * 18


def test_concurrent_callers_fill_parts_of_one_array():
    out = np.zeros((8, 50_000), np.float32)

    def work(row):
        Stream(1).normal(out.shape, out=out[row : row + 1], region=slice(row, row + 1))

    callers = [threading.Thread(target=work, args=(row,)) for row in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert same_bytes(Stream(1).normal(out.shape), out)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_gives_the_same_bits():
    expected = Stream(1).normal(MANY, threads=4).tobytes()
    child = os.fork()
    if child == 0:
        same = Stream(1).normal(MANY, threads=4).tobytes() == expected
        os._exit(0 if same else 1)
    assert os.waitpid(child, 0)[1] == 0


def weights_of(stream):
    """Return some weights' bytes; at the top level, so that processes can be sent it."""
    return stream.normal(MANY, threads=4).tobytes()


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_forked_workers_give_the_same_bits():
    stream = Stream(1, "layer")
    expected = weights_of(stream)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert [expected] * 3 == pool.map(weights_of, [stream] * 3)


PROGRAM = """
import irwinhall
print(irwinhall.stream.KERNEL, irwinhall.Stream(1, "a").normal((50, 3), 0.02).tobytes().hex())
"""


def run_with_kernel(name):
    """Return the finished process of PROGRAM under IRWINHALL_KERNEL."""
    environment = {**os.environ, "IRWINHALL_KERNEL": name}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True
    )


@pytest.mark.parametrize("place", range(len(kernels())), ids=[name for name, _ in kernels()])
def test_the_environment_forces_a_kernel(place):
    name, available = kernels()[place]
    finished = run_with_kernel(name)
    if not available:
        assert f"got '{name}'" in finished.stderr
        assert name not in REQUIRED
        pytest.skip(f"this machine cannot run the kernel {name}; asking for it is an error")
    expected = Stream(1, "a").normal((50, 3), 0.02).tobytes().hex()
    assert [str(place), expected] == finished.stdout.split()


def test_an_empty_environment_variable_forces_nothing():
    finished = run_with_kernel("")
    assert str(irwinhall.stream.KERNEL) == finished.stdout.split()[0]


@pytest.mark.parametrize("name", ["none", "PORTABLE", "avx", "portable "])
def test_an_unknown_kernel_is_an_error_that_names_the_variable(name):
    finished = run_with_kernel(name)
    assert finished.returncode != 0
    assert f"IRWINHALL_KERNEL must be one of {', '.join(KERNELS)}, got {name!r}" in finished.stderr


def test_the_portable_kernel_is_always_there_and_last():
    assert kernels()[-1] == ("portable", True)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("law", LAWS)
def test_every_kernel_gives_the_same_bits(law, dtype, kernel, monkeypatch):
    forced("portable", monkeypatch)
    expected = draw(Stream(6), law, (101, 103), dtype=dtype)
    forced(kernel, monkeypatch)
    assert same_bytes(expected, draw(Stream(6), law, (101, 103), dtype=dtype))


# ---- bad input -----------------------------------------------------------------------------------


def float32(*shape):
    """Return an array to fill."""
    return np.full(shape, 7, np.float32)


def read_only():
    """Return an array that must not be written."""
    out = float32(3)
    out.flags.writeable = False
    return out


NAN, INF = math.nan, math.inf
_NO_SHAPE = "shape must be an integer or a sequence of integers, got"
# (method, arguments, exception, start of its message); {} stands for an out of three elements.
BAD_INPUT = [
    *(
        (method, {scale: value}, ValueError, f"{scale} must be finite, got {value}")
        if math.isinf(value)
        else (method, {scale: value}, ValueError, f"{scale} must be a number, got nan")
        for method, scale in (("uniform", "bound"), ("normal", "std"), ("truncated_normal", "std"))
        for value in (NAN, INF, -INF)
    ),
    ("uniform", {"bound": 0.0}, ValueError, "bound must be positive, got 0.0"),
    ("uniform", {"bound": -1.0}, ValueError, "bound must be positive, got -1.0"),
    ("normal", {"std": -0.5}, ValueError, "std must be at least 0, got -0.5"),
    ("truncated_normal", {"std": -0.5}, ValueError, "std must be at least 0, got -0.5"),
    ("uniform", {"bound": "1"}, TypeError, "bound must be a real number, got '1' (str)"),
    ("uniform", {"bound": None}, TypeError, "bound must be a real number, got None (NoneType)"),
    ("uniform", {"bound": True}, TypeError, "bound must be a real number, got True (bool)"),
    ("uniform", {"bound": np.bool(1)}, TypeError, "bound must be a real number, got np.True_"),
    ("uniform", {"bound": 1j}, TypeError, "bound must be a real number, got 1j (complex)"),
    ("uniform", {"bound": np.ones(2)}, TypeError, "bound must be one real number, got array"),
    ("uniform", {"bound": 10**400}, ValueError, "bound must fit a double, got an integer"),
    ("uniform", {"bound": 2.0**-96}, ValueError, "bound must be from 2**-95 to 3.4028234663"),
    ("uniform", {"bound": 1e39}, ValueError, "bound must be from 2**-95 to 3.402823"),
    ("normal", {"std": 1e39}, ValueError, "std must be at most 3.4028234663852886e+38 for float32"),
    ("truncated_normal", {"low": 2.0, "high": 2.0}, ValueError, "low must be less than high, got"),
    ("truncated_normal", {"low": 3, "high": -3}, ValueError, "low must be less than high, got"),
    ("truncated_normal", {"low": INF, "high": INF}, ValueError, "low must be less than high, got"),
    ("truncated_normal", {"low": NAN}, ValueError, "low must be a number, got nan"),
    ("truncated_normal", {"high": NAN}, ValueError, "high must be a number, got nan"),
    ("truncated_normal", {"low": "a"}, TypeError, "low must be a real number, got 'a' (str)"),
    ("truncated_normal", {"low": 38, "high": 39}, ValueError, "std = 1.0 on [low, high] = [38.0"),
    ("truncated_normal", {"low": -INF, "high": -38}, ValueError, "std = 1.0 on [low, high] = [-in"),
    ("truncated_normal", {"corrected": "no"}, TypeError, "corrected must be True or False, "),
    ("normal", {"shape": -1}, ValueError, "shape must be at least 0, got -1"),
    ("normal", {"shape": (3, -1)}, ValueError, "shape must have no negative sizes, got (3, -1)"),
    ("normal", {"shape": 3.0}, TypeError, _NO_SHAPE + " 3.0 (float)"),
    ("normal", {"shape": True}, TypeError, _NO_SHAPE + " True (bool)"),
    ("normal", {"shape": "3"}, TypeError, _NO_SHAPE + " '3' (str)"),
    ("normal", {"shape": [[3]]}, TypeError, "shape must hold integers, got [3] (list)"),
    ("normal", {"shape": np.array([[3, 1]])}, TypeError, "shape must hold integers, got array"),
    ("normal", {"shape": 2**63}, ValueError, "shape must have fewer than 2**63 elements, got"),
    ("normal", {"shape": (2**32, 2**31)}, ValueError, "shape must have fewer than 2**63 elements"),
    ("normal", {"shape": (0, 2**64)}, ValueError, "shape must have fewer than 2**63 elements, got"),
    ("normal", {"shape": 4}, ValueError, "out must have shape (4,), got (3,)"),
    ("normal", {"shape": (3, 1)}, ValueError, "out must have shape (3, 1), got (3,)"),
    ("normal", {"shape": ()}, ValueError, "out must have shape (), got (3,)"),
    ("normal", {"region": slice(3)}, TypeError, "shape must be given, unless out is given and"),
    ("normal", {"shape": 9, "region": slice(7, 10)}, ValueError, "region must lie inside the "),
    ("normal", {"shape": 9, "region": slice(-3, 9)}, ValueError, "region must lie inside the "),
    ("normal", {"shape": 9, "region": slice(5, 2)}, ValueError, "region must lie inside the "),
    ("normal", {"shape": 9, "region": slice(0, 6, 2)}, ValueError, "region must have steps of 1, "),
    ("normal", {"shape": 9, "region": slice(8, 5, -1)}, ValueError, "region must have steps of 1"),
    ("normal", {"shape": 9, "region": slice(0.0, 3)}, TypeError, "region must have integer ends"),
    ("normal", {"shape": 9, "region": 3}, TypeError, "region must be a slice or a sequence"),
    ("normal", {"shape": 9, "region": (3,)}, TypeError, "region must be made of slices, got 3 for"),
    ("normal", {"shape": 9, "region": (slice(3), ...)}, ValueError, "region must have at most 1 "),
    ("normal", {"shape": 9, "region": (...,)}, TypeError, "region must be made of slices, got Ell"),
    ("normal", {"shape": 9, "region": slice(4)}, ValueError, "out must have shape (4,), got (3,)"),
    ("normal", {"threads": 0}, ValueError, "threads must be at least 1, got 0"),
    ("normal", {"threads": -2}, ValueError, "threads must be at least 1, got -2"),
    ("normal", {"threads": 1.0}, TypeError, "threads must be an integer, got 1.0 (float)"),
    ("normal", {"threads": True}, TypeError, "threads must be an integer, got True (bool)"),
    ("normal", {"dtype": "float64"}, TypeError, "out must have dtype float64, got float32"),
    ("normal", {"dtype": "bfloat16"}, TypeError, "out must have dtype bfloat16, got float32"),
    ("normal", {"dtype": "int32"}, TypeError, "dtype must be one of float32, float64, flo"),
    ("normal", {"dtype": "complex64"}, TypeError, "dtype must be one of float32, fl"),
    ("normal", {"dtype": "nonsense"}, TypeError, "dtype must be one of float32, fl"),
    ("normal", {"dtype": 3}, TypeError, "dtype must be one of float32, float64, float16, bfloat16"),
    ("normal", {"dtype": ">f4"}, TypeError, "dtype must have the machine's byte order, got >f4"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "arguments", "exception", "message"),
    BAD_INPUT,
    ids=[f"{method}-{arguments}"[:70] for method, arguments, _, _ in BAD_INPUT],
)
def test_a_bad_argument_is_named_and_out_is_untouched(method, arguments, exception, message):
    out = float32(3)
    with pytest.raises(exception, match="^" + re.escape(message)):
        getattr(Stream(1), method)(**arguments, out=out)
    assert out.tolist() == [7, 7, 7]


@pytest.mark.parametrize(
    ("out", "exception", "message"),
    [
        (read_only(), ValueError, "out must be writeable, got a read-only buffer"),
        (bytes(12), ValueError, "out must be writeable, got a read-only buffer"),
        (memoryview(bytes(12)).cast("f"), ValueError, "out must be writeable, got a read-only"),
        ([0.0, 0.0], TypeError, "out must be an array or a buffer, got list"),
        (1.0, TypeError, "out must be an array or a buffer, got float"),
        (bytearray(12), TypeError, "out's dtype must be one of float32, float64, float16"),
        (array.array("i", [0]), TypeError, "out's dtype must be one of float32, float64, float16,"),
        (np.zeros(3, ">f4"), TypeError, "out must have the machine's byte order, got >f4"),
        (np.zeros(3, np.complex64), TypeError, "out's dtype must be one of float32, float64"),
        (np.zeros(3, object), TypeError, "out's dtype must be one of float32, float64, float16,"),
        (np.zeros(3, [("x", "f4")]), TypeError, "out's dtype must be one of float32, float64, fl"),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_a_bad_out_is_named(out, exception, message):
    with pytest.raises(exception, match="^" + re.escape(message)):
        Stream(1).normal(out=out)


@pytest.mark.parametrize("method", METHODS)
def test_neither_shape_nor_out_is_an_error(method):
    with pytest.raises(TypeError, match=r"^shape must be given"):
        getattr(Stream(1), method)()


@pytest.mark.parametrize(
    "shape", [2**62, (1,) * 65, (0, 2**62, 2**62)], ids=["long", "deep", "empty"]
)
def test_a_shape_that_numpy_cannot_make_is_named(shape):
    with pytest.raises(ValueError, match=r"^shape must be that of an array that NumPy can make"):
        Stream(1).normal(shape)


LIMITS = {
    "float32": (2.0**-95, float(np.finfo(np.float32).max)),
    "float64": (2.0**-959, sys.float_info.max),
    "float16": (2.0**-14, 65504.0),
    "bfloat16": (2.0**-95, float(ml_dtypes.finfo(ml_dtypes.bfloat16).max)),
}


@pytest.mark.parametrize("dtype", LIMITS)
def test_the_least_and_the_greatest_bound_are_the_stated_ones(dtype):
    for limit, beyond in zip(LIMITS[dtype], (0.0, math.inf), strict=True):
        weights = Stream(1).uniform(1000, limit, dtype=dtype)
        assert np.all(np.abs(weights.astype(np.float64)) < limit)
        with pytest.raises(ValueError, match=r"^bound must be "):
            Stream(1).uniform(3, math.nextafter(limit, beyond), dtype=dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_products_at_the_least_bound_keep_every_bit(dtype):
    least = LIMITS[dtype][0]
    expected = Stream(1).uniform(1000, dtype=dtype)
    assert same_bytes(
        expected, Stream(1).uniform(1000, least, dtype=dtype) / DTYPES[dtype].type(least)
    )


def test_bfloat16_without_ml_dtypes_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    with pytest.raises(ImportError, match="pip install ml_dtypes"):
        Stream(1).normal(3, dtype="bfloat16")


@pytest.mark.parametrize(
    ("std", "low", "high", "dtype"),
    [
        (1.0, 1 + 1e-9, 1 + 2e-9, "float32"),
        (1.0, 1.0001, 1.0002, "float16"),
        (1.0, 1.0001, 1.0002, "bfloat16"),
        (6e4, 1.2, 2.0, "float16"),
    ],
)
def test_an_interval_without_a_value_of_the_type_is_refused(std, low, high, dtype):
    out = np.full(3, 7, np.uint16 if dtype == "bfloat16" else dtype)
    with pytest.raises(ValueError, match="holds no value of the element type"):
        Stream(1).truncated_normal(
            std=std, low=low, high=high, corrected=False, dtype=dtype, out=out
        )
    assert (out == 7).all()


@pytest.mark.parametrize("far", [50.0, 1e20, 1e30, 3.5e38, 1e39, 1e300, math.inf])
@pytest.mark.parametrize("near", [-2.0, 0.0, 3.0])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_bound_where_nothing_is_left_is_as_good_as_infinite(near, far, dtype):
    options = {"corrected": False, "dtype": dtype}
    upper = Stream(1).truncated_normal(100, low=near, high=far, **options)
    assert np.array_equal(
        upper, Stream(1).truncated_normal(100, low=near, high=math.inf, **options)
    )
    lower = Stream(1).truncated_normal(100, low=-far, high=-near, **options)
    expected = Stream(1).truncated_normal(100, low=-math.inf, high=-near, **options)
    assert np.array_equal(lower, expected)


def test_an_interval_of_two_values_gives_only_those():
    low = 0.773697186103369
    high = math.nextafter(low, math.inf)
    drawn = Stream(1).truncated_normal(1000, low=low, high=high, corrected=False, dtype="float64")
    assert set(drawn.tolist()) <= {low, high}


@pytest.mark.parametrize("value", [np.complex128(0.1), np.array(True), np.array("0.1")])
def test_a_bound_of_another_kind_is_refused(value):
    with pytest.raises(TypeError, match="bound must be a real number"):
        Stream(1).uniform(3, value)


@pytest.mark.parametrize("std", [1e30, 65505.0])
def test_a_std_beyond_float16_is_refused(std):
    with pytest.raises(ValueError, match=r"std must be at most 65504\.0 for float16"):
        Stream(1).normal(3, std, dtype="float16")


@pytest.mark.parametrize(("law", "name"), [("uniform", "bound"), ("normal", "std")])
def test_two_integers_without_parentheses_are_warned_of(law, name):
    message = rf"\(3, 4\) is shape \(3,\) and {name} 4; for two axes pass the shape as \(3, 4\)"
    with pytest.warns(UserWarning, match=message) as caught:
        drawn = getattr(Stream(0), law)(3, 4)
    assert caught[0].filename == __file__
    assert same_bytes(drawn, getattr(Stream(0), law)(3, 4.0))  # which pytest lets warn of nothing


@pytest.mark.parametrize("arguments", [(3, 1), ((3,), 4), (3, 4.0), ((3, 4),)])
def test_an_integer_that_can_mean_one_thing_alone_is_not_warned_of(arguments):
    assert Stream(0).uniform(*arguments).size in (3, 12)
