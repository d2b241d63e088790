"""Whole PyTorch models: every weight by its logical fans and its qualified name."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from weakref import ref

import torch
from numpy.typing import NDArray
from torch import nn
from torch.autograd.graph import increment_version
from torch.nn.modules.batchnorm import _NormBase

from irwinhall._arguments import checked_count, checked_finite
from irwinhall._keywords import takes
from irwinhall.schemes import Gain, Scheme, get_scheme
from irwinhall.stream import Seed, Stream
from irwinhall.torch._decisions import Decider, Decision, Values
from irwinhall.torch._fill import (
    Drawing,
    Source,
    check_seed,
    has_values,
    stream_of,
    write,
)
from irwinhall.torch._layers import NormsRole, ParameterSite, Role, parameters
from irwinhall.torch._plan import Pattern, Plan, matchers, naming, rules_of, unused
from irwinhall.torch._report import PendingRow, Report, Seen, version
from irwinhall.torch._shards import Places, is_distributed

__all__ = ["ParamInit", "init_weights", "param_init_fn"]


@takes("seed", not_="rng")
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
    tied, steps = _planned(
        module, get_scheme(scheme), gain, plan, residual, residual_factor, forget_bias
    )
    tensors = [places[0].tensor for places in tied]
    root = _root(tensors, seed, generator)
    used = torch.get_num_threads() if threads is None else checked_count("threads", threads, 1)
    written = [
        step.run(places[0], tensor, root, used)
        for step, places, tensor in zip(steps, tied, tensors, strict=True)
    ]
    # The others count for themselves.
    increment_version([t for t, step in zip(tensors, steps, strict=True) if step.values.direct])
    layers = _modules(module)
    _reset_norms(layers, tied, steps)
    seen = [Seen(ref(tensor), version(tensor)) for tensor in tensors]

    def rows() -> list[PendingRow]:
        each = zip(steps, seen, written, strict=True)
        return [row for step, tensor, wrote in each for row in step.rows(tensor, wrote)]

    return Report(rows, _buffers(module, layers), root.seed)


@takes("seed", not_="rng")
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
    tied, steps = _planned(
        model, get_scheme(scheme), gain, plan, residual, residual_factor, forget_bias
    )
    root = _root([places[0].tensor for places in tied], seed, generator)
    used = torch.get_num_threads() if threads is None else checked_count("threads", threads, 1)
    return ParamInit(model, tied, steps, root, device, used)


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
        tied: Sequence[tuple[ParameterSite, ...]],
        steps: Sequence[_Step],
        root: Stream,
        device: torch.device | str | None,
        threads: int,
    ) -> None:
        self.left_alone = tuple(step.name for step in steps if not step.values.parts)
        self._modules = frozenset(model.modules())
        # Each owner of a tied parameter materializes its own: all of them get its bits.
        self._steps = [
            (step.on_new_memory(), place)
            for step, places in zip(steps, tied, strict=True)
            for place in places
        ]
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
        for step, place in self._steps:
            if place.owner is module:
                step.run(place, place.current, self._root, self._threads)
        if isinstance(module, _NormBase):
            module.reset_running_stats()


# ---- what is written -----------------------------------------------------------------------------


class _Step(NamedTuple):
    """A parameter by the first of its names, its other names, its role, and what is written to it.

    It holds no tensor: a report keeps it.
    """

    name: str
    others: tuple[str, ...]
    role: Role | str
    values: Values

    def on_new_memory(self) -> _Step:
        """Return the step for tensors that are not those that were checked."""
        return self._replace(values=self.values._replace(direct=None))

    def run(self, place: ParameterSite, tensor: Any, root: Stream, threads: int) -> bool:
        """Write the values to a tensor; return whether there were any, and memory for them."""
        name, _, role, (parts, overlays, _, direct, _) = self
        if direct is not None:
            direct.fill(tensor, root.child(name) if direct.is_random else root, threads)
            return True
        if not parts or not has_values(tensor):
            return False
        if isinstance(role, NormsRole):
            with torch.no_grad():
                direction = place.owner.original1
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

    def rows(self, seen: Seen, wrote: bool) -> Iterator[PendingRow]:
        """Yield the rows of the parameter's parts and of its other names."""
        name, others, role, (parts, _, note, _, shape) = self
        if not wrote:
            note = "on the meta device, untouched" if parts else note
            yield PendingRow(seen, name, note, shape)
        elif isinstance(role, NormsRole):
            yield PendingRow(seen, name, note, shape, scheme="norms")
        else:
            for part in parts:
                yield PendingRow(seen, name, note, shape, part)
        for other in others:
            yield PendingRow(seen, other, f"tied to {name}", shape, is_tied=True)


