"""Training state in one safetensors file, replaced atomically, so that a run can be killed at any moment."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ..errors import TrainingError

FILE_NAME = "checkpoint.safetensors"


def save_checkpoint(
    path: Path,
    model: nn.Module,
    ema: Mapping[str, Tensor],
    optimisers: list[torch.optim.Optimizer],
    progress: Mapping[str, Any],
) -> None:
    """Writes weights, their average, the optimisers' moments and `progress` (what JSON can hold)."""
    tensors = {f"model/{name}": value for name, value in model.state_dict().items()}
    tensors |= {f"ema/{name}": value for name, value in ema.items()}
    tensors["torch_rng"] = torch.get_rng_state()
    for number, optimiser in enumerate(optimisers):
        for index, state in optimiser.state_dict()["state"].items():
            for key, value in state.items():
                tensors[f"optimiser/{number}/{index}/{key}"] = torch.as_tensor(value)
    temporary = path.with_suffix(".tmp")
    contiguous = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    save_file(contiguous, temporary, metadata={"progress": json.dumps(progress)})
    os.replace(temporary, path)


def load_checkpoint(
    path: Path, model: nn.Module, ema: dict[str, Tensor], optimisers: list[torch.optim.Optimizer]
) -> dict[str, Any]:
    """Restores what `save_checkpoint` wrote, in place; returns `progress`.

    Raises TrainingError when `path` is no checkpoint, or one of other networks.
    """
    try:
        with safe_open(path, framework="pt") as file:
            progress = json.loads(file.metadata()["progress"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        model.load_state_dict({n[6:]: t for n, t in tensors.items() if n.startswith("model/")})
        for name, value in tensors.items():
            if name.startswith("ema/"):
                ema[name[4:]].copy_(value)
        for number, optimiser in enumerate(optimisers):
            _restore_moments(optimiser, tensors, f"optimiser/{number}/")
        torch.set_rng_state(tensors["torch_rng"])
        return dict(progress)
    except (OSError, SafetensorError, KeyError, RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise TrainingError(f"{path} is not a checkpoint of this configuration: {reason}") from error


def _restore_moments(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor], prefix: str) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith(prefix):
            index, key = name[len(prefix) :].split("/")
            state.setdefault(int(index), {})[key] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
