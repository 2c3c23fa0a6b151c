"""Densities of latents around their predicted mean, as trained; the integer tables are made from the same functions."""

from __future__ import annotations

import math

import torch
from torch import Tensor

SCALE_MIN = 0.11
SCALE_MAX = 256.0
# Between the tails of a Gaussian and those of a Laplace density lies what trained networks leave.
LAPLACE_SHARE = 0.5
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


def residual_bits(residual: Tensor, scale: Tensor, laplace_share: float = LAPLACE_SHARE) -> Tensor:
    """-log2 of the density's mass on the unit bin around `residual`, elementwise in float32.

    The density is a Gaussian mixed with a Laplace density of the same standard deviation `scale`, 0 (Gaussian) to 1:
    what a network predicts well is nearly Gaussian, and what it predicts badly gives the heavier tails.
    """
    distance, scale = residual.float().abs(), scale.float()
    factor = 1 / (scale * math.sqrt(2))
    gaussian = 0.5 * (torch.special.erfc((distance - 0.5) * factor) - torch.special.erfc((distance + 0.5) * factor))
    rate = math.sqrt(2) / scale
    outer = torch.exp(-(distance + 0.5) * rate)
    inner = torch.exp(-(distance - 0.5).abs() * rate)
    laplace = torch.where(distance < 0.5, 1 - 0.5 * (inner + outer), 0.5 * (inner - outer))
    mass = (1 - laplace_share) * gaussian + laplace_share * laplace
    return -lower_bound(mass, _LIKELIHOOD_MIN).log2()


def logistic_bits(residual: Tensor, scale: Tensor) -> Tensor:
    """-log2 of the mass that a logistic of standard deviation `scale` puts on the unit bin around `residual`."""
    distance, factor = residual.float().abs(), math.pi / (scale.float() * math.sqrt(3))
    mass = torch.sigmoid((0.5 - distance) * factor) - torch.sigmoid((-0.5 - distance) * factor)
    return -lower_bound(mass, _LIKELIHOOD_MIN).log2()
