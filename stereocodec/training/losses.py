"""The rate-distortion loss."""

from __future__ import annotations

from torch import Tensor

from ..entropy.coders import RateEstimator
from ..models.bisic_rt import BisicRt, BisicRtConfig, trade_off


def rate_and_distortion(model: BisicRt, x: Tensor, quality: Tensor, *, noise: bool) -> tuple[Tensor, Tensor]:
    """Estimated bits per view pixel and mean squared 8-bit error of each picture, both (2B,) float32."""
    y, z = model.latents(x, quality)
    coder = RateEstimator(model.entropy.prior, noise=noise)
    y_hat = model.walk(coder, y, z, quality, (x.shape[1], x.shape[2]))
    decoded = model.reconstruct(y_hat, quality).float()
    if not noise:
        decoded = (decoded.clamp(0, 1) * 255).round() / 255
    mse = ((decoded - x) ** 2).mean((1, 2, 3)) * 65025
    return coder.bits / (x.shape[1] * x.shape[2]), mse


def rate_distortion_loss(config: BisicRtConfig, bpp: Tensor, mse: Tensor, quality: Tensor) -> Tensor:
    """bpp + lambda * mse, divided by the square root of lambda so that no quality dominates; a scalar."""
    trade = trade_off(config, quality)
    return ((bpp + trade * mse) / (trade / 0.01).sqrt()).mean()
