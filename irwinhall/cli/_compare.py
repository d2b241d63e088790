"""Print what every initialization scheme does with a layer: scale, forward and backward."""

from __future__ import annotations

import argparse
import math
from typing import Any

from irwinhall.cli._shared import as_json, plain, progress_bar


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("n", type=int, help="number of inputs (fan_in)")
    parser.add_argument("m", type=int, help="number of outputs (fan_out)")
    parser.add_argument(
        "--activation",
        metavar="A",
        help="activation that the layer reads; its gain takes the place of every scheme's own",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the simulation (default 0)")


_COMPARE_HEAD = """\
                                                       forward   backward    forward   backward\
       node
scheme                        law               scale variance   variance  magnitude  magnitude\
    average   share"""
_COMPARE_LEGEND = """
scale: the bound of a uniform law, the standard deviation of a normal one, the factor of others.
variance: of outputs for inputs of variance 1; of inputs' gradients for outputs' gradients of 1.
magnitude: the mean of |output| for inputs that are all 1, and backward likewise; node average: of
  all {n} outputs and gradients together. What becomes of random inputs the variance says. ~ by
  simulation, standard error at most {error:.1g} of the figure; all others are exact.
share: std / (gain / sqrt(min(n, m))), the largest std that preserving a variance asks for, that of
  the direction with fewer summands. Below 1: over-shrunk for that direction. Above 1: both
  variances grow. The gain is {reference}.
Xavier / Kalafus: std {ratio:.4f}, which is sqrt(2 max(n, m) / (n + m)): at the same gain Xavier's
  weights are never the smaller ones, and equal for n = m; their shares are
  {xavier:.4f} and {kalafus:.4f}.
Kalafus / Xavier: std {proposed:.4f}, which is sqrt((n + m) / max(n, m)), as the proposal has it:
  max(n, m) for n + m in sqrt(6 / (n + m)). That is Kalafus at sqrt(2) times Xavier's gain, as for
  ReLU: its weights are always the larger ones, by sqrt(2) for n = m.
Left out, as they have no scale of their own or do not fit: {left_out}."""
_NO_GAIN = "1; he_* have sqrt(2) in their scale, for ReLU"
_ACTIVATION = """
The weights' gain is that of {activation}, {gain:.6g}. A layer that reads {activation} of standard
normal inputs keeps their variance where the forward variance says {square:.6g}."""


def run(options: argparse.Namespace) -> None:
    from irwinhall import compare, gains

    with progress_bar(None, "simulating", "weights") as update:
        rows = compare.compare(
            options.n,
            options.m,
            activation=options.activation,
            rng=options.seed,
            progress=update,
        )
    gain = None if options.activation is None else gains.gain(options.activation)
    if options.json:
        layer = {"n": options.n, "m": options.m, "activation": options.activation, "gain": gain}
        print(as_json({**layer, "schemes": [plain(row) for row in rows]}))
        return
    print(f"{options.n} inputs, {options.m} outputs")
    if gain is not None:
        name = gains.activation(options.activation).name
        print(_ACTIVATION.strip().format(activation=name, gain=gain, square=gain * gain))
    print(f"\n{_COMPARE_HEAD}")
    errors = [0.0]
    for row in rows:
        magnitudes = (row.forward_magnitude, row.backward_magnitude, row.node_average)
        errors += [m.standard_error / m.estimate for m in magnitudes if m and m.estimate]
        print(
            f"{row.scheme:<28}  {row.law:<16}{_short(row.scale):>9}"
            f"{_short(row.forward_variance):>9}  {_short(row.backward_variance):>9}  "
            + "  ".join(f"{_estimate(magnitude):>9}" for magnitude in magnitudes)
            + f"  {_short(row.share):>8}"
        )
    shares = {row.scheme: row.share for row in rows}
    xavier, kalafus = shares["xavier_normal"], shares["kalafus_normal"]
    print(
        _COMPARE_LEGEND.format(
            n=options.n + options.m,
            error=max(errors),
            reference=_NO_GAIN if gain is None else f"{gain:.6g}",
            ratio=xavier / kalafus,
            proposed=math.sqrt(2.0) * kalafus / xavier,
            xavier=xavier,
            kalafus=kalafus,
            left_out=", ".join(compare.left_out(options.n, options.m)),
        )
    )


def _short(value: float) -> str:
    """Return the value with four digits behind the point, or as many significant ones."""
    return f"{value:.4f}" if value == 0.0 or 0.1 <= value < 1000 else f"{value:.4g}"


def _estimate(value: Any) -> str:
    if value is None:
        return "-"
    return ("~" if value.trials else "") + _short(value.estimate)
