from typing import Literal, NamedTuple, SupportsIndex, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

_Formula = Literal["node_average", "as_printed"]

class PreservedMagnitude(NamedTuple):
    forward: float | NDArray[np.float64]
    backward: float | NDArray[np.float64]
    node_average: float | NDArray[np.float64]

@overload
def expected_magnitude(n: SupportsIndex) -> float: ...
@overload
def expected_magnitude(n: ArrayLike) -> NDArray[np.float64]: ...
@overload
def letkeman_bound(
    n: SupportsIndex, m: SupportsIndex | None = None, *, formula: _Formula = "node_average"
) -> float: ...
@overload
def letkeman_bound(
    n: ArrayLike,
    m: ArrayLike | None = None,
    *,
    formula: _Formula = "node_average",
    out: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]: ...
def preserved_magnitude(n: ArrayLike, m: ArrayLike, bound: ArrayLike) -> PreservedMagnitude: ...
