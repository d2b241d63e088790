"""irwinhall.stats.irwinhall and .bates: SciPy's own checks of a distribution, and exact values."""

import inspect
import math
import warnings
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import scipy.stats
from newer_scipy import needs_newer_scipy
from numpy.testing import assert_allclose, assert_array_equal

from irwinhall import Stream, stats
from irwinhall.stats import _fit

scipys = pytest.importorskip(
    "scipy.stats.tests.test_continuous_basic",
    reason="this SciPy is installed without its tests",
    exc_type=ImportError,
)
common = pytest.importorskip("scipy.stats.tests.common_tests", exc_type=ImportError)

LAWS = {"irwinhall": stats.irwinhall, "bates": stats.bates}
METHODS = ["pdf", "logpdf", "cdf", "logcdf", "sf", "logsf", "ppf", "isf"]
laws = pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
methods = pytest.mark.parametrize("method", METHODS)


def unit(law, n):
    """Return what the sum of n uniforms is divided by."""
    return n if law is stats.bates else 1


# ---- SciPy's checks ------------------------------------------------------------------------------

WITH_NAME = [
    "check_cdf_ppf",
    "check_sf_isf",
    "check_cdf_sf",
    "check_ppf_isf",
    "check_pdf",
    "check_pdf_logpdf",
    "check_pdf_logpdf_at_endpoints",
    "check_cdf_logcdf",
    "check_sf_logsf",
    "check_ppf_broadcast",
    "check_entropy",
    "check_ppf_private",
    "check_munp_expect",
    "check_normalization",
]
WITHOUT_NAME = [
    "check_random_state_property",
    "check_pickling",
    "check_freezing",
    "check_retrieving_support",
    "check_edge_support",
    "check_ppf_dtype",
]


def scipy_check(name):
    return getattr(scipys, name, None) or getattr(common, name)


@laws
@pytest.mark.parametrize("n", [2, 10])
@pytest.mark.parametrize("check", WITH_NAME)
def test_scipys_check_passes(law, n, check):
    scipy_check(check)(law, (n,), law.name)


@laws
@pytest.mark.parametrize("check", WITHOUT_NAME)
def test_scipys_check_without_a_name_passes(law, check):
    scipy_check(check)(law, (10,))


@laws
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # as in SciPy's own test
def test_scipys_check_of_entropies_passes(law):
    scipy_check("check_entropy_vect_scale")(law, (10,))


@laws
def test_scipys_checks_of_moments_pass(law):
    mean, variance, skew, kurtosis = law.stats(10, moments="mvsk")
    scipy_check("check_moment")(law, (10,), mean, variance, law.name)
    scipy_check("check_mean_expect")(law, (10,), mean, law.name)
    scipy_check("check_var_expect")(law, (10,), mean, variance, law.name)
    scipy_check("check_skew_expect")(law, (10,), mean, variance, skew, law.name)
    scipy_check("check_kurt_expect")(law, (10,), mean, variance, kurtosis, law.name)
    scipy_check("check_loc_scale")(law, (10,), mean, variance, law.name)


@needs_newer_scipy
@laws
def test_scipys_newer_interface_takes_it(law):
    made = scipy.stats.make_distribution(law)(n=50.0)
    assert made.logcdf(1e-3) == law.logcdf(1e-3, 50)
    assert made.iccdf(1e-200) == law.isf(1e-200, 50)
    assert_allclose(made.moment(2), law.moment(2, 50), rtol=1e-14)


@needs_newer_scipy
@laws
@pytest.mark.parametrize("n", [0.0, 2.5, np.nan, 2.0**53 + 2])
def test_scipys_newer_interface_gives_nan_where_n_is_not_valid(law, n):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = scipy.stats.make_distribution(law)(n=n)
        of_x = [made.pdf, made.logpdf, made.cdf, made.logcdf, made.ccdf, made.logccdf]
        values = [function(0.5) for function in [*of_x, made.icdf, made.iccdf]]
        values += [made.mean(), made.variance(), made.skewness(), made.kurtosis(), made.entropy()]
        values += [made.moment(2), made.sample(rng=1), *made.support()]
    assert_array_equal(values, np.nan)


@laws
def test_a_list_of_n_may_be_frozen(law):
    frozen = law([3, 4], loc=1.0)
    assert_array_equal(frozen.cdf(1.25), law.cdf(0.25, [3, 4]))
    assert_array_equal(frozen.support(), law.support([3, 4], loc=1.0))


