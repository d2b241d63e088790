"""The tables: every cell against an oracle, the same text in every format and everywhere."""

from __future__ import annotations

import csv
import io
import json
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import oracle
import pytest
from flint import arb

from irwinhall import approximations, article, executors, tables
from irwinhall.approximations import Certificate

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def standard():
    return tables.standard_table(300)


@pytest.fixture(scope="module")
def normalized():
    return tables.normalized_table(9)


def assert_digits(text, ball):
    """Check that a text has 20 significant digits, the last one rounded to nearest."""
    mantissa = text.replace(".", "").lstrip("0")
    assert (len(mantissa), "e" in text) == (20, False)
    unit = Fraction(text) / int(mantissa)
    assert abs(ball - arb(text)) <= arb(str(unit.numerator)) / unit.denominator * 0.5000001


def assert_error(printed, value, ball):
    """Check a relative error of three digits, of a double against the exact number."""
    error = float(((arb(value) - ball) / ball).mid())
    assert printed == pytest.approx(error, rel=5.1e-3, abs=2.5e-16)


# ---- standard ------------------------------------------------------------------------------------


def test_the_standard_table_has_a_row_for_every_n(standard):
    assert [row[0] for row in standard.rows] == list(range(1, 301))


def test_small_magnitudes_are_fractions(standard):
    rows = tables.records(standard)
    assert [row["exact"] for row in rows[:4]] == ["1/2", "2/3", "13/16", "14/15"]
    for row in rows[:20]:
        fraction = Fraction(row["exact"])
        assert oracle.magnitude(row["n"]).contains(arb(fraction.numerator) / fraction.denominator)
    assert {row["exact"] for row in rows[20:]} == {None}


def test_magnitudes_have_twenty_digits_and_are_the_nearest_doubles(standard):
    for row in tables.records(standard):
        ball = oracle.magnitude(row["n"])
        assert_digits(row["digits"], ball)
        assert oracle.rounds_to(ball, row["magnitude"])
        assert oracle.rounds_to(1 / ball, row["bound"])


def test_every_form_of_the_magnitude_has_its_error(standard):
    for form in approximations.closed_forms("magnitude"):
        for row in tables.records(standard)[form.domain[0] - 1 :: 7]:
            assert_error(row[form.name], form(row["n"]), oracle.magnitude(row["n"]))


def test_the_articles_form_is_off_by_seven_in_ten_thousand(standard):
    assert tables.records(standard)[-1]["article_standard"] == 0.000715


def test_a_form_that_does_not_cover_a_size_has_no_error_there(monkeypatch):
    (form,) = (f for f in approximations.closed_forms() if f.name == "series_2")
    limited = type(form)(
        form.name, form.target, form.about, form.parameters, form.steps, domain=(3, 5)
    )
    monkeypatch.setattr(approximations, "closed_forms", lambda target: [limited])
    errors = [row["series_2"] for row in tables.records(tables.standard_table(7))]
    assert [error is None for error in errors] == [True, True, False, False, False, True, True]


# ---- normalized ----------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 7, 25, 60])
def test_grid_sizes_are_the_nearest_integers_to_equal_ratios(count):
    steps = count - 1
    wanted = set()
    for i in range(count):
        # (s - 1/2)^steps <= 10^(6 i) <= (s + 1/2)^steps, in integers.
        power = 10 ** (6 * i) << steps
        near = round(10 ** (6 * i / steps))
        (size,) = (
            s
            for s in range(max(1, near - 2), near + 3)
            if (2 * s - 1) ** steps <= power < (2 * s + 1) ** steps
        )
        wanted.add(size)
    assert tables.grid_sizes(count) == sorted(wanted)


def test_the_normalized_table_has_a_row_for_every_pair(normalized):
    sizes = tables.grid_sizes(9)
    assert [row[:2] for row in normalized.rows] == [(n, m) for n in sizes for m in sizes if n <= m]


