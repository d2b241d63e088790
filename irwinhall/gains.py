"""Gains: the factors on weights that compensate for an activation function.

One table, `ACTIVATIONS`, has a row for every activation. The exact gains of a row follow from
expected values over the standard normal density. They are correctly rounded to double in a
generated file, so that they do not depend on the version of NumPy. Gains of callables are computed
by quadrature. Other columns of a row hold the conventional numbers of frameworks and articles.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, get_args

import numpy as np

from irwinhall._arguments import checked_choice, checked_finite
from irwinhall._gain_constants import EXACT_GAINS, GATED_GAINS
from irwinhall._lookup import FrozenMapping, Names, row_repr
from irwinhall._quadrature import REACH, TOLERANCE, integral, nodes, root_density

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array: TypeAlias = NDArray[np.float64]
    Function: TypeAlias = Callable[[Array], ArrayLike]

__all__ = [
    "ACTIVATIONS",
    "GATED",
    "Activation",
    "FixedPoint",
    "Gated",
    "Moments",
    "activation",
    "derivative",
    "fixed_points",
    "gain",
    "moments",
    "table",
]

Preserve: TypeAlias = Literal["variance", "magnitude"]
Convention: TypeAlias = Literal["exact", "torch", "textbook"]


class ExactGains(NamedTuple):
    """The gains of an activation that keep the variance and the magnitude."""

    variance: float
    magnitude: float


class Activation(NamedTuple):
    """A row of `ACTIVATIONS`; call it to apply the activation to an array.

    Attributes
    ----------
    name : str
    function : callable
        Maps a float64 array to one of the same shape; takes (z, slope) if the row has a slope.
    source : str
        Where the activation comes from.
    aliases : tuple of str
        Other names. Case, underscores, hyphens and spaces are ignored in all names.
    slope : float or None
        Default slope for negative z; None for activations without one.
    exact : ExactGains, callable of the slope, or None
        The exact gains, correctly rounded; None to integrate `function`.
    torch, textbook : float, callable of the slope, or None
        Conventional gains, for `gain`'s `convention`; None where there is none.

    Examples
    --------
    >>> from irwinhall import gains
    >>> gains.activation("lrelu")
    ACTIVATIONS['leaky_relu']
    >>> gains.ACTIVATIONS["leaky_relu"]([-1.0, 2.0])
    array([-0.01,  2.  ])
    >>> gains.ACTIVATIONS["leaky_relu"]([-1.0, 2.0], slope=0.2)
    array([-0.2,  2. ])
    """

    name: str
    function: Callable[..., Array]
    source: str
    aliases: tuple[str, ...] = ()
    slope: float | None = None
    exact: ExactGains | Callable[[float], ExactGains] | None = None
    torch: float | Callable[[float], float] | None = None
    textbook: float | Callable[[float], float] | None = None

    def __repr__(self) -> str:
        return row_repr(self, "ACTIVATIONS", ACTIVATIONS)

    def __call__(self, z: ArrayLike, slope: float | None = None) -> Array:
        """Return the activation of every element of z as float64."""
        z = np.asarray(z, dtype=np.float64)
        slope = _checked_slope(self, slope)
        return self.function(z) if slope is None else self.function(z, slope)

    def with_slope(self, slope: float | None = None) -> Function:
        """Return the row's function of z alone, with this slope or the default one."""
        return lambda z: self(z, slope)


class Gated(NamedTuple):
    """A row of `GATED`: a unit y = (W x) act(V x), of two projections of its input.

    Attributes
    ----------
    name : str
    gate : str
        The activation act, a name of `ACTIVATIONS`.
    source : str
        Where the unit comes from.
    exact : ExactGains
        1 / sqrt(E y^2) and E|W x| / E|y|, correctly rounded, for projections that are independent
        standard normals.
    aliases : tuple of str
        Other names.

    Examples
    --------
    >>> from irwinhall import gains
    >>> row = gains.GATED["swiglu"]
    >>> row.gate, row.exact.variance == gains.gain("silu")
    ('silu', True)
    """

    name: str
    gate: str
    source: str
    exact: ExactGains
    aliases: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return row_repr(self, "GATED", GATED)


