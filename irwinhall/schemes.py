"""Every initialization scheme in one table: its distribution, its scale, and its statistics.

`SCHEMES` has a row for every scheme: its distribution, the rule for its scale, and its gain.
`scale`, `statistics` and `irwinhall.sample_weights` read the table. To add a scheme, add a row.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, get_args

from irwinhall._arguments import (
    checked_choice,
    checked_count,
    checked_finite,
    checked_interval,
    checked_real,
    checked_truncation,
    shown,
)
from irwinhall._core import letkeman_bound, preserved_magnitude
from irwinhall._lookup import FrozenMapping, Names, row_repr
from irwinhall._moments import INTERVALS, interval_moments, truncated_moments
from irwinhall.gains import gain as activation_gain
from irwinhall.layouts import Fans

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Array: TypeAlias = NDArray[np.float64]

__all__ = ["SCHEMES", "Scheme", "Statistics", "scale", "scheme", "statistics"]

Law: TypeAlias = Literal[
    "uniform",
    "normal",
    "truncated_normal",
    "orthogonal",
    "delta_orthogonal",
    "identity",
    "constant",
    "uniform_between",
    "log_uniform",
    "log_of_uniform",
    "inverse_softplus_log_uniform",
]
_LAWS = get_args(Law)
_ENDLESS = tuple(law for law in _LAWS if law != "truncated_normal" and law not in INTERVALS)
_ELEMENTWISE = frozenset(("uniform", "normal", "truncated_normal", *INTERVALS))

Gain: TypeAlias = "float | str | Callable[[Array], ArrayLike] | None"


class Scheme(NamedTuple):
    """A row of `SCHEMES`.

    Every function that takes the name of a scheme also takes a row: make one to use a scheme that
    is not in the table.

    Attributes
    ----------
    name : str
        Its name in `SCHEMES`.
    law : str
        The distribution: "uniform", "normal", "truncated_normal", "orthogonal", "delta_orthogonal",
        "identity" or "constant"; or one on an interval, which has no scale: "uniform_between",
        "log_uniform", "log_of_uniform" or "inverse_softplus_log_uniform", as in `irwinhall.Stream`.
    rule : callable or float
        The scale at gain 1, as a function of (fan_in, fan_out), or a number that does not depend on
        them. The scale is the bound of a uniform distribution, the standard deviation of a normal
        or truncated normal one, the value of a constant, or the factor of an orthogonal or identity
        matrix. It is 1 for distributions on an interval.
    gain : float or None
        The default gain. If None, a gain must be given.
    preserves : str
        What weights of this scale preserve, at gain 1 or, for he_*, after ReLU.
    when : str
        When to use it.
    source : str
        The publication or project that it comes from.
    aliases : tuple of str
        Other names. Case, underscores, hyphens and spaces are ignored in all names.
    low, high : float
        The ends of a truncated normal, in standard deviations before truncation; or the ends of an
        interval.
    corrected : bool
        Whether the scale of a truncated normal is the standard deviation after truncation (true) or
        before it (false).

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
    low: float = -2.0
    high: float = 2.0
    corrected: bool = True

    def __repr__(self) -> str:
        return row_repr(self, "SCHEMES", SCHEMES)

    def with_ends(
        self,
        low: float | None = None,
        high: float | None = None,
        corrected: bool | None = None,
    ) -> Scheme:
        """Return a copy of the row with other values of low, high or corrected.

        Parameters
        ----------
        low, high : float, optional
            The ends.
        corrected : bool, optional
            Whether the scale is the standard deviation after truncation.

        Returns
        -------
        Scheme

        Examples
        --------
        >>> from irwinhall import schemes
        >>> row = schemes.SCHEMES["truncated_normal"].with_ends(-3, 3, corrected=False)
        >>> row.low, row.high, row.corrected
        (-3.0, 3.0, False)
        """
        asked = {"low": low, "high": high, "corrected": corrected}
        given: dict[str, Any] = {name: v for name, v in asked.items() if v is not None}
        allowed = ("low", "high", "corrected") if self.is_truncated else ("low", "high")
        for name, value in given.items():
            if not (self.is_truncated or self.is_interval) or name not in allowed:
                what = "truncated normals"
                if name != "corrected":
                    what += " and distributions on an interval"
                raise ValueError(
                    f"{name} must be left out for {self.name}, got {value!r}; it is for {what}"
                )
        return _with_checked_ends(self._replace(**given))

    @property
    def reads_fans(self) -> bool:
        """Whether the scale depends on the fans."""
        return callable(self.rule)

    @property
    def reads_axes(self) -> bool:
        """Whether the weight's axes must be known: for the fans, or to place a matrix."""
        return callable(self.rule) or self.is_matrix

    @property
    def is_constant(self) -> bool:
        """Whether every weight equals the scale."""
        return self.law == "constant"

    @property
    def is_matrix(self) -> bool:
        """Whether the weight is made of matrices, whose rows and columns are its axes."""
        return self.law in ("orthogonal", "delta_orthogonal", "identity")

    @property
    def is_random(self) -> bool:
        """Whether the weights depend on a stream."""
        return self.law not in ("identity", "constant")

    @property
    def is_truncated(self) -> bool:
        """Whether the weights are truncated normals."""
        return self.law == "truncated_normal"

    @property
    def is_interval(self) -> bool:
        """Whether the distribution is one on an interval, which takes no gain."""
        return self.law in INTERVALS

    @property
    def elementwise(self) -> bool:
        """Whether each element is drawn independently."""
        return self.law in _ELEMENTWISE

    @property
    def divisible(self) -> bool:
        """Whether a region costs time in proportion to its size; orthogonal matrices do not."""
        return self.law not in ("orthogonal", "delta_orthogonal")

    def deviation(self, scale: float) -> float:
        """Return the standard deviation before truncation of a truncated normal of a scale."""
        return scale / truncated_moments(self.low, self.high).std if self.corrected else scale

    def scale(self, fans: Fans, gain: float) -> float:
        """Return the scale of a layer: the gain times the value of the rule."""
        at_gain_1 = self.rule(*fans) if callable(self.rule) else self.rule
        if type(at_gain_1) is not float:
            at_gain_1 = checked_real(f"the scale of {self.name}", at_gain_1)
        factor = gain * at_gain_1
        if not math.isfinite(factor):
            raise ValueError(
                f"gain must give a finite scale for {self.name}, got gain {gain}, scale {factor}"
            )
        if factor < 0.0 and self.elementwise:
            raise ValueError(
                f"scheme must have a scale of at least 0, got {factor} for {self.name}"
            )
        return factor