@laws
def test_scipys_checks_of_arguments_and_types_pass(law):
    functions = [law.pdf, law.logpdf, law.cdf, law.logcdf, law.logsf]
    scipy_check("check_named_args")(law, 0.5, (10,), (0, 1), functions)
    scipy_check("check_meth_dtype")(law, (10,), functions)
    scipy_check("check_private_entropy")(law, (10,), scipy.stats.rv_continuous)


@laws
@pytest.mark.parametrize("n", [3, 100])
def test_scipys_checks_of_samples_pass(law, n):
    generator = np.random.default_rng(7654565)
    sample = law.rvs(n, size=500, random_state=generator)
    check = scipy_check("check_sample_meanvar_")
    takes_generator = len(inspect.signature(check).parameters) == 4  # from SciPy 1.15 on
    check(*law.stats(n), sample, *[generator][:takes_generator])
    scipy_check("check_distribution_rvs")(law.cdf, (n,), 0.01, sample)


@laws
@pytest.mark.parametrize("n", [10, 100])
def test_scipys_check_of_broadcast_samples_passes(law, n):
    arguments = [np.full((4, 1, 1), n), np.zeros(2), np.ones((3, 1))]
    scipy_check("check_rvs_broadcast")(law, law.name, arguments, [4, 3, 2], False, "d")


# ---- the same as scipy.stats.irwinhall -----------------------------------------------------------


@needs_newer_scipy
def test_the_signatures_are_those_of_scipy():
    ours, theirs = stats.irwinhall, scipy.stats.irwinhall
    for name in ("_parse_args", "_parse_args_rvs", "_parse_args_stats"):
        assert inspect.signature(getattr(ours, name)) == inspect.signature(getattr(theirs, name))
    assert (ours.shapes, ours.numargs, ours.name) == (theirs.shapes, theirs.numargs, theirs.name)
    for mine, theirs_ in zip(ours._param_info(), theirs._param_info(), strict=True):
        assert vars(mine) == vars(theirs_)


@needs_newer_scipy
def test_all_public_methods_of_scipys_are_there():
    def public(law):
        return {name for name in dir(law) if not name.startswith("_")}

    assert public(scipy.stats.irwinhall) <= public(stats.irwinhall)


ARGUMENTS = {
    "a scalar": ((1.25, 3), {}),
    "a float n": ((1.25, 3.0), {}),
    "a list": (([0.5, 1.0, 2.5], 3), {}),
    "loc and scale": (([-1.0, 0.5, 3.0], 4), {"loc": -2.0, "scale": 1.5}),
    "keywords": ((0.75,), {"n": 2, "scale": 2.0}),
    "an array n": ((0.75, [1, 2, 7]), {}),
    "outer": (([[0.5], [0.25]], [2, 5, 6]), {"loc": [0.0, 0.125, 0.25]}),
    "not an integer": ((0.5, [1.5, 2.0, -1, 0]), {}),
    "not positive": ((0.5, 2), {"scale": [1.0, 0.0, -1.0]}),
    "nan": (([0.5, np.nan], 3), {}),
    "infinite": (([-np.inf, np.inf], 3), {}),
    "outside": (([-1.0, 4.0], 3), {}),
    "empty": (([], 3), {}),
    "single precision": ((np.float32([0.5, 0.25]), 3), {}),
    "integers": ((np.array([1, 2]), 3), {}),
}


@needs_newer_scipy
@methods
@pytest.mark.parametrize("case", ARGUMENTS)
def test_values_shapes_and_types_are_those_of_scipy(method, case):
    arguments, keywords = ARGUMENTS[case]
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = getattr(scipy.stats.irwinhall, method)(*arguments, **keywords)
    ours = getattr(stats.irwinhall, method)(*arguments, **keywords)
    assert type(ours) is type(theirs)
    assert np.asarray(ours).dtype == np.asarray(theirs).dtype
    assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


@needs_newer_scipy
@pytest.mark.parametrize("moments", ["m", "mv", "mvsk", "k"])
def test_stats_are_those_of_scipy(moments):
    n = np.array([[1, 2, 30], [4, 5, 0]])
    ours = stats.irwinhall.stats(n, loc=1.0, scale=[2.0, 1.0, 3.0], moments=moments)
    theirs = scipy.stats.irwinhall.stats(n, loc=1.0, scale=[2.0, 1.0, 3.0], moments=moments)
    assert_array_equal(ours, theirs)


