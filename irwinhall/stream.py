"""Random weights whose element i is a pure function of (seed, name, i).

A `Stream` is a key, not a state: drawing changes nothing, and the same call gives the same bits
again, in any process, on any machine, for any number of threads. Any part of an array can be made
without the rest. docs/stream.md defines the bits and the promise about them.
"""

from __future__ import annotations

import math
import os
import sys
import warnings
from functools import lru_cache
from hashlib import blake2b
from operator import index
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from irwinhall._arguments import (
    Region,
    Shape,
    checked_count,
    checked_finite,
    checked_interval,
    checked_truncation,
)
from irwinhall._arrays import BITS, INTEGERS, NAMES, Target, integer_output, output, shape_of
from irwinhall._core import (
    ELEMENTS_PER_THREAD,
    GREATEST_RATIO,
    INVERSE_SOFTPLUS,
    LEAST_OF_LOGARITHM,
    LEAST_VALUES,
    LOG_OF_UNIFORM,
    LOG_UNIFORM,
    NORMAL,
    TRUNCATED_NORMAL,
    TYPE_LIMITS,
    UNIFORM,
    UNIFORM_BETWEEN,
    find_kernel,
    prepare_bits,
    prepare_integers,
    prepare_interval,
)
from irwinhall._core import fill as fill_array
from irwinhall._core import fill_memory as fill_address
from irwinhall._core import kernels as list_kernels
from irwinhall._core import prepare_law as make_law

__all__ = ["Stream", "kernels"]

Seed: TypeAlias = (
    "int | bytes | str | np.integer[Any] | np.random.SeedSequence | np.random.Generator | None"
)

_BYTES = "bytes:"  # the prefix of bytes that are written in hexadecimal digits

# BLAKE2b's personalization: the format tag, so that no other use of the hash gives these keys.
_FORMAT = b"irwinhall stream"


