"""init_weights against sample_weights with axes by hand, and what it must leave as it was."""

import copy
import math
import pickle
import re

import numpy as np
import pytest
from frames import frames
from frameworks import framework

torch = framework("torch")

from torch import nn  # noqa: E402
from torch.testing._internal.two_tensor import TwoTensor  # noqa: E402

import irwinhall  # noqa: E402
import irwinhall.torch as init  # noqa: E402
from irwinhall import layouts, schemes  # noqa: E402
from irwinhall.torch import _fill, _model  # noqa: E402

weight_norm = nn.utils.parametrizations.weight_norm
spectral_norm = nn.utils.parametrizations.spectral_norm


def expected(view, name, scheme="letkeman", seed=1, dtype="float32", **how):
    """Return the weights of sample_weights for a shape in which every axis has one meaning."""
    return irwinhall.sample_weights(view, scheme, rng=seed, name=name, dtype=dtype, **how)


def state(model):
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def same(first, second):
    return set(first) == set(second) and all(torch.equal(first[n], second[n]) for n in first)


OUT_IN = {"in_axis": 1, "out_axis": 0}
PARTS = {"in_axis": 2, "out_axis": 1, "batch_axis": 0}

# A layer, one of its weights, the shape that shows every axis, what the axes are, and the fans.
WEIGHTS = [
    (lambda: nn.Linear(48, 32), "weight", (32, 48), OUT_IN, (48, 32)),
    (
        lambda: nn.Bilinear(3, 4, 5),
        "weight",
        (5, 3, 4),
        {"in_axis": (1, 2), "out_axis": 0},
        (12, 5),
    ),
    (lambda: nn.Conv1d(16, 32, 5), "weight", (32, 16, 5), OUT_IN, (80, 160)),
    (lambda: nn.Conv2d(6, 8, 3), "weight", (8, 6, 3, 3), OUT_IN, (54, 72)),
    (lambda: nn.Conv3d(4, 8, 3), "weight", (8, 4, 3, 3, 3), OUT_IN, (108, 216)),
    (
        lambda: nn.Conv2d(64, 128, 3, groups=4),
        "weight",
        (128, 16, 3, 3),
        {**OUT_IN, "groups": 4},
        (144, 288),
    ),
    (
        lambda: nn.Conv2d(64, 64, 3, groups=64),
        "weight",
        (64, 1, 3, 3),
        {**OUT_IN, "groups": 64},
        (9, 9),
    ),
    (
        lambda: nn.ConvTranspose1d(6, 4, 3),
        "weight",
        (6, 4, 3),
        {"in_axis": 0, "out_axis": 1},
        (18, 12),
    ),
    (
        lambda: nn.ConvTranspose2d(8, 12, 3, groups=4),
        "weight",
        (4, 2, 3, 3, 3),
        {"in_axis": 1, "out_axis": 2, "batch_axis": 0},
        (18, 27),
    ),
    (
        lambda: nn.ConvTranspose3d(2, 3, 2),
        "weight",
        (2, 3, 2, 2, 2),
        {"in_axis": 0, "out_axis": 1},
        (16, 24),
    ),
    (lambda: nn.Embedding(50, 16), "weight", (50, 16), {"active_inputs": 1}, (1, 16)),
    (lambda: nn.EmbeddingBag(50, 16), "weight", (50, 16), {"active_inputs": 1}, (1, 16)),
    (lambda: nn.MultiheadAttention(16, 4), "in_proj_weight", (3, 16, 16), PARTS, (16, 16)),
    (lambda: nn.MultiheadAttention(16, 4), "out_proj.weight", (16, 16), OUT_IN, (16, 16)),
    (
        lambda: nn.MultiheadAttention(16, 4, kdim=8, vdim=12),
        "k_proj_weight",
        (16, 8),
        OUT_IN,
        (8, 16),
    ),
    (
        lambda: nn.MultiheadAttention(16, 4, kdim=8, vdim=12),
        "v_proj_weight",
        (16, 12),
        OUT_IN,
        (12, 16),
    ),
    (lambda: nn.RNN(7, 9), "weight_ih_l0", (9, 7), OUT_IN, (7, 9)),
    (lambda: nn.GRU(7, 9), "weight_ih_l0", (3, 9, 7), PARTS, (7, 9)),
    (lambda: nn.LSTM(7, 9, 2), "weight_ih_l1", (4, 9, 9), PARTS, (9, 9)),
    (
        lambda: nn.LSTM(7, 9, bidirectional=True, num_layers=2),
        "weight_ih_l1_reverse",
        (4, 9, 18),
        PARTS,
        (18, 9),
    ),
    (lambda: nn.LSTM(7, 9, proj_size=5), "weight_hr_l0", (5, 9), OUT_IN, (9, 5)),
    (lambda: nn.RNNCell(7, 9), "weight_ih", (9, 7), OUT_IN, (7, 9)),
    (lambda: nn.GRUCell(7, 9), "weight_ih", (3, 9, 7), PARTS, (7, 9)),
    (lambda: nn.LSTMCell(7, 9), "weight_ih", (4, 9, 7), PARTS, (7, 9)),
]


@pytest.mark.parametrize("scheme", ["letkeman", "xavier_normal", "orthogonal"])
@pytest.mark.parametrize(("layer", "name", "view", "axes", "fans"), WEIGHTS)
def test_a_weight_has_the_bits_of_sample_weights_and_its_logical_fans(
    layer, name, view, axes, fans, scheme
):
    model = layer()
    report = init.init_weights(model, scheme, seed=1)
    if scheme == "orthogonal":
        axes = {key: value for key, value in axes.items() if key != "active_inputs"}
    weights = expected(view, name, scheme, **axes)
    made = model.get_parameter(name).detach().numpy()
    np.testing.assert_array_equal(made, weights.reshape(made.shape))
    [row] = [row for row in report.rows if row.name == name]
    if scheme != "orthogonal":
        assert (row.fan_in, row.fan_out) == fans
    assert row.scale == schemes.scale(scheme, *fans)


def test_a_weight_under_weight_norm_has_the_bits_it_has_without():
    model = weight_norm(nn.Linear(48, 32))
    init.init_weights(model, seed=1)
    chain = model.parametrizations.weight
    weights = expected((32, 48), "weight", **OUT_IN)
    np.testing.assert_array_equal(chain.original1.detach().numpy(), weights)
    norms = np.linalg.norm(weights.astype("f8"), axis=1, keepdims=True)
    np.testing.assert_allclose(chain.original0.detach().numpy(), norms, rtol=1e-6)
    np.testing.assert_allclose(model.weight.detach().numpy(), weights, rtol=1e-6)


RECURRENT = [
    (lambda: nn.RNN(7, 9), "weight_hh_l0", 1, 9),
    (lambda: nn.GRU(7, 9), "weight_hh_l0", 3, 9),
    (lambda: nn.LSTM(7, 9, 2, bidirectional=True), "weight_hh_l1_reverse", 4, 9),
    (lambda: nn.LSTM(7, 9, proj_size=5), "weight_hh_l0", 4, 5),
    (lambda: nn.LSTMCell(7, 9), "weight_hh", 4, 9),
    (lambda: nn.GRUCell(7, 9), "weight_hh", 3, 9),
]


@pytest.mark.parametrize(("layer", "name", "gates", "inputs"), RECURRENT)
def test_recurrent_weights_are_orthogonal_gate_by_gate(layer, name, gates, inputs):
    model = layer()
    init.init_weights(model, "he_normal", gain=3.0, seed=1)
    weight = model.get_parameter(name).detach().double().reshape(gates, -1, inputs)
    products = weight.transpose(1, 2) @ weight
    torch.testing.assert_close(
        products, torch.eye(inputs).double().expand_as(products), atol=1e-6, rtol=0
    )
    assert not torch.equal(weight[0], weight[-1]) or gates == 1


@pytest.mark.parametrize(
    "layer",
    [
        lambda: nn.Linear(4, 3),
        lambda: nn.MultiheadAttention(4, 2, add_bias_kv=True),
        lambda: nn.LSTM(3, 4),
        lambda: nn.ConvTranspose2d(4, 3, 2),
        lambda: nn.Bilinear(2, 3, 4),
    ],
)
def test_biases_are_zero(layer):
    model = layer()
    init.init_weights(model, seed=1)
    biases = [p for name, p in model.named_parameters() if "bias" in name]
    assert biases
    assert all((bias == 0).all() for bias in biases)


@pytest.mark.parametrize("layer", [nn.LSTM(3, 4, 2), nn.LSTMCell(3, 4)])
def test_the_forget_gates_of_lstms_may_start_open(layer):
    init.init_weights(layer, seed=1, forget_bias=1.0)
    for name, bias in layer.named_parameters():
        if "bias" in name:
            opened = [0.0] * 4 + [float("ih" in name)] * 4 + [0.0] * 8
            assert bias.tolist() == opened


