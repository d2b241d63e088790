"""The tables in README.md and docs/ are those that the recorded results give."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

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
