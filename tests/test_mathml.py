"""Formulas in MathML: every closed form's, well-formed, with nothing lost."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import pytest

from irwinhall import approximations
from irwinhall.tables._mathml import mathml


def shape(element):
    """Return an element as nested tuples, a leaf as its text, a row of one as what is in it."""
    parts = [shape(part) for part in element]
    if element.tag in ("mn", "mi", "mo", "mspace"):
        return element.text or ""
    return parts[0] if element.tag == "mrow" and len(parts) == 1 else (element.tag, *parts)


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        (r"\frac{1}{20 \, n}", ("mfrac", "1", ("mrow", "20", "", "n"))),
        (r"n^{2}", ("msup", "n", "2")),
        (r"c_{1} x", ("mrow", ("msub", "c", "1"), "x")),
        (r"\sqrt{n - 0.5}", ("msqrt", ("mrow", "n", "\N{MINUS SIGN}", "0.5"))),
        (r"\hat{A}(m)", ("mrow", ("mover", "A", "^"), "(", "m", ")")),
        (r"\left(n + 1\right)^{2}", ("msup", ("mrow", "(", "n", "+", "1", ")"), "2")),
        (r"\mathit{low} = \min(n, m)", ("mrow", "low", "=", "min", "(", "n", ",", "m", ")")),
        (
            r"\begin{cases} 0.5 & n = 1 \\ n^{2} & n > 1 \end{cases}",
            (
                "mrow",
                "{",
                (
                    "mtable",
                    ("mtr", ("mtd", "0.5"), ("mtd", "n", "=", "1")),
                    ("mtr", ("mtd", ("msup", "n", "2")), ("mtd", "n", ">", "1")),
                ),
            ),
        ),
    ],
)
def test_latex_has_its_elements(latex, expected):
    (row,) = ElementTree.fromstring(mathml(latex))
    assert shape(row) == expected


def test_parentheses_stretch_only_where_the_formula_says_so():
    (row,) = ElementTree.fromstring(mathml(r"A(n) = \left(1 + \frac{1}{n}\right)"))
    marks = [(part.text, part.get("stretchy")) for part in row.iter("mo") if part.text in "()"]
    assert marks == [("(", "false"), (")", "false"), ("(", None), (")", None)]


@pytest.mark.parametrize("name", approximations.FORMS)
def test_a_closed_form_loses_no_number_and_no_name(name):
    latex = approximations.FORMS[name].as_latex()
    element = ElementTree.fromstring(mathml(latex))
    numbers = [part.text for part in element.iter("mn")]
    assert numbers == re.findall(r"\d+(?:\.\d+)?", latex)
    names = [part.text for part in element.iter("mi") if len(part.text) == 1]
    without_commands = re.sub(r"\\(?:begin|end|mathit|mathrm){\w+}|\\(?!pi|ell)[a-z]+", " ", latex)
    letters = re.findall(r"\\pi|\\ell|[A-Za-z]", without_commands)
    assert names == [
        {r"\pi": "π", r"\ell": "\N{SCRIPT SMALL L}"}.get(letter, letter) for letter in letters
    ]


@pytest.mark.parametrize(
    "latex", [r"\int", r"\frac{1}", r"{", r"\sqrt{n", r"\begin{matrix} 1 \end{matrix}", "n^"]
)
def test_other_latex_is_refused(latex):
    with pytest.raises(ValueError, match="formula must"):
        mathml(latex)
