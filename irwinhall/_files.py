"""Atomic file writing, and comparison of files line by line."""

from __future__ import annotations

import contextlib
import difflib
import errno
import os
import re
import secrets
import stat
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_SHOWN = 10  # lines of a file that `differences` shows
_MATCHED = 500  # lines among which it looks for edits, at most


@contextlib.contextmanager
def whole_file(target: Path, *, overwrite: bool = True, named: bool = False) -> Iterator[BinaryIO]:
    """Open a file that replaces the target at the end of the block; symbolic links are followed.

    After an exception in the block, the target is unchanged and no other file is left. The new file
    gets the mode of the one that it replaces. It has no name until the end. If the system has no
    files without names, or with `named`, it is a hidden file next to the target. Hidden files of
    processes that no longer run are removed.
    """
    if "\0" in str(target):
        raise ValueError(f"path must have no null character, got {str(target)!r}")
    target = _followed(target, overwrite=overwrite)
    _remove_abandoned(target)
    try:
        made = None if named else _nameless(target.parent)
        if made is None:
            with _hidden(target) as (file, hidden):
                _take_mode(file, target, stat.S_IRUSR | stat.S_IWUSR)
                yield file
                _finish(file, target)
                _check(target, overwrite=overwrite)
                if overwrite:
                    os.replace(hidden, target)
                else:
                    _rename_to_new(hidden, target)
        else:
            with made as file:
                _take_mode(file, target)
                yield file
                _finish(file, target)
                _give_name(file, target, overwrite=overwrite)
    except OSError as error:
        if error.errno in _NO_ROOM and error.filename is None:
            error.filename = os.fspath(target)
        raise
    _sync_directory(target.parent)


_NO_ROOM = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}


def _followed(target: Path, *, overwrite: bool) -> Path:
    """Return the file of a path, following symbolic links; raise an error if it is not replaceable.

    Only regular files are replaceable, and only with `overwrite`.
    """
    if target.is_symlink():
        if not target.exists():
            raise FileExistsError(f"{target} is a symlink to a file that does not exist")
        target = Path(os.path.realpath(target))
    _check(target, overwrite=overwrite)
    return target


def _check(target: Path, *, overwrite: bool) -> None:
    mode = _mode(target)
    if mode is None:
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(f"{target} is a directory")
    if not stat.S_ISREG(mode):
        raise FileExistsError(f"{target} is not a regular file")
    if not overwrite:
        raise FileExistsError(f"{target} exists")


def _mode(target: Path) -> int | None:
    """Return the type and permissions of a file, or None if there is none."""
    try:
        return os.lstat(target).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None


def _nameless(directory: Path) -> BinaryIO | None:
    """Return a file without a name, which no crash leaves behind, or None if it cannot be made."""
    if not hasattr(os, "O_TMPFILE") or not os.path.isdir(_DESCRIPTORS):
        return None
    try:
        descriptor = os.open(directory, os.O_TMPFILE | os.O_RDWR, 0o666)
    except OSError:  # not supported, or an error that making a hidden file raises again
        return None
    _locked(descriptor)  # for the short time in which _give_name gives it a hidden name
    return open(descriptor, "wb+")


_DESCRIPTORS = "/proc/self/fd"


def _give_name(file: BinaryIO, target: Path, *, overwrite: bool) -> None:
    """Give the target's name to a file without a name."""
    _check(target, overwrite=overwrite)
    parent = os.open(target.parent, os.O_RDONLY)
    try:
        hidden = target.name
        if overwrite:  # only renaming replaces a file, not linking
            hidden = f"{_stem(target)}{secrets.token_hex(4)}.part"
        # With dst_dir_fd, os.link calls linkat(), which follows the link in /proc to the file.
        os.link(f"{_DESCRIPTORS}/{file.fileno()}", hidden, dst_dir_fd=parent, follow_symlinks=True)
        if overwrite:
            try:
                os.replace(hidden, target.name, src_dir_fd=parent, dst_dir_fd=parent)
            except BaseException:
                with contextlib.suppress(FileNotFoundError):  # a signal just after the renaming
                    os.unlink(hidden, dir_fd=parent)
                raise
    except FileExistsError:
        raise FileExistsError(f"{target} exists") from None
    finally:
        os.close(parent)


