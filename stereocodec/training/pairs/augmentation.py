"""Changes of crops after which they are still photographs of one scene: a smaller scale, and other light and colour."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

_SMALLEST_SCALE = 0.5
_TONE = 0.3
_CONTRAST = 0.15
_BRIGHTNESS = 12
_WHITE_BALANCE = 0.08
_SATURATION = 0.6, 1.3
_GREY = 0.06
_LUMA = 0.299, 0.587, 0.114  # of ITU-R BT.601


def random_window(generator: np.random.Generator, size: tuple[int, int], picture: tuple[int, int]) -> tuple[int, int]:
    """Height and width of a window of a picture to be reduced to `size`: by 0.5 to 1, as far as the picture holds it.

    `size` and `picture` are heights and widths; the picture is no smaller than `size`.
    """
    least = max(_SMALLEST_SCALE, size[0] / picture[0], size[1] / picture[1])
    scale = generator.uniform(least, 1)
    height, width = (min(round(n / scale), limit) for n, limit in zip(size, picture, strict=True))
    return height, width


def resized(pictures: Tensor, size: tuple[int, int]) -> Tensor:
    """(N, 3, H, W) uint8 pictures at another height and width, without aliasing: uint8 on a processor, elsewhere
    float32 in 0..255."""
    if pictures.device.type != "cpu":  # only there they can be resized in 8 bits, which is much faster
        pictures = pictures.float()
    return F.interpolate(pictures, size=size, mode="bicubic", antialias=True, align_corners=False).clamp_(0, 255)


def reduced(window: Tensor, size: tuple[int, int]) -> Tensor:
    """A window (H, W, 6) uint8 of a pair at another height and width, both views alike: (height, width, 6) uint8."""
    if window.shape[:2] == size:
        return window
    views = resized(window.reshape(*window.shape[:2], 2, 3).permute(2, 3, 0, 1), size)
    return views.round().to(torch.uint8).flatten(0, 1).permute(1, 2, 0)


def recoloured(crop: Tensor, generator: np.random.Generator) -> Tensor:
    """A pair (H, W, 6) uint8 as another camera or other light might show it, both views alike; some without colour.

    A tone curve (in place of a gamma, which would tear dark values apart), saturation, white balance, contrast and
    brightness change a little.
    """
    tone, contrast = generator.uniform(-_TONE, _TONE), 1 + generator.uniform(-_CONTRAST, _CONTRAST)
    offset = 127.5 * (1 - contrast) + generator.uniform(-_BRIGHTNESS, _BRIGHTNESS)
    red, blue = np.exp(generator.uniform(-_WHITE_BALANCE, _WHITE_BALANCE, 2)).tolist()
    saturation = generator.uniform(*_SATURATION)
    if generator.random() < _GREY:
        red = blue = 1
        saturation = 0
    # Planes of one channel, as calculations with three numbers per pixel are slow on a processor.
    planes = crop.permute(2, 0, 1).contiguous().float()
    planes.mul_((planes * (-tone / 255)).add_(1 + tone))
    views = planes.view(2, 3, *planes.shape[1:])
    luma = views[:, 0] * _LUMA[0] + views[:, 1] * _LUMA[1] + views[:, 2] * _LUMA[2]
    views.lerp_(luma[:, None], 1 - saturation)
    for channel, gain in zip(views.unbind(1), (red, 1, blue), strict=True):
        channel.mul_(gain * contrast).add_(offset)
    return planes.round_().clamp_(0, 255).to(torch.uint8).permute(1, 2, 0)
