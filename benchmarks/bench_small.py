"""One small weight, and models of many small parameters, where the call costs more than its values.

The rivals draw as many numbers and work out less: our own stream, which takes the shape alone, and
torch.nn.init, whose loop over a model is written for these models.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import irwinhall

torch = pytest.importorskip("torch")

import irwinhall.torch as ours  # noqa: E402

SHAPE = (64, 64)
CALLS = 200
LINEARS = 2000
LAYERS = 24


def repeated(
    function: Callable[..., object], *arguments: Any, **options: Any
) -> Callable[[], None]:
    """Return a callable that makes CALLS calls."""

    def run() -> None:
        for _ in range(CALLS):
            function(*arguments, **options)

    return run


def bench_sample_weights(versus):
    versus(
        repeated(irwinhall.sample_weights, SHAPE, rng=0, name="w"),
        {"Stream.uniform": repeated(lambda: irwinhall.Stream(0, "w").uniform(SHAPE))},
        calls=CALLS,
    )


@pytest.mark.parametrize(
    ("function", "rival"),
    [("he_normal_", "kaiming_normal_"), ("letkeman_", "xavier_uniform_")],
    ids=["he_normal_", "letkeman_"],
)
def bench_torch(versus, function, rival):
    tensor, generator = torch.empty(SHAPE), torch.Generator()
    theirs = repeated(getattr(torch.nn.init, rival), tensor, generator=generator)
    versus(
        repeated(getattr(ours, function), tensor, seed=3, name="w"),
        {f"torch.nn.init.{rival}": theirs},
        calls=CALLS,
    )


def loop_over(model: Any) -> None:
    """Initialize matrices, biases and the weights of norms, which alone are called weight."""
    for name, parameter in model.named_parameters():
        if parameter.ndim > 1:
            torch.nn.init.kaiming_normal_(parameter)
        elif name.endswith("weight"):
            torch.nn.init.ones_(parameter)
        else:
            torch.nn.init.zeros_(parameter)


def linears() -> Any:
    return torch.nn.Sequential(*(torch.nn.Linear(32, 32) for _ in range(LINEARS)))


def transformer() -> Any:
    """Return 12.7 million parameters in 288 tensors."""
    layer = torch.nn.TransformerEncoderLayer
    return torch.nn.Sequential(*(layer(256, nhead=4, dim_feedforward=512) for _ in range(LAYERS)))


@pytest.mark.parametrize("make", [linears, transformer], ids=lambda make: make.__name__)
def bench_model(versus, make):
    model = make()
    versus(
        lambda: ours.init_weights(model, seed=1),
        {"loop of torch.nn.init": lambda: loop_over(model)},
        rounds=7,
    )
