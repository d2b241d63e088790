"""The record of ``python tests/verify/fuzz_python.py``, and that its checks find what is wrong."""

import json

import fuzz_python
import numpy as np
import pytest
import trust_page


def recorded():
    return json.loads(fuzz_python.RECORD.read_text(encoding="utf-8"))


def test_every_function_was_called():
    assert recorded()["functions"].keys() == fuzz_python.FUNCTIONS.keys()
    assert min(recorded()["functions"].values()) > 100


def test_the_page_has_the_table_of_the_record():
    assert trust_page.written("fuzz_python") == fuzz_python.render(recorded())


def stable(x, n):
    """Return x."""
    return x


def falling(x, n):
    """Return 1 up to 1/2, and then 0."""
    return 1.0 * (np.asarray(x) <= 0.5)


def nameless(x, n):
    """Refuse everything without a reason."""
    raise ValueError("no")


def undocumented(x, n):
    """Fail."""
    raise KeyError(x)


def undefined(x, n):
    """Return NaN."""
    return np.nan


@pytest.mark.parametrize(
    ("function", "finding"),
    [
        (falling, "the cdf falls"),
        (nameless, "no argument in ValueError: no"),
        (undocumented, "KeyError"),
        (undefined, "NaN"),
    ],
)
def test_a_fault_is_found(monkeypatch, function, finding):
    monkeypatch.setattr(fuzz_python, "FUNCTIONS", {"cdf": function})
    monkeypatch.setattr(fuzz_python, "arguments_of", lambda *_: {"x": 0.5, "n": 2})
    with pytest.raises(fuzz_python.Finding, match=finding):
        fuzz_python.call(1, 2)


def test_what_is_right_is_no_finding(monkeypatch):
    monkeypatch.setattr(fuzz_python, "FUNCTIONS", {"cdf": stable})
    monkeypatch.setattr(fuzz_python, "arguments_of", lambda *_: {"x": 0.5, "n": 2})
    assert fuzz_python.call(1, 2) == ("cdf", "a result")
