"""What a training run needs to know, from a TOML file."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from ..errors import InvalidInput, TrainingError
from ..models import ARCHITECTURES
from ..models.settings import shown
from ..toml_files import parse_toml, read_toml

_LARGEST = 2**48  # of any number
# Texts that TOML would want quotes for; true, false, inf and nan are values.
_WORD = re.compile(r"(?!(?:true|false|inf|nan)$)[A-Za-z][\w.-]*")
_CHOICES = {
    "loss": ("mse", "ms-ssim"),
    "schedule": ("stable", "cosine", "milestones"),
    "optimiser": ("adamw", "muon", "adam"),
    "augmentation": ("mirror", "flips-and-swaps", "none"),
    "precision": ("float32", "bfloat16", "auto"),
    "depth_loss": ("mse", "structure"),
    "depth_mode": ("linear", "inverse"),
    "symbols": ("noise", "chosen"),
}


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of one run; `model` overrides the architecture's defaults by name.

    Sides of crops are in pixels and multiples of 64; wide crops give the row attention the disparities it will meet.
    `batch_size` counts crop pairs over all processes. The learning rate rises linearly for `warmup_steps`; with the
    `stable` schedule it stays, and falls linearly to zero over the last `decay_steps` of `steps`, so that a run can be
    prolonged from any checkpoint before that; with `cosine` it falls along half a cosine to zero at `steps`; with
    `milestones` it is multiplied by `milestone_factor` at each of them. `augmentation`: `mirror` mirrors pairs so that
    disparities keep their sign, and upside down; `flips-and-swaps` flips both views alike and swaps them.
    `photo_share` and `pattern_share` are the parts of crops that come from single photographs and from drawn patterns.
    `rescale_share` of the crops of pairs are reduced, by 0.5 at most; `colour_share` of those of pairs and photographs
    get other light and colours, or none.
    `symbols`: `noise` stands for quantisation; or `chosen`, as an encoder of files chooses them.
    `freeze_encoder`: whether the networks of encoding stay as they are.

    Of colour with depth: `loss` is that of colour, `depth_loss` that of depth ("structure" is the published one).
    `depth_unit`, as of `pictures.depth.metres_per_step` or "sun", stands for all data; empty for that of each layout,
    millimetres where it has none. `depth_range` is empty for each frame's own, as `RgbdCodec.compress` takes it, or
    the least and the greatest depth in metres, to which measurements are clipped. `invalid` stands for no measurement.
    `auxiliary_learning_rate` is that of learned quantiles; 0 for the learning rate. `precision`: `auto` is bfloat16
    where the processor or GPU has units for it, and float32 elsewhere.

    `validation_scenes` are beginnings of the names of what is held out for validation. Where they are empty,
    `validation_share` of the examples are held out (`held_out.chosen_scenes`).
    """

    arch: str = "bisic-rt"
    model: Mapping[str, Any] = field(default_factory=dict)
    loss: Literal["mse", "ms-ssim"] = "mse"
    depth_loss: Literal["mse", "structure"] = "mse"
    depth_unit: str = ""
    depth_mode: Literal["linear", "inverse"] = "linear"
    depth_range: tuple[float, ...] = ()
    invalid: int = 0
    crop_height: int = 128
    crop_width: int = 384
    augmentation: Literal["mirror", "flips-and-swaps", "none"] = "mirror"
    photo_share: float = 0.0
    pattern_share: float = 0.0
    rescale_share: float = 0.0
    colour_share: float = 0.0
    symbols: Literal["noise", "chosen"] = "noise"
    freeze_encoder: bool = False
    batch_size: int = 4
    steps: int = 20_000
    schedule: Literal["stable", "cosine", "milestones"] = "stable"
    warmup_steps: int = 100
    decay_steps: int = 1_500
    milestones: tuple[int, ...] = ()
    milestone_factor: float = 0.5
    optimiser: Literal["adamw", "muon", "adam"] = "adamw"
    learning_rate: float = 1e-3
    muon_learning_rate: float = 5e-3
    auxiliary_learning_rate: float = 0.0
    gradient_clip: float = 1.0
    ema_decay: float = 0.999
    seed: int = 0
    precision: Literal["float32", "bfloat16", "auto"] = "float32"
    compile: bool = False
    validation_scenes: tuple[str, ...] = ()
    validation_share: float = 0.1
    validate_every: int = 500
    checkpoint_every: int = 200

    def __post_init__(self) -> None:
        for setting in fields(self):
            _check_type(setting.name, getattr(self, setting.name), setting.default)
        for name in ("crop_height", "crop_width"):
            side = getattr(self, name)
            if side < 64 or side % 64:
                raise TrainingError(f"{name} is {side}; it must be a positive multiple of 64")
        for name in ("batch_size", "steps", "validate_every", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise TrainingError(f"{name} must be at least 1")
        for name in ("warmup_steps", "decay_steps", "seed", "invalid", "auxiliary_learning_rate"):
            if getattr(self, name) < 0:
                raise TrainingError(f"{name} must not be negative")
        for name in ("learning_rate", "muon_learning_rate", "gradient_clip", "milestone_factor"):
            if getattr(self, name) <= 0:
                raise TrainingError(f"{name} must be above 0")
        for name in ("ema_decay", "validation_share"):
            if not 0 <= getattr(self, name) < 1:
                raise TrainingError(f"{name} must be at least 0 and below 1")
        if min(self.photo_share, self.pattern_share) < 0 or self.photo_share + self.pattern_share > 1:
            raise TrainingError("photo_share and pattern_share must not be negative, nor more than 1 together")
        for name in ("rescale_share", "colour_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise TrainingError(f"{name} must be at least 0 and at most 1")
        if self.depth_range and not (len(self.depth_range) == 2 and 0 <= self.depth_range[0] < self.depth_range[1]):
            raise TrainingError("depth_range must be empty, or the least and the greatest depth in metres")
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                known = " or ".join(f"'{choice}'" for choice in choices)
                raise TrainingError(f"unknown {name} '{getattr(self, name)}'; use {known}")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrainingConfig:
        """Raises TrainingError for a setting of an unknown name or an impossible value.

        Settings of the model that earlier versions named otherwise get their present names.
        """
        if not isinstance(values, Mapping):
            raise TrainingError(f"the settings are a {type(values).__name__}, not a table")
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise TrainingError(f"unknown setting '{unknown[0]}'; known are: {', '.join(sorted(known))}")
        lists = ("validation_scenes", "milestones", "depth_range")
        settings: dict[str, Any] = {k: tuple(v) if k in lists and isinstance(v, list) else v for k, v in values.items()}
        config = cls(**settings)
        if config.arch not in ARCHITECTURES:
            return config
        try:
            return replace(config, model=ARCHITECTURES[config.arch].settings(config.model))
        except ValueError as error:
            raise TrainingError(f"[model]: {error}") from error

    @classmethod
    def recipe(cls, arch: str) -> TrainingConfig:
        """The recipe of an architecture, as its authors train it; raises TrainingError when there is none."""
        recipes = {name: found.recipe for name, found in ARCHITECTURES.items() if found.recipe}
        if arch not in recipes:
            raise TrainingError(f"there is no recipe for '{arch}'; known are: {', '.join(sorted(recipes))}")
        return cls.from_toml(recipes[arch])

    @classmethod
    def from_toml(cls, path: Path) -> TrainingConfig:
        """Reads a file such as the recipes beside the models; raises what `read_toml` and `from_dict` raise."""
        return cls.from_dict(read_toml(path))

    def changed(self, assignments: Iterable[str]) -> TrainingConfig:
        """These settings with others, each as `NAME=VALUE` in TOML, such as `steps=500` or `model.channels8=64`.

        A text that is one word needs no quotes. Raises TrainingError for what is no such line, and what `from_dict`
        raises.
        """
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        for assignment in assignments:
            for name, value in _assigned(assignment).items():
                values[name] = {**values["model"], **value} if name == "model" and isinstance(value, dict) else value
        return self.from_dict(values)

    def rate_at(self, step: int) -> float:
        """The factor on the learning rates at a step counted from 0."""
        rise = min(1.0, (step + 1) / max(1, self.warmup_steps))
        if self.schedule == "milestones":
            return rise * self.milestone_factor ** sum(step >= milestone for milestone in self.milestones)
        if self.schedule == "cosine":
            done = (step - self.warmup_steps) / max(1, self.steps - self.warmup_steps)
            return rise * 0.5 * (1 + math.cos(math.pi * min(1.0, max(0.0, done))))
        fall = min(1.0, (self.steps - step) / max(1, self.decay_steps))
        return rise * max(0.0, fall)


def _check_type(name: str, value: object, default: object) -> None:
    """Raises TrainingError unless the value is of its default's kind."""
    is_bool = isinstance(value, bool)  # which Python counts among the numbers
    if isinstance(default, bool):
        valid, kind = is_bool, "true or false"
    elif isinstance(default, int):
        valid = isinstance(value, int) and not is_bool and abs(value) <= _LARGEST
        kind = f"a whole number of at most {_LARGEST:,}"
    elif isinstance(default, float):
        valid, kind = _is_number(value), "a number"
    elif isinstance(default, str):
        valid, kind = isinstance(value, str), "a text"
    elif name == "milestones":
        valid = isinstance(value, tuple) and all(type(item) is int and abs(item) <= _LARGEST for item in value)
        kind = "a list of whole numbers"
    elif name == "depth_range":
        valid = isinstance(value, tuple) and all(_is_number(item) for item in value)
        kind = "a list of numbers"
    elif isinstance(default, tuple):
        valid, kind = isinstance(value, tuple) and all(isinstance(item, str) for item in value), "a list of texts"
    else:
        valid, kind = isinstance(value, Mapping), "a table"
    if not valid:
        raise TrainingError(f"{name} is {shown(value)}; it must be {kind}")


def _assigned(assignment: str) -> dict[str, Any]:
    """The table that a line `NAME=VALUE` makes; raises TrainingError."""
    name, _, text = assignment.partition("=")
    line = f'{name}="{text.strip()}"' if _WORD.fullmatch(text.strip()) else assignment
    try:
        return parse_toml(line, f"'{assignment}'")
    except InvalidInput as error:
        raise TrainingError(f"'{assignment}' is no setting: write NAME=VALUE, such as steps=5000") from error


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LARGEST
