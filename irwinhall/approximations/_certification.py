"""Worst errors of closed forms over their whole domains, proven and not sampled.

A form of A(n) is compared with the correctly rounded A(n) at every n to `EVERY`. Beyond, the form
and A(n)/sqrt(n) become power series in n^(-1/2) whose coefficients are intervals, the form's with
the rounding of each of its operations, A(n)'s with the proven remainder of its series; the range of
their quotient bounds the error at every larger n.

A form of the normalized bound by way of a form F of A(n) is (n+m)/(m F(n) + n F(m)). Where F is
A times 1 + e, the denominator is that of the bound times 1 + a weighted mean of e(n) and e(m): the
form errs most on the diagonal, where F does. Pairs are computed nevertheless, and must agree.

Any other form of the normalized bound must be a product a(low) b(difference) c(ratio); its errors
are computed for all pairs to `EVERY_PAIR`, and bounded beyond by interval arithmetic over boxes of
low and ratio, halved until the bound meets the worst error found.

The proofs hold for forms of a certain shape. `certify` first compares the steps of a form with this
shape, and gives no certificate to a form of another shape.

The work is divided into pieces, which are functions of a form and a range. `certify` passes them to
any `map`, and the result does not depend on how or where they run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import partial
from typing import Any, NamedTuple, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from irwinhall import exact
from irwinhall._core import expected_magnitude, letkeman_bound
from irwinhall.approximations._closedform import LAST, Certificate, ClosedForm
from irwinhall.approximations._expressions import (
    Applied,
    Expression,
    FirstValues,
    Function,
    Number,
    Operation,
    Polynomial,
    Symbol,
    evaluate,
)
from irwinhall.approximations._families import factored, mean_of
from irwinhall.approximations._intervals import (
    INTERVALS,
    SLOPES,
    Interval,
    Slope,
    enclosed,
    exactly,
    series_arithmetic,
)

__all__ = [
    "EVERY",
    "EVERY_PAIR",
    "GRID_LAST",
    "GRID_STEP",
    "Extremes",
    "bound_of_octaves",
    "certify",
    "extremes_of_grid",
    "extremes_of_pairs",
    "extremes_of_range",
    "relative_error",
]

Array = NDArray[np.float64]

#: Forms of A(n) are compared with A(n) at every n up to here.
EVERY = 10**6
#: Forms of the bound are compared with it at every pair up to here.
EVERY_PAIR = 1000
#: They are also compared on a grid of pairs whose sizes grow by 1/45, 32 an octave.
GRID_STEP = 45
#: The last size of the grid.
GRID_LAST = 10**6
_PIECE = 1 << 16  # sizes in a piece
_ROWS = 50  # rows of pairs in a piece
_OCTAVES = 6  # octaves of smaller sizes in a piece
# What the error of a correctly rounded target and of computing a quotient add to an error.
_ALLOWANCE = 4 * 2.0**-53
_ORDER = 6  # the terms left out are t^6 = n^-3: below 10^-18 from EVERY on
_TOLERANCE = 3e-5  # boxes are halved until the bound is so near to an error that is reached


class Extremes(NamedTuple):
    """The least and greatest relative error of a form over a range, and where they are.

    Attributes
    ----------
    low, high : float
        The least and the greatest relative error.
    where_low, where_high : int or tuple of int
        The sizes of these errors.

    Examples
    --------
    >>> from irwinhall import approximations, certification
    >>> form = approximations.FORMS["series_1"]
    >>> certification.extremes_of_range(form, (1, 11))
    Extremes(low=-0.078..., where_low=1, high=-0.005..., where_high=10)
    """

    low: float
    where_low: Any
    high: float
    where_high: Any

    @property
    def worst(self) -> tuple[float, Any]:
        """The greater in absolute value, and where it is."""
        if -self.low >= self.high:
            return -self.low, self.where_low
        return self.high, self.where_high


@overload
def relative_error(form: ClosedForm, *sizes: int | np.integer[Any]) -> float: ...
@overload
def relative_error(form: ClosedForm, *sizes: ArrayLike) -> NDArray[np.float64]: ...
def relative_error(form: ClosedForm, *sizes: Any) -> float | NDArray[np.float64]:
    """Return form/target - 1, computed in doubles against the correctly rounded target.

    Parameters
    ----------
    form : ClosedForm
        A form of A(n) or of the bound.
    *sizes : int or array_like of int
        The size n, or n and m, as the form takes them.

    Returns
    -------
    float or ndarray of float64
        Right to some 2^-52, absolutely.

    Raises
    ------
    TypeError, ValueError
        As calling the form does.

    Examples
    --------
    >>> from irwinhall import approximations, certification
    >>> round(certification.relative_error(approximations.FORMS["article_standard"], 10**9), 6)
    0.000741
    """
    value = form(*sizes)
    target = (expected_magnitude if form.target == "magnitude" else letkeman_bound)(*sizes)
    error: float | NDArray[np.float64] = (value - target) / target
    return error


def certify(form: ClosedForm, *, map: Callable[..., Iterable[Any]] = map) -> Certificate:
    """Return the worst relative error of a form over its whole domain, and where it is.

    Parameters
    ----------
    form : ClosedForm
        A form of A(n) or of the bound.
    map : callable, optional
        Any function that maps a function over an iterable in order, such as ``executor.map``. The
        functions, their arguments and their results can be pickled.

    Returns
    -------
    Certificate
        Its error is a proven bound, rounded up to three digits. The error at its argmax may be
        smaller by this rounding, and by 3e-5 for a product or 2e-15 for any other form.

    Raises
    ------
    ArithmeticError
        If the proof fails for this form, or the form has another shape. A form of A(n) must
        be made of numbers, n, its earlier steps, + - * /, square roots and polynomials,
        with values for the first n at most in its last step. One of the normalized bound
        must be (n + m)/(m F(n) + n F(m)) for its base F, or sqrt(6/(n + m)) over a product
        of such formulas of low, difference and ratio, step by step as `FORMS` has them.

    Examples
    --------
    >>> from irwinhall import approximations, certification
    >>> certification.certify(approximations.FORMS["series_4"])[:2]
    (0.0219, 1)
    """
    _check_shape(form)
    if form.target == "magnitude":
        extremes = _extremes_of_sizes(form, map)
    elif form.base is not None:
        extremes = _extremes_of_mean(form, map)
    else:
        extremes = _extremes_of_product(form, map)
    worst, where = extremes.worst
    return Certificate(_rounded_up(worst + _ALLOWANCE), where, method(form))


def method(form: ClosedForm) -> str:
    """Return how `certify` certifies a form, in a sentence.

    Parameters
    ----------
    form : ClosedForm

    Returns
    -------
    str

    Examples
    --------
    >>> from irwinhall import approximations, certification
    >>> certification.method(approximations.FORMS["normalized_series_1"])[:54]
    'Proven to be no worse than series_1 is at n or m; seen'
    """
    if form.target == "magnitude":
        return (
            f"Every n to {EVERY:,} against the correctly rounded A(n); all larger n by interval "
            "arithmetic on the form's expansion and the series of A(n) with its remainder."
        )
    seen = f"all pairs to {EVERY_PAIR:,} and a grid of pairs to {GRID_LAST:,}"
    if form.base is not None:
        return f"Proven to be no worse than {form.base.name} is at n or m; seen in {seen}."
    return (
        f"{seen.capitalize()} against the correctly rounded bound; all pairs beyond "
        f"{EVERY_PAIR:,} by interval arithmetic on boxes of the smaller size and the ratio."
    )


# ---- shapes --------------------------------------------------------------------------------------


def _check_shape(form: ClosedForm) -> None:
    """Raise ArithmeticError unless the form has a shape for which its errors are proven."""
    first, last = form.domain
    if not 1 <= first <= last <= LAST:
        raise ArithmeticError(f"{form.name} covers sizes from {first} to {last}, not 1 to 2^53")
    if form.target == "magnitude":
        _check_magnitude(form)
    elif form.base is not None:
        _check_mean(form, form.base)
    else:
        _check_product(form)


def _check_magnitude(form: ClosedForm) -> None:
    known = {"n"}
    for i, (symbol, formula) in enumerate(form.steps, start=1):
        if i == len(form.steps) and isinstance(formula, FirstValues):
            # What is proven beyond EVERY sees the formula for large n only.
            if formula.variable.name != "n" or len(formula.values) > EVERY:
                raise ArithmeticError(f"{form.name} has values for others than the first n")
            for value in formula.values:
                _check_formula(form, value, known)
            formula = formula.otherwise
        _check_formula(form, formula, known)
        if symbol.name in known:
            raise ArithmeticError(f"{form.name} computes {symbol.name} twice")
        known.add(symbol.name)
    if not form.steps:
        raise ArithmeticError(f"{form.name} has no steps")


def _check_mean(form: ClosedForm, base: ClosedForm) -> None:
    if base.target != "magnitude" or form.domain != base.domain:
        raise ArithmeticError(
            f"{form.name} must be made from a form of A(n) with its domain, got {base.name}"
        )
    _check_magnitude(base)
    # A form may carry a copy of its base, or its base with a certificate: what counts is what it
    # computes.
    if _with_functions(form.steps) != _with_functions(mean_of(base)):
        raise ArithmeticError(f"{form.name} is not the weighted mean of {base.name}")


def _with_functions(steps: Any) -> Any:
    """Return steps to compare, every form that they apply as the steps that it takes."""

    def opened(part: Any) -> Any:
        match part:
            case Operation():
                return (part.operator, opened(part.left), opened(part.right))
            case Applied():
                applied = getattr(part.function, "__self__", None)
                if type(applied) is not ClosedForm or part.function != applied.applied:
                    return part
                return (part.name, applied.target, applied.steps, opened(part.argument))
        return part

    return [(symbol, opened(formula)) for symbol, formula in steps]


def _check_product(form: ClosedForm) -> None:
    formulas = {symbol.name: formula for symbol, formula in form.steps}
    a, b, c = (formulas.get(name) for name in "abc")
    if a is None or c is None or form.steps != factored(a, b, c):
        raise ArithmeticError(f"{form.name} is neither made from a form of A(n) nor a product")
    for formula, argument in ((a, "low"), (b, "difference"), (c, "ratio")):
        if formula is not None:
            _check_formula(form, formula, {argument})


def _check_formula(form: ClosedForm, formula: Expression, known: set[str]) -> None:
    """Raise ArithmeticError unless the formula is made of what every arithmetic here computes."""
    match formula:
        case Number():
            return
        case Symbol() if formula.name in known:
            return
        case Operation():
            parts: tuple[Expression, ...] = (formula.left, formula.right)
        case Function("sqrt", (argument,)):
            parts = (argument,)
        case Polynomial():
            parts = (*formula.coefficients, formula.variable)
        case _:
            what = getattr(formula, "name", type(formula).__name__)
            raise ArithmeticError(
                f"{form.name} has {what} where only numbers, {', '.join(sorted(known))}, + - * /, "
                "square roots and polynomials are proven"
            )
    for part in parts:
        _check_formula(form, part, known)


# ---- pieces --------------------------------------------------------------------------------------


def extremes_of_range(form: ClosedForm, sizes: tuple[int, int]) -> Extremes:
    """Return the extreme errors of a form of A(n) for n from the first size to before the second.

    Parameters
    ----------
    form : ClosedForm
        A form of A(n).
    sizes : tuple of int
        The first n, and the one after the last.

    Returns
    -------
    Extremes

    Examples
    --------
    >>> from irwinhall import approximations, certification
    >>> form = approximations.FORMS["article_standard"]
    >>> certification.extremes_of_range(form, (1, 100)).where_high
    99
    """
    n = np.arange(*sizes)
    return _extremes(relative_error(form, n), lambda i: int(n[i]))


def extremes_of_pairs(form: ClosedForm, rows: tuple[int, int]) -> Extremes:
    """Return the extreme errors for n in a range of rows and m from the first size to EVERY_PAIR.

    Parameters
    ----------
    form : ClosedForm
        A form of the bound.
    rows : tuple of int
        The first n, and the one after the last.

    Returns
    -------
    Extremes

    Examples
    --------
    >>> from irwinhall import approximations, certification
    >>> form = approximations.FORMS["article_normalized"]
    >>> certification.extremes_of_pairs(form, (151, 201)).where_high
    (175, 1000)
    """
    return _extremes_of_product_set(
        form, np.arange(*rows), np.arange(form.domain[0], EVERY_PAIR + 1)
    )


def extremes_of_grid(form: ClosedForm, rows: tuple[int, int]) -> Extremes:
    """Return the extreme errors over a range of rows of the grid of pairs.

    Parameters
    ----------
    form : ClosedForm
        A form of the bound.
    rows : tuple of int
        The first row of the grid, and the one after the last.

    Returns
    -------
    Extremes

    Examples
    --------
    >>> from irwinhall import approximations, certification
    >>> form = approximations.FORMS["normalized_series_4"]
    >>> certification.extremes_of_grid(form, (0, 9)).where_low
    (2, 2)
    """
    sizes = _grid(form)
    return _extremes_of_product_set(form, sizes[slice(*rows)], sizes)


def _extremes_of_product_set(
    form: ClosedForm, n: NDArray[np.int64], m: NDArray[np.int64]
) -> Extremes:
    errors = relative_error(form, n[:, None], m)
    return _extremes(errors, lambda i: (int(n[i // len(m)]), int(m[i % len(m)])))


def _extremes(errors: Array, where: Callable[[int], Any]) -> Extremes:
    finite = np.isfinite(errors)
    if not finite.all():
        raise ArithmeticError(f"a form must be finite, got none at {where(int(finite.argmin()))}")
    low, high = int(errors.argmin()), int(errors.argmax())
    return Extremes(float(errors.flat[low]), where(low), float(errors.flat[high]), where(high))


def _joined(parts: Iterable[Extremes]) -> Extremes:
    """Return the extremes of all parts; the first of equals."""
    parts = list(parts)
    low = min(parts, key=lambda part: part.low)
    high = max(parts, key=lambda part: part.high)
    return Extremes(low.low, low.where_low, high.high, high.where_high)


def _pieces(start: int, stop: int, length: int) -> list[tuple[int, int]]:
    return [(first, min(first + length, stop)) for first in range(start, stop, length)]


def _grid(form: ClosedForm) -> NDArray[np.int64]:
    """Return the sizes of the grid: every one of the first, then by steps of one part in 45."""
    sizes, size = [], form.domain[0]
    while size < GRID_LAST:
        sizes.append(size)
        size += max(1, size // GRID_STEP)
    return np.array([*sizes, GRID_LAST])


# ---- forms of A(n) -------------------------------------------------------------------------------


def _extremes_of_sizes(form: ClosedForm, map: Callable[..., Iterable[Any]]) -> Extremes:
    pieces = _pieces(form.domain[0], EVERY + 1, _PIECE)
    return _joined([*map(partial(extremes_of_range, form), pieces), _extremes_beyond(form)])


def _extremes_beyond(form: ClosedForm) -> Extremes:
    """Return bounds of the errors for all n > EVERY, as reached in the limit."""
    arithmetic, n = series_arithmetic(_ORDER, EVERY**-0.5)
    terms = _ORDER // 2
    magnitude = arithmetic.number(0.0)
    for k, c in enumerate(exact.series_coefficients(terms)):
        term = arithmetic.number(float(c))
        for _ in range(k):
            term = term / n
        magnitude = magnitude + term
    # exact.py proves abs(series/A(n) - 1) <= 2 Gamma(K + 1/2) (3n)^-K + 8 exp(-3n/2); the second is
    # far below the first, and A(n) below 1.1 sqrt(2n/(3 pi)).
    rest = 1.2 * 2.0 * math.gamma(terms + 0.5) / 3.0**terms
    *known, last = magnitude.coefficients
    magnitude = magnitude._like((*known, last + Interval(-rest, rest)), 0)
    root = arithmetic.number(math.sqrt(2.0 / (3.0 * math.pi))) * n.root()
    try:
        error = form.applied(n, arithmetic) / (root * magnitude) - arithmetic.number(1.0)
        bounds = error.range()
    except ValueError as reason:  # a valuation that is odd under a root, or not 0 at last
        raise ArithmeticError(f"{form.name} does not grow like sqrt(n)") from reason
    if not math.isfinite(bounds.high - bounds.low):
        raise ArithmeticError(f"{form.name} has no bounds for large n")
    return Extremes(float(bounds.low), math.inf, float(bounds.high), math.inf)


# ---- forms of the normalized bound ---------------------------------------------------------------


def _seen(form: ClosedForm, map: Callable[..., Iterable[Any]]) -> Extremes:
    pairs = map(partial(extremes_of_pairs, form), _pieces(form.domain[0], EVERY_PAIR + 1, _ROWS))
    grid = map(partial(extremes_of_grid, form), _pieces(0, len(_grid(form)), _ROWS))
    return _joined([*pairs, *grid])


def _extremes_of_mean(form: ClosedForm, map: Callable[..., Iterable[Any]]) -> Extremes:
    assert form.base is not None
    of_base = _extremes_of_sizes(form.base, map)
    # Its own five operations round, too.
    bounds = Extremes(
        1.0 / (1.0 + of_base.high) - 1.0 - 8 * 2.0**-53,
        (of_base.where_high,) * 2,
        1.0 / (1.0 + of_base.low) - 1.0 + 8 * 2.0**-53,
        (of_base.where_low,) * 2,
    )
    seen = _seen(form, map)
    if seen.low < bounds.low - _ALLOWANCE or seen.high > bounds.high + _ALLOWANCE:
        raise ArithmeticError(f"{form.name} is not the weighted mean of {form.base.name}")
    return bounds


class _Boxes(NamedTuple):
    """Boxes of low = l0..l1, integers, and ratio = high/low = r0..r1."""

    l0: Array
    l1: Array
    r0: Array
    r1: Array

    def where(self, chosen: Any) -> _Boxes:
        return _Boxes(*(part[chosen] for part in self))


def _extremes_of_product(form: ClosedForm, map: Callable[..., Iterable[Any]]) -> Extremes:
    """Bound the errors of a(low) b(difference) c(ratio) for all pairs."""
    seen = _seen(form, map)
    octaves = _pieces(0, LAST.bit_length(), _OCTAVES)
    found = [*map(partial(bound_of_octaves, form, seen.worst[0]), octaves)]
    bound = max(bound for bound, _ in found)
    reached = _joined([seen, *(extremes for _, extremes in found)])
    worst, where = reached.worst
    return Extremes(-max(bound, worst), where, max(bound, worst), where)


def bound_of_octaves(
    form: ClosedForm, known: float, octaves: tuple[int, int]
) -> tuple[float, Extremes]:
    """Return a bound of abs(error) for smaller sizes from 2^first to before 2^stop.

    Boxes of the smaller size and the ratio are halved until the bound of each is close to an error
    that is reached.

    Parameters
    ----------
    form : ClosedForm
        A form of the bound.
    known : float
        An error that is reached somewhere.
    octaves : tuple of int
        The first octave, and the one after the last.

    Returns
    -------
    tuple of float and Extremes
        The bound, and the extreme errors seen on the way.

    Examples
    --------
    >>> from irwinhall import approximations, certification
    >>> form = approximations.FORMS["article_normalized"]
    >>> certification.bound_of_octaves(form, 0.12, (0, 6))[0]
    0.12003
    """
    sizes = np.ldexp(1.0, np.arange(*octaves))
    ratios = np.ldexp(1.0, np.arange(LAST.bit_length()))
    least, ratio = (grid.ravel() for grid in np.meshgrid(sizes, ratios))
    boxes = _Boxes(least, np.minimum(2.0 * least - 1.0, LAST), ratio, 2.0 * ratio)
    seen = []
    while True:
        # All pairs to EVERY_PAIR are computed one by one; those beyond LAST are no one's.
        boxes = boxes.where(boxes.l1 * boxes.r1 > EVERY_PAIR)
        boxes = boxes.where(boxes.l0 * boxes.r0 <= LAST)
        if not len(boxes.l0):
            break
        seen.append(_extremes_inside(form, boxes))
        known = max(known, seen[-1].worst[0])
        bounds, by_size = _bounds_of_boxes(form, boxes)
        if np.isnan(bounds).any():
            raise ArithmeticError(f"{form.name} has a square root that may be of less than 0")
        left = bounds > known + _TOLERANCE
        boxes = _halved(boxes.where(left), by_size[left])
    return known + _TOLERANCE, _joined(seen) if seen else Extremes(0.0, None, 0.0, None)


def _extremes_inside(form: ClosedForm, boxes: _Boxes) -> Extremes:
    """Return the extreme errors at one pair of each box, of its least size, inside the domain."""
    high = np.minimum(np.rint(boxes.l0 * np.sqrt(boxes.r0 * boxes.r1)), LAST)
    n, m = boxes.l0.astype(np.int64), high.astype(np.int64)
    return _extremes(relative_error(form, n, m), lambda i: (int(n[i]), int(m[i])))


def _bounds_of_boxes(form: ClosedForm, boxes: _Boxes) -> tuple[Array, NDArray[np.bool_]]:
    """Return bounds of abs(error) over boxes, and whether to halve by size and not by ratio.

    With A(n) = sqrt(2n/(3 pi)) s(n), s decreasing, and r = high/low, form/bound is

        sqrt(4/pi) (s(low) f(r) + (s(high) - s(low)) g(r)) / (a(low) b(difference))

    with f(r) = (r + sqrt r)/(1+r)^(3/2)/c(r) and g(r) = f(r)/(1 + sqrt r).
    """
    formulas = {symbol.name: formula for symbol, formula in form.steps}
    one, unit = exactly(1.0), Slope(exactly(1.0), exactly(0.0))

    def of_ratio(r: Slope) -> Slope:
        c: Slope = evaluate(formulas["c"], {"ratio": r}, SLOPES)
        return (r + r.root()) / ((unit + r) * (unit + r).root()) / c

    low, ratio = Interval(boxes.l0, boxes.l1), Interval(boxes.r0, boxes.r1)
    high = Interval(boxes.l0 * boxes.r0, np.minimum(boxes.l1 * boxes.r1, LAST))
    difference = Interval(boxes.l0 * (boxes.r0 - 1.0), boxes.l1 * (boxes.r1 - 1.0)) + one
    f = enclosed(of_ratio, ratio)
    g = enclosed(lambda r: of_ratio(r) / (unit + r.root()), ratio)
    small = _excess(low)
    mean = small * f + (_excess(high) - small) * g
    a = evaluate(formulas["a"], {"low": low}, INTERVALS)
    b = evaluate(formulas["b"], {"difference": difference}, INTERVALS) if "b" in formulas else one
    # Wider by what the form rounds outside a, b and c.
    rounding = Interval(1.0 - 2.0**-49, 1.0 + 2.0**-49)
    quotient = exactly(math.sqrt(4.0 / math.pi)) * mean / (a * b) * rounding
    by_size, by_ratio = _spread(a) * _spread(small), _spread(f)
    wide = boxes.l1 / boxes.l0 > boxes.r1 / boxes.r0
    by_size, by_ratio = (
        np.where(wide, by_size * _spread(b), by_size),
        np.where(wide, by_ratio, by_ratio * _spread(b)),
    )
    return (quotient - one).magnitude, (by_size > by_ratio) & (boxes.l1 > boxes.l0)


def _excess(sizes: Interval) -> Interval:
    """Return A(n)/sqrt(2n/(3 pi)), which decreases, for all n in intervals of sizes."""

    def excess(n: Array) -> Array:
        root = np.sqrt(2.0 / (3.0 * math.pi) * n)
        return np.asarray(expected_magnitude(n.astype(np.int64)) / root)

    wide = Interval(1.0 - 2.0**-48, 1.0 + 2.0**-48)  # for the roundings here
    return Interval(excess(np.ceil(sizes.high)), excess(np.floor(sizes.low))) * wide


def _spread(values: Interval) -> Any:
    return values.high / values.low


def _halved(boxes: _Boxes, by_size: NDArray[np.bool_]) -> _Boxes:
    middle = np.floor(np.sqrt(boxes.l0 * boxes.l1))
    ratio = np.sqrt(boxes.r0 * boxes.r1)
    lower = _Boxes(
        boxes.l0, np.where(by_size, middle, boxes.l1), boxes.r0, np.where(by_size, boxes.r1, ratio)
    )
    upper = _Boxes(
        np.where(by_size, middle + 1, boxes.l0),
        boxes.l1,
        np.where(by_size, boxes.r0, ratio),
        boxes.r1,
    )
    return _Boxes(*(np.concatenate(pair) for pair in zip(lower, upper, strict=True)))


def _rounded_up(value: float) -> float:
    """Return the least number of three digits that is no smaller."""
    exponent = math.floor(math.log10(value)) - 2
    scaled = math.ceil(Fraction(value) / Fraction(10) ** exponent)
    return float(Fraction(scaled) * Fraction(10) ** exponent)
