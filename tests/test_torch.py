"""PyTorch: values against the formulas and our stream, and torch.nn.init's documented behaviour."""

import inspect
import math
import subprocess
import sys

import numpy as np
import pytest
import torch_processes
from frameworks import framework
from scipy import stats
from torch_processes import CASES, SEED

import irwinhall
from irwinhall import schemes
from irwinhall.layouts import Weight
from irwinhall.sampling import scale_of

torch = framework("torch")

from torch.testing._internal.two_tensor import TwoTensor  # noqa: E402

import irwinhall.torch as init  # noqa: E402
from irwinhall.torch import _fill  # noqa: E402

DTYPES = {
    torch.float32: np.float32,
    torch.float64: np.float64,
    torch.float16: np.float16,
    torch.bfloat16: np.uint16,
}
# Rows whose scale is a number, or which draw nothing, have functions with torch's arguments.
PLAIN = {"constant", "zeros", "ones", "uniform", "normal", "truncated_normal"}
INTERVALS = {name for name, row in schemes.SCHEMES.items() if row.is_interval}
BY_FANS = sorted(set(schemes.SCHEMES) - PLAIN - INTERVALS)
DRAWN = [name for name in BY_FANS if schemes.SCHEMES[name].law in ("uniform", "normal")]

# What torch stores, how to say so, the shape and axes that it means, and its fans worked out by
# hand: inputs of an output, and outputs of an input.
WEIGHTS = {
    "linear": ((60, 84), {}, (60, 84), {"in_axis": 1, "out_axis": 0}, 84, 60),
    "convolution": ((32, 12, 3, 5), {}, (32, 12, 3, 5), {"in_axis": 1, "out_axis": 0}, 180, 480),
    "groups": (
        (32, 3, 5),
        {"groups": 4},
        (32, 3, 5),
        {"in_axis": 1, "out_axis": 0, "groups": 4},
        15,
        40,
    ),
    "transposed": (
        (12, 32, 3),
        {"transposed": True},
        (12, 32, 3),
        {"in_axis": 0, "out_axis": 1},
        36,
        96,
    ),
    "transposed groups": (
        (12, 8, 3),
        {"transposed": True, "groups": 4},
        (4, 3, 8, 3),
        {"in_axis": 1, "out_axis": 2, "batch_axis": 0},
        9,
        24,
    ),
    "x @ w": ((84, 60), {"transposed": True}, (84, 60), {"in_axis": 0, "out_axis": 1}, 84, 60),
    "query, key, value": (
        (180, 84),
        {"parts": 3},
        (3, 60, 84),
        {"in_axis": 2, "out_axis": 1, "batch_axis": 0},
        84,
        60,
    ),
    "experts": (
        (5, 60, 84),
        {"stacked": 1},
        (5, 60, 84),
        {"in_axis": 2, "out_axis": 1, "batch_axis": 0},
        84,
        60,
    ),
    "embedding": (
        (500, 30),
        {"layout": "torch.embedding"},
        (500, 30),
        {"in_axis": 0, "out_axis": 1, "active_inputs": 1},
        1,
        30,
    ),
}


def function_of(scheme):
    return getattr(init, f"{scheme}_")


def array(tensor):
    """Return a tensor's values as an array of its type, bfloat16 as its bits."""
    tensor = tensor.detach()
    return (tensor.view(torch.uint16) if tensor.dtype == torch.bfloat16 else tensor).numpy()


def drawn(shape, scheme, dtype, **how):
    """Return irwinhall.sample_weights in a torch type, bfloat16 as its bits."""
    out = np.empty(shape, DTYPES[dtype])
    kind = str(dtype).removeprefix("torch.")
    return irwinhall.sample_weights(None, scheme, out=out, dtype=kind, **how)


def same(tensor, expected):
    np.testing.assert_array_equal(array(tensor), expected, strict=True)


# ---- schemes and layouts -------------------------------------------------------------------------


def test_every_scheme_has_its_function():
    assert {f"{name}_" for name in schemes.SCHEMES} <= set(init.__all__)


@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("scheme", BY_FANS)
def test_a_weight_is_that_of_sample_weights_bit_for_bit(scheme, weight):
    stored, how, shape, axes, *_ = WEIGHTS[weight]
    if scheme == "delta_orthogonal" and shape[axes["in_axis"]] > shape[axes["out_axis"]]:
        stored, how, shape, axes = (
            (60, 84),
            {"transposed": True},
            (60, 84),
            {"in_axis": 0, "out_axis": 1},
        )
    if not callable(schemes.SCHEMES[scheme].rule):
        axes = {name: value for name, value in axes.items() if name != "active_inputs"}
    tensor = function_of(scheme)(torch.empty(stored), seed=3, name="a.weight", **how)
    expected = irwinhall.sample_weights(shape, scheme, rng=3, name="a.weight", **axes)
    same(tensor, expected.reshape(stored))


