"""Completion by argcomplete: the shell runs the program, which says what could follow."""

from __future__ import annotations

import argparse
import os

SHELLS = ("bash", "zsh", "fish")


def shell_code(shell: str) -> str:
    """Return what a shell has to read so that it completes the command line."""
    try:
        from argcomplete import shell_integration
    except ImportError:
        raise ImportError("completion needs argcomplete: pip install argcomplete") from None
    return shell_integration.shellcode(["irwinhall"], shell=shell)


def answer_shell(parser: argparse.ArgumentParser) -> None:
    """Print what could follow and exit, if it is a shell that runs the program."""
    if "_ARGCOMPLETE" in os.environ:
        import argcomplete

        argcomplete.autocomplete(parser)
