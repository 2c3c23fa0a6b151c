"""State dicts of published code, tensor by tensor, as weights of our models."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

# Of DataParallel, of compiled networks, and of networks within others.
_PREFIXES = ("module.", "_orig_mod.", "net.")
_BOTTLENECK = re.compile(r"(.*entropy_bottleneck)\._?(matri|bia|factor)(?:ces|ses|s)\.(\d)")
_BOTTLENECK_NAMES = {"matri": "matrix", "bia": "bias", "factor": "factor"}


def without_prefixes(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Without the prefixes of what networks were wrapped in.

    Raises ValueError for a name that is no text, a value that is no tensor, and a name that is there twice.
    """
    found: dict[str, Tensor] = {}
    for key, value in tensors.items():
        if not isinstance(key, str):
            raise ValueError(f"{str(key)[:50]!r} is no name of a tensor; save the state dict of the network")
        if not isinstance(value, Tensor):
            raise ValueError(f"{key} is not a tensor")
        name = key
        while prefix := next((prefix for prefix in _PREFIXES if name.startswith(prefix)), None):
            name = name[len(prefix) :]
        if name in found:
            raise ValueError(f"{name} is there twice, with a prefix and without; save one network alone")
        found[name] = value
    return found


def bottleneck_name(key: str) -> str:
    """The name that CompressAI from 1.0 to 1.2.6 gives a tensor of the factorised prior, which earlier and later ones
    keep in lists (`_matrices.0`, `matrices.0`); other keys as they are."""
    listed = _BOTTLENECK.fullmatch(key)
    return f"{listed[1]}._{_BOTTLENECK_NAMES[listed[2]]}{listed[3]}" if listed else key


def renamed(
    tensors: Mapping[str, Tensor],
    names: Mapping[str, str],
    own: Mapping[str, Tensor],
    official_shape: Callable[[str, torch.Size], torch.Size],
    ignored: re.Pattern[str],
) -> dict[str, Tensor]:
    """Official tensors under our names and in our shapes, float32.

    names: the official key of each of our names. own: our tensors, of which the shapes count. official_shape: of an
    official key and our shape the official one, with as many elements. ignored: official keys that hold no weights.
    Raises ValueError, naming the first official key that is missing, of another shape, or superfluous.
    """
    weights = {}
    for name, tensor in own.items():
        key = names[name]
        if key not in tensors:
            raise ValueError(f"{key} is missing")
        value, shape = tensors[key], official_shape(key, tensor.shape)
        if value.shape != shape or not value.is_floating_point():
            kind = described(value.shape) if value.is_floating_point() else f"of {value.dtype}"
            raise ValueError(f"{key} is {kind} but {described(shape)} here")
        weights[name] = value.float().reshape(tensor.shape)
    refuse_superfluous(tensors, set(names.values()), ignored)
    return weights


def refuse_superfluous(tensors: Mapping[str, Tensor], known: set[str], ignored: re.Pattern[str] | None = None) -> None:
    """Raises ValueError, naming the first official key that is neither known nor ignored."""
    for key in tensors:
        if key not in known and not (ignored and ignored.fullmatch(key)):
            raise ValueError(f"{key} is unknown")


def described(shape: torch.Size) -> str:
    """A shape in an error message."""
    return "x".join(map(str, shape)) or "a number"
