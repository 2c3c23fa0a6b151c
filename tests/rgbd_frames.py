"""A small `rgbd` release with random weights, and frames to code with it."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import torch
from conftest import save_untrained
from PIL import Image

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


def save_frame(folder):
    """Writes color.png and depth.png."""
    for name, picture in zip(("color", "depth"), frame(), strict=True):
        Image.fromarray(picture).save(folder / f"{name}.png")


def decoded_elsewhere(release, data, folder):
    """Colour and depth of a file as another process with two threads decodes them."""
    (folder / "frame.bsc").write_bytes(data)
    code = (
        "import sys; from stereocodec import RgbdCodec; import numpy as np;"
        "codec = RgbdCodec.from_pretrained(sys.argv[1], device='cpu');"
        "color, depth = codec.decompress(open(sys.argv[2], 'rb').read(), output='numpy');"
        "np.savez(sys.argv[3], color=color, depth=depth)"
    )
    arguments = [str(path) for path in (release, folder / "frame.bsc", folder / "out.npz")]
    subprocess.run([sys.executable, "-c", code, *arguments], check=True, env={**os.environ, "OMP_NUM_THREADS": "2"})
    with np.load(folder / "out.npz") as other:
        return other["color"], other["depth"]
