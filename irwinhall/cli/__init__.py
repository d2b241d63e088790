"""The command line: arguments in, tables, plots and files out."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import irwinhall
from irwinhall.cli import _bound, _compare, _flow, _montecarlo, _reproduce, _sample, _tables

# In the order of the help; a module's docstring is its command's description.
_COMMANDS = {
    "bound": _bound,
    "tables": _tables,
    "montecarlo": _montecarlo,
    "reproduce": _reproduce,
    "compare": _compare,
    "flow": _flow,
    "sample": _sample,
}


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status.

    0 for success; 1 if a file cannot be written, a package or a cluster is missing, or tables are
    not what they should be; 2 for arguments that make no sense; 130 if interrupted, 141 if the
    reader of the output went away.
    """
    parser = _build_parser()
    options = parser.parse_args(arguments)
    try:
        status: int = options.run(options) or 0
        sys.stdout.flush()
    except (TypeError, ValueError) as error:
        options.parser.error(str(error))
    except BrokenPipeError:
        # As a program killed by SIGPIPE would end; what is buffered can no longer be written.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (ImportError, OSError) as error:
        print(f"{options.parser.prog}: error: {_reason(error)}", file=sys.stderr)
        return 1
    except MemoryError:
        print(f"{options.parser.prog}: error: not enough memory", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{options.parser.prog}: interrupted", file=sys.stderr)
        return 130
    return status


def _reason(error: Exception) -> str:
    """Return what went wrong as one line, the system's words before the file's name."""
    if isinstance(error, OSError) and error.strerror:
        name = "" if error.filename is None else f": {error.filename}"
        return f"{error.strerror}{name}"
    return " ".join(str(error).split())


def _build_parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="irwinhall", description=irwinhall.__doc__)
    parser.add_argument("--version", action="version", version=f"irwinhall {irwinhall.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, command in _COMMANDS.items():
        subparser = commands.add_parser(name, help=command.__doc__, description=command.__doc__)
        subparser.set_defaults(run=command.run, parser=subparser)
        subparser.add_argument("--json", action="store_true", help="print JSON")
        command.add_arguments(subparser)
    return parser
