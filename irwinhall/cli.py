"""The command line: ``irwinhall bound`` and ``irwinhall reproduce``."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import irwinhall


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status.

    0 for success, 2 for arguments that make no sense; 141 if the reader of the output went away.
    """
    parser = _build_parser()
    options = parser.parse_args(arguments)
    try:
        options.run(options)
        sys.stdout.flush()
    except (TypeError, ValueError) as error:
        options.parser.error(str(error))
    except BrokenPipeError:
        # As a program killed by SIGPIPE would end; what is buffered can no longer be written.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return 0


def _build_parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="irwinhall", description=irwinhall.__doc__)
    parser.add_argument("--version", action="version", version=f"irwinhall {irwinhall.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")

    def command(name: str, run: Callable[[argparse.Namespace], None], text: str) -> _Parser:
        subparser: _Parser = commands.add_parser(name, help=text, description=text)
        subparser.set_defaults(run=run, parser=subparser)
        subparser.add_argument("--json", action="store_true", help="print JSON")
        return subparser

    bound = command("bound", _bound, "Print the Letkeman bound of a layer, exactly.")
    bound.add_argument("n", type=int, help="number of inputs (fan_in)")
    bound.add_argument(
        "m", type=int, nargs="?", help="number of outputs (fan_out); without it, the standard bound"
    )
    bound.add_argument(
        "--digits", type=int, metavar="D", help="print D digits, all right (default: a double)"
    )
    bound.add_argument(
        "--formula",
        choices=["node_average", "as_printed"],
        default="node_average",
        help="as_printed: the normalized integral as the article prints it",
    )

    reproduce = command(
        "reproduce",
        _reproduce,
        "Print the article's tables: its figures, our simulation, the exact values.",
    )
    reproduce.add_argument(
        "--trials",
        type=int,
        metavar="T",
        help="trials a size (default: the article's 1000000 and 5000)",
    )
    reproduce.add_argument("--seed", type=int, default=0, help="seed of the simulation (default 0)")
    return parser


# ---- bound ---------------------------------------------------------------------------------------


# Beyond some thousands the series' coefficients take minutes.
_MOST_DIGITS = 2_000


def _bound(options: argparse.Namespace) -> None:
    value: float | str
    if options.digits is None:
        value = irwinhall.letkeman_bound(options.n, options.m, formula=options.formula)
    else:
        import mpmath

        if not 1 <= options.digits <= _MOST_DIGITS:
            raise ValueError(f"--digits must be from 1 to {_MOST_DIGITS}, got {options.digits}")

        exact = irwinhall.exact.letkeman_bound_mp(
            options.n, options.m, dps=options.digits, formula=options.formula
        )
        value = mpmath.nstr(exact, options.digits, strip_zeros=False)
    if options.json:
        layer = {"n": options.n, "m": options.m, "formula": options.formula}
        print(json.dumps({**layer, "bound": value}))
    else:
        print(value)


# ---- reproduce -----------------------------------------------------------------------------------

_STANDARD_TITLE = """\
Standard: the magnitude that n weights uniform on (-b, b) make of n ones, E|w_1 + ... + w_n|
"""
_STANDARD_HEAD = """\
              Xavier bound b = 1/sqrt(n)              |  over its approximation   | Letkeman
    n    article   Monte Carlo           exact   dev  |  article    exact    dev  |  exact"""
_NORMALIZED_TITLE = """\

Normalized: n inputs, m outputs. The article's program divides by the other side's count, so that
"forward" is (n/m) b A(m) and "backward" (m/n) b A(n); "true" is what the names say, b A(n) and
b A(m).
"""
_NORMALIZED_HEAD = """\
                             Xavier bound b = sqrt(6/(n+m))                \
 |  over its approximation  | Letkeman
     n, m   column     article     Monte Carlo            exact   dev      true\
  |  article     exact   dev  |  exact"""
