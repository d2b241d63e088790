"""The builder of ih_distribution_table.h, from exact fractions and high-precision series.

Notation: u = n m, m <= 1/2, is a value of the sum of n uniforms. With K(s) = log(sinh(s/2)/(s/2))
and the saddle point s of K(s) - s (1/2 - m), the rate is I(m) = s (1/2 - m) - K(s). For n -> inf,

    density            exp(-n I) sqrt(1/n) (g_0(m) + g_1(m)/n + g_2(m)/n^2 + ...)
    probability below  exp(-n I) (erfcx(sqrt(n I))/2 + sqrt(1/n) (b_0(m) + b_1(m)/n + ...))

The series diverge, but truncated at the order used, they are right to 1e-15 from the given n on.
They are economized to polynomials of degree 7 in 1/n by omitting the higher Chebyshev polynomials,
and each coefficient is interpolated over cells of m.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from operator import mul
from typing import Any, NamedTuple

from irwinhall._codegen._text import header, hexes, pair

# Below this n, tables have the polynomials of the unit intervals for m >= 1/4.
SERIES_START = 28
# For m < 1/4, the series are used from this n on; below, the alternating sum.
FAR_SERIES_START = 64
# Orders of the series: higher ones gain nothing at the first n.
ORDERS, FAR_ORDERS = 15, 16
COLUMNS = 8  # powers of 1/n
ROWS = 12  # powers of m - centre
# Quarters of octaves of m, from 1.5 2^-6 to 1/2; the last four are at m >= 1/4.
FIRST_CELL, LAST_CELL = (-6, 2), (-2, 3)
NEAR_CELLS = 4
TAYLOR_TERMS = 22
LOG_CELLS = 64
ERFCX_CELLS, ERFCX_ROWS = 32, 10
START_TERMS = 10  # of the initial values of quantiles
_BITS = 448


class _Saddle(NamedTuple):
    """The terms of the expansion at one m, times 2**_BITS."""

    rate: int
    slope: int
    density: list[int]
    tail: list[int]


# ---- the expansion at a point: integers are fixed-point numbers with _BITS binary places -------


def _times(a: int, b: int) -> int:
    return (a * b) >> _BITS


def _dot(a: Sequence[int], b: Sequence[int]) -> int:
    total: int = sum(map(mul, a, b))
    return total >> _BITS


def _over(a: int, b: int) -> int:
    return (a << _BITS) // b


def _saddle(m: Fraction, orders: int) -> _Saddle:
    """Return the rate and the coefficients g_k and b_k, 0 <= k <= orders, for 0 < m < 1/2."""
    import mpmath

    one = 1 << _BITS
    with mpmath.workprec(_BITS + 64):
        target = mpmath.mpf(m.numerator) / m.denominator
        start = 12 * (0.5 - float(m)) if m > Fraction(3, 10) else 1 / float(m)
        s = mpmath.findroot(
            lambda s: 1 / s - 1 / mpmath.expm1(s) - target, start, tol=mpmath.mpf(2) ** -(2 * _BITS)
        )
        rate = s * (mpmath.mpf(1) / 2 - target) - mpmath.log(mpmath.sinh(s / 2) / (s / 2))
        zeta = mpmath.sqrt(2 * rate)
        coth = mpmath.coth(s / 2) / 2
        scale = 1 / mpmath.sqrt(2 * mpmath.pi)

        def fixed(value: Any) -> int:
            return int(mpmath.floor(mpmath.ldexp(value, _BITS)))

        fixed_s, fixed_rate, fixed_coth, fixed_scale = map(fixed, (s, rate, coth, scale))
        pole = fixed(1 / s)
        inverse_zeta = fixed(1 / zeta)
    size = 2 * orders + 2
    # K'(s + w) = y(w) - 1/(s + w), y = coth/2, y' = 1/4 - y^2.
    y = [fixed_coth]
    for k in range(size):
        y.append(((one >> 2 if k == 0 else 0) - _dot(y, y[::-1])) // (k + 1))
    poles = [pole]  # of 1/(s + w)
    for _ in range(size):
        poles.append(-_times(poles[-1], pole))
    # 2 (K(s + w) - K(s) - K'(s) w)/w^2 = (p/w)^2, where p^2/2 is the exponent.
    square = [2 * (y[j + 1] - poles[j + 1]) // (j + 2) for j in range(size)]
    root = math.isqrt(square[0] << _BITS)
    weighted = [i * value for i, value in enumerate(square)]
    density, tail = [], []
    double_factorial = 1
    power_of_zeta = inverse_zeta  # zeta^-(2 k + 1)
    reciprocal_power = _over(one, root)  # root^-(2 k + 1)
    first = _over(one, square[0])
    for k in range(orders + 1):
        # The coefficients of (w/p)^(2 k + 1) up to w^(2 k), by the power rule: Lagrange's inversion
        # of p(w). The highest power is first in series.
        series = [reciprocal_power]
        for j in range(1, 2 * k + 1):
            total = (1 - 2 * k) * _dot(weighted[1 : j + 1], series)
            total -= 2 * j * _dot(square[1 : j + 1], series)
            series.insert(0, _times(total, first) // (2 * j))
        regular = _dot(series, poles[: 2 * k + 1])
        factor = (-1) ** k * double_factorial
        density.append(factor * _times(series[0], fixed_scale))
        tail.append(factor * _times(regular - power_of_zeta, fixed_scale))
        double_factorial *= 2 * k + 1
        power_of_zeta = _times(_times(power_of_zeta, inverse_zeta), inverse_zeta)
        reciprocal_power = _times(reciprocal_power, first)
    return _Saddle(fixed_rate, -fixed_s, density, tail)


@cache
def _economy(orders: int, start: int) -> list[list[Fraction]]:
    """Return the matrix from sum c_k n^-k, n >= start, to COLUMNS powers of start/n."""
    # Shifted Chebyshev polynomials in x = start/n on [0, 1], as coefficients of powers.
    shifted: list[list[int]] = [[1], [-1, 2]]
    while len(shifted) <= orders:
        last, before = shifted[-1], [*shifted[-2], 0, 0]
        next_one = [0] * (len(last) + 1)
        for i, c in enumerate(last):
            next_one[i] -= 2 * c
            next_one[i + 1] += 4 * c
        shifted.append([c - b for c, b in zip(next_one, before, strict=True)])
    matrix = [[Fraction(0)] * (orders + 1) for _ in range(COLUMNS)]
    for k in range(orders + 1):
        rest = [Fraction(0)] * k + [Fraction(1, start**k)]
        for degree in range(k, COLUMNS - 1, -1):
            share = rest[degree] / shifted[degree][degree]
            for i, c in enumerate(shifted[degree]):
                rest[i] -= share * c
        for row in range(min(COLUMNS, k + 1)):
            matrix[row][k] = rest[row]
    return matrix


# ---- the cells -----------------------------------------------------------------------------------


class _Cell(NamedTuple):
    """A range of m, from low to low + width, and the centre of its polynomials."""

    low: Fraction
    width: Fraction
    centre: Fraction
    near: bool


def _cells() -> list[_Cell]:
    first, last = (4 * exponent + quarter for exponent, quarter in (FIRST_CELL, LAST_CELL))
    cells = []
    for key in range(first, last + 1):
        width = Fraction(2) ** (key // 4) / 4
        low = (4 + key % 4) * width
        # The centre of the last cell is m = 1/2, where rate and slope are 0, because n may be huge.
        centre = low + (width / 2 if key < last else width)
        cells.append(_Cell(low, width, centre, key > last - NEAR_CELLS))
    return cells


@cache
def _interpolation(low: Fraction, high: Fraction) -> tuple[list[Fraction], list[list[int]]]:
    """Return ROWS nodes in (low, high), and the matrix from values at the nodes to coefficients."""
    middle, half = (low + high) / 2, (high - low) / 2
    nodes = [middle + half * point for point in _chebyshev(ROWS)]
    matrix = [[0] * ROWS for _ in nodes]
    for i, node in enumerate(nodes):  # Lagrange's polynomials, expanded
        product = [Fraction(1)]
        for other in nodes[:i] + nodes[i + 1 :]:
            shifted = [Fraction(0), *product]
            for j, c in enumerate(product):
                shifted[j] -= other * c
            product = [c / (node - other) for c in shifted]
        for j, c in enumerate(product):
            matrix[j][i] = math.floor(c * (1 << _BITS))
    return nodes, matrix


def _polynomial(matrix: list[list[int]], values: Sequence[int], unit: Fraction) -> list[Fraction]:
    """Return the coefficients of powers of m - centre, whose nodes are in units of `unit`."""
    return [
        Fraction(_dot(row, values), 1 << _BITS) / unit**power for power, row in enumerate(matrix)
    ]


class _Fit(NamedTuple):
    """The numbers of a cell: rate = rate_0 + slope d + d^2 (curvature_0 + ...), d = m - centre."""

    centre: Fraction
    rate: Fraction
    slope: Fraction
    curvature: list[Fraction]
    density: list[list[Fraction]]  # rows of powers of d, columns of powers of start/n
    tail: list[list[Fraction]]


def _fit(cell: _Cell) -> _Fit:
    unit = cell.width / 2 if cell.centre < cell.low + cell.width else cell.width
    nodes, matrix = _interpolation(
        (cell.low - cell.centre) / unit, (cell.low + cell.width - cell.centre) / unit
    )
    orders, start = (ORDERS, SERIES_START) if cell.near else (FAR_ORDERS, FAR_SERIES_START)
    points = [_saddle(cell.centre + unit * node, orders) for node in nodes]
    middle = _saddle(cell.centre, 0) if cell.centre < Fraction(1, 2) else _Saddle(0, 0, [], [])
    second = []
    for node, point in zip(nodes, points, strict=True):
        distance = unit * node
        rest = point.rate - middle.rate - math.floor(middle.slope * distance)
        second.append(math.floor(rest / distance**2))
    economy = [[math.floor(c * (1 << _BITS)) for c in row] for row in _economy(orders, start)]

    def table(series: list[list[int]]) -> list[list[Fraction]]:
        columns = [
            _polynomial(matrix, [_dot(row, values) for values in series], unit) for row in economy
        ]
        return [list(row) for row in zip(*columns, strict=True)]

    return _Fit(
        cell.centre,
        Fraction(middle.rate, 1 << _BITS),
        Fraction(middle.slope, 1 << _BITS),
        _polynomial(matrix, second, unit),
        table([point.density for point in points]),
        table([point.tail for point in points]),
    )


# ---- few uniforms: Taylor polynomials ------------------------------------------------------------


def _taylor_rows() -> tuple[list[int], list[list[Fraction]], list[list[Fraction]]]:
    """Return the first row of each n, and the coefficients of the density and of the probability.

    The rows are for 2 <= n < SERIES_START and each unit interval from floor(n/4) to the middle, in
    powers of the distance from the middle of the interval. The omitted terms are below 2^-54 of the
    least value in the interval.
    """
    begins: list[int] = [0, 0]
    density: list[list[Fraction]] = []
    tail: list[list[Fraction]] = []
    for n in range(2, SERIES_START):
        begins.append(len(density) - n // 4)
        for interval in range(n // 4, (n + 1) // 2):
            density.append(_taylor(n, interval, n - 1))
            tail.append(_taylor(n, interval, n))
    return begins, density, tail


def _taylor(n: int, interval: int, degree: int) -> list[Fraction]:
    """Return TAYLOR_TERMS coefficients of sum_j (-1)^j C(n, j) (x - j)^degree/degree!."""
    signed = [(-1) ** j * math.comb(n, j) for j in range(interval + 1)]
    doubled = [2 * (interval - j) + 1 for j in range(interval + 1)]
    powers = list(signed)
    coefficients: list[Fraction] = []
    for power in range(degree + 1):
        scale = math.factorial(degree - power) * math.factorial(power) << power
        coefficients.insert(0, Fraction(sum(powers), scale))
        powers = list(map(mul, powers, doubled))
    left_out = sum(abs(c) / 2**k for k, c in enumerate(coefficients) if k >= TAYLOR_TERMS)
    least = sum(c * Fraction(-1, 2) ** k for k, c in enumerate(coefficients))
    if left_out > least / 2**54:
        raise ArithmeticError(f"{TAYLOR_TERMS} terms are too few for n = {n} at {interval}")
    return (coefficients + [Fraction(0)] * TAYLOR_TERMS)[:TAYLOR_TERMS]


# ---- elementary functions ------------------------------------------------------------------------


def _fraction(value: Any) -> Fraction:
    """Return an mpmath number as an exact fraction."""
    mantissa, exponent = value.man_exp  # without the sign
    return (-1 if value < 0 else 1) * int(mantissa) * Fraction(2) ** int(exponent)


def _logarithms() -> tuple[list[Fraction], list[Fraction]]:
    """Return short numbers c near 1/x for the cells of x in [1, 2), and -log c."""
    import mpmath

    inverses = [
        Fraction(round(2**9 / (1 + Fraction(2 * i + 1, 2 * LOG_CELLS))), 2**9)
        for i in range(LOG_CELLS)
    ]
    with mpmath.workprec(200):
        logs = [_fraction(-mpmath.log(mpmath.mpf(c.numerator) / c.denominator)) for c in inverses]
    return inverses, logs


def _constant(name: str) -> Fraction:
    import mpmath

    with mpmath.workprec(200):
        return _fraction(
            {"log 2": mpmath.log(2), "1/root 2 pi": 1 / mpmath.sqrt(2 * mpmath.pi)}[name]
        )


def _log_factorials() -> list[Fraction]:
    import mpmath

    with mpmath.workprec(200):
        return [_fraction(mpmath.log(math.factorial(n))) for n in range(FAR_SERIES_START)]


def _erfcx_rows() -> list[list[Fraction]]:
    """Return polynomials for exp(z^2) erfc(z)/y, y = 4/(4 + z), in y from each cell's middle."""
    import mpmath

    nodes = _chebyshev(ERFCX_ROWS)
    rows = []
    with mpmath.workprec(200):
        for cell in range(ERFCX_CELLS):
            values = []
            for node in nodes:
                y = (2 * cell + 1 + node) / (2 * ERFCX_CELLS)
                z = 4 * mpmath.mpf(y.denominator) / y.numerator - 4
                value = mpmath.exp(z * z) * mpmath.erfc(z) * y.denominator / y.numerator
                values.append(_fraction(value))
            rows.append(_newton(nodes, values, Fraction(1, 2 * ERFCX_CELLS)))
    return rows