@pytest.mark.parametrize("law", sorted(INTERVALS))
def test_laws_between_two_ends_take_any_shape(law):
    tensor = function_of(law)(torch.empty(60), seed=3, name="a", low=2.0, high=8.0)
    same(tensor, irwinhall.sample_weights(60, law, rng=3, name="a", low=2.0, high=8.0))


def test_truncated_schemes_take_their_ends():
    ends = {"low": -3, "high": 3, "corrected": False}
    tensor = init.he_truncated_normal_(torch.empty(60, 84), seed=3, name="a", **ends)
    expected = irwinhall.sample_weights(
        (60, 84), "he_truncated_normal", layout="torch.linear", rng=3, name="a", **ends
    )
    same(tensor, expected)


@pytest.mark.parametrize("weight", WEIGHTS)
def test_the_scale_is_that_of_the_fans_worked_out_by_hand(weight):
    _, _, shape, axes, *fans = WEIGHTS[weight]
    scales = {name: scale_of(shape, name, **axes) for name in DRAWN}
    assert scales == {name: schemes.scale(name, *fans) for name in DRAWN}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "scheme", ["letkeman", "he_normal", "lecun_truncated_normal", "orthogonal"]
)
def test_every_float_type_gets_its_own_bits(scheme, dtype):
    tensor = function_of(scheme)(torch.empty(30, 21, dtype=dtype), seed=1, name="w")
    same(tensor, drawn((30, 21), scheme, dtype, in_axis=1, out_axis=0, rng=1, name="w"))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "view",
    [
        lambda t: t.T[:20, 5:18],
        lambda t: t[::2, ::3][:20, :13],
        lambda t: t.as_strided((20, 13), (1, 40), 7),
        lambda t: t.reshape(8, 10, 32).transpose(0, 2)[:20, 3, :].repeat(1, 1)[:20],
    ],
    ids=["transposed", "stepped", "strided", "last"],
)
def test_strides_do_not_matter_and_nothing_else_is_written(view, dtype):
    memory = torch.full((40, 64), 9.0, dtype=dtype)
    tensor = view(memory)
    untouched = torch.ones_like(memory, dtype=torch.bool)
    if tensor.untyped_storage().data_ptr() == memory.untyped_storage().data_ptr():
        view(untouched).fill_(False)
    shape = tuple(tensor.shape)
    init.he_normal_(tensor, seed=1, name="w")
    same(tensor, drawn(shape, "he_normal", dtype, in_axis=1, out_axis=0, rng=1, name="w"))
    assert (memory[untouched] == 9.0).all()


def test_threads_do_not_matter():
    one, many = torch.empty(600, 700), torch.empty(600, 700)
    init.fill_(one, seed=1, threads=1)
    init.fill_(many, seed=1, threads=7)
    same(one, many.numpy())


def test_a_gain_is_a_number_or_an_activation():
    tensor = init.lecun_normal_(torch.empty(30, 20), "relu", seed=1)
    same(tensor, init.lecun_normal_(torch.empty(30, 20), math.sqrt(2), seed=1).numpy())
    assert init.letkeman_(torch.ones(30, 20), 0.0).count_nonzero() == 0


@pytest.mark.parametrize(
    ("activation", "gain"),  # as 30-digit quadrature has them
    [
        (torch.nn.functional.gelu, 1.5335304411955352),
        (torch.nn.SiLU(), 1.6765324703310907),
        (torch.tanh, 1.5925374197228312),
        (lambda x: x.clamp(min=0), math.sqrt(2)),
        (lambda z: np.maximum(z, 0), math.sqrt(2)),
    ],
)
def test_an_activation_may_be_one_of_torch(activation, gain):
    one, other = (init.he_normal_(torch.empty(9, 8), how, seed=1) for how in (activation, gain))
    torch.testing.assert_close(one, other)
    layer = torch.nn.Linear(8, 9)
    for how in ({"gain": activation}, {"plan": {"weight": {"gain": activation}}}):
        assert init.init_weights(layer, "he_normal", seed=1, **how).rows[0].gain == pytest.approx(
            gain, rel=1e-14
        )


def test_an_activation_that_takes_neither_arrays_nor_tensors_is_an_error():
    with pytest.raises(TypeError, match="unsupported operand") as caught:
        init.he_normal_(torch.empty(9, 8), lambda x: x + "a")
    assert "called activation with a float64 array" in caught.value.__notes__[0]


def test_active_inputs_replace_the_inputs():
    tensor = init.letkeman_(torch.empty(10, 500), active_inputs=1, seed=1)
    assert 1.99 < tensor.abs().max() < 2.0 == irwinhall.letkeman_bound(1)


def test_a_scheme_of_ones_own_and_a_weight_say_all_there_is_to_say():
    row = schemes.Scheme("small", "uniform", lambda fan_in, fan_out: 0.5 / fan_in)
    weight = Weight.of((200,), in_axis=(), out_axis=0)
    with pytest.raises(ValueError, match="at least 2 dimensions"):
        init.fill_(torch.empty(200), row)
    tensor = init.fill_(torch.empty(200), row, layout=weight, seed=1)
    assert 0.49 < tensor.abs().max() < 0.5


