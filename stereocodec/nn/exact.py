"""Convolutions that are fast in float64, in which everything that leads to probabilities runs.

PyTorch's processor kernels are made for float32: in float64 its convolutions copy every neighbourhood first, and its
grouped one has no fast kernel at all. Here they are sums over the taps of a kernel, each of which is a shift of the
padded feature maps. In other types the layers are PyTorch's own. Feature maps are channels-last, (N, H, W, C), unless a
layer says otherwise; kernels are odd and pad with zeros.
"""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .products import add_product, quick_linear
from .tiles import joined, row_tiles, rows_beside


def same_conv(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Convolution (N, H, W, C_in) -> (N, H, W, C_out) with weight (C_out, C_in, K, K), bias (C_out,)."""
    (n, height, width, _), k = x.shape, weight.shape[-1]
    # In the flattened padded picture a tap is a shift; what runs over into the padding is cut off in the end, and
    # one row more below keeps the last shift inside.
    padded_width = width + k - 1
    padded = F.pad(x, (0, 0, k // 2, k // 2, k // 2, k // 2 + 1)).flatten(1, 2)
    taps = weight.permute(2, 3, 0, 1).contiguous()
    out = bias.repeat(n, height * padded_width, 1)
    for i in range(k):
        for j in range(k):
            start = i * padded_width + j
            for picture in range(n):
                add_product(out[picture], padded[picture, start : start + out.shape[1]], taps[i, j])
    return out.view(n, height, padded_width, -1)[:, :, :width]


def doubling_conv(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Transposed convolution (N, H, W, C_in) -> (N, 2 H, 2 W, C_out) with weight (C_in, C_out, K, K), bias (C_out,)."""
    (n, height, width, _), half = x.shape, weight.shape[-1] // 2
    # Rows and columns of equal parity are a convolution of their own; its taps are shifts as those of `same_conv`.
    margin = (half + 1) // 2
    padded_width = width + 2 * margin
    padded = F.pad(x, (0, 0, margin, margin, margin, margin + 1)).flatten(1, 2)
    taps = weight.permute(2, 3, 1, 0).contiguous()
    out = x.new_empty(n, 2 * height, 2 * width, weight.shape[1])
    for row, column in itertools.product(range(2), repeat=2):
        sums = bias.repeat(n, height * padded_width, 1)
        rows, columns = (range((parity + half) % 2, 2 * half + 1, 2) for parity in (row, column))
        for i, j in itertools.product(rows, columns):
            down, right = (row + half - i) // 2, (column + half - j) // 2
            start = (margin + down) * padded_width + margin + right
            for picture in range(n):
                add_product(sums[picture], padded[picture, start : start + sums.shape[1]], taps[i, j])
        out[:, row::2, column::2] = sums.view(n, height, padded_width, -1)[:, :, :width]
    return out


def depthwise_conv(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Convolution of each channel by itself, (N, H, W, C) -> the same, with weight (C, 1, K, K), bias (C,)."""
    k, (height, width) = weight.shape[-1], x.shape[1:3]
    taps = weight[:, 0].permute(1, 2, 0).contiguous()

    def of_rows(first: int, rows: int) -> Tensor:
        padded = F.pad(rows_beside(x, first, rows, k // 2), (0, 0, k // 2, k // 2))
        sums = bias.expand(x.shape[0], rows, *x.shape[2:]).clone(memory_format=torch.contiguous_format)
        for i in range(k):
            for j in range(k):
                sums.addcmul_(padded[:, i : i + rows, j : j + width], taps[i, j])
        return sums

    return joined((of_rows(first, tile.shape[1]) for first, tile in row_tiles(x)), height)


class SameConv(nn.Conv2d):
    """Convolution with an odd kernel that keeps the size; (N, H, W, C_in) -> (N, H, W, C_out)."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int) -> None:
        super().__init__(in_channels, out_channels, kernel_size, padding=kernel_size // 2)

    def forward(self, x: Tensor) -> Tensor:
        if x.dtype == torch.float64:
            assert self.bias is not None
            return same_conv(x, self.weight, self.bias)
        return super().forward(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


class DepthwiseConv(nn.Module):
    """Depthwise convolution with zero padding that keeps the size; (N, H, W, C) -> (N, H, W, C)."""

    def __init__(self, channels: int, kernel_size: int) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.weight = nn.Parameter(torch.empty(channels, 1, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(channels))
        nn.init.kaiming_uniform_(self.weight, a=5**0.5)

    def forward(self, x: Tensor) -> Tensor:
        if x.dtype == torch.float64:
            return depthwise_conv(x, self.weight, self.bias)
        if self.kernel_size <= 3:
            return self._convolution(x)
        # In bfloat16 the backward pass of larger kernels takes 2.6 times as long as in float32 (5x5, two CPU cores).
        with torch.autocast(x.device.type, enabled=False):
            return self._convolution(x.to(self.weight.dtype))

    def _convolution(self, x: Tensor) -> Tensor:
        padding = self.kernel_size // 2
        y = F.conv2d(x.permute(0, 3, 1, 2), self.weight, self.bias, padding=padding, groups=x.shape[-1])
        return y.permute(0, 2, 3, 1)


class PlanarConv(nn.Conv2d):
    """Convolution that keeps the size; (N, C_in, H, W) -> (N, C_out, H, W)."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int) -> None:
        super().__init__(in_channels, out_channels, kernel_size, padding=kernel_size // 2)

    def forward(self, x: Tensor) -> Tensor:
        if x.dtype != torch.float64:
            return super().forward(x)
        assert self.bias is not None
        channels_last = x.permute(0, 2, 3, 1)
        if self.kernel_size == (1, 1):
            return quick_linear(channels_last, self.weight[:, :, 0, 0], self.bias).permute(0, 3, 1, 2)
        return same_conv(channels_last, self.weight, self.bias).permute(0, 3, 1, 2)


class DoublingConv(nn.ConvTranspose2d):
    """Transposed convolution to twice the size; (N, C_in, H, W) -> (N, C_out, 2 H, 2 W)."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int) -> None:
        super().__init__(in_channels, out_channels, kernel_size, 2, kernel_size // 2, output_padding=1)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        if x.dtype != torch.float64:
            return super().forward(x, output_size)
        assert self.bias is not None
        return doubling_conv(x.permute(0, 2, 3, 1), self.weight, self.bias).permute(0, 3, 1, 2)