def gain(
    activation: str | Activation | Function,
    *,
    preserve: Preserve = "variance",
    at: float = 1.0,
    slope: float | None = None,
    convention: Convention = "exact",
) -> float:
    """Return the factor on the weights that compensates for an activation function.

    For preserve="variance" and "magnitude" it is ::

        sqrt(at / E f(z)^2)
        E|z| / E|f(z)| = sqrt(2 at/pi) / E|f(z)|

    with z normal of mean 0 and variance `at`. The gain is for the weights that read the
    activation's output.

    Parameters
    ----------
    activation : str or callable
        A name or alias of `irwinhall.gains.ACTIVATIONS` or `irwinhall.gains.GATED`, such as
        "swiglu" (case, underscores and hyphens are ignored), or any elementwise function of
        float64 arrays. For a function f of PyTorch tensors pass
        ``lambda z: f(torch.from_numpy(z))``.
    preserve : {"variance", "magnitude"}
        The property of the signal to keep.
    at : float
        The variance of the pre-activations. The gain for "variance" makes it a fixed point of the
        layer; `fixed_points` says whether a deep network stays at it. It has no effect for
        activations that are linear on either side of 0.
    slope : float, optional
        Slope for negative z of the activations that have one: leaky_relu (default 0.01, as in
        PyTorch and JAX; Keras takes 0.3 in its layer and 0.2 in its function) and prelu (0.25).
    convention : {"exact", "torch", "textbook"}
        "exact" is the formula above, "torch" the table of torch.nn.init.calculate_gain, and
        "textbook" the numbers in articles. The last two are for preserve="variance" at 1 only, and
        for the activations with a number in their column of `irwinhall.gains.table()`.

    Returns
    -------
    float

    Raises
    ------
    TypeError
        If activation is neither a name nor callable, slope is not a real number, or the callable
        returns something other than real numbers.
    ValueError
        If activation, preserve or convention is unknown, or the convention has no number for what
        is asked; if at is not positive and finite; if slope is not finite or is given to an
        activation without one; if the callable returns another shape or a value that is not
        finite, is zero everywhere, grows so fast that the integral diverges, or cannot be
        integrated (a random function, say).

    See Also
    --------
    irwinhall.gains.fixed_points : The variances that a layer keeps at a gain.
    irwinhall.gains.table : The gains of all activations.

    Notes
    -----
    *The mean does not enter "variance".* Weights of mean 0 and variance gain^2/n turn n inputs f(z)
    into sums of variance gain^2 E f(z)^2, whatever the mean of f(z): He et al. [1]_.

    *What "magnitude" preserves.* A Letkeman bound preserves the magnitude of inputs that all have
    the same magnitude. An activation changes it from E|z| to E|f(z)|, and the gain is the quotient.
    Like the bound, the gain treats every input as having its expected magnitude. In a network the
    inputs are random, and the magnitude of a sum of many depends on their second moment.

    *How to keep the variance.* Use the gain for "variance" with a scheme that keeps the variance at
    gain 1, such as lecun_normal. The Letkeman schemes multiply the variance of random inputs by
    pi/2 at gain 1, so that a wide layer that reads an activation multiplies it by
    pi/2 gain^2 E f(z)^2. For ReLU this factor is pi with the gain for "magnitude", 2; pi/2 with the
    gain for "variance", sqrt(2); and 1 with the gain 2/sqrt(pi).

    Pre-activations of magnitude 1 have at=pi/2.

    *The first layer* reads no activation. To turn inputs of mean square m into pre-activations of
    variance v, give it the gain sqrt(v/m), with a scheme that keeps the variance at gain 1.

    *Where conventions differ.* SELU: 3/4 in the torch and textbook columns, exactly 1 by its own
    article [2]_. tanh: 5/3 in torch, 1 in textbooks (its slope at 0), 1.5925... exactly. sigmoid: 1
    in both, 1.8462... exactly. The default is "exact", the only convention with one rule for every
    activation and callable that preserves what `preserve` names.

    *Gated units.* y = (W x) act(V x) has E y^2 = q E act(sqrt(q) z)^2 if both projections have
    variance q and are independent. At q = 1 the gain for "variance" is that of act, and the gain
    for "magnitude" is sqrt(pi/2) times as large. For another q the gain that keeps q is that of
    ``lambda z: act(math.sqrt(q) * z)``. It is for the weights that read y, not for W and V.

    *Accuracy.* Gains of names without a slope are correctly rounded. The relative error is below
    1e-15 for names with a slope, and below 1e-14 for piecewise smooth callables in float64,
    wherever their kinks and jumps are, as tested against 30-digit quadrature and closed forms. For
    callables of lower precision, or noisy ones, it is about that of their values.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren, J. Sun, "Delving Deep into Rectifiers", 2015.
    .. [2] G. Klambauer et al., "Self-Normalizing Neural Networks", 2017.

    Examples
    --------
    >>> import irwinhall
    >>> import numpy as np
    >>> irwinhall.gain("relu"), irwinhall.gain("relu", preserve="magnitude")
    (1.4142135623730951, 2.0)
    >>> irwinhall.gain("swiglu"), irwinhall.gain("glu", preserve="magnitude")
    (1.676532470331091, 2.0)
    >>> irwinhall.gain("leaky_relu", slope=0.2)
    1.3867504905630728
    >>> round(irwinhall.gain("tanh"), 12), irwinhall.gain("tanh", convention="torch")
    (1.592537419723, 1.6666666666666667)
    >>> round(irwinhall.gain(lambda z: np.minimum(np.exp(z), 1)), 12)
    1.223428557553
    >>> round(irwinhall.gain("silu"), 6), round(irwinhall.gain("silu", at=100), 6)
    (1.676532, 1.415954)
    """
    checked_choice("preserve", preserve, get_args(Preserve))
    checked_choice("convention", convention, get_args(Convention))
    variance = checked_finite("at", at)
    if variance <= 0.0:
        raise ValueError(f"at must be positive, got {at!r}")
    if convention != "exact" and variance != 1.0:
        raise ValueError(f"at must be 1 for convention {convention!r}, got {at!r}")

    gated = activation if isinstance(activation, Gated) else None
    if isinstance(activation, str):
        gated = _GATED_NAMES.get(activation)
    if gated is not None:
        if variance != 1.0:
            raise ValueError(f"at must be 1 for {gated.name}, got {at!r}")
        return _gated_gain(gated, preserve, slope, convention)
    row, slope = _checked_activation(activation, slope)
    if not isinstance(row, Activation):
        if convention != "exact":
            raise ValueError(f"convention must be 'exact' for a callable, got {convention!r}")
        return _integrated_gain(_rescaled(row, variance), preserve)
    if convention == "exact":
        return _exact_gain(row, preserve, slope, variance)
    return _conventional_gain(row, preserve, slope, convention)


