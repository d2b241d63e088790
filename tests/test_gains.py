"""Gains against 30-digit quadrature of the activations' definitions, and against closed forms."""

from __future__ import annotations

import math
import subprocess
import sys

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import irwinhall
from irwinhall import _quadrature, gains
from irwinhall.gains import ACTIVATIONS, gain

DIGITS = 30
# The worst error seen is 2.3e-16 for smooth callables and 4.4e-15 for those with a jump.
ACCURACY_OF_SMOOTH = 1e-15
ACCURACY = 1e-14


# ---- the oracle ----------------------------------------------------------------------------------


def mp_sigmoid(z):
    return 1 / (1 + mpmath.exp(-z))


def mp_softplus(z):
    return mpmath.log1p(mpmath.exp(z))


def mp_clip(z, low, high):
    return min(max(z, mpmath.mpf(low)), mpmath.mpf(high))


def mp_selu(z):
    # The constants as Klambauer et al. derive them, from erfc.
    root = mpmath.sqrt(2)
    alpha = -mpmath.sqrt(2 / mpmath.pi) / (
        mpmath.erfc(1 / root) * mpmath.exp(mpmath.mpf(1) / 2) - 1
    )
    scale = (
        (1 - mpmath.erfc(1 / root) * mpmath.sqrt(mpmath.e))
        * mpmath.sqrt(2 * mpmath.pi)
        * (
            2 * mpmath.erfc(root) * mpmath.e**2
            + mpmath.pi * mpmath.erfc(1 / root) ** 2 * mpmath.e
            - 2 * (2 + mpmath.pi) * mpmath.erfc(1 / root) * mpmath.sqrt(mpmath.e)
            + mpmath.pi
            + 2
        )
        ** mpmath.mpf("-0.5")
    )
    return scale * (z if z > 0 else alpha * mpmath.expm1(z))


# Each activation as its source writes it, and where it is not smooth.
DEFINITIONS = {
    "linear": (lambda z: z, ()),
    "relu": (lambda z: max(z, 0), ()),
    "leaky_relu": (lambda z: z if z > 0 else z * mpmath.mpf(0.01), ()),
    "prelu": (lambda z: z if z > 0 else z / 4, ()),
    "relu6": (lambda z: mp_clip(z, 0, 6), (6,)),
    "relu_squared": (lambda z: max(z, 0) ** 2, ()),
    "elu": (lambda z: z if z > 0 else mpmath.expm1(z), ()),
    "selu": (mp_selu, ()),
    "gelu": (lambda z: z * mpmath.ncdf(z), ()),
    "gelu_tanh": (
        lambda z: (
            z
            / 2
            * (1 + mpmath.tanh(mpmath.sqrt(2 / mpmath.pi) * (z + mpmath.mpf("0.044715") * z**3)))
        ),
        (),
    ),
    "gelu_sigmoid": (lambda z: z * mp_sigmoid(mpmath.mpf("1.702") * z), ()),
    "silu": (lambda z: z * mp_sigmoid(z), ()),
    "mish": (lambda z: z * mpmath.tanh(mp_softplus(z)), ()),
    "softplus": (mp_softplus, ()),
    "squareplus": (lambda z: (z + mpmath.sqrt(z * z + 4)) / 2, ()),
    "tanh": (mpmath.tanh, ()),
    "lecun_tanh": (lambda z: mpmath.mpf("1.7159") * mpmath.tanh(2 * z / 3), ()),
    "sigmoid": (mp_sigmoid, ()),
    "log_sigmoid": (lambda z: mpmath.log(mp_sigmoid(z)), ()),
    "softsign": (lambda z: z / (1 + abs(z)), ()),
    "tanhshrink": (lambda z: z - mpmath.tanh(z), ()),
    "softshrink": (lambda z: mpmath.sign(z) * max(abs(z) - 0.5, 0), (0.5,)),
    "hardshrink": (lambda z: z if abs(z) > 0.5 else mpmath.mpf(0), (0.5,)),
    "hardtanh": (lambda z: mp_clip(z, -1, 1), (1,)),
    "hard_sigmoid": (lambda z: mp_clip(z / 6 + mpmath.mpf(1) / 2, 0, 1), (3,)),
    "hard_silu": (lambda z: z * mp_clip(z / 6 + mpmath.mpf(1) / 2, 0, 1), (3,)),
    "sine": (mpmath.sin, (mpmath.pi, 2 * mpmath.pi, 3 * mpmath.pi)),
    "exp": (mpmath.exp, ()),
}


