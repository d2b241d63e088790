"""Initialize whole PyTorch models: every weight by its logical fans and its qualified name."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import compress
from typing import Any
from weakref import ref

import torch
from numpy.typing import NDArray
from torch import nn
from torch.autograd.graph import increment_version
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.parameter import is_lazy

from irwinhall._arguments import checked_finite
from irwinhall._keywords import takes
from irwinhall._models.decisions import Values
from irwinhall._models.plan import Pattern, Plan, exclusions, matcher, naming, rules_of, shown
from irwinhall._models.planning import decided_values
from irwinhall._models.report import Report
from irwinhall._models.residual import Residual
from irwinhall._models.roles import NormsRole
from irwinhall.recipes import Recipe
from irwinhall.recipes import recipe as find_recipe
from irwinhall.schemes import Gain, Scheme, get_scheme
from irwinhall.stream import Seed, Stream
from irwinhall.torch._before import Before
from irwinhall.torch._decisions import TensorDecider
from irwinhall.torch._fill import (
    UNREAD,
    Source,
    array_of,
    check_seed,
    check_tensor,
    has_values,
    is_kept,
    is_loading,
    stream_of,
    used_threads,
    write,
)
from irwinhall.torch._gains import array_gain
from irwinhall.torch._layers import ParameterSite
from irwinhall.torch._report import Seen, TensorRow, version
from irwinhall.torch._shards import Places as Region
from irwinhall.torch._shards import is_distributed
from irwinhall.torch._sharing import Places, tied_parameters

__all__ = ["ParamInit", "init_weights", "param_init_fn"]


@takes("seed", not_="rng")
def init_weights(
    module: nn.Module,
    scheme: str | Scheme = "letkeman",
    *,
    gain: Gain = None,
    seed: Seed | Stream = None,
    generator: torch.Generator | None = None,
    recipe: str | Recipe | None = None,
    plan: Plan | None = None,
    exclude: Pattern | Sequence[Pattern] = (),
    residual: Residual = (),
    residual_factor: float | None = None,
    forget_bias: float = 0.0,
    threads: int | None = None,
) -> Report:
    """Initialize all parameters of a model, in place, and return a report.

    Weights of the layers of torch.nn get the scheme, sized by their logical fans: those of one
    group of a convolution, of query, key and value each in an attention's projection, of each gate
    of a recurrent layer, of one looked-up row of an embedding (one active input). Recurrent weights
    are orthogonal, gate by gate. Biases become 0. Scales and shifts of norms become 1 and 0, and
    their statistics are reset, because they are garbage after to_empty. Parameters of unknown
    layers are left alone and reported, as are frozen ones (requires_grad=False) unless the plan
    names them.

    Parameters
    ----------
    module : Module
        The model, which torch.compile, DDP or FSDP2 may wrap. Its parameters may be DTensors; on
        the meta device they are left alone.
    scheme : str or Scheme
        A name or alias of `irwinhall.schemes.SCHEMES`, or a row of your own.
    gain : float, str or callable, optional
        As for `irwinhall.sample_weights`: a number, or the activation that the layers read. Not for
        recurrent weights.
    seed, generator
        As for `fill_`. Without either, the seed comes from torch's global generator, once for the
        model. A weight's bits are those of ``irwinhall.sample_weights(..., rng=seed, name=name)``
        with its qualified name, so they do not depend on other layers. Call `init_weights` once for
        the whole model: with ``model.apply`` and a seed, layers of the same shape would be equal.
    recipe : str or Recipe, optional
        In place of scheme and gain: a name or alias of `irwinhall.recipes.RECIPES`. The lines of
        `plan` precede the recipe's own, and `residual` replaces the recipe's. A UserWarning tells
        if no parameter matches the recipe's patterns for the ends of residual branches.
    plan : mapping, optional
        Exceptions: maps patterns to a scheme, "leave", or a mapping of `Options`. A pattern is the
        name of a parameter with the wildcards of fnmatch, a compiled regular expression that is
        searched in the name, or a type of modules. The first pattern that matches decides.
    exclude : pattern or sequence of patterns
        Parameters to leave alone, whatever the plan says.
    residual : pattern, sequence of patterns, or mapping
        The last weights of residual branches, or the scales of their last norms, which are
        multiplied by residual_factor; or a mapping of patterns to rules. The rule of the first
        pattern that matches gives the factor for layer l, from 0, of L layers: "gpt2" is
        1/sqrt(2 L), "layer" 1/sqrt(2 (l + 1)), "deepnorm" (8 L)^(-1/4), "fixup"
        L^(-1/(2 m - 2)) for branches of m layers of which the pattern names all but the last,
        "mamba" 1/sqrt(L), "tfixup_encoder" 0.67 L^(-1/4), "tfixup_decoder" (9 L)^(-1/4), "zero" 0;
        or a number, or a callable of (l, L). The layer is read from the name of the parameter, and
        listed in the report.
    residual_factor : float, optional
        Default 1/sqrt(the number of parameters that `residual` names), which for transformers of L
        layers with 2 branches each is 1/sqrt(2 L). With 0, every branch starts as zero.
    forget_bias : float
        The sum of the biases of each forget gate of LSTMs; 1 is a common choice.
    threads : int, optional
        Maximum number of threads; default torch.get_num_threads(). The bits do not depend on it.

    Returns
    -------
    Report
        A row for every parameter; it prints as a table.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described, a pattern matches no parameter or none that it could
        decide, or a weight cannot have its scheme; the message names the parameter. The model is
        then untouched. If writing itself fails, as when memory runs out, or is interrupted, a note
        of the error (``__notes__``) lists what had been written.

    Notes
    -----
    A plan's scheme is for weights. Biases and norms take only the schemes zeros, ones and constant,
    those on an interval, such as mamba_dt_bias, and "leave". Biases take a random scheme if the
    pattern contains "bias"; a scheme that needs fans uses those of the layer's weight. A parameter
    of an unknown layer also needs a layout, unless its scheme does not depend on axes. If it has
    fewer than two axes, it may be a scale or a bias, and is filled only if the pattern is its full
    name, or by a constant or a scheme on an interval. Options that a mapping omits keep their
    values without a plan.

    Tied parameters are filled once, by the first of their names; a pattern that matches one of the
    names matches them all. An embedding that is also the weight of a linear layer is sized as that
    layer, which sums over all inputs. A parameter in the memory of another, such as
    ``Parameter(first.weight.t())``, follows that one and is reported. Parameters that overlap only
    in part raise an error.

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
    tied, planned, shared = _planned(
        module, scheme, gain, recipe, plan, exclude, residual, residual_factor, forget_bias
    )
    tensors = [places[0].tensor for places in tied]
    root = _root(tensors, seed, generator)
    used = used_threads(threads)
    before = Before()
    written: list[bool] = []
    try:
        for values, places, tensor in zip(planned, tied, tensors, strict=True):
            direct = values.direct
            if values.usual is not None or (direct is not None and direct.is_random):
                before.keep(len(written), tensor, values)
            if direct is None:
                written.append(_write(values, places[0], tensor, root.child, used))
            else:  # the case of nearly all parameters, and of nearly all the time
                stream = root.child(places[0].name) if direct.is_random else UNREAD
                direct.fill(tensor, stream, used)
                written.append(True)
    except BaseException as error:  # memory or the device may still fail
        names = [places[0].name for places in tied]
        _note_written(error, list(compress(names, written)), names[len(written) :])
        raise
    finally:  # the others count for themselves
        increment_version([t for t, v in zip(tensors, planned, strict=True) if v.direct])
    layers = _modules(module)
    _reset_norms(layers, tied, planned)
    names = [places[0].name for places in tied]
    others = {p[0].name: _others(p, shared) for p in tied if len(p) > 1}
    others.update(
        (p[0].name, _others(p, shared)) for p in (tied if shared else ()) if p[0].name in shared
    )
    references = list(map(ref, tensors))
    each = zip(tensors, planned, strict=True)
    versions = [t._version if values.direct else version(t) for t, values in each]

    def rows() -> list[TensorRow]:  # what it holds keeps no tensor alive
        notes = before.notes(names, planned)
        each = zip(planned, names, map(Seen, references, versions), written, strict=True)
        return [row for p in each for row in _rows(*p, others.get(p[1], ()), notes.get(p[1], ""))]

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
    recipe: str | Recipe | None = None,
    plan: Plan | None = None,
    exclude: Pattern | Sequence[Pattern] = (),
    residual: Residual = (),
    residual_factor: float | None = None,
    forget_bias: float = 0.0,
    threads: int | None = None,
) -> ParamInit:
    """Return a function that materializes and initializes one module of a model at a time.

    Pass it as param_init_fn to FullyShardedDataParallel, which calls it with one module after the
    other. Modules do not know their names, so pass the model here before it is wrapped.

    Parameters
    ----------
    model : Module
        The whole model, on the meta device or not.
    device : torch.device or str, optional
        Where to materialize what is on the meta device; default the accelerator, if there is one,
        else the CPU.
    scheme, gain, seed, generator, recipe, plan, exclude
        As for `init_weights`.
    residual, residual_factor, forget_bias, threads
        As for `init_weights`. All processes must be given the same seed.

    Returns
    -------
    callable
        Takes a module of the model, and initializes the module's own parameters to the same bits as
        `init_weights`. Its ``left_alone`` lists the parameters that it does not initialize.

    Raises
    ------
    TypeError, ValueError
        As for `init_weights`. The returned function raises them for a module of another model.

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
    tied, planned, _ = _planned(
        model, scheme, gain, recipe, plan, exclude, residual, residual_factor, forget_bias
    )
    root = _root([places[0].tensor for places in tied], seed, generator)
    used = used_threads(threads)
    return ParamInit(model, tied, planned, root, device, used)


class ParamInit:
    """The function that `param_init_fn` returns.

    Attributes
    ----------
    left_alone : tuple of str
        The parameters that it does not initialize. Those on the meta device are uninitialized
        memory afterwards.

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
        tied: Sequence[Places],
        planned: Sequence[Values],
        root: Stream,
        device: torch.device | str | None,
        threads: int,
    ) -> None:
        each = list(zip(tied, planned, strict=True))
        self.left_alone: tuple[str, ...] = tuple(
            places[0].name for places, values in each if not values.parts
        )
        self._modules = frozenset(model.modules())
        # Each owner of a tied parameter materializes its own tensor, and all get the same bits. The
        # tensor is then not the checked one, so do not write to it directly.
        self._steps = [
            (values._replace(direct=None), place, places[0].name)
            for places, values in each
            for place in places
        ]
        self._root = root
        self._device = device
        self._threads = threads

    def __call__(self, module: nn.Module) -> None:
        """Materialize and initialize the module's own parameters."""
        if module not in self._modules:
            raise ValueError(
                "module must be one of the model that param_init_fn was given, "
                f"got another {type(module).__name__}"
            )
        own = [*module.parameters(recurse=False), *module.buffers(recurse=False)]
        if any(tensor.is_meta for tensor in own):
            device = self._device
            if device is None:
                device = _accelerator() or torch.device("cpu")
            module.to_empty(device=device, recurse=False)
        written: list[str] = []
        for values, place, name in self._steps:
            if place.owner is module:
                first = place._replace(name=name)
                try:
                    if _write(values, first, place.current, self._root.child, self._threads):
                        written.append(name)
                except BaseException as error:
                    _note_written(error, written, [name])
                    raise
        if isinstance(module, _NormBase):
            module.reset_running_stats()


