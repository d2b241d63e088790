"""Whole PyTorch models: every weight by its logical fans and its qualified name."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import Any, NamedTuple

import torch
from numpy.typing import NDArray
from torch import nn
from torch.autograd.graph import increment_version
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.parameter import is_lazy

from irwinhall._arguments import checked_count, checked_finite
from irwinhall._arrays import output
from irwinhall.sampling import Sampler
from irwinhall.schemes import SCHEMES, Gain, Scheme, get_scheme, resolve_gain
from irwinhall.stream import Seed, Stream
from irwinhall.torch._fill import (
    DTYPE_CODES,
    Direct,
    Drawing,
    Source,
    check_seed,
    check_memory,
    has_values,
    is_kept,
    is_ready,
    stream_of,
    write,
)
from irwinhall.torch._layers import (
    ConstantRole,
    NormsRole,
    ParameterSite,
    Role,
    WeightRole,
    parameters,
)
from irwinhall.torch._plan import Options, Pattern, Plan, Rule, matchers, naming, rules_of, unused
from irwinhall.torch._report import PendingRow, Report, Row
from irwinhall.torch._shards import Places, is_distributed, local_pieces

__all__ = ["ParamInit", "init_weights", "param_init_fn"]


def init_weights(
    module: nn.Module,
    scheme: str | Scheme = "letkeman",
    *,
    gain: Gain = None,
    seed: Seed | Stream = None,
    generator: torch.Generator | None = None,
    plan: Plan | None = None,
    residual: Pattern | Sequence[Pattern] = (),
    residual_factor: float | None = None,
    forget_bias: float = 0.0,
    threads: int | None = None,
) -> Report:
    """Initialize all parameters of a model, in place, and return a report of what was done.

    Weights of the layers of torch.nn get the scheme, sized by the fans of what they are: a
    convolution's group, the query, key and value in an attention's projection, each gate of a
    recurrent layer, a looked-up row of an embedding (its one active input). Recurrent weights are
    orthogonal, gate by gate. Biases become 0. The scales and shifts of norms become 1 and 0 and
    their statistics start anew, since after to_empty they hold anything. What belongs to no known
    layer is left alone, and the report says so: nothing is guessed.

    Parameters
    ----------
    module : Module
        The model, wrapped by torch.compile, DDP or FSDP2 or not. Its parameters may be DTensors; on
        the meta device they are left alone.
    scheme : str or Scheme
        A name or alias of `irwinhall.schemes.SCHEMES`, or a row of your own.
    gain : float, str or callable, optional
        As for `irwinhall.sample_weights`: a number, or the activation that the layers read. Not for
        recurrent weights.
    seed, generator
        As for `fill_`. Without either the seed comes from torch's own generator, once for the
        model. A weight's bits are those of ``irwinhall.sample_weights(..., rng=seed, name=name)``
        by its qualified name, so that no other layer has a say in them.
    plan : mapping, optional
        What starts otherwise: patterns, and for each a scheme, "leave", or a mapping of `Options`.
        A pattern is the name of a parameter with the wildcards of fnmatch, a compiled regular
        expression that is searched in the name, or a type of modules. The first one that fits
        decides.
    residual : pattern or sequence of patterns
        The last weights of residual branches, or the scales of their last norms. They are
        multiplied by residual_factor.
    residual_factor : float, optional
        Default 1/sqrt(the number of parameters that `residual` names), which for transformers of L
        layers with 2 branches each is 1/sqrt(2 L). 0 lets every branch start as nothing.
    forget_bias : float
        What the biases of the forget gates of LSTMs add up to; 1 is a common choice.
    threads : int, optional
        The most threads to use; default torch.get_num_threads(). The bits do not depend on it.

    Returns
    -------
    Report
        A row for every parameter; it prints as a table.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described, a pattern names nothing or nothing that it could decide,
        or a weight cannot have its scheme; the message names the parameter. The model is then
        untouched.

    Notes
    -----
    A plan's scheme is for weights; biases and norms, which have no fans, take only the schemes
    zeros, ones and constant, and "leave". A parameter of an unknown layer needs a layout as well,
    unless its scheme reads no axes. Options that a mapping leaves out are as without a plan.

    Tied parameters are filled once, by the first of their names; a pattern that fits one of the
    names fits them all.

    Examples
    --------
    >>> import torch
    >>> import irwinhall.torch as init
    >>> model = torch.nn.Sequential(
    ...     torch.nn.Embedding(100, 16), torch.nn.Linear(16, 64), torch.nn.ReLU(),
    ...     torch.nn.Linear(64, 16),
    ... )
    >>> report = init.init_weights(model, "he_normal", seed=1, plan={"3.weight": {"gain": 0.5}})
    >>> for row in report.rows:
    ...     print(row.name, row.fan_in, row.scheme, row.gain)
    0.weight 1 he_normal 1.414...
    1.weight 16 he_normal 1.414...
    1.bias None zeros 0.0
    3.weight 64 he_normal 0.5
    3.bias None zeros 0.0
    """
    check_seed(seed, generator)
    steps = _planned(module, get_scheme(scheme), gain, plan, residual, residual_factor, forget_bias)
    root = _root(steps, seed, generator)
    used = torch.get_num_threads() if threads is None else checked_count("threads", threads, 1)
    written = [step.run(root, used) for step in steps]
    # The others count for themselves.
    increment_version([step.tensor for step in steps if step.direct is not None])
    left = {place.layer for step in steps if not step.values.parts for place in step.places}
    layers = _modules(module)
    for layer in layers:
        if isinstance(layer, _NormBase) and layer not in left:
            layer.reset_running_stats()
    rows = [row for step, wrote in zip(steps, written, strict=True) for row in step.report(wrote)]
    return Report(rows, _buffers(module, layers), root.seed)


def param_init_fn(
    model: nn.Module,
    scheme: str | Scheme = "letkeman",
    *,
    device: torch.device | str | None = None,
    gain: Gain = None,
    seed: Seed | Stream = None,
    generator: torch.Generator | None = None,
    plan: Plan | None = None,
    residual: Pattern | Sequence[Pattern] = (),
    residual_factor: float | None = None,
    forget_bias: float = 0.0,
    threads: int | None = None,
) -> ParamInit:
    """Return a function that materializes and initializes one module of a model at a time.

    It is what FullyShardedDataParallel takes as param_init_fn, and calls with one module after the
    other. These do not know their names, which are therefore found here, in the model before it is
    wrapped.

    Parameters
    ----------
    model : Module
        The whole model, on the meta device or not.
    device : torch.device or str, optional
        Where to materialize what is on the meta device; default the accelerator, if there is one,
        else the CPU.
    scheme, gain, seed, generator, plan, residual, residual_factor, forget_bias, threads
        As for `init_weights`. All processes must be given the same seed.

    Returns
    -------
    callable
        It takes a module of the model, and initializes the parameters that this one holds itself,
        to the bits that `init_weights` gives them. Its ``left_alone`` names those it does not.

    Raises
    ------
    TypeError, ValueError
        As for `init_weights`; and by the function itself for a module that is not of the model.

    Examples
    --------
    >>> import torch
    >>> import irwinhall.torch as init
    >>> with torch.device("meta"):
    ...     model = torch.nn.Sequential(torch.nn.Linear(8, 4), torch.nn.Linear(4, 2))
    >>> start = init.param_init_fn(model, "he_normal", seed=1, device="cpu")
    >>> for module in model.modules():       # what FullyShardedDataParallel does
    ...     start(module)
    >>> bool((model[1].bias == 0).all())
    True
    """
    check_seed(seed, generator)
    steps = _planned(model, get_scheme(scheme), gain, plan, residual, residual_factor, forget_bias)
    used = torch.get_num_threads() if threads is None else checked_count("threads", threads, 1)
    return ParamInit(model, steps, _root(steps, seed, generator), device, used)


class ParamInit:
    """The function that `param_init_fn` returns.

    Attributes
    ----------
    left_alone : tuple of str
        The parameters that it does not initialize: where they are on the meta device they hold
        anything afterwards, until they are initialized otherwise.

    Examples
    --------
    >>> import torch
    >>> import irwinhall.torch as init
    >>> layer = torch.nn.Linear(3, 2)
    >>> start = init.param_init_fn(layer, seed=1)
    >>> start(layer)
    >>> start.left_alone
    ()
    """

    def __init__(
        self,
        model: nn.Module,
        steps: Sequence[_Step],
        root: Stream,
        device: torch.device | str | None,
        threads: int,
    ) -> None:
        self.left_alone = tuple(step.name for step in steps if not step.values.parts)
        self._modules = frozenset(model.modules())
        self._steps = steps
        self._root = root
        self._device = device
        self._threads = threads

    def __call__(self, module: nn.Module) -> None:
        """Materialize and initialize what the module itself holds."""
        if module not in self._modules:
            raise ValueError(
                "module must be one of the model that param_init_fn was given, "
                f"got another {type(module).__name__}"
            )
        own = [*module.parameters(recurse=False), *module.buffers(recurse=False)]
        if any(tensor.is_meta for tensor in own):
            device = self._device
            if device is None:
                device = torch.accelerator.current_accelerator() or torch.device("cpu")
            module.to_empty(device=device, recurse=False)
        for step in self._steps:
            # Each owner of a tied parameter has materialized its own: all of them get its bits.
            for place in step.places:
                if place.owner is module:
                    step.materialized(place).run(self._root, self._threads)
        if isinstance(module, _NormBase):
            module.reset_running_stats()


# ---- what is written -----------------------------------------------------------------------------


class _Part(NamedTuple):
    """A weight that fills a parameter, or a range of one of its axes.

    Its stream is named after the parameter, and suffix.
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
        self, stream: Stream, out: NDArray[Any], dtype: str, region: Places, threads: int
    ) -> None:
        """Write what of the part lies in a region of the whole parameter."""
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
        """Return what to report of it."""
        weight, scheme, gain, scale = self.sampler
        title = scheme.name
        if scheme.law == "constant":
            title = {0.0: "zeros", 1.0: "ones"}.get(scale, "constant")
        fans: tuple[int | None, int | None] = weight.fans if self.has_fans else (None, None)
        return Row(name + self.suffix, weight.shape, *fans, title, gain, scale, note=note)


