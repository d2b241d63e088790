"""Print the Letkeman bound of a layer, exactly."""

from __future__ import annotations

import argparse
import json

import irwinhall
from irwinhall.cli._shared import add_sizes, sizes_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_sizes(parser, "number of outputs (fan_out); without it, the standard bound")
    parser.add_argument(
        "--digits", type=int, metavar="D", help="print D correct digits (default: a double)"
    )
    parser.add_argument(
        "--formula",
        choices=["node_average", "as_printed"],
        default="node_average",
        help="as_printed: A(n) and A(m) weighted as in the integral that the article prints",
    )


# Beyond some thousands the series' coefficients take minutes.
_MOST_DIGITS = 2_000
# The exact formulas estimate their own size in doubles.
_MOST_BITS = 1000


def run(options: argparse.Namespace) -> None:
    n, m = sizes_of(options)
    value: float | str
    if options.digits is None:
        value = irwinhall.letkeman_bound(n, m, formula=options.formula)
    else:
        import mpmath

        if not 1 <= options.digits <= _MOST_DIGITS:
            raise ValueError(f"--digits must be from 1 to {_MOST_DIGITS}, got {options.digits}")
        for name, size in (("n", n), ("m", m)):
            if size is not None and size.bit_length() > _MOST_BITS:
                raise ValueError(
                    f"{name} must be less than 2**{_MOST_BITS} with --digits, "
                    f"got one of {size.bit_length()} bits"
                )
        exact = irwinhall.exact.letkeman_bound_mp(n, m, dps=options.digits, formula=options.formula)
        value = mpmath.nstr(exact, options.digits, strip_zeros=False)
    if options.json:
        layer = {"n": n, "m": m, "formula": options.formula}
        print(json.dumps({**layer, "bound": value}))
    else:
        print(value)
