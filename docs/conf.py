"""Sphinx: ``python -m sphinx -W --keep-going -b html docs docs/_build/html`` builds the site."""

from __future__ import annotations

import importlib.metadata
import os
import re
from importlib.util import find_spec

os.environ.setdefault("KERAS_BACKEND", "jax")  # Keras's own default is TensorFlow

project = "irwinhall"
author = "the irwinhall developers"
copyright = author
release = importlib.metadata.version("irwinhall")

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
]
exclude_patterns = ["_build"]

# ---- pages ---------------------------------------------------------------------------------------

myst_enable_extensions = ["dollarmath"]
myst_fence_as_directive = ["math"]
myst_heading_anchors = 4  # the anchors that the repository's own view makes, which the links use
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# ---- the reference -------------------------------------------------------------------------------

default_role = "autolink"
autodoc_typehints = "none"  # docstrings have the types in the words of numpydoc
autosummary_generate = False  # every page of the reference lists its names
numpydoc_show_class_members = False
# Every check but these:
numpydoc_validation_checks = {
    "all",
    "ES01",  # one sentence is often all that there is to say
    "PR03",  # parameters that belong together are described together
    "PR04",  # parameters that work as in another function refer to it; annotations have types
    "PR08",  # a description may start with the name of a parameter or a type
    "RT03",  # the first sentence says what is returned
    "SA01",  # only where a reader would look for something else
}
# Methods without sections, next to the example of their class. tests/test_house.py looks for an
# example in every function and class.
without_sections = r"\A(?![\s\S]*\n---)"
numpydoc_validation_overrides = {
    "EX01": [without_sections],
    "PR01": [without_sections, r"\nAttributes\n---"],  # named tuples take their attributes
    "RT01": [without_sections, r"\nYields\n---"],
    "YD01": [without_sections],
}
numpydoc_validation_exclude = {
    r"\.[A-Z][A-Z_]+$",  # constants have a sentence of their own, and the docstrings of their types
    r"\.Argmax$",
    r"\.get_config$",  # Keras documents it
    r"\.stats\.(irwinhall|bates|IrwinHall|Bates|UniformSum)$",  # SciPy's classes take any arguments
}

# ---- the look ------------------------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_title = "irwinhall"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_theme_options = {
    "navbar_align": "left",
    "navigation_depth": 2,
    "show_prev_next": False,
    "footer_start": ["copyright"],
    "footer_end": [],
}


MISSING = {f"api/{name}" for name in ("dask", "jax", "keras", "torch") if not find_spec(name)}


def prepare(app, docname, source):
    """Remove blank lines that end examples for doctest, and references without their framework."""
    source[0] = re.sub(r"\n\n```$", "\n```", source[0], flags=re.MULTILINE)
    if docname in MISSING:
        source[0] = source[0].partition("```{eval-rst}")[0] + "This site was built without it.\n"


def skip_fields(app, what, name, obj, skip, options):
    """Skip the fields of named tuples: the section "Attributes" of the class has them."""
    return skip or type(obj).__name__ == "_tuplegetter"


def setup(app):
    """Connect the functions above."""
    app.connect("source-read", prepare)
    app.connect("autodoc-skip-member", skip_fields)
