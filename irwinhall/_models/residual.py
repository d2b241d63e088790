"""Residual branches: factors on the parameters that end them, by a rule of the depth.

The layer of a parameter is read from its name: "h.3.attn.out.weight" is of layer 3, and the number
of layers is that of "h" in the model.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple, TypeAlias

from irwinhall._arguments import checked_finite
from irwinhall._lookup import suggestion
from irwinhall._models.decisions import WHOLE, Branch, Decision
from irwinhall._models.plan import Matcher, Pattern, matcher, matchers, shown
from irwinhall._models.roles import Site

__all__ = ["DepthRule", "Residual", "branches"]

DepthRule: TypeAlias = "str | float | Callable[[int, int], float]"
Residual: TypeAlias = "Pattern | Sequence[Pattern] | Mapping[Pattern, DepthRule]"


class _Layer(NamedTuple):
    """The place of a parameter: its layer, how many there are, and in which stack of them."""

    number: int
    layers: int
    stack: str


# Functions of the layer, the number of layers and that of parameters a pattern names in the layer.
_RULES: dict[str, Callable[[int, int, int], float]] = {
    "gpt2": lambda layer, layers, named: (2 * layers) ** -0.5,
    "layer": lambda layer, layers, named: (2 * (layer + 1)) ** -0.5,
    "deepnorm": lambda layer, layers, named: (8 * layers) ** -0.25,
    "fixup": lambda layer, layers, named: layers ** (-0.5 / named),
    "mamba": lambda layer, layers, named: layers**-0.5,
    "tfixup_encoder": lambda layer, layers, named: 0.67 * layers**-0.25,
    "tfixup_decoder": lambda layer, layers, named: (9 * layers) ** -0.25,
    "zero": lambda layer, layers, named: 0.0,
}


def branches(
    parameters: Sequence[Sequence[Site]],
    decisions: Sequence[Decision],
    residual: Residual,
    factor: float | None,
    *,
    optional: bool = False,
) -> list[Branch]:
    """Return the branch of every parameter, `WHOLE` unless it ends a residual branch.

    If `optional`, a pattern may match none.
    """
    if isinstance(residual, Mapping):
        if factor is not None:
            raise ValueError(
                f"residual_factor must be left out if residual has rules, got {factor!r}"
            )
        return _by_rules(parameters, decisions, residual, optional)
    patterns = matchers("residual", residual)
    if not patterns:
        if factor is not None:
            raise ValueError(f"residual_factor must be left out without residual, got {factor!r}")
        return [WHOLE] * len(decisions)
    ends = [False] * len(decisions)
    for pattern, matches in patterns:
        found = _found(parameters, decisions, pattern, matches)
        ends = [one or other for one, other in zip(ends, found, strict=True)]
    if factor is None:
        factor = 1.0 / math.sqrt(sum(ends))
    branch = _branch(_checked_factor("residual_factor", factor), "residual")
    return [branch if end else WHOLE for end in ends]


def _found(
    parameters: Sequence[Sequence[Site]],
    decisions: Sequence[Decision],
    pattern: object,
    matches: Matcher,
    optional: bool = False,
) -> list[bool]:
    """Return which parameters a pattern names: at least one, unless optional."""
    found = [
        decision.is_scaled and matches(places)
        for places, decision in zip(parameters, decisions, strict=True)
    ]
    if not optional and not any(found):
        why = (
            f": {places[0].name} is left alone, since {decision.role}; give it a layout in a plan"
            for places, decision in zip(parameters, decisions, strict=True)
            if decision.rule is None and isinstance(decision.role, str) and matches(places)
        )
        raise ValueError(
            f"residual must name weights or scales of norms that are initialized, "
            f"got {pattern!r}, which names none{next(why, '')}"
        )
    return found


def _by_rules(
    parameters: Sequence[Sequence[Site]],
    decisions: Sequence[Decision],
    residual: Mapping[Pattern, DepthRule],
    optional: bool,
) -> list[Branch]:
    made = [WHOLE] * len(decisions)
    is_free = [True] * len(decisions)
    names = [places[0].name for places in parameters]
    stacks = _Stacks(names)
    for pattern, rule in residual.items():
        checked = _checked_rule(pattern, rule)
        found = _found(parameters, decisions, pattern, matcher("residual", pattern), optional)
        mine = [n for n, fits in enumerate(found) if fits and is_free[n]]
        for number, branch in zip(mine, checked([names[n] for n in mine], stacks), strict=True):
            made[number], is_free[number] = branch, False
    return made


def _checked_rule(
    pattern: object, rule: object
) -> Callable[[Sequence[str], _Stacks], list[Branch]]:
    """Return the function that makes the branches of the parameters that a pattern names."""
    what = f"residual[{pattern!r}]"
    if isinstance(rule, str):
        if rule not in _RULES:
            known = ", ".join(map(repr, _RULES))
            hint = suggestion(rule, {name: name for name in _RULES}) or f"; known are {known}"
            raise ValueError(f"{what} must be a rule, got {rule!r}{hint}")
        if rule != "zero":
            return partial(_by_name, what, rule)
        rule = 0.0
    if callable(rule):
        return lambda names, stacks: [
            _in_layer(_checked_factor(what, rule(layer.number, layer.layers)), "residual", layer)
            for layer in (stacks.layer(what, name) for name in names)
        ]
    if rule is None or isinstance(rule, (bool, Mapping)) or not hasattr(rule, "__float__"):
        raise TypeError(
            f"{what} must be the name of a rule, a number or a callable, got {shown(rule)}"
        )
    branch = _branch(_checked_factor(what, rule), "residual")
    return lambda names, stacks: [branch] * len(names)


def _by_name(what: str, rule: str, names: Sequence[str], stacks: _Stacks) -> list[Branch]:
    places = [stacks.layer(what, name) for name in names]
    named = Counter(places)
    made = []
    for layer in places:
        # The branches of Fixup may be in several stacks, such as the stages of a network.
        layers = len(named) if rule == "fixup" else layer.layers
        factor = _RULES[rule](layer.number, layers, named[layer])
        made.append(_in_layer(factor, f"residual {rule!r}", layer._replace(layers=layers)))
    return made


def _checked_factor(what: str, factor: object) -> float:
    number = checked_finite(what, factor)
    if number < 0.0:
        raise ValueError(f"{what} must be at least 0, got {factor}")
    return number


def _branch(factor: float, what: str) -> Branch:
    return Branch(factor, f"{what}, times {factor:.4g}" if factor != 1.0 else "")


def _in_layer(factor: float, what: str, layer: _Layer) -> Branch:
    return Branch(factor, f"{what}, layer {layer.number} of {layer.layers}, times {factor:.4g}")


class _Stacks:
    """The layers that are stacked in a model, by the names of its parameters.

    A stack is a prefix before numbers, two of which have parameters of the same name in submodules.
    Experts and parts of a Sequential inside a layer come later in the name.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._numbers: dict[str, set[int]] = defaultdict(set)
        holders: dict[tuple[str, str], int] = {}
        self._stacks = set()
        for name in names:
            for prefix, number, rest in _numbered(name):
                self._numbers[prefix].add(number)
                if "." in rest and holders.setdefault((prefix, rest), number) != number:
                    self._stacks.add(prefix)

    def layer(self, what: str, name: str) -> _Layer:
        """Return the layer of a parameter."""
        found = _numbered(name)
        if not found:
            raise ValueError(
                f"{what} must name parameters with the number of a layer in their names, got {name}"
            )
        in_stack = (each for each in found if each[0] in self._stacks)
        prefix, number, _ = next(in_stack, found[0])
        return _Layer(number, max(self._numbers[prefix]) + 1, prefix)


def _numbered(name: str) -> list[tuple[str, int, str]]:
    """Return (before, number, after) for each number among the parts of a name."""
    parts = name.split(".")
    return [
        (".".join(parts[:place]), int(part), ".".join(parts[place + 1 :]))
        for place, part in enumerate(parts)
        if part.isdecimal()
    ]