class FixedPoint(NamedTuple):
    """A variance of pre-activations that a layer maps to itself, and its stability.

    Attributes
    ----------
    variance : float
        The fixed point.
    slope : float
        The factor by which each layer multiplies a small deviation from the fixed point.
    gradient : float
        The factor by which each layer multiplies the mean square of gradients, at the fixed point.

    Examples
    --------
    >>> from irwinhall import gains
    >>> [point.is_stable for point in gains.fixed_points("tanh", 1.5)]
    [False, True]
    """

    variance: float
    slope: float
    gradient: float

    @property
    def is_stable(self) -> bool:
        """Whether deviations shrink: whether the slope is between -1 and 1."""
        return abs(self.slope) < 1.0


def fixed_points(
    activation: str | Activation | Function,
    gain: float,
    *,
    bias_std: float = 0.0,
    slope: float | None = None,
) -> list[FixedPoint]:
    """Return the variances of pre-activations that a wide layer with this gain maps to themselves.

    They solve q = gain^2 E f(sqrt(q) z)^2 + bias_std^2, with z standard normal, for a layer that
    reads the activation f through weights of variance gain^2/fan_in.

    Parameters
    ----------
    activation : str or callable
        As for `gain`.
    gain : float
        The gain of the weights.
    bias_std : float
        The standard deviation of random biases.
    slope : float, optional
        As for `gain`.

    Returns
    -------
    list of FixedPoint
        In order of increasing variance: 0, if f(0) is 0 and there are no biases, and those between
        10^-6 and 10^6 where the integrals exist.

    Raises
    ------
    TypeError, ValueError
        As for `gain`; if gain is not positive and finite, or bias_std is negative; if the layer
        keeps every variance, as an activation that is linear on either side of 0 does at its gain.

    See Also
    --------
    gain : The gain that keeps a variance.
    irwinhall.flow.predict : Signals layer by layer.

    Notes
    -----
    *Existence.* ``gain(f, at=q)`` is the gain with the fixed point q, so every q is a fixed point
    of some gain. A gain that is not ``gain(f, at=q)`` for any q has no fixed point but 0: for tanh
    these are the gains up to 1, as E tanh(z)^2 < E z^2.

    *Uniqueness.* Without biases there is at most one besides 0 if E f(sqrt(q) z)^2 / q is monotonic
    in q. It decreases for tanh, ELU, SELU and others that saturate. Their fixed point is stable: a
    deep network converges to it from any start. It increases, from f'(0)^2 to 1/2, for SiLU, GELU
    and Mish. Then the fixed point is unstable for every gain: signals above it grow from layer to
    layer, signals below it fade. No gain alone keeps them; at a large variance, where these
    activations are nearly ReLU and slope is nearly 1, they drift slowly.

    *Accuracy.* The relative error is about 1e-12 / abs(slope - 1) for variances, 1e-12 for slopes
    and 1e-5 for gradients.

    Examples
    --------
    >>> from irwinhall import gain, gains
    >>> def show(points):
    ...     return [tuple(round(number, 4) for number in point) for point in points]
    >>> show(gains.fixed_points("tanh", 1.0))
    [(0.0, 1.0, 1.0)]
    >>> show(gains.fixed_points("tanh", gain("tanh")))
    [(0.0, 2.5362, 2.5362), (1.0, 0.4611, 1.1778)]
    >>> show(gains.fixed_points("silu", gain("silu")))
    [(0.0, 0.7027, 0.7027), (1.0, 1.1726, 1.0666)]
    """
    factor = checked_finite("gain", gain)
    if factor <= 0.0:
        raise ValueError(f"gain must be positive, got {gain!r}")
    bias = checked_finite("bias_std", bias_std)
    if bias < 0.0:
        raise ValueError(f"bias_std must be at least 0, got {bias_std!r}")
    row, slope = _checked_activation(activation, slope)
    function = row.with_slope(slope) if isinstance(row, Activation) else row
    excess = partial(_excess, function, factor, bias)
    points = []
    if bias == 0.0 and _values(function, np.zeros(1))[0] == 0.0:
        points.append(_fixed_point(function, factor, _LEAST_VARIANCE)._replace(variance=0.0))
    values: list[float] = []
    for variance in _VARIANCES:
        try:
            values.append(excess(variance))
        except ValueError:  # where the integral does not exist, or is all in the far tails
            values.append(math.nan)
    if not np.isfinite(values).any():
        excess(1.0)  # raises
    if max(map(abs, values)) < _KEPT:
        raise ValueError(f"gain must not keep every variance, as {gain!r} does")
    for variance, before, after in zip(_VARIANCES, values, values[1:], strict=False):
        if before == 0.0 or before * after < 0.0:
            found = _crossing(excess, variance, variance * _VARIANCE_STEP)
            points.append(_fixed_point(function, factor, found))
    return points


