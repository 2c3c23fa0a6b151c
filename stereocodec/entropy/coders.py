"""The interface between a model's one walk over its latents and the coders, and the coder that estimates rates.

A model describes its order of coding once, as a walk that asks a coder for every group of elements. The rate
estimator here serves training; the stream writer and reader (`streams.py`) serve files.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from .distributions import logistic_bits, lower_bound, residual_bits, scale_from_log


class FactorizedPrior(nn.Module):
    """Independent logistic density per channel of the hyper latent z."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(channels))
        self.log_scale = nn.Parameter(torch.zeros(channels))

    def bits(self, z: Tensor) -> Tensor:
        """Elementwise bits of z, (N, H, W, C)."""
        return logistic_bits(z - self.mean, lower_bound(self.log_scale, -3.0).exp())


class EntropyCoder(Protocol):
    """What a walk asks of a coder. Tensors are (2B, H, W, C); None stands for values that only the file knows."""

    def code_prior(self, z: Tensor | None, shape: tuple[int, ...]) -> Tensor:
        """Codes the hyper latent z of the given shape; returns the decoded z."""
        ...

    def code(self, y: Tensor | None, mean: Tensor, log_scale: Tensor, mask: Tensor) -> Tensor:
        """Codes the elements of y where `mask` (H, W, C) is set; returns the decoded values, 0 elsewhere."""
        ...


class RateEstimator:
    """The coder of training: uniform noise for the rate, straight-through rounding for what is decoded.

    (Minnen and Singh, ICIP 2020, "mixed" quantisation.) With `noise` off, rates are those of rounded values.
    `bits` is the estimate per picture, (2B,), float32, complete after the walk.
    """

    def __init__(self, prior: FactorizedPrior, *, noise: bool) -> None:
        self._prior = prior
        self._noise = noise
        self.bits: Tensor = torch.zeros(())

    def code_prior(self, z: Tensor | None, shape: tuple[int, ...]) -> Tensor:
        assert z is not None
        z = z.float()
        rounded = z + (z.round() - z).detach()
        noisy = z + torch.empty_like(z).uniform_(-0.5, 0.5) if self._noise else rounded
        self.bits = self.bits + self._prior.bits(noisy).sum((1, 2, 3))
        return rounded

    def code(self, y: Tensor | None, mean: Tensor, log_scale: Tensor, mask: Tensor) -> Tensor:
        assert y is not None
        residual = y.float() - mean.float()
        rounded = residual + (residual.round() - residual).detach()
        noisy = residual + torch.empty_like(residual).uniform_(-0.5, 0.5) if self._noise else rounded
        bits = residual_bits(noisy, scale_from_log(log_scale))
        self.bits = self.bits + (bits * mask).sum((1, 2, 3))
        return (rounded + mean.float()) * mask
