"""Compare recipes with the projects' own code, parameter by parameter.

Builds a small model of each project with several seeds, and initializes it as often by the recipe.
Compares the two samples of each parameter: standard deviations in standard errors, the largest
magnitudes, and distributions by the Kolmogorov-Smirnov test. Projects that cannot be imported are
skipped: torchtitan, OLMo-core, Megatron-LM, nanochat and state-spaces/mamba must be on PYTHONPATH,
as checkouts of the commits that the recipes name. Writes tests/data/verify_recipes.csv.
"""

import csv
import importlib.util
import math
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.stats import ks_2samp

RECORD = Path(__file__).resolve().parents[1] / "data" / "verify_recipes.csv"
COPIES = 4


class Comparison(NamedTuple):
    """How far a recipe's parameter is from the project's own: 0 standard errors for constants."""

    recipe: str
    model: str
    parameter: str
    theirs: float
    ours: float
    errors: float
    largest: float  # ours over theirs
    p: float


def torch_layers():
    from torch import nn

    return nn.ModuleDict(
        {
            "linear": nn.Linear(300, 200),
            "conv": nn.Conv2d(16, 64, 3, groups=2),
            "transposed": nn.ConvTranspose2d(32, 24, 3, groups=2),
            "embedding": nn.Embedding(100, 32, padding_idx=3),
            "lstm": nn.LSTM(24, 60, num_layers=2, proj_size=20),
            "gru": nn.GRU(24, 60, bidirectional=True),
            "cell": nn.RNNCell(24, 60),
            "attention": nn.MultiheadAttention(48, 4),
            "other": nn.MultiheadAttention(48, 4, kdim=20, vdim=30),
            "norm": nn.BatchNorm1d(40),
            "encoder": nn.TransformerEncoderLayer(48, 4, 96),
        }
    )


def _of_transformers(kind, config, **sizes):
    def make():
        import transformers

        settings = getattr(transformers, config)(**sizes)
        return getattr(transformers, kind)(settings)

    return make


