"""Rendering of tables as CSV, JSON, Markdown and LaTeX."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from types import NoneType

from irwinhall.approximations import LAST
from irwinhall.tables._table import Cell, Table, records


def rendered(table: Table) -> dict[str, str]:
    """Return the table's files by name: CSV, JSON, Markdown and LaTeX.

    Parameters
    ----------
    table : Table
        A table from a function of `irwinhall.tables`, or your own.

    Returns
    -------
    dict of str to str
        Text by file name. Lines end with a line feed.

    Examples
    --------
    >>> from irwinhall import tables
    >>> files = tables.rendered(tables.Table("squares", "Squares.", ("n", "square"), [(2, 4)]))
    >>> print(files["squares.csv"], end="")
    n,square
    2,4
    >>> print(files["squares.json"], end="")
    [
    {"n": 2, "square": 4}
    ]
    """
    return {
        f"{table.name}.csv": _csv(table),
        f"{table.name}.json": _json(table),
        f"{table.name}.md": _DOCUMENTS.get(table.name, _markdown)(table),
        f"{table.name}.tex": _latex(table),
    }


def _csv(table: Table) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows(table.rows)
    return text.getvalue()


def _json(table: Table) -> str:
    rows = (json.dumps(dict(zip(table.columns, row, strict=True))) for row in table.rows)
    return "[\n" + ",\n".join(rows) + "\n]\n"


def _markdown(table: Table) -> str:
    return f"{table.caption}\n\n{_pipes(table.columns, table.rows)}\n"


def _numeric(rows: Sequence[Sequence[Cell]]) -> list[bool]:
    """Return whether each column has only numbers and empty cells."""
    return [
        all(isinstance(cell, (int, float, NoneType)) for cell in column)
        for column in zip(*rows, strict=True)
    ]


def _pipes(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """Return a Markdown table; numbers are right-aligned."""
    lines = [
        columns,
        ["---:" if right else "---" for right in _numeric(rows)],
        *(["" if cell is None else str(cell) for cell in row] for row in rows),
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _latex(table: Table) -> str:
    """Return a longtable for the packages longtable and booktabs."""
    columns = [column for column in table.columns if column not in _SOURCES]
    rows = [[row[column] for column in columns] for row in records(table)]
    head = _latex_row([_escaped(column) for column in columns])
    lines = [
        f"% {table.name}: needs the packages amsmath, booktabs and longtable.",
        rf"\begin{{longtable}}{{{''.join('r' if right else 'l' for right in _numeric(rows))}}}",
        rf"\caption{{{_escaped(table.caption)}}}\\",
        *(r"\toprule", head, r"\midrule", r"\endfirsthead"),
        *(r"\toprule", head, r"\midrule", r"\endhead"),
        *(r"\bottomrule", r"\endfoot"),
        *(_latex_row([*map(_latex_cell, columns, row)]) for row in rows),
        r"\end{longtable}",
    ]
    return "\n".join(lines) + "\n"


# Columns that are too long for the cells of a printed table.
_SOURCES = ("python", "c", "certificate")


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def _latex_cell(column: str, cell: Cell) -> str:
    if cell is None:
        return ""
    return f"${cell}$" if column == "formula" else _escaped(str(cell))


_SPECIAL: dict[str, str | int | None] = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
}


def _escaped(text: str) -> str:
    return text.translate(str.maketrans(_SPECIAL))


def closed_forms_document(table: Table) -> str:
    """Return the closed forms as a Markdown document with a summary and a section for each form.

    Parameters
    ----------
    table : Table
        The table from `closed_forms_table`.

    Returns
    -------
    str

    Examples
    --------
    >>> from irwinhall import tables
    >>> tables.closed_forms_document(tables.closed_forms_table())  # doctest: +SKIP
    """
    rows = records(table)
    parts = ["# Closed forms", table.caption]
    for target, what in _TARGETS.items():
        forms = [row for row in rows if row["target"] == target]
        summary = [
            (f"[{row['form']}](#{row['form']})", row["constants"], _sizes(row), *_worst(row))
            for row in forms
        ]
        head = ("form", "constants", "sizes", "worst relative error", "at")
        parts += [f"## {what}", _pipes(head, summary)]
        for row in forms:
            parts += [
                f"### {row['form']}",
                str(row["about"]),
                f"```math\n{row['formula']}\n```",
                f"Worst relative error for sizes {_sizes(row)}:"
                f" {' at '.join(map(str, _worst(row)))}. {row['certificate']}",
                f"```python\n{str(row['python']).strip()}\n```",
                f"```c\n{str(row['c']).strip()}\n```",
            ]
    return "\n\n".join(parts) + "\n"


# Tables whose cells are too long for a line of Markdown.
_DOCUMENTS = {"closed-forms": closed_forms_document}
_TARGETS = {"magnitude": "Of A(n)", "normalized_bound": "Of the normalized bound"}


def _sizes(row: Mapping[str, Cell]) -> str:
    last = row["last"]
    return f"{row['first']} to {'2^53' if last == LAST else last}"


def _worst(row: Mapping[str, Cell]) -> tuple[Cell, Cell]:
    return row["max_relative_error"], row["where"]