# ---- torch.nn.init's names, arguments and meaning ------------------------------------------------


@pytest.mark.parametrize("name", sorted(set(init.__all__) & set(torch.nn.init.__all__)))
def test_a_function_that_torch_has_takes_its_arguments_in_its_order(name):
    theirs = inspect.signature(getattr(torch.nn.init, name)).parameters
    ours = inspect.signature(getattr(init, name)).parameters
    assert list(ours)[: len(theirs)] == list(theirs)
    defaults = {p: (ours[p].default, theirs[p].default) for p in theirs if p != "gain"}
    assert all(mine == their for mine, their in defaults.values())


def p_value(tensor, law, *parameters):
    return stats.kstest(tensor.double().flatten().numpy(), law, parameters).pvalue


@pytest.mark.parametrize("shape", [(5000,), (50, 100), (5, 10, 10, 10)])
@pytest.mark.parametrize(("a", "b"), [(0.0, 1.0), (-3.0, 5.0), (-2.0, 2.0), (10.0, 10.5)])
def test_uniform_is_uniform_on_its_interval(shape, a, b):
    tensor = init.uniform_(torch.empty(shape), a, b, seed=1)
    assert p_value(tensor, "uniform", a, b - a) > 1e-3
    assert a <= tensor.min() < tensor.max() < b


@pytest.mark.parametrize("shape", [(5000,), (50, 100)])
@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (-3.0, 0.25), (5.0, 3.0)])
def test_normal_has_its_mean_and_deviation(shape, mean, std):
    tensor = init.normal_(torch.empty(shape), mean, std, seed=1)
    assert p_value(tensor, "norm", mean, std) > 1e-3


@pytest.mark.parametrize(
    ("mean", "std", "a", "b"),
    [(0, 1, -2, 2), (0, 0.02, -0.04, 0.06), (1, 2, -1, 0.5), (0, 1, 3, 4), (-5, 1, -4.5, 9)],
)
def test_trunc_normal_is_cut_at_values(mean, std, a, b):
    tensor = init.trunc_normal_(torch.empty(5000), mean, std, a, b, seed=1)
    low, high = (a - mean) / std, (b - mean) / std
    assert p_value(tensor, "truncnorm", low, high, mean, std) > 1e-3
    assert a <= tensor.min() < tensor.max() <= b


@pytest.mark.parametrize("shape", [(80, 40), (20, 10, 5, 4)])
@pytest.mark.parametrize("gain", [None, 1.0, 3.5])
def test_xavier_has_its_bound_and_deviation(shape, gain):
    given = () if gain is None else (gain,)
    fan_in, fan_out = math.prod(shape[1:]), shape[0] * math.prod(shape[2:])
    std = (gain or 1.0) * math.sqrt(2.0 / (fan_in + fan_out))
    bound = math.sqrt(3.0) * std
    uniform = init.xavier_uniform_(torch.empty(shape), *given, seed=2)
    assert p_value(uniform, "uniform", -bound, 2 * bound) > 1e-3
    normal = init.xavier_normal_(torch.empty(shape), *given, seed=2)
    assert p_value(normal, "norm", 0.0, std) > 1e-3


@pytest.mark.parametrize("shape", [(80, 40), (20, 10, 5, 4)])
@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "FAN_OUT"])
@pytest.mark.parametrize(
    ("a", "nonlinearity"), [(0, "leaky_relu"), (0.3, "leaky_relu"), (0.3, "relu"), (0, "tanh")]
)
def test_kaiming_has_its_bound_and_deviation(shape, mode, a, nonlinearity):
    fan = math.prod(shape[1:]) if mode == "fan_in" else shape[0] * math.prod(shape[2:])
    std = torch.nn.init.calculate_gain(nonlinearity, a) / math.sqrt(fan)
    bound = math.sqrt(3.0) * std
    uniform = init.kaiming_uniform_(torch.empty(shape), a, mode, nonlinearity, seed=3)
    assert p_value(uniform, "uniform", -bound, 2 * bound) > 1e-3
    normal = init.kaiming_normal_(torch.empty(shape), a, mode, nonlinearity, seed=3)
    assert p_value(normal, "norm", 0.0, std) > 1e-3


def test_kaiming_is_the_scheme_he_with_that_gain():
    tensor = init.kaiming_normal_(torch.empty(9, 8), 0.2, "fan_out", seed=1, name="w")
    gain = math.sqrt(2.0 / (1 + 0.2**2))
    expected = init.fill_(torch.empty(9, 8), "he_normal_fan_out", gain, seed=1, name="w")
    same(tensor, expected.numpy())


def test_kaiming_knows_nonlinearities_that_torch_does_not():
    tensor = init.kaiming_normal_(torch.empty(9, 8), nonlinearity="gelu", seed=1)
    same(tensor, init.he_normal_(torch.empty(9, 8), irwinhall.gain("gelu"), seed=1).numpy())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"mode": "fan_avg"}, "mode must be 'fan_in' or 'fan_out', got 'fan_avg'"),
        ({"mode": None}, "mode must be 'fan_in' or 'fan_out', got None"),
        ({"nonlinearity": "rellu"}, "unknown activation 'rellu'"),
    ],
)
def test_an_unknown_mode_or_nonlinearity_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        init.kaiming_uniform_(torch.empty(3, 3), **call)