def test_bounds_have_twenty_digits_and_are_the_nearest_doubles(normalized):
    for row in tables.records(normalized):
        ball = oracle.normalized_bound(row["n"], row["m"])
        assert_digits(row["digits"], ball)
        assert oracle.rounds_to(ball, row["bound"])
        forward, backward, _ = oracle.preserved(row["n"], row["m"], ball)
        assert row["forward"] == pytest.approx(float(forward.mid()), rel=6e-10)
        assert row["backward"] == pytest.approx(float(backward.mid()), rel=6e-10)


def test_every_form_of_the_bound_has_its_error(normalized):
    for form in approximations.closed_forms("normalized_bound"):
        for row in tables.records(normalized):
            if min(row["n"], row["m"]) >= form.domain[0]:
                n, m = row["n"], row["m"]
                assert_error(row[form.name], form(n, m), oracle.normalized_bound(n, m))


# ---- the article ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def printed():
    done = []
    return tables.article_table(progress=done.append), sum(done)


def test_the_article_table_has_every_figure_that_the_article_prints(printed):
    rows = tables.records(printed[0])
    assert len(rows) == 6 + 3 * 10
    first, last = rows[0], rows[-1]
    assert (first["n"], first["m"], first["quantity"]) == (1, None, "magnitude")
    assert (first["xavier_printed"], first["xavier_exact"]) == (0.500474810495207, 0.5)
    assert (last["n"], last["m"], last["quantity"]) == (3, 10_000, "average")
    assert last["approximated_printed"] == 0.9407402961388404


def test_the_simulation_of_the_article_agrees_with_the_exact_values(printed):
    for row in tables.records(printed[0]):
        for bound in ("xavier", "approximated"):
            error = row[f"{bound}_simulated"] - row[f"{bound}_exact"]
            assert abs(error) < 5 * row[f"{bound}_standard_error"]


def test_its_progress_counts_every_uniform(printed):
    trials = article.STANDARD_TRIALS, article.NORMALIZED_TRIALS
    assert printed[1] == article.uniforms_drawn(*trials)


# ---- closed forms --------------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch):
    """Certificates that cost nothing."""

    def certify(form, map):
        where = (1, float("inf")) if form.target == "normalized_bound" else 7
        return Certificate(0.125, where, "by decree")

    monkeypatch.setattr(approximations, "certify", certify)


def test_closed_forms_are_certified_with_the_executor(quick):
    with ThreadPoolExecutor(1) as executor:
        rows = tables.records(tables.closed_forms_table(executor=executor))
    assert [row["form"] for row in rows] == list(approximations.FORMS)
    for row in rows:
        form = approximations.FORMS[row["form"]]
        assert (row["max_relative_error"], row["certificate"]) == (0.125, "by decree")
        assert row["where"] == ("7" if form.target == "magnitude" else "1, infinity")
        assert (row["formula"], row["first"], row["last"]) == (form.as_latex(), *form.domain)
        assert "relative error at most 0.125" in row["python"]
        assert f"double {row['form']}(double n" in row["c"]


def test_progress_counts_forms_and_rows(quick):
    done = []
    tables.closed_forms_table(progress=done.append)
    assert done == [1] * len(approximations.FORMS)
    done.clear()
    tables.standard_table(600, progress=done.append)
    assert done == [256, 256, 88]


def test_the_document_of_closed_forms_has_all_of_each(quick):
    table = tables.closed_forms_table()
    document = tables.rendered(table)["closed-forms.md"]
    for row in tables.records(table):
        assert f"\n| [{row['form']}](#{row['form']}) | " in document
        assert f"\n### {row['form']}\n\n{row['about']}\n\n```math\n{row['formula']}\n" in document
        assert f"\n```python\n{row['python'].strip()}\n```\n" in document
        assert f"\n```c\n{row['c'].strip()}\n```\n" in document


def test_the_page_of_closed_forms_is_that_of_the_recorded_certificates(monkeypatch):
    monkeypatch.setattr(approximations, "certify", lambda form, map: form.certificate)
    document = tables.rendered(tables.closed_forms_table())["closed-forms.md"]
    page = ROOT / "docs" / "closed-forms.md"
    assert page.read_text() == document, "run: irwinhall tables; cp tables/closed-forms.md docs/"


