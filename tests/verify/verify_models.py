"""Initialize the models of timm and transformers: ``python tests/verify/verify_models.py``.

Uses one model of every family of timm, and every class of transformers that can be built offline,
from a small configuration or else from its default on the meta device. Initializes each model, and
compares it with a copy of its previous values:

- frozen parameters, those that the report lists as left alone, and buffers except the statistics of
  norms do not change;
- every name of every parameter has a row, and shared memory is filled once and stays shared;
- all filled values are finite, and the same for the same seed;
- the report lists constants other than the usual ones of their layers, and biases beyond 1.

It takes ten minutes of processor time, and writes data/verify_models.json, with the reasons why
models could not be built; the suite checks this record. Libraries that are not installed are
skipped with a message, and then no record is written.
"""

import argparse
import importlib
import inspect
import json
import logging
import multiprocessing
import pkgutil
import re
import signal
import sys
import warnings
from collections import Counter
from functools import partial
from pathlib import Path

import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from tqdm import tqdm

import irwinhall.torch as init

RECORD = Path(__file__).resolve().parents[1] / "data" / "verify_models.json"
SEED = 1
SECONDS = 120  # for all classes of one family
MOST_ELEMENTS = 60_000_000  # of a model that is built in memory
COUNTS = (
    "built",
    "on_meta",
    "not_built",
    "parameters",
    "left_alone",
    "frozen",
    "tied",
    "constants_noted",
    "scales_noted",
    "faults",
)


# ---- what is checked -----------------------------------------------------------------------------


def check(model):
    """Return counts of the initialized parameters of a model, and all faults found."""
    parameters = dict(model.named_parameters(remove_duplicate=False))
    buffers = dict(model.named_buffers())
    statistics = {
        id(buffer)
        for layer in model.modules()
        if isinstance(layer, _NormBase)
        for buffer in layer.buffers(recurse=False)
    }
    before = {name: copied(tensor) for name, tensor in {**parameters, **buffers}.items()}
    memory = {name: tensor.data_ptr() for name, tensor in parameters.items()}
    report = init.init_weights(model, seed=SEED)
    rows = {row.name: row for row in report.rows}
    names = {name: reported(name) for name in parameters}
    faults = [f"{name} is not reported" for name in parameters if names[name] not in rows]
    faults += [f"{name} is no parameter" for name in rows.keys() - set(names.values())]
    filled = Counter(
        memory[name]
        for name in parameters
        if names[name] in rows and rows[names[name]].scheme is not None
    )
    for name, tensor in parameters.items():
        row = rows.get(names[name])
        if row is None or tensor.is_meta:
            continue
        same = equal(before[name], tensor)
        if tensor.data_ptr() != memory[name]:
            faults.append(f"{name} lies elsewhere")
        if not tensor.requires_grad and not same:
            faults.append(f"{name} is frozen and was changed")
        if row.name in report.left_alone and not same:
            faults.append(f"{name} is reported as left alone and was changed")
        if filled[memory[name]] > 1 and tensor.numel():
            faults.append(f"{name} shares memory that was filled twice")
        if row.scheme is not None:
            if not bool(torch.isfinite(tensor).all()):
                faults.append(f"{name} is not finite")
            if not same and is_special(model, name, before[name]) and "was" not in row.note:
                faults.append(f"{name} was special, and the report does not say so")
    faults += [
        f"buffer {name} was changed"
        for name, buffer in buffers.items()
        if id(buffer) not in statistics and not equal(before[name], buffer)
    ]
    once = {name: copied(tensor) for name, tensor in parameters.items()}
    init.init_weights(model, seed=SEED)
    faults += [
        f"{name} differs the second time"
        for name, tensor in parameters.items()
        if not equal(once[name], tensor)
    ]
    notes = [row.note for row in report.rows]
    is_meta = any(tensor.is_meta for tensor in parameters.values())
    counts = {
        "on_meta" if is_meta else "built": 1,
        "parameters": len({id(tensor) for tensor in parameters.values()}),
        "left_alone": 0 if is_meta else len(report.left_alone),
        "frozen": sum(note.startswith("frozen") for note in notes),
        "tied": sum(note.startswith(("tied to", "shares the memory of")) for note in notes),
        "constants_noted": sum("was" in note and "std was" not in note for note in notes),
        "scales_noted": sum("std was" in note for note in notes),
    }
    return counts, faults


def reported(name):
    """Return the name that a report has for a parameter: a weight_norm does not show in it."""
    return re.sub(r"parametrizations\.(\w+)\.original1$", r"\1", name)


def copied(tensor):
    """Return a copy of a tensor."""
    return tensor.detach().clone()


def equal(one, other):
    """Return whether two tensors have the same bits, NaN included."""
    if other.is_meta:
        return True
    other = other.detach()
    return torch.equal(one, other) or torch.equal(bits(one), bits(other))


def bits(tensor):
    """Return the bytes of a tensor."""
    return tensor.contiguous().flatten().view(torch.uint8)


