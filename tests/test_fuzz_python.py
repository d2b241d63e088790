"""The checks of ``python tests/verify/fuzz_python.py`` find what is wrong."""

import fuzz_python
import numpy as np
import pytest


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
