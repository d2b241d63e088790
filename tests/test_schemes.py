"""Schemes against formulas written down again, simulation, and the stream that they draw from."""

from __future__ import annotations

import array
import csv
import inspect
import math
import os
import pickle
import subprocess
import sys

import hypothesis.extra.numpy as hnp
import mpmath
import numpy as np
import pytest
import verify_schemes
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import irwinhall
from irwinhall import _lookup, article, exact, sample_weights, sampling, schemes
from irwinhall.schemes import SCHEMES, Scheme

TORCH = {"in_axis": 1, "out_axis": 0}
GIVEN_GAIN = verify_schemes.GIVEN_GAIN
NEED_GAIN = [name for name, row in SCHEMES.items() if row.gain is None]
SCALED = [name for name, row in SCHEMES.items() if not row.is_interval]
BY_FANS = [name for name, row in SCHEMES.items() if callable(row.rule)]
ALL_SIZES = [(1, 1), (1, 10**6), (10**6, 1), (784, 256), (100, 100), (3, 10**4), (10**9, 7)]


def gain_for(name):
    return GIVEN_GAIN if SCHEMES[name].gain is None else None


# ---- the table -----------------------------------------------------------------------------------

# The scale at the row's own gain, written down again.
FORMULAS = {
    "letkeman": lambda n, m: exact.letkeman_bound_mp(n),
    "letkeman_normalized": lambda n, m: exact.letkeman_bound_mp(n, m),
    "letkeman_gaussian": lambda n, m: mpmath.sqrt(mpmath.pi / 2 / n),
    "letkeman_normalized_gaussian": lambda n, m: (
        (n + m) / (mpmath.sqrt(2 / mpmath.pi) * (m * mpmath.sqrt(n) + n * mpmath.sqrt(m)))
    ),
    "xavier_standard": lambda n, m: 1 / mpmath.sqrt(n),
    "xavier_uniform": lambda n, m: mpmath.sqrt(mpmath.mpf(6) / (n + m)),
    "xavier_normal": lambda n, m: mpmath.sqrt(mpmath.mpf(2) / (n + m)),
    "xavier_truncated_normal": lambda n, m: mpmath.sqrt(mpmath.mpf(2) / (n + m)),
    "he_uniform": lambda n, m: mpmath.sqrt(mpmath.mpf(6) / n),
    "he_normal": lambda n, m: mpmath.sqrt(mpmath.mpf(2) / n),
    "he_truncated_normal": lambda n, m: mpmath.sqrt(mpmath.mpf(2) / n),
    "he_uniform_fan_out": lambda n, m: mpmath.sqrt(mpmath.mpf(6) / m),
    "he_normal_fan_out": lambda n, m: mpmath.sqrt(mpmath.mpf(2) / m),
    "lecun_uniform": lambda n, m: mpmath.sqrt(mpmath.mpf(3) / n),
    "lecun_normal": lambda n, m: mpmath.sqrt(mpmath.mpf(1) / n),
    "lecun_truncated_normal": lambda n, m: mpmath.sqrt(mpmath.mpf(1) / n),
    "kalafus_uniform": lambda n, m: mpmath.sqrt(mpmath.mpf(3) / max(n, m)),
    "kalafus_normal": lambda n, m: mpmath.sqrt(mpmath.mpf(1) / max(n, m)),
    "siren_first": lambda n, m: mpmath.mpf(1) / n,
    "siren": lambda n, m: mpmath.sqrt(mpmath.mpf(6) / n) / 30,
    "lora_gaussian": lambda n, m: mpmath.mpf(1) / m,
}


def test_every_row_whose_scale_depends_on_the_fans_has_a_formula_here():
    assert list(FORMULAS) == BY_FANS


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("sizes", ALL_SIZES)
def test_the_scale_is_that_of_the_formula(name, sizes):
    with mpmath.workdps(50):
        expected = FORMULAS[name](*sizes)
        error = abs(schemes.scale(name, *sizes) / expected - 1)
    assert error < 3 * 2**-53


@pytest.mark.parametrize("sizes", ALL_SIZES)
def test_letkeman_scales_are_the_correctly_rounded_bounds(sizes):
    n, m = sizes
    assert schemes.scale("letkeman", n, m) == irwinhall.letkeman_bound(n)
    assert schemes.scale("letkeman_normalized", n, m) == irwinhall.letkeman_bound(n, m)
    assert schemes.scale("letkeman", n, m, gain=3) == 3 * irwinhall.letkeman_bound(n)


@pytest.mark.parametrize("name", SCALED)
def test_the_scale_is_proportional_to_the_gain(name):
    assert schemes.scale(name, 20, 30, gain=8) == 8 * schemes.scale(name, 20, 30, gain=1)


@pytest.mark.parametrize(
    ("shape", "arguments", "sizes"),
    [
        ((784, 256), {}, (784, 256)),
        ((64, 32, 3, 3), {"in_axis": 1, "out_axis": 0}, (288, 576)),
        ((3, 3, 16, 128), {"groups": 4}, (144, 288)),
        ((8, 512, 256), {"batch_axis": 0}, (512, 256)),
        ((3, 1000, 64), {"active_inputs": 2}, (6, 192)),
    ],
)
def test_the_scale_of_a_weight_is_that_of_its_fans(shape, arguments, sizes):
    for name in ("letkeman_normalized", "he_normal", "kalafus_uniform"):
        for gain in (None, 0.3, "gelu"):
            expected = schemes.scale(name, *sizes, gain=gain)
            assert sampling.scale_of(shape, name, gain=gain, **arguments) == expected


def test_the_scale_of_a_weight_must_fit_its_type():
    assert sampling.scale_of((), "constant", gain=-6e4, dtype="float16") == -6e4
    with pytest.raises(ValueError, match="^gain must give constant weights of at most 65504 for"):
        sampling.scale_of((), "constant", gain=-7e4, dtype="float16")
    with pytest.raises(ValueError, match="^gain must give letkeman a bound from"):
        sampling.scale_of((1, 2), gain=1e5, dtype="float16")
    with pytest.raises(ValueError, match="^gain must give he_normal a std of at most"):
        sampling.scale_of((1, 2), "he_normal", gain=1e39, dtype="bfloat16")
    with pytest.raises(ValueError, match="at least as many outputs as inputs for delta_orthogonal"):
        sampling.scale_of((3, 3, 5, 4), "delta_orthogonal")


