"""Whole PyTorch models: every weight by its logical fans and its qualified name."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from irwinhall import layouts, schemes
from irwinhall._arguments import checked_finite
from irwinhall._torch_fill import (
    DTYPES,
    Key,
    Source,
    check_key,
    check_tensor,
    has_values,
    is_kept,
    reads_axes,
    stream_of,
    write,
)
from irwinhall._torch_layers import Constant, Found, Norms, Role, Weight, parameters
from irwinhall._torch_plan import (
    Pattern,
    Plan,
    Rule,
    matchers,
    naming,
    rules_of,
    unused,
)
from irwinhall._torch_report import Planned, Report, Row
from irwinhall._torch_shards import Places, is_distributed, local_pieces
from irwinhall.fans import Fans, fans
from irwinhall.layouts import View
from irwinhall.schemes import SCHEMES, Gain, Scheme
from irwinhall.stream import Stream

__all__ = ["ParamInit", "init_weights", "param_init_fn"]


def init_weights(
    module: nn.Module,
    scheme: str | Scheme = "letkeman",
    *,
    gain: Gain = None,
    seed: Key = None,
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
    check_key(seed, generator)
    model = _planned(
        module, schemes.row_of(scheme), gain, plan, residual, residual_factor, forget_bias
    )
    root = _root(model, seed, generator)
    for step in model:
        step.run(root, threads)
    left = {place.layer for step in model if not step.parts for place in step.places}
    for layer in module.modules():
        if isinstance(layer, _NormBase) and layer not in left:
            layer.reset_running_stats()
    return Report([each for step in model for each in step.report()], _buffers(module), root.seed)


def param_init_fn(
    model: nn.Module,
    scheme: str | Scheme = "letkeman",
    *,
    device: torch.device | str | None = None,
    gain: Gain = None,
    seed: Key = None,
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
        to the bits that `init_weights` gives them.

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
    check_key(seed, generator)
    steps = _planned(
        model, schemes.row_of(scheme), gain, plan, residual, residual_factor, forget_bias
    )
    return ParamInit(model, steps, _root(steps, seed, generator), device, threads)


class ParamInit:
    """The function that `param_init_fn` returns.

    Examples
    --------
    >>> import torch
    >>> import irwinhall.torch as init
    >>> layer = torch.nn.Linear(3, 2)
    >>> init.param_init_fn(layer, seed=1)(layer)
    """

    def __init__(
        self,
        model: nn.Module,
        steps: Sequence[_Step],
        root: Stream,
        device: torch.device | str | None,
        threads: int | None,
    ) -> None:
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
                    replace(step, places=(place,)).run(self._root, self._threads)
        if isinstance(module, _NormBase):
            module.reset_running_stats()


# ---- what is written -----------------------------------------------------------------------------

_INDIVISIBLE = ("orthogonal", "delta_orthogonal")


class _Part(NamedTuple):
    """What a parameter, or a range of one of its axes, is filled with: a weight of its own."""

    name: str
    shape: tuple[int, ...]
    scheme: Scheme
    gain: float
    view: View | None = None
    active_inputs: int | None = None
    axis: int | None = None
    first: int = 0

    def draw(
        self, root: Stream, out: NDArray[Any], dtype: str, region: Places, threads: int
    ) -> None:
        """Write a region of the part."""
        arguments: dict[str, Any] = {
            "rng": root,
            "name": self.name,
            "active_inputs": self.active_inputs,
            "gain": self.gain,
            "dtype": dtype,
            "out": out,
            "region": region,
            "threads": threads,
        }
        if self.view is None:
            schemes.sample_weights(self.shape, self.scheme, **arguments)
        else:
            layouts.sample_weights(self.shape, self.scheme, layout=self.view, **arguments)

    def draw_within(
        self, root: Stream, out: NDArray[Any], dtype: str, region: Places, threads: int
    ) -> None:
        """Write what of the part lies in a region of the whole parameter."""
        axis = self.axis
        if axis is None:
            self.draw(root, out, dtype, region, threads)
            return
        begin = max(region[axis].start, self.first)
        end = min(region[axis].stop, self.first + self.shape[axis])
        if begin < end:
            here = slice(begin - region[axis].start, end - region[axis].start)
            there = slice(begin - self.first, end - self.first)
            inside = (*region[:axis], there, *region[axis + 1 :])
            self.draw(root, out[(*[slice(None)] * axis, here)], dtype, inside, threads)

    def check(self, dtype: torch.dtype) -> None:
        """Raise what drawing the part would raise."""
        if self.shape:
            element = "uint16" if dtype == torch.bfloat16 else DTYPES[dtype]
            nothing = np.empty([0] * len(self.shape), element)
            nowhere = (slice(0, 0),) * len(self.shape)
            self.draw(Stream(0), nothing, DTYPES[dtype], nowhere, 1)

    def row(self, note: str) -> Row:
        """Return what to report of it."""
        layer = None
        if self.view is not None:
            layer = fans(self.view.shape, **self.view.axes)
            active = self.active_inputs or self.view.active_inputs
            if active is not None:
                inputs = math.prod(self.view.shape[axis] for axis in self.view.in_axis)
                layer = Fans(layer.fan_in // inputs * active, layer.fan_out)
        scale = schemes.scale(self.scheme, *(layer or (1, 1)), gain=self.gain)
        name = self.scheme.name
        if self.scheme.law == "constant":
            name = {0.0: "zeros", 1.0: "ones"}.get(scale, "constant")
        row = Row(self.name, self.shape, None, None, name, self.gain, scale, note=note)
        return row if layer is None else row._replace(**layer._asdict())


@dataclass(frozen=True)
class _Step:
    """A parameter, all places where it is found, and what is written to it: nothing, or parts.

    Overlays are written over them.
    """

    places: tuple[Found, ...]
    role: Role | str
    parts: tuple[_Part, ...]
    overlays: tuple[_Part, ...]
    note: str

    def run(self, root: Stream, threads: int | None) -> None:
        """Write the values."""
        place = self.places[0]
        tensor = place.tensor
        if not self.parts or not has_values(tensor):
            return
        if isinstance(self.role, Norms):
            with torch.no_grad():
                direction = place.owner.original1
                tensor.copy_(torch.norm_except_dim(direction, 2, self.role.dim))
            return
        drawn = (*self.parts, *self.overlays)

        def draw(out: NDArray[Any], dtype: str, region: Places, threads: int) -> None:
            for part in drawn:
                part.draw_within(root, out, dtype, region, threads)

        indivisible = any(part.scheme.law in _INDIVISIBLE for part in drawn)
        write(tensor, Source(draw, indivisible=indivisible), threads)

    def report(self) -> Iterator[Planned]:
        """Yield the rows of the parameter's parts and of its other names."""
        first, *others = self.places
        tensor = first.tensor
        shape = () if nn.parameter.is_lazy(tensor) else tuple(tensor.shape)
        if not self.parts or not has_values(tensor):
            note = self.note if not self.parts else "on the meta device, untouched"
            yield Planned(Row(first.name, shape, note=note), tensor)
        elif isinstance(self.role, Norms):
            yield Planned(Row(first.name, shape, scheme="norms", note=self.note), tensor)
        else:
            for part in self.parts:
                where = None
                if part.axis is not None:
                    where = part.axis, part.first, part.shape[part.axis]
                yield Planned(part.row(self.note), tensor, where)
        for other in others:
            note = f"tied to {first.name}"
            yield Planned(Row(other.name, shape, note=note), tensor, tied_to=first.name)


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
    schemes.plain_gain(scheme, gain)
    forget_bias = checked_finite("forget_bias", forget_bias)
    rules = rules_of(plan)
    choices = [_choice(places, scheme, gain, rules) for places in _tied(module)]
    names = [place.name for choice in choices for place in choice.places]
    for rule in rules:
        if not any(choice.rule is rule for choice in choices):
            raise ValueError(unused(rule, [c.places for c in choices], names))
    factors = _residual_factors(choices, residual, residual_factor)
    steps: dict[str, _Step] = {}
    checked: set[tuple[_Part, torch.dtype]] = set()
    for choice, factor in zip(choices, factors, strict=True):
        with naming(choice.places[0].name):
            step = choice.step(factor, forget_bias)
            if isinstance(step.role, Norms):
                step = _norms_step(step, steps[step.role.weight])
            elif step.parts:
                dtype = choice.places[0].tensor.dtype
                for part in (*step.parts, *step.overlays):
                    # Models are made of many layers that are alike but for their names.
                    alike = part._replace(name=""), dtype
                    if alike not in checked:
                        part.check(dtype)
                        checked.add(alike)
        steps[choice.places[0].name] = step
    return list(steps.values())


