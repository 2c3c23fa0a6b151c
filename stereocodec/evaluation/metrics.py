"""How close two pictures are, from their 8-bit samples: PSNR and MS-SSIM."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..pictures.rgb import psnr

__all__ = ["MIN_SIDE", "View", "ms_ssim", "psnr"]

View: TypeAlias = NDArray[np.uint8]

MIN_SIDE = 161
"""Pixels that both sides of a picture need for MS-SSIM: an 11-tap window on the coarsest of five scales."""


def ms_ssim(reference: View, decoded: View) -> float:
    """Multi-scale structural similarity of two (H, W, 3) uint8 pictures, at most 1; NaN below MIN_SIDE pixels.

    Wang, Simoncelli and Bovik, "Multiscale structural similarity for image quality assessment", 2003, as in the
    package pytorch-msssim: per channel, then averaged; data range 255.
    """
    if min(reference.shape[:2]) < MIN_SIDE:
        return math.nan
    import torch
    from pytorch_msssim import ms_ssim as similarity

    x, y = (torch.from_numpy(np.array(v)).permute(2, 0, 1)[None].float() for v in (reference, decoded))
    return float(similarity(x, y, data_range=255))
