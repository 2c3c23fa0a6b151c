"""`bisic` and `bisic-fast` (Liu et al., "Bidirectional Stereo Image Compression with Cross-Dimensional Entropy
Model", ECCV 2024), compatible with the weights of the authors' code.

3D convolutions over both views and mutual attention between them at 1/4 and 1/16 resolution make the transforms; both
views are coded together, neither first. The context of neighbours is that of decoded values, as a decoder has them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...entropy.coders import EntropyCoder
from ...nn.mutual_attention import MutualAttention
from ..base import StereoModel
from .config import BisicConfig, BisicFastConfig
from .entropy import EntropyModel
from .stereo_conv import StereoConv, StereoConvTranspose, stack_views, unstack_views

__all__ = ["Bisic", "BisicConfig", "BisicFast", "BisicFastConfig", "Latents"]


@dataclass(frozen=True)
class Latents:
    """What the encoder's networks give for B pairs, not rounded yet: y (2B, h, w, C), z (2B, h / 4, w / 4, C)."""

    y: Tensor
    z: Tensor


class Analysis(nn.Module):
    """Pictures (2B, H, W, 3) -> y (2B, H / 16, W / 16, C)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.to_quarter = nn.Sequential(
            StereoConv(3, channels, 5, stride=2), nn.GELU(), StereoConv(channels, channels, 5, stride=2)
        )
        self.exchange_quarter = MutualAttention(channels)
        self.to_sixteenth = nn.Sequential(
            StereoConv(channels, channels, 5, stride=2), nn.GELU(), StereoConv(channels, channels, 5, stride=2)
        )
        self.exchange_sixteenth = MutualAttention(channels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.exchange_quarter(unstack_views(self.to_quarter(stack_views(x))))
        out: Tensor = self.exchange_sixteenth(unstack_views(self.to_sixteenth(stack_views(x))))
        return out


class Synthesis(nn.Module):
    """Decoded y (2B, h, w, C) -> pictures (2B, 16 h, 16 w, 3), not clamped."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.exchange_sixteenth = MutualAttention(channels)
        self.to_quarter = nn.Sequential(
            StereoConvTranspose(channels, channels), nn.GELU(), StereoConvTranspose(channels, channels)
        )
        self.exchange_quarter = MutualAttention(channels)
        self.to_full = nn.Sequential(
            StereoConvTranspose(channels, channels), nn.GELU(), StereoConvTranspose(channels, 3)
        )

    def forward(self, y: Tensor) -> Tensor:
        x = unstack_views(self.to_quarter(stack_views(self.exchange_sixteenth(y))))
        return unstack_views(self.to_full(stack_views(self.exchange_quarter(x))))


class HyperAnalysis(nn.Module):
    """y (2B, h, w, C) -> z (2B, h / 4, w / 4, C)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            StereoConv(channels, channels, 3),
            nn.LeakyReLU(),
            StereoConv(channels, channels, 5, stride=2),
            nn.LeakyReLU(),
            StereoConv(channels, channels, 5, stride=2),
        )

    def forward(self, y: Tensor) -> Tensor:
        return unstack_views(self.layers(stack_views(y)))


class Bisic(StereoModel):
    """`bisic`: slices by wavefronts, each position conditioned on its causal neighbours in both views."""

    multiple = 64
    laplace_share = 0.0
    has_qualities = False
    either_first = False
    two_passes = False
    entropy: EntropyModel

    def __init__(self, config: BisicConfig) -> None:
        super().__init__()
        self.config = config
        self.prior_channels = config.channels
        self.analysis = Analysis(config.channels)
        self.synthesis = Synthesis(config.channels)
        self.hyper_analysis = HyperAnalysis(config.channels)
        self.entropy = EntropyModel(config, two_passes=self.two_passes)

    def trade_off(self, quality: Tensor) -> Tensor:
        return torch.full_like(quality, self.config.lambda_ / 65025)

    def analyse(self, x: Tensor, quality: Tensor, *, with_choices: bool = True) -> Latents:
        """Pictures (2B, H, W, 3) -> latents; there are no qualities and no choices to make."""
        y = self.analysis(x)
        return Latents(y, self.hyper_analysis(y))

    def walk(self, coder: EntropyCoder, latents: Latents | None, quality: Tensor, size: tuple[int, int]) -> Tensor:
        """Returns the decoded y, (2B, H / 16, W / 16, C)."""
        y, z = (None, None) if latents is None else (latents.y, latents.z)
        return self.entropy.walk(coder, y, z, quality.shape[0] // 2, (size[0] // 16, size[1] // 16))

    def reconstruct(self, decoded: Tensor) -> Tensor:
        weight = self.synthesis.to_full[0].weight
        assert isinstance(weight, Tensor)
        pictures: Tensor = self.synthesis(decoded.to(weight.dtype))
        return pictures


class BisicFast(Bisic):
    """`bisic-fast`: slices in two passes, the second conditioned on the first by a checkerboard in both views alike."""

    two_passes = True
