"""Proofs of the worst errors of closed forms over their whole domains.

**Forms of A(n)** are compared with the correctly rounded A(n) at every n to `EVERY`. For larger n,
the form and A(n)/sqrt(n) are written as power series in n^(-1/2) with interval coefficients. Those
of the form include the rounding of each of its operations, and those of A(n) the proven remainder
of its series. The range of the quotient bounds the error.

**Forms of the normalized bound that use a form F of A(n)** are (n + m)/(m F(n) + n F(m)). If
F = A (1 + e), the denominator is m A(n) + n A(m) times 1 + a weighted mean of e(n) and e(m). So the
error is largest for n = m, at the n of the worst error of F. The errors at many pairs are computed
as well, and must be within this bound.

**Other forms of the normalized bound** must be sqrt(6/(n + m)) over a product
a(low) b(difference) c(ratio). Their errors are computed for all pairs to `EVERY_PAIR`. For larger
sizes, interval arithmetic bounds them over boxes of low and ratio, which are halved until the bound
is close to the worst error found.

The proofs hold for forms of these shapes. `certify` first checks the steps of the form, and raises
an error for any other shape.

The work is divided into functions of a form and a range, which `certify` passes to any `map`. The
result does not depend on how or where they run.
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

#: Forms of A(n) are compared with A(n) at every n up to this one.
EVERY = 10**6
#: Forms of the bound are compared with it at every pair of sizes up to this one.
EVERY_PAIR = 1000
#: They are also compared on a grid of pairs. Its sizes grow by 1/45, so that an octave has 32.
GRID_STEP = 45
#: The largest size of the grid.
GRID_LAST = 10**6
_PIECE = 1 << 16  # sizes in a piece
_ROWS = 50  # rows of pairs in a piece
_OCTAVES = 6  # octaves of smaller sizes in a piece
# Bound of the rounding errors in a computed relative error: of the target and of the quotient.
_ALLOWANCE = 4 * 2.0**-53
_ORDER = 6  # the omitted terms are t^6 = n^-3: below 10^-18 from EVERY on
_TOLERANCE = 3e-5  # boxes are halved until the bound is this close to an error that occurs


class Extremes(NamedTuple):
    """The least and the greatest relative error of a form over a range, with their sizes.

    Attributes
    ----------
    low, high : float
        The least and the greatest relative error.
    where_low, where_high : int or tuple of int
        The size n, or the pair (n, m), of each.

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
        """The greater absolute value of both errors, and its size or pair."""
        if -self.low >= self.high:
            return -self.low, self.where_low
        return self.high, self.where_high


