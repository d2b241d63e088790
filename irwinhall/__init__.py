"""Reproducible initial weights of neural networks, and exact distributions of uniform sums."""

from __future__ import annotations

from importlib.util import find_spec as _find_spec

from irwinhall._version import __version__

if _find_spec("irwinhall._core") is None:  # found, not imported
    raise ImportError(
        f"irwinhall is not built: {__path__[0]} has no compiled modules. In a checkout run "
        "`pip install -e .`; to use an installed irwinhall, leave the checkout's folder"
    )

TYPE_CHECKING = False  # true to type checkers; `typing` is slower to load than all that is below
if TYPE_CHECKING:
    from typing import Any

    from irwinhall import (
        approximations,
        compare,
        distribution,
        exact,
        executors,
        flow,
        gains,
        layouts,
        lsuv,
        montecarlo,
        recipes,
        sampling,
        schemes,
        stats,
        stream,
        tables,
        weightfile,
    )
    from irwinhall._core import (
        PreservedMagnitude,
        expected_magnitude,
        letkeman_bound,
        preserved_magnitude,
    )
    from irwinhall.approximations import _certification as certification
    from irwinhall.distribution import expected_magnitude_of
    from irwinhall.gains import gain
    from irwinhall.layouts import Fans, fans
    from irwinhall.sampling import sample_weights
    from irwinhall.stream import Stream, kernels
    from irwinhall.tables import article, plots
    from irwinhall.weightfile import save_weights

__all__ = [
    "Fans",
    "PreservedMagnitude",
    "Stream",
    "__version__",
    "approximations",
    "article",
    "certification",
    "compare",
    "distribution",
    "exact",
    "executors",
    "expected_magnitude",
    "expected_magnitude_of",
    "fans",
    "flow",
    "gain",
    "gains",
    "get_include",
    "kernels",
    "layouts",
    "letkeman_bound",
    "lsuv",
    "montecarlo",
    "plots",
    "preserved_magnitude",
    "recipes",
    "sample_weights",
    "sampling",
    "save_weights",
    "schemes",
    "stats",
    "stream",
    "tables",
    "weightfile",
]

# Public modules and where they are, loaded on first use: importing the package imports nothing, so
# that the command line can answer Ctrl-C while NumPy loads. The adapters need their frameworks, and
# are not in __all__, which a star import would load.
_SUBMODULES = {
    "article": "tables.article",
    "certification": "approximations._certification",
    "plots": "tables.plots",
    "approximations": "approximations",
    "compare": "compare",
    "distribution": "distribution",
    "exact": "exact",
    "executors": "executors",
    "flow": "flow",
    "gains": "gains",
    "layouts": "layouts",
    "lsuv": "lsuv",
    "montecarlo": "montecarlo",
    "recipes": "recipes",
    "sampling": "sampling",
    "schemes": "schemes",
    "stats": "stats",
    "stream": "stream",
    "tables": "tables",
    "weightfile": "weightfile",
    "dask": "dask",
    "jax": "jax",
    "keras": "keras",
    "torch": "torch",
}
_MODULE_OF = {
    "Fans": "layouts",
    "PreservedMagnitude": "_core",
    "Stream": "stream",
    "expected_magnitude": "_core",
    "expected_magnitude_of": "distribution",
    "fans": "layouts",
    "gain": "gains",
    "kernels": "stream",
    "letkeman_bound": "_core",
    "preserved_magnitude": "_core",
    "sample_weights": "sampling",
    "save_weights": "weightfile",
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
        value: Any = import_module(f"irwinhall.{_SUBMODULES[name]}")
    elif name in _MODULE_OF:
        value = getattr(import_module(f"irwinhall.{_MODULE_OF[name]}"), name)
    else:
        raise AttributeError(f"module 'irwinhall' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
