"""Hyper latents whose two views are of different kinds: a learned density per channel and view."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .cumulative_prior import CumulativePrior
from .tables import TableSet


class PairPrior(nn.Module):
    """The prior of the first view's z and that of the second's; a Prior whose `tables` are those of the first."""

    def __init__(self, first: CumulativePrior, second: CumulativePrior) -> None:
        super().__init__()
        self.first, self.second = first, second

    @property
    def medians(self) -> Tensor:
        """The median of each view and channel, (2, C)."""
        return torch.stack([self.first.medians, self.second.medians])

    def bits(self, z: Tensor) -> Tensor:
        """Bits of each element of z less its median, (2B, H, W, C), the first views before the second ones."""
        first, second = z.chunk(2)
        return torch.cat([self.first.bits(first), self.second.bits(second)])

    def auxiliary_loss(self) -> Tensor:
        """The sum of both priors'."""
        return self.first.auxiliary_loss() + self.second.auxiliary_loss()

    def tables(self) -> TableSet:
        """One table per channel of the first view."""
        return self.first.tables()

    def second_tables(self) -> TableSet:
        """One table per channel of the second view."""
        return self.second.tables()
