"""Densities of latents around their predicted mean, as trained; the integer tables are made from the same functions."""

from __future__ import annotations

import math

import torch
from torch import Tensor

SCALE_MIN = 0.11
SCALE_MAX = 256.0
_LIKELIHOOD_MIN = 1e-9


class _LowerBound(torch.autograd.Function):
    """`max(x, bound)` whose gradient still passes where it would push x upwards (Ballé et al. 2018, code)."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor, bound: float) -> Tensor:
        ctx.save_for_backward(x >= bound)
        return x.clamp(min=bound)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *grad_outputs: Tensor) -> tuple[Tensor, None]:
        (inside,) = ctx.saved_tensors  # type: ignore[attr-defined]
        (grad,) = grad_outputs
        return grad * (inside | (grad < 0)), None


def lower_bound(x: Tensor, bound: float) -> Tensor:
    """`max(x, bound)` with a gradient that can lift x back over the bound."""
    bounded: Tensor = _LowerBound.apply(x, bound)  # type: ignore[no-untyped-call]
    return bounded


def scale_from_log(log_scale: Tensor) -> Tensor:
    """exp of the log-scale, kept within SCALE_MIN..SCALE_MAX; float32."""
    return lower_bound(log_scale.float(), math.log(SCALE_MIN)).clamp(max=math.log(SCALE_MAX)).exp()


def gaussian_bits(residual: Tensor, scale: Tensor) -> Tensor:
    """-log2 of the mass that N(0, scale) puts on the unit bin around `residual`, elementwise in float32."""
    distance, factor = residual.float().abs(), 1 / (scale.float() * math.sqrt(2))
    upper = torch.special.erfc((distance - 0.5) * factor)
    lower = torch.special.erfc((distance + 0.5) * factor)
    return -lower_bound(0.5 * (upper - lower), _LIKELIHOOD_MIN).log2()


def logistic_bits(residual: Tensor, scale: Tensor) -> Tensor:
    """-log2 of the mass that a logistic of standard deviation `scale` puts on the unit bin around `residual`."""
    distance, factor = residual.float().abs(), math.pi / (scale.float() * math.sqrt(3))
    mass = torch.sigmoid((0.5 - distance) * factor) - torch.sigmoid((-0.5 - distance) * factor)
    return -lower_bound(mass, _LIKELIHOOD_MIN).log2()
