"""Where the networks run."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, nullcontext

import torch

from .errors import InvalidInput


def torch_device(name: str) -> torch.device:
    """Raises InvalidInput for a device that is unknown or not there."""
    if not isinstance(name, str):
        raise InvalidInput(f"device is {name!r}; it must be a text: auto, cpu or cuda")
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if not re.fullmatch(r"cpu|cuda(:[0-9]{1,3})?", name):
        raise InvalidInput(f"unknown device '{name}'; use auto, cpu or cuda")
    if name != "cpu" and int(name.partition(":")[2] or 0) >= torch.cuda.device_count():
        raise InvalidInput(f"device '{name}' is not available here; use --device cpu")
    return torch.device(name)


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
