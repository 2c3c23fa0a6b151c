"""Rates and quality on scenes that training never sees, and on some that it does.

In float32 also where a run computes in bfloat16: that changes the built-in model's rates by 0.1 to 0.5 %, and its
PSNR at quality 100 by 0.2 dB, to save a fifth of the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor

from ..container.depth import DepthView
from ..models import StereoModel
from ..pictures.depth import depth_errors, from_network
from .frames.data import Frame
from .frames.losses import depth_error
from .losses import estimate, psnr, rate_and_reconstruction, squared_error
from .ms_ssim import ms_ssim
from .pairs.data import Example, Pair

QUALITIES = (0.0, 0.25, 0.5, 0.75, 1.0)
MAX_SIDE = 768
# Of crops that training sees: a third of the time of the others. What they tell is whether they get better while the
# held-out scenes do not, and for that the size does not matter.
SEEN_SIDE = 384

_Example = TypeVar("_Example", bound=Example)


@torch.no_grad()
def validate_pairs(model: StereoModel, pairs: Sequence[Pair], max_side: int = MAX_SIDE) -> list[dict[str, float]]:
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


@torch.no_grad()
def validate_frames(model: StereoModel, frames: Sequence[Frame], max_side: int = MAX_SIDE) -> list[dict[str, float]]:
    """The same of frames: estimated bits per pixel of both and of depth alone, PSNR (dB) and MS-SSIM of colour, PSNR of
    depth over its range and root of its mean square error in millimetres, over measurements.

    One row: there are no qualities. The bytes of the mask are not counted.
    """
    device = next(model.parameters()).device
    points = []
    for frame in (whole.central(max_side) for whole in frames):
        x = torch.from_numpy(frame.for_training()).to(device)[None]
        bpp, decoded = estimate(model, x[..., :4], torch.zeros(2, device=device), noise=False)
        decoded = decoded.clamp(0, 1)
        color = (decoded[..., :3] * 255).round() / 255
        view = DepthView(
            frame.depth.bits, frame.depth.metres_per_step, frame.depth.invalid, frame.near, frame.far, frame.mode
        )
        depth = from_network(decoded[0, ..., 3].cpu().numpy(), view, frame.depth.holes)
        points.append(
            {
                "bpp": bpp.sum().item(),
                "depth_bpp": bpp[1].item(),
                "psnr": psnr(squared_error(color, x[..., :3])).item(),
                "ms_ssim": ms_ssim(color, x[..., :3]).item(),
                "depth_psnr": psnr(depth_error(decoded, x)).item(),
                "depth_rmse_mm": depth_errors(frame.depth, depth)[0],
            }
        )
    return [{"quality": 0.0} | {key: sum(p[key] for p in points) / len(points) for key in points[0]}] if points else []


def spread(examples: Sequence[_Example], count: int, least: tuple[int, int]) -> list[_Example]:
    """So many examples, or all, evenly chosen among those of at least a height and width, in the order of names."""
    usable = [e for e in sorted(examples, key=lambda e: e.name) if e.size[0] >= least[0] and e.size[1] >= least[1]]
    count = min(count, len(usable))
    return [usable[(2 * number + 1) * len(usable) // (2 * count)] for number in range(count)]


def with_seen(rows: Sequence[dict[str, float]], seen: Sequence[dict[str, float]]) -> list[dict[str, float]]:
    """Rows per quality of held-out scenes, with the rate and PSNR of scenes that training sees, where there are any."""
    if not seen:
        return list(rows)
    return [row | {f"seen_{key}": other[key] for key in ("bpp", "psnr")} for row, other in zip(rows, seen, strict=True)]


def central_crop(views: Tensor, max_side: int) -> Tensor:
    """The middle of (2, H, W, 3), sides the largest multiples of 64 up to `max_side`."""
    height, width = (min(side, max_side) // 64 * 64 for side in views.shape[1:3])
    top, left = (views.shape[1] - height) // 2, (views.shape[2] - width) // 2
    return views[:, top : top + height, left : left + width]