class _Values(NamedTuple):
    """What is written to a parameter, and to all that are like it: nothing, or parts.

    Overlays are written over the parts.
    """

    parts: tuple[_Part, ...] = ()
    overlays: tuple[_Part, ...] = ()
    note: str = ""
    direct: Direct | None = None  # how a kernel writes them all in one call, if it can


class _Step(NamedTuple):
    """A parameter, the first of its names, the places where it is found, and what is written to it.

    direct is there where a kernel can write to the parameter at once, as it was when checked.
    """

    name: str
    places: tuple[ParameterSite, ...]
    tensor: Any
    role: Role | str
    values: _Values
    direct: Direct | None

    def materialized(self, place: ParameterSite) -> _Step:
        """Return the step for one of its places, with the tensor that it holds by now."""
        return self._replace(places=(place,), tensor=place.tensor, direct=None)

    def run(self, root: Stream, threads: int) -> bool:
        """Write the values, and return whether there was anything to write, and memory for it."""
        name, places, tensor, role, values, direct = self
        if direct is not None:
            direct.fill(tensor, root.child(name) if direct.is_random else root, threads)
            return True
        parts, overlays = values.parts, values.overlays
        if not parts or not has_values(tensor):
            return False
        if isinstance(role, NormsRole):
            with torch.no_grad():
                direction = places[0].owner.original1
                tensor.copy_(torch.norm_except_dim(direction, 2, role.dim))
            return True
        if len(parts) == 1 and parts[0].axis is None and not overlays:
            sampler = parts[0].sampler
            stream = root.child(name) if sampler.scheme.is_random else root
            write(tensor, Drawing(sampler, stream), threads)
            return True
        drawn = [(part, root.child(name + part.suffix)) for part in (*parts, *overlays)]

        def draw(out: NDArray[Any], dtype: str, region: Places, threads: int) -> None:
            for part, stream in drawn:
                part.draw(stream, out, dtype, region, threads)

        divisible = all(part.sampler.scheme.divisible for part, _ in drawn)
        write(tensor, Source(draw, divisible=divisible), threads)
        return True

    def report(self, wrote: bool) -> list[PendingRow]:
        """Return the rows of the parameter's parts and of its other names."""
        name, places, tensor, role, values, _ = self
        parts, note = values.parts, values.note
        if not wrote:
            note = "on the meta device, untouched" if parts else note
            rows = [PendingRow.of(tensor, name, note)]
        elif isinstance(role, NormsRole):
            rows = [PendingRow.of(tensor, name, note, scheme="norms")]
        else:
            rows = [PendingRow.of(tensor, name, note, part) for part in parts]
        for other in places[1:]:
            rows.append(PendingRow.of(tensor, other.name, f"tied to {name}", is_tied=True))
        return rows


