"""What the trainings of the examples recorded, and how a start is judged."""

import json
import statistics

import pytest
from frameworks import framework

framework("torch")

import verify_training  # noqa: E402

LOSSES = json.loads(verify_training.RECORD.read_text(encoding="utf-8"))["losses"]


@pytest.mark.parametrize("name", verify_training.EXAMPLES)
def test_no_start_trains_worse_than_that_of_torch(name):
    assert list(LOSSES[name]) == list(verify_training.starts(name))
    assert all(len(each) == len(verify_training.SEEDS) for each in LOSSES[name].values())
    assert verify_training.worse_than_torch(LOSSES[name]) == []


def test_a_start_that_trains_worse_is_found():
    torch, close, far = [1.0, 1.1, 1.2], [1.1, 1.2, 1.3], [2.0, 2.1, 2.2]
    found = verify_training.worse_than_torch({"close": close, "far": far, "torch": torch})
    assert found == ["far"]
    assert statistics.mean(close) > statistics.mean(torch)