def test_own_gains():
    gains = {name: row.gain for name, row in SCHEMES.items()}
    assert {name for name, gain in gains.items() if gain == math.sqrt(2)} == {
        name for name in SCHEMES if name.startswith("he_")
    }
    assert {gain for gain in gains.values() if gain is not None} == {
        1.0,
        1 / 30,
        math.sqrt(2),
    }
    assert [name for name, gain in gains.items() if gain is None] == [
        "constant",
        "uniform",
        "normal",
        "truncated_normal",
    ]


def test_the_table_cannot_be_changed():
    with pytest.raises(TypeError, match="cannot be changed"):
        SCHEMES["mine"] = SCHEMES["letkeman"]
    with pytest.raises(AttributeError, match="can't set attribute"):
        SCHEMES["letkeman"].gain = 2.0


def test_rows_can_be_pickled():
    assert pickle.loads(pickle.dumps(tuple(SCHEMES.values()))) == tuple(SCHEMES.values())


def test_no_two_rows_share_a_name():
    names = [name for row in SCHEMES.values() for name in (row.name, *row.aliases)]
    assert len({_lookup._key(name) for name in names}) == len(names)


@pytest.mark.parametrize("row", SCHEMES.values(), ids=SCHEMES)
def test_every_row_says_what_it_is_for(row):
    assert row.preserves
    assert row.when
    plain = ("constant", "uniform", "normal", "truncated_normal", "uniform_between", "log_uniform")
    assert row.source or row.law in plain


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("glorot_uniform", "xavier_uniform"),
        ("glorot_normal", "xavier_normal"),
        ("Glorot Truncated-Normal", "xavier_truncated_normal"),
        ("kaiming_uniform", "he_uniform"),
        ("kaiming_normal", "he_normal"),
        ("kaiming_normal_fan_out", "he_normal_fan_out"),
        ("KAIMING_UNIFORM_FAN_OUT", "he_uniform_fan_out"),
        ("he_normal_fan_in", "he_normal"),
        ("letkeman_standard", "letkeman"),
        ("dirac", "identity"),
        ("gaussian", "normal"),
    ],
)
def test_aliases(alias, name):
    assert schemes.scheme(alias) is SCHEMES[name]


@pytest.mark.parametrize(
    "name", [name for name, row in SCHEMES.items() if row.law == "truncated_normal"]
)
def test_only_rows_that_say_so_are_truncated(name):
    row = SCHEMES[name]
    assert all("truncated" in each for each in (row.name, *row.aliases))


# ---- statistics ----------------------------------------------------------------------------------


def record():
    with verify_schemes.RECORD.open(encoding="ascii", newline="") as file:
        return list(csv.DictReader(file))


def test_the_record_has_every_scheme_shape_and_type():
    expected = [
        (row.name, "x".join(map(str, shape)), dtype) for row, shape, dtype in verify_schemes.cases()
    ]
    assert [(row["scheme"], row["shape"], row["dtype"]) for row in record()] == expected


def test_recorded_statistics_are_within_5_standard_errors():
    def is_right(row):
        bounded = schemes.statistics(row["scheme"], 10, 10, gain=1).bound < math.inf
        return (
            int(row["samples"]) >= 10**7
            and abs(float(row["mean"])) <= 5
            and abs(float(row["std"])) <= 5
            and float(row["largest"]) <= 1
            and (float(row["largest"]) > 1 - 1e-5 or not bounded)
        )

    assert [row for row in record() if not is_right(row)] == []


# Rows that draw by one law differ in the scale alone, as the two tests below and
# test_drawn_rows_are_the_streams_own_weights say to the bit: one row of each law is drawn.
@pytest.mark.parametrize("dtype", verify_schemes.DTYPES)
@pytest.mark.parametrize("name", ["letkeman", "he_normal", "lecun_truncated_normal"])
def test_weights_have_the_statistics_of_the_formulas(name, dtype):
    for shape in verify_schemes.SHAPES:
        found = verify_schemes.deviation(SCHEMES[name], shape, dtype, 10**6)
        assert abs(found.mean) <= 5
        assert abs(found.std) <= 5
        assert found.largest <= 1


@pytest.mark.parametrize("name", BY_FANS)
def test_the_statistics_of_a_row_are_those_of_its_law_at_its_scale(name):
    for sizes in ((1, 1), (30, 30), (24, 60), (60, 24), (784, 256)):
        scale = schemes.scale(name, *sizes, gain=0.5)
        expected = schemes.statistics(SCHEMES[name].law, *sizes, gain=scale)
        assert schemes.statistics(name, *sizes, gain=0.5) == expected


def test_a_row_by_its_fans_draws_by_one_of_three_laws():
    laws = {SCHEMES[name].law for name in BY_FANS}
    assert laws == {"uniform", "normal", "truncated_normal"}


@pytest.mark.parametrize(("rows", "columns"), [(5, 5), (12, 3), (3, 12), (1, 4)])
def test_orthogonal_weights_have_the_statistics_of_the_formulas(rows, columns):
    copies = 5_000
    weights = sample_weights(
        (copies, rows, columns), "orthogonal", rng=3, batch_axis=0, gain=2, dtype="float64"
    )
    expected = schemes.statistics("orthogonal", rows, columns, gain=2)
    means = weights.mean(axis=(1, 2))
    assert abs(means.mean()) < 5 * means.std() / math.sqrt(copies)
    assert math.sqrt(np.square(weights).mean()) == pytest.approx(expected.std, rel=1e-12)
    assert abs(weights).max() <= expected.bound * (1 + 1e-15)
    for values, magnitude in (
        (abs(weights).mean(axis=(1, 2)), expected.magnitude),
        (abs(weights.sum(axis=1)).mean(axis=1), expected.forward_magnitude),
        (abs(weights.sum(axis=2)).mean(axis=1), expected.backward_magnitude),
    ):
        assert abs(values.mean() - magnitude) <= 5 * values.std() / math.sqrt(copies) + 1e-12


