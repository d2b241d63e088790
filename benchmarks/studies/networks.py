"""The networks, each built from the settings of a case."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["CharacterRNN", "Residual", "build", "conv", "dense"]

ACTIVATIONS: Mapping[str, Callable[[], nn.Module]] = {
    "linear": nn.Identity,
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "softsign": nn.Softsign,
    "selu": nn.SELU,
    "gelu": nn.GELU,
}


class Residual(nn.Module):
    """x + factor * branch(x)."""

    def __init__(self, branch: nn.Module, factor: float) -> None:
        super().__init__()
        self.branch, self.factor = branch, factor

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum of the input and the branch."""
        return x + self.factor * self.branch(x)


def _named(layers: list[nn.Module], activation: str) -> nn.Sequential:
    model = nn.Sequential(*layers)
    model.activation, model.rescaled = activation, "*"
    return model


def dense(
    *,
    width: int,
    depth: int,
    activation: str,
    inputs: int = 196,
    outputs: int = 10,
    normalization: str | None = None,
    residual: float | None = None,
) -> nn.Sequential:
    """Return `depth` hidden layers and a linear layer.

    With a normalization, the outputs of each hidden layer are normalized before the activation.
    With residual branches, all hidden layers except the first are branches, times a factor.
    """

    def hidden(size: int) -> list[nn.Module]:
        layers: list[nn.Module] = [nn.Linear(size, width)]
        if normalization == "batch":
            layers.append(nn.BatchNorm1d(width))
        elif normalization == "layer":
            layers.append(nn.LayerNorm(width))
        return [*layers, ACTIVATIONS[activation]()]

    layers = hidden(inputs)
    for _ in range(depth - 1):
        if residual is None:
            layers += hidden(width)
        else:
            layers.append(Residual(nn.Sequential(*hidden(width)), residual))
    return _named([*layers, nn.Linear(width, outputs)], activation)


def conv(*, channels: int, hidden: int, outputs: int = 10) -> nn.Sequential:
    """Return two convolutions of 3 x 3, the second with stride 2, and two dense layers; ReLU."""
    return _named(
        [
            nn.Unflatten(1, (1, 14, 14)),
            nn.Conv2d(1, channels, 3),
            nn.ReLU(),
            nn.Conv2d(channels, 2 * channels, 3, stride=2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(2 * channels * 25, hidden),
            nn.ReLU(),
            nn.Linear(hidden, outputs),
        ],
        "relu",
    )


class CharacterRNN(nn.Module):
    """h = tanh(W x + U h), and V h: the next character's logits, for one-hot characters x."""

    activation = "tanh"
    # The first input of U is zeros, whose variance cannot be rescaled.
    rescaled = ("input.weight", "output.weight")

    def __init__(self, *, hidden: int, kinds: int) -> None:
        super().__init__()
        self.input = nn.Linear(kinds, hidden)
        self.recurrent = nn.Linear(hidden, hidden, bias=False)
        self.output = nn.Linear(hidden, kinds)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits of (batch, kinds, time) for one-hot characters of (batch, time, kinds)."""
        signal = self.input(x)
        state = torch.zeros(signal.shape[0], signal.shape[2])
        states = []
        for now in signal.unbind(1):
            state = torch.tanh(now + self.recurrent(state))
            states.append(state)
        return self.output(torch.stack(states, 1)).transpose(1, 2)


def build(settings: Mapping[str, Any]) -> nn.Module:
    """Return the network of settings {"network": "dense", "conv" or "rnn", and its arguments}."""
    arguments = dict(settings)
    kind = arguments.pop("network")
    return {"dense": dense, "conv": conv, "rnn": CharacterRNN}[kind](**arguments)