class Statistics(NamedTuple):
    """Exact statistics of the weights of a dense layer, and of its signals.

    Attributes
    ----------
    bound : float
        The largest magnitude of a weight; infinite for normal distributions.
    mean, std, magnitude : float
        Mean, standard deviation and mean magnitude E|w| of a weight; for identity, over all
        weights.
    forward_variance, backward_variance : float
        Variance of the outputs for independent inputs of mean 0 and variance 1, and of the inputs'
        gradients for such output gradients, averaged over the nodes.
    forward_magnitude, backward_magnitude : float or None
        Mean magnitude of the outputs for inputs that are all 1, and of the inputs' gradients for
        output gradients that are all 1. None for truncated normals and distributions on an
        interval, which have no closed form.

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


def _inverse_of_fan_in(fan_in: int, fan_out: int) -> float:
    return 1 / fan_in


def _inverse_of_fan_out(fan_in: int, fan_out: int) -> float:
    return 1 / fan_out


def _siren(fan_in: int, fan_out: int) -> float:
    return math.sqrt(6 / fan_in)


def _bound_of_larger_fan(fan_in: int, fan_out: int) -> float:
    return math.sqrt(3 / max(fan_in, fan_out))


def _std_of_larger_fan(fan_in: int, fan_out: int) -> float:
    return math.sqrt(1 / max(fan_in, fan_out))


# ---- the table -----------------------------------------------------------------------------------

_LETKEMAN = "Letkeman 2021"
_TWIN = "normal counterpart of Letkeman 2021"
_GLOROT = "Glorot and Bengio 2010"
_HE = "He et al. 2015"
_LECUN = "LeCun et al. 1998"
_KALAFUS = "Kalafus, who describes it in words; the formula is our interpretation"
_SIREN = "Sitzmann et al. 2020"
_MAMBA = "Gu and Dao 2023, Dao and Gu 2024"
_RELU_GAIN = math.sqrt(2.0)

_ROWS = (
    Scheme(
        "letkeman",
        "uniform",
        _letkeman,
        preserves="forward magnitude of inputs that are all of magnitude 1",
        when="the default, for such inputs and a few layers: a wide linear layer multiplies the "
        "variance of random inputs by pi/2, one with ReLU by pi/4",
        source=_LETKEMAN,
        aliases=("letkeman_standard", "letkeman_uniform"),
    ),
    Scheme(
        "letkeman_normalized",
        "uniform",
        _letkeman_normalized,
        preserves="average magnitude of outputs and inputs' gradients, given magnitudes of 1",
        when="as letkeman, where gradients matter as much as signals and the fans are similar",
        source=_LETKEMAN,
        aliases=("letkeman_normalized_uniform",),
    ),
    Scheme(
        "letkeman_gaussian",
        "normal",
        _letkeman_gaussian,
        preserves="forward magnitude of inputs that are all of magnitude 1",
        when="as letkeman, where weights should be normal",
        source=_TWIN,
        aliases=("letkeman_normal",),
    ),
    Scheme(
        "letkeman_normalized_gaussian",
        "normal",
        _letkeman_normalized_gaussian,
        preserves="average magnitude of outputs and inputs' gradients, given magnitudes of 1",
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
        aliases=("torch_default", "lora_kaiming"),
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
        when="as xavier_uniform; not truncated, as in PyTorch",
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
        when="as he_uniform; not truncated, as in PyTorch",
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
        when="as he_uniform_fan_out; not truncated, as in PyTorch",
        source=_HE,
        aliases=("kaiming_normal_fan_out",),
    ),
    Scheme(
        "lecun_uniform",
        "uniform",
        _bound_of_fan_in,
        preserves="forward variance",
        when="SELU and linear layers, by some also sigmoid; inputs of variance 1",
        source=_LECUN,
    ),
    Scheme(
        "lecun_normal",
        "normal",
        _std_of_fan_in,
        preserves="forward variance",
        when="as lecun_uniform; not truncated, as in the article on SELU",
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
        when="where neither may grow; gain='relu' for ReLU, gain 1 for tanh",
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
        "siren_first",
        "uniform",
        _inverse_of_fan_in,
        preserves="outputs of magnitude at most 1, for inputs from -1 to 1",
        when="the first layer of a network of sin(omega0 x)",
        source=_SIREN,
    ),
    Scheme(
        "siren",
        "uniform",
        _siren,
        1 / 30,
        preserves="variance 1 of the sine's argument omega0 x, omega0 = 30",
        when="the other layers of a network of sin(omega0 x); the gain is 1/omega0",
        source=_SIREN,
    ),
    Scheme(
        "lora_gaussian",
        "normal",
        _inverse_of_fan_out,
        preserves="the squared norm, divided by the rank",
        when="the matrix A of LoRA, with as many outputs as the rank; B is zeros",
        source="Hu et al. 2021; the standard deviation is PEFT's for 'gaussian'",
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
        preserves="the norm of every pixel",
        when="deep convolutional networks without normalization; outputs no fewer than inputs",
        source="Xiao et al. 2018",
    ),
    Scheme(
        "identity",
        "identity",
        1.0,
        preserves="the signal itself",
        when="recurrent layers with ReLU, and layers that should start as the identity",
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
        when="a bias that starts at a known value, given as the gain",
        source="",
    ),
    Scheme(
        "uniform",
        "uniform",
        1.0,
        None,
        preserves="nothing by itself",
        when="a bound found elsewhere, given as the gain",
        source="",
    ),
    Scheme(
        "normal",
        "normal",
        1.0,
        None,
        preserves="nothing by itself",
        when="a standard deviation found elsewhere, given as the gain",
        source="",
        aliases=("gaussian",),
    ),
    Scheme(
        "truncated_normal",
        "truncated_normal",
        1.0,
        None,
        preserves="nothing by itself",
        when="as normal, without outliers: the gain is the standard deviation after truncation",
        source="",
    ),
    Scheme(
        "uniform_between",
        "uniform_between",
        1.0,
        preserves="nothing by itself",
        when="an interval found elsewhere, from low to high",
        source="",
        low=0.0,
        high=1.0,
    ),
    Scheme(
        "log_uniform",
        "log_uniform",
        1.0,
        preserves="nothing by itself",
        when="time steps and rates of any order of magnitude from low to high",
        source="",
        low=0.001,
        high=0.1,
    ),
    Scheme(
        "log_of_uniform",
        "log_of_uniform",
        1.0,
        preserves="decay rates from low to high",
        when="the A_log of Mamba 2, where A = -exp(A_log)",
        source=_MAMBA,
        aliases=("mamba_a_log",),
        low=1.0,
        high=16.0,
    ),
    Scheme(
        "inverse_softplus_log_uniform",
        "inverse_softplus_log_uniform",
        1.0,
        preserves="time steps from low to high",
        when="the dt_bias of Mamba, where the time step is softplus(dt_bias)",
        source=_MAMBA,
        aliases=("mamba_dt_bias",),
        low=0.001,
        high=0.1,
    ),
)

#: Every scheme by its name.
#:
#: :meta hide-value:
SCHEMES: Mapping[str, Scheme] = FrozenMapping({row.name: row for row in _ROWS})


_NAMES = Names("scheme", _ROWS)


def scheme(name: str) -> Scheme:
    """Return the row of a scheme by its name or an alias.

    Parameters
    ----------
    name : str
        Case, underscores, hyphens and spaces are ignored.

    Returns
    -------
    Scheme

    Raises
    ------
    TypeError
        If name is not a string.
    ValueError
        If there is no such scheme; the message suggests similar names.

    Examples
    --------
    >>> from irwinhall import schemes
    >>> schemes.scheme("Kaiming uniform").name, schemes.scheme("glorot_normal").name
    ('he_uniform', 'xavier_normal')
    """
    if not isinstance(name, str):
        raise TypeError(f"name must be a string, got {name!r} ({type(name).__name__})")
    return get_scheme(name)


def scale(
    scheme: str | Scheme,
    fan_in: int,
    fan_out: int,
    *,
    gain: Gain = None,
    low: float | None = None,
    high: float | None = None,
    corrected: bool | None = None,
) -> float:
    """Return the bound, standard deviation or other scale of a scheme for a layer.

    The scale is gain * rule(fan_in, fan_out): the bound of a uniform distribution, the standard
    deviation of a normal or truncated normal one, and for others as described by `Scheme`.

    Parameters
    ----------
    scheme : str or Scheme
        A name or alias of `SCHEMES`, or a row.
    fan_in, fan_out : int
        Inputs that feed an output, outputs that an input feeds; at least 1. See `irwinhall.fans`.
    gain, low, high, corrected
        As for `irwinhall.sample_weights`.

    Returns
    -------
    float
        The exact bound for letkeman and letkeman_normalized, rounded once, and once more with a
        gain. For the others, it is within 3 units in the last place.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described; the message names it.

    See Also
    --------
    irwinhall.sampling.scale_of : The scale for a shape.
    statistics : What weights of this scale preserve.

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
    row = get_scheme(scheme, low, high, corrected)
    plain_fans = Fans(checked_fan("fan_in", fan_in), checked_fan("fan_out", fan_out))
    return row.scale(plain_fans, resolve_gain(row, gain))


