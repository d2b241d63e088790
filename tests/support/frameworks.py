"""Optional frameworks in tests: a missing one is a visible skip, or an error where all must be."""

import importlib
import os
from types import ModuleType

import pytest

# Keras reads it when it is first imported. Its own default is TensorFlow.
os.environ.setdefault("KERAS_BACKEND", "jax")


def framework(name: str) -> ModuleType:
    """Import a framework, or skip the calling test module, saying what is missing.

    With IRWINHALL_REQUIRE_FRAMEWORKS set, a missing framework fails instead.
    """
    if os.environ.get("IRWINHALL_REQUIRE_FRAMEWORKS"):
        return importlib.import_module(name)
    return pytest.importorskip(name, reason=f"{name} is not installed", exc_type=ImportError)
