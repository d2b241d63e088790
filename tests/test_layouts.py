"""Layouts against fans by hand, layer by layer, and weights by layout against weights by axes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import irwinhall
from irwinhall import fans, layouts, sample_weights
from irwinhall.layouts import LAYOUTS, Weight


def axes_of(weight):
    """Return the axes of a weight's logical shape as keyword arguments."""
    return {
        "in_axis": weight.in_axes,
        "out_axis": weight.out_axes,
        "batch_axis": weight.batch_axes,
        "groups": weight.groups,
    }


# Stored shape, layout and the rest, and the fans by hand. Each line is a layer that users have.
@pytest.mark.parametrize(
    ("layer", "shape", "layout", "arguments", "expected"),
    [
        ("Linear(784, 256)", (256, 784), "torch.linear", {}, (784, 256)),
        ("Bilinear(3, 4, 5)", (5, 3, 4), "torch.bilinear", {}, (12, 5)),
        ("Conv1d(16, 32, 5)", (32, 16, 5), "torch.conv", {}, (80, 160)),
        ("Conv2d(64, 128, 3)", (128, 64, 3, 3), "torch.conv", {}, (576, 1152)),
        ("Conv3d(4, 8, (3, 5, 7))", (8, 4, 3, 5, 7), "torch.conv", {}, (420, 840)),
        ("Conv2d(64, 128, 3, groups=4)", (128, 16, 3, 3), "torch.conv", {"groups": 4}, (144, 288)),
        ("Conv2d(64, 64, 3, groups=64)", (64, 1, 3, 3), "torch.conv", {"groups": 64}, (9, 9)),
        ("ConvTranspose2d(64, 32, 4)", (64, 32, 4, 4), "torch.conv_transpose", {}, (1024, 512)),
        (
            "ConvTranspose2d(64, 32, 4, groups=4)",
            (64, 8, 4, 4),
            "torch.conv_transpose",
            {"groups": 4},
            (256, 128),
        ),
        (
            "ConvTranspose1d(6, 6, 3, groups=6)",
            (6, 1, 3),
            "torch.conv_transpose",
            {"groups": 6},
            (3, 3),
        ),
        ("Embedding(50000, 64)", (50000, 64), "torch.embedding", {}, (1, 64)),
        ("query, key, value", (1536, 512), "torch.linear", {"parts": 3}, (512, 512)),
        ("gate and up", (22016, 4096), "torch.linear", {"parts": 2}, (4096, 11008)),
        ("LSTM(10, 20), input", (80, 10), "torch.linear", {"parts": 4}, (10, 20)),
        ("GRU(10, 20), recurrent", (60, 20), "torch.linear", {"parts": 3}, (20, 20)),
        ("8 experts", (8, 256, 512), "torch.linear", {"stacked": 1}, (512, 256)),
        (
            "8 experts, gate and up",
            (8, 512, 64),
            "torch.linear",
            {"stacked": 1, "parts": 2},
            (64, 256),
        ),
        ("Dense(256)", (784, 256), "flax.dense", {}, (784, 256)),
        ("Conv(128, (3, 3))", (3, 3, 64, 128), "flax.conv", {}, (576, 1152)),
        ("Conv, 4 groups", (3, 3, 16, 128), "flax.conv", {"groups": 4}, (144, 288)),
        ("ConvTranspose(32, (4, 4))", (4, 4, 64, 32), "flax.conv_transpose", {}, (1024, 512)),
        (
            "ConvTranspose, transpose_kernel",
            (4, 4, 32, 64),
            "flax.conv_transpose_kernel",
            {},
            (1024, 512),
        ),
        ("query by heads", (512, 8, 64), "flax.attention_in", {}, (512, 512)),
        ("output from heads", (8, 64, 512), "flax.attention_out", {}, (512, 512)),
        ("Embed(50000, 64)", (50000, 64), "flax.embedding", {}, (1, 64)),
        ("12 scanned layers", (12, 512, 2048), "flax.dense", {"stacked": 1}, (512, 2048)),
        ("haiku Linear", (784, 256), "haiku.linear", {}, (784, 256)),
        ("haiku Conv2D", (3, 3, 64, 128), "haiku.conv", {}, (576, 1152)),
        ("haiku Conv2DTranspose", (4, 4, 32, 64), "haiku.conv_transpose", {}, (1024, 512)),
        ("haiku Embed", (50000, 64), "haiku.embedding", {}, (1, 64)),
        ("equinox Linear", (256, 784), "equinox.linear", {}, (784, 256)),
        ("equinox Conv2d", (128, 16, 3, 3), "equinox.conv", {"groups": 4}, (144, 288)),
        ("equinox ConvTranspose2d", (32, 64, 4, 4), "equinox.conv_transpose", {}, (1024, 512)),
        ("equinox Embedding", (50000, 64), "equinox.embedding", {}, (1, 64)),
        ("keras Dense", (784, 256), "keras.dense", {}, (784, 256)),
        ("keras Conv2D, 4 groups", (3, 3, 16, 128), "keras.conv", {"groups": 4}, (144, 288)),
        ("keras Conv2DTranspose", (4, 4, 32, 64), "keras.conv_transpose", {}, (1024, 512)),
        ("keras DepthwiseConv2D", (3, 3, 64, 2), "keras.depthwise", {}, (9, 18)),
        ("keras LSTM, kernel", (10, 80), "keras.dense", {"parts": 4}, (10, 20)),
        ("keras attention, query", (512, 8, 64), "keras.attention_in", {}, (512, 512)),
        ("keras attention, output", (8, 64, 512), "keras.attention_out", {}, (512, 512)),
        ("keras Embedding", (50000, 64), "keras.embedding", {}, (1, 64)),
    ],
)
def test_fans_of_a_layer(layer, shape, layout, arguments, expected):
    assert fans(shape, layout=layout, **arguments) == expected, layer