@pytest.mark.parametrize(
    "norm",
    [
        lambda: nn.LayerNorm(6),
        lambda: nn.GroupNorm(2, 6),
        lambda: nn.RMSNorm(6),
        lambda: nn.BatchNorm1d(6),
        lambda: nn.BatchNorm3d(6),
        lambda: nn.InstanceNorm2d(6, affine=True, track_running_stats=True),
        lambda: nn.SyncBatchNorm(6),
        lambda: nn.PReLU(6, init=0.2),
    ],
)
def test_norms_and_slopes_start_as_they_are_made_even_from_garbage(norm):
    fresh, used = norm(), norm().to_empty(device="cpu")
    with torch.no_grad():
        for tensor in used.state_dict().values():
            tensor.fill_(9)
    report = init.init_weights(used, seed=1)
    assert same(state(fresh), state(used))
    assert report.left_alone == report.buffers == ()


def test_the_row_of_the_padding_stays_zero():
    layer = nn.Embedding(9, 4, padding_idx=-2)
    init.init_weights(layer, seed=1)
    weights = expected((9, 4), "weight", active_inputs=1)
    weights[7] = 0
    np.testing.assert_array_equal(layer.weight.detach().numpy(), weights)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_any_float_type(dtype):
    model = nn.Linear(48, 32).to(getattr(torch, dtype))
    init.init_weights(model, "he_normal", seed=1)
    weights = expected((32, 48), "weight", "he_normal", dtype=dtype, **OUT_IN)
    np.testing.assert_array_equal(model.weight.detach().double().numpy(), weights.astype("f8"))


# ---- names ---------------------------------------------------------------------------------------


class Stack(nn.Module):
    """Layers by name, in the order given."""

    def __init__(self, **layers):
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)


def test_inserting_removing_and_reordering_layers_changes_no_other_parameter():
    def made(*names):
        sizes = {"first": (4, 8), "norm": 8, "second": (8, 8), "extra": (8, 8), "last": (8, 2)}
        layers = {
            name: nn.LayerNorm(size) if name == "norm" else nn.Linear(*size)
            for name, size in sizes.items()
        }
        model = Stack(**{name: layers[name] for name in names})
        init.init_weights(model, "he_normal", seed=7)
        return state(model)

    whole = made("first", "norm", "second", "extra", "last")
    for names in [
        ("first", "norm", "second", "last"),
        ("last", "extra", "second", "norm", "first"),
        ("last",),
    ]:
        for name, tensor in made(*names).items():
            assert torch.equal(tensor, whole[name])


def test_running_twice_changes_nothing():
    model = nn.TransformerEncoderLayer(16, 4, 32)
    init.init_weights(model, seed=3)
    once = state(model)
    init.init_weights(model, seed=3)
    assert same(once, state(model))


def test_no_two_parameters_of_a_model_are_alike():
    model = nn.ModuleList(nn.TransformerEncoderLayer(16, 4, 16) for _ in range(3))
    init.init_weights(model, seed=3)
    weights = {p.detach().numpy().tobytes() for p in model.parameters() if p.ndim > 1}
    assert len(weights) == 12


def test_wrappers_do_not_count_in_names():
    from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import checkpoint_wrapper

    plain = Stack(a=nn.Linear(4, 4), module=nn.Linear(4, 4))
    inner = Stack(a=checkpoint_wrapper(nn.Linear(4, 4)), module=nn.Linear(4, 4))
    wrapped = nn.DataParallel(torch.compile(inner, backend="eager"))
    report = init.init_weights(plain, seed=1)
    names = [row.name for row in init.init_weights(wrapped, seed=1).rows]
    assert names == [row.name for row in report.rows]
    for one, other in zip(plain.parameters(), wrapped.parameters(), strict=True):
        assert torch.equal(one, other)


def test_tied_weights_stay_tied_and_have_the_first_of_their_names():
    model = Stack(embedding=nn.Embedding(20, 8), head=nn.Linear(8, 20, bias=False))
    model.head.weight = model.embedding.weight
    report = init.init_weights(model, seed=1)
    assert model.head.weight is model.embedding.weight
    weights = expected((20, 8), "embedding.weight", **OUT_IN)
    np.testing.assert_array_equal(model.head.weight.detach().numpy(), weights)
    assert [(row.name, row.note) for row in report.rows][1] == (
        "head.weight",
        "tied to embedding.weight",
    )
    assert report.left_alone == ()


def test_a_plan_may_call_a_tied_weight_by_any_of_its_names():
    model = Stack(embedding=nn.Embedding(20, 8), head=nn.Linear(8, 20, bias=False))
    model.head.weight = model.embedding.weight
    init.init_weights(model, seed=1, plan={"head.*": {"scheme": "normal", "gain": 0.02}})
    weights = expected((20, 8), "embedding.weight", "normal", gain=0.02)
    np.testing.assert_array_equal(model.head.weight.detach().numpy(), weights)


def test_a_layer_used_twice_is_one_layer():
    layer = nn.Linear(4, 4)
    report = init.init_weights(Stack(a=layer, b=layer), seed=1)
    np.testing.assert_array_equal(
        layer.weight.detach().numpy(), expected((4, 4), "a.weight", **OUT_IN)
    )
    assert [row.name for row in report.rows] == ["a.weight", "b.weight", "a.bias", "b.bias"]


# ---- seeds ---------------------------------------------------------------------------------------


def test_without_a_seed_torch_governs():
    def drawn(*seeds):
        model = nn.Linear(8, 8)
        torch.manual_seed(seeds[0])
        for _ in seeds:
            report = init.init_weights(model)
        again = nn.Linear(8, 8)
        init.init_weights(again, seed=report.seed)
        assert torch.equal(model.weight, again.weight)
        return model.weight.detach().numpy().tobytes()

    assert drawn(5) == drawn(5)
    assert len({drawn(5), drawn(6), drawn(5, 5)}) == 3


def test_a_generator_governs_and_a_stream_names_the_model():
    def weight(**how):
        model = nn.Linear(8, 8)
        init.init_weights(model, **how)
        return model.weight.detach().numpy()

    one, other = (weight(generator=torch.Generator().manual_seed(5)) for _ in range(2))
    np.testing.assert_array_equal(one, other)
    named = expected((8, 8), "critic/weight", seed=4, **OUT_IN)
    np.testing.assert_array_equal(weight(seed=irwinhall.Stream(4, "critic")), named)


# ---- plans ---------------------------------------------------------------------------------------


class Block(nn.Module):
    """A block of a transformer, with what plans are for: fused weights, experts and parameters."""

    def __init__(self):
        super().__init__()
        self.positions = nn.Parameter(torch.ones(1, 5, 8))
        self.experts = nn.Parameter(torch.ones(3, 16, 8))
        self.qkv = nn.Linear(8, 16)
        self.norm = nn.LayerNorm(8)
        self.down = nn.Linear(16, 8)
        self.register_buffer("mask", torch.ones(5))


def rows(plan, model=None, **how):
    report = init.init_weights(model or Block(), "xavier_uniform", seed=1, plan=plan, **how)
    return {row.name: row for row in report.rows}


def test_what_belongs_to_no_known_layer_is_left_alone_and_reported():
    model = Block()
    report = init.init_weights(model, seed=1)
    assert report.left_alone == ("positions", "experts")
    assert report.buffers == ("mask",)
    assert all((tensor == 1).all() for tensor in (model.positions, model.experts, model.mask))
    assert report.rows[0].note == "Block is not a known layer"


def test_parts_of_different_sizes_are_weights_of_their_own():
    model = Block()
    found = rows({"qkv.weight": {"parts": (8, 4, 4)}}, model)
    made = model.qkv.weight.detach().numpy()
    for number, part in enumerate((made[:8], made[8:12], made[12:])):
        weights = expected(part.shape, f"qkv.weight/{number}", "xavier_uniform", **OUT_IN)
        np.testing.assert_array_equal(part, weights)
        row = found[f"qkv.weight/{number}"]
        assert (row.fan_in, row.fan_out) == (8, len(part))
        assert row.magnitude == pytest.approx(np.abs(part).mean(), rel=1e-5)


def test_equal_parts_and_stacked_experts_have_the_fans_of_one():
    model = Block()
    found = rows(
        {"experts": {"layout": "torch.linear", "stacked": 1}, "qkv.*": {"parts": 2}}, model
    )
    assert (found["experts"].fan_in, found["experts"].fan_out) == (8, 16)
    assert (found["qkv.weight"].fan_in, found["qkv.weight"].fan_out) == (8, 8)
    weights = expected((3, 16, 8), "experts", "xavier_uniform", **PARTS)
    np.testing.assert_array_equal(model.experts.detach().numpy(), weights)