def test_a_recorded_certificate_is_what_the_table_certifies(monkeypatch):
    forms = [approximations.FORMS[name] for name in ("tabulated_2", "normalized_minimax_1e6")]
    monkeypatch.setattr(approximations, "closed_forms", lambda: forms)
    with ThreadPoolExecutor(2) as executor:
        rows = tables.records(tables.closed_forms_table(executor=executor))
    assert [row["max_relative_error"] for row in rows] == [f.max_relative_error for f in forms]
    assert [row["where"] for row in rows] == ["5", "7, 7"]


# ---- text ----------------------------------------------------------------------------------------


def test_all_formats_hold_the_same_cells(standard, normalized, quick):
    for table in (standard, normalized, tables.closed_forms_table()):
        files = tables.rendered(table)
        rows = json.loads(files[f"{table.name}.json"])
        assert rows == tables.records(table)
        head, *lines = csv.reader(io.StringIO(files[f"{table.name}.csv"]))
        assert tuple(head) == table.columns
        cells = [["" if cell is None else str(cell) for cell in row] for row in table.rows]
        assert lines == cells
        if table.name != "closed-forms":
            caption, _, head, _, *lines = files[f"{table.name}.md"].splitlines()
            assert (caption, head) == (table.caption, f"| {' | '.join(table.columns)} |")
            assert [[c.strip() for c in line.split("|")[1:-1]] for line in lines] == cells


def test_json_has_a_line_for_every_row(normalized):
    text = tables.rendered(normalized)["normalized.json"]
    assert len(text.splitlines()) == len(normalized.rows) + 2


def test_pieces_change_nothing(monkeypatch, standard, normalized):
    monkeypatch.setattr(tables._builders, "_PIECE", 37)
    with ThreadPoolExecutor(3) as executor:
        assert tables.standard_table(300, executor=executor) == standard
        assert tables.normalized_table(9, executor=executor) == normalized


def test_processes_change_nothing(standard, normalized):
    with executors.processes(2) as executor:
        assert tables.standard_table(300, executor=executor) == standard
        assert tables.normalized_table(9, executor=executor) == normalized


@pytest.mark.parametrize(
    ("build", "argument", "error", "message"),
    [
        (tables.standard_table, 0, ValueError, "max_n must be at least 1, got 0"),
        (tables.standard_table, 10**6, ValueError, "max_n must be from 1 to 100000, got 1000000"),
        (tables.standard_table, 10.0, TypeError, r"max_n must be an integer, got 10.0 \(float\)"),
        (tables.grid_sizes, 1, ValueError, "count must be at least 2, got 1"),
        (tables.normalized_table, 1, ValueError, "sizes must be at least 2, got 1"),
        (tables.normalized_table, 401, ValueError, "sizes must be from 2 to 400, got 401"),
        (tables.normalized_table, True, TypeError, r"sizes must be an integer, got True"),
    ],
)
def test_bad_arguments_are_named(build, argument, error, message):
    with pytest.raises(error, match=message):
        build(argument)


def test_latex_escapes_what_latex_would_read():
    table = tables.Table("a_b", "50 % of {x} & y_1.", ("a_b", "formula"), [(1, r"\frac{1}{2}")])
    head = r"a\_b & formula \\"
    assert tables.rendered(table)["a_b.tex"].splitlines() == [
        "% a_b: needs the packages amsmath, booktabs and longtable.",
        r"\begin{longtable}{rl}",
        r"\caption{50 \% of \{x\} \& y\_1.}\\",
        *(r"\toprule", head, r"\midrule", r"\endfirsthead"),
        *(r"\toprule", head, r"\midrule", r"\endhead"),
        *(r"\bottomrule", r"\endfoot"),
        r"1 & $\frac{1}{2}$ \\",
        r"\end{longtable}",
    ]


def test_latex_leaves_programs_out_and_empty_cells_empty():
    columns = ("form", "python", "c", "certificate", "n")
    text = tables.rendered(tables.Table("t", "T.", columns, [("f", "p", "c", "x", None)]))["t.tex"]
    assert r"form & n \\" in text
    assert "f &  \\\\" in text
