"""Stochastic gradient descent: train one run and return its result.

The order of the data and the weights depend only on the run's seed. On one thread, with the same
versions and on the same machine, a run gives the same bits again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from irwinhall import Stream

from . import data, methods, networks

if TYPE_CHECKING:
    from .tables import Run

__all__ = ["Result", "classify", "depths", "predict_characters"]

_MOST_LOSS = 1e4


class Result(NamedTuple):
    """The result of a run: a curve, usually of losses by epoch, and named figures.

    outcome is "finished" or "diverged"; the curve of a diverged run ends at the divergence.
    """

    outcome: str
    curve: tuple[float, ...]
    figures: dict[str, float]


def _fit(
    model: nn.Module,
    batches: Callable[[int], Iterator[tuple[Tensor, Tensor]]],
    epochs: int,
    rate: float,
    after: Callable[[], bool] = lambda: False,
) -> tuple[bool, list[float]]:
    """Train, and return whether all losses were finite and the mean loss of every epoch.

    `after` is called after each epoch; the training ends when it returns True.
    """
    parameters = list(model.parameters())
    losses: list[float] = []
    for epoch in range(epochs):
        total, count = torch.zeros(()), 0
        for x, target in batches(epoch):
            loss = functional.cross_entropy(model(x), target)
            gradients = torch.autograd.grad(loss, parameters)
            with torch.no_grad():
                torch._foreach_add_(parameters, gradients, alpha=-rate)
            total += loss.detach()
            count += 1
        losses.append(float(total) / count)
        if not math.isfinite(losses[-1]) or losses[-1] > _MOST_LOSS:
            return False, losses
        if after():
            break
    with torch.no_grad():
        finite = all(bool(p.isfinite().all()) for p in parameters)
    return finite, losses


def _batches(
    x: Tensor, target: Tensor, size: int, seed: int
) -> Callable[[int], Iterator[tuple[Tensor, Tensor]]]:
    def epoch_of(epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        order = torch.from_numpy(Stream(seed, f"order.{epoch}").permutation(len(x)))
        for start in range(0, len(x) - size + 1, size):
            part = order[start : start + size]
            yield x[part], target[part]

    return epoch_of


def _accuracy(model: nn.Module, x: Tensor, target: Tensor) -> float:
    model.eval()
    with torch.no_grad():
        found = int((model(x).argmax(dim=1) == target).sum()) / len(target)
    model.train()
    return found


def _digits(settings: Mapping[str, Any]) -> tuple[Tensor, ...]:
    found = data.digits(
        settings["train"], settings["test"], raw=settings["raw"], mnist=settings["mnist"]
    )
    return tuple(map(torch.from_numpy, found))


def classify(runs: list[Run]) -> list[Result]:
    """Train classifiers of digits; figures are the test accuracy and the steps."""
    return [_classified(run) for run in runs]


def _classified(run: Run) -> Result:
    torch.set_num_threads(1)
    settings = run.settings
    x, target, test, test_target = _digits(settings)
    model = networks.build(settings["model"])
    method = methods.METHODS[run.method]
    methods.initialize(model, method, run.seed, x[:256])
    if settings["zero_branches"]:
        with torch.no_grad():
            for module in model.modules():
                if isinstance(module, networks.Residual):
                    module.branch[0].weight.zero_()
    batches = _batches(x, target, settings["batch"], run.seed)
    finite, losses = _fit(model, batches, settings["epochs"], run.rate)
    accuracy = _accuracy(model, test, test_target) if finite else math.nan
    return Result("finished" if finite else "diverged", tuple(losses), {"accuracy": accuracy})


def depths(runs: list[Run]) -> list[Result]:
    """Find the deepest network that trains, by bisection of a list of depths.

    The width is the depth, but at least `narrowest`, because narrow networks do not train reliably.
    A network trains if its test accuracy passes the threshold within the epochs. The curve has the
    number of epochs for each depth: NaN if it was not tried, 0 if it did not train. The figure is
    the greatest depth that trained.
    """
    return [_deepest(run) for run in runs]


def _deepest(run: Run) -> Result:
    torch.set_num_threads(1)
    ladder = run.settings["ladder"]
    took = [math.nan] * len(ladder)
    low, high = -1, len(ladder)  # trains, and does not
    while high - low > 1:
        # The greatest depth first, because many networks train at any depth.
        middle = len(ladder) - 1 if high == len(ladder) else (low + high) // 2
        took[middle] = float(_epochs_to_train(run, ladder[middle]))
        low, high = (middle, high) if took[middle] else (low, middle)
    return Result("finished", tuple(took), {"depth": float(ladder[low] if low >= 0 else 0)})


def _epochs_to_train(run: Run, depth: int) -> int:
    """Return the epochs in which a network of this depth passes the threshold, or 0 for never."""
    settings = run.settings
    x, target, test, test_target = _digits(settings)
    width = max(depth, settings["narrowest"])
    model = networks.dense(width=width, depth=depth, activation=settings["activation"])
    methods.initialize(model, methods.METHODS[run.method], run.seed, x[:256])
    passed = False

    def passes() -> bool:
        nonlocal passed
        passed = _accuracy(model, test, test_target) > settings["threshold"]
        return passed

    batches = _batches(x, target, settings["batch"], run.seed)
    _, losses = _fit(model, batches, settings["epochs"], run.rate, passes)
    return len(losses) if passed else 0


def predict_characters(runs: list[Run]) -> list[Result]:
    """Train character networks on Hamlet; the curve has nats per character."""
    return [_predicted(run) for run in runs]


def _predicted(run: Run) -> Result:
    torch.set_num_threads(1)
    settings = run.settings
    length = settings["length"]
    text, kinds = data.hamlet(settings["characters"])
    starts = range(0, len(text) - length, length)
    windows = torch.from_numpy(np.stack([text[start : start + length + 1] for start in starts]))
    x = functional.one_hot(windows[:, :-1], kinds).float()
    model = networks.build({"network": "rnn", "hidden": settings["hidden"], "kinds": kinds})
    method = methods.METHODS[run.method]
    methods.initialize(model, method, run.seed, x[:64], active=settings["active"])
    batches = _batches(x, windows[:, 1:], settings["batch"], run.seed)
    finite, losses = _fit(model, batches, settings["epochs"], run.rate)
    return Result("finished" if finite else "diverged", tuple(losses), {})
