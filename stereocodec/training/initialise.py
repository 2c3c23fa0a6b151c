"""Starting weights from a release or from another run."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import TrainingError
from ..models import StereoModel
from ..models.bisic_rt.blocks import QualityKnots
from ..releases.folders import built_in_names
from ..releases.release import load_release
from .checkpoint import FILE_NAME, load_run


def initialise(model: StereoModel, source: str | Path) -> str:
    """Gives a model the weights of a release (a built-in name or a folder) or the averaged ones of a run's folder.

    Quality knots whose number or range of lambdas differs are resampled, so that equal lambdas start alike; beyond
    the source's range its nearest knot is taken. A network whose cross-view paths are cut (`stereo = false`) takes
    what it has a place for. Returns what the source is called.

    Raises TrainingError, naming the first tensor that differs, when the networks do not agree otherwise, and what
    `load_release` raises.
    """
    other: StereoModel
    run = Path(source)
    if str(source) not in built_in_names() and (run / FILE_NAME).is_file():
        name, other = f"the run {run.resolve().name}", load_run(run)[1]
    else:
        release = load_release(source)
        name, other = f"the release {release.name} ({release.model_id.hex()})", release.model
    if type(other) is not type(model):
        raise TrainingError(f"{name} is a {type(other).__name__}, not a {type(model).__name__}; use its arch")
    weights = other.state_dict() | _resampled_knots(other, model)
    mine = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    if not getattr(model.config, "stereo", True):
        weights = {key: value for key, value in weights.items() if key in mine}
    theirs = {key: tuple(value.shape) for key, value in weights.items()}
    for key in mine | theirs:
        if mine.get(key) != theirs.get(key):
            there, here = (_described(shapes.get(key)) for shapes in (theirs, mine))
            raise TrainingError(f"{key} {there} in {name} but {here} here; start with its [model] settings")
    model.load_state_dict(weights)
    return name


def _resampled_knots(source: StereoModel, target: StereoModel) -> dict[str, Tensor]:
    """The source's quality knots at the target's places on the scale of log-lambda, where these differ."""
    names = ("knots", "lambda_min", "lambda_max")
    settings: list[list[Any]] = [[getattr(m.config, name, None) for name in names] for m in (source, target)]
    if settings[0] == settings[1]:
        return {}
    (_, first, last), (knots, lambda_min, lambda_max) = settings
    log_lambda = torch.linspace(math.log(lambda_min), math.log(lambda_max), knots, dtype=torch.float64)
    quality = (log_lambda - math.log(first)) / math.log(last / first)
    return {
        f"{name}.values": module.double()(quality)[:, 0, 0].float()
        for name, module in source.named_modules()
        if isinstance(module, QualityKnots)
    }


def _described(shape: tuple[int, ...] | None) -> str:
    return "is missing" if shape is None else "is " + ("x".join(map(str, shape)) or "a number")
