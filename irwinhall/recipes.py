"""Recipes: how whole models in use are initialized, by name.

`RECIPES` has a row for each: a scheme for the weights, what starts otherwise, and where it was
read. `irwinhall.torch.init_weights(model, recipe="gpt2")` follows one. A recipe names layers by
their kind and parameters by their names as that project has them, so that it is for models made
like those; what it does not speak of starts as `init_weights` always has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from irwinhall._lookup import FrozenMapping, Names, row_repr
from irwinhall.schemes import Scheme

__all__ = ["RECIPES", "Kind", "Recipe", "recipe", "table"]


class Kind(NamedTuple):
    """A pattern: parameters of layers of a kind.

    Attributes
    ----------
    layer : str
        The name of the class of a layer, or of a class that it is derived from, with the wildcards
        of fnmatch.
    parameter : str
        The name that the layer has for the parameter, with wildcards.

    Examples
    --------
    >>> from irwinhall.recipes import Kind
    >>> print(Kind("*RMSNorm*", "weight"), Kind("Embedding"))
    weight of *RMSNorm* Embedding
    """

    layer: str
    parameter: str = "*"

    def __str__(self) -> str:
        return self.layer if self.parameter == "*" else f"{self.parameter} of {self.layer}"


class Recipe(NamedTuple):
    """A row of `RECIPES`; it prints as what it says.

    Attributes
    ----------
    name : str
    about : str
        What models it is for.
    source : str
        Where it was read.
    scheme : str
        The scheme of all weights of which the plan says nothing.
    gain : float or None
        Its gain.
    plan : mapping
        What starts otherwise, as for `irwinhall.torch.init_weights`. Lines that fit nothing are no
        error.
    residual : mapping
        The rules of residual branches, as for `irwinhall.torch.init_weights`.
    aliases : tuple of str
        Other names. Case, underscores, hyphens and spaces do not count in any name.

    Examples
    --------
    >>> from irwinhall import recipes
    >>> print(recipes.RECIPES["gpt2"])
    gpt2: GPT-2, with Conv1D or Linear layers
      from transformers 5.24.0, GPT2PreTrainedModel._init_weights; Radford et al. 2019
      weights: normal, gain 0.02
      bias of Conv1D: zeros
      weight of Conv1D: std 0.02
      *.c_proj.weight: times 'gpt2'
    """

    name: str
    about: str
    source: str
    scheme: str
    gain: float | None = None
    plan: Mapping[Any, Any] = FrozenMapping({})
    residual: Mapping[Any, Any] = FrozenMapping({})
    aliases: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return row_repr(self, "RECIPES", RECIPES)

    def __str__(self) -> str:
        gain = "" if self.gain is None else f", gain {self.gain:g}"
        lines = [f"{self.name}: {self.about}", f"from {self.source}"]
        lines.append(f"weights: {self.scheme}{gain}")
        lines += [f"{pattern}: {_said(said)}" for pattern, said in self.plan.items()]
        lines += [f"{pattern}: times {rule!r}" for pattern, rule in self.residual.items()]
        return "\n  ".join(lines)


def _said(said: object) -> str:
    if isinstance(said, Mapping):
        each = ((key, getattr(value, "name", value)) for key, value in said.items())
        return ", ".join(f"{key} {value}" for key, value in each)
    return str(getattr(said, "name", said))


def _bound_of_fan_out(fan_in: int, fan_out: int) -> float:
    return float(fan_out**-0.5)


# Of a gate, the outputs are the hidden size; a transposed convolution stores them where others have
# inputs, and torch takes them for these.
_BY_OUTPUTS = Scheme("torch_default_by_outputs", "uniform", _bound_of_fan_out)

_TORCH = {
    Kind("Embedding*"): {"std": 1.0},
    Kind("MultiheadAttention", "in_proj_weight"): {"scheme": "xavier_uniform", "parts": 1},
    Kind("MultiheadAttention", "?_proj_weight"): "xavier_uniform",
    Kind("MultiheadAttention", "bias_[kv]"): "leave",
    Kind("MultiheadAttention", "*bias*"): "zeros",
    Kind("NonDynamicallyQuantizableLinear", "bias"): "zeros",
    Kind("Bilinear"): "leave",
    Kind("LSTM", "weight_hr*"): "torch_default",
    **{
        Kind(kind, f"{part}*"): _BY_OUTPUTS
        for kind in ("RNNBase", "RNNCellBase", "_ConvTransposeNd")
        for part in ("weight", "bias")
    },
    Kind("Linear", "bias"): "torch_default",
    Kind("_ConvNd", "bias"): "torch_default",
}
_TRANSFORMERS = "transformers 5.24.0"

_ROWS = (
    Recipe(
        "torch",
        "what the layers of torch.nn start with, but Bilinear, bias_k and bias_v, left alone",
        "torch 2.13.0, reset_parameters of the layers",
        "torch_default",
        plan=FrozenMapping(_TORCH),
        aliases=("pytorch", "torch_default"),
    ),
    Recipe(
        "gpt2",
        "GPT-2, with Conv1D or Linear layers",
        f"{_TRANSFORMERS}, GPT2PreTrainedModel._init_weights; Radford et al. 2019",
        "normal",
        0.02,
        FrozenMapping({Kind("Conv1D", "bias"): "zeros", Kind("Conv1D", "weight"): {"std": 0.02}}),
        FrozenMapping({"*.c_proj.weight": "gpt2"}),
        aliases=("nanogpt",),
    ),
    Recipe(
        "llama",
        "Llama, Mistral, Qwen 3 and others that transformers initializes by its general rule",
        f"{_TRANSFORMERS}, PreTrainedModel._init_weights, initializer_range 0.02",
        "normal",
        0.02,
        FrozenMapping({Kind("*RMSNorm*", "weight"): "ones"}),
        aliases=("mistral", "qwen3"),
    ),
    Recipe(
        "bert",
        "BERT",
        f"{_TRANSFORMERS}, BertPreTrainedModel._init_weights; Devlin et al. 2018",
        "normal",
        0.02,
        FrozenMapping({Kind("BertLMPredictionHead", "bias"): "zeros"}),
    ),
    Recipe(
        "vit",
        "vision transformers of timm; LayerScale is left as it was made",
        "timm 1.0.31, VisionTransformer.init_weights; its ends of +-2 are 100 standard deviations",
        "normal",
        0.02,
        FrozenMapping(
            {
                "*pos_embed": {"std": 0.02},
                "*cls_token": {"std": 1e-6},
                "*reg_token": {"std": 1e-6},
                "*patch_embed.proj.bias": "torch_default",
                "*patch_embed.proj.weight": "torch_default",
            }
        ),
        aliases=("timm_vit", "deit"),
    ),
    Recipe(
        "resnet",
        "residual convolution networks",
        "torchvision 0.28.0, ResNet.__init__, without zero_init_residual; He et al. 2015",
        "he_normal_fan_out",
        plan=FrozenMapping(
            {
                Kind("_ConvNd", "bias"): "torch_default",
                Kind("Linear", "bias"): "torch_default",
                Kind("Linear", "weight"): "torch_default",
            }
        ),
    ),
)

RECIPES: Mapping[str, Recipe] = FrozenMapping({row.name: row for row in _ROWS})
_NAMES = Names("recipe", _ROWS)


def recipe(name: str | Recipe) -> Recipe:
    """Return the row of a recipe by its name or an alias; a row is itself.

    Parameters
    ----------
    name : str or Recipe

    Returns
    -------
    Recipe

    Raises
    ------
    TypeError
        If name is neither.
    ValueError
        If there is no such recipe; the message lists near names.

    Examples
    --------
    >>> from irwinhall import recipes
    >>> recipes.recipe("Qwen3")
    RECIPES['llama']
    """
    if isinstance(name, Recipe):
        return name
    if not isinstance(name, str):
        raise TypeError(f"recipe must be a name or a Recipe, got one of type {type(name).__name__}")
    return _NAMES.find(name)


def table() -> str:
    """Return the names of all recipes and what models they are for.

    Returns
    -------
    str

    Examples
    --------
    >>> from irwinhall import recipes
    >>> print(recipes.table().splitlines()[1])
    gpt2    GPT-2, with Conv1D or Linear layers
    """
    width = max(map(len, RECIPES))
    return "\n".join(f"{row.name:<{width}}  {row.about}" for row in _ROWS)
