"""The values of all parameters of a model: rules, decisions and residual branches together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from irwinhall._arguments import checked_finite
from irwinhall._models.decisions import Decider, Values
from irwinhall._models.plan import Pattern, Plan, Rule, exclusions, naming, rules_of, unused
from irwinhall._models.report import ArrayRow, Report, Row
from irwinhall._models.residual import Residual, branches
from irwinhall._models.roles import Site
from irwinhall.schemes import Gain, Scheme, get_scheme
from irwinhall.stream import Stream

__all__ = ["array_report", "array_values", "decided_values", "divisible_region", "draw"]


def decided_values(
    decide: Decider,
    rules: Sequence[Rule],
    parameters: Sequence[Sequence[Site]],
    ready: Sequence[bool],
    residual: Residual,
    residual_factor: float | None,
    *,
    shared: Mapping[str, Sequence[Site]],
    buffers: Iterable[str],
    optional_residual: bool = False,
) -> list[Values]:
    """Return the checked values of every parameter, each given by its places.

    `shared` and `buffers` are as for `irwinhall._models.plan.unused`.
    """
    decisions = []
    with naming(lambda: places[0].name):
        for places, alone in zip(parameters, ready, strict=True):
            decisions.append(decide(places, places[0].tensor, alone))
    for rule in rules:
        if not (rule.is_optional or any(decision.rule is rule for decision in decisions)):
            found = [
                (places[0].name, decide.reason(rule, places, decision))
                for places, decision in zip(parameters, decisions, strict=True)
                if rule.matches(places)
            ]
            raise ValueError(unused(rule, found, parameters, shared, buffers))
    ends = branches(parameters, decisions, residual, residual_factor, optional=optional_residual)
    planned: list[Values] = []
    with naming(lambda: parameters[len(planned)][0].name):
        for decision, branch in zip(decisions, ends, strict=True):
            planned.append(decision.values(branch))
    return planned


# ---- parameters that are arrays ------------------------------------------------------------------


def array_values(
    parameters: Sequence[Sequence[Site]],
    scheme: str | Scheme,
    gain: Gain,
    plan: Plan | None,
    exclude: Pattern | Sequence[Pattern],
    residual: Residual,
    residual_factor: float | None,
    forget_bias: float,
    buffers: Iterable[str],
) -> list[Values]:
    """Return the values of every parameter; raise an error if none is written."""
    names = Counter(place.name for places in parameters for place in places)
    for name, count in names.items():
        if count > 1:
            raise ValueError(f"model must have unique names, got {count} parameters named {name!r}")
    rules = rules_of(plan)
    if exclude != ():
        rules = [*exclusions(exclude), *rules]
    decide = Decider(get_scheme(scheme), gain, rules, checked_finite("forget_bias", forget_bias))
    planned = decided_values(
        decide,
        rules,
        parameters,
        [False] * len(parameters),
        residual,
        residual_factor,
        shared={},
        buffers=buffers,
    )
    if not any(values.parts for values in planned):
        why = (
            f"; {places[0].name} is left alone: {values.note}"
            for places, values in zip(parameters, planned, strict=True)
        )
        raise ValueError(f"model must have parameters to initialize, got none{next(why, '')}")
    return planned


def draw(
    values: Values,
    root: Stream,
    name: str,
    threads: int | None,
    out: NDArray[Any],
    region: tuple[slice, ...],
) -> None:
    """Write a region of a parameter to an array."""
    for part in (*values.parts, *values.overlays):
        part.draw(root.child(name + part.suffix), out, out.dtype.name, region, threads)


def divisible_region(values: Values, region: tuple[slice, ...]) -> tuple[slice, ...]:
    """Return the smallest region around one that contains whole matrices only."""
    samplers = [part.sampler for part in values.parts]
    if all(sampler.scheme.divisible for sampler in samplers):
        return region
    if len(samplers) == 1:
        return samplers[0].weight.divisible_region(region)
    assert values.shape is not None
    return tuple(slice(0, size) for size in values.shape)


def array_report(
    planned: Sequence[Values],
    parameters: Sequence[Sequence[Site]],
    arrays: Sequence[Callable[[], Sequence[NDArray[Any]]]],
    buffers: Sequence[str],
    seed: int | bytes,
) -> Report:
    """Return the report on parameters; `arrays` has one for each, as for `ArrayRow`.

    It keeps neither the parameters nor their layers alive.
    """
    names = [[place.name for place in places] for places in parameters]

    def rows() -> list[ArrayRow]:
        each = zip(planned, names, arrays, strict=True)
        return [row for values, own, pieces in each for row in _rows(values, own, pieces)]

    return Report(rows, buffers, seed)


def _rows(
    values: Values, names: Sequence[str], arrays: Callable[[], Sequence[NDArray[Any]]]
) -> Iterator[ArrayRow]:
    """Yield the rows of a parameter, by all of its names."""
    name, shape = names[0], values.shape or ()
    if not values.parts:
        yield ArrayRow(Row(name, shape, note=values.note))
    for part in values.parts:
        where = None if part.axis is None else (part.axis, part.first, part.length)
        yield ArrayRow(part.row(name, values.note), arrays, where)
    for other in names[1:]:
        yield ArrayRow(Row(other, shape, note=f"tied to {name}"), is_tied=True)
