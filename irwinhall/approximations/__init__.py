"""Closed forms of A(n) and of the normalized bound, each with a certified worst error.

`FORMS` has all of them: the article's two as printed, truncated series, and fits. Use one where the
library is not available: each can be written out in Python, C and LaTeX. The library itself does
not compute with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any, get_args

from irwinhall._arguments import checked_choice
from irwinhall._lookup import FrozenMapping
from irwinhall.approximations._certification import certify, method, relative_error
from irwinhall.approximations._closedform import LAST, Argmax, Certificate, ClosedForm, Target
from irwinhall.approximations._families import closed_forms as _uncertified

__all__ = [
    "FORMS",
    "LAST",
    "Argmax",
    "Certificate",
    "ClosedForm",
    "certify",
    "closed_forms",
    "relative_error",
]

#: Every closed form by its name.
#:
#: :meta hide-value:
FORMS: Mapping[str, ClosedForm]


@cache
def _forms() -> Mapping[str, ClosedForm]:
    from irwinhall.approximations._fitted import CERTIFICATES, PARAMETERS

    forms = {form.name: form for form in _uncertified(PARAMETERS)}
    return FrozenMapping(
        {
            name: replace(form, certificate=Certificate(*CERTIFICATES[name], method(form)))
            for name, form in forms.items()
        }
    )


def __getattr__(name: str) -> Any:
    # Made on first use, because the generator of _fitted.py imports this package without it.
    if name == "FORMS":
        return _forms()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def closed_forms(target: Target | None = None) -> list[ClosedForm]:
    """Return the closed forms of one target, or all, in the order of `FORMS`.

    Parameters
    ----------
    target : {"magnitude", "normalized_bound"}, optional
        The function that they approximate: A(n), or the normalized bound. By default, both.

    Returns
    -------
    list of ClosedForm

    Raises
    ------
    ValueError
        If target is unknown.

    See Also
    --------
    FORMS : All closed forms by name.

    Examples
    --------
    >>> from irwinhall import approximations
    >>> [form.name for form in approximations.closed_forms("magnitude")][:2]
    ['article_standard', 'article_standard_refit']
    """
    checked_choice("target", target, (*get_args(Target), None))
    return [form for form in _forms().values() if target in (None, form.target)]
