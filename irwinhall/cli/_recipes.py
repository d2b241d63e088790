"""List the recipes of whole models, or print one."""

from __future__ import annotations

import argparse

from irwinhall.cli._layout import paragraphs
from irwinhall.cli._shared import as_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME", help="such as gpt2 (default: list all)")


def run(options: argparse.Namespace) -> None:
    from irwinhall import recipes

    if options.name is None:
        if options.json:
            rows = recipes.RECIPES.values()
            print(as_json({row.name: {"about": row.about, "source": row.source} for row in rows}))
        else:
            print(paragraphs(recipes.table()))
        return
    row = recipes.recipe(options.name)
    if options.json:
        print(as_json({"name": row.name, "recipe": str(row)}))
    else:
        print("\n".join(map(paragraphs, str(row).splitlines())))
