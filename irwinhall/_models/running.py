"""Run a model on a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["run"]


def run(model: Callable[..., Any], batch: Any) -> Any:
    """Return the output of a model for its argument, arguments or keyword arguments."""
    if isinstance(batch, Mapping):
        return model(**batch)
    if isinstance(batch, (tuple, list)):
        return model(*batch)
    return model(batch)
