"""Blocks of the RGB-D codec of Xu et al. (ACM TOMM 2024, doi 10.1145/3702997): transforms of colour and depth that
exchange their features (bi-directional cross-modal prior transfer), after the authors' code.

Feature maps are (B, C, H, W); those of colour and of depth have the same size. They may be channels-last in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...nn.exact import DoublingConv, PlanarConv

Maps = tuple[Tensor, Tensor]
"""Feature maps of colour and of depth."""


class ResidualBottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions at half the width, added to the input; C_in -> C_out channels."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        width = in_channels // 2
        self.branch = nn.Sequential(
            PlanarConv(in_channels, width, 1),
            nn.ReLU(),
            PlanarConv(width, width, 3),
            nn.ReLU(),
            PlanarConv(width, out_channels, 1),
        )
        self.skip = PlanarConv(in_channels, out_channels, 1) if in_channels != out_channels else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.branch(x) + self.skip(x)
        return out


class _Unit(ResidualBottleneck):
    """A residual bottleneck with an activation after the sum."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(super().forward(x))


class AttentionBlock(nn.Module):
    """The simplified attention of Cheng et al. (CVPR 2020): a trunk gated by a mask, added to the input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.trunk = nn.Sequential(*(_Unit(channels) for _ in range(3)))
        self.mask = nn.Sequential(*(_Unit(channels) for _ in range(3)), PlanarConv(channels, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.trunk(x) * torch.sigmoid(self.mask(x))
        return out


class SpatialAttention(nn.Module):
    """Enhanced spatial attention (Liu et al., CVPR 2020 workshops): a gate from features at a sixth of the size.

    Sides are at least 15.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        width = channels // 4
        self.reduce = PlanarConv(channels, width, 1)
        self.down = nn.Conv2d(width, width, 3, stride=2)
        self.pooled = nn.Sequential(
            PlanarConv(width, width, 3),
            nn.ReLU(),
            PlanarConv(width, width, 3),
            nn.ReLU(),
            PlanarConv(width, width, 3),
        )
        self.skip = PlanarConv(width, width, 1)
        self.expand = PlanarConv(width, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        reduced = self.reduce(x)
        pooled = self.pooled(F.max_pool2d(self.down(reduced), 7, stride=3))
        resized = F.interpolate(pooled, x.shape[2:], mode="bilinear", align_corners=False)
        out: Tensor = x * torch.sigmoid(self.expand(resized + self.skip(reduced)))
        return out


class CrossModalExchange(nn.Module):
    """Bi-CPT: what each modality gets from both, put behind its own features; N -> 2 N channels, N even."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.color = PlanarConv(channels, channels // 2, 3)
        self.depth = PlanarConv(channels, channels // 2, 3)
        self.color_attention = SpatialAttention(channels)
        self.depth_attention = SpatialAttention(channels)

    def forward(self, color: Tensor, depth: Tensor) -> Maps:
        transferred = self.transfer(color, depth)
        return torch.cat([color, transferred[0]], 1), torch.cat([depth, transferred[1]], 1)

    def transfer(self, color: Tensor, depth: Tensor) -> Maps:
        """What is put behind the features, N channels each."""
        mine, others = F.relu(self.color(color)), F.relu(self.depth(depth))
        return (
            self.color_attention(torch.cat([mine, others], 1)),
            self.depth_attention(torch.cat([others, mine], 1)),
        )


class PairedTransform(nn.Module):
    """Layers of colour and of depth, walked side by side; an exchange stands among those of colour.

    layers: makes a modality's layers; both have as many, and a `CrossModalExchange` at the same places.
    """

    def __init__(self, layers: Callable[[int], Sequence[nn.Module]], color: int, depth: int) -> None:
        """color, depth: the argument of `layers` for each, their channels at full resolution."""
        super().__init__()
        self.color = nn.ModuleList(layers(color))
        # One exchange serves both modalities.
        self.depth = nn.ModuleList(
            nn.Identity() if isinstance(layer, CrossModalExchange) else layer for layer in layers(depth)
        )

    def forward(self, color: Tensor, depth: Tensor) -> Maps:
        for color_layer, depth_layer in zip(self.color, self.depth, strict=True):
            if isinstance(color_layer, CrossModalExchange):
                color, depth = color_layer(color, depth)
            else:
                color, depth = color_layer(color), depth_layer(depth)
        return color, depth


def downsample(in_channels: int, out_channels: int) -> nn.Conv2d:
    """5x5 convolution to half the size."""
    return nn.Conv2d(in_channels, out_channels, 5, stride=2, padding=2)


def upsample(in_channels: int, out_channels: int) -> DoublingConv:
    """5x5 transposed convolution to twice the size."""
    return DoublingConv(in_channels, out_channels, 5)
