"""Closed forms of A(n) and of the normalized bound, each with a certified worst error.

`FORMS` holds them all: the article's two as it prints them, truncated series, and fits. They are
for places where irwinhall is not: each can be written out in Python, C and LaTeX. Nothing in the
library computes with them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from irwinhall import exact
from irwinhall._expressions import (
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
from irwinhall.closedforms import Certificate, ClosedForm, Target

__all__ = [
    "FORMS",
    "Certificate",
    "ClosedForm",
    "article_normalized",
    "article_standard",
    "closed_forms",
]

_N, _M = Symbol("n"), Symbol("m")
_LOW, _HIGH = Symbol("low", r"\mathit{low}"), Symbol("high", r"\mathit{high}")
_A, _B, _C = Symbol("a"), Symbol("b"), Symbol("c")
_MAGNITUDE, _BOUND = Symbol("magnitude"), Symbol("bound")
_ROOT = Number(repr(math.sqrt(2 / (3 * math.pi))), r"\sqrt{\tfrac{2}{3\pi}}")


def _article_standard() -> ClosedForm:
    parameters = {"limit": "0.461", "a": "0.039"}
    limit, a = (Number(text) for text in parameters.values())
    by_hand = tuple(map(Number, ("0.5", "0.471404520791", "0.469097093716")))
    ratio = FirstValues(by_hand, _N, limit + a / (2 * _N - 1))
    return ClosedForm(
        "article_standard",
        "magnitude",
        "The article's approximation of A(n)/sqrt(n), as printed, times sqrt(n).",
        parameters,
        ((_MAGNITUDE, square_root(_N) * ratio),),
    )


def _article_normalized() -> ClosedForm:
    parameters = {
        "a0": "0.793",
        "a1": "0.073",
        "b0": "1.08",
        "b1": "0.08",
        "c0": "0.5",
        "c1": "0.5",
    }
    a0, a1, b0, b1, c0, c1 = (Number(text) for text in parameters.values())
    a = a0 + a1 / square_root(6 * _LOW - 5)
    b = b0 - b1 / square_root(6 * (_HIGH - _LOW + 1) - 5)
    c = 1 / square_root(c0 * (_HIGH / _LOW) + c1)
    return ClosedForm(
        "article_normalized",
        "normalized_bound",
        "The bound sqrt(6/(n + m)) over the article's approximation, as printed, of what it keeps.",
        parameters,
        (
            (_LOW, smaller(_N, _M)),
            (_HIGH, larger(_N, _M)),
            (_A, a),
            (_B, b),
            (_C, c),
            (_BOUND, square_root(6 / (_N + _M)) / (_A * _B * _C)),
        ),
    )


def _series(terms: int) -> ClosedForm:
    coefficients = exact.series_coefficients(terms)
    parameters = {f"c{k}": str(c) for k, c in enumerate(coefficients) if k}
    numbers = tuple(Number(str(c)) for c in coefficients)
    factor = [Polynomial(numbers, _N, inverse=True)] if terms > 1 else []
    result: Expression = _ROOT * square_root(_N)
    for polynomial in factor:
        result = result * polynomial
    return ClosedForm(
        f"series_{terms}",
        "magnitude",
        f"{terms} term{'s' * (terms > 1)} of the asymptotic series.",
        parameters,
        ((_MAGNITUDE, result),),
    )


def _normalized(base: ClosedForm) -> ClosedForm:
    """Return the form of the normalized bound that a form of A(n) gives."""
    of_n, of_m = (Applied(base.name, base.applied, x, r"\hat{A}") for x in (_N, _M))
    return ClosedForm(
        f"normalized_{base.name}",
        "normalized_bound",
        f"(n + m)/(m A(n) + n A(m)) with {base.name} for A.",
        base.parameters,
        ((_BOUND, (_N + _M) / (_M * of_n + _N * of_m)),),
        base.domain,
        base=base,
    )


def _all() -> dict[str, ClosedForm]:
    standard = [_article_standard(), *(_series(terms) for terms in range(1, 5))]
    normalized = [_article_normalized(), *map(_normalized, standard)]
    return {form.name: form for form in (*standard, *normalized)}


FORMS: Mapping[str, ClosedForm] = MappingProxyType(_all())


def closed_forms(target: Target | None = None) -> list[ClosedForm]:
    """Return the closed forms of one target, or all, in the order of `FORMS`.

    Parameters
    ----------
    target : {"magnitude", "normalized_bound"}, optional
        What they approximate.

    Returns
    -------
    list of ClosedForm

    Raises
    ------
    ValueError
        If there is no such target.

    Examples
    --------
    >>> from irwinhall import approximations
    >>> [form.name for form in approximations.closed_forms("magnitude")][:2]
    ['article_standard', 'series_1']
    """
    targets = {form.target for form in FORMS.values()}
    if target is not None and target not in targets:
        raise ValueError(f"target must be one of {sorted(targets)}, got {target!r}")
    return [form for form in FORMS.values() if target in (None, form.target)]


def article_standard(n: ArrayLike) -> NDArray[np.float64]:
    """Return the article's approximation of A(n)/sqrt(n), the magnitude the bound 1/sqrt(n) keeps.

    Three values by hand, then 0.461 + 0.039/(2n - 1). It tends to 0.461, 0.074 % above the limit
    sqrt(2/(3 pi)) = 0.46066.

    Parameters
    ----------
    n : array_like of int
        Number of inputs (fan_in), at least 1.

    Returns
    -------
    ndarray of float64
        Of n's shape.

    References
    ----------
    T. Letkeman, "Rethinking Weight Initialization", 2021, function ``approximate``.

    Examples
    --------
    >>> import irwinhall
    >>> float(irwinhall.approximations.article_standard(100))
    0.4611959798994975
    """
    n = np.asarray(n)
    formula = 0.461 + 0.039 / (2.0 * n - 1.0)
    by_hand = [0.5, 0.471404520791, 0.469097093716]
    return np.select([n == 1, n == 2, n == 3], by_hand, formula)


def article_normalized(n: ArrayLike, m: ArrayLike) -> NDArray[np.float64]:
    """Return the article's approximation of the node average that sqrt(6/(n + m)) preserves.

    With low and high the smaller and larger of n and m, it is a(low) b(high - low + 1) c(high/low);
    what its bound preserves reaches 1.11 in the article's own table, at (10, 100), and 1.123 over
    all sizes to 1000, at (175, 1000).

    Parameters
    ----------
    n : array_like of int
        Number of inputs (fan_in), at least 1.
    m : array_like of int
        Number of outputs (fan_out), at least 1; broadcasts with n.

    Returns
    -------
    ndarray of float64
        Of the broadcast shape.

    References
    ----------
    T. Letkeman, "Rethinking Weight Initialization", 2021, function ``approximate_normalized``.

    Examples
    --------
    >>> import irwinhall
    >>> exact = irwinhall.preserved_magnitude(10, 100, (6 / 110) ** 0.5).node_average
    >>> float(round(exact / irwinhall.approximations.article_normalized(10, 100), 4))
    1.109
    """
    n, m = np.asarray(n), np.asarray(m)
    low, high = np.minimum(n, m), np.maximum(n, m)
    a = (0.866 - 0.073) + 0.073 / np.sqrt(6.0 * low - 5.0)
    b = (1.0 + 0.08) - 0.08 / np.sqrt(6.0 * (high - low + 1) - 5.0)
    c = 1.0 / np.sqrt(0.5 * (high / low) + 0.5)
    return np.asarray(a * b * c)