@pytest.mark.parametrize("shape", [(3, 4), (4, 3), (20, 2, 3, 4), (2, 3, 4, 5)])
@pytest.mark.parametrize("gain", [None, 2.0])
def test_orthogonal_has_orthonormal_rows_or_columns(shape, gain):
    tensor = init.orthogonal_(torch.empty(shape, dtype=torch.float64), gain, seed=1)
    flat = tensor.flatten(1)
    product = flat @ flat.T if flat.shape[0] <= flat.shape[1] else flat.T @ flat
    expected = (gain or 1.0) ** 2 * torch.eye(len(product), dtype=torch.float64)
    torch.testing.assert_close(product, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("scheme", BY_FANS)
@pytest.mark.parametrize("shape", [(), (4,)])
def test_a_tensor_without_fans_is_refused(scheme, shape):
    with pytest.raises(ValueError, match="at least 2 dimensions"):
        function_of(scheme)(torch.empty(shape))


def test_constants_are_those_of_torch():
    assert init.zeros_(torch.empty(2)).tolist() == [0, 0]
    assert init.ones_(torch.empty(2)).tolist() == [1, 1]
    assert init.constant_(torch.empty(2), 0.5).tolist() == [0.5, 0.5]
    assert init.uniform_(torch.empty(2), 3, 3).tolist() == [3, 3]


# ---- plain laws ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_plain_laws_are_those_of_the_stream(dtype):
    stream = irwinhall.Stream(1, "w")
    kind = str(dtype).removeprefix("torch.")

    def ours(law, *arguments, **more):
        out = np.empty(999, DTYPES[dtype])
        return getattr(stream, law)(None, *arguments, out=out, dtype=kind, **more)

    tensor = torch.empty(999, dtype=dtype)
    same(init.uniform_(tensor, -0.3, 0.3, seed=1, name="w"), ours("uniform", 0.3))
    same(init.normal_(tensor, 0.0, 0.3, seed=1, name="w"), ours("normal", 0.3))
    same(init.truncated_normal_(tensor, 0.3, seed=1, name="w"), ours("truncated_normal", 0.3))
    same(
        init.truncated_normal_(tensor, 0.3, -1, 3, corrected=False, seed=1, name="w"),
        ours("truncated_normal", 0.3, low=-1, high=3, corrected=False),
    )
    same(
        init.trunc_normal_(tensor, 0.0, 0.5, -0.25, 1.0, seed=1, name="w"),
        ours("truncated_normal", 0.5, low=-0.5, high=2.0, corrected=False),
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_mean_is_added_once(dtype):
    kind = str(dtype).removeprefix("torch.")
    deviations = irwinhall.Stream(1, "w").normal((70, 30), 0.5, dtype=kind)
    tensor = init.normal_(torch.empty(70, 30, dtype=dtype), 3.0, 0.5, seed=1, name="w")
    same(tensor, deviations + DTYPES[dtype](3.0))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_mean_is_added_before_rounding_to_16_bits(dtype):
    single = init.normal_(torch.empty(5000), 3.0, 0.5, seed=1)
    same(init.normal_(torch.empty(5000, dtype=dtype), 3.0, 0.5, seed=1), array(single.to(dtype)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("a", "b"), [(0.0, 1.0), (1.0, 1.01), (-0.3, 0.1), (100.0, 103.0)])
def test_no_value_leaves_the_interval_however_it_is_rounded(dtype, a, b):
    uniform = init.uniform_(torch.empty(50_000, dtype=dtype), a, b, seed=1).double()
    assert a <= uniform.min() <= uniform.max() < b
    middle = (a + b) / 2
    cut = init.trunc_normal_(torch.empty(50_000, dtype=dtype), middle, b - a, a, b, seed=1).double()
    assert a <= cut.min() <= cut.max() <= b


@pytest.mark.parametrize("std", [1e-30, 1e-10, 1e-3])
def test_a_narrow_normal_in_wide_bounds_is_normal(std):
    tensor = init.trunc_normal_(torch.empty(5000, dtype=torch.float64), 0.0, std, -2.0, 2.0, seed=1)
    assert p_value(tensor, "norm", 0.0, std) > 1e-3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: init.uniform_(t, 1.0, 0.0), "a must be at most b.* got a=1.0, b=0.0"),
        (lambda t: init.uniform_(t, 0.0, math.inf), "b must be finite, got inf"),
        (
            lambda t: init.uniform_(t.half(), 0.0, 1e6),
            "both at most 65504, got a=0.0, b=1e6|1000000",
        ),
        (
            lambda t: init.uniform_(t.half(), 1.0001, 1.0002),
            "have a value of torch.float16 between",
        ),
        (lambda t: init.normal_(t, 0.0, -1.0), "std must be at least 0, got -1.0"),
        (lambda t: init.normal_(t, math.nan), "mean must be a number, got nan"),
        (lambda t: init.normal_(t.half(), 1e6), "mean must be at most 65504 .*, got 1000000.0"),
        (lambda t: init.trunc_normal_(t, std=0.0), "std must be positive, got 0.0"),
        (lambda t: init.trunc_normal_(t, a=2.0, b=2.0), "a must be less than b, got a=2.0, b=2.0"),
        (lambda t: init.trunc_normal_(t, 90.0), "beyond 37 standard deviations"),
        (lambda t: init.truncated_normal_(t, -1.0), "std must be at least 0, got -1.0"),
        (lambda t: init.truncated_normal_(t, 1.0, 2.0, 1.0), "low must be less than high"),
        (lambda t: init.letkeman_(t, -1.0), "gain must be at least 0 for letkeman, got -1.0"),
        (lambda t: init.letkeman_(t, groups=3), "groups must be 1 for torch.linear"),
        (lambda t: init.letkeman_(t, parts=3), "parts must divide"),
        (lambda t: init.letkeman_(t, stacked=1), "at least 2 dimensions"),
        (lambda t: init.letkeman_(t, layout="torch.lin"), "unknown layout 'torch.lin'"),
        (lambda t: init.letkeman_(t, layout="torch.linear", transposed=True), "transposed must be"),
        (
            lambda t: init.letkeman_(t, layout=Weight.of((2, 3), layout="torch.linear")),
            r"layout must be a Weight of shape \(4, 5\), got one of \(2, 3\)",
        ),
        (lambda t: init.fill_(t, "letkemann"), "did you mean 'letkeman'"),
        (lambda t: init.fill_(t, threads=0), "threads must be at least 1, got 0"),
    ],
)
def test_bad_arguments_are_named_and_change_nothing(call, message):
    tensor = torch.full((4, 5), 7.0)
    with pytest.raises(ValueError, match=message):
        call(tensor)
    assert (tensor == 7.0).all()