def test_orthogonal_weights_are_uniform_among_all():
    # Under the Haar measure E trace^2 = 1 and E trace^4 = 3; QR without the sign fix has neither.
    weights = sample_weights((10_000, 4, 4), "orthogonal", rng=5, batch_axis=0, dtype="float64")
    traces = np.trace(weights, axis1=1, axis2=2)
    for power, expected in ((1, 0), (2, 1), (3, 0), (4, 3)):
        moments = traces**power
        assert abs(moments.mean() - expected) < 5 * moments.std() / math.sqrt(traces.size)


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        (name, sizes)
        for name, row in SCHEMES.items()
        for sizes in ((1, 1), (30, 30), (24, 60), (60, 24))
        if not (callable(row.rule) or row.law == "constant" or row.is_interval)
        and (row.law != "delta_orthogonal" or sizes[0] <= sizes[1])
    ],
)
def test_statistics_are_those_of_the_weights(name, sizes):
    n, m = sizes
    trials = 1_000
    weights = sample_weights(
        (trials, n, m), name, rng=7, name=f"{name}{sizes}", batch_axis=0, gain=0.5, dtype="float64"
    )
    expected = schemes.statistics(name, n, m, gain=0.5)
    signals = irwinhall.Stream(8).normal((trials, n), dtype="float64")
    gradients = irwinhall.Stream(9).normal((trials, m), dtype="float64")
    square = expected.std**2 + expected.mean**2
    assert expected.forward_variance == pytest.approx(n * square, rel=1e-14)
    assert expected.backward_variance == pytest.approx(m * square, rel=1e-14)
    checks = [
        (weights.mean(axis=(1, 2)), expected.mean),
        (abs(weights).mean(axis=(1, 2)), expected.magnitude),
        (np.square(weights).mean(axis=(1, 2)), square),
        (np.square(np.einsum("tn,tnm->tm", signals, weights)).mean(1), expected.forward_variance),
        (
            np.square(np.einsum("tm,tnm->tn", gradients, weights)).mean(1),
            expected.backward_variance,
        ),
    ]
    if expected.forward_magnitude is not None:
        checks += [
            (abs(weights.sum(axis=1)).mean(axis=1), expected.forward_magnitude),
            (abs(weights.sum(axis=2)).mean(axis=1), expected.backward_magnitude),
        ]
    else:
        assert SCHEMES[name].law == "truncated_normal"
    for values, formula in checks:
        assert abs(values.mean() - formula) <= 5 * values.std() / math.sqrt(trials) + 1e-12
    assert abs(weights).max() <= expected.bound * (1 + 1e-15)


@pytest.mark.parametrize("n", [1, 2, 3, 150, 199, 200, 201, 1000, 10**6, 2**62])
def test_the_magnitude_of_a_random_unit_vectors_coordinate(n):
    with mpmath.workdps(50):
        expected = mpmath.exp(
            mpmath.loggamma(mpmath.mpf(n) / 2) - mpmath.loggamma(mpmath.mpf(n + 1) / 2)
        ) / mpmath.sqrt(mpmath.pi)
        error = abs(schemes.statistics("orthogonal", n, 1).magnitude / expected - 1)
    assert error < 1e-15


@pytest.mark.parametrize("gain", [1e-200, 1e200])
@pytest.mark.parametrize("name", [name for name in SCALED if name != "zeros"])
def test_the_std_neither_overflows_nor_underflows(name, gain):
    expected = schemes.statistics(name, 5, 7, gain=1.0).std * gain
    assert schemes.statistics(name, 5, 7, gain=gain).std == pytest.approx(expected, rel=1e-14)


# ---- distributions with two ends -----------------------------------------------------------------

ENDS = [(-2, 2), (-3, 3), (-1, 0.5), (-math.inf, math.inf), (0.5, math.inf), (-math.inf, -5)]


def truncated_moments(low, high):
    """Return mean, standard deviation and magnitude of a truncated normal by its formulas."""
    with mpmath.workdps(200):
        a, b = mpmath.mpf(low), mpmath.mpf(high)
        density = lambda z: mpmath.npdf(z) if mpmath.isfinite(z) else mpmath.mpf(0)  # noqa: E731
        edge = lambda z: z * density(z) if mpmath.isfinite(z) else mpmath.mpf(0)  # noqa: E731
        mass = mpmath.ncdf(b) - mpmath.ncdf(a)
        mean = (density(a) - density(b)) / mass
        std = mpmath.sqrt(1 + (edge(a) - edge(b)) / mass - mean**2)
        kink = min(max(mpmath.mpf(0), a), b)
        magnitude = abs(2 * density(kink) - density(a) - density(b)) / mass
        if not a <= 0 <= b:
            magnitude = abs(mean)
        return mean, std, magnitude


@pytest.mark.parametrize(("low", "high"), [*ENDS, (3.0, 3.001), (20.0, math.inf), (-1e-4, 2.0)])
@pytest.mark.parametrize("corrected", [True, False])
def test_statistics_of_a_truncated_normal_are_its_formulas(low, high, corrected):
    ends = {"low": low, "high": high, "corrected": corrected}
    found = schemes.statistics("truncated_normal", 3, 5, gain=0.02, **ends)
    mean, std, magnitude = truncated_moments(low, high)
    with mpmath.workdps(200):
        sigma = mpmath.mpf(0.02) / (std if corrected else 1)
        expected = (sigma * max(abs(low), abs(high)), sigma * mean, sigma * std, sigma * magnitude)
        square = sigma**2 * (std**2 + mean**2)
    assert found[:4] == pytest.approx([float(each) for each in expected], rel=2e-15, abs=1e-18)
    assert found[4:6] == pytest.approx([float(3 * square), float(5 * square)], rel=4e-15)
    assert found[6:] == (None, None)


@pytest.mark.parametrize(("low", "high"), ENDS)
@pytest.mark.parametrize("corrected", [True, False])
def test_truncated_weights_are_those_of_the_stream_and_of_the_statistics(low, high, corrected):
    ends = {"low": low, "high": high, "corrected": corrected}
    weights = sample_weights(
        (300, 200), "lecun_truncated_normal", rng=1, name="w", dtype="float64", **ends
    )
    std = schemes.scale("lecun_truncated_normal", 300, 200)
    expected = irwinhall.Stream(1, "w").truncated_normal((300, 200), std, dtype="float64", **ends)
    assert weights.tobytes() == expected.tobytes()
    facts = schemes.statistics("lecun_truncated_normal", 300, 200, **ends)
    root = math.sqrt(weights.size)
    assert abs(weights.mean() - facts.mean) < 5 * facts.std / root
    assert weights.std() == pytest.approx(facts.std, rel=0.02)
    assert abs(abs(weights).mean() - facts.magnitude) < 5 * facts.std / root
    assert abs(weights).max() <= facts.bound


