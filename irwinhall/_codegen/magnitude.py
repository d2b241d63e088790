"""Builders of the tables of A(n): as pairs of doubles, and to 224 binary places."""

from __future__ import annotations

from fractions import Fraction

from irwinhall import exact
from irwinhall._codegen._text import header, hexes, pair

# The table of the fast path has the widths of common layers. From its end on, 6 terms of the series
# have an error below 2^-77; the fast path allows 2^-75.
TABLE_END = 1024
FAST_TERMS = 6
# The table of the accurate path. From its end on, about 35 terms have an error below 2^-224, the
# last bit, and exp(-3n/2) is below 2^-550.
WIDE_TABLE_END = 256
# The numbers of the accurate path: 8 limbs of 32 bits; the top one is the integer part.
LIMBS = 8
FRACTION_BITS = 32 * (LIMBS - 1)


def magnitude_table() -> str:
    """Return ih_magnitude_table.h: A(n) for small n and the series' constants, as doubles."""
    rows = [pair(_expected_magnitude(n)) for n in range(1, TABLE_END)]
    shift = _shift_coefficients(FAST_TERMS)
    return header(
        "IH_MAGNITUDE_TABLE_H",
        "Tables of ih_magnitude.c. Each number is an unevaluated sum of two doubles: the number\n"
        " * rounded to nearest, and the rest rounded to nearest.",
        [
            f"#define IH_TABLE_END {TABLE_END}",
            "",
            "/* A(n) for n < IH_TABLE_END; row 0 is never used. */",
            "static const double ih_table[IH_TABLE_END][2] = {",
            "    {0.0, 0.0},",
            *(f"    {{{hi.hex()}, {lo.hex()}}}," for hi, lo in rows),
            "};",
            "",
            "/* A(n) = sqrt(2/(3 pi) (n + s_0 + s_1/n + s_2/n^2 + ...)) */",
            f"static const double ih_two_over_3pi[2] = {{{hexes(pair(_two_over_three_pi()))}}};",
            f"static const double ih_shift_0[2] = {{{hexes(pair(shift[0]))}}};",
            f"#define IH_SHIFT_TERMS {FAST_TERMS - 1}",
            "static const double ih_shift[IH_SHIFT_TERMS] = {",
            *(f"    {float(s).hex()}," for s in shift[1:]),
            "};",
        ],
    )


def magnitude_wide_table() -> str:
    """Return ih_magnitude_wide_table.h: the same numbers to 224 binary places."""
    shift = []
    for k, s in enumerate(_shift_coefficients(64)):
        scaled = s / WIDE_TABLE_END**k
        if abs(scaled) / WIDE_TABLE_END < Fraction(1, 1 << FRACTION_BITS):
            break
        shift.append(scaled)
    return header(
        "IH_MAGNITUDE_WIDE_TABLE_H",
        "Tables of ih_magnitude_wide.c. Each number times 2^224 is rounded to nearest and written\n"
        " * as eight 32-bit limbs, least significant first.",
        [
            '#include "magnitude/ih_magnitude_wide.h"',
            "",
            f"#define IH_WIDE_TABLE_END {WIDE_TABLE_END}",
            "",
            "/* A(n) for n < IH_WIDE_TABLE_END; row 0 is never used. */",
            "static const ih_fixed ih_wide_table[IH_WIDE_TABLE_END] = {",
            "    {{0}},",
            *(f"    {_limbs(exact.expected_magnitude(n))}," for n in range(1, WIDE_TABLE_END)),
            "};",
            "",
            f"static const ih_fixed ih_wide_two_over_3pi = {_limbs(_two_over_three_pi())};",
            "",
            "/* s_k / IH_WIDE_TABLE_END^k of A(n) = sqrt(2/(3 pi) (n + s_0 + s_1/n + ...)). */",
            f"#define IH_WIDE_SHIFT_TERMS {len(shift)}",
            "static const struct {",
            "    int negative;",
            "    ih_fixed size;",
            "} ih_wide_shift[IH_WIDE_SHIFT_TERMS] = {",
            *(f"    {{{int(s < 0)}, {_limbs(abs(s))}}}," for s in shift),
            "};",
        ],
    )


def _shift_coefficients(count: int) -> list[Fraction]:
    """Return s_0 ... of A(n)^2 (3 pi/2) = n + s_0 + s_1/n + ..., the square of the series."""
    c = exact.series_coefficients(count + 1)
    return [sum((c[i] * c[k - i] for i in range(k + 1)), Fraction(0)) for k in range(1, count + 1)]


def _expected_magnitude(n: int) -> Fraction:
    """Return A(n), exact for small n, else with far more digits than two doubles."""
    if n < WIDE_TABLE_END:
        return exact.expected_magnitude(n)
    mantissa, exponent = exact.expected_magnitude_mp(n, dps=50).man_exp
    return int(mantissa) * Fraction(2) ** int(exponent)


def _two_over_three_pi() -> Fraction:
    """Return 2/(3 pi) to 300 binary places, more than any table keeps."""
    import mpmath

    with mpmath.workprec(400):
        return Fraction(int(mpmath.nint(mpmath.ldexp(2 / (3 * mpmath.pi), 300))), 1 << 300)


def _limbs(value: Fraction) -> str:
    scaled = round(value * (1 << FRACTION_BITS))
    limbs = [(scaled >> (32 * i)) & 0xFFFFFFFF for i in range(LIMBS)]
    return "{{" + ", ".join(f"0x{limb:08x}" for limb in limbs) + "}}"
