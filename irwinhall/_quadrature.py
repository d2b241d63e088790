"""Adaptive Gauss-Lobatto quadrature over the whole line, for integrands with a normal density.

Integrands are functions of float64 arrays, piecewise smooth, wherever their kinks and jumps are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.float64]

# The density is below 1e-313 beyond it, at the end of the range of doubles.
REACH = 38
_MOST_PANELS = 1 << 14
# At every halving the error of a jump halves, that of a kink falls to a quarter.
_MOST_HALVINGS = 80
TOLERANCE = 2.0**-52
_GOOD_ENOUGH = 1e-10


# The Gauss-Lobatto rule on (0, 1): its nodes, and the weights of the first half of them, correctly
# rounded. Both ends are nodes. Gauss-Legendre has none within 1/300 of an end, and could not tell
# that a kink lies there.
_POINTS = (
    0.0,
    0.009628147553042914,
    0.03203275059366728,
    0.06656101095502492,
    0.11231586952397206,
    0.16811179885484437,
    0.23250356798405686,
    0.30382340814304537,
    0.38022414703850677,
    0.45972703138058907,
    0.5402729686194109,
    0.6197758529614933,
    0.6961765918569547,
    0.7674964320159431,
    0.8318882011451556,
    0.8876841304760279,
    0.933438989044975,
    0.9679672494063327,
    0.9903718524469571,
    1.0,
)
_HALF_WEIGHTS = (
    0.002631578947368421,
    0.01611856159424447,
    0.028590901063783414,
    0.0403158819980598,
    0.05099574984972541,
    0.06035461381433736,
    0.0681502411793621,
    0.07418077703545842,
    0.07829005132373774,
    0.08037164319392287,
)
_WEIGHTS = _HALF_WEIGHTS + _HALF_WEIGHTS[::-1]


def _panels(left: Array, width: float) -> Array:
    """Return the nodes of the panels that begin at `left`, a row each.

    The ends move inside by the least step, which makes every panel see its own side of a jump.
    """
    z = left[:, np.newaxis] + width * np.array(_POINTS)
    z[:, 0] = np.nextafter(left, np.inf)
    z[:, -1] = np.nextafter(left + width, -np.inf)
    return z


def nodes() -> Array:
    """Return the points where `integral` starts."""
    return _panels(np.arange(-REACH, REACH, dtype=np.float64), 1.0).ravel()


def root_density(z: Array) -> Array:
    """Return the square root of the standard normal density."""
    root: Array = np.exp(-0.25 * z * z) / (2.0 * math.pi) ** 0.25
    return root


def integral(integrand: Callable[[Array], Array], tolerance: float, name: str) -> float:
    """Return the integral of a function that is not negative, to a few times the tolerance.

    Raise a ValueError that names the argument `name` if it diverges or is uncertain.

    Gauss-Lobatto on panels of width 1, each halved until halving it changes nothing. Kinks and
    jumps at sums of powers of 2, such as those of the hard activations, come to lie on borders and
    cost no accuracy; elsewhere the panel that holds one shrinks until it is negligible. Noise in
    the values would halve panels forever, so their number is limited; the sum is accepted if the
    uncertain part is below 1e-10 of it.
    """

    def integrals(left: Array, width: float) -> Array:
        z = _panels(left, width)
        values = integrand(z.ravel()).reshape(z.shape)
        # Sum in a fixed order; a matrix product would leave the order to BLAS.
        sums = np.zeros(len(left))
        for column, weight in enumerate(_WEIGHTS):
            sums += values[:, column] * (width * weight)
        return sums

    left = np.arange(-REACH, REACH, dtype=np.float64)
    width = 1.0
    whole = integrals(left, width)
    if max(whole[0], whole[-1]) > tolerance * whole.sum():
        raise ValueError(
            f"{name} must grow slowly enough for its moments to exist; "
            f"the integral has not converged at |z| = {REACH}"
        )
    settled: list[float] = []
    for _ in range(_MOST_HALVINGS):
        width /= 2.0
        left = np.stack([left, left + width], axis=1).ravel()
        halves = integrals(left, width)
        sums = halves.reshape(-1, 2).sum(axis=1)
        total = math.fsum(settled) + math.fsum(sums)
        change = np.abs(sums - whole)
        unsettled = change > tolerance * total
        doubt = math.fsum(change[unsettled])
        if doubt == 0.0:
            return total
        settled.extend(sums[~unsettled].tolist())
        both = np.repeat(unsettled, 2)
        left, whole = left[both], halves[both]
        if left.size > _MOST_PANELS:
            break
    if doubt > max(_GOOD_ENOUGH, 16.0 * tolerance) * total:
        raise ValueError(
            f"{name} must be a fixed elementwise function, piecewise smooth; "
            f"the relative error of its integral may be {doubt / total:.1e}"
        )
    return total
