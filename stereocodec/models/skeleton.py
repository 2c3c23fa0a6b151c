"""Networks for weights that lie in a file: their shapes first, memory when the weights are known to fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ..tensor_files import StoredTensor
from .base import StereoModel
from .registry import build_model


class Skeleton:
    """A model of an architecture without memory for weights, to be compared with what a file holds.

    Models of other packages whose constructors need the values of tensors are built in full.
    Raises ValueError as `build_model` does.
    """

    def __init__(self, architecture: str, arguments: Mapping[str, Any]) -> None:
        self._recipe = architecture, arguments
        try:
            self.model = self._build("meta")
        except (NotImplementedError, RuntimeError):
            self.model = self._build("cpu")

    def check(self, stored: Mapping[str, StoredTensor]) -> None:
        """Raises ValueError, naming the first tensor that is missing, superfluous, of another shape or no weights."""
        own = self.model.state_dict()
        for name, tensor in own.items():
            if name not in stored:
                raise ValueError(f"the tensor {name} is missing")
            found = stored[name]
            if found.shape != tensor.shape:
                raise ValueError(f"the tensor {name} is {_described(found.shape)} but {_described(tensor.shape)} here")
            if tensor.is_floating_point() and not found.is_floating_point:
                raise ValueError(f"the tensor {name} is of {found.dtype}, which no weights are of")
        for name in stored:
            if name not in own:
                raise ValueError(f"the tensor {name[:200]} is unknown")

    def filled(self, weights: Mapping[str, Tensor]) -> StereoModel:
        """The model with copies of these weights, float32; the skeleton is used up.

        Raises RuntimeError when they do not fit.
        """
        own = self.model.state_dict()
        if any(tensor.is_meta for tensor in own.values()):
            copies = {
                # A copy in any case: memory of its own, aligned as PyTorch aligns it, gives the same sums everywhere.
                name: tensor.to(
                    torch.float32 if name not in own or own[name].is_floating_point() else own[name].dtype, copy=True
                )
                for name, tensor in weights.items()
            }
            self.model.load_state_dict(copies, assign=True)
            if not _lacks_values(self.model):
                return self.model.float()
            self.model = self._build("cpu")
        self.model.float().load_state_dict(weights)
        return self.model

    def _build(self, device: str) -> StereoModel:
        # Whatever the caller's default device and random state are.
        with torch.random.fork_rng(devices=[]), torch.device(device), _WithoutFilling():
            return build_model(*self._recipe)


class _WithoutFilling(TorchFunctionMode):
    """Spares the start of what has no memory: PyTorch draws random numbers for it as slowly as for all the rest, and
    imports its compiler, for a second, to make an identity matrix of it."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        filled = kwargs.get("out")
        if func in _FILLING:
            filled = args[0] if args else kwargs["tensor"]
        if isinstance(filled, Tensor) and filled.is_meta:
            return filled
        return func(*args, **kwargs)


_FILLING = {
    nn.init.kaiming_uniform_,
    nn.init.uniform_,
    nn.init.normal_,
    Tensor.uniform_,
    Tensor.normal_,
    Tensor.copy_,
    Tensor.fill_,
    Tensor.zero_,
}


def _lacks_values(model: StereoModel) -> bool:
    """Whether the constructor has computed tensors that are no weights, of which only the shapes are there."""
    for module in model.modules():
        if any(buffer.is_meta for buffer in module.buffers(recurse=False)):
            return True
        if any(_holds_meta(value) for name, value in vars(module).items() if name not in _KEPT_BY_PYTORCH):
            return True
    return False


_KEPT_BY_PYTORCH = vars(nn.Module()).keys()


def _holds_meta(value: object) -> bool:
    if isinstance(value, Tensor):
        return value.is_meta
    if isinstance(value, Mapping):
        return any(map(_holds_meta, value.values()))
    return isinstance(value, list | tuple | set) and any(map(_holds_meta, value))


def _described(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "a number"