def _start_normal() -> list[Fraction]:
    """Return a polynomial in 1/t for -z/t, where log Phi(z) = -t^2/2 < log 1/2."""
    import mpmath

    nodes = _chebyshev(START_TERMS)
    values = []
    with mpmath.workprec(100):
        high = float(1 / mpmath.sqrt(2 * mpmath.log(2)))
        for node in nodes:
            z = mpmath.mpf(0)
            target = -2 / (mpmath.mpf(high) * (1 + float(node))) ** 2
            # log Phi is concave, so Newton's method converges from z = 0, which is above.
            for _ in range(60):
                phi = mpmath.ncdf(z)
                z += (target - mpmath.log(phi)) * phi / mpmath.npdf(z)
            values.append(_fraction(-z / mpmath.sqrt(-2 * target)))
    half = Fraction(high / 2)
    return _shifted(_newton(nodes, values, half), -half)


def _start_rate() -> list[Fraction]:
    """Return a polynomial in r = sqrt(2 I(m)) for log(2 m)/r, 3/128 <= m <= 1/2."""
    import mpmath

    nodes = _chebyshev(START_TERMS)
    values = []
    with mpmath.workprec(100):

        def rate(s: Any) -> Any:
            v = mpmath.coth(s / 2) / 2 - 1 / s
            return s * v - mpmath.log(mpmath.sinh(s / 2) / (s / 2))

        high = mpmath.sqrt(2 * rate(mpmath.mpf(128) / 3))
        for node in nodes:
            zeta = high * (1 + float(node)) / 2
            # The rate is near s^2/24 for small s and log(s) - 1 for large.
            s = mpmath.findroot(
                lambda s, zeta=zeta: rate(s) - zeta**2 / 2, (zeta, 128), solver="anderson"
            )
            values.append(_fraction(mpmath.log(2 / s - 2 / mpmath.expm1(s)) / zeta))
    half = Fraction(float(high) / 2)
    return _shifted(_newton(nodes, values, half), -half)