def test_the_first_pattern_that_fits_decides():
    found = rows(
        {
            "qkv.weight": "he_normal",
            re.compile(r"^down\."): {"factor": 0.5},
            nn.Linear: "zeros",
            "positions": {"scheme": "normal", "gain": 0.02},
        }
    )
    assert (found["qkv.weight"].scheme, found["qkv.weight"].gain) == ("he_normal", math.sqrt(2))
    assert found["down.weight"].scale == 0.5 * schemes.scale("xavier_uniform", 16, 8)
    assert (found["positions"].scheme, found["positions"].scale) == ("normal", 0.02)


def test_a_scheme_is_for_weights_and_a_constant_for_everything():
    found = rows(
        {"qkv.*": "he_normal", "norm.*": "zeros", "down.*": {"scheme": "constant", "gain": -2}}
    )
    kinds = {name: row.scheme for name, row in found.items()}
    assert kinds["qkv.bias"] == "zeros"
    assert kinds["norm.weight"] == "zeros"
    assert found["down.bias"].scale == found["down.weight"].scale == -2.0


def test_what_a_plan_leaves_is_left():
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), weight_norm(nn.Linear(4, 4)))
    model(torch.randn(10, 4))
    before = state(model)
    report = init.init_weights(
        model, seed=1, plan={"0.weight": "leave", nn.BatchNorm1d: "leave", "2.weight": "leave"}
    )
    changed = {
        name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])
    }
    assert changed == {"0.bias", "2.bias"}
    assert len(report.left_alone) == 5


def test_a_gain_is_for_the_scheme_it_stands_beside():
    model = Stack(a=nn.Linear(4, 4), b=nn.Linear(4, 4), c=nn.Linear(4, 4))
    report = init.init_weights(
        model, "lecun_normal", gain="relu", seed=1, plan={"b.*": "he_normal", "c.*": {"gain": 3}}
    )
    gains = [row.gain for row in report.rows if row.name.endswith("weight")]
    assert gains == [pytest.approx(math.sqrt(2)), math.sqrt(2), 3.0]


@pytest.mark.parametrize(
    ("factor", "expected_factor"), [(None, 1 / math.sqrt(6)), (0.25, 0.25), (0, 0.0)]
)
def test_residual_branches_are_scaled_by_their_number_or_as_asked(factor, expected_factor):
    layers = nn.ModuleList(nn.TransformerEncoderLayer(8, 2, 16) for _ in range(3))
    report = init.init_weights(
        layers,
        "he_normal",
        seed=1,
        residual=("*.self_attn.out_proj.*", "*.linear2.*"),
        residual_factor=factor,
    )
    ends = {"self_attn.out_proj.weight": (8, 8), "linear2.weight": (16, 8)}
    for row in report.rows:
        end = row.name.split(".", 1)[1]
        if end in ends:
            assert row.scale == pytest.approx(
                expected_factor * schemes.scale("he_normal", *ends[end]), rel=1e-15
            )
        elif row.name.endswith("linear1.weight"):
            assert row.scale == schemes.scale("he_normal", 8, 16)


def test_the_last_norms_of_residual_branches_may_start_at_zero():
    model = Stack(norm1=nn.BatchNorm2d(4), norm2=nn.BatchNorm2d(4))
    init.init_weights(model, seed=1, residual="norm2.*", residual_factor=0)
    assert (model.norm1.weight == 1).all()
    assert (model.norm2.weight == 0).all()


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"plan": {"qvk.weight": "he_normal"}}, ValueError, "'qvk.weight' matches no .* 'qkv.w"),
        ({"plan": {nn.Conv2d: "he_normal"}}, ValueError, "pattern Conv2d matches no parameter"),
        ({"plan": {re.compile("x$"): "leave"}}, ValueError, "pattern .*compile.* matches no par"),
        (
            {"plan": {"*": "leave", "qkv.*": "zeros"}},
            ValueError,
            "'qkv.*' decides nothing: qkv.weight is decided by the earlier plan pattern '\\*'",
        ),
        (
            {"plan": {"qkv.b*": "he_normal"}},
            ValueError,
            "qkv.bias is a bias, and he_normal is for wei",
        ),
        (
            {"plan": {"experts": "he_normal"}},
            ValueError,
            "experts needs a layout, since Block is no",
        ),
        ({"plan": {"experts": {"layout": "torch.linear"}}}, ValueError, "^experts: shape must be"),
        (
            {"plan": {"qkv.weight": {"layout": "tf.dense"}}},
            ValueError,
            "^qkv.weight: unknown layout",
        ),
        ({"plan": {"qkv.weight": {"parts": 3}}}, ValueError, "^qkv.weight: parts must divide"),
        ({"plan": {"qkv.weight": {"parts": (8, 4)}}}, ValueError, "add up to the 16 of axis 0"),
        (
            {"plan": {"experts": {"parts": (8, 8), "layout": "flax.attention_in"}}},
            ValueError,
            "^experts: parts must not differ for a weight with groups or two out axes",
        ),
        ({"plan": {"qkv.weight": {"parts": 0}}}, ValueError, "^plan.'qkv.weight'.: parts must be"),
        ({"plan": {"qkv.weight": {"parts": "ab"}}}, TypeError, "parts must be an integer"),
        ({"plan": {"qkv.weight": {"gian": 1}}}, ValueError, "no options but .* got 'gian'"),
        ({"plan": {"qkv.weight": {"factor": -1}}}, ValueError, "factor must be at least 0"),
        ({"plan": {"qkv.weight": {"active_inputs": 9}}}, ValueError, "^qkv.weight: active_inputs"),
        ({"plan": {"qkv.weight": "he_norml"}}, ValueError, "did you mean 'he_normal'"),
        ({"plan": {"qkv.weight": "normal"}}, ValueError, "gain must be given for normal"),
        ({"plan": {"qkv.weight": {"scheme": "zeros", "parts": 2}}}, ValueError, "parts must be l"),
        ({"plan": {"qkv.weight": 3}}, TypeError, "must be a scheme, 'leave' or a mapping"),
        ({"plan": {3: "zeros"}}, TypeError, "plan must have strings, .* as patterns, got 3"),
        ({"plan": ["qkv.weight"]}, TypeError, "plan must be a mapping, got"),
        (
            {"plan": {"qkv.*": "delta_orthogonal", "down.*": "delta_orthogonal"}},
            ValueError,
            "^down",
        ),
        ({"residual": "up.weight"}, ValueError, "residual must name weights .* got 'up.weight'"),
        ({"residual": "down.bias"}, ValueError, "got 'down.bias', which names none"),
        ({"residual": "down.*", "plan": {"down.*": "leave"}}, ValueError, "which names none"),
        ({"residual": "down.*", "residual_factor": -1}, ValueError, "residual_factor must be at l"),
        ({"residual_factor": 0.5}, ValueError, "residual_factor must be left out"),
        ({"scheme": "normal"}, ValueError, "gain must be given for normal"),
        ({"scheme": 3}, TypeError, "scheme|name must be"),
        ({"gain": "rleu"}, ValueError, "did you mean 'relu'"),
        ({"gain": 1e39}, ValueError, "gain must give"),
        ({"generator": torch.Generator()}, ValueError, "seed must be left out"),
        ({"forget_bias": math.inf}, ValueError, "forget_bias must be finite"),
    ],
)
def test_an_invalid_plan_is_named_and_changes_nothing(how, error, message):
    model = Block()
    before = state(model)
    random = torch.get_rng_state()
    with pytest.raises(error, match=message):
        init.init_weights(model, **{"seed": 1, **how})
    assert same(before, state(model))
    assert torch.equal(torch.get_rng_state(), random)


def test_what_is_no_module_is_named():
    with pytest.raises(TypeError, match="must be a torch.nn.Module, got one of type Tensor$"):
        init.init_weights(torch.ones(2), seed=1)


# ---- what cannot be filled -----------------------------------------------------------------------


def test_what_cannot_be_filled_is_reported():
    model = Stack(
        lazy=nn.LazyLinear(3),
        empty=nn.Linear(4, 4),
        spectral=spectral_norm(nn.Linear(3, 3)),
        old=nn.Linear(2, 2),
    )
    model.empty.weight = nn.Parameter(torch.empty(4, 0))
    model.old.weight = nn.Parameter(torch.ones(2, 2, dtype=torch.int8), requires_grad=False)
    report = init.init_weights(model, seed=1)
    notes = {row.name: row.note for row in report.rows if row.scheme is None}
    assert notes == {
        "lazy.weight": "uninitialized: run the model on a batch first",
        "lazy.bias": "uninitialized: run the model on a batch first",
        "empty.weight": "no elements",
        "spectral.parametrizations.weight.original": "parametrized by _SpectralNorm",
        "old.weight": "torch.int8 is not a type that can be filled",
    }
    assert report.left_alone == tuple(notes)
    assert "spectral.parametrizations.weight.original" in str(report)


def test_a_weight_without_its_shape_is_an_error():
    model = nn.Linear(4, 4)
    model.weight = nn.Parameter(torch.ones(16))
    with pytest.raises(ValueError, match="^weight: shape must be .out, in. .* got .16,"):
        init.init_weights(model, seed=1)


