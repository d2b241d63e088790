from typing import (
    Any,
    Generic,
    Literal,
    NamedTuple,
    TypeAlias,
    TypeVar,
    overload,
)

import numpy as np
from numpy.typing import ArrayLike, NDArray

_Formula = Literal["node_average", "as_printed"]

# Not SupportsIndex and SupportsFloat, which arrays are, too.
_Integer: TypeAlias = int | np.integer[Any]
_Real: TypeAlias = float | np.floating[Any] | np.integer[Any]

_T = TypeVar("_T")

class PreservedMagnitude(NamedTuple, Generic[_T]):
    forward: _T
    backward: _T
    node_average: _T

@overload
def expected_magnitude(n: _Integer) -> float: ...
@overload
def expected_magnitude(n: ArrayLike) -> NDArray[np.float64]: ...
@overload
def letkeman_bound(
    n: _Integer, m: _Integer | None = None, *, formula: _Formula = "node_average"
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
def preserved_magnitude(n: _Integer, m: _Integer, bound: _Real) -> PreservedMagnitude[float]: ...
@overload
def preserved_magnitude(
    n: ArrayLike, m: ArrayLike, bound: ArrayLike
) -> PreservedMagnitude[NDArray[np.float64]]: ...

UNIFORM: int
NORMAL: int
TRUNCATED_NORMAL: int
UNIFORM_BETWEEN: int
LOG_UNIFORM: int
LOG_OF_UNIFORM: int
INVERSE_SOFTPLUS: int
ELEMENTS_PER_THREAD: int
FLOAT32: int
FLOAT64: int
FLOAT16: int
BFLOAT16: int
UINT32: int
UINT64: int
TYPE_LIMITS: dict[int, tuple[float, float]]
LEAST_VALUES: dict[int, float]
GREATEST_RATIO: float
LEAST_OF_LOGARITHM: float

def prepare_law(
    dtype: int, kind: int, scale: float, low: float, high: float, corrected: bool
) -> bytes: ...
def prepare_interval(dtype: int, kind: int, low: float, high: float) -> bytes: ...
def prepare_integers(low: int, span: int) -> bytes: ...
def prepare_bits() -> bytes: ...
def fill(
    key: bytes,
    prepared_law: bytes,
    dtype: int,
    whole: tuple[int, ...],
    start: tuple[int, ...],
    out: NDArray[Any],
    threads: int,
    fresh: bool,
    kernel: int,
) -> None: ...
def fill_memory(
    key: bytes,
    prepared_law: bytes,
    dtype: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    address: int,
    threads: int,
    kernel: int,
) -> None: ...
def sample_memory(address: int, nbytes: int, dtype: int, most: int) -> bytes: ...
def words(key: bytes, first: int, domain: int, blocks: int, kernel: int) -> NDArray[np.uint32]: ...

MAX_TRIAL_WEIGHTS: int

def block_trials(weights: int) -> int: ...
def simulate(
    key: bytes,
    n: int,
    m: int | None,
    first: int,
    trials: int,
    moments: NDArray[np.float64],
    threads: int,
    kernel: int,
    scratch: NDArray[np.uint8] | None = None,
) -> None: ...
def layer_scratch(n: int, m: int, threads: int) -> int: ...
def kernels() -> list[tuple[str, bool]]: ...
def find_kernel(name: str | None) -> int: ...
