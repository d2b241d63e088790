"""What the comparison of models with and without `replace_init` recorded, and that it compares."""

import json

import pytest
from frameworks import framework

torch = framework("torch")

import verify_replace  # noqa: E402
from torch import nn  # noqa: E402

RECORD = json.loads(verify_replace.RECORD.read_text(encoding="utf-8"))


def test_no_model_had_a_fault():
    assert [row["faults"] for row in RECORD["models"].values()] == [[]] * 20
    assert RECORD["models"].keys() == verify_replace.MODELS.keys()
    assert min(row["least_p"] for row in RECORD["models"].values()) > verify_replace.LEAST_P


@pytest.mark.parametrize("name", verify_replace.LARGE)
def test_large_models_were_timed(name):
    found = RECORD["times"][name]
    assert found["parameters"] > 95_000_000
    assert found["torch"] > found["irwinhall"]


def test_a_model_is_compared():
    counts, faults = verify_replace.check(verify_replace.GPT)
    assert faults == []
    assert (counts["parameters"], counts["drawn"]) == (22, 11)


class Odd(nn.Module):
    """A module that draws by order, by torch, and otherwise the second time."""

    times = 0

    def __init__(self):
        super().__init__()
        Odd.times += 1
        self.read = nn.Parameter(torch.randn(1000).sort().values)
        self.missed = nn.Parameter(torch.empty(1000).bernoulli_())
        self.other = nn.Parameter(torch.randn(1000) * Odd.times)


def test_faults_are_found():
    _, faults = verify_replace.check(Odd)
    for fault in (
        "torch drew bernoulli_",
        "/0 is drawn by order: sort",
        "other differs the second time",
        "other has another distribution",
        "model.other differs behind a layer",
    ):
        assert any(each.startswith(fault) for each in faults), fault
