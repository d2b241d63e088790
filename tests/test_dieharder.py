"""What dieharder found, as ``python tests/verify/dieharder.py`` recorded it."""

import json
from statistics import NormalDist

import dieharder
import numpy as np
import pytest
from stream_layouts import raw_words

from irwinhall import Stream

RESULTS = json.loads(dieharder.RECORD.read_text(encoding="utf-8"))["results"]


@pytest.mark.parametrize("stream", dieharder.STREAMS)
def test_every_test_was_run(stream):
    assert set(dieharder.TESTS) == {row["number"] for row in RESULTS[stream]}


@pytest.mark.parametrize("stream", dieharder.STREAMS)
def test_no_test_failed(stream):
    assert {row["assessment"] for row in RESULTS[stream]} <= {"PASSED", "WEAK"}


@pytest.mark.parametrize("stream", dieharder.STREAMS)
def test_no_more_results_are_weak_than_chance_gives(stream):
    # dieharder calls 1 % of a perfect generator's results weak.
    weak = sum(row["assessment"] == "WEAK" for row in RESULTS[stream])
    expected = 0.01 * len(RESULTS[stream])
    assert weak <= expected + NormalDist().inv_cdf(0.9999) * expected**0.5


def test_the_packed_integers_are_the_top_24_bits_of_the_words():
    bytes_ = np.frombuffer(dieharder.uniform24_from(0), np.uint8).reshape(-1, 3)
    integers = bytes_ @ np.array([1, 1 << 8, 1 << 16])
    words = raw_words(Stream(dieharder.SEED, "dieharder/uniform24"), dieharder.CHUNK // 4)
    expected = (words.view(np.int32) >> 8) + 2**23
    assert expected.tolist() == integers.tolist()
