"""Functions that fill a tensor in place, named after schemes, and those of torch.nn.init."""

from __future__ import annotations

import math
from typing import Any, Literal, Protocol, SupportsIndex

import torch
from numpy.typing import NDArray
from torch.compiler import disable, is_dynamo_compiling

from irwinhall import gains
from irwinhall._arguments import checked_count, checked_finite, checked_real, checked_truncation
from irwinhall._arrays import output
from irwinhall._core import NORMAL, TRUNCATED_NORMAL, UNIFORM
from irwinhall._keywords import takes
from irwinhall.layouts import Weight
from irwinhall.schemes import SCHEMES, Gain
from irwinhall.stream import Seed, Stream, fill, prepare_law
from irwinhall.torch._fill import (
    UNREAD,
    Source,
    check_seed,
    check_tensor,
    fill_,
    has_values,
    is_kept,
    stream_of,
    write,
)
from irwinhall.torch._gains import array_gain
from irwinhall.torch._shards import Places

# ---- one function for every scheme -------------------------------------------------------------


class InPlace(Protocol):
    """The type of the functions that are named after schemes; see `fill_` for the arguments."""

    __name__: str

    def __call__(
        self,
        tensor: torch.Tensor,
        gain: Gain = None,
        generator: torch.Generator | None = None,
        *,
        seed: Seed | Stream = None,
        name: str = "",
        layout: str | Weight | None = None,
        groups: SupportsIndex = 1,
        parts: SupportsIndex = 1,
        stacked: SupportsIndex = 0,
        transposed: bool = False,
        active_inputs: SupportsIndex | None = None,
        low: float | None = None,
        high: float | None = None,
        corrected: bool | None = None,
        threads: int | None = None,
    ) -> torch.Tensor:
        """Fill the tensor in place and return it."""


_ABOUT = """Fill a tensor with weights of the scheme {name}, in place, and return it.

It preserves {preserves} ({law} distribution). When to use: {when}.

Parameters
----------
tensor : Tensor
    As for `fill_`: any float type, strides and device; may be a DTensor.
gain : float, str or callable, optional
    A number, or the activation that the layer reads; default {gain:.5g}.
generator : torch.Generator, optional
    Supplies the seed; default torch's global generator, seeded by torch.manual_seed.
seed, name
    In place of a generator: the bits are then those of
    ``irwinhall.sample_weights(..., "{name}", rng=seed, name=name)``. The same seed and name give
    the same weights: in a loop over layers give each its name, or omit both.
layout, groups, parts, stacked, transposed, active_inputs, low, high, corrected, threads
    As for `fill_`.

Returns
-------
Tensor
    The same tensor.

Raises
------
TypeError, ValueError
    As for `fill_`.

Examples
--------
>>> import torch
>>> import irwinhall.torch as init
>>> weight = init.{name}_(torch.empty(6, 3, 3, 3), seed=1, name="conv.weight")
>>> weight.shape
torch.Size([6, 3, 3, 3])
"""


def _in_place(scheme: str) -> InPlace:
    """Return the function of a scheme, documented from its row."""
    row = SCHEMES[scheme]

    def function(
        tensor: torch.Tensor,
        gain: Gain = None,
        generator: torch.Generator | None = None,
        *,
        seed: Seed | Stream = None,
        name: str = "",
        layout: str | Weight | None = None,
        groups: SupportsIndex = 1,
        parts: SupportsIndex = 1,
        stacked: SupportsIndex = 0,
        transposed: bool = False,
        active_inputs: SupportsIndex | None = None,
        low: float | None = None,
        high: float | None = None,
        corrected: bool | None = None,
        threads: int | None = None,
    ) -> torch.Tensor:
        return fill_(
            tensor,
            row,
            gain,
            generator,
            seed=seed,
            name=name,
            layout=layout,
            groups=groups,
            parts=parts,
            stacked=stacked,
            transposed=transposed,
            active_inputs=active_inputs,
            low=low,
            high=high,
            corrected=corrected,
            threads=threads,
        )

    law = row.law.replace("_", " ").capitalize()
    function.__name__ = function.__qualname__ = f"{scheme}_"
    function.__doc__ = _ABOUT.format(**{**row._asdict(), "law": law})
    return takes("seed", not_="rng")(function)


