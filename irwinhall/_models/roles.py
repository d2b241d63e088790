"""The role of a parameter in its layer: a weight of a layout, or a constant."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, TypeAlias

from irwinhall.layouts import Fans, Weight

__all__ = ["ArraySite", "ConstantRole", "Leaf", "NormsRole", "Role", "Roles", "Site", "WeightRole"]


class WeightRole(NamedTuple):
    """A parameter that multiplies inputs: its layout, for `irwinhall.layouts.Weight`.

    `start` is the standard deviation of torch's own initialization; None for 1/sqrt(3 fan_in).
    `like` is the name that sizes it, if it is also the weight of another layer.
    """

    layout: str | Weight
    groups: int = 1
    parts: int = 1
    recurrent: bool = False
    zeros: tuple[tuple[int, int], ...] = ()  # axis and index of an embedding's padding
    start: float | None = None
    like: str = ""
    stacked: int = 0


class ConstantRole(NamedTuple):
    """A parameter that starts as a constant, and its kind.

    `bound` is the largest distance of torch's own initialization from the constant; None for
    1/sqrt(fan_in) of the layer's weight. `fans` are those of that weight, if a scheme needs them.
    """

    value: float
    what: str
    forget_gate: range | None = None  # the part of an LSTM's bias that is the forget gate's
    bound: float | None = None
    fans: Fans | None = None


class NormsRole(NamedTuple):
    """The norms that weight_norm keeps of a weight, over all its axes but one."""

    weight: str
    dim: int


Role: TypeAlias = WeightRole | ConstantRole | NormsRole
Roles: TypeAlias = dict[str, Role]


class Site(Protocol):
    """The place of a parameter in a model; an unknown role is a text that says why.

    The tensor has a shape, a number of axes `ndim`, and `requires_grad`.
    """

    @property
    def name(self) -> str:
        """Its qualified name."""

    @property
    def tensor(self) -> Any:
        """The parameter."""

    @property
    def role(self) -> Role | str:
        """Its role in the layer."""

    @property
    def layer(self) -> Any:
        """The layer."""


class Leaf(NamedTuple):
    """The properties of an array that its values depend on."""

    shape: tuple[int, ...]
    dtype: str
    requires_grad: bool = True

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)


class ArraySite(NamedTuple):
    """A place of a parameter that is an array, and its name in the layer."""

    name: str
    tensor: Leaf
    role: Role | str
    layer: Any
    attribute: str
