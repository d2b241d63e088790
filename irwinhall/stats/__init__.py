"""Statistics of uniform sums, in the shape that SciPy gives its own.

`irwinhall` and `bates` are continuous distributions of SciPy's kind, with its signatures, shapes
and conventions: invalid parameters give NaN, and whatever SciPy offers for all of them works. The
values are those of `irwinhall.distribution`, whose accuracy they have. `edgington` combines
p-values.
"""

from irwinhall.stats._coverage import CoverageInterval, coverage_factor, coverage_interval
from irwinhall.stats._edgington import EdgingtonResult, edgington
from irwinhall.stats._meta import ConfidenceInterval, PValueFunction, p_value_function
from irwinhall.stats._univariate import bates, irwinhall

__all__ = [
    "ConfidenceInterval",
    "CoverageInterval",
    "EdgingtonResult",
    "PValueFunction",
    "bates",
    "coverage_factor",
    "coverage_interval",
    "edgington",
    "irwinhall",
    "p_value_function",
]