def statistics(
    scheme: str | Scheme,
    fan_in: int,
    fan_out: int,
    *,
    gain: Gain = None,
    low: float | None = None,
    high: float | None = None,
    corrected: bool | None = None,
) -> Statistics:
    """Return the exact statistics of the weights of a dense layer, and of its signals.

    Parameters
    ----------
    scheme, fan_in, fan_out, gain, low, high, corrected
        As for `scale`.

    Returns
    -------
    Statistics

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described; the message names it. delta_orthogonal needs fan_out to
        be at least fan_in.

    See Also
    --------
    scale : The scale alone.
    irwinhall.compare.compare : Every scheme for one layer.

    Notes
    -----
    Here n = fan_in, m = fan_out, d = max(n, m), and c = Gamma(d/2) / (sqrt(pi) Gamma((d+1)/2)) is
    the mean magnitude of a coordinate of a random unit vector in d dimensions:

    ===========  ==============  ===============  ==========================================
    law          E|w|            E w^2            forward magnitude (backward: m for n)
    ===========  ==============  ===============  ==========================================
    uniform      bound/2         bound^2/3        bound A(n)
    normal       sqrt(2/pi) std  std^2            sqrt(2n/pi) std
    orthogonal   gain c          gain^2/max(n,m)  gain sqrt(n) c
    identity                     (on average)     gain min(n,m)/m (backward: over n)
    constant     abs(value)      value^2          n abs(value)
    ===========  ==============  ===============  ==========================================

    The forward variance is n E w^2, the backward variance m E w^2, for all schemes. The moments of
    truncated normals and of distributions on an interval are integrated, to 1e-15.

    Examples
    --------
    >>> from irwinhall import schemes
    >>> row = schemes.statistics("xavier_standard", 100, 100)
    >>> round(row.forward_magnitude, 4), round(row.forward_variance, 4)
    (0.4609, 0.3333)
    >>> round(schemes.statistics("truncated_normal", 1, 1, gain=1.0, low=-3, high=3).bound, 4)
    3.0408
    >>> round(schemes.statistics("letkeman_normalized", 784, 256).backward_magnitude, 4)
    0.8442
    """
    row = get_scheme(scheme, low, high, corrected)
    n, m = checked_fan("fan_in", fan_in), checked_fan("fan_out", fan_out)
    factor = row.scale(Fans(n, m), resolve_gain(row, gain))
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
    elif row.is_truncated or row.is_interval:
        if row.is_interval:
            moments, unit = interval_moments(row.law, row.low, row.high), 1.0
        else:
            moments, unit = truncated_moments(row.low, row.high), row.deviation(size)
        mean, std, magnitude, bound = (unit * m if unit else 0.0 for m in moments)
        square = std * std + mean * mean
        forward = backward = None
    elif row.law in ("orthogonal", "delta_orthogonal"):
        if row.law == "delta_orthogonal":
            check_delta(n, m)
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


