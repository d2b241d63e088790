"""Signals and gradients through deep networks, against theory and against plain NumPy."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
import verify_flow

import irwinhall
from irwinhall import flow, gains, schemes
from irwinhall.flow import Flow


def test_the_flow_is_what_plain_numpy_makes_of_the_same_weights():
    (ours,) = flow.simulate(["he_normal"], width=(5, 7), depth=3, batch=4, rng=9)
    widths = [5, 7, 5, 7]
    weights = [
        irwinhall.sample_weights(
            (widths[i], widths[i + 1]), "he_normal", rng=9, name=f"layer.{i + 1}"
        ).astype(np.float64)
        for i in range(3)
    ]
    signals = [irwinhall.Stream(9, "input").normal((4, 5), dtype="float64")]
    for matrix in weights:
        signals.append(np.maximum(signals[-1], 0) @ matrix)
    gradients = [irwinhall.Stream(9, "gradient").normal((4, 7), dtype="float64")]
    for matrix, signal in zip(weights[::-1], signals[-2::-1], strict=True):
        gradients.append((gradients[-1] @ matrix.T) * (signal > 0))
    gradients.reverse()
    for measured, arrays, moment in (
        (ours.forward_magnitude, signals, np.abs),
        (ours.forward_variance, signals, np.square),
        (ours.backward_magnitude, gradients, np.abs),
        (ours.backward_variance, gradients, np.square),
    ):
        np.testing.assert_allclose(measured, [moment(a).mean() for a in arrays], rtol=1e-9)


def test_letkeman_by_its_own_gain_keeps_less_than_he_and_more_than_xavier_through_relu():
    flows = flow.simulate(["xavier_uniform", "letkeman", "he_normal"], width=64, depth=20)
    last = [one.forward_magnitude[-1] for one in flows]
    assert last == sorted(last)


def test_the_default_schemes_keep_signals_in_sight():
    flows = {one.scheme: one for one in flow.simulate(width=64, depth=10, batch=8)}
    assert list(flows) == flow.default_schemes("relu")
    for quantity in ("forward_magnitude", "backward_magnitude"):
        ends = {name: getattr(one, quantity)[[0, -1]].max() for name, one in flows.items()}
        least = {name: getattr(one, quantity)[[0, -1]].min() for name, one in flows.items()}
        assert min(least.values()) > 1e-6
        for kept in ("he_normal", "kalafus_normal:relu", "orthogonal:relu"):
            assert (ends[kept] < 5, least[kept] > 0.1) == (True, True)


def test_the_same_seed_gives_the_same_flow_and_another_seed_another():
    first, again, other = (
        flow.simulate(["letkeman"], width=16, depth=3, rng=seed)[0] for seed in (1, 1, 2)
    )
    assert first.forward_magnitude.tolist() == again.forward_magnitude.tolist()
    assert first.forward_magnitude[1] != other.forward_magnitude[1]


def test_what_overflows_is_inf_from_there_on_and_has_no_gradient():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (one,) = flow.simulate(["normal:1e30"], width=8, depth=12, activation="linear")
    infinite = np.isinf(one.forward_magnitude)
    assert infinite.any()
    assert infinite[np.argmax(infinite) :].all()
    assert np.isnan(one.backward_magnitude[0])


def test_what_underflows_is_0():
    (one,) = flow.simulate(["normal:1e-30"], width=8, depth=20, activation="linear")
    assert (one.forward_magnitude[-1], one.backward_magnitude[0]) == (0.0, 0.0)


@pytest.mark.parametrize("name", gains.ACTIVATIONS)
def test_every_activation_flows(name):
    (one,) = flow.simulate(["lecun_normal"], width=8, depth=2, activation=name, batch=4)
    assert np.isfinite(one.forward_magnitude).all()
    assert np.isfinite(one.backward_magnitude).all()


def test_the_explosion_table_has_the_variances_of_the_textbook():
    rows = list(flow.explosion(trials=2))
    expected = [100.0**layer for layer in range(1, 6)] + [0.1**layer for layer in range(1, 6)]
    np.testing.assert_allclose([row.expected for row in rows], expected)


def test_the_simulated_variances_are_the_expected_ones():
    rows = list(flow.explosion(width=40, depth=4, trials=1000, rng=3))
    deviations = [(row.simulated - row.expected) / row.standard_error for row in rows]
    assert max(abs(deviation) for deviation in deviations) < 5


def test_progress_counts_every_layer_both_ways():
    counts = []
    flow.simulate(["letkeman", "zeros"], width=4, depth=3, progress=counts.append)
    assert sum(counts) == 2 * 2 * 3
    flow.simulate(["normal:1e38"], width=4, depth=12, progress=counts.append)
    assert sum(counts) == 2 * 2 * 3 + 2 * 12


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"schemes": ["letkemann"]}, ValueError, "did you mean 'letkeman'"),
        ({"schemes": ["letkeman:rellu"]}, ValueError, "did you mean 'relu'"),
        ({"schemes": ["letkeman:nan"]}, ValueError, "gain must be"),
        ({"schemes": ["normal"]}, ValueError, "gain must be given"),
        ({"schemes": [3]}, TypeError, "schemes must be strings, got 3"),
        ({"schemes": slice(1)}, TypeError, "schemes must be a list of names, got slice"),
        ({"activation": True}, TypeError, "activation must be a name or an Activation, got True"),
        ({"progress": [1]}, TypeError, r"progress must be callable, got \[1\]"),
        ({"activation": "rellu"}, ValueError, "did you mean 'relu'"),
        ({"width": 0}, ValueError, "width must be at least 1, got 0"),
        ({"width": ()}, ValueError, "width must hold at least one"),
        ({"depth": 0}, ValueError, "depth must be at least 1, got 0"),
        ({"batch": 1.5}, TypeError, "batch must be an integer"),
        ({"width": 2**63}, ValueError, r"width must be less than 2\*\*63, got 9223372036854775808"),
        ({"batch": 1, "normalization": "batch"}, ValueError, "batch must be at least 2, got 1"),
        (
            {"normalization": "group"},
            ValueError,
            "normalization must be one of batch, .*'group'",
        ),
        ({"residual": "1"}, TypeError, "residual must be a real number"),
        ({"residual": 1.0, "width": (4, 5)}, ValueError, r"width must be one number .* \(4, 5\)"),
    ],
)
def test_bad_arguments_of_simulate_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        flow.simulate(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"variances": [-1.0]}, "variances must be finite and at least 0"),
        ({"trials": 1}, "trials must be at least 2"),
        ({"width": 0}, "width must be at least 1"),
        ({"depth": 0}, "depth must be at least 1"),
    ],
)
def test_bad_arguments_of_explosion_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        list(flow.explosion(**arguments))


# ---- verdicts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "dead", "word", "rate"),
    [
        (0.9 ** np.arange(50), 0.0, "kept", 0.9),
        (0.8 ** np.arange(50), 0.0, "vanishing", 0.8),
        (1.2 ** np.arange(50), 0.0, "kept", 1.2),
        (1.3 ** np.arange(50), 0.0, "exploding", 1.3),
        (1.3 ** np.arange(2500), 0.0, "exploding", 1.3),
        ([1.0, 1.0, np.inf], 0.0, "exploding", 1.0),
        ([1.0, 1.0, np.nan], 0.0, "exploding", 1.0),
        ([1.0, 0.5, 0.0], 0.0, "dead", 0.5),
        ([1.0, 0.0, 1.0], 0.0, "kept", 1.0),
        ([1.0, 1.0, 1.0], 0.95, "dead", 1.0),
        ([1.0, 1.0, 1.0], 0.5, "kept", 1.0),
        ([1.0] * 20 + [1e-6], 0.0, "kept", 1.0),  # the last layer alone
    ],
)
def test_the_verdict_goes_by_the_rate_a_layer(values, dead, word, rate):
    found = flow.verdict(values, dead=dead)
    assert (found.word, found.layers) == (word, len(values))
    assert found.rate == pytest.approx(rate)
    assert found.change == pytest.approx(rate ** (len(values) - 1), rel=1e-6)


@pytest.mark.parametrize("values", [[], [1.0], [0.0], [np.inf, 1.0]])
def test_too_few_layers_have_no_rate(values):
    found = flow.verdict(values)
    assert np.isnan(found.rate)
    assert str(found).startswith(f"{found.word}: {len(values)} layers, too few")


def test_mean_squares_must_be_a_list():
    with pytest.raises(ValueError, match=r"mean_squares must have one axis, got shape \(2, 2\)"):
        flow.verdict(np.ones((2, 2)))


# ---- predictions ---------------------------------------------------------------------------------


def test_relu_is_predicted_exactly():
    one = flow.predict(["letkeman"], width=(64, 256), depth=9)[0]
    expected = [1.0]
    for layer in range(9):
        n, m = ((64, 256), (256, 64))[layer % 2]
        expected.append(expected[-1] * schemes.statistics("letkeman", n, m).forward_variance / 2)
    assert one.forward_variance == pytest.approx(expected)
    assert one.forward_magnitude == pytest.approx(np.sqrt(2 / np.pi * np.array(expected)))
    (back,) = flow.predict(["he_normal_fan_out"], width=(64, 256), depth=9)
    assert back.backward_variance == pytest.approx(np.ones(10))
    # E|h f'| of a derivative that is 0 or 1, each half of the time
    assert back.backward_magnitude[:-1] == pytest.approx(np.sqrt(2 / np.pi) * np.sqrt(2) / 2)


def test_the_fixed_point_is_kept():
    (one,) = flow.predict(["lecun_normal:silu"], depth=30, activation="silu")
    assert one.forward_variance == pytest.approx(np.ones(31), rel=1e-6)
    (point,) = gains.fixed_points("tanh", gains.gain("tanh"))[1:]
    (tanh,) = flow.predict(["lecun_normal:tanh"], depth=30, activation="tanh")
    assert tanh.backward_variance[0] == pytest.approx(point.gradient**30, rel=1e-4)


def test_gradients_explode_behind_batch_normalization_as_yang_et_al_have_it():
    (one,) = flow.predict(["he_normal"], depth=20, normalization="batch")
    rates = one.backward_variance[1:-1] / one.backward_variance[2:]
    assert rates == pytest.approx(np.full(19, np.pi / (np.pi - 1)), rel=1e-5)
    assert one.forward_variance[1:] == pytest.approx(np.ones(20))


@pytest.mark.parametrize("normalization", ["layer", "rms"])
def test_layer_normalization_keeps_both_for_relu(normalization):
    (one,) = flow.predict(["he_normal"], depth=20, normalization=normalization)
    assert one.forward_variance == pytest.approx(np.ones(21))
    assert one.backward_variance == pytest.approx(np.ones(21))


def test_residual_branches_add_their_mean_squares():
    (one,) = flow.predict(["he_normal"], depth=20, residual=0.5)
    assert one.forward_variance == pytest.approx(1.25 ** np.arange(21))
    assert one.backward_variance[::-1] == pytest.approx(1.25 ** np.arange(21))
    assert np.isnan(one.backward_magnitude[:-1]).all()
    (normed,) = flow.predict(["he_normal"], depth=20, residual=0.5, normalization="rms")
    assert normed.forward_variance == pytest.approx(1 + 0.25 * np.arange(21))


@pytest.mark.parametrize(
    ("scheme", "how"),
    [
        ("letkeman", {}),
        ("xavier_uniform:tanh", {"activation": "tanh"}),
        ("orthogonal:elu", {"activation": "elu"}),
        ("he_truncated_normal", {"activation": "gelu", "normalization": "layer"}),
        ("he_uniform", {"normalization": "rms", "residual": 0.5}),
        ("lecun_normal", {"activation": "selu", "residual": 0.3}),
    ],
)
def test_the_prediction_is_within_the_error_of_simulations(scheme, how):
    networks, sizes = 12, {"width": 128, "depth": 6}
    (expected,) = flow.predict([scheme], **sizes, **how)
    simulated = [
        flow.simulate([scheme], **sizes, batch=16, rng=seed, **how)[0] for seed in range(networks)
    ]
    for quantity in Flow._fields[1:]:
        values = np.array([getattr(one, quantity) for one in simulated])
        deviation = values.mean(axis=0) - getattr(expected, quantity)
        error = values.std(axis=0, ddof=1) / np.sqrt(networks)
        assert np.nanmax(np.abs(deviation / error)) < 4.5, quantity  # t of 11 degrees


def test_batch_normalization_of_a_large_batch_is_within_a_few_percent():
    (expected,) = flow.predict(["he_normal"], width=256, depth=6, normalization="batch")
    (one,) = flow.simulate(["he_normal"], width=256, depth=6, batch=512, normalization="batch")
    assert one.forward_variance == pytest.approx(expected.forward_variance, rel=0.1)
    assert one.backward_variance == pytest.approx(expected.backward_variance, rel=0.15)


def test_what_overflows_or_underflows_is_predicted_so():
    (one,) = flow.predict(["normal:1"], width=1024, depth=400)
    assert one.forward_variance[-1] == np.inf
    (less,) = flow.predict(["normal:1e-30"], width=8, depth=40, activation="tanh")
    assert less.forward_variance[-1] == 0


@pytest.mark.parametrize("name", gains.ACTIVATIONS)
def test_every_activation_is_predicted(name):
    (one,) = flow.predict([f"lecun_normal:{name}"], width=64, depth=1, activation=name)
    assert one.forward_variance[1] == pytest.approx(1, rel=1e-6)
    assert np.isfinite(one.backward_magnitude).all()


@pytest.mark.parametrize("name", gains.ACTIVATIONS)
@pytest.mark.parametrize("scheme", ["normal:1", "normal:0.001", "he_normal"])
def test_deep_networks_of_every_activation_are_predicted_or_nan(name, scheme):
    # 10 layers that explode, vanish or stay: no exception, and no number below 0.
    (found,) = flow.predict([scheme], width=64, depth=10, activation=name)
    known = found.forward_variance[~np.isnan(found.forward_variance)]
    assert len(known) >= 2
    assert (known >= 0).all()


def test_the_recorded_comparison_is_of_every_case_and_within_its_error():
    record = json.loads(verify_flow.RECORD.read_text())
    rows = [dict(zip(record["columns"], row, strict=True)) for row in record["predictions"]]
    assert [row["network"] for row in rows] == [verify_flow.label(c) for c in verify_flow.cases()]
    # Predicted for infinitely many samples, and gradients that at finite width fade more slowly.
    others = ("normalization=batch", "hardshrink")
    beyond = [row["network"] for row in rows if row["with_allowance"] > 4.5]
    assert all(network.endswith(others) for network in beyond)
    points = {(name, at): ratios for name, at, *ratios in record["fixed_points"]}
    assert tuple(points) == verify_flow.FIXED_POINTS
    assert points["tanh", 1] == pytest.approx([1, 1, 1], abs=0.1)


def test_a_row_of_the_comparison():
    network, layers, *deviations = verify_flow.compared(
        ("he_normal", {"residual": 0.3}), 2, width=16, depth=3
    )
    assert (network, layers) == ("he_normal, residual=0.3", 3)
    assert len(deviations) == 5
    assert np.isfinite(deviations).all()


def test_one_network_of_relus_is_off_by_chance_as_the_notes_say():
    depth, width = 5, 64
    signals = [
        flow.simulate(["he_normal"], width=width, depth=depth, batch=1, rng=seed)[0]
        for seed in range(400)
    ]
    logs = np.log([one.forward_variance[-1] / one.forward_variance[0] for one in signals])
    assert logs.std() == pytest.approx(np.sqrt(5 * depth / width), rel=0.15)  # 4 standard errors


def test_delta_orthogonal_is_predicted_as_orthogonal():
    (one,), (other,) = flow.predict(["delta_orthogonal"]), flow.predict(["orthogonal"])
    assert np.array_equal(one.forward_variance, other.forward_variance)


@pytest.mark.parametrize("scheme", ["zeros", "identity", "constant:1", "log_uniform"])
def test_weights_that_are_not_random_are_not_predicted(scheme):
    with pytest.raises(ValueError, match="^schemes must have random weights of mean 0 to be pred"):
        flow.predict([scheme])


def test_an_activation_of_ones_own_flows():
    row = gains.Activation("cube", lambda z: z**3, "here")
    (one,) = flow.predict(["lecun_normal"], depth=1, activation=row)
    assert one.forward_variance[1] == pytest.approx(15)
    (other,) = flow.simulate(["lecun_normal"], depth=1, activation=row, batch=200)
    assert other.forward_variance[1] == pytest.approx(15, rel=0.1)


@pytest.mark.parametrize(
    ("scheme", "depth", "reached"),
    [
        ("xavier_normal", 13, None),
        ("xavier_normal", 14, 14),
        ("normal:1", 3, 2),
        ("letkeman", 50, 39),
    ],
)
def test_the_depth_where_a_scheme_dies(scheme, depth, reached):
    (one,) = flow.predict([scheme], width=1024, depth=depth)
    assert flow.depth_reached(one) == reached


@pytest.mark.parametrize(
    ("mean_squares", "dead", "message"),
    [([1.0, 2.0], [0.5], "dead must be"), ([1j], 0.0, "mean_squares must be real numbers")],
)
def test_a_verdict_of_what_is_no_number_names_the_argument(mean_squares, dead, message):
    with pytest.raises(TypeError, match=message):
        flow.verdict(mean_squares, dead=dead)
