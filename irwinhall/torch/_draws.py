"""Random calls of torch, and the functions of ours whose results have the same distribution."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import CodeType, FrameType, FunctionType
from typing import Any, NamedTuple

import torch
from torch import nn

from irwinhall.torch import _functions as ours

__all__ = ["RANDOM", "Draw", "draw_of_frame", "drawn_in_place", "initializer", "made_by"]

Call = tuple[torch.Tensor, "Draw"]


class Draw(NamedTuple):
    """A random call: our function that replaces it, and its arguments.

    `afterwards` are methods of torch, and their arguments, that turn our values into those of the
    call. `scale` is for the report. `plain` makes the original call.
    """

    law: str
    fill: Callable[..., torch.Tensor]
    arguments: Mapping[str, Any]
    scale: float | None
    plain: Callable[[torch.Tensor], object]
    afterwards: tuple[tuple[Callable[..., Any], tuple[Any, ...]], ...] = ()

    def check(self, tensor: torch.Tensor) -> None:
        """Raise TypeError or ValueError if our function does not take the arguments."""
        shadow = torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")
        self.fill(shadow, **self.arguments)


# ---- methods of tensors, and functions that a TorchFunctionMode sees whole -----------------------


def _uniform(tensor: torch.Tensor, *ends: float, **keywords: Any) -> Call:
    low = float(ends[0] if ends else keywords.get("from", 0.0))
    high = float(ends[1] if len(ends) > 1 else keywords.get("to", 1.0))
    return _uniform_on(tensor, low, high)


def _uniform_on(
    tensor: torch.Tensor, a: float = 0.0, b: float = 1.0, generator: Any = None
) -> Call:
    scale = b if a == -b else None
    return tensor, Draw(
        "uniform", ours.uniform_, {"a": a, "b": b}, scale, lambda t: t.uniform_(a, b)
    )


def _normal(
    tensor: torch.Tensor, mean: float = 0.0, std: float = 1.0, generator: Any = None
) -> Call:
    return tensor, Draw(
        "normal",
        ours.normal_,
        {"mean": mean, "std": std},
        _number(std),
        lambda t: t.normal_(mean, std),
    )


def _log_normal(
    tensor: torch.Tensor, mean: float = 1.0, std: float = 2.0, *, generator: Any = None
) -> Call:
    if not std > 0.0:
        raise ValueError(f"std must be positive, got {std}")
    _, normal = _normal(tensor, mean, std)
    return tensor, normal._replace(law="log_normal", afterwards=((torch.Tensor.exp_, ()),))


def _exponential(tensor: torch.Tensor, lambd: float = 1.0, *, generator: Any = None) -> Call:
    if not lambd > 0.0:
        raise ValueError(f"lambd must be positive, got {lambd}")
    factor = -1.0 / lambd  # multiplies the logarithm of a uniform number, which is never 0
    return tensor, Draw(
        "exponential",
        ours.log_of_uniform_,
        {"low": 0.0, "high": 1.0},
        _number(lambd),
        lambda t: t.uniform_().log_(),
        ((torch.Tensor.mul_, (factor,)),),
    )


def _kaiming_uniform(
    tensor: torch.Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Call:
    arguments = {"a": a, "mode": mode, "nonlinearity": nonlinearity}
    return tensor, Draw(
        "uniform",
        ours.kaiming_uniform_,
        arguments,
        _kaiming_bound(tensor, a, mode, nonlinearity),
        lambda t: nn.init.kaiming_uniform_(t, **arguments),
    )


def _kaiming_bound(tensor: torch.Tensor, a: float, mode: str, nonlinearity: str) -> float:
    fan = math.prod(tensor.shape) // tensor.shape[1 if mode.lower() == "fan_out" else 0]
    return ours.calculate_gain(nonlinearity, a) * math.sqrt(3.0 / fan)


_IN_PLACE: Mapping[Any, Callable[..., Call]] = {
    torch.Tensor.uniform_: _uniform,
    torch.Tensor.normal_: _normal,
    torch.Tensor.log_normal_: _log_normal,
    torch.Tensor.exponential_: _exponential,
}
# Functions of torch.nn.init by name: while transformers loads a model, it replaces them by its own.
_INITIALIZERS: Mapping[str, Callable[..., Call]] = {
    "uniform_": _uniform_on,
    "normal_": _normal,
    "kaiming_uniform_": _kaiming_uniform,
}


def initializer(func: Any) -> str:
    """Return the name of a function of torch.nn.init, or of transformers' replacement, else ""."""
    known = type(func) is FunctionType and func.__module__ in (
        "torch.nn.init",
        "transformers.initialization",
    )
    return func.__name__ if known else ""


