"""First losses on different numbers of processes, and attention heads that start dead."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

import irwinhall.torch as init
from irwinhall import Stream

from .training import Result

if TYPE_CHECKING:
    from .tables import Run

__all__ = ["dead_heads", "first_losses"]

_PROCESSES = 4


def first_losses(runs: list[Run]) -> list[Result]:
    """Return the loss of the first step with weights initialized in four processes.

    The parameters are distributed by the layout, initialized in place, and gathered. The loss is
    computed from the whole weights, so it differs only if the weights differ.
    """
    with tempfile.TemporaryDirectory() as directory:
        torch.multiprocessing.spawn(_process, (directory, runs), nprocs=_PROCESSES)
        losses = torch.load(Path(directory, "losses"))
    return [Result("finished", (), {"loss": loss}) for loss in losses]


def _model() -> nn.Sequential:
    layers = nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 8)
    return nn.Sequential(*layers)


def _process(rank: int, directory: str, runs: list[Run]) -> None:
    from torch import distributed

    torch.set_num_threads(1)
    store = distributed.FileStore(str(Path(directory, "store")), _PROCESSES)
    distributed.init_process_group("gloo", store=store, rank=rank, world_size=_PROCESSES)
    losses = [_first_loss(run) for run in runs]
    if rank == 0:
        torch.save(losses, Path(directory, "losses"))
    distributed.barrier()
    distributed.destroy_process_group()


def _first_loss(run: Run) -> float:
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor, init_device_mesh

    mesh = init_device_mesh("cpu", tuple(run.settings["mesh"]))
    places = [Replicate() if n is None else Shard(n) for n in run.settings["placements"]]
    model = _model()
    layers = list(model)[::2]
    for layer in layers:
        layer.weight = nn.Parameter(distribute_tensor(layer.weight.detach(), mesh, places))
    if run.method == "torch":
        torch.manual_seed(run.seed)
        for layer in layers:
            nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(5.0))
            nn.init.zeros_(layer.bias)
    else:
        init.init_weights(model, run.method, seed=run.seed)
    whole = _model()
    whole.load_state_dict({name: _whole(value) for name, value in model.state_dict().items()})
    x = torch.from_numpy(Stream(0, "inputs").normal((32, 64)))
    target = torch.from_numpy(Stream(0, "targets").integers(32, high=8))
    with torch.no_grad():
        return float(nn.functional.cross_entropy(whole(x), target))


def _whole(value: Any) -> torch.Tensor:
    return value.full_tensor() if hasattr(value, "full_tensor") else value


def dead_heads(runs: list[Run]) -> list[Result]:
    """Return the share of heads that are dead: infinite A_log = log U(0, 16) in bfloat16."""
    return [_dead(run) for run in runs]


def _dead(run: Run) -> Result:
    values = torch.empty(run.settings["heads"], dtype=torch.bfloat16)
    if run.method == "torch":
        torch.manual_seed(run.seed)
        values.uniform_(0, 16).log_()
    else:
        init.log_of_uniform_(values, low=0.0, high=16.0, seed=run.seed)
    return Result("finished", (), {"dead": int(values.isinf().sum()) / values.numel()})
