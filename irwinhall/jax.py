"""JAX: initializers ``init(key, shape, dtype)``, and weights made shard by shard on the host.

An initializer draws with `jax.random` from its key, on the device, also under jit and vmap; its
scale depends on the shape alone. Initializers named as in `jax.nn.initializers` have the same
distribution, truncated normals included; `initializer` takes any scheme of
`irwinhall.schemes.SCHEMES` by name.

`sharded` draws from the stream instead: the weights equal those of `irwinhall.sample_weights` for
the same seed and name, however the array is split over devices and processes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, Unpack, get_args

from irwinhall import layouts, schemes
from irwinhall._arguments import (
    Axes,
    Shape,
    checked_choice,
    checked_count,
    checked_finite,
    checked_real,
    plain_shape,
)
from irwinhall._keywords import takes
from irwinhall.layouts import Fans, Weight, WeightOptions
from irwinhall.sampling import Sampler
from irwinhall.schemes import Gain, Scheme
from irwinhall.stream import Seed, Stream, as_stream

try:
    import jax
except ModuleNotFoundError as _error:
    if _error.name != "jax":
        raise
    raise ImportError("irwinhall.jax needs JAX: pip install jax") from _error

from irwinhall._jax_drawing import (  # imports JAX
    available,
    drawn,
    element_type,
    times,
    type_before,
)
from irwinhall._jax_flow import activation_flow
from irwinhall._jax_model import init_weights, linen_layers
from irwinhall._jax_shards import checked_for_jax, sampled_by_shards
from irwinhall._models.activations import ActivationFlow, FlowRow
from irwinhall._models.plan import Options
from irwinhall._models.report import Report, Row

if TYPE_CHECKING:  # type checkers may take `jax` for this module, hence these names
    from jax import Array
    from jax.sharding import Sharding

__all__ = [
    "ActivationFlow",
    "FlowRow",
    "Initializer",
    "Options",
    "Report",
    "Row",
    "activation_flow",
    "delta_orthogonal",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "init_weights",
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
    "linen_layers",
    "normal",
    "orthogonal",
    "sharded",
    "truncated_normal",
    "variance_scaling",
    "xavier_normal",
    "xavier_uniform",
]

Mode: TypeAlias = Literal["fan_in", "fan_out", "fan_avg", "fan_geo_avg"]
Distribution: TypeAlias = Literal["truncated_normal", "normal", "uniform"]


_ENDS = ("low", "high", "corrected")
_DEFAULT_AXES = {"in_axis": (-2,), "out_axis": (-1,), "batch_axis": ()}
# JAX's names of the schemes that it has.
_NAMES_OF_JAX = {
    "xavier_uniform": "glorot_uniform",
    "xavier_truncated_normal": "glorot_normal",
    "he_uniform": "he_uniform",
    "he_truncated_normal": "he_normal",
    "lecun_uniform": "lecun_uniform",
    "lecun_truncated_normal": "lecun_normal",
}


def _shortest(value: float) -> str:
    """Return a number without the rounding errors of its last digits."""
    if isinstance(value, jax.core.Tracer):
        return repr(value)
    return repr(float(f"{value:.15g}"))


@dataclass(frozen=True, repr=False)
class Initializer:
    """An initializer ``init(key, shape, dtype)``; the functions of this module make them.

    Initializers made with the same arguments are equal and have the same hash, so that code
    compiled for one is reused for the other.

    Attributes
    ----------
    scheme : Scheme
        The scheme.
    gain : float
        Its gain, which may be traced by JAX.
    active_inputs : int or None
        As for `irwinhall.sample_weights`.
    dtype : dtype or None
        Element type if the call gives none; None is JAX's default float.
    axes : tuple
        The axes or the layout, as (name, value) pairs.
    axes_may_coincide : bool
        Whether an axis may have two roles, as in JAX's own functions; the fans are then JAX's.
    argument : str
        The caller's name for the gain.

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
    axes: tuple[tuple[str, Any], ...] = ()
    axes_may_coincide: bool = False
    argument: str = field(default="gain", compare=False)

    def __repr__(self) -> str:
        scheme: Any = self.scheme
        is_traced = isinstance(self.gain, jax.core.Tracer)
        given = {
            "gain": None if not is_traced and self.gain == scheme.gain else self.gain,
            "active_inputs": self.active_inputs,
            "dtype": None if self.dtype is None else self.dtype.name,
            **dict(self.axes),
        }
        name, first = "initializer", repr(scheme)
        named = schemes.SCHEMES.get(scheme.name)
        if named is not None and named == scheme._replace(**{e: getattr(named, e) for e in _ENDS}):
            first = repr(scheme.name)
            ends = {end: getattr(scheme, end) for end in _ENDS}
            given.update({e: v for e, v in ends.items() if v != getattr(named, e)})
        if self.axes_may_coincide and scheme.name in _NAMES_OF_JAX:
            name, first = _NAMES_OF_JAX[scheme.name], ""
        elif scheme.name in get_args(Mode):
            name, first = "variance_scaling", _shortest(self.gain**2)
            first, given["gain"] = f"{first}, {scheme.name!r}, {scheme.law!r}", None
        options = [f"{key}={value!r}" for key, value in given.items() if value is not None]
        return f"{name}({', '.join(filter(None, [first, *options]))})"

    def __call__(self, key: Any, shape: Any, dtype: Any = None, out_sharding: Any = None) -> Array:
        """Return weights drawn from a key.

        Parameters
        ----------
        key : jax.Array
            A key of `jax.random`, of either kind.
        shape : sequence of int
            Shape of the whole weight.
        dtype : optional
            float32, float64, float16, bfloat16, complex64 or complex128. The 64-bit ones without
            jax_enable_x64 give half of that and a warning, as in JAX.
        out_sharding : optional
            As for `jax.nn.initializers`.

        Returns
        -------
        jax.Array
        """
        asked = self.dtype if dtype is None else dtype
        element = available(element_type(float if asked is None else asked, may_be_complex=True))
        if isinstance(self.gain, jax.core.Tracer):
            unit = replace(self, gain=1.0)
            weights = unit(key, shape, type_before(element), out_sharding)
            return times(weights, self.gain, element)
        sampler = self._sampler_of_shared_axes(shape) if self.axes_may_coincide else None
        if sampler is None:
            options: dict[str, Any] = dict(self.axes)
            sampler = Sampler.of(
                shape, self.scheme, gain=self.gain, active_inputs=self.active_inputs, **options
            )
        return drawn(sampler, key, element, out_sharding, self.argument)

    def _sampler_of_shared_axes(self, shape: Any) -> Sampler | None:
        """Return the sampler, with the fans of JAX, of a weight with two roles for an axis.

        Return None if each axis has one role: the fans are then the same.
        """
        sizes = plain_shape(shape)
        options: dict[str, Any] = {**_DEFAULT_AXES, **dict(self.axes)}
        named = [axis for axes in options.values() for axis in axes]
        if not all(-len(sizes) <= axis < len(sizes) for axis in named):
            return None
        if len({axis % len(sizes) for axis in named}) == len(named):
            return None
        scale = 0.0
        if 0 not in sizes:
            ins, outs, batches = (
                math.prod([sizes[axis] for axis in axes]) for axes in options.values()
            )
            receptive = math.prod(sizes) / ins / outs / batches  # no whole number
            fans: Any = Fans(ins * receptive, outs * receptive)
            scale = self.scheme.scale(fans, self.gain)
        return Sampler(Weight.of(sizes), self.scheme, self.gain, scale)