INTERVALS = [
    ("uniform_between", -1.0, 3.0, lambda u: 4 * u - 1),
    ("uniform_between", 0.5, 2.0, lambda u: 0.5 + 1.5 * u),
    ("log_uniform", 0.001, 0.1, lambda u: mpmath.mpf(0.001) * (mpmath.mpf(0.1) / 0.001) ** u),
    ("log_of_uniform", 1.0, 16.0, lambda u: mpmath.log(1 + 15 * u)),
    ("log_of_uniform", 0.0, 16.0, lambda u: mpmath.log(16 * u)),
    (
        "inverse_softplus_log_uniform",
        0.001,
        10.0,
        lambda u: mpmath.log(mpmath.expm1(mpmath.mpf(0.001) * (mpmath.mpf(10) / 0.001) ** u)),
    ),
]


@pytest.mark.parametrize(("law", "low", "high", "value"), INTERVALS)
def test_statistics_of_a_law_between_two_ends_are_its_integrals(law, low, high, value):
    found = schemes.statistics(law, 3, 5, low=low, high=high)
    with mpmath.workdps(30):
        ends = [value(mpmath.mpf(0) + mpmath.mpf(10) ** -500), value(mpmath.mpf(1))]
        pieces = [0, 1]
        if ends[0] < 0 < ends[1]:
            pieces.insert(1, mpmath.findroot(value, (0.01, 0.99), solver="anderson"))
        integral = lambda f: mpmath.quad(lambda u: f(value(u)), pieces)  # noqa: E731
        mean, magnitude = integral(lambda y: y), integral(abs)
        std = mpmath.sqrt(integral(lambda y: (y - mean) ** 2))
    assert found[1:4] == pytest.approx([float(each) for each in (mean, std, magnitude)], rel=2e-15)
    open_end = (law, low) == ("log_of_uniform", 0.0)
    assert found.bound == (math.inf if open_end else pytest.approx(float(max(map(abs, ends)))))
    assert found[6:] == (None, None)