@overload
def relative_error(form: ClosedForm, *sizes: int | np.integer[Any]) -> float: ...
@overload
def relative_error(form: ClosedForm, *sizes: ArrayLike) -> NDArray[np.float64]: ...
def relative_error(form: ClosedForm, *sizes: Any) -> float | NDArray[np.float64]:
    """Return form/target - 1, computed in doubles from the correctly rounded target.

    Parameters
    ----------
    form : ClosedForm
        A form of A(n) or of the bound.
    *sizes : int or array_like of int
        The arguments of the form: n, or n and m.

    Returns
    -------
    float or ndarray of float64
        The relative error, with an absolute rounding error of about 2^-52.

    Raises
    ------
    TypeError, ValueError
        As for a call of the form.

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
    """Prove a bound of the relative error of a form over its whole domain.

    Parameters
    ----------
    form : ClosedForm
        A form of A(n) or of the bound.
    map : callable, optional
        A function that maps another over an iterable in order, such as ``executor.map``. Functions,
        arguments and results can be pickled.

    Returns
    -------
    Certificate
        The bound, rounded up to three digits, and the size or pair of the worst error found. Before
        rounding, the bound exceeds this error by at most 3e-5 for a product, and by at most 2e-15
        for any other form.

    Raises
    ------
    ArithmeticError
        If the proof fails, or is not valid for a form of this shape. A form of A(n) must consist of
        numbers, n, earlier steps, + - * /, square roots and polynomials; only its last step may
        have values for the first n. A form of the normalized bound must be
        (n + m)/(m F(n) + n F(m)) with its base F, or sqrt(6/(n + m)) over a product of such
        formulas of low, difference and ratio, with the same steps as in `FORMS`.

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
    """Describe how `certify` certifies a form.

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
        raise ArithmeticError(
            f"domain of {form.name} must be within 1 to 2^53, got {first} to {last}"
        )
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
            # The proof beyond EVERY reads only the formula for large n.
            if formula.variable.name != "n" or len(formula.values) > EVERY:
                raise ArithmeticError(
                    f"{form.name} may have values only for the first n, up to {EVERY:,}"
                )
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
    # Compare what the forms compute: a form may have a copy of its base, or one with a certificate.
    if _with_functions(form.steps) != _with_functions(mean_of(base)):
        raise ArithmeticError(f"{form.name} is not the weighted mean of {base.name}")


def _with_functions(steps: Any) -> Any:
    """Return steps for comparison, with each applied form replaced by its steps."""

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
    """Raise ArithmeticError if the formula has operations that the proofs do not cover."""
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
                "square roots and polynomials are allowed"
            )
    for part in parts:
        _check_formula(form, part, known)


# ---- pieces --------------------------------------------------------------------------------------


def extremes_of_range(form: ClosedForm, sizes: tuple[int, int]) -> Extremes:
    """Return the extreme errors of a form of A(n) over a range of n.

    Parameters
    ----------
    form : ClosedForm
        A form of A(n).
    sizes : tuple of int
        (start, stop): from start to stop - 1.

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
    """Return the extreme errors of a form of the bound over a range of n and all m to EVERY_PAIR.

    Parameters
    ----------
    form : ClosedForm
        A form of the bound.
    rows : tuple of int
        (start, stop): n from start to stop - 1.

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
    """Return the extreme errors of a form of the bound over a range of rows of the grid of pairs.

    Parameters
    ----------
    form : ClosedForm
        A form of the bound.
    rows : tuple of int
        (start, stop): rows of the grid from start to stop - 1.

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
        first = int(finite.argmin())
        raise ArithmeticError(
            f"the error of a form must be finite, got {errors.flat[first]} at {where(first)}"
        )
    low, high = int(errors.argmin()), int(errors.argmax())
    return Extremes(float(errors.flat[low]), where(low), float(errors.flat[high]), where(high))


def _joined(parts: Iterable[Extremes]) -> Extremes:
    """Return the extremes of all parts, the first where errors are equal."""
    parts = list(parts)
    low = min(parts, key=lambda part: part.low)
    high = max(parts, key=lambda part: part.high)
    return Extremes(low.low, low.where_low, high.high, high.where_high)


def _pieces(start: int, stop: int, length: int) -> list[tuple[int, int]]:
    return [(first, min(first + length, stop)) for first in range(start, stop, length)]


def _grid(form: ClosedForm) -> NDArray[np.int64]:
    """Return the sizes of the grid: with steps of 1, then of 1/45 of the size."""
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
    """Return bounds of the errors for all n > EVERY; their sizes are infinite."""
    arithmetic, n = series_arithmetic(_ORDER, EVERY**-0.5)
    terms = _ORDER // 2
    magnitude = arithmetic.number(0.0)
    for k, c in enumerate(exact.series_coefficients(terms)):
        term = arithmetic.number(float(c))
        for _ in range(k):
            term = term / n
        magnitude = magnitude + term
    # exact.py proves abs(series/A(n) - 1) <= 2 Gamma(K + 1/2) (3n)^-K + 8 exp(-3n/2). The second
    # term is far below the first, and A(n) is below 1.1 sqrt(2n/(3 pi)).
    rest = 1.2 * 2.0 * math.gamma(terms + 0.5) / 3.0**terms
    *known, last = magnitude.coefficients
    magnitude = magnitude._like((*known, last + Interval(-rest, rest)), 0)
    root = arithmetic.number(math.sqrt(2.0 / (3.0 * math.pi))) * n.root()
    try:
        error = form.applied(n, arithmetic) / (root * magnitude) - arithmetic.number(1.0)
        bounds = error.range()
    except ValueError as reason:  # an odd valuation under a root, or a final one that is not 0
        raise ArithmeticError(f"{form.name} does not grow like sqrt(n)") from reason
    if not math.isfinite(bounds.high - bounds.low):
        raise ArithmeticError(f"the error of {form.name} has no finite bounds for large n")
    return Extremes(float(bounds.low), math.inf, float(bounds.high), math.inf)