def _tied(module: nn.Module) -> list[tuple[Found, ...]]:
    """Return the places of every parameter."""
    places: dict[int, list[Found]] = {}
    for place in parameters(module):
        places.setdefault(id(place.tensor), []).append(place)
    return [tuple(each) for each in places.values()]


@dataclass(frozen=True)
class _Choice:
    """A parameter, its role, and the rule, the scheme and the gain that it has."""

    places: tuple[Found, ...]
    role: Role | str
    rule: Rule | None
    scheme: Scheme
    gain: float

    @property
    def is_scaled(self) -> bool:
        """Whether it is a weight, or the scale of a norm, that something is written to."""
        leave = self.rule is not None and self.rule.leave
        is_scale = isinstance(self.role, Constant) and self.role.value != 0.0
        return (isinstance(self.role, Weight) or is_scale) and not leave

    def step(self, factor: float, forget_bias: float) -> _Step:
        """Return what is to be done, with a factor on what is scaled."""
        place = self.places[0]
        role = self.role
        if self.rule is not None and self.rule.leave:
            return _Step(self.places, "left alone by the plan", (), (), "left alone by the plan")
        if isinstance(role, str) and self.rule is None:
            return _Step(self.places, role, (), (), role)
        if isinstance(role, Norms):
            return _Step(self.places, role, (), (), f"of {role.weight}")
        shape = tuple(place.tensor.shape)
        whole = _Part(place.name, shape, self.scheme, self.gain * factor)
        notes = [f"residual, times {factor:.4g}"] if factor != 1.0 else []
        overlays: tuple[_Part, ...] = ()
        parts: tuple[_Part, ...] = (whole,)
        zero = whole._replace(scheme=SCHEMES["constant"], gain=0.0, axis=0)
        if isinstance(role, Weight):
            parts, said = self._weight_parts(whole, role)
            notes += said
            if role.zero_row is not None:
                overlays = (zero._replace(shape=(1, *shape[1:]), first=role.zero_row),)
                notes.append(f"row {role.zero_row} is 0")
        elif isinstance(role, Constant):
            notes.append(role.what)
            gate = role.forget_gate
            if gate is not None and forget_bias != 0.0 and self.rule is None:
                length = (gate.stop - gate.start,)
                overlays = (zero._replace(shape=length, first=gate.start, gain=forget_bias),)
                notes.append(f"forget gate {forget_bias:g}")
        return _Step(self.places, role, parts, overlays, "; ".join(notes))

    def _weight_parts(self, whole: _Part, role: Weight) -> tuple[tuple[_Part, ...], list[str]]:
        """Return the parts of a weight, and what to note of them."""
        options = {} if self.rule is None else self.rule.options
        stored = partial(
            layouts.view,
            layout=options.get("layout", role.layout),
            groups=options.get("groups", role.groups),
            stacked=options.get("stacked", 0),
        )
        parts = options.get("parts", role.parts)
        count, sizes = (1, tuple(parts)) if isinstance(parts, Sequence) else (parts, ())
        view = stored(whole.shape, parts=count)
        active = options.get("active_inputs")
        if active is None and callable(whole.scheme.rule):
            active = view.active_inputs
        notes = [] if active is None else [f"{active} active input" + "s" * (active != 1)]
        if stored.keywords["groups"] != 1:
            notes.append(f"{stored.keywords['groups']} groups")
        if count != 1:
            notes.append(f"{count} parts")
        if not sizes:
            return (whole._replace(view=view, active_inputs=active),), notes
        if view.groups != 1 or view.split is not None or len(view.out_axis) != 1:
            raise ValueError(
                f"parts must not differ for a weight with groups or two out axes, got {sizes}"
            )
        [axis] = view.out_axis
        if sum(sizes) != whole.shape[axis]:
            raise ValueError(
                f"parts must add up to the {whole.shape[axis]} of axis {axis}, got {sizes}"
            )
        firsts = accumulate(sizes, initial=0)
        made = []
        for number, (size, first) in enumerate(zip(sizes, firsts, strict=False)):
            shape = (*whole.shape[:axis], size, *whole.shape[axis + 1 :])
            name = f"{whole.name}/{number}"
            made.append(
                _Part(name, shape, whole.scheme, whole.gain, stored(shape), active, axis, first)
            )
        return tuple(made), notes


