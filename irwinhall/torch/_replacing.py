"""A context in which models that draw their own weights draw them from our stream."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FunctionType
from typing import Any, NamedTuple
from weakref import ref

import torch
from torch import nn
from torch.compiler import disable, is_dynamo_compiling
from torch.multiprocessing.reductions import StorageWeakRef
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode

from irwinhall._keywords import takes
from irwinhall._models.plan import shown
from irwinhall._models.report import Report, Row
from irwinhall.stream import Seed, Stream
from irwinhall.torch._constructed import Constructed, Named, named_buffers, named_parameters
from irwinhall.torch._draws import RANDOM, Draw, draw_of_frame, drawn_in_place, initializer, made_by
from irwinhall.torch._fill import check_seed, has_values, is_kept, stream_of
from irwinhall.torch._pending import Step, Tape
from irwinhall.torch._report import Seen, TensorRow, version
from irwinhall.torch._sharing import held, storage_of

__all__ = ["ReplaceReport", "replace_init"]


class ReplaceReport(Report):
    """Report of `replace_init`, complete when the context has ended; it prints as a table.

    Attributes
    ----------
    rows : tuple of Row
        A row for every name of every parameter of the models that were constructed, then one for
        every other draw, named "/0", "/1" and so on in the order of the draws; their notes say why.
    left_alone : tuple of str
        The parameters without a draw, which keep the values that their modules gave them.
    buffers : tuple of str
        The buffers without a draw.
    missed : tuple of str
        The random calls that torch's own generator served.
    seed : int or str
        The seed of the weights, as in `Report`.

    Examples
    --------
    >>> import torch
    >>> import irwinhall.torch as init
    >>> with init.replace_init(seed=1) as report:
    ...     layer = torch.nn.Linear(8, 4)
    >>> print(report)
    parameter  shape  fans  scheme   scale    std  mean |w|  note
    weight     4x8          uniform         0...    0...
    bias       4            uniform  0.3536  0...    0...
    36 elements in 2 parameters, 0 of them left alone; seed 1
    >>> report.missed
    ()
    """

    def __init__(self, seed: int | bytes) -> None:
        super().__init__(self._rows_made, (), seed)
        self.missed: tuple[str, ...] = ()
        self._made: list[TensorRow] | None = None

    def complete(
        self, rows: Sequence[TensorRow], buffers: Sequence[str], missed: Sequence[str]
    ) -> None:
        """Set the rows, at the end of the context."""
        self._made = list(rows)
        self.buffers: tuple[str, ...] = tuple(buffers)
        self.missed = tuple(missed)

    def _rows_made(self) -> list[TensorRow]:
        if self._made is None:
            raise RuntimeError("the report is complete only after the context of replace_init")
        return self._made

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "missed": self.missed}

    def _summary(self) -> list[str]:
        lines = super()._summary()
        if self.missed:
            lines.append(f"drawn by torch itself: {', '.join(self.missed)}")
        return lines


@takes("seed", not_="rng")
@contextmanager
def replace_init(
    module: nn.Module | None = None,
    *,
    seed: Seed | Stream = None,
    generator: torch.Generator | None = None,
    threads: int | None = None,
) -> Iterator[ReplaceReport]:
    """Replace the random draws of constructors in a context by ours, by the names of parameters.

    The values keep the distributions that the constructors ask for through torch.nn.init, the
    random methods of tensors, or factories such as torch.randn. The values of a parameter depend on
    the seed and its qualified name alone: adding a layer changes no other.

    Parameters
    ----------
    module : Module, optional
        A model that was constructed before, on the meta device say, and is initialized in the
        context. It provides the names; default the model that is constructed.
    seed, generator
        As for `fill_`. Without either, the seed comes from torch's global generator.
    threads : int, optional
        Maximum number of threads; default torch.get_num_threads(). The bits do not depend on it.

    Yields
    ------
    ReplaceReport
        Complete when the context has ended.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.
    RuntimeError
        If torch.compile traces the context itself. Compile the model afterwards.

    Notes
    -----
    Draws are made when the context ends and names are known, as are simple operations on them, such
    as ``torch.randn(8) * 0.02``. A tensor that is drawn twice is filled once. If another call reads
    the values, or they are in memory that NumPy or another process may read, they are made at once,
    named by the order of such calls, and reported. After an exception, too, all tensors have
    values.

    With one model, the names are those of its named_parameters, without the names of wrappers; with
    several, they begin with the number of the model, "0.", "1." and so on. If a parameter has
    several draws, those after the first are named by the parameter, a slash and a number.

    Random functions whose distributions our stream does not have, such as `bernoulli_`, remain
    torch's own, as do draws within the transforms of torch.func; the report lists them. Generators
    that a constructor passes are ignored.

    The context affects only its own thread. Until it has ended, other threads must not read the
    tensors, nor may calls that a TorchFunctionMode does not see: collectives of torch.distributed,
    such as those of DistributedDataParallel, scripted and traced functions,
    torch.nested.nested_tensor, and storages obtained before a draw. Make these afterwards.

    Examples
    --------
    >>> import torch
    >>> import irwinhall.torch as init
    >>> def model(layers):
    ...     with init.replace_init(seed=1):
    ...         return torch.nn.ModuleDict({name: torch.nn.Linear(8, 8) for name in layers})
    >>> one, other = model(["first", "last"]), model(["first", "inserted", "last"])
    >>> torch.equal(one["last"].weight, other["last"].weight)
    True
    """
    if module is not None and not isinstance(module, nn.Module):
        raise TypeError(f"module must be a torch.nn.Module, got {shown(module)}")
    if is_dynamo_compiling():
        raise RuntimeError("replace_init cannot be traced: compile the model after its context")
    check_seed(seed, generator)
    report = ReplaceReport((root := stream_of(None, seed, generator, "")).seed)
    outer, mode = _active.mode, _Replacement(root, threads, _active.mode)
    constructed = Constructed(module)
    failed = True
    try:
        _active.mode = mode
        with constructed, mode:
            yield report
        failed = False
    finally:
        _active.mode = outer
        mode.finish(constructed, report, failed)


class _Active(threading.local):
    """The innermost context of a thread."""

    mode: _Replacement | None = None


_active = _Active()


# ---- calls ---------------------------------------------------------------------------------------

_IS_META = torch.Tensor.is_meta.__get__


class _Replacement(TorchFunctionMode):  # type: ignore[misc]  # torch is Any to mypy
    """The mode that sees the calls of one context."""

    def __init__(self, root: Stream, threads: int | None, outer: _Replacement | None) -> None:
        super().__init__()
        self.missed: list[str] = []
        self._root = root
        self._threads = threads
        self._outer = outer
        self._tape = Tape(self._draw, self._ask)
        self._drawn = _Drawn({}, {}, [], {})
        self._reason = ""
        self._state = _state()

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if is_dynamo_compiling():  # nothing below can be traced
            return disable(self._see)(func, args, kwargs)
        if func == _IS_META:
            drawn = draw_of_frame(sys._getframe(1))
            if drawn is None:
                return func(*args, **kwargs)
            with torch.no_grad():  # as those functions will
                return self._replace(*drawn) or func(*args, **kwargs)
        return self._see(func, args, kwargs)

    def _see(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Make a call, or note it and make it later."""
        if initializer(func) == "constant_":
            return self._fill(func, *args, **kwargs)
        drawn = drawn_in_place(func, args, kwargs)
        if drawn is not None:
            with torch.set_grad_enabled(torch.is_grad_enabled() and type(func) is not FunctionType):
                if self._replace(*drawn):
                    return drawn[0]
        made = made_by(func, args, kwargs)
        if made is not None and self._replace(made[0].detach(), made[1]):
            return made[0]
        return self._call(func, args, kwargs)

    def _replace(self, tensor: torch.Tensor, draw: Draw) -> bool:
        if self._outer is not None:
            self._outer.release(tensor)
        return self._tape.add_draw(tensor, draw)

    def release(self, tensor: torch.Tensor) -> None:
        """Make the values of a tensor before an inner context draws it again."""
        pending = self._tape.find(tensor)
        if pending is not None:
            self._tape.settle_early(pending, "a draw of another context")
        elif self._outer is not None:
            self._outer.release(tensor)

    def _fill(self, func: Any, tensor: torch.Tensor, val: float) -> Any:
        if is_kept(tensor):
            return func(tensor, val)
        with torch.no_grad():
            return self._tape.call(torch.Tensor.fill_, (tensor, val), {})

    def _call(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        name = getattr(func, "__name__", "")
        if name not in RANDOM and type(func) is not FunctionType:
            return self._tape.call(func, args, kwargs)
        before = self._moved()
        result = self._tape.call(func, args, kwargs)
        self._state = _state() or before
        if before != self._state or (name in RANDOM and _draws_elsewhere(result, kwargs)):
            self.missed.append(name)
        return result

    def _moved(self) -> bytes:
        """Return the state of torch's generator, and note a change that no call explains."""
        state = _state() or self._state
        if state != self._state:
            self.missed.append("an unseen call, or torch.manual_seed")
        return state

    # ---- values ----------------------------------------------------------------------------------

    def _ask(self, why: str) -> None:
        self._reason = why

    def _draw(self, step: Step, name: str) -> None:
        """Make a draw, named by a parameter or by the order of the draws without one."""
        draw, label = step.draw, self._drawn.label(name)
        assert draw is not None
        stream = self._root.child(label)
        arguments = {**draw.arguments, "seed": stream, "threads": self._threads}
        law = draw.law
        try:
            draw.fill(step.tensor, **arguments)
        except (TypeError, ValueError):  # such as a scale that the type cannot hold
            draw.plain(step.tensor)
            self._state = _state() or self._state
            self.missed.append(law)
        shape = tuple(step.tensor.shape)
        if name:
            self._drawn.named.setdefault(name, _Part(shape, law, draw.scale))
        else:
            part = _Part(shape, law, draw.scale)
            self._drawn.rows.append(TensorRow(_NOTHING, label, self._reason, shape, part))
            memory = StorageWeakRef(held(step.tensor).untyped_storage())
            self._drawn.early[storage_of(step.tensor)] = memory, label, part

    def finish(self, constructed: Constructed, report: ReplaceReport, failed: bool) -> None:
        """Make all values and complete the report; `failed` if an exception ends the context."""
        parameters: Named = {}
        buffers: Named = {}
        names: dict[int, str] = {}
        calls: dict[str, list[str]] = {}
        try:
            roots = constructed.roots()
            parameters, buffers = named_parameters(roots), named_buffers(roots)
            for name, tensor in {**parameters, **buffers}.items():
                names.setdefault(storage_of(tensor), name)
            names.pop(0, None)
            calls = self._settle(names)
        except Exception:
            if not failed:
                raise  # a model whose construction failed may have no names
        finally:  # leave no tensor without values
            self._tape.forget_orphans()
            self._reason = "of no parameter"
            self._tape.settle_all()
        self._moved()
        rows = self._rows(parameters, names, calls)
        drawn = self._drawn.named.keys() | calls.keys()
        left = [n for n, buffer in buffers.items() if names.get(storage_of(buffer)) not in drawn]
        report.complete([*rows, *self._drawn.rows], left, self.missed)

    def _settle(self, names: dict[int, str]) -> dict[str, list[str]]:
        """Make the values of named memory; return the names of the calls after its draws."""
        calls: dict[str, list[str]] = {}
        found = {pending.key: pending for pending in self._tape}
        for key, name in names.items():
            if key in found:
                calls[name] = list(found[key].calls)
        for key, name in names.items():
            if key in found:
                self._tape.settle(found[key], name, names)
        return calls

    def _rows(
        self, parameters: Named, names: dict[int, str], calls: dict[str, list[str]]
    ) -> Iterator[TensorRow]:
        for name, tensor in parameters.items():
            seen = Seen(ref(tensor), version(tensor))
            shape = None if is_lazy(tensor) else tuple(tensor.shape)
            owner = names.get(storage_of(tensor), name)
            part, after = self._drawn.named.get(owner), calls.get(owner, [])
            if owner != name:
                note = f"shares the memory of {owner}"
                yield TensorRow(seen, name, note, shape, is_tied=True)
            elif shape is not None and not has_values(tensor):
                yield TensorRow(seen, name, "on the meta device, untouched", shape)
            elif shape is None or owner not in calls:
                label, early = self._drawn.early_in(tensor) or ("", None)
                yield TensorRow(seen, name, f"from {label}" if early else "", shape, early)
            else:
                count = self._drawn.times.get(owner, 0)
                notes = [f"{count} draws"] if count > 1 else []
                notes += [f"then {', '.join(after)}"] if after and part else []
                notes += [f"by {', '.join(after)}"] if after and not part else []
                law, scale = (part.law, part.scale) if part else (None, None)
                yield TensorRow(seen, name, "; ".join(notes), shape, _Part(shape, law, scale))


class _Part(NamedTuple):
    """The values of a parameter, for the row of a report."""

    shape: tuple[int, ...]
    law: str | None
    scale: float | None
    axis: int | None = None
    first: int = 0
    length: int = 0

    def row(self, name: str, note: str) -> Row:
        return Row(name, self.shape, scheme=self.law, scale=self.scale, note=note)


class _Drawn(NamedTuple):
    """The number of draws of each name, and the rows of draws without a name.

    early has the last draw without a name into memory, by its address, while that is in use.
    """

    named: dict[str, _Part]
    times: dict[str, int]
    rows: list[TensorRow]
    early: dict[int, tuple[StorageWeakRef, str, _Part]]

    def early_in(self, tensor: torch.Tensor) -> tuple[str, _Part] | None:
        """Return the label and the values of a tensor's last draw without a name, if any."""
        found = self.early.get(storage_of(tensor))
        return None if found is None or found[0].expired() else found[1:]

    def label(self, name: str) -> str:
        """Return the name of the stream of the next draw for a name, or for none."""
        number = self.times.get(name, 0)
        self.times[name] = number + 1
        return f"{name}/{number}" if number or not name else name


_NOTHING = Seen(lambda: None, None)


def _state() -> bytes:
    """Return the state of torch's generator of the CPU; b"" if a trace hides its values."""
    try:
        return bytes(torch.default_generator.get_state().numpy())
    except RuntimeError:
        return b""


def _draws_elsewhere(result: Any, keywords: dict[str, Any]) -> bool:
    """Return whether a random call uses a generator other than torch's of the CPU."""
    device = result.device.type if isinstance(result, torch.Tensor) else "cpu"
    return keywords.get("generator") is not None or device not in ("cpu", "meta")
