"""Densities of latents around their predicted mean, as trained; the integer tables are made from the same functions."""

from __future__ import annotations

import math

import torch
from torch import Tensor

SCALE_MIN = 0.11
SCALE_MAX = 256.0
# Between the tails of a Gaussian and those of a Laplace density lies what trained networks leave.
LAPLACE_SHARE = 0.5
LIKELIHOOD_MIN = 1e-9


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
    return -lower_bound(mass, LIKELIHOOD_MIN).log2()


def symbol_bits(symbols: Tensor, halves: Tensor, log_scale: Tensor, laplace_share: float) -> Tensor:
    """-log2 of the density's mass of symbols (N,) whole or, where halves are above 0, of half steps (`trellis.py`): of
    all that is nearer to what such a symbol stands for than to what another one does. Elementwise in float32."""
    scale, magnitude = scale_from_log(log_scale), symbols.float().abs()
    lower, upper = (edge / scale for edge in _edges(magnitude, halves))
    mass = torch.lerp(_gaussian(lower, upper)[0], _laplace(lower, upper)[0], laplace_share)
    return -lower_bound(mass, LIKELIHOOD_MIN).log2()


def logistic_bits(residual: Tensor, scale: Tensor) -> Tensor:
    """-log2 of the mass that a logistic of standard deviation `scale` puts on the unit bin around `residual`."""
    distance, factor = residual.float().abs(), math.pi / (scale.float() * math.sqrt(3))
    mass = torch.sigmoid((0.5 - distance) * factor) - torch.sigmoid((-0.5 - distance) * factor)
    return -lower_bound(mass, LIKELIHOOD_MIN).log2()


def chosen_bits(
    residual: Tensor,
    log_scale: Tensor,
    chosen: Tensor,
    laplace_share: float,
    noise: Tensor | None,
    halves: Tensor | None = None,
) -> Tensor:
    """Sums of `residual_bits` over the chosen elements of each picture, (B,) float32.

    residual, log_scale: (B, N) float32; chosen: (n,) int64. noise: (B, n), what is added to the chosen residuals; None
    to round them. halves: (B, n), above 0 where rounded residuals are symbols of half steps, as of `symbol_bits`; None
    for nowhere. The gradient is that of adding noise either way (straight-through rounding). As training spends much of
    its time here, the derivatives come in closed form, in few passes over the chosen elements alone.
    """
    bits: Tensor = _ChosenBits.apply(residual, log_scale, chosen, laplace_share, noise, halves)  # type: ignore[no-untyped-call]
    return bits


class _ChosenBits(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: torch.autograd.function.FunctionCtx,
        residual: Tensor,
        log_scale: Tensor,
        chosen: Tensor,
        laplace_share: float,
        noise: Tensor | None,
        halves: Tensor | None,
    ) -> Tensor:
        seen, level = residual[:, chosen], log_scale[:, chosen]
        seen = seen.round_() if noise is None else seen.add_(noise)
        least, most = math.log(SCALE_MIN), math.log(SCALE_MAX)
        scale = level.clamp(least, most).exp_()
        distance = seen.abs()
        lower, upper = (edge.div_(scale) for edge in _edges(distance, halves))
        mass, at_upper, at_lower = _gaussian(lower, upper)
        if laplace_share:
            for mixed, other in zip((mass, at_upper, at_lower), _laplace(lower, upper), strict=True):
                mixed.lerp_(other, laplace_share)
        mass.clamp_(min=LIKELIHOOD_MIN)
        factor = mass.reciprocal().mul_(-1 / math.log(2))
        by_residual = (at_upper - at_lower).mul_(factor).div_(scale).mul_(seen.sign_())
        by_level = at_lower.mul_(lower).sub_(at_upper.mul_(upper)).mul_(factor)
        # As `scale_from_log` has it: what is below the least scale may be lifted, not pushed down.
        by_level.masked_fill_(((level < least) & (by_level > 0)) | (level > most), 0.0)
        ctx.save_for_backward(by_residual, by_level, chosen)
        ctx.size = residual.shape  # type: ignore[attr-defined]
        return mass.log2_().sum(1).neg_()

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        *derivatives, chosen = ctx.saved_tensors  # type: ignore[attr-defined]
        weight = grad_outputs[0][:, None]
        whole = (weight.new_zeros(ctx.size).index_copy_(1, chosen, d * weight) for d in derivatives)  # type: ignore[attr-defined]
        return (*whole, None, None, None, None)


def _edges(magnitude: Tensor, halves: Tensor | None) -> tuple[Tensor, Tensor]:
    """Between what magnitudes a symbol is nearest. Of half steps (halves above 0) that is for 0 from -1/4 to 1/4, for 1
    from there to 1, and for k > 1 from k - 1 to k."""
    lower, upper = magnitude - 0.5, magnitude + 0.5
    if halves is None:
        return lower, upper
    half = halves > 0
    half_lower = torch.where(magnitude < 2, 0.5 * lower, magnitude - 1)
    return torch.where(half, half_lower, lower), torch.where(half, magnitude.clamp(min=0.25), upper)


def _gaussian(lower: Tensor, upper: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mass between two places of a standard Gaussian, and the density at the upper and the lower one."""
    mass = torch.erfc(lower * math.sqrt(0.5)).sub_(torch.erfc(upper * math.sqrt(0.5))).mul_(0.5)
    at_upper, at_lower = (place.square().mul_(-0.5).exp_().mul_(1 / math.sqrt(2 * math.pi)) for place in (upper, lower))
    return mass, at_upper, at_lower


def _laplace(lower: Tensor, upper: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mass and densities of a Laplace density of deviation 1; `upper` is above 0."""
    outer, inner = (place.abs().mul_(-math.sqrt(2)).exp_() for place in (upper, lower))
    mass = torch.where(lower < 0, 1 - 0.5 * (inner + outer), 0.5 * (inner - outer))
    return mass, outer.mul_(math.sqrt(0.5)), inner.mul_(math.sqrt(0.5))