def initializer(
    scheme: str | Scheme = "letkeman",
    *,
    gain: Gain = None,
    low: float | None = None,
    high: float | None = None,
    corrected: bool | None = None,
    active_inputs: int | None = None,
    dtype: Any = None,
    **axes: Unpack[WeightOptions],
) -> Initializer:
    """Return an initializer of a scheme.

    Parameters
    ----------
    scheme : str or Scheme
        A name or alias of `irwinhall.schemes.SCHEMES`, with its meaning there, or a row of your
        own.
    gain, low, high, corrected, active_inputs
        As for `irwinhall.sample_weights`.
    dtype : optional
        Element type if the call gives none; default JAX's float.
    **axes
        in_axis, out_axis, batch_axis, groups, layout, parts and stacked, as for
        `irwinhall.sample_weights`.

    Returns
    -------
    Initializer

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described; shape and axes are checked when it is called.

    Notes
    -----
    Uniform weights are symmetric, never 0 and inside the open interval: 2^24 values (float64:
    2^53), as in `irwinhall.Stream`. float16 and bfloat16 are drawn in float32, rounded once and
    kept inside the bound. The bits come from `jax.random` and the key, not from the stream.

    Complex weights have a uniform angle and the mean square of real ones. As in JAX they are
    uniform in a disk, normal, or normal with the modulus truncated where real ones are.

    The gain may be traced by JAX, as under jit or grad. It is then not checked, and values rounded
    to 16 bits may reach the bound.

    Examples
    --------
    >>> import jax, irwinhall.jax
    >>> init = irwinhall.jax.initializer("he_uniform", in_axis=(0, 1), out_axis=2)
    >>> weights = jax.jit(init, static_argnums=1)(jax.random.key(0), (8, 64, 256))
    >>> round(float(abs(weights).max()), 3), round((6 / 512) ** 0.5, 3)
    (0.108, 0.108)
    """
    row = schemes.get_scheme(scheme, low, high, corrected)
    if active_inputs is not None:
        active_inputs = checked_count("active_inputs", active_inputs, 1)
    fixed = tuple(sorted(layouts.plain_options(axes).items()))
    element = None if dtype is None else element_type(dtype, may_be_complex=True)
    number: Any = gain
    if not isinstance(gain, jax.core.Tracer):
        number = schemes.resolve_gain(row, gain)
    elif row.is_interval or gain.shape != ():
        what = "left out for " + row.name if row.is_interval else "a scalar"
        raise ValueError(f"gain must be {what}, got a traced array of shape {gain.shape}")
    return Initializer(row, number, active_inputs, element, axes=fixed)


