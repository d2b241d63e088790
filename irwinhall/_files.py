"""Files that appear under their names only when they are whole."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


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
