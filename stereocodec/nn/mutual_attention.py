"""Bidirectional mutual attention between the two views of a pair (Liu et al., BiSIC, ECCV 2024).

Feature maps are channels-last, (2B, H, W, C), the first views before the second ones in the same order. All weights
serve both views. The attention is global: what a position gets depends on the whole picture.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .exact import SameConv

_HEADS = 8


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions, each followed by a leaky ReLU, added to the input; (N, H, W, C_in) -> (N, H, W, C_out)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = SameConv(in_channels, out_channels, 3)
        self.conv2 = SameConv(out_channels, out_channels, 3)
        self.skip = nn.Linear(in_channels, out_channels) if in_channels != out_channels else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        branch = F.leaky_relu(self.conv2(F.leaky_relu(self.conv1(x))))
        out: Tensor = self.skip(x) + branch
        return out


class EfficientAttention(nn.Module):
    """Attention of linear cost (Shen et al., WACV 2021) with eight heads on half of the channels.

    Keys are normalised over positions and queries over the channels of a head, so that keys and values are summed up
    first and the size of what the queries meet does not depend on the picture's.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query = nn.Linear(channels, channels // 2)
        self.key = nn.Linear(channels, channels // 2)
        self.value = nn.Linear(channels, channels // 2)
        self.projection = nn.Linear(channels // 2, channels)

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """All (N, H, W, C); returns the same shape."""
        q = _split_heads(self.query(query)).softmax(-1)
        k = _split_heads(self.key(key)).softmax(-2)
        summary = k.transpose(-1, -2) @ _split_heads(self.value(value))
        out: Tensor = self.projection((q @ summary).transpose(1, 2).reshape(*query.shape[:3], -1))
        return out


def _split_heads(x: Tensor) -> Tensor:
    """(N, H, W, E) -> (N, heads, H * W, E / heads)."""
    n, height, width, channels = x.shape
    return x.reshape(n, height * width, _HEADS, channels // _HEADS).transpose(1, 2)


class MutualAttention(nn.Module):
    """Exchange between the views by cross-query and cross-key attention; keeps (2B, H, W, C).

    Cross-query: each view's queries meet keys and values of the other view. Cross-key: queries and keys of the other
    view meet a view's own values. C is a multiple of 16.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.features = nn.Sequential(ResidualBlock(channels, channels), ResidualBlock(channels, channels))
        self.cross_query = EfficientAttention(channels)
        self.cross_query_self = EfficientAttention(channels)
        self.cross_key = EfficientAttention(channels)
        self.cross_key_self = EfficientAttention(channels)
        self.refine = nn.Sequential(ResidualBlock(3 * channels, 2 * channels), ResidualBlock(2 * channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        mine = self.features(x)
        others = mine.roll(x.shape[0] // 2, 0)
        by_query = self.cross_query(mine, others, others)
        by_query = self.cross_query_self(by_query, by_query, by_query)
        by_key = self.cross_key(others, others, mine)
        by_key = self.cross_key_self(by_key, by_key, by_key)
        out: Tensor = x + self.refine(torch.cat([by_query, by_key, mine], -1))
        return out
