"""Closed forms: their checks, and the same bits called, in Python and in C."""

from __future__ import annotations

import ctypes
import pickle
from dataclasses import replace

import numpy as np
import pytest
from c_library import compiled
from matplotlib.mathtext import MathTextParser

from irwinhall.approximations import FORMS, LAST
from irwinhall.approximations._expressions import PYTHON, C, Number, Symbol, write_source

SIZES = [*range(1, 70), 100, 1000, 10**6 - 1, 10**6, 12345678901, 2**53 - 1, 2**53]


def arguments(form):
    """Return sizes of the form's domain, or all pairs of some of them, as a list of tuples."""
    first, last = form.domain
    sizes = [n for n in SIZES if first <= n <= last]
    if len(form.variables) == 1:
        return [(n,) for n in sizes]
    return [(n, m) for n in sizes[::3] for m in sizes[::4]]


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """Return every form compiled from its as_c()."""
    folder = tmp_path_factory.mktemp("forms")
    signatures, sources = {}, []
    for name, form in FORMS.items():
        source = folder / f"{name}.c"
        source.write_text(form.as_c(), encoding="ascii")
        sources.append(source)
        signatures[name] = (ctypes.c_double, *[ctypes.c_double] * len(form.variables))
    strict = ("-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror")
    return compiled(folder, signatures, *strict, *sources)


@pytest.mark.parametrize("name", FORMS)
def test_the_python_text_gives_the_same_bits(name):
    namespace = {}
    exec(FORMS[name].as_python(), namespace)
    sizes = arguments(FORMS[name])
    assert [FORMS[name](*size) for size in sizes] == [namespace[name](*size) for size in sizes]


@pytest.mark.parametrize("name", FORMS)
def test_the_c_text_gives_the_same_bits(name, library):
    function = getattr(library, name)
    sizes = arguments(FORMS[name])
    assert [FORMS[name](*size) for size in sizes] == [function(*size) for size in sizes]


@pytest.mark.parametrize("name", FORMS)
def test_arrays_give_the_same_bits_as_scalars(name):
    sizes = arguments(FORMS[name])
    columns = [np.array(column) for column in zip(*sizes, strict=True)]
    assert FORMS[name](*columns).tolist() == [FORMS[name](*size) for size in sizes]


def test_arguments_broadcast():
    grid = FORMS["article_normalized"](np.arange(1, 4)[:, None], np.arange(1, 6))
    assert grid.shape == (3, 5)


@pytest.mark.parametrize(
    ("sizes", "error", "message"),
    [
        ((0,), ValueError, r"n must be from 1 to 2\*\*53 for series_2, got 0"),
        (
            (LAST + 1,),
            ValueError,
            r"n must be from 1 to 2\*\*53 for series_2, got 9007199254740993",
        ),
        (([3, -4],), ValueError, r"n must be from 1 to 2\*\*53 for series_2, got -4"),
        (
            (2.0,),
            TypeError,
            "n must be an integer or an array of integers, got one of float64",
        ),
        ((True,), TypeError, "n must be an integer or an array of integers, got True"),
        (("2",), TypeError, "n must be an integer or an array of integers, got one of <U1"),
        (([2, True],), TypeError, "n must be .* array of integers, got a list with booleans"),
        ((np.ma.array([2]),), TypeError, "n must be .* array of integers, not a masked one"),
        ((1, 2), TypeError, "series_2 takes n, got 2 arguments"),
    ],
)
def test_bad_sizes_are_named(sizes, error, message):
    with pytest.raises(error, match=message):
        FORMS["series_2"](*sizes)


def test_an_unknown_target_is_named():
    with pytest.raises(ValueError, match="target must be one of .*, got 'bound'"):
        replace(FORMS["series_1"], target="bound")


def test_a_form_is_shown_as_what_gives_it():
    form = FORMS["minimax_1e6"]
    assert eval(repr(form)) is form


def test_a_form_without_a_certificate_is_shown_in_one_line():
    assert repr(replace(FORMS["minimax_1e6"], certificate=None)) == (
        "<ClosedForm minimax_1e6: A(n), sizes 6 to 2^53>"
    )


def test_a_form_without_a_certificate_says_so():
    with pytest.raises(ValueError, match="series_1 has no certificate"):
        _ = replace(FORMS["series_1"], certificate=None).max_relative_error


@pytest.mark.parametrize("name", ["article_standard", "normalized_series_3"])
def test_a_form_survives_pickling(name):
    copy = pickle.loads(pickle.dumps(FORMS[name]))
    assert copy.as_c() == FORMS[name].as_c()


@pytest.mark.parametrize(
    ("name", "latex"),
    [
        ("series_3", r"1 + \frac{1}{20 \, n} + \frac{11}{1120 \, n^{2}}\right)"),
        (
            "minimax_1e12",
            r"\sqrt{\tfrac{2}{3\pi} \, \left(n + 0.10000000087 + \frac{0.022142654}{n}",
        ),
        ("minimax_1e12", r"- \frac{0.002142}{n^{3}}"),
        (
            "article_standard",
            r"\begin{cases} 0.5 \, \sqrt{n} & n = 1 \\ 0.471404520791 \, \sqrt{n} & n = 2 \\",
        ),
        ("tabulated_2", r"\frac{0.02655 - \frac{0.094}{n^{2}}}{n}"),
        ("article_normalized", r"b = 1.08 - \frac{0.08}{\sqrt{6 \, d - 5}}"),
        ("normalized_series_1", r"\frac{n + m}{m \, \hat{A}(n) + n \, \hat{A}(m)}"),
    ],
)
def test_latex_reads_as_one_would_write_it(name, latex):
    assert latex in FORMS[name].as_latex()


@pytest.mark.parametrize("name", FORMS)
def test_matplotlib_can_draw_the_latex(name):
    latex = FORMS[name].as_latex()
    if "cases" in latex:  # which its parser does not know
        latex = latex.replace(r"\begin{cases}", "").replace(r"\end{cases}", "")
        latex = latex.replace("&", ",").replace(r"\\", r"\;")
    MathTextParser("path").parse(f"${latex}$".replace(r"\tfrac", r"\frac"))


@pytest.mark.parametrize("name", FORMS)
def test_the_texts_are_pleasant_to_read(name):
    lines = [*FORMS[name].as_python().splitlines(), *FORMS[name].as_c().splitlines()]
    assert max(map(len, lines)) < 125
    assert not any(" + -" in line or " - -" in line or " if " in line.lstrip() for line in lines)


def test_first_values_are_returned_one_by_one():
    assert "    if n == 2:\n        return 0.6666666666666666\n" in FORMS["tabulated_1"].as_python()
    assert "    if (n == 2) return 0.6666666666666666;\n" in FORMS["tabulated_1"].as_c()


def test_signs_and_brackets_keep_the_order_of_operations():
    n = Symbol("n")
    formula = n - (Number("-2") + n) / (n * n) - (n - 1) * Number("-3")
    assert write_source(formula, PYTHON) == "n - (-2.0 + n) / (n * n) - (n - 1.0) * -3.0"
    assert write_source(n + Number("-2"), C) == "n - 2.0"
    assert write_source(n - Number("-2") * n / (n * n), C) == "n + 2.0 * n / (n * n)"
    assert write_source(n + (Number("-2") + n) / n, C) == "n + (-2.0 + n) / n"
