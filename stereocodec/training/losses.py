"""Rate-distortion losses: what those of pairs and of frames share."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

from torch import Tensor, nn

from ..entropy.choosing import ChoosingEstimator
from ..entropy.coders import RateEstimator
from ..models import StereoModel
from .ms_ssim import ms_ssim

# What 1 - MS-SSIM weighs at a lambda of one for squared 8-bit errors: near the ratio of the lambdas with which
# CompressAI trains equal qualities for both (0.0018 and 2.4 up to 0.18 and 220), so that rates stay comparable.
MS_SSIM_WEIGHT = 1280.0


# So that the loss of pairs with next to nothing in them weighs at most 2.4 times what that of usual ones does.
_LEAST_SHARE = 0.2

Symbols = Literal["noise", "rounded", "chosen"]
"""What stands for the symbols of files: latents with noise for the rate and rounded for what is decoded, as training
begins; rounded for both; or as an encoder of files chooses them."""


def estimate(model: StereoModel, x: Tensor, quality: Tensor, symbols: Symbols) -> tuple[Tensor, Tensor]:
    """Estimated bits per pixel of each view, (2B,) float32, and what the model decodes, like x, float32."""
    coder = _coder(model, symbols)
    latents = model.analyse(x, quality, with_choices=False)
    decoded = model.reconstruct(model.walk(coder, latents, quality, (x.shape[1], x.shape[2]))).float()
    return coder.bits / (x.shape[1] * x.shape[2]), decoded


def _coder(model: StereoModel, symbols: Symbols) -> RateEstimator:
    if symbols == "chosen":
        return ChoosingEstimator(model.prior, model.laplace_share, model.dependence_of_weights())
    noise = symbols == "noise"
    return RateEstimator(model.prior, model.laplace_share, noise=noise, whole_slices="noise" if noise else None)


def as_shown(decoded: Tensor) -> Tensor:
    """Pictures as a decoder shows them: clamped to 0..1, and rounded to 8 bits."""
    return (decoded.clamp(0, 1) * 255).round() / 255


def squared_error(decoded: Tensor, x: Tensor) -> Tensor:
    """Mean squared error of each picture (N, H, W, C) in 8-bit units, (N,)."""
    return ((decoded - x) ** 2).mean((1, 2, 3)) * 65025


def psnr(mse: Tensor) -> Tensor:
    """PSNR in dB of squared 8-bit errors; at most 78 dB, so that means over equal pictures stay finite."""
    return -10 * (mse.clamp(min=1e-3) / 65025).log10()


def rate_distortion_loss(model: StereoModel, bpp: Tensor, distortion: Tensor, quality: Tensor) -> Tensor:
    """bpp + lambda * distortion, weighted and limited as the model wants it; a scalar.

    bpp, distortion, quality: (N,), of pairs the first half of the first views. The distortion is in squared 8-bit
    errors, or what stands for them.
    """
    loss = (bpp + model.trade_off(quality) * distortion) * model.loss_weight(quality)
    limited = loss / (loss.detach() / model.loss_limit).clamp(min=1)
    if model.usual_loss:
        limited = limited * _evening(loss.detach() / model.usual_loss)
    return limited.mean()


def _evening(loss: Tensor) -> Tensor:
    """What losses (2B,), in usual ones, are weighed by so that a busy pair does not count for ten calm ones: codecs are
    compared by per cents of each picture's bits."""
    pairs = loss.view(2, -1).mean(0)
    return ((1 + _LEAST_SHARE) / (pairs + _LEAST_SHARE)).sqrt().repeat(2)


def colour_distortion(decoded: Tensor, x: Tensor, loss: Literal["mse", "ms-ssim"]) -> Tensor:
    """What a loss counts as the distortion of pictures (N, H, W, 3), (N,): squared 8-bit errors, or 1 - MS-SSIM in
    such a measure that rates stay comparable."""
    return squared_error(decoded, x) if loss == "mse" else MS_SSIM_WEIGHT * (1 - ms_ssim(decoded, x))


class RateDistortion(nn.Module):
    """The forward pass of a training step as one module, to be compiled and distributed as one.

    channels: of a batch x, those that the model takes, see `Kind`. symbols: what it learns on.
    """

    channels: int

    def __init__(self, model: StereoModel, symbols: Symbols = "noise") -> None:
        super().__init__()
        self.model, self.symbols = model, symbols

    def forward(self, x: Tensor, quality: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """A batch x, qualities (2B,) -> the loss, bits per pixel of each view (2B,), and what was decoded.

        The loss is the mean over the views.
        """
        bpp, decoded = estimate(self.model, x[..., : self.channels], quality, self.symbols)
        return rate_distortion_loss(self.model, bpp, self.distortion(decoded, x), quality), bpp, decoded

    @abstractmethod
    def distortion(self, decoded: Tensor, x: Tensor) -> Tensor:
        """The distortion of each view, (2B,), in squared errors of 255ths of the range or what stands for them."""