@methods
@pytest.mark.parametrize("n", [1, 2, 7, 40])
def test_bates_is_the_sum_scaled_by_1_over_n(method, n):
    points = np.linspace(0.02, 0.98, 23)
    ours = getattr(stats.bates, method)(points, n, loc=-1.0, scale=2.0)
    theirs = getattr(stats.irwinhall, method)(points, n, loc=-1.0, scale=2.0 / n)
    assert_allclose(ours, theirs, rtol=1e-12, atol=1e-13)


def test_the_mean_of_uniforms_on_an_interval_has_its_ends():
    assert stats.bates(7, loc=2.0, scale=3.0).support() == (2.0, 5.0)


# ---- where SciPy's values end --------------------------------------------------------------------


def test_logarithms_are_finite_in_the_far_tails():
    n = 200
    exact = (n - 1) * math.log(1e-3) - math.lgamma(n)
    assert_allclose(stats.irwinhall.logpdf(1e-3, n), exact, rtol=1e-13)
    assert_allclose(stats.bates.logpdf(1e-3 / n, n), exact + math.log(n), rtol=1e-13)


def test_a_far_quantile_is_right():
    # (n - x)^n/n! = 1e-200
    exact = 50 - math.exp((math.log(1e-200) + math.lgamma(51)) / 50)
    assert_allclose(stats.irwinhall.isf(1e-200, 50), exact, rtol=1e-15)


def test_the_upper_tail_of_a_mean_is_not_lost():
    n, gap = 30, 2.0**-40
    exact = Fraction(n) ** n * Fraction(1, 2**40) ** n / math.factorial(n)
    assert_allclose(stats.bates.sf(1.0 - gap, n), float(exact), rtol=1e-13)
    log_exact = n * math.log(n * gap) - math.lgamma(n + 1)
    assert_allclose(stats.bates.logsf(1.0 - gap, n), log_exact, rtol=1e-14)


@laws
@methods
def test_an_n_beyond_the_largest_gives_nan(law, method):
    assert np.isnan(getattr(law, method)(0.5, 2.0**53 + 2))


# ---- moments and entropy -------------------------------------------------------------------------


def exact_moment(order, n):
    """Return E[S^order] by the multinomial sum over one uniform after another."""
    moments = [Fraction(1)] + [Fraction(0)] * order
    for _ in range(n):
        moments = [
            sum(math.comb(m, j) * moments[m - j] / Fraction(j + 1) for j in range(m + 1))
            for m in range(order + 1)
        ]
    return moments[order]


@laws
@pytest.mark.parametrize("order", [0, 1, 2, 3, 4, 5, 8, 13])
@pytest.mark.parametrize("n", [1, 2, 5, 11])
def test_moments_are_correctly_rounded(law, order, n):
    exact = exact_moment(order, n) / unit(law, n) ** order
    assert law.moment(order, n) == float(exact)
    assert law._munp(order, np.array([n]))[0] == float(exact)


@laws
def test_moments_take_loc_and_scale_exactly(law):
    n, loc, scale = 6, -3.25, 1.1
    shift, factor = Fraction(loc), Fraction(scale) / unit(law, n)
    exact = sum(
        math.comb(5, j) * shift ** (5 - j) * factor**j * exact_moment(j, n) for j in range(6)
    )
    assert law.moment(5, n, loc, scale) == float(exact)


@laws
@pytest.mark.parametrize("integer", [np.int8, np.uint8, np.int16, np.int64, np.array, int])
def test_moments_take_integer_loc_and_scale_exactly(law, integer):
    values = law.moment(12, integer(7), integer(100), integer(90))
    assert values == law.moment(12, 7, 100.0, 90.0)


@laws
def test_moments_broadcast_and_are_nan_where_parameters_are_not_valid(law):
    moments = law.moment(2, [1, 0, 3], 0.0, [[1.0], [-1.0]])
    assert_array_equal(np.isfinite(moments), [[True, False, True], [False, False, False]])


def test_moments_of_a_sum_of_any_length_and_of_any_order():
    n = 10**6
    assert stats.irwinhall.moment(2, n) == float(Fraction(n * n, 4) + Fraction(n, 12))
    assert stats.irwinhall.moment(40, 3, 0.0, 1e10) == math.inf


