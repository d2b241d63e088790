"""Measure signals and gradients of a model, module by module, by hooks in one pass."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.autograd.graph import GradientEdge, get_gradient_edge

from irwinhall._models.activations import ActivationFlow, FlowRow, Moments, with_verdicts
from irwinhall._models.plan import shown
from irwinhall._models.running import run
from irwinhall.torch._functions import normal_

__all__ = ["activation_flow"]

# Number of elements measured at a time on the CPU: few enough for the cache, and for 6 correct
# digits of a sum in float32.
_CHUNK = 2**15
# Norms in float32 outside of this range have lost squares to underflow or overflow.
_LEAST, _MOST = 1e-15, 1e15


def activation_flow(
    model: nn.Module,
    batch: Any,
    loss: Callable[[Any], Any] | None = None,
    *,
    seed: int | bytes = 0,
) -> ActivationFlow:
    """Return the sizes of signals and gradients after every module of a model.

    The model is run once on the batch, forward and backward.

    Parameters
    ----------
    model : Module
        The model, which runs as it was before torch.compile, in its current mode, training or
        evaluation. Its gradients, buffers and hooks, and torch's random state, are restored.
    batch : Tensor, sequence or mapping
        The model's argument, arguments, or keyword arguments. A unit counts as dead only if it is 0
        in every sample: use a few dozen samples.
    loss : callable, optional
        Maps the model's output to the scalar whose gradient is taken. Default: the gradient at the
        output is standard normal, as in `irwinhall.flow`.
    seed : int or bytes
        Seed of that gradient, which is drawn under the name "gradient".

    Returns
    -------
    ActivationFlow

    Raises
    ------
    TypeError, ValueError
        If model is not a module, or loss does not return a scalar that depends on the model.

    Notes
    -----
    *Rows.* Each call of a module has a row for the first tensor of real or complex numbers that it
    returns, also modules within modules, such as a block that adds a branch to its input. An output
    that is passed on unchanged, as by Sequential, has only the row of the module that made it.
    Functions such as torch.nn.functional.relu are not modules and have no rows.

    *Agreement.* If a model is a stack as described by `irwinhall.flow.simulate`, the rows of its
    linear layers equal the flow's layers.

    *Cost.* About the time and memory of a training step; the gradients of parameters are not
    computed. Means have 6 digits: they are computed in pieces in float32, or in float64 for values
    beyond 10^+-15.

    Examples
    --------
    >>> import torch
    >>> import irwinhall.torch as init
    >>> model = torch.nn.Sequential(
    ...     torch.nn.Linear(64, 256), torch.nn.ReLU(), torch.nn.Linear(256, 256),
    ...     torch.nn.ReLU(), torch.nn.Linear(256, 10),
    ... )
    >>> _ = init.init_weights(model, "he_normal", seed=1)
    >>> print(init.activation_flow(model, init.normal_(torch.empty(100, 64), seed=2)))
       module   kind     E|x|  E x^2     dead   E|g|   E g^2     dead
    0  (batch)  batch   0.805      1        0
    1  0        Linear   1.13   2.03        0  0.109  0.0407        0
    2  1        ReLU    0.556  0.987        0  0.222  0.0821        0
    3  2        Linear   1.12   2.02        0  0.109  0.0398  0.00391
    4  3        ReLU    0.549  0.985  0.00391  0.222  0.0817        0
    5  4        Linear   1.15    2.2        0  0.788    1.01        0
    mean square of signals kept: times 1.04 a layer, times 1.1 over 3 layers
    square norm of gradients kept: times 1.02 a layer, times 1 over 3 layers
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a torch.nn.Module, got {shown(model)}")
    model = getattr(model, "_orig_mod", model)  # hooks would have to be compiled too
    rows: list[FlowRow] = []
    edges: list[GradientEdge | None] = []
    given = _first_tensor(batch)
    if given is not None:
        rows.append(FlowRow("", "batch", 0, tuple(given.shape), False, *_moments(given)))
        edges.append(None)
    with torch.inference_mode(False), torch.enable_grad(), _restored(model):
        with _hooked(model, given, rows, edges):
            output = run(model, batch)
        root, start = _start(output, loss, seed)
        wanted = [number for number, edge in enumerate(edges) if edge is not None]
        places = [edges[number] for number in wanted]
        found = torch.autograd.grad(root, places, start, allow_unused=True) if wanted else ()
    for number, gradient in zip(wanted, found, strict=True):
        if gradient is not None:
            rows[number] = FlowRow(*rows[number][:-3], *_moments(gradient))
    return with_verdicts(rows)


# ---- the pass ------------------------------------------------------------------------------------


@contextmanager
def _restored(model: nn.Module) -> Iterator[None]:
    """Put back the buffers that training changes, and torch's random state."""
    training = [each for each in model.modules() if each.training]
    buffers = [b for each in training for b in each.buffers(recurse=False)]
    copies = [buffer.detach().clone() for buffer in buffers]
    devices = {tensor.device for tensor in (*model.parameters(), *model.buffers())}
    others = sorted({device.type for device in devices} - {"cpu", "meta"})
    kind = others[0] if others else "cuda"
    numbers = [device.index for device in devices if device.type == kind]
    try:
        with torch.random.fork_rng(numbers, device_type=kind):
            yield
    finally:
        with torch.no_grad():
            for buffer, copy in zip(buffers, copies, strict=True):
                buffer.copy_(copy)


