"""Recipes of whole models: what they say, and the record of what the projects' own code draws."""

import csv
import fnmatch
import json
import math
import pickle

import numpy as np
import pytest
import scipy.stats
import verify_recipes
from frameworks import framework

import irwinhall
from irwinhall import recipes
from irwinhall.cli import main
from irwinhall.recipes import RECIPES, Kind, Recipe
from irwinhall.schemes import get_scheme

torch = framework("torch")

from torch import nn  # noqa: E402

import irwinhall.torch as init  # noqa: E402


def record():
    with verify_recipes.RECORD.open(encoding="ascii", newline="") as file:
        fields = csv.DictReader(file)
        return [
            verify_recipes.Comparison(*list(row.values())[:3], *map(float, list(row.values())[3:]))
            for row in fields
        ]


def test_the_record_has_every_recipe_and_finds_the_projects_own_distributions():
    rows = record()
    assert {recipes.recipe(row.recipe).name for row in rows} == set(RECIPES) - {"modded-nanogpt"}
    assert {row.model for row in rows} == set(verify_recipes.MODELS)
    assert len(rows) > 600
    assert [row for row in rows if not verify_recipes.is_right(row)] == []


# ---- models by the names of their projects, with the constants that these publish ---------------


def layer(kind, **shapes):
    """Return a layer of a class of that name, with parameters of 7."""
    made = type(kind, (nn.Module,), {})()
    for name, shape in shapes.items():
        setattr(made, name, nn.Parameter(torch.full(shape, 7.0)))
    return made


def assembled(layers):
    """Return a model of layers by their names; a shape is a parameter of the model itself."""
    root = nn.Module()
    for path, made in layers.items():
        *holders, last = path.split(".")
        place = root
        for name in holders:
            if not hasattr(place, name):
                place.add_module(name, nn.Module())
            place = getattr(place, name)
        if isinstance(made, tuple):
            made = nn.Parameter(torch.full(made, 7.0))
        setattr(place, last, made)
    return root


def stacked(prefix, make, count=2):
    """Return the layers that a function makes, under the names of some layers."""
    return {f"{prefix}.{n}.{name}": made for n in range(count) for name, made in make().items()}


def linear(inputs, outputs):
    return nn.Linear(inputs, outputs, bias=False)


def uniform(end):
    return end / 3**0.5, end


def normal(std):
    return std, None


def constant(value):
    return value, value


def root_mean_square(values):
    return float(np.sqrt(np.mean(np.square(values))))


LEFT = constant(7.0)
ZEROS, ONES = constant(0.0), constant(1.0)
CUT_AT_3 = float(scipy.stats.truncnorm.std(-3, 3))
DECAYS = np.log(np.linspace(1, 16, 100_001))
STEPS = np.log(np.expm1(np.geomspace(0.001, 0.1, 100_001)))


def torchtitan():
    return {
        "tok_embeddings": nn.Embedding(500, 64),
        **stacked(
            "layers",
            lambda: {
                "attention.qkv_linear.wqkv": linear(64, 192),
                "attention.wo": linear(64, 64),
                "feed_forward.w1": linear(64, 96),
                "feed_forward.w2": linear(96, 64),
                "feed_forward.w3": linear(64, 96),
                "ffn_norm": layer("RMSNorm", weight=(64,)),
            },
        ),
        "lm_head": linear(64, 500),
    }


def olmo2():
    return {
        "embeddings": nn.Embedding(500, 64),
        **stacked(
            "blocks",
            lambda: {
                "attention.w_q": linear(64, 64),
                "attention.q_norm": layer("RMSNorm", weight=(64,)),
                "attention.w_out": linear(64, 64),
                "feed_forward.w2": linear(96, 64),
            },
        ),
        "lm_head.w_out": linear(64, 500),
    }


