"""The transforms of `bisic-rt`; they run in float32 on both views at once."""

from __future__ import annotations

from torch import Tensor, nn

from ..nn.blocks import Downsample, GatedBlock, QualityKnots, RowAttention, Upsample, depth_to_space, space_to_depth
from .rt2_config import BisicRt2Config


class AnalysisTransform(nn.Module):
    """Pictures (2B, H, W, 3) in 0..1, sides multiples of 64 -> latents (2B, H / 16, W / 16, M)."""

    def __init__(self, c: BisicRt2Config) -> None:
        super().__init__()
        self.head = nn.Linear(192, c.channels8)
        self.stage8 = nn.Sequential(*_blocks(c.channels8, c.blocks8, c), *_exchange(c.channels8, c))
        self.down = Downsample(c.channels8, c.channels16)
        self.stage16 = nn.Sequential(*_blocks(c.channels16, c.blocks16, c), *_exchange(c.channels16, c))
        self.tail = nn.Linear(c.channels16, c.latent_channels)

    def forward(self, x: Tensor) -> Tensor:
        features = self.stage8(self.head(space_to_depth(x - 0.5, 8)))
        out: Tensor = self.tail(self.stage16(self.down(features)))
        return out


class SynthesisTransform(nn.Module):
    """Latents (2B, h, w, M) in the units of the analysis -> pictures (2B, 16 h, 16 w, 3), not clamped."""

    def __init__(self, c: BisicRt2Config) -> None:
        super().__init__()
        self.head = nn.Linear(c.latent_channels, c.channels16)
        self.quality16 = QualityKnots(c.knots, c.channels16)
        self.stage16 = nn.Sequential(*_blocks(c.channels16, c.blocks16, c), *_exchange(c.channels16, c))
        self.up = Upsample(c.channels16, c.channels8)
        self.quality8 = QualityKnots(c.knots, c.channels8)
        self.stage8 = nn.Sequential(
            GatedBlock(c.channels8, expansion=c.expansion),
            *_exchange(c.channels8, c),
            *_blocks(c.channels8, c.blocks8, c),
        )
        self.tail = nn.Linear(c.channels8, 192)

    def forward(self, y: Tensor, quality: Tensor) -> Tensor:
        features = self.stage16(self.head(y) + self.quality16(quality))
        features = self.stage8(self.up(features) + self.quality8(quality))
        return depth_to_space(self.tail(features), 8) + 0.5


def _blocks(channels: int, count: int, c: BisicRt2Config) -> list[nn.Module]:
    return [GatedBlock(channels, expansion=c.expansion) for _ in range(count)]


def _exchange(channels: int, c: BisicRt2Config) -> list[nn.Module]:
    """What lets the views see each other, unless the model is to go without (all other tensors keep their names)."""
    return [RowAttention(channels) if c.stereo else nn.Identity()]