def _rename_to_new(hidden: Path, target: Path) -> None:
    """Give a hidden file the target's name, unless another process has made the target."""
    try:
        if os.name == "nt":  # where renaming replaces no file
            os.rename(hidden, target)
        else:
            os.link(hidden, target)
    except FileExistsError:
        raise FileExistsError(f"{target} exists") from None
    except OSError:  # the file system has no links
        os.replace(hidden, target)


@contextlib.contextmanager
def _hidden(target: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """Open a hidden file next to the target, locked while its process runs."""
    while True:
        path = target.with_name(f"{_stem(target)}{secrets.token_hex(4)}.part")
        try:
            file = open(path, "xb+")  # noqa: SIM115
        except OSError as error:
            error.filename = os.fspath(target)
            raise
        # Another process may have removed it before it was locked.
        if _locked(file.fileno()) and _is_at(file.fileno(), path):
            break
        file.close()
    try:
        with file:
            yield file, path
    finally:
        path.unlink(missing_ok=True)


def _stem(target: Path) -> str:
    """Return the prefix of the hidden files of a target; file names have at most 255 bytes."""
    name = os.fsencode(target.name)[:200].decode(errors="ignore")
    return f".{name}."


def _remove_abandoned(target: Path) -> None:
    """Remove the hidden files of a target whose processes no longer run."""
    if fcntl is None:
        return
    pattern = re.compile(re.escape(_stem(target)) + r"[0-9a-f]{8}\.part")
    with contextlib.suppress(OSError), os.scandir(target.parent) as entries:
        for entry in entries:
            if not pattern.fullmatch(entry.name) or not entry.is_file(follow_symlinks=False):
                continue
            with contextlib.suppress(OSError), open(entry.path, "rb+") as file:
                if _locked(file.fileno()) and _is_at(file.fileno(), entry.path):
                    os.unlink(entry.path)


def _locked(descriptor: int) -> bool:
    """Lock a file. Return False only if another process has locked it."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # the file system has no locks
        return True
    return True


def _is_at(descriptor: int, path: str | Path) -> bool:
    """Return whether path is the name of this open file."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except FileNotFoundError:
        return False


def _take_mode(file: BinaryIO, target: Path, more: int = 0) -> None:
    """Give a file the owner and the mode of the file that it replaces; `more` adds permissions."""
    with contextlib.suppress(FileNotFoundError, AttributeError):  # Windows has no fchown
        old = os.stat(target)
        with contextlib.suppress(OSError):
            os.fchown(file.fileno(), old.st_uid, old.st_gid)
        with contextlib.suppress(OSError):
            os.fchmod(file.fileno(), stat.S_IMODE(old.st_mode) | more)


def _finish(file: BinaryIO, target: Path) -> None:
    """Write all of a file to the disk."""
    file.flush()
    _take_mode(file, target)
    os.fsync(file.fileno())


def _sync_directory(directory: Path) -> None:
    """Write the entries of a directory to the disk, if the system can."""
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
    """Write files into a directory, which is created if missing; each appears only complete."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        with whole_file(directory / name) as file:
            file.write(content)


def check_writable(directory: Path) -> None:
    """Raise OSError if write_files would for this directory, without creating anything."""
    there = next(path for path in (directory, *directory.parents) if path.exists())
    if not there.is_dir():
        code = errno.EEXIST if there == directory else errno.ENOTDIR
        raise OSError(code, os.strerror(code), os.fspath(directory))
    with tempfile.TemporaryFile(dir=there):
        pass


def differences(directory: Path, files: Mapping[str, bytes]) -> Iterator[str]:
    """Yield lines of text that show where files differ from their expected contents.

    For each difference: "path:line", "- " with the line found, "+ " with the line expected.
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
    """Yield the first differences between the lines of a file and those expected."""
    # Without the lines that both begin and end with, a single edit is small.
    start = _common(found, wanted)
    end = _common(found[start:][::-1], wanted[start:][::-1])
    old, new = found[start : len(found) - end], wanted[start : len(wanted) - end]
    if max(len(old), len(new)) <= _MATCHED:
        matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
        changes = [(a, b, c, d) for tag, a, b, c, d in matcher.get_opcodes() if tag != "equal"]
    elif len(old) == len(new):  # several edits of lines
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
    """Return the number of equal lines at the start of two sequences."""
    pairs = zip(one, other, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
