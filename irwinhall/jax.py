"""JAX: initializers ``init(key, shape, dtype)``, and weights made shard by shard on the host.

An initializer draws by `jax.random` from its key, on the device, under jit and vmap; its scale
comes from the shape alone. What shares its name with one of `jax.nn.initializers` has its law, cut
normals included; `initializer` takes any scheme by its name in `irwinhall.schemes.SCHEMES`.

`sharded` draws from the stream instead: equal to `irwinhall.sample_weights` for the same seed and
name, however the array is split over devices and processes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any, Literal, TypeAlias, Unpack, get_args

import numpy as np

from irwinhall import layouts, schemes
from irwinhall._arguments import Shape, checked_finite, checked_real, checked_shape
from irwinhall.fans import Axes
from irwinhall.layouts import View, Where
from irwinhall.schemes import Gain, Scheme
from irwinhall.stream import Seed, Stream

try:
    import jax
    import jax.numpy as jnp
except ModuleNotFoundError as error:
    if error.name != "jax":
        raise
    raise ImportError("irwinhall.jax needs JAX: pip install 'irwinhall[jax]'") from error

__all__ = [
    "Initializer",
    "delta_orthogonal",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "initializer",
    "kaiming_normal",
    "kaiming_uniform",
    "kalafus_normal",
    "kalafus_uniform",
    "lecun_normal",
    "lecun_uniform",
    "letkeman",
    "letkeman_gaussian",
    "letkeman_normalized",
    "letkeman_normalized_gaussian",
    "normal",
    "orthogonal",
    "sharded",
    "truncated_normal",
    "variance_scaling",
    "xavier_normal",
    "xavier_uniform",
]

Array: TypeAlias = "jax.Array"
Mode: TypeAlias = Literal["fan_in", "fan_out", "fan_avg", "fan_geo_avg"]
Distribution: TypeAlias = Literal["truncated_normal", "normal", "uniform"]


@dataclass(frozen=True)
class Initializer:
    """An initializer ``init(key, shape, dtype)``; the functions of this module make them.

    Two that are made alike are equal and hash alike, so that what is compiled for one serves the
    other.

    Attributes
    ----------
    scheme : Scheme
        The scheme.
    gain : float
        Its gain.
    active_inputs : int or None
        As for `irwinhall.sample_weights`.
    dtype : dtype or None
        Element type when the call names none; None is JAX's default float.
    cut : tuple of float
        Where truncated normals are cut, in standard deviations.
    where : tuple
        The axes or the layout, as (name, value) pairs.

    Examples
    --------
    >>> import jax, irwinhall.jax
    >>> init = irwinhall.jax.letkeman()
    >>> init(jax.random.key(0), (784, 256)).shape
    (784, 256)
    >>> init == irwinhall.jax.initializer("letkeman")
    True
    """

    scheme: Scheme
    gain: float
    active_inputs: int | None = None
    dtype: Any = None
    cut: tuple[float, float] = (-2.0, 2.0)
    where: tuple[tuple[str, Any], ...] = ()

    def __call__(self, key: Any, shape: Any, dtype: Any = None, out_sharding: Any = None) -> Array:
        """Return weights drawn from a key.

        Parameters
        ----------
        key : jax.Array
            A key of `jax.random`, of either kind.
        shape : sequence of int
            Shape of the whole weight.
        dtype : optional
            float32, float64 (with jax_enable_x64), float16 or bfloat16.
        out_sharding : optional
            As `jax.nn.initializers` take it.

        Returns
        -------
        jax.Array
        """
        asked = self.dtype if dtype is None else dtype
        element = _element(float if asked is None else asked)
        seen = layouts.described(shape, **dict(self.where))
        active = self.active_inputs
        if active is None and callable(self.scheme.rule):
            active = seen.active_inputs
        factor = schemes.scale_of(
            seen.shape,
            self.scheme,
            **seen.axes,
            active_inputs=active,
            gain=self.gain,
            dtype=element.name,
        )
        law = self.scheme.law
        wide = _wide(element)
        if law == "constant" or factor == 0.0:
            weights = jnp.full(seen.shape, factor, element)
        elif law == "identity":
            weights = (_identity(seen) * np.float32(factor)).astype(element)
        elif law == "orthogonal":
            weights = (_orthogonal(key, seen, wide) * factor).astype(element)
        elif law == "delta_orthogonal":
            weights = (_delta_orthogonal(key, seen, wide) * factor).astype(element)
        else:
            # Drawn in the shape asked for, so that JAX can draw it in shards.
            return _drawn(key, checked_shape(shape), element, law, factor, self.cut, out_sharding)
        weights = weights.reshape(shape)
        return weights if out_sharding is None else jax.sharding.reshard(weights, out_sharding)


def initializer(
    scheme: str | Scheme = "letkeman",
    *,
    gain: Gain = None,
    active_inputs: int | None = None,
    dtype: Any = None,
    **where: Unpack[Where],
) -> Initializer:
    """Return an initializer of a scheme.

    Parameters
    ----------
    scheme : str or Scheme
        A name or alias of `irwinhall.schemes.SCHEMES`, with the meaning that it has there, or a row
        of your own.
    gain, active_inputs
        As for `irwinhall.sample_weights`.
    dtype : optional
        Element type when the call names none: float32, float64, float16 or bfloat16; default JAX's.
    **where
        in_axis (default -2), out_axis (-1), batch_axis (none) and groups, as for `irwinhall.fans`;
        or layout, groups, parts and stacked, as for `irwinhall.layouts.view`.

    Returns
    -------
    Initializer

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described; shape and axes are seen when it is called.

    Notes
    -----
    Uniform weights are symmetric, never 0 and inside the open interval: 2^24 values (float64:
    2^53), as those of `irwinhall.Stream`. float16 and bfloat16 are drawn in float32, rounded once
    and kept inside the bound. Bits are those of `jax.random` for the key, and not the stream's.

    Examples
    --------
    >>> import jax, irwinhall.jax
    >>> init = irwinhall.jax.initializer("he_uniform", in_axis=(0, 1), out_axis=2)
    >>> weights = jax.jit(init, static_argnums=1)(jax.random.key(0), (8, 64, 256))
    >>> round(float(abs(weights).max()), 3), round((6 / 512) ** 0.5, 3)
    (0.108, 0.108)
    """
    row = schemes.row_of(scheme)
    layouts.check_where(where)
    fixed = tuple(sorted((key, _hashable(value)) for key, value in where.items()))
    element = None if dtype is None else _element(dtype)
    return Initializer(row, schemes.plain_gain(row, gain), active_inputs, element, where=fixed)


def sharded(
    shape: Shape,
    sharding: jax.sharding.Sharding,
    scheme: str | Scheme = "letkeman",
    *,
    seed: Seed | Stream,
    name: str = "",
    gain: Gain = None,
    active_inputs: int | None = None,
    dtype: Any = "float32",
    **where: Unpack[Where],
) -> Array:
    """Return random weights as an array that is split over devices, made shard by shard.

    Parameters
    ----------
    shape : sequence of int
        Shape of the whole weight.
    sharding : jax.sharding.Sharding
        How it is split.
    scheme, gain, active_inputs
        As for `irwinhall.sample_weights`.
    seed : int, bytes, SeedSequence or Stream
        What the weights are drawn from; every process must give the same.
    name : str
        The parameter's qualified name.
    dtype : dtype
        float32, float16, bfloat16, or float64 with jax_enable_x64.
    **where
        As for `initializer`.

    Returns
    -------
    jax.Array
        ``irwinhall.sample_weights(shape, scheme, rng=seed, name=name, ...)``, bit for bit, for any
        sharding.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described; the message names it.

    Notes
    -----
    Each process makes the shards of its own devices, each straight from its place in the stream,
    so that no host ever holds the whole. Orthogonal matrices are the exception: each that a
    process's shards touch is made whole, once, on that host, and stays there until all are cut.

    Examples
    --------
    >>> import jax, irwinhall, irwinhall.jax
    >>> from jax.sharding import Mesh, NamedSharding, PartitionSpec
    >>> mesh = Mesh(jax.devices()[:1], ("model",))
    >>> weights = irwinhall.jax.sharded(
    ...     (784, 256), NamedSharding(mesh, PartitionSpec(None, "model")), seed=1, name="w"
    ... )
    >>> bool((weights == irwinhall.sample_weights((784, 256), rng=1, name="w")).all())
    True
    """
    if seed is None:
        raise TypeError("seed must be given: processes that draw their own would not agree")
    whole = checked_shape(shape)
    row = schemes.row_of(scheme)
    element = _element(dtype)
    stream = seed if isinstance(seed, Stream) else Stream(seed)
    seen = layouts.described(whole, **where)
    blocks: dict[str, Any] = {}

    def part(index: tuple[slice, ...] | None) -> Any:
        region = tuple(
            slice(*place.indices(size)[:2]) for place, size in zip(index or (), whole, strict=True)
        )
        block = layouts.whole_matrices(row, seen, whole, region)
        made = blocks.get(repr(block))
        if made is None:
            made = layouts.sample_weights(
                whole,
                row,
                layout=seen,
                rng=stream,
                name=name,
                active_inputs=active_inputs,
                gain=gain,
                dtype=element.name,
                region=block,
            )
        if block == region:
            return made
        blocks[repr(block)] = made
        return made[layouts.inside(block, region)]

    return jax.make_array_from_callback(whole, sharding, part, dtype=element)


# ---- by the names of jax.nn.initializers, and by ours --------------------------------------------


def variance_scaling(
    scale: float,
    mode: Mode,
    distribution: Distribution,
    in_axis: Axes = -2,
    out_axis: Axes = -1,
    batch_axis: Axes = (),
    dtype: Any = None,
) -> Initializer:
    """Return an initializer whose weights have the variance scale / fan.

    Parameters
    ----------
    scale : float
        At least 0.
    mode : {"fan_in", "fan_out", "fan_avg", "fan_geo_avg"}
        Which fan: fan_in, fan_out, their mean or their geometric mean.
    distribution : {"truncated_normal", "normal", "uniform"}
        The law; truncated normals are cut at 2 standard deviations, and the variance is that after
        the cut.
    in_axis, out_axis, batch_axis, dtype
        As for `initializer`.

    Returns
    -------
    Initializer

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Examples
    --------
    >>> import jax, irwinhall.jax
    >>> init = irwinhall.jax.variance_scaling(2.0, "fan_out", "truncated_normal")
    >>> round(float(init(jax.random.key(0), (64, 800)).std()), 3)
    0.05
    """
    scale = checked_finite("scale", scale)
    if scale < 0.0:
        raise ValueError(f"scale must be at least 0, got {scale}")
    for what, value, known in (
        ("mode", mode, get_args(Mode)),
        ("distribution", distribution, get_args(Distribution)),
    ):
        if value not in known:
            raise ValueError(f"{what} must be one of {', '.join(known)}, got {value!r}")
    return initializer(
        _variance_row(mode, distribution),
        gain=math.sqrt(scale),
        dtype=dtype,
        in_axis=in_axis,
        out_axis=out_axis,
        batch_axis=batch_axis,
    )


@cache  # one object for each pair: equal initializers have equal rows
def _variance_row(mode: Mode, distribution: Distribution) -> Scheme:
    def rule(fan_in: int, fan_out: int) -> float:
        fan = {
            "fan_in": fan_in,
            "fan_out": fan_out,
            "fan_avg": (fan_in + fan_out) / 2,
            "fan_geo_avg": math.sqrt(fan_in * fan_out),
        }[mode]
        return math.sqrt((3.0 if distribution == "uniform" else 1.0) / fan)

    return Scheme(f"variance_scaling {mode}", distribution, rule)


def normal(stddev: float = 1e-2, dtype: Any = None) -> Initializer:
    """Return an initializer of normals, not cut, whatever the fans.

    Parameters
    ----------
    stddev : float
        Standard deviation.
    dtype
        As for `initializer`.

    Returns
    -------
    Initializer

    Examples
    --------
    >>> import irwinhall.jax
    >>> irwinhall.jax.normal(0.02) == irwinhall.jax.initializer("normal", gain=0.02)
    True
    """
    return initializer("normal", gain=stddev, dtype=dtype)


def truncated_normal(
    stddev: float = 1e-2, dtype: Any = None, lower: float = -2.0, upper: float = 2.0
) -> Initializer:
    """Return an initializer of cut normals, whatever the fans.

    Parameters
    ----------
    stddev : float
        Standard deviation before the cut, as JAX has it. For that after the cut,
        ``initializer("truncated_normal", gain=std)``.
    dtype
        As for `initializer`.
    lower, upper : float
        Where they are cut, in standard deviations before the cut; lower < upper.

    Returns
    -------
    Initializer

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Examples
    --------
    >>> import jax, irwinhall.jax
    >>> weights = irwinhall.jax.truncated_normal(0.02)(jax.random.key(0), (100, 100))
    >>> bool(abs(weights).max() <= 0.04), round(float(weights.std()), 4), 0.8796 * 0.02
    (True, 0.017..., 0.017592)
    """
    lower, upper = checked_real("lower", lower), checked_real("upper", upper)
    if not lower < upper:
        raise ValueError(f"lower must be less than upper, got lower={lower}, upper={upper}")
    after = schemes.CUT_STD * checked_finite("stddev", stddev)
    return replace(initializer("truncated_normal", gain=after, dtype=dtype), cut=(lower, upper))


def orthogonal(scale: float = 1.0, column_axis: int = -1, dtype: Any = None) -> Initializer:
    """Return an initializer of matrices whose columns, or rows if fewer, are orthonormal.

    Parameters
    ----------
    scale : float
        What the matrices are multiplied by.
    column_axis : int
        The axis of the outputs; all others are rows. For batch axes and groups use
        ``initializer("orthogonal", ...)``.
    dtype
        As for `initializer`. Types below float32 are made in float32 and rounded.

    Returns
    -------
    Initializer

    Examples
    --------
    >>> import jax, irwinhall.jax
    >>> q = irwinhall.jax.orthogonal()(jax.random.key(0), (64, 16))
    >>> bool(abs(q.T @ q - jax.numpy.eye(16)).max() < 1e-5)
    True
    """
    return _by_columns("orthogonal", scale, column_axis, dtype)


def delta_orthogonal(scale: float = 1.0, column_axis: int = -1, dtype: Any = None) -> Initializer:
    """Return an initializer of kernels with an orthogonal matrix in the middle and 0 elsewhere.

    Parameters
    ----------
    scale, column_axis, dtype
        As for `orthogonal`. The rows are the axis before the last, or the last.

    Returns
    -------
    Initializer

    Examples
    --------
    >>> import jax, irwinhall.jax
    >>> kernel = irwinhall.jax.delta_orthogonal()(jax.random.key(0), (3, 3, 8, 16))
    >>> float(abs(kernel[0]).max()), bool(abs(kernel[1, 1]).max() > 0)
    (0.0, True)
    """
    return _by_columns("delta_orthogonal", scale, column_axis, dtype)


def _by_columns(scheme: str, scale: float, column_axis: int, dtype: Any) -> Initializer:
    in_axis = -2 if column_axis == -1 else -1
    return initializer(scheme, gain=scale, dtype=dtype, in_axis=in_axis, out_axis=column_axis)


def _named(name: str, scheme: str) -> Callable[..., Initializer]:
    """Return the initializer function of a scheme, with the arguments that JAX's have."""
    row = schemes.SCHEMES[scheme]

    def factory(
        in_axis: Axes | None = None,
        out_axis: Axes | None = None,
        batch_axis: Axes | None = None,
        dtype: Any = None,
        *,
        gain: Gain = None,
        active_inputs: int | None = None,
        **where: Any,
    ) -> Initializer:
        axes = {"in_axis": in_axis, "out_axis": out_axis, "batch_axis": batch_axis}
        where.update({axis: value for axis, value in axes.items() if value is not None})
        return initializer(scheme, gain=gain, active_inputs=active_inputs, dtype=dtype, **where)

    law = row.law.replace("_", " ") + (", cut at 2 standard deviations" * ("trunc" in row.law))
    factory.__name__ = factory.__qualname__ = name
    factory.__doc__ = f"""Return an initializer that preserves {row.preserves} ({law}).

    Parameters
    ----------
    in_axis, out_axis, batch_axis, dtype, gain, active_inputs, **where
        As for `initializer`, of which this is ``initializer("{scheme}", ...)``.

    Returns
    -------
    Initializer

    Examples
    --------
    >>> import irwinhall.jax
    >>> irwinhall.jax.{name}() == irwinhall.jax.initializer("{scheme}")
    True
    """
    return factory