# ---- keys ----------------------------------------------------------------------------------------

LAWS = [init.letkeman_, init.orthogonal_, init.kaiming_normal_, init.uniform_, init.trunc_normal_]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_without_a_seed_the_seed_of_torch_governs(law):
    def both():
        torch.manual_seed(4)
        return law(torch.empty(6, 5)), law(torch.empty(6, 5))

    first, second = both()
    again, _ = both()
    same(again, first.numpy())
    assert not torch.equal(first, second)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_a_generator_gives_the_seed_and_is_advanced(law):
    generator = torch.Generator().manual_seed(4)
    first = law(torch.empty(6, 5), generator=generator)
    second = law(torch.empty(6, 5), generator=generator)
    again = law(torch.empty(6, 5), generator=torch.Generator().manual_seed(4))
    same(again, first.numpy())
    assert not torch.equal(first, second)


def test_a_seed_leaves_the_generator_of_torch_alone():
    state = torch.get_rng_state()
    init.letkeman_(torch.empty(6, 5), seed=1)
    init.identity_(torch.empty(6, 5))
    init.letkeman_(torch.empty(6, 5, device="meta"))
    init.letkeman_(torch.empty(0, 5))
    assert torch.equal(torch.get_rng_state(), state)


def test_the_name_is_part_of_the_key_and_a_stream_is_a_seed():
    by_name = init.letkeman_(torch.empty(6, 5), seed=1, name="a")
    assert not torch.equal(by_name, init.letkeman_(torch.empty(6, 5), seed=1, name="b"))
    stream = irwinhall.Stream(1)
    same(init.letkeman_(torch.empty(6, 5), seed=stream, name="a"), by_name.numpy())
    same(init.letkeman_(torch.empty(6, 5), seed=irwinhall.Stream(1, "a")), by_name.numpy())


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_a_seed_and_a_generator_are_one_too_many(law):
    with pytest.raises(ValueError, match="seed must be left out if a generator is given, got 1"):
        law(torch.empty(6, 5), generator=torch.Generator(), seed=1)
    with pytest.raises(TypeError, match=r"generator must be a torch.Generator, got 1 \(int\)"):
        law(torch.empty(6, 5), generator=1)
    with pytest.raises(TypeError, match="seed must be a Stream, an int"):
        law(torch.empty(6, 5), seed="1")


# ---- tensors of every kind -----------------------------------------------------------------------


def test_a_parameter_stays_a_leaf_that_requires_its_gradient():
    parameter = torch.nn.Parameter(torch.empty(6, 5))
    assert init.letkeman_(parameter) is parameter
    assert (parameter.is_leaf, parameter.requires_grad, parameter.grad_fn) == (True, True, None)


def test_a_view_of_a_parameter_is_filled():
    parameter = torch.nn.Parameter(torch.zeros(6, 5))
    init.letkeman_(parameter.T, seed=1)
    same(parameter.T, init.letkeman_(torch.empty(5, 6), seed=1).numpy())


