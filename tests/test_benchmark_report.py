"""The tables in README.md and docs/ are those that the recorded results give."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from frameworks import framework

ROOT = Path(__file__).resolve().parent.parent
_spec = importlib.util.spec_from_file_location("report", ROOT / "benchmarks" / "report.py")
report = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(report)


@pytest.mark.parametrize("document", report.DOCUMENTS, ids=lambda path: path.name)
def test_tables_are_those_of_the_recorded_results(document):
    text = document.read_text()
    results = json.loads(report.RESULTS.read_text())
    assert report.rendered(text, results) == text, "run: python benchmarks/report.py --render"


def test_a_marked_table_is_replaced_whole():
    text = "a\n<!-- table: accuracy -->\nold | numbers\n<!-- end -->\nb\n"
    written = report.rendered(text, {})
    assert "old" not in written
    assert written.startswith("a\n<!-- table: accuracy -->\n\n| compared")
    assert written.endswith("<!-- end -->\nb\n")


def test_an_unknown_table_is_an_error():
    with pytest.raises(KeyError, match="nonsense"):
        report.rendered("<!-- table: nonsense --><!-- end -->", {})


# ---- measuring -----------------------------------------------------------------------------------

BENCHMARKS = """
import time

import pytest


def wait(milliseconds):
    return lambda: time.sleep(milliseconds / 1000)


def bench_waiting(versus):
    rivals = {"slower": wait(40), "a quarter": wait(10)}
    versus(wait(20), rivals, calls=10, rounds=3, parts={"a quarter": 4})


def bench_quick(versus):
    versus(lambda: None, {})


def bench_recorded(record):
    record(model=3.5)


def bench_missing(versus):
    pytest.importorskip("a_package_that_nobody_has")
"""


@pytest.fixture
def bench_file(tmp_path, monkeypatch):
    """Return a file of benchmarks, with the fixtures of ours beside it."""
    framework("pytest_benchmark")
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)  # or pytest-benchmark records nothing
    shutil.copy(ROOT / "benchmarks" / "conftest.py", tmp_path)
    file = tmp_path / "bench_waits.py"
    file.write_text(BENCHMARKS)
    return file


def run(tmp_path, *options):
    output = tmp_path / "rows.json"
    settings = [
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(tmp_path),
        "-c",
        str(ROOT / "pyproject.toml"),
    ]
    command = [sys.executable, "-m", "pytest", str(tmp_path), *settings, *options]
    printed = subprocess.run(
        [*command, f"--benchmark-json={output}"], capture_output=True, text=True, check=False
    ).stdout
    return printed, json.loads(output.read_text())["benchmarks"] if output.exists() else []


def test_every_contestant_is_a_row_with_its_time_a_call(bench_file):
    printed, rows = run(bench_file.parent)
    medians = {(r["group"], r["name"]): r["stats"]["median"] for r in rows}
    assert set(medians) == {
        *(("bench_waiting", name) for name in ("irwinhall", "slower", "a quarter")),
        *(("bench_quick", "irwinhall"), ("bench_recorded", "bench_recorded")),
    }
    for name, least in (("irwinhall", 0.002), ("slower", 0.004), ("a quarter", 0.004)):
        assert least <= medians["bench_waiting", name] < 5 * least  # on a busy machine, too
    assert medians["bench_quick", "irwinhall"] < 1e-4
    assert "benchmark 'bench_waiting': 3 tests" in printed
    assert "Median" in printed
    assert "OPS " not in printed
    assert "1 skipped" in printed
    assert "could not import 'a_package_that_nobody_has'" in printed
    assert len({row["fullname"] for row in rows}) == len(rows)  # which --benchmark-compare pairs by


def test_benchmarks_that_are_disabled_run_once(bench_file):
    printed, rows = run(bench_file.parent, "--benchmark-disable")
    assert "3 passed, 1 skipped" in printed
    assert rows == []


def test_a_file_is_measured_with_what_each_contestant_took(bench_file):
    measured = report.measure(bench_file)
    assert set(measured["benchmarks"]) == {"bench_waiting", "bench_quick", "bench_recorded"}
    waiting = measured["benchmarks"]["bench_waiting"]
    assert waiting["calls"] == 10
    assert set(waiting["rivals"]) == {"slower", "a quarter"}
    assert 1.0 < waiting["rivals"]["slower"]["ratio"] < 5.0
    assert measured["benchmarks"]["bench_recorded"] == {"model": 3.5}


@pytest.mark.parametrize("text", ["import pytest\npytest.importorskip('no_such_package')", ""])
def test_what_is_recorded_stays_where_all_is_skipped(bench_file, monkeypatch, text):
    bench_file.write_text(text)
    recorded = bench_file.with_name("results.json")
    recorded.write_text('{"bench_waits": {"benchmarks": {}}}')
    monkeypatch.setattr(report, "RESULTS", recorded)
    monkeypatch.setattr(report, "DOCUMENTS", [])
    monkeypatch.setattr(sys, "argv", ["report.py", str(bench_file)])
    report.main()
    assert recorded.read_text() == '{"bench_waits": {"benchmarks": {}}}'


def test_a_table_that_cannot_be_made_leaves_every_document_whole(monkeypatch, tmp_path):
    documents = [tmp_path / "a.md", tmp_path / "b.md"]
    documents[0].write_text("<!-- table: accuracy --><!-- end -->")
    documents[1].write_text("<!-- table: nonsense --><!-- end -->")
    before = [document.read_text() for document in documents]
    monkeypatch.setattr(report, "DOCUMENTS", documents)
    monkeypatch.setattr(sys, "argv", ["report.py", "--render"])
    with pytest.raises(KeyError, match="nonsense"):
        report.main()
    assert [document.read_text() for document in documents] == before


@pytest.mark.parametrize("table", report.MEASURED)
def test_a_table_that_was_never_measured_says_how_to(table):
    text = report.rendered(f"<!-- table: {table} --><!-- end -->", {})
    assert "Not measured yet: `python benchmarks/report.py benchmarks/bench_" in text