# ---- weights -------------------------------------------------------------------------------------

SPLIT = [
    pytest.param((6, 2, 3), "torch.conv_transpose", {"groups": 3}, (3, 2, 2, 3), id="groups"),
    pytest.param((12, 5), "torch.linear", {"parts": 3}, (3, 4, 5), id="parts in front"),
    pytest.param((5, 12), "keras.dense", {"parts": 4}, (5, 4, 3), id="parts at the end"),
    pytest.param(
        (2, 12, 5), "torch.linear", {"parts": 3, "stacked": 1}, (2, 3, 4, 5), id="stacked parts"
    ),
]


@pytest.mark.parametrize(("shape", "layout", "arguments", "seen"), SPLIT)
@pytest.mark.parametrize("scheme", ["letkeman", "he_normal", "orthogonal"])
def test_an_axis_that_is_split_changes_no_element(shape, layout, arguments, seen, scheme):
    found = Weight.of(shape, layout=layout, **arguments)
    expected = irwinhall.sample_weights(seen, scheme, rng=1, name="w", **axes_of(found))
    weights = sample_weights(shape, scheme, layout=layout, rng=1, name="w", **arguments)
    assert found.logical_shape == seen
    assert weights.tobytes() == expected.tobytes()
    assert weights.shape == shape


@pytest.mark.parametrize(("shape", "layout", "arguments", "seen"), SPLIT)
@given(data=st.data())
def test_a_region_is_the_slice_of_the_whole(shape, layout, arguments, seen, data):
    region = []
    for size in shape:
        low = data.draw(st.integers(0, size))
        region.append(slice(low, data.draw(st.integers(low, size))))
    scheme = data.draw(st.sampled_from(["letkeman_normalized", "orthogonal", "zeros"]))
    more = {"layout": layout, "rng": 2, "dtype": "float64", **arguments}
    whole = sample_weights(shape, scheme, **more)
    weights = sample_weights(shape, scheme, region=region, **more)
    np.testing.assert_array_equal(weights, whole[tuple(region)])


@pytest.mark.parametrize(("shape", "layout", "arguments", "seen"), SPLIT)
def test_a_view_of_any_strides_is_filled_in_place(shape, layout, arguments, seen):
    out = np.empty(shape[::-1], dtype=np.float16).T
    result = sample_weights(shape, "lecun_normal", layout=layout, rng=3, out=out, **arguments)
    assert result is out
    expected = sample_weights(
        shape, "lecun_normal", layout=layout, rng=3, dtype="float16", **arguments
    )
    np.testing.assert_array_equal(out, expected)


def test_every_part_of_a_fused_orthogonal_weight_is_orthogonal():
    weights = sample_weights((12, 4), "orthogonal", layout="torch.linear", parts=3, rng=1)
    for part in weights.reshape(3, 4, 4):
        np.testing.assert_allclose(part @ part.T, np.eye(4), atol=1e-6)


