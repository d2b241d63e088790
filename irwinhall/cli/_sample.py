"""Write random weights of any size to a .npy file; the same arguments give the same bytes."""

from __future__ import annotations

import argparse
import itertools
import math
import sys

import irwinhall
from irwinhall.cli._shared import (
    as_json,
    completed_by,
    ended_by_sigterm,
    progress_bar,
    scheme_names,
    shape,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "shape", type=shape, nargs="+", metavar="SHAPE", help="such as 4096x11008, or 4096 11008"
    )
    scheme = parser.add_argument(
        "--scheme", required=True, metavar="S", help="such as letkeman, he_normal"
    )
    completed_by(scheme, scheme_names)
    parser.add_argument(
        "--seed", dest="rng", type=int, required=True, metavar="K", help="any integer"
    )
    parser.add_argument(
        "--out", required=True, metavar="FILE", help="such as w.npy; - is standard output"
    )
    parser.add_argument(
        "--dtype",
        default="float32",
        metavar="D",
        help="float32 (default), float64, float16, or bfloat16, stored as uint16",
    )
    parser.add_argument("--name", default="", help="the parameter's name, part of the seed")
    parser.add_argument(
        "--gain", type=_gain, metavar="G", help="a number, or the activation that the layer reads"
    )
    parser.add_argument(
        "--low",
        type=float,
        metavar="X",
        help="lower end of a truncated normal, in standard deviations, or of an interval",
    )
    parser.add_argument("--high", type=float, metavar="X", help="upper end")
    parser.add_argument(
        "--uncorrected",
        dest="corrected",
        action="store_const",
        const=False,
        help="the standard deviation is that before truncation",
    )
    parser.add_argument(
        "--in-axis", type=int, metavar="I", default=-2, help="axis of inputs (default -2)"
    )
    parser.add_argument(
        "--out-axis", type=int, metavar="I", default=-1, help="axis of outputs (default -1)"
    )
    parser.add_argument(
        "--batch-axis", type=int, metavar="I", help="axis of stacked weights (default: none)"
    )
    parser.add_argument("--groups", type=int, default=1, help="groups of a convolution (default 1)")
    parser.add_argument(
        "--layout", metavar="L", help="in place of axes, such as torch.linear, keras.conv"
    )
    parser.add_argument(
        "--parts", type=int, default=1, help="weights fused along the layout's out axis (default 1)"
    )
    parser.add_argument(
        "--stacked", type=int, default=0, help="the layout's leading axes of stacked weights"
    )
    parser.add_argument(
        "--active-inputs", type=int, metavar="N", help="inputs that are nonzero at a time"
    )
    parser.add_argument(
        "--threads", type=int, metavar="N", help="maximum number of threads (default: all cores)"
    )
    parser.add_argument("--force", action="store_true", help="replace an existing file")


def _gain(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def run(options: argparse.Namespace) -> None:
    from irwinhall.weightfile import save_weights

    lengths = tuple(itertools.chain.from_iterable(options.shape))
    to, summary = options.out, sys.stdout
    if to == "-":
        if sys.stdout.isatty():
            raise ValueError("--out - writes bytes, which a terminal cannot show; redirect it")
        to, summary = sys.stdout.buffer, sys.stderr
    elif not to.endswith(".npy"):
        raise ValueError(f"--out must end in .npy, or be -, got {to}")
    size_in_bytes = math.prod(lengths) * {"float64": 8, "float32": 4}.get(options.dtype, 2)
    with ended_by_sigterm(), progress_bar(size_in_bytes, "writing", "B") as update:
        save_weights(
            to,
            lengths,
            options.scheme,
            rng=options.rng,
            name=options.name,
            in_axis=options.in_axis,
            out_axis=options.out_axis,
            batch_axis=() if options.batch_axis is None else options.batch_axis,
            groups=options.groups,
            layout=options.layout,
            parts=options.parts,
            stacked=options.stacked,
            active_inputs=options.active_inputs,
            gain=options.gain,
            low=options.low,
            high=options.high,
            corrected=options.corrected,
            dtype=options.dtype,
            threads=options.threads,
            overwrite=options.force,
            progress=update,
        )
    row = irwinhall.schemes.scheme(options.scheme)
    if options.json:
        facts = {"out": options.out, "shape": lengths, "dtype": options.dtype}
        origin = {"scheme": row.name, "seed": options.rng, "name": options.name}
        print(as_json({**facts, **origin}), file=summary)
        return
    size = "x".join(map(str, lengths))
    print(f"{options.out}: {size} {options.dtype}, {row.name}, seed {options.rng}", file=summary)
    if options.dtype == "bfloat16":
        print("The .npy format has no bfloat16: its bits are stored as uint16.", file=summary)
