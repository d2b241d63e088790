"""Which optional frameworks examples need, and that a missing one is a skip."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from frameworks import framework, imported

# Runs a page where torch cannot be imported, with a test, so that the hooks of tests/ are loaded.
PROGRAM = """
import sys
sys.modules["torch"] = None
import pytest
sys.exit(pytest.main(["-k", "torch.md or imports", *sys.argv[1:]]))
"""


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import jax, jax.numpy as jnp", ["jax", "jax"]),
        ("from flax import linen", ["flax"]),
        ("import irwinhall, irwinhall.torch as init", ["torch"]),
        ("from irwinhall import keras", ["keras"]),
        ("from irwinhall.dask import weights", ["dask"]),
        ("from irwinhall.stats import fit, IrwinHall", ["scipy>=1.16"]),
        ("import irwinhall.jaxes, numpy; from torches import torch", []),
    ],
)
def test_an_example_needs_what_it_imports(source, expected):
    assert list(imported(source)) == expected


def test_a_version_that_is_too_old_is_missing(monkeypatch):
    monkeypatch.delenv("IRWINHALL_REQUIRE_FRAMEWORKS", raising=False)
    assert framework("scipy>=1.13").__name__ == "scipy"
    with pytest.raises(pytest.skip.Exception, match="required is: .99"):
        framework("scipy>=99")
    monkeypatch.setenv("IRWINHALL_REQUIRE_FRAMEWORKS", "1")
    with pytest.raises(ImportError, match="required is: .99"):
        framework("scipy>=99")


def test_a_page_of_a_missing_framework_is_skipped():
    command = [sys.executable, "-c", PROGRAM, "-p", "no:cacheprovider", "docs/torch.md", __file__]
    environment = {k: v for k, v in os.environ.items() if k != "IRWINHALL_REQUIRE_FRAMEWORKS"}
    finished = subprocess.run(
        command, cwd=Path(__file__).parents[1], env=environment, capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "docs/torch.md: torch is not installed" in finished.stdout
    assert "7 passed, 1 skipped" in finished.stdout
