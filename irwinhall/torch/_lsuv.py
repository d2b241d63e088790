"""LSUV of a PyTorch model: `irwinhall.lsuv` in one pass of a batch, layer by layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import nn

from irwinhall._arguments import checked_count
from irwinhall._models.plan import Pattern, matchers, shown
from irwinhall._models.report import table
from irwinhall._models.roles import WeightRole
from irwinhall._models.running import run
from irwinhall.lsuv import LayerReport, checked_positive, rescale_until
from irwinhall.torch._layers import ParameterSite, parameters
from irwinhall.torch._shards import is_distributed
from irwinhall.torch._sharing import tied_parameters

__all__ = ["LsuvReport", "lsuv_"]

_KINDS = (
    nn.Linear,
    nn.Bilinear,
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
)


class LsuvReport(NamedTuple):
    """Report of `lsuv_`; it prints as a table.

    Attributes
    ----------
    layers : dict
        Maps the qualified names of rescaled weights, in the order they were run, to an
        `irwinhall.lsuv.LayerReport`.
    left_alone : dict
        Maps the names of all other weights to the reason why they were left alone.

    Examples
    --------
    >>> import torch
    >>> import irwinhall.torch as init
    >>> model = torch.nn.Linear(64, 10)
    >>> report = init.lsuv_(model, init.normal_(torch.empty(100, 64), seed=1), tolerance=1e-3)
    >>> round(report.layers["weight"].variance_after, 2)
    1.0
    """

    layers: dict[str, LayerReport]
    left_alone: dict[str, str]

    def __str__(self) -> str:
        heads = ("weight", "variance", "after", "factor", "steps", "note")
        rows = [
            (
                name,
                f"{done.variance_before:.4g}",
                f"{done.variance_after:.4g}",
                f"{done.factor:.4g}",
                f"{done.iterations}",
                "" if done.converged else "not converged",
            )
            for name, done in self.layers.items()
        ]
        kept = [(name, "", "", "", "", why) for name, why in self.left_alone.items()]
        return table(heads, rows + kept, right=(1, 2, 3, 4))


def lsuv_(
    module: nn.Module,
    batch: Any,
    *,
    layers: Pattern | Sequence[Pattern] = "*",
    variance: float = 1.0,
    tolerance: float = 0.01,
    max_iterations: int = 10,
) -> LsuvReport:
    """Rescale a model's weights, in place, until each layer's output has unit variance on a batch.

    The batch is run once. At a linear, bilinear, convolution or transposed convolution layer, that
    layer is repeated until its output has the variance, and the model continues from there: every
    layer gets the outputs of the rescaled layers before it.

    Parameters
    ----------
    module : Module
        The model, with initialized weights; the article starts from "orthogonal". It runs as it was
        before torch.compile, in evaluation mode, so without dropout and with the norms' running
        statistics, and without gradients. Its mode and hooks are restored afterwards.
    batch : Tensor, sequence or mapping
        The model's argument, arguments, or keyword arguments.
    layers : pattern or sequence of patterns
        Which weights to rescale, as for the plan of `init_weights`.
    variance, tolerance, max_iterations
        As for `irwinhall.lsuv.rescale`.

    Returns
    -------
    LsuvReport

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described, or a weight is a DTensor.
    ArithmeticError
        If an output is not finite (OverflowError), or has no variance, as of a dead layer
        (ZeroDivisionError). The message names the layer. After any exception, also of the model,
        all weights are restored.

    Notes
    -----
    A layer that runs several times is rescaled in its first run, a weight that several layers share
    in the first of them; a weight shared with an embedding is left alone. Weights that are not run
    as a layer, such as those within recurrent and attention layers, are left alone and reported.
    Each weight is multiplied once, by the total factor.

    Examples
    --------
    >>> import torch
    >>> import irwinhall.torch as init
    >>> model = torch.nn.Sequential(
    ...     torch.nn.Linear(64, 100), torch.nn.ReLU(), torch.nn.Linear(100, 10)
    ... )
    >>> _ = init.init_weights(model, "orthogonal", seed=1)
    >>> print(init.lsuv_(model, init.normal_(torch.empty(500, 64), seed=2)))
    weight    variance  after  factor  steps  note
    0.weight    0.6...      1  1.2...      1
    2.weight    0.4...      1  1.4...      1
    """
    if not isinstance(module, nn.Module):
        raise TypeError(f"module must be a torch.nn.Module, got {shown(module)}")
    module = getattr(module, "_orig_mod", module)  # a compiled module would need compiled hooks
    numbers = (
        checked_positive("variance", variance),
        checked_positive("tolerance", tolerance),
        checked_count("max_iterations", max_iterations, 1),
    )
    chosen, report = _chosen(module, layers)
    originals: list[tuple[Any, Any]] = []

    def settle(place: ParameterSite, layer: Any, args: Any, kwargs: Any, output: Any) -> Any:
        if place.name in report.layers:
            return None
        weight = place.tensor
        given = weight.detach().clone()
        originals.append((weight, given))
        repeat = partial(_run, place.name, weight, given, layer, args, kwargs)
        output, report.layers[place.name] = rescale_until(place.name, repeat, *numbers)
        return output

    modes = [(each, each.training) for each in module.modules()]
    hooks = [
        place.layer.register_forward_hook(partial(settle, place), prepend=True, with_kwargs=True)
        for place in chosen
    ]
    try:
        for each, _ in modes:
            each.training = False
        with torch.no_grad():
            run(module, batch)
    except BaseException:
        with torch.no_grad():
            for weight, given in originals:
                weight.copy_(given)
        raise
    finally:
        for hook in hooks:
            hook.remove()
        for each, training in modes:
            each.training = training
    for place in chosen:
        if place.name not in report.layers:
            report.left_alone[place.name] = "not run as a layer"
    return report


def _chosen(
    module: nn.Module, layers: Pattern | Sequence[Pattern]
) -> tuple[list[ParameterSite], LsuvReport]:
    """Return the places of the weights to rescale, and a report of the others."""
    named = matchers("layers", layers)
    chosen: dict[int, ParameterSite] = {}
    left: dict[str, str] = {}
    # Rescaling a weight that an embedding or attention also reads would change earlier signals.
    tied, _, shared, overlaps = tied_parameters(module)
    memory, within = {}, {}
    for places in tied:
        for place in places:
            memory[id(place.tensor)] = id(places[0].tensor)
        for place in shared.get(places[0].name, ()):
            memory[id(place.tensor)] = id(places[0].tensor)
            within[id(place.tensor)] = places[0].name
    sites = list(parameters(module))
    others = {memory[id(p.tensor)]: p.name for p in sites if not isinstance(p.layer, _KINDS)}
    overlapping = {name for pair in overlaps for name in pair}
    for place in sites:
        if not isinstance(place.role, WeightRole):
            continue
        tensor = place.tensor
        key = memory[id(tensor)]
        first = chosen.get(key)
        if not any(matches([place]) for _, matches in named):
            left[place.name] = "not asked for"
        elif not isinstance(place.layer, _KINDS) or place.attribute != "weight":
            left[place.name] = f"within {type(place.layer).__name__}"
        elif not tensor.requires_grad and layers == "*":
            left[place.name] = "frozen: name it in layers to rescale it"
        elif key in others:
            left[place.name] = f"tied to {others[key]}"
        elif id(tensor) in within:
            left[place.name] = f"shares the memory of {within[id(tensor)]}"
        elif first is not None:
            left[place.name] = f"tied to {first.name}"
        elif place.name in overlapping:
            raise ValueError(f"{place.name} must not share a part of its memory with another")
        elif is_distributed(tensor):
            raise ValueError(f"{place.name} must be whole, got a DTensor: LSUV looks at all data")
        else:
            chosen[key] = place
    if not chosen:
        why = next((f": {name} is {reason}" for name, reason in left.items()), "")
        raise ValueError(f"layers must name weights that can be rescaled, got {layers!r}{why}")
    return list(chosen.values()), LsuvReport({}, left)


def _run(
    name: str, weight: Any, given: Any, layer: Any, args: Any, kwargs: Any, factor: float
) -> tuple[Any, float]:
    """Return the output of a layer whose weight is multiplied by a factor, and its variance."""
    if factor != 1.0:
        weight.copy_(given.double() * factor)
    output = layer.forward(*args, **kwargs)
    if output.numel() == 0:
        raise ValueError(f"{name} must return values, got shape {tuple(output.shape)}")
    variance = float(output.double().var(correction=0))
    if not math.isfinite(variance):
        raise OverflowError(f"{name} must return finite values of finite variance")
    return output, variance