# ---- what is decided -----------------------------------------------------------------------------


def _planned(
    module: nn.Module,
    scheme: Scheme,
    gain: Gain,
    plan: Plan | None,
    residual: Pattern | Sequence[Pattern],
    residual_factor: float | None,
    forget_bias: float,
) -> list[_Step]:
    """Return the steps that initialize a model, all of them checked."""
    if not isinstance(module, nn.Module):
        raise TypeError(
            f"module must be a torch.nn.Module, got {module!r} ({type(module).__name__})"
        )
    forget_bias = checked_finite("forget_bias", forget_bias)
    rules = rules_of(plan)
    decide = _Decider(scheme, gain, rules)
    tied = _tied(module)
    with naming() as about:
        decisions = []
        for places in tied:
            about.what = places[0].name
            decisions.append(decide(places))
    for rule in rules:
        if not any(decision.rule is rule for decision in decisions):
            names = [place.name for places in tied for place in places]
            raise ValueError(unused(rule, tied, names))
    factors = _residual_factors(tied, decisions, residual, residual_factor)
    values_of = _Resolver(forget_bias)
    with naming() as about:
        steps = []
        for places, decision, factor in zip(tied, decisions, factors, strict=True):
            about.what = places[0].name
            tensor = places[0].tensor
            values = values_of(decision, tensor, factor)
            direct = values.direct if decision.is_ready else None
            steps.append(_Step(about.what, places, tensor, decision.role, values, direct))
        return [_norms_step(s, steps) if isinstance(s.role, NormsRole) else s for s in steps]