def test_a_lookup_has_one_active_input():
    bound = irwinhall.letkeman_bound(1)
    weights = sample_weights((1000, 64), layout="torch.embedding", rng=1)
    assert 0.999 * bound < abs(weights).max() < bound
    more = sample_weights((1000, 64), layout="torch.embedding", rng=1, active_inputs=2)
    assert 0.999 < abs(more).max() / irwinhall.letkeman_bound(2) < 1
    plain = sample_weights((1000, 64), "normal", layout="torch.embedding", gain=0.02, rng=1)
    assert plain.tobytes() == irwinhall.Stream(1).normal((1000, 64), 0.02).tobytes()


def test_a_generator_gives_one_seed_however_many_pieces_there_are():
    region = slice(1, 11)
    generators = [np.random.default_rng(5) for _ in range(2)]
    more = {"layout": "torch.linear", "parts": 3}
    whole = sample_weights((12, 5), rng=generators[0], **more)
    part = sample_weights((12, 5), rng=generators[1], region=region, **more)
    np.testing.assert_array_equal(part, whole[region])
    assert generators[0].bytes(1) == generators[1].bytes(1)


# ---- arguments -----------------------------------------------------------------------------------


def test_every_layout_has_inputs_or_independent_weights_and_outputs():
    for name, row in LAYOUTS.items():
        assert name == row.name
        shape = [2 + i for i in range(row.stored.count(",") + 1)]
        seen = Weight.of(shape, layout=name)
        assert (seen.logical_shape, seen.groups, seen.split) == (tuple(shape), 1, None)
        assert seen.in_axes or seen.batch_axes
        assert seen.out_axes


@pytest.mark.parametrize(
    ("shape", "layout", "arguments", "message"),
    [
        ((3, 4), "torch.lstm", {}, "^unknown layout 'torch.lstm'; did you mean 'torch"),
        ((5,), "torch.linear", {}, r"^shape must be \(out, in\) for torch.linear, got \(5,\)$"),
        ((), "torch.conv", {}, r"^shape must be \(out, in/groups, \*k\) for torch.conv, got \(\)$"),
        ((3, 4), "keras.conv", {}, r"^shape must be \(\*k, in/groups, out\) for keras.conv, got "),
        ((2, 3, 4), "keras.dense", {}, r"^shape must be \(in, out\) for keras.dense, got "),
        ((3, 4), "flax.dense", {"stacked": 1}, r"^shape must be \(in, out\) after 1 stacked axes"),
        ((3, 4), "flax.dense", {"groups": 2}, "^groups must be 1 for flax.dense, which has none"),
        ((3, 4), "flax.dense", {"parts": 3}, r"^parts must divide axis 1 of \(3, 4\), got 3 parts"),
        (
            (6, 2, 3),
            "torch.conv_transpose",
            {"groups": 4},
            r"^groups must divide axis 0 of \(6, 2, 3\), got 4 groups of 6$",
        ),
        ((8, 2, 3), "torch.conv", {"groups": 2, "parts": 2}, "^parts must be 1 for a weight with"),
        ((4, 2, 2), "flax.attention_in", {"parts": 2}, "which has two out axes, got 2$"),
        ((6, 2, 3), "torch.conv", {"groups": 4}, "^groups must divide the size of out_axis"),
        ((3, 4), "flax.dense", {"stacked": -1}, "^stacked must be at least 0, got -1$"),
    ],
)
def test_bad_values_are_named(shape, layout, arguments, message):
    with pytest.raises(ValueError, match=message):
        fans(shape, layout=layout, **arguments)


@pytest.mark.parametrize("name", ["groups", "parts", "stacked"])
@pytest.mark.parametrize("value", [1.0, True, "1"])
def test_bad_types_are_named(name, value):
    with pytest.raises(TypeError, match=f"^{name} must be an integer, got {value!r}"):
        Weight.of((3, 4), layout="torch.linear", **{name: value})
    with pytest.raises(TypeError, match=r"^layout must be a string or a Weight, got 3 \(int\)$"):
        Weight.of((3, 4), layout=3)


def test_out_must_have_the_shape_of_the_region():
    with pytest.raises(ValueError, match=r"^out must have shape \(2, 5\), got \(12, 5\)$"):
        sample_weights(
            (12, 5),
            layout="torch.linear",
            parts=3,
            region=slice(2, 4),
            out=np.empty((12, 5), np.float32),
        )