def test_the_result_of_a_recorded_operation_is_refused():
    product = torch.nn.Parameter(torch.ones(6, 5)) * 2
    with pytest.raises(ValueError, match="tensor must be a leaf"):
        init.letkeman_(product)
    with torch.no_grad():
        init.letkeman_(torch.nn.Parameter(torch.ones(6, 5)) * 2)


def test_autograd_notices_that_a_value_has_changed():
    parameter = torch.nn.Parameter(torch.ones(6, 5))
    loss = parameter.square().sum()
    init.letkeman_(parameter)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize(
    ("tensor", "error", "message"),
    [
        (lambda: torch.empty(3, 3, dtype=torch.int8), TypeError, "float32.*got torch.int8"),
        (lambda: torch.empty(3, 3, dtype=torch.cfloat), TypeError, "float32.*got torch.complex64"),
        (lambda: torch.empty(3, 3).to_sparse(), TypeError, "must be dense, got one of layout"),
        (lambda: TwoTensor(torch.ones(3, 3), torch.ones(3, 3)), TypeError, "got a TwoTensor"),
        (
            lambda: torch.nested.nested_tensor([torch.ones(2, 2)], layout=torch.jagged),
            TypeError,
            "dense",
        ),
        (lambda: torch.empty(3).expand(3, 3), ValueError, r"not overlap itself.*\(0, 1\)"),
        (lambda: torch.empty(9).as_strided((3, 3), (2, 1)), ValueError, r"not overlap itself"),
        (lambda: [[1.0]], TypeError, "must be a torch.Tensor, got"),
        (lambda: torch.nn.LazyLinear(3).weight, ValueError, "an uninitialized parameter"),
    ],
    ids=[
        "integer",
        "complex",
        "sparse",
        "subclass",
        "nested",
        "expanded",
        "overlapping",
        "list",
        "lazy",
    ],
)
def test_what_cannot_be_filled_is_refused(law, tensor, error, message):
    with pytest.raises(error, match=message):
        law(tensor())


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_meta_and_fake_tensors_are_left_alone(law):
    from torch._subclasses.fake_tensor import FakeTensorMode

    meta = torch.empty(6, 5, device="meta")
    assert law(meta) is meta
    with FakeTensorMode():
        fake = torch.empty(6, 5)
        assert law(fake) is fake


def test_arguments_for_a_meta_tensor_are_checked():
    with pytest.raises(ValueError, match="gain must be at least 0"):
        init.letkeman_(torch.empty(6, 5, device="meta"), -1.0)
    with pytest.raises(ValueError, match="at least 2 dimensions"):
        init.letkeman_(torch.empty(6, device="meta"))


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("shape", [(0,), (0, 5), (5, 0, 3)])
def test_tensors_without_elements_are_left_alone(law, shape):
    tensor = torch.empty(shape)
    assert law(tensor) is tensor


def test_inference_mode_does_not_matter():
    expected = init.letkeman_(torch.empty(6, 5), seed=1)
    with torch.inference_mode():
        tensor = init.letkeman_(torch.empty(6, 5), seed=1)
    assert torch.equal(tensor, expected)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_inference_tensors_are_refused_outside_inference_mode_as_torch_does(law):
    with torch.inference_mode():
        tensor = torch.zeros(6, 5)
        model = torch.nn.Linear(5, 6)
    before = model.bias.tolist()
    with pytest.raises(ValueError, match="inference tensor outside torch.inference_mode"):
        law(tensor)
    with pytest.raises(ValueError, match="inference tensor outside torch.inference_mode"):
        law(tensor.T)
    with pytest.raises(ValueError, match="^weight: tensor must not be an inference tensor"):
        init.init_weights(model, seed=1)
    assert not tensor.any()
    assert model.bias.tolist() == before
    with torch.inference_mode():
        law(tensor)
        init.init_weights(model, seed=1)
    assert tensor.any()
    assert not any(model.bias.tolist())


def test_a_compiled_function_fills_as_a_plain_one_does():
    def double(tensor):
        return 2 * init.letkeman_(tensor, seed=1)

    compiled = torch.compile(double, backend="eager")
    assert torch.equal(compiled(torch.empty(6, 5)), double(torch.empty(6, 5)))


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_what_transformers_has_loaded_is_kept_while_it_loads(monkeypatch, law):
    loaded = torch.full((6, 5), 7.0)
    loaded._is_hf_initialized = True

    def normal_(tensor):
        """Stand in for the function that transformers puts in the place of torch's."""

    normal_.__module__ = "transformers.initialization"
    with monkeypatch.context() as patch:
        patch.setattr(torch.nn.init, "normal_", normal_)
        assert (law(loaded) == 7.0).all()
        assert (law(torch.full((6, 5), 7.0)) != 7.0).all()
    assert (law(loaded) != 7.0).all()


# ---- tensors that cannot be filled where they are ------------------------------------------------


@pytest.fixture
def elsewhere(monkeypatch):
    """Treat all tensors as if they were on another device, and copy pieces of 100 bytes there."""
    monkeypatch.setattr(_fill, "is_addressable", lambda tensor: False)
    monkeypatch.setattr(_fill, "PIECE_BYTES", 100)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(9, 11), (2, 70), (31, 2), (3, 4, 5, 2)])