def _chebyshev(count: int) -> list[Fraction]:
    """Return the Chebyshev nodes in (-1, 1), rounded to 20 binary places."""
    points = [math.cos(math.pi * (2 * i + 1) / (2 * count)) for i in range(count)]
    return [Fraction(round(point * 2**20), 2**20) for point in points]


def _shifted(coefficients: list[Fraction], by: Fraction) -> list[Fraction]:
    """Return the coefficients of p(x + by)."""
    shifted = [Fraction(0)] * len(coefficients)
    for j, c in enumerate(coefficients):
        for k in range(j + 1):
            shifted[k] += math.comb(j, k) * c * by ** (j - k)
    return shifted


def _newton(nodes: list[Fraction], values: list[Fraction], unit: Fraction) -> list[Fraction]:
    """Return the coefficients of the polynomial through points, with nodes in units of `unit`."""
    divided = list(values)
    for level in range(1, len(nodes)):
        for i in range(len(nodes) - 1, level - 1, -1):
            divided[i] = (divided[i] - divided[i - 1]) / (nodes[i] - nodes[i - level])
    coefficients = [Fraction(0)] * len(nodes)
    for node, value in zip(reversed(nodes), reversed(divided), strict=True):
        shifted = [Fraction(0), *coefficients[:-1]]
        coefficients = [s - node * c for s, c in zip(shifted, coefficients, strict=True)]
        coefficients[0] += value
    return [c / unit**k for k, c in enumerate(coefficients)]


