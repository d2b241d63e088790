"""What the processes of the distributed tests do: python torch_processes.py DIRECTORY.

In worlds of 4, 2 and 1 processes the tensors of `CASES` are made as DTensors, filled, and gathered;
the first process writes what it gathered, for the tests to compare with tensors that no one
sharded. Importing torch takes longer than all else: it is done once, before the processes fork.
"""

from __future__ import annotations

import multiprocessing
import sys
from collections import OrderedDict
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

WORLDS = (4, 2, 1)


class Case(NamedTuple):
    """A DTensor: the mesh and, per mesh axis, S0, S1, ... or R, or SS0/2 for a strided shard."""

    mesh: tuple[int, ...]
    placements: tuple[str, ...]
    shape: tuple[int, ...]
    scheme: str = "letkeman"
    dtype: str = "float32"
    how: dict[str, Any] = {}  # noqa: RUF012

    @property
    def title(self) -> str:
        mesh = "x".join(map(str, self.mesh))
        shape = "x".join(map(str, self.shape))
        return f"{mesh} {' '.join(self.placements)} {shape} {self.scheme} {self.dtype}".replace(
            "/", "of"
        )


def _on_one_axis(count: int) -> list[Case]:
    return [
        Case((count,), (placement,), shape, scheme)
        for placement in ("S0", "S1", "R")
        for shape, scheme in (((16, 12), "letkeman"), ((7, 5), "he_normal"), ((2, 3), "normal"))
    ]


CASES = [
    *(case for count in WORLDS for case in _on_one_axis(count)),
    Case((4,), ("S0",), (70, 30), "he_truncated_normal", "bfloat16"),
    Case((4,), ("S1",), (70, 30), "xavier_normal", "float16"),
    Case((4,), ("S1",), (70, 30), "uniform", "float64"),
    Case((4,), ("S2",), (3, 5, 9), "kalafus_uniform"),
    Case((4,), ("S0",), (30, 20), "orthogonal"),
    Case((4,), ("S1",), (6, 4, 3, 3), "delta_orthogonal"),
    Case((4,), ("S0",), (9, 9), "identity"),
    Case((4,), ("S0",), (13,), "normal"),
    Case((4,), ("S0",), (18, 6), "xavier_uniform", how={"parts": 3}),
    Case((4,), ("S0",), (12, 4, 3), "he_normal", how={"transposed": True, "groups": 3}),
    Case((4,), ("S1",), (12, 4, 3), "orthogonal", how={"transposed": True, "groups": 3}),
    Case((2, 2), ("S0", "S1"), (9, 7)),
    Case((2, 2), ("S0", "S0"), (9, 7), "letkeman_normalized"),
    Case((2, 2), ("S1", "R"), (9, 7), "lecun_normal", "bfloat16"),
    Case((2, 2), ("R", "S0"), (5, 6), "orthogonal"),
    Case((2, 2), ("R", "R"), (5, 6)),
    Case((2, 2), ("SS0/2", "S0"), (16, 3)),
    Case((2, 2), ("SS0/2", "S0"), (13, 3), "he_normal"),
    Case((2, 2), ("SS0/2", "R"), (16, 3), "he_uniform"),
    Case((2, 2), ("SS1/3", "S0"), (5, 18), "normal", "float64"),
    Case((1, 2), ("S0", "S1"), (9, 7)),
]
# Schemes whose scale is a number of the caller's.
GAINS = {"normal": 0.02, "uniform": 0.5}
SEED = 20


def fill(tensor: Any, case: Case) -> None:
    import irwinhall.torch as init

    init.fill_(tensor, case.scheme, GAINS.get(case.scheme), seed=SEED, name=case.title, **case.how)


def model() -> Any:
    """Return the layers of the FSDP tests; none of their sizes are multiples of 4."""
    from torch import nn

    return nn.Sequential(nn.Linear(10, 14), nn.ReLU(), nn.Linear(14, 5, bias=False))


def fill_model(module: Any, **where: Any) -> None:
    import irwinhall.torch as init

    for name, parameter in module.named_parameters():
        if parameter.ndim == 2:
            init.he_normal_(parameter, name=name, **where)
        else:
            init.normal_(parameter, std=0.1, name=name, **where)


def language_model() -> Any:
    """Return a model with every kind of parameter that init_weights fills by parts."""
    from torch import nn
    from torch.nn.utils.parametrizations import weight_norm

    layers = {
        "embedding": nn.Embedding(13, 6, padding_idx=5),
        "lstm": nn.LSTM(6, 7, bidirectional=True),
        "attention": nn.MultiheadAttention(6, 2),
        "fused": nn.Linear(6, 14),
        "conv": nn.ConvTranspose1d(6, 6, 3, groups=3),
        "norm": nn.BatchNorm1d(6),
        "normed": weight_norm(nn.Conv1d(16, 16, 8, groups=4), dim=2),
        "directed": weight_norm(nn.Linear(6, 5)),
    }
    return nn.Sequential(OrderedDict(layers))


