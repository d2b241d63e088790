"""Draw weights with `jax.random`, on the device, under jit and vmap."""

from __future__ import annotations

import math
import warnings
from functools import partial
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from irwinhall._arrays import CODES
from irwinhall._matrices import Matrices, centre, identity
from irwinhall._moments import INTERVALS
from irwinhall.layouts import Weight
from irwinhall.sampling import Sampler
from irwinhall.schemes import Scheme

Array: TypeAlias = "jax.Array"


def drawn(
    sampler: Sampler,
    key: Any,
    element: np.dtype[Any],
    out_sharding: Any,
    argument: str = "gain",
) -> Array:
    """Return the weights of a sampler, drawn from a JAX key; errors in scale name `argument`."""
    sampler.check(CODES[_real(element).name], argument)
    weight, scale, law = sampler.weight, sampler.scale, sampler.scheme.law
    if sampler.scheme.elementwise and scale != 0.0:
        if element.name in _COMPLEX:
            return _complex(key, weight.shape, element, sampler.scheme, scale, out_sharding)
        # Drawn in the requested shape, so that JAX can draw it in shards.
        return _elementwise(key, weight.shape, element, sampler.scheme, scale, out_sharding)
    wide = _wide(element)
    if not sampler.scheme.is_matrix or scale == 0.0 or 0 in weight.shape:
        weights = jnp.full(weight.shape, scale, element)
    elif law == "identity":
        weights = (_identity(weight) * wide(scale)).astype(element)
    elif law == "orthogonal":
        weights = (_orthogonal(key, weight, wide) * scale).astype(element)
    else:
        weights = (_delta_orthogonal(key, weight, wide) * scale).astype(element)
    weights = weights.reshape(weight.shape)
    return weights if out_sharding is None else jax.sharding.reshard(weights, out_sharding)


def _elementwise(
    key: Any,
    shape: tuple[int, ...],
    element: np.dtype[Any],
    scheme: Scheme,
    factor: float,
    out_sharding: Any,
) -> Array:
    """Return weights of a law, drawn in float32 or float64 and rounded once."""
    wide = _wide(element)
    scale, low, high = factor, -math.inf, math.inf
    law, ends = scheme.law, (scheme.low, scheme.high)
    if scheme.is_interval:
        inner = map(wide, _values_inside(scheme, element))
        return _between(key, *map(wide, ends), *inner, shape, element, law, out_sharding)
    if law == "uniform":
        # The mapping of the stream: odd multiples of a unit, so never 0 or the bound.
        scale = _inside(factor, np.dtype(wide)) * 2.0 ** (-53 if wide is np.float64 else -24)
        high = _inside(factor, element, below=True)
        low = -high
    elif law == "truncated_normal":
        scale = scheme.deviation(factor)
        low, high = -_inside(-ends[0] * scale, element), _inside(ends[1] * scale, element)
    numbers = wide(scale), wide(low), wide(high)
    truncation = ends if scheme.is_truncated else None
    return _scaled(key, *numbers, shape, element, law, truncation, out_sharding)


@partial(jax.jit, static_argnums=(4, 5, 6, 7, 8))
def _scaled(
    key: Any,
    scale: Any,
    low: Any,
    high: Any,
    shape: tuple[int, ...],
    element: np.dtype[Any],
    law: str,
    truncation: tuple[float, float] | None,
    out_sharding: Any,
) -> Array:
    # Compiled once for each shape and type, like JAX's own; scales are arguments.
    wide = scale.dtype
    more = {} if out_sharding is None else {"out_sharding": out_sharding}
    if law == "normal":
        drawn = jax.random.normal(key, shape, wide, **more)
    elif truncation is not None:
        drawn = jax.random.truncated_normal(key, *truncation, shape, wide, **more)
    else:
        drawn = _odd(key, shape, wide, more)
    return jnp.clip(drawn * scale, low, high).astype(element)


