"""What a release for colour with depth does to frames, as `measure.py` tells it of pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from ...container import Container
from ...container.depth import DepthMode
from ...pictures.depth import DepthMap, Samples, depth_errors
from ...pictures.rgb import psnr
from ...releases.release import Release
from ...rgbd_codec import RgbdCodec
from ..config import TrainingConfig
from ..measure import MAX_SIDE, Measures, rendered_texture
from ..ms_ssim import ms_ssim
from .data import Frame

_MEASURED = """\
Measured by coding central crops of at most 512x512 pixels of held-out frames to files and back ({scenes}), each with \
its own range of depth; means, of the largest error the largest. Errors are over measurements, bits per pixel of the \
frame:

| quality | bytes | mask bytes | bpp | PSNR, dB | MS-SSIM | depth RMSE, mm | largest error, mm |
|---|---|---|---|---|---|---|---|
{rows}"""
_ROW = (
    "| {quality} | {bytes:,.0f} | {mask_bytes:,.0f} | {bpp:.4f} | {psnr_color:.2f} | {ms_ssim_color:.5f} | "
    "{depth_rmse_mm:.2f} | {depth_largest_mm:.0f} |"
)


class FrameMeasures(Measures):
    """Of frames of colour with depth."""

    usage = "bisic encode --depth depth.png color.png -o frame.bsc --model DIR"
    tags = "rgb-d, depth, image-compression, learned-compression"
    unit = "pixel of colour and of depth"
    crops = "crops"

    def input(self, example: Any) -> Tensor:
        return torch.from_numpy(example.central(MAX_SIDE).for_training())[None, ..., :4]

    def stand_in(self) -> Frame:
        texture = rendered_texture(256, 256)
        samples = (1000 + 8 * texture[..., 0].astype(np.uint16)).astype(np.uint16)
        samples[40:80, 100:140] = 0
        measured = samples[samples > 0]
        limits = int(measured.min()), int(measured.max())
        return Frame("a rendered frame", texture, DepthMap(samples, 0.001), *limits, DepthMode.LINEAR)

    def measure(self, release: Release, examples: Sequence[Any]) -> list[dict[str, float]]:
        codec = RgbdCodec(release, device="cpu")
        points = [coded_frame(codec, example.central(MAX_SIDE)) for example in examples]
        means = {key: sum(point[key] for point in points) / len(points) for key in points[0]}
        means["depth_largest_mm"] = max(point["depth_largest_mm"] for point in points)
        return [{"quality": 0} | {key: round(value, 6) for key, value in means.items()}]

    def table(self, rows: Sequence[dict[str, float]], scenes: str) -> str:
        return _MEASURED.format(scenes=scenes, rows="\n".join(_ROW.format(**row) for row in rows))

    def distortion(self, config: TrainingConfig) -> str:
        of_depth = {
            "mse": "squared error in 255ths of the range",
            "structure": "650 * (1/2 (1 - MS-SSIM) + differences of slopes + 0.1 * absolute differences)",
        }
        return f"{super().distortion(config)} of colour, and of depth {of_depth[config.depth_loss]}"


def coded_frame(codec: RgbdCodec, frame: Frame) -> dict[str, float]:
    """Bytes, bits per pixel, and errors of a frame coded to a file and back.

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
