"""Laws on an interval, integers, words, orders (ih_fill_element.c): values, ends, bad input."""

from __future__ import annotations

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import stream_reference as reference
from scipy import stats
from stream_layouts import DTYPES, KERNELS, forced

import irwinhall
from irwinhall import Stream

POSITIVE = [(1e-3, 0.1), (1.0, 16.0), (2.0**-24, 6e4), (1e-4, 2e-4)]
LAWS = reference.INTERVAL_LAWS


def words_and_values(law, low, high, count=300):
    """Return the float64 numbers u in (0, 1) of a stream's elements, and the values of a law."""
    stream = Stream(7, law)
    words = stream.bits(count, dtype="uint64")
    return (words >> 12), getattr(stream, law)(count, low=low, high=high, dtype="float64")


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("interval", [*POSITIVE, (1e-200, 1e100), (0.5, 700.0)])
def test_float64_values_equal_mpmath(law, interval):
    low, high = interval
    words, values = words_and_values(law, low, high)
    worst = 0.0
    with mpmath.workdps(50):
        a, b = mpmath.mpf(low), mpmath.mpf(high)
        for word, value in zip(words.tolist(), values.tolist(), strict=True):
            u = (mpmath.mpf(word) + 0.5) / 2**52
            if law in ("uniform_between", "log_of_uniform"):
                # What the sum is rounded to moves the logarithm by as much as it is relatively.
                exact, moved = a + (b - a) * u, 2
                if law == "log_of_uniform":
                    exact, moved = mpmath.log(exact), 1 + 2 / abs(mpmath.log(exact))
            else:
                exact = a * mpmath.exp(u * mpmath.log(b / a))
                moved = 2 * float(mpmath.log(b / a)) + 4
                if law == "inverse_softplus_log_uniform":
                    t, exact = exact, mpmath.log(mpmath.expm1(exact))
                    slope = abs(t * mpmath.exp(t) / mpmath.expm1(t) / exact)
                    moved = moved * slope + 4 + 4 / abs(exact)
            worst = max(worst, float(abs(value / exact - 1) / (moved * mpmath.mpf(2) ** -53)))
    assert 0 < worst <= 1.0


@pytest.mark.parametrize(("low", "high"), [(-3.0, -0.001), (-2.0, 1.0), (-1.0, 1.0000001)])
def test_differences_err_by_what_the_docs_say(low, high):
    words, values = words_and_values("uniform_between", low, high)
    for word, value in zip(words.tolist(), values.tolist(), strict=True):
        exact = Fraction(low) + (Fraction(high) - Fraction(low)) * Fraction(2 * word + 1, 2**53)
        assert abs(Fraction(value) - exact) <= Fraction(3, 2**53) * (abs(low) + abs(high))


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("interval", POSITIVE)
def test_float32_is_the_double_rounded_once_and_16_bits_are_float32_rounded(law, interval):
    low, high = interval
    key = reference.key_words(7, law)
    draw = getattr(Stream(7, law), law)
    singles = draw(64, low=low, high=high)
    expected = [
        reference.bits_of(key, i, "float32", law, {"low": low, "high": high}) for i in range(64)
    ]
    assert singles.view(np.uint32).tolist() == expected
    for dtype in ("float16", "bfloat16"):
        halves = draw(64, low=low, high=high, dtype=dtype)
        rounded = singles.astype(DTYPES[dtype])
        inside = (rounded > halves.min()) & (rounded < halves.max())
        assert (halves == rounded)[inside].all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("law", LAWS)
def test_no_value_is_an_end_or_zero_or_infinite(law, dtype):
    for low, high in [*POSITIVE, (0.0, 16.0)]:
        if low == 0.0 and law not in ("uniform_between", "log_of_uniform"):
            continue
        values = getattr(Stream(1, dtype), law)(1 << 16, low=low, high=high, dtype=dtype)
        values = values.astype(np.float64)
        assert np.isfinite(values).all()
        if law in ("uniform_between", "log_uniform"):
            assert values.min() > low
            assert values.max() < high
            assert values.min() > 0
        if law == "log_of_uniform":
            assert values.max() < math.log(high)
            assert values.min() > (math.log(low) if low else -math.inf)
        if law == "inverse_softplus_log_uniform":
            assert values.min() > math.log(math.expm1(low))
            assert values.max() < high + math.log(-math.expm1(-high))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("law", LAWS)
def test_values_have_the_law(law, dtype):
    low, high = 0.01, 3.0
    values = getattr(Stream(5, law), law)(1 << 16, low=low, high=high, dtype=dtype)
    if law == "log_of_uniform":
        values = np.exp(values.astype(float))
    elif law == "inverse_softplus_log_uniform":
        values = np.log1p(np.exp(values.astype(float)))
    if law.endswith("log_uniform"):
        values, low, high = np.log(values), math.log(low), math.log(high)
    assert stats.kstest(values, "uniform", (low, high - low)).pvalue > 1e-4


def test_a_narrow_interval_holds_the_values_between_its_ends_only():
    values = Stream(3).uniform_between(1000, low=1.0, high=1.0 + 2.0**-21)
    assert sorted(set(values.tolist())) == [1.0 + k * 2.0**-23 for k in (1, 2, 3)]
    with pytest.raises(ValueError, match="holds no value of the element type"):
        Stream(3).uniform_between(10, low=1.0, high=1.0 + 2.0**-23)
    with pytest.raises(ValueError, match="holds no value of the element type"):
        Stream(3).uniform_between(10, low=1.0, high=math.nextafter(1.0, 2.0), dtype="float64")


