"""The initializations that are compared, in one table.

Uniform methods all scale the same uniforms: those of irwinhall.Stream for the run's seed and the
parameter's name. Normal methods likewise share their normals. The gain of a method depends on the
network's activation only if the method says so.
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
    """How a network starts.

    Attributes
    ----------
    name, label : str
        In results; in figures and tables.
    scheme : str
        Of `irwinhall.schemes.SCHEMES`, or "torch" for what PyTorch does by itself.
    gain : float, "real" or None
        A number; or sqrt(2/pi) times the gain of the activation, which keeps the magnitude of
        signals that are random and not all 1; or the scheme's own.
    lsuv : bool
        Whether layers are then rescaled to unit variance on training data.
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
    """Return the number that `irwinhall` takes as this method's gain, None for the scheme's own."""
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
        With an `activation`, the name of what its layers read.
    method : Method
    seed : int
    batch : Tensor
        What LSUV rescales on.
    active : bool
        Whether the layer "input" reads one-hot vectors and is sized by its one active input.
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
