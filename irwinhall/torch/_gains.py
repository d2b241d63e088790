"""Gains of activations that take tensors, such as torch's own functions and modules."""

from __future__ import annotations

from typing import Any

import torch

from irwinhall.schemes import Gain

__all__ = ["array_gain"]


def array_gain(gain: Gain) -> Gain:
    """Return a gain for `irwinhall.gain`, whose activations take arrays."""
    if not callable(gain):
        return gain

    def activation(z: Any) -> Any:
        try:
            return gain(z)
        except (TypeError, AttributeError):  # from torch's functions, or methods of tensors
            with torch.no_grad():
                values = gain(torch.from_numpy(z))
            return values.numpy()  # type: ignore[union-attr]

    return activation
