"""Every initialization scheme in one table, and random weights from it.

`SCHEMES` has a row for every scheme: its law, the rule that turns fans into the law's scale, and
its gain. `scale` and `statistics` read the table without drawing anything, `sample_weights` draws.
Adding a scheme is adding a row.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, SupportsIndex, TypeAlias, get_args

import numpy as np

from irwinhall import _core
from irwinhall._arguments import (
    Region,
    Shape,
    checked_count,
    checked_finite,
    checked_region,
    checked_shape,
)
from irwinhall._core import letkeman_bound, preserved_magnitude
from irwinhall.fans import Axes, Fans, axis_roles, fans, plain_axes
from irwinhall.gains import gain as activation_gain
from irwinhall.stream import SCALES, Seed, Stream, element_type, writable_array

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike, NDArray

    Array: TypeAlias = NDArray[np.float64]

__all__ = [
    "SCHEMES",
    "Scheme",
    "Statistics",
    "sample_weights",
    "scale",
    "scale_of",
    "scheme",
    "statistics",
]

Law: TypeAlias = Literal[
    "uniform",
    "normal",
    "truncated_normal",
    "orthogonal",
    "delta_orthogonal",
    "identity",
    "constant",
]
Gain: TypeAlias = "float | str | Callable[[Array], ArrayLike] | None"


class Scheme(NamedTuple):
    """A row of `SCHEMES`.

    Make one of your own to use a scheme that is not there; every function that takes the name of a
    scheme takes a row as well.

    Attributes
    ----------
    name : str
        Its name in `SCHEMES`.
    law : str
        "uniform", "normal", "truncated_normal" (cut at 2 standard deviations), "orthogonal",
        "delta_orthogonal", "identity" or "constant".
    rule : callable or float
        The law's scale at gain 1, as a function of (fan_in, fan_out), or a number where it does not
        depend on them. The scale is the bound of a uniform law, the standard deviation of a normal
        or truncated normal one (that of the result, after the cut), the value of a constant one,
        and of the others the factor on the orthogonal or identity matrix.
    gain : float or None
        Its own gain, used unless another is given. None: a gain must be given.
    preserves : str
        What weights of this scale keep, for a layer at gain 1 or, for he_*, one that reads ReLUs.
    when : str
        When to use it.
    source : str
        Where it comes from.
    aliases : tuple of str
        Other names. Case, underscores, hyphens and spaces do not count in any name.

    Examples
    --------
    >>> import irwinhall
    >>> from irwinhall import schemes
    >>> row = schemes.SCHEMES["he_normal"]
    >>> row.law, row.rule(256, 64), round(row.gain, 4), row.preserves
    ('normal', 0.0625, 1.4142, 'forward variance through ReLU')
    >>> small = schemes.Scheme("small", "normal", lambda fan_in, fan_out: 0.4 / fan_in)
    >>> irwinhall.sample_weights((256, 64), small, rng=0).shape
    (256, 64)
    """

    name: str
    law: Law
    rule: Callable[[int, int], float] | float
    gain: float | None = 1.0
    preserves: str = ""
    when: str = ""
    source: str = ""
    aliases: tuple[str, ...] = ()


class Statistics(NamedTuple):
    """Exact facts about the weights of a dense layer, and about what they preserve.

    Attributes
    ----------
    bound : float
        No weight is larger in magnitude; infinite for normal laws.
    mean, std, magnitude : float
        Mean, standard deviation and mean magnitude E|w| of a weight; of all weights together where
        they are fixed and differ (identity).
    forward_variance, backward_variance : float
        Variance of the outputs (of the inputs' gradients) for independent inputs (gradients of the
        outputs) of mean 0 and variance 1, averaged over the nodes.
    forward_magnitude, backward_magnitude : float or None
        Mean magnitude of the outputs (of the inputs' gradients) for inputs (gradients of the
        outputs) that are all 1. None for truncated normals, which have no formula.

    Examples
    --------
    >>> from irwinhall import schemes
    >>> schemes.statistics("letkeman", 1, 1)._asdict()["magnitude"]
    1.0
    """

    bound: float
    mean: float
    std: float
    magnitude: float
    forward_variance: float
    backward_variance: float
    forward_magnitude: float | None
    backward_magnitude: float | None


# ---- scale rules: (fan_in, fan_out) to the scale at gain 1 ---------------------------------------


def _letkeman(fan_in: int, fan_out: int) -> float:
    return letkeman_bound(fan_in)


def _letkeman_normalized(fan_in: int, fan_out: int) -> float:
    return letkeman_bound(fan_in, fan_out)


def _letkeman_gaussian(fan_in: int, fan_out: int) -> float:
    # sqrt(2/pi) sqrt(n) std = 1
    return math.sqrt(math.pi / (2 * fan_in))


def _letkeman_normalized_gaussian(fan_in: int, fan_out: int) -> float:
    # (n + m) / (sqrt(2/pi) (m sqrt(n) + n sqrt(m))), with sqrt(n m) taken out of the sum
    roots = math.sqrt(fan_in) + math.sqrt(fan_out)
    return math.sqrt(math.pi / 2) * (fan_in + fan_out) / (math.sqrt(fan_in * fan_out) * roots)


def _bound_of_fan_in(fan_in: int, fan_out: int) -> float:
    return math.sqrt(3 / fan_in)


def _std_of_fan_in(fan_in: int, fan_out: int) -> float:
    return math.sqrt(1 / fan_in)


def _bound_of_fan_out(fan_in: int, fan_out: int) -> float:
    return math.sqrt(3 / fan_out)


def _std_of_fan_out(fan_in: int, fan_out: int) -> float:
    return math.sqrt(1 / fan_out)


def _bound_of_both_fans(fan_in: int, fan_out: int) -> float:
    return math.sqrt(6 / (fan_in + fan_out))


def _std_of_both_fans(fan_in: int, fan_out: int) -> float:
    return math.sqrt(2 / (fan_in + fan_out))


def _bound_of_larger_fan(fan_in: int, fan_out: int) -> float:
    return math.sqrt(3 / max(fan_in, fan_out))


def _std_of_larger_fan(fan_in: int, fan_out: int) -> float:
    return math.sqrt(1 / max(fan_in, fan_out))


# ---- the table -----------------------------------------------------------------------------------

_LETKEMAN = "Letkeman 2021"
_TWIN = "the normal law with the aim of Letkeman 2021"
_GLOROT = "Glorot and Bengio 2010"
_HE = "He et al. 2015"
_LECUN = "LeCun et al. 1998"
_KALAFUS = "Kalafus; the formula is our reading of its words"
_RELU_GAIN = math.sqrt(2.0)

_ROWS = (
    Scheme(
        "letkeman",
        "uniform",
        _letkeman,
        preserves="forward magnitude",
        when="the default: signals that should neither grow nor fade on their way forward",
        source=_LETKEMAN,
        aliases=("letkeman_standard", "letkeman_uniform"),
    ),
    Scheme(
        "letkeman_normalized",
        "uniform",
        _letkeman_normalized,
        preserves="magnitude averaged over outputs and inputs' gradients",
        when="gradients count as much as signals, and the layer's fans do not differ much",
        source=_LETKEMAN,
        aliases=("letkeman_normalized_uniform",),
    ),
    Scheme(
        "letkeman_gaussian",
        "normal",
        _letkeman_gaussian,
        preserves="forward magnitude",
        when="as letkeman, where weights should be normal",
        source=_TWIN,
        aliases=("letkeman_normal",),
    ),
    Scheme(
        "letkeman_normalized_gaussian",
        "normal",
        _letkeman_normalized_gaussian,
        preserves="magnitude averaged over outputs and inputs' gradients",
        when="as letkeman_normalized, where weights should be normal",
        source=_TWIN,
        aliases=("letkeman_normalized_normal",),
    ),
    Scheme(
        "xavier_standard",
        "uniform",
        _std_of_fan_in,
        preserves="a third of the forward variance",
        when="to compare with PyTorch's default layers, or with the article's Standard Xavier",
        source=_GLOROT + ", the heuristic that it starts from",
    ),
    Scheme(
        "xavier_uniform",
        "uniform",
        _bound_of_both_fans,
        preserves="mean of forward and backward variance",
        when="tanh, sigmoid and other activations close to linear at 0",
        source=_GLOROT,
        aliases=("glorot_uniform", "xavier_normalized"),
    ),
    Scheme(
        "xavier_normal",
        "normal",
        _std_of_both_fans,
        preserves="mean of forward and backward variance",
        when="as xavier_uniform; not cut, as in PyTorch",
        source=_GLOROT,
        aliases=("glorot_normal",),
    ),
    Scheme(
        "xavier_truncated_normal",
        "truncated_normal",
        _std_of_both_fans,
        preserves="mean of forward and backward variance",
        when="as xavier_uniform; what JAX and Keras call glorot_normal",
        source=_GLOROT,
        aliases=("glorot_truncated_normal",),
    ),
    Scheme(
        "he_uniform",
        "uniform",
        _bound_of_fan_in,
        _RELU_GAIN,
        preserves="forward variance through ReLU",
        when="ReLU and its relatives (gain='leaky_relu', ...), however deep",
        source=_HE,
        aliases=("kaiming_uniform", "he_uniform_fan_in", "kaiming_uniform_fan_in"),
    ),
    Scheme(
        "he_normal",
        "normal",
        _std_of_fan_in,
        _RELU_GAIN,
        preserves="forward variance through ReLU",
        when="as he_uniform; not cut, as in PyTorch",
        source=_HE,
        aliases=("kaiming_normal", "he_normal_fan_in", "kaiming_normal_fan_in"),
    ),
    Scheme(
        "he_truncated_normal",
        "truncated_normal",
        _std_of_fan_in,
        _RELU_GAIN,
        preserves="forward variance through ReLU",
        when="as he_uniform; what JAX and Keras call he_normal",
        source=_HE,
        aliases=("kaiming_truncated_normal",),
    ),
    Scheme(
        "he_uniform_fan_out",
        "uniform",
        _bound_of_fan_out,
        _RELU_GAIN,
        preserves="backward variance through ReLU",
        when="ReLU where gradients matter most, as in residual convolution networks",
        source=_HE,
        aliases=("kaiming_uniform_fan_out",),
    ),
    Scheme(
        "he_normal_fan_out",
        "normal",
        _std_of_fan_out,
        _RELU_GAIN,
        preserves="backward variance through ReLU",
        when="as he_uniform_fan_out; not cut, as in PyTorch",
        source=_HE,
        aliases=("kaiming_normal_fan_out",),
    ),
    Scheme(
        "lecun_uniform",
        "uniform",
        _bound_of_fan_in,
        preserves="forward variance",
        when="SELU and linear layers; inputs of variance 1",
        source=_LECUN,
    ),
    Scheme(
        "lecun_normal",
        "normal",
        _std_of_fan_in,
        preserves="forward variance",
        when="as lecun_uniform; not cut, as the article on SELU has it",
        source=_LECUN,
    ),
    Scheme(
        "lecun_truncated_normal",
        "truncated_normal",
        _std_of_fan_in,
        preserves="forward variance",
        when="as lecun_uniform; what JAX and Keras call lecun_normal",
        source=_LECUN,
    ),
    Scheme(
        "kalafus_uniform",
        "uniform",
        _bound_of_larger_fan,
        preserves="the larger of forward and backward variance",
        when="neither may grow; gain='relu' for ReLU, gain 1 for tanh",
        source=_KALAFUS,
    ),
    Scheme(
        "kalafus_normal",
        "normal",
        _std_of_larger_fan,
        preserves="the larger of forward and backward variance",
        when="as kalafus_uniform, where weights should be normal",
        source=_KALAFUS,
    ),
    Scheme(
        "orthogonal",
        "orthogonal",
        1.0,
        preserves="norms, as far as the fans allow",
        when="recurrent weights, very deep stacks, the start of LSUV",
        source="Saxe et al. 2014",
    ),
    Scheme(
        "delta_orthogonal",
        "delta_orthogonal",
        1.0,
        preserves="norms of every pixel",
        when="deep convolution networks without normalization, outputs at least as many as inputs",
        source="Xiao et al. 2018",
    ),
    Scheme(
        "identity",
        "identity",
        1.0,
        preserves="the signal itself",
        when="recurrent ReLUs, and layers that should start by passing on what they get",
        source="Le et al. 2015",
        aliases=("dirac", "eye"),
    ),
    Scheme(
        "zeros",
        "constant",
        0.0,
        preserves="nothing",
        when="biases, and the last layer of a residual branch; never whole networks",
        source="",
        aliases=("zero",),
    ),
    Scheme(
        "ones",
        "constant",
        1.0,
        preserves="nothing",
        when="scales of normalization layers; never whole networks",
        source="",
        aliases=("one",),
    ),
    Scheme(
        "constant",
        "constant",
        1.0,
        None,
        preserves="nothing",
        when="a bias that starts at a known value, which is the gain",
        source="",
    ),
    Scheme(
        "uniform",
        "uniform",
        1.0,
        None,
        preserves="nothing by itself",
        when="a bound found elsewhere, which is the gain",
        source="",
    ),
    Scheme(
        "normal",
        "normal",
        1.0,
        None,
        preserves="nothing by itself",
        when="a standard deviation found elsewhere, which is the gain",
        source="",
        aliases=("gaussian",),
    ),
    Scheme(
        "truncated_normal",
        "truncated_normal",
        1.0,
        None,
        preserves="nothing by itself",
        when="as normal, without outliers: the gain is the standard deviation after the cut",
        source="",
    ),
)

SCHEMES: Mapping[str, Scheme] = MappingProxyType({row.name: row for row in _ROWS})


def _key(name: str) -> str:
    return name.lower().translate({ord(c): None for c in "_- "})


_BY_KEY = {_key(name): row for row in _ROWS for name in (row.name, *row.aliases)}


def scheme(name: str) -> Scheme:
    """Return the row of a scheme by its name or an alias.

    Parameters
    ----------
    name : str
        Case, underscores, hyphens and spaces do not count.

    Returns
    -------
    Scheme

    Raises
    ------
    TypeError
        If name is not a string.
    ValueError
        If there is no such scheme; the message lists near names.

    Examples
    --------
    >>> from irwinhall import schemes
    >>> schemes.scheme("Kaiming uniform").name, schemes.scheme("glorot_normal").name
    ('he_uniform', 'xavier_normal')
    """
    if not isinstance(name, str):
        raise TypeError(f"name must be a string, got {name!r} ({type(name).__name__})")
    return row_of(name)


def scale(scheme: str | Scheme, fan_in: int, fan_out: int, *, gain: Gain = None) -> float:
    """Return the bound, standard deviation or other scale of a scheme for a layer.

    scale = gain * rule(fan_in, fan_out), the bound of a uniform law, the standard deviation of a
    normal or truncated normal one; `Scheme` says what it is for the others.

    Parameters
    ----------
    scheme : str or Scheme
        A name or alias of `SCHEMES`, or a row.
    fan_in, fan_out : int
        Inputs that feed an output, outputs that an input feeds; at least 1. See `irwinhall.fans`.
    gain : float, str or callable, optional
        As for `sample_weights`.

    Returns
    -------
    float
        For letkeman and letkeman_normalized at gain 1 the exact bound rounded once; with a gain
        there is one more rounding. The other rows are within 3 units in the last place.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described; the message names it.

    Examples
    --------
    >>> from irwinhall import schemes
    >>> schemes.scale("letkeman", 784, 256)
    0.07752376048912427
    >>> schemes.scale("lecun_normal", 256, 64)
    0.0625
    >>> schemes.scale("lecun_uniform", 300, 64, gain=2)
    0.2
    """
    row = row_of(scheme)
    plain_fans = Fans(checked_count("fan_in", fan_in, 1), checked_count("fan_out", fan_out, 1))
    return _scale(row, plain_fans, plain_gain(row, gain))


def statistics(scheme: str | Scheme, fan_in: int, fan_out: int, *, gain: Gain = None) -> Statistics:
    """Return the exact statistics of a dense layer's weights, and what the layer preserves.

    Parameters
    ----------
    scheme, fan_in, fan_out, gain
        As for `scale`.

    Returns
    -------
    Statistics

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described; the message names it. delta_orthogonal needs fan_out to
        be at least fan_in.

    Notes
    -----
    With n = fan_in, m = fan_out and the magnitude c of a coordinate of a random unit vector among
    max(n, m), c = Gamma(d/2) / (sqrt(pi) Gamma((d+1)/2)) for d = max(n, m):

    ===========  ==============  ===============  ==========================================
    law          E|w|            E w^2            forward magnitude (backward: m for n)
    ===========  ==============  ===============  ==========================================
    uniform      bound/2         bound^2/3        bound A(n)
    normal       sqrt(2/pi) std  std^2            sqrt(2n/pi) std
    orthogonal   gain c          gain^2/max(n,m)  gain sqrt(n) c
    identity                     (on average)     gain min(n,m)/m (backward: over n)
    constant     abs(value)      value^2          n abs(value)
    ===========  ==============  ===============  ==========================================

    The forward variance is n E w^2, the backward one m E w^2, for all of them.

    Examples
    --------
    >>> from irwinhall import schemes
    >>> row = schemes.statistics("xavier_standard", 100, 100)
    >>> round(row.forward_magnitude, 4), round(row.forward_variance, 4)
    (0.4609, 0.3333)
    >>> round(schemes.statistics("letkeman_normalized", 784, 256).backward_magnitude, 4)
    0.8442
    """
    row = row_of(scheme)
    n, m = checked_count("fan_in", fan_in, 1), checked_count("fan_out", fan_out, 1)
    number = plain_gain(row, gain)
    factor = _scale(row, Fans(n, m), number)
    size = abs(factor)
    mean = 0.0
    forward: float | None
    backward: float | None
    if row.law == "uniform":
        bound, magnitude, square = size, size / 2, size * size / 3
        std = size / math.sqrt(3.0)
        forward, backward, _ = preserved_magnitude(n, m, size)
    elif row.law == "normal":
        bound, magnitude, square = math.inf, size * _NORMAL_MAGNITUDE, size * size
        std = size
        forward, backward = magnitude * math.sqrt(n), magnitude * math.sqrt(m)
    elif row.law == "truncated_normal":
        bound, magnitude, square = size * _CUT_BOUND, size * _CUT_MAGNITUDE, size * size
        std = size
        forward = backward = None
    elif row.law in ("orthogonal", "delta_orthogonal"):
        if row.law == "delta_orthogonal":
            _check_delta(n, m)
        larger = max(n, m)
        bound, magnitude, square = size, size * _coordinate(larger), size * size / larger
        std = size / math.sqrt(larger)
        forward, backward = magnitude * math.sqrt(n), magnitude * math.sqrt(m)
    elif row.law == "identity":
        smaller, larger = min(n, m), max(n, m)
        bound, magnitude, square = size, size / larger, size * size / larger
        mean, std = factor / larger, size * (math.sqrt(larger - 1) / larger)
        forward, backward = size * smaller / m, size * smaller / n
    else:
        bound, magnitude, square = size, size, size * size
        mean, std = factor, 0.0
        forward, backward = size * n, size * m
    return Statistics(bound, mean, std, magnitude, n * square, m * square, forward, backward)


def sample_weights(
    shape: Shape | None,
    scheme: str | Scheme = "letkeman",
    *,
    rng: Seed | Stream = None,
    name: str = "",
    in_axis: Axes = -2,
    out_axis: Axes = -1,
    batch_axis: Axes = (),
    groups: SupportsIndex = 1,
    active_inputs: SupportsIndex | None = None,
    gain: Gain = None,
    dtype: DTypeLike | None = None,
    out: Any = None,
    region: Region | None = None,
    threads: int | None = None,
) -> Any:
    """Return random weights of a layer, sized by a scheme.

    Parameters
    ----------
    shape : int or sequence of int
        Shape of the whole weight, even when only a region is wanted; None takes out's.
    scheme : str or Scheme
        A name or alias of `irwinhall.schemes.SCHEMES`, or a row of your own.
    rng : int, bytes, Stream, numpy.random.SeedSequence, numpy.random.Generator or None
        What the weights are drawn from, as `irwinhall.Stream` takes it: None is fresh entropy, a
        Generator is advanced, all others give the same weights again for the same name.
    name : str
        The parameter's qualified name. Parameters of one model share a seed and differ by name; two
        of one name and shape are equal. A Stream given as rng is asked for its child of that name.
    in_axis, out_axis, batch_axis, groups
        Which axes are inputs, outputs and stacked independent weights such as experts, and how many
        groups a convolution has, as for `irwinhall.fans`. All other axes are the receptive field.
        Schemes whose scale depends on neither fans nor axes, such as zeros and normal, take any
        shape; what is given and is not the default must still be true of it.
    active_inputs : int, optional
        How many of the inputs of in_axis are not 0 at a time: 1 for a one-hot input or one out of a
        softmax (the article's active node method). It replaces their number in fan_in, which
        becomes active_inputs * receptive field; fan_out stays as it is.
    gain : float, str or callable, optional
        A number, or the activation that the layer reads, for `irwinhall.gain` to find the number
        that keeps the variance. It takes the place of the scheme's own gain: sqrt(2) for he_*, 1
        for others. For the rows constant, uniform, normal and truncated_normal it is the value,
        the bound or the standard deviation, and must be given.
    dtype, out, region, threads
        As for `irwinhall.Stream.uniform`; without dtype, out's, else float32. A region gets the
        scale of the whole, and the same bits as the slice of the whole.

    Returns
    -------
    ndarray
        A new array, or out.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described; the message names it. out is then untouched. An unknown
        scheme lists near names; a fan of 0, and a shape of fewer than 2 axes unless in_axis and
        out_axis say what it holds, are errors wherever the scheme needs fans.

    Notes
    -----
    A uniform scheme gives exactly ``Stream(rng, name).uniform(shape, bound)`` with its bound from
    `irwinhall.schemes.scale`, normal and truncated normal ones the same from their methods. Nothing
    is ever divided by what was realised, so every shard knows its scale from the shape alone.

    *Why active_inputs multiplies the receptive field.* A convolution over one-hot channels has one
    active channel at each position of its kernel, so an output sums active_inputs * receptive field
    weights. For dense layers there is no difference. With groups it counts inputs of one group.

    *Orthogonal.* For each stacked weight and each group, the matrix whose rows are inputs times
    receptive field and whose columns are outputs has orthonormal columns, or rows if these are
    fewer, times the gain. It is the Q of a QR decomposition of normals in float64, its signs those
    that make R's diagonal positive, which makes it uniform (Haar) among all such matrices [1]_; it
    is rounded to float32 or float64 at the end, and float32 to the smaller types. A region costs
    the work of the stacked weights that it touches. The decomposition is LAPACK's: from
    one LAPACK to another it is equal up to rounding, grown by the condition of the normals, and not
    bit for bit.

    *delta_orthogonal* has such a matrix in the middle of its receptive field and is 0 elsewhere;
    *identity* has 1 times the gain where input and output have the same number, in the middle too.
    The middle of k is (k - 1) // 2, which leaves an image in its place under "same" padding.

    References
    ----------
    .. [1] F. Mezzadri, "How to generate random matrices from the classical compact groups", 2007.

    Examples
    --------
    >>> import irwinhall
    >>> weights = irwinhall.sample_weights((784, 256), rng=1, name="hidden.weight")
    >>> weights.dtype, bool(abs(weights).max() < irwinhall.letkeman_bound(784))
    (dtype('float32'), True)
    >>> rows = irwinhall.sample_weights(
    ...     (784, 256), rng=1, name="hidden.weight", region=slice(100, 200)
    ... )
    >>> bool((rows == weights[100:200]).all())
    True
    >>> kernel = irwinhall.sample_weights(  # PyTorch's layout
    ...     (64, 32, 3, 3), "he_normal", in_axis=1, out_axis=0, rng=1, name="conv.weight"
    ... )
    >>> round(float(kernel.std()), 2), round(irwinhall.schemes.scale("he_normal", 288, 576), 2)
    (0.08, 0.08)
    >>> irwinhall.sample_weights(3, "constant", gain=-4.5)
    array([-4.5, -4.5, -4.5], dtype=float32)
    """
    row = row_of(scheme)
    if shape is None and (out is None or region is not None):
        raise TypeError("shape must be given, unless out is given and region is not")
    whole = checked_shape(writable_array(out).shape if shape is None else shape)
    number = plain_gain(row, gain)
    factor, layout = _sized(
        whole, row, number, in_axis, out_axis, batch_axis, groups, active_inputs
    )

    stream = _stream(rng, name)
    if factor != 0.0 and row.law in _DRAWN_LAWS:
        draw = getattr(stream, row.law)
        try:
            return draw(whole, factor, dtype=dtype, out=out, region=region, threads=threads)
        except ValueError:
            _check_range(row, number, factor, element_type(dtype, _dtype_of(out))[0])
            raise
    start, count = checked_region(region, whole)

    def values() -> Any:
        if row.law not in _MATRIX_LAWS or factor == 0.0 or 0 in count:
            return factor
        if row.law == "identity":
            return _identity(layout, start, count) * factor
        if row.law == "delta_orthogonal":
            return _delta_orthogonal(layout, start, count, stream, threads) * factor
        return _orthogonal(layout, start, count, stream, threads) * factor

    return _written(values, factor, whole, count, dtype, out, region, threads)


def scale_of(
    shape: Shape,
    scheme: str | Scheme = "letkeman",
    *,
    in_axis: Axes = -2,
    out_axis: Axes = -1,
    batch_axis: Axes = (),
    groups: SupportsIndex = 1,
    active_inputs: SupportsIndex | None = None,
    gain: Gain = None,
    dtype: DTypeLike | None = None,
) -> float:
    """Return the scale that `sample_weights` gives to a weight, without drawing anything.

    Parameters
    ----------
    shape, scheme, in_axis, out_axis, batch_axis, groups, active_inputs, gain
        As for `sample_weights`.
    dtype : optional
        The element type that must be able to hold the scale.

    Returns
    -------
    float
        The bound, standard deviation or other scale, as `Scheme` says.

    Raises
    ------
    TypeError, ValueError
        As for `sample_weights`.

    Examples
    --------
    >>> from irwinhall import schemes
    >>> kernel = schemes.scale_of((64, 32, 3, 3), "he_normal", in_axis=1, out_axis=0)
    >>> kernel == schemes.scale("he_normal", 288, 576)
    True
    """
    row = row_of(scheme)
    number = plain_gain(row, gain)
    whole = checked_shape(shape)
    factor, _ = _sized(whole, row, number, in_axis, out_axis, batch_axis, groups, active_inputs)
    if dtype is not None and factor != 0.0:
        _check_range(row, number, factor, element_type(dtype, None)[0])
    return factor


# ---- arguments -----------------------------------------------------------------------------------


def _sized(
    whole: tuple[int, ...],
    row: Scheme,
    gain: float,
    in_axis: Axes,
    out_axis: Axes,
    batch_axis: Axes,
    groups: SupportsIndex,
    active_inputs: SupportsIndex | None,
) -> tuple[float, _Layout]:
    """Return the scale of a weight, and which of its axes are what, for schemes that ask."""
    by_fans = callable(row.rule)
    if active_inputs is not None and not by_fans:
        raise ValueError(
            f"active_inputs must be left out for {row.name}, "
            f"whose scale does not depend on fan_in, got {active_inputs!r}"
        )
    axes = {
        "in_axis": plain_axes("in_axis", in_axis),
        "out_axis": plain_axes("out_axis", out_axis),
        "batch_axis": plain_axes("batch_axis", batch_axis),
    }
    groups = checked_count("groups", groups, 1)
    layout = _Layout(whole, (), (), (), 1)
    layer = Fans(1, 1)
    if by_fans or row.law in _MATRIX_LAWS:
        layer = fans(whole, **axes, groups=groups)
        layout = _Layout.of(whole, axes, groups)
        if row.law == "delta_orthogonal":
            _check_delta(layout.inputs, layout.outputs_of_group)
        if active_inputs is not None:
            layer = _with_active_inputs(layer, layout.inputs, active_inputs)
    else:
        _check_unused(whole, axes, groups)
    return _scale(row, layer, gain), layout


def row_of(scheme: object) -> Scheme:
    """Return the row that a scheme is or names."""
    if isinstance(scheme, Scheme):
        if scheme.law not in get_args(Law):
            raise ValueError(f"law must be one of {', '.join(get_args(Law))}, got {scheme.law!r}")
        return scheme
    if not isinstance(scheme, str):
        raise TypeError(
            f"scheme must be a name or a Scheme, got {scheme!r} ({type(scheme).__name__})"
        )
    row = _BY_KEY.get(_key(scheme))
    if row is None:
        import difflib

        near = dict.fromkeys(
            _BY_KEY[key].name for key in difflib.get_close_matches(_key(scheme), _BY_KEY, n=5)
        )
        listed = "did you mean " + " or ".join(near) if near else "one of " + ", ".join(SCHEMES)
        raise ValueError(f"scheme must be the name of a known one, got {scheme!r}; {listed}")
    return row


def plain_gain(row: Scheme, gain: Gain) -> float:
    """Return the gain to use: the one given, that of the activation given, or the row's own."""
    if gain is None:
        if row.gain is None:
            what = {"constant": "value", "uniform": "bound"}.get(row.law, "standard deviation")
            raise ValueError(f"gain must be given for {row.name}, whose {what} it is, got None")
        return row.gain
    number = activation_gain(gain) if isinstance(gain, str) or callable(gain) else gain
    number = checked_finite("gain", number)
    if number < 0.0 and row.law in _DRAWN_LAWS:
        raise ValueError(f"gain must be at least 0 for {row.name}, got {number}")
    return number


def _scale(row: Scheme, layer: Fans, gain: float) -> float:
    factor = gain * (row.rule(*layer) if callable(row.rule) else row.rule)
    if not math.isfinite(factor):
        raise ValueError(f"gain must give a finite scale for {row.name}, got {gain} and {factor}")
    if factor < 0.0 and row.law in _DRAWN_LAWS:
        raise ValueError(f"scheme must have a scale of at least 0, got {factor} for {row.name}")
    return factor


def _check_range(row: Scheme, gain: float, factor: float, code: int) -> None:
    """Refuse a scale that the element type cannot hold."""
    name, least, most = SCALES[code]
    if row.law == "uniform":
        wrong = not 2.0**least <= factor <= most
        rule = f"a bound from 2**{least} to {most:g}"
    else:
        what = "a std" if row.law in _DRAWN_LAWS else "weights"
        wrong, rule = abs(factor) > most, f"{what} of at most {most:g}"
    if wrong:
        raise ValueError(
            f"gain must give {row.name} {rule} for {name}, got {gain}, which gives {factor}"
        ) from None


def _check_unused(whole: tuple[int, ...], axes: dict[str, tuple[int, ...]], groups: int) -> None:
    """Check the axes and groups of a scheme that needs none, as far as they are not the default."""
    default = {"in_axis": (-2,), "out_axis": (-1,), "batch_axis": ()}
    axis_roles({role: named for role, named in axes.items() if named != default[role]}, whole)
    if groups > 1 and (whole or axes["out_axis"] != default["out_axis"]):
        outputs = math.prod(whole[axis] for axis in axes["out_axis"])
        if outputs % groups:
            raise ValueError(
                f"groups must divide the size of out_axis, got {groups} groups of {outputs} outputs"
            )


def _dtype_of(out: Any) -> np.dtype[Any] | None:
    return None if out is None else writable_array(out).dtype


def _with_active_inputs(layer: Fans, inputs: int, active_inputs: SupportsIndex) -> Fans:
    active = checked_count("active_inputs", active_inputs, 1)
    if active > inputs:
        raise ValueError(f"active_inputs must be at most the {inputs} inputs, got {active}")
    return Fans(layer.fan_in // inputs * active, layer.fan_out)


def _stream(rng: Seed | Stream, name: str) -> Stream:
    if isinstance(rng, Stream):
        return rng if name == "" else rng.child(name)
    try:
        return Stream(rng, name)
    except TypeError as error:
        if not isinstance(name, str):
            raise
        raise TypeError(f"rng must be an irwinhall.Stream or a seed: {error}") from None


# ---- laws ----------------------------------------------------------------------------------------

# Those that Stream has a method for, and those that need to know which axes are which.
_DRAWN_LAWS = ("uniform", "normal", "truncated_normal")
_MATRIX_LAWS = ("orthogonal", "delta_orthogonal", "identity")

# E|z| of a standard normal. Cut to [-2, 2] it has a standard deviation of 0.8796..., by which the
# truncated law divides: then its bound is 2.2737... and its magnitude 0.8272... of its own.
_NORMAL_MAGNITUDE = math.sqrt(2.0 / math.pi)
_CUT_MASS = math.erf(math.sqrt(2.0))
CUT_STD = math.sqrt(1.0 - 2.0 * _NORMAL_MAGNITUDE * math.exp(-2.0) / _CUT_MASS)
_CUT_BOUND = 2.0 / CUT_STD
_CUT_MAGNITUDE = _NORMAL_MAGNITUDE * (1.0 - math.exp(-2.0)) / _CUT_MASS / CUT_STD


def _coordinate(dimensions: int) -> float:
    """Return the mean magnitude of a coordinate of a random unit vector.

    Gamma(d/2) / (sqrt(pi) Gamma((d+1)/2)), whose product with that for d + 1 is 2/(pi d). Gamma
    overflows as d grows; from 200 on the asymptotic series

        sqrt(2/(pi d)) (1 + 1/(4d) + 1/(32d^2) - 5/(128d^3) - 21/(2048d^4) + 399/(8192d^5) + ...)

    is right to 1e-15.
    """
    if dimensions < 200:
        half = 0.5 * dimensions
        return math.gamma(half) / (math.sqrt(math.pi) * math.gamma(half + 0.5))
    series = 0.0
    for coefficient in (399 / 8192, -21 / 2048, -5 / 128, 1 / 32, 1 / 4, 1.0):
        series = series / dimensions + coefficient
    return math.sqrt(2.0 / (math.pi * dimensions)) * series


def _check_delta(inputs: int, outputs: int) -> None:
    if inputs > outputs:
        raise ValueError(
            "shape must have at least as many outputs as inputs for delta_orthogonal, "
            f"got {inputs} inputs and {outputs} outputs"
        )


class _Layout(NamedTuple):
    """Which axes of a weight are what, and how many inputs and outputs its matrices have."""

    whole: tuple[int, ...]
    in_axes: tuple[int, ...]
    out_axes: tuple[int, ...]
    batch_axes: tuple[int, ...]
    groups: int

    @classmethod
    def of(
        cls,
        whole: tuple[int, ...],
        axes: dict[str, tuple[int, ...]],
        groups: int,
    ) -> _Layout:
        roles = axis_roles(axes, whole)
        ins, outs, batches = (tuple(a for a in roles if roles[a] == role) for role in axes)
        return cls(whole, ins, outs, batches, groups)

    @property
    def field_axes(self) -> tuple[int, ...]:
        known = {*self.in_axes, *self.out_axes, *self.batch_axes}
        return tuple(axis for axis in range(len(self.whole)) if axis not in known)

    @property
    def inputs(self) -> int:
        return math.prod(self.sizes(self.in_axes))

    @property
    def outputs_of_group(self) -> int:
        return math.prod(self.sizes(self.out_axes)) // self.groups

    def sizes(self, axes: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(self.whole[axis] for axis in axes)


def _identity(layout: _Layout, start: tuple[int, ...], count: tuple[int, ...]) -> NDArray[np.bool]:
    """Return where in the region the identity matrix is 1."""
    places = np.ogrid[tuple(slice(s, s + c) for s, c in zip(start, count, strict=True))]

    def number(axes: tuple[int, ...]) -> Any:
        total: Any = 0
        for axis in axes:
            total = total * layout.whole[axis] + places[axis]
        return total

    ones = np.asarray(number(layout.in_axes) == number(layout.out_axes) % layout.outputs_of_group)
    for axis in layout.field_axes:
        ones = ones & (places[axis] == _middle(layout.whole[axis]))
    return np.broadcast_to(ones, count)


def _middle(size: int) -> int:
    return (size - 1) // 2


def _orthogonal(
    layout: _Layout,
    start: tuple[int, ...],
    count: tuple[int, ...],
    stream: Stream,
    threads: int | None,
) -> Array:
    """Return a region of orthogonal matrices, one for every place of the batch axes and group."""
    batches = layout.batch_axes
    rows_axes = tuple(
        axis for axis in range(len(layout.whole)) if axis not in {*batches, *layout.out_axes}
    )
    order = (*batches, *rows_axes, *layout.out_axes)
    rows, columns = math.prod(layout.sizes(rows_axes)), layout.outputs_of_group
    tall = max(rows, columns), min(rows, columns)
    shape = (math.prod(layout.sizes(batches)) * layout.groups, *tall)

    lengths = tuple(count[axis] for axis in batches)
    stack = np.empty((*lengths, rows, layout.groups, columns))
    for place in np.ndindex(lengths):
        index = 0
        for axis, offset in zip(batches, place, strict=True):
            index = index * layout.whole[axis] + start[axis] + offset
        part = slice(index * layout.groups, (index + 1) * layout.groups)
        normals = stream.normal(shape, dtype="float64", region=part, threads=threads)
        q, r = np.linalg.qr(normals)
        q *= np.copysign(1.0, np.diagonal(r, axis1=-2, axis2=-1))[:, np.newaxis, :]
        if rows < columns:
            q = q.transpose(0, 2, 1)
        stack[place] = q.transpose(1, 0, 2)

    weights = stack.reshape(lengths + layout.sizes((*rows_axes, *layout.out_axes)))
    weights = weights.transpose(np.argsort(order))
    inside = (
        slice(None) if axis in batches else slice(s, s + c)
        for axis, (s, c) in enumerate(zip(start, count, strict=True))
    )
    return weights[tuple(inside)]


def _delta_orthogonal(
    layout: _Layout,
    start: tuple[int, ...],
    count: tuple[int, ...],
    stream: Stream,
    threads: int | None,
) -> Array:
    """Return a region of kernels with an orthogonal matrix in the middle and 0 elsewhere."""
    weights = np.zeros(count)
    centre = list(start), list(count)
    target = [slice(None)] * len(count)
    flat = list(layout.whole)
    for axis in layout.field_axes:
        middle = _middle(layout.whole[axis])
        if not start[axis] <= middle < start[axis] + count[axis]:
            return weights
        target[axis] = slice(middle - start[axis], middle - start[axis] + 1)
        flat[axis], centre[0][axis], centre[1][axis] = 1, 0, 1
    matrices = layout._replace(whole=tuple(flat))
    weights[tuple(target)] = _orthogonal(
        matrices, tuple(centre[0]), tuple(centre[1]), stream, threads
    )
    return weights


def _written(
    values: Callable[[], Any],
    factor: float,
    whole: tuple[int, ...],
    count: tuple[int, ...],
    dtype: DTypeLike | None,
    out: Any,
    region: Region | None,
    threads: int | None,
) -> Any:
    """Return the values, none larger than `factor`, as an array of the type asked for, or in out.

    float16 and bfloat16 are the float32 rounded to nearest, as everywhere in the stream.
    """
    code, _ = element_type(dtype, _dtype_of(out))
    _, _, largest = SCALES[code]
    if abs(factor) > largest:
        raise ValueError(
            f"gain must give weights of at most {largest:g}, the largest of the dtype, got {factor}"
        )
    if threads is not None:
        checked_count("threads", threads, 1)

    def zeros() -> Any:
        # Makes the array, or checks out as every other law does; a deviation of 0 draws nothing.
        return Stream(0).normal(whole, 0.0, dtype=dtype, out=out, region=region, threads=threads)

    # A new array before the values, whose size it checks; out after them, untouched if they fail.
    if out is None:
        result = zeros()
        made = _rounded(values(), code)
    else:
        shape = writable_array(out).shape
        if shape != count:
            raise ValueError(f"out must have shape {count}, got {shape}")
        made = _rounded(values(), code)
        result = zeros()
    target = np.asarray(result)
    (target.view(np.uint16) if code == _core.BFLOAT16 else target)[...] = made
    return result


def _rounded(values: Any, code: int) -> NDArray[Any]:
    """Return the values as the element type, bfloat16 as its bits."""
    if code == _core.FLOAT64:
        return np.asarray(values, dtype=np.float64)
    single = np.asarray(values, dtype=np.float32)
    if code == _core.BFLOAT16:
        bits = single.view(np.uint32)
        return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)
    return single.astype(np.float16) if code == _core.FLOAT16 else single
