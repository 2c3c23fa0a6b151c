"""Several processes that train together, one per GPU, as torchrun starts them; a single process is one of one."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ..errors import TrainingError


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
    """Gives every process what process 0 passes."""
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


def exchange(
    own: Sequence[Tensor], shapes: Sequence[Sequence[tuple[int, ...]]], like: Tensor
) -> list[Sequence[Tensor]]:
    """What every process computed, by rank, from what this one did.

    own: tensors of the type and the device of `like`; shapes: those that each process has, by rank.
    """
    if not _together():
        return [own]
    sizes = [sum(math.prod(shape) for shape in theirs) for theirs in shapes]
    padding = like.new_zeros(max(sizes) - sizes[rank()])
    # As bytes: not every backend moves every type.
    mine = torch.cat([*(tensor.flatten() for tensor in own), padding]).view(torch.uint8)
    everything = mine.new_empty(world_size() * len(mine))
    dist.all_gather_into_tensor(everything, mine)
    rows = everything.view(world_size(), -1)
    parts = [row.view(like.dtype)[:size] for row, size in zip(rows, sizes, strict=True)]
    return [_split(part, theirs) for part, theirs in zip(parts, shapes, strict=True)]


def _split(flat: Tensor, shapes: Sequence[tuple[int, ...]]) -> list[Tensor]:
    pieces = torch.split(flat, [math.prod(shape) for shape in shapes])
    return [piece.view(shape) for piece, shape in zip(pieces, shapes, strict=True)]


def distributed(module: nn.Module, device: torch.device, unreached: Iterable[nn.Parameter]) -> nn.Module:
    """The module with the weights of process 0, its gradients averaged over the processes.

    unreached: its parameters that no loss of a batch reaches.
    """
    if not _together():
        return module
    ids = {id(parameter) for parameter in unreached}
    names = [name for name, parameter in module.named_parameters() if id(parameter) in ids]
    wrapper = nn.parallel.DistributedDataParallel
    wrapper._set_params_and_buffers_to_ignore_for_model(module, names)  # type: ignore[no-untyped-call]
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