def test_meta_tensors_are_untouched_and_to_empty_gives_the_same_weights():
    def model():
        return nn.Sequential(nn.Embedding(9, 8), nn.Linear(8, 8), nn.BatchNorm1d(8))

    whole = model()
    init.init_weights(whole, seed=1)
    with torch.device("meta"):
        later = model()
    report = init.init_weights(later, seed=1)
    assert all(row.note == "on the meta device, untouched" for row in report.rows)
    assert len(report.left_alone) == 5
    later.to_empty(device="cpu")
    init.init_weights(later, seed=1)
    assert same(state(whole), state(later))


def test_param_init_fn_materializes_one_module_after_the_other_to_the_same_weights():
    def model():
        layers = nn.Sequential(
            nn.Embedding(9, 8), nn.Linear(8, 9, bias=False), nn.BatchNorm1d(9), nn.LSTM(9, 4)
        )
        layers[1].weight = layers[0].weight
        layers.append(weight_norm(nn.Linear(4, 4)))
        return layers

    whole = model()
    init.init_weights(whole, "he_normal", seed=1, residual="1.*", residual_factor=0.5)
    with torch.device("meta"):
        parts = model()
    start = init.param_init_fn(
        parts, "he_normal", seed=1, device="cpu", residual="1.*", residual_factor=0.5
    )
    for module in parts.modules():
        start(module)
    assert same(state(whole), state(parts))
    with pytest.raises(ValueError, match="module must be one of the model .* got another Linear"):
        start(nn.Linear(2, 2))


def test_param_init_fn_names_what_it_leaves_alone():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    start = init.param_init_fn(model, seed=1, plan={"1.weight": "leave"})
    assert start.left_alone == ("1.weight",)


def test_param_init_fn_materializes_on_the_accelerator_if_there_is_one():
    model = nn.Linear(4, 4, device="meta")
    init.param_init_fn(model, seed=1)(model)
    there = torch.accelerator.is_available()
    device = torch.accelerator.current_accelerator() if there else torch.device("cpu")
    assert model.weight.device.type == device.type


def test_weights_that_transformers_has_loaded_are_kept(monkeypatch):
    model = nn.Linear(4, 4)
    model.weight._is_hf_initialized = True
    before = model.weight.detach().clone()

    def normal_(tensor):  # as transformers puts it in torch's place while it loads
        return tensor

    normal_.__module__ = "transformers.initialization"
    monkeypatch.setattr(torch.nn.init, "normal_", normal_)
    report = init.init_weights(model, seed=1)
    assert torch.equal(model.weight, before)
    assert [row.note for row in report.rows] == ["loaded by transformers", "bias"]


def test_weights_under_weight_norm_may_not_be_zero():
    model = nn.Sequential(weight_norm(nn.Linear(4, 4)))
    with pytest.raises(ValueError, match="0.weight must not have rows of zeros under weight_norm"):
        init.init_weights(model, seed=1, plan={"0.weight": "zeros"})


# ---- the report ----------------------------------------------------------------------------------


def test_realized_figures_are_those_of_the_weights():
    model = nn.Sequential(nn.Linear(300, 400), nn.Linear(2**16, 2), nn.LayerNorm(5))
    model[0].weight = nn.Parameter(torch.empty(300, 400).t())
    report = init.init_weights(model, "he_normal", seed=1)
    for row in report.rows:
        values = model.get_parameter(row.name).detach().double()
        assert row.std == pytest.approx(float(values.std(correction=0)), rel=1e-5, abs=0)
        assert row.magnitude == pytest.approx(float(values.abs().mean()), rel=1e-5, abs=0)


def test_the_scale_is_reached():
    model = nn.Linear(1000, 1000)
    [row, _] = init.init_weights(model, seed=1).rows
    # 10^6 weights: 5 standard errors of the mean magnitude of a uniform law.
    assert row.magnitude == pytest.approx(irwinhall.letkeman_bound(1000) / 2, rel=5 * 0.577e-3)
    assert row.std == pytest.approx(irwinhall.letkeman_bound(1000) / math.sqrt(3), rel=5 * 0.5e-3)


def test_the_report_prints_as_a_table():
    model = nn.Sequential(nn.Linear(8, 4), nn.LSTM(4, 2))
    model.register_buffer("table", torch.ones(3))
    report = init.init_weights(model, "identity", seed=1, plan={"0.bias": "leave"})
    lines = str(report).splitlines()
    assert lines[0].split() == [
        "parameter",
        "shape",
        "fans",
        "scheme",
        "scale",
        "std",
        "mean",
        "|w|",
        "note",
    ]
    assert lines[1].split()[1:] == ["4x8", "8,", "4", "identity", "1", "0.3307", "0.125"]
    assert lines[2].split(maxsplit=2) == ["0.bias", "4", "left alone by the plan"]
    assert lines[-2:] == [
        "100 elements in 6 parameters, 1 of them left alone; seed 1",
        "buffers left alone: table",
    ]


def test_the_report_does_not_keep_the_model_alive():
    report = init.init_weights(nn.Linear(4, 4), seed=1)
    assert [row.std for row in report.rows] == [None, None]
    assert repr(report) == "<Report of 2 parameters, 0 of them left alone>"


def test_a_report_does_not_measure_what_has_changed_since():
    model = nn.Linear(100, 100)
    report = init.init_weights(model, seed=1)
    with torch.no_grad():
        model.weight.mul_(100)
    assert [(row.std, row.note) for row in report.rows] == [(None, "changed since"), (0.0, "bias")]


def test_a_report_can_be_pickled():
    model = nn.Sequential(nn.Linear(8, 4), nn.Linear(4, 4))
    model[1].weight = nn.Parameter(model[1].weight.int(), requires_grad=False)
    report = init.init_weights(model, seed=1)
    copied = pickle.loads(pickle.dumps(report))
    assert (copied.rows, copied.left_alone) == (report.rows, ("1.weight",))
    assert (str(copied), repr(copied)) == (str(report), repr(report))


def test_a_copy_of_a_model_is_initialized_alike():
    model = nn.TransformerEncoderLayer(16, 4, 32)
    other = copy.deepcopy(model)
    init.init_weights(model, seed=3)
    init.init_weights(other, seed=3, threads=1)
    assert same(state(model), state(other))


@pytest.fixture
def mesh(tmp_path):
    """Yield a mesh of this process alone."""
    store = torch.distributed.FileStore(str(tmp_path / "store"), 1)
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    from torch.distributed.tensor import init_device_mesh

    yield init_device_mesh("cpu", (1,))
    torch.distributed.destroy_process_group()


def test_distributed_tensors_are_measured_refused_by_lsuv_and_refused_before_anything_is_written(
    mesh,
):
    from torch.distributed.tensor import DTensor, Partial, Shard, distribute_tensor

    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 6))
    model[1].weight = nn.Parameter(distribute_tensor(model[1].weight.detach(), mesh, [Shard(0)]))
    report = init.init_weights(model, seed=1, plan={"0.weight": {"parts": (1, 3)}})
    values = model[1].weight.to_local().detach()
    row = next(row for row in report.rows if row.name == "1.weight")
    assert row.magnitude == pytest.approx(float(values.abs().mean()), rel=1e-5)
    with pytest.raises(ValueError, match="1.weight must be whole, got a DTensor"):
        init.lsuv_(model, torch.ones(2, 4))
    parts = init.init_weights(model, seed=1, plan={"1.weight": {"parts": (2, 4)}}).rows
    assert [row.std for row in parts if row.name.startswith("1.weight/")] == [None, None]

    model[1].weight = nn.Parameter(DTensor.from_local(torch.ones(6, 4), mesh, [Partial()]))
    before = model[0].weight.detach().clone()
    with pytest.raises(ValueError, match="^1.weight: tensor must be sharded or replicated"):
        init.init_weights(model, seed=2)
    assert torch.equal(model[0].weight, before)


def test_a_direction_tied_to_another_weight_is_that_weight():
    plain, normed = nn.Linear(4, 4), torch.nn.utils.parametrizations.weight_norm(nn.Linear(4, 4))
    normed.parametrizations.weight.original1 = plain.weight
    init.init_weights(nn.ModuleDict({"plain": plain, "normed": normed}), seed=1)
    torch.testing.assert_close(normed.weight, plain.weight)


@pytest.mark.parametrize(
    ("layer", "scheme"),
    [(nn.Linear(4, 8), "identity"), (nn.Embedding(6, 4, padding_idx=0), "letkeman")],
)
def test_no_row_under_weight_norm_may_be_zero(layer, scheme):
    with pytest.raises(ValueError, match="weight must not have rows of zeros under weight_norm"):
        init.init_weights(torch.nn.utils.parametrizations.weight_norm(layer), scheme, seed=1)