@pytest.mark.parametrize("order", [-1, 1.5])
def test_a_moment_has_an_order(order):
    with pytest.raises(ValueError, match="order must be an integer"):
        stats.irwinhall.moment(order, 3)


@laws
def test_the_entropy_is_nan_where_n_is_not_valid(law):
    assert math.isnan(law.entropy(0))
    assert_array_equal(np.isnan(law.entropy([[0, 2.5], [3, -1]])), [[True, True], [False, True]])


@needs_newer_scipy
@pytest.mark.parametrize("seed", [np.random.RandomState, np.random.default_rng])
@pytest.mark.parametrize("n", [1, 7, 8, 33, 64, [3, 4], [[5], [9]], [[8, 8, 8], [64, 8, 2]]])
@pytest.mark.parametrize("loc", [1.0, [0.0, 1.0, 2.0]])
@pytest.mark.parametrize("size", [None, 1, 3, (1, 1), (2, 3), (2, 2), (4, 2, 3), (500, 1), (0, 3)])
def test_samples_up_to_64_are_those_of_scipy(seed, n, loc, size):
    def sample(law):
        return law.rvs(n, loc, scale=1.5, size=size, random_state=seed(5))

    try:
        theirs = sample(scipy.stats.irwinhall)
    except ValueError:  # the shapes do not fit
        with pytest.raises(ValueError, match="size|shape"):
            sample(stats.irwinhall)
        return
    ours = sample(stats.irwinhall)
    assert type(ours) is type(theirs)
    assert_array_equal(ours, theirs, strict=True)


def test_samples_at_several_places_have_uniforms_of_their_own():
    sample = stats.irwinhall.rvs(4, loc=[0, 1, 2], random_state=1)
    assert_allclose(sample, [1.4398, 1.7709, 4.0400], atol=5e-5)


@laws
def test_samples_of_any_n_have_their_distribution(law):
    n = np.resize([2, 2, 64, 65, 10**6], 5000)
    places = law.cdf(law.rvs(n, random_state=3), n)
    assert scipy.stats.kstest(places, "uniform").pvalue > 1e-3


def test_the_entropy_of_one_and_two_uniforms():
    assert stats.irwinhall.entropy(1) == 0.0
    assert_allclose(stats.irwinhall.entropy(2), 0.5, rtol=1e-13)


