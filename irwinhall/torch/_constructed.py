"""The modules that a thread constructs within a context, and the names of their tensors."""

from __future__ import annotations

import gc
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Any
from weakref import ref

from torch import nn
from torch.nn.modules import module as hooks

from irwinhall.torch._layers import joined, modules, parameters

__all__ = ["Constructed", "Named", "named_buffers", "named_parameters"]

Named = dict[str, Any]


class Constructed:
    """A context that records the modules to which its thread adds parameters, buffers or children.

    `given` is a model that was made before and provides names, too.
    """

    def __init__(self, given: nn.Module | None = None) -> None:
        self._given = given
        self._found: dict[int, ref[nn.Module]] = {}  # some modules cannot be hashed

    def __enter__(self) -> Constructed:
        thread = threading.get_ident()

        def see(module: nn.Module, name: str, value: object) -> None:
            if threading.get_ident() == thread:
                key = id(module)
                known = self._found.get(key)
                if known is None or known() is not module:  # a deleted one had its id
                    self._found.pop(key, None)
                    self._found[key] = ref(module)

        self._hooks = [
            hooks.register_module_parameter_registration_hook(see),
            hooks.register_module_buffer_registration_hook(see),
            hooks.register_module_module_registration_hook(see),
        ]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for hook in self._hooks:
            hook.remove()

    def roots(self) -> list[nn.Module]:
        """Return the recorded modules that are in no other, in the order of construction."""
        if self._given is not None:
            return [self._given]
        found = self._outermost()
        if len(found) > 1:  # garbage is no model, collected or not
            del found
            gc.collect()
            found = self._outermost()
        return found

    def _outermost(self) -> list[nn.Module]:
        found = [module for each in self._found.values() if (module := each()) is not None]
        inner = {id(child) for module in found for child in module._modules.values()}
        return [module for module in found if id(module) not in inner]


def named_parameters(roots: Sequence[nn.Module]) -> Named:
    """Return the parameters of models by name, preceded by the model's number if several."""
    return {
        joined(prefix, site.name): site.tensor
        for prefix, root in _prefixed(roots)
        for site in parameters(root)
    }


def named_buffers(roots: Sequence[nn.Module]) -> Named:
    """Return the buffers of models by name, preceded by the model's number if several."""
    return {
        joined(joined(prefix, path), name): buffer
        for prefix, root in _prefixed(roots)
        for path, module in modules(root)
        for name, buffer in module._buffers.items()
        if buffer is not None
    }


def _prefixed(roots: Sequence[nn.Module]) -> list[tuple[str, nn.Module]]:
    if len(roots) == 1:
        return [("", roots[0])]
    return [(str(number), root) for number, root in enumerate(roots)]
