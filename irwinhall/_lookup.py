"""Rows of a table by name or alias; a name that is not there gets suggestions."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Generic, Protocol, TypeVar


class _Named(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def aliases(self) -> tuple[str, ...]: ...


Row = TypeVar("Row", bound=_Named)


class Names(Generic[Row]):
    """The names and aliases of a table's rows.

    Case, underscores, hyphens and spaces do not count in any name.

    Parameters
    ----------
    kind : str
        What a row is, for the message: "scheme", "activation".
    rows : iterable
        Rows with a `name` and `aliases`.
    """

    def __init__(self, kind: str, rows: Iterable[Row]) -> None:
        self._kind = kind
        self._rows = {_key(name): row for row in rows for name in (row.name, *row.aliases)}

    def find(self, name: str) -> Row:
        """Return the row of a name or alias; raise a ValueError that suggests near names."""
        key = _key(name)
        try:
            return self._rows[key]
        except KeyError:
            near = difflib.get_close_matches(key, self._rows)
            hint = (
                f"did you mean {_alternatives(self._rows[key].name for key in near)}?"
                if near
                else f"known are {', '.join(dict.fromkeys(r.name for r in self._rows.values()))}"
            )
            raise ValueError(f"unknown {self._kind} {name!r}; {hint}") from None


def _key(name: str) -> str:
    return name.lower().translate(dict.fromkeys(map(ord, "_- ")))


def _alternatives(names: Iterable[str]) -> str:
    """Return "'a'", "'a' or 'b'", "'a', 'b' or 'c'"."""
    *first, last = [repr(name) for name in dict.fromkeys(names)]
    return f"{', '.join(first)} or {last}" if first else last