# ---- what is decided -----------------------------------------------------------------------------


def _planned(
    module: nn.Module,
    scheme: Scheme,
    gain: Gain,
    plan: Plan | None,
    residual: Pattern | Sequence[Pattern],
    residual_factor: float | None,
    forget_bias: float,
) -> tuple[list[tuple[ParameterSite, ...]], list[_Step]]:
    """Return the places of every parameter of a model and its step, all of them checked."""
    if not isinstance(module, nn.Module):
        raise TypeError(
            f"module must be a torch.nn.Module, got {module!r} ({type(module).__name__})"
        )
    rules = rules_of(plan)
    decide = Decider(scheme, gain, rules, checked_finite("forget_bias", forget_bias))
    tied = _tied(module)
    decisions = []
    with naming(lambda: places[0].name):
        for places in tied:
            decisions.append(decide(places, places[0].tensor))
    for rule in rules:
        if not any(decision.rule is rule for decision in decisions):
            names = [place.name for places in tied for place in places]
            raise ValueError(unused(rule, tied, names))
    factors = _residual_factors(tied, decisions, residual, residual_factor)
    steps = []
    with naming(lambda: places[0].name):
        for places, decision, factor in zip(tied, decisions, factors, strict=True):
            others = tuple([place.name for place in places[1:]]) if len(places) > 1 else ()
            step = _Step(places[0].name, others, decision.role, decision.values(factor))
            steps.append(step)
        for number, step in enumerate(steps):
            if isinstance(step.role, NormsRole):
                steps[number] = _norms_step(step, step.role, steps)
    return tied, steps


def _tied(module: nn.Module) -> list[tuple[ParameterSite, ...]]:
    """Return the places of every parameter."""
    places: dict[int, tuple[ParameterSite, ...]] = {}
    for place in parameters(module):
        key = id(place.tensor)
        places[key] = (*places[key], place) if key in places else (place,)
    return list(places.values())


def _residual_factors(
    parameters: Sequence[tuple[ParameterSite, ...]],
    decisions: Sequence[Decision],
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


def _norms_step(step: _Step, role: NormsRole, steps: Sequence[_Step]) -> _Step:
    """Return the step of the norms that weight_norm keeps, which follow their weight."""
    weight = next(each for each in steps if role.weight in (each.name, *each.others))
    # The identity of more outputs than inputs has rows of zeros, and so has an embedding's padding.
    drawn = [part.sampler for part in (*weight.values.parts, *weight.values.overlays)]
    if any(each.scheme.law == "identity" or each.scale == 0.0 for each in drawn):
        raise ValueError(
            f"{weight.name} must not have rows of 0 under weight_norm, which divides by their norms"
        )
    note = step.values.note if drawn else weight.values.note
    return step._replace(values=weight.values._replace(note=note, direct=None))


def _root(tensors: Sequence[Any], seed: Seed | Stream, generator: torch.Generator | None) -> Stream:
    """Return the stream whose children fill the parameters."""
    shared = next(filter(is_distributed, tensors), None) if seed is None else None
    return stream_of(shared, seed, generator, "")


def _reset_norms(
    layers: Sequence[nn.Module],
    tied: Sequence[tuple[ParameterSite, ...]],
    steps: Sequence[_Step],
) -> None:
    """Start the statistics of norms anew, but of those whose parameters are left alone."""
    norms = [layer for layer in layers if isinstance(layer, _NormBase)]
    if norms:
        each = zip(tied, steps, strict=True)
        left = {p.layer for places, step in each if not step.values.parts for p in places}
        for layer in norms:
            if layer not in left:
                layer.reset_running_stats()


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