@takes("seed", not_="rng")
def sharded(
    shape: Shape,
    sharding: Sharding,
    scheme: str | Scheme = "letkeman",
    *,
    seed: Seed | Stream,
    name: str = "",
    gain: Gain = None,
    low: float | None = None,
    high: float | None = None,
    corrected: bool | None = None,
    active_inputs: int | None = None,
    dtype: Any = "float32",
    threads: int | None = None,
    **axes: Unpack[WeightOptions],
) -> Array:
    """Return random weights as an array split over devices, made shard by shard.

    Parameters
    ----------
    shape : sequence of int
        Shape of the whole weight.
    sharding : jax.sharding.Sharding
        The sharding of the array.
    scheme, gain, low, high, corrected, active_inputs
        As for `irwinhall.sample_weights`.
    seed : int, bytes, SeedSequence or Stream
        The seed of the weights; every process must give the same.
    name : str
        The parameter's qualified name.
    dtype : dtype
        float32, float16, bfloat16, or float64 with jax_enable_x64.
    threads : int, optional
        Maximum number of threads for a shard; default all cores. The bits do not depend on it.
    **axes
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
    Each process makes the shards of its own devices, directly from their positions in the stream,
    so no host ever holds the whole array. Orthogonal matrices are the exception: a process makes
    each matrix that its shards touch once, as a whole, and keeps it until all shards are made.

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
    layouts.check_names(axes)
    sampler = Sampler.of(
        shape,
        scheme,
        gain=gain,
        low=low,
        high=high,
        corrected=corrected,
        active_inputs=active_inputs,
        **axes,
    )
    element = checked_for_jax(element_type(dtype), dtype)
    stream = as_stream(seed, name, argument="seed")
    return sampled_by_shards(sampler, stream, sharding, element, threads)


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
        The fan: fan_in, fan_out, their mean or their geometric mean.
    distribution : {"truncated_normal", "normal", "uniform"}
        The distribution. Truncated normals end at 2 standard deviations, and the variance is that
        after truncation.
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
    scale = _checked_scale("scale", scale)
    checked_choice("mode", mode, get_args(Mode))
    checked_choice("distribution", distribution, get_args(Distribution))
    made = initializer(
        _VARIANCE_ROWS[mode, distribution],
        gain=scale**0.5 if isinstance(scale, jax.core.Tracer) else math.sqrt(scale),
        dtype=dtype,
        in_axis=in_axis,
        out_axis=out_axis,
        batch_axis=batch_axis,
    )
    return replace(_as_jax(made), argument="scale")


def _as_jax(made: Initializer) -> Initializer:
    """Return an initializer that lets axes coincide, if they do so in some shape."""
    options: dict[str, Any] = {**_DEFAULT_AXES, **dict(made.axes)}
    if options.keys() != _DEFAULT_AXES.keys() or made.active_inputs is not None:
        return made  # JAX does not have it
    named = [axis for axes in options.values() for axis in axes]
    signs = {axis < 0 for axis in named}
    return replace(made, axes_may_coincide=len(signs) > 1 or len(set(named)) < len(named))


def _variance_row(mode: Mode, distribution: Distribution) -> Scheme:
    def rule(fan_in: int, fan_out: int) -> float:
        fan = {
            "fan_in": fan_in,
            "fan_out": fan_out,
            "fan_avg": (fan_in + fan_out) / 2,
            "fan_geo_avg": math.sqrt(fan_in * fan_out),
        }[mode]
        return math.sqrt((3.0 if distribution == "uniform" else 1.0) / fan)

    return Scheme(mode, distribution, rule)


# One row for each pair: equal initializers have equal rows.
_VARIANCE_ROWS = {
    (mode, distribution): _variance_row(mode, distribution)
    for mode in get_args(Mode)
    for distribution in get_args(Distribution)
}


def normal(stddev: float = 1e-2, dtype: Any = None) -> Initializer:
    """Return an initializer of normals that are not truncated, for any fans.

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
    stddev = _checked_scale("stddev", stddev)
    return replace(initializer("normal", gain=stddev, dtype=dtype), argument="stddev")