def oracle(name):
    """Return both gains from Gauss-Legendre quadrature of the definition."""
    function, kinks = DEFINITIONS[name]
    with mpmath.workdps(DIGITS):
        inner = {0, 2, 4, 6, 9, *kinks}
        borders = sorted({*inner, *(-border for border in inner), -14, 14})
        # One evaluation of the function serves both moments.
        values = {}

        def value(z):
            if z not in values:
                values[z] = function(z)
            return values[z]

        def mean(power):
            return mpmath.quad(
                lambda z: abs(value(z)) ** power * mpmath.npdf(z),
                borders,
                method="gauss-legendre",
                maxdegree=5,
            )

        return 1 / mpmath.sqrt(mean(2)), mpmath.sqrt(2 / mpmath.pi) / mean(1)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_named_gains_agree_with_30_digit_quadrature(name):
    # Those with a slope are computed from it, the others are constants.
    is_written = isinstance(ACTIVATIONS[name].exact, gains.ExactGains)
    assert is_written == (ACTIVATIONS[name].slope is None)
    for preserve, exact in zip(("variance", "magnitude"), oracle(name), strict=True):
        by_quadrature = gain(lambda z: ACTIVATIONS[name](z), preserve=preserve)
        with mpmath.workdps(DIGITS):
            assert abs(by_quadrature / exact - 1) <= ACCURACY_OF_SMOOTH
            assert abs(gain(name, preserve=preserve) / exact - 1) <= ACCURACY_OF_SMOOTH
        assert not is_written or gain(name, preserve=preserve) == float(exact)


def test_the_rule_is_that_of_lobatto_correctly_rounded():
    n = len(_quadrature._POINTS) - 1
    with mpmath.workdps(50):
        # The ends, and the zeros of the derivative of Legendre's polynomial P, by Newton.
        points = [-mpmath.cos(mpmath.pi * k / n) for k in range(n + 1)]
        for k in range(1, n):
            for _ in range(20):
                x, p = points[k], mpmath.legendre(n, points[k])
                slope = n * (mpmath.legendre(n - 1, x) - x * p) / (1 - x * x)
                points[k] -= slope * (1 - x * x) / (2 * x * slope - n * (n + 1) * p)
        weights = [1 / (n * (n + 1) * mpmath.legendre(n, x) ** 2) for x in points]
        assert [float((x + 1) / 2) for x in points] == list(_quadrature._POINTS)
        assert [float(weight) for weight in weights] == list(_quadrature._WEIGHTS)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_functions_agree_with_their_definitions(name):
    definition = DEFINITIONS[name][0]
    z = np.array([-30.0, -3.7, -0.6, -0.1, -1e-8, 0.0, 1e-8, 0.1, 0.6, 2.5, 7.0, 30.0])
    expected = [float(definition(mpmath.mpf(x))) for x in z]
    np.testing.assert_allclose(ACTIVATIONS[name](z), expected, rtol=1e-13, atol=1e-16)


# ---- closed forms --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "preserve", "expected"),
    [
        ("linear", "variance", 1.0),
        ("linear", "magnitude", 1.0),
        ("relu", "variance", math.sqrt(2)),
        ("relu", "magnitude", 2.0),
        ("conv_transpose2d", "variance", 1.0),
    ],
)
def test_gains_in_closed_form_are_exact(name, preserve, expected):
    assert gain(name, preserve=preserve) == expected


@pytest.mark.parametrize(
    ("name", "preserve", "expected"),
    [
        ("selu", "variance", 1.0),  # what its constants are made for
        ("squareplus", "variance", math.sqrt(2 / 3)),
        ("relu_squared", "variance", math.sqrt(2 / 3)),
        ("exp", "variance", math.exp(-1)),
        ("sine", "variance", math.sqrt(2 / (1 - math.exp(-2)))),
        # z s(z) with s(z) + s(-z) = 1 has half the magnitude of z.
        ("gelu", "magnitude", 2.0),
        ("gelu_tanh", "magnitude", 2.0),
        ("silu", "magnitude", 2.0),
        ("hard_silu", "magnitude", 2.0),
        ("sigmoid", "magnitude", 2 * math.sqrt(2 / math.pi)),
    ],
)
def test_gains_with_a_closed_form_agree_with_it(name, preserve, expected):
    assert gain(name, preserve=preserve) == pytest.approx(expected, rel=ACCURACY)


slopes = st.floats(-1e3, 1e3)


@given(slope=slopes)
def test_leaky_relu_has_the_gain_of_he(slope):
    assert gain("leaky_relu", slope=slope) == pytest.approx(
        math.sqrt(2 / (1 + slope * slope)), rel=1e-15
    )
    assert gain("leaky_relu", slope=slope, preserve="magnitude") == 2 / (1 + abs(slope))


