"""Atomic file writing, and comparison of files line by line."""

from __future__ import annotations

import contextlib
import difflib
import os
import secrets
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

# Lines of a file that are shown as different, and the most among which an edit is looked for.
_SHOWN = 10
_MATCHED = 500


@contextlib.contextmanager
def whole_file(target: Path, *, overwrite: bool = True) -> Iterator[BinaryIO]:
    """Open a hidden file beside the target; at the end of the block it takes the target's name.

    An exception in the block leaves what was there before, and nothing else.
    """
    refuse_existing(target, overwrite=overwrite)
    temporary = target.with_name(f".{target.name[:200]}.{secrets.token_hex(4)}.part")
    try:
        with open(temporary, "xb+") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        refuse_existing(target, overwrite=overwrite)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_directory(target.parent)


def refuse_existing(target: Path, *, overwrite: bool) -> None:
    """Raise if the target is a directory, or is there at all and must not be replaced."""
    if target.is_dir():
        raise IsADirectoryError(f"{target} is a directory")
    if not overwrite and target.exists():
        raise FileExistsError(f"{target} exists")


def _sync_directory(directory: Path) -> None:
    """Make the new name outlive a crash, where the system can."""
    try:
        descriptor = os.open(directory, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)


def write_files(directory: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a directory, which is made if need be; each appears when it is whole."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        with whole_file(directory / name) as file:
            file.write(content)


def check_writable(directory: Path) -> None:
    """Raise OSError where write_files would, before there is anything to write."""
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=directory):
        pass


def differences(directory: Path, files: Mapping[str, bytes]) -> Iterator[str]:
    """Yield lines that say where files differ from what they should hold; none if none does.

    "path:line" stands before the line as it is, after "- ", and as it should be, after "+ ".
    """
    for name, content in files.items():
        path = directory / name
        try:
            found = path.read_bytes()
        except FileNotFoundError:
            yield f"{path}: missing"
            continue
        if found != content:
            lines = (
                text.decode(errors="backslashreplace").split("\n") for text in (found, content)
            )
            yield from _changed(path, *lines)


def _changed(path: Path, found: list[str], wanted: list[str]) -> Iterator[str]:
    """Yield the first changes between the lines of a file and those it should have."""
    # What both begin and end with left out, a single edit is small and lines line up again.
    start = _common(found, wanted)
    end = _common(found[start:][::-1], wanted[start:][::-1])
    old, new = found[start : len(found) - end], wanted[start : len(wanted) - end]
    if max(len(old), len(new)) <= _MATCHED:
        matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
        changes = [(a, b, c, d) for tag, a, b, c, d in matcher.get_opcodes() if tag != "equal"]
    elif len(old) == len(new):  # edits far apart
        changes = [(i, i + 1, i, i + 1) for i in range(len(old)) if old[i] != new[i]]
    else:  # another table
        changes = [(0, len(old), 0, len(new))]
    shown = 0
    for first, last, new_first, new_last in changes:
        if shown >= _SHOWN:
            yield f"{path}: and more"
            return
        yield f"{path}:{start + first + 1}"
        yield from (f"- {line}" for line in old[first:last][:_SHOWN])
        yield from (f"+ {line}" for line in new[new_first:new_last][:_SHOWN])
        shown += max(last - first, new_last - new_first)


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """Return how many lines two sequences begin with alike."""
    pairs = zip(one, other, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
