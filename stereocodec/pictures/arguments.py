"""Numbers, arrays and tensors as people pass them in, as Python's and numpy's own; torch is not imported."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidInput

if TYPE_CHECKING:
    import torch


def plain_number(value: Any) -> Any:
    """A numpy scalar, or an array or tensor without axes, as Python's own number; anything else as it is."""
    if isinstance(value, np.generic | np.ndarray) or is_tensor(value):
        return value.item() if value.shape == () and _has_values(value) else value
    return value


def is_tensor(value: object) -> TypeGuard[torch.Tensor]:
    """Whether a value is a tensor; nobody can have made one unless torch was imported."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def tensor_to_array(tensor: torch.Tensor, name: str) -> NDArray[Any]:
    """The values of a tensor on any device, which may need a gradient; floats that numpy has not become float32.

    Raises InvalidInput for tensors without values of their own: sparse, quantised, nested and meta tensors, and for
    complex numbers.
    """
    import torch

    if tensor.is_nested or tensor.layout is not torch.strided:
        raise InvalidInput(f"{name} is a sparse or nested tensor: pass a dense one, e.g. tensor.to_dense()")
    if tensor.is_quantized:
        raise InvalidInput(f"{name} is a quantised tensor ({tensor.dtype}): pass tensor.dequantize()")
    if tensor.is_meta:
        raise InvalidInput(f"{name} is a tensor on the device meta, which holds no values: pass one that does")
    if tensor.is_complex():
        raise InvalidInput(f"{name} is a tensor of {tensor.dtype}: pass real numbers, e.g. tensor.real")
    tensor = tensor.detach().cpu().resolve_neg()
    if tensor.is_floating_point() and tensor.dtype not in (torch.float16, torch.float32, torch.float64):
        tensor = tensor.to(torch.float32)
    array: NDArray[Any] = tensor.numpy()
    return array


def _has_values(value: Any) -> bool:
    return not getattr(value, "is_meta", False)
