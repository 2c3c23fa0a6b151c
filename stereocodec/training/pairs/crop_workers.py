"""Crops drawn ahead by other processes, for GPUs that train faster than one processor core draws."""

from __future__ import annotations

import ctypes
import mmap
import multiprocessing
import os
import signal
import sys
import warnings
from collections import deque
from collections.abc import Mapping
from multiprocessing.pool import AsyncResult
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import TrainingError
from .sampler import CropSampler

# Batches that are drawn while one is trained on.
_AHEAD = 3
_MOST_WORKERS = 12
_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of Linux


class CropWorkers:
    """The batches of a `CropSampler`, drawn by processes that are forked from this one and share its pictures.

    Every crop has its own seed, drawn from `generator`; so the batches depend on its state alone, and not on how many
    processes there are. They are other ones than the sampler draws itself. `generator` is as if nothing were drawn
    ahead: its state may be kept and set between batches, and what was drawn ahead for another state is dropped.

    Args:
        sampler: with its pictures on the processor.
        device: where the batches go.
        workers: how many processes, at least 1.

    Raises:
        TrainingError: processes cannot be forked on this system.
    """

    def __init__(self, sampler: CropSampler, device: torch.device, workers: int) -> None:
        if "fork" not in multiprocessing.get_all_start_methods():
            raise TrainingError("this system cannot draw crops in other processes; use --workers 0")
        self._sampler, self._device, self._workers = sampler, device, workers
        self.generator = sampler.generator
        self._pool: Any = None
        self._drawer = np.random.Generator(np.random.PCG64())
        self._size = 0
        self._slots: list[Tensor] = []
        self._drawn: deque[tuple[int, AsyncResult[Any], Mapping[str, Any]]] = deque()
        self._state: Mapping[str, Any] = {}

    def batch(self, size: int) -> Tensor:
        """See `CropSampler.batch`."""
        if size != self._size or self.generator.bit_generator.state != self._state:
            self._restart(size)
        slot, result, self._state = self._drawn.popleft()
        result.get()
        crops = self._slots[slot].pin_memory() if self._device.type == "cuda" else self._slots[slot].clone()
        self.generator.bit_generator.state = self._state
        self._draw_ahead(slot)
        crops = crops.to(self._device, non_blocking=True)
        return torch.cat([crops[..., :3], crops[..., 3:]]).float().div_(255)

    def close(self) -> None:
        """Ends the processes."""
        if self._pool is not None:
            self._pool.terminate()
            self._pool.join()
        self._pool, self._size = None, 0
        self._drawn.clear()

    def _restart(self, size: int) -> None:
        """Draws ahead from the generator's state as it is."""
        if size != self._size:
            self.close()
            self._open(size)
        for _, result, _ in self._drawn:
            result.wait()  # what is not wanted any more must not be written over what is
        self._drawn.clear()
        self._drawer.bit_generator.state = self.generator.bit_generator.state
        for slot in range(_AHEAD):
            self._draw_ahead(slot)

    def _open(self, size: int) -> None:
        """Forks the processes, which share memory for some batches with this one."""
        self._size, shape = size, (size, *self._sampler.crop_shape)
        # Not files in /dev/shm, which is small in many containers.
        memory = [mmap.mmap(-1, int(np.prod(shape))) for _ in range(_AHEAD)]
        self._slots = [torch.frombuffer(part, dtype=torch.uint8).view(shape) for part in memory]
        with warnings.catch_warnings():
            # Python 3.12 warns of threads, none of which the processes need.
            warnings.simplefilter("ignore", DeprecationWarning)
            context = multiprocessing.get_context("fork")
            self._pool = context.Pool(self._workers, _start_worker, (self._sampler, self._slots))

    def _draw_ahead(self, slot: int) -> None:
        """Lets the processes draw the next batch into a slot."""
        seeds = self._drawer.integers(1 << 63, size=self._size).tolist()
        places = [(slot, place, seed) for place, seed in enumerate(seeds)]
        result = self._pool.map_async(_draw, places, chunksize=max(1, self._size // (4 * self._workers)))
        self._drawn.append((slot, result, self._drawer.bit_generator.state))


def default_workers(device: torch.device) -> int:
    """How many processes draw crops unless that is said: none for a processor, which would draw no faster with them."""
    if device.type != "cuda" or "fork" not in multiprocessing.get_all_start_methods():
        return 0
    cores = (os.cpu_count() or 1) // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    return min(_MOST_WORKERS, max(0, cores - 2))


def _start_worker(sampler: CropSampler, slots: list[Tensor]) -> None:
    """Runs first in each process."""
    global _worker
    if sys.platform == "linux":  # a run that is killed takes its processes along
        ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that trains, which ends the others
    torch.set_num_threads(1)
    _worker = sampler, slots


_worker: tuple[CropSampler, list[Tensor]]


def _draw(task: tuple[int, int, int]) -> None:
    """Draws one crop: which slot, which place in it, and the seed."""
    slot, place, seed = task
    sampler, slots = _worker
    sampler.generator = np.random.Generator(np.random.PCG64(seed))
    slots[slot][place] = sampler.crop()
