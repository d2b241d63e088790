"""What type checkers make of every public function, each line checked by mypy and pyright.

``mypy --strict tests/support/typed_client.py`` and ``pyright tests/support/typed_client.py``. It is
checked, not run.
"""

from fractions import Fraction
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import irwinhall
from irwinhall import (
    Stream,
    approximations,
    article,
    certification,
    compare,
    distribution,
    exact,
    executors,
    flow,
    gains,
    layouts,
    lsuv,
    montecarlo,
    plots,
    recipes,
    sampling,
    schemes,
    stats,
    stream,
    tables,
    weightfile,
)
from irwinhall.tables import report

Doubles = NDArray[np.float64]
SIZES = np.arange(1, 4)

# ---- magnitudes and bounds -----------------------------------------------------------------------

assert_type(irwinhall.expected_magnitude(5), float)
assert_type(irwinhall.expected_magnitude(np.int32(5)), float)
assert_type(irwinhall.expected_magnitude(SIZES), Doubles)
assert_type(irwinhall.letkeman_bound(5, 7), float)
assert_type(irwinhall.letkeman_bound(np.uint8(5)), float)
assert_type(irwinhall.letkeman_bound(SIZES), Doubles)
assert_type(irwinhall.letkeman_bound([1, 2], 7), Doubles)
assert_type(irwinhall.letkeman_bound(5, SIZES), Doubles)
assert_type(irwinhall.preserved_magnitude(5, 7, 0.1).forward, float)
assert_type(irwinhall.preserved_magnitude(SIZES, 7, 0.1).forward, Doubles)
assert_type(irwinhall.expected_magnitude_of([1.0, 2.0]), float)
assert_type(irwinhall.get_include(), str)
assert_type(irwinhall.__version__, str)
assert_type(exact.expected_magnitude(5), Fraction)
assert_type(exact.letkeman_bound(5, 7, formula="as_printed"), Fraction)
assert_type(exact.irwin_hall_pdf(0.5, 3), Fraction)
assert_type(exact.irwin_hall_cdf(Fraction(1, 2), 3), Fraction)
assert_type(exact.series_coefficients(3), tuple[Fraction, ...])
assert_type(exact.uniform_cumulants(3), tuple[Fraction, ...])
exact.expected_magnitude_mp(5, dps=30)
exact.letkeman_bound_mp(5, 7, dps=30)

# ---- the distribution, and tests that use it -----------------------------------------------------

assert_type(distribution.cdf(0.5, 3), float)
assert_type(distribution.cdf(np.float32(0.5), np.int64(3)), float)
assert_type(distribution.ppf(0.5, SIZES), NDArray[np.floating])
assert_type(distribution.pdf([0.5, 1.0], 3), NDArray[np.floating])
assert_type(distribution.logpdf(0.5, 3), float)
assert_type(distribution.logcdf(0.5, 3), float)
assert_type(distribution.sf(0.5, 3), float)
assert_type(distribution.logsf(0.5, 3), float)
assert_type(distribution.isf(0.5, 3, log=False), float)
assert_type(distribution.weighted_pdf(0.5, [1.0, 2.0]), float)
assert_type(distribution.weighted_pdf(SIZES, [1.0, 2.0]), NDArray[np.floating])
assert_type(distribution.weighted_cdf(0.5, [1.0, 2.0]), float)
assert_type(distribution.weighted_sf(0.5, [1.0, 2.0]), float)
assert_type(distribution.weighted_ppf(0.5, [1.0, 2.0]), float)
assert_type(distribution.weighted_isf(0.5, [1.0, 2.0]), float)
assert_type(distribution.weighted_logpdf(0.5, [1.0, 2.0]), float)
assert_type(distribution.weighted_logcdf(0.5, [1.0, 2.0]), float)
assert_type(distribution.weighted_logsf(0.5, [1.0, 2.0]), float)
assert_type(stats.coverage_factor([1.0, 2.0]), float)
assert_type(stats.coverage_interval([1.0, 2.0]), stats.CoverageInterval)
assert_type(stats.p_value_function([0.3], [0.1]), stats.PValueFunction)
assert_type(stats.edgington([0.1, 0.2]), stats.EdgingtonResult)
assert_type(stats.laplace_trend([1.0, 2.0], 3.0), stats.LaplaceTrendResult)
assert_type(stats.rao_spacing([0.1, 0.2]), stats.RaoSpacingResult)
assert_type(stats.rao_critical_value(9), float)
stats.irwinhall.cdf(0.5, 3)
stats.bates.cdf(0.5, 3)
stats.weighted_rvs([1.0, 2.0], 10, rng=0)

# ---- weights -------------------------------------------------------------------------------------

