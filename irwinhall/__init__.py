"""Exact expected magnitudes of uniform sums, and Letkeman weight bounds, in nanoseconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from irwinhall._core import (
    PreservedMagnitude,
    expected_magnitude,
    letkeman_bound,
    preserved_magnitude,
)
from irwinhall._version import __version__

from irwinhall.layouts import Fans, fans

if TYPE_CHECKING:
    from irwinhall import (
        approximations,
        article,
        certification,
        distribution,
        exact,
        executors,
        gains,
        layouts,
        lsuv,
        montecarlo,
        sampling,
        schemes,
        stats,
        tables,
    )
    from irwinhall.distribution import expected_magnitude_of
    from irwinhall.gains import gain
    from irwinhall.sampling import sample_weights
    from irwinhall.stream import Stream, kernels

__all__ = [
    "Fans",
    "PreservedMagnitude",
    "Stream",
    "__version__",
    "approximations",
    "article",
    "certification",
    "distribution",
    "exact",
    "executors",
    "expected_magnitude",
    "expected_magnitude_of",
    "fans",
    "gain",
    "gains",
    "get_include",
    "kernels",
    "layouts",
    "letkeman_bound",
    "lsuv",
    "montecarlo",
    "preserved_magnitude",
    "sample_weights",
    "sampling",
    "schemes",
    "stats",
    "tables",
]

# Loaded on first use, so that importing the package imports NumPy and nothing heavier. The last row
# needs the frameworks, and is not in __all__, which a star import would load.
_SUBMODULES = frozenset(
    {
        *("approximations", "article", "certification", "distribution", "exact", "executors"),
        *("gains", "layouts", "lsuv", "montecarlo", "sampling", "schemes", "stats", "stream"),
        "tables",
        *("dask", "jax", "keras", "torch"),
    }
)
_MODULE_OF = {
    "Stream": "stream",
    "expected_magnitude_of": "distribution",
    "gain": "gains",
    "kernels": "stream",
    "sample_weights": "sampling",
}


def get_include() -> str:
    """Return the directory that holds irwinhall.h, for compiling against the C interface.

    Returns
    -------
    str

    Examples
    --------
    >>> import irwinhall, os
    >>> os.listdir(irwinhall.get_include()).count("irwinhall.h")
    1
    """
    from pathlib import Path

    package = Path(__file__).resolve().parent
    installed = package / "include"
    return str(installed if installed.is_dir() else package.parent / "src_c")


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _SUBMODULES:
        return import_module(f"irwinhall.{name}")
    if name in _MODULE_OF:
        value = globals()[name] = getattr(import_module(f"irwinhall.{_MODULE_OF[name]}"), name)
        return value
    raise AttributeError(f"module 'irwinhall' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
