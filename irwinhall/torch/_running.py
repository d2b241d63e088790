"""Run a model on a batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

__all__ = ["run"]


def run(module: nn.Module, batch: Any) -> Any:
    """Return the output of a model for its argument, arguments or keyword arguments."""
    if isinstance(batch, Mapping):
        return module(**batch)
    if isinstance(batch, (tuple, list)):
        return module(*batch)
    return module(batch)