# ---- arguments -----------------------------------------------------------------------------------


def checked_fan(name: str, value: object) -> int:
    """Return a number of inputs or outputs as an int."""
    count = checked_count(name, value, 1)
    if count >= 2**63:
        raise ValueError(f"{name} must be less than 2**63, got {shown(count)}")
    return count


def get_scheme(
    scheme: object,
    low: float | None = None,
    high: float | None = None,
    corrected: bool | None = None,
) -> Scheme:
    """Return the row of a scheme, a name or a row, with other ends if they are given."""
    if type(scheme) is str and scheme in SCHEMES:
        row = SCHEMES[scheme]
    elif isinstance(scheme, Scheme):
        if scheme.law in _ENDLESS:
            row = scheme
        else:
            checked_choice("law", scheme.law, _LAWS)
            row = _with_checked_ends(scheme)
    elif isinstance(scheme, str):
        row = _NAMES.find(scheme)
    else:
        raise TypeError(
            f"scheme must be a name or a Scheme, got {scheme!r} ({type(scheme).__name__})"
        )
    if low is None and high is None and corrected is None:
        return row
    return row.with_ends(low, high, corrected)


def _with_checked_ends(row: Scheme) -> Scheme:
    """Return the row with its ends, if its law reads them, checked and made plain numbers."""
    if row.is_truncated:
        ends = checked_truncation(row.low, row.high, row.corrected)
        return row._replace(low=ends[0], high=ends[1], corrected=ends[2])
    if row.is_interval:
        positive, zero = row.law != "uniform_between", row.law == "log_of_uniform"
        low, high = checked_interval(row.low, row.high, positive=positive, zero=zero)
        return row._replace(low=low, high=high)
    return row


