"""The record of ``sh tests/coverage.sh c``, and that its page shows it."""

import json

import c_coverage
import pytest
import trust_page


def recorded():
    return json.loads(c_coverage.RECORD.read_text(encoding="utf-8"))


def test_most_lines_of_all_files_of_this_processor_were_run():
    record = recorded()
    assert c_coverage.share(record) >= 95
    with_code = {path.relative_to(c_coverage.SOURCES).as_posix() for path in c_files()}
    assert with_code - record.keys() == {"stream/kernels/ih_fill_neon.c"}


def c_files():
    return c_coverage.SOURCES.glob("*/**/*.c")


def test_the_page_has_the_table_of_the_record():
    assert trust_page.written("c_coverage") == c_coverage.render(recorded())


def test_the_share_is_of_all_files_together():
    record = {"a.c": {"lines": 90, "not_run": []}, "b.c": {"lines": 10, "not_run": [1, 2]}}
    assert c_coverage.share(record) == pytest.approx(98)