letkeman = _named("letkeman", "letkeman")
letkeman_normalized = _named("letkeman_normalized", "letkeman_normalized")
letkeman_gaussian = _named("letkeman_gaussian", "letkeman_gaussian")
letkeman_normalized_gaussian = _named(
    "letkeman_normalized_gaussian", "letkeman_normalized_gaussian"
)
kalafus_uniform = _named("kalafus_uniform", "kalafus_uniform")
kalafus_normal = _named("kalafus_normal", "kalafus_normal")
glorot_uniform = _named("glorot_uniform", "xavier_uniform")
glorot_normal = _named("glorot_normal", "xavier_truncated_normal")
he_uniform = _named("he_uniform", "he_uniform")
he_normal = _named("he_normal", "he_truncated_normal")
lecun_uniform = _named("lecun_uniform", "lecun_uniform")
lecun_normal = _named("lecun_normal", "lecun_truncated_normal")
xavier_uniform, xavier_normal = glorot_uniform, glorot_normal
kaiming_uniform, kaiming_normal = he_uniform, he_normal


# ---- drawing -------------------------------------------------------------------------------------

_TYPES = ("float32", "float64", "float16", "bfloat16")


def _drawn(
    key: Any,
    shape: tuple[int, ...],
    element: np.dtype[Any],
    law: str,
    factor: float,
    cut: tuple[float, float],
    out_sharding: Any,
) -> Array:
    """Return weights of a law, drawn in float32 or float64 and rounded once."""
    wide = _wide(element)
    scale, low, high = factor, -math.inf, math.inf
    if law == "uniform":
        # The mapping of the stream: odd multiples of a unit, so that 0 and the bound never come.
        scale = _inside(factor, np.dtype(wide)) * 2.0 ** (-53 if wide is np.float64 else -24)
        high = _inside(factor, element, below=True)
        low = -high
    elif law == "truncated_normal":
        scale = factor / schemes.CUT_STD
        low, high = -_inside(-cut[0] * scale, element), _inside(cut[1] * scale, element)
    numbers = wide(scale), wide(low), wide(high)
    return _scaled(key, *numbers, shape, element, law, cut, out_sharding)


