"""Weights that do not depend on how a model is spread, and bits that kill a head."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
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
    """Return the loss of the first step with weights made in four processes, by seeds.

    The parameters are spread as the layout says, initialized where they lie, and gathered; the loss
    is then computed from whole weights, so that it differs only if weights do.
    """
    settings = dict(runs[0].settings)
    seeds = [run.seed for run in runs]
    with tempfile.TemporaryDirectory() as directory:
        arguments = directory, settings, runs[0].method, seeds
        torch.multiprocessing.spawn(_process, arguments, nprocs=_PROCESSES)
        losses = torch.load(Path(directory, "losses"))
    return [Result("finished", (), {"loss": loss}) for loss in losses]


def _model() -> nn.Sequential:
    return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(),
                         nn.Linear(128, 8))


def _process(
    rank: int, directory: str, settings: Mapping[str, Any], method: str, seeds: list[int]
) -> None:
    from torch import distributed
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor, init_device_mesh

    torch.set_num_threads(1)
    store = distributed.FileStore(str(Path(directory, "store")), _PROCESSES)
    distributed.init_process_group("gloo", store=store, rank=rank, world_size=_PROCESSES)
    mesh = init_device_mesh("cpu", tuple(settings["mesh"]))
    places = [Replicate() if axis is None else Shard(axis) for axis in settings["placements"]]
    x = torch.from_numpy(Stream(0, "inputs").normal((32, 64)))
    target = torch.from_numpy(Stream(0, "targets").integers(32, high=8))
    losses = []
    for seed in seeds:
        model = _model()
        for layer in model:
            for name, parameter in list(layer.named_parameters()):
                if parameter.ndim == 2:
                    spread = distribute_tensor(parameter.detach(), mesh, places)
                    setattr(layer, name, nn.Parameter(spread))
        if method == "torch":
            torch.manual_seed(seed)
            for layer in model[::2]:
                nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(5.0))
                nn.init.zeros_(layer.bias)
        else:
            init.init_weights(model, method, seed=seed)
        whole = {name: _whole(value) for name, value in model.state_dict().items()}
        plain = _model()
        plain.load_state_dict(whole)
        losses.append(float(nn.functional.cross_entropy(plain(x), target)))
    if rank == 0:
        torch.save(losses, Path(directory, "losses"))
    distributed.barrier()
    distributed.destroy_process_group()


def _whole(value: Any) -> torch.Tensor:
    return value.full_tensor() if hasattr(value, "full_tensor") else value


def dead_heads(runs: list[Run]) -> list[Result]:
    """Return the share of infinite A_log = log U(0, 16) in bfloat16, which are heads that are dead."""
    return [_dead(run) for run in runs]


def _dead(run: Run) -> Result:
    values = torch.empty(run.settings["heads"], dtype=torch.bfloat16)
    if run.method == "torch":
        torch.manual_seed(run.seed)
        values.uniform_(0, 16).log_()
    else:
        init.log_of_uniform_(values, 0.0, 16.0, seed=run.seed)
    return Result("finished", (), {"dead": int(values.isinf().sum()) / values.numel()})