@given(slope=slopes, preserve=st.sampled_from(["variance", "magnitude"]))
def test_quadrature_agrees_with_the_closed_form(slope, preserve):
    by_quadrature = gain(lambda z: np.where(z < 0, slope * z, z), preserve=preserve)
    assert by_quadrature == pytest.approx(
        gain("prelu", slope=slope, preserve=preserve), rel=ACCURACY
    )


def test_a_slope_too_large_to_square_is_no_trouble():
    assert gain("leaky_relu", slope=1e200) == pytest.approx(math.sqrt(2) * 1e-200, rel=1e-15)


@given(
    factor=st.floats(1e-250, 1e250) | st.floats(-1e250, -1e-250),
    preserve=st.sampled_from(["variance", "magnitude"]),
)
def test_the_gain_undoes_a_factor(factor, preserve):
    scaled = gain(lambda z: factor * np.tanh(z), preserve=preserve)
    assert scaled == pytest.approx(gain("tanh", preserve=preserve) / abs(factor), rel=ACCURACY)


@given(st.floats(-3, 3))
def test_the_gain_of_a_reflected_function_is_the_same(shift):
    right = gain(lambda z: np.tanh(z - shift))
    assert gain(lambda z: np.tanh(-z - shift)) == pytest.approx(right, rel=ACCURACY)


@given(kink=st.floats(-4, 4) | st.floats(-1e-3, 1e-3) | st.floats(0.999, 1.001))
def test_kinks_and_jumps_anywhere_are_found(kink):
    assert gain(lambda z: np.abs(z - kink)) == pytest.approx(1 / math.hypot(1, kink), rel=ACCURACY)
    above = math.erfc(kink / math.sqrt(2)) / 2
    assert gain(lambda z: z > kink) == pytest.approx(above**-0.5, rel=1e-13)


@given(st.floats(0.1, 30))
def test_oscillating_functions_are_resolved(frequency):
    expected = math.sqrt(2 / -math.expm1(-2 * frequency**2))
    assert gain(lambda z: np.sin(frequency * z)) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize(
    ("function", "variance"),
    [
        (lambda z: np.exp(5 * z), math.exp(50)),
        (lambda z: z**9, 34459425),  # 17!!
        (lambda z: np.exp(z * z / 5), 5**0.5),
        (lambda z: np.log(np.abs(z)), None),
        (np.floor, None),
        (lambda z: np.sin(z) / z, None),
    ],
)
def test_functions_that_grow_jump_or_have_poles(function, variance):
    if variance is None:
        rng = np.random.default_rng(7)
        sample = np.square(function(rng.standard_normal(400_000)))
        variance = sample.mean()
        tolerance = 5 * sample.std() / math.sqrt(sample.size) / variance
    else:
        tolerance = 1e-13
    assert gain(function) ** -2 == pytest.approx(variance, rel=tolerance)


def test_the_magnitude_gain_keeps_the_magnitude_of_a_letkeman_layer():
    # Inputs of the magnitude of tanh(z), of either sign, as the rule takes them.
    n, rows = 64, 40_000
    rng = np.random.default_rng(3)
    magnitude = np.abs(np.tanh(rng.standard_normal(200_000))).mean()
    bound = gain("tanh", preserve="magnitude") * irwinhall.letkeman_bound(n)
    outputs = np.abs(rng.uniform(-bound, bound, (rows, n)).sum(axis=1)) * magnitude
    error = outputs.std() / math.sqrt(rows)
    assert abs(outputs.mean() - math.sqrt(2 / math.pi)) <= 5 * (error + 0.001)


def test_the_variance_gain_keeps_the_variance_of_a_wide_layer():
    n = 400
    rng = np.random.default_rng(5)
    inputs = ACTIVATIONS["gelu"](rng.standard_normal((n, 2000)))
    weights = rng.normal(0, gain("gelu") / math.sqrt(n), (500, n))
    assert (weights @ inputs).var() == pytest.approx(1, rel=0.03)


# ---- at another variance -------------------------------------------------------------------------


def oracle_at(name, variance):
    """Return both gains at a variance, by quadrature over z of that variance."""
    function, _ = DEFINITIONS[name]
    with mpmath.workdps(DIGITS):
        std = mpmath.sqrt(mpmath.mpf(variance))
        borders = [k * std for k in (-14, -8, -4, -2, -1, 0, 1, 2, 4, 8, 14)]

        def mean(power):
            return mpmath.quad(
                lambda z: abs(function(z)) ** power * mpmath.npdf(z, 0, std), borders, maxdegree=7
            )

        return std / mpmath.sqrt(mean(2)), std * mpmath.sqrt(2 / mpmath.pi) / mean(1)


