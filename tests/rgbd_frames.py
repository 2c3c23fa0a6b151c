"""A small `rgbd` release with random weights, and frames to code with it."""

from __future__ import annotations

import numpy as np
import torch
from conftest import save_untrained

from stereocodec.models.rgbd.model import Rgbd, RgbdConfig

SMALL = RgbdConfig(channels=8, latent_channels=8, slices=(2, 6), context_widths=(8, 8))
HEIGHT, WIDTH = 70, 90


def random_model(seed=3):
    """Random everywhere, with latents of some steps, so that there is something to code."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        model = Rgbd(SMALL)
        for transform in (model.analysis.color, model.analysis.depth):
            transform[-2].weight.mul_(20)
    return model.eval()


def save_small(folder):
    return save_untrained(folder, "small-rgbd", "rgbd", random_model())


def frame(height=HEIGHT, width=WIDTH):
    """Colour (H, W, 3) uint8 and depth (H, W) uint16 in millimetres: a slope with a box before it, and holes."""
    row, column = np.mgrid[:height, :width]
    depth = 1500 + 9 * row + 3 * column
    depth[20:50, 30:60] = 900
    color = np.stack([row * 2, column * 2, depth // 16], -1).astype(np.uint8)
    depth[20:50, 24:30] = 0
    depth[np.random.default_rng(0).random(depth.shape) < 0.01] = 0
    return color, depth.astype(np.uint16)
