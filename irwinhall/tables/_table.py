"""The class of tables."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

Cell: TypeAlias = "int | float | str | None"
Row: TypeAlias = "tuple[Cell, ...]"


class Table(NamedTuple):
    """A table with named columns.

    Attributes
    ----------
    name : str
        The name of the files, without their extension.
    caption : str
        A sentence about the rows.
    columns : tuple of str
        The names of the columns.
    rows : list of tuple
        The cells of each row.

    Examples
    --------
    >>> from irwinhall.tables import Table
    >>> Table("squares", "Squares.", ("n", "square"), [(1, 1), (2, 4)]).columns
    ('n', 'square')
    """

    name: str
    caption: str
    columns: tuple[str, ...]
    rows: list[Row]


def records(table: Table) -> list[dict[str, Cell]]:
    """Return each row of a table as a dict.

    Parameters
    ----------
    table : Table
        A table from a function of `irwinhall.tables`, or your own.

    Returns
    -------
    list of dict
        The cells of each row by column name.

    Examples
    --------
    >>> from irwinhall import tables
    >>> tables.records(tables.Table("squares", "Squares.", ("n", "square"), [(2, 4)]))
    [{'n': 2, 'square': 4}]
    """
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]