# What init_weights is asked for on it: parts of uneven sizes, which shards cut anywhere.
MODEL_INIT: dict[str, Any] = {
    "scheme": "xavier_uniform",
    "seed": SEED,
    "plan": {"fused.weight": {"parts": (6, 5, 3)}, "conv.*": "orthogonal"},
    "residual": "attention.out_proj.*",
    "residual_factor": 0.5,
    "forget_bias": 1.0,
}


def _placement(text: str) -> Any:
    from torch.distributed.tensor import Replicate, Shard
    from torch.distributed.tensor.placement_types import _StridedShard

    if text == "R":
        return Replicate()
    if text.startswith("SS"):
        axis, factor = map(int, text[2:].split("/"))
        return _StridedShard(axis, split_factor=factor)
    return Shard(int(text[1:]))


def _gathered(case: Case) -> Any:
    import torch
    from torch.distributed.tensor import distribute_tensor, init_device_mesh

    mesh = init_device_mesh("cpu", case.mesh)
    empty = torch.zeros(case.shape, dtype=getattr(torch, case.dtype))
    # Without a source every process splits for itself: scattering uneven strided shards fails.
    placements = [_placement(text) for text in case.placements]
    tensor = distribute_tensor(empty, mesh, placements, src_data_rank=None)
    fill(tensor, case)
    return tensor.full_tensor()


def _gathered_models() -> dict[str, dict[str, Any]]:
    """Return the parameters of models under FSDP2, alone and above tensor parallelism."""
    import torch
    from torch.distributed.fsdp import fully_shard
    from torch.distributed.tensor import init_device_mesh
    from torch.distributed.tensor.parallel import (
        ColwiseParallel,
        RowwiseParallel,
        parallelize_module,
    )

    def sharded(**where: Any) -> Any:
        with torch.device("meta"):
            module = model()
        mesh = init_device_mesh("cpu", (4,))
        return _filled(fully_shard(module, mesh=mesh), **where)

    def parallel() -> Any:
        with torch.device("meta"):
            module = model()
        mesh = init_device_mesh("cpu", (2, 2), mesh_dim_names=("data", "tensor"))
        plan = {"0": ColwiseParallel(), "2": RowwiseParallel()}
        parallelize_module(module, mesh["tensor"], plan)
        return _filled(fully_shard(module, mesh=mesh["data"]), seed=SEED)

    def _filled(module: Any, **where: Any) -> Any:
        fill_model(module, **where)  # on meta it does nothing
        module.to_empty(device="cpu")
        for parameter in module.parameters():
            torch.nn.init.constant_(parameter, -1.0)
        fill_model(module, **where)
        return {name: p.detach().full_tensor() for name, p in module.named_parameters()}

    # Every process has another state; all must take that of the first.
    torch.manual_seed(torch.distributed.get_rank() + 100)
    unseeded = sharded()
    return {"fsdp": sharded(seed=SEED), "fsdp and tp": parallel(), "unseeded": unseeded}


def _initialized_models() -> dict[str, dict[str, Any]]:
    """Return the language model, initialized under FSDP2 and by FSDP's param_init_fn."""
    import torch
    from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard
    from torch.distributed.tensor import init_device_mesh

    import irwinhall.torch as init

    with torch.device("meta"):
        later, handed_over = language_model(), language_model()
    fully_shard(later, mesh=init_device_mesh("cpu", (4,)))
    later.to_empty(device="cpu")
    init.init_weights(later, **MODEL_INIT)
    wrapped = FullyShardedDataParallel(
        handed_over,
        param_init_fn=init.param_init_fn(handed_over, device="cpu", **MODEL_INIT),
        use_orig_params=True,
        device_id=torch.device("cpu"),
    )
    with FullyShardedDataParallel.summon_full_params(wrapped):
        whole = {name: p.detach().clone() for name, p in handed_over.named_parameters()}
    return {
        "init_weights": {name: p.detach().full_tensor() for name, p in later.named_parameters()},
        "param_init_fn": whole,
    }


def run(rank: int, directory: Path) -> None:
    """Take part in every world that is large enough."""
    import torch
    import torch.distributed as dist

    torch.set_num_threads(1)
    results: dict[str, Any] = {}
    for world in WORLDS:
        if rank >= world:
            continue
        store = dist.FileStore(str(directory / f"store{world}"), world)
        dist.init_process_group(
            "gloo", store=store, rank=rank, world_size=world, timeout=timedelta(seconds=60)
        )
        for case in CASES:
            if torch.Size(case.mesh).numel() == world:
                results[case.title] = _gathered(case)
        if world == 4:
            results |= _gathered_models()
            results |= _initialized_models()
        dist.destroy_process_group()
    if rank == 0:
        torch.save(results, directory / "gathered.pt")


def main(directory: Path) -> int:
    """Run all processes and return how many failed."""
    # What DTensor and FSDP import when they are first used.
    for module in ("torch._dynamo", "torch.distributed.fsdp", "torch.distributed.tensor.parallel"):
        import_module(module)
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=run, args=(rank, directory)) for rank in range(WORLDS[0])]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return sum(process.exitcode != 0 for process in processes)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