@pytest.mark.parametrize("scheme", ["letkeman", "he_normal", "orthogonal", "identity"])
def test_pieces_that_are_copied_have_the_bits_of_the_whole(request, scheme, shape, dtype):
    expected = array(init.fill_(torch.empty(shape, dtype=dtype), scheme, seed=1, name="w"))
    request.getfixturevalue("elsewhere")
    same(init.fill_(torch.empty(shape, dtype=dtype), scheme, seed=1, name="w"), expected)
    strided = torch.zeros(*shape[::-1], dtype=dtype).permute(*range(len(shape))[::-1])
    same(init.fill_(strided, scheme, seed=1, name="w"), expected)


def test_pieces_that_are_shifted_have_the_bits_of_the_whole(request):
    expected = init.uniform_(torch.empty(9, 70), seed=1).numpy()
    assert expected.min() > 0
    request.getfixturevalue("elsewhere")
    same(init.uniform_(torch.empty(9, 70), seed=1), expected)


def test_a_scalar_is_copied_too(elsewhere):
    assert 0.0 < init.uniform_(torch.tensor(7.0), seed=1) < 1.0


def test_orthogonal_matrices_are_not_made_again_for_every_piece(elsewhere, monkeypatch):
    calls = []
    qr = np.linalg.qr
    monkeypatch.setattr(np.linalg, "qr", lambda matrix: calls.append(1) or qr(matrix))
    init.orthogonal_(torch.empty(20, 20))
    assert len(calls) == 1


def test_a_negated_view_gets_the_values_all_the_same():
    tensor = torch.zeros(6, 5, dtype=torch.complex64).conj().imag
    assert tensor.is_neg()
    assert torch.equal(init.letkeman_(tensor, seed=1), init.letkeman_(torch.empty(6, 5), seed=1))


# ---- several processes ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def gathered(tmp_path_factory):
    """Return every tensor that worlds of 4, 2 and 1 processes filled and gathered."""
    directory = tmp_path_factory.mktemp("torch")
    command = [sys.executable, torch_processes.__file__, str(directory)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert finished.returncode == 0, finished.stderr[-4000:]
    return torch.load(directory / "gathered.pt")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_a_gathered_tensor_is_that_of_one_process_byte_for_byte(gathered, case):
    expected = torch.empty(case.shape, dtype=getattr(torch, case.dtype))
    torch_processes.fill(expected, case)
    assert gathered[case.title].dtype == expected.dtype
    same(gathered[case.title], array(expected))


@pytest.mark.parametrize("way", ["fsdp", "fsdp and tp"])
def test_a_sharded_model_filled_after_to_empty_is_the_whole_model(gathered, way):
    model = torch_processes.model()
    torch_processes.fill_model(model, seed=SEED)
    for name, parameter in model.named_parameters():
        same(gathered[way][name], array(parameter))


@pytest.mark.parametrize("way", ["init_weights", "param_init_fn"])
def test_a_model_initialized_in_shards_is_the_whole_model(gathered, way):
    model = torch_processes.language_model()
    init.init_weights(model, **torch_processes.MODEL_INIT)
    assert set(gathered[way]) == set(dict(model.named_parameters()))
    for name, parameter in model.named_parameters():
        same(gathered[way][name], array(parameter))


def test_processes_that_are_seeded_differently_fill_one_tensor(gathered):
    model = torch_processes.model()
    torch.manual_seed(100)  # that of the first process
    torch_processes.fill_model(model)
    for name, parameter in model.named_parameters():
        same(gathered["unseeded"][name], array(parameter))


def test_a_partial_tensor_is_refused(tmp_path):
    import torch.distributed as dist
    from torch.distributed.tensor import DTensor, Partial, init_device_mesh

    store = dist.FileStore(str(tmp_path / "store"), 1)
    dist.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        mesh = init_device_mesh("cpu", (1,))
        tensor = DTensor.from_local(torch.full((6, 5), 7.0), mesh, [Partial()])
        with pytest.raises(ValueError, match="sharded or replicated, got placement P"):
            init.letkeman_(tensor)
        assert (tensor.to_local() == 7.0).all()
    finally:
        dist.destroy_process_group()


# ---- the module ----------------------------------------------------------------------------------


def test_a_missing_torch_says_what_to_install():
    program = "import sys; sys.modules['torch'] = None; import irwinhall.torch"
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "ImportError: irwinhall.torch needs PyTorch: pip install torch" in (finished.stderr)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_default_device_does_not_matter(dtype):
    def fill():
        for law in (
            init.uniform_,
            init.trunc_normal_,
            lambda t, **key: init.normal_(t, 1.0, **key),
        ):
            yield law(torch.empty(5, 7, dtype=dtype, device="cpu"), seed=SEED)

    expected = list(fill())
    with torch.device("meta"):
        filled = list(fill())
        assert init.uniform_(torch.empty(5, 7)).is_meta
        assert init.trunc_normal_(torch.empty(5, 7), 1.0).is_meta
    assert all(map(torch.equal, filled, expected))


def test_an_interval_of_one_value_takes_no_seed_beside_a_generator():
    with pytest.raises(ValueError, match="seed must be left out"):
        init.uniform_(torch.empty(3), 1, 1, torch.Generator(), seed=1)


def test_a_weight_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"layout must be a Weight of shape \(6, 4\), got one of"):
        init.fill_(torch.empty(6, 4), layout=Weight.of((4, 6), layout="torch.linear"), seed=1)