@pytest.mark.parametrize(("law", "low", "high", "value"), INTERVALS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_laws_between_two_ends_are_the_streams(law, low, high, value, dtype):
    weights = sample_weights((6, 10), law, rng=1, name="w", low=low, high=high, dtype=dtype)
    stream = irwinhall.Stream(1, "w")
    expected = getattr(stream, law)((6, 10), low=low, high=high, dtype=dtype)
    assert weights.tobytes() == expected.tobytes()


def test_the_starts_of_mamba():
    stream = irwinhall.Stream(1)
    decay = sample_weights(24, "mamba_a_log", rng=1)
    assert decay.tobytes() == stream.log_of_uniform(24, low=1, high=16).tobytes()
    step = sample_weights(24, "mamba_dt_bias", rng=1)
    expected = stream.inverse_softplus_log_uniform(24, low=0.001, high=0.1)
    assert step.tobytes() == expected.tobytes()


def test_ends_of_a_row_can_be_its_own():
    row = SCHEMES["truncated_normal"].with_ends(low=-3, high=3, corrected=False)
    assert row == SCHEMES["truncated_normal"]._replace(low=-3.0, high=3.0, corrected=False)
    assert "low=-3.0" in repr(row)
    keywords = {"rng": 1, "gain": 0.02}
    weights = sample_weights((3, 4), row, **keywords)
    given = sample_weights((3, 4), "truncated_normal", low=-3, high=3, corrected=False, **keywords)
    assert weights.tobytes() == given.tobytes()
    assert sample_weights((3, 4), row, low=-2, high=2, corrected=True, **keywords).tobytes() == (
        sample_weights((3, 4), "truncated_normal", **keywords).tobytes()
    )
    assert schemes.statistics(row, 1, 1, gain=0.0, low=-math.inf).bound == 0.0


@pytest.mark.parametrize(
    ("scheme", "keywords", "error", "message"),
    [
        (
            "he_normal",
            {"low": -3},
            ValueError,
            "^low must be left out for he_normal, got -3; it is",
        ),
        ("zeros", {"corrected": False}, ValueError, "^corrected must be left out for zeros, got"),
        (
            "mamba_a_log",
            {"corrected": True},
            ValueError,
            "^corrected must be left out .* truncated",
        ),
        ("truncated_normal", {"low": 3}, ValueError, "^low must be less than high, got low=3.0"),
        (
            "truncated_normal",
            {"corrected": 1},
            TypeError,
            "^corrected must be True or False, got 1",
        ),
        ("truncated_normal", {"low": "a"}, TypeError, "^low must be a real number, got 'a'"),
        ("mamba_a_log", {"low": -1}, ValueError, "^low must be positive, got -1.0"),
        ("log_uniform", {"low": 0}, ValueError, "^low must be positive, got 0.0"),
        ("log_uniform", {"high": math.inf}, ValueError, "^high must be finite, got inf"),
        ("log_uniform", {"gain": 2.0}, ValueError, "^gain must be left out for log_uniform, which"),
    ],
)
def test_bad_ends_are_named(scheme, keywords, error, message):
    given = {"gain": 1.0, **keywords}
    with pytest.raises(error, match=message):
        sample_weights((3, 4), scheme, **given)


def test_bad_ends_of_a_row_of_ones_own_are_named():
    row = SCHEMES["truncated_normal"]._replace(low=3.0)
    with pytest.raises(ValueError, match="^low must be less than high, got low=3.0, high=2.0"):
        sample_weights((3, 4), row, gain=1.0)


def test_statistics_of_constants():
    assert schemes.statistics("constant", 3, 5, gain=-2) == (2, -2, 0, 2, 12, 20, 6, 10)
    assert schemes.statistics("zeros", 3, 5) == (0, 0, 0, 0, 0, 0, 0, 0)


# ---- what Letkeman's rows preserve ---------------------------------------------------------------

# The article's sixteen sizes: six of inputs alone, ten of both.
SIXTEEN = [(n, n) for n in article._STANDARD] + list(article._NORMALIZED)
WEIGHTS = 1_500_000


def within_5_standard_errors(values, expected):
    return abs(values.mean() - expected) <= 5 * values.std(ddof=1) / math.sqrt(values.size)


def test_the_article_has_sixteen_sizes():
    assert len(SIXTEEN) == 16


@pytest.mark.parametrize("name", ["letkeman", "letkeman_gaussian"])
def test_standard_rows_preserve_the_forward_magnitude(name):
    def is_preserved(size):
        # Columns are independent outputs: as many as there is time for, each of n weights.
        n = size[0]
        weights = sample_weights((n, -(-WEIGHTS // n)), name, rng=11, name=f"{name}{size}")
        return within_5_standard_errors(abs(weights.sum(axis=0, dtype=np.float64)), 1.0)

    assert [size for size in SIXTEEN if not is_preserved(size)] == []


@pytest.mark.parametrize("name", ["letkeman_normalized", "letkeman_normalized_gaussian"])
def test_normalized_rows_preserve_the_magnitude_on_average_over_all_nodes(name):
    def is_preserved(size):
        n, m = size
        copies = max(-(-WEIGHTS // (n * m)), 20)
        weights = sample_weights((copies, n, m), name, rng=12, name=f"{name}{size}", batch_axis=0)
        outputs = abs(weights.sum(axis=1, dtype=np.float64)).sum(axis=1)
        gradients = abs(weights.sum(axis=2, dtype=np.float64)).sum(axis=1)
        return within_5_standard_errors((outputs + gradients) / (n + m), 1.0)

    assert [size for size in SIXTEEN if not is_preserved(size)] == []


@pytest.mark.parametrize(
    ("gain", "factor"),
    [(2.0, math.pi), ("relu", math.pi / 2), (2 / math.sqrt(math.pi), 1.0), (1.0, math.pi / 4)],
)
def test_what_a_wide_relu_layer_of_letkeman_makes_of_the_variance(gain, factor):
    # ReLU halves the mean square. This is what the gains' docstring and docs/schemes.md say.
    variance = schemes.statistics("letkeman", 10**8, 10**8, gain=gain).forward_variance
    assert variance / 2 == pytest.approx(factor, rel=1e-7)


def test_random_inputs_of_magnitude_1_give_a_larger_magnitude_under_letkeman():
    inputs = math.sqrt(math.pi / 2) * irwinhall.Stream(1, "inputs").normal((400, 1024))
    magnitudes = []
    for n in (1, 4, 1024):
        weights = sample_weights((n, 400), "letkeman", rng=n).astype(float)
        magnitudes.append(float(np.abs(inputs[:, :n] @ weights).mean()))
    one, few, many = magnitudes
    assert one == pytest.approx(1.0, rel=0.1)
    assert one < few < many == pytest.approx(math.sqrt(math.pi / 2), rel=0.01)


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_the_variance_of_xavier_is_the_harmonic_mean_of_those_asked_for(n, m):
    harmonic_mean = 2 / (n + m)  # of 1/n and 1/m
    assert schemes.scale("xavier_normal", n, m) ** 2 == pytest.approx(harmonic_mean, rel=1e-15)
    exact = schemes.statistics("xavier_normal", n, m)
    mean = (exact.forward_variance + exact.backward_variance) / 2
    assert mean == pytest.approx(1.0, rel=1e-14)


# ---- the stream ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in SCALED if SCHEMES[name].elementwise])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_drawn_rows_are_the_streams_own_weights(name, dtype):
    weights = sample_weights((6, 10), name, rng=1, name="w", gain=0.3, dtype=dtype)
    factor = schemes.scale(name, 6, 10, gain=0.3)
    expected = getattr(irwinhall.Stream(1, "w"), SCHEMES[name].law)((6, 10), factor, dtype=dtype)
    assert weights.tobytes() == expected.tobytes()


def test_rng_can_be_all_that_a_stream_takes():
    expected = sample_weights((3, 4), rng=irwinhall.Stream(5, "w")).tobytes()
    assert sample_weights((3, 4), rng=5, name="w").tobytes() == expected
    assert sample_weights((3, 4), rng=np.int8(5), name="w").tobytes() == expected
    assert sample_weights((3, 4), rng=irwinhall.Stream(5), name="w").tobytes() == expected
    nested = sample_weights((3, 4), rng=irwinhall.Stream(5, "a"), name="b")
    assert nested.tobytes() == sample_weights((3, 4), rng=5, name="a/b").tobytes()
    for seed in (b"five", np.random.SeedSequence(5)):
        expected = irwinhall.Stream(seed, "w").uniform((3, 4), irwinhall.letkeman_bound(3))
        assert sample_weights((3, 4), rng=seed, name="w").tobytes() == expected.tobytes()


def test_a_generator_is_advanced():
    generator = np.random.default_rng(1)
    first, second = (sample_weights((3, 4), rng=generator) for _ in range(2))
    assert first.tobytes() != second.tobytes()
    assert sample_weights((3, 4), rng=np.random.default_rng(1)).tobytes() == first.tobytes()


def test_a_generator_is_left_as_it_is_when_an_argument_is_wrong():
    generator = np.random.default_rng(1)
    with pytest.raises(ValueError, match="scheme"):
        sample_weights((3, 4), "none", rng=generator)
    assert generator.random() == np.random.default_rng(1).random()


def test_without_rng_weights_are_fresh():
    assert sample_weights((3, 4)).tobytes() != sample_weights((3, 4)).tobytes()


def test_orthogonal_weights_come_from_the_streams_normals():
    normals = irwinhall.Stream(4, "w").normal((1, 5, 3), dtype="float64")[0]
    q, r = np.linalg.qr(normals)
    expected = q * np.sign(np.diag(r))
    tall = sample_weights((5, 3), "orthogonal", rng=4, name="w", dtype="float64")
    wide = sample_weights((3, 5), "orthogonal", rng=4, name="w", dtype="float64")
    assert np.allclose(tall, expected, rtol=0, atol=1e-15)
    assert np.array_equal(wide, tall.T)


# ---- layouts -------------------------------------------------------------------------------------

LAYOUTS = [
    ((5, 7), {}),
    ((7, 5), {}),
    ((7, 5), TORCH),
    ((8, 3, 4, 3), TORCH),
    ((8, 2, 3), {**TORCH, "groups": 4}),
    ((3, 2, 4, 6), {}),
    ((3, 4, 6), {"batch_axis": 0}),
    ((4, 3, 6, 2), {"batch_axis": (3, 1), "in_axis": 0, "out_axis": 2}),
    ((6, 2, 4), {"in_axis": 0, "out_axis": (1, 2)}),
    ((2, 4, 9), {"in_axis": (1, 0), "out_axis": 2}),
    ((2, 12, 3), {"batch_axis": 2, "in_axis": 0, "out_axis": 1, "groups": 3}),
]


@pytest.mark.parametrize("name", SCHEMES)
@settings(max_examples=20)
@given(data=st.data())
def test_a_region_equals_the_slice_of_the_whole(name, data):
    shape, axes = data.draw(st.sampled_from(LAYOUTS))
    assume((name, shape, axes) != ("delta_orthogonal", (7, 5), {}))
    ends = [sorted(data.draw(st.tuples(*[st.integers(0, size)] * 2))) for size in shape]
    region = tuple(slice(*pair) for pair in ends)
    dtype = data.draw(st.sampled_from(["float32", "float64", "float16"]))
    keywords = {"rng": 1, "name": "w", "gain": 0.7, "dtype": dtype, **axes}
    if name not in SCALED:
        del keywords["gain"]
    whole = sample_weights(shape, name, **keywords)
    part = sample_weights(shape, name, region=region, **keywords)
    assert part.tobytes() == whole[region].tobytes()
    out = np.ones(part.shape[::-1], part.dtype).T
    assert sample_weights(shape, name, region=region, out=out, **keywords) is out
    assert out.tobytes() == part.tobytes()


@given(shape=hnp.array_shapes(min_dims=2, max_dims=5, max_side=6), data=st.data())
@settings(max_examples=60)
def test_the_scale_is_that_of_the_fans(shape, data):
    in_axis, out_axis, *rest = data.draw(st.permutations(range(len(shape))))
    axes = {"in_axis": in_axis, "out_axis": out_axis, "batch_axis": rest[: len(rest) // 2]}
    name = data.draw(st.sampled_from(BY_FANS))
    row = SCHEMES[name]._replace(law="constant", gain=1.0)
    weights = sample_weights(shape, row, dtype="float64", **axes)
    assert set(weights.ravel()) == {schemes.scale(row, *irwinhall.fans(shape, **axes))}


@pytest.mark.parametrize(
    ("shape", "axes", "active", "expected"),
    [
        ((1000, 64), {}, 1, (1, 64)),
        ((1000, 64), {}, 30, (30, 64)),
        ((64, 1000), TORCH, 1, (1, 64)),
        ((5, 1000, 64), {}, 1, (5, 320)),
        ((8, 16, 3, 3), {**TORCH, "groups": 4}, 2, (18, 18)),
        ((4, 1000, 64), {"batch_axis": 0}, 1, (1, 64)),
        ((20, 50, 64), {"in_axis": (0, 1), "out_axis": 2}, 1, (1, 64)),
        ((9, 4), {"in_axis": (), "out_axis": 1}, 1, (9, 36)),
    ],
)
def test_active_inputs_replace_the_inputs_of_fan_in(shape, axes, active, expected):
    row = SCHEMES["letkeman_normalized"]._replace(law="constant")
    weights = sample_weights(shape, row, active_inputs=active, dtype="float64", **axes)
    assert weights.flat[0] == irwinhall.letkeman_bound(*expected)


def test_one_hot_inputs_keep_magnitude_1():
    weights = sample_weights((200, 5000), "letkeman", rng=1, active_inputs=1, dtype="float64")
    assert within_5_standard_errors(abs(weights).ravel(), 1.0)


@pytest.mark.parametrize(
    "name", ["zeros", "ones", "constant", "uniform", "normal", "truncated_normal"]
)
def test_rows_without_fans_take_any_shape(name):
    for shape in ((), 7, (7,), (2, 3, 4), (0, 5)):
        size = (shape,) if isinstance(shape, int) else shape
        assert sample_weights(shape, name, gain=0.5).shape == size


# ---- orthogonal and identity ---------------------------------------------------------------------


def distance_from_orthogonal(matrix, gain):
    """Return an upper bound of the spectral norm of Q Q^T - gain^2 I, at most n^(1/4) times it."""
    matrix = matrix.astype(np.float64)
    matrix = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    off = matrix @ matrix.T - gain**2 * np.eye(len(matrix))
    return math.sqrt(np.linalg.norm(off @ off))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("gain", [1.0, math.sqrt(2)])
@pytest.mark.parametrize(
    "shape", [(300, 40), (40, 300), (128, 128), (1, 50), (50, 1), (1, 1)], ids=str
)
def test_orthogonal_matrices_are_orthogonal(shape, gain, dtype):
    weights = sample_weights(shape, "orthogonal", rng=1, gain=gain, dtype=dtype)
    assert distance_from_orthogonal(weights, gain) <= (1e-6 if dtype == "float32" else 1e-13)


def test_a_large_orthogonal_matrix_is_orthogonal():
    # With one BLAS thread: two that wait for each other on busy cores take up to 20 times as long.
    program = (
        "import irwinhall, test_schemes as t;"
        "weights = irwinhall.sample_weights((2048, 2048), 'orthogonal', rng=1);"
        "print(t.distance_from_orthogonal(weights, 1.0))"
    )
    one = dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    finished = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **one, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(finished.stdout) <= 1e-6


def test_orthogonal_convolutions_are_orthogonal():
    weights = sample_weights((64, 32, 3, 3), "orthogonal", rng=1, **TORCH)
    assert distance_from_orthogonal(weights.reshape(64, -1), 1.0) <= 1e-6
    weights = sample_weights((3, 3, 4, 64), "orthogonal", rng=1)
    assert distance_from_orthogonal(weights.reshape(-1, 64), 1.0) <= 1e-6


def test_groups_and_experts_have_orthogonal_matrices_of_their_own():
    weights = sample_weights(
        (5, 12, 4, 3), "orthogonal", rng=1, batch_axis=0, in_axis=2, out_axis=1, groups=3
    )
    matrices = weights.reshape(5 * 3, 4, 12)
    assert all(distance_from_orthogonal(matrix, 1.0) <= 1e-6 for matrix in matrices)
    assert len({matrix.tobytes() for matrix in matrices}) == 15


def test_only_the_experts_of_the_region_are_computed(monkeypatch):
    calls = []
    qr = np.linalg.qr
    monkeypatch.setattr(np.linalg, "qr", lambda a: (calls.append(a.shape), qr(a))[1])
    sample_weights((9, 4, 6), "orthogonal", rng=1, batch_axis=0, region=slice(3, 5))
    assert calls == [(1, 6, 4)] * 2


def test_delta_orthogonal_is_orthogonal_in_the_middle_and_0_elsewhere():
    weights = sample_weights((3, 4, 16, 32), "delta_orthogonal", rng=1, gain=2)
    assert distance_from_orthogonal(weights[1, 1], 2.0) <= 4e-6
    weights[1, 1] = 0
    assert not weights.any()
    region = (slice(0, 1), slice(0, 4), slice(0, 16), slice(0, 32))  # without the middle
    assert not sample_weights((3, 4, 16, 32), "delta_orthogonal", rng=1, region=region).any()


def test_delta_orthogonal_convolutions_preserve_norms():
    kernel = sample_weights((3, 16, 32), "delta_orthogonal", rng=1, dtype="float64")
    signal = irwinhall.Stream(2).normal((50, 16), dtype="float64")
    padded = np.pad(signal, ((1, 1), (0, 0)))
    output = sum(padded[k : k + 50] @ kernel[k] for k in range(3))
    assert np.linalg.norm(output, axis=1) == pytest.approx(np.linalg.norm(signal, axis=1))


def test_identity_passes_on_its_input():
    assert np.array_equal(sample_weights((3, 5), "identity"), np.eye(3, 5))
    assert np.array_equal(sample_weights((5, 3), "identity", gain=-2), -2 * np.eye(5, 3))
    kernel = sample_weights((6, 3, 3), "dirac", groups=2, **TORCH)
    assert np.array_equal(kernel[:, :, 1], np.vstack([np.eye(3)] * 2))
    assert not kernel[:, :, [0, 2]].any()
    experts = sample_weights((4, 3, 3), "identity", batch_axis=0)
    assert np.array_equal(experts, [np.eye(3)] * 4)


def test_identity_leaves_a_signal_in_its_place_under_same_padding():
    # A kernel of 4 is padded by 1 before and 2 after.
    kernel = sample_weights((4, 2, 2), "identity", dtype="float64")
    signal = irwinhall.Stream(2).normal((10, 2), dtype="float64")
    padded = np.pad(signal, ((1, 2), (0, 0)))
    assert np.array_equal(sum(padded[k : k + 10] @ kernel[k] for k in range(4)), signal)


# ---- element types -------------------------------------------------------------------------------

UNDRAWN = [name for name, row in SCHEMES.items() if not row.elementwise]


@pytest.mark.parametrize("name", UNDRAWN)
def test_smaller_types_are_the_rounded_float32(name):
    keywords = {"rng": 1, "gain": 0.3}
    single = sample_weights((3, 6, 8), name, **keywords)
    half = sample_weights((3, 6, 8), name, dtype="float16", **keywords)
    assert half.tobytes() == single.astype(np.float16).tobytes()
    double = sample_weights((3, 6, 8), name, dtype="float64", **keywords)
    assert single.tobytes() == double.astype(np.float32).tobytes()


@pytest.mark.parametrize("name", UNDRAWN)
def test_bfloat16_bits_go_into_uint16(name):
    bits = np.ones((8, 6), np.uint16).T
    assert sample_weights((6, 8), name, rng=1, gain=0.3, dtype="bfloat16", out=bits) is bits
    single = sample_weights((6, 8), name, rng=1, gain=0.3).astype(np.float64)
    back = (bits.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    # Nearest, ties to even: half a unit of the 8-bit significand.
    exponent = np.frexp(np.where(single == 0, 1, single))[1]
    distance = abs(back - single) / np.ldexp(1.0, exponent - 8)
    assert distance.max() <= 0.5
    assert not (bits[distance == 0.5] & 1).any()


@pytest.mark.parametrize("name", UNDRAWN)
def test_bfloat16_arrays(name):
    bfloat16 = pytest.importorskip("ml_dtypes").bfloat16
    weights = sample_weights((6, 8), name, rng=1, gain=0.3, dtype="bfloat16")
    single = sample_weights((6, 8), name, rng=1, gain=0.3)
    assert weights.dtype == bfloat16
    assert weights.tobytes() == single.astype(bfloat16).tobytes()


@pytest.mark.parametrize("name", ["letkeman", "orthogonal", "ones"])
def test_out_gives_shape_and_type(name):
    out = np.full((4, 6), 9.0)
    assert sample_weights(None, name, rng=1, out=out) is out
    assert np.array_equal(out, sample_weights((4, 6), name, rng=1, dtype="float64"))
    buffer = array.array("f", [9.0] * 24)
    vector = {"rng": 1, "in_axis": 0, "out_axis": ()}
    assert sample_weights(24, name, out=buffer, **vector) is buffer
    assert buffer.tobytes() == sample_weights(24, name, **vector).tobytes()


@pytest.mark.parametrize("name", [name for name in SCALED if SCHEMES[name].law != "constant"])
def test_gain_0_gives_zeros(name):
    assert not sample_weights((3, 6), name, gain=0).any()


def test_a_gain_can_be_an_activation():
    assert schemes.scale("lecun_normal", 100, 50, gain="relu") == math.sqrt(2) * 0.1
    assert schemes.scale("he_normal", 100, 50, gain="tanh") == irwinhall.gain("tanh") * 0.1
    assert schemes.scale("lecun_normal", 100, 50, gain=np.sin) == pytest.approx(
        irwinhall.gain("sine") * 0.1
    )
    assert schemes.scale("lecun_normal", 100, 50, gain=np.float32(0.5)) == 0.05


def test_a_row_of_ones_own_is_a_scheme():
    mine = Scheme("mine", "normal", lambda fan_in, fan_out: 1 / fan_in)
    assert schemes.scale(mine, 8, 2) == 0.125
    expected = irwinhall.Stream(1).normal((8, 2), 0.125)
    assert sample_weights((8, 2), mine, rng=1).tobytes() == expected.tobytes()


@pytest.mark.parametrize("name", ["identity", "orthogonal", "letkeman", "zeros"])
def test_axes_can_come_from_an_iterator(name):
    weights = sample_weights((3, 3), name, rng=1, in_axis=iter([1]), out_axis=iter([0]))
    expected = sample_weights((3, 3), name, rng=1, in_axis=1, out_axis=0)
    assert weights.tobytes() == expected.tobytes()


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("name", ["orthogonal", "delta_orthogonal"])
def test_out_is_untouched_when_the_values_cannot_be_made(name, dtype, monkeypatch):
    def fails(a):
        raise MemoryError

    monkeypatch.setattr(np.linalg, "qr", fails)
    out = np.full((4, 6), 9.0, dtype)
    with pytest.raises(MemoryError):
        sample_weights(None, name, rng=1, out=out)
    assert (out == 9).all()


def test_out_is_checked_before_the_values_are_made(monkeypatch):
    monkeypatch.setattr(np.linalg, "qr", None)
    with pytest.raises(ValueError, match=r"out must have shape \(4, 6\), got \(4, 5\)"):
        sample_weights((4, 6), "orthogonal", rng=1, out=np.ones((4, 5)))


def test_the_signature_is_the_documented_one():
    parameters = inspect.signature(sample_weights).parameters
    assert " ".join(parameters) == (
        "shape scheme rng name in_axis out_axis batch_axis groups layout parts stacked "
        "active_inputs gain low high corrected dtype out region threads"
    )
    assert parameters["scheme"].default == "letkeman"


# ---- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "keywords", "error", "message"),
    [
        (((3, 4), "letkemann"), {}, ValueError, "'letkemann'; did you mean 'letkeman' or"),
        (((3, 4), "he"), {}, ValueError, "unknown scheme 'he'; known are letkeman, letkeman_norm"),
        (((3, 4), 3), {}, TypeError, r"scheme must be a name or a Scheme, got 3 \(int\)"),
        (((5,),), {}, ValueError, "letkeman needs fan_in and fan_out; a 1-D shape has neither"),
        (((5,), "orthogonal"), {}, ValueError, "orthogonal needs in and out axes; a 1-D shape"),
        (((5, 4),), {"in_axis": 1}, ValueError, "name each axis of shape once, got axis 1"),
        (((5, 4),), {"groups": 3}, ValueError, "groups must divide .* got 3 groups of 4"),
        (((5, 4),), {"groups": 0}, ValueError, "groups must be at least 1, got 0"),
        (((5, -4),), {}, ValueError, r"shape must have no negative sizes, got \(5, -4\)"),
        (((5, 4.0),), {}, TypeError, r"shape must hold integers, got 4.0 \(float\)"),
        ((None,), {}, TypeError, "shape must be given"),
        (((5, 4),), {"active_inputs": 0}, ValueError, "active_inputs must be at least 1, got 0"),
        (
            ((5, 4),),
            {"active_inputs": 6},
            ValueError,
            "active_inputs must be at most the 5 .* got 6",
        ),
        (((5, 4),), {"active_inputs": 1.0}, TypeError, "active_inputs must be an integer, got 1.0"),
        (
            ((5, 4), "orthogonal"),
            {"active_inputs": 1},
            ValueError,
            "active_inputs must be left out for orthogonal, .* got 1",
        ),
        (((5, 4),), {"gain": math.nan}, ValueError, "gain must be a number, got nan"),
        (((5, 4),), {"gain": math.inf}, ValueError, "gain must be finite, got inf"),
        (((5, 4),), {"gain": -1}, ValueError, "gain must be at least 0 for letkeman, got -1"),
        (((5, 4),), {"gain": True}, TypeError, r"gain must be a real number, got True \(bool\)"),
        (((5, 4),), {"gain": "rleu"}, ValueError, "unknown activation 'rleu'; did you mean 'relu'"),
        (((5, 4), "normal"), {}, ValueError, "gain must be given for normal as its standard dev"),
        (((5, 4), "constant"), {}, ValueError, "gain must be given for constant as its value"),
        (
            ((5, 4), "ones"),
            {"gain": 1e5, "dtype": "float16"},
            ValueError,
            "gain must give ones weights of at most 65504 for float16, got 100000",
        ),
        (((5, 1), "letkeman"), {"gain": 1.7e308}, ValueError, "bound|gain"),
        (((1, 1), "letkeman"), {"gain": 1.7e308}, ValueError, "gain must give a finite scale"),
        (
            ((5, 4),),
            {"rng": 1.5},
            TypeError,
            r"rng must be a Stream, an int, .*, got 1.5 \(float\)",
        ),
        (((5, 4),), {"rng": True}, TypeError, r"rng must be .*, got True \(bool\)"),
        (((5, 4),), {"rng": 1, "name": 2}, TypeError, r"name must be a string, got 2 \(int\)"),
        (((5, 4), "delta_orthogonal"), {}, ValueError, "as many outputs .* got 5 inputs and 4"),
        (((5, 4), "ones"), {"region": slice(3, 9)}, ValueError, "region must lie inside"),
        (((5, 4), "orthogonal"), {"region": slice(3, 9)}, ValueError, "region must lie inside"),
        (((2,), "zeros"), {"in_axis": 17}, ValueError, "in_axis must name an axis .* got 17 for"),
        (((2,), "zeros"), {"groups": -2}, ValueError, "groups must be at least 1, got -2"),
        (((2, 3), "ones"), {"groups": 2}, ValueError, "groups must divide .* 2 groups of 3 out"),
        (((2, 3), "ones"), {"in_axis": 0, "batch_axis": 0}, ValueError, "once, got axis 0 in in_"),
        (((2, 3), "normal"), {"gain": 1, "out_axis": 0.5}, TypeError, "out_axis must .* got 0.5"),
        (
            ((5, 4), Scheme("mine", "gaussian", 1.0)),
            {},
            ValueError,
            "law must be one of uniform, normal, .*, constant, .*, got 'gaussian'",
        ),
        (
            ((5, 4), Scheme("mine", "uniform", lambda n, m: -n)),
            {},
            ValueError,
            "scheme must have a scale of at least 0, got -5.0 for mine",
        ),
        (
            ((5, 4),),
            {"gain": 1e-40},
            ValueError,
            r"gain must give letkeman a bound from 2\*\*-95 to 3.4.* for float32, got 1e-40, ",
        ),
        (
            ((5, 4), "normal"),
            {"gain": 1e39},
            ValueError,
            r"gain must give normal a std of at most 3.4.* for float32, got 1e\+39, which gives 1e",
        ),
        (
            (None, "zeros"),
            {"out": [[1.0], [2.0, 3]]},
            TypeError,
            "out must be an array or a buffer, got list",
        ),
        (((5, 4), "ones"), {"dtype": "int32"}, TypeError, "dtype must be one of float32"),
        (
            ((5, 4), "identity"),
            {"out": np.ones((5, 3))},
            ValueError,
            r"out must have shape \(5, 4\)",
        ),
        (((5, 4), "ones"), {"threads": 0}, ValueError, "threads must be at least 1, got 0"),
    ],
)
def test_bad_input_is_named(arguments, keywords, error, message):
    out = keywords.get("out")
    with pytest.raises(error, match=message):
        sample_weights(*arguments, **keywords)
    assert not isinstance(out, np.ndarray) or (out == 1).all()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: schemes.scheme(3), TypeError, r"name must be a string, got 3 \(int\)"),
        (lambda: schemes.scheme("xavier_unifrom"), ValueError, "did you mean 'xavier_uniform'"),
        (lambda: schemes.scale("letkeman", 0, 3), ValueError, "fan_in must be at least 1, got 0"),
        (lambda: schemes.scale("letkeman", 3, 2.5), TypeError, "fan_out must be an integer, got"),
        (lambda: schemes.statistics("zero", 1, 0), ValueError, "fan_out must be at least 1"),
        (lambda: schemes.statistics("delta_orthogonal", 3, 2), ValueError, "3 inputs and 2 out"),
    ],
)
def test_bad_input_to_the_table_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
