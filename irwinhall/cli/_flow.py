"""Print the size of signals and gradients, layer by layer, in freshly initialized networks."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from irwinhall.cli._layout import columns, paragraphs
from irwinhall.cli._shared import (
    activation_names,
    add_seed,
    as_json,
    completed_by,
    plain,
    progress_bar,
    scheme_names,
)

if TYPE_CHECKING:
    from irwinhall.flow import Flow

    Cells = Callable[[Flow], tuple[str, ...]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--width",
        type=_widths,
        metavar="N[,N...]",
        help="units of a layer (default 256; 100 with --table); several are repeated in turn",
    )
    parser.add_argument(
        "--depth", type=int, metavar="L", help="layers (default 50; 5 with --table)"
    )
    activation = parser.add_argument(
        "--activation", metavar="A", help="activation between the layers (default relu)"
    )
    completed_by(activation, activation_names)
    named = parser.add_argument(
        "--schemes",
        metavar="S[:GAIN][,...]",
        help="schemes, each with its own gain unless a number or an activation follows a colon"
        " (default: those that are compared most)",
    )
    completed_by(named, scheme_names)
    parser.add_argument(
        "--normalization",
        choices=("batch", "layer", "rms"),
        help="normalize every layer's input, before the activation",
    )
    parser.add_argument(
        "--residual",
        type=float,
        metavar="F",
        help="add every layer's output, times F, to its input",
    )
    parser.add_argument(
        "--predict",
        action="store_true",
        help="print the values for infinite width below each simulated line",
    )
    parser.add_argument("--batch", type=int, metavar="B", help="signals sent through (default 32)")
    add_seed(parser, "everything")
    parser.add_argument("--plot", metavar="FILE", help="draw both panels into FILE, .png or .svg")
    parser.add_argument(
        "--table",
        action="store_true",
        help="print the textbook table instead: expected and simulated variances of a linear"
        " network with normal weights of variance 1 and 0.001",
    )


def _widths(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be like 256 or 784,256, got {text!r}") from None


_FLOW_TITLE = """\
{activation}, {layers} layers of {units}, {batch} signals, seed {seed}
"""
_FLOW_LEGEND = """
Signals are the layers' outputs before the activation; layer 0 is standard normal, and so is the
  gradient at the last layer. Magnitude is the mean of |x| over units and signals, variance the mean
  of x^2. A scheme has its own gain unless one follows a colon. The activation's derivative is by
  differences, central where it has one.
inf: beyond the range of doubles; nan: no gradient, behind an infinite signal."""
_EXPLOSION_TITLE = """\
A linear network of {width} units a layer, normal weights: the variance of layer l is
  ({width} variance)^l for inputs of variance 1. {trials} networks, seed {seed}.
