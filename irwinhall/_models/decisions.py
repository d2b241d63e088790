"""The values of each parameter of a model, decided and checked before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate
from typing import Any, ClassVar, NamedTuple, TypeAlias

from numpy.typing import NDArray

from irwinhall._arrays import CODES, output
from irwinhall._core import FLOAT32
from irwinhall._models.plan import Options, Rule, misses_bias, with_ends
from irwinhall._models.report import Row
from irwinhall._models.roles import ConstantRole, NormsRole, Role, Site, WeightRole
from irwinhall.layouts import Fans, Weight
from irwinhall.sampling import Sampler
from irwinhall.schemes import SCHEMES, Gain, Scheme, resolve_gain
from irwinhall.stream import Stream

__all__ = ["WHOLE", "Branch", "Decider", "Decision", "Part", "Values"]

_Given: TypeAlias = "tuple[Role | str, Scheme, float]"
_CONSTANT, _ORTHOGONAL = SCHEMES["constant"], SCHEMES["orthogonal"]


class Part(NamedTuple):
    """A weight that fills a parameter, or a range of one of its axes.

    Its stream is named by the parameter and `suffix`.
    """

    sampler: Sampler
    suffix: str = ""
    axis: int | None = None
    first: int = 0
    has_fans: bool = False

    @property
    def length(self) -> int:
        """How much of the axis it fills."""
        assert self.axis is not None
        return self.sampler.weight.shape[self.axis]

    def draw(
        self,
        stream: Stream,
        out: NDArray[Any],
        dtype: str,
        region: tuple[slice, ...],
        threads: int | None,
    ) -> None:
        """Write the intersection of the part and a region of the whole parameter."""
        axis = self.axis
        if axis is not None:
            begin = max(region[axis].start, self.first)
            end = min(region[axis].stop, self.first + self.length)
            if begin >= end:
                return
            here = slice(begin - region[axis].start, end - region[axis].start)
            there = slice(begin - self.first, end - self.first)
            region = (*region[:axis], there, *region[axis + 1 :])
            out = out[(*[slice(None)] * axis, here)]
        target = output(self.sampler.weight.shape, dtype, out, region)
        self.sampler.draw(stream, target, threads)

    def row(self, name: str, note: str) -> Row:
        """Return its values for the report."""
        weight, scheme, gain, scale = self.sampler
        title = scheme.name
        if scheme.is_constant:
            title = {0.0: "zeros", 1.0: "ones"}.get(scale, "constant")
        fans: tuple[int | None, int | None] = weight.fans if self.has_fans else (None, None)
        return Row(name + self.suffix, weight.shape, *fans, title, gain, scale, note=note)


class Values(NamedTuple):
    """The values of a parameter, and of all equivalent ones: none, or parts.

    Overlays are written over the parts. `direct` is how one call of a kernel writes all of it, if
    it can. `shape` is the parameter's, if it has one yet. `norms` are those of a weight_norm; then
    only they are written, and the parts are those of their weight. `usual` is the role if it alone
    decided, without a line of a plan.
    """

    parts: tuple[Part, ...] = ()
    overlays: tuple[Part, ...] = ()
    note: str = ""
    direct: Any = None
    shape: tuple[int, ...] | None = None
    norms: NormsRole | None = None
    weight: Values | None = None
    usual: ConstantRole | WeightRole | None = None


class Branch(NamedTuple):
    """The factor of a parameter's gain, and the note on it in the report."""

    factor: float
    note: str = ""


WHOLE = Branch(1.0)  # a parameter that does not end a residual branch