def test_an_uninitialized_parameter_counts_no_elements():
    assert "\n0 elements in 2 parameters" in str(init.init_weights(nn.LazyLinear(3), seed=1))


# ---- the cost of a call --------------------------------------------------------------------------


def test_one_layer_is_few_frames_and_its_axes_are_resolved_once():
    layer = nn.Linear(16, 8, bias=False)
    names = frames(lambda: init.init_weights(layer, seed=1))
    assert len(names) < 90  # 120 is the promise
    layouts._weight_of.cache_clear()
    init.init_weights(layer, seed=1)
    assert layouts._weight_of.cache_info().misses == 1


def test_layers_that_are_alike_are_resolved_once():
    model = nn.Sequential(*(nn.Linear(6, 6) for _ in range(20)))
    names = frames(lambda: init.init_weights(model, seed=1))
    assert names.count("weight_of") == 2  # of the weights, and of the biases
    assert names.count("_resolved") == 2


def test_a_report_is_not_made_before_it_is_asked_for():
    model = nn.Sequential(*(nn.Linear(6, 6) for _ in range(20)))
    assert "rows" not in frames(lambda: init.init_weights(model, seed=1))
    report = init.init_weights(model, seed=1)
    assert len(report.rows) == 40


# ---- what changes between the checks and the writing ---------------------------------------------


@pytest.mark.parametrize("shape", [(2, 2), (64,), (512, 512, 2)])
def test_a_parameter_replaced_since_must_have_its_shape(shape):
    model = nn.Linear(16, 8, bias=False)
    start = init.param_init_fn(model, seed=1)
    model.weight = nn.Parameter(torch.zeros(shape))
    with pytest.raises(ValueError, match=r"^weight must have shape \(8, 16\), got "):
        start(model)
    assert not model.weight.any()


def test_a_parameter_replaced_since_must_be_one_that_can_be_filled():
    model = nn.Linear(16, 8, bias=False)
    start = init.param_init_fn(model, seed=1)
    model.weight = nn.Parameter(torch.zeros(8, 16, dtype=torch.int32), requires_grad=False)
    with pytest.raises(TypeError, match="tensor must be of .*, got torch.int32"):
        start(model)


@pytest.mark.parametrize("size", [0, 64])
def test_a_storage_that_is_too_small_is_named(size):
    model = nn.Linear(16, 8)
    model.weight.untyped_storage().resize_(size)
    with pytest.raises(ValueError, match=f"^weight: tensor must have memory .* of {size} bytes$"):
        init.init_weights(model, seed=1)
    with pytest.raises(ValueError, match="^tensor must have memory for shape"):
        init.letkeman_(model.weight, seed=1)


def test_what_was_written_before_a_failure_counts_as_written(monkeypatch):
    model = nn.Sequential(nn.Linear(4, 4), nn.RNN(4, 4))
    before = [parameter._version for parameter in model.parameters()]

    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(np.linalg, "qr", fail)
    with pytest.raises(MemoryError):
        init.init_weights(model, seed=1)
    assert model[0].weight._version > before[0]


@pytest.mark.parametrize("call", [init.letkeman_, init.init_weights])
def test_an_interrupted_fill_counts_as_written(monkeypatch, call):
    layer = nn.Linear(4, 4)
    before = layer.weight._version

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(_fill, "fill_memory", interrupt)
    with pytest.raises(KeyboardInterrupt):
        call(layer.weight if call is init.letkeman_ else layer, seed=1)
    assert layer.weight._version > before


def test_an_interrupt_after_the_last_parameter_names_no_other():
    error = KeyboardInterrupt()
    _model._note_written(error, ["weight", "bias"], [])
    assert error.__notes__ == ["2 parameters had been written: weight, bias"]


def test_any_number_of_threads_can_be_asked_for():
    model = nn.Linear(16, 8)
    init.init_weights(model, seed=1, threads=2**40)
    expected = model.weight.clone()
    init.fill_(model.weight, "letkeman", seed=1, name="weight", threads=2**31)
    assert torch.equal(model.weight, expected)


# ---- the norms of weight_norm --------------------------------------------------------------------

NORMS = "parametrizations.weight.original0"


def test_norms_are_reported_in_their_own_shape():
    model = weight_norm(nn.Linear(4, 8))
    report = init.init_weights(model, seed=1)
    shapes = {row.name: row.shape for row in report.rows}
    assert shapes == {"weight": (8, 4), NORMS: (8, 1), "bias": (8,)}
    assert "48 elements in 3 parameters" in str(report)


def test_norms_can_be_left_alone():
    model = weight_norm(nn.Linear(4, 8))
    before = model.parametrizations.weight.original0.clone()
    report = init.init_weights(model, seed=1, plan={NORMS: "leave"})
    assert torch.equal(model.parametrizations.weight.original0, before)
    assert report.left_alone == (NORMS,)


def test_norms_that_cannot_be_had_are_named():
    model = nn.Sequential(weight_norm(nn.Linear(4, 8)), nn.Linear(8, 2))
    plan = {"0.weight": {"factor": 0.0}}
    with pytest.raises(ValueError, match=f"^0.{NORMS}: 0.weight must not have rows of zeros"):
        init.init_weights(model, seed=1, plan=plan)


@pytest.mark.parametrize(
    ("layer", "names"),
    [
        (lambda: nn.GRU(4, 5), ("weight_ih_l0",)),
        (lambda: nn.LSTM(4, 6, 2, proj_size=3), ("weight_hh_l1", "weight_hr_l0")),
        (lambda: nn.RNN(3, 4, bidirectional=True), ("weight_ih_l0_reverse", "weight_hh_l0")),
        (lambda: nn.LSTMCell(4, 6), ("weight_ih", "weight_hh")),
        (lambda: nn.GRUCell(4, 6), ("weight_hh",)),
    ],
)
def test_recurrent_weights_under_weight_norm_have_the_bits_they_have_without(layer, names):
    plain, normed = layer(), layer()
    for name in names:
        weight_norm(normed, name)
    init.init_weights(plain, seed=3)
    report = init.init_weights(normed, seed=3)
    assert report.left_alone == ()
    for name in names:
        direction = getattr(normed.parametrizations, name).original1
        assert torch.equal(direction, getattr(plain, name))
        torch.testing.assert_close(getattr(normed, name), getattr(plain, name))


def test_a_bias_under_weight_norm_cannot_be_zero():
    with pytest.raises(ValueError, match="bias_hh_l0 must not have rows of zeros under"):
        init.init_weights(weight_norm(nn.GRU(4, 5), "bias_hh_l0"), seed=1)


# ---- what no message prints ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        lambda model: init.init_weights(list(model.parameters())),
        lambda model: init.init_weights(dict(model.named_parameters())),
        lambda model: init.lsuv_(list(model.parameters()), torch.ones(1, 40)),
        lambda model: init.init_weights(model, plan=[model]),
        lambda model: init.init_weights(model, plan={"*": model}),
        lambda model: init.init_weights(model, residual=model),
        lambda model: init.lsuv_(model, torch.ones(1, 40), layers=model[0].weight),
        lambda model: init.he_normal_(model),
        lambda model: init.uniform_([model[0].weight]),
        lambda model: init.he_normal_(model[0].weight, generator=model[0].weight),
    ],
)
def test_no_message_prints_models_or_weights(call):
    model = nn.Sequential(nn.Linear(40, 40), nn.Linear(40, 2))
    with pytest.raises(TypeError, match="got one of type ") as caught:
        call(model)
    assert len(str(caught.value)) < 150


def test_a_build_for_an_accelerator_that_is_not_there_materializes_on_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cuda"))
    model = nn.Linear(4, 4, device="meta")
    init.param_init_fn(model, seed=1)(model)
    assert model.weight.device.type == "cpu"


def test_lazy_norms_without_parameters_are_left_alone():
    model = nn.Sequential(nn.Linear(4, 4), nn.LazyBatchNorm1d(affine=False))
    assert init.init_weights(model, seed=1).left_alone == ()


# ---- what is frozen ------------------------------------------------------------------------------


def sines():
    return torch.sin(torch.arange(60.0).reshape(10, 6))


def test_frozen_parameters_are_left_alone_and_reported():
    model = Stack(pos=nn.Embedding.from_pretrained(sines()), a=nn.Linear(6, 6), n=nn.LayerNorm(6))
    model.a.bias.requires_grad_(False)
    model.n.requires_grad_(False)
    with torch.no_grad():
        model.a.bias.fill_(2.0)
        model.n.weight.fill_(3.0)
    report = init.init_weights(model, "normal", gain=0.02, seed=1)
    assert report.left_alone == ("pos.weight", "a.bias", "n.weight", "n.bias")
    notes = {row.name: row.note for row in report.rows if row.scheme is None}
    assert set(notes.values()) == {"frozen: name it in a plan to fill it"}
    assert torch.equal(model.pos.weight, sines())
    assert (model.a.bias == 2).all()
    assert (model.n.weight == 3).all()


