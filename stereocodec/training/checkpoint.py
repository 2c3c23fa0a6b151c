"""Training state in one safetensors file, replaced atomically, so that a run can be killed at any moment."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from ..errors import TrainingError
from ..files import write_atomically
from ..json_files import read_json
from ..models import StereoModel
from ..models.skeleton import Skeleton
from ..releases.folders import RUN_CHECKPOINT
from ..tensor_files import read_header
from ..text import reason_of
from .config import TrainingConfig

FILE_NAME = RUN_CHECKPOINT
CONFIG = "config.json"

_COPIES = 4  # of the weights: themselves, their average, two moments
_MAX_STATE_BYTES = 2**26  # of all processes' random states, and of counters

_Value = TypeVar("_Value")
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
    contiguous = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    write_atomically(path, save(contiguous, metadata={"progress": json.dumps(progress)}), overwrite=True)


def load_checkpoint(
    path: Path, model: nn.Module, average: Mapping[str, Tensor], optimisers: list[torch.optim.Optimizer]
) -> tuple[list[RandomState], dict[str, Any]]:
    """Restores weights, average and moments in place; returns the processes' random states and `progress`.

    Raises TrainingError when `path` is no checkpoint, or one of other networks.
    """
    try:
        _refuse_too_large(path, model)
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
        return TrainingConfig.from_dict(read_json(path))
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
        skeleton = skeleton_of(run, config)
        with safe_open(run / FILE_NAME, framework="pt") as file:
            progress = json.loads(file.metadata()["progress"])
            weights = {n[4:]: file.get_tensor(n) for n in file.keys() if n.startswith("ema/")}  # noqa: SIM118
        model = skeleton.filled(weights)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise TrainingError(f"{run} holds no complete training run: {reason_of(error)}") from error
    return config, model, progress


def skeleton_of(run: Path, config: TrainingConfig) -> Skeleton:
    """The networks of a run's settings without memory for weights, once those in its checkpoint are known to fit.

    Raises OSError, and ValueError for weights that do not.
    """
    skeleton = Skeleton(config.arch, config.model)
    skeleton.check(_below("ema/", read_header(run / FILE_NAME).tensors))
    return skeleton


def _restore_moments(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, key = name.split("/")
        state.setdefault(int(index), {})[key] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def _refuse_too_large(path: Path, model: nn.Module) -> None:
    """Raises ValueError for a file that announces more than weights, their average and their moments take."""
    own = sum(tensor.nbytes for tensor in model.state_dict().values())
    announced = sum(tensor.nbytes for tensor in read_header(path).tensors.values())
    if announced > _COPIES * own + _MAX_STATE_BYTES:
        raise ValueError(f"it holds {announced:,} bytes of tensors, and these networks take {own:,}")


def _below(prefix: str, tensors: Mapping[str, _Value]) -> dict[str, _Value]:
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}