STREAM = Stream(1, "w")
assert_type(STREAM.child("x"), Stream)
assert_type(STREAM.uniform((3, 4), 0.5), NDArray[Any])
assert_type(STREAM.normal(3, std=0.5, dtype="float64"), NDArray[Any])
assert_type(STREAM.truncated_normal((3, 4), low=-1), NDArray[Any])
assert_type(STREAM.uniform_between(3, low=0.0, high=1.0), NDArray[Any])
assert_type(STREAM.log_uniform(3, low=0.1, high=1.0), NDArray[Any])
assert_type(STREAM.log_of_uniform(3, low=1.0, high=2.0), NDArray[Any])
assert_type(STREAM.inverse_softplus_log_uniform(3, low=0.1, high=1.0), NDArray[Any])
assert_type(STREAM.integers(3, high=6), NDArray[Any])
assert_type(STREAM.bits(3), NDArray[Any])
assert_type(STREAM.permutation(3), NDArray[np.int64])
assert_type(stream.kernels(), list[tuple[str, bool]])
assert_type(irwinhall.sample_weights((3, 4), "he_normal", rng=1, name="w"), NDArray[Any])
assert_type(sampling.scale_of((3, 4), "he_normal"), float)
assert_type(irwinhall.fans((3, 4)), irwinhall.Fans)
assert_type(layouts.fans((3, 4), layout="torch.linear").fan_in, int)
assert_type(schemes.scheme("he_normal"), schemes.Scheme)
assert_type(schemes.SCHEMES["he_normal"].law == "normal", bool)
assert_type(schemes.scale("he_normal", 3, 4), float)
assert_type(schemes.statistics("he_normal", 3, 4), schemes.Statistics)
weightfile.save_weights("w.npy", (3, 4), rng=1)
assert_type(gains.gain("relu", preserve="magnitude"), float)
assert_type(gains.gain(np.tanh), float)
assert_type(gains.activation("relu"), gains.Activation)
assert_type(gains.moments("relu"), gains.Moments)
assert_type(gains.derivative(np.tanh, np.ones(3)), Doubles)
assert_type(gains.fixed_points("tanh", 1.5), list[gains.FixedPoint])
assert_type(gains.table(), str)
assert_type(recipes.recipe("gpt2"), recipes.Recipe)
assert_type(recipes.table(), str)
lsuv.rescale([np.tanh], [np.ones((3, 3))], np.ones((5, 3)))

# ---- what the command line prints, draws and writes ----------------------------------------------

assert_type(compare.compare(3, 4), list[compare.Comparison])
assert_type(compare.left_out(3, 4), list[str])
assert_type(flow.default_schemes(), list[str])
assert_type(flow.simulate(["he_normal"], width=8, depth=2), list[flow.Flow])
assert_type(flow.predict(["he_normal"], width=8, depth=2), list[flow.Flow])
assert_type(flow.depth_reached(flow.simulate()[0]), int | None)
assert_type(flow.verdict([1.0, 0.5]), flow.Verdict)
assert_type(flow.with_gain("he_normal:tanh"), tuple[str, float | str | None])
assert_type(next(iter(flow.explosion())), flow.Explosion)
assert_type(montecarlo.magnitude(9).standard_error, float)
assert_type(montecarlo.layer(9, 5).forward, montecarlo.Estimate)
assert_type(approximations.closed_forms("magnitude"), list[approximations.ClosedForm])
FORM = approximations.FORMS["article_standard"]
assert_type(FORM(5), float)
assert_type(FORM(SIZES), Doubles)
assert_type(FORM.as_python(), str)
assert_type(approximations.relative_error(FORM, 5), float)
assert_type(certification.relative_error(FORM, SIZES), Doubles)
assert_type(approximations.certify(FORM), approximations.Certificate)
assert_type(next(article.standard_rows()), article.Row)
assert_type(next(article.normalized_rows()), article.Row)
assert_type(article.uniforms_drawn(1, 1), int)
with executors.processes(2) as executor:
    TABLE = tables.standard_table(9, executor=executor)
    list(executors.ordered_map(abs, [1, 2], executor))
with executors.dask("tcp://127.0.0.1:8786") as executor:
    assert_type(tables.article_table(executor=executor), tables.Table)
assert_type(TABLE, tables.Table)
assert_type(tables.normalized_table(9), tables.Table)
assert_type(tables.closed_forms_table(), tables.Table)
assert_type(tables.closed_forms_document(TABLE), str)
assert_type(tables.grid_pairs(3), list[tuple[int, int]])
assert_type(tables.grid_sizes(3), list[int])
assert_type(tables.rendered(TABLE), dict[str, str])
assert_type(tables.records(TABLE)[0]["n"], int | float | str | None)
tables.check_sizes(9, 9)
assert_type(report.page([TABLE], []), str)
assert_type(report.report([TABLE]), dict[str, str])
assert_type(plots.form_plots({"article_standard": 1e-3}), list[plots.Plot])
plots.save_flow("flow.png", flow.simulate())
plots.flow_figure(flow.simulate())
plots.distribution_figure([2, 12])
plots.weighted_figure([3.0, 1.0])
