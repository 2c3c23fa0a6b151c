"""What training runs on, and how busy it keeps a GPU: the work of a step against what the GPU could do."""

from __future__ import annotations

import platform
import time

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ..nn.precision import Precision, autocast
from .losses import RateDistortion


def hardware(device: torch.device, processes: int) -> str:
    """What a run trains on, for people."""
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    else:
        threads = torch.get_num_threads()
        name = f"{platform.machine()} CPU ({torch.backends.cpu.get_cpu_capability()}), {threads} threads"
    return name if processes == 1 else f"{processes} x {name}"


class GpuMeter:
    """Measures a GPU's peak and the work of a crop pair once, and tells the share of the peak that training takes."""

    def __init__(self, step: RateDistortion, blank: Tensor, precision: Precision) -> None:
        """blank: a batch of one crop, on the GPU."""
        with autocast(precision, blank.device):
            self._flops = step_flops(step, blank, torch.full((2,), 0.5, device=blank.device))
        self._peak = peak_flops(blank.device)

    def share_of_peak(self, crop_pairs_per_second: float) -> float:
        """The share of the peak, 0 to 1, that training at a speed takes."""
        return crop_pairs_per_second * self._flops / self._peak


def step_flops(step: nn.Module, x: Tensor, quality: Tensor) -> int:
    """Floating-point operations of matrix products, convolutions and attention, forwards and backwards.

    x, quality: as of `RateDistortion.forward`. Leaves no gradients, and the random states as they were.
    """
    devices = [x.device] if x.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices), FlopCounterMode(display=False) as counter:
        loss, _, _ = step.forward(x, quality)  # not the compiled one, whose work cannot be seen
        loss.backward()
    step.zero_grad(set_to_none=True)
    return int(counter.get_total_flops())


def peak_flops(device: torch.device, size: int = 8192, repeats: int = 20) -> float:
    """Floating-point operations per second of large bfloat16 matrix products, the best of several."""
    # Without random numbers, whose state belongs to the run; the values do not matter as long as they differ.
    a = torch.linspace(-1, 1, size * size, device=device).reshape(size, size).to(torch.bfloat16)
    b = a.T.contiguous()
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        a @ b
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best