class Stream:
    """A stream of random weights, keyed by a seed and a name.

    Parameters
    ----------
    seed : int, bytes, str, numpy.random.SeedSequence, numpy.random.Generator or None
        The seed: an int of any size and sign, or bytes of any length. The string "bytes:" followed
        by hexadecimal digits means these bytes, where only text can be stored. The state of a
        SeedSequence is read without changing it. A Generator is advanced by 16 bytes. None takes
        128 bits of fresh entropy from the system.
    name : str
        The name of the stream, such as the qualified name of a parameter.

    Attributes
    ----------
    seed : int or bytes
        The seed, which reproduces the stream: ``Stream(s.seed, s.name) == s``.
    name : str
        The name.
    key : bytes
        The 16-byte key of the generator; equal streams have equal keys.

    Raises
    ------
    TypeError
        If seed or name is of another type.
    ValueError
        If name cannot be encoded in UTF-8.

    Notes
    -----
    The key is the 128-bit BLAKE2b hash of seed and name. The generator is ARS with 7 rounds [1]_,
    a reduced AES on a counter. Streams are immutable, hashable and picklable, and can be shared
    between threads.

    References
    ----------
    .. [1] J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as
       1, 2, 3", SC 2011.

    Examples
    --------
    >>> import irwinhall
    >>> stream = irwinhall.Stream(1, "encoder.weight")
    >>> whole = stream.uniform((4, 6), bound=0.5)
    >>> part = stream.uniform((4, 6), bound=0.5, region=(slice(1, 3), slice(2, 6)))
    >>> bool((part == whole[1:3, 2:6]).all())
    True
    """

    __slots__ = ("_key", "_name", "_seed")

    def __init__(self, seed: Seed = None, name: str = "") -> None:
        self._seed = _plain_seed(seed, "seed must be an int")
        self._name = _checked_name(name)
        self._key = _key(self._seed, name)

    @property
    def seed(self) -> int | bytes:
        """The seed, which reproduces the stream with its name."""
        return self._seed

    @property
    def name(self) -> str:
        """The name of the stream."""
        return self._name

    @property
    def key(self) -> bytes:
        """The 16-byte key of the generator."""
        return self._key

    def child(self, name: str) -> Stream:
        """Return the stream with the same seed and the name of this one, a slash and `name`.

        Parameters
        ----------
        name : str
            Not empty. If this stream has no name, the child's name is `name` alone.

        Returns
        -------
        Stream

        Raises
        ------
        TypeError
            If name is not a string.
        ValueError
            If name is empty.

        Examples
        --------
        >>> import irwinhall
        >>> irwinhall.Stream(7).child("encoder").child("bias")
        Stream(7, 'encoder/bias')
        """
        if not _checked_name(name):
            raise ValueError("name must not be empty, got ''")
        child = object.__new__(Stream)  # seed and name are already checked
        child._seed = self._seed
        child._name = f"{self._name}/{name}" if self._name else name
        child._key = _key(child._seed, child._name)
        return child

    def uniform(
        self,
        shape: Shape | None = None,
        bound: float = 1.0,
        *,
        dtype: DTypeLike | None = None,
        out: Any = None,
        region: Region | None = None,
        threads: int | None = None,
    ) -> NDArray[Any]:
        """Return weights uniform on the open interval (-bound, bound).

        Parameters
        ----------
        shape : int or sequence of int, optional
            Shape of the whole array, even when only a region is wanted. Without it, out's shape.
        bound : float
            Half-width of the interval: finite, positive, at most the largest value of the type,
            and at least 2^-95 (float64: 2^-959, float16: 2^-14), so that no product is inexact.
        dtype : {"float32", "float64", "float16", "bfloat16"} or dtype, optional
            Element type; default out's, else float32. bfloat16 needs the package ml_dtypes, or an
            out of uint16 for the bits.
        out : ndarray or buffer, optional
            Array to write to, of the shape of the region, with any alignment and the strides of any
            sliced or transposed array. An interrupt leaves it partly written.
        region : slice or sequence of slice, optional
            The part of the whole to make: a slice with step 1 for each leading axis, inside the
            shape. Trailing axes without one are whole.
        threads : int, optional
            Maximum number of threads; default all cores that the process may use. The bits do not
            depend on it.

        Returns
        -------
        ndarray
            A new array, or out.

        Raises
        ------
        TypeError, ValueError
            If an argument is not as described; the message names it. out is then untouched.

        Warns
        -----
        UserWarning
            If shape and bound are two integers, which may be meant as a shape of two axes.

        Notes
        -----
        There are 2^24 possible values (float64: 2^53), symmetric about 0, never 0 and never the
        bound. float16 and bfloat16 values are the float32 values rounded to nearest, then clipped
        to inside the bound; float16 rounds magnitudes up to 2^-25 to 0, and so has zeros for bounds
        up to 1/2.

        Examples
        --------
        >>> import irwinhall
        >>> irwinhall.Stream(0).uniform(3, bound=0.1)
        array([...], dtype=float32)
        """
        _warn_of_two_lengths("bound", shape, bound)
        bound = checked_finite("bound", bound)
        if bound <= 0.0:
            raise ValueError(f"bound must be positive, got {bound}")
        target = output(shape_of(shape, out, region), dtype, out, region)
        return fill(self, prepare_law(target.code, UNIFORM, bound), target, threads)

    def normal(
        self,
        shape: Shape | None = None,
        std: float = 1.0,
        *,
        dtype: DTypeLike | None = None,
        out: Any = None,
        region: Region | None = None,
        threads: int | None = None,
    ) -> NDArray[Any]:
        """Return normal weights with mean 0 and standard deviation `std`.

        Parameters
        ----------
        shape, dtype, out, region, threads
            As for `uniform`.
        std : float
            Standard deviation: finite, at least 0. 0 gives zeros.

        Returns
        -------
        ndarray
            A new array, or out.

        Raises
        ------
        TypeError, ValueError
            If an argument is not as described; the message names it. out is then untouched.

        Warns
        -----
        UserWarning
            If shape and std are two integers, which may be meant as a shape of two axes.

        Notes
        -----
        Drawn by inversion of one word per element, refined by a second word in the tails, which
        reach beyond 8 standard deviations.

        Examples
        --------
        >>> import irwinhall
        >>> weights = irwinhall.Stream(0).normal((1000, 1000), std=0.02)
        >>> round(float(weights.std()), 3)
        0.02
        """
        _warn_of_two_lengths("std", shape, std)
        std = checked_finite("std", std)
        if std < 0.0:
            raise ValueError(f"std must be at least 0, got {std}")
        target = output(shape_of(shape, out, region), dtype, out, region)
        return fill(self, prepare_law(target.code, NORMAL, std), target, threads)

    def truncated_normal(
        self,
        shape: Shape | None = None,
        std: float = 1.0,
        *,
        low: float = -2.0,
        high: float = 2.0,
        corrected: bool = True,
        dtype: DTypeLike | None = None,
        out: Any = None,
        region: Region | None = None,
        threads: int | None = None,
    ) -> NDArray[Any]:
        """Return weights from a normal distribution truncated to [low, high] standard deviations.

        Parameters
        ----------
        shape, dtype, out, region, threads
            As for `uniform`.
        std : float
            Standard deviation: finite, at least 0. 0 gives zeros.
        low, high : float
            The ends, in standard deviations before truncation; low < high. Either may be infinite.
        corrected : bool
            If true, std is the standard deviation after truncation (as in JAX's variance_scaling);
            if false, before it (as in torch's `trunc_normal_`, whose bounds are absolute).

        Returns
        -------
        ndarray
            A new array, or out.

        Raises
        ------
        TypeError, ValueError
            If an argument is not as described; the message names it. out is then untouched.

        Warns
        -----
        UserWarning
            If shape and std are two integers, which may be meant as a shape of two axes.

        Notes
        -----
        Drawn by inversion of one word per element, scaled into [Phi(low), Phi(high)].

        Examples
        --------
        >>> import irwinhall
        >>> weights = irwinhall.Stream(0).truncated_normal((1000, 1000), std=0.02)
        >>> round(float(weights.std()), 3)
        0.02
        >>> bool(abs(weights).max() <= 0.02 * 2 / 0.8796)
        True
        """
        _warn_of_two_lengths("std", shape, std)
        std = checked_finite("std", std)
        if std < 0.0:
            raise ValueError(f"std must be at least 0, got {std}")
        ends = checked_truncation(low, high, corrected)
        target = output(shape_of(shape, out, region), dtype, out, region)
        law = prepare_law(target.code, TRUNCATED_NORMAL, std, *ends)
        return fill(self, law, target, threads)

    def uniform_between(
        self,
        shape: Shape | None = None,
        *,
        low: float,
        high: float,
        dtype: DTypeLike | None = None,
        out: Any = None,
        region: Region | None = None,
        threads: int | None = None,
    ) -> NDArray[Any]:
        """Return weights uniform on the open interval (low, high).

        Parameters
        ----------
        shape, dtype, out, region, threads
            As for `uniform`.
        low, high : float
            Ends of the interval: finite, low < high, high - low finite, within the range of the
            element type, with a value of the type between them.

        Returns
        -------
        ndarray
            A new array, or out.

        Raises
        ------
        TypeError, ValueError
            If an argument is not as described; the message names it. out is then untouched.

        See Also
        --------
        uniform : On (-bound, bound), faster and symmetric about 0.

        Notes
        -----
        Values are ``low + (high - low) * u`` in double precision, with u one of the 2^32 (float64:
        2^52) midpoints of equal steps in (0, 1). They are rounded once to float32 (and once more to
        float16 or bfloat16) and clipped to the values of the type inside (low, high). No value is
        low or high, and none on a positive interval is 0.

        Examples
        --------
        >>> import irwinhall
        >>> values = irwinhall.Stream(0).uniform_between((1000, 1000), low=0.0, high=16.0)
        >>> bool(values.min() > 0), bool(values.max() < 16), round(float(values.mean()), 1)
        (True, True, 8.0)
        """
        return self._between(UNIFORM_BETWEEN, shape, low, high, dtype, out, region, threads)

    def log_uniform(
        self,
        shape: Shape | None = None,
        *,
        low: float,
        high: float,
        dtype: DTypeLike | None = None,
        out: Any = None,
        region: Region | None = None,
        threads: int | None = None,
    ) -> NDArray[Any]:
        """Return weights on the open interval (low, high) whose logarithm is uniform.

        Parameters
        ----------
        shape, dtype, out, region, threads
            As for `uniform`.
        low, high : float
            As for `uniform_between`, and positive: low at least 2^-1022 and the least positive
            value of the element type, high / low at most 2^1000.

        Returns
        -------
        ndarray
            A new array, or out.

        Raises
        ------
        TypeError, ValueError
            If an argument is not as described; the message names it. out is then untouched.

        Notes
        -----
        Values are ``low * exp(u * ln(high / low))``, with u and the rounding of `uniform_between`.
        The relative error in float64 is at most 2^-53 * (2 ln(high / low) + 4).

        Examples
        --------
        >>> import irwinhall
        >>> steps = irwinhall.Stream(0).log_uniform((1000, 1000), low=0.001, high=0.1)
        >>> float(abs((steps < 0.01).mean() - 0.5)) < 0.002
        True
        """
        return self._between(LOG_UNIFORM, shape, low, high, dtype, out, region, threads)

    def log_of_uniform(
        self,
        shape: Shape | None = None,
        *,
        low: float,
        high: float,
        dtype: DTypeLike | None = None,
        out: Any = None,
        region: Region | None = None,
        threads: int | None = None,
    ) -> NDArray[Any]:
        """Return logarithms of numbers uniform on (low, high).

        Parameters
        ----------
        shape, dtype, out, region, threads
            As for `uniform`.
        low, high : float
            Ends of the interval, before the logarithm: 0 <= low < high, both finite, low 0 or at
            least 2^-1022, high at least 2^-960.

        Returns
        -------
        ndarray
            A new array, or out: values on the open interval (ln low, ln high).

        Raises
        ------
        TypeError, ValueError
            If an argument is not as described; the message names it. out is then untouched.

        Notes
        -----
        Every value is finite in every element type, even for low = 0: the u of `uniform_between`
        is never 0. ``log_of_uniform(low=1, high=16)`` is the initial ``A_log`` of Mamba 2 [1]_.

        References
        ----------
        .. [1] Dao, Gu, "Transformers are SSMs", ICML 2024.

        Examples
        --------
        >>> import irwinhall
        >>> values = irwinhall.Stream(0).log_of_uniform(8, low=0.0, high=16.0, dtype="float16")
        >>> bool((abs(values) < 30).all())
        True
        """
        return self._between(LOG_OF_UNIFORM, shape, low, high, dtype, out, region, threads)

    def inverse_softplus_log_uniform(
        self,
        shape: Shape | None = None,
        *,
        low: float,
        high: float,
        dtype: DTypeLike | None = None,
        out: Any = None,
        region: Region | None = None,
        threads: int | None = None,
    ) -> NDArray[Any]:
        """Return the x whose softplus, ln(1 + exp(x)), is log-uniform on (low, high).

        Parameters
        ----------
        shape, dtype, out, region, threads
            As for `uniform`.
        low, high : float
            Ends of the interval of the softplus, as for `log_uniform` in float64.

        Returns
        -------
        ndarray
            A new array, or out.

        Raises
        ------
        TypeError, ValueError
            If an argument is not as described; the message names it. out is then untouched.

        Notes
        -----
        Values are ``ln(exp(t) - 1)``, with t from `log_uniform`. low = 0.001 and high = 0.1 give
        the initial bias of Mamba's time steps [1]_.

        References
        ----------
        .. [1] Gu, Dao, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces", 2023.

        Examples
        --------
        >>> import irwinhall
        >>> import numpy as np
        >>> bias = irwinhall.Stream(0).inverse_softplus_log_uniform(1000, low=0.001, high=0.1)
        >>> steps = np.log1p(np.exp(bias))
        >>> bool((steps > 0.00099).all() and (steps < 0.101).all())
        True
        """
        return self._between(INVERSE_SOFTPLUS, shape, low, high, dtype, out, region, threads)

    def _between(
        self,
        kind: int,
        shape: Shape | None,
        low: float,
        high: float,
        dtype: DTypeLike | None,
        out: Any,
        region: Region | None,
        threads: int | None,
    ) -> NDArray[Any]:
        low, high = checked_interval(low, high)
        target = output(shape_of(shape, out, region), dtype, out, region)
        return fill(self, interval_law(target.code, kind, low, high), target, threads)

    def integers(
        self,
        shape: Shape | None = None,
        *,
        low: int = 0,
        high: int,
        out: Any = None,
        region: Region | None = None,
        threads: int | None = None,
    ) -> NDArray[Any]:
        """Return integers from low to high - 1, all equally likely.

        Parameters
        ----------
        shape, out, region, threads
            As for `uniform`; out of int64.
        low, high : int
            The least integer, and one more than the greatest: -2^63 <= low < high <= 2^63.

        Returns
        -------
        ndarray of int64
            A new array, or out.

        Raises
        ------
        TypeError, ValueError
            If an argument is not as described; the message names it. out is then untouched.

        Notes
        -----
        Unbiased: Lemire's method [1]_ on 64-bit words.

        References
        ----------
        .. [1] Lemire, "Fast random integer generation in an interval", ACM Transactions on
           Modeling and Computer Simulation 29 (2019), 3.

        Examples
        --------
        >>> import irwinhall
        >>> throws = irwinhall.Stream(0).integers(60000, low=1, high=7)
        >>> int(throws.min()), int(throws.max())
        (1, 6)
        """
        low = checked_count("low", low, -(2**63))
        high = checked_count("high", high, low + 1)
        if high > 2**63:
            raise ValueError(f"high must be at most 2**63, got {high}")
        target = integer_output(shape_of(shape, out, region), None, out, region, INTEGERS)
        return fill(self, prepare_integers(low, (high - low) % 2**64), target, threads)

    def bits(
        self,
        shape: Shape | None = None,
        *,
        dtype: DTypeLike | None = None,
        out: Any = None,
        region: Region | None = None,
        threads: int | None = None,
    ) -> NDArray[Any]:
        """Return the raw words of the generator.

        Parameters
        ----------
        shape, out, region, threads
            As for `uniform`.
        dtype : {"uint32", "uint64"} or dtype, optional
            Element type; default out's, else uint32.

        Returns
        -------
        ndarray
            A new array, or out: the main words from which float32 (uint32) or float64 (uint64)
            elements are made.

        Raises
        ------
        TypeError, ValueError
            If an argument is not as described; the message names it. out is then untouched.

        Examples
        --------
        >>> import irwinhall
        >>> words = irwinhall.Stream(0).bits((2, 3), dtype="uint64")
        >>> words.dtype, words.shape
        (dtype('uint64'), (2, 3))
        """
        target = integer_output(shape_of(shape, out, region), dtype, out, region, BITS)
        return fill(self, prepare_bits(), target, threads)

    def permutation(self, n: int) -> NDArray[np.int64]:
        """Return 0 to n - 1 in random order.

        Parameters
        ----------
        n : int
            Number of integers, at least 0.

        Returns
        -------
        ndarray of int64, shape (n,)

        Raises
        ------
        TypeError, ValueError
            If n is not an integer, or negative.

        Notes
        -----
        The stable order of ``bits(n, dtype="uint64")``. The probability that any two words are
        equal is below n^2 / 2^65.

        Examples
        --------
        >>> import irwinhall
        >>> sorted(irwinhall.Stream(0).permutation(4).tolist())
        [0, 1, 2, 3]
        """
        words = self.bits(checked_count("n", n, 0), dtype="uint64")
        return np.argsort(words, kind="stable").astype(np.int64, copy=False)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Stream):
            return NotImplemented
        return self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        # Python refuses to write very long integers in decimal.
        long = isinstance(self._seed, int) and self._seed.bit_length() > 2000
        seed = format(self._seed, "#x") if long else repr(self._seed)
        return f"Stream({seed}, {self._name!r})" if self._name else f"Stream({seed})"

    def __reduce__(self) -> tuple[type[Stream], tuple[int | bytes, str]]:
        return Stream, (self._seed, self._name)


