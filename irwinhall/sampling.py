"""Random weights of a layer, sized by a scheme.

A `Sampler` is a weight and a scheme, resolved and checked once: it knows its scale, and draws any
region of the weight from a stream. `sample_weights` makes one and draws; so do the adapters.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple, SupportsIndex

import numpy as np

from irwinhall import _matrices
from irwinhall._arguments import Axes, Region, Shape, checked_shape, shown
from irwinhall._arrays import NAMES, Target, element_type, output, shape_of
from irwinhall._core import (
    BFLOAT16,
    FLOAT16,
    FLOAT64,
    INVERSE_SOFTPLUS,
    LOG_OF_UNIFORM,
    LOG_UNIFORM,
    NORMAL,
    TRUNCATED_NORMAL,
    TYPE_LIMITS,
    UNIFORM,
    UNIFORM_BETWEEN,
)
from irwinhall._keywords import takes
from irwinhall.layouts import Fans, Weight, weight_of
from irwinhall.schemes import Gain, Scheme, check_delta, get_scheme, resolve_gain
from irwinhall.stream import (
    Seed,
    Stream,
    as_stream,
    checked_threads,
    fill,
    interval_law,
    prepare_law,
)

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

__all__ = ["Sampler", "sample_weights", "scale_of"]

# The codes of elementwise distributions for `irwinhall.stream.prepare_law`, and of those on an
# interval for `interval_law`.
_KINDS = {"uniform": UNIFORM, "normal": NORMAL, "truncated_normal": TRUNCATED_NORMAL}
_INTERVALS = {
    "uniform_between": UNIFORM_BETWEEN,
    "log_uniform": LOG_UNIFORM,
    "log_of_uniform": LOG_OF_UNIFORM,
    "inverse_softplus_log_uniform": INVERSE_SOFTPLUS,
}


class Sampler(NamedTuple):
    """A weight and its scheme, made and checked by `Sampler.of`.

    Attributes
    ----------
    weight : Weight
        The shape, and the roles of its axes.
    scheme : Scheme
        The row of `irwinhall.schemes.SCHEMES`, or one of your own.
    gain : float
        The gain, as a number.
    scale : float
        The bound, standard deviation or other scale, as described by `Scheme`. 0 if it depends on
        the fans of an empty weight.

    Examples
    --------
    >>> import irwinhall
    >>> from irwinhall.sampling import Sampler
    >>> sampler = Sampler.of((784, 256))
    >>> sampler.scale == irwinhall.letkeman_bound(784)
    True
    """

    weight: Weight
    scheme: Scheme
    gain: float
    scale: float

    @staticmethod
    def of(
        shape: object,
        scheme: str | Scheme = "letkeman",
        *,
        gain: Gain = None,
        low: float | None = None,
        high: float | None = None,
        corrected: bool | None = None,
        in_axis: Axes = -2,
        out_axis: Axes = -1,
        batch_axis: Axes = (),
        groups: SupportsIndex = 1,
        layout: str | Weight | None = None,
        parts: SupportsIndex = 1,
        stacked: SupportsIndex = 0,
        active_inputs: SupportsIndex | None = None,
    ) -> Sampler:
        """Return the sampler of a weight; the arguments are those of `sample_weights`."""
        row = get_scheme(scheme, low, high, corrected)
        number = resolve_gain(row, gain)
        if active_inputs is not None and not row.reads_fans:
            raise ValueError(
                f"active_inputs must be left out for {row.name}, "
                f"whose scale does not depend on fan_in, got {shown(active_inputs)}"
            )
        weight = weight_of(
            checked_shape(shape),
            in_axis,
            out_axis,
            batch_axis,
            groups,
            layout,
            parts,
            stacked,
            active_inputs,
        )
        fans = _NO_FANS
        if row.reads_axes:
            if weight.unknown:
                what = "fan_in and fan_out" if row.reads_fans else "in and out axes"
                raise ValueError(f"{row.name} needs {what}; {weight.unknown}")
            try:
                fans = weight.fans
            except ValueError:  # a fan is 0: there are no elements
                return Sampler(weight, row, number, 0.0)
            if row.law == "delta_orthogonal":
                check_delta(weight.inputs, weight.outputs_of_group)
        return Sampler(weight, row, number, row.scale(fans, number))

    def check(self, code: int, argument: str = "gain") -> None:
        """Raise ValueError, naming `argument`, if an element type cannot hold the scale."""
        if self.scheme.elementwise:
            if self.scale != 0.0:
                self.prepared_law(code, argument)
        elif abs(self.scale) > TYPE_LIMITS[code][1]:
            raise self._out_of_range(code, argument)

    def prepared_law(self, code: int, argument: str = "gain") -> bytes:
        """Return the law of the elements, prepared for an element type."""
        scheme = self.scheme
        kind = _KINDS.get(scheme.law)
        if kind is None:
            return interval_law(code, _INTERVALS[scheme.law], scheme.low, scheme.high)
        try:
            if kind == TRUNCATED_NORMAL:
                ends = scheme.low, scheme.high, scheme.corrected
                return prepare_law(code, kind, self.scale, *ends)
            return prepare_law(code, kind, self.scale)
        except ValueError:
            raise self._out_of_range(code, argument) from None

    def draw(self, stream: Stream, target: Target, threads: int | None = None) -> Any:
        """Write a region of the weight to an array, and return the `result` of the target."""
        if self.scheme.elementwise and self.scale != 0.0:
            return fill(stream, self.prepared_law(target.code), target, threads)
        self.check(target.code)
        checked_threads(threads, 0)
        array = target.array
        if target.code == BFLOAT16:
            array = array.view(np.uint16)
        count = target.array.shape
        if self.scheme.is_matrix and self.scale != 0.0 and 0 not in count:
            # Make all values before writing the first: if that fails, out is untouched.
            pieces = [
                (where, part, self._matrices(part, stream, threads))
                for where, part in self.weight.logical_regions(target.start, count)
            ]
            for where, part, values in pieces:
                view: Any = (*where, ...)  # even of a single number
                piece = array[view]
                # Splitting an axis never copies.
                shape = [place.stop - place.start for place in part]
                piece.reshape(shape)[...] = _rounded(values * self.scale, target.code)
        else:
            array[...] = _rounded(self.scale, target.code)
        return target.result

    def _matrices(self, part: tuple[slice, ...], stream: Stream, threads: int | None) -> Any:
        """Return a region of the logical shape at scale 1."""
        start = tuple(place.start for place in part)
        count = tuple(place.stop - place.start for place in part)
        if self.scheme.law == "identity":
            return _matrices.identity_region(self.weight, start, count)
        if self.scheme.law == "delta_orthogonal":
            return _matrices.delta_orthogonal(self.weight, start, count, stream, threads)
        return _matrices.orthogonal(self.weight, start, count, stream, threads)

    def _out_of_range(self, code: int, argument: str) -> ValueError:
        name, least, most = NAMES[code], *TYPE_LIMITS[code]
        if self.scheme.law == "uniform":
            rule = f"a bound from 2**{round(math.log2(least))} to {most:g}"
        else:
            what = "a std" if self.scheme.elementwise else "weights"
            rule = f"{what} of at most {most:g}"
        given = f"{self.gain}, which" if argument == "gain" else "one that"
        return ValueError(
            f"{argument} must give {self.scheme.name} {rule} for {name}, "
            f"got {given} gives {self.scale}"
        )


_NO_FANS = Fans(1, 1)


@takes("rng", not_="seed")
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
    layout: str | Weight | None = None,
    parts: SupportsIndex = 1,
    stacked: SupportsIndex = 0,
    active_inputs: SupportsIndex | None = None,
    gain: Gain = None,
    low: float | None = None,
    high: float | None = None,
    corrected: bool | None = None,
    dtype: DTypeLike | None = None,
    out: Any = None,
    region: Region | None = None,
    threads: int | None = None,
) -> NDArray[Any]:
    """Return random weights of a layer, sized by a scheme.

    Parameters
    ----------
    shape : int or sequence of int
        Shape of the whole weight, even when only a region is wanted; None means that of out.
    scheme : str or Scheme
        A name or alias of `irwinhall.schemes.SCHEMES`, or a row of your own.
    rng : int, bytes, Stream, numpy.random.SeedSequence, numpy.random.Generator or None
        The source of the weights, as for `irwinhall.Stream`. None takes fresh entropy, and a
        Generator is advanced; any other source gives the same weights for the same name.
    name : str
        The qualified name of the parameter. Parameters of a model share a seed and differ by name;
        two with the same name and shape are equal. If rng is a Stream, its child of that name is
        used.
    in_axis, out_axis, batch_axis, groups
        Which axes are inputs, outputs and stacked independent weights such as experts, and how many
        groups a convolution has, as for `irwinhall.fans`. All other axes are the receptive field.
        Schemes whose scale depends on neither fans nor axes, such as zeros and normal, take any
        shape, but arguments that are given must fit it.
    layout, parts, stacked
        In place of axes: the name of a layout in `irwinhall.layouts.LAYOUTS`, or a `Weight`; how
        many weights are fused along its out axis, and how many leading axes stack weights, as for
        `irwinhall.layouts.Weight.of`. shape is then the shape that the framework stores.
    active_inputs : int, optional
        The number of inputs that are nonzero at a time: 1 for a one-hot input. It replaces the
        number of inputs in fan_in, which becomes active_inputs * receptive field; fan_out does not
        change. Default: all, or the number of the layout, 1 for embeddings. This is the article's
        active node method. The article also applies it to a softmax, which keeps the magnitude only
        if the softmax is nearly one-hot.
    gain : float, str or callable, optional
        A number, or the activation that the layer reads, whose gain for the variance
        `irwinhall.gain` computes. It replaces the gain of the scheme: sqrt(2) for he_*, 1 for most
        others. For constant, uniform, normal and truncated_normal it is the value, the bound or the
        standard deviation, and is required.
    low, high : float, optional
        The ends of a truncated normal, in standard deviations before truncation, by default -2 and
        2; or the ends of a distribution on an interval, such as log_uniform.
    corrected : bool, optional
        Whether the scale of a truncated normal is the standard deviation after truncation, as in
        all schemes here, or before it, as in most code for language models.
    dtype, out, region, threads
        As for `irwinhall.Stream.uniform`. A region has the scale of the whole weight, and the bits
        of the same slice of it.

    Returns
    -------
    ndarray
        A new array, or out.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described; the message names it, and out is unchanged. For an
        unknown scheme it lists similar names. A shape of fewer than 2 axes is an error if the
        scheme needs fans, unless in_axis and out_axis are given.

    See Also
    --------
    irwinhall.schemes.SCHEMES : The schemes.
    irwinhall.fans : The fans of a shape.
    irwinhall.save_weights : Weights written to a file.
    irwinhall.Stream : Random numbers without a scheme.

    Notes
    -----
    A uniform scheme gives exactly ``Stream(rng, name).uniform(shape, bound)`` with the bound from
    `irwinhall.schemes.scale`; normal and truncated normal schemes call their methods likewise.
    Weights are never rescaled by their own statistics, so every shard knows its scale from the
    shape alone.

    *Why active_inputs multiplies the receptive field.* A convolution over one-hot channels has one
    active channel at each position of its kernel, so an output sums active_inputs * receptive field
    weights. For dense layers there is no difference. With groups, count the inputs of one group.

    *Orthogonal.* For each stacked weight and each group, the matrix whose rows are inputs times
    receptive field and whose columns are outputs is the gain times a matrix with orthonormal
    columns, or rows if there are fewer. That matrix is the Q of a QR decomposition of normals in
    float64 with a positive diagonal of R, and so uniformly (Haar) distributed [1]_. It is rounded
    to float32 or float64 at the end, and from float32 to the smaller types. A region costs as much
    as all stacked weights that it touches. LAPACK does the decomposition: results of two LAPACK
    libraries are not equal bit for bit, but up to rounding times the condition of the normals.

    *delta_orthogonal* has such a matrix in the middle of its receptive field and is 0 elsewhere;
    *identity* has the gain where the indices of input and output are equal, also in the middle.
    The middle of k is (k - 1) // 2, which does not shift an image under "same" padding.

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
    >>> packed = irwinhall.sample_weights(  # query, key and value in one, each with its own fans
    ...     (1536, 512), "xavier_normal", layout="torch.linear", parts=3, rng=1, name="qkv.weight"
    ... )
    >>> round(float(packed.std()), 4), round((2 / (512 + 512)) ** 0.5, 4)
    (0.0442, 0.0442)
    >>> irwinhall.sample_weights(3, "constant", gain=-4.5)
    array([-4.5, -4.5, -4.5], dtype=float32)
    >>> cut = irwinhall.sample_weights(
    ...     (512, 512), "truncated_normal", gain=0.02, low=-3, high=3, corrected=False, rng=1
    ... )
    >>> bool(abs(cut).max() <= 0.06), round(float(cut.std()), 3)
    (True, 0.02)
    """
    sampler = Sampler.of(
        shape_of(None, out, region) if shape is None else shape,
        scheme,
        gain=gain,
        low=low,
        high=high,
        corrected=corrected,
        in_axis=in_axis,
        out_axis=out_axis,
        batch_axis=batch_axis,
        groups=groups,
        layout=layout,
        parts=parts,
        stacked=stacked,
        active_inputs=active_inputs,
    )
    target = output(sampler.weight.shape, dtype, out, region)
    weights: NDArray[Any] = sampler.draw(as_stream(rng, name), target, threads)
    return weights


def scale_of(
    shape: Shape,
    scheme: str | Scheme = "letkeman",
    *,
    in_axis: Axes = -2,
    out_axis: Axes = -1,
    batch_axis: Axes = (),
    groups: SupportsIndex = 1,
    layout: str | Weight | None = None,
    parts: SupportsIndex = 1,
    stacked: SupportsIndex = 0,
    active_inputs: SupportsIndex | None = None,
    gain: Gain = None,
    low: float | None = None,
    high: float | None = None,
    corrected: bool | None = None,
    dtype: DTypeLike | None = None,
) -> float:
    """Return the scale that `sample_weights` gives to a weight, without drawing anything.

    Parameters
    ----------
    shape, scheme, in_axis, out_axis, batch_axis, groups, layout, parts, stacked
        As for `sample_weights`.
    active_inputs, gain, low, high, corrected
        As for `sample_weights`.
    dtype : optional
        The element type that must be able to hold the scale.

    Returns
    -------
    float
        The bound, standard deviation or other scale, as described by `Scheme`.

    Raises
    ------
    TypeError, ValueError
        As for `sample_weights`, and if the scheme needs the fans and one is 0.

    See Also
    --------
    sample_weights : Weights of this scale.
    irwinhall.schemes.scale : The scale for given fans.

    Examples
    --------
    >>> from irwinhall import sampling, schemes
    >>> kernel = sampling.scale_of((64, 32, 3, 3), "he_normal", in_axis=1, out_axis=0)
    >>> kernel == schemes.scale("he_normal", 288, 576)
    True
    """
    sampler = Sampler.of(
        shape,
        scheme,
        gain=gain,
        low=low,
        high=high,
        corrected=corrected,
        in_axis=in_axis,
        out_axis=out_axis,
        batch_axis=batch_axis,
        groups=groups,
        layout=layout,
        parts=parts,
        stacked=stacked,
        active_inputs=active_inputs,
    )
    if sampler.scheme.reads_axes:
        _ = sampler.weight.fans  # refuses fans of 0
    if dtype is not None:
        sampler.check(element_type(dtype)[0])
    return sampler.scale


def _rounded(values: Any, code: int) -> NDArray[Any]:
    """Return the values as the element type, bfloat16 as its bits.

    float16 and bfloat16 are the float32 rounded to nearest, as everywhere in the stream.
    """
    if code == FLOAT64:
        return np.asarray(values, dtype=np.float64)
    single = np.asarray(values, dtype=np.float32)
    if code == BFLOAT16:
        bits = single.view(np.uint32)
        return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)
    return single.astype(np.float16) if code == FLOAT16 else single
