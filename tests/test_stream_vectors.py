"""The stream against its slow reference in Python, and both against the recorded vectors."""

import hashlib
import math
import re

import numpy as np
import pytest
import stream_examples
import stream_reference as reference
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from stream_layouts import KERNELS, forced

from irwinhall import Stream, _core

WHOLE = 2**63 - 1  # elements of the largest shape


def filled_bits(seed, name, law, parameters, dtype, first, count):
    """Return the encodings that a Stream gives, as integers."""
    out = np.zeros(count, f"u{np.dtype(storage(dtype)).itemsize}")
    draw = getattr(Stream(seed, name), law)
    region = slice(first, first + count)
    if law != "integers":  # which have one type
        parameters = {**parameters, "dtype": dtype}
    draw(WHOLE, **parameters, out=out.view(storage(dtype)), region=region, threads=1)
    return [int(value) for value in out]


def storage(dtype):
    """Return the NumPy type of a buffer for an element type."""
    return np.uint16 if dtype == "bfloat16" else dtype


def test_recorded_vectors_are_what_the_reference_gives():
    recorded = reference.VECTORS.read_text(encoding="utf-8")
    assert recorded == reference.stream_vectors(), f"run: {reference.COMMAND}"


def test_recorded_keys_are_what_the_reference_gives():
    recorded = reference.KEYS.read_text(encoding="utf-8")
    assert recorded == reference.key_vectors(), f"run: {reference.COMMAND}"


def test_the_worked_examples_are_what_the_reference_gives():
    written = stream_examples.PAGE.read_text(encoding="utf-8")
    assert written == stream_examples.page(), f"run: {stream_examples.COMMAND}"


FROZEN = {
    "stream_vectors.csv": (607, "907d8274a4b7f1bc7b96bdc609ddedacc44dd2572600b7f6ee4a2dfcb45820b9"),
    "stream_keys.csv": (106, "02a3d1a26b5ff29fc139fc476a01d5b5b67708308eb852b0e8cc220e650c5b51"),
}


# Of the numbers of ih_normal_table.h, of which the vectors use a part.
TABLE_DIGEST = "538c1fc1cbbe94070584677c367bb9e3d8a2d3b6f8689d7ce0b68ff56da6caf3"


def test_no_coefficient_of_the_frozen_format_has_changed():
    numbers = re.findall(r"-?0x[0-9a-f.]+p[+-]\d+", reference.TABLE.read_text(encoding="utf-8"))
    assert hashlib.sha256(" ".join(numbers).encode()).hexdigest() == TABLE_DIGEST, (
        "ih_normal_table.h has changed: the stream's format version 1 is frozen, and users have "
        "weights made by it. Another table takes another format version (docs/stream.md)."
    )


@pytest.mark.parametrize("file", FROZEN)
def test_no_recorded_byte_of_the_frozen_format_has_changed(file):
    # New laws may add lines at the end of the files.
    lines, digest = FROZEN[file]
    text = (reference.TESTS / "data" / file).read_text(encoding="utf-8")
    frozen = "".join(text.splitlines(keepends=True)[:lines])
    assert hashlib.sha256(frozen.encode()).hexdigest() == digest, (
        f"{file} has changed: the stream's format version 1 is frozen, and users have weights made "
        "by it. A change of any bit of a law takes another format version (docs/stream.md)."
    )


@pytest.mark.parametrize("kernel", KERNELS)
def test_every_kernel_gives_the_recorded_vectors(kernel, monkeypatch):
    forced(kernel, monkeypatch)
    for row in reference.read_vectors():
        expected = row.values
        actual = filled_bits(
            row.seed, row.name, row.law, row.parameters, row.dtype, row.first, len(expected)
        )
        assert expected == actual, row


def test_streams_have_the_recorded_keys():
    for seed, name, key in reference.read_keys():
        assert key == Stream(seed, name).key, (seed, name)


def test_recorded_keys_are_distinct():
    keys = [key for _, _, key in reference.read_keys()]
    assert len(keys) == len(set(keys))


