"""Build models with and without `replace_init`: ``python tests/verify/verify_replace.py``.

Builds 20 models of torch, transformers, timm and torchvision, and compares every parameter and
buffer with the draws of the model's own code:

- the values have the same distribution by the Kolmogorov-Smirnov test, both with fixed seeds, and
  constants are equal;
- every random call is replaced, and all values are drawn by name;
- building the model again, or inserting a layer before it, gives the same bits.

Then times models of 100 million parameters with and without `replace_init`, alternately and each in
a new process. Writes data/verify_replace.json; the suite checks this record.
"""

import argparse
import json
import subprocess
import sys
import time
import warnings
from pathlib import Path
from statistics import median

import torch
from scipy.stats import ks_2samp
from torch import nn

import irwinhall.torch as init

RECORD = Path(__file__).resolve().parents[1] / "data" / "verify_replace.json"
SEED = 1
MOST = 20_000  # values of a parameter that are compared
LEAST_P = 1e-6  # of some 1,500 comparisons
ROUNDS = 3


# ---- models --------------------------------------------------------------------------------------


class Block(nn.Module):
    """A block as in GPT-2."""

    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)


class GPT(nn.Module):
    """A model initialized as in hand-written code: with apply, and some weights again."""

    def __init__(self, width=64, layers=2, last=nn.init.orthogonal_):
        super().__init__()
        self.tokens = nn.Embedding(512, width)
        self.places = nn.Parameter(torch.randn(1, 128, width) * 0.02)
        self.blocks = nn.ModuleList(Block(width) for _ in range(layers))
        self.head = nn.Linear(width, 512, bias=False)
        self.apply(self.start)
        for block in self.blocks:
            nn.init.trunc_normal_(block.down.weight, std=0.02 / (2 * layers) ** 0.5)
            last(block.out.weight)
        self.head.weight = self.tokens.weight

    def start(self, module):
        """Initialize one module."""
        if isinstance(module, (nn.Linear, nn.Embedding)):
            module.weight.data.normal_(mean=0.0, std=0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            module.bias.data.zero_()


SMALL = {
    "vocab_size": 500,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}
IMAGES = {key: value for key, value in SMALL.items() if key != "vocab_size"}
IMAGES |= {"image_size": 32, "patch_size": 8}


def transformers_model(model, config, **options):
    """Return a function that makes a model of transformers from its configuration."""

    def make():
        import transformers

        return getattr(transformers, model)._from_config(
            getattr(transformers, config)(**options, bos_token_id=1, eos_token_id=2)
        )

    return make


def timm_model(name, **options):
    """Return a function that makes a model of timm."""

    def make():
        import timm

        return timm.create_model(name, **options)

    return make


def torchvision_model(name, **options):
    """Return a function that makes a model of torchvision."""

    def make():
        import torchvision.models

        return getattr(torchvision.models, name)(**options)

    return make


MODELS = {
    "torch/Transformer": lambda: nn.Transformer(64, 4, 2, 2, 128),
    "torch/LSTM": lambda: nn.LSTM(32, 64, 2, bidirectional=True, proj_size=16),
    "torch/weight_norm": lambda: nn.utils.parametrizations.weight_norm(nn.Conv1d(32, 64, 3)),
    "by hand/GPT": GPT,
    "transformers/GPT2": transformers_model(
        "GPT2LMHeadModel", "GPT2Config", vocab_size=500, n_embd=64, n_layer=2, n_head=4
    ),
    "transformers/Llama": transformers_model("LlamaForCausalLM", "LlamaConfig", **SMALL),
    "transformers/Bert": transformers_model("BertForMaskedLM", "BertConfig", **SMALL),
    "transformers/T5": transformers_model(
        "T5ForConditionalGeneration",
        "T5Config",
        vocab_size=500,
        d_model=64,
        d_ff=128,
        num_layers=2,
        num_heads=4,
        d_kv=16,
    ),
    "transformers/ViT": transformers_model("ViTForImageClassification", "ViTConfig", **IMAGES),
    "transformers/Mixtral": transformers_model(
        "MixtralForCausalLM",
        "MixtralConfig",
        **SMALL,
        num_key_value_heads=2,
        num_local_experts=4,
    ),
    "transformers/Mamba": transformers_model(
        "MambaForCausalLM", "MambaConfig", vocab_size=500, hidden_size=64, num_hidden_layers=2
    ),
    "transformers/Mamba2": transformers_model(
        "Mamba2ForCausalLM",
        "Mamba2Config",
        vocab_size=500,
        hidden_size=64,
        num_hidden_layers=2,
        num_heads=8,
        head_dim=16,
        n_groups=1,
        state_size=16,
    ),
    "transformers/Wav2Vec2": transformers_model(
        "Wav2Vec2Model",
        "Wav2Vec2Config",
        **SMALL,
        conv_dim=(32, 32),
        conv_kernel=(3, 3),
        conv_stride=(2, 2),
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=4,
    ),
    "timm/ViT": timm_model("vit_tiny_patch16_224", depth=2),
    "timm/ResNet": timm_model("resnet18"),
    "timm/ConvNeXt": timm_model("convnext_atto"),
    "timm/Swin": timm_model("swin_tiny_patch4_window7_224", depths=(1, 1, 1, 1)),
    "timm/Mixer": timm_model("mixer_s32_224"),
    "torchvision/ResNet": torchvision_model("resnet18"),
    "torchvision/ViT": torchvision_model(
        "VisionTransformer",
        image_size=32,
        patch_size=8,
        num_layers=2,
        num_heads=4,
        hidden_dim=64,
        mlp_dim=128,
    ),
}

LARGE = {
    "by hand/GPT": lambda: GPT(1024, 8, nn.init.zeros_),
    "transformers/GPT2": transformers_model("GPT2LMHeadModel", "GPT2Config"),
    "transformers/Llama": transformers_model(
        "LlamaForCausalLM",
        "LlamaConfig",
        vocab_size=32_000,
        hidden_size=768,
        intermediate_size=2048,
        num_hidden_layers=8,
        num_attention_heads=12,
    ),
    "torch/Linear": lambda: nn.Sequential(*(nn.Linear(2048, 2048) for _ in range(25))),
}


# ---- what is checked -----------------------------------------------------------------------------


def check(make):
    """Return counts of the draws in a model, the smallest p-value, and all faults."""
    torch.manual_seed(SEED)
    own = tensors(make())
    model, report = replaced(make)
    drawn = tensors(model)
    again = tensors(replaced(make)[0])
    alone, _ = replaced(lambda: nn.ModuleDict({"model": make()}))
    after, _ = replaced(lambda: nn.ModuleDict({"inserted": nn.Linear(3, 3), "model": make()}))
    alone, after = tensors(alone), tensors(after)
    rows = {row.name: row for row in report.rows}
    faults = [f"torch drew {name}" for name in report.missed]
    faults += [f"{name} is drawn by order: {rows[name].note}" for name in rows if name[0] == "/"]
    faults += [f"{name} is there only once" for name in own.keys() ^ drawn.keys()]
    faults += [
        f"{name} differs the second time"
        for name in drawn
        if not torch.equal(drawn[name], again[name])
    ]
    faults += [f"{n} differs behind a layer" for n in alone if not torch.equal(alone[n], after[n])]
    least = 1.0
    for name in own.keys() & drawn.keys():
        one, other = own[name], drawn[name]
        if not bool(other.isfinite().all()) and bool(one.isfinite().all()):
            faults.append(f"{name} is not finite")
        elif not torch.equal(one, other):
            p = ks_2samp(values(one), values(other)).pvalue
            least = min(least, float(p))
            if p < LEAST_P:
                faults.append(f"{name} has another distribution, p = {p:.2g}")
        elif name in rows and rows[name].scheme is not None:
            faults.append(f"{name} has torch's numbers")
    counts = {
        "parameters": len(list(model.parameters())),
        "drawn": len(rows) - len(report.left_alone),
        "least_p": least,
    }
    return counts, faults


def replaced(make):
    """Return a model that was made within the context, and the report."""
    with init.replace_init(seed=SEED) as report:
        model = make()
    return model, report


def tensors(model):
    """Return a model's parameters and buffers by name."""
    found = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return {name: tensor.detach() for name, tensor in found.items()}


def values(tensor):
    """Return some of the values of a tensor, from all of its parts."""
    flat = tensor.flatten().double()
    return flat[:: max(1, len(flat) // MOST)].numpy()


# ---- times ---------------------------------------------------------------------------------------


def times(name):
    """Return the median seconds in which new processes build a model, alternately."""
    seconds = {"torch": [], "irwinhall": []}
    for _ in range(ROUNDS):
        for which, found in seconds.items():
            command = [sys.executable, __file__, "--time", which, name]
            output = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
            count, taken = output.split()[-2:]
            found.append(float(taken))
    return {"parameters": int(count), **{which: median(found) for which, found in seconds.items()}}


def print_time(which, name):
    """Print how many parameters a large model has, and the seconds that it takes to make it."""
    build = LARGE[name] if which == "torch" else lambda: replaced(LARGE[name])[0]
    small = MODELS.get(name, lambda: nn.Linear(2, 2))
    small()  # what imports is done once
    replaced(small)
    begin = time.perf_counter()
    model = build()
    taken = time.perf_counter() - begin
    print(sum(parameter.numel() for parameter in model.parameters()), taken)


def main():
    """Check the models and time the large ones, or some of them, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=["models", "times"])
    parser.add_argument("--time", choices=["torch", "irwinhall"], help="print one time alone")
    parser.add_argument("names", nargs="*", help="of the models; default all")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.time:
        return print_time(options.time, *options.names)
    record = {"torch": "", "threads": 0, "models": {}, "times": {}}
    if RECORD.exists():
        record = json.loads(RECORD.read_text(encoding="utf-8"))
    record["torch"], record["threads"] = torch.__version__, torch.get_num_threads()
    faulty = False
    for name, make in MODELS.items() if options.only != "times" else ():
        if name in (options.names or MODELS):
            record["models"][name], faults = check(make)
            record["models"][name]["faults"] = faults
            faulty = faulty or bool(faults)
            print(name, record["models"][name], flush=True)
    for name in LARGE if options.only != "models" else ():
        if name in (options.names or LARGE):
            record["times"][name] = found = times(name)
            print(name, found, f"{found['torch'] / found['irwinhall']:.1f} times", flush=True)
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return faulty


if __name__ == "__main__":
    sys.exit(main())