# ---- forms of the normalized bound ---------------------------------------------------------------


def _seen(form: ClosedForm, map: Callable[..., Iterable[Any]]) -> Extremes:
    pairs = map(partial(extremes_of_pairs, form), _pieces(form.domain[0], EVERY_PAIR + 1, _ROWS))
    grid = map(partial(extremes_of_grid, form), _pieces(0, len(_grid(form)), _ROWS))
    return _joined([*pairs, *grid])


def _extremes_of_mean(form: ClosedForm, map: Callable[..., Iterable[Any]]) -> Extremes:
    assert form.base is not None
    of_base = _extremes_of_sizes(form.base, map)
    # The five operations of the form itself also round.
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
    """Return a bound of abs(error) for pairs whose smaller size is in a range of octaves.

    Boxes of the smaller size and the ratio are halved until the bound in each is close to an error
    that occurs.

    Parameters
    ----------
    form : ClosedForm
        A form of the bound.
    known : float
        The absolute error at some pair.
    octaves : tuple of int
        (start, stop): smaller sizes from 2^start to 2^stop - 1.

    Returns
    -------
    tuple of float and Extremes
        The bound, and the extreme errors found.

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
        # extremes_of_pairs computes all pairs to EVERY_PAIR. Pairs beyond LAST are not allowed.
        boxes = boxes.where(boxes.l1 * boxes.r1 > EVERY_PAIR)
        boxes = boxes.where(boxes.l0 * boxes.r0 <= LAST)
        if not len(boxes.l0):
            break
        seen.append(_extremes_inside(form, boxes))
        known = max(known, seen[-1].worst[0])
        bounds, by_size = _bounds_of_boxes(form, boxes)
        if np.isnan(bounds).any():
            raise ArithmeticError(f"{form.name} has a square root whose argument may be negative")
        left = bounds > known + _TOLERANCE
        boxes = _halved(boxes.where(left), by_size[left])
    return known + _TOLERANCE, _joined(seen) if seen else Extremes(0.0, None, 0.0, None)


def _extremes_inside(form: ClosedForm, boxes: _Boxes) -> Extremes:
    """Return the extreme errors at one pair of each box: its smallest low, a middle ratio."""
    high = np.minimum(np.rint(boxes.l0 * np.sqrt(boxes.r0 * boxes.r1)), LAST)
    n, m = boxes.l0.astype(np.int64), high.astype(np.int64)
    return _extremes(relative_error(form, n, m), lambda i: (int(n[i]), int(m[i])))


def _bounds_of_boxes(form: ClosedForm, boxes: _Boxes) -> tuple[Array, NDArray[np.bool_]]:
    """Return bounds of abs(error) over boxes, and whether to halve each by size or by ratio.

    With A(n) = sqrt(2n/(3 pi)) s(n), where s decreases, and r = high/low, form/bound is

        sqrt(4/pi) (s(low) f(r) + (s(high) - s(low)) g(r)) / (a(low) b(difference)),
        f(r) = (r + sqrt r)/(1+r)^(3/2)/c(r),  g(r) = f(r)/(1 + sqrt r).
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
    # For the roundings of the form outside a, b and c.
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
    """Return bounds of the decreasing A(n)/sqrt(2n/(3 pi)) for all n in intervals of sizes."""

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
    """Return the smallest number of three digits that is not less than value."""
    exponent = math.floor(math.log10(value)) - 2
    scaled = math.ceil(Fraction(value) / Fraction(10) ** exponent)
    return float(Fraction(scaled) * Fraction(10) ** exponent)
