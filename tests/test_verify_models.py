"""What the sweep over timm and transformers recorded, and that it finds what is wrong."""

import json

import pytest
from frameworks import framework

torch = framework("torch")

import verify_models  # noqa: E402
from torch import nn  # noqa: E402

import irwinhall.torch as init  # noqa: E402

RECORD = json.loads(verify_models.RECORD.read_text(encoding="utf-8"))


def test_no_model_had_a_fault():
    assert RECORD["faults"] == []
    assert all(totals["faults"] == 0 for totals in RECORD["totals"].values())


@pytest.mark.parametrize("library", verify_models.LIBRARIES)
def test_the_totals_are_those_of_the_families(library):
    columns, totals = RECORD["columns"], RECORD["totals"][library]
    rows = [dict(zip(columns, row, strict=True)) for row in RECORD["families"]]
    own = [row for row in rows if row["family"].startswith(f"{library}/")]
    assert len(own) == totals["families"]
    for key in verify_models.COUNTS:
        assert sum(row[key] for row in own) == totals[key]
    missing = [name for name in RECORD["not_built"] if name.startswith(f"{library}/")]
    assert len(missing) == totals["not_built"]
    assert totals["built"] > 9 * totals["not_built"]


def model():
    """Return a model with all that is checked: frozen, tied and special parameters, and buffers."""
    layers = nn.ModuleDict(
        {
            "tokens": nn.Embedding(9, 8, padding_idx=0),
            "frozen": nn.Linear(8, 8).requires_grad_(False),
            "norm": nn.BatchNorm1d(8),
            "normed": nn.utils.parametrizations.weight_norm(nn.Linear(8, 8)),
            "gate": nn.Linear(8, 2),
            "head": nn.Linear(8, 9),
        }
    )
    layers.head.weight = layers.tokens.weight
    nn.init.zeros_(layers.gate.weight)
    nn.init.constant_(layers.gate.bias, 3.0)
    layers.register_buffer("sines", torch.arange(5.0).sin())
    return layers


def test_a_model_is_counted():
    counts, faults = verify_models.check(model())
    assert faults == []
    assert counts == {
        "built": 1,
        "parameters": 11,
        "left_alone": 2,
        "frozen": 2,
        "tied": 1,
        "constants_noted": 2,
        "scales_noted": 0,
    }


def changing(what):
    """Return init_weights, after which something else is written too."""
    initialize = init.init_weights

    def change(model, **how):
        report = initialize(model, **how)
        with torch.no_grad():
            what(model)
        return report

    return change


@pytest.mark.parametrize(
    ("what", "fault"),
    [
        (lambda m: m.frozen.bias.add_(1), "frozen.bias is frozen and was changed"),
        (lambda m: m.sines.add_(1), "buffer sines was changed"),
        (lambda m: m.head.bias.fill_(torch.nan), "head.bias is not finite"),
        (lambda m: m.head.bias.normal_(), "head.bias differs the second time"),
        (
            lambda m: setattr(m.gate.bias, "data", torch.zeros(2)),
            "gate.bias lies elsewhere",
        ),
    ],
)
def test_what_is_wrong_is_found(monkeypatch, what, fault):
    monkeypatch.setattr(init, "init_weights", changing(what))
    assert fault in verify_models.check(model())[1]


@pytest.mark.parametrize(
    ("replaced", "fault"),
    [
        ({"note": "bias"}, "gate.bias was special, and the report does not say so"),
        ({"name": "gaet.bias"}, "gate.bias is not reported"),
        ({"name": "gaet.bias"}, "gaet.bias is no parameter"),
    ],
)
def test_what_is_missing_in_the_report_is_found(monkeypatch, replaced, fault):
    initialize = init.init_weights

    def change(model, **how):
        report = initialize(model, **how)
        report.rows = tuple(
            row._replace(**replaced) if row.name == "gate.bias" else row for row in report.rows
        )
        return report

    monkeypatch.setattr(init, "init_weights", change)
    assert fault in verify_models.check(model())[1]
