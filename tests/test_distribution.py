"""The Irwin-Hall distribution, ih_distribution.c, against exact sums and quadrature."""

import ctypes
import json
import math
import random
from fractions import Fraction

import distribution_oracle as oracle
import mpmath
import numpy as np
import pytest
import verify_distribution as verify
from flint import arb
from hypothesis import given
from hypothesis import strategies as st

from irwinhall import _distribution, distribution, exact

VALUES = ("pdf", "logpdf", "cdf", "logcdf", "sf", "logsf")
QUANTILES = ("ppf", "isf")
LARGEST = 2**53
LEAST_NORMAL = verify.LEAST_NORMAL
EDGES = {  # at 0 and at n, for n >= 2
    "pdf": (0.0, 0.0),
    "logpdf": (-math.inf, -math.inf),
    "cdf": (0.0, 1.0),
    "logcdf": (-math.inf, 0.0),
    "sf": (1.0, 0.0),
    "logsf": (0.0, -math.inf),
}


@pytest.fixture(params=VALUES)
def name(request):
    return request.param


def call(function, *arguments, **keywords):
    return getattr(distribution, function)(*arguments, **keywords)


# ---- accuracy ------------------------------------------------------------------------------------


class TestTheRecord:
    record = json.loads((verify.DATA / "verify_distribution.json").read_text(encoding="ascii"))

    def test_is_of_the_checks_as_they_are(self):
        assert (self.record["seed"], self.record["bound"]) == (verify.SEED, verify.BOUND)

    def test_has_every_range_and_function(self):
        found = {title: set(entries) for title, entries in self.record["ranges"].items()}
        assert found == {title: set(verify.FUNCTIONS) for title in verify.RANGES}

    def test_has_all_points(self):
        for title, (low, high) in verify.RANGES.items():
            assert self.record["ranges"][title]["pdf"]["checked"] >= 400 * (high - low + 1)

    def test_has_no_error_above_the_bound(self):
        worst = [e["worst"] for entries in self.record["ranges"].values() for e in entries.values()]
        assert max(worst) <= verify.BOUND

    @pytest.mark.parametrize("title", verify.RANGES)
    @pytest.mark.parametrize("function", [*VALUES])
    def test_has_the_errors_that_the_functions_make(self, title, function):
        entry = self.record["ranges"][title][function]
        n, x = entry["n"], entry["at"]
        found = verify.error(function, call(function, x, n), verify.truths(x, n)[function])
        assert found == pytest.approx(entry["worst"], abs=1e-15)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 11, 27, 28, 29, 47, 63, 64, 65, 130, 200])
def test_every_value_is_accurate(n):
    for x in verify.points(n, 60, random.Random(n)):
        for function, true in verify.truths(x, n).items():
            assert verify.error(function, call(function, x, n), true) <= verify.BOUND, (function, x)


def test_the_reference_values_are_met():
    rows = json.loads((verify.DATA / "distribution_reference.json").read_text(encoding="ascii"))
    for n, x, values in rows:
        x = float.fromhex(x)
        for function, digits in values.items():
            found = call(function, x, n)
            assert verify.error(function, found, arb(digits)) <= verify.BOUND, (function, x, n)


@pytest.mark.parametrize("n", [28, 64, 100])
@pytest.mark.parametrize("m", [1 / 4, 3 / 128, 5 / 16, 7 / 16, 1 / 32, 1 / 8])
def test_the_regions_meet_at_their_borders(n, m):
    """The values on both sides of every border of cells and regions are right."""
    for x in (math.nextafter(n * m, 0), n * m, math.nextafter(n * m, n)):
        for function, true in verify.truths(x, n).items():
            assert verify.error(function, call(function, x, n), true) <= verify.BOUND


@pytest.mark.parametrize("n", [10**9, 10**12, LARGEST])
@pytest.mark.parametrize("deviations", [-30.0, -3.0, -0.01, 0.0, 0.7, 5.0, 37.0])
def test_huge_n_are_as_accurate(n, deviations):
    x = n / 2 + deviations * math.sqrt(n / 12)
    for function, true in verify.truths(x, n).items():
        assert verify.error(function, call(function, x, n), true) <= verify.BOUND


