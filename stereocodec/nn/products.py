"""Linear layers by the products that processors of all makers are fast with, where no gradients are asked for.

PyTorch's matrix products are those of MKL, which leaves half of each vector unit unused on processors that are not
Intel's; its convolutions are those of oneDNN, which does not. So layers are computed as 1x1 convolutions in float32, in
half the time. In float64, for which oneDNN has nothing, numpy's BLAS stands in (`blas.py`).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import blas

# PyTorch gives convolutions of at least so many pictures to oneDNN, whatever the number of threads.
_PICTURES = 16
# Products that MKL sums up in one go on such processors.
_SUMMED = 192
# So many rows of a product that is added to something stay in a processor's cache on their way.
_ROWS = 2**14


def quick_linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`F.linear` of (..., C_in).

    Sums come in the parts that MKL has on such processors: then encoders write the files that they wrote before, to the
    last bit. In one go, one file in five had a symbol that is rounded the other way.
    """
    if blas.is_faster(x):
        out = blas.product(x, weight)
        return out if bias is None else out.add_(bias)
    positions, products = x.shape[:-1].numel(), x.shape[-1]
    plain = x.dtype != torch.float32 or x.device.type != "cpu" or positions % _PICTURES or not positions
    if plain or torch.is_grad_enabled() or torch.is_autocast_enabled("cpu"):
        return F.linear(x, weight, bias)
    size = _SUMMED if products <= _SUMMED or products >= 2 * _SUMMED else -(-products // 2)
    first, *others = zip(torch.split(x, size, -1), torch.split(weight, size, 1), strict=True)
    out = _convolution(*first, bias)
    for part in others:
        out += _convolution(*part, None)
    return out


def linear_by_rough_gradients(x: Tensor, weight: Tensor, bias: Tensor, dtype: torch.dtype) -> Tensor:
    """`F.linear` of (..., C_in), whose gradients are products in a lower precision, `dtype`.

    Training of mixed precision takes it for layers that must be exact: two thirds of their work is in the gradients.
    """
    out: Tensor = _LinearByRoughGradients.apply(x, weight, bias, dtype)  # type: ignore[no-untyped-call]
    return out


class _LinearByRoughGradients(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: torch.autograd.function.FunctionCtx, x: Tensor, weight: Tensor, bias: Tensor, dtype: torch.dtype
    ) -> Tensor:
        ctx.save_for_backward(x.to(dtype), weight.to(dtype))
        return F.linear(x, weight, bias)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: torch.autograd.function.FunctionCtx, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors  # type: ignore[attr-defined]
        exact = grad_outputs[0]
        rough = exact.to(weight.dtype)
        rows, inputs = (t.reshape(-1, t.shape[-1]) for t in (rough, x))
        return (rough @ weight).to(exact.dtype), (rows.T @ inputs).to(exact.dtype), exact.flatten(0, -2).sum(0), None


def add_product(sums: Tensor, x: Tensor, weight: Tensor) -> None:
    """Adds the product of x (rows, C_in) with weight (C_out, C_in) to sums (rows, C_out)."""
    if not blas.is_faster(x):
        sums.addmm_(x, weight.T)
        return
    for some, to in zip(torch.split(x, _ROWS), torch.split(sums, _ROWS), strict=True):
        to += blas.product(some, weight)


class QuickLinear(nn.Linear):
    """A linear layer by `quick_linear`."""

    def forward(self, x: Tensor) -> Tensor:
        return quick_linear(x, self.weight, self.bias)


def _convolution(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    pictures = x.reshape(_PICTURES, 1, -1, x.shape[-1]).permute(0, 3, 1, 2)
    out = F.conv2d(pictures, weight[:, :, None, None], bias)
    return out.permute(0, 2, 3, 1).reshape(*x.shape[:-1], weight.shape[0])
