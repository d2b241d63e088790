"""The counting network, 5-8-8-5 with sigmoids, trained pattern by pattern, many seeds at once.

From weights of 1, with the loss sum((y - t)^2)/2 and with biases, this network learns one pattern
in 337 iterations at learning rate 1.0, exactly as the article's network.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from irwinhall import Stream

from . import data, methods, networks
from .training import Result

if TYPE_CHECKING:
    from .tables import Run

__all__ = ["count", "learn_one"]

Array = NDArray[np.float64]


class _Networks:
    """The networks of several runs of one method, with weights stacked along the first axis."""

    def __init__(self, runs: list[Run]) -> None:
        torch.set_num_threads(1)
        method = methods.METHODS[runs[0].method]
        patterns = torch.from_numpy(data.counting()[0]).float()
        models = []
        for run in runs:
            model = networks.dense(width=8, depth=2, activation="sigmoid", inputs=5, outputs=5)
            methods.initialize(model, method, run.seed, patterns)
            models.append([m for m in model if isinstance(m, torch.nn.Linear)])
        layers = list(zip(*models, strict=True))
        self.weights = [_stacked([m.weight.T for m in layer]) for layer in layers]
        self.biases = [_stacked([m.bias[None] for m in layer]) for layer in layers]

    def forward(self, inputs: Array) -> list[Array]:
        """Return the inputs, (networks, patterns, 5), and the outputs of every layer."""
        signals = [inputs]
        for weight, bias in zip(self.weights, self.biases, strict=True):
            signals.append(1.0 / (1.0 + np.exp(-(signals[-1] @ weight + bias))))
        return signals

    def step(self, inputs: Array, targets: Array, rate: float) -> Array:
        """Take a step on a pattern for each network, and return the outputs before it."""
        signals = self.forward(inputs)
        gradient = signals[-1] - targets
        for layer in (2, 1, 0):
            signal = signals[layer + 1]
            gradient = gradient * signal * (1.0 - signal)
            back = gradient @ self.weights[layer].transpose(0, 2, 1)
            self.weights[layer] -= rate * (signals[layer].transpose(0, 2, 1) * gradient)
            self.biases[layer] -= rate * gradient
            gradient = back
        return signals[-1]


def _stacked(tensors: list[Any]) -> Array:
    stack: Array = torch.stack(tensors).detach().numpy().astype(np.float64)
    return stack


def count(runs: list[Run]) -> list[Result]:
    """Train on all 32 patterns, in a new order every epoch.

    The curve has the mean loss of each hundredth of the epochs. The figures are the number of
    correct patterns at the end, and the largest number after any of these parts.
    """
    settings, rate = runs[0].settings, runs[0].rate
    model = _Networks(runs)
    inputs, targets = data.counting()
    every = settings["epochs"] // settings["points"]
    curves, right = [], []
    for part in range(settings["points"]):
        for epoch in range(part * every, (part + 1) * every):
            orders = np.stack([Stream(r.seed, f"order.{epoch}").permutation(32) for r in runs])
            for pattern in orders.T:
                model.step(inputs[pattern][:, None], targets[pattern][:, None], rate)
        outputs = model.forward(np.broadcast_to(inputs, (len(runs), 32, 5)))[-1]
        curves.append(0.5 * np.square(outputs - targets).sum(axis=2).mean(axis=1))
        right.append(((outputs > 0.5) == (targets > 0.5)).all(axis=2).sum(axis=1))
    return [
        Result(
            "finished" if np.isfinite(curve).all() else "diverged",
            tuple(curve.tolist()),
            {"right": float(counts[-1]), "most_right": float(counts.max())},
        )
        for curve, counts in zip(np.transpose(curves), np.transpose(right), strict=True)
    ]


def learn_one(runs: list[Run]) -> list[Result]:
    """Train on 10011 alone until the answer is 10100; the figure is the number of iterations."""
    settings, rate = runs[0].settings, runs[0].rate
    model = _Networks(runs)
    inputs, targets = data.counting()
    pattern = np.full((len(runs), 1), 19)
    took = np.full(len(runs), math.nan)
    for iteration in range(settings["iterations"]):
        outputs = model.step(inputs[pattern], targets[pattern], rate)
        right = ((outputs > 0.5) == (targets[pattern] > 0.5)).all(axis=(1, 2))
        took = np.where(right & np.isnan(took), iteration, took)
        if not np.isnan(took).any():
            break
    return [Result("finished", (), {"iterations": value}) for value in took.tolist()]