@pytest.mark.parametrize("variance", [0.01, 0.3, 9.0])
@pytest.mark.parametrize("name", ["silu", "gelu", "tanh", "mish", "elu", "softplus"])
def test_gains_at_a_variance_agree_with_30_digit_quadrature(name, variance):
    for preserve, exact in zip(("variance", "magnitude"), oracle_at(name, variance), strict=True):
        assert gain(name, preserve=preserve, at=variance) == pytest.approx(float(exact), rel=1e-14)


@pytest.mark.parametrize("variance", [1e-8, 0.5, 1.0, 7.0, 1e8])
@pytest.mark.parametrize("name", ["linear", "relu", "leaky_relu", "prelu"])
def test_the_variance_does_not_matter_to_what_is_linear_on_either_side(name, variance):
    assert gain(name, at=variance) == gain(name)
    row = ACTIVATIONS[name]
    assert gain(lambda z: row(z), at=variance) == pytest.approx(gain(name), rel=ACCURACY)


@given(variance=st.floats(1e-3, 100))
def test_the_gain_of_the_sine_at_a_variance_has_a_closed_form(variance):
    expected = math.sqrt(2 * variance / -math.expm1(-2 * variance))
    assert gain("sine", at=variance) == pytest.approx(expected, rel=ACCURACY)
    assert gain(np.sin, at=variance) == pytest.approx(expected, rel=ACCURACY)


# Exactly, q -> g^2 E f(sqrt(q) z)^2, its derivative, and g^2 E f'(sqrt(q) z)^2.
CLOSED = {
    "sine": (
        lambda q: -math.expm1(-2 * q) / 2,
        lambda q: math.exp(-2 * q),
        lambda q: (1 + math.exp(-2 * q)) / 2,
    ),
    "relu_squared": (lambda q: 1.5 * q * q, lambda q: 3 * q, lambda q: 2 * q),
    "exp": (lambda q: math.exp(2 * q), lambda q: 2 * math.exp(2 * q), lambda q: math.exp(2 * q)),
}


@pytest.mark.parametrize("variance", [0.2, 1.0, 3.0])
@pytest.mark.parametrize("name", CLOSED)
def test_fixed_points_are_those_of_the_closed_form(name, variance):
    square, slope, gradient = CLOSED[name]
    factor = math.sqrt(variance / square(variance))
    assert gain(name, at=variance) == pytest.approx(factor, rel=ACCURACY)
    points = gains.fixed_points(name, factor)
    (found,) = (point for point in points if abs(point.variance / variance - 1) < 1e-6)
    assert found.variance == pytest.approx(variance, rel=1e-9)
    assert found.slope == pytest.approx(factor**2 * slope(variance), rel=1e-9)
    assert found.gradient == pytest.approx(factor**2 * gradient(variance), rel=1e-5)
    for point in points:
        assert point.variance == pytest.approx(factor**2 * square(point.variance), rel=1e-9)


def test_biases_add_to_the_variance():
    (point,) = gains.fixed_points("sine", 1.2, bias_std=0.5)
    expected = 0.25 + 1.44 * CLOSED["sine"][0](point.variance)
    assert point.variance == pytest.approx(expected, rel=1e-9)
    assert gains.fixed_points("relu", 1.0, bias_std=0.5)[0].variance == pytest.approx(0.5)


@pytest.mark.parametrize("name", ["tanh", "softsign", "hardtanh", "sine"])
@pytest.mark.parametrize("factor", [0.5, 0.99])
def test_below_gain_1_what_saturates_has_the_fixed_point_0_only(name, factor):
    (point,) = gains.fixed_points(name, factor)
    assert point == pytest.approx((0.0, factor**2, factor**2), rel=1e-4)
    assert point.is_stable


@pytest.mark.parametrize(
    ("name", "variance", "is_stable"),
    [
        ("silu", 0.1, False),
        ("gelu", 1.0, False),
        ("mish", 30.0, False),
        ("tanh", 30.0, True),
        ("elu", 0.1, True),
        ("selu", 1.0, True),
        ("softplus", 30.0, True),
        ("sigmoid", 1.0, True),
    ],
)
def test_fixed_points_are_stable_where_the_activation_saturates(name, variance, is_stable):
    found = gains.fixed_points(name, gain(name, at=variance))[-1]
    assert found.variance == pytest.approx(variance, rel=1e-9)
    assert found.is_stable is is_stable


