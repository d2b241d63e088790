"""The table of the compared initializations.

All uniform methods scale the same uniforms: those of irwinhall.Stream for the run's seed and the
parameter's name. All normal methods scale the same normals. The gain depends on the network's
activation only for methods with gain "real".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import irwinhall

if TYPE_CHECKING:
    import torch

__all__ = ["METHODS", "Method", "gain_of", "initialize"]


@dataclass(frozen=True)
class Method:
    """An initialization.

    Attributes
    ----------
    name, label : str
        The name in results, and in figures and tables.
    scheme : str
        A name of `irwinhall.schemes.SCHEMES`, or "torch" for PyTorch's default.
    gain : float, "real" or None
        A number; "real" for sqrt(2/pi) times the gain of the activation, which keeps the magnitude
        of random signals; None for the scheme's default.
    lsuv : bool
        Whether LSUV then rescales the layers to unit variance on training data.
    """

    name: str
    label: str
    scheme: str
    gain: float | Literal["real"] | None = None
    lsuv: bool = False


METHODS = {
    method.name: method
    for method in (
        Method("letkeman", "Standard Letkeman", "letkeman"),
        Method("letkeman_normalized", "Normalized Letkeman", "letkeman_normalized"),
        Method("xavier_standard", "Standard Xavier", "xavier_standard"),
        Method("xavier_uniform", "Normalized Xavier", "xavier_uniform"),
        Method("he_normal", "Kaiming", "he_normal"),
        Method("lecun_uniform", "LeCun", "lecun_uniform"),
        Method("kalafus_relu", "Kalafus, ReLU", "kalafus_uniform", math.sqrt(2.0)),
        Method("kalafus_tanh", "Kalafus, tanh", "kalafus_uniform"),
        Method("orthogonal", "orthogonal", "orthogonal"),
        Method("lsuv", "LSUV", "orthogonal", lsuv=True),
        Method("letkeman_gaussian", "Gaussian Letkeman", "letkeman_gaussian"),
        Method(
            "letkeman_normalized_gaussian",
            "Gaussian normalized Letkeman",
            "letkeman_normalized_gaussian",
        ),
        Method("letkeman_real", "Letkeman for real signals", "letkeman", "real"),
        Method("torch", "PyTorch's default", "torch"),
        # Of single studies.
        Method("letkeman_twice", "Letkeman, gain 2", "letkeman", 2.0),
        Method("xavier_normal", "Xavier, normal", "xavier_normal"),
        Method("ones", "all ones", "ones"),
        Method("zeros", "all zeros", "zeros"),
    )
}


def gain_of(method: Method, activation: str) -> float | None:
    """Return the gain of a method as a number, or None for the scheme's default."""
    if method.gain == "real":
        return math.sqrt(2.0 / math.pi) * irwinhall.gain(activation)
    return method.gain


def initialize(
    model: torch.nn.Module, method: Method, seed: int, batch: Any, *, active: bool = False
) -> None:
    """Initialize a model of `networks` in place.

    Parameters
    ----------
    model : Module
        Its attribute `activation` names the activation before its layers.
    method : Method
    seed : int
    batch : Tensor
        The inputs for LSUV.
    active : bool
        Whether the layer "input" reads one-hot vectors, so that its fan_in is 1.
    """
    import torch

    import irwinhall.torch as init

    if method.scheme == "torch":
        torch.manual_seed(seed)
        for module in model.modules():
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()
        return
    plan: dict[Any, Any] = {"input.weight": {"active_inputs": 1}} if active else {}
    gain = gain_of(method, model.activation)
    init.init_weights(model, method.scheme, gain=gain, seed=seed, plan=plan)
    if method.lsuv:
        init.lsuv_(model, batch, layers=model.rescaled)