def megatron():
    column = {"weight": (192, 64), "bias": (192,)}
    norms = {"layer_norm_weight": (64,), "layer_norm_bias": (64,)}
    return {
        "embedding.word_embeddings": layer("VocabParallelEmbedding", weight=(500, 64)),
        "embedding.position_embeddings": nn.Embedding(64, 64),
        **stacked(
            "decoder.layers",
            lambda: {
                "self_attention.linear_qkv": layer(
                    "TELayerNormColumnParallelLinear", **column, **norms
                ),
                "self_attention.linear_proj": layer(
                    "RowParallelLinear", weight=(64, 64), bias=(64,)
                ),
                "pre_mlp_layernorm": layer("LayerNorm", weight=(64,), bias=(64,)),
                "mlp.router": layer("TopKRouter", weight=(8, 64)),
                "mlp.experts.linear_fc1": layer("TEColumnParallelGroupedLinear", weight0=(96, 64)),
                "mlp.experts.linear_fc2": layer("TERowParallelGroupedLinear", weight0=(64, 96)),
            },
        ),
        "output_layer": layer("ColumnParallelLinear", weight=(500, 64)),
    }


def deepseek():
    experts = {"gate_up_proj": (4, 64, 64), "down_proj": (4, 64, 32)}
    return {
        "model.embed_tokens": nn.Embedding(500, 64),
        "model.layers.0.self_attn.q_a_layernorm": layer("DeepseekV3RMSNorm", weight=(64,)),
        "model.layers.0.self_attn.o_proj": linear(64, 64),
        "model.layers.0.mlp.gate": layer("DeepseekV3TopkRouter", weight=(8, 64)),
        "model.layers.0.mlp.experts": layer("DeepseekV3Experts", **experts),
        "lm_head": linear(64, 500),
    }


def nanochat():
    return {
        "transformer.wte": nn.Embedding(500, 64),
        **stacked(
            "transformer.h",
            lambda: {
                "attn.c_q": linear(64, 64),
                "attn.c_proj": linear(64, 64),
                "attn.ve_gate": linear(12, 4),
                "mlp.c_fc": linear(64, 256),
                "mlp.c_proj": linear(256, 64),
            },
        ),
        "lm_head": linear(64, 500),
        "smear_gate": linear(24, 1),
        "value_embeds.1": nn.Embedding(500, 64),
        "resid_lambdas": (2,),
        "x0_lambdas": (2,),
        "smear_lambda": (1,),
        "backout_lambda": (1,),
    }


def modded_nanogpt():
    return {
        "lm_head": layer("CastedLinearT", weight=(64, 512)),
        "embed": nn.Embedding(512, 64),
        "bigram_embed": nn.Embedding(300, 16),
        "smear_gate": linear(12, 1),
        "value_embeds": (5 * 512, 64),
        "ve_gate_bank": (5, 4, 12),
        "qk_bank": (8, 32, 64),
        "vo_bank": (4, 64, 64),
        "mlp_bank": (12, 2, 256, 64),
        "post_lambdas": (3, 2),
        "resid_lambdas": (3, 2),
        "scalars": (8,),
        "mudd_w1": (2, 64, 64),
        "mudd_w2": (2, 14, 64),
        "mudd_b2": (2, 14),
        "mudd_gate_w1": (2, 64, 64),
        "mudd_gate_w2": (2, 41, 64),
        "mudd_gate_b2": (2, 41),
        "_mudd_gate_scale": (),
    }


def mamba2():
    heads = {"A_log": (5000,), "D": (5000,), "dt_bias": (5000,)}
    return {
        "backbone.embedding": nn.Embedding(500, 64),
        **stacked(
            "backbone.layers",
            lambda: {
                "norm": layer("RMSNorm", weight=(64,)),
                "mixer": layer("Mamba2", **heads),
                "mixer.in_proj": linear(64, 256),
                "mixer.conv1d": nn.Conv1d(192, 192, 4, groups=192),
                "mixer.out_proj": linear(128, 64),
                "mlp.fc1": linear(64, 128),
                "mlp.fc2": linear(128, 64),
            },
            3,
        ),
    }


