"""Closed forms of A(n) and of the normalized bound, each with a certified worst error.

`FORMS` holds them all: the article's two as it prints them, truncated series, and fits. They are
for places where irwinhall is not: each can be written out in Python, C and LaTeX. Nothing in the
library computes with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import get_args

from irwinhall._families import closed_forms as _uncertified
from irwinhall._fitted import CERTIFICATES, PARAMETERS
from irwinhall.certification import method
from irwinhall.closedforms import Certificate, ClosedForm, Target

__all__ = ["FORMS", "Certificate", "ClosedForm", "closed_forms"]


def _certified(form: ClosedForm) -> ClosedForm:
    return replace(form, certificate=Certificate(*CERTIFICATES[form.name], method(form)))


FORMS: Mapping[str, ClosedForm] = MappingProxyType(
    {form.name: _certified(form) for form in _uncertified(PARAMETERS)}
)


def closed_forms(target: Target | None = None) -> list[ClosedForm]:
    """Return the closed forms of one target, or all, in the order of `FORMS`.

    Parameters
    ----------
    target : {"magnitude", "normalized_bound"}, optional
        What they approximate.

    Returns
    -------
    list of ClosedForm

    Raises
    ------
    ValueError
        If there is no such target.

    Examples
    --------
    >>> from irwinhall import approximations
    >>> [form.name for form in approximations.closed_forms("magnitude")][:2]
    ['article_standard', 'article_standard_refit']
    """
    if target is not None and target not in get_args(Target):
        raise ValueError(f"target must be one of {get_args(Target)}, got {target!r}")
    return [form for form in FORMS.values() if target in (None, form.target)]