def _odd(key: Any, shape: tuple[int, ...], wide: Any, more: dict[str, Any]) -> Array:
    """Return odd numbers below 2^24 in magnitude (float64: 2^53), all equally likely."""
    words, signed, shift = (
        (np.uint64, np.int64, 10) if wide == np.float64 else (np.uint32, np.int32, 7)
    )
    bits = jax.random.bits(key, shape, words, **more)
    return (jax.lax.bitcast_convert_type(bits, signed) >> shift | 1).astype(wide)


def _inside_unit(
    key: Any, shape: tuple[int, ...], wide: np.dtype[Any], more: dict[str, Any]
) -> Array:
    """Return odd multiples of half a unit in (0, 1): never 0 or 1."""
    unit = wide.type(2.0 ** (-54 if wide == np.float64 else -25))
    return _odd(key, shape, wide, more) * unit + wide.type(0.5)


@partial(jax.jit, static_argnums=(5, 6, 7, 8))
def _between(
    key: Any,
    low: Any,
    high: Any,
    least: Any,
    most: Any,
    shape: tuple[int, ...],
    element: np.dtype[Any],
    law: str,
    out_sharding: Any,
) -> Array:
    """Return values of a law on an open interval."""
    wide = low.dtype
    more = {} if out_sharding is None else {"out_sharding": out_sharding}
    u = _inside_unit(key, shape, wide, more)
    if law == "uniform_between":
        values = low + (high - low) * u
    elif law == "log_of_uniform":
        values = jnp.log(low + (high - low) * u)
    else:
        values = low * jnp.exp(jnp.log(high / low) * u)
        if law == "inverse_softplus_log_uniform":
            values = values + jnp.log(-jnp.expm1(-values))
    return jnp.clip(values, least, most).astype(element)


def _complex(
    key: Any,
    shape: tuple[int, ...],
    element: np.dtype[Any],
    scheme: Scheme,
    scale: float,
    out_sharding: Any,
) -> Array:
    """Return complex weights of uniform angle, whose mean square is that of the real ones."""
    if scheme.is_interval:
        raise ValueError(f"dtype must be real for {scheme.name}, got {element.name}")
    cut = math.inf
    if scheme.is_truncated:
        cut = scheme.high
        if scheme.low != -cut:
            raise ValueError(
                "low must be -high for complex weights, whose modulus is truncated, "
                f"got low={scheme.low}, high={cut}"
            )
        rest = math.exp(-cut * cut)  # the mass of the squares, which are exponential, beyond cut
        if scheme.corrected and rest > 0.0:
            scale /= math.sqrt(1.0 - cut * cut * rest / (1.0 - rest))
    elif scheme.law == "uniform":
        scale *= math.sqrt(2.0 / 3.0)  # the radius of a disk
    wide = _real(element)
    mass = wide.type(-math.expm1(-cut * cut))
    return _on_plane(key, wide.type(scale), mass, shape, scheme.law == "uniform", out_sharding)


@partial(jax.jit, static_argnums=(3, 4, 5))
def _on_plane(
    key: Any, scale: Any, mass: Any, shape: tuple[int, ...], disk: bool, out_sharding: Any
) -> Array:
    """Return points of a disk, or of a normal law truncated to a mass."""
    wide = scale.dtype
    more = {} if out_sharding is None else {"out_sharding": out_sharding}
    of_modulus, of_angle = jax.random.split(key)
    u = _inside_unit(of_modulus, shape, wide, more)
    angle = jax.random.uniform(of_angle, shape, wide, maxval=2.0 * math.pi, **more)
    modulus = scale * jnp.sqrt(u if disk else -jnp.log1p(-mass * u))
    return jax.lax.complex(modulus * jnp.cos(angle), modulus * jnp.sin(angle))


def _values_inside(scheme: Scheme, element: np.dtype[Any]) -> tuple[float, float]:
    """Return the least and the greatest number of a type inside the interval of a law."""
    value, _ = INTERVALS[scheme.law](scheme.low, scheme.high)
    return -_inside(-value(0.0), element, below=True), _inside(value(1.0), element, below=True)


