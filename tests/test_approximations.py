"""The closed forms: as printed, as accurate as they say, and how they compare."""

from __future__ import annotations

import math
from pathlib import Path

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import irwinhall
from irwinhall import approximations, exact
from irwinhall.approximations import FORMS, LAST

ROOT = Path(__file__).resolve().parent.parent


def printed_standard(n):
    """Return the article's approximate(n), written after its listing."""
    if n in (1, 2, 3):
        return {1: 0.5, 2: 0.471404520791, 3: 0.469097093716}[n]
    a = 0.039
    return (0.5 - a) + ((1.0 / math.sqrt(2.0 * n - 1.0)) ** 2) * a


def printed_normalized(n, m):
    """Return the article's approximate_normalized(n, m), written after its listing."""

    def part(value, limit, a):
        return (limit - a) + (1.0 / math.sqrt(6.0 * value - 5.0)) * a

    high, low = max(n, m), min(n, m)
    c = 1 / math.sqrt(0.5 * (high / low) + 0.5)
    return part(low, 0.866, 0.073) * part(high - low + 1, 1.0, -0.08) * c


def true_error(form, *sizes):
    """Return form/target - 1 to many digits, from the oracle."""
    if form.target == "magnitude":
        target = exact.expected_magnitude_mp(*sizes, dps=40)
    else:
        target = exact.letkeman_bound_mp(*sizes, dps=40)
    with mpmath.workdps(40):
        return mpmath.mpf(form(*sizes)) / target - 1


def sizes_of(form):
    """Return sizes spread over all orders of magnitude of a form's domain."""
    low, high = form.domain
    large = st.floats(math.log(low), math.log(high)).map(lambda x: max(low, int(math.exp(x))))
    one = st.integers(low, low + 60) | large.map(lambda n: min(n, high))
    return st.tuples(*[one] * len(form.variables))


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 25, 1000])
def test_standard_is_the_printed_formula(n):
    expected = math.sqrt(n) * printed_standard(n)
    assert FORMS["article_standard"](n) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(("n", "m"), [(1, 1), (10, 100), (100, 10), (3, 10000), (50, 51)])
def test_normalized_is_the_printed_formula(n, m):
    expected = math.sqrt(6.0 / (n + m)) / printed_normalized(n, m)
    assert FORMS["article_normalized"](n, m) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("name", FORMS)
def test_no_size_is_worse_than_the_certificate_says(name):
    form = FORMS[name]

    @settings(max_examples=40, database=None)
    @given(sizes_of(form))
    def check(sizes):
        assert abs(true_error(form, *sizes)) <= form.max_relative_error

    check()


@pytest.mark.parametrize("name", FORMS)
def test_the_certified_error_is_reached(name):
    form = FORMS[name]
    where = form.argmax if isinstance(form.argmax, tuple) else (form.argmax,)
    reached = abs(true_error(form, *(LAST if n == math.inf else n for n in where)))
    # Three digits, rounded up, and for products the tolerance of the bound.
    assert 0.988 * form.max_relative_error <= reached


@pytest.mark.parametrize("places", [3, 6, 9, 12])
def test_minimax_forms_reach_what_their_name_says(places):
    assert FORMS[f"minimax_1e{places}"].max_relative_error <= 10.0**-places


def test_the_articles_forms_are_as_wrong_as_documented():
    errors = [FORMS[name].max_relative_error for name in ("article_standard", "article_normalized")]
    assert errors == [0.000741, 0.125]


def test_two_constants_and_one_root_beat_the_articles_formula_thirty_times():
    ours = FORMS["tabulated_2"]
    assert (len(ours.parameters), ours.as_c().count("sqrt(")) == (2, 1)
    assert FORMS["article_standard"].max_relative_error > 30 * ours.max_relative_error


def test_the_normalized_form_of_it_beats_the_articles_six_thousand_times():
    ours, theirs = FORMS["normalized_tabulated_2"], FORMS["article_normalized"]
    assert len(ours.parameters) <= len(theirs.parameters)
    assert theirs.max_relative_error > 6000 * ours.max_relative_error


@pytest.mark.parametrize(
    ("refit", "printed"),
    [
        ("article_standard_refit", "article_standard"),
        ("article_normalized_refit", "article_normalized"),
    ],
)
def test_a_refit_is_better_than_what_is_printed(refit, printed):
    assert FORMS[refit].max_relative_error < FORMS[printed].max_relative_error


def test_forms_of_one_target_are_a_part_of_all():
    magnitudes = approximations.closed_forms("magnitude")
    bounds = approximations.closed_forms("normalized_bound")
    assert {form.name for form in (*magnitudes, *bounds)} == set(FORMS)


def test_every_form_of_the_magnitude_has_a_normalized_one():
    names = {f"normalized_{form.name}" for form in approximations.closed_forms("magnitude")}
    assert names < set(FORMS)


def test_an_unknown_target_is_named():
    with pytest.raises(ValueError, match="target must be one of .*, got 'bound'"):
        approximations.closed_forms("bound")


def test_the_pages_say_how_far_off_the_article_is():
    article, readme = (
        " ".join((ROOT / page).read_text(encoding="utf-8").split())
        for page in ("docs/article.md", "README.md")
    )
    standard, normalized = FORMS["article_standard"], FORMS["article_normalized"]
    sizes = np.arange(1, 1001)
    bounds = irwinhall.letkeman_bound(sizes[:, None], sizes)
    errors = normalized(sizes[:, None], sizes) / bounds - 1
    worst = sorted(int(sizes[i]) for i in np.unravel_index(np.abs(errors).argmax(), errors.shape))
    in_its_table = 1 + errors[9, 99]
    assert f"where the exact value is {in_its_table:.4f}." in article
    assert f"off by up to {100 * (in_its_table - 1):.0f} % in its own table" in readme
    assert f"by up to {100 * normalized.max_relative_error:.1f} % elsewhere" in article
    assert f"by up to {100 * normalized.max_relative_error:.1f} % elsewhere" in readme
    assert f"by up to {100 * np.abs(errors).max():.1f} %, at {tuple(worst)}" in article
    assert f"off by {100 * standard.max_relative_error:.3f} % for large n" in article
    assert f"instead of sqrt(2/(3 pi)) = {math.sqrt(2 / (3 * math.pi)):.5f}" in article
