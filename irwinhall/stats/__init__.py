"""Statistics of uniform sums, in the style of SciPy.

`irwinhall` and `bates` are continuous distributions of SciPy, with its signatures, shapes and
conventions: invalid parameters give NaN, and all generic methods work. The values and their
accuracy are those of `irwinhall.distribution`. `IrwinHall`, `Bates` and `UniformSum` are the same
for SciPy's newer infrastructure.

`edgington` and `p_value_function` combine p-values and studies. `coverage_factor` and
`coverage_interval` are for measurements, `rao_spacing` is for angles, and `laplace_trend` for
events.
"""

from importlib import import_module
from typing import Any

from scipy import __version__ as _scipy_version

from irwinhall.stats._circular import RaoSpacingResult, rao_critical_value, rao_spacing
from irwinhall.stats._coverage import CoverageInterval, coverage_factor, coverage_interval
from irwinhall.stats._edgington import EdgingtonResult, edgington
from irwinhall.stats._meta import ConfidenceInterval, PValueFunction, p_value_function
from irwinhall.stats._sampling import weighted_rvs
from irwinhall.stats._trend import LaplaceTrendResult, laplace_trend
from irwinhall.stats._univariate import bates, irwinhall

__all__ = [
    "ConfidenceInterval",
    "CoverageInterval",
    "EdgingtonResult",
    "LaplaceTrendResult",
    "PValueFunction",
    "RaoSpacingResult",
    "bates",
    "coverage_factor",
    "coverage_interval",
    "edgington",
    "irwinhall",
    "laplace_trend",
    "p_value_function",
    "rao_critical_value",
    "rao_spacing",
    "weighted_rvs",
]

# Loaded on first use; not there with a SciPy that lacks their infrastructure.
_INFRASTRUCTURE = ["Bates", "IrwinHall", "UniformSum"]
if tuple(map(int, _scipy_version.split(".")[:2])) >= (1, 16):
    __all__ += _INFRASTRUCTURE


def __getattr__(name: str) -> Any:
    if name in _INFRASTRUCTURE:
        return getattr(import_module("irwinhall.stats._infrastructure"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