def resolve_gain(scheme: Scheme, gain: Gain) -> float:
    """Return the gain to use: the one given, that of the activation given, or the scheme's own."""
    if gain is None:
        if scheme.gain is None:
            what = {"constant": "value", "uniform": "bound"}.get(scheme.law, "standard deviation")
            raise ValueError(f"gain must be given for {scheme.name} as its {what}, got None")
        return scheme.gain
    number = activation_gain(gain) if isinstance(gain, str) or callable(gain) else gain
    number = checked_finite("gain", number)
    if number != 1.0 and scheme.is_interval:
        raise ValueError(
            f"gain must be left out for {scheme.name}, which low and high scale, got {number}"
        )
    if number < 0.0 and scheme.elementwise:
        raise ValueError(f"gain must be at least 0 for {scheme.name}, got {number}")
    return number


def check_delta(inputs: int, outputs: int) -> None:
    """Refuse delta-orthogonal weights that have more inputs than outputs."""
    if inputs > outputs:
        raise ValueError(
            "shape must have at least as many outputs as inputs for delta_orthogonal, "
            f"got {inputs} inputs and {outputs} outputs"
        )


# ---- laws ----------------------------------------------------------------------------------------

# E|z| of a standard normal.
_NORMAL_MAGNITUDE = math.sqrt(2.0 / math.pi)


def _coordinate(dimensions: int) -> float:
    """Return the mean magnitude of a coordinate of a random unit vector.

    Gamma(d/2) / (sqrt(pi) Gamma((d+1)/2)), whose product with that for d + 1 is 2/(pi d). Gamma
    overflows as d grows; from 200 on, the asymptotic series

        sqrt(2/(pi d)) (1 + 1/(4d) + 1/(32d^2) - 5/(128d^3) - 21/(2048d^4) + 399/(8192d^5) + ...)

    is accurate to 1e-15.
    """
    if dimensions < 200:
        half = 0.5 * dimensions
        return math.gamma(half) / (math.sqrt(math.pi) * math.gamma(half + 0.5))
    series = 0.0
    for coefficient in (399 / 8192, -21 / 2048, -5 / 128, 1 / 32, 1 / 4, 1.0):
        series = series / dimensions + coefficient
    return math.sqrt(2.0 / (math.pi * dimensions)) * series
