"""IrwinHall, Bates and UniformSum on SciPy's newer infrastructure, by its checks and ours."""

import copy
import math
import pickle
import warnings
from fractions import Fraction

import numpy as np
import pytest
import scipy.stats
from numpy.testing import assert_allclose, assert_array_equal

from irwinhall import Stream, distribution, stats

if "IrwinHall" not in stats.__all__:
    pytest.skip("this SciPy has no such infrastructure", allow_module_level=True)

checks = pytest.importorskip(
    "scipy.stats.tests.test_continuous",
    reason="this SciPy is installed without its tests",
    exc_type=ImportError,
)

WEIGHTS = [1.0, -2.0, 0.5, 0.25]
# Not 2: SciPy's quadrature, which its checks compare with, loses digits at the kink.
COUNTS = np.array([[1.0], [4.0], [5.0]])
MADE = {
    "irwinhall": lambda: stats.IrwinHall(n=3),
    "irwinhall array": lambda: stats.IrwinHall(n=COUNTS),
    "bates": lambda: stats.Bates(n=4),
    "bates array": lambda: stats.Bates(n=[[3.0, 7.0]]),
    "sum": lambda: stats.UniformSum(weights=WEIGHTS),
}
made = pytest.mark.parametrize("make", MADE.values(), ids=MADE)

FUNCTIONS = {
    "median": ({"icdf"}, None),
    "mean": ({"cache"}, None),
    "variance": ({"cache"}, None),
    "skewness": ({"cache"}, None),
    "kurtosis": ({"cache"}, None),
    "entropy": ({"log/exp", "quadrature"}, None),
    "pdf": ({"log/exp"}, "x"),
    "logpdf": ({"log/exp"}, "x"),
    "logcdf": ({"log/exp", "complement", "quadrature"}, "x"),
    "cdf": ({"log/exp", "complement", "quadrature"}, "x"),
    "logccdf": ({"log/exp", "complement", "quadrature"}, "x"),
    "ccdf": ({"log/exp", "complement", "quadrature"}, "x"),
    "icdf": ({"complement", "inversion"}, "p"),
    "iccdf": ({"complement", "inversion"}, "p"),
    "ilogccdf": ({"complement", "inversion"}, "logp"),
}


def arguments_of(made, kind):
    """Return arguments along a new axis, and the shape of the result."""
    places = np.array([0.02, 0.3, 0.5, 0.77, 0.98]).reshape(-1, *[1] * len(made._shape))
    low, high = made.support()
    argument = {
        "x": low + (high - low) * places,
        "p": places,
        "logp": np.log(places),
    }[kind]
    return argument, np.broadcast_shapes(argument.shape, made._shape)


# ---- SciPy's checks ------------------------------------------------------------------------------


@made
@pytest.mark.parametrize("name", FUNCTIONS)
def test_scipys_check_of_a_function_passes(make, name):
    methods, kind = FUNCTIONS[name]
    made = make()
    argument, shape = (None, made._shape) if kind is None else arguments_of(made, kind)
    with np.errstate(all="ignore"):
        checks.check_dist_func(made, name, argument, shape, methods)


@made
def test_scipys_checks_of_support_moments_and_samples_pass(make):
    made, generator = make(), np.random.default_rng(3)
    checks.check_support(made)
    checks.check_moment_funcs(made, made._shape)
    checks.check_sample_shape_NaNs(made, "sample", (3, 2), made._shape, generator)


@made
def test_scipys_checks_of_intervals_pass(make):
    made = make()
    x, shape = arguments_of(made, "x")
    y = x[::-1]
    with np.errstate(all="ignore"):
        for log in (False, True):
            checks.check_cdf2(made, log, x, y, shape, {"quadrature"})
            checks.check_ccdf2(made, log, x, y, shape, {"addition"})


# ---- our own formulas ----------------------------------------------------------------------------


@made
def test_every_method_has_a_formula_of_ours(make):
    made = make()
    formulas = ["pdf", "cdf", "ccdf", "icdf", "iccdf", "logpdf", "logcdf", "logccdf", "ilogcdf"]
    formulas += ["ilogccdf", "median", "mode", "sample", "moment_raw", "moment_central"]
    assert all(made._overrides(f"_{name}_formula") for name in formulas)
    assert made._overrides("_moment_standardized_formula")


