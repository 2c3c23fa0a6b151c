"""Several processes that train together, one per GPU, as torchrun starts them; a single process is one of one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ..errors import TrainingError
from .optimisers import is_auxiliary


def _together() -> bool:
    return dist.is_available() and dist.is_initialized()


def rank() -> int:
    """This process's number, from 0."""
    return dist.get_rank() if _together() else 0


def world_size() -> int:
    """The number of processes."""
    return dist.get_world_size() if _together() else 1


def share_of(batch_size: int) -> int:
    """This process's part of a batch; raises TrainingError for one that cannot be shared equally."""
    if batch_size % world_size():
        raise TrainingError(f"batch_size is {batch_size}; it must be a multiple of the {world_size()} processes")
    return batch_size // world_size()


def gather(value: Any) -> list[Any]:
    """What every process passes, by rank."""
    if not _together():
        return [value]
    values: list[Any] = [None] * world_size()
    dist.all_gather_object(values, value)
    return values


def from_first(value: Any) -> Any:
    """What process 0 passes."""
    values = [value]
    if _together():
        dist.broadcast_object_list(values)
    return values[0]


def wait() -> None:
    """Returns when every process has come here."""
    if _together():
        dist.barrier()


def mean(values: Tensor) -> Tensor:
    """The mean of a tensor over all processes."""
    if _together():
        dist.all_reduce(values)
        values = values / world_size()
    return values


def distributed(module: nn.Module, device: torch.device) -> nn.Module:
    """The module with the weights of process 0, its gradients averaged over the processes."""
    if not _together():
        return module
    # No loss of a batch reaches these.
    unreached = [name for name, _ in module.named_parameters() if is_auxiliary(name)]
    wrapper = nn.parallel.DistributedDataParallel
    wrapper._set_params_and_buffers_to_ignore_for_model(module, unreached)  # type: ignore[no-untyped-call]
    return wrapper(module, device_ids=[device] if device.type == "cuda" else None)


@contextmanager
def process_group(device: torch.device) -> Iterator[torch.device]:
    """Joins the processes that torchrun started, if it did; yields the device of this one."""
    if not (dist.is_available() and dist.is_torchelastic_launched()):
        yield device
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield device
    finally:
        dist.destroy_process_group()
