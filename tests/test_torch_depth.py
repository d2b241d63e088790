"""Residual branches by a rule of the depth, against the factors worked out by hand."""

import pytest
from frameworks import framework

torch = framework("torch")

from torch import nn  # noqa: E402

import irwinhall  # noqa: E402
import irwinhall.torch as init  # noqa: E402


class Block(nn.Module):
    def __init__(self, experts=0):
        super().__init__()
        self.attn = nn.ModuleDict({"o": nn.Linear(8, 8)})
        self.mlp = nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 8))
        if experts:
            self.experts = nn.ModuleList(nn.ModuleDict({"w": nn.Linear(8, 8)}) for _ in range(2))


def model(layers=3, experts=()):
    blocks = nn.ModuleList(Block(number in experts) for number in range(layers))
    return nn.ModuleDict({"wte": nn.Embedding(10, 8), "h": blocks, "head": nn.Linear(8, 10)})


def factors(module, residual, **how):
    """Return the gain of every weight that has not the gain 1, and its note."""
    report = init.init_weights(module, "lecun_normal", seed=1, residual=residual, **how)
    rows = [row for row in report.rows if row.scheme == "lecun_normal"]
    return {row.name: (row.gain, row.note) for row in rows if "residual" in row.note}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("gpt2", [6**-0.5] * 3),
        ("layer", [2**-0.5, 4**-0.5, 6**-0.5]),
        ("deepnorm", [24**-0.25] * 3),
        ("fixup", [3**-0.5] * 3),
        ("mamba", [3**-0.5] * 3),
        ("tfixup_encoder", [0.67 * 3**-0.25] * 3),
        ("tfixup_decoder", [27**-0.25] * 3),
        ("zero", [0.0] * 3),
        (0.3, [0.3] * 3),
        (lambda layer, layers: (layer + 1) / layers, [1 / 3, 2 / 3, 1.0]),
    ],
)
def test_a_rule_gives_each_layer_its_factor(rule, expected):
    found = factors(model(), {"*.attn.o.weight": rule})
    assert list(found) == [f"h.{layer}.attn.o.weight" for layer in range(3)]
    assert [gain for gain, _ in found.values()] == pytest.approx(expected, rel=1e-15)


def test_the_report_says_which_rule_and_which_layer_it_was():
    found = factors(model(), {"*.attn.o.weight": "layer", "*.mlp.2.weight": 0.5})
    assert [note for _, note in found.values()][:2] == [
        "residual 'layer', layer 0 of 3, times 0.7071",
        "residual, times 0.5",
    ]


def test_the_bits_are_those_of_the_gain():
    module = model()
    init.init_weights(module, "lecun_normal", seed=1, residual={"*.mlp.2.weight": "layer"})
    weights = irwinhall.sample_weights(
        (8, 16), "lecun_normal", layout="torch.linear", rng=1, name="h.1.mlp.2.weight", gain=0.5
    )
    assert module["h"][1].mlp[2].weight.detach().numpy().tobytes() == weights.tobytes()


def test_the_first_pattern_that_fits_decides():
    found = factors(model(), {"h.0.*.o.weight": 0.25, "*.o.weight": "layer"})
    gains = [gain for gain, _ in found.values()]
    assert gains == pytest.approx([0.25, 0.5, 6**-0.5])


def test_fixup_counts_the_branches_of_all_stages_and_the_layers_of_each():
    class Bottleneck(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.ModuleList(nn.Linear(8, 8) for _ in range(3))

    stages = nn.ModuleDict(
        {f"layer{n}": nn.Sequential(*(Bottleneck() for _ in range(n))) for n in (2, 3)}
    )
    residual = {"*.conv.[01].weight": "fixup", "*.conv.2.weight": "zero"}
    found = factors(stages, residual)
    inner = [gain for name, (gain, _) in found.items() if ".conv.2." not in name]
    # 5 branches of m = 3 layers: 5^(-1/(2m - 2)).
    assert inner == pytest.approx([5**-0.25] * 10)
    assert {gain for name, (gain, _) in found.items() if ".conv.2." in name} == {0.0}


def test_layers_are_told_from_experts_and_from_what_stands_around_them():
    # One layer has experts: their numbers are not the layer's.
    found = factors(model(3, experts=(1,)), {"*.experts.*.w.weight": "layer"})
    assert {gain for gain, _ in found.values()} == {0.5}
    # A Sequential around the stack: the stack is where two layers have parameters of one name.
    around = nn.Sequential(nn.Embedding(10, 8), model(), nn.Linear(8, 10))
    found = factors(around, {"*.attn.o.weight": "layer"})
    assert [gain for gain, _ in found.values()] == pytest.approx([2**-0.5, 0.5, 6**-0.5])


def test_stacks_of_encoder_and_decoder_are_counted_by_themselves():
    both = nn.ModuleDict({"encoder": model(2), "decoder": model(4)})
    found = factors(both, {"*.attn.o.weight": "gpt2"})
    assert {gain for name, (gain, _) in found.items() if "encoder" in name} == {4**-0.5}
    assert {gain for name, (gain, _) in found.items() if "decoder" in name} == {8**-0.5}


def test_deepnorm_is_xavier_with_its_gain():
    module = model(4)
    report = init.init_weights(
        module, "xavier_normal", seed=1, residual={"*.mlp.*.weight": "deepnorm"}
    )
    scales = {row.name: row.scale for row in report.rows}
    beta = (8 * 4) ** -0.25
    assert scales["h.2.mlp.0.weight"] == pytest.approx(beta * (2 / 24) ** 0.5, rel=1e-15)
    assert scales["h.2.attn.o.weight"] == pytest.approx((2 / 16) ** 0.5, rel=1e-15)


@pytest.mark.parametrize(
    ("residual", "error", "message"),
    [
        (
            {"*.o.weight": "gpt3"},
            ValueError,
            r"residual\['\*.o.weight'\] must be a rule, .* 'gpt2'",
        ),
        ({"*.o.weight": -1}, ValueError, "must be at least 0, got -1"),
        ({"*.o.weight": None}, TypeError, "must be the name of a rule, a number or a callable"),
        ({"*.o.weight": lambda layer, layers: "a"}, TypeError, "must be a real number, got 'a'"),
        ({"*.o.weight": lambda layer, layers: -1.0}, ValueError, "must be at least 0, got -1.0"),
        ({"head.weight": "layer"}, ValueError, "number of a layer in their names, got head.weight"),
        ({"*.p.weight": "layer"}, ValueError, "which names none"),
        ({3: "layer"}, TypeError, "residual must have strings, .* as patterns, got 3"),
    ],
)
def test_bad_rules_are_named_and_change_nothing(residual, error, message):
    module = model()
    before = module["head"].weight.clone()
    with pytest.raises(error, match=message):
        init.init_weights(module, seed=1, residual=residual)
    assert torch.equal(before, module["head"].weight)


def test_a_factor_beside_rules_is_refused():
    with pytest.raises(ValueError, match="^residual_factor must be left out if residual has ru"):
        init.init_weights(model(), seed=1, residual={"*.o.weight": 1.0}, residual_factor=0.5)


def test_a_law_between_two_ends_ends_no_branch():
    plan = {"head.weight": "log_uniform"}
    with pytest.raises(ValueError, match="^head.weight: gain must be left out for log_uniform"):
        init.init_weights(model(), seed=1, plan=plan, residual={"head.weight": 0.5})
