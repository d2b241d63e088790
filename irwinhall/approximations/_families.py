"""The families of closed forms: formulas whose constants are given or fitted.

The constants of a family are texts if they are those of the article or the series. Otherwise the
family has initial values, and `_codegen.fitting` finds the best constants.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from irwinhall import exact
from irwinhall.approximations._closedform import LAST, ClosedForm, Target
from irwinhall.approximations._expressions import (
    Applied,
    Expression,
    FirstValues,
    Number,
    Polynomial,
    Symbol,
    larger,
    smaller,
    square_root,
)

__all__ = ["FAMILIES", "Family", "closed_form", "closed_forms", "factored", "mean_of"]

Steps: TypeAlias = tuple[tuple[Symbol, Expression], ...]
Constants: TypeAlias = Mapping[str, Expression]

_N, _M = Symbol("n"), Symbol("m")
_LOW, _HIGH = Symbol("low", r"\ell"), Symbol("high", "h")
_DIFFERENCE, _RATIO = Symbol("difference", "d"), Symbol("ratio", "r")
_A, _B, _C = Symbol("a"), Symbol("b"), Symbol("c")
_MAGNITUDE, _BOUND = Symbol("magnitude"), Symbol("bound")
_ROOT = Number(repr(math.sqrt(2 / (3 * math.pi))), r"\sqrt{\tfrac{2}{3\pi}}")
_SQUARE = Number(repr(2 / (3 * math.pi)), r"\tfrac{2}{3\pi}")


@dataclass(frozen=True)
class Family:
    """A formula as a function of its constants, with the constants or initial values of a fit.

    `fitted_from` is the smallest size that the fit includes; smaller sizes are tabulated.
    """

    name: str
    target: Target
    about: str
    steps: Callable[[Constants], Steps]
    parameters: Mapping[str, str] | None = None
    start: Mapping[str, float] | None = None
    first: int = 1
    fitted_from: int = 1


def closed_form(family: Family, parameters: Mapping[str, str]) -> ClosedForm:
    """Return the form of a family with the given constants."""
    numbers = {name: Number(text) for name, text in parameters.items()}
    domain = family.first, LAST
    steps = family.steps(numbers)
    return ClosedForm(family.name, family.target, family.about, dict(parameters), steps, domain)


def closed_forms(fitted: Mapping[str, Mapping[str, str]]) -> Iterator[ClosedForm]:
    """Yield the form of every family, then a form of the bound for every form of A(n)."""
    forms = [
        closed_form(family, fitted[family.name] if family.parameters is None else family.parameters)
        for family in FAMILIES
    ]
    yield from forms
    for form in forms:
        if form.target == "magnitude":
            yield _normalized(form)


def _normalized(base: ClosedForm) -> ClosedForm:
    """Return the form of the normalized bound that uses a form of A(n)."""
    return ClosedForm(
        f"normalized_{base.name}",
        "normalized_bound",
        f"(n + m)/(m A(n) + n A(m)) with {base.name} for A.",
        base.parameters,
        mean_of(base),
        base.domain,
        base=base,
    )


def mean_of(base: ClosedForm) -> Steps:
    """Return the steps of (n + m)/(m A(n) + n A(m)) with a form of A(n) for A."""
    of_n, of_m = (Applied(base.name, base.applied, x, r"\hat{A}") for x in (_N, _M))
    return ((_BOUND, (_N + _M) / (_M * of_n + _N * of_m)),)


# ---- A(n) ----------------------------------------------------------------------------------------

_EXACT_FIRST = tuple(Number(str(exact.expected_magnitude(n))) for n in (1, 2, 3))
_BY_HAND = ("0.5", "0.471404520791", "0.469097093716")


def _magnitude(formula: Expression, *, tabulated: bool = False) -> Steps:
    return ((_MAGNITUDE, FirstValues(_EXACT_FIRST, _N, formula) if tabulated else formula),)


def _article_standard(constants: Constants) -> Steps:
    root = square_root(_N)
    formula = root * (constants["limit"] + constants["a"] / (2 * _N - 1))
    return _magnitude(FirstValues(tuple(Number(text) * root for text in _BY_HAND), _N, formula))


def _article_standard_refit(constants: Constants) -> Steps:
    ratio = constants["limit"] + constants["a"] / (2 * _N - 1)
    return _magnitude(square_root(_N) * ratio, tabulated=True)


def _series(constants: Constants) -> Steps:
    leading = _ROOT * square_root(_N)
    if not constants:
        return _magnitude(leading)
    return _magnitude(leading * Polynomial((Number("1"), *constants.values()), _N))


def _shifted_root(constants: Constants, *, tabulated: bool = False) -> Steps:
    return _magnitude(square_root(_SQUARE * (_N + constants["d"])), tabulated=tabulated)


def _tabulated_shifted_root(constants: Constants) -> Steps:
    return _shifted_root(constants, tabulated=True)


def _tabulated_1(constants: Constants) -> Steps:
    inner = _N + Number("1/10") + constants["b"] / _N
    return _magnitude(square_root(_SQUARE * inner), tabulated=True)


def _tabulated_2(constants: Constants) -> Steps:
    inner = _N + Number("1/10") + (constants["b"] + constants["c"] / (_N * _N)) / _N
    return _magnitude(square_root(_SQUARE * inner), tabulated=True)


def _minimax(constants: Constants) -> Steps:
    inner = _N + Polynomial(tuple(constants.values()), _N)
    return _magnitude(square_root(_SQUARE * inner))


def _series_family(terms: int) -> Family:
    coefficients = exact.series_coefficients(terms)
    return Family(
        f"series_{terms}",
        "magnitude",
        f"{terms} term{'s' * (terms > 1)} of the asymptotic series.",
        _series,
        parameters={f"c{k}": str(c) for k, c in enumerate(coefficients) if k},
    )


def _minimax_family(count: int) -> Family:
    first = 3 << (count - 1)
    return Family(
        f"minimax_1e{3 * count}",
        "magnitude",
        f"Accurate to 1e-{3 * count} for n >= {first}, with {count} constant{'s' * (count > 1)}.",
        _minimax,
        start={f"s{k}": 0.1 / (k + 1) ** 2 for k in range(count)},
        first=first,
        fitted_from=first,
    )


# ---- the normalized bound ------------------------------------------------------------------------


def factored(a: Expression, b: Expression | None, c: Expression) -> Steps:
    """Return the steps of sqrt(6/(n + m)) / (a(low) b(difference) c(ratio)); b may be left out."""
    of_difference = ((_DIFFERENCE, _HIGH - _LOW + 1), (_B, b)) if b is not None else ()
    return (
        (_LOW, smaller(_N, _M)),
        (_HIGH, larger(_N, _M)),
        (_RATIO, _HIGH / _LOW),
        *of_difference,
        (_A, a),
        (_C, c),
        (_BOUND, square_root(6 / (_N + _M)) / (_A * _C if b is None else _A * _B * _C)),
    )


def _article_normalized(constants: Constants) -> Steps:
    a = constants["a0"] + constants["a1"] / square_root(6 * _LOW - 5)
    b = constants["b0"] - constants["b1"] / square_root(6 * _DIFFERENCE - 5)
    return factored(a, b, 1 / square_root(constants["c1"] * _RATIO + constants["c0"]))


def _article_normalized_refit(constants: Constants) -> Steps:
    a = constants["a0"] + constants["a1"] / square_root(6 * _LOW - 5)
    b = 1 + constants["b1"] * (1 - 1 / square_root(6 * _DIFFERENCE - 5))
    c = 1 / square_root(1 + constants["c1"] * (_RATIO - 1))
    return factored(a, b, c)


def _product(constants: Constants) -> Steps:
    a = constants["a0"] + constants["a1"] / square_root(6 * _LOW - 5)
    c = (_RATIO + square_root(_RATIO)) / ((1 + _RATIO) * square_root(1 + _RATIO))
    return factored(a, None, c)


FAMILIES: tuple[Family, ...] = (
    Family(
        "article_standard",
        "magnitude",
        "The article's approximation of A(n)/sqrt(n), as printed, times sqrt(n).",
        _article_standard,
        parameters={"limit": "0.461", "a": "0.039"},
    ),
    Family(
        "article_standard_refit",
        "magnitude",
        "The article's formula with the best constants.",
        _article_standard_refit,
        start={"limit": 0.461, "a": 0.039},
        fitted_from=4,
    ),
    *map(_series_family, range(1, 5)),
    Family(
        "shifted_root",
        "magnitude",
        "The leading term at n + d, with the best d.",
        _shifted_root,
        start={"d": 0.1},
    ),
    Family(
        "tabulated_shifted_root",
        "magnitude",
        "The leading term at n + d, with the best d after three tabulated values.",
        _tabulated_shifted_root,
        start={"d": 0.1},
        fitted_from=4,
    ),
    Family(
        "tabulated_1",
        "magnitude",
        "One square root and one fitted constant after three tabulated values.",
        _tabulated_1,
        start={"b": 0.02},
        fitted_from=4,
    ),
    Family(
        "tabulated_2",
        "magnitude",
        "One square root and two fitted constants after three tabulated values.",
        _tabulated_2,
        start={"b": 0.02, "c": 0.0},
        fitted_from=4,
    ),
    *map(_minimax_family, range(1, 5)),
    Family(
        "article_normalized",
        "normalized_bound",
        "The bound sqrt(6/(n + m)) over the article's approximation of its magnitude, as printed.",
        _article_normalized,
        parameters={
            "a0": "0.793",
            "a1": "0.073",
            "b0": "1.08",
            "b1": "0.08",
            "c0": "0.5",
            "c1": "0.5",
        },
    ),
    Family(
        "article_normalized_refit",
        "normalized_bound",
        "The article's formula with the best constants.",
        _article_normalized_refit,
        start={"a0": 0.793, "a1": 0.073, "b1": 0.08, "c1": 0.5},
    ),
    Family(
        "product",
        "normalized_bound",
        "A product like the article's; its function of the ratio is exact for large sizes.",
        _product,
        start={"a0": 2 / math.sqrt(math.pi), "a1": 0.06},
    ),
)
