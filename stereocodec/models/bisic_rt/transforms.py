"""The transforms of `bisic-rt`; they run in float32 on both views at once."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ...nn.products import QuickLinear
from .blocks import (
    CoefficientLinear,
    Downsample,
    GatedBlock,
    QualityKnots,
    RowAttention,
    Upsample,
    depth_to_space,
    space_to_depth,
)
from .config import BisicRtConfig, step_size
from .lapped import LappedBorders
from .smoothing import Smoothing


class QualityGains(nn.Module):
    """Log-gains before and after quantisation (continuous rate after Cui et al., CVPR 2021).

    The common part is the quantisation step that is optimal for the quality's lambda at high rate; the learned parts
    are corrections per channel.
    """

    def __init__(self, config: BisicRtConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = QualityKnots(config.knots, config.latent_channels)
        self.decoder = QualityKnots(config.knots, config.latent_channels)

    def forward(self, quality: Tensor) -> tuple[Tensor, Tensor]:
        """(N,) -> log-gains of the encoder and of the decoder, each (N, 1, 1, M)."""
        dtype = self.encoder.values.dtype
        common = math.log(255) - torch.log(step_size(self.config, quality.to(dtype)))[:, None, None, None]
        return common + self.encoder(quality), -common + self.decoder(quality)


class AnalysisTransform(nn.Module):
    """Pictures (2B, H, W, 3) in 0..1, sides multiples of 64 -> latents (2B, H / 16, W / 16, M)."""

    def __init__(self, c: BisicRtConfig) -> None:
        super().__init__()
        self.borders = LappedBorders()
        self.head = CoefficientLinear(192, c.channels8)
        self.stage8 = nn.Sequential(*_blocks(c.channels8, c.blocks8, c))
        self.down = Downsample(c.channels8, c.channels16)
        self.stage16 = nn.Sequential(*_blocks(c.channels16, c.blocks16, c), *_exchange(c.channels16, c))
        self.tail = CoefficientLinear(c.channels16, c.latent_channels)

    def forward(self, x: Tensor) -> Tensor:
        features = self.stage8(self.head(space_to_depth(self.borders.lap(x - 0.5), 8)))
        out: Tensor = self.tail(self.stage16(self.down(features)))
        return out


class SynthesisTransform(nn.Module):
    """Latents (2B, h, w, M) in the units of the analysis -> pictures (2B, 16 h, 16 w, 3), not clamped."""

    def __init__(self, c: BisicRtConfig) -> None:
        super().__init__()
        self.head = CoefficientLinear(c.latent_channels, c.channels16)
        self.quality16 = QualityKnots(c.knots, c.channels16)
        self.stage16 = nn.Sequential(*_blocks(c.channels16, c.blocks16, c), *_exchange(c.channels16, c))
        self.up = Upsample(c.channels16, c.channels8)
        self.quality8 = QualityKnots(c.knots, c.channels8)
        self.stage8 = nn.Sequential(*_blocks(c.channels8, c.blocks8 + 1, c))
        self.tail = CoefficientLinear(c.channels8, 192)
        self.borders = LappedBorders()
        self.smoothing = Smoothing(c) if c.smoothing else None
        if c.stereo:
            self.seen = QuickLinear(192, c.channels8, bias=False)
            nn.init.zeros_(self.seen.weight)

    def forward(self, y: Tensor, quality: Tensor, seen: Tensor | None = None) -> Tensor:
        """seen: the second views as the first ones predict them, if they do: (B, 16 h, 16 w, 3) around 0, lapped."""
        features = self.stage16(self.head(y) + self.quality16(quality))
        features = self.up(features) + self.quality8(quality)
        if seen is not None:
            change = self.seen(space_to_depth(seen, 8))
            features = features + torch.cat([torch.zeros_like(change), change])
        features = self.stage8(features)
        pictures = self.borders.unlap(depth_to_space(self.tail(features), 8)) + 0.5
        return pictures if self.smoothing is None else self.smoothing(pictures, features, quality)


class HyperAnalysis(nn.Module):
    """Normalised latents (2B, h, w, M) -> hyper latents (2B, h / 4, w / 4, Z); only the encoder needs it."""

    def __init__(self, c: BisicRtConfig) -> None:
        super().__init__()
        hyper = c.hyper_channels
        self.layers = nn.Sequential(
            QuickLinear(c.latent_channels, hyper),
            GatedBlock(hyper, expansion=c.expansion, normalise=True),
            Downsample(hyper, hyper),
            GatedBlock(hyper, expansion=c.expansion, normalise=True),
            Downsample(hyper, hyper),
        )

    def forward(self, y: Tensor) -> Tensor:
        out: Tensor = self.layers(y)
        return out


def _blocks(channels: int, count: int, c: BisicRtConfig) -> list[nn.Module]:
    return [GatedBlock(channels, expansion=c.expansion, bounded=c.bounded) for _ in range(count)]


def _exchange(channels: int, c: BisicRtConfig) -> list[nn.Module]:
    """What lets the views see each other, unless the model is to go without (all other tensors keep their names)."""
    return [RowAttention(channels) if c.stereo else nn.Identity()]