class Moments(NamedTuple):
    """Expected values of an activation f and its derivative, over normal pre-activations.

    Attributes
    ----------
    mean, square : float
        The expected values of f and of its square.
    slope_magnitude, slope_square : float
        The expected values of the derivative's magnitude and of its square.

    Examples
    --------
    >>> from irwinhall import gains
    >>> gains.Moments._fields
    ('mean', 'square', 'slope_magnitude', 'slope_square')
    """

    mean: float
    square: float
    slope_magnitude: float
    slope_square: float


@lru_cache(maxsize=1024)
def moments(activation: str | Activation, variance: float = 1.0) -> Moments:
    """Return E f(z), E f(z)^2, E|f'(z)| and E f'(z)^2 for z normal of mean 0 and this variance.

    Parameters
    ----------
    activation : str or Activation
        A name or alias of `ACTIVATIONS`, or a row. A row with a slope has its default.
    variance : float
        Positive.

    Returns
    -------
    Moments
        The moments of the derivative have a relative error of 1e-5, as `derivative` takes
        differences.

    Raises
    ------
    TypeError, ValueError
        As for `gain`.

    Examples
    --------
    >>> from irwinhall import gains
    >>> [round(number, 6) for number in gains.moments("relu", 4.0)]
    [0.797885, 2.0, 0.5, 0.5]
    """
    row = activation if isinstance(activation, Activation) else _NAMES.find(activation)
    variance = checked_finite("variance", variance)
    if variance <= 0.0:
        raise ValueError(f"variance must be positive, got {variance}")
    if row.function in _HOMOGENEOUS and variance != 1.0:
        unit = moments(row, 1.0)
        return unit._replace(mean=math.sqrt(variance) * unit.mean, square=variance * unit.square)
    function, std = row.with_slope(), math.sqrt(variance)
    scaled = _rescaled(function, variance)

    def slope(z: Array) -> Array:
        return derivative(function, std * z)

    above = _mean_magnitude(lambda z: np.maximum(scaled(z), 0.0))
    below = _mean_magnitude(lambda z: np.maximum(np.negative(scaled(z)), 0.0))
    return Moments(
        std * (above - below),
        variance * _moment(scaled),
        _mean_magnitude(slope, _SLOPE_TOLERANCE),
        _moment(slope, _SLOPE_TOLERANCE),
    )


def derivative(activation: Function, z: Array) -> Array:
    """Return the derivative of an activation, by central differences.

    The derivative is (f(z + h) - f(z - h)) / 2h with h = 2^-17 max(1, abs(z)). If f(0) = 0, h is
    2^-17 abs(z), which keeps the derivative accurate for signals that have nearly vanished. If the
    two halves of the difference disagree, because of a kink or a jump between them, the half nearer
    0 is returned: the derivative of ReLU at 0 is 0, as in the frameworks.

    Parameters
    ----------
    activation : callable
        A function of an array.
    z : ndarray of float
        The points at which to take the derivative.

    Returns
    -------
    ndarray of float64

    Examples
    --------
    >>> import numpy as np
    >>> from irwinhall import gains
    >>> gains.derivative(gains.activation("relu"), np.array([-2.0, 0.0, 1e-90]))
    array([0., 0., 1.])
    >>> gains.derivative(gains.activation("tanh"), np.array([0.0, 0.5])).round(8)
    array([1.        , 0.78644773])
    """
    least = 2.0**-1000 if np.asarray(activation(np.zeros(1)))[0] == 0.0 else 1.0
    step = 2.0**-17 * np.maximum(np.abs(z), least)
    value, more, less = (np.asarray(activation(x), np.float64) for x in (z, z + step, z - step))
    above, below = (more - value) / step, (value - less) / step
    differ = np.abs(above - below) > 2.0**-10 * np.maximum(np.abs(above), np.abs(below))
    differ &= np.abs(above - below) > 2.0**-10
    smaller = np.where(np.abs(above) < np.abs(below), above, below)
    result: Array = np.where(differ, smaller, 0.5 * (above + below))
    return result


