"""Compare the schemes on a layer: scale, forward and backward."""

from __future__ import annotations

import argparse
import math
from typing import Any

from irwinhall.cli._layout import columns, paragraphs
from irwinhall.cli._shared import (
    activation_names,
    add_seed,
    add_sizes,
    as_json,
    completed_by,
    plain,
    progress_bar,
    sizes_of,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_sizes(parser, "number of outputs (fan_out)")
    activation = parser.add_argument(
        "--activation",
        metavar="A",
        help="activation that the layer reads; its gain replaces every scheme's own",
    )
    completed_by(activation, activation_names)
    add_seed(parser, "the simulation")


_HEAD = (
    *("scheme", "law", "scale", "forward\nvariance", "backward\nvariance"),
    *("forward\nmagnitude", "backward\nmagnitude", "node\naverage", "share"),
)
_LEGEND = """
scale: the bound of a uniform law, the standard deviation of a normal one, the factor of others.
variance: of outputs for inputs of variance 1; of inputs' gradients for outputs' gradients of 1.
magnitude: the mean of |output| for inputs that are all 1, and backward likewise; node average: of
  all {n} outputs and gradients together. For random inputs, read the variance. ~ by simulation,
  standard error at most {error:.1g} of the figure; all others are exact.
share: std / (gain / sqrt(min(n, m))), the largest std that preserves a variance, that of the
  direction with fewer summands. Below 1: too small for that direction. Above 1: both variances
  grow. The gain is {reference}.
Xavier / Kalafus: std {ratio:.4f}, which is sqrt(2 max(n, m) / (n + m)): at the same gain Xavier's
  weights are never the smaller ones, and equal for n = m; their shares are
  {xavier:.4f} and {kalafus:.4f}.
Kalafus / Xavier: std {proposed:.4f}, which is sqrt((n + m) / max(n, m)), as the proposal has it:
  max(n, m) for n + m in sqrt(6 / (n + m)). That is Kalafus at sqrt(2) times Xavier's gain, as for
  ReLU: its weights are always the larger ones, by sqrt(2) for n = m.
Left out, as they have no scale of their own or do not fit: {left_out}."""
_NO_GAIN = "1; he_* have sqrt(2) in their scale, for ReLU"
_ACTIVATION = """\
The weights' gain is that of {activation}, {gain:.6g}. A layer that reads {activation} of standard
  normal inputs keeps their variance where the forward variance says {square:.6g}."""


def run(options: argparse.Namespace) -> None:
    from irwinhall import compare, gains

    n, m = sizes_of(options)
    if m is None:
        raise ValueError("m must be given: the number of outputs")
    with progress_bar(None, "simulating", "weights") as update:
        rows = compare.compare(
            n, m, activation=options.activation, rng=options.rng, progress=update
        )
    gain = None if options.activation is None else gains.gain(options.activation)
    if options.json:
        layer = {"n": n, "m": m, "activation": options.activation, "gain": gain}
        print(as_json({**layer, "schemes": [plain(row) for row in rows]}))
        return
    print(f"{n} inputs, {m} outputs")
    if gain is not None:
        name = gains.activation(options.activation).name
        print(paragraphs(_ACTIVATION.format(activation=name, gain=gain, square=gain * gain)))
    errors = [0.0]
    cells = []
    for row in rows:
        magnitudes = (row.forward_magnitude, row.backward_magnitude, row.node_average)
        errors += [m.standard_error / m.estimate for m in magnitudes if m and m.estimate]
        figures = map(_short, (row.scale, row.forward_variance, row.backward_variance))
        estimates = map(_estimate, magnitudes)
        cells.append((row.scheme, row.law, *figures, *estimates, _short(row.share)))
    print("\n" + columns(_HEAD, cells, left=(0, 1)))
    shares = {row.scheme: row.share for row in rows}
    xavier, kalafus = shares["xavier_normal"], shares["kalafus_normal"]
    legend = _LEGEND.format(
        n=n + m,
        error=max(errors),
        reference=_NO_GAIN if gain is None else f"{gain:.6g}",
        ratio=xavier / kalafus,
        proposed=math.sqrt(2.0) * kalafus / xavier,
        xavier=xavier,
        kalafus=kalafus,
        left_out=", ".join(compare.left_out(n, m)),
    )
    print(paragraphs(legend))


def _short(value: float) -> str:
    """Return the value with four digits behind the point, or as many significant ones."""
    return f"{value:.4f}" if value == 0.0 or 0.1 <= value < 1000 else f"{value:.4g}"


def _estimate(value: Any) -> str:
    if value is None:
        return "-"
    return ("~" if value.trials else "") + _short(value.estimate)