@pytest.mark.parametrize("n", [2, 7, 40, 64, 1000, 10**6, LARGEST])
@pytest.mark.parametrize("x", [5e-324, 1e-310, 1e-300, 1e-20, 0.999, 1.0])
def test_logarithms_are_finite_and_right_for_the_least_x(n, x):
    with mpmath.workdps(60):
        n_log_x = n * mpmath.log(mpmath.mpf(x))
        below = n_log_x - mpmath.loggamma(mpmath.mpf(n) + 1)
        density = below + mpmath.log(n) - mpmath.log(mpmath.mpf(x))
    assert distribution.logcdf(x, n) == pytest.approx(float(below), rel=1e-13)
    assert distribution.logpdf(x, n) == pytest.approx(float(density), rel=1e-13, abs=1e-13)


@pytest.mark.parametrize("function", QUANTILES)
@pytest.mark.parametrize("n", [1, 2, 3, 10, 27, 28, 50, 63, 64, 100, 200, 1000])
def test_quantiles_are_right_down_to_1e_300(function, n):
    for q in verify.probabilities(random.Random(n))[:20]:
        assert verify.quantile_error(function, q, n) <= verify.BOUND, q


@pytest.mark.parametrize("n", [1, 2, 3, 30, 70, 1000, 10**6, 10**12])
@pytest.mark.parametrize("log_q", [-1e-300, -1e-10, -0.3, -0.69, -0.7, -2.0, -1e3, -1e5, -1e9])
def test_quantiles_of_logarithms_are_the_inverse_of_the_logarithms(n, log_q):
    for quantile, inverse in (("ppf", "logcdf"), ("isf", "logsf")):
        x = call(quantile, log_q, n, log=True)
        low, high = math.nextafter(x, 0), math.nextafter(x, n)
        ends = sorted(call(inverse, end, n) for end in (low, x, high) if 0 <= end <= n)
        slack = 4e-15 * abs(log_q)
        assert ends[0] - slack <= log_q <= ends[-1] + slack


def test_the_far_quantile_that_scipy_misses():
    with mpmath.workdps(40):
        u = mpmath.exp((mpmath.log(mpmath.mpf(1e-200)) + mpmath.loggamma(51)) / 50)
    assert distribution.isf(1e-200, 50) == float(50 - u)
    assert distribution.ppf(1e-200, 50) == pytest.approx(float(u), rel=1e-15)


# ---- the oracle ----------------------------------------------------------------------------------


@pytest.mark.parametrize("x", [0.5, 1.25, 2.0, 3.75, 9.0])
def test_the_oracle_has_the_values_of_the_exact_fractions(x):
    density, below, above = oracle.exact(x, 9)
    assert Fraction(int(density.p), int(density.q)) == exact.irwin_hall_pdf(x, 9)
    assert Fraction(int(below.p), int(below.q)) == exact.irwin_hall_cdf(x, 9)
    assert Fraction(int(above.p), int(above.q)) == 1 - exact.irwin_hall_cdf(x, 9)


@pytest.mark.parametrize("x", [3.5, 20.25, 50.0, 71.125, 99.5])
def test_the_quadrature_agrees_with_the_sum(x):
    for contour, value in zip(oracle.by_contour(x, 100), oracle.exact(x, 100), strict=True):
        assert abs(oracle.relative_error(contour, value)) < 1e-25


@pytest.mark.parametrize(("x", "n"), [(5e5 + 300, 10**6), (480.0, 1000)])
def test_the_quadrature_agrees_with_that_of_the_characteristic_function(x, n):
    with mpmath.workdps(30):
        width = 40 / math.sqrt(n)
        ends = [width * k / 8 for k in range(9)]
        density = mpmath.quad(
            lambda t: mpmath.sinc(t / 2) ** n * mpmath.cos(t * (mpmath.mpf(x) - n / 2)), ends
        )
        expected = density / mpmath.pi
        found = oracle.by_contour(x, n)[0]
        assert abs(mpmath.mpf(found.str(25, radius=False)) / expected - 1) < 1e-15