letkeman_: InPlace = _in_place("letkeman")
letkeman_normalized_: InPlace = _in_place("letkeman_normalized")
letkeman_gaussian_: InPlace = _in_place("letkeman_gaussian")
letkeman_normalized_gaussian_: InPlace = _in_place("letkeman_normalized_gaussian")
xavier_standard_: InPlace = _in_place("xavier_standard")
xavier_uniform_: InPlace = _in_place("xavier_uniform")
xavier_normal_: InPlace = _in_place("xavier_normal")
xavier_truncated_normal_: InPlace = _in_place("xavier_truncated_normal")
he_uniform_: InPlace = _in_place("he_uniform")
he_normal_: InPlace = _in_place("he_normal")
he_truncated_normal_: InPlace = _in_place("he_truncated_normal")
he_uniform_fan_out_: InPlace = _in_place("he_uniform_fan_out")
he_normal_fan_out_: InPlace = _in_place("he_normal_fan_out")
lecun_uniform_: InPlace = _in_place("lecun_uniform")
lecun_normal_: InPlace = _in_place("lecun_normal")
lecun_truncated_normal_: InPlace = _in_place("lecun_truncated_normal")
kalafus_uniform_: InPlace = _in_place("kalafus_uniform")
kalafus_normal_: InPlace = _in_place("kalafus_normal")
siren_first_: InPlace = _in_place("siren_first")
siren_: InPlace = _in_place("siren")
lora_gaussian_: InPlace = _in_place("lora_gaussian")
uniform_between_: InPlace = _in_place("uniform_between")
log_uniform_: InPlace = _in_place("log_uniform")
log_of_uniform_: InPlace = _in_place("log_of_uniform")
inverse_softplus_log_uniform_: InPlace = _in_place("inverse_softplus_log_uniform")
orthogonal_: InPlace = _in_place("orthogonal")
delta_orthogonal_: InPlace = _in_place("delta_orthogonal")
identity_: InPlace = _in_place("identity")


# ---- torch's own names, arguments and meaning ----------------------------------------------------


@takes("seed", not_="rng")
def kaiming_uniform_(
    tensor: torch.Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: torch.Generator | None = None,
    **how: Any,
) -> torch.Tensor:
    """Fill a tensor with uniform values scaled by He's rule, in place, and return it.

    bound = gain * sqrt(3 / fan)

    Parameters
    ----------
    tensor : Tensor
        As for `fill_`.
    a : float
        Slope of leaky_relu for negative values; ignored for any other nonlinearity.
    mode : {"fan_in", "fan_out"}
        The fan that sets the scale: fan_in keeps the variance of signals, fan_out that of
        gradients.
    nonlinearity : str
        Determines the gain: that of torch.nn.init.calculate_gain if it has one, else
        ``irwinhall.gain(nonlinearity)``.
    generator : torch.Generator, optional
        Supplies the seed; default torch's global generator, seeded by torch.manual_seed.
    **how
        seed, name, layout, groups, parts, stacked, transposed, active_inputs and threads, as for
        `fill_`.

    Returns
    -------
    Tensor
        The same tensor.

    Raises
    ------
    TypeError, ValueError
        As for `fill_`, and for an unknown mode or nonlinearity.

    Examples
    --------
    >>> import torch
    >>> import irwinhall.torch as init
    >>> weight = init.kaiming_uniform_(torch.empty(64, 300), nonlinearity="relu", seed=1)
    >>> round(float(weight.abs().max()), 4), round((6 / 300) ** 0.5, 4)
    (0.1414, 0.1414)
    """
    scheme, gain = _he("uniform", a, mode, nonlinearity)
    return fill_(tensor, scheme, gain, generator, **how)