def test_the_values_are_those_of_the_distribution():
    made = stats.IrwinHall(n=50)
    assert made.logcdf(1e-3) == distribution.logcdf(1e-3, 50)
    assert made.iccdf(1e-200) == distribution.isf(1e-200, 50)
    assert made.ilogcdf(-1e4) == distribution.ppf(-1e4, 50, log=True)
    mean = stats.Bates(n=30)
    assert mean.ccdf(1 - 2.0**-40) == stats.bates.sf(1 - 2.0**-40, 30)
    assert mean.ilogccdf(-5.0) == distribution.isf(-5.0, 30, log=True) / 30
    weighted = stats.UniformSum(weights=WEIGHTS)
    assert weighted.cdf(0.3) == distribution.weighted_cdf(0.3, WEIGHTS)
    assert weighted.icdf(1e-30) == distribution.weighted_ppf(1e-30, WEIGHTS)
    assert weighted.ilogcdf(-1e3) == distribution.weighted_ppf(-1e3, WEIGHTS, log=True)
    assert weighted.support() == (-2.0, 1.75)
    assert (made.n, made.mode(), weighted.mode()) == (50, 25.0, -0.125)


def test_moments_are_exact():
    made = stats.IrwinHall(n=[3, 10**6])
    assert_array_equal(made.variance(), [0.25, 10**6 / 12])
    assert_array_equal(made.kurtosis(), [float(3 - Fraction(6, 15)), 3 - 6 / 5e6])
    assert stats.Bates(n=3).moment(4, "central") == float(
        (3 * (Fraction(1, 12) * 3) ** 2 - Fraction(3, 120)) / 81
    )
    weighted = stats.UniformSum(weights=WEIGHTS)
    assert weighted.mean() == -0.125
    assert weighted.variance() == sum(w * w for w in WEIGHTS) / 12
    fourth = sum(w**4 for w in WEIGHTS)
    assert_allclose(weighted.kurtosis(), 3 - fourth / 120 / weighted.variance() ** 2, rtol=1e-14)


@pytest.mark.parametrize("kind", [stats.IrwinHall, stats.Bates])
@pytest.mark.parametrize("n", [2.5, 0.0, -1.0, np.nan, 2.0**53 + 2])
def test_an_n_that_is_no_count_gives_nan(kind, n):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = kind(n=n)
        of_x = [made.pdf, made.logpdf, made.cdf, made.logcdf, made.ccdf, made.logccdf]
        values = [function(0.5) for function in [*of_x, made.icdf, made.iccdf]]
        values += [made.ilogcdf(-1.0), made.ilogccdf(-1.0), made.median(), made.mode()]
        values += [made.mean(), made.variance(), made.skewness(), made.kurtosis(), made.entropy()]
        values += [made.moment(5, "central"), made.sample(rng=1), *made.support()]
    assert_array_equal(values, np.nan)


# ---- what SciPy makes of them --------------------------------------------------------------------


def test_transformations_and_functions_of_distributions():
    made = stats.IrwinHall(n=4)
    moved = 2 * made - 4
    assert_allclose([moved.mean(), moved.variance()], [0.0, 4 / 3], atol=1e-15)
    assert_allclose(moved.icdf(0.3), 2 * made.icdf(0.3) - 4, rtol=1e-15)
    assert_allclose(abs(moved).cdf(0.5), distribution.cdf(2.25, 4) - distribution.cdf(1.75, 4))
    assert_allclose(scipy.stats.truncate(made, 1.0, 3.0).cdf(2.0), 0.5)
    highest = scipy.stats.order_statistic(made, n=3, r=3)
    assert_allclose(highest.cdf(2.5), made.cdf(2.5) ** 3, rtol=1e-12)
    mixed = scipy.stats.Mixture([made, stats.UniformSum(weights=[1.0, 3.0])], weights=[0.25, 0.75])
    assert_allclose(mixed.mean(), 2.0)
    assert_allclose(mixed.cdf(1.0), 0.25 / 24 + 0.75 / 6)
    assert_allclose(scipy.stats.exp(made).icdf(0.5), math.exp(2.0))


