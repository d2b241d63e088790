"""The parameters of the layers of PyTorch: layouts of weights, constants of the rest."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.utils import parametrizations, parametrize

from irwinhall._models.roles import ConstantRole, NormsRole, Role, Roles, WeightRole
from irwinhall.layouts import Fans, Weight

__all__ = ["ParameterSite", "fans_beside", "joined", "modules", "parameters"]


class ParameterSite(NamedTuple):
    """A parameter's place in a model: its qualified name, its layer and the module that holds it.

    If the role is not known, it is a text that says why.
    """

    name: str
    tensor: Any
    role: Role | str
    layer: nn.Module
    owner: nn.Module
    attribute: str

    @property
    def current(self) -> Any:
        """The current parameter there."""
        return self.owner._parameters[self.attribute]


# ---- layers --------------------------------------------------------------------------------------

_BIAS = ConstantRole(0.0, "bias")
_LINEAR = WeightRole("torch.linear")
_DENSE: Roles = {"weight": _LINEAR, "bias": _BIAS}
_NORM: Roles = {
    "weight": ConstantRole(1.0, "norm", bound=0.0),
    "bias": ConstantRole(0.0, "norm", bound=0.0),
}


def _dense(layer: Any) -> Roles:
    return _DENSE


def _bilinear(layer: Any) -> Roles:
    bound = 1.0 / math.sqrt(max(layer.in1_features, 1))
    weight = WeightRole("torch.bilinear", start=bound / math.sqrt(3.0))
    return {"weight": weight, "bias": _BIAS._replace(bound=bound)}


def _convolution(layer: Any) -> Roles:
    return {"weight": WeightRole("torch.conv", layer.groups), "bias": _BIAS}


def _transposed_convolution(layer: Any) -> Roles:
    return {"weight": WeightRole("torch.conv_transpose", layer.groups), "bias": _BIAS}


def _embedding(layer: Any) -> Roles:
    zeros = () if layer.padding_idx is None else ((0, layer.padding_idx),)
    return {"weight": WeightRole("torch.embedding", zeros=zeros, start=1.0)}


def _attention(layer: Any) -> Roles:
    width = layer.embed_dim

    def projection(inputs: int, parts: int = 1) -> WeightRole:
        xavier = math.sqrt(2.0 / max(width + inputs, 1))
        return WeightRole("torch.linear", parts=parts, start=xavier)

    return {
        "in_proj_weight": projection(3 * width, parts=3),
        "q_proj_weight": projection(width),
        "k_proj_weight": projection(layer.kdim),
        "v_proj_weight": projection(layer.vdim),
        "in_proj_bias": _BIAS._replace(bound=0.0),
        **dict.fromkeys(("bias_k", "bias_v"), _BIAS._replace(bound=math.inf)),
    }


_GATES = {"RNN_TANH": 1, "RNN_RELU": 1, "GRU": 3, "LSTM": 4}


def _recurrent(layer: Any) -> Roles:
    return _gated(layer, _GATES[layer.mode])


def _gated(layer: Any, gates: int) -> Roles:
    """Return the roles in a recurrent layer, of any depth and both directions, or in a cell."""
    roles: Roles = {}
    bound = 1.0 / math.sqrt(max(layer.hidden_size, 1))
    bias = _BIAS._replace(bound=bound)
    weight = _LINEAR._replace(start=bound / math.sqrt(3.0))
    # A parametrized tensor is not a parameter of the layer, but keeps its name.
    parametrized = layer.parametrizations if parametrize.is_parametrized(layer) else ()
    for name in (*layer._parameters, *parametrized):
        if name.startswith("weight_ih"):
            roles[name] = weight._replace(parts=gates)
        elif name.startswith("weight_hh"):
            roles[name] = weight._replace(parts=gates, recurrent=True)
        elif name.startswith("weight_hr"):  # the projection of an LSTM's output
            roles[name] = weight
        elif name.startswith("bias_ih") and gates == 4:
            # The second of an LSTM's gates. Two biases are added, so only one needs the value.
            forget = range(layer.hidden_size, 2 * layer.hidden_size)
            roles[name] = bias._replace(forget_gate=forget)
        elif name.startswith("bias_"):
            roles[name] = bias
    return roles


def _norm(layer: Any) -> Roles:
    return _NORM


def _prelu(layer: Any) -> Roles:
    return {"weight": ConstantRole(layer.init, "slope", bound=0.0)}


# The first row whose type a layer is an instance of gives the roles of its own parameters.
_LAYERS: tuple[tuple[tuple[type, ...], Callable[[Any], Roles]], ...] = (
    ((nn.Linear,), _dense),
    ((nn.Bilinear,), _bilinear),
    ((nn.Conv1d, nn.Conv2d, nn.Conv3d), _convolution),
    ((nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d), _transposed_convolution),
    ((nn.Embedding, nn.EmbeddingBag), _embedding),
    ((nn.MultiheadAttention,), _attention),
    ((nn.RNN, nn.GRU, nn.LSTM), _recurrent),
    ((nn.RNNCell,), partial(_gated, gates=1)),
    ((nn.GRUCell,), partial(_gated, gates=3)),
    ((nn.LSTMCell,), partial(_gated, gates=4)),
    ((_NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm), _norm),
    ((nn.PReLU,), _prelu),
)


def _roles(layer: nn.Module) -> Roles:
    for kinds, roles in _LAYERS:
        if isinstance(layer, kinds):
            return roles(layer)
    return {}


def fans_beside(layer: nn.Module, bias: str) -> Fans | None:
    """Return the fans of the weight that belongs to a bias by its name, or None.

    For example the fans of weight_ih_l0 for bias_ih_l0.
    """
    name = bias.replace("bias", "weight")
    role, weight = _roles(layer).get(name), getattr(layer, name, None)
    if not isinstance(role, WeightRole) or weight is None:
        return None
    shape = tuple(weight.shape)
    return Weight.of(shape, layout=role.layout, groups=role.groups, parts=role.parts).fans


# ---- models --------------------------------------------------------------------------------------

# The attributes in which torch.compile, FSDP and activation checkpoints keep the wrapped module.
_WRAPPED = frozenset({"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"})
_PARALLEL = (nn.DataParallel, nn.parallel.DistributedDataParallel)


def modules(
    root: nn.Module, name: str = "", above: tuple[nn.Module, ...] = ()
) -> Iterator[tuple[str, nn.Module]]:
    """Yield root and every module in it, by every qualified name that it has.

    In the order of named_modules. The names that wrappers add are removed, so that a wrapped model
    has the names of the model.
    """
    yield name, root
    for attribute, child in root._modules.items():
        if child is None or child in (root, *above):
            continue
        if attribute == "parametrizations" and parametrize.is_parametrized(root):
            continue
        wrapped = attribute in _WRAPPED or (attribute == "module" and isinstance(root, _PARALLEL))
        below = name if wrapped else joined(name, attribute)
        if child._modules:
            yield from modules(child, below, (root, *above))
        else:  # most have none, and need no generator of their own
            yield below, child


def parameters(root: nn.Module) -> Iterator[ParameterSite]:
    """Yield every parameter, by every qualified name that it has, in the order of named_parameters.

    A weight under weight_norm has the name that it would have without it.
    """
    for prefix, layer in modules(root):
        held = layer._parameters
        parametrized = "parametrizations" in layer._modules and parametrize.is_parametrized(layer)
        if not held and not parametrized:
            continue
        roles = _roles(layer)
        for attribute, parameter in held.items():
            if parameter is not None:
                role = roles.get(attribute) or _no_role(layer, roles)
                name = joined(prefix, attribute)
                # ParameterSite(...) without its Python code: models have thousands of parameters.
                site = (name, parameter, role, layer, layer, attribute)
                yield tuple.__new__(ParameterSite, site)
        if parametrized:
            yield from _parametrized(prefix, layer, roles)


def _no_role(layer: nn.Module, roles: Roles) -> str:
    """Return why a layer's parameter has no role."""
    return f"not of {_kind(layer)}" if roles else f"{_kind(layer)} is not a known layer"


def _parametrized(prefix: str, layer: Any, roles: Roles) -> Iterator[ParameterSite]:
    for attribute, chain in layer.parametrizations.items():
        name, inner = joined(prefix, attribute), joined(prefix, f"parametrizations.{attribute}")
        if len(chain) == 1 and isinstance(chain[0], parametrizations._WeightNorm):
            role: Role | str = roles.get(attribute) or _no_role(layer, roles)
            direction, norms = chain._parameters["original1"], chain._parameters["original0"]
            yield ParameterSite(name, direction, role, layer, chain, "original1")
            role = NormsRole(name, chain[0].dim)
            name = joined(inner, "original0")
            yield ParameterSite(name, norms, role, layer, chain, "original0")
            continue
        reason = "parametrized by " + ", ".join(type(each).__name__ for each in chain)
        for below, module in modules(chain, inner):
            for held, parameter in module._parameters.items():
                if parameter is not None:
                    name = joined(below, held)
                    yield ParameterSite(name, parameter, reason, layer, module, held)


def _kind(layer: nn.Module) -> str:
    return type(layer).__name__


def joined(prefix: str, name: str) -> str:
    """Return the qualified name of a member of a module of a qualified name."""
    return f"{prefix}.{name}" if prefix else name
