"""The interface between a model's one walk over its latents and the coders, and the coder that estimates rates.

A model describes its order of coding once, as a walk that asks a coder for every group of elements. The rate
estimator here serves training; the stream writer and reader (`streams.py`) serve files.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from .distributions import logistic_bits, lower_bound, residual_bits, scale_from_log
from .fields import field_bits


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
    """What a walk asks of a coder, for B pairs. None stands for values that only the file knows."""

    def code_prior(self, z: Tensor | None, shape: tuple[int, ...]) -> Tensor:
        """Codes both views' hyper latents z, (2B, H, W, C) of the given shape; returns the decoded z."""
        ...

    def code(
        self, view: int, y: Tensor | None, mean: Tensor, log_scale: Tensor, mask: Tensor, weight: Tensor
    ) -> Tensor:
        """Codes the elements of one view's y where `mask` (H, W, C) is set; returns the decoded values, 0 elsewhere.

        view: 0 for the first, 1 for the second. y, mean, log_scale: (B, H, W, C). weight: (B, C) float64, the bits
        that a squared error of one is worth, for encoders that weigh the one against the other.
        """
        ...

    def code_field(self, view: int, field: Tensor | None, size: tuple[int, int]) -> Tensor:
        """Codes side information as it is: a field (B, h, w) of int64; returns it."""
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

    def code(
        self, view: int, y: Tensor | None, mean: Tensor, log_scale: Tensor, mask: Tensor, weight: Tensor
    ) -> Tensor:
        assert y is not None
        residual = y.float() - mean.float()
        rounded = residual + (residual.round() - residual).detach()
        noisy = residual + torch.empty_like(residual).uniform_(-0.5, 0.5) if self._noise else rounded
        bits = residual_bits(noisy, scale_from_log(log_scale))
        self._add(view, (bits * mask).sum((1, 2, 3)))
        return (rounded + mean.float()) * mask

    def code_field(self, view: int, field: Tensor | None, size: tuple[int, int]) -> Tensor:
        assert field is not None
        self._add(view, torch.stack([field_bits(single) for single in field]))
        return field

    def _add(self, view: int, bits: Tensor) -> None:
        """Adds one view's bits, (B,)."""
        nothing = torch.zeros_like(bits)
        self.bits = self.bits + torch.cat([bits, nothing] if view == 0 else [nothing, bits])
