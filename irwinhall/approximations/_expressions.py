"""Formulas as trees: evaluate them in any arithmetic, or write them in Python, C and LaTeX.

They consist of +, -, *, / and square roots, which IEEE 754 rounds correctly, and of minima, maxima
and cases, which do not round. So a formula gives the same bits in every language that keeps the
order of operations and does not contract a * b + c. The writers keep the order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from typing import Any, NamedTuple

import numpy as np

__all__ = [
    "NUMPY",
    "PYTHON",
    "Applied",
    "Arithmetic",
    "C",
    "Expression",
    "FirstValues",
    "Function",
    "Language",
    "Number",
    "Operation",
    "Polynomial",
    "Symbol",
    "evaluate",
    "larger",
    "smaller",
    "square_root",
    "write_latex",
    "write_result",
    "write_source",
]


class Expression:
    """A formula. The operators + - * / combine it with another formula or an integer."""

    def __add__(self, other: Expression | int) -> Expression:
        return Operation("+", self, _expression(other))

    def __sub__(self, other: Expression | int) -> Expression:
        return Operation("-", self, _expression(other))

    def __mul__(self, other: Expression | int) -> Expression:
        return Operation("*", self, _expression(other))

    def __truediv__(self, other: Expression | int) -> Expression:
        return Operation("/", self, _expression(other))

    def __radd__(self, other: int) -> Expression:
        return Operation("+", _expression(other), self)

    def __rsub__(self, other: int) -> Expression:
        return Operation("-", _expression(other), self)

    def __rmul__(self, other: int) -> Expression:
        return Operation("*", _expression(other), self)

    def __rtruediv__(self, other: int) -> Expression:
        return Operation("/", _expression(other), self)


@dataclass(frozen=True)
class Number(Expression):
    """A number as printed, such as "0.461" or "11/1120"; its value is the nearest double."""

    text: str
    latex: str = ""

    @property
    def value(self) -> float:
        """The nearest double."""
        return float(Fraction(self.text))


@dataclass(frozen=True)
class Symbol(Expression):
    """A variable, whose value is given when the formula is evaluated."""

    name: str
    latex: str = ""


@dataclass(frozen=True)
class Operation(Expression):
    """One of + - * / of two formulas."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Function(Expression):
    """The function "sqrt", "min" or "max" of formulas."""

    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True)
class Polynomial(Expression):
    """c_0 + c_1 / x + c_2 / x^2 + ..., by Horner's rule."""

    coefficients: tuple[Expression, ...]
    variable: Symbol

    def horner(self) -> Expression:
        """Return the polynomial as operations, in the order in which they are computed."""

        def step(higher: Expression, coefficient: Expression) -> Expression:
            return coefficient + higher / self.variable

        return reduce(step, reversed(self.coefficients))


@dataclass(frozen=True)
class FirstValues(Expression):
    """Values for n = 1, 2, ..., and a formula for all larger n. Only the last step can be this."""

    values: tuple[Expression, ...]
    variable: Symbol
    otherwise: Expression


@dataclass(frozen=True)
class Applied(Expression):
    """Another form, with its name, applied to an argument."""

    name: str
    function: Callable[[Any, Arithmetic], Any]
    argument: Expression
    latex: str


def square_root(argument: Expression) -> Expression:
    """Return the square root of a formula."""
    return Function("sqrt", (argument,))


def smaller(first: Expression, second: Expression) -> Expression:
    """Return the minimum of two formulas."""
    return Function("min", (first, second))


def larger(first: Expression, second: Expression) -> Expression:
    """Return the maximum of two formulas."""
    return Function("max", (first, second))


def _expression(value: Expression | int) -> Expression:
    return value if isinstance(value, Expression) else Number(str(value))


# ---- evaluated -----------------------------------------------------------------------------------


class Arithmetic(NamedTuple):
    """The functions that evaluate a formula, apart from the operators of its values."""

    number: Callable[[float], Any]
    functions: Mapping[str, Callable[..., Any]]
    cases: Callable[[Any, list[Any], Any], Any]  # of n, the first values and those of the formula


def _select(n: Any, first: list[Any], otherwise: Any) -> Any:
    return np.select([n == i + 1.0 for i in range(len(first))], first, otherwise)


# Arrays of doubles.
NUMPY = Arithmetic(float, {"sqrt": np.sqrt, "min": np.minimum, "max": np.maximum}, _select)


def evaluate(formula: Expression, values: Mapping[str, Any], arithmetic: Arithmetic = NUMPY) -> Any:
    """Return the value of a formula for values of its symbols."""

    def value(part: Expression) -> Any:
        match part:
            case Number():
                return arithmetic.number(part.value)
            case Symbol():
                return values[part.name]
            case Operation("+"):
                return value(part.left) + value(part.right)
            case Operation("-"):
                return value(part.left) - value(part.right)
            case Operation("*"):
                return value(part.left) * value(part.right)
            case Operation("/"):
                return value(part.left) / value(part.right)
            case Function():
                return arithmetic.functions[part.name](*map(value, part.arguments))
            case Polynomial():
                return value(part.horner())
            case FirstValues():
                first = [value(case) for case in part.values]
                return arithmetic.cases(value(part.variable), first, value(part.otherwise))
            case Applied():
                return part.function(value(part.argument), arithmetic)
        raise TypeError(f"formula must be made of expressions, got {part!r}")

    return value(formula)


# ---- written as source ---------------------------------------------------------------------------


class Language(NamedTuple):
    """The syntax of a programming language, where languages differ."""

    functions: Mapping[str, str]
    result: str  # a statement that returns a value
    case: str  # a statement that returns a value under a condition


