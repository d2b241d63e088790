"""Edgington's method: p-values combined by their sum."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from irwinhall import _distribution, distribution
from irwinhall._arguments import checked_choice
from irwinhall.stats._slices import (
    ALTERNATIVES,
    Axis,
    Floats,
    Slices,
    checked_positive,
    checked_reals,
    refuse,
    rows_along,
    samples_along,
)


class EdgingtonResult(NamedTuple):
    """The sum of p-values and the combined p-value.

    Attributes
    ----------
    statistic : float or ndarray
        The sum of the p-values.
    pvalue : float or ndarray
        The combined p-value.

    Examples
    --------
    >>> from irwinhall.stats import EdgingtonResult
    >>> EdgingtonResult._fields
    ('statistic', 'pvalue')
    """

    statistic: Any
    pvalue: Any


def edgington(
    pvalues: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    axis: Axis = 0,
    nan_policy: str = "propagate",
    keepdims: bool = False,
    alternative: str = "less",
) -> EdgingtonResult:
    """Combine independent p-values by their sum (Edgington's method).

    If all null hypotheses hold, the p-values are uniform, and their sum has the Irwin-Hall
    distribution; with weights, that of a weighted sum.

    Parameters
    ----------
    pvalues : array_like of float
        The p-values, from 0 to 1; any number of them.
    weights : array_like of float, optional
        Their weights, positive; they broadcast with `pvalues`. Default: all the same.
    axis : int, tuple of int or None
        The axis or axes along which p-values are combined; None combines all.
    nan_policy : {"propagate", "omit", "raise"}
        A NaN makes the result of its own sample NaN, is omitted, or raises an error.
    keepdims : bool
        Whether to keep the axes of combined p-values, with length 1.
    alternative : {"less", "greater", "two-sided"}
        Which sums count against the null hypotheses: small ones, the default, large ones or both.

    Returns
    -------
    EdgingtonResult
        (statistic, pvalue): the sum and the combined p-value, floats for one sample, else arrays.
        NaN, with a RuntimeWarning, for a sample without p-values.

    Raises
    ------
    TypeError
        If pvalues or weights are not real.
    ValueError
        If a p-value lies outside [0, 1], a weight is not positive or not finite, the shapes do not
        broadcast, or a keyword has an unknown value.

    See Also
    --------
    p_value_function : The combined p-value as a function of a common effect.
    scipy.stats.combine_pvalues : Other methods.

    Notes
    -----
    The relative error of the combined p-value is below 1e-12, however small it is; the sum is
    rounded once. The arguments are those of `scipy.stats.combine_pvalues`, which has other methods,
    without its `method`.

    References
    ----------
    Edgington, E. S. (1972), An additive method for combining probability values from independent
    experiments, The Journal of Psychology 80, 351-363.

    Examples
    --------
    >>> from irwinhall.stats import edgington
    >>> edgington([0.2, 0.35, 0.35, 0.4, 0.4, 0.4, 0.4])
    EdgingtonResult(statistic=2.5, pvalue=0.0974...)
    >>> edgington([0.01, 0.2, 0.1], weights=[3.0, 1.0, 2.0]).pvalue
    0.0022...
    >>> statistic, pvalue = edgington([[0.1, float("nan")], [0.2, 0.3]])
    >>> pvalue
    array([0.045,   nan])
    """
    checked_choice("alternative", alternative, ALTERNATIVES)
    p = checked_reals("pvalues", pvalues)
    refuse("pvalues", "from 0 to 1", p, (p < 0.0) | (p > 1.0))
    if weights is None:
        samples = samples_along("pvalues", p, axis, nan_policy, 1)
        sums = _distribution.row_sums(samples.rows, None)
        below: Any = distribution.cdf
        above: Any = distribution.sf
        null: Any = np.maximum(samples.counts, 1)
    else:
        w = checked_positive("weights", weights, allow_nan=True)
        try:
            p, w = np.broadcast_arrays(p, w)
        except ValueError:
            raise ValueError(
                f"weights must broadcast with pvalues, got shapes {w.shape} and {p.shape}"
            ) from None
        samples = samples_along("pvalues", p, axis, nan_policy, 1, np.isnan(w))
        null = _weights_of(samples, w, axis)
        sums = _distribution.row_sums(samples.rows, null)
        below, above = distribution.weighted_cdf, distribution.weighted_sf
    if not sums.size or not samples.rows.shape[1]:
        value: Any = np.full(sums.shape, np.nan)
    elif alternative == "two-sided":
        value = np.minimum(1.0, 2.0 * np.minimum(below(sums, null), above(sums, null)))
    else:
        value = (below if alternative == "less" else above)(sums, null)
    return EdgingtonResult(samples.result(sums, keepdims), samples.result(value, keepdims))


def _weights_of(samples: Slices, weights: Floats, axis: Axis) -> Floats:
    """Return one row of weights, where they are the same for all samples, or rows of them."""
    rows = rows_along(weights, axis)[0]
    if samples.omitted is not None:
        rows = np.where(samples.omitted, 0.0, rows)
        # Nothing is left of some: any weight will do, as the result is NaN.
        return np.where(samples.omitted.all(axis=1, keepdims=True), 1.0, rows)
    rows = np.where(np.isnan(rows), 1.0, rows)
    return rows[0] if len(rows) and (rows == rows[0]).all() else rows