def _choice(
    places: tuple[Found, ...], scheme: Scheme, gain: Gain, rules: Sequence[Rule]
) -> _Choice:
    """Return what a parameter is given: by the first rule that can say so, or by its role."""
    place = places[0]
    role: Role | str = next((p.role for p in places if not isinstance(p.role, str)), place.role)
    unfit = _unfit(place.tensor)
    if unfit:
        leaving = (rule for rule in rules if rule.leave and rule.matches(places))
        return _Choice(places, unfit, next(leaving, None), scheme, 1.0)
    with naming(place.name):
        check_tensor(place.tensor)
        if is_distributed(place.tensor):
            local_pieces(place.tensor)  # refuses what cannot be filled in parts
        for rule in rules:
            if not rule.matches(places):
                continue
            said = _said(rule, role, scheme, gain)
            if said is not None:
                return _Choice(places, said[0], rule, said[1], said[2])
    if isinstance(role, Weight):
        row, number = (SCHEMES["orthogonal"], None) if role.recurrent else (scheme, gain)
        return _Choice(places, role, None, row, schemes.plain_gain(row, number))
    value = role.value if isinstance(role, Constant) else 0.0
    return _Choice(places, role, None, SCHEMES["constant"], value)


def _said(
    rule: Rule, role: Role | str, scheme: Scheme, gain: Gain
) -> tuple[Role | str, Scheme, float] | None:
    """Return the role, scheme and gain of a parameter by a rule; None if the rule is not for it."""
    if rule.leave:
        return role, scheme, 1.0
    recurrent = isinstance(role, Weight) and role.recurrent
    row = rule.scheme or (SCHEMES["orthogonal"] if recurrent else scheme)
    if "gain" in rule.options:
        gain = rule.options["gain"]
    elif rule.scheme is not None or recurrent:
        gain = None
    if row.law == "constant":
        possible = not isinstance(role, Norms)
    elif isinstance(role, str):
        if "layout" in rule.options:
            role = Weight(rule.options["layout"])
        possible = isinstance(role, Weight) or not reads_axes(row)
    else:
        possible = isinstance(role, Weight)
    if not possible:
        return None
    return role, row, schemes.plain_gain(row, gain) * rule.options.get("factor", 1.0)


