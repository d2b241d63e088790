"""Monte Carlo estimates against exact values, and their standard errors against theory.

The C of ih_montecarlo.c is held against NumPy sums of the same weights.
"""

from __future__ import annotations

import math
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import irwinhall
from irwinhall import _core, montecarlo, stream

KERNELS = [name for name, available in irwinhall.kernels() if available]
SEED = irwinhall.Stream(3, "simulation")
# A trial inside a vector, a piece of words, a block; across them; sums too large for 32-bit lanes.
SUMS = [(1, 5000), (2, 2049), (3, 700), (15, 100), (16, 300), (17, 9), (255, 40), (256, 40)]
SUMS += [(257, 1100), (1000, 263), (2047, 5), (2048, 5), (2049, 130), (262_144, 3), (300_001, 3)]
LAYERS = [(1, 1, 2049), (1, 7, 900), (7, 1, 900), (5, 5, 2100), (15, 16, 40), (16, 15, 40)]
LAYERS += [(3, 17, 200), (255, 3, 9), (256, 3, 9), (600, 2, 9), (511, 20, 4), (2, 3000, 50)]
LAYERS += [(700, 300, 3), (1, 10_000, 5), (10_000, 1, 5), (4096, 100, 2)]


def moments(n, m, trials, *, first=0, threads=1, kernel="portable", source=SEED):
    """Return the moments of every block of trials, (block, quantity, (count, mean, squares))."""
    block = _core.block_trials(n * (m or 1))
    out = np.full((-(-trials // block), 3 if m else 1, 3), np.nan)
    scratch = np.full(_core.layer_scratch(n, m, threads), 0xCA, np.uint8) if m else None
    index = _core.find_kernel(kernel)
    _core.simulate(source.key, n, m, first, trials, out, threads, index, scratch)
    return out


def weights_of(*shape):
    """Return the weights of the stream as exact integers in units of 2^-24."""
    return (SEED.uniform(shape) * np.float32(2**24)).astype(np.int64)


def expected_means(values, counts, block):
    """Return the mean of each block's integer values over `counts`, in the C function's steps."""
    means = []
    for begin in range(0, len(values), block):
        part = values[begin : begin + block]
        means.append(float(int(part.sum())) / (float(len(part)) * float(counts)) * 2.0**-24)
    return np.array(means)


def expected_squares(values, counts, block):
    parts = [values[begin : begin + block] for begin in range(0, len(values), block)]
    scaled = [part / (counts * 2.0**24) for part in parts]
    return np.array([((part - part.mean()) ** 2).sum() for part in scaled])


@pytest.mark.parametrize(("n", "trials"), SUMS)
def test_a_trial_sums_the_streams_weights(n, trials):
    values = np.abs(weights_of(trials, n).sum(axis=1))
    block = _core.block_trials(n)
    found = moments(n, None, trials, kernel=None)[:, 0]
    np.testing.assert_array_equal(found[:, 1], expected_means(values, 1, block))
    np.testing.assert_allclose(found[:, 2], expected_squares(values, 1, block), rtol=1e-12)
    assert found[:, 0].sum() == trials


@pytest.mark.parametrize(("n", "m", "trials"), LAYERS)
def test_a_layer_sums_columns_and_rows_of_the_streams_weights(n, m, trials):
    weights = weights_of(trials, n, m)
    outputs = np.abs(weights.sum(axis=1)).sum(axis=1)
    gradients = np.abs(weights.sum(axis=2)).sum(axis=1)
    block = _core.block_trials(n * m)
    found = moments(n, m, trials, kernel=None)
    expected = [(outputs, m), (gradients, n), (outputs + gradients, n + m)]
    for quantity, (values, counts) in enumerate(expected):
        means = expected_means(values, counts, block)
        np.testing.assert_array_equal(found[:, quantity, 1], means)
        squares = expected_squares(values, counts, block)
        np.testing.assert_allclose(found[:, quantity, 2], squares, rtol=1e-11, atol=1e-26)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize(
    ("n", "m", "trials"), [(5, None, 200_000), (1001, None, 900), (30, 70, 400)]
)
def test_kernels_and_threads_give_the_same_bits(n, m, trials, kernel, threads):
    expected = moments(n, m, trials)
    found = moments(n, m, trials, threads=threads, kernel=kernel)
    assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("threads", range(1, 9))
def test_an_estimate_does_not_depend_on_the_threads(threads):
    one = montecarlo.magnitude(37, trials=50_001, threads=1)
    assert montecarlo.magnitude(37, trials=50_001, threads=threads) == one
    layer = montecarlo.layer(20, 30, standard_error=0.004, threads=1)
    assert montecarlo.layer(20, 30, standard_error=0.004, threads=threads) == layer


def test_later_trials_are_those_of_the_whole():
    block = _core.block_trials(100)
    whole = moments(100, None, 3 * block)
    np.testing.assert_array_equal(moments(100, None, block, first=2 * block), whole[2:])


def test_trials_at_the_end_of_the_stream():
    # The last trial of 2^63 weights; element 2^63 - 1000 is the first of its row.
    n = 1000
    first = 2**63 // n - 2
    index = first * n
    weights = SEED.uniform((2**63 - 1,), region=slice(index, index + n)).astype(np.float64)
    assert moments(n, None, 1, first=first)[0, 0, 1] == abs(weights.sum())
    with pytest.raises(RuntimeError, match="status -21"):
        moments(n, None, 3, first=first)


@pytest.mark.parametrize(
    ("n", "m"), [(0, None), (2**38 + 1, None), (2**20, 2**19), (2**63, 2), (0, 1)]
)
def test_sizes_beyond_the_limit_are_refused_by_c(n, m):
    out, scratch = np.empty((1, 3, 3)), np.empty(64, np.uint8)
    with pytest.raises(RuntimeError, match="status -20"):
        _core.simulate(SEED.key, n, m, 0, 1, out, 1, 0, scratch)


def test_a_sum_of_the_largest_size_fits():
    # 2^38 weights of at most 2^24 - 1, outputs and gradients together.
    assert 2 * _core.MAX_TRIAL_WEIGHTS * (2**24 - 1) < 2**63
    assert _core.MAX_TRIAL_WEIGHTS == 2**38


def test_long_runs_of_rows_do_not_overflow_the_columns():
    # Half the sum of a million weights has a standard deviation of 2.2 * 2^31.
    n, m, trials = 1_000_000, 2, 2
    weights = weights_of(trials, n, m)
    outputs = np.abs(weights.sum(axis=1)).sum(axis=1)
    found = moments(n, m, trials)
    assert found[:, 0, 1].tolist() == (outputs / m * 2.0**-24).tolist()


# ---- statistics ----------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3, 17, 1000])
def test_magnitude_estimates_the_expected_magnitude(n):
    estimate = montecarlo.magnitude(n, rng=n, trials=200_000)
    exact = irwinhall.expected_magnitude(n)
    assert abs(estimate.estimate - exact) < 5 * estimate.standard_error


def test_a_huge_sum_needs_no_memory():
    estimate = montecarlo.magnitude(10**7, trials=20)
    exact = irwinhall.expected_magnitude(10**7)
    assert abs(estimate.estimate - exact) < 5 * estimate.standard_error


@pytest.mark.parametrize("n", [1, 12, 300])
def test_the_standard_error_is_the_theoretical_one(n):
    # E S^2 = n/3, so the variance of |S| is n/3 - A(n)^2.
    trials = 100_000
    expected = math.sqrt((n / 3 - irwinhall.expected_magnitude(n) ** 2) / trials)
    estimate = montecarlo.magnitude(n, trials=trials)
    assert estimate.standard_error == pytest.approx(expected, rel=0.02)


def test_blocks_give_the_moments_of_the_whole():
    values = np.random.default_rng(3).exponential(size=1000)
    gathered = montecarlo._Moments()
    for piece in np.split(values, [1, 10, 11, 500]):
        gathered.add(piece.size, piece.mean(), ((piece - piece.mean()) ** 2).sum())
    estimate = gathered.estimate()
    assert estimate.estimate == pytest.approx(values.mean(), rel=1e-14)
    assert estimate.standard_error == pytest.approx(values.std(ddof=1) / math.sqrt(1000), rel=1e-13)
    assert estimate.trials == 1000


@pytest.mark.parametrize(("n", "m"), [(1, 1), (7, 3), (3, 200), (200, 3), (300, 1)])
def test_layer_estimates_what_the_layer_preserves(n, m):
    estimates = montecarlo.layer(n, m, bound=0.3, trials=4_000, rng=5)
    exact = irwinhall.preserved_magnitude(n, m, 0.3)
    for estimate, value in zip(estimates, exact, strict=True):
        assert abs(estimate.estimate - value) < 5 * estimate.standard_error


def test_a_layer_with_one_output_is_a_sum():
    forward = montecarlo.layer(40, 1, trials=3_000).forward
    assert forward.estimate == pytest.approx(montecarlo.magnitude(40, trials=3_000).estimate)


def test_the_bound_only_scales():
    one = montecarlo.magnitude(5, trials=100)
    assert montecarlo.magnitude(5, bound=0.25, trials=100) == one.scaled(0.25)


def test_the_same_seed_gives_the_same_estimate():
    assert montecarlo.layer(3, 4, trials=50, rng=9) == montecarlo.layer(3, 4, trials=50, rng=9)
    assert montecarlo.layer(3, 4, trials=50, rng=9) != montecarlo.layer(3, 4, trials=50, rng=8)


def test_a_seed_is_that_of_a_stream():
    of_stream = montecarlo.magnitude(3, trials=50, rng=irwinhall.Stream(9))
    assert montecarlo.magnitude(3, trials=50, rng=9) == of_stream
    named = montecarlo.magnitude(3, trials=50, rng=irwinhall.Stream(9, "other"))
    assert named != of_stream


# ---- stopping ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "bound", "wanted"), [(1, 1.0, 1e-3), (50, 0.1, 1e-3), (9, 7.0, 0.02)]
)
def test_it_goes_on_until_the_standard_error_is_reached(n, bound, wanted):
    estimate = montecarlo.magnitude(n, bound, standard_error=wanted)
    block = _core.block_trials(n)
    assert estimate.standard_error <= wanted
    assert estimate.trials % block == 0
    # One block less is not enough, and the trials are those of a call that asks for them.
    fewer = montecarlo.magnitude(n, bound, trials=estimate.trials - block)
    assert fewer.standard_error > wanted
    assert montecarlo.magnitude(n, bound, trials=estimate.trials) == estimate


def test_all_standard_errors_of_a_layer_are_reached():
    estimates = montecarlo.layer(10, 100, standard_error=0.01)
    assert max(estimate.standard_error for estimate in estimates) <= 0.01
    assert len({estimate.trials for estimate in estimates}) == 1


def test_trials_are_the_most_that_a_standard_error_may_take():
    estimate = montecarlo.magnitude(50, trials=12_345, standard_error=1e-9)
    assert (estimate.trials, estimate.standard_error > 1e-9) == (12_345, True)


def test_a_standard_error_is_not_believed_before_a_hundred_trials():
    # A trial of this size is a block of its own.
    assert montecarlo.magnitude(300_000, standard_error=1e9).trials == 100


def test_a_standard_error_out_of_reach_is_refused_at_once():
    with pytest.raises(ValueError, match=r"standard_error must be at least 3.*e-05, .*got 1e-09"):
        montecarlo.magnitude(100, standard_error=1e-9)


def test_a_bound_of_zero_has_no_error():
    assert montecarlo.magnitude(5, 0.0, standard_error=1e-300)[:2] == (0.0, 0.0)


# ---- executors -----------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 3])
def test_an_executor_changes_no_bit(workers):
    with ThreadPoolExecutor(workers) as executor:
        sums = montecarlo.magnitude(7, trials=3_000_001, executor=executor)
        layer = montecarlo.layer(300, 20, trials=2_001, executor=executor, threads=2)
    assert sums == montecarlo.magnitude(7, trials=3_000_001)
    assert layer == montecarlo.layer(300, 20, trials=2_001)


def test_an_executor_stops_at_the_same_trial():
    with ThreadPoolExecutor(3) as executor:
        found = montecarlo.magnitude(50, standard_error=2e-3, executor=executor)
    assert found == montecarlo.magnitude(50, standard_error=2e-3)


def test_pieces_for_an_executor_are_of_even_cost_after_the_first_few():
    weights = 1000
    pieces = list(montecarlo._batches(10**7, weights, 1, montecarlo._LAST_PIECE))
    firsts, counts = zip(*pieces, strict=True)
    assert list(firsts) == np.cumsum([0, *counts[:-1]]).tolist()
    assert len({*counts[9:-1]}) == 1
    assert 0.9 < counts[9] * weights / montecarlo._LAST_PIECE <= 1.0


# ---- calls ---------------------------------------------------------------------------------------


def test_progress_counts_every_weight():
    drawn = []
    montecarlo.magnitude(1000, trials=3000, progress=drawn.append)
    assert (sum(drawn), len(drawn) > 1) == (3_000_000, True)


def test_an_interrupt_ends_a_simulation():
    timer = threading.Timer(0.2, signal.raise_signal, [signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        montecarlo.magnitude(1000, trials=10**12)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n": 0}, ValueError, "n must be at least 1, got 0"),
        ({"n": 2.0}, TypeError, "n must be an integer, got 2.0"),
        ({"n": True}, TypeError, "n must be an integer, got True"),
        ({"n": 2**38 + 1}, ValueError, r"n must be at most 2\*\*38, got 274877906945"),
        ({"n": 2, "trials": 1}, ValueError, "trials must be at least 2, got 1"),
        ({"n": 2, "trials": 1e6}, TypeError, "trials must be an integer, got 1000000.0"),
        (
            {"n": 2, "trials": 2**62},
            ValueError,
            "trials must be at most .*, got 4611686018427387904",
        ),
        ({"n": 2, "bound": math.inf}, ValueError, "bound must be finite and at least 0, got inf"),
        ({"n": 2, "bound": -1}, ValueError, "bound must be finite and at least 0, got -1"),
        ({"n": 2, "bound": "1"}, TypeError, "bound must be a real number, got '1'"),
        ({"n": 2, "threads": 0}, ValueError, "threads must be at least 1, got 0"),
        ({"n": 2, "executor": 3}, TypeError, r"executor must be a concurrent.*, got 3 \(int\)"),
        ({"n": 2, "rng": 0.5}, TypeError, "rng must be a Stream, an int, .*got 0.5"),
        ({"n": 2, "standard_error": 0}, ValueError, "standard_error must be finite and pos.*got 0"),
        ({"n": 2, "standard_error": math.nan}, ValueError, "standard_error must be .*got nan"),
        ({"n": 2, "progress": 0}, TypeError, r"progress must be callable, got 0 \(int\)"),
        (
            {"n": 2**34, "standard_error": 0.5},
            ValueError,
            r"trials must be given with standard_error .* than 2\*\*40 weights, got .* 0.5 and ",
        ),
        ({"n": 2, "standard_error": "1"}, TypeError, "standard_error must be a real .*got '1'"),
    ],
)
def test_bad_arguments_are_named(arguments, error, message):
    if arguments.get("trials") != 2**62:
        with pytest.raises(error, match=message):
            montecarlo.magnitude(**arguments)
    with pytest.raises(error, match=message):
        montecarlo.layer(**{"m": 3, **arguments})


def test_a_layer_too_large_is_named():
    with pytest.raises(ValueError, match=r"n m must be at most 2\*\*38, got n = 1048576 and m = 5"):
        montecarlo.layer(2**20, 524_288)


def test_the_kernel_of_the_stream_is_used(monkeypatch):
    best = montecarlo.layer(9, 11, trials=300)
    monkeypatch.setattr(stream, "KERNEL", _core.find_kernel("portable"))
    assert montecarlo.layer(9, 11, trials=300) == best