# ---- properties ----------------------------------------------------------------------------------

counts = st.one_of(st.integers(1, 100), st.integers(1, 10**7), st.integers(1, LARGEST))


@st.composite
def points(draw):
    n = draw(counts)
    share = draw(st.one_of(st.floats(0, 1), st.floats(0, 1e-3)))
    sigmas = draw(st.floats(-12, 12))
    x = draw(st.sampled_from([n * share, n - n * share, n / 2 + sigmas * math.sqrt(n / 12)]))
    return min(max(x, 0.0), float(n)), n


@given(points())
def test_the_two_probabilities_add_to_one(point):
    assert distribution.cdf(*point) + distribution.sf(*point) == 1.0


@given(points())
def test_the_distribution_is_symmetric(point):
    x, n = point
    mirrored = n - x
    if n - mirrored == x:
        assert distribution.pdf(x, n) == distribution.pdf(mirrored, n)
        assert distribution.logcdf(x, n) == distribution.logsf(mirrored, n)
        assert distribution.sf(x, n) == distribution.cdf(mirrored, n)


@given(points(), st.floats(1e-9, 1.0))
def test_the_probability_grows(point, factor):
    x, n = point
    further = x + factor * (n - x)
    assert distribution.cdf(further, n) >= distribution.cdf(x, n) * (1 - 1e-13)
    assert distribution.sf(further, n) <= distribution.sf(x, n) * (1 + 1e-13)


@given(points())
def test_the_logarithms_are_those_of_the_values(point):
    for function in ("pdf", "cdf", "sf"):
        value = call(function, *point)
        if value > LEAST_NORMAL:
            log = call(f"log{function}", *point)
            assert log == pytest.approx(math.log(value), rel=1e-13, abs=1e-13)


@given(points())
def test_one_uniform_more_smooths_the_density(point):
    x, n = point
    if n < 10**6:
        difference = distribution.cdf(x, n) - distribution.cdf(x - 1, n)
        slack = 1e-13 * distribution.cdf(x, n)
        assert distribution.pdf(x, n + 1) == pytest.approx(difference, rel=1e-13, abs=slack)


@given(points())
def test_the_quantile_of_a_logarithm_of_probability_is_its_x(point):
    x, n = point
    log_q = distribution.logcdf(x, n)
    if 0 < x <= n / 2 and log_q > -1e300:
        # What the rounding of log q leaves open: d log x = d log q cdf/(x pdf), at most d log q.
        slack = 1e-13 + 4e-16 * abs(log_q) * math.exp(
            min(0.0, log_q - distribution.logpdf(x, n) - math.log(x))
        )
        assert distribution.ppf(log_q, n, log=True) == pytest.approx(x, rel=slack)


# ---- edges ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [2, 3, 28, 64, 10**6])
def test_the_ends_and_beyond_have_their_exact_values(name, n):
    low, high = EDGES[name]
    assert [call(name, x, n) for x in (-math.inf, -1.0, -0.0, 0.0)] == [low] * 4
    assert [call(name, x, n) for x in (float(n), n + 1.0, math.inf)] == [high] * 3


@pytest.mark.parametrize("n", [1, 2, 3, 27, 28, 63, 64, 1000, LARGEST])
def test_the_middle_is_exactly_one_half(n):
    assert distribution.cdf(n / 2, n) == distribution.sf(n / 2, n) == 0.5
    assert distribution.logcdf(n / 2, n) == distribution.logsf(n / 2, n) == math.log(0.5)
    assert distribution.ppf(0.5, n) == distribution.isf(0.5, n) == n / 2


