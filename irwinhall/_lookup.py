"""Tables of rows: frozen, found by name or alias, with suggestions for an unknown name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Generic, NoReturn, Protocol, TypeVar


class _Named(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def aliases(self) -> tuple[str, ...]: ...


Row = TypeVar("Row", bound=_Named)


Key = TypeVar("Key")
Value = TypeVar("Value")


class FrozenMapping(dict[Key, Value]):
    """A dict that cannot be changed; unlike `types.MappingProxyType`, it can be pickled."""

    def _refuse(self, *args: object, **kwargs: object) -> NoReturn:
        raise TypeError(f"{type(self).__name__} cannot be changed")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[type, tuple[dict[Key, Value]]]:
        return type(self), (dict(self),)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({super().__repr__()})"


class Names(Generic[Row]):
    """The names and aliases of a table's rows.

    Case, underscores, hyphens and spaces are ignored in all names.

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

    def get(self, name: str) -> Row | None:
        """Return the row of a name or alias, if there is one."""
        return self._rows.get(_key(name))

    def find(self, name: str) -> Row:
        """Return the row of a name or alias; raise a ValueError that suggests similar names."""
        row = self.get(name)
        if row is not None:
            return row
        known = list(dict.fromkeys(row.name for row in self._rows.values()))
        near = {key: row.name for key, row in self._rows.items()}
        hint = suggestion(_key(name), near) or f"; known are {', '.join(known)}"
        raise ValueError(f"unknown {self._kind} {name!r}{hint}")


def suggestion(name: str, known: Mapping[str, str], cutoff: float = 0.6) -> str:
    """Return "; did you mean 'a' or 'b'?", the values of the keys similar to a name."""
    import difflib  # only here, as it is slow to load

    near = difflib.get_close_matches(name, known, cutoff=cutoff)
    if not near:
        return ""
    near.sort(key=lambda key: key[0] != name[0])  # the first letter is seldom wrong
    *first, last = dict.fromkeys(repr(known[key]) for key in near)
    listed = f"{', '.join(first)} or {last}" if first else last
    return f"; did you mean {listed}?"


def row_repr(row: Any, table: str, rows: Mapping[str, Any]) -> str:
    """Return the expression for a named tuple that may be a row of a table."""
    if rows.get(row.name) == row:
        return f"{table}[{row.name!r}]"
    given = (
        f"{name}={value!r}"
        for name, value in zip(row._fields, row, strict=True)
        if name not in row._field_defaults or value != row._field_defaults[name]
    )
    return f"{type(row).__name__}({', '.join(given)})"


def _key(name: str) -> str:
    return name.lower().translate(dict.fromkeys(map(ord, "_- ")))
