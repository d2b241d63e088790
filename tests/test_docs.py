"""The pages: links between them, the contents of the site, and the reference of public names."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import pytest
from frameworks import framework

import irwinhall

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
SITE = {page for page in DOCS.rglob("*.md") if "_build" not in page.parts}
PAGES = [ROOT / "README.md", *sorted(SITE)]
ADAPTERS = {"dask", "jax", "keras", "torch"}
MODULES = ["irwinhall", *irwinhall._SUBMODULES]


def public_module(name):
    """Return a public module; an adapter without its framework skips the calling test."""
    if name in ADAPTERS:
        framework(name)
    return irwinhall if name == "irwinhall" else getattr(irwinhall, name)


def prose(page):
    """Return the text of a page without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)


def anchors(page):
    """Return the anchors of the headings, as the repository's own view makes them."""
    headings = re.findall(r"^#+ (.*)$", prose(page), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target, anchor in re.findall(r"\]\(([^)#:\s]*)(?:#([\w-]+))?\)", prose(page)):
        linked = (page.parent / target).resolve() if target else page
        if ".github" in linked.parts and not (ROOT / ".github").exists():
            continue  # in a source distribution
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), f"{target}#{anchor}"


def test_every_page_is_in_the_contents_of_the_site():
    listed = {DOCS / "index.md"}
    for page in SITE:
        text = page.read_text(encoding="utf-8")
        for block in re.findall(r"^```{toctree}\n:hidden:\n\n(.*?)^```", text, re.M | re.S):
            listed |= {page.parent / f"{entry}.md" for entry in block.split()}
    assert listed == SITE


def names_of_reference(page):
    """Return the names in the tables of a page of the reference."""
    text = page.read_text(encoding="utf-8")
    tables = re.findall(r"\.\. autosummary::\n   :nosignatures:\n\n((?:   \w+\n)+)", text)
    return [name for table in tables for name in table.split()]


@pytest.mark.parametrize("name", MODULES)
def test_the_reference_has_every_public_name(name):
    modules = set(irwinhall._SUBMODULES) | {"__version__"} if name == "irwinhall" else set()
    public = set(public_module(name).__all__) - modules
    found = names_of_reference(DOCS / "api" / f"{name}.md")
    newer_scipy = {"Bates", "IrwinHall", "UniformSum"} if name == "stats" else set()
    assert sorted(public | newer_scipy) == sorted(found)


@pytest.mark.parametrize("name", MODULES)
def test_what_a_docstring_refers_to_is_public(name):
    module = public_module(name)
    for public in module.__all__:
        text = inspect.getdoc(getattr(module, public)) or ""
        section = re.search(r"^See Also\n-+\n(.*?)(?:\n\n|\Z)", text, re.M | re.S)
        for line in section[1].splitlines() if section else ():
            referred = line.partition(" : ")[0]
            owner, _, last = referred.rpartition(".")
            where = importlib.import_module(owner) if owner == "scipy.stats" else module
            if owner.startswith("irwinhall"):
                where = irwinhall if owner == "irwinhall" else public_module(owner.split(".")[1])
            assert last in where.__all__, f"{public}: {referred}"
