"""A pair coded to a file and back: what it takes, and how close what comes back is."""

from __future__ import annotations

import torch

from ...codec import StereoCodec
from ...pictures.rgb import psnr
from ..ms_ssim import ms_ssim
from .data import Pair


def coded_pair(codec: StereoCodec, pair: Pair, quality: int) -> dict[str, float]:
    """Bytes, bits per view pixel, PSNR (dB) and MS-SSIM of a pair at a quality, 0 to 100.

    A codec without qualities ignores it.
    """
    views = pair.stacked()
    left, right = views.numpy()
    data = codec.compress(left, right, quality=quality if codec.has_qualities else None)
    decoded = codec.decompress(data, output="numpy")
    similarity = ms_ssim(torch.stack([torch.from_numpy(view) for view in decoded]) / 255, views / 255).tolist()
    return {
        "bytes": len(data),
        "bpp": 8 * len(data) / (2 * left.shape[0] * left.shape[1]),
        "psnr_left": psnr(left, decoded[0]),
        "psnr_right": psnr(right, decoded[1]),
        "ms_ssim_left": similarity[0],
        "ms_ssim_right": similarity[1],
    }
