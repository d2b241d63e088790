"""Meta-analysis by p-value functions: Edgington's method as a function of the effect."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special

from irwinhall import distribution
from irwinhall._arguments import checked_choice, checked_real
from irwinhall.stats._slices import (
    ALTERNATIVES,
    Floats,
    checked_positive,
    checked_reals,
    refuse,
)


class ConfidenceInterval(NamedTuple):
    """The ends of a confidence interval.

    Attributes
    ----------
    low, high : float
        The ends.

    Examples
    --------
    >>> from irwinhall.stats import p_value_function
    >>> p_value_function([0.3, 0.5], [0.1, 0.2]).confidence_interval(0.9)._fields
    ('low', 'high')
    """

    low: float
    high: float


class PValueFunction:
    """The p-value as a function of a common effect; made by `p_value_function`.

    Attributes
    ----------
    estimates, standard_errors, weights : ndarray
        The data of the studies; weights of 1 if none were given.
    alternative : str
        "two-sided", "less" or "greater".

    Examples
    --------
    >>> from irwinhall.stats import p_value_function
    >>> p = p_value_function([0.0, 1.0], [0.5, 0.5])
    >>> p([0.0, 0.5]), p.estimate
    (array([0.2732..., 1.    ]), 0.5)
    """

    def __init__(
        self, estimates: Floats, standard_errors: Floats, weights: Floats | None, alternative: str
    ) -> None:
        self.estimates = estimates
        self.standard_errors = standard_errors
        self.weights: Floats = np.ones(estimates.size) if weights is None else weights
        self.alternative = alternative
        # The sum's distribution if the effect is the one that is asked about.
        if weights is None:
            null: Any = estimates.size
            self._cdf: Callable[[Any], Any] = lambda x: distribution.cdf(x, null)
            self._ppf: Callable[[Any], Any] = lambda q: distribution.ppf(q, null)
        else:
            self._cdf = lambda x: distribution.weighted_cdf(x, weights)
            self._ppf = lambda q: distribution.weighted_ppf(q, weights)

    def __repr__(self) -> str:
        return f"<PValueFunction of {self.estimates.size} estimates, {self.alternative}>"

    def __call__(self, effect: ArrayLike) -> Any:
        """Return the p-value of the hypothesis that the common effect is this, elementwise."""
        value = checked_reals("effect", effect)
        z = (value[..., np.newaxis] - self.estimates) / self.standard_errors
        sides = {"greater": [z], "less": [-z]}.get(self.alternative, [z, -z])
        tails = [self._cdf(special.ndtr(side) @ self.weights) for side in sides]
        p: Any = tails[0] if len(tails) == 1 else np.minimum(1.0, 2.0 * np.minimum(*tails))
        return p if np.ndim(p) else float(p)

    @property
    def estimate(self) -> float:
        """The effect whose one-sided p-values are both 1/2: the median estimate."""
        return self._limit(0.5, 1.0)

    def confidence_interval(self, confidence_level: float = 0.95) -> ConfidenceInterval:
        """Return the interval (low, high) of the effects not rejected at one minus this level.

        Parameters
        ----------
        confidence_level : float
            Between 0 and 1.

        Returns
        -------
        ConfidenceInterval
            (low, high); with alternative "greater" high is infinite, with "less" low is.

        Raises
        ------
        ValueError
            If the level does not lie between 0 and 1.

        Examples
        --------
        >>> from irwinhall.stats import p_value_function
        >>> low, high = p_value_function([1.0], [0.5]).confidence_interval(0.95)
        >>> round(low, 5), round(high, 5)  # 1 -+ 1.96 0.5
        (0.02002, 1.97998)
        """
        level = checked_real("confidence_level", confidence_level)
        if not 0.0 < level < 1.0:
            raise ValueError(f"confidence_level must lie between 0 and 1, got {level}")
        tail = 1.0 - level if self.alternative != "two-sided" else 0.5 * (1.0 - level)
        low = self._limit(tail, 1.0) if self.alternative != "less" else -math.inf
        high = self._limit(tail, -1.0) if self.alternative != "greater" else math.inf
        return ConfidenceInterval(low, high)

    def _limit(self, tail: float, sign: float) -> float:
        """Return the effect at which the sum of the p-values on one side is its `tail` quantile."""
        target = float(self._ppf(tail))
        # At the least and the largest of these no term, or every term, exceeds its share.
        share = special.ndtri(target / self.weights.sum())
        ends = self.estimates + sign * self.standard_errors * share
        low, high = float(ends.min()), float(ends.max())

        def excess(effect: float) -> float:
            z = sign * (effect - self.estimates) / self.standard_errors
            return float(special.ndtr(z) @ self.weights) / target - 1.0

        if low == high or sign * excess(low) >= 0.0 or sign * excess(high) <= 0.0:
            return low if abs(excess(low)) <= abs(excess(high)) else high
        return float(optimize.brentq(excess, low, high, xtol=1e-16 * (high - low), rtol=1e-15))


def p_value_function(
    estimates: ArrayLike,
    standard_errors: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    alternative: str = "two-sided",
) -> PValueFunction:
    """Return the combined p-value of several studies as a function of their common effect.

    For each effect, the one-sided p-values of all studies, whose estimates are normal with known
    standard errors, are combined by Edgington's method. Inverted, the function gives a confidence
    interval and a point estimate.

    Parameters
    ----------
    estimates : array_like of float
        The studies' estimates of the effect, along one axis.
    standard_errors : array_like of float
        Their standard errors, positive.
    weights : array_like of float, optional
        Weights of the p-values, positive. Default: all the same.
    alternative : {"two-sided", "less", "greater"}
        "greater": small p-values say that the effect is greater than the one passed; "less": that
        it is less; "two-sided": twice the smaller of both.

    Returns
    -------
    PValueFunction
        Call it with effects; it has `estimate` and `confidence_interval(confidence_level)`.

    Raises
    ------
    TypeError
        If the numbers are not real.
    ValueError
        If there are none, they are not finite or not positive, or not as many.

    See Also
    --------
    edgington : One combined p-value.

    Notes
    -----
    The result does not depend on the sign convention of the effect: negative estimates give the
    mirrored function. p-values are as accurate as those of `edgington`, for any number
    of studies.

    References
    ----------
    Held, L., Hofmann, F. and Pawel, S. (2025), A comparison of combined p-value functions for
    meta-analysis, Research Synthesis Methods.

    Examples
    --------
    >>> from irwinhall.stats import p_value_function
    >>> p = p_value_function([0.21, 0.53, 0.24, 0.32, 0.28], [0.10, 0.21, 0.14, 0.12, 0.06])
    >>> p(0.0)
    2.95...e-08
    >>> p.confidence_interval()
    ConfidenceInterval(low=0.20..., high=0.38...)
    """
    checked_choice("alternative", alternative, ALTERNATIVES)
    centres = checked_reals("estimates", estimates)
    if centres.ndim != 1 or centres.size == 0:
        raise ValueError(
            f"estimates must be at least one number along one axis, got shape {centres.shape}"
        )
    refuse("estimates", "finite", centres, ~np.isfinite(centres))
    arrays = [checked_positive("standard_errors", standard_errors)]
    if weights is not None:
        arrays.append(checked_positive("weights", weights))
    for name, array in zip(("standard_errors", "weights"), arrays, strict=False):
        if array.shape not in ((), centres.shape):
            raise ValueError(f"{name} must have shape {centres.shape}, got {array.shape}")
    errors, *rest = (np.broadcast_to(array, centres.shape) for array in arrays)
    return PValueFunction(centres, errors, rest[0] if rest else None, alternative)