@pytest.mark.parametrize("name", ["silu", "gelu", "mish"])
def test_no_gain_makes_these_stable_as_their_second_moment_grows_faster_than_the_variance(name):
    shares = [gain(name, at=10.0**k) ** -2 for k in range(-4, 5)]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(0.5, rel=1e-4)


def through(name, variance, depth=100, width=1024):
    """Return the mean squares of 100 layers, relative to the fixed point."""
    factor, row = gain(name, at=variance), ACTIVATIONS[name]
    signal = math.sqrt(variance) * irwinhall.Stream(1).normal((16, width))
    squares = []
    for layer in range(depth):
        weights = irwinhall.sample_weights(
            (width, width), "lecun_normal", gain=factor, rng=1, name=f"layer.{layer}"
        )
        signal = row(signal).astype(np.float32) @ weights
        squares.append(float(np.square(signal, dtype=np.float64).mean()) / variance)
    return squares


def test_100_layers_of_tanh_stay_at_the_fixed_point():
    squares = through("tanh", 1.0)
    assert 0.9 < min(squares) < max(squares) < 1.1


def test_100_layers_of_silu_leave_a_small_fixed_point_and_drift_from_a_large_one_as_relu_does():
    assert max(through("silu", 1.0, width=256)) > 1e6
    sizes = {"width": 512, "depth": 50}
    drift = np.divide(through("silu", 100.0, **sizes), through("relu", 100.0, **sizes))
    assert 0.8 < min(drift) < max(drift) < 1.25


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "linear"])
def test_a_gain_that_keeps_every_variance_is_refused(name):
    with pytest.raises(ValueError, match="^gain must not keep every variance, as 1"):
        gains.fixed_points(name, gain(name))


def test_an_activation_that_vanishes_near_0_has_a_fixed_point_above():
    zero, found = gains.fixed_points("hardshrink", 1.02)
    assert zero == (0, 0, 0)
    assert gain("hardshrink", at=found.variance) == pytest.approx(1.02, rel=1e-9)
    assert not found.is_stable


def test_the_integrals_of_the_exponential_end_to_exist():
    points = gains.fixed_points("exp", 0.1)
    assert [point.is_stable for point in points] == [True, False]
    for point in points:
        assert point.variance == pytest.approx(0.01 * math.exp(2 * point.variance), rel=1e-9)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("tanh", 0.0), ValueError, "^gain must be positive, got 0.0"),
        (("tanh", math.nan), ValueError, "^gain must be"),
        (("tanh", "1"), TypeError, "^gain must be a real number"),
        (("tahn", 1.0), ValueError, "did you mean 'tanh'"),
        ((3, 1.0), TypeError, "^activation must be a name or a callable"),
    ],
)
def test_bad_arguments_of_fixed_points_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        gains.fixed_points(*arguments)
    with pytest.raises(ValueError, match="^bias_std must be at least 0, got -1"):
        gains.fixed_points("tanh", 1.0, bias_std=-1)


