"""Closed forms that approximate the exact magnitudes: the article's two, as it prints them.

They stand here to be measured against the exact values; nothing in the library computes with them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["article_normalized", "article_standard"]


def article_standard(n: ArrayLike) -> NDArray[np.float64]:
    """Return the article's approximation of A(n)/sqrt(n), the magnitude the bound 1/sqrt(n) keeps.

    Three values by hand, then 0.461 + 0.039/(2n - 1). It tends to 0.461, 0.074 % above the limit
    sqrt(2/(3 pi)) = 0.46066.

    Parameters
    ----------
    n : array_like of int
        Number of inputs (fan_in), at least 1.

    Returns
    -------
    ndarray of float64
        Of n's shape.

    References
    ----------
    T. Letkeman, "Rethinking Weight Initialization", 2021, function ``approximate``.

    Examples
    --------
    >>> import irwinhall
    >>> float(irwinhall.approximations.article_standard(100))
    0.4611959798994975
    """
    n = np.asarray(n)
    formula = 0.461 + 0.039 / (2.0 * n - 1.0)
    by_hand = [0.5, 0.471404520791, 0.469097093716]
    return np.select([n == 1, n == 2, n == 3], by_hand, formula)


def article_normalized(n: ArrayLike, m: ArrayLike) -> NDArray[np.float64]:
    """Return the article's approximation of the node average that sqrt(6/(n + m)) preserves.

    With low and high the smaller and larger of n and m, it is a(low) b(high - low + 1) c(high/low);
    what its bound preserves reaches 1.11 in the article's own table, at (10, 100), and 1.123 over
    all sizes to 1000, at (175, 1000).

    Parameters
    ----------
    n : array_like of int
        Number of inputs (fan_in), at least 1.
    m : array_like of int
        Number of outputs (fan_out), at least 1; broadcasts with n.

    Returns
    -------
    ndarray of float64
        Of the broadcast shape.

    References
    ----------
    T. Letkeman, "Rethinking Weight Initialization", 2021, function ``approximate_normalized``.

    Examples
    --------
    >>> import irwinhall
    >>> exact = irwinhall.preserved_magnitude(10, 100, (6 / 110) ** 0.5).node_average
    >>> float(round(exact / irwinhall.approximations.article_normalized(10, 100), 4))
    1.109
    """
    n, m = np.asarray(n), np.asarray(m)
    low, high = np.minimum(n, m), np.maximum(n, m)
    a = (0.866 - 0.073) + 0.073 / np.sqrt(6.0 * low - 5.0)
    b = (1.0 + 0.08) - 0.08 / np.sqrt(6.0 * (high - low + 1) - 5.0)
    c = 1.0 / np.sqrt(0.5 * (high / low) + 0.5)
    return np.asarray(a * b * c)
