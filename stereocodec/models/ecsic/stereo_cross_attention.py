"""Stereo cross attention along rows, and layers for the two views of a pair (ECSIC, WACV 2024, arXiv 2307.10284).

Feature maps are (B, C, H, W) in channels-last memory, one tensor per view.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...nn.exact import same_conv

Pair = tuple[Tensor, Tensor]

# Of attention scores, queries and keys at a time; larger chunks are slower, because they leave the caches.
_CHUNK_BYTES = 2**24


class Conv3x3(nn.Conv2d):
    """Convolution with a 3x3 kernel, zero padding and a bias; (B, C, H, W) -> (B, C_out, H / stride, W / stride)."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__(in_channels, out_channels, 3, stride, 1)

    def forward(self, x: Tensor) -> Tensor:
        if x.dtype != torch.float64 or self.stride != (1, 1):
            return super().forward(x)
        assert self.bias is not None
        return same_conv(x.permute(0, 2, 3, 1), self.weight, self.bias).permute(0, 3, 1, 2)


class Upsample3x3(nn.ConvTranspose2d):
    """Transposed convolution with a 3x3 kernel and a bias; (B, C, H, W) -> (B, C_out, stride * H, stride * W)."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 2) -> None:
        super().__init__(in_channels, out_channels, 3, stride, 1, output_padding=stride - 1)


class PerView(nn.Module):
    """Layers of its own for each view."""

    def __init__(self, make_layers: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.left = make_layers()
        self.right = make_layers()

    def forward(self, views: Pair) -> Pair:
        return self.left(views[0]), self.right(views[1])


class Shared(nn.Module):
    """Layers that both views share."""

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, views: Pair) -> Pair:
        left, right = self.layers(torch.cat(views)).chunk(2)
        return left, right


class StereoTransform(nn.Module):
    """Layers before a cross attention, the attention, and layers of each view after it."""

    def __init__(self, before: nn.Module, attention: StereoCrossAttention, after: nn.Module) -> None:
        super().__init__()
        self.before = before
        self.attention = attention
        self.after = after

    def forward(self, views: Pair) -> Pair:
        out: Pair = self.after(self.attention(self.before(views)))
        return out


class StereoCrossAttention(nn.Module):
    """Adds to each view what it finds in the other one; two (B, C, H, W) -> two of the same shape.

    Each row attends to the row of the same height alone, anywhere in it: rectified views match along rows. So rows are
    independent and are worked on in chunks, which gives the same with bounded memory.

    embedding: the channels of queries and keys per head.
    """

    def __init__(self, channels: int, heads: int, embedding: int) -> None:
        super().__init__()
        self.norm_left = nn.LayerNorm(channels)
        self.norm_right = nn.LayerNorm(channels)
        self.from_right = RowCrossAttention(channels, heads, embedding)
        self.from_left = RowCrossAttention(channels, heads, embedding)
        self.mix_left = nn.Linear(channels, channels)
        self.mix_right = nn.Linear(channels, channels)

    def forward(self, views: Pair) -> Pair:
        batch, channels, height, width = views[0].shape
        left, right = (view.permute(0, 2, 3, 1).reshape(-1, width, channels) for view in views)
        step = max(1, _CHUNK_BYTES // (self.from_right.elements_per_row(width) * left.element_size()))
        chunks = [self._rows(*parts) for parts in zip(torch.split(left, step), torch.split(right, step), strict=True)]
        left, right = (torch.cat(parts) for parts in zip(*chunks, strict=True))
        shape = (batch, height, width, channels)
        return left.view(shape).permute(0, 3, 1, 2), right.view(shape).permute(0, 3, 1, 2)

    def _rows(self, left: Tensor, right: Tensor) -> Pair:
        """Rows (R, W, C) of both views."""
        normal_left, normal_right = row_windows(self.norm_left(left)), row_windows(self.norm_right(right))
        new_left = left + self.from_right(normal_left, normal_right, row_windows(right))
        new_right = right + self.from_left(normal_right, normal_left, row_windows(left))
        return new_left + self.mix_left(new_left), new_right + self.mix_right(new_right)


class RowCrossAttention(nn.Module):
    """Multi-head attention of rows to rows; queries, keys and values are convolutions of width 3 along the row."""

    def __init__(self, channels: int, heads: int, embedding: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(3 * channels, heads * embedding)
        self.key = nn.Linear(3 * channels, heads * embedding)
        self.value = nn.Linear(3 * channels, channels)
        self.out = nn.Linear(channels, channels)

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """`row_windows` of what asks, of what is compared and of what is taken, (R, W, 3 C) -> (R, W, C)."""
        queries, keys, values = (
            self._split(self.query(query)),
            self._split(self.key(key)),
            self._split(self.value(value)),
        )
        # A row can be so long that its scores alone are too much; the softmax is over keys, so queries can be split.
        scores_of_query = keys.shape[0] * self.heads * keys.shape[2] * keys.element_size()
        step = max(1, _CHUNK_BYTES // scores_of_query)
        parts = [F.scaled_dot_product_attention(part, keys, values) for part in torch.split(queries, step, 2)]
        out: Tensor = self.out(torch.cat(parts, 2).transpose(1, 2).flatten(2))
        return out

    def elements_per_row(self, width: int) -> int:
        """How many elements the scores, queries and keys of a row have."""
        return width * (self.heads * width + self.query.out_features + self.key.out_features)

    def _split(self, x: Tensor) -> Tensor:
        """(R, W, C) -> (R, heads, W, C / heads)."""
        rows, width, channels = x.shape
        return x.reshape(rows, width, self.heads, channels // self.heads).transpose(1, 2)


def row_windows(x: Tensor) -> Tensor:
    """Each position with its neighbours in the row, zeros beyond its ends; (..., W, C) -> (..., W, 3 C)."""
    channels = x.shape[-1]
    padded = F.pad(x, (0, 0, 1, 1)).flatten(-2)
    return padded.unfold(-1, 3 * channels, channels).contiguous()