@given(begin=st.integers(0, 40), length=st.integers(0, 40), size=st.integers(1, 9))
def test_the_cuts_of_a_range_are_at_most_three_and_cover_it(begin, length, size):
    cuts = list(layouts._cuts(begin, begin + length, size))
    covered = [
        part * size + place
        for parts, inside in cuts
        for part in range(parts.start, parts.stop)
        for place in range(inside.start, inside.stop)
    ]
    assert covered == list(range(begin, begin + length))
    assert 1 <= len(cuts) <= 3
    assert math.prod(part.stop - part.start for part in cuts[0]) > 0 or length == 0


# ---- what the adapters take ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "where", "expected"),
    [
        ((784, 256), {}, (784, 256)),
        ((64, 16, 3, 3), {"in_axis": 1, "out_axis": 0, "groups": 4}, (144, 144)),
        ((64, 16, 3, 3), {"layout": "torch.conv", "groups": 4}, (144, 144)),
        ((8, 512, 256), {"batch_axis": 0}, (512, 256)),
        ((8, 512, 768), {"layout": "flax.dense", "stacked": 1, "parts": 3}, (512, 256)),
        ((784, 256), {"layout": None}, (784, 256)),
    ],
)
def test_a_weight_is_described_by_axes_or_by_a_layout(shape, where, expected):
    seen = Weight.of(shape, **where)
    assert fans(seen.logical_shape, **axes_of(seen)) == expected
    assert seen.fans == fans(shape, **where) == expected


@pytest.mark.parametrize(
    ("where", "message"),
    [
        (
            {"layout": "flax.dense", "in_axis": 0},
            r"^in_axis must be left out with a layout, got \(0,\)$",
        ),
        ({"batch_axis": 0, "layout": "flax.dense"}, "^batch_axis must be left out with a layout"),
        ({"parts": 3}, "^parts must come with a layout, got 3$"),
        ({"stacked": 1}, "^stacked must come with a layout, got 1$"),
        ({"axis": 0, "bias": 1}, "^arguments must be among in_axis, .*, stacked, got axis, bias$"),
        ({"groups": 2.0}, "^groups must be an integer, got 2.0"),
    ],
)
def test_what_describes_no_weight_is_refused(where, message):
    with pytest.raises(TypeError, match=message):
        layouts.plain_options(where)


@pytest.mark.parametrize(
    ("shape", "where", "region", "expected"),
    [
        ((8, 6), {}, ((2, 3), (0, 6)), ((0, 8), (0, 6))),
        ((5, 8, 6), {"batch_axis": 0}, ((2, 4), (1, 2), (0, 3)), ((2, 4), (0, 8), (0, 6))),
        (
            (8, 6, 5),
            {"in_axis": 0, "out_axis": 1, "batch_axis": -1},
            ((0, 1), (5, 6), (4, 5)),
            ((0, 8), (0, 6), (4, 5)),
        ),
        ((12, 5), {"layout": "torch.linear", "parts": 3}, ((3, 5), (1, 2)), ((0, 8), (0, 5))),
        ((12, 5), {"layout": "torch.linear", "parts": 3}, ((4, 8), (1, 2)), ((4, 8), (0, 5))),
        ((5, 12), {"layout": "keras.dense", "parts": 3}, ((1, 2), (11, 12)), ((0, 5), (8, 12))),
        (
            (2, 12, 5),
            {"layout": "torch.linear", "parts": 3, "stacked": 1},
            ((1, 2), (7, 9), (0, 1)),
            ((1, 2), (4, 12), (0, 5)),
        ),
        ((8, 6), {}, ((2, 2), (0, 6)), ((2, 2), (0, 6))),
    ],
)
def test_an_orthogonal_region_widens_to_the_matrices_that_it_cuts(shape, where, region, expected):
    seen = Weight.of(shape, **where)
    asked, widened = ([slice(*ends) for ends in part] for part in (region, expected))
    assert seen.divisible_region(asked) == tuple(widened)
    block = sample_weights(shape, "orthogonal", layout=seen, rng=1, region=widened)
    part = sample_weights(shape, "orthogonal", layout=seen, rng=1, region=asked)
    np.testing.assert_array_equal(block[layouts.relative_region(widened, asked)], part)