def test_vectors_hold_refined_elements_of_every_law_and_type():
    refined = {
        (row.law, row.dtype)
        for row in reference.read_vectors()
        if row.law in ("normal", "truncated_normal")
        and row.first
        in reference.tail_indices(
            reference.key_words(row.seed, row.name), row.law, row.parameters, row.dtype
        )
    }
    expected = {
        (law, dtype) for law in ("normal", "truncated_normal") for dtype in reference.FORMATS
    }
    assert expected <= refined


def test_vectors_tell_one_word_of_a_narrow_float64_law_from_two():
    key = reference.key_words(1, "")
    law = reference.truncation(1.0, -0.01, 0.02, True)
    for index in reference.ONE_WORD_ELEMENTS:
        words = [reference.word_of(key, index, 64, domain) for domain in (0, 1)]
        taken = reference.standard_truncated(key, index, 64, law)
        assert taken != reference.truncated_128(*words, law)


def test_vectors_cover_every_way_of_drawing_a_truncated_law():
    draws = {
        reference.truncation(*row.parameters.values()).draw
        for row in reference.read_vectors()
        if row.law == "truncated_normal"
    }
    assert draws == {"one word", "two words", "one tail"}


@pytest.mark.parametrize("domain", [0, 1])
def test_raw_words_are_the_reference_ars(domain):
    key = reference.key_words(3, "raw")
    blocks = np.array([0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**61 - 1], np.uint64)
    expected = np.stack(reference.block_words(key, blocks, domain), axis=1)
    for kernel in KERNELS:
        index = _core.find_kernel(kernel)
        for block, words in zip(blocks, expected, strict=True):
            actual = _core.words(Stream(3, "raw").key, int(block), domain, 1, index)
            assert words.tolist() == actual.tolist()


finite_ends = st.floats(-40, 40, allow_subnormal=False)
ends = st.one_of(finite_ends, st.just(-math.inf), st.just(math.inf), st.floats(-3, 3))
stds = st.one_of(st.floats(1e-3, 10.0), st.just(0.0), st.floats(1e-30, 1e30))


@st.composite
def truncations(draw):
    """Return parameters of a truncated law that some 16-bit values lie in."""
    low = draw(ends.filter(lambda x: x < 36))
    high = draw(ends.filter(lambda x: x > max(low + 0.05, -36)))
    std = draw(st.floats(0.01, 100.0))
    return {"std": std, "low": low, "high": high, "corrected": draw(st.booleans())}


@st.composite
def intervals(draw):
    """Return the ends of a positive interval that every type has values in."""
    low = draw(st.floats(2.0**-10, 100.0))
    return {"low": low, "high": low * draw(st.floats(1.1, 300.0))}


laws = st.one_of(
    st.tuples(st.just("uniform"), st.fixed_dictionaries({"bound": st.floats(2.0**-14, 1e30)})),
    st.tuples(st.just("normal"), st.fixed_dictionaries({"std": stds})),
    st.tuples(st.just("truncated_normal"), truncations()),
    st.tuples(st.sampled_from(reference.INTERVAL_LAWS), intervals()),
)


@settings(max_examples=300, derandomize=True)
@given(
    st.one_of(st.integers(), st.binary(max_size=20)),
    st.text(max_size=8).filter(str.isprintable),
    laws,
    st.sampled_from(sorted(reference.FORMATS)),
    st.one_of(st.integers(0, 100), st.integers(0, WHOLE - 2)),
    st.sampled_from(KERNELS),
)
def test_any_element_is_what_the_reference_says(seed, name, law, dtype, first, kernel):
    kind, parameters = law
    scale = parameters.get("bound", parameters.get("std", 1.0))
    assume(dtype != "float16" or scale <= 65504)
    with pytest.MonkeyPatch.context() as patch:
        forced(kernel, patch)
        expected = reference.bits_from(seed, name, kind, parameters, dtype, first, 2)
        assert expected == filled_bits(seed, name, kind, parameters, dtype, first, 2)


def test_refined_elements_of_a_long_search_are_what_the_reference_says():
    key = reference.key_words(5, "tails")
    words = reference.main_words_32(key, 1 << 20)
    tails = np.flatnonzero(words < 1 << 16)
    whole = Stream(5, "tails").normal(1 << 20).view(np.uint32)
    expected = [reference.bits_of(key, int(i), "float32", "normal", {"std": 1.0}) for i in tails]
    assert expected == whole[tails].tolist()
    assert len(tails) > 5
