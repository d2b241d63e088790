"""The parser of arguments, which knows by what option an argument of the library is set."""

from __future__ import annotations

import argparse
import re
from typing import Any, NoReturn


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line.

    An option's `dest` is the library's name of the argument, in whose place `as_typed` puts what
    the user typed.
    """

    def __init__(self, **settings: Any) -> None:
        self._options: dict[str, str] = {}  # before the first one, --help
        super().__init__(**settings)

    def add_argument(self, *names: Any, **settings: Any) -> argparse.Action:
        """Add an argument, and remember how an option is typed."""
        action = super().add_argument(*names, **settings)
        if action.option_strings:
            self._options[action.dest] = action.option_strings[-1]
        return action

    def as_typed(self, message: str) -> str:
        """Return a message of the library that names arguments as the options that set them.

        An argument's name may be a word of the message, too: it is the argument where the message
        begins with it, states a rule or a value of it, or where no English word looks so.
        """

        def typed(found: re.Match[str]) -> str:
            name, before, after = found[0], message[: found.start()], message[found.end() :]
            is_argument = (
                not before
                or "_" in name
                or before.endswith(("than ", "without "))
                or after.startswith((" must", "="))
            )
            return self._options[name] if is_argument else name

        names = "|".join(map(re.escape, self._options))
        return re.sub(rf"(?<![-\w.'\"])(?:{names})(?![-\w'\"]|\.\w)", typed, message)

    def error(self, message: str) -> NoReturn:
        """Print one line and exit."""
        self.exit(2, f"{self.prog}: error: {message}\n")
