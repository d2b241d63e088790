"""Keywords under their one name: a call with another gets a message that names the right one."""

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
    """Return a decorator of functions whose keyword is `name`, where others say `not_`."""

    def decorator(function: Function[Parameters, Result]) -> Function[Parameters, Result]:
        @wraps(function)
        def checked(*arguments: Parameters.args, **keywords: Parameters.kwargs) -> Result:
            if not_ in keywords:
                called = function.__qualname__.removesuffix(".__init__")
                raise TypeError(f"{called} takes {name}, not {not_}")
            return function(*arguments, **keywords)

        return checked

    return decorator
