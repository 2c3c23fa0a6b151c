"""A frame coded to a file and back: what it takes, and how close what comes back is."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import torch

from ...container import Container
from ...pictures.depth import Samples, depth_errors
from ...pictures.rgb import psnr
from ...rgbd_codec import RgbdCodec
from ..ms_ssim import ms_ssim
from .data import Frame


def coded_frame(codec: RgbdCodec, frame: Frame, quality: int) -> dict[str, float]:
    """Bytes, bits per pixel, and errors of a frame at a quality, 0 to 100, which a codec without qualities ignores.

    Depth beyond the frame's range is clipped to it first.
    """
    depth, step = frame.depth, frame.depth.metres_per_step
    samples = cast(Samples, depth.samples.clip(frame.near, frame.far))
    samples[depth.holes] = depth.invalid
    reference = replace(depth, samples=samples)
    data = codec.compress(
        frame.color,
        samples,
        depth_unit=step,
        depth_mode=frame.mode.name.lower(),
        depth_range=(frame.near * step, frame.far * step),
        invalid=depth.invalid,
        quality=quality if codec.has_qualities else None,
    )
    color, decoded = codec.decode(data)
    pictures = [torch.from_numpy(picture)[None] / 255 for picture in (frame.color, color)]
    rmse, largest = depth_errors(reference, decoded)
    view = Container.from_bytes(data).depth
    return {
        "bytes": len(data),
        "mask_bytes": 0 if view is None else len(view.mask),
        "bpp": 8 * len(data) / (frame.size[0] * frame.size[1]),
        "psnr_color": psnr(frame.color, color),
        "ms_ssim_color": ms_ssim(*pictures).item(),
        "depth_rmse_mm": rmse,
        "depth_largest_mm": largest,
    }
