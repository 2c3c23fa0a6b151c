"""Settings of the network of `bisic-rt` 2."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .rt_config import BisicRtConfig


@dataclass(frozen=True)
class BisicRt2Config:
    """Widths and depths; `channels8` and `channels16` are the widths at 1/8 and 1/16 resolution."""

    channels8: int = 128
    channels16: int = 192
    latent_channels: int = 192
    hyper_channels: int = 96
    blocks8: int = 2
    blocks16: int = 2
    expansion: float = 1.5
    knots: int = 12
    lambda_min: float = 0.00025
    lambda_max: float = 0.3
    stereo: bool = True

    def __post_init__(self) -> None:
        widths = (self.channels8, self.channels16, self.latent_channels, self.hyper_channels)
        depths_ok = self.blocks8 >= 0 and self.blocks16 >= 0 and self.knots >= 2
        if min(widths) < 1 or self.channels8 % 4 or self.channels16 % 4 or not depths_ok:
            raise ValueError(f"impossible widths or depths: {self}; channels8 and channels16 are multiples of 4")
        if not (0 < self.lambda_min < self.lambda_max < math.inf and 0 < self.expansion <= 16):
            raise ValueError(f"impossible lambdas or expansion: {self}")

    @property
    def entropy_channels(self) -> int:
        """The width of the entropy networks."""
        return self.channels16


RtConfig = BisicRtConfig | BisicRt2Config