def _accelerator() -> torch.device | None:
    """Return the accelerator, if there is one.

    A build of torch for an accelerator names it as current even on machines without it.
    """
    there = torch.accelerator.is_available()
    return torch.accelerator.current_accelerator() if there else None


# ---- what is written -----------------------------------------------------------------------------


def _note_written(error: BaseException, written: Sequence[str], rest: Sequence[str]) -> None:
    """Add to an error which parameters were written before it, and which may be in part."""
    some = [*written[:3], "...", written[-1]] if len(written) > 5 else written
    before = (
        f"{len(written)} parameters had been written: {', '.join(some)}"
        if written
        else ("nothing had been written")
    )
    error.add_note(f"{before}; {rest[0]} may be written in part" if rest else before)


def _write(
    values: Values,
    place: ParameterSite,
    tensor: Any,
    stream_of: Callable[[str], Stream],
    threads: int,
) -> bool:
    """Write values to a parameter; return whether there were any, and memory for them."""
    parts, overlays = values.parts, values.overlays
    if not parts or not has_values(tensor):
        return False
    check_tensor(tensor)
    if tuple(tensor.shape) != values.shape:
        raise ValueError(f"{place.name} must have shape {values.shape}, got {tuple(tensor.shape)}")
    if values.norms is not None:
        with torch.no_grad():
            _write_norms(values, values.norms, place, tensor, stream_of, threads)
        return True
    drawn = [(part, stream_of(place.name + part.suffix)) for part in (*parts, *overlays)]
    if len(drawn) == 1 and parts[0].axis is None:
        write(tensor, Source.of(parts[0].sampler, drawn[0][1]), threads)
        return True

    def draw(out: NDArray[Any], dtype: str, region: Region, threads: int) -> None:
        for part, stream in drawn:
            part.draw(stream, out, dtype, region, threads)

    divisible = all(part.sampler.scheme.divisible for part, _ in drawn)
    write(tensor, Source(draw, divisible=divisible), threads)
    return True


