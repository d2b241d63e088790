"""Integers of any type give what an int gives: NumPy's own overflow, and divide in small floats."""

import functools
import tempfile
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from newer_scipy import OLD
from numpy.testing import assert_equal

import irwinhall
from irwinhall import (
    approximations,
    article,
    certification,
    compare,
    distribution,
    exact,
    flow,
    layouts,
    montecarlo,
    sampling,
    schemes,
    stats,
    tables,
)

WIDTHS = [np.dtype(kind + size).type for kind in "iu" for size in "1248"]
INTEGERS = {
    "index": lambda value: type("Index", (), {"__index__": lambda self: value})(),
    **{f"{width.__name__} scalar": width for width in WIDTHS},
    **{f"{width.__name__} array": lambda v, width=width: np.array(v, width) for width in WIDTHS},
}
# What takes arrays, or whatever SciPy takes, takes no other objects with __index__.
OF_NUMPY = {name: integer for name, integer in INTEGERS.items() if name != "index"}


def saved(shape, **options):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.npy"
        irwinhall.save_weights(path, shape, **options)
        return np.load(path)


OF_SIZES = {
    # the oracle
    "exact.expected_magnitude": lambda i: exact.expected_magnitude(i(100)),
    "exact.letkeman_bound": lambda i: exact.letkeman_bound(i(100), i(90)),
    "exact.letkeman_bound as printed": lambda i: exact.letkeman_bound(
        i(100), i(90), formula="as_printed"
    ),
    "exact.expected_magnitude_mp": lambda i: exact.expected_magnitude_mp(i(100), i(100)),
    "exact.letkeman_bound_mp": lambda i: exact.letkeman_bound_mp(i(100), i(90), i(100)),
    "exact.irwin_hall_pdf": lambda i: exact.irwin_hall_pdf(i(30), i(60)),
    "exact.irwin_hall_cdf": lambda i: exact.irwin_hall_cdf(i(30), i(60)),
    "exact.series_coefficients": lambda i: exact.series_coefficients(i(30)),
    "exact.uniform_cumulants": lambda i: exact.uniform_cumulants(i(30)),
    # the core
    "expected_magnitude": lambda i: irwinhall.expected_magnitude(i(100)),
    "letkeman_bound": lambda i: irwinhall.letkeman_bound(i(100)),
    "letkeman_bound of two": lambda i: irwinhall.letkeman_bound(i(100), i(90)),
    "preserved_magnitude": lambda i: irwinhall.preserved_magnitude(i(100), i(90), 0.1),
    # layouts and schemes
    "fans": lambda i: irwinhall.fans((i(100), i(90), i(3)), in_axis=i(1), out_axis=i(0)),
    "fans of groups": lambda i: irwinhall.fans(
        (i(96), i(100), i(5), i(5)), layout="torch.conv", groups=i(96)
    ),
    "fans of parts": lambda i: irwinhall.fans(
        (i(120), i(100)), layout="torch.linear", parts=i(3), active_inputs=i(90)
    ),
    "Weight": lambda i: layouts.Weight.of((i(100), i(90)), in_axis=i(0), out_axis=i(1)),
    "scheme's scale": lambda i: schemes.scale("xavier_uniform", i(100), i(90)),
    "scheme's statistics": lambda i: schemes.statistics("letkeman", i(100), i(90)),
    "scale_of": lambda i: sampling.scale_of((i(100), i(90)), "he_normal"),
    # closed forms
    "grid_sizes": lambda i: tables.grid_sizes(i(10)),
    "grid_pairs": lambda i: tables.grid_pairs(i(5)),
    "check_sizes": lambda i: tables.check_sizes(i(100), i(10)),
    "standard_table": lambda i: tables.standard_table(i(20)),
    "normalized_table": lambda i: tables.normalized_table(i(3)),
    # weights
    "sample_weights": lambda i: irwinhall.sample_weights((i(100), i(90)), rng=i(100)),
    "sample_weights of axes": lambda i: irwinhall.sample_weights(
        (i(4), i(6), i(8)), in_axis=i(1), out_axis=i(2), batch_axis=i(0), rng=1
    ),
    "sample_weights of groups": lambda i: irwinhall.sample_weights(
        (i(12), i(4), i(3)), layout="torch.conv", groups=i(3), threads=i(2), rng=1
    ),
    "sample_weights of parts": lambda i: irwinhall.sample_weights(
        (i(12), i(4)), layout="torch.linear", parts=i(3), rng=1
    ),
    "sample_weights of a region": lambda i: irwinhall.sample_weights(
        (i(12), i(10)), region=(slice(i(2), i(9)), slice(i(1), i(4))), rng=1
    ),
    "save_weights": lambda i: saved((i(4), i(6)), rng=i(100)),
    "Stream.uniform": lambda i: irwinhall.Stream(i(100)).uniform((i(20), i(10))),
    "Stream.normal": lambda i: irwinhall.Stream(i(100)).normal(i(100), threads=i(2)),
    "Stream.integers": lambda i: irwinhall.Stream(i(100)).integers(i(20), low=i(3), high=i(100)),
    "Stream.bits": lambda i: irwinhall.Stream(i(100)).bits((i(20), i(3)), dtype="uint64"),
    "Stream.permutation": lambda i: irwinhall.Stream(i(100)).permutation(i(100)),
    "rao_critical_value": lambda i: stats.rao_critical_value(i(30), 0.05),
    # simulations
    "montecarlo.magnitude": lambda i: montecarlo.magnitude(i(100), trials=i(100), rng=i(100)),
    "montecarlo.layer": lambda i: montecarlo.layer(i(100), i(90), trials=i(100), rng=i(100)),
    "simulate": lambda i: flow.simulate(
        ["he_normal"], width=i(16), depth=i(3), batch=i(100), rng=i(100)
    ),
    "simulate of widths": lambda i: flow.simulate(
        ["he_normal"], width=[i(16), i(20)], depth=i(2), batch=i(4)
    ),
    "explosion": lambda i: flow.explosion(
        (1.0,), width=i(100), depth=i(3), trials=i(100), rng=i(100)
    ),
    "compare": lambda i: compare.compare(i(20), i(10), rng=i(100)),
    "normalized_rows": lambda i: article.normalized_rows(i(10), rng=i(100)),
    "standard_rows": lambda i: article.standard_rows(i(100), rng=i(100)),
}
OF_ARRAYS = {
    "gain": lambda i: irwinhall.gain("leaky_relu", slope=i(100)),
    "sample_weights of a gain": lambda i: irwinhall.sample_weights(
        (4, 3), "he_normal", gain=i(100), rng=1
    ),
    "Stream.truncated_normal": lambda i: irwinhall.Stream(1).truncated_normal(
        (4,), i(100), low=i(1), high=i(2)
    ),
    "Stream.uniform_between": lambda i: irwinhall.Stream(1).uniform_between(
        i(20), low=i(3), high=i(100)
    ),
    "Stream.log_uniform": lambda i: irwinhall.Stream(1).log_uniform(i(20), low=i(3), high=i(100)),
    "Stream.log_of_uniform": lambda i: irwinhall.Stream(1).log_of_uniform(
        i(20), low=i(3), high=i(100)
    ),
    "Stream.inverse_softplus_log_uniform": lambda i: irwinhall.Stream(
        1
    ).inverse_softplus_log_uniform(i(20), low=i(3), high=i(100)),
    "montecarlo.magnitude of a bound": lambda i: montecarlo.magnitude(5, i(100), trials=10),
    "left_out": lambda i: compare.left_out(i(100), i(90)),
    **{
        f"distribution.{name}": lambda i, name=name: getattr(distribution, name)(i(40), i(100))
        for name in ("pdf", "logpdf", "cdf", "logcdf", "sf", "logsf")
    },
    **{
        f"distribution.{name}": lambda i, name=name: getattr(distribution, name)(0.25, i(100))
        for name in ("ppf", "isf")
    },
    **{
        f"distribution.{name}": lambda i, name=name: getattr(distribution, name)(
            i(120), [i(100), i(90), i(7)]
        )
        for name in ("weighted_pdf", "weighted_cdf", "weighted_sf", "weighted_logpdf")
    },
    **{
        f"distribution.{name}": lambda i, name=name: getattr(distribution, name)(
            0.25, [i(100), i(90), i(7)]
        )
        for name in ("weighted_ppf", "weighted_isf")
    },
    "weighted_rvs": lambda i: stats.weighted_rvs([i(100), i(7)], size=i(4), rng=1),
    "coverage_factor": lambda i: stats.coverage_factor([i(100), i(90)], 0.95),
    "rao_spacing": lambda i: stats.rao_spacing([i(10), i(40), i(110)], degrees=True),
    "laplace_trend": lambda i: stats.laplace_trend([i(10), i(40), i(50)], i(100)),
    "expected_magnitude_of": lambda i: irwinhall.expected_magnitude_of([i(100), i(90), i(7)]),
    **{
        f"{form.name}": lambda i, form=form: form(*(i(100), i(90))[: len(form.variables)])
        for form in approximations.closed_forms()
    },
    **{
        f"relative error of {form.name}": lambda i, form=form: certification.relative_error(
            form, *(i(100), i(90))[: len(form.variables)]
        )
        for form in approximations.closed_forms()
    },
    "edgington": lambda i: stats.edgington([[0.1, 0.2], [0.3, 1.0]], [i(100), i(90)], axis=i(1)),
}
LAWS = {"irwinhall": stats.irwinhall, "bates": stats.bates}
NEWER = {} if OLD else {name: scipy.stats.make_distribution(LAWS[name]) for name in LAWS}
_OF_X = ["pdf", "logpdf", "cdf", "logcdf", "sf", "logsf"]
_OF_N = ["mean", "var", "std", "median", "entropy", "support"]
for _name, _law in LAWS.items():
    for _method in _OF_X:
        OF_ARRAYS[f"{_name}.{_method}"] = lambda i, law=_law, method=_method: getattr(law, method)(
            i(125), i(100), loc=i(100), scale=i(90)
        )
    for _method in ("ppf", "isf", "interval"):
        OF_ARRAYS[f"{_name}.{_method}"] = lambda i, law=_law, method=_method: getattr(law, method)(
            0.25, i(100), loc=i(100), scale=i(90)
        )
    for _method in _OF_N:
        OF_ARRAYS[f"{_name}.{_method}"] = lambda i, law=_law, method=_method: getattr(law, method)(
            i(100), loc=i(100), scale=i(90)
        )
        OF_ARRAYS[f"frozen {_name}.{_method}"] = lambda i, law=_law, method=_method: getattr(
            law(i(100), scale=i(90)), method
        )()
    OF_ARRAYS |= {
        f"{_name}.stats": lambda i, law=_law: law.stats(i(100), i(100), i(90), moments="mvsk"),
        f"{_name}.moment": lambda i, law=_law: law.moment(i(9), i(100), i(100), i(90)),
        f"{_name}.expect": lambda i, law=_law: law.expect(
            lambda x: x * x, (i(100),), loc=i(100), scale=i(90)
        ),
        f"{_name}.nnlf": lambda i, law=_law: law.nnlf((i(100), i(100), i(90)), [120.0, 150.0]),
        f"{_name}.rvs": lambda i, law=_law: law.rvs(
            i(60), i(100), i(90), size=i(20), random_state=int(i(100))
        ),
        f"{_name}.rvs of many": lambda i, law=_law: law.rvs(i(100), size=(i(4), i(5)), rng=1),
        f"{_name}.rvs of a stream": lambda i, law=_law: law.rvs(
            i(100), i(100), i(90), size=i(20), rng=irwinhall.Stream(1)
        ),
        f"{_name}.fit": lambda i, law=_law: law.fit(
            [i(101), i(103), i(104)], fn=i(100), floc=i(100)
        ),
    }
