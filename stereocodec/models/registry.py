"""The architectures: each registers itself, and what works with any of them asks here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from .base import StereoModel

Weights = Mapping[str, Tensor]


@dataclass(frozen=True)
class OfficialFormat:
    """How checkpoints of an architecture's published code are read.

    settings: the config that the shapes of their tensors tell. weights: the state dict of the model of that config,
    float32. Both raise ValueError, naming the first tensor that does not fit.
    """

    settings: Callable[[Weights], Any]
    weights: Callable[[Weights, Any], dict[str, Tensor]]


@dataclass(frozen=True)
class Architecture:
    """What an architecture consists of.

    config: a dataclass of JSON values, the argument of `model`; its class attribute FORMER_NAMES, where it has one,
    gives the present names of settings by those that earlier versions wrote. official: for `bisic import`, where there
    are checkpoints of published code. recipe: a TOML file of settings for `bisic train --arch`.
    """

    model: type[StereoModel]
    config: type[Any]
    official: OfficialFormat | None = None
    recipe: Path | None = None

    def settings(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments of the config, those of earlier versions under their present names.

        Raises ValueError when a setting is there under both, TypeError for arguments that are no mapping.
        """
        if not isinstance(arguments, Mapping):
            raise TypeError(f"the settings are a {type(arguments).__name__}, not a table")
        former: Mapping[str, str] = getattr(self.config, "FORMER_NAMES", {})
        for old, new in former.items():
            if old in arguments and new in arguments:
                raise ValueError(f"{old} is the former name of {new}; leave it out")
        return {former.get(name, name): value for name, value in arguments.items()}


ARCHITECTURES: dict[str, Architecture] = {}
"""All registered ones, by name."""


def register(
    name: str,
    model: type[StereoModel],
    config: type[Any],
    *,
    official: OfficialFormat | None = None,
    recipe: Path | None = None,
) -> None:
    """Makes an architecture known, to be trained, exported, loaded and used by this name.

    The arguments are those of `Architecture`. A model of the same module and name, as when code runs again in a
    notebook, takes the place of the former one. Raises ValueError for a name that another one has.
    """
    former = ARCHITECTURES.get(name)
    if former and (former.model.__module__, former.model.__qualname__) != (model.__module__, model.__qualname__):
        raise ValueError(f"there is an architecture '{name}' already")
    ARCHITECTURES[name] = Architecture(model, config, official, recipe)


def build_model(architecture: str, arguments: Mapping[str, Any]) -> StereoModel:
    """A model with starting weights; raises ValueError for an unknown architecture or argument."""
    if architecture not in ARCHITECTURES:
        raise ValueError(f"unknown architecture '{architecture}'; known are: {', '.join(sorted(ARCHITECTURES))}")
    found = ARCHITECTURES[architecture]
    try:
        return found.model(found.config(**found.settings(arguments)))
    except TypeError as error:
        raise ValueError(f"architecture {architecture}: {error}") from error
