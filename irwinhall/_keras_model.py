"""Initialize whole models of Keras: every variable by its layer and its path."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias
from weakref import ref

import keras
import numpy as np
from numpy.typing import NDArray

from irwinhall._arrays import output
from irwinhall._keywords import takes
from irwinhall._models.decisions import Values
from irwinhall._models.plan import Pattern, Plan, naming, shown
from irwinhall._models.planning import array_report, array_values, divisible_region, draw
from irwinhall._models.report import Report
from irwinhall._models.residual import Residual
from irwinhall._models.roles import ArraySite, ConstantRole, Leaf, Role, WeightRole
from irwinhall.layouts import Weight
from irwinhall.schemes import Gain, Scheme
from irwinhall.stream import Seed, Stream, as_stream, checked_threads

__all__ = ["init_weights"]


@takes("seed", not_="rng")
def init_weights(
    model: keras.Layer,
    scheme: str | Scheme = "letkeman",
    *,
    seed: Seed | Stream,
    gain: Gain = None,
    plan: Plan | None = None,
    exclude: Pattern | Sequence[Pattern] = (),
    residual: Residual = (),
    residual_factor: float | None = None,
    forget_bias: float = 1.0,
    threads: int | None = None,
) -> Report:
    """Initialize all variables of a model, in place, and return a report.

    Weights of the layers of Keras get the scheme, sized by their logical fans: those of one group
    of a convolution, of the heads of an attention's projection, of each gate of a recurrent layer,
    of one looked-up row of an embedding (one active input). Recurrent weights are orthogonal, gate
    by gate. Biases become 0, the scales and shifts of norms 1 and 0, their statistics 0 and 1.
    Variables of unknown layers are left alone and reported, as are those that are not trainable,
    unless the plan names them.

    Parameters
    ----------
    model : keras.Layer
        A model or a layer, built.
    scheme, gain
        As for `irwinhall.torch.init_weights`.
    seed : int, bytes, SeedSequence or Stream
        The seed of the weights.
    plan, exclude
        As for `irwinhall.torch.init_weights`. A pattern is a path with the wildcards of fnmatch, a
        compiled regular expression that is searched in the path, or a type of layers.
    residual, residual_factor
        As for `irwinhall.torch.init_weights`. Rules of the layer's number need a path in which the
        number is separated by slashes, which Keras does not make by itself.
    forget_bias : float
        The biases of the forget gates of LSTMs with unit_forget_bias, which is the default.
    threads : int, optional
        Maximum number of threads; default all cores. The bits do not depend on it.

    Returns
    -------
    Report
        A row for every variable that is a weight of a layer; it prints as a table. Statistics of
        realized weights are computed when rows or the table are first read.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described, a pattern matches no variable or none that it could
        decide, two variables have the same path, nothing would be initialized, or a weight cannot
        have its scheme; the message names the variable. The model is then untouched.

    Notes
    -----
    A variable's bits are those of ``irwinhall.sample_weights(..., rng=seed, name=path)``. The path
    is its ``path``, such as ``encoder/query/kernel``. Keras numbers unnamed layers in the order in
    which the process makes them: give layers names, so that adding one does not change others.

    Under `keras.distribution`, on JAX, a variable is made shard by shard.

    Examples
    --------
    >>> import irwinhall, irwinhall.keras, keras
    >>> model = keras.Sequential([keras.Input((784,)), keras.layers.Dense(256, name="hidden")])
    >>> report = irwinhall.keras.init_weights(model, "he_normal", seed=1)
    >>> path = model.layers[0].kernel.path
    >>> expected = irwinhall.sample_weights((784, 256), "he_normal", rng=1, name=path)
    >>> bool((keras.ops.convert_to_numpy(model.layers[0].kernel) == expected).all())
    True
    """
    if not isinstance(model, keras.Layer):
        raise TypeError(f"model must be a keras.Layer, got {shown(model)}")
    if seed is None:
        raise TypeError("seed must be given, got None")
    root = as_stream(seed, "", argument="seed")
    checked_threads(threads, 0)
    if not model.built:
        raise ValueError(f"model must be built, got {model.name}: call it on a batch first")
    variables, places, others = _variables(model)
    planned = array_values(
        places, scheme, gain, plan, exclude, residual, residual_factor, forget_bias, others
    )
    for variable, values in zip(variables, planned, strict=True):
        if values.parts:
            variable.assign(_made(values, variable, root, threads))
    held = [partial(_pieces, ref(variable)) for variable in variables]
    return array_report(planned, places, held, others, root.seed)


def _made(values: Values, variable: Any, root: Stream, threads: int | None) -> Any:
    """Return the new value of a variable, of the sharding of the old one."""
    write = partial(draw, values, root, variable.path, threads)
    if keras.backend.backend() == "jax":
        from irwinhall._jax_shards import made_like

        with naming(variable.path):
            return made_like(variable.value, write, partial(divisible_region, values))
    shape = tuple(variable.shape)
    made = output(shape, variable.dtype, None, None).array
    write(made, tuple(slice(0, size) for size in shape))
    return keras.ops.convert_to_tensor(made, dtype=variable.dtype)


def _pieces(variable: Callable[[], Any]) -> list[NDArray[Any]]:
    there = variable()
    if there is None:
        return []
    return [np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(there, "float32")))]


# ---- what a model holds --------------------------------------------------------------------------


def _variables(
    model: keras.Layer,
) -> tuple[list[Any], list[tuple[ArraySite, ...]], list[str]]:
    """Return the variables that are weights of layers, with their places, and other paths."""
    owners: dict[int, keras.Layer] = {}
    for layer in model._flatten_layers():  # outer layers first
        owners.update((id(variable), layer) for variable in layer.variables)
    variables: list[Any] = []
    places: list[tuple[ArraySite, ...]] = []
    others: list[str] = []
    for variable in model.variables:
        layer = owners.get(id(variable), model)
        role = _role(layer, variable)
        is_statistics = isinstance(role, ConstantRole) and role.what == _STATISTICS
        trainable = layer.trainable if is_statistics else variable.trainable
        if isinstance(role, str) and not trainable:
            others.append(variable.path)
            continue
        shape = tuple(variable.shape)
        leaf = Leaf(shape, keras.backend.standardize_dtype(variable.dtype), trainable)
        variables.append(variable)
        places.append((ArraySite(variable.path, leaf, role, layer, variable.name),))
    return variables, places, others


# ---- layers --------------------------------------------------------------------------------------

_Held: TypeAlias = "Mapping[str, Role | str]"
_STATISTICS = "norm's statistics"
_BIAS = ConstantRole(0.0, "bias")
_NORM: _Held = {
    "gamma": ConstantRole(1.0, "norm"),
    "scale": ConstantRole(1.0, "norm"),
    "beta": ConstantRole(0.0, "norm"),
    "moving_mean": ConstantRole(0.0, _STATISTICS),
    "moving_variance": ConstantRole(1.0, _STATISTICS),
}


def _dense(layer: Any) -> _Held:
    return {"kernel": WeightRole("keras.dense"), "bias": _BIAS}


def _einsum(layer: Any) -> _Held:
    """Return the roles of an EinsumDense; an axis of both its input and output is a batch."""
    match = re.fullmatch(r"(.*),(.*)->(.*)", layer.equation)
    kernel: Role | str = "its equation is not known"
    if match is not None:
        read, axes, made = match.groups()
        ins, outs, batch = (
            tuple(place for place, axis in enumerate(axes) if (axis in read, axis in made) == roles)
            for roles in ((True, False), (False, True), (True, True))
        )
        shape = tuple(layer.kernel.shape)
        weight = Weight.of(shape, in_axis=ins, out_axis=outs, batch_axis=batch)
        kernel = WeightRole(weight)
    return {"kernel": kernel, "bias": _BIAS}


def _convolution(layer: Any) -> _Held:
    return {"kernel": WeightRole("keras.conv", layer.groups), "bias": _BIAS}


def _transposed_convolution(layer: Any) -> _Held:
    return {"kernel": WeightRole("keras.conv_transpose"), "bias": _BIAS}


def _depthwise(layer: Any) -> _Held:
    return {"kernel": WeightRole("keras.depthwise"), "bias": _BIAS}


def _separable(layer: Any) -> _Held:
    depthwise, pointwise = WeightRole("keras.depthwise"), WeightRole("keras.conv")
    return {"depthwise_kernel": depthwise, "pointwise_kernel": pointwise, "bias": _BIAS}


def _embedding(layer: Any) -> _Held:
    return {"embeddings": WeightRole("keras.embedding")}


def _norm(layer: Any) -> _Held:
    return _NORM


def _cell(layer: Any) -> _Held:
    """Return the roles of a recurrent cell; an LSTM's forget gate is the second of four."""
    gates = 4 if isinstance(layer, keras.layers.LSTMCell) else 1
    gates = 3 if isinstance(layer, keras.layers.GRUCell) else gates
    kernel = WeightRole("keras.dense", parts=gates)
    forget = range(layer.units, 2 * layer.units)
    has_forget = gates == 4 and layer.unit_forget_bias
    return {
        "kernel": kernel,
        "recurrent_kernel": kernel._replace(recurrent=True),
        "bias": _BIAS._replace(forget_gate=forget if has_forget else None),
    }