def _write_norms(
    values: Values,
    role: NormsRole,
    place: ParameterSite,
    tensor: Any,
    stream_of: Callable[[str], Stream],
    threads: int,
) -> None:
    """Write the norms of a weight that has been written.

    A shard does not determine them, so the whole is made again, to get the norms of one process.
    """
    if not is_distributed(tensor):
        tensor.copy_(torch.norm_except_dim(place.owner.original1, 2, role.dim))
        return
    weight = values.weight
    assert weight is not None
    assert weight.shape is not None
    whole = torch.empty(weight.shape, dtype=tensor.dtype, device="cpu")
    _write(weight, place._replace(name=role.weight), whole, stream_of, threads)
    norms = torch.norm_except_dim(whole, 2, role.dim)

    def draw(out: NDArray[Any], dtype: str, region: Region, threads: int) -> None:
        out[...] = array_of(norms[region])

    write(tensor, Source(draw), threads)


def _rows(
    values: Values,
    name: str,
    seen: Seen,
    wrote: bool,
    others: Sequence[tuple[str, str, tuple[int, ...] | None]],
    was: str,
) -> Iterator[TensorRow]:
    """Yield the rows of a parameter's parts and of its other names."""
    note, shape = "; ".join(filter(None, (values.note, was))), values.shape
    if not wrote:
        note = "on the meta device, untouched" if values.parts else values.note
        yield TensorRow(seen, name, note, shape)
    elif values.norms is not None:
        yield TensorRow(seen, name, note, shape, scheme="norms")
    else:
        for part in values.parts:
            yield TensorRow(seen, name, note, shape, part)
    for other, why, its in others:
        yield TensorRow(seen, other, f"{why} {name}", its or shape, is_tied=True)