def test_a_plan_may_name_what_is_frozen():
    model = Stack(pos=nn.Embedding.from_pretrained(sines()), n=nn.LayerNorm(6))
    model.n.requires_grad_(False)
    report = init.init_weights(
        model, seed=1, plan={"pos.weight": {"scheme": "normal", "gain": 0.02}, "n.bias": "ones"}
    )
    assert report.left_alone == ("n.weight",)
    weights = expected((10, 6), "pos.weight", "normal", gain=0.02)
    np.testing.assert_array_equal(model.pos.weight.numpy(), weights)
    assert (model.n.bias == 1).all()


def test_the_statistics_of_frozen_norms_are_left_alone():
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4).requires_grad_(False))
    model(torch.randn(10, 4))
    before = state(model[1])
    init.init_weights(model, seed=1)
    assert same(before, state(model[1]))


def test_a_frozen_direction_keeps_its_norms():
    model = weight_norm(nn.Linear(4, 4))
    model.parametrizations.weight.original1.requires_grad_(False)
    before = model.weight.clone()
    init.init_weights(model, seed=1)
    assert torch.equal(before, model.weight)


def test_lsuv_leaves_frozen_weights_unless_it_is_told():
    model = nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 2))
    model[0].weight.requires_grad_(False)
    before, batch = model[0].weight.clone(), torch.randn(50, 4)
    report = init.lsuv_(model, batch)
    assert torch.equal(model[0].weight, before)
    assert report.left_alone == {"0.weight": "frozen: name it in layers to rescale it"}
    assert set(init.lsuv_(model, batch, layers="*.weight").layers) == {"0.weight", "1.weight"}
    with pytest.raises(ValueError, match="0.weight is frozen: name it in layers to rescale it"):
        init.lsuv_(model.requires_grad_(False), batch)


# ---- what shares memory --------------------------------------------------------------------------


def test_a_transposed_weight_of_the_same_memory_is_filled_once_by_the_first_name():
    model = Stack(enc=nn.Linear(8, 5), dec=nn.Linear(5, 8))
    model.dec.weight = nn.Parameter(model.enc.weight.t())
    report = init.init_weights(model, "he_normal", seed=1)
    weights = expected((5, 8), "enc.weight", "he_normal", **OUT_IN)
    np.testing.assert_array_equal(model.enc.weight.detach().numpy(), weights)
    np.testing.assert_array_equal(model.dec.weight.detach().numpy(), weights.T)
    found = {row.name: row for row in report.rows}
    assert (found["dec.weight"].scheme, found["dec.weight"].shape) == (None, (8, 5))
    assert found["dec.weight"].note == "shares the memory of enc.weight"
    assert (found["enc.weight"].fan_in, report.left_alone) == (8, ())
    assert "53 elements in 3 parameters" in str(report)


def test_parameters_with_the_same_data_are_tied():
    model = Stack(embedding=nn.Embedding(20, 8), head=nn.Linear(8, 20, bias=False))
    model.head.weight.data = model.embedding.weight.data
    report = init.init_weights(model, seed=1)
    weights = expected((20, 8), "embedding.weight", **OUT_IN)
    np.testing.assert_array_equal(model.head.weight.detach().numpy(), weights)
    assert report.rows[1].note == "tied to embedding.weight"
    init.init_weights(model, seed=1, plan={"head.*": {"scheme": "normal", "gain": 0.02}})
    weights = expected((20, 8), "embedding.weight", "normal", gain=0.02)
    np.testing.assert_array_equal(model.head.weight.detach().numpy(), weights)


@pytest.mark.parametrize("first", ["whole", "parts"])
def test_views_of_another_weight_are_filled_by_the_whole(first):
    whole, one, two = nn.Linear(6, 8, bias=False), nn.Linear(6, 4, bias=False), nn.Linear(6, 4)
    one.weight, two.weight = nn.Parameter(whole.weight[:4]), nn.Parameter(whole.weight[4:])
    layers = {"whole": whole, "one": one, "two": two}
    if first == "parts":
        layers = dict(reversed(layers.items()))
    model = Stack(**layers)
    report = init.init_weights(model, seed=1)
    weights = expected((8, 6), "whole.weight", **OUT_IN)
    np.testing.assert_array_equal(whole.weight.detach().numpy(), weights)
    notes = {row.name: row.note for row in report.rows}
    assert notes["one.weight"] == notes["two.weight"] == "shares the memory of whole.weight"
    with pytest.raises(ValueError, match="one.weight shares the memory of whole.weight; name that"):
        init.init_weights(model, seed=1, plan={"one.weight": "he_normal"})


def test_parts_of_one_storage_that_do_not_meet_are_weights_of_their_own():
    flat = torch.zeros(8, 12)
    model = Stack(a=nn.Linear(6, 8, bias=False), b=nn.Linear(6, 8, bias=False), c=nn.Linear(6, 8))
    model.a.weight, model.b.weight = nn.Parameter(flat[:, ::2]), nn.Parameter(flat[:, 1::2])
    model.c.bias = nn.Parameter(torch.zeros(30)[2:10])
    init.init_weights(model, seed=1)
    for name in ("a.weight", "b.weight", "c.weight"):
        weights = expected((8, 6), name, **OUT_IN)
        np.testing.assert_array_equal(model.get_parameter(name).detach().numpy(), weights)


def test_parts_of_which_neither_holds_the_other_are_refused():
    flat = torch.zeros(12, 6)
    model = Stack(z=nn.Linear(6, 6), a=nn.Linear(6, 8), b=nn.Linear(6, 8))
    model.a.weight, model.b.weight = nn.Parameter(flat[:8]), nn.Parameter(flat[4:])
    before = state(model)
    with pytest.raises(ValueError, match="a.weight must not share a part of its memory with b.w"):
        init.init_weights(model, seed=1)
    assert same(before, state(model))
    init.init_weights(model, seed=1, plan={"[ab].weight": "leave"})
    assert not flat.any()
    with pytest.raises(ValueError, match="a.weight must not share a part of its memory"):
        init.lsuv_(Chain(model.a, model.b), torch.randn(9, 6))


class Chain(nn.Module):
    """Two layers that read the same."""

    def __init__(self, a, b):
        super().__init__()
        self.a, self.b = a, b

    def forward(self, x):
        return self.a(x) + self.b(x)


def test_what_lies_in_a_frozen_weight_is_left_alone():
    model = Stack(enc=nn.Linear(8, 5), dec=nn.Linear(5, 8, bias=False))
    model.dec.weight = nn.Parameter(model.enc.weight.t())
    model.enc.weight.requires_grad_(False)
    before = model.enc.weight.clone()
    assert init.init_weights(model, seed=1).left_alone == ("enc.weight",)
    assert torch.equal(model.enc.weight, before)


@pytest.mark.parametrize("tie", ["same", "data", "rows"])
def test_a_tied_embedding_keeps_its_padding_whichever_is_named_first(tie):
    model = Stack(head=nn.Linear(4, 9, bias=False), tokens=nn.Embedding(9, 4, padding_idx=2))
    if tie == "same":
        model.tokens.weight = model.head.weight
    elif tie == "data":
        model.tokens.weight.data = model.head.weight.data
    else:
        model.tokens.weight = nn.Parameter(model.head.weight[1:])
    row = 3 if tie == "rows" else 2
    report = init.init_weights(model, seed=1)
    weights = expected((9, 4), "head.weight", **OUT_IN)
    weights[row] = 0
    np.testing.assert_array_equal(model.head.weight.detach().numpy(), weights)
    assert f"row {row} is 0" in report.rows[0].note


def test_a_transposed_embedding_keeps_its_padding():
    model = Stack(enc=nn.Linear(9, 4, bias=False), tokens=nn.Embedding(9, 4, padding_idx=2))
    model.tokens.weight = nn.Parameter(model.enc.weight.t())
    report = init.init_weights(model, seed=1)
    weights = expected((4, 9), "enc.weight", **OUT_IN)
    weights[:, 2] = 0
    np.testing.assert_array_equal(model.enc.weight.detach().numpy(), weights)
    assert report.rows[0].note == "column 2 is 0"


def test_padding_that_is_no_row_of_what_it_lies_in_is_refused():
    flat = nn.Linear(6, 6, bias=False)
    tokens = nn.Embedding(9, 4, padding_idx=2)
    tokens.weight = nn.Parameter(flat.weight.view(9, 4))
    with pytest.raises(ValueError, match="b.weight must have its padding in a row or column of a"):
        init.init_weights(Stack(a=flat, b=tokens), seed=1)


def test_lsuv_rescales_memory_once():
    model = nn.Sequential(nn.Linear(6, 6, bias=False), nn.Tanh(), nn.Linear(6, 6, bias=False))
    model[2].weight = nn.Parameter(model[0].weight.t())
    report = init.lsuv_(model, torch.randn(99, 6))
    assert set(report.layers) == {"0.weight"}
    assert report.left_alone == {"2.weight": "shares the memory of 0.weight"}
    model[2].weight.data = model[0].weight.data
    assert init.lsuv_(model, torch.randn(99, 6)).left_alone == {"2.weight": "tied to 0.weight"}


