"""Where the networks run, and what a fork changes about it.

A forked process has none of the threads that PyTorch computes with in its parent, and waits for them for ever as soon
as it needs more than one; and it cannot use a GPU that its parent uses. So it computes with one thread, as the workers
of PyTorch's `DataLoader` do, and is told of the GPU.
"""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import nn

from .device_names import check_device_name
from .errors import InvalidInput

_gpu_before_fork = _gpu_is_lost = False


def _before_fork() -> None:
    global _gpu_before_fork
    _gpu_before_fork = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]


def _in_forked_process() -> None:
    global _gpu_is_lost
    _gpu_is_lost = _gpu_is_lost or _gpu_before_fork
    torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_in_forked_process)
    # This module may come only after the fork, into a process whose parent has used PyTorch.
    _context, _process = (sys.modules.get(f"multiprocessing.{name}") for name in ("context", "process"))
    if _context is not None and _process is not None and isinstance(_process.current_process(), _context.ForkProcess):
        torch.set_num_threads(1)


def torch_device(device: str | torch.device) -> torch.device:
    """The device of a name, or itself; "auto" passes over a GPU that a fork has lost.

    Raises InvalidInput for one that is unknown, not there, or lost.
    """
    if not isinstance(device, str | torch.device):
        raise InvalidInput(f"device is {device!r}; it must be a torch.device or a text: auto, cpu, cuda, cuda:N or mps")
    name = check_device_name(str(device))
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() and not _gpu_is_lost else "cpu")
    found = torch.device(name)
    missing_gpu = found.type == "cuda" and (found.index or 0) >= torch.cuda.device_count()
    if missing_gpu or (found.type == "mps" and not torch.backends.mps.is_available()):
        raise InvalidInput(f"device '{name}' is not available here; use --device cpu")
    check_not_lost(found)
    return found


def check_not_lost(device: torch.device) -> None:
    """Raises InvalidInput for a GPU in a process that was forked from one that uses a GPU."""
    if device.type == "cuda" and _gpu_is_lost:
        raise InvalidInput(
            "this process was forked from one that uses the GPU, so that it cannot use it: start processes by spawn "
            "or forkserver, or load the codec there with device='cpu'"
        )


def exact_device(device: torch.device) -> torch.device:
    """Where float64 is computed for networks on a device: there, or on the processor where a device has none of it."""
    return torch.device("cpu") if device.type == "mps" else device


def run_elsewhere(module: nn.Module, device: torch.device) -> None:
    """Moves a module to a device for good; what it is given may be anywhere, and what it gives goes there too."""
    module.to(device)
    forward = module.forward

    def there_and_back(*inputs: Any) -> Any:
        home = _device_of(inputs)
        with torch.autocast(device.type, enabled=False), made_on(device):
            return _moved(forward(*_moved(inputs, device)), home)

    module.forward = there_and_back


def _device_of(value: Any) -> torch.device:
    """Where the first tensor of some, or of tuples of them, is."""
    return _device_of(value[0]) if isinstance(value, tuple) else value.device


def _moved(value: Any, device: torch.device) -> Any:
    """Tensors and tuples of them on a device, anything else as it is."""
    if isinstance(value, tuple):
        return tuple(_moved(item, device) for item in value)
    return value.to(device) if isinstance(value, torch.Tensor) else value


def made_on(device: torch.device) -> AbstractContextManager[object]:
    """Within, tensors that name no device are made on this one, whatever the caller's default is.

    PyTorch's own context costs some microseconds for every operation, which adds up to a twentieth of coding a pair: it
    is left out where the default is right.
    """
    return nullcontext() if torch.get_default_device() == device else device


def computed() -> torch.device:
    """The context of a module's constructor for constants that it computes: they have values even where the module is
    made without any, on the meta device, to know its shapes."""
    return torch.device("cpu")
