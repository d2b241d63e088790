"""Train docs/examples from several initializations: ``python tests/verify/verify_training.py``.

Trains each example from its own plan, the default of init_weights, the matching recipe and torch's
own initialization, with 5 seeds each on the same batches, on one thread. The final loss is the mean
of the last 5 steps. Writes data/verify_training.json, from which benchmarks/report.py makes a
table. It takes a few minutes.
"""

import contextlib
import importlib.util
import io
import json
import statistics
import sys
from pathlib import Path
from types import SimpleNamespace

import torch

import irwinhall.torch as init

ROOT = Path(__file__).resolve().parents[2]
RECORD = ROOT / "tests" / "data" / "verify_training.json"
SEEDS = (1, 2, 3, 4, 5)
LAST = 5

# The positions are a parameter outside all layers, which only a plan initializes.
POSITIONS = {"positions": {"std": 0.02}}
SCALED = {"*.out.weight": "gpt2", "*.down.weight": "gpt2"}
# Arguments besides init_weights(model, seed=seed): for all starts, and for the recipe.
EXAMPLES = {
    "torch_resnet": ({}, {"recipe": "resnet"}),
    "torch_transformer": ({"plan": POSITIONS}, {"recipe": "gpt2", "residual": SCALED}),
    "torch_lstm": ({}, {"recipe": "torch"}),
}


def loaded(name):
    """Return the module of an example."""
    path = ROOT / "docs" / "examples" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    return example


def starts(name):
    """Return the functions that initialize the model of an example, by name of the start."""
    common, recipe = EXAMPLES[name]

    def start(**how):
        def initialize(model, *_, seed, **__):  # in place of the example's own arguments
            return init.init_weights(model, seed=seed, **common, **how)

        return initialize

    def torch_start(model, *_, seed, **__):
        held = [name for name, _ in model.named_parameters() if name not in POSITIONS]
        return init.init_weights(model, seed=seed, **common, exclude=held)

    return {
        "its plan": init.init_weights,
        "init_weights": start(),
        f"recipe {recipe['recipe']}": start(**recipe),
        "torch": torch_start,
    }


def loss(name, start, seed):
    """Return the loss of an example at the end of its training."""
    example = loaded(name)
    example.init = SimpleNamespace(init_weights=start)
    torch.manual_seed(seed)
    with contextlib.redirect_stdout(io.StringIO()):
        losses = example.train(seed=seed)
    return statistics.mean(losses[-LAST:])


def main():
    """Train all, write the record and return the exit status: 1 if torch's start does best."""
    torch.set_num_threads(1)
    record = {}
    for name in EXAMPLES:
        record[name] = {
            title: [round(loss(name, start, seed), 4) for seed in SEEDS]
            for title, start in starts(name).items()
        }
        for title, losses in record[name].items():
            print(f"{name:<18}{title:<18}{statistics.mean(losses):.4f}", *losses, file=sys.stderr)
    head = {"torch": torch.__version__, "seeds": SEEDS, "losses": record}
    RECORD.write_text(json.dumps(head, indent=1) + "\n", encoding="utf-8")
    return int(any(worse_than_torch(losses) for losses in record.values()))


def worse_than_torch(losses):
    """Return the starts whose mean loss exceeds that of torch's by more than both spreads."""
    found = {
        title: (statistics.mean(each), statistics.stdev(each)) for title, each in losses.items()
    }
    mean, spread = found.pop("torch")
    return [title for title, (m, s) in found.items() if m - mean > (s**2 + spread**2) ** 0.5]


if __name__ == "__main__":
    raise SystemExit(main())