# ---- the header ----------------------------------------------------------------------------------


def distribution_table() -> str:
    """Return ih_distribution_table.h."""
    begins, density, tail = _taylor_rows()
    inverses, logs = _logarithms()
    first = 4 * FIRST_CELL[0] + FIRST_CELL[1]
    return header(
        "IH_DISTRIBUTION_TABLE_H",
        "Tables of ih_distribution.c. A pair is a number rounded, and the rest.",
        [
            f"#define IH_SERIES_START {SERIES_START}",
            f"#define IH_FAR_SERIES_START {FAR_SERIES_START}",
            f"#define IH_ROWS {ROWS}",
            f"#define IH_COLUMNS {COLUMNS}",
            "",
            "/* Quarters of octaves of m = u/n: the first begins at key/4 octaves, key being four",
            " * times the exponent and the quarter. */",
            f"#define IH_FIRST_CELL_KEY ({first})",
            f"#define IH_CELLS {len(_cells())}",
            f"#define IH_FIRST_NEAR_CELL {len(_cells()) - NEAR_CELLS}",
            "",
            "/* With d = m - centre: rate + slope d + d^2 (curvature + d bend[0] + d^2 bend[1]",
            " * + ...), and the series' coefficients, rows by powers of d, columns by powers of",
            " * start/n. */",
            "static const struct ih_cell {",
            "    double centre, rate[2], slope[2], curvature[2], bend[IH_ROWS - 1];",
            "    double density[IH_ROWS][IH_COLUMNS], tail[IH_ROWS][IH_COLUMNS];",
            "} ih_cell[IH_CELLS] = {",
            *(_cell_text(_fit(cell)) for cell in _cells()),
            "};",
            "",
            "/* Taylor's coefficients about the middles of the unit intervals, for 2 <= n <",
            " * IH_SERIES_START from floor(n/4) on: row ih_taylor_begin[n] + interval. */",
            f"#define IH_TAYLOR_TERMS {TAYLOR_TERMS}",
            "static const signed char ih_taylor_begin[IH_SERIES_START] = {",
            f"    {', '.join(map(str, begins))}}};",
            f"static const double ih_taylor_density[{len(density)}][IH_TAYLOR_TERMS] = {{",
            *(f"    {{{hexes(row)}}}," for row in density),
            "};",
            f"static const double ih_taylor_tail[{len(tail)}][IH_TAYLOR_TERMS] = {{",
            *(f"    {{{hexes(row)}}}," for row in tail),
            "};",
            "",
            "/* For x in [1, 2), by its leading bits: a short number near 1/x, and minus its",
            " * logarithm. */",
            f"#define IH_LOG_CELLS {LOG_CELLS}",
            "static const double ih_inverse[IH_LOG_CELLS] = {",
            f"    {hexes(inverses)}}};",
            "static const double ih_log[IH_LOG_CELLS][2] = {",
            *(f"    {{{hexes(pair(value))}}}," for value in logs),
            "};",
            f"static const double ih_log_2[2] = {{{hexes(pair(_constant('log 2')))}}};",
            f"static const double ih_inverse_root_2pi = {float(_constant('1/root 2 pi')).hex()};",
            "",
            "/* log n! for n < IH_FAR_SERIES_START */",
            "static const double ih_log_factorial[IH_FAR_SERIES_START][2] = {",
            *(f"    {{{hexes(pair(value))}}}," for value in _log_factorials()),
            "};",
            "",
            "/* exp(z^2) erfc(z)/y, y = 4/(4 + z), in powers of y - the middle of its cell. */",
            f"#define IH_ERFCX_CELLS {ERFCX_CELLS}",
            f"#define IH_ERFCX_ROWS {ERFCX_ROWS}",
            "static const double ih_erfcx_table[IH_ERFCX_CELLS][IH_ERFCX_ROWS] = {",
            *(f"    {{{hexes(row)}}}," for row in _erfcx_rows()),
            "};",
            "",
            "/* The quantiles' first guesses: in 1/t for -z/t, where log Phi(z) = -t^2/2; and in",
            " * r = sqrt(2 rate) for log(2 m)/r. */",
            f"#define IH_START_TERMS {START_TERMS}",
            "static const double ih_start_normal[IH_START_TERMS] = {",
            f"    {hexes(_start_normal())}}};",
            "static const double ih_start_rate[IH_START_TERMS] = {",
            f"    {hexes(_start_rate())}}};",
        ],
    )


def _cell_text(fit: _Fit) -> str:
    numbers = [[fit.centre], *map(pair, (fit.rate, fit.slope, fit.curvature[0]))]
    head = ", ".join([hexes(numbers[0]), *(f"{{{hexes(pair)}}}" for pair in numbers[1:])])
    tables = (
        "{" + ", ".join(f"{{{hexes(row)}}}" for row in table) + "}"
        for table in (fit.density, fit.tail)
    )
    return f"    {{{head}, {{{hexes(fit.curvature[1:])}}},\n     " + ",\n     ".join(tables) + "},"
