"""Files that appear whole or not at all, and the lines in which they differ."""

from __future__ import annotations

import pytest

from irwinhall._files import check_writable, differences, whole_file, write_files


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


def test_a_directory_is_not_replaced(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(IsADirectoryError, match="a is a directory"):
        write_files(tmp_path, {"a": b""})
    assert names(tmp_path) == ["a"]


def test_a_directory_is_made(tmp_path):
    write_files(tmp_path / "b" / "c", {"x": b"1", "y": b"2"})
    assert names(tmp_path / "b" / "c") == ["x", "y"]


def test_a_directory_that_cannot_be_written_shows_at_once(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(OSError, match="File exists|Not a directory"):
        check_writable(tmp_path / "a")
    check_writable(tmp_path / "b")
    assert names(tmp_path / "b") == []


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