@pytest.mark.parametrize(
    ("law", "low", "high", "message"),
    [
        ("uniform_between", 1.0, 1.0, "low must be less than high, got low=1.0, high=1.0"),
        ("uniform_between", math.nan, 1.0, "low must be a number, got nan"),
        ("uniform_between", 0.0, math.inf, "high must be finite, got inf"),
        ("uniform_between", 0.0, 1e39, "low and high must be from -3.4"),
        ("uniform_between", -1e308, 1e308, "high - low must be finite, got low=-1e"),
        ("log_uniform", 0.0, 1.0, r"low must be at least 1.4.*e-45 for float32, got low=0.0"),
        ("log_uniform", 1e-46, 1.0, r"low must be at least 1.4.*e-45 for float32"),
        ("log_of_uniform", -1.0, 1.0, "low must be 0 or at least 2.2.*e-308 for float32"),
        ("log_of_uniform", 0.0, 2.0**-961, r"high must be at least 2\*\*-960"),
        ("inverse_softplus_log_uniform", 1.0, 1e39, "low and high must be from -3.4"),
        ("inverse_softplus_log_uniform", 0.0, 1.0, "low must be at least 2.2.*e-308"),
        ("inverse_softplus_log_uniform", 1e-300, 1e38, r"high / low must be at most 2\*\*1000"),
    ],
)
def test_bad_ends_are_refused(law, low, high, message):
    out = np.full(4, 7.0, np.float32)
    with pytest.raises(ValueError, match=message):
        getattr(Stream(1), law)(low=low, high=high, out=out)
    assert (out == 7.0).all()


@pytest.mark.parametrize(
    ("law", "dtype"),
    [*((law, dtype) for law in LAWS for dtype in DTYPES),
     ("bits", "uint32"), ("bits", "uint64"), ("integers", None)],
)  # fmt: skip
def test_every_kernel_and_region_gives_the_same(law, dtype, monkeypatch):
    keywords = {} if law == "bits" else {"low": 1, "high": 12}
    if dtype is not None:
        keywords["dtype"] = dtype
    whole = None
    for kernel in KERNELS:
        forced(kernel, monkeypatch)
        draw = getattr(Stream(2, law), law)
        values = draw((37, 41), **keywords)
        if whole is None:
            whole = values.copy()
        assert values.tobytes() == whole.tobytes()
        region = (slice(5, 30), slice(3, 40))
        assert draw((37, 41), region=region, **keywords).tobytes() == whole[region].tobytes()
        out = np.zeros((41, 74), values.dtype).T[::2]
        draw((37, 41), out=out, threads=2, **keywords)
        assert out.tobytes() == whole.tobytes()


def test_integers_are_lemires_of_the_words():
    words = Stream(4).bits(5000, dtype="uint64").tolist()
    for low, high in [(0, 2), (-3, 1000), (-(2**63), 2**63), (5, 6), (0, 2**63)]:
        span = high - low
        values = Stream(4).integers(5000, low=low, high=high).tolist()
        settled = [w for w in range(5000) if words[w] * span % 2**64 >= 2**64 % span]
        assert len(settled) > 2000
        assert all(values[w] == low + (words[w] * span >> 64) for w in settled)
        assert min(values) >= low
        assert max(values) < high


def test_redrawn_integers_are_the_references():
    low, high = -(2**63), 2**62  # every fourth word is redrawn
    key = reference.key_words(9, "")
    values = Stream(9).integers(64, low=low, high=high).view(np.uint64).tolist()
    assert values == [reference.integer_of(key, i, low, high) for i in range(64)]


def test_integers_are_equally_likely():
    counts = np.bincount(Stream(11).integers(70_000, high=7), minlength=7)
    assert stats.chisquare(counts).pvalue > 1e-4


def test_bits_are_the_words_of_the_floats():
    stream = Stream(6, "w")
    words = stream.bits(100)
    expected = ((words.view(np.int32) >> 7) | 1).astype(np.float32) * np.float32(2.0**-24)
    assert (stream.uniform(100) == expected).all()
    long = stream.bits(50, dtype=np.uint64)
    assert (long == words.view("<u8")).all()


def test_a_permutation_is_the_order_of_the_words():
    order = Stream(8).permutation(1000)
    assert sorted(order.tolist()) == list(range(1000))
    assert order.dtype == np.int64
    words = Stream(8).bits(1000, dtype="uint64")
    assert (np.diff(words[order].astype(object)) > 0).all()
    assert Stream(8).permutation(0).tolist() == []


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda s: s.bits(3, dtype="float32"), TypeError, "dtype must be uint32 or uint64, got fl"),
        (lambda s: s.bits(3, dtype="no"), TypeError, "dtype must be uint32 or uint64, got 'no'"),
        (lambda s: s.bits(out=np.zeros(3)), TypeError, "out's dtype must be uint32 or uint64"),
        (lambda s: s.bits(3, dtype="u4", out=np.zeros(3, "u8")), TypeError, "out must have dtype"),
        (lambda s: s.bits(2**62, dtype="u8"), ValueError, "shape must be that of an array"),
        (lambda s: s.integers(high=3, out=np.zeros(3)), TypeError, "out's dtype must be int64"),
        (lambda s: s.bits(4, out=np.zeros(3, "u8")), ValueError, "out must have shape"),
        (lambda s: s.integers(3, low=4, high=4), ValueError, "high must be at least 5, got 4"),
        (lambda s: s.integers(3, high=2.5), TypeError, "high must be an integer, got 2.5"),
        (lambda s: s.integers(3, low=-(2**63) - 1, high=0), ValueError, "low must be at least"),
        (lambda s: s.integers(3, high=2**63 + 1), ValueError, "high must be at most"),
        (lambda s: s.permutation(-1), ValueError, "n must be at least 0, got -1"),
    ],
)
def test_bad_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call(irwinhall.Stream(1))
