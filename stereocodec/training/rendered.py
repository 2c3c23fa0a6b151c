"""A rendered texture, for examples where none are at hand."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray


def rendered_texture(height: int, width: int) -> NDArray[np.uint8]:
    """Colour (H, W, 3) with as much contrast at every size, as photographs have it."""
    generator = torch.Generator().manual_seed(0)
    texture = torch.full((1, 3, height, width), 128.0)
    for cells in (2, 4, 8, 16, 32, 64, 128):
        octave = torch.randn(1, 3, cells, cells, generator=generator)
        texture += 16 * F.interpolate(octave, texture.shape[2:], mode="bilinear", align_corners=False)
    scene: NDArray[np.uint8] = texture[0].permute(1, 2, 0).clamp(0, 255).round().to(torch.uint8).numpy()
    return scene