def _checked_scale(what: str, scale: Any) -> Any:
    """Return a scale that must not be negative; a traced one cannot be checked."""
    if isinstance(scale, jax.core.Tracer):
        return scale
    number = checked_finite(what, scale)
    if number < 0.0:
        raise ValueError(f"{what} must be at least 0, got {number}")
    return number


def truncated_normal(
    stddev: float = 1e-2, dtype: Any = None, lower: float = -2.0, upper: float = 2.0
) -> Initializer:
    """Return an initializer of truncated normals, for any fans.

    Parameters
    ----------
    stddev : float
        Standard deviation before truncation, as in JAX: this is ``initializer("truncated_normal",
        gain=stddev, low=lower, high=upper, corrected=False)``.
    dtype
        As for `initializer`.
    lower, upper : float
        The ends, in standard deviations before truncation; lower < upper.

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
    made = initializer(
        "truncated_normal",
        gain=_checked_scale("stddev", stddev),
        low=lower,
        high=upper,
        corrected=False,
        dtype=dtype,
    )
    return replace(made, argument="stddev")


def orthogonal(scale: float = 1.0, column_axis: int = -1, dtype: Any = None) -> Initializer:
    """Return an initializer of matrices whose columns, or rows if fewer, are orthonormal.

    Parameters
    ----------
    scale : float
        The factor on the matrices.
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
    # All other axes are the rows of an orthogonal matrix.
    in_axis: Axes = () if scheme == "orthogonal" else -2 if column_axis == -1 else -1
    if not isinstance(scale, jax.core.Tracer):
        scale = checked_finite("scale", scale)
    made = initializer(scheme, gain=scale, dtype=dtype, in_axis=in_axis, out_axis=column_axis)
    return replace(made, argument="scale")


class Factory(Protocol):
    """The type of the functions that are named after schemes; see `initializer` for arguments."""

    __name__: str

    def __call__(
        self,
        in_axis: Axes | None = None,
        out_axis: Axes | None = None,
        batch_axis: Axes | None = None,
        dtype: Any = None,
        *,
        gain: Gain = None,
        low: float | None = None,
        high: float | None = None,
        corrected: bool | None = None,
        active_inputs: int | None = None,
        **axes: Any,
    ) -> Initializer:
        """Return an initializer of the scheme."""


def _named(name: str, scheme: str) -> Factory:
    """Return the initializer function of a scheme, with the arguments of JAX's."""
    row = schemes.SCHEMES[scheme]

    def factory(
        in_axis: Axes | None = None,
        out_axis: Axes | None = None,
        batch_axis: Axes | None = None,
        dtype: Any = None,
        *,
        gain: Gain = None,
        low: float | None = None,
        high: float | None = None,
        corrected: bool | None = None,
        active_inputs: int | None = None,
        **axes: Any,
    ) -> Initializer:
        given = {"in_axis": in_axis, "out_axis": out_axis, "batch_axis": batch_axis}
        axes.update({axis: value for axis, value in given.items() if value is not None})
        made = initializer(
            scheme,
            gain=gain,
            low=low,
            high=high,
            corrected=corrected,
            active_inputs=active_inputs,
            dtype=dtype,
            **axes,
        )
        return _as_jax(made) if scheme in _NAMES_OF_JAX else made

    law = row.law.replace("_", " ") + (" at 2 standard deviations" * ("trunc" in row.law))
    factory.__name__ = factory.__qualname__ = name
    factory.__doc__ = f"""Return an initializer that preserves {row.preserves} ({law}).

    Parameters
    ----------
    in_axis, out_axis, batch_axis, dtype, gain, low, high, corrected, active_inputs, **axes
        As for `initializer`: this is ``initializer("{scheme}", ...)``.

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


letkeman: Factory = _named("letkeman", "letkeman")
letkeman_normalized: Factory = _named("letkeman_normalized", "letkeman_normalized")
letkeman_gaussian: Factory = _named("letkeman_gaussian", "letkeman_gaussian")
letkeman_normalized_gaussian: Factory = _named(
    "letkeman_normalized_gaussian", "letkeman_normalized_gaussian"
)
kalafus_uniform: Factory = _named("kalafus_uniform", "kalafus_uniform")
kalafus_normal: Factory = _named("kalafus_normal", "kalafus_normal")
glorot_uniform: Factory = _named("glorot_uniform", "xavier_uniform")
glorot_normal: Factory = _named("glorot_normal", "xavier_truncated_normal")
he_uniform: Factory = _named("he_uniform", "he_uniform")
he_normal: Factory = _named("he_normal", "he_truncated_normal")
lecun_uniform: Factory = _named("lecun_uniform", "lecun_uniform")
lecun_normal: Factory = _named("lecun_normal", "lecun_truncated_normal")
xavier_uniform: Factory = glorot_uniform
xavier_normal: Factory = glorot_normal
kaiming_uniform: Factory = he_uniform
kaiming_normal: Factory = he_normal
