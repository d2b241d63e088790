"""Signals and gradients, layer by layer, through a deep network that has only been initialized.

The network has no biases and is not trained. Its signal starts as independent standard normals z_0,
and its gradient likewise at the last layer::

    z_l = f(z_{l-1}) W_l           g_{l-1} = (g_l W_l^T) f'(z_{l-1})

so that every layer reads the activation f. With a normalization N it reads f(N(z_{l-1})), and with
residual branches of a factor a, z_l = z_{l-1} + a f(N(z_{l-1})) W_l. The magnitude is the mean of
abs(z), or of abs(g), over units and samples. The variance is the mean square: the variance about 0,
which is the mean over random weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias, get_args

import numpy as np

from irwinhall._arguments import (
    checked_choice,
    checked_count,
    checked_finite,
    checked_progress,
    checked_real,
)
from irwinhall._infinite_width import Factors, mean_field
from irwinhall._keywords import takes
from irwinhall.gains import Activation, derivative
from irwinhall.gains import activation as activation_row
from irwinhall.sampling import sample_weights
from irwinhall.schemes import checked_fan, scale, scheme, statistics
from irwinhall.stream import Seed, Stream, as_stream

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array: TypeAlias = NDArray[np.float64]

__all__ = [
    "Explosion",
    "Flow",
    "Verdict",
    "default_schemes",
    "depth_reached",
    "explosion",
    "predict",
    "simulate",
    "verdict",
    "with_gain",
]

Progress: TypeAlias = Callable[[int], object]
Normalization: TypeAlias = Literal["batch", "layer", "rms"]


class Flow(NamedTuple):
    """Signals and gradients under a scheme, at every layer from 0 to the last.

    A signal that overflows is infinite from its layer on, and its gradient is nan. A signal that
    underflows is 0.

    Attributes
    ----------
    scheme : str
        The scheme, with its gain if one was given.
    forward_magnitude, forward_variance : ndarray
        Mean magnitude and mean square of the signal, layer by layer.
    backward_magnitude, backward_variance : ndarray
        The same of the gradient.

    Examples
    --------
    >>> from irwinhall import flow
    >>> (kept,) = flow.simulate(["orthogonal"], width=64, depth=20, activation="linear")
    >>> ratio = kept.forward_variance[20] / kept.forward_variance[0]
    >>> round(float(ratio), 6)
    1.0
    """

    scheme: str
    forward_magnitude: Array
    forward_variance: Array
    backward_magnitude: Array
    backward_variance: Array


# The change of the mean square, from the first layer to the last, that still counts as kept. That
# of 30 layers of letkeman with ReLU, to (pi/4)^30 = 7e-4, does, and that of 60 does not.
_MOST_CHANGE = 1e4
# The share of dead units at the end of the way from which on nothing is learned.
_MOST_DEAD = 0.9
# Layers of which all pairs are compared; more are thinned out.
_MOST_LAYERS = 1000


class Verdict(NamedTuple):
    """The verdict on a signal or a gradient, after all layers.

    Attributes
    ----------
    word : {"kept", "vanishing", "exploding", "dead"}
        kept: at the rate, the mean square changes by a factor of at most 10^4 over all layers.
        dead: at the end it is 0, or nine tenths of the units are 0 for every sample. exploding: it
        grows by more, or a value is infinite or nan.
    rate : float
        The factor on the mean square per layer; nan if fewer than two layers have a signal.
    layers : int
        The number of layers.

    Examples
    --------
    >>> from irwinhall import flow
    >>> print(flow.Verdict("vanishing", 0.5, 21))
    vanishing: times 0.5 a layer, times 9.5e-07 over 21 layers
    """

    word: str
    rate: float
    layers: int

    @property
    def change(self) -> float:
        """The factor on the mean square from the first layer to the last, at the rate."""
        return _power(self.rate, self.layers - 1)

    def __str__(self) -> str:
        if math.isnan(self.rate):
            return f"{self.word}: {self.layers} layers, too few with a signal for a rate"
        return (
            f"{self.word}: times {self.rate:.3g} a layer, "
            f"times {self.change:.2g} over {self.layers} layers"
        )


class Explosion(NamedTuple):
    """The variance of a layer's outputs in a linear network, expected and simulated.

    Attributes
    ----------
    variance_of_weights : float
        The variance of the weights.
    layer : int
        The number of the layer, from 1.
    expected : float
        The expected variance of the layer's outputs.
    simulated, standard_error : float
        The simulated variance and its standard error.

    Examples
    --------
    >>> from irwinhall import flow
    >>> row = next(flow.explosion(trials=50))
    >>> row.variance_of_weights, row.layer, row.expected
    (1.0, 1, 100.0)
    """

    variance_of_weights: float
    layer: int
    expected: float
    simulated: float
    standard_error: float


def default_schemes(activation: str = "relu") -> list[str]:
    """Return the schemes that are compared most, as arguments of `simulate`.

    Parameters
    ----------
    activation : str
        The name of an activation.

    Returns
    -------
    list of str

    Examples
    --------
    >>> from irwinhall import flow
    >>> flow.default_schemes("tanh")[-2:]
    ['kalafus_normal:tanh', 'orthogonal:tanh']
    """
    name = activation_row(activation).name
    return [
        "xavier_uniform",
        "he_normal",
        "letkeman",
        "letkeman_normalized",
        f"kalafus_normal:{name}",
        f"orthogonal:{name}",
    ]


def with_gain(text: str) -> tuple[str, float | str | None]:
    """Return the name and the gain in "name" or "name:gain".

    Parameters
    ----------
    text : str
        The name of a scheme, and after a colon its gain: a number or an activation's name.

    Returns
    -------
    name : str
    gain : float, str or None

    Raises
    ------
    TypeError, ValueError
        If there is no such scheme, or it cannot have such a gain; the message names it.

    Examples
    --------
    >>> from irwinhall import flow
    >>> [flow.with_gain(text) for text in ("kaiming_normal", "normal:0.02", "lecun_normal:elu")]
    [('he_normal', None), ('normal', 0.02), ('lecun_normal', 'elu')]
    """
    if not isinstance(text, str):
        raise TypeError(f"schemes must be strings, got {text!r} ({type(text).__name__})")
    name, colon, given = text.partition(":")
    gain: float | str | None = None
    if colon:
        try:
            gain = float(given)
        except ValueError:
            gain = given.strip()
    row = scheme(name)
    scale(row, 1, 1, gain=gain)  # checks the gain
    return row.name, gain


@takes("rng", not_="seed")
def simulate(
    schemes: Iterable[str] | None = None,
    *,
    width: int | Sequence[int] = 256,
    depth: int = 50,
    activation: str | Activation = "relu",
    normalization: Normalization | None = None,
    residual: float | None = None,
    batch: int = 32,
    rng: Seed | Stream = 0,
    progress: Progress | None = None,
) -> list[Flow]:
    """Return the flow of signals and gradients through networks of several schemes.

    Parameters
    ----------
    schemes : iterable of str, optional
        Names of `irwinhall.schemes.SCHEMES`, each with its own gain unless one follows after a
        colon, a number or an activation: "he_normal", "normal:0.02", "xavier_uniform:tanh".
        Default `default_schemes`.
    width : int or sequence of int
        Units of the layers. A sequence is repeated: (128, 512) alternates between both.
    depth : int
        Number of layers, at least 1.
    activation : str or Activation
        A name or alias of `irwinhall.gains.ACTIVATIONS`, or your own row.
    normalization : {"batch", "layer", "rms"}, optional
        The normalization of every layer's input before the activation: to mean 0 and variance 1 of
        each unit over the batch ("batch") or of each sample over the units ("layer"), or to mean
        square 1 of each sample ("rms"). There is no epsilon and there are no learned parameters.
    residual : float, optional
        Adds the output of every layer, times this factor, to its input. All widths must be equal.
    batch : int
        Number of signals sent through; at least 2 with batch normalization.
    rng : int, bytes, Stream, numpy.random.SeedSequence, numpy.random.Generator or None
        The source of all random numbers. The weights are those of `irwinhall.sample_weights` for
        the names "layer.1", "layer.2", and so on, in float32. Computation is in float64.
    progress : callable, optional
        Called with the number of layers passed since the last call, 2 * depth for each scheme.

    Returns
    -------
    list of Flow

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described; the message names it.

    See Also
    --------
    predict : The same for infinite width, in closed form.
    verdict : Whether a signal is kept, in one word.
    irwinhall.plots.save_flow : Draws the result.

    Examples
    --------
    >>> from irwinhall import flow
    >>> fades, keeps = flow.simulate(["xavier_normal", "he_normal"], width=128, depth=20)
    >>> bool(fades.forward_variance[20] < 1e-4), bool(keeps.forward_variance[20] > 0.1)
    (True, True)
    """
    network = _checked_network(schemes, width, depth, activation, normalization, residual)
    checked_progress(progress)
    batch = checked_count("batch", batch, 2 if normalization == "batch" else 1)
    source = as_stream(rng)
    # Overflows show as inf.
    with np.errstate(all="ignore"):
        return [
            _flow(text, name, gain, network, batch, source, progress)
            for text, name, gain in network.schemes
        ]


def predict(
    schemes: Iterable[str] | None = None,
    *,
    width: int | Sequence[int] = 256,
    depth: int = 50,
    activation: str | Activation = "relu",
    normalization: Normalization | None = None,
    residual: float | None = None,
) -> list[Flow]:
    """Return the flow of networks of infinite width, in closed form.

    Parameters
    ----------
    schemes, width, depth, activation, normalization, residual
        As for `simulate`. The widths determine the scale of the weights.

    Returns
    -------
    list of Flow
        Expected values. With residual branches, the magnitude of gradients has no closed form and
        is nan. All values after a layer whose moments are not finite, or not accurate, are nan.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described, or the weights of a scheme are not random with mean 0;
        the message names it.

    See Also
    --------
    simulate : The same by simulation, for a finite width.
    depth_reached : The number of layers after which a signal has changed.

    Notes
    -----
    The error grows with depth / width. The mean square of one network of ReLUs differs from the
    expected one by a factor of about exp(+-sqrt(5 depth / width)), and its magnitude is usually
    below the prediction, which is that of a signal with the mean size of many. At an unstable fixed
    point, such as those of SiLU, GELU and Mish, random deviations grow by its slope in every layer
    (`irwinhall.gains.fixed_points`), and the prediction holds only for the first layers. With batch
    normalization the batch is also assumed to be large.

    Examples
    --------
    >>> from irwinhall import flow
    >>> for one in flow.predict(["letkeman", "he_normal"], width=1024):
    ...     print(one.scheme, f"{one.forward_variance[50]:.2g}", flow.depth_reached(one))
    letkeman 5.7e-06 39
    he_normal 1 None
    """
    network = _checked_network(schemes, width, depth, activation, normalization, residual)
    flows = []
    with np.errstate(all="ignore"):
        for text, name, gain in network.schemes:
            sizes = list(zip(network.widths, network.widths[1:], strict=False))
            found = {size: statistics(name, *size, gain=gain) for size in set(sizes)}
            if not scheme(name).is_random or any(of_size.mean for of_size in found.values()):
                raise ValueError(
                    f"schemes must have random weights of mean 0 to be predicted, got {text!r}"
                )
            layers = [
                Factors(found[size].forward_variance, found[size].backward_variance)
                for size in sizes
            ]
            flows.append(
                Flow(text, *mean_field(layers, network.activation, normalization, network.residual))
            )
    return flows


def depth_reached(flow: Flow) -> int | None:
    """Return the number of layers after which signals or gradients have vanished or exploded.

    Parameters
    ----------
    flow : Flow
        From `simulate` or `predict`.

    Returns
    -------
    int or None
        The least number of layers that change the mean square of either by a factor of more than
        10^4; None if there is none.

    See Also
    --------
    predict : The flow in closed form.

    Examples
    --------
    >>> from irwinhall import flow
    >>> fades, keeps = flow.predict(["xavier_normal", "he_normal"])
    >>> flow.depth_reached(fades), flow.depth_reached(keeps)     # a half in every layer
    (14, None)
    """
    for layers, squares in enumerate(
        zip(flow.forward_variance, flow.backward_variance[::-1], strict=True)
    ):
        first = flow.forward_variance[0], flow.backward_variance[-1]
        for square, start in zip(squares, first, strict=True):
            if not start / _MOST_CHANGE <= square <= start * _MOST_CHANGE:
                return layers
    return None


@takes("rng", not_="seed")
def explosion(
    variances: Iterable[float] = (1.0, 0.001),
    *,
    width: int = 100,
    depth: int = 5,
    trials: int = 1000,
    rng: Seed | Stream = 0,
    progress: Progress | None = None,
) -> Iterator[Explosion]:
    """Yield the variance of the outputs of a linear network, layer by layer.

    With normal weights of variance v and inputs of variance 1, it is (width v)^l at layer l.

    Parameters
    ----------
    variances : iterable of float
        Variances of the weights.
    width, depth, trials : int
        Units of every layer; number of layers; number of independent networks, at least 2.
    rng : int, bytes, Stream, numpy.random.SeedSequence, numpy.random.Generator or None
        The source of the simulation's weights.
    progress : callable, optional
        Called from time to time with the number of weights drawn since the last call.

    Yields
    ------
    Explosion

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described; the message names it.

    See Also
    --------
    simulate : Any scheme and activation.

    Examples
    --------
    >>> from irwinhall import flow
    >>> rows = list(flow.explosion([0.001], trials=200))
    >>> [f"{row.expected:.5f}" for row in rows]
    ['0.10000', '0.01000', '0.00100', '0.00010', '0.00001']
    >>> all(abs(row.simulated - row.expected) < 5 * row.standard_error for row in rows)
    True
    """
    width = checked_count("width", width, 1)
    depth = checked_count("depth", depth, 1)
    checked_progress(progress)
    trials = checked_count("trials", trials, 2)
    stream = as_stream(rng)
    step = max(1, (1 << 20) // width**2)
    for variance in variances:
        if not 0.0 <= variance < math.inf:
            raise ValueError(f"variances must be finite and at least 0, got {variance}")
        squares = np.empty((depth, trials))
        inputs = stream.child("input").normal((trials, width), dtype="float64")
        for start in range(0, trials, step):
            part = slice(start, min(start + step, trials))
            signal = inputs[part, np.newaxis]
            for layer in range(depth):
                weights = sample_weights(
                    (trials, width, width),
                    "normal",
                    gain=math.sqrt(variance),
                    rng=stream,
                    name=f"layer.{layer + 1}",
                    dtype="float64",
                    region=part,
                )
                with np.errstate(all="ignore"):
                    signal = signal @ weights
                    squares[layer, part] = np.square(signal).mean(axis=(1, 2))
                if progress:
                    progress(weights.size)
        with np.errstate(all="ignore"):
            means = squares.mean(axis=1)
            errors = squares.std(axis=1, ddof=1) / math.sqrt(trials)
        for layer in range(depth):
            yield Explosion(
                float(variance),
                layer + 1,
                _power(width * variance, layer + 1),
                float(means[layer]),
                float(errors[layer]),
            )


def verdict(mean_squares: ArrayLike, *, dead: float = 0.0) -> Verdict:
    """Return whether a signal is kept, vanishes, explodes or is dead.

    The rate is the median of the rates between any two layers (Theil and Sen). A few layers that
    are much smaller or larger than the others, such as the last of a classifier, do not change it.

    Parameters
    ----------
    mean_squares : array
        The mean square at every layer, in the order in which the signal or gradient passes them.
    dead : float
        The share of units at the last of these layers that are 0 for every sample.

    Returns
    -------
    Verdict

    Raises
    ------
    ValueError
        If mean_squares does not have one axis.

    Examples
    --------
    >>> from irwinhall import flow
    >>> (he,) = flow.simulate(["he_normal"], width=64, depth=20)
    >>> flow.verdict(he.forward_variance).word
    'kept'
    >>> flow.verdict([1.0, 0.02, 4e-4, 8e-6, 1.6e-7])
    Verdict(word='vanishing', rate=0.02..., layers=5)
    """
    dead = checked_real("dead", dead)
    try:
        values = np.asarray(mean_squares, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise type(error)(f"mean_squares must be real numbers: {error}") from None
    if values.ndim != 1:
        raise ValueError(f"mean_squares must have one axis, got shape {values.shape}")
    seen = np.flatnonzero(np.isfinite(values) & (values > 0.0))
    seen = seen[:: max(1, -(-seen.size // _MOST_LAYERS))]
    rate = math.nan
    if seen.size > 1:
        logs = np.log(values[seen])
        one, other = np.triu_indices(seen.size, 1)
        slopes = (logs[other] - logs[one]) / (seen[other] - seen[one])
        rate = math.exp(float(np.median(slopes)))
    found = Verdict("kept", rate, values.size)
    is_finite = np.isfinite(values).all()
    if is_finite and values.size and (values[-1] == 0.0 or dead > _MOST_DEAD):
        return found._replace(word="dead")
    if not is_finite or found.change > _MOST_CHANGE:
        return found._replace(word="exploding")
    if found.change < 1.0 / _MOST_CHANGE:
        return found._replace(word="vanishing")
    return found


# ---- the network ---------------------------------------------------------------------------------


class _Network(NamedTuple):
    schemes: list[tuple[str, str, float | str | None]]
    widths: list[int]
    activation: Activation
    normalization: Normalization | None
    residual: float | None


def _checked_network(
    schemes: Iterable[str] | None,
    width: int | Sequence[int],
    depth: int,
    activation: str | Activation,
    normalization: Normalization | None,
    residual: float | None,
) -> _Network:
    if not isinstance(activation, (str, Activation)):
        raise TypeError(
            "activation must be a name or an Activation, "
            f"got {activation!r} ({type(activation).__name__})"
        )
    row = activation if isinstance(activation, Activation) else activation_row(activation)
    if schemes is not None and not isinstance(schemes, Iterable):
        raise TypeError(
            f"schemes must be a list of names, got {schemes!r} ({type(schemes).__name__})"
        )
    texts = default_schemes(row.name) if schemes is None else list(schemes)
    chosen = [(text, *with_gain(text)) for text in texts]
    depth = checked_count("depth", depth, 1)
    cycle = tuple(width) if isinstance(width, Sequence) else (width,)
    if not cycle:
        raise ValueError("width must hold at least one number, got none")
    plain = [checked_fan("width", units) for units in cycle]
    checked_choice("normalization", normalization, (*get_args(Normalization), None))
    if residual is not None:
        residual = checked_finite("residual", residual)
        if len(set(plain)) > 1:
            raise ValueError(f"width must be one number with residual, got {width!r}")
    widths = [plain[layer % len(plain)] for layer in range(depth + 1)]
    return _Network(chosen, widths, row, normalization, residual)


def _flow(
    text: str,
    name: str,
    gain: float | str | None,
    network: _Network,
    batch: int,
    stream: Stream,
    progress: Progress | None,
) -> Flow:
    _, widths, activation, normalization, residual = network
    depth = len(widths) - 1

    def weights(layer: int) -> Array:
        # Made again on the way back rather than kept: the same name gives the same bits.
        shape = widths[layer - 1], widths[layer]
        drawn = sample_weights(shape, name, rng=stream, name=f"layer.{layer}", gain=gain)
        result: Array = drawn.astype(np.float64)
        return result

    signal: Array = stream.child("input").normal((batch, widths[0]), dtype="float64")
    signals = [signal]
    for layer in range(1, depth + 1):
        branch = activation(_normalized(signal, normalization)) @ weights(layer)
        signal = branch if residual is None else signal + residual * branch
        if not np.isfinite(signal).all():
            signal = np.full_like(signal, np.inf)
        signals.append(signal)
        if progress:
            progress(1)

    gradient: Array = stream.child("gradient").normal((batch, widths[depth]), dtype="float64")
    gradients = [gradient]
    for layer in range(depth, 0, -1):
        before = signals[layer - 1]
        if not np.isfinite(signals[layer]).all():
            gradient = np.full_like(before, np.nan)
        elif np.isfinite(gradient).all():
            read = _normalized(before, normalization)
            branch = (gradient @ weights(layer).T) * derivative(activation.with_slope(), read)
            branch = _normalized_backward(before, read, branch, normalization)
            gradient = branch if residual is None else gradient + residual * branch
            if not np.isfinite(gradient).all():
                gradient = np.full_like(gradient, np.inf)
        else:  # infinite, or none: it stays so
            gradient = np.full_like(before, gradient.flat[0])
        if progress:
            progress(1)
        gradients.append(gradient)
    gradients.reverse()
    return Flow(text, *_moments(signals), *_moments(gradients))


def _normalized(z: Array, normalization: Normalization | None) -> Array:
    """Return z, of (batch, units), normalized; 0 where the values to normalize are equal."""
    if normalization is None:
        return z
    centred, root = _centred(z, normalization)
    return np.divide(centred, root, out=np.zeros_like(z), where=root > 0.0)


def _normalized_backward(
    z: Array, y: Array, gradient: Array, normalization: Normalization | None
) -> Array:
    """Return the gradient with respect to z of what has this gradient with respect to y = N(z)."""
    if normalization is None:
        return gradient
    axis = 0 if normalization == "batch" else 1
    _, root = _centred(z, normalization)
    through: Array = gradient - y * (gradient * y).mean(axis=axis, keepdims=True)
    if normalization != "rms":
        through -= gradient.mean(axis=axis, keepdims=True)
    return np.divide(through, root, out=np.zeros_like(z), where=root > 0.0)


def _centred(z: Array, normalization: Normalization) -> tuple[Array, Array]:
    """Return z about the mean that is taken away, and what it is divided by."""
    axis = 0 if normalization == "batch" else 1
    if normalization != "rms":
        z = z - z.mean(axis=axis, keepdims=True)
    return z, np.sqrt(np.square(z).mean(axis=axis, keepdims=True))


def _moments(layers: list[Array]) -> tuple[Array, Array]:
    magnitude = np.array([float(np.abs(values).mean()) for values in layers])
    variance = np.array([float(np.square(values).mean()) for values in layers])
    return magnitude, variance


def _power(base: float, exponent: int) -> float:
    try:
        return float(base**exponent)
    except OverflowError:
        return math.inf
