"""The values of each parameter of a PyTorch model, and which tensors can be filled."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch.nn.parameter import is_lazy

from irwinhall._models.decisions import Decider
from irwinhall.layouts import Fans
from irwinhall.sampling import Sampler
from irwinhall.torch._fill import DTYPE_CODES, Direct, check_memory, is_kept
from irwinhall.torch._layers import fans_beside
from irwinhall.torch._shards import is_distributed, local_pieces

__all__ = ["TensorDecider"]


class TensorDecider(Decider):
    """Decides the values of a tensor."""

    codes = DTYPE_CODES

    def reason_to_skip(self, tensor: Any) -> str:
        """Return why a parameter cannot be filled, whatever its role; "" if it can."""
        if is_lazy(tensor):
            return "uninitialized: run the model on a batch first"
        if tensor.dtype not in DTYPE_CODES:
            return f"{tensor.dtype} is not a type that can be filled"
        if not tensor.is_nested and tensor.numel() == 0:
            return "no elements"
        return "loaded by transformers" if is_kept(tensor) else ""

    def check(self, tensor: Any) -> None:
        """Raise an error for a tensor that should be filled, whole or in parts, and cannot be."""
        check_memory(tensor)
        if is_distributed(tensor):
            local_pieces(tensor)

    def shape(self, tensor: Any) -> tuple[int, ...] | None:
        """Return the shape of a tensor, if it has one yet."""
        return None if is_lazy(tensor) or tensor.is_nested else tuple(tensor.shape)

    def direct(self, dtype: torch.dtype) -> Callable[[Sampler], Any]:
        """Return the values of a tensor that is ready, for one call."""
        return partial(Direct.of, dtype=dtype)

    def fans_beside(self, place: Any) -> Fans | None:
        """Return the fans of the weight that belongs to a bias; None if there is none."""
        return fans_beside(place.layer, place.attribute)