@partial(jax.jit, static_argnums=(4, 5, 6, 7, 8))
def _scaled(
    key: Any,
    scale: Any,
    low: Any,
    high: Any,
    shape: tuple[int, ...],
    element: np.dtype[Any],
    law: str,
    cut: tuple[float, float],
    out_sharding: Any,
) -> Array:
    # Compiled once for each shape and type, as JAX's own; scales are arguments.
    wide = scale.dtype
    more = {} if out_sharding is None else {"out_sharding": out_sharding}
    if law == "normal":
        drawn = jax.random.normal(key, shape, wide, **more)
    elif law == "truncated_normal":
        drawn = jax.random.truncated_normal(key, *cut, shape, wide, **more)
    else:
        words, signed, shift = (
            (np.uint64, np.int64, 10) if wide == np.float64 else (np.uint32, np.int32, 7)
        )
        bits = jax.random.bits(key, shape, words, **more)
        drawn = (jax.lax.bitcast_convert_type(bits, signed) >> shift | 1).astype(wide)
    return jnp.clip(drawn * scale, low, high).astype(element)


def _inside(value: float, element: np.dtype[Any], *, below: bool = False) -> float:
    """Return the greatest number of a type that is at most a value, or below it."""
    if not math.isfinite(value):
        return value
    nearest = np.asarray(value, element)
    if float(nearest) > value or (below and float(nearest) == value):
        nearest = np.nextafter(nearest, np.asarray(-math.inf, element))
    return float(nearest)


