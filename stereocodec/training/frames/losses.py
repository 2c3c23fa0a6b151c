"""Rate and distortion of colour and depth.

Where nothing was measured, what the network gives for depth is never seen: the mask of holes is coded apart and
without loss. There, no error counts.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ...models import StereoModel
from ..losses import RateDistortion, colour_distortion, squared_error
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


class FrameRateDistortion(RateDistortion):
    """`RateDistortion` of frames (B, H, W, 5), see `Frame.for_training`; what is decoded is (B, H, W, 4).

    The two views are colour and depth.
    """

    channels = 4

    def __init__(
        self, model: StereoModel, loss: Literal["mse", "ms-ssim"], depth_loss: Literal["mse", "structure"]
    ) -> None:
        super().__init__(model)
        self.loss, self.depth_loss = loss, depth_loss

    def distortion(self, decoded: Tensor, x: Tensor) -> Tensor:
        """The distortion of each colour picture, then of each depth map, (2B,), in squared errors of 255ths of the
        range."""
        color, depth = without_holes(decoded, x)
        true_color, true_depth = x[..., :3], x[..., 3:4]
        if self.depth_loss == "structure":
            of_depth = 65025 * _STRUCTURE_WEIGHT * structure_error(depth, true_depth)
        else:
            of_depth = squared_error(depth, true_depth)
        return torch.cat([colour_distortion(color, true_color, self.loss), of_depth])


def depth_error(decoded: Tensor, x: Tensor) -> Tensor:
    """Mean squared error of depth over what was measured, in 255ths of the range, (B,); 0 where nothing was.

    decoded: (B, H, W, 4); x: (B, H, W, 5).
    """
    _, depth = without_holes(decoded, x)
    return squared_error(depth, x[..., 3:4]) / x[..., 4].mean((1, 2)).clamp(min=1e-6)
