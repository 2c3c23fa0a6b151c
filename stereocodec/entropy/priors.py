"""Densities of hyper latents that nothing is known of yet: one per channel."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from .density_tables import logistic_tables, residual_tables
from .distributions import logistic_bits, lower_bound, residual_bits
from .tables import TableSet

_LOGISTIC_LEAST = -3.0


class Prior(Protocol):
    """A density per channel of z, of which files use the integer tables and training the bits."""

    def bits(self, z: Tensor) -> Tensor:
        """Bits of each element of z as the coder sees it, (N, H, W, C): what is rounded to integers."""
        ...

    def tables(self) -> TableSet:
        """The same densities on integers, one table per channel."""
        ...


class FactorizedPrior(nn.Module):
    """Independent logistic density per channel of the hyper latent z."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(channels))
        self.log_scale = nn.Parameter(torch.zeros(channels))

    def bits(self, z: Tensor) -> Tensor:
        """Bits of each element of z, (N, H, W, C)."""
        return logistic_bits(z - self.mean, lower_bound(self.log_scale, _LOGISTIC_LEAST).exp())

    def tables(self) -> TableSet:
        """One table per channel."""
        means = self.mean.detach().double().cpu().numpy()
        return logistic_tables(means, np.exp(self.log_scale.detach().double().cpu().numpy().clip(_LOGISTIC_LEAST)))


class LaplacePrior(nn.Module):
    """Independent Laplace density per channel, of mean 0 where the coder sees it (ECSIC, WACV 2024).

    scale: the parameter b of each channel, of any shape; values below 0.1 count as 0.1.
    """

    def __init__(self, scale: nn.Parameter) -> None:
        super().__init__()
        self.scale = scale

    def bits(self, z: Tensor) -> Tensor:
        """Bits of each element of z, (N, H, W, C)."""
        return residual_bits(z, self._deviations(), 1.0)

    def tables(self) -> TableSet:
        """One table per channel."""
        return residual_tables(self._deviations().detach().double().cpu().numpy(), laplace_share=1.0)

    def _deviations(self) -> Tensor:
        return math.sqrt(2) * lower_bound(self.scale.flatten(), 0.1)
