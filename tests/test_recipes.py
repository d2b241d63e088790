"""Recipes of whole models: what they say, and the record of what the projects' own code draws."""

import csv
import json
import pickle

import numpy as np
import pytest
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
    assert {recipes.recipe(row.recipe).name for row in rows} == set(RECIPES)
    assert {row.model for row in rows} == set(verify_recipes.MODELS)
    assert len(rows) > 300
    assert [row for row in rows if not verify_recipes.is_right(row)] == []


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
    monkeypatch.setitem(verify_recipes.MODELS, "torch.nn", ("torch", "gpt2", make))
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
    for name in RECIPES:
        assert init.init_weights(model, recipe=name, seed=1).left_alone == ()


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