@pytest.mark.parametrize("name", ["he_normal_", "kaiming_normal_", "uniform_", "fill_"])
def test_rng_is_called_seed(name):
    with pytest.raises(TypeError, match=f"^{name} takes seed, not rng$"):
        getattr(init, name)(torch.empty(3, 4), rng=1)


def test_the_logarithms_of_mamba_are_finite_in_bfloat16():
    values = torch.empty(2 * 10**7, dtype=torch.bfloat16)
    init.log_of_uniform_(values, low=0.0, high=16.0, seed=1)
    assert int(torch.isinf(values).sum()) == 0
    torch.manual_seed(1)
    assert int(torch.isinf(values.uniform_(0.0, 16.0).log_()).sum()) > 10_000  # torch's own


# ---- twins without a scheme ----------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3, 3), (3, 5), (5, 3)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_eye_is_torchs(shape, dtype):
    made = init.eye_(torch.empty(shape, dtype=dtype))
    assert torch.equal(made, torch.nn.init.eye_(torch.empty(shape, dtype=dtype)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize(
    ("shape", "groups"),
    [((6, 3, 3), 1), ((6, 3, 4), 1), ((3, 6, 3, 4), 3), ((6, 4, 3, 3, 2), 3), ((2, 2, 1, 1), 2)],
)
def test_dirac_is_torchs(shape, groups, dtype):
    made = init.dirac_(torch.full(shape, 7.0, dtype=dtype), groups)
    assert torch.equal(made, torch.nn.init.dirac_(torch.empty(shape, dtype=dtype), groups))


def test_dirac_of_nothing_is_nothing():
    assert init.dirac_(torch.empty(0, 3, 3)).shape == (0, 3, 3)


@pytest.mark.parametrize("sparsity", [0.0, 0.25, 0.3, 1.0])
def test_sparse_has_the_zeros_of_its_permutations(sparsity):
    made = init.sparse_(torch.empty(10, 6), sparsity, 0.5, seed=1, name="w").numpy()
    expected = irwinhall.Stream(1, "w").normal((10, 6), 0.5)
    for column in range(6):
        order = irwinhall.Stream(1, f"w/zeros/{column}").permutation(10)
        expected[order[: math.ceil(sparsity * 10)], column] = 0.0
    assert (made == expected).all()


def test_sparse_zeros_are_anywhere():
    made = init.sparse_(torch.empty(8, 4000), 0.25, seed=1)
    share = (made == 0).double().mean(1)  # 1/4 of each row, with deviation sqrt(3/16/4000)
    assert ((share - 0.25).abs() < 5 * math.sqrt(3 / 16 / 4000)).all()


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (init.eye_, ((2, 2, 2),), "tensor must have 2 dimensions"),
        (init.dirac_, ((2, 2),), "tensor must have 3 to 5 dimensions"),
        (init.dirac_, ((3, 2, 2), 2), "groups must divide 3 output channels, got 2"),
        (init.sparse_, ((3,), 0.5), "tensor must have 2 dimensions"),
        (init.sparse_, ((3, 3), 1.5), "sparsity must be from 0 to 1, got 1.5"),
        (init.sparse_, ((3, 3), 0.5, -1.0), "std must be at least 0"),
    ],
)
def test_twins_refuse_what_they_cannot_fill(function, arguments, message):
    shape, *rest = arguments
    with pytest.raises(ValueError, match=message):
        function(torch.empty(shape), *rest)


NONLINEARITIES = "linear conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d "
NONLINEARITIES += "sigmoid tanh relu leaky_relu selu"


@pytest.mark.parametrize("name", NONLINEARITIES.split())
def test_calculate_gain_is_torchs(name):
    assert init.calculate_gain(name) == torch.nn.init.calculate_gain(name)
    assert init.calculate_gain(name, 0.3) == torch.nn.init.calculate_gain(name, 0.3)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (torch.nn.functional.gelu, "gelu"),
        (torch.nn.SiLU(), "silu"),
        (torch.nn.GELU(approximate="tanh"), "gelu_tanh"),
        (torch.tanh, "tanh"),
    ],
)
def test_gains_of_torchs_activations(given, name):
    exact = irwinhall.gain(name)
    assert init.calculate_gain(given) == pytest.approx(exact, rel=1e-6)
    assert init.calculate_gain(torch.nn.LeakyReLU(0.1)) == pytest.approx(
        irwinhall.gain("leaky_relu", slope=0.1), rel=1e-6
    )