def test_a_plot(monkeypatch):
    pytest.importorskip("matplotlib").use("Agg")
    axes = stats.UniformSum(weights=WEIGHTS).plot()
    assert len(axes.lines) == 1


@made
def test_samples_have_the_distribution(make):
    made = make()
    places = made.cdf(made.sample(2000, rng=5))
    pvalues = scipy.stats.kstest(places.reshape(2000, -1), "uniform", axis=0).pvalue
    assert np.min(pvalues) > 1e-3


@made
def test_they_can_be_copied_and_shown(make):
    made = make()
    for other in (copy.deepcopy(made), *([pickle.loads(pickle.dumps(made))])):
        assert_array_equal(other.cdf(0.25), made.cdf(0.25))
    assert repr(made).startswith(("IrwinHall(n=", "Bates(n=", "UniformSum(weights="))
    assert str(made).startswith(("IrwinHall(n=", "Bates(n=", "UniformSum(weights="))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([], r"weights must be at least one number along one axis, got shape \(0,\)"),
        ([[1.0]], r"weights must be at least one number along one axis"),
        ([0.0, 0.0], "weights must not all be 0"),
        ([1.0, np.nan], r"weights must be finite, got nan at index \(1,\)"),
    ],
)
def test_what_is_wrong_with_weights_is_said(weights, message):
    with pytest.raises(ValueError, match=message):
        stats.UniformSum(weights=weights)
    with pytest.raises(ValueError, match=message):
        stats.weighted_rvs(weights)


def test_weights_are_not_too_far_apart():
    with pytest.raises(ValueError, match=r"weights must be within a factor of 2\*\*400"):
        stats.UniformSum(weights=[1.0, 1e-130])
    assert stats.UniformSum(weights=[1.0, 0.0, 2.0]).cdf(1.0) == 0.25


def test_parameters_have_names():
    with pytest.raises(TypeError):
        stats.IrwinHall(3)
    with pytest.raises(TypeError):
        stats.UniformSum(WEIGHTS)
    for n in ("3", None, 3j, True):
        with pytest.raises(TypeError, match="n must be a real number"):
            stats.Bates(n=n)


def test_one_value_is_a_number():
    for one in (stats.IrwinHall(n=3), stats.Bates(n=3), stats.UniformSum(weights=WEIGHTS)):
        assert type(one.sample(rng=1)) is np.float64


def test_a_weighted_sum_is_of_its_class():
    made = stats.UniformSum(weights=WEIGHTS)
    assert isinstance(made, stats.UniformSum)
    assert isinstance(pickle.loads(pickle.dumps(made)), stats.UniformSum)
    assert not isinstance(stats.IrwinHall(n=3), stats.UniformSum)


# ---- random weighted sums ------------------------------------------------------------------------


@pytest.mark.parametrize("weights", [WEIGHTS, [-3.0], np.full(300, 0.1)])
@pytest.mark.parametrize("rng", [7, Stream(7, "sums")], ids=["generator", "stream"])
def test_random_weighted_sums_have_their_distribution(weights, rng):
    sample = stats.weighted_rvs(weights, 4000, rng=rng)
    places = distribution.weighted_cdf(sample, weights)
    assert scipy.stats.kstest(places, "uniform").pvalue > 1e-3


def test_a_value_of_a_stream_is_a_function_of_its_index_alone():
    few = stats.weighted_rvs(WEIGHTS, 10, rng=Stream(3))
    many = stats.weighted_rvs(WEIGHTS, (10, 3), rng=Stream(3))
    assert_array_equal(few, many.ravel()[:10])
    assert stats.weighted_rvs(WEIGHTS, rng=Stream(3)) == few[0]


def test_sums_of_a_generator_are_those_of_its_uniforms():
    uniforms = np.random.default_rng(2).random((5, 4))
    assert_allclose(stats.weighted_rvs(WEIGHTS, 5, rng=2), uniforms @ WEIGHTS, rtol=1e-15)
    assert type(stats.weighted_rvs(WEIGHTS, rng=2)) is float
    with pytest.raises(TypeError, match="rng must be what numpy"):
        stats.weighted_rvs(WEIGHTS, rng="seed")
    assert stats.weighted_rvs(WEIGHTS, (2, 0), rng=2).shape == (2, 0)