def fill(stream: Stream, law: bytes, target: Target, threads: int | None = None) -> NDArray[Any]:
    """Fill a checked array by a law that `prepare_law` made, and return the target's result."""
    fill_array(
        stream.key,
        law,
        target.code,
        target.whole,
        target.start,
        target.array,
        checked_threads(threads, target.array.size),
        target.is_new,
        KERNEL,
    )
    result: NDArray[Any] = target.result  # or another buffer, if out is one
    return result


def fill_memory(
    stream: Stream,
    law: bytes,
    code: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    address: int,
    threads: int,
) -> None:
    """Fill memory at an address; strides are in elements.

    The caller must ensure that all memory that address, shape and strides reach is valid.
    """
    fill_address(stream.key, law, code, shape, strides, address, threads, KERNEL)


def as_stream(rng: Seed | Stream, name: str = "", *, argument: str = "rng") -> Stream:
    """Return the stream of a seed and a name, or a stream's child of that name."""
    if isinstance(rng, Stream):
        return rng if name == "" else rng.child(name)
    plain = rng if type(rng) is int else _plain_seed(rng, f"{argument} must be a Stream, an int")
    return Stream(plain, name)


def kernels() -> list[tuple[str, bool]]:
    """Return the name of every kernel, best first, and whether this machine can run it.

    The first available one makes the weights, unless the environment variable IRWINHALL_KERNEL
    names another when irwinhall is imported. All give the same bits.

    Returns
    -------
    list of (str, bool)

    Examples
    --------
    >>> import irwinhall
    >>> dict(irwinhall.kernels())["portable"]
    True
    """
    return list_kernels()


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def checked_threads(threads: int | None, elements: int) -> int:
    """Return the maximum number of threads of a fill; default all cores, or 1 for few elements.

    For few elements the system is not asked for the number of cores.
    """
    if threads is not None:
        return min(checked_count("threads", threads, 1), _MOST_THREADS)
    return 1 if elements < ELEMENTS_PER_THREAD else available_cores()