def _tied(module: nn.Module) -> list[tuple[ParameterSite, ...]]:
    """Return the places of every parameter."""
    places: dict[int, tuple[ParameterSite, ...]] = {}
    for place in parameters(module):
        key = id(place.tensor)
        places[key] = (*places[key], place) if key in places else (place,)
    return list(places.values())


@dataclass(frozen=True, eq=False)
class _Decision:
    """The role of parameters, and the rule, the scheme and the gain that they have.

    is_ready: a kernel can fill them as they are.
    """

    role: Role | str
    rule: Rule | None
    scheme: Scheme
    gain: float
    is_ready: bool

    @property
    def is_scaled(self) -> bool:
        """Whether they are weights, or the scales of norms, that something is written to."""
        leave = self.rule is not None and self.rule.leave
        is_scale = isinstance(self.role, ConstantRole) and self.role.value != 0.0
        return (isinstance(self.role, WeightRole) or is_scale) and not leave


class _Decider:
    """Decides what a parameter is given: by the first rule that can say so, or by its role.

    Parameters that are given the same share a decision.
    """

    def __init__(self, scheme: Scheme, gain: Gain, rules: Sequence[Rule]) -> None:
        self._scheme = scheme
        self._gain = gain
        self._number = resolve_gain(scheme, gain)
        self._rules = rules
        self._made: dict[Any, _Decision] = {}

    def __call__(self, places: tuple[ParameterSite, ...]) -> _Decision:
        """Return what the parameter found at some places is given."""
        tensor, role = places[0].tensor, places[0].role
        if isinstance(role, str):  # a layer that is known may share it
            role = next((p.role for p in places if not isinstance(p.role, str)), role)
        ready = is_ready(tensor)
        if not ready:
            reason = _reason_to_skip(tensor)
            if reason:
                leaving = (rule for rule in self._rules if rule.leave and rule.matches(places))
                return _Decision(reason, next(leaving, None), self._scheme, 1.0, False)
            check_memory(tensor)
            if is_distributed(tensor):
                local_pieces(tensor)  # refuses what cannot be filled in parts
        for rule in self._rules:
            if rule.matches(places):
                given = self._by_rule(rule, role)
                if given is not None:
                    return self._shared(given[0], rule, given[1], given[2], ready)
        key = role, ready
        return self._made.get(key) or self._made.setdefault(key, self._by_role(role, ready))

    def _by_role(self, role: Role | str, ready: bool) -> _Decision:
        if not isinstance(role, WeightRole):
            value = role.value if isinstance(role, ConstantRole) else 0.0
            return _Decision(role, None, _CONSTANT, value, ready)
        if role.recurrent:
            return _Decision(role, None, _ORTHOGONAL, 1.0, ready)
        return _Decision(role, None, self._scheme, self._number, ready)

    def _by_rule(
        self, rule: Rule, role: Role | str
    ) -> tuple[Role | str, Scheme, float] | None:
        """Return the role, scheme and gain by a rule; None if the rule is not for the role."""
        if rule.leave:
            return role, self._scheme, 1.0
        gain = self._gain
        recurrent = isinstance(role, WeightRole) and role.recurrent
        row = rule.scheme or (_ORTHOGONAL if recurrent else self._scheme)
        if "gain" in rule.options:
            gain = rule.options["gain"]
        elif rule.scheme is not None or recurrent:
            gain = None
        if row.law == "constant":
            possible = not isinstance(role, NormsRole)
        elif isinstance(role, str):
            if "layout" in rule.options:
                role = WeightRole(rule.options["layout"])
            possible = isinstance(role, WeightRole) or not row.reads_axes
        else:
            possible = isinstance(role, WeightRole)
        if not possible:
            return None
        return role, row, resolve_gain(row, gain) * rule.options.get("factor", 1.0)

    def _shared(
        self, role: Role | str, rule: Rule, scheme: Scheme, gain: float, ready: bool
    ) -> _Decision:
        # The scheme and gain follow from the rule and the role.
        key = id(rule), role, ready
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = _Decision(role, rule, scheme, gain, ready)
        return made