@pytest.mark.parametrize(
    ("name", "slope"),
    [
        ("linear", lambda z: np.ones_like(z)),
        ("relu", lambda z: (z > 0) * 1.0),
        ("leaky_relu", lambda z: np.where(z > 0, 1.0, 0.01)),
        ("relu_squared", lambda z: 2 * np.maximum(z, 0)),
        ("tanh", lambda z: 1 / np.cosh(z) ** 2),
        ("sigmoid", lambda z: 0.25 / np.cosh(z / 2) ** 2),
        ("softplus", lambda z: 1 / (1 + np.exp(-z))),
        ("hardtanh", lambda z: (np.abs(z) < 1) * 1.0),
        ("hardshrink", lambda z: (np.abs(z) > 0.5) * 1.0),
        ("elu", lambda z: np.where(z > 0, 1.0, np.exp(np.minimum(z, 0)))),
        ("sine", np.cos),
        ("exp", np.exp),
    ],
)
def test_the_derivative_is_that_of_the_calculus(name, slope):
    z = np.concatenate([np.linspace(-6, 6, 601) + 0.003, [1e-90, -1e-90, 1e-5, 0.5 + 1e-4]])
    row = gains.activation(name)
    np.testing.assert_allclose(gains.derivative(row, z), slope(z), rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("variance", [1e-4, 0.5, 1.0, 6.0])
def test_moments_have_their_closed_forms(variance):
    std, fade = math.sqrt(variance), math.exp(-2 * variance)
    half = std / math.sqrt(2 * math.pi)
    for name, expected in {
        "relu": (half, variance / 2, 0.5, 0.5),
        "leaky_relu": (0.99 * half, 1.0001 * variance / 2, 0.505, 0.50005),
        "linear": (0, variance, 1, 1),
        "sine": (0, (1 - fade) / 2, None, (1 + fade) / 2),
        "exp": (math.exp(variance / 2), 1 / fade, math.exp(variance / 2), 1 / fade),
        "relu_squared": (variance / 2, 1.5 * variance**2, 2 * half, 2 * variance),
        "softplus": (None, None, 0.5, None),
    }.items():
        found = gains.moments(name, variance)
        for value, exact in zip(found, expected, strict=True):
            if exact is not None:
                assert value == pytest.approx(exact, rel=2e-5, abs=1e-12), name


def test_moments_of_what_vanishes_are_0():
    assert gains.moments("hardshrink", 1e-5) == (0, 0, 0, 0)


@pytest.mark.parametrize("variance", [0.0, -1.0, math.inf])
def test_the_variance_of_moments_must_be_positive(variance):
    with pytest.raises(ValueError, match="^variance must be"):
        gains.moments("relu", variance)


# ---- conventions ---------------------------------------------------------------------------------


# torch.nn.init.calculate_gain of PyTorch 2.13.0.
@pytest.mark.parametrize(
    ("name", "slope", "expected"),
    [
        ("linear", None, 1),
        ("conv1d", None, 1),
        ("conv2d", None, 1),
        ("conv3d", None, 1),
        ("conv_transpose1d", None, 1),
        ("conv_transpose2d", None, 1),
        ("conv_transpose3d", None, 1),
        ("sigmoid", None, 1),
        ("tanh", None, 1.6666666666666667),
        ("relu", None, 1.4142135623730951),
        ("leaky_relu", None, 1.4141428569978354),
        ("leaky_relu", 0.2, 1.3867504905630728),
        ("selu", None, 0.75),
    ],
)
def test_the_torch_convention_is_calculate_gain(name, slope, expected):
    assert gain(name, slope=slope, convention="torch") == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("relu", math.sqrt(2)),
        ("leaky_relu", math.sqrt(2 / (1 + 0.01**2))),
        ("selu", 3 / 4),
        ("linear", 1),
        ("tanh", 1),
        ("sigmoid", 1),
    ],
)
def test_the_textbook_convention(name, expected):
    assert gain(name, convention="textbook") == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("convention", ["torch", "textbook"])
@pytest.mark.parametrize("name", ["linear", "relu", "leaky_relu"])
def test_conventions_agree_with_the_exact_gain_where_it_is_linear_on_either_side(name, convention):
    assert gain(name, convention=convention) == pytest.approx(gain(name), rel=1e-15)


# ---- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("LeakyReLU", "leaky_relu"),
        ("leaky-relu", "leaky_relu"),
        ("SiLU", "silu"),
        ("swish", "silu"),
        ("hard_tanh", "hardtanh"),
        ("Hardswish", "hard_silu"),
        ("LogSigmoid", "log_sigmoid"),
        ("tanh_shrink", "tanhshrink"),
        ("gelu_pytorch_tanh", "gelu_tanh"),
        ("quick_gelu", "gelu_sigmoid"),
        ("relu2", "relu_squared"),
        ("identity", "linear"),
        ("celu", "elu"),
        ("exponential", "exp"),
    ],
)
def test_spellings_and_aliases(spelling, name):
    assert gains.activation(spelling) is ACTIVATIONS[name]
    assert gain(spelling) == gain(name)


def test_no_name_means_two_activations():
    names = [name for row in ACTIVATIONS.values() for name in (row.name, *row.aliases)]
    keys = [name.lower().replace("_", "") for name in names]
    assert len(set(keys)) == len(keys)


def test_every_activation_has_a_definition_and_a_source():
    assert list(DEFINITIONS) == list(ACTIVATIONS)
    assert all(row.source for row in ACTIVATIONS.values())


def test_a_row_of_ones_own_is_as_good_as_a_named_one():
    row = gains.Activation(
        "elu_alpha", lambda z, a: np.where(z < 0, a * np.expm1(z), z), "here", slope=1.0
    )
    assert gain(row) == gain("elu")
    assert gain(row, slope=0.0) == pytest.approx(math.sqrt(2), rel=ACCURACY)


@pytest.mark.parametrize("name", ["relu", "leaky_relu"])
def test_a_row_is_shown_as_what_gives_it(name):
    row = gains.ACTIVATIONS[name]
    assert eval(repr(row), vars(gains)) is row


def test_a_row_of_ones_own_is_shown_as_what_was_given():
    row = gains.Activation("relu", abs, "here", slope=0.5)
    expected = "name='relu', function=<built-in function abs>, source='here', slope=0.5"
    assert repr(row) == f"Activation({expected})"