def activation(name: str) -> Activation:
    """Return the row of an activation by its name or an alias.

    Parameters
    ----------
    name : str
        Case, underscores, hyphens and spaces are ignored.

    Returns
    -------
    Activation

    Raises
    ------
    TypeError
        If name is not a string.
    ValueError
        If there is no such activation; the message suggests similar names.

    Examples
    --------
    >>> from irwinhall import gains
    >>> swish = gains.activation("Swish")
    >>> swish.name, float(swish(1.0))
    ('silu', 0.7310585786300049)
    """
    if not isinstance(name, str):
        raise TypeError(f"name must be a string, got {name!r} ({type(name).__name__})")
    return _NAMES.find(name)


def table() -> str:
    """Return the gains of all activations as text.

    Returns
    -------
    str

    See Also
    --------
    gain : The gain of one activation.

    Examples
    --------
    >>> from irwinhall import gains
    >>> print(gains.table())
    activation      variance  magnitude     torch  textbook
    linear          1.000000   1.000000  1.000000  1.000000
    relu            1.414214   2.000000  1.414214  1.414214
    leaky_relu      1.414143   1.980198  1.414143  1.414143
    prelu           1.371989   1.600000         -         -
    relu6           1.414214   2.000000         -         -
    relu_squared    0.816497   1.595769         -         -
    elu             1.245198   1.251851         -         -
    selu            1.000000   0.951746  0.750000  0.750000
    gelu            1.533530   2.000000         -         -
    gelu_tanh       1.533581   2.000000         -         -
    gelu_sigmoid    1.539459   2.000000         -         -
    silu            1.676532   2.000000         -         -
    mish            1.486848   1.741793         -         -
    softplus        1.041867   0.989859         -         -
    squareplus      0.816497   0.719265         -         -
    tanh            1.592537   1.435098  1.666667  1.000000
    lecun_tanh      1.154369   1.074650         -         -
    sigmoid         1.846229   1.595769  1.000000  1.000000
    log_sigmoid     1.041867   0.989859         -         -
    softsign        2.337533   2.071731         -         -
    tanhshrink      2.338368   3.298335         -         -
    softshrink      1.544361   2.016932         -         -
    hardshrink      1.015796   1.133148         -         -
    hardtanh        1.392036   1.263968         -         -
    hard_sigmoid    1.897840   1.595769         -         -
    hard_silu       1.736657   2.000000         -         -
    sine            1.520867   1.377674         -         -
    exp             0.367879   0.483941         -         -
    bilinear        1.000000   1.253314         -         -
    glu             1.846229   2.000000         -         -
    reglu           1.414214   2.506628         -         -
    geglu           1.533530   2.506628         -         -
    swiglu          1.676532   2.506628         -         -
    """
    header = f"{'activation':<14}{'variance':>10}{'magnitude':>11}{'torch':>10}{'textbook':>10}"
    lines = [header]
    for row in ACTIVATIONS.values():
        exact = [_exact_gain(row, preserve, row.slope, 1.0) for preserve in get_args(Preserve)]
        quoted = [_at(number, row.slope) for number in (row.torch, row.textbook)]
        lines.append(
            f"{row.name:<14}{exact[0]:>10.6f}{exact[1]:>11.6f}"
            + "".join(f"{'-':>10}" if number is None else f"{number:>10.6f}" for number in quoted)
        )
    for unit in GATED.values():
        lines.append(f"{unit.name:<14}{unit.exact.variance:>10.6f}{unit.exact.magnitude:>11.6f}")
        lines[-1] += 2 * f"{'-':>10}"
    return "\n".join(lines)


# ---- the activations -----------------------------------------------------------------------------
#
# Written so that large arguments do not overflow and the tails keep their digits.


def _piecewise_linear(z: Array, slope: float) -> Array:
    return np.where(z < 0, slope * z, z)


def _piecewise_linear_gains(slope: float) -> ExactGains:
    # E f(z)^2 = (1 + slope^2)/2 and E|f(z)| = (1 + |slope|)/2 E|z|.
    return ExactGains(math.sqrt(2.0) / math.hypot(1.0, slope), 2.0 / (1.0 + abs(slope)))


def _he_gain(slope: float) -> float:
    # As torch.nn.init.calculate_gain computes it, for the same bits.
    return math.sqrt(2.0 / (1.0 + slope**2))


def _linear(z: Array) -> Array:
    return z.copy()


def _relu(z: Array) -> Array:
    return np.maximum(z, 0.0)


def _relu6(z: Array) -> Array:
    return np.clip(z, 0.0, 6.0)


def _relu_squared(z: Array) -> Array:
    return np.square(np.maximum(z, 0.0))


def _elu(z: Array) -> Array:
    return np.where(z < 0, np.expm1(np.minimum(z, 0.0)), z)


def _selu(z: Array) -> Array:
    # The two constants that make mean 0 and variance 1 a fixed point.
    scale, alpha = 1.0507009873554804934, 1.6732632423543772848
    return scale * np.where(z < 0, alpha * np.expm1(np.minimum(z, 0.0)), z)


def _erfc(z: Array) -> Array:
    return np.array([math.erfc(x) for x in z.ravel()], dtype=np.float64).reshape(z.shape)


def _gelu(z: Array) -> Array:
    return 0.5 * z * _erfc(-z / math.sqrt(2.0))


