"""Closed forms as objects: call them, or write them as LaTeX, Python or C."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import index
from typing import Any, Literal, NamedTuple, TypeAlias, get_args, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from irwinhall._arguments import checked_choice
from irwinhall.approximations._expressions import (
    NUMPY,
    PYTHON,
    Arithmetic,
    C,
    Expression,
    Symbol,
    evaluate,
    write_latex,
    write_result,
    write_source,
)

__all__ = ["LAST", "Argmax", "Certificate", "ClosedForm"]

Target: TypeAlias = Literal["magnitude", "normalized_bound"]
#: The size or pair of sizes of the largest error. Infinity means the limit for large sizes.
Argmax: TypeAlias = "int | float | tuple[int | float, int | float]"

#: The largest size that closed forms cover. Every integer up to it is a double.
LAST = 2**53

_ARGUMENTS: Mapping[str, tuple[str, ...]] = {"magnitude": ("n",), "normalized_bound": ("n", "m")}
_LATEX = {"magnitude": "A(n)", "normalized_bound": "b(n, m)"}


class Certificate(NamedTuple):
    """The largest relative error of a form over its whole domain.

    Attributes
    ----------
    max_relative_error : float
        A proven bound of abs(form/target - 1), rounded up to three digits. Before rounding, it
        exceeds the largest error found by at most 3e-5 for a product (such as article_normalized),
        and by at most 2e-15 for any other form.
    argmax : int, float or tuple
        The size n, or the pair (n, m), of the largest error found. Infinite if the error is largest
        in the limit of large sizes.
    text : str
        The method of the proof.

    Examples
    --------
    >>> from irwinhall.approximations import Certificate
    >>> Certificate(0.5, 1, "every n").max_relative_error
    0.5
    """

    max_relative_error: float
    argmax: Argmax
    text: str


@dataclass(frozen=True, repr=False)
class ClosedForm:
    r"""A formula that approximates A(n) or the normalized bound.

    Call it with n, or with n and m: integers give a float; integer arrays broadcast and give a
    float64 array. The call, the Python source and the C source give the same bits: forms use only
    operations that IEEE 754 rounds correctly, in one order. A C compiler must not contract
    a * b + c (``-ffp-contract=off``).

    Attributes
    ----------
    name : str
        The name, an identifier in Python and C.
    target : {"magnitude", "normalized_bound"}
        The function that it approximates: A(n), or (n + m)/(m A(n) + n A(m)).
    about : str
        A sentence about the form.
    parameters : mapping of str to str
        The constants, as printed: fitted, or those of the series or of the article.
    steps : tuple of (Symbol, Expression)
        The formula: named intermediate values; the last is the result.
    domain : tuple of int
        The smallest and largest size that it covers.
    certificate : Certificate or None
        The certified error.
    base : ClosedForm or None
        The form of A(n) in a form of the normalized bound, if it has one.

    Examples
    --------
    >>> from irwinhall import approximations
    >>> form = approximations.FORMS["series_2"]
    >>> form
    FORMS['series_2']
    >>> form(100), form.parameters
    (4.608891953947615, {'c1': '1/20'})
    >>> print(form.as_latex())
    A(n) \approx \sqrt{\tfrac{2}{3\pi}} \, \sqrt{n} \, \left(1 + \frac{1}{20 \, n}\right)
    """

    name: str
    target: Target
    about: str
    parameters: Mapping[str, str]
    steps: tuple[tuple[Symbol, Expression], ...]
    domain: tuple[int, int] = (1, LAST)
    certificate: Certificate | None = None
    base: ClosedForm | None = None

    def __post_init__(self) -> None:
        checked_choice("target", self.target, get_args(Target))

    def __repr__(self) -> str:
        if self.certificate is None:
            return f"<ClosedForm {self.name}: {self._summary().removesuffix('.')}>"
        return f"FORMS[{self.name!r}]"

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of the arguments: ("n",) or ("n", "m")."""
        return _ARGUMENTS[self.target]

    @property
    def max_relative_error(self) -> float:
        """A proven bound of abs(form/target - 1) over the whole domain."""
        return self._certified().max_relative_error

    @property
    def argmax(self) -> Argmax:
        """The size n, or the pair (n, m), of the largest error found; infinite for a limit."""
        return self._certified().argmax

    @overload
    def __call__(self, *sizes: int | np.integer[Any]) -> float: ...
    @overload
    def __call__(self, *sizes: ArrayLike) -> NDArray[np.float64]: ...
    def __call__(self, *sizes: ArrayLike) -> float | NDArray[np.float64]:
        """Return the form's value.

        Parameters
        ----------
        *sizes : int or array_like of int
            n, or n and m; arrays broadcast.

        Returns
        -------
        float or ndarray of float64

        Raises
        ------
        TypeError
            If the number of arguments is wrong, or one is not an integer or an array of integers.
        ValueError
            If one is outside the domain; the message gives the limits.
        """
        if len(sizes) != len(self.variables):
            wanted = " and ".join(self.variables)
            raise TypeError(f"{self.name} takes {wanted}, got {len(sizes)} arguments")
        named = zip(self.variables, sizes, strict=True)
        values = {name: self._checked(name, size) for name, size in named}
        result = np.asarray(self.evaluate(values))
        return result.item() if result.ndim == 0 else result

    def evaluate(self, values: Mapping[str, Any], arithmetic: Arithmetic = NUMPY) -> Any:
        """Return the form's value in any arithmetic, without checking the arguments.

        Parameters
        ----------
        values : mapping of str to object
            The arguments by name: n, or n and m.
        arithmetic : Arithmetic
            The numbers, functions and cases for such objects; by default, those of arrays of
            doubles.

        Returns
        -------
        object

        Examples
        --------
        >>> import numpy as np
        >>> from irwinhall.approximations import FORMS
        >>> FORMS["article_standard"].evaluate({"n": np.array([4.0])})
        array([0.93314286])
        """
        known = dict(values)
        for symbol, expression in self.steps:
            known[symbol.name] = evaluate(expression, known, arithmetic)
        return known[self.steps[-1][0].name]

    def applied(self, n: Any, arithmetic: Arithmetic) -> Any:
        """Return a form of A(n) at n, in any arithmetic."""
        return self.evaluate({"n": n}, arithmetic)

    def as_latex(self) -> str:
        r"""Return the formula as LaTeX mathematics, without dollar signs.

        Returns
        -------
        str

        Examples
        --------
        >>> from irwinhall.approximations import FORMS
        >>> print(FORMS["series_1"].as_latex())
        A(n) \approx \sqrt{\tfrac{2}{3\pi}} \, \sqrt{n}
        """
        *before, (_, result) = self.steps
        where = [f"{write_latex(symbol)} = {write_latex(formula)}" for symbol, formula in before]
        formula = rf"{_LATEX[self.target]} \approx {write_latex(result)}"
        if self.base is not None:
            where.append(self.base.as_latex().replace("A(n)", r"\hat{A}(n)", 1))
        return r", \quad ".join([formula, *where])

    def as_python(self) -> str:
        """Return the source of a Python function of the form's name, with the import it needs.

        The function returns the same values as a call of the form. It does not check its arguments.

        Returns
        -------
        str

        Examples
        --------
        >>> from irwinhall.approximations import FORMS
        >>> FORMS["shifted_root"].as_python().splitlines()[3]
        'def shifted_root(n):'
        """
        return "import math\n\n\n" + "\n\n".join(form._python() for form in self._chain())

    def as_c(self) -> str:
        """Return the source of a C99 function of the form's name, with the include it needs.

        The arguments are integers as doubles. The function does not check them.

        Returns
        -------
        str

        Examples
        --------
        >>> from irwinhall.approximations import FORMS
        >>> FORMS["shifted_root"].as_c().splitlines()[3]
        'double shifted_root(double n)'
        """
        return "#include <math.h>\n\n" + "\n".join(form._c(self) for form in self._chain())

    def _chain(self) -> list[ClosedForm]:
        return [self] if self.base is None else [self.base, self]

    def _python(self) -> str:
        lines = [f"def {self.name}({', '.join(self.variables)}):", f'    """{self._summary()}"""']
        lines += [f"    {name} = float({name})" for name in self.variables]
        *before, (_, result) = self.steps
        lines += [
            f"    {symbol.name} = {write_source(formula, PYTHON)}" for symbol, formula in before
        ]
        return "\n".join([*lines, *write_result(result, PYTHON), ""])

    def _c(self, public: ClosedForm) -> str:
        arguments = ", ".join(f"double {name}" for name in self.variables)
        storage = "" if self is public else "static "
        lines = [f"/* {self._summary()} */", f"{storage}double {self.name}({arguments})", "{"]
        *before, (_, result) = self.steps
        lines += [
            f"    const double {symbol.name} = {write_source(formula, C)};"
            for symbol, formula in before
        ]
        return "\n".join([*lines, *write_result(result, C), "}", ""])

    def _summary(self) -> str:
        what = {"magnitude": "A(n)", "normalized_bound": "The normalized Letkeman bound"}
        first, last = self.domain
        limit = "2^53" if last == LAST else str(last)
        text = f"{what[self.target]}, sizes {first} to {limit}"
        if self.certificate is None:
            return f"{text}."
        return f"{text}; relative error at most {self.max_relative_error:g}."

    def _certified(self) -> Certificate:
        if self.certificate is None:
            raise ValueError(
                f"{self.name} has no certificate; irwinhall.certification.certify makes one"
            )
        return self.certificate

    def _checked(self, name: str, value: Any) -> NDArray[np.float64]:
        """Return integers as doubles, or raise an error if one is outside the domain."""
        first, last = self.domain
        if isinstance(value, (bool, np.bool)):
            raise TypeError(f"{name} must be an integer or an array of integers, got {value}")
        if not isinstance(value, np.ndarray) and hasattr(value, "__index__"):
            size = index(value)
            if not first <= size <= last:
                raise ValueError(self._outside(name, size))
            return np.float64(size)  # type: ignore[return-value]
        if np.ma.isMaskedArray(value):
            raise TypeError(f"{name} must be an integer or an array of integers, not a masked one")
        array = np.asarray(value)
        if array.dtype.kind not in "iu" or (
            not isinstance(value, np.ndarray)
            and any(
                isinstance(element, (bool, np.bool))
                for element in np.asarray(value, dtype=object).flat
            )
        ):
            kind = "a list with booleans" if array.dtype.kind in "iu" else f"one of {array.dtype}"
            raise TypeError(f"{name} must be an integer or an array of integers, got {kind}")
        wrong = (array < first) | (array > last)
        if wrong.any():
            raise ValueError(self._outside(name, array[wrong][0]))
        return array.astype(np.float64)

    def _outside(self, name: str, size: object) -> str:
        first, last = self.domain
        limit = "2**53" if last == LAST else str(last)
        return f"{name} must be from {first} to {limit} for {self.name}, got {size}"