@contextmanager
def _hooked(
    model: nn.Module, given: Any, rows: list[FlowRow], edges: list[GradientEdge | None]
) -> Iterator[None]:
    """Append a row, and the place of its gradient, for every output as the model runs."""
    # Tensors that have a row, with their versions: a module may return its input, or change it in
    # place.
    seen: dict[int, tuple[Any, int]] = {}

    def note(tensor: Any) -> bool:
        reference, version = seen.get(id(tensor), (lambda: None, 0))
        if reference() is tensor and version == tensor._version:
            return False
        seen[id(tensor)] = weakref.ref(tensor), tensor._version
        return True

    def hook(name: str) -> Callable[[nn.Module, Any, Any], None]:
        calls = 0

        def measure(module: nn.Module, inputs: Any, output: Any) -> None:
            nonlocal calls
            call, calls = calls, calls + 1
            tensor = _first_tensor(output)
            if tensor is None or not note(tensor):
                return
            kind = type(module).__name__
            shape = tuple(tensor.shape)
            rows.append(
                FlowRow(name, kind, call, shape, _has_weight(module), *_moments(tensor.detach()))
            )
            edges.append(get_gradient_edge(tensor) if tensor.requires_grad else None)

        return measure

    if given is not None:
        note(given)
    handles = [
        each.register_forward_hook(hook(name))
        for name, each in model.named_modules()
        if "parametrizations" not in name.split(".")  # they return weights
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _start(
    output: Any, loss: Callable[[Any], Any] | None, seed: int | bytes
) -> tuple[Any, Any | None]:
    """Return where gradients start, and the gradient there."""
    if loss is not None:
        value = loss(output)
        if not isinstance(value, torch.Tensor) or value.numel() != 1:
            raise ValueError(f"loss must return a scalar tensor, got {shown(value)}")
        if not value.requires_grad:
            raise ValueError("loss must depend on the model's output, got a tensor without a graph")
        return value, None
    tensor = _first_tensor(output)
    if tensor is None or not tensor.requires_grad:
        raise ValueError(
            "the model's output must hold a tensor that has a gradient, or loss must be given; "
            f"got {shown(output)}"
        )
    start = torch.empty_like(tensor, requires_grad=False, memory_format=torch.contiguous_format)
    return tensor, normal_(start, seed=seed, name="gradient")


def _first_tensor(output: Any) -> Any | None:
    """Return the first tensor of real or complex numbers in an output, ignoring scalars."""
    if isinstance(output, torch.Tensor):
        has_values = output.ndim > 0 and output.numel() > 0
        is_number = output.is_floating_point() or output.is_complex()
        return output if has_values and is_number else None
    if isinstance(output, Mapping):
        output = output.values()
    elif not isinstance(output, (tuple, list)):
        output = getattr(output, "__dict__", {}).values()  # a dataclass
    return next((found for each in output if (found := _first_tensor(each)) is not None), None)


def _has_weight(module: nn.Module) -> bool:
    own = [*module.parameters(recurse=False)]
    replaced = getattr(module, "parametrizations", None)
    if isinstance(replaced, nn.Module):
        own += replaced.parameters()
    return any(parameter.ndim > 1 for parameter in own)


# ---- moments -------------------------------------------------------------------------------------


def _moments(tensor: Any) -> Moments:
    """Return the mean of abs(x), that of x^2, and the share of dead units."""
    values = tensor.detach()
    if values.is_complex():
        values = values.abs()
    # In memory order, so that channels-last tensors are not copied.
    values = values.permute(0, *sorted(range(1, values.ndim), key=values.stride, reverse=True))
    count = values.numel()
    total = squares = 0.0
    for chunk in _chunks(values):
        if chunk.dtype != torch.float64:
            chunk = chunk.float()
            norm = float(torch.linalg.vector_norm(chunk))
            if _LEAST < norm < _MOST:
                squares += norm * norm
                total += float(chunk.abs().sum())
                continue
            chunk = chunk.double()
        squares += float(torch.linalg.vector_norm(chunk)) ** 2
        total += float(chunk.abs().sum())
    return Moments(total / count, squares / count, _dead(values))


def _chunks(values: Any) -> Iterator[Any]:
    if values.device.type != "cpu":  # there pieces cost more than they save
        yield values.double()
    else:
        yield from values.reshape(-1).split(_CHUNK)


def _dead(values: Any) -> float:
    """Return the share of units that are 0 in every sample.

    Look at twice as many samples each time, and only at units that were 0 in all before.
    """
    samples = values.reshape(len(values), -1)
    silent = (samples[0] == 0).nonzero().squeeze(1)
    first = 1
    while first < len(samples) and silent.numel():
        zeros = samples[first : 2 * first, silent] == 0
        silent = silent[zeros.all(0)]
        first *= 2
    return int(silent.numel()) / int(samples.shape[1])