@pytest.mark.parametrize("parts", [1, 3])
def test_a_weight_can_stand_in_for_its_layout(parts):
    weight = Weight.of((12, 5), layout="torch.linear", parts=parts)
    assert Weight.of((12, 5), layout=weight) is weight
    assert Weight.of((12, 5), layout=weight, active_inputs=2).fans == (2, 12 // parts)
    with pytest.raises(
        ValueError, match=r"^layout must be a Weight of shape \(5, 12\), got one of"
    ):
        Weight.of((5, 12), layout=weight)


def test_equal_options_of_other_types_are_not_taken_for_each_other():
    # They are equal and hash alike, which a cache might not tell apart.
    assert fans((3, 4), in_axis=(0,), out_axis=(1,)) == (3, 4)
    for wrong in ((False,), (0.0,)):
        with pytest.raises(TypeError, match="^in_axis must hold integers, got "):
            fans((3, 4), in_axis=wrong, out_axis=(1,))
    with pytest.raises(TypeError, match="^groups must be an integer, got True"):
        fans((3, 4), groups=True)


@pytest.mark.parametrize("axis", [np.int64(0), np.array(0), np.array([0]), [0], iter([0])])
def test_axes_may_be_integers_of_numpy(axis):
    assert fans((8, 512, 256), batch_axis=axis) == (512, 256)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"parts": 3}, "^parts must be left out with a Weight, got 3$"),
        ({"groups": "x"}, "^groups must be an integer, got 'x'"),
        ({"in_axis": 0}, r"^in_axis must be left out with a Weight, got \(0,\)$"),
    ],
)
def test_options_beside_a_weight_are_refused(options, message):
    with pytest.raises(TypeError, match=message):
        fans((64, 64), layout=Weight.of((64, 64)), **options)


def test_groups_must_divide_what_is_said_to_be_the_outputs():
    with pytest.raises(ValueError, match="^groups must divide the size of out_axis, got 2 groups"):
        sample_weights((8, 2, 3), "zeros", out_axis=(), groups=2)


def test_a_layout_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="^unknown layout 'torch.liner'; did you mean 'torch.lin"):
        fans((3, 4), layout="torch.liner")
    assert fans((3, 4), layout=np.str_("torch.linear")) == (4, 3)


BIG = 10**5000  # Python refuses to print it
BIG_ONES = [
    ((BIG,), {}, "shape must have fewer than 2**63 elements, got (<int of 16610 bits>,)"),
    (BIG, {}, "shape must have fewer than 2**63 elements, got (<int of 16610 bits>,)"),
    ((-BIG, 2), {}, "shape must have no negative sizes, got (<int of 16610 bits>, 2)"),
    (-BIG, {}, "shape must be at least 0, got <int of 16610 bits>"),
    ((4, 4), {"in_axis": BIG}, "in_axis must name an axis of shape, got <int of"),
    ((4, 4), {"groups": BIG}, "groups must divide the size of out_axis, got <int of"),
    ((4, 4), {"groups": -BIG}, "groups must be at least 1, got <int of"),
    ((4, 4), {"active_inputs": BIG}, "active_inputs must be at most the 4 inputs, got <int"),
    ((4, 4), {"layout": "torch.linear", "parts": BIG}, "parts must divide axis 0 of (4, 4)"),
    ((4, 4), {"layout": "torch.linear", "stacked": BIG}, "shape must be (out, in) after <int"),
    ((4, 4), {"layout": "torch.linear", "groups": BIG}, "groups must be 1 for torch.linear"),
    ((4, 4), {"layout": "torch.linear", "in_axis": BIG}, "in_axis must be left out with a"),
    ((4, 4), {"parts": BIG}, "parts must come with a layout, got <int of 16610 bits>"),
    ((4, 4), {"region": slice(0, BIG)}, "region must lie inside the shape, got slice(0, <int"),
    ((4, 4), {"threads": -BIG}, "threads must be at least 1, got <int of 16610 bits>"),
]


@pytest.mark.parametrize(("shape", "more", "said"), BIG_ONES, ids=range(len(BIG_ONES)))
def test_integers_that_cannot_be_printed_are_named_too(shape, more, said):
    with pytest.raises((TypeError, ValueError)) as caught:
        irwinhall.sample_weights(shape, rng=1, **more)
    assert str(caught.value).startswith(said)


def test_text_that_is_no_text_is_no_element_type():
    with pytest.raises(TypeError, match=r"^dtype must be one of .*, got '\\ud800'$"):
        irwinhall.sample_weights((4, 4), rng=1, dtype="\ud800")
