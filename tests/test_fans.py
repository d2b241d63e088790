"""Fans against values derived by hand and by counting connections, and against the frameworks'."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import irwinhall
from irwinhall import Fans, fans

TORCH = {"in_axis": 1, "out_axis": 0}
TORCH_TRANSPOSED = {"in_axis": 0, "out_axis": 1}
KERAS_TRANSPOSED = {"in_axis": -1, "out_axis": -2}


# ---- layers of the frameworks --------------------------------------------------------------------


# Shape and axes of a stored weight, and the fans by hand. Where torch.nn.init of 2.13.0 or JAX
# 0.10.2 agree, the last column says so: `torch` and `jax` rows were computed by them as well.
@pytest.mark.parametrize(
    ("shape", "axes", "expected"),
    [
        pytest.param((784, 256), {}, (784, 256), id="dense, jax"),
        pytest.param((5, 16, 32), {}, (80, 160), id="conv1d, jax"),
        pytest.param((3, 3, 64, 128), {}, (576, 1152), id="conv2d, jax"),
        pytest.param((3, 5, 7, 4, 8), {}, (420, 840), id="conv3d, jax"),
        pytest.param((256, 784), TORCH, (784, 256), id="Linear, torch"),
        pytest.param((32, 16, 5), TORCH, (80, 160), id="Conv1d, torch"),
        pytest.param((128, 64, 3, 3), TORCH, (576, 1152), id="Conv2d, torch"),
        pytest.param((8, 4, 3, 5, 7), TORCH, (420, 840), id="Conv3d, torch"),
        pytest.param((4, 4, 32, 64), KERAS_TRANSPOSED, (1024, 512), id="transposed conv2d, jax"),
        pytest.param((8, 512, 256), {"batch_axis": 0}, (512, 256), id="experts, jax"),
        pytest.param(
            (512, 8, 64), {"in_axis": 0, "out_axis": (1, 2)}, (512, 512), id="query by heads, jax"
        ),
        pytest.param(
            (8, 64, 512), {"in_axis": (0, 1), "out_axis": 2}, (512, 512), id="output by heads, jax"
        ),
        pytest.param((5,), {"in_axis": 0, "out_axis": ()}, (5, 1), id="vector, jax"),
        pytest.param(
            (3, 3, 64, 2), {"in_axis": (), "batch_axis": -2}, (9, 18), id="keras depthwise, jax"
        ),
        pytest.param((7,), {"in_axis": (), "out_axis": (), "batch_axis": 0}, (1, 1), id="scales"),
        pytest.param((2, 8, 3, 5, 7), {"batch_axis": (0, 1)}, (15, 21), id="two batch axes"),
        pytest.param((), {"in_axis": (), "out_axis": ()}, (1, 1), id="one number"),
        pytest.param((0, 3, 4), {"batch_axis": 0}, (3, 4), id="no experts"),
    ],
)
def test_fans_of_a_layer(shape, axes, expected):
    assert fans(shape, **axes) == expected


# What torch.nn.init 2.13.0 (or JAX without axes) makes of the same arrays, and what is right.
@pytest.mark.parametrize(
    ("shape", "axes", "expected", "torch_says"),
    [
        # Each input of a group feeds the outputs of that group only.
        ((128, 16, 3, 3), {**TORCH, "groups": 4}, (144, 288), (144, 1152)),
        # Depthwise: one input makes one output.
        ((64, 1, 3, 3), {**TORCH, "groups": 64}, (9, 9), (9, 576)),
        ((4, 1, 3, 3), {**TORCH, "groups": 4}, (9, 9), (9, 36)),
        ((128, 1, 3, 3), {**TORCH, "groups": 64}, (9, 18), (9, 1152)),
        # Transposed: stored (in, out, *k), read as (out, in, *k).
        ((64, 32, 4, 4), TORCH_TRANSPOSED, (1024, 512), (512, 1024)),
        # Grouped and transposed, (64, 8, 4, 4) seen as (groups, in/groups, out/groups, 4, 4).
        (
            (4, 16, 8, 4, 4),
            {"batch_axis": 0, "in_axis": 1, "out_axis": 2},
            (256, 128),
            (128, 1024),
        ),
        # Stacked experts are no convolution kernels.
        ((8, 512, 256), {"batch_axis": 0}, (512, 256), (131072, 2048)),
        # One of query, key and value, which are packed as (1536, 512).
        ((512, 512), TORCH, (512, 512), (512, 1536)),
    ],
)
def test_fans_where_torch_is_wrong(shape, axes, expected, torch_says):
    assert fans(shape, **axes) == expected
    assert expected != torch_says


def test_jax_needs_groups_too():
    assert fans((3, 3, 16, 128), groups=4) == (144, 288)  # JAX: 144, 1152


# ---- against the definition ----------------------------------------------------------------------


def connections(in_size, out_size, groups, kernel, transposed):
    """Count what feeds what in a 1-D convolution far from its borders, from its definition."""
    length = 4 * kernel
    feeds = np.zeros((in_size, length, out_size, length), dtype=int)
    for i in range(in_size):
        for o in range(out_size):
            if i * groups // in_size != o * groups // out_size:
                continue
            for position in range(length):
                for k in range(kernel):
                    source = (position + k if not transposed else position - k) % length
                    feeds[i, source, o, position] += 1
    return Fans(int(feeds[:, :, 0, 0].sum()), int(feeds[0, 0].sum()))


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize(("in_size", "out_size"), [(4, 4), (4, 8), (8, 4)])
def test_fans_count_the_connections_of_a_convolution(in_size, out_size, groups, kernel):
    counted = connections(in_size, out_size, groups, kernel, transposed=False)
    stored = (kernel, in_size // groups, out_size)
    assert fans(stored, groups=groups) == counted
    by_group = (groups, out_size // groups, in_size // groups, kernel)
    assert fans(by_group, batch_axis=0, in_axis=2, out_axis=1) == counted


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize(("in_size", "out_size"), [(4, 8), (8, 4)])
def test_fans_count_the_connections_of_a_transposed_convolution(in_size, out_size, groups):
    counted = connections(in_size, out_size, groups, 3, transposed=True)
    by_group = (groups, in_size // groups, out_size // groups, 3)
    assert fans(by_group, batch_axis=0, in_axis=1, out_axis=2) == counted


shapes = st.lists(st.integers(1, 9), min_size=2, max_size=6)


@given(shape=shapes, data=st.data())
def test_fans_do_not_depend_on_the_order_of_axes(shape, data):
    order = data.draw(st.permutations(range(len(shape))))
    cuts = sorted(data.draw(st.tuples(*[st.integers(0, len(shape))] * 3)))
    in_axis, out_axis, batch_axis = (
        order[: cuts[0]],
        order[cuts[0] : cuts[1]],
        order[cuts[1] : cuts[2]],
    )
    field = math.prod(shape[axis] for axis in order[cuts[2] :])
    expected = (
        field * math.prod(shape[axis] for axis in in_axis),
        field * math.prod(shape[axis] for axis in out_axis),
    )
    axes = {"in_axis": in_axis, "out_axis": out_axis, "batch_axis": batch_axis}
    assert fans(shape, **axes) == expected
    from_the_end = {role: [axis - len(shape) for axis in named] for role, named in axes.items()}
    assert fans(shape, **from_the_end) == expected


@given(shape=shapes)
def test_exchanged_axes_exchange_the_fans(shape):
    assert fans(shape, in_axis=-1, out_axis=-2) == fans(shape)[::-1]


@given(shape=shapes, groups=st.integers(1, 9))
def test_groups_are_stacked_weights(shape, groups):
    *kernel, inputs, outputs = shape
    stacked = fans((groups, *kernel, inputs, outputs), batch_axis=0)
    assert fans((*kernel, inputs, outputs * groups), groups=groups) == stacked


# ---- the interface -------------------------------------------------------------------------------


def test_fans_are_a_named_tuple_of_int():
    result = irwinhall.fans(np.array([3, 4], dtype=np.uint8), groups=np.int64(2))
    assert isinstance(result, irwinhall.Fans)
    assert [type(fan) for fan in result] == [int, int]
    assert (result.fan_in, result.fan_out) == (3, 2)


def test_axes_can_come_from_an_iterator():
    assert fans((3, 4), in_axis=iter([1]), out_axis=iter([0])) == (4, 3)


def test_sizes_beyond_64_bits_do_not_wrap():
    assert fans((2**40, 2**40, 2**40)) == (2**80, 2**80)


@pytest.mark.parametrize(
    ("shape", "arguments", "message"),
    [
        ((5,), {}, r"^fan_in and fan_out need in and out axes: a 1-D shape has neither, .*\(5,\)$"),
        ((), {}, "a 0-D shape has neither, unless in_axis and out_axis say what its axes hold"),
        (5, {}, r"a 1-D shape has neither, .*, got shape \(5,\)$"),
        ((3, 4), {"out_axis": 2}, r"^out_axis must .* got 2 for the 2-D shape \(3, 4\)$"),
        ((3, 4), {"batch_axis": (-3,)}, "^batch_axis must name an axis of shape, got -3"),
        ((3, 4), {"in_axis": -1}, "once, got axis 1 in in_axis and in out_axis$"),
        ((3, 4), {"batch_axis": 0}, "once, got axis 0 in in_axis and in batch_axis$"),
        ((3, 4), {"in_axis": (0, -2)}, "once, got axis 0 in in_axis twice$"),
        (
            (0, 4),
            {},
            r"^shape must give fans of at least 1, got \(0, 4\) with fan_in 0 and fan_out 4",
        ),
        ((3, 0), {}, "fan_in 3 and fan_out 0$"),
        ((0, 3, 4), {}, "fan_in 0 and fan_out 0$"),
        ((3, -4), {}, r"^shape must have no negative sizes, got \(3, -4\)$"),
        ((3, 4), {"groups": 3}, "^groups must divide the size of out_axis, got 3 groups of 4 "),
        ((3, 4), {"groups": 0}, "^groups must be at least 1, got 0$"),
        ((3, 4), {"groups": -2}, "^groups must be at least 1, got -2$"),
    ],
)
def test_bad_values_are_named(shape, arguments, message):
    with pytest.raises(ValueError, match=message):
        fans(shape, **arguments)


@pytest.mark.parametrize(
    ("shape", "arguments", "message"),
    [
        ("34", {}, r"^shape must be an integer or a sequence of integers, got '34' \(str\)$"),
        (None, {}, "^shape must be an integer or a sequence of integers, got None"),
        ((3.0, 4), {}, r"^shape must hold integers, got 3.0 \(float\)$"),
        ((3, True), {}, r"^shape must hold integers, got True \(bool\)$"),
        ((3, None), {}, "^shape must hold integers, got None"),
        (np.zeros((3, 4)), {}, "^shape must hold integers, got array"),
        (
            (3, 4),
            {"in_axis": 0.0},
            "^in_axis must be an integer or a sequence of integers, got 0.0",
        ),
        (
            (3, 4),
            {"out_axis": None},
            "^out_axis must be an integer or a sequence of integers, got ",
        ),
        ((3, 4), {"out_axis": "1"}, "^out_axis must be a sequence of integers, got '1'"),
        ((3, 4), {"batch_axis": False}, "^batch_axis must .*, got False"),
        ((3, 4), {"batch_axis": ("0",)}, "^batch_axis must hold integers, got '0'"),
        ((3, 4), {"groups": 2.0}, r"^groups must be an integer, got 2.0 \(float\)$"),
        ((3, 4), {"groups": True}, "^groups must be an integer, got True"),
    ],
)
def test_bad_types_are_named(shape, arguments, message):
    with pytest.raises(TypeError, match=message):
        fans(shape, **arguments)