def test_a_single_uniform_has_its_closed_form():
    assert [distribution.pdf(x, 1) for x in (-0.1, 0.0, 0.3, 1.0, 1.1)] == [0, 1, 1, 1, 0]
    assert [distribution.logpdf(x, 1) for x in (0.0, 0.3, 1.0)] == [0.0, 0.0, 0.0]
    assert [distribution.cdf(x, 1) for x in (0.0, 0.3, 0.7, 1.0)] == [0.0, 0.3, 0.7, 1.0]
    assert [distribution.ppf(q, 1) for q in (0.0, 1e-300, 0.7, 1.0)] == [0.0, 1e-300, 0.7, 1.0]


def test_nan_gives_nan(name):
    assert math.isnan(call(name, math.nan, 3))
    assert np.isnan(call(name, [math.nan, 1.0], 3)).tolist() == [True, False]


@pytest.mark.parametrize("function", QUANTILES)
@pytest.mark.parametrize("n", [1, 2, 50, 10**6])
def test_quantiles_of_the_ends_are_the_ends(function, n):
    ends = [0.0, float(n)] if function == "ppf" else [float(n), 0.0]
    assert [call(function, q, n) for q in (0.0, 1.0)] == ends
    assert [call(function, q, n, log=True) for q in (-math.inf, 0.0)] == ends
    assert math.isnan(call(function, math.nan, n))


# ---- arrays --------------------------------------------------------------------------------------


def test_x_and_n_broadcast(name):
    x, n = np.linspace(0.1, 2.9, 5)[:, None], np.array([3, 40, 1000])
    found = call(name, x, n)
    assert found.shape == (5, 3)
    assert found.tolist() == [[call(name, a, b) for b in n.tolist()] for a in x[:, 0].tolist()]


@pytest.mark.parametrize("step", [1, 3, -2])
def test_strides_do_not_matter(name, step):
    x, n = np.linspace(0, 40, 200)[::step], np.arange(1, 201, dtype=np.uint8)[::step]
    assert call(name, x, n).tolist() == [
        call(name, a, b) for a, b in zip(x.tolist(), n.tolist(), strict=True)
    ]


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_single_precision_is_the_double_result_rounded_once(name, dtype):
    x = np.linspace(0.1, 9.9, 50, dtype=dtype)
    found = call(name, x, 10)
    assert found.dtype == np.float32
    assert found.tolist() == call(name, x.astype(float), 10).astype(np.float32).tolist()


@pytest.mark.parametrize("x", [np.arange(4), np.arange(4, dtype=np.int8), [0, 1, 2, 3]])
def test_integers_are_taken_as_doubles(x):
    assert distribution.cdf(x, 4).tolist() == distribution.cdf(np.arange(4.0), 4).tolist()


def test_scalars_give_scalars():
    assert type(distribution.pdf(0.5, 2)) is float
    assert type(distribution.pdf(1, 2)) is np.float64
    assert type(distribution.pdf(np.float32(0.5), 2)) is np.float32
    assert type(distribution.ppf(0.5, np.int64(2))) is np.float64


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_result_is_written_to_out(name, dtype):
    x = np.linspace(0, 5, 6, dtype=dtype)
    out = np.empty((2, 6), dtype)
    assert call(name, x, [[3], [5]], out=out) is out
    assert out.tolist() == call(name, x, [[3], [5]]).tolist()


def test_the_result_may_replace_x():
    x = np.linspace(0, 3, 7)
    expected = distribution.cdf(x, 3)
    distribution.cdf(x, 3, out=x)
    assert x.tolist() == expected.tolist()


def test_an_empty_array_gives_an_empty_array(name):
    assert call(name, np.empty((0, 3)), 5).shape == (0, 3)


# ---- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1.0, True, "3", [1.5], np.array([True]), None])
def test_an_n_that_is_no_integer_is_named(n):
    with pytest.raises(TypeError, match="^n must "):
        distribution.pdf(0.5, n)


@pytest.mark.parametrize("n", [0, -3, LARGEST + 1, 2**70, np.array([5, 0]), [2**63]])
def test_an_n_out_of_range_is_named(n):
    with pytest.raises(ValueError, match=r"^n must be from 1 to 2\*\*53, got "):
        distribution.cdf(0.5, n)


