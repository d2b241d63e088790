"""The parameters of the layers of Flax and Equinox: layouts of weights, constants of the rest.

Neither is imported here: a model has already imported its framework.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

from irwinhall._models.roles import ConstantRole, Role, WeightRole
from irwinhall.layouts import Weight

__all__ = ["is_a", "role_of"]


class _Stored(NamedTuple):
    """A weight as a layer stores it: its layout, and its own shape, None for unknown sizes.

    `inputs` and `batch` are their numbers of axes, for a layer that may have any.
    """

    layout: str
    shape: tuple[int | None, ...]
    groups: int = 1
    parts: int = 1
    recurrent: bool = False
    inputs: int = 0
    batch: int = 0


_Held: TypeAlias = "Mapping[str, _Stored | ConstantRole]"
_BIAS = ConstantRole(0.0, "bias")
_NORM: _Held = {
    "scale": ConstantRole(1.0, "norm"),
    "weight": ConstantRole(1.0, "norm"),
    "bias": ConstantRole(0.0, "norm"),
    "mean": ConstantRole(0.0, "norm's statistics"),
    "var": ConstantRole(1.0, "norm's statistics"),
}


def _tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if hasattr(value, "__iter__") else (value,)


# ---- Flax, both of its interfaces ----------------------------------------------------------------


def _dense(layer: Any) -> _Held:
    shape = getattr(layer, "in_features", None), _outputs(layer)
    return {"kernel": _Stored("flax.dense", shape), "bias": _BIAS}


def _outputs(layer: Any) -> Any:
    """Return the outputs, which linen calls features and nnx out_features."""
    return layer.features if hasattr(layer, "features") else layer.out_features


def _general(layer: Any) -> _Held:
    outputs = _tuple(_outputs(layer))
    if hasattr(layer, "in_features"):
        inputs, batch = _tuple(layer.in_features), tuple(layer.batch_axis.values())
    else:
        inputs, batch = (None,) * len(_tuple(layer.axis)), (None,) * len(_tuple(layer.batch_dims))
    shape = (*batch, *inputs, *outputs)
    kernel = _Stored("", shape, inputs=len(inputs), batch=len(batch))
    return {"kernel": kernel, "bias": _BIAS}


def _convolution(layer: Any) -> _Held:
    shape = getattr(layer, "kernel_shape", (*_tuple(layer.kernel_size), None, _outputs(layer)))
    return {"kernel": _Stored("flax.conv", shape, layer.feature_group_count), "bias": _BIAS}


def _transposed_convolution(layer: Any) -> _Held:
    kept, outputs = layer.transpose_kernel, _outputs(layer)
    ends = (outputs, None) if kept else (None, outputs)
    shape = getattr(layer, "kernel_shape", (*_tuple(layer.kernel_size), *ends))
    layout = "flax.conv_transpose_kernel" if kept else "flax.conv_transpose"
    return {"kernel": _Stored(layout, shape), "bias": _BIAS}


def _embedding(layer: Any) -> _Held:
    return {"embedding": _Stored("flax.embedding", (layer.num_embeddings, layer.features))}


def _norm(layer: Any) -> _Held:
    return _NORM


def _in_cell(held: _Held, cell: Any, name: str) -> _Held:
    """Return the roles of a dense layer in a recurrent cell by its name, with h for the state."""
    kernel = held["kernel"]
    assert isinstance(kernel, _Stored)
    outputs: Any = kernel.shape[1]
    size = getattr(cell, "hidden_features", outputs)  # in linen, the outputs of one gate
    parts = outputs // size
    forget = range(size, 2 * size) if parts == 4 else range(size) if name == "hf" else None
    is_lstm = any(base.__name__.endswith("LSTMCell") for base in type(cell).__mro__)
    recurrent = name.removeprefix("dense_").startswith("h")
    return {
        "kernel": kernel._replace(parts=parts, recurrent=recurrent),
        "bias": _BIAS._replace(forget_gate=forget if is_lstm else None),
    }


# ---- Equinox -------------------------------------------------------------------------------------


def _equinox_linear(layer: Any) -> _Held:
    ins, outs = (
        1 if size == "scalar" else size for size in (layer.in_features, layer.out_features)
    )
    return {"weight": _Stored("equinox.linear", (outs, ins)), "bias": _BIAS}


def _equinox_convolution(layer: Any) -> _Held:
    return _equinox_kernel(layer, "equinox.conv")


def _equinox_transposed_convolution(layer: Any) -> _Held:
    return _equinox_kernel(layer, "equinox.conv_transpose")


def _equinox_kernel(layer: Any, layout: str) -> _Held:
    shape = (layer.out_channels, layer.in_channels // layer.groups, *_tuple(layer.kernel_size))
    return {"weight": _Stored(layout, shape, layer.groups), "bias": _BIAS}


def _equinox_embedding(layer: Any) -> _Held:
    shape = layer.num_embeddings, layer.embedding_size
    return {"weight": _Stored("equinox.embedding", shape)}


def _equinox_gru(layer: Any) -> _Held:
    return {**_equinox_gates(layer, 3), "bias": _BIAS, "bias_n": _BIAS}


def _equinox_lstm(layer: Any) -> _Held:
    size = layer.hidden_size
    bias = _BIAS._replace(forget_gate=range(size, 2 * size))
    return {**_equinox_gates(layer, 4), "bias": bias}


def _equinox_gates(layer: Any, gates: int) -> dict[str, _Stored | ConstantRole]:
    rows, layout = gates * layer.hidden_size, "equinox.linear"
    return {
        "weight_ih": _Stored(layout, (rows, layer.input_size), parts=gates),
        "weight_hh": _Stored(layout, (rows, layer.hidden_size), parts=gates, recurrent=True),
    }


# ---- which layer is which ------------------------------------------------------------------------

_NORMS = ("BatchNorm", "LayerNorm", "RMSNorm", "GroupNorm", "InstanceNorm")
# The first row whose type a layer is an instance of gives the roles of its own parameters.
_LAYERS: tuple[tuple[str, tuple[str, ...], Callable[[Any], _Held]], ...] = (
    ("flax.nnx", ("Linear",), _dense),
    ("flax.nnx", ("LinearGeneral",), _general),
    ("flax.nnx", ("Conv",), _convolution),
    ("flax.nnx", ("ConvTranspose",), _transposed_convolution),
    ("flax.nnx", ("Embed",), _embedding),
    ("flax.nnx", _NORMS, _norm),
    ("flax.linen", ("Dense",), _dense),
    ("flax.linen.recurrent", ("DenseParams",), _dense),
    ("flax.linen", ("DenseGeneral",), _general),
    ("flax.linen", ("Conv",), _convolution),
    ("flax.linen", ("ConvTranspose",), _transposed_convolution),
    ("flax.linen", ("Embed",), _embedding),
    ("flax.linen", _NORMS, _norm),
    ("equinox.nn", ("Linear",), _equinox_linear),
    ("equinox.nn", ("Conv",), _equinox_convolution),
    ("equinox.nn", ("ConvTranspose",), _equinox_transposed_convolution),
    ("equinox.nn", ("Embedding",), _equinox_embedding),
    ("equinox.nn", _NORMS, _norm),
    ("equinox.nn", ("GRUCell",), _equinox_gru),
    ("equinox.nn", ("LSTMCell",), _equinox_lstm),
)
_CELLS = ("flax.nnx", "flax.linen")


def is_a(value: object, module: str, *names: str) -> bool:
    """Return whether a value is an instance of classes of a module, if that is imported."""
    there = sys.modules.get(module)
    kinds = (getattr(there, name, None) for name in names)
    return isinstance(value, tuple(kind for kind in kinds if isinstance(kind, type)))


def role_of(
    layer: Any, attribute: str, shape: tuple[int, ...], parent: Any, name: str
) -> Role | str:
    """Return the role of a layer's array, or a text that says why it is not known.

    `parent` holds the layer, by `name`.
    """
    kind = type(layer).__name__
    rows = (held for module, names, held in _LAYERS if is_a(layer, module, *names))
    found = next(rows, None)
    if found is None:
        return f"{kind} is not a known layer"
    held = found(layer)
    if found is _dense and any(is_a(parent, module, "RNNCellBase") for module in _CELLS):
        held = _in_cell(held, parent, name)
    stored = held.get(attribute)
    if stored is None:
        return f"not of {kind}"
    if isinstance(stored, ConstantRole):
        return stored
    stacked = len(shape) - len(stored.shape)
    own = zip(shape[max(stacked, 0) :], stored.shape, strict=False)
    if stacked < 0 or any(want not in (None, size) for size, want in own):
        return f"{kind} has weights of another shape"
    if not stored.inputs:
        _, _, groups, parts, recurrent, _, _ = stored
        return WeightRole(stored.layout, groups, parts, recurrent, stacked=stacked)
    first = stacked + stored.batch
    axes = range(len(shape))
    middle = first + stored.inputs
    weight = Weight.of(
        shape,
        in_axis=tuple(axes[first:middle]),
        out_axis=tuple(axes[middle:]),
        batch_axis=tuple(axes[:first]),
    )
    return WeightRole(weight)
