"""`rgbd`: the RGB-D codec of Xu et al. ("RGB-D Data Compression via Bi-Directional Cross-Modal Prior Transfer and
Enhanced Entropy Modeling", ACM TOMM 2024, doi 10.1145/3702997), weight-compatible with the authors' `ELIC_united`.

Colour and depth have transforms of their own, which exchange features at 1/2, 1/4 and 1/8 of the resolution; neither
can be decoded without the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...container import ViewKind
from ...entropy.coders import EntropyCoder
from ..base import StereoModel
from .config import RgbdConfig
from .cross_modal import AttentionBlock, CrossModalExchange, PairedTransform, ResidualBottleneck, downsample, upsample
from .entropy import EntropyModel
from .start import start_as_transform

__all__ = ["Rgbd", "RgbdConfig", "RgbdLatents"]

_CHANNELS = 3, 1  # of colour and of depth


@dataclass(frozen=True)
class RgbdLatents:
    """What the encoder's networks give for B frames, not rounded yet, colour before depth: y (2B, h, w, M) and z
    (2B, h / 4, w / 4, N)."""

    y: Tensor
    z: Tensor


class Rgbd(StereoModel):
    """The complete model. Qualities change nothing. A walk returns the decoded y, (2B, H / 16, W / 16, M), colour
    before depth."""

    multiple = 64
    least_side = 128
    view_kind = ViewKind.RGB8_DEPTH
    laplace_share = 0.0
    has_qualities = False
    either_first = False
    entropy: EntropyModel

    def __init__(self, config: RgbdConfig) -> None:
        super().__init__()
        self.config = config
        n, m = config.channels, config.latent_channels
        self.prior_channels = n
        self.analysis = PairedTransform(lambda channels: _analysis(channels, n, m), *_CHANNELS)
        self.synthesis = PairedTransform(lambda channels: _synthesis(channels, n, m), *_CHANNELS)
        self.hyper_analysis = PairedTransform(lambda channels: _hyper_analysis(n, m), *_CHANNELS)
        self.entropy = EntropyModel(config)

    def make_exact(self) -> None:
        """Also the synthesis: from its numbers to samples of inverse depth, rounding errors can grow by a factor of up
        to 65535^2."""
        super().make_exact()
        self.synthesis.double()

    def analyse(self, x: Tensor, quality: Tensor, *, with_choices: bool = True) -> RgbdLatents:
        """Frames (B, H, W, 4) -> latents; `quality` and `with_choices` change nothing."""
        color, depth = torch.split(x.permute(0, 3, 1, 2), list(_CHANNELS), 1)
        y = self.analysis(color, depth)
        return RgbdLatents(_join(y), _join(self.hyper_analysis(*y)))

    def walk(self, coder: EntropyCoder, latents: RgbdLatents | None, quality: Tensor, size: tuple[int, int]) -> Tensor:
        y, z = (None, None) if latents is None else (latents.y, latents.z)
        return self.entropy.walk(coder, y, z, quality.shape[0] // 2, (size[0] // 16, size[1] // 16))

    def reconstruct(self, decoded: Tensor) -> Tensor:
        """The decoded y -> frames (B, H, W, 4), not clamped."""
        dtype = next(self.synthesis.parameters()).dtype
        maps = decoded.to(dtype).permute(0, 3, 1, 2)
        return torch.cat(self.synthesis(*maps.chunk(2)), 1).permute(0, 2, 3, 1)

    def trade_off(self, quality: Tensor) -> Tensor:
        """The lambdas of colour, for the first half of (2B,), and of depth."""
        color, depth = quality.chunk(2)
        return torch.cat(
            [torch.full_like(color, self.config.color_lambda), torch.full_like(depth, self.config.depth_lambda)]
        )

    def calibrate(self, x: Tensor) -> None:
        """Starts as a transform that is fitted to frames (B, H, W, 4): see `start_as_transform`."""
        lambdas = self.config.color_lambda, self.config.depth_lambda
        start_as_transform(self.analysis, self.synthesis, self.entropy, x, lambdas)


def _analysis(channels: int, n: int, m: int) -> Sequence[nn.Module]:
    """Layers from a picture of so many channels to y, 16 times smaller."""
    return [
        downsample(channels, n),
        *_bottlenecks(n),
        CrossModalExchange(n),
        downsample(2 * n, n),
        *_bottlenecks(n),
        AttentionBlock(n),
        CrossModalExchange(n),
        downsample(2 * n, n),
        *_bottlenecks(n),
        CrossModalExchange(n),
        downsample(2 * n, m),
        AttentionBlock(m),
    ]


def _synthesis(channels: int, n: int, m: int) -> Sequence[nn.Module]:
    """Layers from y to a picture of so many channels."""
    return [
        AttentionBlock(m),
        upsample(m, n),
        CrossModalExchange(n),
        *_bottlenecks(n, 2 * n),
        upsample(n, n),
        AttentionBlock(n),
        CrossModalExchange(n),
        *_bottlenecks(n, 2 * n),
        upsample(n, n),
        CrossModalExchange(n),
        *_bottlenecks(n, 2 * n),
        upsample(n, channels),
    ]


def _hyper_analysis(n: int, m: int) -> Sequence[nn.Module]:
    return [nn.Conv2d(m, n, 3, padding=1), nn.ReLU(), downsample(n, n), nn.ReLU(), downsample(n, n)]


def _bottlenecks(n: int, in_channels: int | None = None) -> list[nn.Module]:
    """Three of them, the first from `in_channels`."""
    return [ResidualBottleneck(n if in_channels is None else in_channels, n), *(ResidualBottleneck(n, n) for _ in "ab")]


def _join(maps: tuple[Tensor, Tensor]) -> Tensor:
    """Both modalities' (B, C, h, w) -> (2B, h, w, C)."""
    return torch.cat([part.permute(0, 2, 3, 1) for part in maps])
