"""Multi-scale structural similarity, differentiable, for losses and measurements.

Wang, Simoncelli and Bovik, "Multi-scale structural similarity for image quality assessment", Asilomar 2003; the
details (window, padding, negative contrasts) are those of the pytorch-msssim package, which papers report with.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
WINDOW, _SIGMA = 11, 1.5
_C1, _C2 = 0.01**2, 0.03**2


def scales_of(height: int, width: int) -> int:
    """How many scales a picture has room for: five from 161 pixels of the shorter side, fewer below."""
    return sum(min(height, width) > (WINDOW - 1) * 2**scale for scale in range(len(WEIGHTS)))


def ms_ssim(x: Tensor, y: Tensor) -> Tensor:
    """MS-SSIM of pictures (N, H, W, 3) with values in 0..1, the mean of the three colours; (N,) float32.

    Where the shorter side has less than 161 pixels, the scales that fit are used, with their weights raised to the
    sum of all five; such values do not compare with those of larger pictures. Raises ValueError below 11 pixels.
    """
    count = scales_of(x.shape[1], x.shape[2])
    if count == 0:
        raise ValueError(f"MS-SSIM needs sides of at least {WINDOW} pixels, not {x.shape[2]}x{x.shape[1]}")
    with torch.autocast(x.device.type, enabled=False):
        pictures = [t.float().permute(0, 3, 1, 2) for t in (x, y)]
        weights = torch.tensor(WEIGHTS[:count], device=x.device) * (sum(WEIGHTS) / sum(WEIGHTS[:count]))
        factors = []
        for scale in range(count):
            similarity, contrast = _similarity_and_contrast(*pictures)
            factors.append(similarity if scale == count - 1 else contrast)
            padding = [side % 2 for side in pictures[0].shape[2:]]
            pictures = [F.avg_pool2d(t, 2, padding=padding) for t in pictures]
        product = _power(torch.stack(factors), weights[:, None, None]).prod(0)
    return product.mean(1)


def _similarity_and_contrast(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """SSIM and its contrast-structure part, means over each colour of (N, 3, H, W); (N, 3) each."""
    moments = _blur(torch.cat([x, y, x * x, y * y, x * y], 1))
    mean_x, mean_y, xx, yy, xy = moments.chunk(5, 1)
    variances = xx - mean_x**2 + yy - mean_y**2
    contrast = (2 * (xy - mean_x * mean_y) + _C2) / (variances + _C2)
    luminance = (2 * mean_x * mean_y + _C1) / (mean_x**2 + mean_y**2 + _C1)
    return (luminance * contrast).mean((2, 3)), contrast.mean((2, 3))


def _blur(x: Tensor) -> Tensor:
    """A Gaussian window over (N, C, H, W), where it fits."""
    distance = torch.arange(WINDOW, device=x.device) - WINDOW // 2
    window = torch.exp(-(distance**2) / (2 * _SIGMA**2))
    window = (window / window.sum()).expand(x.shape[1], 1, 1, WINDOW)
    rows = F.conv2d(x, window, groups=x.shape[1])
    return F.conv2d(rows, window.transpose(2, 3), groups=x.shape[1])


def _power(x: Tensor, exponent: Tensor) -> Tensor:
    """`max(x, 0) ** exponent`, whose gradient is zero and not infinite where x is not positive."""
    positive = x > 0
    return torch.where(positive, torch.where(positive, x, 1.0) ** exponent, 0.0)