# The root of the mean square of each parameter, and the largest magnitude that it can have, by the
# first pattern that fits its name; None is that of a normal distribution.
PUBLISHED = {
    torchtitan: {
        "*_norm.*": ONES,
        "tok_embeddings.*": normal(1.0),
        "lm_head.*": (CUT_AT_3 * 64**-0.5, 3 * 64**-0.5),
        "layers.?.attention.qkv_linear.*": normal(0.02),
        "layers.?.feed_forward.w1.*": normal(0.02),
        "layers.0.*": normal(0.02 * 2**-0.5),
        "layers.1.*": normal(0.01),
    },
    olmo2: {"*_norm.*": ONES, "*": (CUT_AT_3 * 0.02, 0.06)},
    megatron: {
        "*norm*weight": ONES,
        "*bias": ZEROS,
        "*.linear_proj.*": normal(0.01),
        "*.linear_fc2.*": normal(0.01),
        "*": normal(0.02),
    },
    deepseek: {"*norm.weight": ONES, "*": normal(0.006)},
    nanochat: {
        "*wte.*": normal(0.8),
        "lm_head.*": normal(0.001),
        "*.c_q.*": uniform(3**0.5 / 8),
        "value_embeds.*": uniform(3**0.5 / 8),
        "*.c_fc.*": uniform(0.4 * 3**0.5 / 8),
        "*.c_proj.*": ZEROS,
        "*_gate.*": uniform(0.02),
        "smear_lambda": ZEROS,
        "backout_lambda": constant(0.2),
        "*_lambdas": LEFT,
    },
    modded_nanogpt: {
        "bigram_embed.*": ZEROS,
        "lm_head.*": normal(0.005),
        "embed.*": normal(0.005),
        "value_embeds": normal(0.01),
        "mlp_bank": LEFT,
        "ve_gate_bank": ZEROS,
        "*_bank": uniform(0.5 * 3**0.5 / 8),
        "*w1": uniform(1 / 8),
        "*w2": ZEROS,
        "smear_gate.*": ZEROS,
        "post_lambdas": ONES,
        "resid_lambdas": constant(1.1**0.5),
        "_mudd_gate_scale": constant(0.1),
        "*": LEFT,
    },
    mamba2: {
        "*embedding.*": normal(0.02),
        "*norm.*": ONES,
        "*.A_log": (root_mean_square(DECAYS), math.log(16)),
        "*.dt_bias": (root_mean_square(STEPS), -STEPS[0]),
        "*.D": ONES,
        "*.in_proj.*": uniform(1 / 8),
        "*.fc1.*": uniform(1 / 8),
        "*.conv1d.*": uniform(1 / 2),
        "*": uniform((3 * 128) ** -0.5),
    },
}


@pytest.mark.parametrize("make", PUBLISHED, ids=lambda make: make.__name__)
def test_parameters_have_the_published_sizes(make):
    model = assembled(make())
    init.init_weights(model, recipe=make.__name__, seed=1)
    fitting = set()
    for name, parameter in model.named_parameters():
        pattern = next(each for each in PUBLISHED[make] if fnmatch.fnmatchcase(name, each))
        fitting.add(pattern)
        size, end = PUBLISHED[make][pattern]
        values = parameter.detach().numpy()
        found, largest = root_mean_square(values), abs(values).max()
        if size == end:
            assert (values == np.float32(size)).all(), name
            continue
        assert found == pytest.approx(size, rel=5 / math.sqrt(2 * values.size)), name
        low, high = (2.5 * size, 6 * size) if end is None else (0.8 * end, end * (1 + 1e-6))
        assert low < largest <= high, name
    assert fitting == set(PUBLISHED[make])


def test_tied_embeddings_of_torchtitan_start_as_its_last_layer():
    model = assembled(torchtitan())
    model.tok_embeddings.weight = model.lm_head.weight
    init.init_weights(model, recipe="torchtitan", seed=1)
    assert model.lm_head.weight.abs().max() <= 3 / 8