def test_the_table_cannot_be_changed():
    with pytest.raises(TypeError):
        ACTIVATIONS["relu"] = ACTIVATIONS["tanh"]


# ---- callables -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("dtype", "accuracy"), [(np.float32, 1e-7), (np.float16, 1e-3)])
def test_callables_of_less_precision_give_what_they_have(dtype, accuracy):
    result = gain(lambda z: np.tanh(z.astype(dtype)))
    assert result == pytest.approx(gain("tanh"), rel=accuracy)


def test_callables_may_write_into_what_they_are_given():
    assert gain(lambda z: np.maximum(z, 0, out=z)) == pytest.approx(math.sqrt(2), rel=ACCURACY)


def test_noise_of_rounding_does_not_keep_a_callable_from_its_gain():
    assert gain(lambda z: (z + 1e5) - 1e5) == pytest.approx(1, rel=1e-9)


def test_warnings_of_a_callable_are_not_passed_on_where_its_values_are_finite():
    assert gain(lambda z: 1 / (1 + np.exp(-50 * z))) > 0  # overflows to inf, and 1/inf is 0


RNG = np.random.default_rng(1)


def dropout(z):
    return z * (RNG.random(z.shape) < 0.5)


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (np.zeros_like, ValueError, "^activation must not vanish, got values of at most 0e"),
        (lambda z: 1e-310 * z, ValueError, "^activation must not vanish, got values of at most "),
        (np.sqrt, ValueError, r"^activation must be finite for \|z\| < 38, got nan at z = -3"),
        (lambda z: np.exp(z * z), ValueError, "^activation must be finite .* got inf at z = -3"),
        (lambda z: np.exp(z * z / 4), ValueError, "^activation must grow slowly enough"),
        (lambda z: 1.0, ValueError, r"^activation must return an array of the shape .* got \(\)$"),
        (lambda z: z[1:], ValueError, r"^activation must return an array of the shape that it is"),
        (np.emath.sqrt, TypeError, "^activation must return real numbers, got .* complex128$"),
        (lambda z: None, TypeError, "^activation must return real numbers, got .* object$"),
        (lambda z: "relu", TypeError, "^activation must return real numbers, got an array of <U4$"),
        (
            dropout,
            ValueError,
            "^activation must be a fixed elementwise function, .* error of its integral",
        ),
        (
            lambda z: np.exp(z - z.max()) / np.exp(z - z.max()).sum(),
            ValueError,
            "^activation must be a fixed elementwise function",
        ),
    ],
)
@pytest.mark.filterwarnings("error")
def test_callables_without_a_gain_are_refused(function, error, message):
    with pytest.raises(error, match=message):
        gain(function)


def test_a_callable_for_numbers_fails_with_a_note():
    with pytest.raises(TypeError) as caught:
        gain(math.tanh)
    assert "it must take such arrays elementwise" in caught.value.__notes__[0]


# ---- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("activation", "arguments", "message"),
    [
        ("rleu", {}, "^unknown activation 'rleu'; did you mean 'relu', "),
        ("leaky", {}, r"did you mean 'leaky_relu'\?$"),
        ("swosh", {}, "did you mean 'silu'"),
        ("softmax", {}, "^unknown activation 'softmax'; "),
        ("", {}, "^unknown activation ''; known are linear, relu, "),
        ("relu", {"slope": 0.1}, "^slope must be left out for relu, got 0.1; only leaky_relu and "),
        (np.tanh, {"slope": 0.1}, "^slope must be left out for a callable, got 0.1$"),
        ("leaky_relu", {"slope": math.nan}, "^slope must be finite, got nan$"),
        ("leaky_relu", {"slope": -math.inf}, "^slope must be finite, got -inf$"),
        ("relu", {"preserve": "mean"}, "^preserve must be one of variance, magnitude, got 'mean'$"),
        ("relu", {"preserve": None}, "^preserve must be one of variance, magnitude, got None$"),
        ("relu", {"at": 0.0}, "^at must be positive, got 0.0$"),
        ("relu", {"at": -1}, "^at must be positive, got -1$"),
        ("relu", {"at": math.inf}, "^at must be finite, got inf$"),
        ("relu", {"at": 2.0, "convention": "torch"}, "^at must be 1 for convention 'torch', got 2"),
        ("swiglu", {"at": 2.0}, "^at must be 1 for swiglu, got 2.0$"),
        ("relu", {"convention": "jax"}, "^convention must be one of exact, torch, textbook, got "),
        ("gelu", {"convention": "torch"}, "^convention must be 'exact' for gelu, got 'torch'"),
        (np.tanh, {"convention": "torch"}, "^convention must be 'exact' for a callable, got "),
        (
            "relu",
            {"convention": "torch", "preserve": "magnitude"},
            "^preserve must be 'variance' for convention 'torch', got 'magnitude'$",
        ),
    ],
)
def test_bad_values_are_named(activation, arguments, message):
    with pytest.raises(ValueError, match=message):
        gain(activation, **arguments)


