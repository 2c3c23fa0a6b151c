"""Linear layers of transforms in float32, by the products that processors of all makers are fast with.

PyTorch's matrix products are those of MKL, which leaves half of each vector unit unused on processors that are not
Intel's; its convolutions are those of oneDNN, which does not. So layers are computed as 1x1 convolutions there, in half
the time, where no gradients are asked for.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Product = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""What computes a linear layer from input, weight and bias: `F.linear` or one of these."""

# PyTorch gives convolutions of at least so many pictures to oneDNN, whatever the number of threads.
_PICTURES = 16
# Products that MKL sums up in one go on such processors.
_SUMMED = 192


def quick_linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`F.linear` of (..., C_in) with sums in any order: for what does not lead to latents."""
    if not _is_quick(x):
        return F.linear(x, weight, bias)
    pictures = x.reshape(_PICTURES, 1, -1, x.shape[-1]).permute(0, 3, 1, 2)
    out = F.conv2d(pictures, weight[:, :, None, None], bias)
    return out.permute(0, 2, 3, 1).reshape(*x.shape[:-1], weight.shape[0])


def steady_linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`F.linear` of (..., C_in) with sums in parts as MKL has them, so that encoders write the files that they did.

    With other sums, one file in five had a symbol that is rounded the other way, which all readers take as well.
    """
    if not _is_quick(x) or x.shape[-1] <= _SUMMED:
        return quick_linear(x, weight, bias)
    size = _SUMMED if x.shape[-1] >= 2 * _SUMMED else -(-x.shape[-1] // 2)
    first, *others = zip(torch.split(x, size, -1), torch.split(weight, size, 1), strict=True)
    out = quick_linear(*first, bias)
    for part in others:
        out += quick_linear(*part)
    return out


def _is_quick(x: Tensor) -> bool:
    positions = x.shape[:-1].numel()
    plain = x.dtype != torch.float32 or x.device.type != "cpu" or torch.is_grad_enabled()
    return not plain and positions > 0 and positions % _PICTURES == 0