@takes("seed", not_="rng")
def kaiming_normal_(
    tensor: torch.Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: torch.Generator | None = None,
    **how: Any,
) -> torch.Tensor:
    """Fill a tensor with normal values scaled by He's rule, in place, and return it.

    std = gain / sqrt(fan)

    Parameters
    ----------
    tensor, a, mode, nonlinearity, generator, **how
        As for `kaiming_uniform_`.

    Returns
    -------
    Tensor
        The same tensor.

    Raises
    ------
    TypeError, ValueError
        As for `kaiming_uniform_`.

    Examples
    --------
    >>> import torch
    >>> import irwinhall.torch as init
    >>> weight = init.kaiming_normal_(torch.empty(600, 200), mode="fan_out", seed=1)
    >>> round(float(weight.std()), 3), round((2 / 600) ** 0.5, 3)
    (0.058, 0.058)
    """
    scheme, gain = _he("normal", a, mode, nonlinearity)
    return fill_(tensor, scheme, gain, generator, **how)


@takes("seed", not_="rng")
def uniform_(
    tensor: torch.Tensor,
    a: float = 0.0,
    b: float = 1.0,
    generator: torch.Generator | None = None,
    *,
    seed: Seed | Stream = None,
    name: str = "",
    threads: int | None = None,
) -> torch.Tensor:
    """Fill a tensor with values uniform on [a, b), in place, and return it.

    Parameters
    ----------
    tensor : Tensor
        As for `fill_`; any number of dimensions.
    a, b : float
        Ends of the interval: finite, a at most b.
    generator : torch.Generator, optional
        Supplies the seed; default torch's global generator, seeded by torch.manual_seed.
    seed, name
        In place of a generator. For a = -b the bits are those of
        ``irwinhall.Stream(seed, name).uniform(shape, b)``. For others the midpoint is added to
        values of half the width in float32 (float64 for float64), and the sum rounded once.
    threads : int, optional
        Maximum number of threads; default torch.get_num_threads(). The bits do not depend on it.

    Returns
    -------
    Tensor
        The same tensor. No value is b, even after rounding to 16 bits.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described, or no value of the tensor's type lies in the interval.

    Examples
    --------
    >>> import torch
    >>> import irwinhall.torch as init
    >>> values = init.uniform_(torch.empty(1000, dtype=torch.bfloat16), 2, 3, seed=1)
    >>> float(values.min()), float(values.max())
    (2.0, 2.984375)
    """
    a, b = checked_finite("a", a), checked_finite("b", b)
    check_tensor(tensor)
    check_seed(seed, generator)
    largest = torch.finfo(tensor.dtype).max
    if not -largest <= a <= b <= largest:
        raise ValueError(f"a must be at most b, both at most {largest:g}, got a={a}, b={b}")
    middle, half = 0.5 * a + 0.5 * b, 0.5 * b - 0.5 * a
    if half == 0.0:
        return constant_(tensor, a)
    return _draw(tensor, (UNIFORM, half), middle, (a, b), generator, seed, name, threads)


@takes("seed", not_="rng")
def normal_(
    tensor: torch.Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    generator: torch.Generator | None = None,
    *,
    seed: Seed | Stream = None,
    name: str = "",
    threads: int | None = None,
) -> torch.Tensor:
    """Fill a tensor with normal values, in place, and return it.

    Parameters
    ----------
    tensor : Tensor
        As for `fill_`; any number of dimensions.
    mean, std : float
        Finite, std at least 0.
    generator : torch.Generator, optional
        Supplies the seed; default torch's global generator, seeded by torch.manual_seed.
    seed, name
        In place of a generator. For mean 0 the bits are those of
        ``irwinhall.Stream(seed, name).normal(shape, std)``; another mean is added in float32
        (float64 for float64), and the sum rounded once.
    threads : int, optional
        Maximum number of threads; default torch.get_num_threads(). The bits do not depend on it.

    Returns
    -------
    Tensor
        The same tensor.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Examples
    --------
    >>> import torch
    >>> import irwinhall.torch as init
    >>> values = init.normal_(torch.empty(1000, 1000), 1.0, 0.02, seed=1)
    >>> round(float(values.mean()), 3), round(float(values.std()), 3)
    (1.0, 0.02)
    """
    mean, std = checked_finite("mean", mean), _checked_std(std)
    return _draw(tensor, (NORMAL, std), mean, None, generator, seed, name, threads)