def test_the_layers_of_torch_start_as_torch_starts_them():
    rows = list(verify_recipes.compare("torch.nn"))
    assert len(rows) > 50
    assert [row for row in rows if not verify_recipes.is_right(row)] == []


def test_a_bias_of_an_attentions_keys_and_values_is_left_alone():
    model = nn.MultiheadAttention(48, 4, add_bias_kv=True)
    kept = [model.bias_k.clone(), model.bias_v.clone()]
    init.init_weights(model, recipe="torch", seed=1)
    assert torch.equal(model.bias_k, kept[0])
    assert torch.equal(model.bias_v, kept[1])
    assert model.bias_k.std() > 0
    assert not model.in_proj_bias.any()


def test_the_comparison_finds_another_distribution(monkeypatch):
    _, _, make = verify_recipes.MODELS["torch.nn"]
    monkeypatch.setitem(verify_recipes.MODELS, "torch.nn", ("torch", "llama", make))
    wrong = [r for r in verify_recipes.compare("torch.nn") if not verify_recipes.is_right(r)]
    assert {"linear.weight", "linear.bias", "embedding.weight"} <= {row.parameter for row in wrong}


class Conv1D(nn.Module):
    """A linear layer as transformers has it: (in, out), of no kind that is known."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(inputs, outputs))
        self.bias = nn.Parameter(torch.ones(outputs))


class MyRMSNorm(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.full((8,), 3.0))


def gpt():
    blocks = [nn.ModuleDict({"c_attn": Conv1D(8, 24), "c_proj": Conv1D(8, 8)}) for _ in range(3)]
    return nn.ModuleDict({"wte": nn.Embedding(40, 8), "h": nn.ModuleList(blocks)})


def test_gpt2_scales_its_branches_and_reaches_layers_by_the_name_of_their_kind():
    model = gpt()
    report = init.init_weights(model, recipe="GPT-2", seed=1)
    scales = {row.name: row.scale for row in report.rows}
    assert scales["wte.weight"] == scales["h.1.c_attn.weight"] == 0.02
    assert scales["h.1.c_proj.weight"] == pytest.approx(0.02 / 6**0.5)
    assert not model["h"][1]["c_attn"].bias.any()
    expected = irwinhall.Stream(1, "h.1.c_attn.weight").normal((8, 24), 0.02)
    assert model["h"][1]["c_attn"].weight.detach().numpy().tobytes() == expected.tobytes()


def test_a_recipe_for_other_layers_is_no_error():
    model = nn.Linear(8, 4)
    for name, row in RECIPES.items():
        report = init.init_weights(model, recipe=name, seed=1, residual={} if row.residual else ())
        assert report.left_alone == ()


def test_a_recipe_warns_if_it_knows_no_branch_of_the_model():
    model = nn.ModuleDict({"h": nn.ModuleList([nn.ModuleDict({"proj": nn.Linear(8, 8)})])})
    with pytest.warns(
        UserWarning, match="^recipe .gpt2. .* matches .*c_proj.weight.; pass"
    ) as seen:
        init.init_weights(model, recipe="gpt2", seed=1)
    assert seen[0].filename == __file__
    report = init.init_weights(model, recipe="gpt2", seed=1, residual={"*.proj.weight": "gpt2"})
    assert report.rows[0].scale == pytest.approx(0.02 / 2**0.5)


def test_a_plan_comes_before_the_recipe_and_residual_in_its_place():
    model = gpt()
    report = init.init_weights(
        model,
        recipe="gpt2",
        seed=1,
        plan={"wte.weight": {"std": 0.5}},
        residual={"*.c_proj.weight": "zero"},
    )
    scales = {row.name: row.scale for row in report.rows}
    assert scales["wte.weight"] == 0.5
    assert scales["h.0.c_proj.weight"] == 0.0
    with pytest.raises(ValueError, match="^plan pattern 'wpe.weight' matches no parameter"):
        init.init_weights(model, recipe="gpt2", seed=1, plan={"wpe.weight": "zeros"})


def test_a_recipe_is_not_for_what_is_frozen():
    model = nn.ModuleDict({"norm": MyRMSNorm(), "other": MyRMSNorm()})
    model["norm"].weight.requires_grad = False
    init.init_weights(model, recipe="llama", seed=1)
    assert (model["norm"].weight == 3).all()
    assert (model["other"].weight == 1).all()


def test_kinds_are_patterns_of_plans():
    model = nn.ModuleDict({"norm": MyRMSNorm(), "a": nn.Linear(8, 8), "b": nn.Bilinear(3, 4, 5)})
    plan = {
        Kind("*RMSNorm", "weight"): "zeros",
        Kind("Linear", "bias"): "ones",
        Kind("B*"): "leave",
    }
    before = model["b"].weight.clone()
    init.init_weights(model, seed=1, plan=plan)
    assert not model["norm"].weight.any()
    assert (model["a"].bias == 1).all()
    assert torch.equal(model["b"].weight, before)
    with pytest.raises(ValueError, match="^plan pattern weight of Conv1D matches no parameter"):
        init.init_weights(model, seed=1, plan={Kind("Conv1D", "weight"): "zeros"})


def test_a_recipe_of_ones_own():
    mine = Recipe("mine", "mine", "me", "normal", 0.1, {"*.bias": "ones"})
    model = nn.Sequential(nn.Linear(8, 4))
    init.init_weights(model, recipe=mine, seed=1)
    assert (model[0].bias == 1).all()
    assert model[0].weight.std().item() == pytest.approx(0.1, rel=0.4)


def test_param_init_fn_takes_a_recipe():
    model, again = gpt(), gpt()
    init.init_weights(model, recipe="gpt2", seed=1)
    start = init.param_init_fn(again, recipe="gpt2", seed=1)
    for module in again.modules():
        start(module)
    for one, other in zip(model.parameters(), again.parameters(), strict=True):
        np.testing.assert_array_equal(one.detach().numpy(), other.detach().numpy())


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"recipe": "gtp2"}, ValueError, "unknown recipe 'gtp2'; did you mean 'gpt2'"),
        ({"recipe": 3}, TypeError, "recipe must be a name or a Recipe, got one of type int"),
        ({"recipe": "gpt2", "gain": 1.0}, ValueError, "scheme and gain must be left out with a re"),
        ({"recipe": "gpt2", "scheme": "normal"}, ValueError, "got 'normal' .str. and None"),
    ],
)
def test_bad_recipes_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        init.init_weights(nn.Linear(2, 2), seed=1, **arguments)


# ---- the table -----------------------------------------------------------------------------------


@pytest.mark.parametrize("row", RECIPES.values(), ids=RECIPES)
def test_every_row_says_what_it_is_for_and_where_it_was_read(row):
    assert row.about
    assert any(char.isdigit() for char in row.source)
    assert get_scheme(row.scheme)
    assert str(row).startswith(f"{row.name}: ")
    assert repr(row) == f"RECIPES[{row.name!r}]"


def test_no_name_means_two_recipes():
    names = [name for row in RECIPES.values() for name in (row.name, *row.aliases)]
    assert len(names) == len(set(names))
    for row in RECIPES.values():
        assert all(recipes.recipe(alias) is row for alias in row.aliases)


def test_kinds_can_be_pickled():
    assert pickle.loads(pickle.dumps(Kind("Linear", "bias"))) == Kind("Linear", "bias")


def test_the_command_lists_and_prints_recipes(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    assert main(["recipes"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in listed if line[0] != " "] == list(RECIPES)
    assert main(["recipes", "gpt2"]) == 0
    assert capsys.readouterr().out == f"{RECIPES['gpt2']}\n"
    assert main(["recipes", "--json"]) == 0
    assert list(json.loads(capsys.readouterr().out)) == list(RECIPES)
    assert main(["recipes", "gpt2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "gpt2"
    assert main(["recipes", "gtp2"]) == 2
    assert "did you mean 'gpt2'?" in capsys.readouterr().err
