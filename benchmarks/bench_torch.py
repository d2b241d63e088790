"""A transformer of 1.2 billion bfloat16 parameters, initialized by us and by torch.nn.init.

The sizes are those of Llama 3.2 1B, whose output layer is its embedding. The laws are the same on
both sides: xavier_uniform_, normal_ with the standard deviation 0.02, and trunc_normal_ that cuts
it at two standard deviations. torch's truncated normal takes minutes: it is timed on one layer, and
counted by the parameter.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

torch = pytest.importorskip("torch")

import irwinhall.torch as ours  # noqa: E402
from irwinhall.stream import available_cores  # noqa: E402

# The vocabulary, the widths of the residual stream, keys and feed-forward part, and the layers.
SIZES = (128256, 2048, 512, 8192, 16)

LAWS: dict[str, Callable[[Any, ModuleType, dict[str, Any]], object]] = {
    "uniform": lambda weight, init, key: init.xavier_uniform_(weight, **key),
    "normal": lambda weight, init, key: init.normal_(weight, 0.0, 0.02, **key),
    "truncated normal": lambda weight, init, key: init.trunc_normal_(
        weight, 0.0, 0.02, -0.04, 0.04, **key
    ),
}


def transformer() -> Any:
    """Return the model on the meta device: the layers that hold parameters."""
    nn = torch.nn
    vocabulary, hidden, keys, inner, layers = SIZES

    def linear(inputs: int, outputs: int) -> Any:
        return nn.Linear(inputs, outputs, bias=False)

    def layer() -> Any:
        parts = {
            "query": linear(hidden, hidden),
            "key": linear(hidden, keys),
            "value": linear(hidden, keys),
            "output": linear(hidden, hidden),
            "gate": linear(hidden, inner),
            "up": linear(hidden, inner),
            "down": linear(inner, hidden),
            "norm1": nn.RMSNorm(hidden),
            "norm2": nn.RMSNorm(hidden),
        }
        return nn.ModuleDict(parts)

    with torch.device("meta"):
        model = nn.ModuleDict(
            {
                "embedding": nn.Embedding(vocabulary, hidden),
                "layers": nn.ModuleList(layer() for _ in range(layers)),
                "norm": nn.RMSNorm(hidden),
            }
        )
    return model.to(torch.bfloat16)


def fill(model: Any, law: str, init: ModuleType) -> None:
    for name, parameter in model.named_parameters():
        if parameter.ndim == 1:
            init.ones_(parameter)
        else:
            LAWS[law](parameter, init, {"seed": 1, "name": name} if init is ours else {})


def count(model: Any) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.fixture(scope="module")
def model() -> Any:
    torch.set_num_threads(available_cores())
    filled = transformer().to_empty(device="cpu")
    fill(filled, "uniform", ours)
    return filled


@pytest.mark.parametrize("law", LAWS)
def bench_transformer(versus, model, law):
    whole, layer = count(model), model["layers"][0]
    slow = law == "truncated normal"
    rival = layer if slow else model
    parts = {"torch.nn.init": whole / count(layer)} if slow else {}
    versus(
        lambda: fill(model, law, ours),
        {"torch.nn.init": lambda: fill(rival, law, torch.nn.init)},
        rounds=5,
        calls=whole,
        parts=parts,
    )


@pytest.mark.parametrize("law", ["uniform", "normal"])
def bench_to_empty(versus, law):
    """Memory is given back after every call, and its pages are new in the next one."""

    def made(init: ModuleType) -> None:
        fill(transformer().to_empty(device="cpu"), law, init)

    whole = count(transformer())
    rivals = {"torch.nn.init": lambda: made(torch.nn.init)}
    versus(lambda: made(ours), rivals, rounds=3, calls=whole)


def bench_peak_memory(record):
    """Record how far filling raises the peak above the materialized model, in a process alone."""
    program = f"import bench_torch as b; b.SIZES = {SIZES}; b.print_peak()"
    command = [sys.executable, "-c", program]
    folder = Path(__file__).parent
    output = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder).stdout
    model, above = map(float, output.split())
    record(model=model, above=above)


def print_peak() -> None:
    """Print the size of the model and by how much filling it raised the most memory ever held."""
    made = transformer().to_empty(device="cpu")
    for parameter in made.parameters():
        parameter.data.zero_()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for law in LAWS:
        fill(made, law, ours)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(2 * count(made) / 2**20, (after - before) / 2**10)