@takes("seed", not_="rng")
def trunc_normal_(
    tensor: torch.Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: torch.Generator | None = None,
    *,
    seed: Seed | Stream = None,
    name: str = "",
    threads: int | None = None,
) -> torch.Tensor:
    """Fill a tensor with normal values truncated to [a, b], in place, and return it.

    Parameters
    ----------
    tensor : Tensor
        As for `fill_`; any number of dimensions.
    mean, std : float
        Mean and standard deviation before truncation; finite, std positive.
    a, b : float
        The ends: values, not standard deviations, as in torch.nn.init; a less than b. With std=0.02
        the defaults never truncate; see `truncated_normal_`.
    generator : torch.Generator, optional
        Supplies the seed; default torch's global generator, seeded by torch.manual_seed.
    seed, name
        In place of a generator. For mean 0 the bits are those of ``irwinhall.Stream(seed,
        name).truncated_normal(shape, std, low=a / std, high=b / std, corrected=False)``.
    threads : int, optional
        Maximum number of threads; default torch.get_num_threads(). The bits do not depend on it.

    Returns
    -------
    Tensor
        The same tensor. No value is outside [a, b], even after rounding to 16 bits.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described, no value of the tensor's type lies in the interval, or
        all of it lies more than 37 standard deviations from the mean.

    Notes
    -----
    Drawn by inversion, one draw per element, without rejection.

    Examples
    --------
    >>> import torch
    >>> import irwinhall.torch as init
    >>> values = init.trunc_normal_(torch.empty(1000, 1000), std=1.0, seed=1)
    >>> float(values.abs().max()) <= 2.0, round(float(values.std()), 2)
    (True, 0.88)
    """
    mean, std = checked_finite("mean", mean), checked_finite("std", std)
    if std <= 0.0:
        raise ValueError(f"std must be positive, got {std}")
    a, b = checked_real("a", a), checked_real("b", b)
    if not a < b:
        raise ValueError(f"a must be less than b, got a={a}, b={b}")
    low, high = _deviations(a - mean, std, math.inf), _deviations(b - mean, std, -math.inf)
    cut = (TRUNCATED_NORMAL, std, low, high, False)
    return _draw(
        tensor, cut, mean, (a, math.nextafter(b, math.inf)), generator, seed, name, threads
    )


@takes("seed", not_="rng")
def truncated_normal_(
    tensor: torch.Tensor,
    std: float = 1.0,
    low: float = -2.0,
    high: float = 2.0,
    generator: torch.Generator | None = None,
    *,
    corrected: bool = True,
    seed: Seed | Stream = None,
    name: str = "",
    threads: int | None = None,
) -> torch.Tensor:
    """Fill a tensor with normal values truncated at standard deviations, and return it.

    Parameters
    ----------
    tensor : Tensor
        As for `fill_`; any number of dimensions.
    std, low, high, corrected
        As for `irwinhall.Stream.truncated_normal`: low and high are in standard deviations, and std
        is that after truncation, unless corrected is false.
    generator : torch.Generator, optional
        Supplies the seed; default torch's global generator, seeded by torch.manual_seed.
    seed, name
        In place of a generator: the bits are those of ``irwinhall.Stream(seed,
        name).truncated_normal(shape, std, low=low, high=high, corrected=corrected)``.
    threads : int, optional
        Maximum number of threads; default torch.get_num_threads(). The bits do not depend on it.

    Returns
    -------
    Tensor
        The same tensor.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Examples
    --------
    >>> import torch
    >>> import irwinhall.torch as init
    >>> values = init.truncated_normal_(torch.empty(1000, 1000), 0.02, seed=1)
    >>> round(float(values.std()), 3), bool(values.abs().max() < 0.0455)
    (0.02, True)
    """
    law = (TRUNCATED_NORMAL, _checked_std(std), *checked_truncation(low, high, corrected))
    return _draw(tensor, law, 0.0, None, generator, seed, name, threads)