_MOST_THREADS = 2**31 - 1


def _chosen_kernel() -> int:
    """Return the index of the kernel that IRWINHALL_KERNEL names, or of the best one."""
    name = os.environ.get("IRWINHALL_KERNEL")
    index = find_kernel(name or None)
    if index < 0:
        listed = ", ".join(name for name, available in kernels() if available)
        raise ValueError(f"IRWINHALL_KERNEL must be one of {listed}, got {name!r}")
    return index


KERNEL = _chosen_kernel()


# ---- keys ----------------------------------------------------------------------------------------


def _checked_name(name: object) -> str:
    if not isinstance(name, str):
        raise TypeError(f"name must be a string, got {name!r} ({type(name).__name__})")
    return name


def _plain_seed(seed: object, rule: str) -> int | bytes:
    if type(seed) is int:
        return seed
    if seed is None:
        return int.from_bytes(os.urandom(16), "little")
    if isinstance(seed, bytes):
        return seed
    if isinstance(seed, str) and seed.startswith(_BYTES):
        try:
            return bytes.fromhex(seed.removeprefix(_BYTES))
        except ValueError:
            raise ValueError(
                f"seed must have hexadecimal digits after {_BYTES!r}, got {seed!r}"
            ) from None
    if isinstance(seed, np.random.SeedSequence):
        return seed.generate_state(4, np.uint64).astype("<u8").tobytes()
    if isinstance(seed, np.random.Generator):
        return seed.bytes(16)
    try:
        if not isinstance(seed, (bool, np.bool)):
            return index(seed)  # type: ignore[arg-type]
    except TypeError:
        pass
    raise TypeError(
        f"{rule}, bytes, numpy.random.SeedSequence, numpy.random.Generator or None, "
        f"got {seed!r} ({type(seed).__name__})"
    )


