"""Fit the constants of closed forms: minimize the worst relative error by linear programming.

Each step linearizes the error in the constants, and finds the constants with the smallest worst
linear error by a linear program, until the worst error no longer decreases (Osborne and Watson,
1969). In the best fit of k constants, the error takes its extreme value with alternating signs at
k + 1 sizes or more.

The constants are then rounded one by one to the fewest digits that keep the worst error within 2 %
of the best; after each, the remaining ones are fitted again. So the printed constants do not depend
on the last digits of a solver.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from irwinhall._codegen._text import NOTE
from irwinhall._core import expected_magnitude, letkeman_bound
from irwinhall.approximations import certify
from irwinhall.approximations._expressions import NUMPY, Symbol, evaluate
from irwinhall.approximations._families import FAMILIES, Family, closed_forms

__all__ = ["Fit", "fitted_constants", "minimax", "rounded"]

Array = NDArray[np.float64]

_SLACK = 0.02  # the relative increase of the error that is allowed for fewer digits
_LARGEST, _LARGEST_OF_PAIR = 10**12, 10**7  # large enough for the limit
_STEPS = 40


class Fit(NamedTuple):
    """Constants, their worst error, and the errors at all sizes of the fit.

    Examples
    --------
    >>> from irwinhall._codegen.fitting import Fit
    >>> Fit({"d": 0.1}, 0.5, [0.5, -0.5]).error
    0.5
    """

    constants: dict[str, float]
    error: float
    errors: Any


def minimax(family: Family, held: Mapping[str, float] | None = None) -> Fit:
    """Return the constants with the smallest worst relative error.

    Parameters
    ----------
    family : Family
        A family with initial values.
    held : mapping of str to float, optional
        Constants that are not fitted.

    Returns
    -------
    Fit

    Raises
    ------
    ValueError
        If the family has no initial values.

    Examples
    --------
    >>> from irwinhall._codegen import fitting
    >>> from irwinhall.approximations import _families
    >>> shape = next(family for family in _families.FAMILIES if family.name == "shifted_root")
    >>> fit = fitting.minimax(shape)
    >>> round(fit.constants["d"], 4), round(fit.error, 4)
    (0.1482, 0.0128)
    """
    from scipy.optimize import linprog

    if family.start is None:
        raise ValueError(f"family must have initial values, got {family.name}")
    constants = {**family.start, **(held or {})}
    free = [name for name in constants if name not in (held or {})]
    sizes, target = _points(family)

    def errors(values: Mapping[str, Any]) -> Any:
        return _value(family, sizes, values) / target - 1.0

    present = errors(constants)
    for _ in range(_STEPS if free else 0):
        worst = float(np.abs(present).max())
        # A complex step gives the derivative to the last digits.
        slopes = np.stack(
            [errors({**constants, name: constants[name] + 1e-30j}).imag / 1e-30 for name in free],
            axis=1,
        )
        unit = np.abs(slopes).max(axis=0)
        scaled, ones = slopes / unit, np.ones((len(target), 1))
        solution = linprog(
            [*[0.0] * len(free), 1.0],
            A_ub=np.block([[scaled, -ones], [-scaled, -ones]]),
            b_ub=np.concatenate([-present, present]) / worst,
            bounds=[*[(None, None)] * len(free), (0.0, None)],
            options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
        )
        steps = solution.x[:-1] * worst / unit
        for halvings in range(12):
            moved = {
                name: constants[name] + float(step) * 0.5**halvings
                for name, step in zip(free, steps, strict=True)
            }
            trial = errors({**constants, **moved})
            if np.abs(trial).max() < worst:
                break
        else:
            break
        constants, present = {**constants, **moved}, trial
        if np.abs(present).max() > worst * (1.0 - 1e-9):
            break
    return Fit(constants, float(np.abs(present).max()), present)


def rounded(family: Family) -> dict[str, str]:
    """Return the best constants as text, with few digits.

    Parameters
    ----------
    family : Family
        A family with initial values.

    Returns
    -------
    dict of str to str

    Examples
    --------
    >>> from irwinhall._codegen import fitting
    >>> from irwinhall.approximations import _families
    >>> shape = next(family for family in _families.FAMILIES if family.name == "shifted_root")
    >>> fitting.rounded(shape)
    {'d': '0.148'}
    """
    best = minimax(family)
    held: dict[str, float] = {}
    # Begin with the last constants, whose terms are smallest, so that the others can compensate.
    for place, name in enumerate(reversed(best.constants), start=1):
        allowed = best.error * (1.0 + _SLACK * place / len(best.constants))
        value = minimax(family, held).constants[name]
        for digits in range(17):
            shorter = float(f"{value:.{digits - 1}e}") if digits else 0.0
            candidate = {**held, name: shorter}
            if minimax(family, candidate).error <= allowed:
                break
        held = candidate
    return {name: f"{held[name]!r}".removesuffix(".0") for name in best.constants}


def fitted_constants() -> str:
    """Return _fitted.py: the constants of the closed forms that are fits, and all worst errors."""
    parameters = {family.name: rounded(family) for family in FAMILIES if family.start}
    certificates = {form.name: certify(form) for form in closed_forms(parameters)}
    lines = [
        f'"""{NOTE}',
        "",
        "Constants of the closed forms that are fits, and the worst error of every closed form.",
        '"""',
        "",
        "from math import inf",
        "",
        "PARAMETERS = {",
    ]
    for name, texts in parameters.items():
        lines += [
            f'    "{name}": {{',
            *(f'        "{k}": "{v}",' for k, v in texts.items()),
            "    },",
        ]
    lines += [
        "}",
        "",
        "# Proven bounds of the relative error, rounded up, and the sizes of the worst errors.",
        "CERTIFICATES: dict[str, tuple[float, int | float | tuple[int | float, int | float]]] = {",
        *(
            f'    "{name}": ({c.max_relative_error!r}, {c.argmax}),'
            for name, c in certificates.items()
        ),
        "}",
    ]
    return "\n".join([*lines, ""])


def _value(family: Family, sizes: Mapping[str, Array], constants: Mapping[str, Any]) -> Any:
    """Return values at sizes that are not tabulated, for real or complex constants."""
    known: dict[str, Any] = {**sizes, **{f"_{name}": value for name, value in constants.items()}}
    arithmetic = NUMPY._replace(cases=lambda n, first, otherwise: otherwise)
    steps = family.steps({name: Symbol(f"_{name}") for name in constants})
    for symbol, formula in steps:
        known[symbol.name] = evaluate(formula, known, arithmetic)
    return known[steps[-1][0].name]


def _points(family: Family) -> tuple[dict[str, Array], Array]:
    """Return the sizes of a fit, and the exact values of the target."""
    if family.target == "magnitude":
        n = _ladder(family.fitted_from, 100, 8, _LARGEST)
        return {"n": n.astype(float)}, np.asarray(expected_magnitude(n))
    # Pairs by smaller size and difference, with ratios close to 1 and far from it.
    low, difference = np.meshgrid(
        _ladder(1, 10, 1, _LARGEST_OF_PAIR), _ladder(0, 10, 2, _LARGEST_OF_PAIR)
    )
    n, m = low.ravel(), (low + difference).ravel()
    return {"n": n.astype(float), "m": m.astype(float)}, np.asarray(letkeman_bound(n, m))


def _ladder(first: int, every: int, part: int, largest: int) -> NDArray[np.int64]:
    """Return `every` consecutive sizes, then larger ones with steps of 1/part of the size."""
    sizes = [*range(first, first + every)]
    while sizes[-1] < largest:
        sizes.append(sizes[-1] + sizes[-1] // part)
    return np.array(sizes)