@dataclass(frozen=True, eq=False, slots=True)
class Decision:
    """The role of equivalent parameters, and their rule, scheme and gain.

    `code` is that of their element type in C. `direct` returns `Values.direct` for a sampler.
    """

    role: Role | str
    rule: Rule | None
    scheme: Scheme
    gain: float
    shape: tuple[int, ...] | None
    code: int
    direct: Callable[[Sampler], Any] | None
    forget_bias: float
    _values: dict[Branch, Values] = field(default_factory=dict)

    @property
    def is_scaled(self) -> bool:
        """Whether they are weights, or scales of norms, that are written."""
        role, rule = self.role, self.rule
        if rule is not None and rule.leave:
            return False
        if isinstance(role, str):  # of an unknown layer that the plan names
            return rule is not None and self.gain != 0.0
        is_scale = isinstance(role, ConstantRole) and role.value != 0.0
        return isinstance(role, WeightRole) or is_scale

    def values(self, branch: Branch) -> Values:
        """Return the values to write to them; they may end a residual branch."""
        values = self._values.get(branch)
        if values is None:
            values = self._values[branch] = self._resolved(branch)
        return values

    def _resolved(self, branch: Branch) -> Values:
        role = self.role
        if self.rule is not None and self.rule.leave:
            whom = "excluded" if self.rule.argument == "exclude" else "left alone by the plan"
            return Values(note=whom, shape=self.shape)
        if isinstance(role, NormsRole):
            return Values(note=f"of {role.weight}", shape=self.shape, norms=role)
        if isinstance(role, str) and self.rule is None:
            return Values(note=role, shape=self.shape)
        assert self.shape is not None
        gain = self.gain * branch.factor
        notes = [branch.note] if branch.note else []
        overlays: tuple[Part, ...] = ()
        if isinstance(role, WeightRole):
            parts, more = self._weight_parts(role, gain)
            notes += more
            if role.like and self.scheme.reads_fans:
                notes.append(f"sized as {role.like}")
            for axis, index in role.zeros:
                shape = (*self.shape[:axis], 1, *self.shape[axis + 1 :])
                overlays += (_constant_part(shape, 0.0, index, axis),)
                notes.append(f"{'column' if axis else 'row'} {index} is 0")
        else:
            fans = role.fans if isinstance(role, ConstantRole) else None
            parts = (Part(_sampler(self.shape, self.scheme, gain, fans)),)
            if isinstance(role, ConstantRole):
                notes.append(role.what if fans is None else f"{role.what}, fan_in {fans.fan_in}")
                gate = role.forget_gate
                if gate is not None and self.forget_bias != 0.0 and self.rule is None:
                    shape, axis = (*self.shape[:-1], len(gate)), len(self.shape) - 1
                    overlays = (_constant_part(shape, self.forget_bias, gate.start, axis),)
                    notes.append(f"forget gate {self.forget_bias:g}")
        for part in (*parts, *overlays):
            part.sampler.check(self.code)
        direct = None
        if self.direct and len(parts) == 1 and parts[0].axis is None and not overlays:
            direct = self.direct(parts[0].sampler)
        usual = role if self.rule is None and not isinstance(role, str) else None
        return Values(parts, overlays, "; ".join(notes), direct, self.shape, usual=usual)

    def _weight_parts(self, role: WeightRole, gain: float) -> tuple[tuple[Part, ...], list[str]]:
        """Return the parts of a weight, and notes on them."""
        shape, scheme = self.shape, self.scheme
        assert shape is not None
        options: Options = {} if self.rule is None else self.rule.options
        groups = options.get("groups", role.groups)
        parts = options.get("parts", role.parts)
        count, sizes = (1, tuple(parts)) if isinstance(parts, Sequence) else (parts, ())
        active = options.get("active_inputs")
        sampler = partial(
            Sampler.of,
            scheme=scheme,
            gain=gain,
            groups=groups,
            layout=options.get("layout", role.layout),
            stacked=options.get("stacked", role.stacked),
            active_inputs=active,
        )
        whole = sampler(shape, parts=count)
        weight = whole.weight
        if active is None and scheme.reads_fans:
            active = weight.active_inputs
        notes = [] if active is None else [f"{active} active input" + "s" * (active != 1)]
        if groups != 1:
            notes.append(f"{groups} groups")
        if count != 1:
            notes.append(f"{count} parts")
        if not sizes:
            return (Part(whole, has_fans=True),), notes
        if weight.groups != 1 or weight.split is not None or len(weight.out_axes) != 1:
            raise ValueError(
                f"parts must not differ for a weight with groups or two out axes, got {sizes}"
            )
        [axis] = weight.out_axes
        if sum(sizes) != shape[axis]:
            raise ValueError(f"parts must add up to the {shape[axis]} of axis {axis}, got {sizes}")
        firsts = accumulate(sizes, initial=0)
        made = []
        for number, (size, first) in enumerate(zip(sizes, firsts, strict=False)):
            part = sampler((*shape[:axis], size, *shape[axis + 1 :]))
            made.append(Part(part, f"/{number}", axis, first, has_fans=True))
        return tuple(made), notes


def _sampler(shape: tuple[int, ...], scheme: Scheme, gain: float, fans: Fans | None) -> Sampler:
    """Return the sampler of a parameter without fans of its own, perhaps with those of a weight."""
    if fans is None:
        return Sampler.of(shape, scheme, gain=gain)
    return Sampler(Weight.of(shape), scheme, gain, scheme.scale(fans, gain))