def _others(
    places: Places, shared: Mapping[str, Sequence[ParameterSite]]
) -> list[tuple[str, str, tuple[int, ...] | None]]:
    """Return the other names of a parameter and of its memory, their relations and shapes."""
    tied = [(place.name, "tied to", None) for place in places[1:]]
    within = shared.get(places[0].name, ())
    return tied + [(p.name, "shares the memory of", tuple(p.tensor.shape)) for p in within]


# ---- what is decided -----------------------------------------------------------------------------


def _planned(
    module: nn.Module,
    scheme: str | Scheme,
    gain: Gain,
    recipe: str | Recipe | None,
    plan: Plan | None,
    exclude: Pattern | Sequence[Pattern],
    residual: Residual,
    residual_factor: float | None,
    forget_bias: float,
) -> tuple[list[Places], list[Values], dict[str, list[ParameterSite]]]:
    """Return the places and the checked values of every parameter of a model.

    The second result has the places of parameters in the memory of others, by names of the latter.
    """
    if not isinstance(module, nn.Module):
        raise TypeError(f"module must be a torch.nn.Module, got {shown(module)}")
    rules = rules_of(plan, array_gain=array_gain)
    row = None if recipe is None else find_recipe(recipe)
    if row is not None:
        if scheme != "letkeman" or gain is not None:
            raise ValueError(
                f"scheme and gain must be left out with a recipe, got {shown(scheme)} "
                f"and {shown(gain)} for {row.name}"
            )
        scheme, gain = row.scheme, row.gain
        rules += rules_of(row.plan, "recipe", array_gain)
        if residual == () and residual_factor is None:
            residual = row.residual
    if exclude != ():
        rules = [*exclusions(exclude), *rules]
    decide = TensorDecider(
        get_scheme(scheme), array_gain(gain), rules, checked_finite("forget_bias", forget_bias)
    )
    tied, ready, shared, overlaps = tied_parameters(module)
    if is_loading():
        kept = (is_kept(places[0].tensor) for places in tied)
        ready = [alone and not keep for alone, keep in zip(ready, kept, strict=True)]
    planned = decided_values(
        decide,
        rules,
        tied,
        ready,
        residual,
        residual_factor,
        shared=shared,
        buffers=(name for name, _ in module.named_buffers()),
        optional_residual=row is not None and residual is row.residual,
    )
    if row is not None and residual is row.residual:
        _warn_without_branches(row, tied)
    for number, values in enumerate(planned):
        if values.norms is not None:
            with naming(tied[number][0].name):
                planned[number] = _norms_values(values, values.norms, tied, planned, shared)
    for one, other in overlaps:
        each = zip(tied, planned, strict=True)
        if any(values.parts for places, values in each if places[0].name in (one, other)):
            raise ValueError(
                f"{one} must not share a part of its memory with {other}, neither of which holds "
                "the other"
            )
    return tied, planned, shared


