"""Rate and distortion of colour and depth.

Where nothing was measured, what the network gives for depth is never seen: the mask of holes is coded apart and
without loss. There, no error counts.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from ...models import StereoModel
from ..losses import MS_SSIM_WEIGHT, estimate, rate_distortion_loss, squared_error
from ..ms_ssim import ms_ssim

_STRUCTURE_WEIGHT, _ABSOLUTE_WEIGHT = 0.01, 0.1


def without_holes(decoded: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """Decoded frames (B, H, W, 4) and frames (B, H, W, 5) -> colour (B, H, W, 3), and depth (B, H, W, 1) with the true
    values where there was no measurement."""
    return decoded[..., :3], torch.where(x[..., 4:] > 0, decoded[..., 3:], x[..., 3:4])


def structure_error(depth: Tensor, reference: Tensor) -> Tensor:
    """The published distortion of depth, (N,): 1 - MS-SSIM, differences of slopes, and absolute differences.

    depth, reference: (N, H, W, 1). (Xu et al., ACM TOMM 2024, as in their code.)
    """
    dissimilarity = ((1 - ms_ssim(depth, reference)) / 2).clamp(0, 1)
    return dissimilarity + edge_error(depth, reference) + _ABSOLUTE_WEIGHT * (depth - reference).abs().mean((1, 2, 3))


def edge_error(depth: Tensor, reference: Tensor) -> Tensor:
    """Mean difference of the sizes of forward differences along rows and columns, none in the last ones; (N,)."""
    count = depth[0].numel()
    differences = [
        (depth.diff(dim=axis).abs() - reference.diff(dim=axis).abs()).abs().sum((1, 2, 3)) / count for axis in (1, 2)
    ]
    return differences[0] + differences[1]


class FrameRateDistortion(nn.Module):
    """The forward pass of a training step on frames as one module; see `RateDistortion`."""

    def __init__(
        self, model: StereoModel, loss: Literal["mse", "ms-ssim"], depth_loss: Literal["mse", "structure"]
    ) -> None:
        super().__init__()
        self.model = model
        self.loss, self.depth_loss = loss, depth_loss

    def forward(self, x: Tensor, quality: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Frames (B, H, W, 5) -> the loss, bits per pixel of each colour picture and each depth map (2B,), and decoded
        frames (B, H, W, 4). The loss is the mean over both modalities."""
        bpp, decoded = estimate(self.model, x[..., :4], quality, noise=True)
        loss = rate_distortion_loss(self.model, bpp, self.distortion(decoded, x), quality)
        return loss, bpp, decoded

    def distortion(self, decoded: Tensor, x: Tensor) -> Tensor:
        """Of each colour picture and each depth map, (2B,), in squared errors of 255ths of the range."""
        color, depth = without_holes(decoded, x)
        true_color, true_depth = x[..., :3], x[..., 3:4]
        of_color, of_depth = squared_error(color, true_color), squared_error(depth, true_depth)
        if self.loss == "ms-ssim":
            of_color = MS_SSIM_WEIGHT * (1 - ms_ssim(color, true_color))
        if self.depth_loss == "structure":
            of_depth = 65025 * _STRUCTURE_WEIGHT * structure_error(depth, true_depth)
        return torch.cat([of_color, of_depth])


def depth_error(decoded: Tensor, x: Tensor) -> Tensor:
    """Mean squared error of depth over what was measured, in 255ths of the range, (B,); 0 where nothing was.

    decoded: (B, H, W, 4); x: (B, H, W, 5).
    """
    _, depth = without_holes(decoded, x)
    return squared_error(depth, x[..., 3:4]) / x[..., 4].mean((1, 2)).clamp(min=1e-6)
