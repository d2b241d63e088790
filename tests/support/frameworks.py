"""Optional frameworks in tests: a missing one is a visible skip, or an error where all must be."""

import ast
import os
from collections.abc import Iterator
from types import ModuleType

import pytest

# Keras reads it when it is first imported. Its own default is TensorFlow.
os.environ.setdefault("KERAS_BACKEND", "jax")

# These names of irwinhall.stats need a newer SciPy than the rest.
INFRASTRUCTURE = {"Bates", "IrwinHall", "UniformSum"}
INFRASTRUCTURE_NEEDS = "scipy>=1.16"

FRAMEWORKS = {"dask", "distributed", "equinox", "flax", "haiku", "jax", "keras", "torch", "zarr"}


def framework(name: str) -> ModuleType:
    """Import a framework, or skip the calling test module, saying what is missing.

    With IRWINHALL_REQUIRE_FRAMEWORKS set, a missing framework fails instead.
    """
    module, _, least = name.partition(">=")
    missing = f"{name} is not installed"
    try:
        return pytest.importorskip(module, least or None, reason=missing, exc_type=ImportError)
    except pytest.skip.Exception as skipped:
        if os.environ.get("IRWINHALL_REQUIRE_FRAMEWORKS"):
            raise ImportError(str(skipped)) from skipped
        raise


def imported(source: str) -> Iterator[str]:
    """Yield the frameworks that source code imports, by itself or by an adapter to one."""
    for node in ast.walk(ast.parse(source)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            if node.module == "irwinhall.stats" and INFRASTRUCTURE.intersection(
                alias.name for alias in node.names
            ):
                yield INFRASTRUCTURE_NEEDS
        for name in names:
            yield from FRAMEWORKS.intersection([name.removeprefix("irwinhall.").split(".")[0]])