def constant_(tensor: torch.Tensor, val: float) -> torch.Tensor:
    """Fill a tensor with a value, in place, and return it: `torch.nn.init.constant_`.

    Parameters
    ----------
    tensor : Tensor
        Any tensor.
    val : float
        The value.

    Returns
    -------
    Tensor
        The same tensor.

    Examples
    --------
    >>> import torch
    >>> import irwinhall.torch as init
    >>> init.constant_(torch.empty(2), 0.5)
    tensor([0.5000, 0.5000])
    """
    return torch.nn.init.constant_(tensor, val)


def zeros_(tensor: torch.Tensor) -> torch.Tensor:
    """Fill a tensor with 0, in place, and return it: `torch.nn.init.zeros_`.

    Parameters
    ----------
    tensor : Tensor
        Any tensor.

    Returns
    -------
    Tensor
        The same tensor.

    Examples
    --------
    >>> import torch
    >>> import irwinhall.torch as init
    >>> init.zeros_(torch.empty(2))
    tensor([0., 0.])
    """
    return torch.nn.init.zeros_(tensor)


def ones_(tensor: torch.Tensor) -> torch.Tensor:
    """Fill a tensor with 1, in place, and return it: `torch.nn.init.ones_`.

    Parameters
    ----------
    tensor : Tensor
        Any tensor.

    Returns
    -------
    Tensor
        The same tensor.

    Examples
    --------
    >>> import torch
    >>> import irwinhall.torch as init
    >>> init.ones_(torch.empty(2))
    tensor([1., 1.])
    """
    return torch.nn.init.ones_(tensor)


def eye_(tensor: torch.Tensor) -> torch.Tensor:
    """Fill a matrix with the identity, in place, and return it, as `torch.nn.init.eye_` does.

    Parameters
    ----------
    tensor : Tensor
        As for `fill_`; of two dimensions. Rows or columns beyond the square become 0.

    Returns
    -------
    Tensor
        The same tensor.

    Raises
    ------
    TypeError, ValueError
        As for `fill_`, and for another number of dimensions.

    Examples
    --------
    >>> import torch
    >>> import irwinhall.torch as init
    >>> init.eye_(torch.empty(2, 3))
    tensor([[1., 0., 0.],
            [0., 1., 0.]])
    """
    check_tensor(tensor)
    _check_dimensions(tensor, 2, 2)
    return fill_(tensor, "identity", 1.0)


