"""Linear layers of transforms, where sums may come in any order."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

# PyTorch gives convolutions of at least so many pictures to oneDNN, whatever the number of threads.
_PICTURES = 16


def quick_linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`F.linear` of (..., C_in); without gradients and in float32 as a 1x1 convolution, which can be twice as fast.

    PyTorch's matrix products are those of MKL, which leaves half of each vector unit unused on processors that are not
    Intel's; its convolutions are those of oneDNN, which does not. Sums of up to 192 products are the same to the last
    bit, longer ones are not: what leads to latents had better not change, and goes without.
    """
    positions = x.shape[:-1].numel()
    is_plain = x.dtype != torch.float32 or x.device.type != "cpu" or positions % _PICTURES or not positions
    if is_plain or torch.is_grad_enabled():
        return F.linear(x, weight, bias)
    pictures = x.reshape(_PICTURES, 1, -1, x.shape[-1]).permute(0, 3, 1, 2)
    out = F.conv2d(pictures, weight[:, :, None, None], bias)
    return out.permute(0, 2, 3, 1).reshape(*x.shape[:-1], weight.shape[0])
