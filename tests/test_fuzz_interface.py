"""The record of ``python tests/verify/fuzz_interface.py``, and that its page shows it."""

import json

import fuzz_interface
import trust_page


def recorded():
    return json.loads(fuzz_interface.RECORD.read_text(encoding="utf-8"))


def test_ten_million_calls_of_every_kind_were_made():
    calls = recorded()["calls"]
    assert sum(calls.values()) >= fuzz_interface.CALLS
    program = fuzz_interface.PROGRAM.read_text(encoding="ascii")
    assert all(f'{{"{name}", ' in program for name in calls)
    assert len(calls) == 8
    assert min(calls.values()) > 0.01 * sum(calls.values())


def test_the_page_has_the_table_of_the_record():
    assert trust_page.written("fuzz_interface") == fuzz_interface.render(recorded())