_SIZES = {"vocab_size": 400, "hidden_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4}


def _vit():
    import timm

    return timm.create_model("vit_tiny_patch16_224", depth=2, num_classes=30, reg_tokens=8)


def _resnet():
    import torchvision

    block = torchvision.models.resnet.Bottleneck
    return torchvision.models.ResNet(block, [1, 1, 1, 1], num_classes=30)


def _torchtitan():
    from torchtitan.models import llama3

    model = llama3.llama3_configs["debugmodel"](attn_backend="flex").build()
    model.init_states()
    return model


def _olmo():
    from olmo_core.nn.transformer import TransformerConfig

    model = TransformerConfig.llama_like(
        d_model=64, vocab_size=400, n_layers=3, n_heads=4, qk_norm=True, block_name="reordered_norm"
    ).build(init_device="cpu")
    model.init_weights()
    return model


def _megatron():
    from megatron.core import parallel_state
    from megatron.core.models.gpt import GPTModel
    from megatron.core.models.gpt.gpt_layer_specs import get_gpt_layer_local_spec
    from megatron.core.transformer import TransformerConfig
    from torch import distributed

    if not distributed.is_initialized():
        distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
        parallel_state.initialize_model_parallel()
    config = TransformerConfig(
        num_layers=3, hidden_size=64, num_attention_heads=4, use_cpu_initialization=True
    )
    return GPTModel(
        config,
        get_gpt_layer_local_spec(),
        vocab_size=400,
        max_sequence_length=64,
        share_embeddings_and_output_weights=False,
    )


def _nanochat():
    from nanochat.gpt import GPT, GPTConfig

    model = GPT(GPTConfig(64, 400, n_layer=3, n_head=4, n_kv_head=4, n_embd=64))
    model.init_weights()
    return model


def _mamba():
    from mamba_ssm.models.config_mamba import MambaConfig
    from mamba_ssm.models.mixer_seq_simple import MambaLMHeadModel

    layers = {"layer": "Mamba2", "headdim": 4}
    return MambaLMHeadModel(
        MambaConfig(64, 96, 3, 400, ssm_cfg=layers, rms_norm=True, fused_add_norm=False)
    )


_EXPERTS = {
    **_SIZES,
    "num_key_value_heads": 4,
    "intermediate_size": 96,
    "moe_intermediate_size": 32,
    "n_routed_experts": 8,
    "num_experts_per_tok": 2,
    "first_k_dense_replace": 1,
    "q_lora_rank": 24,
    "kv_lora_rank": 16,
    "qk_nope_head_dim": 16,
    "qk_rope_head_dim": 8,
    "v_head_dim": 16,
    "initializer_range": 0.006,
}


# The package that a model needs, the recipe, and a function that builds the model.
MODELS = {
    "torch.nn": ("torch", "torch", torch_layers),
    "GPT2LMHeadModel": (
        "transformers",
        "gpt2",
        _of_transformers(
            "GPT2LMHeadModel", "GPT2Config", vocab_size=400, n_embd=64, n_layer=3, n_head=4
        ),
    ),
    "LlamaForCausalLM": (
        "transformers",
        "llama",
        _of_transformers("LlamaForCausalLM", "LlamaConfig", intermediate_size=96, **_SIZES),
    ),
    "Qwen3ForCausalLM": (
        "transformers",
        "qwen3",
        _of_transformers(
            "Qwen3ForCausalLM", "Qwen3Config", intermediate_size=96, head_dim=16, **_SIZES
        ),
    ),
    "MistralForCausalLM": (
        "transformers",
        "mistral",
        _of_transformers("MistralForCausalLM", "MistralConfig", intermediate_size=96, **_SIZES),
    ),
    "BertForMaskedLM": (
        "transformers",
        "bert",
        _of_transformers("BertForMaskedLM", "BertConfig", intermediate_size=96, **_SIZES),
    ),
    "DeepseekV2ForCausalLM": (
        "transformers",
        "deepseek",
        _of_transformers("DeepseekV2ForCausalLM", "DeepseekV2Config", **_EXPERTS),
    ),
    "DeepseekV3ForCausalLM": (
        "transformers",
        "deepseek",
        _of_transformers(
            "DeepseekV3ForCausalLM", "DeepseekV3Config", n_group=2, topk_group=1, **_EXPERTS
        ),
    ),
    "torchtitan's Llama3Model": ("torchtitan", "torchtitan", _torchtitan),
    "OLMo-core's Transformer": ("olmo_core", "olmo2", _olmo),
    "Megatron's GPTModel": ("megatron", "megatron", _megatron),
    "nanochat's GPT": ("nanochat", "nanochat", _nanochat),
    "state-spaces' MambaLMHeadModel": ("mamba_ssm", "mamba2", _mamba),
    "VisionTransformer": ("timm", "vit", _vit),
    "ResNet": ("torchvision", "resnet", _resnet),
}


def available(model):
    """Return whether the package of a model is installed."""
    return importlib.util.find_spec(MODELS[model][0]) is not None


def samples(model, recipe, make):
    """Return the values of each parameter in COPIES models, theirs and ours."""
    import torch

    import irwinhall.torch as init

    theirs, ours = {}, {}
    for copy in range(COPIES):
        torch.manual_seed(copy)
        made = make()
        for name, parameter in made.named_parameters():
            theirs.setdefault(name, []).append(parameter.detach().numpy().ravel().copy())
        init.init_weights(made, recipe=recipe, seed=copy)
        for name, parameter in made.named_parameters():
            ours.setdefault(name, []).append(parameter.detach().numpy().ravel().copy())
    return {name: (np.concatenate(theirs[name]), np.concatenate(ours[name])) for name in theirs}


def compare(model):
    """Yield the comparison of every parameter of a model."""
    _, recipe, make = MODELS[model]
    for name, (theirs, ours) in samples(model, recipe, make).items():
        # timm inverts uniform numbers of float32, once in 2^24 exactly -1, where the inverse is
        # infinite and becomes its end, 2: a weight at 100 standard deviations that no one wants.
        theirs = theirs[theirs != -2.0]
        stds = [
            float(np.sqrt(np.mean(np.square(each, dtype=np.float64)))) for each in (theirs, ours)
        ]
        if len(set(theirs)) == 1:
            equal = bool((ours == theirs).all())
            yield Comparison(recipe, model, name, *stds, 0.0 if equal else math.inf, 1.0, 1.0)
            continue
        squares = np.square(theirs.astype(np.float64))
        error = float(squares.std()) / (2 * stds[0]) * math.sqrt(2 / len(squares))
        largest = float(abs(ours).max() / abs(theirs).max())
        p = float(ks_2samp(theirs, ours).pvalue)
        yield Comparison(recipe, model, name, *stds, (stds[1] - stds[0]) / error, largest, p)


def is_right(row):
    """Return whether a comparison finds the same distribution."""
    return abs(row.errors) <= 5 and 0.5 <= row.largest <= 2 and row.p > 1e-6


def main():
    """Compare all projects that can be imported, write the record and return the exit status."""
    found = [row for model in MODELS if available(model) for row in compare(model)]
    with RECORD.open("w", encoding="ascii", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Comparison._fields)
        for row in found:
            numbers = (f"{row.theirs:.5g}", f"{row.ours:.5g}", f"{row.errors:.2f}")
            writer.writerow((*row[:3], *numbers, f"{row.largest:.3f}", f"{row.p:.3g}"))
    wrong = [row for row in found if not is_right(row)]
    print(f"{len(found)} parameters, {len(wrong)} off", *wrong, sep="\n", file=sys.stderr)
    return int(bool(wrong))


if __name__ == "__main__":
    raise SystemExit(main())