@pytest.mark.parametrize("x", ["1", 1j, True, None, [object()], np.longdouble(1)])
def test_an_x_that_is_no_real_number_is_named(x):
    with pytest.raises(TypeError, match="^x must be a real number"):
        distribution.sf(x, 2)


@pytest.mark.parametrize("function", QUANTILES)
@pytest.mark.parametrize(
    ("q", "log", "message"),
    [
        (1.5, False, r"^q must be from 0 to 1, got 1\.5$"),
        (-1e-300, False, "^q must be from 0 to 1, got -1e-300$"),
        ([0.5, 2.0], False, r"^q must be from 0 to 1, got 2\.0 at index \(1,\)$"),
        (0.1, True, r"^log q must be at most 0, got 0\.1$"),
    ],
)
def test_a_q_that_is_no_probability_is_named(function, q, log, message):
    with pytest.raises(ValueError, match=message):
        call(function, q, 3, log=log)


def test_shapes_that_do_not_broadcast_are_named():
    with pytest.raises(ValueError, match="^x and n must broadcast together"):
        distribution.pdf([1.0, 2.0], [1, 2, 3])


@pytest.mark.parametrize(
    ("out", "error"),
    [
        (np.empty(3, np.float32), TypeError),
        (np.empty(4), ValueError),
        ([0.0] * 3, TypeError),
    ],
)
def test_an_out_that_does_not_fit_is_named(out, error):
    with pytest.raises(error, match="^out must "):
        distribution.pdf([1.0, 2.0, 3.0], 4, out=out)


# ---- the C functions -----------------------------------------------------------------------------


@pytest.mark.parametrize("function", [*VALUES, *QUANTILES])
def test_the_capsules_give_what_python_gets(function):
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    capsule = _distribution.__pyx_capi__[f"ih_irwin_hall_{function}"]
    address = pointer(capsule, b"double (double, int64_t)")
    prototype = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, ctypes.c_int64)
    assert prototype(address)(0.3, 12) == call(function, 0.3, 12)
    assert math.isnan(prototype(address)(0.3, 0))


# ---- where it is worst ---------------------------------------------------------------------------


def test_the_worst_points_that_docs_distribution_names():
    n, x = 63, 15.749999999663308
    for function, exactly in (("pdf", exact.irwin_hall_pdf), ("cdf", exact.irwin_hall_cdf)):
        truth = exactly(x, n)
        assert abs(Fraction(call(function, x, n)) - truth) < truth * Fraction(4, 10**14)


@pytest.mark.parametrize("n", [27, 28, 62, 63, 64, 200])
def test_values_at_neighbouring_doubles_are_monotone_up_to_their_errors(n):
    seams = [n * 3 / 128, n / 4, n / 2, 15.698655761036809, 15.498482523266523]
    x = np.concatenate([seams, np.random.default_rng(n).uniform(0.05 * n, 0.95 * n, 2000)])
    for low, high in ((np.nextafter(x, 0), x), (x, np.nextafter(x, n))):
        assert (call("cdf", low, n) * (1 - 5e-14) <= call("cdf", high, n)).all()
        assert (call("sf", low, n) >= call("sf", high, n) * (1 - 5e-14)).all()


def test_left_out_terms_matter_to_no_value():
    # From n = 64 on the powers after the first are left out where m < 3/128, though n e^(-1/m)
    # passes 2^-53 at n = 377: all but logarithms are 0 by then.
    x = math.nextafter(280 * 3 / 128, 0)
    assert call("pdf", x, 280) == call("cdf", x, 280) == 0.0
    for n in (280, 377, 1000):
        x = math.nextafter(n * 3 / 128, 0)
        with mpmath.workdps(40):
            truth = exact.irwin_hall_cdf(x, n)
            truth = mpmath.log(mpmath.mpf(truth.numerator) / truth.denominator)
            assert abs(call("logcdf", x, n) / truth - 1) < 1e-15
            assert -truth > 2.7 * n
