"""Builder of the exact gains of activations: two moments of each by quadrature, rounded once.

The definitions are independent of `irwinhall.gains`, and in high precision.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath

from irwinhall._codegen._text import NOTE

DPS = 40  # digits carried; the doubles hold 17
# Ends of the pieces of the half-line, besides kinks. Beyond the last, the density is below 10^-55.
BORDERS = (0, 1, 2, 4, 8, 16)

_CONTEXT = mpmath.MPContext()
_CONTEXT.dps = DPS
_mpf, _exp, _tanh = _CONTEXT.mpf, _CONTEXT.exp, _CONTEXT.tanh


def _logistic(z: Any) -> Any:
    return 1 / (1 + _exp(-z))


def _softplus(z: Any) -> Any:
    return _CONTEXT.log1p(_exp(z))


def _selu(z: Any) -> Any:
    # The constants of torch.nn.SELU, to 32 digits.
    scale = _mpf("1.0507009873554804934193349852946")
    return scale * (z if z > 0 else _mpf("1.6732632423543772848170429916717") * _CONTEXT.expm1(z))


def _gelu(z: Any) -> Any:
    return z * _CONTEXT.erfc(-z / _CONTEXT.sqrt(2)) / 2


def _gelu_tanh(z: Any) -> Any:
    inner = _CONTEXT.sqrt(2 / _CONTEXT.pi) * (z + _mpf("0.044715") * z**3)
    return z * _logistic(2 * inner)  # (1 + tanh x)/2 is the logistic function of 2 x


def _clipped(z: Any, low: int, high: int) -> Any:
    return min(max(z, _mpf(low)), _mpf(high))


def _shrunk(z: Any) -> Any:
    return z - _CONTEXT.sign(z) / 2 if abs(z) > 0.5 else _mpf(0)


# The activations without a slope that are not linear on both sides of 0, as functions, with the |z|
# where they are not smooth or change sign.
DEFINITIONS: dict[str, tuple[Callable[[Any], Any], tuple[Any, ...]]] = {
    "relu6": (lambda z: _clipped(z, 0, 6), (6,)),
    "relu_squared": (lambda z: max(z, _mpf(0)) ** 2, ()),
    "elu": (lambda z: z if z > 0 else _CONTEXT.expm1(z), ()),
    "selu": (_selu, ()),
    "gelu": (_gelu, ()),
    "gelu_tanh": (_gelu_tanh, ()),
    "gelu_sigmoid": (lambda z: z * _logistic(_mpf("1.702") * z), ()),
    "silu": (lambda z: z * _logistic(z), ()),
    "mish": (lambda z: z * _tanh(_softplus(z)), ()),
    "softplus": (_softplus, ()),
    "squareplus": (lambda z: (z + _CONTEXT.sqrt(z * z + 4)) / 2, ()),
    "tanh": (_tanh, ()),
    "lecun_tanh": (lambda z: _mpf("1.7159") * _tanh(2 * z / 3), ()),
    "sigmoid": (_logistic, ()),
    "log_sigmoid": (lambda z: -_softplus(-z), ()),
    "softsign": (lambda z: z / (1 + abs(z)), ()),
    "tanhshrink": (lambda z: z - _tanh(z), ()),
    "softshrink": (_shrunk, (0.5,)),
    "hardshrink": (lambda z: z if abs(z) > 0.5 else _mpf(0), (0.5,)),
    "hardtanh": (lambda z: _clipped(z, -1, 1), (1,)),
    "hard_sigmoid": (lambda z: _clipped(z + 3, 0, 6) / 6, (3,)),
    "hard_silu": (lambda z: z * _clipped(z + 3, 0, 6) / 6, (3,)),
    "sine": (_CONTEXT.sin, tuple(k * _CONTEXT.pi for k in range(1, 6))),
    "exp": (_exp, ()),
}

# The activation of the gate in products of two projections, y = (W x) act(V x).
GATES: dict[str, tuple[Callable[[Any], Any], tuple[Any, ...]]] = {
    "bilinear": (lambda z: z, ()),
    "glu": DEFINITIONS["sigmoid"],
    "reglu": (lambda z: max(z, _mpf(0)), ()),
    "geglu": DEFINITIONS["gelu"],
    "swiglu": DEFINITIONS["silu"],
}


def exact_gains(name: str) -> tuple[Any, Any]:
    """Return 1/sqrt(E f(z)^2) and E|z|/E|f(z)|, z standard normal, to more than 30 digits."""
    return _gains(name, *DEFINITIONS[name])


def gated_gains(name: str) -> tuple[Any, Any]:
    """Return the gains of z act(w), z and w independent standard normals.

    E (z act(w))^2 is E act(w)^2, and E|z act(w)| / E|z| is E|act(w)|.
    """
    variance, magnitude = _gains(name, *GATES[name])
    return variance, magnitude * _CONTEXT.sqrt(_CONTEXT.pi / 2)


def _gains(name: str, function: Callable[[Any], Any], kinks: tuple[Any, ...]) -> tuple[Any, Any]:
    halves = sorted({*map(_mpf, BORDERS), *kinks})
    borders = [*(-border for border in reversed(halves)), *halves[1:]]

    def mean(power: int) -> Any:
        def integrand(z: Any) -> Any:
            return abs(function(z)) ** power * _exp(-z * z / 2)

        integral, error = _CONTEXT.quad(integrand, borders, error=True)
        if error > _mpf(10) ** -35:
            raise ArithmeticError(f"the moments of {name} have an error of {error}")
        return integral / _CONTEXT.sqrt(2 * _CONTEXT.pi)

    return 1 / _CONTEXT.sqrt(mean(2)), _CONTEXT.sqrt(2 / _CONTEXT.pi) / mean(1)


def gain_constants() -> str:
    """Return _gain_constants.py."""
    tables = {
        "EXACT_GAINS": {name: exact_gains(name) for name in DEFINITIONS},
        "GATED_GAINS": {name: gated_gains(name) for name in GATES},
    }
    lines = [
        f'"""{NOTE}',
        "",
        "Exact gains of activations, for the variance and for the magnitude, correctly rounded.",
        '"""',
    ]
    for table, gains in tables.items():
        lines += ["", f"{table} = {{"]
        lines += [
            f'    "{name}": ({float(variance)!r}, {float(magnitude)!r}),'
            for name, (variance, magnitude) in gains.items()
        ]
        lines.append("}")
    return "\n".join([*lines, ""])