OF_ARRAYS |= {
    f"{name} of the newer interface": lambda i, newer=newer: [
        newer(n=i(100)).cdf(0.5),
        newer(n=i(100)).kurtosis(),
    ]
    for name, newer in NEWER.items()
}
# Of the largest n that a type holds and all functions take: n + 1 and 2 n overflow.
OF_LARGEST = {
    "expected_magnitude": lambda n: irwinhall.expected_magnitude(n),
    "letkeman_bound": lambda n: irwinhall.letkeman_bound(n, n),
    "preserved_magnitude": lambda n: irwinhall.preserved_magnitude(n, n, 0.01),
    "exact.expected_magnitude_mp": lambda n: exact.expected_magnitude_mp(n, 30),
    "exact.letkeman_bound_mp": lambda n: exact.letkeman_bound_mp(n, n, 30),
    "fans": lambda n: irwinhall.fans((n, n, 3), in_axis=0, out_axis=1),
    "scale": lambda n: schemes.scale("xavier_uniform", n, n),
    "statistics": lambda n: schemes.statistics("letkeman_normalized", n, n),
    "a seed": lambda n: irwinhall.Stream(n).uniform(3),
    "weighted_cdf": lambda n: distribution.weighted_cdf(n, [n, n]),
    "expected_magnitude_of": lambda n: irwinhall.expected_magnitude_of([n, n]),
    "logcdf": lambda n: distribution.logcdf(n, n),
    "ppf": lambda n: distribution.ppf(0.25, n),
    **{
        form.name: lambda n, form=form: form(*(n, n)[: len(form.variables)])
        for form in approximations.closed_forms()
    },
    **{
        f"{name}.{method}": lambda n, law=law, method=method: getattr(law, method)(
            n, loc=n, scale=n
        )
        for name, law in LAWS.items()
        for method in ("mean", "var", "std", "median", "entropy", "support", "stats")
    },
    **{
        f"{name}.logpdf": lambda n, law=law: law.logpdf(n, n, loc=n, scale=n)
        for name, law in LAWS.items()
    },
    **{f"{name}.moment": lambda n, law=law: law.moment(3, n, n, n) for name, law in LAWS.items()},
}
TOPS = {width.__name__: min(np.iinfo(width).max, 2**53) for width in WIDTHS}