def seed_text(seed: int | bytes) -> int | str:
    """Return a seed as a value for JSON."""
    return f"{_BYTES}{seed.hex()}" if isinstance(seed, bytes) else seed


def _key(seed: int | bytes, name: str) -> bytes:
    """Return the key: BLAKE2b of the seed's kind, length and bytes, and of the name in UTF-8."""
    try:
        encoded = name.encode()
    except UnicodeEncodeError:
        raise ValueError(f"name must be encodable in UTF-8, got {name!r}") from None
    digest = _hashed(seed).copy()
    digest.update(encoded)
    return digest.digest()


@lru_cache(maxsize=16)  # the names of a model share a seed
def _hashed(seed: int | bytes) -> blake2b:
    if isinstance(seed, bytes):
        kind, content = b"b", seed
    else:  # two's complement, little-endian, with room for the sign
        kind, content = b"i", seed.to_bytes(seed.bit_length() // 8 + 1, "little", signed=True)
    message = kind + len(content).to_bytes(8, "little") + content
    return blake2b(message, digest_size=16, person=_FORMAT)


# ---- laws ----------------------------------------------------------------------------------------


@lru_cache(maxsize=256)  # the constants of a truncated normal take a quadrature
def prepare_law(
    code: int,
    kind: int,
    scale: float,
    low: float = -math.inf,
    high: float = math.inf,
    corrected: bool = False,
) -> bytes:
    """Return the C form of a law, refusing a bound or std that the element type cannot hold."""
    try:
        return make_law(code, kind, scale, low, high, corrected)
    except ValueError:
        check_scale(code, kind, scale)
        raise


@lru_cache(maxsize=256)
def interval_law(code: int, kind: int, low: float, high: float) -> bytes:
    """Return the C form of a law on (low, high); the error says which rule the ends break."""
    most, ends = TYPE_LIMITS[code][1], f"got low={low}, high={high}"
    if high - low == math.inf:
        raise ValueError(f"high - low must be finite, {ends}")
    if kind != LOG_OF_UNIFORM and max(-low, high) > most:
        raise ValueError(f"low and high must be from -{most} to {most} for {NAMES[code]}, {ends}")
    if kind != UNIFORM_BETWEEN and (low != 0.0 or kind != LOG_OF_UNIFORM):
        least = (
            max(LEAST_VALUES[code], sys.float_info.min)
            if kind == LOG_UNIFORM
            else sys.float_info.min
        )
        if low < least:
            zero = "0 or " if kind == LOG_OF_UNIFORM else ""
            raise ValueError(f"low must be {zero}at least {least} for {NAMES[code]}, {ends}")
    if kind == LOG_OF_UNIFORM and high < LEAST_OF_LOGARITHM:
        least_power = round(math.log2(LEAST_OF_LOGARITHM))
        raise ValueError(f"high must be at least 2**{least_power}, {ends}")
    if kind in (LOG_UNIFORM, INVERSE_SOFTPLUS) and high / low > GREATEST_RATIO:
        raise ValueError(
            f"high / low must be at most 2**{round(math.log2(GREATEST_RATIO))}, {ends}"
        )
    return prepare_interval(code, kind, low, high)


def _warn_of_two_lengths(name: str, shape: object, scale: object) -> None:
    """Warn of ``uniform(3, 4)``: it has shape (3,) and bound 4, and may be meant as (3, 4)."""
    if type(scale) is int and type(shape) is int and scale > 1:
        warnings.warn(
            f"({shape}, {scale}) is shape ({shape},) and {name} {scale}; for two axes pass the "
            f"shape as ({shape}, {scale}), for that {name} pass {float(scale)}",
            stacklevel=3,
        )


def check_scale(code: int, kind: int, scale: float) -> None:
    """Raise ValueError if the element type cannot hold a bound or std, with what it can hold."""
    name, least, most = NAMES[code], *TYPE_LIMITS[code]
    if kind == UNIFORM:
        if not least <= scale <= most:
            exponent = round(math.log2(least))
            raise ValueError(f"bound must be from 2**{exponent} to {most} for {name}, got {scale}")
    elif scale > most:
        raise ValueError(f"std must be at most {most} for {name}, got {scale}")
