"""Signals through deep networks, predicted and simulated, and the depths that they reach."""

from __future__ import annotations

import csv
import io
import math
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from irwinhall import flow

from .methods import METHODS, gain_of

if TYPE_CHECKING:
    from .tables import Run, Study
    from .training import Result

__all__ = [
    "Prediction",
    "predictions",
    "read_predictions",
    "simulated",
    "spelled",
    "write_predictions",
]

# Schoenholz et al. (2017): networks train up to about six depth scales.
_SCALES = 6.0


def spelled(method: str, activation: str) -> str:
    """Return a method as `irwinhall.flow` takes it, "name" or "name:gain"."""
    row = METHODS[method]
    gain = gain_of(row, activation)
    return row.scheme if gain is None else f"{row.scheme}:{gain!r}"


class Prediction(NamedTuple):
    """The predicted depth to which networks train, by two rules.

    Attributes
    ----------
    kept : int
        The greatest depth at which the mean square of signals and of gradients changes by less than
        a factor of 10^4, as in `irwinhall.flow.depth_reached`.
    scales : int
        Six depth scales, 1/abs(ln rate), of the faster of signals and gradients far from the input.
    """

    activation: str
    method: str
    signal_rate: float
    gradient_rate: float
    kept: int
    scales: int


def _predicted(activation: str, method: str, deepest: int) -> Prediction:
    text = spelled(method, activation)
    (far,) = flow.predict([text], activation=activation, width=deepest, depth=120)
    with np.errstate(all="ignore"):
        signal = far.forward_variance[100] / far.forward_variance[99]
        gradient = far.backward_variance[99] / far.backward_variance[100]
    speed = max(abs(math.log(rate)) for rate in (signal, gradient))
    kept = 0
    for depth in range(1, deepest + 1):
        (found,) = flow.predict([text], activation=activation, width=depth, depth=depth)
        if flow.depth_reached(found) is not None:
            break
        kept = depth
    scales = deepest if speed * deepest < _SCALES else int(_SCALES / speed)
    return Prediction(activation, method, float(signal), float(gradient), kept, scales)


def predictions(study: Study) -> list[Prediction]:
    """Return the predictions for every case and method of the study of depths."""
    return [
        _predicted(str(case.settings["activation"]), method, int(case.settings["ladder"][-1]))
        for case in study.cases
        for method in study.methods
        if (case.name, method) not in study.omit
    ]


def write_predictions(study: Study, path: Path) -> None:
    """Write the predictions as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Prediction._fields)
    for one in predictions(study):
        rates = [f"{one.signal_rate:.4g}", f"{one.gradient_rate:.4g}"]
        writer.writerow([one.activation, one.method, *rates, one.kept, one.scales])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.getvalue())


def read_predictions(path: Path) -> list[Prediction]:
    """Read the predictions."""
    with path.open() as file:
        return [
            Prediction(
                line["activation"],
                line["method"],
                float(line["signal_rate"]),
                float(line["gradient_rate"]),
                int(line["kept"]),
                int(line["scales"]),
            )
            for line in csv.DictReader(file)
        ]


def simulated(runs: list[Run]) -> list[Result]:
    """Simulate signals and gradients.

    The curve has log10 of the mean square at every fifth layer, first simulated, then predicted.
    The figures are the logarithms for signals at the last layer and for gradients at the first, and
    the predictions of both.
    """
    return [_simulated(run) for run in runs]


def _simulated(run: Run) -> Result:
    from .training import Result

    activation, width, depth = (run.settings[name] for name in ("activation", "width", "depth"))
    text = spelled(run.method, activation)
    (found,) = flow.simulate([text], activation=activation, width=width, depth=depth, rng=run.seed)
    expected = _expected(text, activation, width, depth)
    with np.errstate(all="ignore"):
        curves = [np.log10(one.forward_variance[::5]) for one in (found, expected)]
        figures = {
            "signal": float(np.log10(found.forward_variance[-1])),
            "signal_predicted": float(np.log10(expected.forward_variance[-1])),
            "gradient": float(np.log10(found.backward_variance[0])),
            "gradient_predicted": float(np.log10(expected.backward_variance[0])),
        }
    return Result("finished", tuple(np.concatenate(curves).tolist()), figures)


@cache
def _expected(text: str, activation: str, width: int, depth: int) -> flow.Flow:
    (expected,) = flow.predict([text], activation=activation, width=width, depth=depth)
    return expected