def _gelu_tanh(z: Array) -> Array:
    # (1 + tanh(x))/2 is the sigmoid of 2 x.
    return z * _sigmoid(2.0 * math.sqrt(2.0 / math.pi) * z * (1.0 + 0.044715 * z * z))


def _gelu_sigmoid(z: Array) -> Array:
    return z * _sigmoid(1.702 * z)


def _sigmoid(z: Array) -> Array:
    return np.exp(_log_sigmoid(z))


def _log_sigmoid(z: Array) -> Array:
    return -np.logaddexp(0.0, -z)


def _silu(z: Array) -> Array:
    return z * _sigmoid(z)


def _softplus(z: Array) -> Array:
    return np.logaddexp(0.0, z)


def _mish(z: Array) -> Array:
    return z * np.tanh(_softplus(z))


def _softsign(z: Array) -> Array:
    return z / (1.0 + np.abs(z))


def _squareplus(z: Array) -> Array:
    # (z + sqrt(z^2 + 4))/2, as 2/(|z| + sqrt(z^2 + 4)) where z < 0.
    larger = 0.5 * (np.abs(z) + np.hypot(z, 2.0))
    return np.where(z < 0, 1.0 / larger, larger)


def _lecun_tanh(z: Array) -> Array:
    return 1.7159 * np.tanh(z * (2.0 / 3.0))


def _tanhshrink(z: Array) -> Array:
    return z - np.tanh(z)


def _hardtanh(z: Array) -> Array:
    return np.clip(z, -1.0, 1.0)


def _hard_sigmoid(z: Array) -> Array:
    return np.clip(z + 3.0, 0.0, 6.0) / 6.0


def _hard_silu(z: Array) -> Array:
    return z * _hard_sigmoid(z)


def _soft_shrink(z: Array) -> Array:
    return z - np.clip(z, -0.5, 0.5)


def _hard_shrink(z: Array) -> Array:
    return np.where(np.abs(z) > 0.5, z, 0.0)


_CONVOLUTIONS = tuple(f"conv{kind}{d}d" for kind in ("", "_transpose") for d in (1, 2, 3))

# Rows without exact gains get theirs from the generated constants below.
_WRITTEN = (
    Activation(
        "linear",
        _linear,
        "LeCun et al. 1998",
        aliases=("identity", *_CONVOLUTIONS),
        exact=_piecewise_linear_gains(1.0),
        torch=1.0,
        textbook=1.0,
    ),
    Activation(
        "relu",
        _relu,
        "Nair and Hinton 2010; gain He et al. 2015",
        exact=_piecewise_linear_gains(0.0),
        torch=math.sqrt(2.0),
        textbook=math.sqrt(2.0),
    ),
    Activation(
        "leaky_relu",
        _piecewise_linear,
        "Maas et al. 2013; gain He et al. 2015",
        aliases=("lrelu",),
        slope=0.01,
        exact=_piecewise_linear_gains,
        torch=_he_gain,
        textbook=_he_gain,
    ),
    Activation(
        "prelu", _piecewise_linear, "He et al. 2015", slope=0.25, exact=_piecewise_linear_gains
    ),
    Activation("relu6", _relu6, "Krizhevsky 2010"),
    Activation("relu_squared", _relu_squared, "So et al. 2021", aliases=("relu2", "squared_relu")),
    Activation("elu", _elu, "Clevert et al. 2016", aliases=("celu",)),
    Activation("selu", _selu, "Klambauer et al. 2017", torch=3 / 4, textbook=3 / 4),
    Activation("gelu", _gelu, "Hendrycks and Gimpel 2016", aliases=("gelu_exact", "gelu_erf")),
    Activation(
        "gelu_tanh",
        _gelu_tanh,
        "Hendrycks and Gimpel 2016",
        aliases=("gelu_approximate", "gelu_fast", "gelu_new", "gelu_pytorch_tanh"),
    ),
    Activation("gelu_sigmoid", _gelu_sigmoid, "Hendrycks and Gimpel 2016", aliases=("quick_gelu",)),
    Activation("silu", _silu, "Elfwing et al. 2018", aliases=("swish",)),
    Activation("mish", _mish, "Misra 2020"),
    Activation("softplus", _softplus, "Dugas et al. 2001"),
    Activation("squareplus", _squareplus, "Barron 2021"),
    Activation("tanh", np.tanh, "Glorot and Bengio 2010", torch=5 / 3, textbook=1.0),
    Activation("lecun_tanh", _lecun_tanh, "LeCun et al. 1998"),
    Activation(
        "sigmoid",
        _sigmoid,
        "Glorot and Bengio 2010",
        aliases=("logistic",),
        torch=1.0,
        textbook=1.0,
    ),
    Activation("log_sigmoid", _log_sigmoid, "torch.nn.LogSigmoid"),
    Activation("softsign", _softsign, "Bergstra et al. 2009"),
    Activation("tanhshrink", _tanhshrink, "torch.nn.Tanhshrink"),
    Activation("softshrink", _soft_shrink, "torch.nn.Softshrink, its default threshold 1/2"),
    Activation("hardshrink", _hard_shrink, "torch.nn.Hardshrink, its default threshold 1/2"),
    Activation("hardtanh", _hardtanh, "Collobert 2004"),
    Activation(
        "hard_sigmoid",
        _hard_sigmoid,
        "Howard et al. 2019: clip(z + 3, 0, 6)/6, not clip(z/5 + 1/2)",
    ),
    Activation("hard_silu", _hard_silu, "Howard et al. 2019", aliases=("hard_swish",)),
    Activation("sine", np.sin, "Sitzmann et al. 2020, without its factor 30", aliases=("sin",)),
    Activation("exp", np.exp, "keras.activations.exponential", aliases=("exponential",)),
)

