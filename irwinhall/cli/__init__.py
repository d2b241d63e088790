"""The command line: arguments in, tables, plots and files out."""

from __future__ import annotations

import dis
import os
import sys
import traceback
from collections.abc import Sequence

import irwinhall
from irwinhall.cli import (
    _bound,
    _compare,
    _flow,
    _montecarlo,
    _recipes,
    _reproduce,
    _sample,
    _tables,
)
from irwinhall.cli._completion import SHELLS, answer_shell, shell_code
from irwinhall.cli._parser import Parser

# In the order of the help; a module's docstring is its command's description.
_COMMANDS = {
    "bound": _bound,
    "tables": _tables,
    "montecarlo": _montecarlo,
    "reproduce": _reproduce,
    "compare": _compare,
    "flow": _flow,
    "sample": _sample,
    "recipes": _recipes,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status.

    0 for success; 1 if a file cannot be written, a package or a cluster is missing, or tables are
    not what they should be; 2 for arguments that make no sense; 70 for an error of the program
    itself; 130 if interrupted, 141 if the reader of the output went away.
    """
    if sys.stderr is None:  # or what is printed there would go to stdout
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    parser, debug = Parser(prog="irwinhall"), False
    try:
        parser = _build_parser()
        answer_shell(parser)
        options = parser.parse_args(arguments)
        if options.command is not None:
            parser, debug = options.parser, options.debug
        if sys.stdout is None:
            raise OSError("standard output is closed")
        if options.print_completion is not None:
            print(shell_code(options.print_completion))
            return 0
        if options.command is None:
            parser.print_help()
            return 0
        status: int = options.run(options) or 0
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # As a program killed by SIGPIPE would end.
        _drop_output()
        return 141
    except KeyboardInterrupt:
        print(f"{parser.prog}: interrupted", file=sys.stderr)
        return 130
    except Exception as error:
        if debug:
            traceback.print_exc()
        status, said = _judged(error, parser)
        print(f"{parser.prog}: {said}", file=sys.stderr)
        try:
            if sys.stdout is not None:
                sys.stdout.flush()
        except OSError:
            _drop_output()
        return status


def _judged(error: Exception, parser: Parser) -> tuple[int, str]:
    """Return the exit status of an error, and its message in one line."""
    if isinstance(error, (TypeError, ValueError)) and _is_of_a_check(error):
        return 2, f"error: {parser.as_typed(_reason(error))}"
    if isinstance(error, (ImportError, OSError)):
        return 1, f"error: {_reason(error)}"
    if isinstance(error, MemoryError):
        return 1, "error: not enough memory"
    what = f"{type(error).__name__}: {_reason(error)}"
    return 70, f"internal error, please report what --debug adds to this: {what}"


def _is_of_a_check(error: Exception) -> bool:
    """Return whether a statement of ours has raised it on purpose, as checks of arguments do."""
    trace = error.__traceback__
    assert trace is not None
    while trace.tb_next is not None:
        trace = trace.tb_next
    code = trace.tb_frame.f_code
    if code.co_filename.endswith((".pyx", ".pxi")):  # of our bindings; NumPy's show no lines
        return "irwinhall" in code.co_filename
    package = os.path.join(os.path.dirname(os.path.abspath(irwinhall.__file__)), "")
    raised = dis.opname[code.co_code[trace.tb_lasti]] == "RAISE_VARARGS"
    return raised and os.path.abspath(code.co_filename).startswith(package)


def _drop_output() -> None:
    """Drop the buffer of stdout, which can no longer be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _reason(error: Exception) -> str:
    """Return an error's message in one line, the system's words before the file's name."""
    if isinstance(error, OSError) and error.strerror:
        name = "" if error.filename is None else f": {error.filename}"
        return f"{error.strerror}{name}"
    return " ".join(str(error).split())


def _build_parser() -> Parser:
    parser = Parser(prog="irwinhall", description=irwinhall.__doc__)
    parser.add_argument("--version", action="version", version=f"irwinhall {irwinhall.__version__}")
    parser.add_argument(
        "--print-completion",
        choices=SHELLS,
        metavar="SHELL",
        help=f"print code that completes commands and options in {', '.join(SHELLS)}",
    )
    commands = parser.add_subparsers(dest="command", metavar="command")
    for name, command in _COMMANDS.items():
        subparser = commands.add_parser(name, help=command.__doc__, description=command.__doc__)
        subparser.set_defaults(run=command.run, parser=subparser)
        subparser.add_argument("--json", action="store_true", help="print JSON")
        subparser.add_argument(
            "--debug", action="store_true", help="show the traceback of an error, and Dask's log"
        )
        command.add_arguments(subparser)
    return parser
