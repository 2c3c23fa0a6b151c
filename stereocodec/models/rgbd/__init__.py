"""`rgbd`, for colour with depth."""

from __future__ import annotations

from pathlib import Path

from ..registry import OfficialFormat, register
from .keys import official_config, official_weights
from .model import Rgbd, RgbdConfig

register(
    "rgbd",
    Rgbd,
    RgbdConfig,
    official=OfficialFormat(official_config, official_weights),
    recipe=Path(__file__).with_name("rgbd.toml"),
)