_ROWS = tuple(
    row if row.exact else row._replace(exact=ExactGains(*EXACT_GAINS[row.name])) for row in _WRITTEN
)
#: Every activation by its name.
#:
#: :meta hide-value:
ACTIVATIONS: Mapping[str, Activation] = FrozenMapping({row.name: row for row in _ROWS})
_NAMES = Names("activation", _ROWS)
# Activations whose gains do not depend on the variance.
_HOMOGENEOUS = frozenset({_linear, _relu, _piecewise_linear})


def _checked_activation(
    activation: object, slope: float | None
) -> tuple[Activation | Function, float | None]:
    """Return the row of an activation and the slope to use, or a callable without one."""
    if isinstance(activation, Activation):
        row = activation
    elif isinstance(activation, str):
        row = _NAMES.find(activation)
    elif callable(activation):
        if slope is not None:
            raise ValueError(f"slope must be left out for a callable, got {slope!r}")
        return activation, None
    else:
        raise TypeError(
            "activation must be a name or a callable, "
            f"got {activation!r} ({type(activation).__name__})"
        )
    return row, _checked_slope(row, slope)


_SHAZEER = "Shazeer 2020"
_GATED_ROWS = tuple(
    Gated(name, gate, source, ExactGains(*GATED_GAINS[name]))
    for name, gate, source in (
        ("bilinear", "linear", "Dauphin et al. 2017"),
        ("glu", "sigmoid", "Dauphin et al. 2017"),
        ("reglu", "relu", _SHAZEER),
        ("geglu", "gelu", _SHAZEER),
        ("swiglu", "silu", _SHAZEER),
    )
)
#: Every gated unit by its name.
#:
#: :meta hide-value:
GATED: Mapping[str, Gated] = FrozenMapping({row.name: row for row in _GATED_ROWS})
_GATED_NAMES = Names("gated unit", _GATED_ROWS)


def _checked_slope(row: Activation, slope: object) -> float | None:
    """Return the slope to use: the one given, or the row's."""
    if slope is None:
        return row.slope
    if row.slope is None:
        having = " and ".join(other.name for other in _ROWS if other.slope is not None)
        raise ValueError(
            f"slope must be left out for {row.name}, got {slope!r}; only {having} have one"
        )
    if isinstance(slope, (bool, np.bool, str)) or not hasattr(slope, "__float__"):
        raise TypeError(f"slope must be a real number, got {slope!r} ({type(slope).__name__})")
    number = float(slope)
    if not math.isfinite(number):
        raise ValueError(f"slope must be finite, got {slope!r}")
    return number


# ---- gains ---------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def _exact_gain(row: Activation, preserve: Preserve, slope: float | None, variance: float) -> float:
    exact = row.exact
    if exact is None or not (variance == 1.0 or row.function in _HOMOGENEOUS):
        return _integrated_gain(_rescaled(row.with_slope(slope), variance), preserve)
    if callable(exact):
        assert slope is not None
        exact = exact(slope)
    return exact.variance if preserve == "variance" else exact.magnitude


def _gated_gain(
    row: Gated, preserve: Preserve, slope: float | None, convention: Convention
) -> float:
    if slope is not None:
        raise ValueError(f"slope must be left out for {row.name}, got {slope!r}")
    if convention != "exact":
        raise ValueError(f"convention must be 'exact' for {row.name}, got {convention!r}")
    return row.exact.variance if preserve == "variance" else row.exact.magnitude


def _conventional_gain(
    row: Activation, preserve: Preserve, slope: float | None, convention: Convention
) -> float:
    if preserve != "variance":
        raise ValueError(
            f"preserve must be 'variance' for convention {convention!r}, got {preserve!r}"
        )
    number = _at(getattr(row, convention), slope)
    if number is None:
        known = ", ".join(other.name for other in _ROWS if getattr(other, convention) is not None)
        raise ValueError(
            f"convention must be 'exact' for {row.name}, got {convention!r}, which only has {known}"
        )
    return number


def _at(number: float | Callable[[float], float] | None, slope: float | None) -> float | None:
    if callable(number):
        assert slope is not None
        return number(slope)
    return number


# Of values as small as this the gain is still a finite double.
_SMALLEST = 2.0**-1000


