"""The comparison of all schemes for one layer."""

from __future__ import annotations

import math

import pytest

import irwinhall
from irwinhall import schemes
from irwinhall.compare import compare, left_out


def rows_of(*arguments, **options):
    return {row.scheme: row for row in compare(*arguments, **options)}


def test_every_scheme_is_compared_or_named_as_left_out():
    for n, m in ((784, 256), (256, 784)):
        assert {*rows_of(n, m), *left_out(n, m)} == set(schemes.SCHEMES)


def test_the_figures_are_those_of_the_statistics():
    row, exact = rows_of(784, 256)["xavier_uniform"], schemes.statistics("xavier_uniform", 784, 256)
    assert row.scale == exact.bound
    assert (row.std, row.forward_variance) == (exact.std, exact.forward_variance)
    assert row.forward_magnitude == (exact.forward_magnitude, 0.0, 0)
    assert row.backward_magnitude == (exact.backward_magnitude, 0.0, 0)


def test_letkeman_rows_preserve_what_they_claim():
    rows = rows_of(784, 256)
    assert math.isclose(rows["letkeman"].forward_magnitude.estimate, 1.0, rel_tol=1e-15)
    assert math.isclose(rows["letkeman_normalized"].node_average.estimate, 1.0, rel_tol=1e-15)
    gaussian = rows["letkeman_normalized_gaussian"]
    assert math.isclose(gaussian.node_average.estimate, 1.0, rel_tol=1e-15)


def test_the_node_average_is_that_of_preserved_magnitude():
    row = rows_of(30, 500)["he_uniform"]
    expected = irwinhall.preserved_magnitude(30, 500, row.scale).node_average
    assert math.isclose(row.node_average.estimate, expected, rel_tol=1e-14)


def test_truncated_normals_are_simulated_close_to_the_normal_law():
    # Their sums have less kurtosis than normals of the same std: E|sum| is within 1/(8 n) above.
    rows = rows_of(100, 400, rng=1)
    for direction, fan in (("forward_magnitude", 100), ("backward_magnitude", 400)):
        simulated = getattr(rows["lecun_truncated_normal"], direction)
        normal = getattr(rows["lecun_normal"], direction).estimate
        assert simulated.trials == 2**24 // fan
        assert 0 < simulated.standard_error < 0.005 * normal
        assert abs(simulated.estimate - normal) < 5 * simulated.standard_error + normal / (8 * fan)


def test_a_sum_of_one_truncated_normal_has_the_magnitude_of_the_law():
    simulated = rows_of(1, 1)["lecun_truncated_normal"].forward_magnitude
    exact = schemes.statistics("lecun_truncated_normal", 1, 1).magnitude
    assert abs(simulated.estimate - exact) < 5 * simulated.standard_error


def test_fans_too_large_to_simulate_have_no_magnitude_and_take_no_time():
    row = rows_of(2**40, 10)["he_truncated_normal"]
    assert (row.forward_magnitude, row.node_average) == (None, None)
    assert row.backward_magnitude is not None


def test_the_share_is_1_for_the_direction_of_fewer_summands():
    rows = rows_of(784, 256, activation="relu")
    assert math.isclose(rows["he_normal_fan_out"].share, 1.0)
    assert math.isclose(rows["he_normal"].share, math.sqrt(256 / 784))
    assert math.isclose(rows["kalafus_normal"].share, math.sqrt(256 / 784))
    assert math.isclose(rows["xavier_normal"].share, math.sqrt(2 * 256 / (784 + 256)))


@pytest.mark.parametrize(("n", "m"), [(1, 1), (784, 256), (10, 1000)])
def test_xavier_is_never_smaller_than_kalafus(n, m):
    rows = rows_of(n, m)
    ratio = rows["xavier_uniform"].std / rows["kalafus_uniform"].std
    assert math.isclose(ratio, math.sqrt(2 * max(n, m) / (n + m)))
    assert ratio >= 1.0 - 1e-15


@pytest.mark.parametrize(("n", "m"), [(1, 1), (784, 256), (10, 1000), (1, 10**9)])
def test_kalafus_for_relu_is_larger_than_xavier_most_of_all_for_equal_fans(n, m):
    # As the proposal has it: the maximum for the sum in Xavier's formula, sqrt(6/(n + m)).
    kalafus = schemes.scale("kalafus_uniform", n, m, gain="relu")
    assert math.isclose(kalafus, math.sqrt(6 / max(n, m)))
    ratio = kalafus / schemes.scale("xavier_uniform", n, m)
    assert math.isclose(ratio, math.sqrt((n + m) / max(n, m)))
    assert 1.0 < ratio <= math.sqrt(2.0) * (1.0 + 1e-15)
    assert math.isclose(ratio, math.sqrt(2.0)) == (n == m)


def test_an_activation_takes_the_place_of_every_gain():
    plain, tanh = rows_of(50, 60), rows_of(50, 60, activation="tanh")
    gain = irwinhall.gain("tanh")
    assert math.isclose(tanh["letkeman"].scale, gain * plain["letkeman"].scale)
    assert math.isclose(tanh["he_normal"].std, gain / math.sqrt(50))
    assert math.isclose(plain["he_normal"].std, math.sqrt(2 / 50))
    assert math.isclose(tanh["letkeman"].share, plain["letkeman"].share)


def test_progress_counts_the_weights_drawn():
    counts = []
    compare(2**20, 2**22, progress=counts.append)
    assert sum(counts) == 2 * 2**24


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0, 5), ValueError, "n must be at least 1, got 0"),
        ((5, 0), ValueError, "m must be at least 1, got 0"),
        ((5, 2**63), ValueError, "m must be less than 2.*63, got 9223372036854775808"),
        ((5, 1.0), TypeError, "m must be an integer, got 1.0"),
    ],
)
def test_bad_sizes_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        compare(*arguments)
    with pytest.raises(error, match=message):
        left_out(*arguments)


def test_an_unknown_activation_lists_near_names():
    with pytest.raises(ValueError, match="did you mean 'relu'"):
        compare(5, 5, activation="rellu")