@pytest.mark.parametrize("n", [20, 33, 60])
def test_the_entropy_is_that_of_exact_densities(n):
    # The trapezoidal rule is exact to 1e-15 on so smooth a density, at 20 points a deviation.
    step = Fraction(math.isqrt(n * 2**20 // 12), 20 * 2**10)
    densities = []
    for i in range(int(n / 2 / step)):
        x = Fraction(n, 2) - i * step
        total = sum((-1) ** j * math.comb(n, j) * (x - j) ** (n - 1) for j in range(int(x) + 1))
        densities.append(float(total / math.factorial(n - 1)))
    terms = [-density * math.log(density) for density in densities if density > 0]
    expected = float(step) * (2 * math.fsum(terms) - terms[0])
    assert_allclose(stats.irwinhall.entropy(n), expected, rtol=1e-14)


def test_the_entropy_of_three_uniforms():
    # On (0, 1) the density is x^2/2; on (1, 3/2) it is 3/4 - y^2, y = 3/2 - x.
    with mpmath.workdps(25):
        outer = mpmath.quad(lambda x: x**2 / 2 * mpmath.log(x**2 / 2), [0, 1])
        inner = mpmath.quad(lambda y: (0.75 - y**2) * mpmath.log(0.75 - y**2), [0, 0.5])
        assert_allclose(stats.irwinhall.entropy(3), float(-2 * (outer + inner)), rtol=1e-14)


@pytest.mark.parametrize("n", [10**3, 10**6, 10**12])
def test_the_entropy_of_many_is_that_of_a_normal_less_the_kurtosis(n):
    normal = math.log(math.pi * math.e * n / 6) / 2
    assert_allclose(
        stats.irwinhall.entropy(n), normal - (6 / 5 / n) ** 2 / 48, rtol=1e-13, atol=0.1 / n**3
    )


def test_the_entropy_of_a_mean_is_less_by_log_n():
    assert_allclose(
        stats.bates.entropy([3, 40]),
        stats.irwinhall.entropy([3, 40]) - np.log([3, 40]),
        rtol=1e-14,
    )


# ---- random values -------------------------------------------------------------------------------


@laws
@pytest.mark.parametrize("n", [1, 64, 65, 10**9])
def test_samples_have_the_distribution(law, n):
    sample = law.rvs(n, size=4000, rng=11)
    assert scipy.stats.kstest(sample, lambda x: law.cdf(x, n)).pvalue > 1e-3


@laws
def test_samples_of_a_stream_have_the_distribution(law):
    sample = law.rvs(5, loc=2.0, scale=3.0, size=4000, rng=Stream(3))
    assert scipy.stats.kstest(sample, lambda x: law.cdf(x, 5, 2.0, 3.0)).pvalue > 1e-3


def test_a_value_of_a_stream_is_a_function_of_its_index_alone():
    few = stats.irwinhall.rvs(5, size=10, rng=Stream(3))
    many = stats.irwinhall(5).rvs(size=(10, 3), random_state=Stream(3))
    assert_array_equal(few, many.ravel()[:10])


def test_samples_of_a_stream_lie_inside():
    n = np.array([1, 1000])
    assert stats.bates.rvs(n, size=(50, 2), rng=Stream(1)).shape == (50, 2)
    with pytest.raises(ValueError, match="n must be an integer"):
        stats.bates.rvs(0, rng=Stream(1))


def test_rng_and_random_state_give_the_same_of_the_same_generator():
    ours = [
        stats.irwinhall.rvs(3, size=5, **{name: np.random.default_rng(2)})
        for name in ("rng", "random_state")
    ]
    assert_array_equal(*ours)
    assert_array_equal(stats.irwinhall.rvs(3, size=5, rng=2), ours[0])


def test_rng_and_random_state_are_not_both_taken():
    with pytest.raises(TypeError, match="rng or random_state"):
        stats.irwinhall.rvs(3, rng=1, random_state=2)


def test_memory_does_not_grow_with_n():
    import tracemalloc

    tracemalloc.start()
    stats.irwinhall.rvs(10**6, size=1000, rng=1)
    stats.irwinhall.rvs(64, size=1000, rng=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 400_000


# ---- fits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 3, 8, 50])
def test_a_fit_finds_n_where_loc_and_scale_are_known(n):
    data = stats.irwinhall.rvs(n, loc=-1.0, scale=2.0, size=3000, rng=5)
    assert stats.irwinhall.fit(data, floc=-1.0, fscale=2.0) == (n, -1.0, 2.0)


def test_a_fit_of_means_finds_their_number_and_interval():
    data = stats.bates.rvs(2, loc=-1.0, scale=2.0, size=3000, rng=5)
    n, loc, scale = stats.bates.fit(data)
    assert n == 2
    assert_allclose((loc, scale), (-1.0, 2.0), atol=0.05)


@laws
@pytest.mark.parametrize("fixed", [{}, {"floc": 0.0}, {"fscale": 1.0}, {"fn": 4}])
def test_no_neighbour_is_more_likely_than_a_fit(law, fixed):
    data = law.rvs(4, size=300, rng=9)
    n, loc, scale = law.fit(data, **fixed)
    best = law.logpdf(data, n, loc, scale).sum()
    others = [(n + dn, loc, scale) for dn in (-1, 1) if "fn" not in fixed and n + dn > 0]
    others += [(n, loc + d, scale) for d in (-1e-3, 1e-3) if "floc" not in fixed]
    others += [(n, loc, scale * f) for f in (0.999, 1.001) if "fscale" not in fixed]
    assert all(law.logpdf(data, *other).sum() < best for other in others)
    assert all(value == {"fn": n, "floc": loc, "fscale": scale}[k] for k, value in fixed.items())


@pytest.mark.parametrize(
    ("data", "keywords", "message"),
    [
        ([], {}, "data must be finite"),
        ([1.0, np.nan], {}, "data must be finite"),
        ([1.0, 2.0], {"fn": 2, "floc": 0, "fscale": 1}, "All parameters fixed"),
        ([1.0, 2.0], {"fn": 2.5}, "fn must be an integer"),
        ([1.0, 2.0], {"fscale": -1.0}, "fscale must be positive"),
        ([1.0, 2.0], {"floc": 1.5}, "data must be possible"),
        ([1.0, 5.0], {"fn": 2, "fscale": 1.0}, "data must be possible"),
        ([1.0, 2.0], {"method": "MM"}, "method must be 'MLE'"),
    ],
)
def test_a_fit_says_what_is_wrong(data, keywords, message):
    with pytest.raises(ValueError, match=message):
        stats.irwinhall.fit(data, **keywords)


@pytest.mark.parametrize(
    ("data", "fixed"),
    [
        (stats.irwinhall.rvs(6, size=40, random_state=1), {}),
        ([1.0, 1.0], {"floc": 0.0}),
        (scipy.stats.norm.rvs(size=200, random_state=1), {}),
    ],
    ids=["sums", "constant", "normal"],
)
def test_a_fit_fails_where_the_likelihood_grows_without_end(data, fixed):
    # The likelihood of the sums grows with n towards that of the best normal, from below.
    if not fixed:
        normal = scipy.stats.norm.logpdf(data, np.mean(data), np.std(data)).sum()
        far = [stats.irwinhall.fit(data, fn=n) for n in (10**4, 10**5)]
        likelihoods = [stats.irwinhall.logpdf(data, *parameters).sum() for parameters in far]
        assert likelihoods[0] < likelihoods[1] < normal
    with pytest.raises(scipy.stats.FitError, match="^the likelihood still grows at n = "):
        stats.irwinhall.fit(data, **fixed)


def test_a_summary_of_many_data_stands_for_their_sums():
    data = np.random.default_rng(3).standard_normal(50_000)
    points, shares = _fit._summary(data)
    assert points.size < 1500
    assert np.all(shares > 0)
    for power in range(4):
        assert_allclose(shares @ points**power, np.mean(data**power), rtol=1e-12, atol=1e-15)
    assert_allclose(shares @ np.cos(3 * points), np.cos(3 * data).mean(), rtol=0, atol=1e-8)
    ties = np.repeat([0.0, 1.0, 2.0], 5000)
    points, shares = _fit._summary(ties)
    assert_allclose(shares @ points**2, 5 / 3)


@pytest.mark.parametrize("n", [1, 2, 3, 6])
@pytest.mark.parametrize("fixed", [{}, {"floc": -1.0}, {"fscale": 2.0}])
def test_a_fit_of_many_data_is_that_without_a_summary(monkeypatch, n, fixed):
    data = stats.irwinhall.rvs(n, loc=-1.0, scale=2.0, size=12_000, rng=1)
    quick = stats.irwinhall.fit(data, **fixed)
    monkeypatch.setattr(_fit, "_MANY", 10**9)
    thorough = stats.irwinhall.fit(data, **fixed)
    assert quick[0] == thorough[0]
    assert_allclose(quick[1:], thorough[1:], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("data", [[1.0], [2.5, 2.5, 2.5]])
def test_equal_data_have_no_most_likely_scale(data):
    with pytest.raises(scipy.stats.FitError, match="grows without bound as scale falls to 0"):
        stats.irwinhall.fit(data)
    with pytest.raises(scipy.stats.FitError, match="grows without bound as scale falls to 0"):
        stats.irwinhall.fit(data, fn=3)


def test_what_a_fit_does_not_offer_is_said():
    with pytest.raises(TypeError, match="censored data are not fitted"):
        stats.irwinhall.fit(scipy.stats.CensoredData([1.0, 2.0], left=[0.5]))
    with pytest.raises(TypeError, match="takes no optimizer"):
        stats.irwinhall.fit([1.0, 2.0], optimizer=scipy.optimize.fmin)
    assert stats.irwinhall.fit([0.1, 0.9], floc=0, optimizer=None)[1:] == (0.0, 0.9)


def test_a_fit_gives_numbers_of_python():
    data = stats.irwinhall.rvs(3, size=100, rng=2)
    for fixed in ({}, {"floc": np.int8(0)}, {"fscale": np.float32(1.0)}, {"fn": np.int8(3)}):
        assert [type(value) for value in stats.irwinhall.fit(data, **fixed)] == [int, float, float]


def test_a_fit_refuses_unknown_arguments():
    with pytest.raises(TypeError, match="Unknown arguments"):
        stats.irwinhall.fit([1.0, 2.0], shape=3)
    with pytest.raises(TypeError, match="Too many"):
        stats.irwinhall.fit([1.0, 2.0], 1, 2)
