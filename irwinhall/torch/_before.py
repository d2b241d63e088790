"""What parameters held before they were given a constant: a model may have set it on purpose.

Such as the bias of a gate, or the scale of a branch's last norm. The report then says what is gone,
and which line of a plan keeps it. All values are copied just before they are
overwritten, which costs little, and looked at when the report is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from ctypes import string_at
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from irwinhall.torch._decisions import Values
from irwinhall.torch._fill import DTYPE_CODES, Direct, has_values, is_unwrapped
from irwinhall.torch._layers import ConstantRole

__all__ = ["Before"]

# No one sets values beyond these: memory that to_empty has just made holds anything.
_PLAUSIBLE = 1e-6, 1e6
_WITNESSES = 16
DTYPE_OF = {code: dtype for dtype, code in DTYPE_CODES.items()}


class Before:
    """The values that parameters held before they were given constants by their roles.

    Of DTensors and other subclasses nothing is kept. Where the model's first and last weights
    were no more than memory, so was all else, and nothing is said.
    """

    def __init__(self, tensors: Sequence[Any], planned: Sequence[Values]) -> None:
        self._kept: dict[int, Any] = {}
        self._weights = _witnesses(tensors, planned)

    def keep(self, number: int, tensor: Any, direct: Direct | None) -> None:
        """Copy a parameter that is about to be written, and is therefore fetched anyway."""
        if direct is not None:  # contiguous, in main memory
            self._kept[number] = string_at(tensor.data_ptr(), tensor.nbytes)
        elif is_unwrapped(tensor) and has_values(tensor):
            self._kept[number] = tensor.detach().reshape(-1).cpu().clone()

    def notes(self, names: Sequence[str], planned: Sequence[Values]) -> dict[str, str]:
        """Return what to say of the parameters that held something special, by their names."""
        weights = [each.double().numpy() for each in self._weights]
        if weights and not any(each.any() and _is_set(each) for each in weights):
            return {}
        shapes = {name: values.shape for name, values in zip(names, planned, strict=True)}
        notes = {}
        for number, kept in self._kept.items():
            name, usual = names[number], planned[number].usual
            assert usual is not None
            direct = planned[number].direct
            if direct is not None:
                kept = torch.frombuffer(bytearray(kept), dtype=DTYPE_OF[direct.code])
            was = kept.double().numpy()
            low, high = float(was.min()), float(was.max())
            weight = shapes.get(f"{name.removesuffix('bias')}weight")
            if _is_special(low, high, len(was), usual, weight) and _is_set(was):
                span = f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
                notes[name] = f"was {span}, kept by plan={{{name!r}: 'leave'}}"
        return notes


def _witnesses(tensors: Sequence[Any], planned: Sequence[Values]) -> list[Any]:
    """Return some values of the first and the last weight that a kernel will write."""
    found = []
    for numbers in (range(len(planned)), reversed(range(len(planned)))):
        for number in numbers:
            direct = planned[number].direct
            if direct and direct.is_random:
                found.append(tensors[number].detach().view(-1)[:_WITNESSES].clone())
                break
    return found


def _is_set(values: NDArray[np.float64]) -> bool:
    """Return whether values may be ones that someone has set, and not just memory."""
    magnitudes = np.abs(values[values != 0.0])
    least, most = _PLAUSIBLE
    return bool(((magnitudes >= least) & (magnitudes <= most)).all())


def _is_special(
    low: float, high: float, count: int, usual: ConstantRole, weight: tuple[int, ...] | None
) -> bool:
    """Return whether values from low to high are none that torch's own layers start with."""
    bound = usual.bound
    if bound is None:
        inputs = math.prod(weight[1:]) if weight else 0
        bound = 1.0 / math.sqrt(inputs) if inputs else math.inf
    furthest = max(high - usual.value, usual.value - low)
    is_constant = low == high != usual.value and count > 1 and bound > 0.0
    return is_constant or furthest > 1.01 * bound + 0.01 * abs(usual.value)  # 16 bits are rounded