def _integrated_gain(function: Function, preserve: Preserve, tolerance: float = TOLERANCE) -> float:
    # A power of 2 near the function's size, so that squares neither overflow nor underflow.
    z = nodes()
    values = _values(function, z)
    size = _size(values, z)
    if size < _SMALLEST:
        raise ValueError(f"activation must not vanish, got values of at most {size:.0e}")
    exponent = math.frexp(size)[1]
    # Values of less than double precision, as JAX returns, differ by their own rounding.
    if values.dtype.kind == "f":
        tolerance = max(tolerance, float(np.finfo(values.dtype).eps))

    def integrand(z: Array) -> Array:
        scaled = np.abs(np.ldexp(_values(function, z).astype(np.float64), -exponent))
        scaled *= root_density(z)
        if preserve == "variance":
            return np.square(scaled)
        return scaled * root_density(z)

    moment = integral(integrand, tolerance, "activation")
    if preserve == "variance":
        return math.ldexp(1.0 / math.sqrt(moment), -exponent)
    return math.ldexp(math.sqrt(2.0 / math.pi) / moment, -exponent)


def _rescaled(function: Function, variance: float) -> Function:
    """Return f(s z)/s, whose gains at variance 1 are those of f at variance s^2."""
    if variance == 1.0:
        return function
    std = math.sqrt(variance)
    return lambda z: np.asarray(function(std * z)) / std


# ---- fixed points --------------------------------------------------------------------------------

_VARIANCE_STEP = 10.0**0.125
_VARIANCES = tuple(1e-6 * _VARIANCE_STEP**k for k in range(97))
# A variance that counts as 0 if f(0) is 0.
_LEAST_VARIANCE = 1e-16
# The rounding error of `_excess` where a variance is kept.
_KEPT = 1e-12


def _excess(function: Function, gain: float, bias_std: float, variance: float) -> float:
    """Return the relative growth of a variance in a layer."""
    return gain**2 * _moment(_rescaled(function, variance)) + bias_std**2 / variance - 1.0


def _crossing(function: Callable[[float], float], low: float, high: float) -> float:
    """Return where a function changes sign, by bisection of the logarithm."""
    at_low = function(low)
    if at_low == 0.0:
        return low
    while True:
        middle = math.sqrt(low) * math.sqrt(high)
        if not low < middle < high:
            return low
        value = function(middle)
        if value == 0.0:
            return middle
        if (value < 0.0) == (at_low < 0.0):
            low = middle
        else:
            high = middle


def _fixed_point(function: Function, gain: float, variance: float) -> FixedPoint:
    # d/dq E h(sqrt(q) z) = E h(sqrt(q) z) (z^2 - 1) / 2q, which needs no derivative.
    scaled = _rescaled(function, variance)
    square = _moment(scaled)
    slope = gain**2 * 0.5 * (_moment(lambda z: z * np.asarray(scaled(z))) - square)
    std = math.sqrt(variance)
    gradient = gain**2 * _moment(lambda z: derivative(function, std * z), _SLOPE_TOLERANCE)
    return FixedPoint(variance, slope, gradient)


# The noise of the differences, which the quadrature must not resolve.
_SLOPE_TOLERANCE = 2.0**-26


def _moment(function: Function, tolerance: float = TOLERANCE) -> float:
    """Return the mean square of a function of a standard normal; 0 for one that vanishes."""
    return 0.0 if _vanishes(function) else _integrated_gain(function, "variance", tolerance) ** -2


def _mean_magnitude(function: Function, tolerance: float = TOLERANCE) -> float:
    """Return the mean magnitude of a function of a standard normal; 0 for one that vanishes."""
    if _vanishes(function):
        return 0.0
    return math.sqrt(2.0 / math.pi) / _integrated_gain(function, "magnitude", tolerance)


def _vanishes(function: Function) -> bool:
    z = nodes()
    return _size(_values(function, z), z) < _SMALLEST


def _size(values: NDArray[Any], z: Array) -> float:
    """Return the largest of a function's values, weighted by the root of the density."""
    return float(np.max(np.abs(values.astype(np.float64)) * root_density(z)))


def _values(function: Function, z: Array) -> NDArray[Any]:
    """Return function(z), checked, in its own precision."""
    try:
        # The values show what NumPy would warn of.
        with np.errstate(all="ignore"):
            values = np.asarray(function(z.copy()))
    except Exception as error:
        error.add_note(
            f"irwinhall.gain called activation with a float64 array of shape {z.shape}; "
            "it must take such arrays elementwise"
        )
        raise
    if values.dtype.kind not in "fiub":
        raise TypeError(f"activation must return real numbers, got an array of {values.dtype}")
    if values.shape != z.shape:
        raise ValueError(
            f"activation must return an array of the shape that it is given, {z.shape}, "
            f"got {values.shape}"
        )
    finite = np.isfinite(values)
    if not finite.all():
        first = int(np.argmin(finite))
        raise ValueError(
            f"activation must be finite for |z| < {REACH}, got {values[first]} at z = {z[first]}"
        )
    return values
