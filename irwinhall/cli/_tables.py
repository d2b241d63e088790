"""Write tables of exact values, closed forms and the article's figures.

The files are CSV, JSON, Markdown and LaTeX. The closed forms and their certified errors are
printed, too.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from irwinhall.cli._layout import columns, paragraphs, width
from irwinhall.cli._shared import add_cluster, ended_by_sigterm, executor_of, progress_bar


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", metavar="DIR", default="tables", help="directory of the files (default tables)"
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="write nothing; report files that differ, and exit with 1 if any does",
    )
    parser.add_argument(
        "--max-n", type=int, metavar="N", default=1000, help="last n (default 1000)"
    )
    parser.add_argument(
        "--grid",
        dest="sizes",
        type=int,
        metavar="K",
        default=25,
        help="sizes from 1 to 10^6, of which the table has all pairs (default 25)",
    )
    parser.add_argument(
        "--plots", action="store_true", help="also draw the errors, and write report.html"
    )
    parser.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="processes (default 1; more are faster from some 20,000 rows on)",
    )
    add_cluster(parser)


def run(options: argparse.Namespace) -> int:
    from irwinhall import _files, approximations, tables
    from irwinhall.tables import article

    if options.workers is not None and options.scheduler is not None:
        raise ValueError("--workers must be left out with --scheduler")
    # Small tables are made sooner than other processes start.
    workers = 1 if options.workers is None else options.workers
    tables.check_sizes(options.max_n, options.sizes)
    directory = Path(options.out)
    if options.check and (said := _other_sizes(directory, options.max_n, options.sizes)):
        print(f"{options.parser.prog}: {said}", file=sys.stderr)
        return 1
    if options.plots:
        from irwinhall.tables import plots, report

        plots.check_matplotlib()

    with contextlib.ExitStack() as stack:
        stack.enter_context(ended_by_sigterm())
        executor = stack.enter_context(executor_of(options, workers))
        if not options.check:
            _files.check_writable(directory)
        uniforms = article.uniforms_drawn(article.STANDARD_TRIALS, article.NORMALIZED_TRIALS)
        with progress_bar(len(approximations.FORMS), "certifying", "forms") as update:
            forms = tables.closed_forms_table(executor=executor, progress=update)
        with progress_bar(options.max_n, "tabulating magnitudes", "rows") as update:
            standard = tables.standard_table(options.max_n, executor=executor, progress=update)
        pairs = len(tables.grid_pairs(options.sizes))
        with progress_bar(pairs, "tabulating bounds", "rows") as update:
            normalized = tables.normalized_table(options.sizes, executor=executor, progress=update)
        with progress_bar(uniforms, "simulating", "uniforms") as update:
            printed = tables.article_table(executor=executor, progress=update)

    made = (forms, standard, normalized, printed)
    texts = {name: text for table in made for name, text in tables.rendered(table).items()}
    if options.plots:
        texts |= report.report(made)
    files = {name: text.encode() for name, text in texts.items()}
    if options.check:
        return _report_differences(directory, files)
    _files.write_files(directory, files)
    if options.json:
        print(tables.rendered(forms)["closed-forms.json"], end="")
    else:
        _print_forms(forms)
        names = ", ".join(sorted(files))
        print(paragraphs(f"\n{len(files)} files in {directory}{os.sep}: {names}"))
    return 0


def _other_sizes(directory: Path, max_n: int, sizes: int) -> str | None:
    """Return a note on a table of other sizes than those asked for, if there is one."""
    from irwinhall import tables

    wanted = {
        "standard.csv": (f"--max-n {max_n}", max_n),
        "normalized.csv": (f"--grid {sizes}", len(tables.grid_pairs(sizes))),
    }
    for name, (option, rows) in wanted.items():
        path = directory / name
        if path.is_file():
            found = path.read_bytes().count(b"\n") - 1
            if found != rows:
                return (
                    f"{path} has {found} rows, not the {rows} of {option}; "
                    "--check takes the sizes that the tables were written with"
                )
    return None


def _report_differences(directory: Path, files: Mapping[str, bytes]) -> int:
    from irwinhall import _files

    different = 0
    for name in sorted(files):
        lines = list(_files.differences(directory, {name: files[name]}))
        different += bool(lines)
        print(*lines, sep="\n", end="\n" * bool(lines))
    if not different:
        print(f"{len(files)} files in {directory}{os.sep} are as they should be")
        return 0
    print(
        f"irwinhall tables: {different} of {len(files)} files are not as they should be (-: as they"
        " are, +: as they should be); run without --check to write them",
        file=sys.stderr,
    )
    return 1


_FORMS_TITLE = {
    "magnitude": "Closed forms of A(n)",
    "normalized_bound": "Closed forms of the normalized bound, of n inputs and m outputs",
}
_FORMS_HEAD = ("form", "from n", "worst error", "at", "constants")


def _print_forms(table: Any) -> None:
    from irwinhall.tables import records

    rows = records(table)
    room = max(20, width() - max(len(str(row["form"])) for row in rows) - 2)
    for target, title in _FORMS_TITLE.items():
        cells: list[list[str]] = []
        for row in rows:
            if row["target"] == target:
                where = ", ".join(map(_size, str(row["where"]).split(", ")))
                constants = _wrapped(str(row["constants"]), room)
                error = f"{row['max_relative_error']:.2e}"
                cells.append([str(row["form"]), str(row["first"]), error, where, constants])
        print(f"\n{title}\n\n{columns(_FORMS_HEAD, cells, left=(0, 3, 4))}")


def _wrapped(constants: str, room: int) -> str:
    """Return constants such as a = 1, b = 2 in lines that break after commas."""
    joined = constants.replace(" = ", "\xa0=\xa0")
    lines = textwrap.fill(joined, room, break_long_words=False, break_on_hyphens=False)
    return lines.replace("\xa0", " ")


def _size(text: str) -> str:
    """Return a size in a few characters."""
    return text if len(text) <= 8 else f"{int(text):.2g}"
