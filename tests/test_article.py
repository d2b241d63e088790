"""The article's tables against exact values, its own trial counts and our simulation."""

from __future__ import annotations

import math

import pytest

import irwinhall
from irwinhall import article

# Enough for small standard errors, few enough for a second.
STANDARD = list(article.standard_rows(trials=20_000, rng=1))
NORMALIZED = list(article.normalized_rows(trials=200, rng=1))
ROWS = STANDARD + NORMALIZED
ENTRIES = {
    f"{row.size} {row.quantity} {name}": entry
    for row in ROWS
    for name, entry in (("xavier", row.xavier), ("approximated", row.approximated))
}


def test_there_are_sixteen_sizes():
    assert len({row.size for row in ROWS}) == 16


def test_every_printed_figure_lies_within_what_its_trial_count_allows():
    deviations = {name: entry.printed_deviation for name, entry in ENTRIES.items()}
    assert len(deviations) == 72
    assert {name: d for name, d in deviations.items() if not abs(d) < 5} == {}


def test_our_simulation_lies_within_five_standard_errors():
    deviations = {name: entry.monte_carlo_deviation for name, entry in ENTRIES.items()}
    assert len(deviations) == 72
    assert {name: d for name, d in deviations.items() if not abs(d) < 5} == {}


def test_the_printed_standard_error_is_that_of_the_articles_trials():
    # |U| for one uniform on (-1, 1) has variance 1/12.
    assert STANDARD[0].xavier.printed_standard_error == pytest.approx(
        math.sqrt(1 / 12 / article.STANDARD_TRIALS), rel=0.05
    )


def test_our_bound_preserves_the_average_of_every_size():
    averages = [row.letkeman for row in ROWS if row.quantity in ("magnitude", "average")]
    assert averages == pytest.approx([1.0] * 16, abs=3e-16)


def test_true_magnitudes_are_those_of_the_xavier_bound():
    n, m = 10, 100
    forward, backward, average = (row for row in NORMALIZED if row.size == (n, m))
    preserved = irwinhall.preserved_magnitude(n, m, math.sqrt(6 / (n + m)))
    true = (forward.true_magnitude, backward.true_magnitude, average.true_magnitude)
    assert true == pytest.approx(preserved, rel=1e-15)


def test_the_programs_columns_are_divided_by_the_other_count():
    n, m = 10, 100
    forward, backward, _ = (row for row in NORMALIZED if row.size == (n, m))
    assert forward.xavier.exact == pytest.approx(backward.true_magnitude * n / m, rel=1e-15)
    assert backward.xavier.exact == pytest.approx(forward.true_magnitude * m / n, rel=1e-15)


def test_the_worst_approximation_is_eleven_percent_off():
    worst = max(row.approximated.exact for row in NORMALIZED if row.quantity == "average")
    assert worst == pytest.approx(1.109, abs=5e-4)


def test_progress_adds_up_to_the_uniforms_drawn():
    drawn = []
    list(article.standard_rows(trials=10, progress=drawn.append))
    list(article.normalized_rows(trials=3, progress=drawn.append))
    assert sum(drawn) == article.uniforms_drawn(10, 3)
