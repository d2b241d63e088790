"""What a report says of values that a model had set on purpose before they were replaced."""

import ast
import math

import numpy as np
import pytest
from frameworks import framework

torch = framework("torch")

from torch import nn  # noqa: E402

import irwinhall.torch as init  # noqa: E402
from irwinhall._core import FLOAT32, sample_memory  # noqa: E402


def notes_of(model, scheme="letkeman", **how):
    return {row.name: row.note for row in init.init_weights(model, scheme, seed=1, **how).rows}


def said_of(model, scheme="letkeman", **how):
    """Return what a report says that there was, by the names of parameters."""
    notes = notes_of(model, scheme, **how)
    return {
        name: note.split("; ")[-1].split(",")[0] for name, note in notes.items() if "was" in note
    }


def test_a_constant_that_replaces_what_was_special_is_reported_with_the_line_that_keeps_it():
    model = nn.ModuleDict(
        {
            "dt_proj": nn.Linear(4, 3),
            "gate": nn.Linear(64, 4),
            "one": nn.Conv1d(64, 64, 3),
            "attn": nn.MultiheadAttention(4, 2),
            "last": nn.BatchNorm1d(5),
            "slope": nn.PReLU(3),
            "lstm": nn.LSTM(4, 4),
            "usual": nn.Linear(4, 4),
        }
    )
    model.dt_proj.bias.data.copy_(torch.tensor([-6.9, -4.0, -2.5]))
    model.gate.bias.data.copy_(torch.arange(3.0, 7.0))
    model.one.bias.data.fill_(0.01)
    model.attn.in_proj_bias.data[0] = 0.25
    model.last.weight.data.zero_()
    model.slope.weight.data[1] = 0.5
    model.lstm.bias_ih_l0.data[4:8] = 1.0
    notes = notes_of(model, forget_bias=1.0)
    kept = {name: note for name, note in notes.items() if "was" in note}
    assert kept == {
        "dt_proj.bias": "bias; was -6.9 to -2.5, kept by plan={'dt_proj.bias': 'leave'}",
        "gate.bias": "bias; was 3 to 6, kept by plan={'gate.bias': 'leave'}",
        "one.bias": "bias; was 0.01, kept by plan={'one.bias': 'leave'}",
        "attn.in_proj_bias": ("bias; was 0 to 0.25, kept by plan={'attn.in_proj_bias': 'leave'}"),
        "last.weight": "norm; was 0, kept by plan={'last.weight': 'leave'}",
        "slope.weight": "slope; was 0.25 to 0.5, kept by plan={'slope.weight': 'leave'}",
        "lstm.bias_ih_l0": notes["lstm.bias_ih_l0"],
    }
    assert notes["lstm.bias_ih_l0"].endswith("kept by plan={'lstm.bias_ih_l0': 'leave'}")
    assert not any(
        "was" in note for note in notes_of(model, forget_bias=1.0).values() if "forg" not in note
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_what_torch_starts_with_is_not_special(dtype):
    model = nn.ModuleDict(
        {
            "conv": nn.Conv1d(5, 6, 3),
            "transposed": nn.ConvTranspose2d(5, 6, 3),
            "linear": nn.Linear(3, 300),
            "bilinear": nn.Bilinear(3, 4, 200),
            "encoder": nn.TransformerEncoderLayer(8, 2, 16),
            "attn": nn.MultiheadAttention(8, 2, add_bias_kv=True),
            "gru": nn.GRU(3, 30),
            "lstm": nn.LSTM(3, 30, proj_size=4),
            "cell": nn.RNNCell(3, 30),
            "norm": nn.GroupNorm(2, 4),
            "prelu": nn.PReLU(init=0.3),
        }
    ).to(dtype)
    assert not any("was" in note for note in notes_of(model).values())


def test_what_a_plan_changes_and_what_is_only_memory_is_not_special():
    model = nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4))
    model[0].bias.data.fill_(3.0)
    assert "was" not in notes_of(model, plan={"0.bias": "ones"})["0.bias"]
    for garbage in (0.0, 1e30, math.nan, 1e-40):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.fill_(garbage)
        assert not any("was" in note for note in notes_of(model).values())


def test_what_was_special_on_no_plain_memory_is_reported_too():
    model = nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4))
    model[1].weight = nn.Parameter(torch.full((8,), 2.0)[::2])
    assert notes_of(model)["1.weight"] == "norm; was 2, kept by plan={'1.weight': 'leave'}"


# ---- weights -------------------------------------------------------------------------------------


def special_weights(dtype=torch.float32):
    """Return a model of layers as torch makes them, but for five weights."""
    torch.manual_seed(1)
    layers = {str(number): nn.Linear(64, 64) for number in range(8)}
    layers |= {
        "head": nn.Linear(64, 100),
        "tokens": nn.Embedding(100, 16),
        "conv": nn.Conv2d(8, 9, 3),
    }
    layers |= {"lstm": nn.LSTM(16, 16), "single": nn.Linear(64, 1)}
    model = nn.ModuleDict(layers).to(dtype)
    with torch.no_grad():
        model["1"].weight.zero_()
        model["2"].weight.fill_(0.5)
        nn.init.eye_(model["3"].weight)
        model.head.weight.mul_(1e-4)
        model.tokens.weight.mul_(0.02)
        model.conv.weight[:, :, ::2].zero_()
        model.lstm.weight_hh_l0.zero_()
    return model


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_weights_of_one_value_and_of_another_scale_than_the_rest_are_reported(dtype):
    said = said_of(special_weights(dtype))
    assert said.pop("head.weight").startswith("std was 7")
    assert said.pop("tokens.weight").startswith("std was 0.0")
    assert said == {
        "1.weight": "was 0",
        "2.weight": "was 0.5",
        "3.weight": "was mostly 0",
        "lstm.weight_hh_l0": "was 0",
    }


