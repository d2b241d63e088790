"""Ctrl-C ends long calls of C soon, and what they do in pieces are the same bits."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import irwinhall
from irwinhall import distribution
from irwinhall._core import FLOAT32, TRUNCATED_NORMAL
from irwinhall.stream import fill_memory, prepare_law

# Each takes many seconds.
CALLS = {
    "sums": "irwinhall.montecarlo.magnitude(2**36, trials=8, threads=2)",
    "small sums": "irwinhall.montecarlo.magnitude(1000, trials=2**28, threads=2)",
    "wide layers": "irwinhall.montecarlo.layer(2**17, 2**17, trials=4, threads=1)",
    "tall layers": "irwinhall.montecarlo.layer(2**33, 7, trials=4, threads=3)",
    "weighted": "d.weighted_cdf(np.linspace(900, 1100, 5_000_000), np.linspace(1, 2, 5000))",
    "weighted quantiles": "d.weighted_ppf(np.linspace(0.1, 0.9, 500_000), np.linspace(1, 2, 12))",
    "bounds": "irwinhall.letkeman_bound(np.arange(2000, 40_000)[:, None], np.arange(2000, 40_000))",
    "magnitudes": "irwinhall.expected_magnitude(np.broadcast_to(np.int64(7**9), (2**17, 2**13)))",
    "rows": "d.weighted_cdf(np.full(10**6, 1.0), np.ones((10**6, 2)))",
    "quantiles": "d.ppf(np.linspace(0.01, 0.99, 9999)[:, None], np.arange(2, 9999))",
    "fills": "stream.truncated_normal(2**27, low=8, high=8.1, dtype='float16', threads=2)",
    "fills of rows": "stream.truncated_normal((2**25, 3), low=8, high=8.1, threads=1)",
    "fills of columns": "stream.truncated_normal(out=np.empty((9, 2**23), 'f4').T, low=8, high=9)",
}


@pytest.mark.parametrize("call", CALLS)
def test_sigint_ends_a_long_call(call):
    # The child says when it begins, so that imports do not count.
    script = (
        "import numpy as np, irwinhall, sys; import irwinhall.distribution as d\n"
        "irwinhall.montecarlo; stream = irwinhall.Stream(1); print('begins', flush=True)\n"
        f"try:\n    {CALLS[call]}\n"
        "except KeyboardInterrupt:\n    sys.exit(77)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == b"begins\n"
            time.sleep(0.5)
            assert child.poll() is None, "the call was too short"
            sent = time.monotonic()
            child.send_signal(signal.SIGINT)
            assert child.wait(60) == 77
            assert time.monotonic() - sent < 2.0  # 0.1 s on an idle machine
        finally:
            child.kill()


SHAPES = [(1 << 19,), (1500, 401), (3, 700, 501), (700, 3, 501, 1), (2, 1 << 18), (1 << 18, 3)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("order", ["C", "F"])
def test_pieces_are_the_same_as_single_calls(shape, order):
    rng = np.random.default_rng(1)
    n = np.asarray(rng.integers(1, 10**5, shape), order=order)
    m = rng.integers(1, 3000, (*shape[:-1], 1))
    bounds = irwinhall.letkeman_bound(n, m)
    made = irwinhall.preserved_magnitude(n, m, bounds)
    cdf = distribution.cdf(n / 1e5, m)
    assert bounds.strides == (n * m).strides == cdf.strides
    for _ in range(300):
        place = tuple(rng.integers(0, shape))
        pair = int(n[place]), int(np.broadcast_to(m, shape)[place])
        assert bounds[place] == irwinhall.letkeman_bound(*pair)
        expected = irwinhall.preserved_magnitude(*pair, float(bounds[place]))
        assert expected == tuple(values[place] for values in made)
        assert cdf[place] == distribution.cdf(float(n[place] / 1e5), pair[1])


@pytest.fixture(scope="module")
def slow_values():
    """Return values of a slow distribution, made by calls too small to be cut into pieces."""
    values = np.empty(2100 * 2100, np.float32)
    for first in range(0, values.size, 1 << 20):
        part = slice(first, min(first + (1 << 20), values.size))
        slow(values.size, out=values[part], region=part)
    return values


def slow(shape, **options):
    return irwinhall.Stream(5).truncated_normal(shape, low=8, high=8.1, **options)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(
    "shape", [(2100 * 2100,), (2100, 2100), (3, 1_470_000), (1_470_000, 3), (7, 1, 2100, 300)]
)
def test_a_fill_in_pieces_has_the_same_bits(slow_values, shape, threads):
    assert np.array_equal(slow(shape, threads=threads).ravel(), slow_values)


def test_fills_in_pieces_of_regions_and_strides_have_the_same_bits(slow_values):
    square = slow_values.reshape(2100, 2100)
    region = slice(5, None), slice(3, 2098)
    expected = square[region]
    memory = np.zeros((3, *expected.shape[::-1]), np.float32)
    for out in (memory[0].T, memory[1, ::-1].T, memory[2, :, ::-1].T):
        slow(square.shape, out=out, region=region)
        assert np.array_equal(out, expected)
    assert np.array_equal(slow(square.shape, region=region), expected)


def test_fills_in_pieces_of_memory_have_the_same_bits(slow_values):
    out = np.zeros((2100, 2100), np.float32)
    law = prepare_law(FLOAT32, TRUNCATED_NORMAL, 1.0, 8.0, 8.1, True)
    fill_memory(irwinhall.Stream(5), law, FLOAT32, out.shape, (2100, 1), out.ctypes.data, 2)
    assert np.array_equal(out.ravel(), slow_values)


def test_an_interrupted_fill_leaves_the_rest_untouched():
    out = np.full(1 << 25, np.nan, np.float32)
    timer = threading.Timer(0.3, signal.raise_signal, [signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        slow(None, out=out, threads=1)
    timer.join()
    written = np.isfinite(out)
    done = np.count_nonzero(written)
    assert 0 < done < out.size
    assert written[:done].all()


def test_pieces_read_before_they_write_where_out_overlaps():
    n = np.random.default_rng(2).integers(1, 10**6, 1 << 19)
    expected = irwinhall.letkeman_bound(n)
    for first, last in ((0, 0), (1, 0), (0, 1)):
        memory = n.copy()
        read = memory[first : memory.size - last]
        written = memory.view(np.float64)[last : memory.size - first]
        irwinhall.letkeman_bound(read, out=written)
        assert np.array_equal(written, expected[first : memory.size - last])


@pytest.mark.parametrize(
    "call",
    [
        irwinhall.letkeman_bound,
        irwinhall.expected_magnitude,
        lambda n: irwinhall.letkeman_bound(3, n),
        lambda n: irwinhall.letkeman_bound(n.astype(">u8")[:1] if n.size == 1 else n, 3),
        lambda n: irwinhall.preserved_magnitude(n, 3, 0.5),
        lambda n: irwinhall.preserved_magnitude(3, 4, np.broadcast_to(0.5, n.shape)),
        lambda n: distribution.cdf(0.5, n),
        lambda n: distribution.ppf(np.broadcast_to(0.5, n.shape), 3),
    ],
)
def test_a_broadcast_array_is_looked_at_once(call):
    began = time.monotonic()
    with pytest.raises(MemoryError):
        call(np.broadcast_to(np.int64(5), (1 << 46,)))
    assert time.monotonic() - began < 1.0


def test_the_first_wrong_element_of_a_broadcast_array_is_named():
    n = np.broadcast_to(np.array([[3], [0]]), (2, 1 << 40))
    with pytest.raises(ValueError, match=r"got 0 at index \(1, 0\)"):
        irwinhall.letkeman_bound(n)
    bound = np.broadcast_to(np.array([[3.0], [-1.0]]), (2, 1 << 40))
    with pytest.raises(ValueError, match=r"got -1.0 at index \(1, 0\)"):
        irwinhall.preserved_magnitude(3, 4, bound)
    big = np.broadcast_to(np.array([[3], [2**63]], ">u8"), (2, 1 << 40))
    with pytest.raises(ValueError, match=rf"got {2**63} at index \(1, 0\)"):
        irwinhall.expected_magnitude(big)