def _warn_without_branches(recipe: Recipe, tied: Sequence[Places]) -> None:
    """Warn if a recipe scales residual branches and its patterns match none of the model."""
    patterns = recipe.residual
    matches = [matcher("residual", pattern) for pattern in patterns]
    if matches and not any(fits(places) for fits in matches for places in tied):
        rule = next(iter(patterns.values()))
        warnings.warn(
            f"recipe {recipe.name!r} scales residual branches, but no parameter matches "
            f"{' or '.join(map(repr, patterns))}; pass residual={{pattern: {rule!r}}} for the last "
            "weights of your branches, or residual={} if there are none",
            stacklevel=5,
        )


def _norms_values(
    norms: Values,
    role: NormsRole,
    tied: Sequence[Places],
    planned: Sequence[Values],
    shared: Mapping[str, Sequence[ParameterSite]],
) -> Values:
    """Return the values of the norms that weight_norm keeps, which follow their weight."""
    places, weight, inner = next(
        (places, values, inner)
        for places, values in zip(tied, planned, strict=True)
        for inner in (None, *shared.get(places[0].name, ()))
        if any(place.name == role.weight for place in (places if inner is None else (inner,)))
    )
    name = places[0].name
    if inner is not None and is_distributed(inner.tensor):
        raise ValueError(f"{role.weight} must not lie in {name} under weight_norm, in shards")
    if inner is None and weight.shape is not None and role.dim >= 0:
        shape = tuple(n if axis == role.dim else 1 for axis, n in enumerate(weight.shape))
        if norms.shape != shape:
            raise ValueError(f"norms of {name} must have shape {shape}, got {norms.shape}")
    # An identity with more outputs than inputs has rows of zeros, as has an embedding's padding.
    drawn = [part.sampler for part in (*weight.parts, *weight.overlays)]
    if any(each.scheme.law == "identity" or each.scale == 0.0 for each in drawn):
        raise ValueError(
            f"{name} must not have rows of zeros under weight_norm, which divides by their norms"
        )
    if not drawn:
        return norms._replace(note=weight.note)
    return norms._replace(
        parts=weight.parts, norms=role._replace(weight=name), weight=weight._replace(direct=None)
    )


def _root(tensors: Sequence[Any], seed: Seed | Stream, generator: torch.Generator | None) -> Stream:
    """Return the stream whose children fill the parameters."""
    shared = next(filter(is_distributed, tensors), None) if seed is None else None
    return stream_of(shared, seed, generator, "")


def _reset_norms(
    layers: Sequence[nn.Module],
    tied: Sequence[Places],
    planned: Sequence[Values],
) -> None:
    """Reset the statistics of norms, except those whose parameters are left alone."""
    norms = [layer for layer in layers if isinstance(layer, _NormBase)]
    if norms:
        each = zip(tied, planned, strict=True)
        left = {place.layer for places, values in each if not values.parts for place in places}
        for layer in norms:
            if layer not in left and not any(map(is_lazy, layer._buffers.values())):
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
    """Return the names of all buffers except the statistics of norms."""
    if not any(layer._buffers for layer in layers):
        return []
    norms = {
        id(buffer)
        for layer in layers
        if isinstance(layer, _NormBase)
        for buffer in layer.buffers(recurse=False)
    }
    return [name for name, buffer in module.named_buffers() if id(buffer) not in norms]