def is_special(model, name, was):
    """Return whether a parameter was an unusual constant, or a bias beyond 1."""
    holder, _, last = name.rpartition(".")
    layer = model.get_submodule(holder)
    if was.numel() < 2 or is_garbage(was):
        return False
    is_norm = isinstance(layer, (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm))
    is_bias = "bias" in last
    if (
        is_bias
        and not is_norm
        and float(was.abs().max()) > 1.0
        and last not in ("bias_k", "bias_v")
    ):
        return True
    usual = float(is_norm and not is_bias)
    padding = getattr(layer, "padding_idx", None)
    if padding is not None:
        was = torch.cat([was[:padding], was[padding + 1 :]])
    return bool((was == was.flatten()[0]).all()) and float(was.flatten()[0]) != usual


def is_garbage(was):
    """Return whether values are none that a model sets."""
    return not bool((was.abs().double() < 1e6).all())


# ---- timm ----------------------------------------------------------------------------------------

SMALL = ("nano", "femto", "atto", "pico", "xxtiny", "xxs", "tiny", "_xs", "small", "18", "_s")


def timm_families():
    """Return the families of timm."""
    import timm

    return sorted(timm.list_modules())


def timm_models(family):
    """Yield a name and a function that builds it, of the smallest model of a family by its name."""
    import timm

    def rank(name):
        return next((r for r, mark in enumerate(SMALL) if mark in name), len(SMALL)), name

    names = sorted(timm.list_models(module=family), key=rank)
    if names:
        yield names[0], [lambda: timm.create_model(names[0])]


# ---- transformers --------------------------------------------------------------------------------

# Limits of attributes of a small configuration, by the ends of their names.
LAYERS = r"(num_hidden_layers|n_layers?|num_layers|encoder_layers|decoder_layers|depth)"
LIMITS = {
    r"(hidden_size|d_model|n_embd|embed_dim|hidden_dim|model_dim|projection_dim|emb_size)": 64,
    r"(intermediate_size|ffn_dim|d_ff|n_inner|ffn_hidden_size|mlp_dim|d_inner)": 96,
    LAYERS: 2,
    r"(attention_heads|n_heads?|num_heads)": 4,
    r"(key_value_heads|num_kv_heads)": 2,
    r"(head_dim|d_kv)": 16,
    r"(vocab_size|vocab_size_or_config_json_file|codebook_size)": 300,
    r"(num_(local_|routed_)?experts|n_routed_experts)": 4,
    r"(experts_per_tok(en)?|top_k)": 2,
    r"(max_position_embeddings|n_positions|max_(source|target)_positions)": 128,
    r"image_size": 64,
}
# Attributes that a model needs and its default configuration may lack.
NEEDED = {"head_dim": 16, "num_key_value_heads": 2, "vocab_size": 300}
NEEDED |= {"prediction_length": 12, "context_length": 12}
# Small; small with missing attributes; few layers, if other sizes must agree; the default.
WAYS = ((LIMITS, {}), (LIMITS, NEEDED), ({LAYERS: 2}, NEEDED), ({}, {}))


def transformers_families():
    """Return the packages of models."""
    import transformers.models

    return sorted(m.name for m in pkgutil.iter_modules(transformers.models.__path__) if m.ispkg)


def transformers_models(family):
    """Yield the names of the model classes of a package, and functions that may build them."""
    from transformers import PreTrainedModel

    package = importlib.import_module(f"transformers.models.{family}")
    for module in pkgutil.iter_modules(package.__path__):
        if not module.name.startswith("modeling_"):
            continue
        module = importlib.import_module(f"{package.__name__}.{module.name}")
        for name in getattr(module, "__all__", ()):
            kind = getattr(module, name)
            if not (inspect.isclass(kind) and issubclass(kind, PreTrainedModel)):
                continue
            if kind.config_class is None or name.endswith("PreTrainedModel"):
                continue
            yield name, [partial(built, kind, *way) for way in WAYS]


def built(kind, limits, needed):
    """Return a model, on the meta device if it is large."""
    config = shrunk(kind.config_class(), limits, needed)
    with torch.device("meta"):
        large = kind(config)
    if sum(parameter.numel() for parameter in large.parameters()) > MOST_ELEMENTS:
        return large
    return kind(shrunk(kind.config_class(), limits, needed))


def shrunk(config, limits, needed):
    """Return a configuration with limited sizes, and with values for missing attributes."""
    from transformers import PretrainedConfig

    values, new, layers = vars(config), {}, {}
    for key, value in values.items():
        if isinstance(value, PretrainedConfig):
            new[key] = shrunk(value, limits, needed)
        elif value is None and key in needed:
            new[key] = needed[key]
        elif isinstance(value, int) and not isinstance(value, bool):
            for pattern, most in limits.items():
                if re.fullmatch(f".*{pattern}", key) and value > most:
                    new[key] = most
                    if pattern == LAYERS:
                        layers[value] = most
    if limits is LIMITS and isinstance(values.get("pad_token_id"), int):
        new["pad_token_id"] = 0
    for key, value in values.items():  # what is said layer by layer
        if isinstance(value, (list, tuple)) and len(value) in layers and len(value) > 2:
            new[key] = type(value)(value[: layers[len(value)]])
    for key, value in new.items():
        setattr(config, key, value)
    return config


