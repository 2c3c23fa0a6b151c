"""Settings of `bisic-rt` and what follows from a quality."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class BisicRtConfig:
    """Widths and depths; `channels8` and `channels16` are the transforms' widths at 1/8 and 1/16 resolution."""

    channels8: int = 128
    channels16: int = 288
    latent_channels: int = 288
    entropy_channels: int = 192
    hyper_channels: int = 96
    blocks8: int = 2
    blocks16: int = 3
    expansion: float = 1.5
    knots: int = 12
    lambda_min: float = 0.00025
    lambda_max: float = 0.3
    stereo: bool = True

    def __post_init__(self) -> None:
        widths = (self.channels8, self.channels16, self.latent_channels, self.entropy_channels, self.hyper_channels)
        depths_ok = self.blocks8 >= 0 and self.blocks16 >= 0 and self.knots >= 2
        if min(widths) < 1 or self.channels8 % 4 or self.channels16 % 4 or not depths_ok:
            raise ValueError(f"impossible widths or depths: {self}; channels8 and channels16 are multiples of 4")
        if not (0 < self.lambda_min < self.lambda_max < math.inf and 0 < self.expansion <= 16):
            raise ValueError(f"impossible lambdas or expansion: {self}")


def trade_off(config: BisicRtConfig, quality: Tensor) -> Tensor:
    """Lambda of a quality in 0..1: the weight of the mean squared 8-bit error against bits per view pixel."""
    return config.lambda_min * (config.lambda_max / config.lambda_min) ** quality


def quality_of(config: BisicRtConfig, trade: Tensor) -> Tensor:
    """The inverse of `trade_off`; beyond 0..1 for lambdas beyond the range."""
    return (trade / config.lambda_min).log() / math.log(config.lambda_max / config.lambda_min)


def step_size(config: BisicRtConfig, quality: Tensor) -> Tensor:
    """The quantisation step in grey levels that is optimal for a quality's lambda at high rate: sqrt(26 / lambda)."""
    return torch.sqrt(26 / trade_off(config, quality))


def squared_error_bits(config: BisicRtConfig, quality: Tensor) -> Tensor:
    """Bits that a squared error of one, in the 0..1 range, of one coefficient of an orthonormal transform is worth."""
    return trade_off(config, quality) * 65025 / 3
