"""Settings of `bisic-rt` and what follows from a quality."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ...entropy.tables import MAX_TABLES
from ..settings import MAX_DEPTH, MAX_WIDTH, is_number, require_weight, require_whole, shown

_MAX_KNOTS = 1024


@dataclass(frozen=True)
class BisicRtConfig:
    """Widths and depths; `channels8` and `channels16` are the transforms' widths at 1/8 and 1/16 resolution.

    stereo: whether the views see each other. smoothing: whether `Smoothing` ends the synthesis; the recipe has it, the
    first releases have not. bounded: whether the products of the transforms' blocks are (`GatedBlock`), likewise.
    """

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
    smoothing: bool = False
    bounded: bool = False

    def __post_init__(self) -> None:
        # Each transform starts as so many of the functions of a DCT of 8x8 or 16x16 pixels in colour.
        require_whole("channels8", self.channels8, 4, 3 * 8**2, multiple_of=4)
        require_whole("channels16", self.channels16, 4, 3 * 16**2, multiple_of=4)
        for name in ("latent_channels", "entropy_channels"):
            require_whole(name, getattr(self, name), 1, MAX_WIDTH)
        require_whole("hyper_channels", self.hyper_channels, 1, MAX_TABLES)
        for name in ("blocks8", "blocks16"):
            require_whole(name, getattr(self, name), 0, MAX_DEPTH)
        require_whole("knots", self.knots, 2, _MAX_KNOTS)
        if not is_number(self.expansion, 1 / 16, 16):
            raise ValueError(f"expansion is {shown(self.expansion)}; it must be a number from 1/16 to 16")
        for name in ("lambda_min", "lambda_max"):
            require_weight(name, getattr(self, name))
        if self.lambda_min >= self.lambda_max:
            raise ValueError(f"lambda_max is {self.lambda_max}; it must be above lambda_min, {self.lambda_min}")
        for name in ("stereo", "smoothing", "bounded"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} is {shown(getattr(self, name))}; it must be true or false")


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
