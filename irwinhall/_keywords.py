"""An error message for calls with `seed` instead of `rng`, or the other way round."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
Function = Callable[Parameters, Result]


def takes(
    name: str, *, not_: str
) -> Callable[[Function[Parameters, Result]], Function[Parameters, Result]]:
    """Return a decorator: a call with keyword `not_` raises TypeError, which names `name`."""

    def decorator(function: Function[Parameters, Result]) -> Function[Parameters, Result]:
        @wraps(function)
        def checked(*arguments: Parameters.args, **keywords: Parameters.kwargs) -> Result:
            if not_ in keywords:
                called = function.__qualname__.removesuffix(".__init__")
                raise TypeError(f"{called} takes {name}, not {not_}")
            return function(*arguments, **keywords)

        return checked

    return decorator
