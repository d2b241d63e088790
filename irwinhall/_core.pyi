from typing import Generic, Literal, NamedTuple, SupportsFloat, SupportsIndex, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

_Formula = Literal["node_average", "as_printed"]

_T = TypeVar("_T")

class PreservedMagnitude(NamedTuple, Generic[_T]):
    forward: _T
    backward: _T
    node_average: _T

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
@overload
def preserved_magnitude(
    n: SupportsIndex, m: SupportsIndex, bound: SupportsFloat
) -> PreservedMagnitude[float]: ...
@overload
def preserved_magnitude(
    n: ArrayLike, m: ArrayLike, bound: ArrayLike
) -> PreservedMagnitude[NDArray[np.float64]]: ...