"""
_EXPLOSION_HEAD = ("weights' variance", "layer", "expected", "simulated", "standard error")
_NETWORKS = 1000
_PREDICTED = "  predicted"


def run(options: argparse.Namespace) -> None:
    if options.table:
        _explosion_table(options)
        return
    from irwinhall import flow, gains

    if options.plot is not None:
        from irwinhall.tables import plots

        plots.checked_format(options.plot)
    row = gains.activation("relu" if options.activation is None else options.activation)
    widths = options.width or (256,)
    depth = 50 if options.depth is None else options.depth
    batch = 32 if options.batch is None else options.batch
    names = options.schemes.split(",") if options.schemes else flow.default_schemes(row.name)
    kind, residual = options.normalization, options.residual
    predicted = []
    if options.predict:
        predicted = flow.predict(
            names,
            width=widths,
            depth=depth,
            activation=row,
            normalization=kind,
            residual=residual,
        )
    with progress_bar(2 * depth * len(names), "simulating", "layers") as update:
        flows = flow.simulate(
            names,
            width=widths,
            depth=depth,
            activation=row,
            normalization=kind,
            residual=residual,
            batch=batch,
            rng=options.rng,
            progress=update,
        )
    units = ", ".join(str(width) for width in widths) + " units"
    units += " in turn" if len(widths) > 1 else ""
    between = row.name
    if kind is not None:
        between = f"{kind} normalization, {between}"
    if residual is not None:
        between = f"residual branches times {residual:g}, {between}"
    title = _FLOW_TITLE.strip().format(
        activation=between, layers=depth, units=units, batch=batch, seed=options.rng
    )
    if options.plot is not None:
        plots.save_flow(options.plot, flows, title=title)
    if options.json:
        record = {"activation": row.name, "width": widths, "depth": depth}
        record |= {"normalization": kind, "residual": residual}
        record |= {"batch": batch, "seed": options.rng}
        record["schemes"] = [plain(one) for one in flows]
        if predicted:
            record["predicted"] = [plain(one) for one in predicted]
        print(as_json(record))
        return
    print(paragraphs(title))
    layers = _some_layers(depth)
    for quantity, order in (("forward", layers), ("backward", layers[::-1])):
        for measure in ("magnitude", "variance"):
            rows = _rows_of(flows, predicted, _figures(f"{quantity}_{measure}", order))
            print(f"\n{quantity} {measure}")
            print(columns(("layer", *map(str, order)), rows))
    print()
    reached = _rows_of(flows, predicted, _depth, shared=False)
    print(columns(("layers until either variance has changed by 10^4", ""), reached))
    print(paragraphs(_FLOW_LEGEND))
    if options.plot is not None:
        print(f"\nplotted to {options.plot}")


def _some_layers(depth: int) -> list[int]:
    """Return 0, the powers of 2 and the last layer; at most eight, of the larger ones."""
    powers = [1 << k for k in range(depth.bit_length()) if 1 << k < depth]
    return [0, *powers[-6:], depth]


def _rows_of(
    flows: Sequence[Flow], predicted: Sequence[Flow], wanted: Cells, *, shared: bool = True
) -> list[list[str]]:
    """Return a row a flow, below it that of its prediction; flows with the same cells share one."""
    pairs = list(zip(flows, predicted, strict=True)) if predicted else [(one,) for one in flows]
    groups: dict[object, list[tuple[Flow, ...]]] = {}
    for pair in pairs:
        groups.setdefault(tuple(map(wanted, pair)) if shared else pair[0].scheme, []).append(pair)
    rows = []
    for *others, last in groups.values():
        cells = [wanted(one) for one in last]
        rows += [[f"{simulated.scheme},"] + [""] * len(cells[0]) for simulated, *_ in others]
        titles = (last[0].scheme, _PREDICTED)
        rows += [[title, *figures] for title, figures in zip(titles, cells, strict=False)]
    return rows


def _figures(quantity: str, layers: Sequence[int]) -> Cells:
    """Return a function that gives the cells of a flow: one of its quantities at those layers."""
    return lambda one: tuple(f"{getattr(one, quantity)[i]:.2g}" for i in layers)


def _depth(one: Flow) -> tuple[str]:
    from irwinhall import flow

    reached = flow.depth_reached(one)
    return ("-" if reached is None else str(reached),)


def _explosion_table(options: argparse.Namespace) -> None:
    from irwinhall import flow

    for name in ("activation", "schemes", "normalization", "residual", "predict", "batch", "plot"):
        if getattr(options, name) not in (None, False):
            raise ValueError(f"--{name} must be left out with --table")
    widths = options.width or (100,)
    if len(widths) > 1:
        raise ValueError(f"--width must be one number with --table, got {len(widths)}")
    depth = 5 if options.depth is None else options.depth
    total = 2 * _NETWORKS * depth * widths[0] ** 2
    with progress_bar(total, "simulating", "weights") as update:
        rows = list(
            flow.explosion(
                width=widths[0], depth=depth, trials=_NETWORKS, rng=options.rng, progress=update
            )
        )
    if options.json:
        print(as_json([plain(row) for row in rows]))
        return
    title = _EXPLOSION_TITLE.format(width=widths[0], trials=_NETWORKS, seed=options.rng)
    print(paragraphs(title))
    cells = [
        (
            *(f"{row.variance_of_weights:g}", str(row.layer), f"{row.expected:.6g}"),
            *(f"{row.simulated:.4g}", f"{row.standard_error:.2g}"),
        )
        for row in rows
    ]
    print(columns(_EXPLOSION_HEAD, cells, left=()))