_CONSTANT, _ORTHOGONAL = SCHEMES["constant"], SCHEMES["orthogonal"]


def _reason_to_skip(tensor: Any) -> str:
    """Return why a parameter cannot be filled whatever it is for; "" if it can."""
    if is_lazy(tensor):
        return "uninitialized: run the model on a batch first"
    if tensor.dtype not in DTYPE_CODES:
        return f"{tensor.dtype} is no type that is filled"
    if tensor.numel() == 0:
        return "no elements"
    return "loaded by transformers" if is_kept(tensor) else ""


class _Resolver:
    """Says what is written. Models are made of layers that are alike: each kind is resolved once."""

    def __init__(self, forget_bias: float) -> None:
        self._forget_bias = forget_bias
        self._resolved: dict[Any, _Values] = {}

    def __call__(self, decision: _Decision, tensor: Any, factor: float) -> _Values:
        """Return what is written to a parameter, with a factor on what is scaled."""
        kind = decision, tensor.shape, tensor.dtype, factor
        values = self._resolved.get(kind)
        if values is None:
            values = self._resolved[kind] = self._checked(decision, tensor, factor)
        return values

    def _checked(self, decision: _Decision, tensor: Any, factor: float) -> _Values:
        role, rule = decision.role, decision.rule
        if rule is not None and rule.leave:
            return _Values(note="left alone by the plan")
        if isinstance(role, str) and rule is None:
            return _Values(note=role)
        if isinstance(role, NormsRole):
            return _Values(note=f"of {role.weight}")
        values = self._resolve(tuple(tensor.shape), decision, factor)
        for part in (*values.parts, *values.overlays):
            part.sampler.check(DTYPE_CODES[tensor.dtype])
        if len(values.parts) == 1 and values.parts[0].axis is None and not values.overlays:
            direct = Direct.of(values.parts[0].sampler, tensor.dtype)
            values = values._replace(direct=direct)
        return values

    def _resolve(self, shape: tuple[int, ...], decision: _Decision, factor: float) -> _Values:
        role, gain = decision.role, decision.gain * factor
        notes = [f"residual, times {factor:.4g}"] if factor != 1.0 else []
        overlays: tuple[_Part, ...] = ()
        if isinstance(role, WeightRole):
            parts, more = _weight_parts(shape, decision, gain)
            notes += more
            if role.zero_row is not None:
                overlays = (_constant_part((1, *shape[1:]), 0.0, role.zero_row),)
                notes.append(f"row {role.zero_row} is 0")
        else:
            parts = (_Part(Sampler.of(shape, decision.scheme, gain=gain)),)
            if isinstance(role, ConstantRole):
                notes.append(role.what)
                gate = role.forget_gate
                if gate is not None and self._forget_bias != 0.0 and decision.rule is None:
                    length = (len(gate),)
                    overlays = (_constant_part(length, self._forget_bias, gate.start),)
                    notes.append(f"forget gate {self._forget_bias:g}")
        return _Values(parts, overlays, "; ".join(notes))


