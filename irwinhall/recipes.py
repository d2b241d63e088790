"""Recipes: how whole models in use are initialized, by name.

`RECIPES` has a row for each: a scheme for the weights, the exceptions, and the source.
`irwinhall.torch.init_weights(model, recipe="gpt2")` follows one. A recipe names layers by their
kind and parameters by their names in that project, so it fits models that are built alike.
`init_weights` treats all other parameters as it does without a recipe.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from irwinhall._lookup import FrozenMapping, Names, row_repr
from irwinhall.schemes import Scheme

__all__ = ["RECIPES", "Kind", "Recipe", "recipe", "table"]


class Kind(NamedTuple):
    """A pattern that matches parameters of a kind of layer.

    Attributes
    ----------
    layer : str
        The name of the layer's class or of a base class, with the wildcards of fnmatch.
    parameter : str
        The name of the parameter in the layer, with wildcards.

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
    """A row of `RECIPES`; it prints as a summary.

    Attributes
    ----------
    name : str
    about : str
        The models to use it for.
    source : str
        The code or publication that it follows.
    scheme : str
        The scheme of all weights that the plan does not mention.
    gain : float or None
        Its gain.
    plan : mapping
        The exceptions, as for `irwinhall.torch.init_weights`. Patterns may match nothing.
    residual : mapping
        The rules of residual branches, as for `irwinhall.torch.init_weights`.
    aliases : tuple of str
        Other names. Case, underscores, hyphens and spaces are ignored in all names.

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


# The outputs of a gate are the hidden size. A transposed convolution stores outputs where others
# store inputs, and torch uses them as such.
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
_ONES_OF_RMSNORM: dict[Any, Any] = {Kind("*RMSNorm*", "weight"): "ones"}
_CUT_AT_3 = {"low": -3.0, "high": 3.0, "corrected": False}  # as torch's trunc_normal_ means std
_OLMO = {"scheme": "truncated_normal", "std": 0.02, **_CUT_AT_3}
_STACKED = {"layout": "torch.linear", "stacked": 1}
_GATE = {"scheme": "uniform_between", "low": 0.0, "high": 0.02}

_ROWS = (
    Recipe(
        "torch",
        "the defaults of torch.nn's layers; leaves Bilinear, bias_k and bias_v alone",
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
        "Llama, Mistral, Qwen 3 and others that follow transformers' general rule",
        f"{_TRANSFORMERS}, PreTrainedModel._init_weights, initializer_range 0.02",
        "normal",
        0.02,
        FrozenMapping(_ONES_OF_RMSNORM),
        aliases=("mistral", "qwen3"),
    ),
    Recipe(
        "deepseek",
        "DeepSeek V2 and V3, with transformers' layers",
        "DeepSeek-AI 2024, arXiv:2405.04434, 3.1.2, and arXiv:2412.19437, 4.2: 0.006 for all; "
        f"{_TRANSFORMERS}, DeepseekV3PreTrainedModel._init_weights, whose own default is 0.02",
        "normal",
        0.006,
        FrozenMapping(
            {
                **_ONES_OF_RMSNORM,
                Kind("*Router", "weight"): {"std": 0.006},
                Kind("*Experts", "*_proj"): {"std": 0.006},
            }
        ),
        aliases=("deepseek_v2", "deepseek_v3"),
    ),
    Recipe(
        "torchtitan",
        "Llama 3 of torchtitan",
        "torchtitan b5bcd76, torchtitan/models/llama3/__init__.py; most ends, +-2, are 100 or more "
        "standard deviations",
        "normal",
        0.02,
        FrozenMapping(
            {
                **_ONES_OF_RMSNORM,
                "*lm_head.weight": {"scheme": "lecun_truncated_normal", **_CUT_AT_3},
                "*tok_embeddings.weight": {"std": 1.0},
            }
        ),
        FrozenMapping({f"*.{name}.weight": "layer" for name in ("wo", "w2", "w3")}),
        aliases=("torchtitan_llama3",),
    ),
    Recipe(
        "olmo2",
        "OLMo 2 of OLMo-core",
        "OLMo-core fa6c501, src/olmo_core/nn/transformer/init.py, InitMethod.normal",
        "truncated_normal",
        0.02,
        FrozenMapping(
            {
                **_ONES_OF_RMSNORM,
                Kind("Linear", "weight"): _OLMO,
                Kind("Embedding", "weight"): _OLMO,
            }
        ),
        aliases=("olmo",),
    ),
    Recipe(
        "megatron",
        "GPT of Megatron Core, with its own layers or those of Transformer Engine",
        "Megatron-LM d98e8a6, megatron/core/transformer/transformer_config.py",
        "normal",
        0.02,
        FrozenMapping(
            {
                Kind("*Parallel*", "weight*"): {"std": 0.02},
                Kind("*Router", "weight"): {"std": 0.02},
                Kind("*Parallel*", "layer_norm_weight"): "ones",
                Kind("*Norm", "weight"): "ones",
                Kind("*Parallel*", "*bias*"): "zeros",
                Kind("*Norm", "bias"): "zeros",
            }
        ),
        FrozenMapping({"*.linear_proj.weight": "gpt2", "*.linear_fc2.weight*": "gpt2"}),
        aliases=("megatron_lm", "megatron_core"),
    ),
    Recipe(
        "nanochat",
        "nanochat; leaves the scalars of each layer alone",
        "nanochat 92d63d4, nanochat/gpt.py, GPT.init_weights, with n_kv_head = n_head",
        "lecun_uniform",
        plan=FrozenMapping(
            {
                "*wte.weight": {"std": 0.8},
                "*lm_head.weight": {"std": 0.001},
                "*.c_proj.weight": "zeros",
                "*.c_fc.weight": {"factor": 0.4},
                "*value_embeds.*.weight": {"layout": "torch.linear"},  # bounded as c_v
                "*ve_gate.weight": _GATE,
                "*smear_gate.weight": _GATE,
                "*smear_lambda": "zeros",
                "*backout_lambda": {"scheme": "constant", "gain": 0.2},
                "*resid_lambdas": "leave",
                "*x0_lambdas": "leave",
            }
        ),
    ),
    Recipe(
        "modded-nanogpt",
        "the speedrun of modded-nanogpt; leaves mlp_bank and mixed scalars alone",
        "modded-nanogpt f411b3d, train_gpt.py, GPT.__init__",
        "lecun_uniform",
        0.5,
        FrozenMapping(
            {
                "*qk_bank": _STACKED,
                "*vo_bank": _STACKED,
                "*mudd_*w1": {"scheme": "torch_default", **_STACKED},
                "*bigram_embed.weight": "zeros",
                "*lm_head.weight": {"std": 0.005},
                "*embed.weight": {"std": 0.005},  # there a copy of lm_head
                "*value_embeds": {"std": 0.01},
                "*smear_gate.weight": "zeros",
                "*ve_gate_bank": "zeros",
                "*mudd_*w2": "zeros",
                "*post_lambdas": "ones",
                "*resid_lambdas": {"scheme": "constant", "gain": 1.1**0.5},
                "*_mudd_gate_scale": {"scheme": "constant", "gain": 0.1},
                "*mlp_bank": "leave",  # half of it is zeros
                "*mudd_*b2": "leave",
                "*scalars": "leave",
            }
        ),
    ),
    Recipe(
        "mamba2",
        "Mamba 2 of state-spaces/mamba; transformers' initialization differs",
        "state-spaces/mamba e9594ce, mamba_ssm/modules/mamba2.py and models/mixer_seq_simple.py",
        "torch_default",
        plan=FrozenMapping(
            {
                **_ONES_OF_RMSNORM,
                Kind("Embedding", "weight"): {"std": 0.02},
                Kind("_ConvNd", "bias"): "torch_default",
                Kind("Mamba2*", "A_log"): "mamba_a_log",
                Kind("Mamba2*", "dt_bias"): "mamba_dt_bias",
                Kind("Mamba2*", "D"): "ones",
            }
        ),
        residual=FrozenMapping({"*.out_proj.weight": "mamba", "*.fc2.weight": "mamba"}),
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
        "vision transformers of timm; leaves LayerScale alone",
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
        "residual convolutional networks",
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

#: Every recipe by its name.
#:
#: :meta hide-value:
RECIPES: Mapping[str, Recipe] = FrozenMapping({row.name: row for row in _ROWS})
_NAMES = Names("recipe", _ROWS)


def recipe(name: str | Recipe) -> Recipe:
    """Return the row of a recipe by its name or an alias; a row is itself.

    Parameters
    ----------
    name : str or Recipe
        A name or alias, or a recipe of your own, which is returned.

    Returns
    -------
    Recipe

    Raises
    ------
    TypeError
        If name is neither.
    ValueError
        If there is no such recipe; the message suggests similar names.

    See Also
    --------
    RECIPES : All of them, by name.

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
    """Return the names of all recipes and the models to use them for.

    Returns
    -------
    str

    Examples
    --------
    >>> from irwinhall import recipes
    >>> print(recipes.table().splitlines()[1])
    gpt2            GPT-2, with Conv1D or Linear layers
    """
    width = max(map(len, RECIPES))
    return "\n".join(f"{row.name:<{width}}  {row.about}" for row in _ROWS)
