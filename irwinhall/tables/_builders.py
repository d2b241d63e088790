"""Builders of the tables. The rows depend only on the arguments.

Doubles are correctly rounded, or computed with +, -, *, / and square roots in one order. Decimal
digits come from integer arithmetic. Pieces are joined in order, whatever process computes them.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np

from irwinhall import approximations, exact
from irwinhall._arguments import checked_count, checked_progress
from irwinhall._core import expected_magnitude, letkeman_bound, preserved_magnitude
from irwinhall.executors import ordered_map
from irwinhall.tables import article
from irwinhall.tables._table import Cell, Row, Table

if TYPE_CHECKING:
    import mpmath
    from numpy.typing import NDArray

    from irwinhall.approximations import Argmax, ClosedForm

Progress: TypeAlias = "Callable[[int], object]"
Piece = TypeVar("Piece")

#: The largest number of rows of the standard table.
MOST_N = 100_000
#: The largest number of sizes of the normalized table, which is then about 100 MB of text.
MOST_SIZES = 400
# The largest size in the normalized table.
_LARGEST = 10**6

# The largest n whose A(n) is written as a fraction; larger ones would be too long.
_LAST_FRACTION = 20
_DIGITS = 20
# Number of rows in a piece.
_PIECE = 256


def standard_table(
    max_n: int = 1000, *, executor: Executor | None = None, progress: Progress | None = None
) -> Table:
    """Return the table of A(n): as a fraction, to 20 digits and as a double, with errors of forms.

    Parameters
    ----------
    max_n : int
        The largest n, from 1 to 100,000.
    executor : concurrent.futures.Executor, optional
        Computes the rows. By default, this process does.
    progress : callable, optional
        Called from time to time with the number of rows computed since the last call.

    Returns
    -------
    Table

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Examples
    --------
    >>> from irwinhall import tables
    >>> tables.standard_table(2).rows[1][:5]
    (2, '2/3', '0.66666666666666666667', 0.6666666666666666, 1.5)
    """
    forms = approximations.closed_forms("magnitude")
    caption = (
        "A(n) = E|U_1 + ... + U_n|, the U_i uniform on (-1, 1): as a fraction, to 20 digits, as the"
        " nearest double; the bound 1/A(n); and the relative error of each closed form."
    )
    columns = ("n", "exact", "digits", "magnitude", "bound", *(form.name for form in forms))
    last = _checked("max_n", max_n, 1, MOST_N)
    checked_progress(progress)
    pieces = [(first, min(first + _PIECE - 1, last)) for first in range(1, last + 1, _PIECE)]
    return Table(
        "standard", caption, columns, _gathered(_standard_rows, pieces, executor, progress)
    )


def normalized_table(
    sizes: int = 25, *, executor: Executor | None = None, progress: Progress | None = None
) -> Table:
    """Return the table of normalized bounds for pairs of sizes, with the error of each form.

    Parameters
    ----------
    sizes : int
        The number of sizes, from 2 to 400. They go from 1 to 10^6 in equal ratios, rounded to
        integers; equal ones are used once. There is a row for every pair n <= m, since the bound is
        symmetric.
    executor, progress
        As for `standard_table`.

    Returns
    -------
    Table

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Examples
    --------
    >>> from irwinhall import tables
    >>> [row[:4] for row in tables.normalized_table(2).rows][:2]
    [(1, 1, '2.0000000000000000000', 2.0), (1, 1000000, '1.9981610586933395916', 1.99816...)]
    """
    forms = approximations.closed_forms("normalized_bound")
    caption = (
        "The normalized Letkeman bound b = (n + m)/(m A(n) + n A(m)) of n inputs and m outputs, or"
        " of m inputs and n outputs, to 20 digits and as the nearest double; the magnitudes that it"
        " preserves forward, b A(n), and backward, b A(m); and the relative error of each closed"
        " form."
    )
    names = (form.name for form in forms)
    columns = ("n", "m", "digits", "bound", "forward", "backward", *names)
    pairs = grid_pairs(_checked("sizes", sizes, 2, MOST_SIZES))
    checked_progress(progress)
    pieces = [pairs[first : first + _PIECE] for first in range(0, len(pairs), _PIECE)]
    return Table(
        "normalized", caption, columns, _gathered(_normalized_rows, pieces, executor, progress)
    )


def grid_sizes(count: int) -> list[int]:
    """Return the integers nearest to `count` numbers from 1 to 10^6 in equal ratios.

    Equal integers are returned once.

    Parameters
    ----------
    count : int
        From 2 to `MOST_SIZES`.

    Returns
    -------
    list of int

    Examples
    --------
    >>> from irwinhall import tables
    >>> tables.grid_sizes(13)
    [1, 3, 10, 32, 100, 316, 1000, 3162, 10000, 31623, 100000, 316228, 1000000]
    """
    count = _checked("count", count, 2, MOST_SIZES)
    root = count - 1
    halves = range(1, 2 * _LARGEST, 2)  # 2 k - 1: k is nearest from k - 1/2 on
    return list(
        dict.fromkeys(
            bisect_right(halves, 2**root * _LARGEST**i, key=lambda half: half**root)
            for i in range(count)
        )
    )


def closed_forms_table(
    *, executor: Executor | None = None, progress: Progress | None = None
) -> Table:
    """Return the table of closed forms, and certify their worst errors again.

    Parameters
    ----------
    executor : concurrent.futures.Executor, optional
        Runs the proofs. By default, this process does.
    progress : callable, optional
        Called with 1 after each form of `approximations.FORMS`.

    Returns
    -------
    Table

    Examples
    --------
    >>> from irwinhall import tables
    >>> tables.closed_forms_table().columns[:2]  # doctest: +SKIP
    ('form', 'target')
    """
    caption = (
        "The formula, constants, range of sizes and certified worst relative error of each closed"
        " form of A(n) and of the normalized bound."
    )
    columns = (
        *("form", "target", "about", "formula", "constants", "first", "last"),
        *("max_relative_error", "where", "certificate", "python", "c"),
    )
    checked_progress(progress)
    rows: list[Row] = []
    for form in approximations.closed_forms():
        certificate = approximations.certify(form, map=partial(ordered_map, executor=executor))
        certified = replace(form, certificate=certificate)
        constants = ", ".join(f"{name} = {value}" for name, value in form.parameters.items())
        rows.append(
            (
                *(form.name, form.target, form.about, form.as_latex(), constants, *form.domain),
                *(certificate.max_relative_error, _where(certificate.argmax), certificate.text),
                *(certified.as_python(), certified.as_c()),
            )
        )
        if progress is not None:
            progress(1)
    return Table("closed-forms", caption, columns, rows)


def _where(argmax: Argmax) -> str:
    sizes = argmax if isinstance(argmax, tuple) else (argmax,)
    return ", ".join("infinity" if size == math.inf else str(size) for size in sizes)


def grid_pairs(count: int) -> list[tuple[int, int]]:
    """Return the pairs n <= m of `grid_sizes`, in order.

    Parameters
    ----------
    count : int
        The number of sizes.

    Returns
    -------
    list of tuple of int

    Examples
    --------
    >>> from irwinhall import tables
    >>> tables.grid_pairs(2)
    [(1, 1), (1, 1000000), (1000000, 1000000)]
    """
    sizes = grid_sizes(count)
    return [(n, m) for i, n in enumerate(sizes) for m in sizes[i:]]


def article_table(*, executor: Executor | None = None, progress: Progress | None = None) -> Table:
    """Return the article's figures, with those of a simulation with seed 0 and the exact values.

    Parameters
    ----------
    executor : concurrent.futures.Executor, optional
        Runs the simulation. By default, this process does.
    progress : callable, optional
        Called from time to time with the number of uniforms drawn since the last call. The total is
        `article.uniforms_drawn(article.STANDARD_TRIALS, article.NORMALIZED_TRIALS)`.

    Returns
    -------
    Table

    Examples
    --------
    >>> from irwinhall import tables
    >>> tables.article_table().rows[0][:4]  # doctest: +SKIP
    (1, None, 'magnitude', 0.500474810495207)
    """
    caption = (
        "The article's printed figures, those of a simulation with as many trials, and the exact"
        " values: for the Xavier bound, and for the Xavier bound over the article's approximation."
        " The article's program divides by the number of nodes on the other side: its forward is"
        " (n/m) b A(m) and its backward (m/n) b A(n). true_magnitude is the actual magnitude"
        " forward, backward or on average, for the Xavier bound. letkeman is the article's quantity"
        " for the exact bound."
    )
    figures = ("printed", "simulated", "standard_error", "exact")
    columns = (
        "n",
        "m",
        "quantity",
        *(f"{bound}_{figure}" for bound in ("xavier", "approximated") for figure in figures),
        "true_magnitude",
        "letkeman",
    )
    rows: list[Row] = []
    for build in (article.standard_rows, article.normalized_rows):
        for row in build(executor=executor, progress=progress):
            cells: list[Cell] = [row.size[0], row.size[1] if row.size[1:] else None, row.quantity]
            for entry in (row.xavier, row.approximated):
                cells += [entry.printed, _rounded(entry.monte_carlo, 10)]
                cells += [_rounded(entry.standard_error, 3), _rounded(entry.exact, 10)]
            rows.append((*cells, _rounded(row.true_magnitude, 10), _rounded(row.letkeman, 10)))
    return Table("article", caption, columns, rows)


def _gathered(
    function: Callable[[Piece], list[Row]],
    pieces: Sequence[Piece],
    executor: Executor | None,
    progress: Progress | None,
) -> list[Row]:
    rows: list[Row] = []
    for made in ordered_map(function, pieces, executor):
        rows += made
        if progress is not None:
            progress(len(made))
    return rows


def _standard_rows(piece: tuple[int, int]) -> list[Row]:
    first, last = piece
    n: Any = np.arange(first, last + 1)
    magnitudes = expected_magnitude(n)
    forms = approximations.closed_forms("magnitude")
    errors = [_errors(form, n) for form in forms]
    sizes = n.tolist()
    fractions = [str(exact.expected_magnitude(k)) if k <= _LAST_FRACTION else None for k in sizes]
    digits = [_digits(exact.expected_magnitude_mp(k, _DIGITS)) for k in sizes]
    columns = (magnitudes.tolist(), letkeman_bound(n).tolist(), *errors)
    return list(zip(sizes, fractions, digits, *columns, strict=True))


def _normalized_rows(piece: list[tuple[int, int]]) -> list[Row]:
    n, m = np.array(piece).T
    bounds = letkeman_bound(n, m)
    forms = approximations.closed_forms("normalized_bound")
    errors = [_errors(form, n, m) for form in forms]
    digits = [_digits(exact.letkeman_bound_mp(*pair, _DIGITS)) for pair in piece]
    preserved = preserved_magnitude(n, m, bounds)
    both = (preserved.forward, preserved.backward)
    forward, backward = ([_rounded(x, 10) for x in side.tolist()] for side in both)
    columns = (n.tolist(), m.tolist(), digits, bounds.tolist(), forward, backward, *errors)
    return list(zip(*columns, strict=True))


def _errors(form: ClosedForm, *sizes: NDArray[np.int64]) -> list[float | None]:
    """Return form/target - 1 to three digits, or None for sizes outside the form's domain."""
    first, last = form.domain
    covered = np.logical_and.reduce([(first <= size) & (size <= last) for size in sizes])
    errors: NDArray[np.float64] = approximations.relative_error(
        form, *(np.where(covered, n, first) for n in sizes)
    )
    return [
        _rounded(error, 3) if inside else None
        for error, inside in zip(errors.tolist(), covered.tolist(), strict=True)
    ]


def _digits(value: mpmath.mpf) -> str:
    import mpmath

    text: str = mpmath.nstr(value, _DIGITS, strip_zeros=False, min_fixed=-10, max_fixed=20)
    return text


def _rounded(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")


def check_sizes(max_n: int, sizes: int) -> None:
    """Check the sizes of `standard_table` and `normalized_table` without computing them.

    Parameters
    ----------
    max_n : int
        The largest n of `standard_table`.
    sizes : int
        The number of sizes of `normalized_table`.

    Raises
    ------
    TypeError, ValueError
        As for `standard_table` and `normalized_table`.

    Examples
    --------
    >>> from irwinhall import tables
    >>> tables.check_sizes(0, 25)
    Traceback (most recent call last):
    ValueError: max_n must be at least 1, got 0
    """
    _checked("max_n", max_n, 1, MOST_N)
    _checked("sizes", sizes, 2, MOST_SIZES)


def _checked(name: str, value: int, least: int, most: int) -> int:
    number = checked_count(name, value, least)
    if number > most:
        raise ValueError(f"{name} must be from {least} to {most}, got {number}")
    return number
