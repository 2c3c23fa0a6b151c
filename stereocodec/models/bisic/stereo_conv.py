"""3D convolutions over the two views of a pair, evaluated as 2D convolutions on stacked channels.

The depth axis of these convolutions is the view axis, which is 2 long and padded by one zero view on each side: every
output view sees two of the three depth taps. A 2D convolution with the channels of both views stacked and the depth
taps arranged in a 2x2 block computes the same at two thirds of the products. Parameters keep the 5-axis shapes of
`torch.nn.Conv3d` and `torch.nn.ConvTranspose3d`; the stacked weight is put together at each use.

Stacked feature maps are (B, 2 C, H, W): the channels of the first view, then those of the second.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def stack_views(x: Tensor) -> Tensor:
    """(2B, H, W, C), the first views before the second ones -> (B, 2 C, H, W), channels last in memory."""
    return torch.cat(x.chunk(2), -1).permute(0, 3, 1, 2)


def unstack_views(x: Tensor) -> Tensor:
    """The inverse of `stack_views`."""
    return torch.cat(x.permute(0, 2, 3, 1).chunk(2, -1))


def stacked_weight(weight: Tensor) -> Tensor:
    """(C1, C2, 3, K, K) -> (2 C1, 2 C2, K, K), for convolutions and transposed convolutions alike.

    The first two axes are a weight's outputs and inputs for a convolution, its inputs and outputs for a transposed one.
    """
    before, same, after = weight.unbind(2)
    return torch.cat([torch.cat([same, after], 1), torch.cat([before, same], 1)])


class StereoConv(nn.Conv3d):
    """Convolution over both views, kernel (3, K, K); stacked (B, 2 C_in, H, W) -> (B, 2 C_out, H / S, W / S)."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1) -> None:
        k, s = kernel_size, stride
        super().__init__(in_channels, out_channels, (3, k, k), (1, s, s), (1, k // 2, k // 2))

    def forward(self, x: Tensor) -> Tensor:
        return self._convolve(x, self.weight)

    def _convolve(self, x: Tensor, weight: Tensor) -> Tensor:
        assert self.bias is not None
        stride, padding = self.stride[1:], self.padding[1:]
        return F.conv2d(x, stacked_weight(weight), self.bias.repeat(2), stride, padding)


class StereoConvTranspose(nn.ConvTranspose3d):
    """Transposed convolution over both views, kernel (3, 5, 5); stacked (B, 2 C_in, H, W) to (B, 2 C_out, 2 H, 2 W)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, (3, 5, 5), (1, 2, 2), (1, 2, 2), (0, 1, 1))

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        assert self.bias is not None
        return F.conv_transpose2d(x, stacked_weight(self.weight), self.bias.repeat(2), 2, 2, 1)