CALLS = OF_SIZES | OF_ARRAYS
CALLS |= {
    f"{name} of {top}": lambda i, call=call, top=top: call(i(top))
    for name, call in OF_LARGEST.items()
    for top in TOPS.values()
}
# Of every call, the integers to try: of all kinds, and of the largest of each type that type's own.
CASES = {name: list(INTEGERS.values()) for name in OF_SIZES}
CASES |= {name: list(OF_NUMPY.values()) for name in OF_ARRAYS}
for _name in OF_LARGEST:
    for _kind, _integer in OF_NUMPY.items():
        CASES.setdefault(f"{_name} of {TOPS[_kind.split()[0]]}", []).append(_integer)


@functools.cache
def expected(name):
    return plain(CALLS[name](int))


def plain(value):
    """Return a result, whatever it is made of, as lists, arrays and numbers."""
    if hasattr(value, "__next__"):
        value = list(value)
    return [plain(part) for part in value] if isinstance(value, (list, tuple)) else value


@pytest.mark.parametrize("name", CASES)
def test_an_integer_of_any_type_gives_what_an_int_gives(name):
    for integer in CASES[name]:
        assert_equal(plain(CALLS[name](integer)), expected(name))


@pytest.mark.filterwarnings("ignore:In future")  # NumPy 2.1 makes an index of its bool
@pytest.mark.parametrize(
    "call",
    [
        lambda value: irwinhall.sample_weights((value, 3), rng=0),
        lambda value: irwinhall.sample_weights((2, 3), rng=0, threads=value),
        lambda value: irwinhall.Stream(value),
        exact.letkeman_bound,
        approximations.closed_forms()[0],
    ],
)
@pytest.mark.parametrize("value", [True, np.True_])
def test_booleans_are_no_integers(call, value):
    with pytest.raises(TypeError, match="integer|seed must be an int"):
        call(value)