@pytest.mark.parametrize(
    ("activation", "arguments", "message"),
    [
        (None, {}, r"^activation must be a name or a callable, got None \(NoneType\)$"),
        (1.0, {}, r"^activation must be a name or a callable, got 1.0 \(float\)$"),
        ("leaky_relu", {"slope": "0.1"}, r"^slope must be a real number, got '0.1' \(str\)$"),
        ("leaky_relu", {"slope": True}, r"^slope must be a real number, got True \(bool\)$"),
        ("leaky_relu", {"slope": 1j}, "^slope must be a real number, got 1j"),
    ],
)
def test_bad_types_are_named(activation, arguments, message):
    with pytest.raises(TypeError, match=message):
        gain(activation, **arguments)


def test_a_row_is_looked_up_by_a_string():
    with pytest.raises(TypeError, match=r"^name must be a string, got None"):
        gains.activation(None)


# ---- imports -------------------------------------------------------------------------------------


def test_the_module_imports_numpy_and_nothing_heavier():
    code = (
        "import sys, irwinhall; irwinhall.gain('gelu');"
        "print(sorted({'scipy', 'mpmath', 'torch', 'jax'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout == "[]\n"


# ---- gated units ---------------------------------------------------------------------------------


@pytest.mark.parametrize("row", gains.GATED.values(), ids=lambda row: row.name)
@pytest.mark.parametrize("preserve", ["variance", "magnitude"])
def test_gains_of_gated_units_are_those_of_their_integrals(row, preserve):
    act = gains.activation(row.gate)
    with mpmath.workdps(30):
        power = 2 if preserve == "variance" else 1
        f = lambda z: mpmath.mpf(float(act(float(z)))) ** power  # noqa: E731
        moment = mpmath.quad(lambda z: abs(f(z)) * mpmath.npdf(z), [-12, -4, -1, 0, 1, 4, 12])
        expected = 1 / mpmath.sqrt(moment) if power == 2 else 1 / moment
    assert irwinhall.gain(row.name, preserve=preserve) == pytest.approx(float(expected), rel=1e-13)
    assert irwinhall.gain(row, preserve=preserve) == irwinhall.gain(row.name, preserve=preserve)


def test_gains_of_gated_units_in_closed_form():
    magnitudes = {name: irwinhall.gain(name, preserve="magnitude") for name in gains.GATED}
    assert magnitudes["glu"] == 2.0  # E sigmoid = 1/2
    assert magnitudes["bilinear"] == pytest.approx(math.sqrt(math.pi / 2), rel=3e-16)
    # E|act| of relu, gelu and silu is E|z|/2: they differ from z/2 by an even function.
    assert magnitudes["reglu"] == magnitudes["geglu"] == magnitudes["swiglu"]
    assert magnitudes["reglu"] == pytest.approx(math.sqrt(2 * math.pi), rel=3e-16)
    assert irwinhall.gain("reglu") == math.sqrt(2)


def test_a_layer_behind_a_gated_unit_keeps_the_variance():
    stream = irwinhall.Stream(1)
    value, gate = (
        stream.child(name).normal((400, 1000), dtype="float64") for name in ("value", "gate")
    )
    y = value * gains.activation("silu")(gate)
    gain = irwinhall.gain("SwiGLU")
    weights = irwinhall.sample_weights((1000, 300), "lecun_normal", rng=1, gain=gain)
    assert (y @ weights).var() == pytest.approx(1.0, rel=0.03)


def test_what_gated_units_do_not_have_is_named():
    with pytest.raises(ValueError, match="^slope must be left out for swiglu, got 0.1"):
        irwinhall.gain("swiglu", slope=0.1)
    with pytest.raises(ValueError, match="^convention must be 'exact' for glu, got 'torch'"):
        irwinhall.gain("glu", convention="torch")
    assert repr(gains.GATED["glu"]) == "GATED['glu']"


def test_a_row_of_ones_own_is_not_homogeneous_by_its_name():
    row = gains.Activation("linear", np.tanh, "here")
    other = gains.Activation("bent", np.tanh, "here")
    assert gains.moments(row, 4.0) == gains.moments(other, 4.0)
    assert gains.moments(row, 4.0).square < 1.0
