"""Training state in one safetensors file, replaced atomically, so that a run can be killed at any moment."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ..errors import TrainingError
from ..models import StereoModel, build_model
from ..releases.folders import RUN_CHECKPOINT
from ..text import reason_of
from .config import TrainingConfig

FILE_NAME = RUN_CHECKPOINT
CONFIG = "config.json"

RandomState = Mapping[str, Tensor]


def save_checkpoint(
    path: Path,
    model: nn.Module,
    average: Mapping[str, Tensor],
    optimisers: list[torch.optim.Optimizer],
    random_states: Sequence[RandomState],
    progress: Mapping[str, Any],
) -> None:
    """Writes weights, their average, the optimisers' moments, every process's random state and `progress` (JSON)."""
    tensors = {f"model/{name}": value for name, value in model.state_dict().items()}
    tensors |= {f"ema/{name}": value for name, value in average.items()}
    tensors |= {f"random/{rank}/{name}": t for rank, states in enumerate(random_states) for name, t in states.items()}
    for number, optimiser in enumerate(optimisers):
        for index, state in optimiser.state_dict()["state"].items():
            for key, value in state.items():
                tensors[f"optimiser/{number}/{index}/{key}"] = torch.as_tensor(value)
    temporary = path.with_suffix(".tmp")
    contiguous = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    try:
        save_file(contiguous, temporary, metadata={"progress": json.dumps(progress)})
        os.replace(temporary, path)
    except BaseException:  # a stopped run, too
        temporary.unlink(missing_ok=True)
        raise


def load_checkpoint(
    path: Path, model: nn.Module, average: Mapping[str, Tensor], optimisers: list[torch.optim.Optimizer]
) -> tuple[list[RandomState], dict[str, Any]]:
    """Restores weights, average and moments in place; returns the processes' random states and `progress`.

    Raises TrainingError when `path` is no checkpoint, or one of other networks.
    """
    try:
        with safe_open(path, framework="pt") as file:
            progress = json.loads(file.metadata()["progress"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        model.load_state_dict(_below("model/", tensors))
        for name, value in _below("ema/", tensors).items():
            average[name].copy_(value)
        for number, optimiser in enumerate(optimisers):
            _restore_moments(optimiser, _below(f"optimiser/{number}/", tensors))
        random_states: list[RandomState] = []
        while state := _below(f"random/{len(random_states)}/", tensors):
            random_states.append(state)
        return random_states, dict(progress)
    except (OSError, SafetensorError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise TrainingError(f"{path} is not a checkpoint of this configuration: {reason_of(error)}") from error


def random_state(device: torch.device) -> RandomState:
    """PyTorch's random state on the processor and on the device."""
    on_gpu = {"cuda": torch.cuda.get_rng_state(device)} if device.type == "cuda" else {}
    return {"torch": torch.get_rng_state(), **on_gpu}


def set_random_state(state: RandomState, device: torch.device) -> None:
    """Restores what `random_state` gave; without a state of the device, that stays as it is."""
    torch.set_rng_state(state["torch"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)


def run_settings(run: Path) -> TrainingConfig:
    """The settings of a run's folder; raises TrainingError when it holds none."""
    path = run / CONFIG
    try:
        return TrainingConfig.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise TrainingError(f"{run} holds no training run: {path.name} cannot be read") from error


def check_settings(run: Path, config: TrainingConfig) -> None:
    """Raises TrainingError unless a run's folder can be resumed with these settings."""
    former = run_settings(run)
    for name in ("arch", "model", "optimiser"):
        if getattr(former, name) != json.loads(json.dumps(getattr(config, name))):  # lists for tuples
            raise TrainingError(f"{run} holds a run with another '{name}'; resume with what {run / CONFIG} says")


def load_run(run: Path) -> tuple[TrainingConfig, StereoModel, dict[str, Any]]:
    """The settings of a run's folder, the model with the averaged weights, and `progress`.

    Raises TrainingError when the folder holds no run with a checkpoint.
    """
    try:
        config = run_settings(run)
        with safe_open(run / FILE_NAME, framework="pt") as file:
            progress = json.loads(file.metadata()["progress"])
            weights = {n[4:]: file.get_tensor(n) for n in file.keys() if n.startswith("ema/")}  # noqa: SIM118
        model = build_model(config.arch, config.model)
        model.load_state_dict(weights)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise TrainingError(f"{run} holds no complete training run: {reason_of(error)}") from error
    return config, model, progress


def _restore_moments(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, key = name.split("/")
        state.setdefault(int(index), {})[key] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}
