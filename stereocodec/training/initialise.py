"""How a run starts: its networks, and weights from a release or from another run."""

from __future__ import annotations

from pathlib import Path

import torch

from ..errors import TrainingError
from ..models import StereoModel, build_model
from ..releases.folders import built_in_names
from ..releases.release import load_release
from ..text import reason_of
from .checkpoint import FILE_NAME, load_run
from .config import TrainingConfig


def initialise(model: StereoModel, source: str | Path) -> str:
    """Gives a model the weights of a release (a built-in name or a folder) or the averaged ones of a run's folder.

    The model adapts them to its settings as far as its architecture can (`StereoModel.weights_of`). Returns what the
    source is called.

    Raises TrainingError, naming the first tensor that differs, when the networks do not agree otherwise, and what
    `load_release` raises.
    """
    other: StereoModel
    run = Path(source)
    if str(source) not in built_in_names() and (run / FILE_NAME).is_file():
        name, other = f"the run {run.resolve().name}", load_run(run)[1]
    else:
        if run.is_file():
            raise TrainingError(f"{source} is a file; bisic import makes a release folder of a checkpoint: name that")
        release = load_release(source)
        name, other = f"the release {release.name} ({release.model_id.hex()})", release.model
    if type(other) is not type(model):
        raise TrainingError(f"{name} is a {type(other).__name__}, not a {type(model).__name__}; use its arch")
    weights = model.weights_of(other)
    mine = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    theirs = {key: tuple(value.shape) for key, value in weights.items()}
    for key in mine | theirs:
        if mine.get(key) != theirs.get(key):
            there, here = (_described(shapes.get(key)) for shapes in (theirs, mine))
            raise TrainingError(f"{key} {there} in {name} but {here} here; start with its [model] settings")
    model.load_state_dict(weights)
    return name


def _described(shape: tuple[int, ...] | None) -> str:
    return "is missing" if shape is None else "is " + ("x".join(map(str, shape)) or "a number")


def check_start(resume: bool, init: str | Path | None, grow: Path | None) -> None:
    """Raises TrainingError when a run is given several starts."""
    if resume and (init is not None or grow is not None):
        raise TrainingError("a resumed run has its weights already; resume it, or start another from them")
    if init is not None and grow is not None:
        raise TrainingError("a run grows with the weights of the former run; leave the other ones out")


def prepare_encoder(model: StereoModel, config: TrainingConfig) -> None:
    """Freezes the encoder where the settings say so; raises TrainingError for one that has no choices to learn from."""
    encoder = list(model.encoder_parameters())
    if not encoder and (config.symbols == "chosen" or config.freeze_encoder):
        raise TrainingError(
            f"the encoder of '{config.arch}' rounds and chooses no symbols; leave symbols and freeze_encoder out"
        )
    for parameter in encoder:
        parameter.requires_grad_(not config.freeze_encoder)


def starting_model(config: TrainingConfig, device: torch.device) -> StereoModel:
    """The networks on the device with starting weights; raises TrainingError when they cannot be built."""
    try:
        return build_model(config.arch, config.model).to(device)
    except (ValueError, RuntimeError) as error:
        raise TrainingError(reason_of(error)) from error