_LEGEND = """
dev: the article's figure minus the exact one, in standard errors of its own number of trials.
Monte Carlo: {standard} and {normalized} trials a size, seed {seed}; all figures within {worst:.1f}
standard errors of the exact ones."""


def _reproduce(options: argparse.Namespace) -> None:
    from irwinhall import article

    standard_trials = article.STANDARD_TRIALS if options.trials is None else options.trials
    normalized_trials = article.NORMALIZED_TRIALS if options.trials is None else options.trials
    if standard_trials < 2:
        raise ValueError(f"--trials must be at least 2, got {standard_trials}")
    if options.seed < 0:
        raise ValueError(f"--seed must be at least 0, got {options.seed}")
    total = article.uniforms_drawn(standard_trials, normalized_trials)
    with _progress_bar(total, "simulating", "uniforms") as update:
        standard = list(article.standard_rows(standard_trials, seed=options.seed, progress=update))
        normalized = list(
            article.normalized_rows(normalized_trials, seed=options.seed, progress=update)
        )

    rows = standard + normalized
    if options.json:
        print(json.dumps([_row_as_dict(row) for row in rows], indent=1))
        return
    print(_STANDARD_TITLE)
    print(_STANDARD_HEAD)
    for row in standard:
        x, a = row.xavier, row.approximated
        print(
            f"{row.size[0]:5d}  {x.printed:9.6f}  {x.monte_carlo:9.6f} +- {x.standard_error:8.6f}"
            f"  {x.exact:9.6f}  {x.printed_deviation:+4.1f}  |  {a.printed:8.6f}  {a.exact:8.6f}"
            f"  {a.printed_deviation:+4.1f}  |  {row.letkeman:.6f}"
        )
    print(_NORMALIZED_TITLE)
    print(_NORMALIZED_HEAD)
    for row in normalized:
        x, a = row.xavier, row.approximated
        size = f"{row.size[0]}, {row.size[1]}" if row.quantity == "forward" else ""
        print(
            f"{size:>9}   {row.quantity:8}  {_six(x.printed)}  {_six(x.monte_carlo)} +-"
            f" {x.standard_error:8.2g}  {_six(x.exact)}  {x.printed_deviation:+4.1f}"
            f"  {_six(row.true_magnitude)}  |  {_six(a.printed)}  {_six(a.exact)}"
            f"  {a.printed_deviation:+4.1f}  |  {_six(row.letkeman)}"
        )
    worst = max(abs(row.xavier.monte_carlo_deviation) for row in rows)
    print(
        _LEGEND.format(
            standard=standard_trials, normalized=normalized_trials, seed=options.seed, worst=worst
        )
    )


def _six(value: float) -> str:
    """Return the value in eight columns, with six digits where they fit."""
    digits = 6 if value < 10 else 5 if value < 100 else 4 if value < 1000 else 3
    return f"{value:8.{digits}f}"


def _row_as_dict(row: Any) -> dict[str, Any]:
    entries = {
        name: {
            **entry._asdict(),
            "printed_deviation": entry.printed_deviation,
            "monte_carlo_deviation": entry.monte_carlo_deviation,
        }
        for name, entry in (("xavier", row.xavier), ("approximated", row.approximated))
    }
    return {**row._asdict(), **entries}


class _progress_bar:  # noqa: N801 - a context manager used like a function
    """A tqdm bar on stderr, shown only on a terminal and only if the work takes over a second."""

    def __init__(self, total: int, what: str, unit: str) -> None:
        self._arguments = {"total": total, "desc": what, "unit": f" {unit}", "unit_scale": True}

    def __enter__(self) -> Callable[[int], object]:
        from tqdm import tqdm

        self._bar = tqdm(**self._arguments, delay=1.0, leave=False, disable=None, file=sys.stderr)
        update: Callable[[int], object] = self._bar.update
        return update

    def __exit__(self, *exception: object) -> None:
        self._bar.close()
