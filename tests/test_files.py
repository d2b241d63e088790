"""Files that appear whole or not at all, and the lines in which they differ."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys

import pytest

from irwinhall import _files
from irwinhall._files import check_writable, differences, whole_file, write_files


@pytest.fixture(params=["nameless", "hidden"])
def kind(request, monkeypatch):
    """How a file is made: without a name where the system can, or under a hidden one."""
    if request.param == "hidden":
        monkeypatch.setattr(_files, "_nameless", lambda directory: None)
    return request.param


def write(path, content=b"new", **options):
    with whole_file(path, **options) as file:
        file.write(content)


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def test_a_file_is_there_only_when_it_is_whole(tmp_path):
    with whole_file(tmp_path / "a") as file:
        file.write(b"half")
        assert "a" not in names(tmp_path)
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"half"


def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path):
    (tmp_path / "a").write_bytes(b"old")

    def write_half():
        with whole_file(tmp_path / "a") as file:
            file.write(b"ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert ((tmp_path / "a").read_bytes(), names(tmp_path)) == (b"old", ["a"])


def test_a_signal_just_after_the_renaming_is_not_lost(kind, tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"old")
    rename = os.replace

    def interrupted(*args, **keywords):
        rename(*args, **keywords)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "a")
    assert ((tmp_path / "a").read_bytes(), names(tmp_path)) == (b"new", ["a"])


def test_a_file_that_appears_at_the_last_moment_is_kept(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(_files, "_check", lambda *_, **__: None)
    (tmp_path / "a").write_bytes(b"other")
    with pytest.raises(FileExistsError, match="a exists$"):
        write(tmp_path / "a", overwrite=False)
    assert ((tmp_path / "a").read_bytes(), names(tmp_path)) == (b"other", ["a"])


def test_a_new_file_is_renamed_where_there_are_no_links(tmp_path, monkeypatch):
    def link(*_, **__):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(_files, "_nameless", lambda directory: None)
    monkeypatch.setattr(os, "link", link)
    write(tmp_path / "a", overwrite=False)
    assert ((tmp_path / "a").read_bytes(), names(tmp_path)) == (b"new", ["a"])


def test_files_are_whole_where_the_system_has_neither_locks_nor_files_without_names(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(_files, "fcntl", None)
    monkeypatch.setattr(_files, "_DESCRIPTORS", str(tmp_path / "none"))
    write(tmp_path / "a", b"old")
    write(tmp_path / "a")
    assert ((tmp_path / "a").read_bytes(), names(tmp_path)) == (b"new", ["a"])


def test_a_directory_is_not_replaced(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(IsADirectoryError, match="a is a directory"):
        write_files(tmp_path, {"a": b""})
    assert names(tmp_path) == ["a"]


def test_a_file_is_made_and_replaced(kind, tmp_path):
    path = tmp_path / "a"
    write(path, b"old")
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~_umask()
    with pytest.raises(FileExistsError, match="a exists$"):
        write(path, overwrite=False)
    write(path)
    assert (path.read_bytes(), names(tmp_path)) == (b"new", ["a"])


def _umask():
    old = os.umask(0o22)
    os.umask(old)
    return old


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755, 0o440])
def test_the_mode_is_kept(kind, tmp_path, mode):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(mode)
    with whole_file(path) as file:
        assert stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077 & ~mode == 0
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_file_made_meanwhile_is_not_replaced(kind, tmp_path):
    path = tmp_path / "a"

    def write_after_others():
        with whole_file(path, overwrite=False) as file:
            file.write(b"ours")
            path.write_bytes(b"theirs")

    with pytest.raises(FileExistsError, match="a exists$"):
        write_after_others()
    assert (path.read_bytes(), names(tmp_path)) == (b"theirs", ["a"])


def test_a_symlink_is_followed_to_a_file(kind, tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "a").write_bytes(b"old")
    link = tmp_path / "link"
    link.symlink_to("there/a")
    with pytest.raises(FileExistsError, match="a exists$"):
        write(link, overwrite=False)
    write(link)
    assert link.is_symlink()
    assert (tmp_path / "there" / "a").read_bytes() == b"new"
    assert names(tmp_path / "there") == ["a"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_nothing_but_a_regular_file_is_replaced(kind, tmp_path, overwrite):
    (tmp_path / "dangling").symlink_to("nothing")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "null").symlink_to("/dev/null")
    before = names(tmp_path)
    for name, said in (
        ("dangling", "dangling is a symlink to a file that does not exist$"),
        ("fifo", "fifo is not a regular file$"),
        ("null", "/dev/null is not a regular file$"),
    ):
        with pytest.raises(FileExistsError, match=said):
            write(tmp_path / name, overwrite=overwrite)
    assert names(tmp_path) == before
    assert (tmp_path / "dangling").is_symlink()
    assert stat.S_ISFIFO((tmp_path / "fifo").lstat().st_mode)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@pytest.mark.parametrize("name", ["a" * 255, "é" * 127, "雪" * 84 + "ab", "*[a]" * 50])
def test_any_name_that_the_system_takes(kind, tmp_path, name):
    write(tmp_path / name)
    write(tmp_path / name)
    assert names(tmp_path) == [name]


KILLED = """
import os, pathlib, signal, sys
from irwinhall import _files
with _files.whole_file(pathlib.Path(sys.argv[1]), named=sys.argv[2] == "hidden") as file:
    file.write(bytes(1000))
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_is_removed_by_the_next(kind, tmp_path):
    path = tmp_path / "a"
    command = [sys.executable, "-c", KILLED, str(path), kind]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert len(names(tmp_path)) == (kind == "hidden")
    (tmp_path / ".a.b.12345678.part").write_bytes(b"another's")
    write(path)
    assert names(tmp_path) == [".a.b.12345678.part", "a"]


