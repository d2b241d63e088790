"""Print the article's tables: its figures, our simulation and the exact values."""

from __future__ import annotations

import argparse
import json
from typing import Any

from irwinhall.cli._layout import columns, paragraphs
from irwinhall.cli._shared import add_seed, progress_bar


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--trials",
        type=int,
        metavar="T",
        help="trials per size (default: the article's 1000000 and 5000)",
    )
    add_seed(parser, "the simulation")


_STANDARD_TITLE = """\
Standard: the magnitude that n weights uniform on (-b, b) make of n ones, E|w_1 + ... + w_n|.
Xavier: b = 1/sqrt(n); approximated: that over the article's approximation of the magnitude.
"""
_STANDARD_HEAD = (
    *("n", "Xavier:\narticle", "Monte\nCarlo", "standard\nerror", "exact", "dev"),
    *("approximated:\narticle", "exact", "dev", "Letkeman:\nexact"),
)
_NORMALIZED_TITLE = """
Normalized: n inputs, m outputs.
Xavier: b = sqrt(6/(n + m)); approximated: that over the article's approximation. The article's
  program divides by the other side's count, so that "forward" is (n/m) b A(m) and "backward"
  (m/n) b A(n); "true" is what the names say, b A(n) and b A(m).
"""
_NORMALIZED_HEAD = (
    *("n, m", "column", "Xavier:\narticle", "Monte\nCarlo", "standard\nerror", "exact", "dev"),
    *("true", "approximated:\narticle", "exact", "dev", "Letkeman:\nexact"),
)
_LEGEND = """
dev: the article's figure minus the exact one, in standard errors of its own number of trials.
Monte Carlo: {standard} and {normalized} trials a size, seed {seed}; all figures within {worst:.1f}
  standard errors of the exact ones."""


def run(options: argparse.Namespace) -> None:
    from irwinhall.tables import article

    standard_trials = article.STANDARD_TRIALS if options.trials is None else options.trials
    normalized_trials = article.NORMALIZED_TRIALS if options.trials is None else options.trials
    total = article.uniforms_drawn(standard_trials, normalized_trials)
    with progress_bar(total, "simulating", "uniforms") as update:
        standard = list(article.standard_rows(standard_trials, rng=options.rng, progress=update))
        normalized = list(
            article.normalized_rows(normalized_trials, rng=options.rng, progress=update)
        )

    rows = standard + normalized
    if options.json:
        print(json.dumps([_row_as_dict(row) for row in rows], indent=1))
        return
    print(paragraphs(_STANDARD_TITLE))
    print(
        columns(
            _STANDARD_HEAD,
            [(str(row.size[0]), *_figures(row)) for row in standard],
            left=(),
            breaks=(6,),
        )
    )
    print(paragraphs(_NORMALIZED_TITLE))
    cells = []
    for row in normalized:
        *xavier, article_figure, exact, deviation, letkeman = _figures(row)
        true = _six(row.true_magnitude)
        size = ", ".join(map(str, row.size))
        cells.append(
            (size, row.quantity, *xavier, true, article_figure, exact, deviation, letkeman)
        )
    print(columns(_NORMALIZED_HEAD, cells, keys=2, left=(1,), breaks=(8,)))
    worst = max(abs(row.xavier.monte_carlo_deviation) for row in rows)
    legend = _LEGEND.format(
        standard=standard_trials, normalized=normalized_trials, seed=options.rng, worst=worst
    )
    print(paragraphs(legend))


def _figures(row: Any) -> tuple[str, ...]:
    """Return the figures of a row as text, without the true magnitude."""
    x, a = row.xavier, row.approximated
    return (
        *(_six(x.printed), _six(x.monte_carlo), f"{x.standard_error:.2g}", _six(x.exact)),
        *(f"{x.printed_deviation:+.1f}", _six(a.printed), _six(a.exact)),
        *(f"{a.printed_deviation:+.1f}", _six(row.letkeman)),
    )


def _six(value: float) -> str:
    """Return the value with six digits behind the point, or fewer for large ones."""
    digits = 6 if value < 10 else 5 if value < 100 else 4 if value < 1000 else 3
    return f"{value:.{digits}f}"


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
