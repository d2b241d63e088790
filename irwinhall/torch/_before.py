"""The values of parameters before they were written, which a model may have set on purpose.

Examples are the bias of a gate, the scale of a branch's last norm and a weight of zeros. The report
then says which value was overwritten, and which line of a plan keeps it. Just before writing, copy
a parameter that becomes a constant, and a few elements of a weight, which costs little. The copies
are examined when the report is read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from irwinhall._core import sample_memory
from irwinhall._models.decisions import Values
from irwinhall._models.roles import ConstantRole, WeightRole
from irwinhall.schemes import statistics
from irwinhall.torch._fill import DTYPE_CODES, has_values, is_unwrapped

__all__ = ["Before"]

# Number of elements of a weight that are kept; fewer than the least do not determine its scale.
_SAMPLE = 64
_LEAST = 32
_ALL = 2**62
# Values beyond these are garbage in memory that to_empty has just made.
_PLAUSIBLE = 1e-10, 1e6
# Factors beyond which a scale differs: from that of torch's own initialization; and, for the change
# from the old scale to the new, from that of the other weights. Sampling errors are smaller.
_UNLIKE_START = 2.0
_UNLIKE_OTHERS = 6.0
DTYPE_OF = {code: dtype for dtype, code in DTYPE_CODES.items()}


class Before:
    """The values of parameters before they were written: all of a constant, a sample of a weight.

    Nothing is kept of DTensors and other subclasses. If fewer than a quarter of the weights held
    more than zeros or garbage, the model was not initialized, and there are no notes.
    """

    def __init__(self) -> None:
        self._kept: dict[int, Any] = {}

    def keep(self, number: int, tensor: Any, values: Values) -> None:
        """Copy the values of a parameter that is about to be written."""
        direct = values.direct
        most = _ALL if isinstance(values.usual, ConstantRole) else _SAMPLE
        if direct is not None:  # contiguous, in main memory
            self._kept[number] = sample_memory(tensor.data_ptr(), tensor.nbytes, direct.code, most)
        elif is_unwrapped(tensor) and has_values(tensor):
            self._kept[number] = _sample(tensor.detach(), most)

    def notes(self, names: Sequence[str], planned: Sequence[Values]) -> dict[str, str]:
        """Return notes on the parameters that had special values, by their names."""
        kept = {number: _array(each, planned[number]) for number, each in self._kept.items()}
        weights = {
            n: was for n, was in kept.items() if not isinstance(planned[n].usual, ConstantRole)
        }
        initialized = sum(bool(was.any()) and _is_set(was) for was in weights.values())
        if 4 * initialized < len(weights):
            return {}
        shapes = {name: values.shape for name, values in zip(names, planned, strict=True)}
        usual = {n: was for n, was in weights.items() if planned[n].usual is not None}
        found = {n: _weight_was(was, planned[n]) for n, was in usual.items()}
        found.update(_scales(usual, planned, found))
        for number, was in kept.items():
            role = planned[number].usual
            if isinstance(role, ConstantRole):
                weight = shapes.get(f"{names[number].removesuffix('bias')}weight")
                found[number] = _constant_was(was, role, weight)
        return {
            names[number]: f"{was}, kept by plan={{{names[number]!r}: 'leave'}}"
            for number, was in found.items()
            if was and _is_set(kept[number])
        }


def _sample(tensor: Any, most: int) -> Any:
    """Return elements as `sample_memory` does, of a tensor that no kernel can read."""
    if tensor.numel() <= most:
        return tensor.reshape(-1).cpu().clone()
    places = np.arange(most) * 0.6180339887498949 % 1.0 * tensor.numel()
    where = np.unravel_index(places.astype(np.int64), tuple(tensor.shape))
    found = tensor[tuple(torch.from_numpy(along).to(tensor.device) for along in where)].cpu()
    first = found[0]
    if bool((found == first).all()) and bool((tensor == first.to(tensor.device)).all()):
        return found[:1]
    return found


def _array(kept: Any, values: Values) -> NDArray[np.float64]:
    if values.direct is not None:
        kept = torch.frombuffer(bytearray(kept), dtype=DTYPE_OF[values.direct.code])
    array: NDArray[np.float64] = kept.double().numpy()
    return array


def _is_set(values: NDArray[np.float64]) -> bool:
    """Return whether values may have been set, rather than being uninitialized memory."""
    magnitudes = np.abs(values[values != 0.0])
    least, most = _PLAUSIBLE
    return bool(((magnitudes >= least) & (magnitudes <= most)).all())


def _constant_was(
    was: NDArray[np.float64], role: ConstantRole, weight: tuple[int, ...] | None
) -> str:
    """Return the values that a constant replaced; "" if they are torch's own initialization.

    `weight` is the shape of the weight of the same layer, if there is one.
    """
    bound = role.bound
    if bound is None:
        inputs = math.prod(weight[1:]) if weight else 0
        bound = 1.0 / math.sqrt(inputs) if inputs else math.inf
    low, high = float(was.min()), float(was.max())
    furthest = max(high - role.value, role.value - low)
    same = low == high != role.value and len(was) > 1 and bound > 0.0
    if same or furthest > 1.01 * bound + 0.01 * abs(role.value):  # 16 bits are rounded
        return f"was {low:.4g}" if low == high else f"was {low:.4g} to {high:.4g}"
    return ""


def _weight_was(was: NDArray[np.float64], values: Values) -> str:
    """Return the value that all or most elements of a weight had; "" if there was none."""
    role, shape, (_, scheme, _, scale) = values.usual, values.shape, values.parts[0].sampler
    assert isinstance(role, WeightRole)
    assert shape is not None
    value = np.sort(was)[len(was) // 2]
    times = int(np.count_nonzero(was == value))
    if 4 * times <= 3 * len(was):
        return ""
    count = math.prod(shape)
    padding = any(4 * len(role.zeros) > shape[axis] for axis, _ in role.zeros)
    same = scale == value and (scheme.is_constant or scale == 0.0)
    if count < 2 or padding or same:
        return ""
    if times == len(was) and len(was) in (1, count):
        return f"was {value:.4g}"
    is_sparse = scheme.law in ("identity", "delta_orthogonal")  # and so may it have been
    return "" if is_sparse else f"was mostly {value:.4g}"


def _scales(
    weights: Mapping[int, NDArray[np.float64]], planned: Sequence[Values], found: Mapping[int, str]
) -> dict[int, str]:
    """Return the old scales of weights whose scales change unlike those of the other weights.

    If they are not torch's own, the model's code has chosen them for the layer's purpose, which its
    type does not show.
    """
    stds: dict[int, float] = {}
    changes: dict[int, float] = {}
    alike: dict[int, float] = {}  # parameters share their values
    for number, was in weights.items():
        if found[number] or len(was) < _LEAST or not was.any() or not _is_set(was):
            continue
        values = planned[number]
        now = alike.get(id(values))
        if now is None:
            now = alike[id(values)] = _std(values)
        if now > 0.0:
            stds[number] = math.sqrt(float(np.square(was).mean()))
            changes[number] = now / stds[number]
    if not changes:
        return {}
    typical = median(changes.values())
    return {
        number: f"std was {std:.2g}"
        for number, std in stds.items()
        if _differ(changes[number], typical, _UNLIKE_OTHERS)
        and _differ(std, _start(planned[number]), _UNLIKE_START)
    }


def _differ(one: float, other: float, times: float) -> bool:
    return not other <= times * one <= times * times * other


def _std(values: Values) -> float:
    """Return the standard deviation of the new values of a weight."""
    weight, scheme, gain, _ = values.parts[0].sampler
    fans = weight.fans if scheme.reads_axes else (1, 1)
    return statistics(scheme, *fans, gain=gain).std


def _start(values: Values) -> float:
    """Return the standard deviation of torch's own initialization of a weight."""
    role, shape = values.usual, values.shape
    assert isinstance(role, WeightRole)
    assert shape is not None
    return role.start or 1.0 / math.sqrt(3.0 * math.prod(shape[1:]))