def dirac_(tensor: torch.Tensor, groups: SupportsIndex = 1) -> torch.Tensor:
    """Fill the weight of a convolution that returns its input, as `torch.nn.init.dirac_` does.

    Parameters
    ----------
    tensor : Tensor
        As for `fill_`; of 3 to 5 dimensions.
    groups : int
        Groups of output channels; each starts again at the first input channel.

    Returns
    -------
    Tensor
        The same tensor.

    Raises
    ------
    TypeError, ValueError
        As for `fill_`, for another number of dimensions, and if groups does not divide the output
        channels.

    Examples
    --------
    >>> import torch
    >>> import irwinhall.torch as init
    >>> init.dirac_(torch.empty(2, 2, 3))
    tensor([[[0., 1., 0.],
             [0., 0., 0.]],
    <BLANKLINE>
            [[0., 0., 0.],
             [0., 1., 0.]]])
    """
    check_tensor(tensor)
    _check_dimensions(tensor, 3, 5)
    channels, rest = divmod(tensor.size(0), checked_count("groups", groups, 1))
    if rest:
        raise ValueError(f"groups must divide {tensor.size(0)} output channels, got {groups}")
    if tensor.numel() == 0 or is_kept(tensor) or not has_values(tensor):
        return tensor
    centre = tuple(size // 2 for size in tensor.shape[2:])

    def draw(out: NDArray[Any], dtype: str, region: Places, threads: int) -> None:
        whole = output(tuple(tensor.shape), dtype, out, region)
        fill(UNREAD, prepare_law(whole.code, NORMAL, 0.0), whole, threads)
        if not all(r.start <= c < r.stop for r, c in zip(region[2:], centre, strict=True)):
            return
        middle = tuple(c - r.start for r, c in zip(region[2:], centre, strict=True))
        one = _one(dtype)
        for row in range(region[0].start, region[0].stop):
            column = row % channels
            if region[1].start <= column < region[1].stop:
                out[(row - region[0].start, column - region[1].start, *middle)] = one

    return write(tensor, Source(draw))


@takes("seed", not_="rng")
def sparse_(
    tensor: torch.Tensor,
    sparsity: float,
    std: float = 0.01,
    generator: torch.Generator | None = None,
    *,
    seed: Seed | Stream = None,
    name: str = "",
    threads: int | None = None,
) -> torch.Tensor:
    """Fill a matrix with normal values and set a fraction of each column to 0, and return it.

    Parameters
    ----------
    tensor : Tensor
        As for `fill_`; of two dimensions.
    sparsity : float
        The fraction of each column that is 0, from 0 to 1; rounded up to whole rows.
    std : float
        Standard deviation of the other values: finite, at least 0.
    generator : torch.Generator, optional
        Supplies the seed; default torch's global generator, seeded by torch.manual_seed.
    seed, name
        In place of a generator. The nonzero values are those of ``irwinhall.Stream(seed,
        name).normal(shape, std)``. The zeros of column j are in the rows that come first in the
        permutation of that stream's ``child("zeros").child(str(j))``.
    threads : int, optional
        Maximum number of threads; default torch.get_num_threads(). The bits do not depend on it.

    Returns
    -------
    Tensor
        The same tensor.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Examples
    --------
    >>> import torch
    >>> import irwinhall.torch as init
    >>> weight = init.sparse_(torch.empty(100, 20), 0.3, seed=1)
    >>> (weight == 0).sum(0).tolist() == [30] * 20
    True
    """
    std, sparsity = _checked_std(std), checked_real("sparsity", sparsity)
    if not 0.0 <= sparsity <= 1.0:
        raise ValueError(f"sparsity must be from 0 to 1, got {sparsity}")
    check_tensor(tensor)
    check_seed(seed, generator)
    _check_dimensions(tensor, 2, 2)
    if tensor.numel() == 0 or is_kept(tensor) or not has_values(tensor):
        return tensor
    rows, columns = tensor.shape
    zeros = math.ceil(sparsity * rows)
    stream = stream_of(tensor, seed, generator, name)
    orders = stream.child("zeros")

    def draw(out: NDArray[Any], dtype: str, region: Places, threads: int) -> None:
        target = output((rows, columns), dtype, out, region)
        fill(stream, prepare_law(target.code, NORMAL, std), target, threads)
        first, last = region[0].start, region[0].stop
        for place, column in enumerate(range(region[1].start, region[1].stop)):
            chosen = orders.child(str(column)).permutation(rows)[:zeros]
            out[chosen[(chosen >= first) & (chosen < last)] - first, place] = 0

    return write(tensor, Source(draw), threads)


def calculate_gain(nonlinearity: str | Gain, param: float | None = None) -> float:
    """Return torch.nn.init.calculate_gain for its activations, and `irwinhall.gain` for others.

    Parameters
    ----------
    nonlinearity : str or callable
        The name of an activation, of linear layers such as "conv2d", or the activation itself, such
        as torch.nn.functional.gelu or torch.nn.SiLU().
    param : float, optional
        Slope of leaky_relu for negative values, default 0.01; ignored for any other.

    Returns
    -------
    float
        For names that torch knows, torch's number, even where it is a rule of thumb; for others
        that of `irwinhall.gain`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Examples
    --------
    >>> import torch
    >>> import irwinhall.torch as init
    >>> init.calculate_gain("leaky_relu", 0.2) == torch.nn.init.calculate_gain("leaky_relu", 0.2)
    True
    >>> init.calculate_gain("gelu") == init.calculate_gain(torch.nn.functional.gelu)
    True
    """
    if not isinstance(nonlinearity, str):
        return gains.gain(array_gain(nonlinearity))  # type: ignore[arg-type]  # checked there
    row = gains.activation(nonlinearity)
    convention: Literal["exact", "torch"] = "exact" if row.torch is None else "torch"
    return gains.gain(row, slope=param if row.name == "leaky_relu" else None, convention=convention)


def _check_dimensions(tensor: torch.Tensor, least: int, most: int) -> None:
    if not least <= tensor.ndim <= most:
        counts = f"{least}" if least == most else f"{least} to {most}"
        raise ValueError(f"tensor must have {counts} dimensions, got shape {tuple(tensor.shape)}")


def _one(dtype: str) -> float | int:
    """Return the representation of 1 in the array of an element type; NumPy has no bfloat16."""
    return 0x3F80 if dtype == "bfloat16" else 1.0


# ---- laws without a scheme -----------------------------------------------------------------------


def _draw(
    tensor: torch.Tensor,
    parameters: tuple[Any, ...],
    shift: float,
    within: tuple[float, float] | None,
    generator: torch.Generator | None,
    seed: Seed | Stream,
    name: str,
    threads: int | None,
) -> torch.Tensor:
    """Fill a tensor by a law, shifted and clipped to [within[0], within[1]).

    `parameters` are those of `irwinhall.stream.prepare_law` without the element type.
    """
    if is_dynamo_compiling():  # the kernels cannot be traced
        return disable(_draw)(tensor, parameters, shift, within, generator, seed, name, threads)
    check_tensor(tensor)
    check_seed(seed, generator)
    if tensor.numel() == 0 or is_kept(tensor):
        return tensor
    adjust = None
    if shift != 0.0:
        largest = torch.finfo(tensor.dtype).max
        if abs(shift) > largest:
            raise ValueError(f"mean must be at most {largest:g} for {tensor.dtype}, got {shift}")
        ends = None if within is None else _ends(tensor.dtype, within)

        def adjust(values: torch.Tensor) -> None:
            values.add_(shift)
            if ends is not None:
                values.clamp_(*ends)

    if not has_values(tensor):
        return tensor
    stream, shape = stream_of(tensor, seed, generator, name), tuple(tensor.shape)

    def draw(out: NDArray[Any], dtype: str, region: Places, threads: int) -> None:
        target = output(shape, dtype, out, region)
        fill(stream, prepare_law(target.code, *parameters), target, threads)

    return write(tensor, Source(draw, adjust), threads)


def _ends(dtype: torch.dtype, within: tuple[float, float]) -> tuple[float, float]:
    """Return the least value of a type that is at least a, and the greatest that is below b."""
    least, most, infinity = (
        torch.tensor(end, dtype=dtype, device="cpu") for end in (*within, math.inf)
    )
    if least.item() < within[0]:
        least = torch.nextafter(least, infinity)
    if most.item() >= within[1]:
        most = torch.nextafter(most, -infinity)
    if least > most:
        raise ValueError(f"a and b must have a value of {dtype} between them, got {within}")
    return least.item(), most.item()


def _deviations(distance: float, std: float, inward: float) -> float:
    """Return a distance in standard deviations, rounded so that std times it is not beyond."""
    count = distance / std
    while (count * std - distance) * inward < 0.0:
        count = math.nextafter(count, inward)
    return count


def _checked_std(std: object) -> float:
    number = checked_finite("std", std)
    if number < 0.0:
        raise ValueError(f"std must be at least 0, got {number}")
    return number


def _he(law: str, slope: float, mode: str, nonlinearity: str) -> tuple[str, float]:
    """Return the scheme that a mode names, and the gain that torch has for a nonlinearity."""
    modes = {"fan_in": f"he_{law}", "fan_out": f"he_{law}_fan_out"}
    scheme = modes.get(mode.lower()) if isinstance(mode, str) else None
    if scheme is None:
        raise ValueError(f"mode must be 'fan_in' or 'fan_out', got {mode!r}")
    return scheme, calculate_gain(nonlinearity, slope)