def _unfit(tensor: Any) -> str:
    """Return why a parameter cannot be filled whatever it is for; "" if it can."""
    if nn.parameter.is_lazy(tensor):
        return "uninitialized: run the model on a batch first"
    if tensor.dtype not in DTYPES:
        return f"{tensor.dtype} is no type that is filled"
    if tensor.numel() == 0:
        return "no elements"
    return "loaded by transformers" if is_kept(tensor) else ""


def _residual_factors(
    choices: Sequence[_Choice],
    residual: Pattern | Sequence[Pattern],
    factor: float | None,
) -> list[float]:
    """Return the factor of every parameter: 1 but for those that end residual branches."""
    patterns = matchers("residual", residual)
    if not patterns:
        if factor is not None:
            raise ValueError(f"residual_factor must be left out without residual, got {factor!r}")
        return [1.0] * len(choices)
    ends = [False] * len(choices)
    for pattern, matches in patterns:
        found = [choice.is_scaled and matches(choice.places) for choice in choices]
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


def _norms_step(step: _Step, weight: _Step) -> _Step:
    """Return the step of the norms that weight_norm keeps, which follow their weight."""
    if weight.parts and any(part.row("").scale == 0.0 for part in weight.parts):
        raise ValueError(
            f"{weight.places[0].name} must not be 0 under weight_norm, which divides by its norm"
        )
    return replace(step, parts=weight.parts, note=step.note if weight.parts else weight.note)


def _root(steps: Sequence[_Step], seed: Key, generator: torch.Generator | None) -> Stream:
    """Return the stream whose children fill the parameters."""
    tensors = [step.places[0].tensor for step in steps]
    shared = next(filter(is_distributed, tensors), torch.empty(0))
    return stream_of(shared, seed, generator, "")


def _buffers(module: nn.Module) -> list[str]:
    """Return the names of all buffers but the statistics of norms."""
    norms = {
        id(buffer)
        for layer in module.modules()
        if isinstance(layer, _NormBase)
        for buffer in layer.buffers(recurse=False)
    }
    return [name for name, buffer in module.named_buffers() if id(buffer) not in norms]
