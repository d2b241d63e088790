"""Memory of tensors whose values are made later, once the names of parameters are known.

Each storage that a random call would have filled has a list of steps: draws, and the operations of
torch that came after them. They run in order when the memory is settled: at the end, or before
anything else can read the values. Only `settle` gets names; nothing here knows modules.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from types import GetSetDescriptorType
from typing import Any, NamedTuple

import torch
from torch._C._functorch import (
    get_unwrapped,
    is_functorch_wrapped_tensor,
    peek_interpreter_stack,
)
from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack

from irwinhall.torch._draws import Draw
from irwinhall.torch._fill import check_tensor, has_values, is_kept, is_unwrapped
from irwinhall.torch._shards import is_distributed
from irwinhall.torch._sharing import held, storage_of

__all__ = ["Pending", "Step", "Tape"]


class Step(NamedTuple):
    """A draw into a tensor, or a call that makes or changes its values.

    `reads` is the other memory that the call reads, `holds` the tensors in its arguments.
    """

    tensor: torch.Tensor
    draw: Draw | None
    call: Callable[[], object] | None
    reads: tuple[Pending, ...] = ()
    holds: tuple[torch.Tensor, ...] = ()


class Pending:
    """The steps that make the values of a storage, whose address is its key.

    `calls` are the names of the steps other than draws. `readers` have steps that read it.
    """

    __slots__ = ("calls", "key", "readers", "steps")

    def __init__(self, key: int) -> None:
        self.key = key
        self.steps: list[Step] = []
        self.calls: list[str] = []
        self.readers: list[Pending] = []

    def clear(self) -> None:
        """Forget all steps."""
        self.steps.clear()
        self.calls.clear()


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Functions that read no values. Attributes are recognized by their type.
_METADATA = _names("""
    __hash__ __len__ _has_compatible_shallow_copy_type _is_view dim element_size empty_like
    get_device has_names is_complex is_conj is_contiguous is_floating_point is_inference is_neg
    is_same_size is_set_to is_signed ndimension nelement new_empty new_ones new_zeros numel
    ones_like register_hook register_post_accumulate_grad_hook requires_grad_ retain_grad size
    storage_offset stride zeros_like
""")
# Functions that read no values of their first argument.
_LIKE = _names("full_like new_full")
# Functions that run hooks and other functions of the user, whose calls are not seen.
_CALLS_BACK = _names("apply_ backward grad map2_ map_")
# Functions that may return a view.
_VIEWS = _names("""
    __getitem__ as_strided chunk detach diagonal expand movedim narrow permute select split
    split_with_sizes squeeze swapaxes swapdims t tensor_split transpose unbind unflatten unfold
    unsqueeze view
""")
# Functions that return a view, or a new tensor that depends on their arguments alone.
_PURE = _names("""
    __add__ __mul__ __neg__ __pow__ __radd__ __rdiv__ __rmul__ __rpow__ __rsub__ __rtruediv__
    __sub__ __truediv__ _weight_norm abs add bfloat16 cat ceil clamp clamp_max clamp_min clip clone
    concat concatenate contiguous cos div double erf erfinv exp expm1 flatten float floor half log
    log10 log1p log2 maximum minimum mul multiply neg negative norm_except_dim pow ravel reciprocal
    repeat reshape rsqrt rsub sigmoid sin softplus sqrt square stack sub subtract tanh tile to tril
    triu true_divide
""")
# Functions that change their first argument.
_IN_PLACE = _names("""
    __setitem__ abs_ add_ ceil_ clamp_ clamp_max_ clamp_min_ clip_ copy_ cos_ div_ erf_ erfinv_ exp_
    expm1_ fill_ floor_ log10_ log1p_ log2_ log_ mul_ multiply_ neg_ pow_ reciprocal_ round_ rsqrt_
    sigmoid_ sin_ sqrt_ square_ sub_ subtract_ tanh_ tril_ triu_ true_divide_ zero_
