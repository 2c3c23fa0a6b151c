"""Rates and PSNR on scenes that training never sees."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ..models.bisic_rt import BisicRt
from .data import Pair
from .losses import rate_and_distortion

QUALITIES = (0.0, 0.25, 0.5, 0.75, 1.0)


@torch.no_grad()
def validate(model: BisicRt, pairs: Sequence[Pair], max_side: int = 768) -> list[dict[str, float]]:
    """Estimated bpp and mean PSNR (dB) at five qualities, over the pairs' central crops of at most `max_side`."""
    device = next(model.parameters()).device
    rows = []
    for quality in QUALITIES if pairs else ():
        points = []
        for pair in pairs:
            x = _central_crop(pair.stacked(), max_side).to(device).float() / 255
            bpp, mse = rate_and_distortion(model, x, torch.full((2,), quality, device=device), noise=False)
            points.append(torch.stack([bpp.mean(), (-10 * torch.log10(mse.clamp(min=1e-3) / 65025)).mean()]))
        bpp_mean, psnr = torch.stack(points).mean(0).tolist()
        rows.append({"quality": quality, "bpp": bpp_mean, "psnr": psnr})
    return rows


def _central_crop(views: torch.Tensor, max_side: int) -> torch.Tensor:
    """The middle of (2, H, W, 3), sides the largest multiples of 64 up to `max_side`."""
    height, width = (min(side, max_side) // 64 * 64 for side in views.shape[1:3])
    top, left = (views.shape[1] - height) // 2, (views.shape[2] - width) // 2
    return views[:, top : top + height, left : left + width]