def _kinds(*names: str) -> tuple[type, ...]:
    """Return those of the named layers that this version of Keras has."""
    return tuple(getattr(keras.layers, name) for name in names if hasattr(keras.layers, name))


# The first row whose type a layer is an instance of gives the roles of its own variables.
_LAYERS: tuple[tuple[tuple[type, ...], Callable[[Any], _Held]], ...] = (
    (_kinds("DepthwiseConv1D", "DepthwiseConv2D"), _depthwise),
    (_kinds("SeparableConv1D", "SeparableConv2D"), _separable),
    (_kinds("Conv1D", "Conv2D", "Conv3D"), _convolution),
    (_kinds("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"), _transposed_convolution),
    (_kinds("EinsumDense"), _einsum),
    (_kinds("Dense"), _dense),
    (_kinds("Embedding"), _embedding),
    (_kinds("SimpleRNNCell", "GRUCell", "LSTMCell"), _cell),
    (
        _kinds(
            "BatchNormalization", "LayerNormalization", "GroupNormalization", "RMSNormalization"
        ),
        _norm,
    ),
)


def _role(layer: Any, variable: Any) -> Role | str:
    """Return the role of a variable in its layer, or a text that says why it is not known."""
    kind = type(layer).__name__
    held = next((roles(layer) for kinds, roles in _LAYERS if isinstance(layer, kinds)), None)
    if held is None:
        return f"{kind} is not a known layer"
    return held.get(variable.name, f"not of {kind}")
