"""The recorded keys and vectors against the stream in Rust, written from docs/stream.md alone."""

import subprocess
from pathlib import Path

import pytest
import stream_reference as reference

SCRIPT = Path(__file__).parent / "cross" / "stream_rs.sh"


def compared(*files):
    """Return the status and the lines of the script, or skip the test as the script says."""
    run = subprocess.run(["sh", SCRIPT, *files], capture_output=True, encoding="utf-8", check=False)
    if run.stdout.startswith("SKIP"):
        pytest.skip(run.stdout.strip())
    return run.returncode, run.stdout.splitlines(), run.stderr


def rows(path):
    """Return the number of rows of a CSV file below its head."""
    return len(path.read_text(encoding="utf-8").splitlines()) - 1


def changed(path, folder):
    """Return a copy of a file whose last hexadecimal digit is another."""
    text = path.read_text(encoding="utf-8").rstrip()
    copy = folder / path.name
    copy.write_text(f"{text[:-1]}{int(text[-1], 16) ^ 1:x}\n", encoding="utf-8")
    return copy


def test_the_stream_in_rust_gives_the_recorded_keys_and_vectors():
    keys, vectors = rows(reference.KEYS), rows(reference.VECTORS)
    status, lines, errors = compared()
    assert lines == [f"keys: {keys} of {keys} agree", f"vectors: {vectors} of {vectors} agree"]
    assert (status, errors) == (0, "")


def test_a_changed_key_and_a_changed_vector_disagree(tmp_path):
    keys, vectors = rows(reference.KEYS), rows(reference.VECTORS)
    status, lines, _ = compared(
        changed(reference.KEYS, tmp_path), changed(reference.VECTORS, tmp_path)
    )
    assert f"keys: {keys - 1} of {keys} agree" in lines
    assert f"vectors: {vectors - 1} of {vectors} agree" in lines
    assert status == 1
