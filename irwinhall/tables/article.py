"""The article's tables, with a simulation and the exact value for each printed figure.

T. Letkeman, "Rethinking Weight Initialization", 2021, simulates the magnitudes that the standard
Xavier bound preserves for six sizes of layers, and the normalized one for ten, and both after
division by the article's approximation. ``irwinhall reproduce`` runs the simulations again.

The article's program divides the total over the n inputs by m, and the total over the m outputs by
n. So the columns "forward" and "backward" of the normalized tables are (n/m) b A(m) and
(m/n) b A(n), while the magnitudes of outputs and gradients are b A(n) and b A(m). The average over
all nodes is not affected.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from typing import NamedTuple

from irwinhall import approximations, montecarlo
from irwinhall._core import expected_magnitude, letkeman_bound, preserved_magnitude
from irwinhall._keywords import takes
from irwinhall.stream import Seed, Stream, as_stream

__all__ = [
    "NORMALIZED_TRIALS",
    "STANDARD_TRIALS",
    "Entry",
    "Row",
    "normalized_rows",
    "standard_rows",
    "uniforms_drawn",
]

#: Number of trials in the article's simulation of standard bounds.
STANDARD_TRIALS = 1_000_000
#: Number of trials in the article's simulation of normalized bounds.
NORMALIZED_TRIALS = 5_000

# n: the magnitude printed for the Xavier bound 1/sqrt(n), and for this bound divided by the
# article's approximation.
_STANDARD = {
    1: (0.500474810495207, 0.9997531021498397),
    5: (0.4658366066117104, 1.0006271684273118),
    25: (0.4617913077193642, 0.9997050090618478),
    100: (0.4611953525250335, 0.9996631602474665),
    300: (0.4603023799913436, 1.0000115563283445),
    1000: (0.4605755033078747, 1.0003759838261814),
}

# (n, m): (forward, backward, average) printed for the Xavier bound sqrt(6/(n + m)), and for this
# bound divided by the article's approximation.
_NORMALIZED = {
    (1, 1): (
        (0.8594973435645746, 0.8594973435645746, 0.8594973435645746),
        (0.9943010700551295, 0.9943010700551295, 0.9943010700551295),
    ),
    (5, 5): (
        (0.8084311839378276, 0.8045734522931961, 0.806502318115512),
        (0.9993559541424449, 1.0016561989451123, 1.0005060765437785),
    ),
    (100, 1): (
        (12.187413775506647, 0.011053896083235643, 0.1316119146913889),
        (92.90548094688566, 0.08605654405489507, 1.0050607460631158),
    ),
    (15, 25): (
        (0.5368980806669289, 1.1514005259906934, 0.7673364976633413),
        (0.7219516088992118, 1.552360250077088, 1.0333548493409184),
    ),
    (10, 100): (
        (0.1077280335302238, 3.4205235980572755, 0.4088912666690458),
        (0.29088207337482874, 9.277565035000634, 1.1078532517044446),
    ),
    (100, 50): (
        (1.3046534263608478, 0.46020072148131086, 0.7416849564411578),
        (1.8668152727502358, 0.657427648552596, 1.0605568566184786),
    ),
    (100, 300): (
        (0.3257606846562078, 1.6939843417948686, 0.6678165989408731),
        (0.5372220506522588, 2.790470951744516, 1.1005342759253183),
    ),
    (1000, 10): (
        (11.277801840070467, 0.011307052186118244, 0.1228565055315076),
        (92.54224171674791, 0.09236415107640739, 1.0077094735088017),
    ),
    (1, 10000): (
        (0.00011277174801493292, 122.47346786077979, 0.01235888264582831),
        (0.008441322648025064, 9262.953664512319, 0.93464322477678),
    ),
    (3, 10000): (
        (0.0003375413496494392, 66.31341829144523, 0.020225499187326784),
        (0.015693092438484952, 3084.4314192973225, 0.9407402961388404),
    ),
}


class Entry(NamedTuple):
    """A printed figure, with the simulated and the exact value.

    Attributes
    ----------
    printed : float
        The article's figure.
    monte_carlo, standard_error : float
        The simulation's estimate and its standard error.
    exact : float
        The exact value.
    printed_standard_error : float
        The standard error of the printed figure, for the article's number of trials.

    Examples
    --------
    >>> from irwinhall.tables.article import Entry
    >>> Entry(0.5, 0.375, 0.125, 0.25, 0.125).printed_deviation
    2.0
    """

    printed: float
    monte_carlo: float
    standard_error: float
    exact: float
    printed_standard_error: float

    @property
    def printed_deviation(self) -> float:
        """The deviation of the printed figure from the exact value, in its standard errors."""
        return (self.printed - self.exact) / self.printed_standard_error

    @property
    def monte_carlo_deviation(self) -> float:
        """The deviation of the simulated value from the exact value, in its standard errors."""
        return (self.monte_carlo - self.exact) / self.standard_error


class Row(NamedTuple):
    """A quantity of one layer size, for three bounds.

    Attributes
    ----------
    size : tuple of int
        (n,) or (n, m).
    quantity : str
        "magnitude" in the standard table. In the normalized table "forward", "backward" (both as
        the article's program computes them) or "average".
    xavier, approximated : Entry
        The figures for the Xavier bound, and for this bound divided by the article's approximation.
    true_magnitude : float
        The actual magnitude forward, backward or on average, for the Xavier bound.
    letkeman : float
        The quantity for the exact bound.

    Examples
    --------
    >>> from irwinhall import article
    >>> row = next(article.standard_rows(trials=1000))
    >>> row.size, row.quantity, row.letkeman
    ((1,), 'magnitude', 1.0)
    """

    size: tuple[int, ...]
    quantity: str
    xavier: Entry
    approximated: Entry
    true_magnitude: float
    letkeman: float


@takes("rng", not_="seed")
def standard_rows(
    trials: int = STANDARD_TRIALS,
    *,
    rng: Seed | Stream = 0,
    executor: Executor | None = None,
    progress: Callable[[int], object] | None = None,
) -> Iterator[Row]:
    """Yield the six rows of the article's standard tables.

    Parameters
    ----------
    trials : int
        Number of trials for each size; the article has a million.
    rng : int, bytes, Stream, numpy.random.SeedSequence, numpy.random.Generator or None
        The seed or stream of the simulation.
    executor : concurrent.futures.Executor, optional
        Runs the simulation, as for `irwinhall.montecarlo.magnitude`.
    progress : callable, optional
        Called from time to time with the number of uniforms drawn since the last call.

    Yields
    ------
    Row

    Examples
    --------
    >>> from irwinhall import article
    >>> row = next(article.standard_rows(trials=1_000))
    >>> row.size, row.quantity, row.xavier.exact, row.letkeman
    ((1,), 'magnitude', 0.5, 1.0)
    """
    source = as_stream(rng)
    for n, printed in _STANDARD.items():
        # Every size has its own weights, so that the errors of the rows are independent.
        weights = source.child(f"article/{n}")
        unit = montecarlo.magnitude(
            n, trials=trials, rng=weights, executor=executor, progress=progress
        )
        exact = expected_magnitude(n)
        xavier = 1.0 / math.sqrt(n)
        approximated = 1.0 / approximations.FORMS["article_standard"](n)
        yield Row(
            (n,),
            "magnitude",
            _entry(printed[0], unit, exact, xavier, STANDARD_TRIALS),
            _entry(printed[1], unit, exact, approximated, STANDARD_TRIALS),
            xavier * exact,
            letkeman_bound(n) * exact,
        )


@takes("rng", not_="seed")
def normalized_rows(
    trials: int = NORMALIZED_TRIALS,
    *,
    rng: Seed | Stream = 0,
    executor: Executor | None = None,
    progress: Callable[[int], object] | None = None,
) -> Iterator[Row]:
    """Yield the rows of the article's normalized tables, three for each of its ten sizes.

    Parameters
    ----------
    trials : int
        Number of weight matrices for each size; the article has 5000.
    rng : int, bytes, Stream, numpy.random.SeedSequence, numpy.random.Generator or None
        The seed or stream of the simulation.
    executor : concurrent.futures.Executor, optional
        Runs the simulation, as for `irwinhall.montecarlo.magnitude`.
    progress : callable, optional
        Called from time to time with the number of uniforms drawn since the last call.

    Yields
    ------
    Row

    Examples
    --------
    >>> from irwinhall import article
    >>> rows = article.normalized_rows(trials=100)
    >>> [(row.size, row.quantity, round(row.xavier.exact, 4)) for _, row in zip(range(3), rows)]
    [((1, 1), 'forward', 0.866), ((1, 1), 'backward', 0.866), ((1, 1), 'average', 0.866)]
    """
    source = as_stream(rng)
    for (n, m), printed in _NORMALIZED.items():
        weights = source.child(f"article/{n}/{m}")
        unit = montecarlo.layer(
            n, m, trials=trials, rng=weights, executor=executor, progress=progress
        )
        exact = preserved_magnitude(n, m, 1.0)
        xavier = math.sqrt(6.0 / (n + m))
        approximated = approximations.FORMS["article_normalized"](n, m)
        letkeman = letkeman_bound(n, m)
        # quantity: (simulated and exact as the article's program computes it, actual magnitude)
        columns = {
            "forward": (unit.backward.scaled(n / m), exact.backward * n / m, exact.forward),
            "backward": (unit.forward.scaled(m / n), exact.forward * m / n, exact.backward),
            "average": (unit.node_average, exact.node_average, exact.node_average),
        }
        for i, (quantity, (estimate, as_printed, true)) in enumerate(columns.items()):
            yield Row(
                (n, m),
                quantity,
                _entry(printed[0][i], estimate, as_printed, xavier, NORMALIZED_TRIALS),
                _entry(printed[1][i], estimate, as_printed, approximated, NORMALIZED_TRIALS),
                xavier * true,
                letkeman * as_printed,
            )


def uniforms_drawn(standard_trials: int, normalized_trials: int) -> int:
    """Return how many uniforms the two simulations draw: the total that `progress` reports.

    Parameters
    ----------
    standard_trials, normalized_trials : int
        Number of trials of each simulation.

    Returns
    -------
    int

    Examples
    --------
    >>> from irwinhall import article
    >>> article.uniforms_drawn(1, 0)
    1431
    """
    return standard_trials * sum(_STANDARD) + normalized_trials * sum(n * m for n, m in _NORMALIZED)


def _entry(
    printed: float, unit: montecarlo.Estimate, exact: float, bound: float, printed_trials: int
) -> Entry:
    estimate = unit.scaled(bound)
    deviation = estimate.standard_error * math.sqrt(estimate.trials)
    return Entry(
        printed,
        estimate.estimate,
        estimate.standard_error,
        bound * exact,
        deviation / math.sqrt(printed_trials),
    )