def _constant_part(shape: tuple[int, ...], value: float, first: int, axis: int = 0) -> Part:
    return Part(Sampler.of(shape, _CONSTANT, gain=value), axis=axis, first=first)


class Decider:
    """Decides the values of a parameter by the first rule that applies, or by its role.

    Models consist of many similar layers: equivalent parameters share a decision, which is resolved
    once. Frameworks override methods for the tensors that they can fill; here parameters are
    arrays.

    Attributes
    ----------
    codes : mapping
        The codes in C of the element types that it can fill.
    """

    codes: ClassVar[Mapping[Any, int]] = CODES

    def __init__(
        self, scheme: Scheme, gain: Gain, rules: Sequence[Rule], forget_bias: float
    ) -> None:
        self._scheme = scheme
        self._gain = gain
        self._number = resolve_gain(scheme, gain)
        self._rules = rules
        self._forget_bias = forget_bias
        self._made: dict[Any, Decision] = {}

    def __call__(self, places: Sequence[Site], tensor: Any, ready: bool = False) -> Decision:
        """Return the values of the parameter at some places.

        `ready`: it is known that it can be filled.
        """
        role = places[0].role if len(places) == 1 else _common_role(places)
        reason = "" if ready else self.reason_to_skip(tensor)
        if reason:
            leaving = (rule for rule in self._rules if rule.leave and rule.matches(places))
            return self._left(reason, next(leaving, None), tensor)
        rule, applied = None, None
        if self._rules:
            rule, applied = self._rule_for(places, role, tensor)
        if rule is None:
            if not tensor.requires_grad and not isinstance(role, str):
                role = "frozen: name it in a plan to fill it"
            elif self._rules:
                role = self._explained(role, places, tensor)
        if not ready:
            if isinstance(role, str) if rule is None else rule.leave:
                return self._left(role, rule, tensor)
            self.check(tensor)
        if applied is not None:
            role = applied[0]
        key = id(rule), role, tensor.shape, tensor.dtype, ready
        made = self._made.get(key)
        if made is None:
            given = self._by_role(role) if applied is None else applied
            made = self._made[key] = self._decision(
                given[0], rule, *given[1:], tuple(tensor.shape), tensor.dtype, ready
            )
        return made

    def reason_to_skip(self, tensor: Any) -> str:
        """Return why a parameter cannot be filled, whatever its role; "" if it can."""
        if tensor.dtype not in self.codes:
            return f"{tensor.dtype} is not a type that can be filled"
        return "no elements" if 0 in tensor.shape else ""

    def check(self, tensor: Any) -> None:
        """Raise an error for a parameter that should be filled and cannot be."""

    def shape(self, tensor: Any) -> tuple[int, ...] | None:
        """Return the shape of a parameter, which may be one that cannot be filled."""
        return tuple(tensor.shape)

    def direct(self, dtype: Any) -> Callable[[Sampler], Any] | None:
        """Return the values with which one call of a kernel fills a ready parameter."""
        return None

    def fans_beside(self, place: Site) -> Fans | None:
        """Return the fans of the weight that belongs to a bias; None if there is none."""
        return None

    def _left(self, role: Role | str, rule: Rule | None, tensor: Any) -> Decision:
        """Return the decision to leave alone a parameter, which may be unfit for filling."""
        return self._decision(role, rule, self._scheme, 1.0, self.shape(tensor))

    def _decision(
        self,
        role: Role | str,
        rule: Rule | None,
        scheme: Scheme,
        gain: float,
        shape: tuple[int, ...] | None,
        dtype: Any = None,
        ready: bool = False,
    ) -> Decision:
        code = FLOAT32 if dtype is None else self.codes[dtype]
        direct = self.direct(dtype) if ready else None
        return Decision(role, rule, scheme, gain, shape, code, direct, self._forget_bias)

    def _rule_for(
        self, places: Sequence[Site], role: Role | str, tensor: Any
    ) -> tuple[Rule | None, _Given | None]:
        """Return the first rule that decides the values of a parameter, and these values."""
        for rule in self._rules:
            if rule.matches(places) and (tensor.requires_grad or not rule.is_optional):
                given = self._apply_rule(rule, role, places, tensor)
                if given is not None:
                    return rule, given
        return None, None

    def reason(self, rule: Rule, places: Sequence[Site], decision: Decision) -> str:
        """Return why a rule does not decide a parameter that its pattern matches."""
        tensor = places[0].tensor
        role = places[0].role if len(places) == 1 else _common_role(places)
        why = self.reason_to_skip(tensor)
        if why:
            return f"is left alone: {why}"
        if self._apply_rule(rule, role, places, tensor) is not None:
            return f"is decided by the earlier {decision.rule}"
        if isinstance(role, NormsRole):
            return f"holds the norms of {role.weight}, which determines them"
        scheme = rule.scheme or self._scheme
        if isinstance(role, ConstantRole):
            what = "a bias" if role.what == "bias" else f"the {role.what} of a layer"
            return f"is {what}, and {scheme.name} is for weights"
        if tensor.ndim < 2:
            return f"may be a scale or a bias, and {scheme.name} is for weights: name it in full"
        return f"needs a layout, since {role}, and {scheme.name} depends on its axes"

    def _explained(self, role: Role | str, places: Sequence[Site], tensor: Any) -> Role | str:
        """Return the role of a parameter without a rule, with a hint about one that nearly fits."""
        if isinstance(role, str):
            near = tensor.ndim < 2 and any(rule.matches(places) for rule in self._rules)
            return f"{role}; a plan's scheme is for weights, unless by full name" if near else role
        if isinstance(role, ConstantRole) and role.what == "bias":
            near_by = [rule.pattern for rule in self._rules if misses_bias(rule, places)]
            if near_by:
                return role._replace(what=f"bias, which {near_by[0]!r} does not match")
        return role

    def _by_role(self, role: Role | str) -> _Given:
        """Return the role, scheme and gain of a parameter without a rule."""
        if not isinstance(role, WeightRole):
            return role, _CONSTANT, role.value if isinstance(role, ConstantRole) else 0.0
        if role.recurrent:
            return role, _ORTHOGONAL, 1.0
        return role, self._scheme, self._number

    def _apply_rule(
        self, rule: Rule, role: Role | str, places: Sequence[Site], tensor: Any
    ) -> _Given | None:
        """Return the role, scheme and gain by a rule; None if the rule is not for the parameter."""
        if rule.leave:
            return role, self._scheme, 1.0
        gain = self._gain
        recurrent = isinstance(role, WeightRole) and role.recurrent
        row = rule.scheme
        if row is None:
            row = with_ends(_ORTHOGONAL if recurrent else self._scheme, rule.options)
        if "gain" in rule.options:
            gain = rule.options["gain"]
        elif rule.scheme is not None or recurrent:
            gain = None
        if row.is_constant or row.is_interval:
            possible = not isinstance(role, NormsRole)
        elif isinstance(role, ConstantRole) and rule.is_for_biases and row.elementwise:
            possible = role.what == "bias"
            if possible and row.reads_fans:
                role = role._replace(fans=self.fans_beside(places[0]))
                possible = role.fans is not None
        elif isinstance(role, str):
            # With fewer than two axes it may be a scale or a bias: its full name must be given.
            is_weight = tensor.ndim >= 2 or any(place.name == rule.pattern for place in places)
            if "layout" in rule.options:
                role = WeightRole(rule.options["layout"])
            possible = is_weight and (isinstance(role, WeightRole) or not row.reads_axes)
        else:
            possible = isinstance(role, WeightRole)
        if not possible:
            return None
        return role, row, resolve_gain(row, gain) * rule.options.get("factor", 1.0)


def _common_role(places: Sequence[Site]) -> Role | str:
    """Return the role of a parameter that several layers share: the first that is known.

    An embedding that is also the weight of another layer is sized as that weight, and every
    embedding among them keeps its padding 0.
    """
    role = next((p.role for p in places if not isinstance(p.role, str)), places[0].role)
    if isinstance(role, WeightRole):
        weights = [(p.name, p.role) for p in places if isinstance(p.role, WeightRole)]
        zeros = tuple(sorted({zero for _, weight in weights for zero in weight.zeros}))
        if _is_embedding(role):
            # A layer sums over its inputs; the size of a looked-up row does not matter.
            sums = ((name, weight) for name, weight in weights if not _is_embedding(weight))
            name, like = next(sums, ("", role))
            role = like._replace(like=name, start=role.start)
        role = role._replace(zeros=zeros)
    return role


def _is_embedding(role: WeightRole) -> bool:
    return isinstance(role.layout, str) and role.layout.endswith(".embedding")