def _inside(value: float, element: np.dtype[Any], *, below: bool = False) -> float:
    """Return the greatest number of a type that is at most a value, or below it."""
    if not math.isfinite(value):
        return value
    nearest = np.asarray(value, element)
    if float(nearest) > value or (below and float(nearest) == value):
        nearest = np.nextafter(nearest, np.asarray(-math.inf, element))
    return float(nearest)


# ---- matrices ------------------------------------------------------------------------------------


@partial(jax.jit, static_argnums=(1, 2))
def _orthogonal(key: Any, weight: Weight, wide: Any) -> Array:
    """Return orthogonal matrices, one for every index of the batch axes and group."""
    order, _, rows, columns = Matrices.of(weight)
    stack = (math.prod(weight.sizes(weight.batch_axes)), weight.groups)
    q = jax.random.orthogonal(key, rows, stack, wide, columns)
    return jnp.swapaxes(q, 1, 2).reshape(weight.sizes(order)).transpose(np.argsort(order))


@partial(jax.jit, static_argnums=(1, 2))
def _delta_orthogonal(key: Any, weight: Weight, wide: Any) -> Array:
    flat, middle = centre(weight)
    matrices = _orthogonal(key, flat, wide)
    return jnp.zeros(weight.logical_shape, matrices.dtype).at[middle].set(matrices)


@partial(jax.jit, static_argnums=0)
def _identity(weight: Weight) -> Array:
    """Return the mask of the identity, made on the device to avoid compiling a large constant."""
    shape = weight.logical_shape
    places = [jax.lax.broadcasted_iota(np.int32, shape, axis) for axis in range(len(shape))]
    return jnp.broadcast_to(jnp.asarray(identity(weight, places)), shape)


# ---- element types -------------------------------------------------------------------------------


# Complex types, and the types of their real and imaginary parts.
_COMPLEX: dict[str, np.dtype[Any]] = {
    "complex64": np.dtype(np.float32),
    "complex128": np.dtype(np.float64),
}


def element_type(dtype: Any, *, may_be_complex: bool = False) -> np.dtype[Any]:
    """Return the requested element type; float and complex mean JAX's default ones."""
    known = [*CODES, *(_COMPLEX if may_be_complex else ())]
    try:
        asked: np.dtype[Any] = np.dtype(dtype)
    except (TypeError, ValueError):  # ValueError: text that is not UTF-8
        raise TypeError(f"dtype must be one of {', '.join(known)}, got {dtype!r}") from None
    if dtype is float or dtype is complex:
        asked = np.dtype(jnp.result_type(dtype))
    if asked.name not in known:
        raise TypeError(f"dtype must be one of {', '.join(known)}, got {asked.name}")
    return asked


def _real(element: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type of the parts of a complex type; a real one is itself."""
    return _COMPLEX.get(element.name, element)


def available(element: np.dtype[Any]) -> np.dtype[Any]:
    """Return the element type that JAX makes: without x64, half of a 64-bit one, with a warning.

    The initializers of JAX do the same.
    """
    if _real(element) != np.float64 or jax.config.jax_enable_x64:
        return element
    made: np.dtype[Any] = np.dtype("float32" if element == np.float64 else "complex64")
    warnings.warn(
        f"dtype {element.name} is not available, so weights are made in {made.name}; "
        f'for {element.name} call jax.config.update("jax_enable_x64", True)',
        stacklevel=3,
    )
    return made


def _wide(element: np.dtype[Any]) -> Any:
    """Return the type in which weights are made before they are rounded."""
    if element.name in _COMPLEX:
        return element.type
    return np.float64 if element == np.float64 else np.float32


def times(weights: Array, gain: Any, element: np.dtype[Any]) -> Array:
    """Return weights at a traced gain, rounded once."""
    return (weights * jnp.asarray(gain, weights.real.dtype)).astype(element)


def type_before(element: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type in which `times` takes weights."""
    wide: np.dtype[Any] = np.dtype(_wide(element))
    return wide
