"""Where the networks run."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

from .device_names import check_device_name
from .errors import InvalidInput


def torch_device(device: str | torch.device) -> torch.device:
    """The device of a name, or itself; raises InvalidInput for one that is unknown or not there."""
    if not isinstance(device, str | torch.device):
        raise InvalidInput(f"device is {device!r}; it must be a torch.device or a text: auto, cpu, cuda or cuda:N")
    name = check_device_name(str(device))
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    found = torch.device(name)
    if found.type == "mps":
        raise InvalidInput("device 'mps' has no float64, which decides what files say; use --device cpu")
    if found.type == "cuda" and (found.index or 0) >= torch.cuda.device_count():
        raise InvalidInput(f"device '{name}' is not available here; use --device cpu")
    return found


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
