"""The record of ``python tests/verify/verify_faults.py``, and that half-written files are found."""

import json
import signal
import sys

import pytest
import trust_page

if sys.platform != "linux":
    pytest.skip("the faults are those of Linux", allow_module_level=True)

import verify_faults


def recorded():
    return json.loads(verify_faults.RECORD.read_text(encoding="utf-8"))


def test_every_fault_was_made():
    found = [(row["fault"], row["during"]) for row in recorded()["faults"]]
    assert found == list(verify_faults.FAULTS)
    assert all(row["times"] > 0 for row in recorded()["faults"])


def test_the_page_has_the_table_of_the_record():
    assert trust_page.written("faults") == verify_faults.render(recorded())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_writing_can_be_stopped_at_every_line(number):
    times, happened, remained = verify_faults.at_every_line(
        number, verify_faults.save_small, hidden=False
    )
    assert times > 50
    assert happened == "ended at each"
    assert "half" not in remained


def write_in_place(directory):
    """Write a file under its own name, as nothing may."""
    with open(directory / "a", "wb") as file:
        file.write(bytes(1000))
        file.flush()
        file.write(bytes(1000))


def test_a_file_that_is_half_written_is_found(monkeypatch):
    monkeypatch.setattr(verify_faults, "OWN_FILES", {__file__})
    with pytest.raises(verify_faults.PromiseError, match="half-written"):
        verify_faults.at_every_line(signal.SIGKILL, write_in_place, hidden=False)
