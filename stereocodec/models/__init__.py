"""The networks; every one of them is a plug-in of the one coding path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .base import StereoModel
from .bisic.model import Bisic, BisicConfig, BisicFast, BisicFastConfig
from .bisic_rt.model import BisicRt, BisicRtConfig
from .ecsic.model import Ecsic, EcsicConfig
from .rgbd.model import Rgbd, RgbdConfig

__all__ = ["ARCHITECTURES", "StereoModel", "build_model"]

ARCHITECTURES: dict[str, tuple[type[StereoModel], Callable[..., Any]]] = {
    "bisic-rt": (BisicRt, BisicRtConfig),
    "bisic": (Bisic, BisicConfig),
    "bisic-fast": (BisicFast, BisicFastConfig),
    "ecsic": (Ecsic, EcsicConfig),
    "rgbd": (Rgbd, RgbdConfig),
}


def build_model(architecture: str, arguments: Mapping[str, Any]) -> StereoModel:
    """A model with starting weights; raises ValueError for an unknown architecture or argument."""
    if architecture not in ARCHITECTURES:
        raise ValueError(f"unknown architecture '{architecture}'; known are: {', '.join(ARCHITECTURES)}")
    model_class, config_class = ARCHITECTURES[architecture]
    try:
        return model_class(config_class(**arguments))
    except TypeError as error:
        raise ValueError(f"architecture {architecture}: {error}") from error
