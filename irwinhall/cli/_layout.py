"""Text that fits the terminal: wrapped paragraphs, and tables whose columns go into blocks."""

from __future__ import annotations

import itertools
import re
import shutil
import textwrap
from collections.abc import Container, Sequence

# Lines of prose longer than this are hard to read.
_LONGEST = 100


def width() -> int:
    """Return the columns of the terminal, or of the variable COLUMNS, or else 80."""
    return shutil.get_terminal_size().columns


def paragraphs(text: str) -> str:
    """Return text with each of its lines wrapped to the terminal, further ones indented by two.

    Lines that begin with two spaces go on with the line before.
    """
    lines = re.sub(r"\n  +", " ", text).split("\n")
    wrapper = textwrap.TextWrapper(
        min(width(), _LONGEST),
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(map(wrapper.fill, lines))


def columns(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    keys: int = 1,
    left: Container[int] = (0,),
    breaks: Container[int] = (),
) -> str:
    """Return a table as text, in as many blocks of columns as the terminal needs.

    Parameters
    ----------
    head : sequence of str
        The columns' names, which may have several lines.
    rows : sequence of sequence of str
        The cells, which may have several lines.
    keys : int
        How many of the first columns every block begins with.
    left : container of int
        The columns that are flush left; all others are flush right.
    breaks : container of int
        The columns that begin a block where one block has no room for all.
    """
    names = [name.split("\n") for name in head]
    height = max(map(len, names))
    padded = [[""] * (height - len(name)) + name for name in names]
    table = [padded, *([cell.split("\n") for cell in row] for row in rows)]
    widths = [
        max(len(line) for cell in column for line in cell) for column in zip(*table, strict=True)
    ]

    def block(shown: Sequence[int]) -> str:
        return "\n".join(
            "  ".join(
                line.ljust(widths[i]) if i in left else line.rjust(widths[i])
                for i, line in zip(shown, lines, strict=True)
            ).rstrip()
            for row in table
            for lines in itertools.zip_longest(*(row[i] for i in shown), fillvalue="")
        )

    return "\n\n".join(block(shown) for shown in _blocks(widths, keys, breaks))


def _blocks(widths: Sequence[int], keys: int, breaks: Container[int]) -> list[list[int]]:
    """Return which columns each block shows: the keys and as many others as fit, at least one."""

    def fits(shown: Sequence[int]) -> bool:
        return sum(widths[i] + 2 for i in shown) - 2 <= width()

    first, others = [*range(keys)], range(keys, len(widths))
    if fits([*first, *others]):
        return [[*first, *others]]
    blocks = [first]
    for i in others:
        if blocks[-1] != first and (i in breaks or not fits([*blocks[-1], i])):
            blocks.append(first)
        blocks[-1] = [*blocks[-1], i]
    return blocks
