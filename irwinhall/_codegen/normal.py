"""Builder of the normal quantile's tables.

Everything is computed with mpmath at a fixed precision and rounded once to the stored type, so the
text is the same on every machine.

The normal quantile is tabulated by octaves of the tail probability q < 1/2 (docs/stream.md):

    q = 2^-(octave + 2) * (2 - x),   0 < x < 1,   x = (segment + t) / segments

so that t = 0 is the end of a segment nearer to the centre, and the first segment has z = 0 there.
An octave is one segment in single precision and sixteen in double precision.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from statistics import NormalDist
from typing import Any

import mpmath

from irwinhall._codegen._text import header

OCTAVES = 16  # smaller q, with probability 2^-16, use the tail fit
F32_DEGREE = 8
F64_SEGMENTS, F64_DEGREE = 16, 7
# The tail fit: r - z for r = sqrt(-2 ln q), by pieces of r, in the variable (r - middle) / half.
# q = 2^-17 is r = 4.85; q = 2^-1072 is r = 38.55.
TAIL_EDGES = (4.75, 6.0, 8.0, 11.0, 16.0, 25.0, 40.0)
TAIL_DEGREE = 13
DPS = 40  # digits carried; the stored types hold 17

_CONTEXT = mpmath.MPContext()
_CONTEXT.dps = DPS
_mpf = _CONTEXT.mpf


def _quantile(q: Any, guess: float) -> Any:
    """Return the z < 0 with Phi(z) = q, by Newton's method on log Phi from a rough guess."""
    z = _mpf(guess)
    log_q = _CONTEXT.log(q)
    root_half = _CONTEXT.sqrt(_mpf(1) / 2)
    for _ in range(12):
        phi_cumulative = _CONTEXT.erfc(-z * root_half) / 2
        density = _CONTEXT.exp(-z * z / 2) / _CONTEXT.sqrt(2 * _CONTEXT.pi)
        # log Phi is concave and close to quadratic: Newton converges from either side.
        step = (_CONTEXT.log(phi_cumulative) - log_q) * phi_cumulative / density
        z -= step
        if abs(step) < _mpf(10) ** (-DPS // 2):  # the next step would be below 10^-DPS
            return z
    raise ArithmeticError(f"no quantile at q = {q}")


def _chebyshev_fit(function: Callable[[Any], Any], low: Any, high: Any, degree: int) -> list[Any]:
    """Return monomial coefficients in t of the interpolant at Chebyshev nodes of (low, high)."""
    count = degree + 1
    nodes = [
        (low + high) / 2 + (high - low) / 2 * _CONTEXT.cos(_CONTEXT.pi * (2 * i + 1) / (2 * count))
        for i in range(count)
    ]
    newton = [function(node) for node in nodes]
    for level in range(1, count):
        for i in range(count - 1, level - 1, -1):
            newton[i] = (newton[i] - newton[i - 1]) / (nodes[i] - nodes[i - level])
    coefficients = [newton[-1]]
    for i in range(count - 2, -1, -1):
        shifted = [_mpf(0), *coefficients]
        for j, value in enumerate(coefficients):
            shifted[j] -= nodes[i] * value
        shifted[0] += newton[i]
        coefficients = shifted
    return coefficients


def segment_quantile(octave: int, segment: int, segments: int, t: Any) -> Any:
    """Return the exact quantile (negative) at position t of a segment."""
    q = (2 - (segment + t) / _mpf(segments)) / 2 ** (octave + 2)
    return _quantile(q, NormalDist().inv_cdf(min(float(q), 0.4999999999)))


@cache
def _fit_weights(degree: int) -> tuple[list[Any], list[list[Any]]]:
    """Return nodes in (0, 1), and the weights of function values there for each power.

    Row p gives the coefficient of t^p in the least-squares fit by the powers p to `degree`. The
    nodes are Chebyshev's, so that such a fit comes close to the one of least worst error.
    """
    count = 3 * (degree + 1)
    nodes = [(1 + _CONTEXT.cos(_CONTEXT.pi * (2 * i + 1) / (2 * count))) / 2 for i in range(count)]
    weights = []
    for lowest in range(degree + 1):
        powers = range(lowest, degree + 1)
        normal_matrix = _CONTEXT.matrix(
            [[_CONTEXT.fsum(t ** (j + k) for t in nodes) for k in powers] for j in powers]
        )
        first = _CONTEXT.matrix([1] + [0] * (degree - lowest))
        row = list(_CONTEXT.lu_solve(normal_matrix, first))
        weights.append(
            [_CONTEXT.fsum(y * t**k for y, k in zip(row, powers, strict=True)) for t in nodes]
        )
    return nodes, weights


def _stored_fit(
    function: Callable[[Any], Any], degree: int, stored: Callable[[Any], float]
) -> list[float]:
    """Return coefficients in t of a fit on (0, 1), each rounded to the stored type.

    Each is fitted to the residual of the rounded coefficients before it.
    """
    nodes, weights = _fit_weights(degree)
    rest = [function(t) for t in nodes]
    coefficients = []
    for power, row in enumerate(weights):
        coefficient = stored(_CONTEXT.fdot(row, rest))
        rest = [value - _mpf(coefficient) * t**power for value, t in zip(rest, nodes, strict=True)]
        coefficients.append(coefficient)
    return coefficients


def quantile_rows(segments: int, degree: int, stored: Callable[[Any], float]) -> list[list[float]]:
    """Return one row of coefficients (constant first) for each octave and segment."""

    def row(octave: int, segment: int) -> list[float]:
        def z(t: Any) -> Any:
            return segment_quantile(octave, segment, segments, t)

        if octave == 0 and segment == 0:
            # z is proportional to t here: fit z / t, so that the error is relative.
            return [0.0, *_stored_fit(lambda t: z(t) / t, degree - 1, stored)]
        return _stored_fit(z, degree, stored)

    return [row(octave, segment) for octave in range(OCTAVES) for segment in range(segments)]


def tail_shortfall(r: Any) -> Any:
    """Return r - |z| where ln q = -r^2 / 2 and Phi(-|z|) = q."""
    q = _CONTEXT.exp(-r * r / 2)
    return r + _quantile(q, -float(r) + 0.3)


def tail_rows() -> list[list[Any]]:
    """Return one row for each piece of r: middle, 1 / half, then the coefficients."""

    def row(low: float, high: float) -> list[Any]:
        middle, half = _mpf(low + high) / 2, _mpf(high - low) / 2

        def shortfall(x: Any) -> Any:
            return tail_shortfall(middle + half * x)

        return [middle, 1 / half, *_chebyshev_fit(shortfall, _mpf(-1), _mpf(1), TAIL_DEGREE)]

    return [row(low, high) for low, high in pairwise(TAIL_EDGES)]


def single(value: Any) -> float:
    """Return the value rounded to single precision."""
    rounded: float = struct.unpack("<f", struct.pack("<f", float(value)))[0]
    return rounded


def _hex_f32(value: float) -> str:
    return value.hex() + "f"


def _hex_f64(value: Any) -> str:
    return float(value).hex()


def _table(
    kind: str, name: str, rows: Sequence[Sequence[Any]], text: Callable[[Any], str]
) -> list[str]:
    return [
        f"static const {kind} {name}[{len(rows)}][{len(rows[0])}] = {{",
        *("    {" + ", ".join(text(v) for v in row) + "}," for row in rows),
        "};",
        "",
    ]


def normal_table() -> str:
    """Return ih_normal_table.h."""
    f32 = quantile_rows(1, F32_DEGREE, single)
    f64 = quantile_rows(F64_SEGMENTS, F64_DEGREE, float)
    edges = ", ".join(_hex_f64(edge) for edge in TAIL_EDGES[1:-1])
    columns = [list(column) for column in zip(*f32, strict=True)]
    tail = _table("double", "ih_normal_tail", tail_rows(), _hex_f64)
    return header(
        "IH_NORMAL_TABLE_H",
        "Polynomials of the normal quantile, by octaves of the tail's probability.",
        [
            f"#define IH_NORMAL_OCTAVES {OCTAVES}",
            f"#define IH_NORMAL_F32_DEGREE {F32_DEGREE}",
            f"#define IH_NORMAL_F64_DEGREE {F64_DEGREE}",
            f"#define IH_NORMAL_TAIL_PIECES {len(TAIL_EDGES) - 1}",
            f"#define IH_NORMAL_TAIL_DEGREE {TAIL_DEGREE}",
            "",
            "/* [power][octave]: a power of all octaves fills a vector register, or two. */",
            "_Alignas(64)",
            *_table("float", "ih_normal_f32", columns, _hex_f32),
            "/* [16 * octave + segment][power]: one cache line a segment. */",
            "_Alignas(64)",
            *_table("double", "ih_normal_f64", f64, _hex_f64),
            "/* Where one piece of the tail fit ends and the next begins, in r. */",
            f"static const double ih_normal_tail_edges[{len(TAIL_EDGES) - 2}] = {{{edges}}};",
            "",
            "/* [piece]: middle of r, 1 / half width, then powers. */",
            *tail[:-1],
        ],
    )
