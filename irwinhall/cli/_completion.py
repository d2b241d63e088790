"""Completion by argcomplete: the shell runs the program, which prints the candidates."""

from __future__ import annotations

import argparse
import os

SHELLS = ("bash", "zsh", "fish")


def shell_code(shell: str) -> str:
    """Return the shell code that completes the command line."""
    try:
        from argcomplete import shell_integration
    except ImportError:
        raise ImportError("completion needs argcomplete: pip install argcomplete") from None
    return shell_integration.shellcode(["irwinhall"], shell=shell)


def answer_shell(parser: argparse.ArgumentParser) -> None:
    """Print the candidates and exit, if a shell runs the program for completion."""
    if "_ARGCOMPLETE" in os.environ:
        import argcomplete

        argcomplete.autocomplete(parser)