# ---- layers that only the plan knows -------------------------------------------------------------


class Scale(nn.Module):
    """A norm of someone's own."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(8))
        self.temperature = nn.Parameter(torch.tensor(3.0))


class Conv1D(nn.Module):
    """A linear layer whose weight is (in, out)."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(8, 12))
        self.bias = nn.Parameter(torch.zeros(12))


def test_a_scheme_for_all_is_for_no_scale_or_bias_of_an_unknown_layer():
    model = Stack(norm=Scale(), c_proj=Conv1D(), a=nn.Linear(8, 8))
    report = init.init_weights(model, seed=1, plan={"*": {"scheme": "normal", "gain": 0.02}})
    assert report.left_alone == ("norm.weight", "norm.temperature", "c_proj.bias")
    assert (model.norm.weight == 1).all()
    assert model.norm.temperature == 3
    weights = expected((8, 12), "c_proj.weight", "normal", gain=0.02)
    np.testing.assert_array_equal(model.c_proj.weight.detach().numpy(), weights)
    assert report.rows[0].note.startswith("Scale is not a known layer; a plan's scheme is for")


@pytest.mark.parametrize("said", [{}, {"scheme": "he_normal"}])
def test_a_layout_is_for_the_weight_of_a_layer(said):
    model = Stack(c_proj=Conv1D())
    plan = {Conv1D: {"layout": "torch.matmul", **said}}
    report = init.init_weights(model, "he_normal", seed=1, plan=plan)
    weights = expected((8, 12), "c_proj.weight", "he_normal", in_axis=0, out_axis=1)
    np.testing.assert_array_equal(model.c_proj.weight.detach().numpy(), weights)
    assert report.left_alone == ("c_proj.bias",)
    assert not model.c_proj.bias.any()


def test_a_parameter_of_one_axis_is_filled_by_its_full_name():
    model = Stack(norm=Scale())
    init.init_weights(model, seed=1, plan={"norm.weight": {"scheme": "normal", "gain": 0.5}})
    weights = expected((8,), "norm.weight", "normal", gain=0.5)
    np.testing.assert_array_equal(model.norm.weight.detach().numpy(), weights)
    init.init_weights(model, seed=1, plan={Scale: "zeros"})
    assert not model.norm.weight.any()


def test_residual_says_that_a_layout_is_missing_and_scales_what_the_plan_fills():
    model = Stack(c_proj=Conv1D())
    with pytest.raises(ValueError, match="c_proj.weight is left .* give it a layout in a plan"):
        init.init_weights(model, seed=1, residual="*.weight")
    how = {"residual": "*.weight", "residual_factor": 0.5, "seed": 1}
    for said in ({"layout": "torch.matmul"}, {"scheme": "normal", "gain": 0.02}):
        [row, _] = init.init_weights(model, "lecun_normal", plan={Conv1D: said}, **how).rows
        scale = 0.02 if "gain" in said else schemes.scale("lecun_normal", 8, 12)
        assert row.scale == pytest.approx(0.5 * scale)


# ---- what is left alone need not be what can be filled -------------------------------------------


def freed():
    tensor = torch.ones(3, 3)
    tensor.untyped_storage().resize_(0)
    return tensor


UNFILLABLE = {
    "sparse": lambda: torch.eye(3).to_sparse(),
    "expanded": lambda: torch.ones(3).expand(3, 3),
    "jagged": lambda: torch.nested.nested_tensor(
        [torch.ones(2), torch.ones(3)], layout=torch.jagged
    ),
    "nested": lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
    "subclass": lambda: TwoTensor(torch.ones(3, 3), torch.ones(3, 3)),
    "freed": freed,
}


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("kind", UNFILLABLE)
def test_what_cannot_be_filled_blocks_nothing_where_it_is_left_alone(kind):
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    model[1].weight = nn.Parameter(UNFILLABLE[kind]())
    before = state(model[0])
    with pytest.raises((TypeError, ValueError), match="^1.weight: tensor must"):
        init.init_weights(model, seed=1)
    assert same(before, state(model[0]))
    report = init.init_weights(model, seed=1, plan={"1.weight": "leave"})
    assert report.left_alone == ("1.weight",)
    assert "left alone by the plan" in str(report)
    np.testing.assert_array_equal(
        model[0].weight.detach().numpy(), expected((3, 3), "0.weight", **OUT_IN)
    )
    model[1].weight.requires_grad_(False)
    assert init.init_weights(model, seed=1).left_alone == ("1.weight",)


def test_a_mask_of_no_known_layer_blocks_nothing():
    model = nn.Sequential(nn.Linear(3, 3))
    model.mask = nn.Parameter(torch.eye(3).to_sparse())
    assert init.init_weights(model, seed=1).left_alone == ("mask",)
    assert init.init_weights(model, seed=1, plan={"mask": "leave"}).left_alone == ("mask",)


def test_a_partial_tensor_may_be_left_alone(mesh):
    from torch.distributed.tensor import DTensor, Partial

    model = nn.Sequential(nn.Linear(4, 4))
    model[0].weight = nn.Parameter(DTensor.from_local(torch.ones(4, 4), mesh, [Partial()]))
    assert init.init_weights(model, seed=1, plan={"*.weight": "leave"}).left_alone == ("0.weight",)


def test_an_error_says_what_was_written_before_it(monkeypatch):
    model = nn.Sequential(nn.Linear(4, 4), nn.RNN(4, 4))

    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(np.linalg, "qr", fail)
    with pytest.raises(MemoryError) as caught:
        init.init_weights(model, seed=1)
    [note] = caught.value.__notes__
    assert note == (
        "3 parameters had been written: 0.weight, 0.bias, 1.weight_ih_l0; "
        "1.weight_hh_l0 may be written in part"
    )
    with pytest.raises(MemoryError) as caught:
        init.param_init_fn(model, seed=1)(model[1])
    assert "1 parameters had been written: 1.weight_ih_l0" in caught.value.__notes__[0]


# ---- biases by other names -----------------------------------------------------------------------


def test_biases_that_a_pattern_misses_by_name_are_told():
    model = Stack(attn=nn.MultiheadAttention(4, 2), lstm=nn.LSTM(4, 4), a=nn.Linear(4, 4))
    plan = {"*.bias": {"scheme": "constant", "gain": 0.5}}
    found = {row.name: row for row in init.init_weights(model, seed=1, plan=plan).rows}
    assert found["a.bias"].scale == 0.5
    for name in ("attn.in_proj_bias", "lstm.bias_ih_l0"):
        assert found[name].note.startswith("bias, which '*.bias' does not match")
    with pytest.raises(ValueError, match="the biases there are named lstm.bias_ih_l0"):
        init.init_weights(model, seed=1, plan={"lstm.bias": "ones"})


def test_norms_of_what_shares_memory_are_those_of_what_is_written():
    one, whole = weight_norm(nn.Linear(6, 4)), nn.Linear(6, 8)
    one.parametrizations.weight.original1 = nn.Parameter(whole.weight[:4])
    init.init_weights(Stack(one=one, whole=whole), seed=1)
    np.testing.assert_array_equal(
        whole.weight.detach().numpy(), expected((8, 6), "whole.weight", **OUT_IN)
    )
    torch.testing.assert_close(one.weight, whole.weight[:4])


def test_norms_of_another_shape_are_named_before_anything_is_written():
    model = nn.Sequential(nn.Linear(4, 4), weight_norm(nn.Linear(4, 8)))
    model[1].parametrizations.weight.original0 = nn.Parameter(torch.ones(4, 1))
    before = state(model[0])
    with pytest.raises(ValueError, match=r"^1.par.*norms of 1.weight must have shape \(8, 1\)"):
        init.init_weights(model, seed=1)
    assert same(before, state(model[0]))


def test_param_init_fn_fills_memory_that_parameters_share_once():
    def model():
        layers = nn.Sequential(nn.Linear(4, 6), nn.Linear(6, 4))
        layers[1].weight = nn.Parameter(layers[0].weight.t())
        return layers

    whole, parts = model(), model()
    init.init_weights(whole, seed=1)
    start = init.param_init_fn(parts, seed=1)
    for module in parts.modules():
        start(module)
    assert same(state(whole), state(parts))


def test_freed_shards_are_refused(mesh):
    from torch.distributed.tensor import Shard, distribute_tensor

    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 6))
    model[1].weight = nn.Parameter(distribute_tensor(model[1].weight.detach(), mesh, [Shard(0)]))
    model[1].weight.to_local().untyped_storage().resize_(0)
    before = state(model[0])
    with pytest.raises(ValueError, match="^1.weight: tensor must have memory for shape"):
        init.init_weights(model, seed=1)
    assert same(before, state(model[0]))


