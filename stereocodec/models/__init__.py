"""The networks; every one of them is a plug-in of the one coding path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .base import StereoModel
from .bisic import Bisic, BisicConfig, BisicFast, BisicFastConfig
from .bisic_rt import BisicRt, BisicRtConfig
from .ecsic import Ecsic, EcsicConfig
from .rgbd import Rgbd, RgbdConfig
from .rt2 import BisicRt2
from .rt2_config import BisicRt2Config

__all__ = ["ARCHITECTURES", "StereoModel", "build_model", "network_of"]

ARCHITECTURES: dict[str, tuple[type[StereoModel], Callable[..., Any]]] = {
    "bisic-rt": (BisicRt, BisicRtConfig),
    "bisic": (Bisic, BisicConfig),
    "bisic-fast": (BisicFast, BisicFastConfig),
    "ecsic": (Ecsic, EcsicConfig),
    "rgbd": (Rgbd, RgbdConfig),
}

# Networks of releases that are no longer trained from scratch.
_FORMER: dict[str, tuple[type[StereoModel], Callable[..., Any]]] = {"bisic-rt2": (BisicRt2, BisicRt2Config)}


def network_of(architecture: str, arguments: Mapping[str, Any]) -> str:
    """The name here of the network that a release calls `architecture`: `bisic-rt` 2 and 3 both are "bisic-rt"."""
    is_former = architecture == "bisic-rt" and "entropy_channels" not in arguments
    return "bisic-rt2" if is_former else architecture


def build_model(architecture: str, arguments: Mapping[str, Any]) -> StereoModel:
    """A model with starting weights; raises ValueError for an unknown architecture or argument."""
    every = ARCHITECTURES | _FORMER
    if architecture not in every:
        raise ValueError(f"unknown architecture '{architecture}'; known are: {', '.join(ARCHITECTURES)}")
    model_class, config_class = every[architecture]
    try:
        return model_class(config_class(**arguments))
    except TypeError as error:
        raise ValueError(f"architecture {architecture}: {error}") from error
