"""Rates, PSNR and MS-SSIM on scenes that training never sees."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..models import StereoModel
from .data import Pair
from .losses import psnr, rate_and_reconstruction, squared_error
from .ms_ssim import ms_ssim

QUALITIES = (0.0, 0.25, 0.5, 0.75, 1.0)


@torch.no_grad()
def validate(model: StereoModel, pairs: Sequence[Pair], max_side: int = 768) -> list[dict[str, float]]:
    """Estimated bpp, PSNR (dB) and MS-SSIM, means over the views of the pairs' central crops.

    The crops measure at most `max_side`. A row for each of five qualities, or for a model's only one (0).
    """
    device = next(model.parameters()).device
    rows = []
    for quality in (QUALITIES if model.has_qualities else QUALITIES[:1]) if pairs else ():
        points = []
        for pair in pairs:
            x = central_crop(pair.stacked(), max_side).to(device).float() / 255
            qualities = torch.full((2,), quality, device=device)
            bpp, decoded = rate_and_reconstruction(model, x, qualities, noise=False)
            measured = (bpp, psnr(squared_error(decoded, x)), ms_ssim(decoded, x))
            points.append(torch.stack([values.mean() for values in measured]))
        means = torch.stack(points).mean(0).tolist()
        rows.append({"quality": quality, **dict(zip(("bpp", "psnr", "ms_ssim"), means, strict=True))})
    return rows


def central_crop(views: Tensor, max_side: int) -> Tensor:
    """The middle of (2, H, W, 3), sides the largest multiples of 64 up to `max_side`."""
    height, width = (min(side, max_side) // 64 * 64 for side in views.shape[1:3])
    top, left = (views.shape[1] - height) // 2, (views.shape[2] - width) // 2
    return views[:, top : top + height, left : left + width]
