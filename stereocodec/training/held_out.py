"""Which examples a run is validated with: those that its settings name, or a share of the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from .checkpoint import run_settings
from .config import TrainingConfig
from .examples import Example, spread

# Of fewer none can be spared; and so many take long enough at every validation.
_FEWEST, _MOST = 5, 8

_Example = TypeVar("_Example", bound=Example)


def with_held_out(
    config: TrainingConfig, examples: Sequence[_Example], least_side: int, former: Path | None
) -> TrainingConfig:
    """The settings with the names of all scenes that are held out, for as long as the run lasts.

    Settings that name none get those of the run that is gone on from (`former`, its folder), as far as they are in the
    data: it has learned from all others. A run that begins, or goes on with other data, gets `chosen_scenes`. Raises
    TrainingError when `former` holds no run.
    """
    if config.validation_scenes:
        return config
    if former is not None:
        scenes = run_settings(former).validation_scenes
        kept = tuple(s for s in scenes if any(example.name.startswith(s) for example in examples))
        if kept or not scenes:
            return replace(config, validation_scenes=kept)
    least = max(config.crop_height, least_side), max(config.crop_width, least_side)
    return replace(config, validation_scenes=chosen_scenes(examples, config.validation_share, least))


def chosen_scenes(examples: Sequence[_Example], share: float, least: tuple[int, int]) -> tuple[str, ...]:
    """Names of a share (0 to 1) of the examples that have at least a height and width, evenly over all names.

    The same data give the same names: at least one and at most 8, and none where there are fewer than 5 examples. A
    name that others begin with is not among them, as it would stand for these, too.
    """
    names = sorted(example.name for example in examples)
    beginnings = {name for name, following in pairwise(names) if following.startswith(name)}
    usable = [example for example in examples if example.name not in beginnings]
    count = sum(example.size[0] >= least[0] and example.size[1] >= least[1] for example in examples)
    if not share or count < _FEWEST:
        return ()
    chosen = spread(usable, min(_MOST, max(1, round(share * count))), least)
    return tuple(example.name for example in chosen)


def told(noun: str, kept: Sequence[_Example], held_out: Sequence[_Example], crop: tuple[int, int]) -> str:
    """One line on what a run trains on and what it is validated with, for people.

    noun: what the examples are called. crop: height and width; what is smaller is left out of training.
    """
    height, width = crop
    small = sum(example.size[0] < height or example.size[1] < width for example in kept)
    left_out = f" ({small} more are smaller than a crop of {width}x{height})" if small else ""
    names = ", ".join(example.name for example in held_out[:_MOST]) or "none"
    more = f" and {len(held_out) - _MOST} more" if len(held_out) > _MOST else ""
    return f"{noun} to train on: {len(kept) - small}{left_out}; held out for validation: {names}{more}"