""")
_OVERWRITES = _names("copy_ fill_ zero_")
# Number of pending bytes above which to look for those that are no longer needed.
_ROOM = 2**26


class Tape:
    """All pending memory.

    draw(step, name) makes a draw. early(why) is called before draws without a name, with the call
    that needs them.
    """

    def __init__(self, draw: Callable[[Step, str], None], early: Callable[[str], None]) -> None:
        self._draw = draw
        self._early = early
        self._pending: dict[int, Pending] = {}
        self._room = _ROOM

    def __iter__(self) -> Iterator[Pending]:
        return iter(list(self._pending.values()))

    def find(self, tensor: Any) -> Pending | None:
        """Return the pending memory of a tensor, if it is pending."""
        if not self._pending:
            return None
        while is_functorch_wrapped_tensor(tensor):
            tensor = get_unwrapped(tensor)
        return self._pending.get(storage_of(tensor))

    def settle(self, pending: Pending, name: str, names: Mapping[int, str]) -> list[Pending]:
        """Make the values of memory, by its name, after those that they depend on.

        Return all memory whose values were made.
        """
        if self._pending.pop(pending.key, None) is None:
            return []
        made = [pending]
        for step in pending.steps:
            for source in step.reads:
                made += self.settle(source, names.get(source.key, name), names)
            with torch.no_grad(), torch.inference_mode(step.tensor.is_inference()):
                if step.draw is not None:
                    self._draw(step, name)
                else:
                    assert step.call is not None
                    step.call()
        pending.clear()
        return made

    def settle_all(self) -> None:
        """Make all values, without names; if some fail, make the others."""
        errors = []
        for pending in self:
            try:
                self.settle(pending, "", {})
            except Exception as error:
                errors.append(error)
        if errors:
            raise errors[0]

    def forget(self, pending: Pending) -> None:
        """Leave memory as it is, since nothing can read it."""
        self._pending.pop(pending.key, None)
        pending.clear()

    def settle_early(self, pending: Pending, why: str) -> None:
        """Make the values of memory that are needed before its name is known.

        Also make those that depend on them, which must not see the memory change later.
        """
        if self._pending.get(pending.key) is not pending:
            return
        self._early(why)
        with temporarily_clear_interpreter_stack() if _is_transformed() else nullcontext():
            for made in self.settle(pending, "", {}):
                for reader in self._readers(made):
                    self.settle_early(reader, why)

    # ---- draws -----------------------------------------------------------------------------------

    def add_draw(self, tensor: torch.Tensor, draw: Draw) -> bool:
        """Record a draw; return whether it can be ours."""
        recorded = torch.is_grad_enabled() and tensor.requires_grad
        if recorded or is_kept(tensor) or _is_transformed():  # torch raises, or records it
            return False
        try:
            check_tensor(tensor)
            draw.check(tensor)
        except (TypeError, ValueError, RuntimeError):
            return False
        if not has_values(tensor) or tensor.numel() == 0:
            return True
        if not _is_memory(tensor):
            return False
        alias = tensor.detach()
        pending = self._written(tensor, whole=_is_whole(alias))
        pending.steps.append(Step(alias, draw, None))
        for method, arguments in draw.afterwards:
            self._add(pending, Step(alias, None, partial(method, alias, *arguments)), method)
        if not _is_own(alias):
            self.settle_early(pending, "memory that NumPy or another process may read")
        return True

    # ---- other calls -----------------------------------------------------------------------------

    def call(self, func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Call a function of torch now or later, such that it reads the right values."""
        if not self._pending or _is_metadata(func):
            return func(*args, **kwargs)
        name = getattr(func, "__name__", "")
        tensors = list(_tensors((args, kwargs)))
        found = [self.find(tensor) for tensor in tensors]
        if name in _LIKE and args and args[0] is tensors[0]:
            del found[0]
        sources = tuple(dict.fromkeys(each for each in found if each is not None))
        out = kwargs.get("out")
        if name in _CALLS_BACK:
            sources = tuple(self)
        elif not sources:
            return func(*args, **kwargs)
        elif isinstance(out, torch.Tensor):
            own = self.find(out)
            if sources == (own,) and found.count(own) == 1 and _is_whole(out):
                return self._overwrite(out, func, args, kwargs)
        elif out is None and not any(map(is_distributed, tensors)):
            recorded = torch.is_grad_enabled() and any(each.requires_grad for each in tensors)
            if name in _VIEWS and len(tensors) == 1:
                result = func(*args, **kwargs)
                if all(self.find(each) is sources[0] for each in _tensors(result)):
                    return result
            if name in _PURE and None not in found and all(map(is_unwrapped, tensors)):
                shadow = _shadow(func, args, kwargs)
                if shadow is not None and shadow.is_view:
                    return func(*args, **kwargs)
                if shadow is not None and not recorded and not _is_transformed():
                    return self._make_later(shadow.tensor, func, args, kwargs, sources)
            if name in _IN_PLACE and not recorded and args and args[0] is tensors[0]:
                if name in _OVERWRITES and _is_whole(args[0]) and not any(found[1:]):
                    return self._overwrite(args[0], func, args, kwargs)
                if self._change_later(func, args, kwargs, found[1:]):
                    return args[0]
        for source in sources:
            self.settle_early(source, name)
        return func(*args, **kwargs)

    def _make_later(
        self,
        shadow: torch.Tensor,
        func: Any,
        args: Sequence[Any],
        kwargs: dict[str, Any],
        sources: tuple[Pending, ...],
    ) -> torch.Tensor:
        """Return the tensor that a call would make; its values come later."""
        device = next(_tensors((args, kwargs))).device
        made = torch.empty_strided(shadow.shape, shadow.stride(), dtype=shadow.dtype, device=device)
        if made.numel() > 0:
            alias = made.detach()
            args, kwargs = _mapped((args, kwargs), torch.Tensor.detach)
            call = partial(_copy_result, alias, func, args, kwargs)
            holds = tuple(_tensors((args, kwargs)))
            self._add(
                self._written(made, whole=True), Step(alias, None, call, sources, holds), func
            )
        return made

    def _overwrite(
        self, target: torch.Tensor, func: Any, args: Sequence[Any], kwargs: dict[str, Any]
    ) -> Any:
        """Make a call that writes all of a tensor; the old values are lost unless it fails."""
        pending = self._written(target, whole=False)
        result = func(*args, **kwargs)
        self.forget(pending)
        return result

    def _change_later(
        self,
        func: Any,
        args: Sequence[Any],
        kwargs: dict[str, Any],
        others: Sequence[Pending | None],
    ) -> bool:
        """Record a call that changes its first argument; return whether it can be made later.

        `others` is the pending memory of its other tensors, None for each that has none.
        """
        target, own = args[0], self.find(args[0])
        if None in others or own in others or (own is not None and self._readers(own)):
            return False  # it reads memory that may change, or changes memory that is read
        if not (_is_memory(target) and _is_own(target)) or _is_transformed():
            return False
        if not _can_be_called(func, args, kwargs):
            return False  # torch raises now
        whole = func.__name__ in _OVERWRITES and _is_whole(target)
        pending = self._written(target, whole=whole)
        args, kwargs = _mapped((args, kwargs), torch.Tensor.detach)
        sources = tuple(dict.fromkeys(each for each in others if each))
        holds = tuple(_tensors((args, kwargs)))
        self._add(
            pending, Step(holds[0], None, partial(func, *args, **kwargs), sources, holds), func
        )
        return True

    def _add(self, pending: Pending, step: Step, func: Any) -> None:
        pending.steps.append(step)
        pending.calls.append(func.__name__)
        for source in step.reads:
            source.readers.append(pending)

    # ---- memory ----------------------------------------------------------------------------------

    def _written(self, tensor: torch.Tensor, *, whole: bool) -> Pending:
        """Return the pending memory of a tensor that is about to be written, ready for writing."""
        pending = self.find(tensor)
        if pending is not None:
            for reader in self._readers(pending):
                self.settle_early(reader, "a change of values that it depends on")
            pending = self.find(tensor)
        if pending is None:
            self._make_room(held(tensor).untyped_storage().nbytes())
            key = storage_of(tensor)
            pending = self._pending[key] = Pending(key)
        elif whole:
            pending.clear()
        return pending

    def _readers(self, pending: Pending) -> list[Pending]:
        """Return the memory whose values still depend on this."""
        pending.readers = [
            each
            for each in dict.fromkeys(pending.readers)
            if self._pending.get(each.key) is each
            and any(pending in step.reads for step in each.steps)
        ]
        return pending.readers

    def _make_room(self, size: int) -> None:
        """Forget memory that nothing can read, each time that twice as much is pending."""
        self._room -= size
        if self._room < 0:
            self.forget_orphans()
            tensors = (held(pending.steps[0].tensor) for pending in self)
            self._room = max(_ROOM, sum(each.untyped_storage().nbytes() for each in tensors))

    def forget_orphans(self) -> None:
        """Forget memory that nothing else refers to, and so nothing can read."""
        use_count = getattr(torch._C, "_storage_Use_Count", None)
        if use_count is None:
            return
        orphans: dict[int, Pending] = {}
        # The tensors in the steps of orphans, by the memory that they refer to.
        held_by: dict[int, dict[int, torch.Tensor]] = defaultdict(dict)
        for pending in reversed(self._pending.values()):  # each depends on those before it
            if all(reader.key in orphans for reader in self._readers(pending)):
                steps = [each for step in pending.steps for each in (step.tensor, *step.holds)]
                own = {id(each): each for each in steps if storage_of(each) == pending.key}
                own.update(held_by[pending.key])
                storage = held(next(iter(own.values()))).untyped_storage()
                if use_count(storage._cdata) <= len(own) + 1:  # 1 for `storage` itself
                    orphans[pending.key] = pending
                    for each in steps:
                        held_by[storage_of(each)][id(each)] = each
        for pending in orphans.values():
            self.forget(pending)