@partial(jax.jit, static_argnums=(1, 2))
def _orthogonal(key: Any, seen: View, wide: Any) -> Array:
    """Return orthogonal matrices, one for every place of the batch axes and group."""
    axes = range(len(seen.shape))
    outs, batch = (
        [axis % len(axes) for axis in named] for named in (seen.out_axis, seen.batch_axis)
    )
    rows = [axis for axis in axes if axis not in {*outs, *batch}]
    order = (*batch, *rows, *outs)

    def count(named: list[int]) -> int:
        return math.prod(seen.shape[axis] for axis in named)

    stack = (count(batch), seen.groups)
    q = jax.random.orthogonal(key, count(rows), stack, wide, count(outs) // seen.groups)
    sizes = [seen.shape[axis] for axis in order]
    return jnp.swapaxes(q, 1, 2).reshape(sizes).transpose(np.argsort(order))


@partial(jax.jit, static_argnums=(1, 2))
def _delta_orthogonal(key: Any, seen: View, wide: Any) -> Array:
    known = {axis % len(seen.shape) for axis in (*seen.in_axis, *seen.out_axis, *seen.batch_axis)}
    field = [axis for axis in range(len(seen.shape)) if axis not in known]
    flat = tuple(1 if axis in field else size for axis, size in enumerate(seen.shape))
    matrices = _orthogonal(key, seen._replace(shape=flat), wide)
    middle = tuple(
        slice((size - 1) // 2, (size - 1) // 2 + 1) if axis in field else slice(None)
        for axis, size in enumerate(seen.shape)
    )
    return jnp.zeros(seen.shape, matrices.dtype).at[middle].set(matrices)


@partial(jax.jit, static_argnums=0)
def _identity(seen: View) -> Array:
    """Return the mask of the identity, made on the device: no constant of its size is compiled."""
    size = len(seen.shape)
    places = [jax.lax.broadcasted_iota(np.int32, seen.shape, axis) for axis in range(size)]
    known = {axis % size for axis in (*seen.in_axis, *seen.out_axis, *seen.batch_axis)}

    def number(axes: tuple[int, ...]) -> Any:
        total: Any = 0
        for axis in axes:
            total = total * seen.shape[axis] + places[axis]
        return total

    outputs = math.prod(seen.shape[axis] for axis in seen.out_axis) // seen.groups
    ones = jnp.asarray(number(seen.in_axis) == number(seen.out_axis) % outputs)
    for axis in set(range(size)) - known:
        ones &= places[axis] == (seen.shape[axis] - 1) // 2
    return jnp.broadcast_to(ones, seen.shape)


# ---- arguments -----------------------------------------------------------------------------------


def _element(dtype: Any) -> np.dtype[Any]:
    """Return the dtype of an array that JAX makes."""
    try:
        asked: np.dtype[Any] = np.dtype(dtype)
    except TypeError:
        raise TypeError(f"dtype must be one of {', '.join(_TYPES)}, got {dtype!r}") from None
    if dtype is float:
        asked = np.dtype(jnp.result_type(float))
    if asked.name not in _TYPES:
        raise TypeError(f"dtype must be one of {', '.join(_TYPES)}, got {asked.name}")
    if asked == np.float64 and not jax.config.jax_enable_x64:
        raise ValueError(
            'dtype must not be float64 without jax.config.update("jax_enable_x64", True), '
            f"got {dtype!r}"
        )
    return asked


def _wide(element: np.dtype[Any]) -> Any:
    """Return the type in which weights are made before they are rounded."""
    return np.float64 if element == np.float64 else np.float32


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, Iterable) and not isinstance(value, str) else value
