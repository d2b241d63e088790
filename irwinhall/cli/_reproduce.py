"""Print the article's tables: its figures, our simulation, the exact values."""

from __future__ import annotations

import argparse
import json
from typing import Any

from irwinhall.cli._shared import progress_bar


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--trials",
        type=int,
        metavar="T",
        help="trials a size (default: the article's 1000000 and 5000)",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the simulation (default 0)")


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


def run(options: argparse.Namespace) -> None:
    from irwinhall.tables import article

    standard_trials = article.STANDARD_TRIALS if options.trials is None else options.trials
    normalized_trials = article.NORMALIZED_TRIALS if options.trials is None else options.trials
    if standard_trials < 2:
        raise ValueError(f"--trials must be at least 2, got {standard_trials}")
    if options.seed < 0:
        raise ValueError(f"--seed must be at least 0, got {options.seed}")
    total = article.uniforms_drawn(standard_trials, normalized_trials)
    with progress_bar(total, "simulating", "uniforms") as update:
        standard = list(article.standard_rows(standard_trials, rng=options.seed, progress=update))
        normalized = list(
            article.normalized_rows(normalized_trials, rng=options.seed, progress=update)
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