# ---- calls ---------------------------------------------------------------------------------------


class _Shadow(NamedTuple):
    tensor: torch.Tensor
    is_view: bool


def _shadow(func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> _Shadow | None:
    """Return the result of a call on the meta device; None if it is not a tensor there."""
    shadows, made = _on_meta(func, args, kwargs)
    if not isinstance(made, torch.Tensor) or not made.is_meta:
        return None
    return _Shadow(made, any(each is made or each is made._base for each in shadows))


def _can_be_called(func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> bool:
    """Return whether torch makes a call, as far as that can be known without values."""
    _, made = _on_meta(func, args, kwargs)
    return made is not _FAILED


_FAILED = object()


def _on_meta(
    func: Any, args: Sequence[Any], kwargs: dict[str, Any]
) -> tuple[list[torch.Tensor], Any]:
    """Return tensors on the meta device, like those in arguments, and the result of a call."""
    shadows: list[torch.Tensor] = []

    def shadow(tensor: torch.Tensor) -> torch.Tensor:
        made = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="meta")
        shadows.append(made)
        return made

    devices = {tensor.device for tensor in _tensors((args, kwargs))}
    if len(devices) > 1:
        return shadows, _FAILED
    args, kwargs = _mapped((args, kwargs), shadow)
    if func.__name__ == "to":  # stays on its device
        args = tuple("meta" if _is_one_of(devices, each) else each for each in args)
        kwargs = {k: "meta" if _is_one_of(devices, each) else each for k, each in kwargs.items()}
    try:
        return shadows, func(*args, **kwargs)
    except (TypeError, ValueError, IndexError, RuntimeError):  # torch's own error is better
        return shadows, _FAILED


def _is_one_of(devices: set[torch.device], value: object) -> bool:
    return isinstance(value, (str, torch.device)) and torch.device(value) in devices


def _copy_result(
    tensor: torch.Tensor, func: Any, args: Sequence[Any], kwargs: dict[str, Any]
) -> None:
    tensor.copy_(func(*args, **kwargs))


def _is_metadata(func: Any) -> bool:
    """Return whether a function of torch reads no values."""
    name = getattr(func, "__name__", "")
    if name in ("__get__", "__set__"):
        return isinstance(getattr(func, "__self__", None), GetSetDescriptorType)
    return name in _METADATA


def _tensors(values: Any) -> Iterator[torch.Tensor]:
    """Yield the tensors in arguments, also in tuples, lists and mappings of them."""
    if isinstance(values, torch.Tensor):
        yield values
    elif isinstance(values, (tuple, list)):
        for each in values:
            yield from _tensors(each)
    elif isinstance(values, dict):
        yield from _tensors(list(values.values()))


def _mapped(values: Any, function: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """Return arguments with their tensors replaced."""
    if isinstance(values, torch.Tensor):
        return function(values)
    if type(values) in (tuple, list):
        return type(values)(_mapped(each, function) for each in values)
    if type(values) is dict:
        return {key: _mapped(each, function) for key, each in values.items()}
    return values


def _is_memory(tensor: torch.Tensor) -> bool:
    """Return whether a tensor has memory with an address of its own."""
    return storage_of(tensor) != 0


def _is_own(tensor: torch.Tensor) -> bool:
    """Return whether a tensor's memory is safe from unseen writes, such as by NumPy."""
    return bool(held(tensor).untyped_storage().resizable())


def _is_transformed() -> bool:
    """Return whether a transform of torch.func is running, which its tensors do not outlive."""
    return peek_interpreter_stack() is not None


def _is_whole(tensor: torch.Tensor) -> bool:
    """Return whether a tensor is all that its storage has, each element once."""
    local = held(tensor)
    whole: bool = local.is_contiguous() and local.nbytes == local.untyped_storage().nbytes()
    return whole