def test_what_a_living_process_writes_is_left(kind, tmp_path):
    path = tmp_path / "a"
    with whole_file(path, named=True) as file:
        file.write(b"first")
        write(path, b"second")
        assert len(names(tmp_path)) == 2
    assert (path.read_bytes(), names(tmp_path)) == (b"first", ["a"])


def test_a_full_disk_names_the_file(kind, tmp_path):
    with (
        pytest.raises(OSError, match=r"No space left on device: '.*/a'$"),
        whole_file(tmp_path / "a"),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert names(tmp_path) == []


def test_a_directory_that_is_missing_is_told_by_the_files_name(kind, tmp_path):
    with pytest.raises(FileNotFoundError, match="/no/a'$"):
        write(tmp_path / "no" / "a")


def test_a_directory_is_made(tmp_path):
    write_files(tmp_path / "b" / "c", {"x": b"1", "y": b"2"})
    assert names(tmp_path / "b" / "c") == ["x", "y"]


def test_a_directory_that_cannot_be_written_shows_at_once(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(OSError, match="File exists|Not a directory"):
        check_writable(tmp_path / "a")
    with pytest.raises(NotADirectoryError, match="Not a directory"):
        check_writable(tmp_path / "a" / "b")
    check_writable(tmp_path / "c" / "d")
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize(
    ("found", "wanted", "lines"),
    [
        (b"1\n2\n", b"1\n2\n", []),
        (b"1\nX\n3\nY\n", b"1\n2\n3\n4\n", [":2", "- X", "+ 2", ":4", "- Y", "+ 4"]),
        (b"1\n3\n", b"1\n2\n3\n", [":2", "+ 2"]),
        (b"1\n2\n2\n3\n", b"1\n2\n3\n", [":3", "- 2"]),
        (b"0\n1\n2\n4\n5\n", b"1\n2\n3\n4\n5\n", [":1", "- 0", ":4", "+ 3"]),
        (b"1\n2", b"1\n2\n", [":3", "+ "]),
        (b"1\r\n", b"1\n", [":1", "- 1\r", "+ 1"]),
        (b"\xff\n", b"1\n", [":1", "- \\xff", "+ 1"]),
        (None, b"1\n", [": missing"]),
    ],
)
def test_differences_say_which_line_is_what(tmp_path, found, wanted, lines):
    path = tmp_path / "a.csv"
    if found is not None:
        path.write_bytes(found)
    said = list(differences(tmp_path, {"a.csv": wanted}))
    assert [line.removeprefix(str(path)) for line in said] == lines


@pytest.mark.parametrize("added", [0, 1])
def test_not_all_differences_of_another_table_are_shown(tmp_path, added):
    (tmp_path / "a").write_text("".join(f"{i}\n" for i in range(2000 + added)))
    wanted = "".join(f"{-i}\n" for i in range(2000))
    said = list(differences(tmp_path, {"a": wanted.encode()}))
    assert 3 <= len(said) <= 40