PYTHON = Language(
    {"sqrt": "math.sqrt({0})", "min": "min({0}, {1})", "max": "max({0}, {1})"},
    "    return {0}",
    "    if {0}:\n        return {1}",
)
C = Language(
    {"sqrt": "sqrt({0})", "min": "fmin({0}, {1})", "max": "fmax({0}, {1})"},
    "    return {0};",
    "    if ({0}) return {1};",
)

_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2}


def write_source(formula: Expression, language: Language) -> str:
    """Return the source of a formula of doubles in a programming language."""

    def text(part: Expression) -> str:
        match part:
            case Number():
                return repr(part.value)
            case Symbol():
                return part.name
            case Operation():
                sign, right = _signed(part)
                return f"{inside(part.left, sign)} {sign} {inside(right, sign, right=True)}"
            case Function():
                return language.functions[part.name].format(*map(text, part.arguments))
            case Polynomial():
                return text(part.horner())
            case Applied():
                return f"{part.name}({text(part.argument)})"
        raise TypeError(f"formula must be made of expressions, got {part!r}")

    def inside(part: Expression, sign: str, *, right: bool = False) -> str:
        match part:
            case Polynomial():
                return inside(part.horner(), sign, right=right)
            case Operation():
                # Brackets around the right operand keep the order, and therefore the roundings.
                loose = _PRECEDENCE[part.operator] < _PRECEDENCE[sign] + right
            case _:
                loose = False
        return f"({text(part)})" if loose else text(part)

    return text(formula)


def write_result(formula: Expression, language: Language) -> list[str]:
    """Return the source of the statements that return a formula's value."""
    if not isinstance(formula, FirstValues):
        return [language.result.format(write_source(formula, language))]
    cases = [
        language.case.format(f"{formula.variable.name} == {n!r}", write_source(value, language))
        for n, value in enumerate(formula.values, start=1)
    ]
    return [*cases, *write_result(formula.otherwise, language)]


def _signed(part: Operation) -> tuple[str, Expression]:
    """Return the operator and the right operand, without its minus sign: x + -2 is x - 2."""
    if part.operator in "+-" and (right := _negated(part.right)) is not None:
        return "-" if part.operator == "+" else "+", right
    return part.operator, part.right


def _negated(part: Expression) -> Expression | None:
    """Return -part if part begins with a negative number. The roundings are the same."""
    match part:
        case Number() if part.text.startswith("-"):
            return Number(part.text[1:], part.latex)
        case Operation("*" | "/") if (left := _negated(part.left)) is not None:
            return Operation(part.operator, left, part.right)
    return None


# ---- written as LaTeX ----------------------------------------------------------------------------


def write_latex(formula: Expression) -> str:
    """Return a formula as LaTeX mathematics."""

    def text(part: Expression) -> str:
        match part:
            case Number():
                return part.latex or _latex_number(part.text)
            case Symbol():
                return part.latex or part.name
            case Operation("/"):
                return rf"\frac{{{text(part.left)}}}{{{text(part.right)}}}"
            case Operation("*") if isinstance(part.left, Symbol) and part.left == part.right:
                return f"{text(part.left)}^{{2}}"
            case Operation("*"):
                dot = r" \cdot " if isinstance(part.right, Number) else r" \, "
                return inside(part.left) + dot + inside(part.right)
            case Operation():
                sign, right = _signed(part)
                tail = inside(right) if sign == "-" or _negative(right) else text(right)
                return f"{text(part.left)} {sign} {tail}"
            case Function("sqrt"):
                return rf"\sqrt{{{text(part.arguments[0])}}}"
            case Function():
                return rf"\{part.name}({', '.join(map(text, part.arguments))})"
            case Polynomial():
                return polynomial(part)
            case FirstValues():
                n = text(part.variable)
                cases = [
                    rf"{text(number)} & {n} = {i} \\" for i, number in enumerate(part.values, 1)
                ]
                last = rf"{text(part.otherwise)} & {n} > {len(part.values)}"
                return rf"\begin{{cases}} {' '.join(cases)} {last} \end{{cases}}"
            case Applied():
                return rf"{part.latex}({text(part.argument)})"
        raise TypeError(f"formula must be made of expressions, got {part!r}")

    def polynomial(part: Polynomial) -> str:
        written = ""
        for power, coefficient in enumerate(part.coefficients):
            number = text(coefficient)
            negative = number.startswith("-")
            number = number.removeprefix("-")
            x = text(part.variable) + (f"^{{{power}}}" if power > 1 else "")
            term = _over(number, x) if power else number
            joined = f" {'-' if negative else '+'} " if written else "-" * negative
            written += joined + term
        return written

    def inside(part: Expression) -> str:
        loose = isinstance(part, Polynomial) or (
            isinstance(part, Operation) and part.operator in "+-"
        )
        return rf"\left({text(part)}\right)" if loose or _negative(part) else text(part)

    return text(formula)


def _negative(part: Expression) -> bool:
    return isinstance(part, Number) and part.text.startswith("-")


def _latex_number(text: str) -> str:
    if "/" in text:
        numerator, denominator = text.split("/")
        sign = "-" if numerator.startswith("-") else ""
        return rf"{sign}\frac{{{numerator.removeprefix('-')}}}{{{denominator}}}"
    mantissa, _, exponent = text.partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else mantissa


def _over(number: str, x: str) -> str:
    """Return number/x; a fraction gets x in its denominator."""
    prefix, _, denominator = number.removesuffix("}").rpartition("}{")
    if prefix.startswith(r"\frac{"):
        return rf"{prefix}}}{{{denominator} \, {x}}}"
    return rf"\frac{{{number}}}{{{x}}}"