def test_the_line_in_the_note_keeps_a_weight():
    model = special_weights()
    before = {name: tensor.clone() for name, tensor in model.named_parameters()}
    plan = {}
    for note in notes_of(special_weights()).values():
        if "was" in note:
            plan |= ast.literal_eval(note.split("kept by plan=")[1])
    assert said_of(model, plan=plan) == {}
    assert len(plan) == 6
    for name in plan:
        assert torch.equal(model.get_parameter(name), before[name])


@pytest.mark.parametrize("kind", ["transposed", "large"])
def test_weights_that_no_kernel_reads_or_that_are_large_are_sampled(kind):
    torch.manual_seed(1)
    model = nn.Sequential(*(nn.Linear(300, 400) for _ in range(5)))
    with torch.no_grad():
        model[0].weight.zero_()
        model[1].weight.copy_(torch.eye(400, 300))
        model[2].weight.mul_(30)
        if kind == "transposed":
            for layer in model[:3]:
                layer.weight = nn.Parameter(layer.weight.t().contiguous().t())
    said = said_of(model)
    assert float(said.pop("2.weight").removeprefix("std was ")) == pytest.approx(1, rel=0.3)
    assert said == {"0.weight": "was 0", "1.weight": "was mostly 0"}


@pytest.mark.parametrize(
    ("scheme", "gain"),
    [("letkeman", None), ("orthogonal", None), ("zeros", None), ("normal", 0.02)],
)
def test_weights_that_torch_has_drawn_are_not_special_whatever_replaces_them(scheme, gain):
    torch.manual_seed(1)
    model = nn.ModuleDict(
        {
            "tokens": nn.Embedding(50, 32, padding_idx=0),
            "two": nn.Embedding(2, 32, padding_idx=0),
            "transformer": nn.Transformer(32, 4, 2, 2, 64, batch_first=True),
            "attention": nn.MultiheadAttention(64, 4, kdim=8, vdim=300),
            "bilinear": nn.Bilinear(3, 40, 9),
            "lstm": nn.LSTM(3, 30, proj_size=20),
            "convolution": nn.Conv2d(64, 64, 3, groups=64),
            "transposed": nn.ConvTranspose1d(4, 64, 7, groups=2),
            "single": nn.Linear(1, 1),
        }
    )
    if scheme != "zeros":  # by which norms would be divided
        model["normed"] = nn.utils.parametrizations.weight_norm(nn.Linear(300, 2))
    assert said_of(model, scheme, gain=gain) == {}


def test_where_a_model_has_a_scale_of_its_own_only_what_changes_otherwise_is_special():
    torch.manual_seed(1)
    model = nn.ModuleDict({"tokens": nn.Embedding(500, 128), "head": nn.Linear(128, 500)})
    model.update({str(number): nn.Linear(128, 128) for number in range(4)})
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(std=0.02) if name.endswith("weight") else parameter.zero_()
    assert list(said_of(model)) == ["tokens.weight"]  # a row that is looked up is not divided
    assert said_of(model, "normal", gain=0.02) == {}


def test_what_is_asked_for_or_made_again_is_not_special():
    assert "1.weight" not in said_of(special_weights(), plan={"1.weight": "ones"})
    model = special_weights()
    for scheme in ("letkeman", "identity"):
        init.init_weights(model, scheme, seed=1, residual="1.weight", residual_factor=0)
        again = said_of(model, scheme, residual="1.weight", residual_factor=0)
        assert again == {}


def test_a_sample_of_memory_is_spread_over_it():
    values = np.arange(10_000, dtype=np.float32)
    sample = np.frombuffer(sample_memory(values.ctypes.data, values.nbytes, FLOAT32, 64), "f4")
    assert len(set(sample.tolist())) == 64
    ordered = np.sort(sample)
    assert ordered[0] == 0
    assert np.diff([*ordered, 10_000]).max() < 2.7 * 10_000 / 64
    few = sample_memory(values.ctypes.data, 4 * 64, FLOAT32, 64)
    assert few == values[:64].tobytes()


@pytest.mark.parametrize("place", [0, 1, 2**14 - 1])
def test_a_sample_is_of_one_element_only_if_memory_begins_like_that(place):
    values = np.full(2**20, 0.5, np.float32)
    sample = sample_memory(values.ctypes.data, values.nbytes, FLOAT32, 64)
    assert sample == values[:1].tobytes()
    values[place] = 0.25
    assert len(sample_memory(values.ctypes.data, values.nbytes, FLOAT32, 64)) == 256