def test_distributed_tensors_of_the_same_memory_are_filled_once(mesh):
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor

    model = nn.Sequential(nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False))
    for placement in (Shard(0), Replicate()):
        model[0].weight = nn.Parameter(distribute_tensor(torch.ones(4, 4), mesh, [placement]))
        model[1].weight = nn.Parameter(model[0].weight.detach().t())
        report = init.init_weights(model, seed=1)
        assert [row.note for row in report.rows] == ["", "shares the memory of 0.weight"]
        np.testing.assert_array_equal(
            model[0].weight.to_local().detach().numpy(), expected((4, 4), "0.weight", **OUT_IN)
        )


# ---- standard deviations and ends in plans -------------------------------------------------------


def test_a_plan_gives_a_standard_deviation_and_where_it_ends():
    ends = {"low": -3, "high": 3, "corrected": False}
    model = Stack(a=nn.Linear(64, 48), b=nn.Linear(64, 48), c=nn.Linear(64, 48))
    report = init.init_weights(
        model,
        "he_truncated_normal",
        seed=1,
        plan={
            "a.weight": {"std": 0.02},
            "b.weight": {"scheme": "truncated_normal", "std": 0.02, **ends},
            "c.weight": ends,
        },
    )
    for name, scheme, how in (
        ("a", "normal", {"gain": 0.02}),
        ("b", "truncated_normal", {"gain": 0.02, **ends}),
        ("c", "he_truncated_normal", {**ends, **OUT_IN}),
    ):
        weights = expected((48, 64), f"{name}.weight", scheme, **how)
        np.testing.assert_array_equal(getattr(model, name).weight.detach().numpy(), weights)
    assert [row.scale for row in report.rows[:3:2]] == [0.02, 0.02]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"std": 0.02, "gain": 1}, "std must be left out with a gain, got 0.02"),
        ({"scheme": "he_normal", "std": 0.02}, "std must be left out for he_normal, got"),
        ({"scheme": "uniform", "std": 0.02}, "std must be left out for uniform, got"),
        ({"std": math.inf}, "std must be finite, got inf"),
        ({"std": -1.0}, "gain must be at least 0 for normal, got -1.0"),
        ({"scheme": "he_normal", "low": -3}, "low must be left out for he_normal, got -3"),
        ({"low": -3}, "low must be left out for letkeman, got -3"),
    ],
)
def test_a_bad_standard_deviation_or_end_is_named(said, message):
    with pytest.raises(ValueError, match=message):
        init.init_weights(nn.Linear(3, 2), seed=1, plan={"weight": said})


# ---- tied embeddings -----------------------------------------------------------------------------


def test_an_embedding_that_is_also_a_linear_layers_weight_is_sized_as_that():
    model = Stack(tokens=nn.Embedding(50, 16, padding_idx=0), head=nn.Linear(16, 50, bias=False))
    model.head.weight = model.tokens.weight
    report = init.init_weights(model, "lecun_normal", seed=1)
    weights = expected((50, 16), "tokens.weight", "lecun_normal", **OUT_IN)
    weights[0] = 0
    np.testing.assert_array_equal(model.tokens.weight.detach().numpy(), weights)
    [row, head] = report.rows
    assert (row.fan_in, row.scale) == (16, 0.25)
    assert row.note == "sized as head.weight; row 0 is 0"
    assert head.note == "tied to tokens.weight"


def test_embeddings_that_share_a_weight_are_embeddings():
    model = Stack(encoder=nn.Embedding(50, 16), decoder=nn.Embedding(50, 16))
    model.decoder.weight = model.encoder.weight
    [row, _] = init.init_weights(model, "lecun_normal", seed=1).rows
    assert (row.fan_in, row.scale, row.note) == (1, 1.0, "1 active input")


def test_a_language_model_starts_near_the_logarithm_of_its_words():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens, self.norm = nn.Embedding(1000, 64), nn.LayerNorm(64)
            self.layer = nn.Linear(64, 64)
            self.head = nn.Linear(64, 1000, bias=False)
            self.head.weight = self.tokens.weight

        def forward(self, words):
            signal = self.tokens(words)
            return self.head(self.norm(signal + self.layer(signal)))

    model = Model()
    init.init_weights(model, seed=1)
    words = torch.arange(1000)
    loss = nn.functional.cross_entropy(model(words), words.roll(1)).item()
    assert math.log(1000) < loss < math.log(1000) + 1.5


# ---- what a plan may say of biases, and what it leaves out ---------------------------------------


def test_a_pattern_that_says_bias_may_make_biases_random():
    model = Stack(
        norm=nn.LayerNorm(8), a=nn.Linear(64, 8), conv=nn.Conv2d(8, 6, 3, groups=2), b=nn.GRU(5, 4)
    )
    report = init.init_weights(model, "torch_default", seed=1, plan={"*bias*": "torch_default"})
    found = {row.name: row for row in report.rows}
    assert found["a.bias"].scale == 1 / math.sqrt(64)
    assert found["conv.bias"].scale == 1 / math.sqrt(4 * 9)
    assert found["b.bias_ih_l0"].scale == pytest.approx(1 / math.sqrt(5))
    assert found["a.bias"].note == "bias, fan_in 64"
    assert not model.norm.bias.any()
    bound = 1 / math.sqrt(64)
    drawn = irwinhall.Stream(1, "a.bias").uniform(8, bound)
    assert model.a.bias.detach().numpy().tobytes() == drawn.tobytes()


def test_a_scheme_of_a_kind_of_layer_is_still_for_its_weights_alone():
    model = Stack(a=nn.Linear(64, 8))
    init.init_weights(model, seed=1, plan={nn.Linear: {"scheme": "normal", "gain": 0.02}})
    assert not model.a.bias.any()


def test_the_parameters_of_mamba_start_as_they_should():
    class Mixer(nn.Module):
        def __init__(self):
            super().__init__()
            self.A_log, self.D = nn.Parameter(torch.zeros(24)), nn.Parameter(torch.zeros(24))
            self.dt_proj = nn.Linear(4, 24)

    model = Stack(mixer=Mixer())
    init.init_weights(
        model,
        seed=1,
        plan={
            "*.A_log": "mamba_a_log",
            "*.D": "ones",
            "*.dt_proj.bias": "mamba_dt_bias",
            "*.dt_proj.weight": "xavier_standard",
        },
    )
    mixer = model.mixer
    decay = irwinhall.Stream(1, "mixer.A_log").log_of_uniform(24, low=1, high=16)
    assert mixer.A_log.detach().numpy().tobytes() == decay.tobytes()
    steps = nn.functional.softplus(mixer.dt_proj.bias.detach())
    assert bool(((steps > 0.000999) & (steps < 0.1001)).all())
    assert mixer.dt_proj.weight.abs().max().item() <= 0.5
    assert (mixer.D == 1).all()


def test_what_is_excluded_is_left_alone_whatever_the_plan_says():
    model = Block()
    before = state(model)
    report = init.init_weights(model, seed=1, exclude=("qkv.*", "down.bias"), plan={"*": "zeros"})
    left = [row.name for row in report.rows if row.note == "excluded"]
    assert sorted(left) == ["down.bias", "qkv.bias", "qkv.weight"]
    assert torch.equal(model.qkv.weight, before["qkv.weight"])
    with pytest.raises(
        ValueError, match="^exclude pattern 'kqv.weight' matches no .* 'qkv.weight'"
    ):
        init.init_weights(model, seed=1, exclude="kqv.weight")


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"inner": "zeros"}, "'inner' matches no parameter; it names a module, whose .* 'inner.*'"),
        (
            {"mask": "zeros"},
            "'mask' matches no parameter; mask is a buffer; buffers are never written",
        ),
        (
            {"norm.weight": "he_normal"},
            "norm.weight is the norm of a layer, and he_normal is for w",
        ),
        ({"scale.*": "he_normal"}, "scale.weight may be a scale or a bias, .* name it in full; sc"),
        ({"count": "zeros"}, "count is left alone: torch.int64 is not a type that can be filled"),
    ],
)
def test_a_plan_that_decides_nothing_says_why(plan, message):
    model = Stack(inner=nn.Linear(3, 3), norm=nn.LayerNorm(3), scale=Scale())
    model.register_buffer("mask", torch.ones(3))
    model.count = nn.Parameter(torch.tensor(1), requires_grad=False)
    with pytest.raises(ValueError, match=message):
        init.init_weights(model, seed=1, plan=plan)


def test_a_notebook_shows_the_report_as_a_table():
    model = nn.ModuleDict({"a<b>": nn.Linear(3, 2)})
    html = init.init_weights(model, seed=1)._repr_html_()
    assert html.count("<tr>") == html.count("</tr>") == 3
    assert "a&lt;b&gt;.weight" in html
    assert "<b>" not in html
    assert html.endswith("<p>8 elements in 2 parameters, 0 of them left alone; seed 1</p>")
