"""Fits: best by Chebyshev's criterion, rounded without loss, and with no constant to spare."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from irwinhall import exact
from irwinhall._codegen import fitting
from irwinhall.approximations import FORMS
from irwinhall.approximations._expressions import Number, Polynomial, Symbol, square_root
from irwinhall.approximations._families import FAMILIES, Family

N = Symbol("n")
FITTED = {family.name: family for family in FAMILIES if family.start}
MAGNITUDES = [name for name, family in FITTED.items() if family.target == "magnitude"]


def alternations(errors):
    """Return how many times in a row the extreme error is taken with the other sign."""
    signs = np.sign(errors[abs(errors) > 0.998 * abs(errors).max()])
    return 1 + int((np.diff(signs) != 0).sum())


@pytest.mark.parametrize("name", MAGNITUDES)
def test_the_best_error_alternates_once_more_than_there_are_constants(name):
    fit = fitting.minimax(FITTED[name])
    assert alternations(fit.errors) == len(fit.constants) + 1


@pytest.mark.parametrize("name", FITTED)
def test_rounding_costs_no_more_than_two_percent(name):
    held = {key: float(text) for key, text in FORMS[name].parameters.items()}
    best, printed = fitting.minimax(FITTED[name]), fitting.minimax(FITTED[name], held)
    assert best.error <= printed.error <= 1.02 * best.error


def test_a_family_without_start_cannot_be_fitted():
    with pytest.raises(ValueError, match="must have initial values, got series_1"):
        fitting.minimax(next(family for family in FAMILIES if family.name == "series_1"))


# ---- no fewer constants would do -----------------------------------------------------------------


def squared_series(count):
    """Return the coefficients of the series of A(n)^2 (3 pi/2)/n."""
    c = exact.series_coefficients(count)
    return [sum((c[i] * c[k - i] for i in range(k + 1)), Fraction(0)) for k in range(count)]


def pade(above, below):
    """Return numerator and denominator of the Pade approximant, without their leading ones."""
    c = [0.0] * below + [float(x) for x in squared_series(above + below + 1)]
    rows = range(above + 1 + below, above + 1 + 2 * below)
    matrix = np.array([[c[k - j] for j in range(1, below + 1)] for k in rows])
    q = np.linalg.solve(matrix, [-c[k] for k in rows]).tolist() if below else []
    p = [sum(c[k + below - j] * x for j, x in enumerate([1.0, *q])) for k in range(1, above + 1)]
    return p, q


def rational(above, below, first):
    """Return the family sqrt(2n/(3 pi) P(1/n)/Q(1/n)) for n >= first, started at Pade's."""
    p, q = pade(above, below)
    start = {f"p{k}": x for k, x in enumerate(p)} | {f"q{k}": x for k, x in enumerate(q)}
    leading = Number(repr(2 / (3 * math.pi)))

    def steps(constants):
        tops = (Number("1"), *(constants[f"p{k}"] for k in range(above)))
        bottoms = (Number("1"), *(constants[f"q{k}"] for k in range(below)))
        ratio = Polynomial(tops, N) / Polynomial(bottoms, N)
        return ((Symbol("magnitude"), square_root(leading * N * ratio)),)

    return Family("rational", "magnitude", "", steps, start=start, first=first, fitted_from=first)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_no_rational_form_of_fewer_constants_reaches_what_a_minimax_form_does(count):
    first = FITTED[f"minimax_1e{3 * count}"].fitted_from
    families = [rational(above, count - 1 - above, first) for above in range(count)]
    assert min(fitting.minimax(family).error for family in families) > 10.0 ** (-3 * count)