# ---- the sweep -----------------------------------------------------------------------------------

LIBRARIES = {
    "timm": (timm_families, timm_models),
    "transformers": (transformers_families, transformers_models),
}


def verified(task):
    """Return the counts of a family, its faults, and why some models could not be built."""
    library, family = task
    counts, faults, missing = Counter(), [], {}
    name = ""

    def expired(*_):
        raise TimeoutError(f"took more than {SECONDS} s")

    signal.signal(signal.SIGALRM, expired)
    signal.alarm(SECONDS)
    torch.manual_seed(SEED)
    try:
        for name, ways in LIBRARIES[library][1](family):
            model, reasons = None, []
            for way in ways:
                try:
                    model = way()
                    break
                except TimeoutError:
                    raise
                except Exception as error:  # whatever a constructor raises
                    reasons.append(f"{type(error).__name__}: {error}")
            if model is None:
                missing[name] = reasons[-1].splitlines()[0][:160]
                continue
            try:
                found, wrong = check(model)
            except TimeoutError:
                raise
            except Exception as error:
                found, wrong = {}, [f"{type(error).__name__}: {error}"]
            counts.update(found)
            faults += [f"{name}: {fault}" for fault in wrong]
    except Exception as error:
        missing[name or "*"] = f"{type(error).__name__}: {error}".splitlines()[0][:160]
    finally:
        signal.alarm(0)
    counts["not_built"] = len(missing)
    counts["faults"] = len(faults)
    return task, counts, faults, missing


def declare_operators():
    """Declare the operators that torchvision expects, if its compiled part is for another torch.

    Importing torchvision needs only their names; building models does not call them.
    """
    for name in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, name):
            signature = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
            torch.library.define(f"torchvision::{name}", signature)


def prepare():
    """Import the common modules, without their messages."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)


def imported(library):
    """Import a library; return whether it is there, and say if it is not."""
    for attempt in range(2):
        try:
            importlib.import_module(library)
            if library == "transformers":
                importlib.import_module("transformers.modeling_utils")
        except Exception as error:
            if attempt:
                print(f"SKIPPED {library}: {error}", file=sys.stderr)
                return False
            for name in [name for name in sys.modules if name.startswith(("torchvision", library))]:
                del sys.modules[name]
            declare_operators()
        else:
            break
    return True


def main():
    """Run all checks, write the record and return the exit status."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--processes", type=int, help="worker processes (default: one a core)")
    parser.add_argument("--only", metavar="REGEX", help="families to check; write no record")
    options = parser.parse_args()
    prepare()
    there = [library for library in LIBRARIES if imported(library)]
    tasks = [(library, family) for library in there for family in LIBRARIES[library][0]()]
    if options.only:
        tasks = [task for task in tasks if re.fullmatch(options.only, "/".join(task))]
    results = []
    context = multiprocessing.get_context("fork")
    with context.Pool(options.processes, maxtasksperchild=1) as pool:
        pending = [(task, pool.apply_async(verified, [task])) for task in tasks]
        for task, result in tqdm(pending, disable=None):
            try:
                results.append(result.get(2 * SECONDS))
            except multiprocessing.TimeoutError:  # a process that died, or hangs
                lost = Counter(not_built=1)
                results.append((task, lost, [], {"*": "the process was lost"}))
    totals = {}
    for library in there:
        own = [result for result in results if result[0][0] == library]
        totals[library] = {"version": sys.modules[library].__version__, "families": len(own)}
        totals[library] |= {key: sum(result[1][key] for result in own) for key in COUNTS}
        print(library, *(f"{key} {value}" for key, value in totals[library].items()), sep=", ")
    for _, _, faults, _ in results:
        for fault in faults:
            print(f"fault: {fault}", file=sys.stderr)
    if not options.only and len(there) == len(LIBRARIES):
        write_record(totals, results)
    elif options.only:
        for _, _, _, missing in results:
            for name, reason in missing.items():
                print(f"not built: {name}: {reason}", file=sys.stderr)
    return int(any(result[2] for result in results))


def write_record(totals, results):
    """Write the record, a line for each family."""
    rows = [json.dumps(["/".join(task), *(c[key] for key in COUNTS)]) for task, c, _, _ in results]
    missing = {
        f"{'/'.join(task)}/{name}": why for task, *_, m in results for name, why in m.items()
    }
    faults = [fault for _, _, faults, _ in results for fault in faults]
    head = {"torch": torch.__version__, "seed": SEED, "totals": totals, "faults": faults}
    head |= {"not_built": missing, "columns": ["family", *COUNTS]}
    text = json.dumps(head, indent=1)[:-2] + ',\n "families": [\n  ' + ",\n  ".join(rows)
    RECORD.write_text(text + "\n ]\n}\n", encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