def drawn_in_place(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Call | None:
    """Return the tensor that a random call fills, and its draw; None for any other call."""
    parse = _IN_PLACE.get(func) or _INITIALIZERS.get(initializer(func))
    if (
        parse is None
        or sum(isinstance(each, torch.Tensor) for each in (*args, *kwargs.values())) > 1
    ):
        return None
    try:
        return parse(*args, **kwargs)
    except (TypeError, ValueError, IndexError, ArithmeticError):  # torch's own error is better
        return None


# ---- functions that it does not see --------------------------------------------------------------


def _trunc_normal(
    tensor: torch.Tensor, mean: float, std: float, a: float, b: float, **_: Any
) -> Call:
    arguments = {"mean": mean, "std": std, "a": a, "b": b}
    return tensor, Draw(
        "truncated_normal",
        ours.trunc_normal_,
        arguments,
        _number(std),
        lambda t: nn.init.trunc_normal_(t, **arguments),
    )


def _orthogonal(tensor: torch.Tensor, gain: float, **_: Any) -> Call:
    return tensor, Draw(
        "orthogonal",
        ours.orthogonal_,
        {"gain": gain},
        _number(gain),
        lambda t: nn.init.orthogonal_(t, gain),
    )


def _sparse(tensor: torch.Tensor, sparsity: float, std: float, **_: Any) -> Call:
    arguments = {"sparsity": sparsity, "std": std}
    return tensor, Draw(
        "sparse", ours.sparse_, arguments, _number(std), lambda t: nn.init.sparse_(t, **arguments)
    )


def _code(name: str) -> CodeType | None:
    return getattr(getattr(nn.init, name, None), "__code__", None)


# They return a tensor on the meta device at once, without drawing. In versions of torch that do not
# check this, their draws are replaced one by one.
_ASK_FIRST: dict[CodeType | None, Callable[..., Call]] = {
    _code("_no_grad_trunc_normal_"): _trunc_normal,
    _code("orthogonal_"): _orthogonal,
    _code("sparse_"): _sparse,
}


def draw_of_frame(frame: FrameType) -> Call | None:
    """Return the draw that a function of torch.nn.init is about to make; None for any other."""
    call = _ASK_FIRST.get(frame.f_code)
    return None if call is None else call(**frame.f_locals)


# ---- functions that make a tensor ----------------------------------------------------------------


def _rand(*size: Any, **keywords: Any) -> Call:
    return _uniform_on(torch.empty(*size, **keywords))


def _randn(*size: Any, **keywords: Any) -> Call:
    return _normal(torch.empty(*size, **keywords))


def _rand_like(tensor: torch.Tensor, **keywords: Any) -> Call:
    return _uniform_on(torch.empty_like(tensor, **keywords))


def _randn_like(tensor: torch.Tensor, **keywords: Any) -> Call:
    return _normal(torch.empty_like(tensor, **keywords))


def _normal_of(mean: float, std: float, size: Any, **keywords: Any) -> Call:
    return _normal(torch.empty(size, **keywords), float(mean), float(std))


_FACTORIES: Mapping[Any, Callable[..., Call]] = {
    torch.rand: _rand,
    torch.randn: _randn,
    torch.rand_like: _rand_like,
    torch.randn_like: _randn_like,
    torch.normal: _normal_of,
}


def made_by(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Call | None:
    """Return the tensor of a call of a factory, without values yet, and its draw."""
    make = _FACTORIES.get(func)
    if make is None or kwargs.get("out") is not None:
        return None
    keywords = {key: value for key, value in kwargs.items() if key not in ("generator", "out")}
    if func is torch.normal and not (
        len(args) + sum(key in keywords for key in ("mean", "std", "size")) == 3
        and not any(isinstance(each, torch.Tensor) for each in (*args, *keywords.values()))
    ):
        return None
    if "names" in keywords and keywords["names"] is None:
        del keywords["names"]
    try:
        return make(*args, **keywords)
    except (TypeError, ValueError, RuntimeError):  # torch's own error is better
        return None


# Names of the random functions of torch: those that are not replaced are reported.
_RANDOM = """
    alpha_dropout_ bernoulli bernoulli_ binomial cauchy_ dropout dropout_ exponential_
    feature_alpha_dropout_ feature_dropout_ geometric_ log_normal_ multinomial native_dropout normal
    normal_ poisson rand rand_like randint randint_like randn randn_like random_ randperm rrelu
    rrelu_ rrelu_with_noise uniform_
"""
RANDOM = frozenset(_RANDOM.split())


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None