def _constant_part(shape: tuple[int, ...], value: float, first: int) -> _Part:
    return _Part(Sampler.of(shape, _CONSTANT, gain=value), axis=0, first=first)


def _weight_parts(
    shape: tuple[int, ...], decision: _Decision, gain: float
) -> tuple[tuple[_Part, ...], list[str]]:
    """Return the parts of a weight, and what to note of them."""
    role, scheme = decision.role, decision.scheme
    assert isinstance(role, WeightRole)
    options: Options = {} if decision.rule is None else decision.rule.options
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
        stacked=options.get("stacked", 0),
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
        return (_Part(whole, has_fans=True),), notes
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
        made.append(_Part(part, f"/{number}", axis, first, has_fans=True))
    return tuple(made), notes


def _residual_factors(
    parameters: Sequence[tuple[ParameterSite, ...]],
    decisions: Sequence[_Decision],
    residual: Pattern | Sequence[Pattern],
    factor: float | None,
) -> list[float]:
    """Return the factor of every parameter: 1 but for those that end residual branches."""
    patterns = matchers("residual", residual)
    if not patterns:
        if factor is not None:
            raise ValueError(f"residual_factor must be left out without residual, got {factor!r}")
        return [1.0] * len(decisions)
    ends = [False] * len(decisions)
    for pattern, matches in patterns:
        found = [
            decision.is_scaled and matches(places)
            for places, decision in zip(parameters, decisions, strict=True)
        ]
        if not any(found):
            raise ValueError(
                f"residual must name weights or scales of norms that are initialized, "
                f"got {pattern!r}, which names none"
            )
        ends = [one or other for one, other in zip(ends, found, strict=True)]
    if factor is None:
        factor = 1.0 / math.sqrt(sum(ends))
    elif checked_finite("residual_factor", factor) < 0.0:
        raise ValueError(f"residual_factor must be at least 0, got {factor}")
    return [factor if end else 1.0 for end in ends]


def _norms_step(step: _Step, steps: Sequence[_Step]) -> _Step:
    """Return the step of the norms that weight_norm keeps, which follow their weight."""
    assert isinstance(step.role, NormsRole)
    name = step.role.weight
    weight = next(each for each in steps if any(place.name == name for place in each.places))
    # The identity of more outputs than inputs has rows of zeros, and so has an embedding's padding.
    drawn = [part.sampler for part in (*weight.values.parts, *weight.values.overlays)]
    if any(each.scheme.law == "identity" or each.scale == 0.0 for each in drawn):
        raise ValueError(
            f"{weight.name} must not have rows of 0 under weight_norm, "
            "which divides by their norms"
        )
    return step._replace(values=weight.values._replace(note=step.values.note)) if drawn else (
        step._replace(values=weight.values)
    )


def _root(
    steps: Sequence[_Step], seed: Seed | Stream, generator: torch.Generator | None
) -> Stream:
    """Return the stream whose children fill the parameters."""
    shared = None
    if seed is None:
        tensors = (step.tensor for step in steps)
        shared = next(filter(is_distributed, tensors), None)
    return stream_of(shared, seed, generator, "")


def _modules(root: nn.Module) -> list[nn.Module]:
    """Return root and every module in it, once."""
    found = {root: None}
    layers = [root]
    for layer in layers:
        for child in layer._modules.values():
            if child is not None and child not in found:
                found[child] = None
                layers.append(child)
    return layers


def _buffers(module: nn.Module, layers: Sequence[nn.Module]) -> list[str]:
    """Return the names of all buffers but the statistics of norms."""
    if not any(layer._buffers for layer in layers):
        return []
    norms = {
        id(buffer)
        for layer in layers
        if isinstance(layer, _NormBase)
        for buffer in layer.buffers(recurse=False)
    }
    return [name for name, buffer in module.named_buffers() if id(buffer) not in norms]
