"""The records of ``sh tests/coverage.sh``, and that their page shows them."""

import json
from pathlib import Path

import c_coverage
import line_coverage
import pytest
import python_coverage
import trust_page

PACKAGE = Path(__file__).resolve().parents[1] / "irwinhall"
MEASURED = [(c_coverage, "c_coverage", 95), (python_coverage, "python_coverage", 97)]


def recorded(measured):
    return json.loads(measured.RECORD.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("measured", "name", "least"), MEASURED)
def test_most_lines_were_run(measured, name, least):
    assert line_coverage.share(recorded(measured)) >= least


@pytest.mark.parametrize(("measured", "name", "least"), MEASURED)
def test_the_page_has_the_table_of_the_record(measured, name, least):
    table = line_coverage.render(recorded(measured), measured.REASONS)
    assert trust_page.written(name) == table


def test_all_c_files_of_this_processor_were_measured():
    with_code = {
        path.relative_to(c_coverage.SOURCES).as_posix()
        for path in c_coverage.SOURCES.glob("*/**/*.c")
    }
    assert with_code - recorded(c_coverage).keys() == {"stream/kernels/ih_fill_neon.c"}


def test_all_python_files_were_measured():
    files = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py")}
    assert files == recorded(python_coverage).keys()


@pytest.mark.parametrize(("measured", "name", "least"), MEASURED)
def test_every_reason_is_of_a_file_with_lines_that_were_not_run(measured, name, least):
    left_out = {file for file, lines in recorded(measured).items() if lines["not_run"]}
    assert measured.REASONS.keys() == left_out


def test_the_share_is_of_all_files_together():
    record = {"a.c": {"lines": 90, "not_run": []}, "b.c": {"lines": 10, "not_run": [1, 2]}}
    assert line_coverage.share(record) == pytest.approx(98)


def test_too_few_lines_or_a_missing_reason_end_with_an_error(tmp_path, capsys):
    record = {"a.c": {"lines": 100, "not_run": [7, 8]}}
    for reasons, least in [({}, 95), ({"a.c": "a reason"}, 99)]:
        with pytest.raises(SystemExit):
            line_coverage.finish("c_coverage", record, reasons, least, tmp_path / "record")
    assert "a.c has no reason for lines that were not run: 7 8" in capsys.readouterr().out
    assert not (tmp_path / "record").exists()
