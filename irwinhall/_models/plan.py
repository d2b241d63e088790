"""Plans: exceptions for parameters of a model, by name or kind of layer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Literal, NamedTuple, TypeAlias, TypedDict

from irwinhall._arguments import checked_count, checked_finite
from irwinhall._lookup import suggestion
from irwinhall._models.roles import Site
from irwinhall.recipes import Kind
from irwinhall.schemes import Gain, Scheme, get_scheme, resolve_gain

__all__ = [
    "Matcher",
    "Options",
    "Pattern",
    "Plan",
    "Rule",
    "exclusions",
    "matcher",
    "matchers",
    "misses_bias",
    "naming",
    "rules_of",
    "shown",
    "unused",
    "with_ends",
]

Pattern: TypeAlias = "str | re.Pattern[str] | type[Any] | Kind"
Matcher: TypeAlias = "Callable[[Iterable[Site]], bool]"


class Options(TypedDict, total=False):
    """Options of a plan for the parameters that match a pattern; each has the default of the call.

    Attributes
    ----------
    scheme : str or Scheme
        As for `init_weights`.
    gain : float, str or callable
        In place of the scheme's own gain, as for `init_weights`.
    std : float
        The standard deviation, in place of a gain, for the schemes normal, which is the default
        with it, and truncated_normal.
    low, high : float
        The ends of a truncated normal, in standard deviations before truncation, or of a scheme on
        an interval, as for `irwinhall.sample_weights`.
    corrected : bool
        Whether the standard deviation of a truncated normal is the one after truncation.
    factor : float
        A factor on the gain.
    layout : str
        A name of `irwinhall.layouts.LAYOUTS`, such as "torch.linear" for (out, in) or
        "torch.matmul" for (in, out). Parameters of unknown layers need one to have fans.
    groups, stacked : int
        As for `irwinhall.layouts.Weight.of`: groups of a convolution; leading axes that stack
        weights, such as experts.
    parts : int or sequence of int
        How many weights of equal size are fused along the out axis, as for
        `irwinhall.layouts.Weight.of`; or their sizes, if these differ. Then each is a weight with
        its own stream, named by the parameter, a slash and its number from 0.
    active_inputs : int
        How many inputs are nonzero at a time, as for `irwinhall.sample_weights`.

    Examples
    --------
    >>> query_key_value: Options = {"parts": (4096, 1024, 1024)}
    >>> experts: Options = {"layout": "torch.linear", "stacked": 1, "factor": 0.5}
    >>> head: Options = {
    ...     "scheme": "truncated_normal", "std": 0.02, "low": -3, "high": 3, "corrected": False
    ... }
    """

    scheme: str | Scheme
    gain: Gain
    std: float
    low: float
    high: float
    corrected: bool
    factor: float
    layout: str
    groups: int
    stacked: int
    parts: int | Sequence[int]
    active_inputs: int


Plan: TypeAlias = "Mapping[Pattern, str | Scheme | Options | Literal['leave']]"

_STORED = ("groups", "parts", "stacked")


class Rule(NamedTuple):
    """A line of a plan, checked as far as possible without a parameter."""

    pattern: Pattern
    matches: Matcher
    leave: bool
    scheme: Scheme | None
    options: Options
    argument: str = "plan"

    @property
    def is_optional(self) -> bool:
        """Whether it may decide nothing; it does not apply to frozen parameters."""
        return self.argument == "recipe"

    @property
    def is_for_biases(self) -> bool:
        """Whether its pattern names biases, which may then be random."""
        pattern = self.pattern
        if isinstance(pattern, re.Pattern):
            pattern = pattern.pattern
        elif isinstance(pattern, Kind):
            pattern = pattern.parameter
        return isinstance(pattern, str) and "bias" in pattern

    def __str__(self) -> str:
        return f"{self.argument} pattern {_shown(self.pattern)}"


def with_ends(row: str | Scheme, options: Options) -> Scheme:
    """Return a row with the ends that options give."""
    low, high, corrected = options.get("low"), options.get("high"), options.get("corrected")
    return get_scheme(row, low, high, corrected)


def rules_of(
    plan: Plan | None,
    argument: str = "plan",
    array_gain: Callable[[Gain], Gain] = lambda gain: gain,
) -> list[Rule]:
    """Return the rules of a plan, in its order.

    `argument` is the caller's name for it. `array_gain` converts a gain to one whose activations
    take arrays.
    """
    if plan is None:
        return []
    if not isinstance(plan, Mapping):
        raise TypeError(f"plan must be a mapping, got {shown(plan)}")
    rules = (_rule(pattern, said, array_gain) for pattern, said in plan.items())
    return [rule._replace(argument=argument) for rule in rules]


def exclusions(patterns: Pattern | Sequence[Pattern]) -> list[Rule]:
    """Return rules that leave alone the parameters that patterns match."""
    return [
        Rule(pattern, matches, True, None, {}, "exclude")
        for pattern, matches in matchers("exclude", patterns)
    ]


def _rule(pattern: Pattern, said: object, array_gain: Callable[[Gain], Gain]) -> Rule:
    matches = matcher("plan", pattern)
    where = f"plan[{_shown(pattern)}]"
    if said == "leave":
        return Rule(pattern, matches, True, None, {})
    if isinstance(said, (str, Scheme)):
        said = {"scheme": said}
    if not isinstance(said, Mapping):
        raise TypeError(
            f"{where} must be a scheme, 'leave' or a mapping of options, got {shown(said)}"
        )
    unknown = [key for key in said if key not in Options.__annotations__]
    if unknown:
        known = ", ".join(Options.__annotations__)
        raise ValueError(f"{where} must have no options but {known}, got {unknown[0]!r}")
    options: Options = {**said}  # type: ignore[typeddict-item]
    if "gain" in options:
        options["gain"] = array_gain(options["gain"])
    with naming(where):
        scheme = None
        if "std" in options:
            _use_std(options)
        if "scheme" in options:
            scheme = with_ends(options["scheme"], options)
            resolve_gain(scheme, options.get("gain"))
        if checked_finite("factor", options.get("factor", 1.0)) < 0.0:
            raise ValueError(f"factor must be at least 0, got {options['factor']}")
        stored = [key for key in ("layout", *_STORED) if key in options]
        if scheme is not None and scheme.is_constant and stored:
            raise ValueError(f"{stored[0]} must be left out for {scheme.name}, which has no fans")
        parts = options.get("parts", 1)
        if isinstance(parts, Sequence) and not isinstance(parts, str):
            options["parts"] = tuple(checked_count("parts", size, 1) for size in parts)
        else:
            checked_count("parts", parts, 1)
    return Rule(pattern, matches, False, scheme, options)


def _use_std(options: Options) -> None:
    """Replace the option std by the gain, which has the same meaning."""
    if "gain" in options:
        raise ValueError(f"std must be left out with a gain, got {shown(options['std'])}")
    row = get_scheme(options.setdefault("scheme", "normal"))
    if row.law not in ("normal", "truncated_normal") or row.gain is not None:
        raise ValueError(
            f"std must be left out for {row.name}, got {shown(options['std'])}; "
            f"it is for normal and truncated_normal"
        )
    options["gain"] = checked_finite("std", options.pop("std"))


def matcher(what: str, pattern: object) -> Matcher:
    """Return whether a pattern matches one of the places of a parameter."""
    if isinstance(pattern, str):
        return lambda places: any(fnmatchcase(place.name, pattern) for place in places)
    if isinstance(pattern, re.Pattern) and isinstance(pattern.pattern, str):
        return lambda places: any(pattern.search(place.name) for place in places)
    if isinstance(pattern, Kind):
        return lambda places: any(_is_of(place, pattern) for place in places)
    if isinstance(pattern, type):
        return lambda places: any(isinstance(place.layer, pattern) for place in places)
    raise TypeError(
        f"{what} must have strings, compiled regular expressions or types of layers as patterns, "
        f"got {shown(pattern)}"
    )


def _is_of(place: Site, kind: Kind) -> bool:
    """Return whether a parameter is one of a kind of layer."""
    if not fnmatchcase(place.name.rpartition(".")[2], kind.parameter):
        return False
    return any(fnmatchcase(base.__name__, kind.layer) for base in type(place.layer).__mro__)


def matchers(what: str, patterns: Pattern | Sequence[Pattern]) -> list[tuple[Pattern, Matcher]]:
    """Return each pattern, of one or several, with its matcher."""
    if isinstance(patterns, (str, Kind)) or not isinstance(patterns, Sequence):
        patterns = [patterns]
    return [(pattern, matcher(what, pattern)) for pattern in patterns]


def _shown(pattern: Pattern) -> str:
    """Return a pattern as text for a message."""
    if isinstance(pattern, Kind):
        return str(pattern)
    return pattern.__name__ if isinstance(pattern, type) else repr(pattern)


def unused(
    rule: Rule,
    reasons: Sequence[tuple[str, str]],
    parameters: Sequence[Sequence[Site]],
    shared: Mapping[str, Sequence[Site]],
    buffers: Iterable[str],
) -> str:
    """Return why a rule decides nothing.

    `reasons` are the parameters that its pattern matches, and why it does not decide each. `shared`
    maps parameters in the memory of others to those.
    """
    if reasons:
        said = [f"{name} {why}" for name, why in reasons[:3]]
        more = f"; and {len(reasons) - 3} more" if len(reasons) > 3 else ""
        return f"{rule} decides nothing: {'; '.join(said)}{more}"
    for owner, within in shared.items():
        lying = next((place.name for place in within if rule.matches([place])), None)
        if lying is not None:
            return f"{rule} decides nothing: {lying} shares the memory of {owner}; name that one"
    pattern, hint = rule.pattern, ""
    if isinstance(pattern, str):
        names = [place.name for places in parameters for place in places]
        hint = suggestion(pattern, {name: name for name in names}, cutoff=0.8)
        biases = [p.name for places in parameters for p in places if misses_bias(rule, [p])]
        biases = [name for name in biases if "bias" in name.rpartition(".")[2]]
        parts = (f"{pattern}{dot}*" for dot in "./")  # a path of Keras has slashes
        inner = next((part for part in parts if any(fnmatchcase(n, part) for n in names)), "")
        of_buffers = [name for name in buffers if fnmatchcase(name, pattern)]
        if biases:
            hint = f"; the biases there are named {', '.join(biases[:3])}"
        elif inner:
            hint = f"; it names a module, whose parameters {inner!r} matches"
        elif of_buffers:
            hint = f"; {of_buffers[0]} is a buffer; buffers are never written"
    return f"{rule} matches no parameter{hint}"


def misses_bias(rule: Rule, places: Iterable[Site]) -> bool:
    """Return whether a pattern for biases misses one only because of its name.

    For example the in_proj_bias of MultiheadAttention and the bias_ih_l0 of an LSTM.
    """
    pattern = rule.pattern
    if not isinstance(pattern, str) or not pattern.endswith("bias"):
        return False
    holders = (place.name.rpartition(".")[0] for place in places)
    return any(fnmatchcase(f"{holder}.bias", pattern) for holder in holders)


def shown(value: object) -> str:
    """Return a value as text for a message: only its type if its repr could be long."""
    kind = type(value).__name__
    if value is None or isinstance(value, (bool, int, float, str)):
        return f"{value!r} ({kind})"
    return f"one of type {kind}"


class naming:  # noqa: N801 - a context manager reads as a verb
    """Prefix the messages of errors with their subject, given as text or by a function."""

    __slots__ = ("_what",)

    def __init__(self, what: str | Callable[[], str]) -> None:
        self._what = what

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, (TypeError, ValueError)):
            what = self._what if isinstance(self._what, str) else self._what()
            raise type(error)(f"{what}: {error}") from None
