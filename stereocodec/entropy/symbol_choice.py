"""Which symbols an encoder chooses where it weighs bits against errors; readers need not know."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .coders import Group
from .distributions import residual_bits, scale_from_log
from .tables import TableSet


@dataclass(frozen=True)
class SymbolCosts:
    """What it costs to code N elements by given symbols.

    tables: one per scale level. residual: (N,) float64, what the symbols stand for, in steps. levels: (N,) uint8.
    weights: (N,) float64, the bits that a squared error of one step is worth.
    """

    tables: TableSet
    residual: NDArray[np.float64]
    levels: NDArray[np.uint8]
    weights: NDArray[np.float64]

    def at(self, places: NDArray[np.intp]) -> SymbolCosts:
        """The costs of the elements of the given numbers."""
        return SymbolCosts(self.tables, self.residual[places], self.levels[places], self.weights[places])

    def __call__(self, symbols: NDArray[np.int32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What symbols (N,) cost: their bits with what their errors are worth, and the errors in steps, both (N,)."""
        error = symbols - self.residual
        return self.tables.bits(symbols, self.levels) + self.weights * error**2, error


def cheaper(nearest: NDArray[np.int32], costs: SymbolCosts) -> NDArray[np.int32]:
    """The nearest symbols (N,), or their neighbours towards zero where these cost less."""
    places = np.flatnonzero(nearest)
    symbols, here = nearest[places], costs.at(places)
    lower = symbols - np.sign(symbols)
    chosen: NDArray[np.int32] = nearest.copy()
    chosen[places] = np.where(here(lower)[0] < here(symbols)[0], lower, symbols)
    return chosen


@torch.no_grad()
def chosen_symbols(y: Tensor, group: Group, laplace_share: float) -> Tensor:
    """The symbols of a group's elements of y (B, H, W, C) as a writer of files would choose them, but by the densities
    and for means as they are: whole numbers (B, H * W * C), float32, 0 elsewhere."""
    assert group.weight is not None
    pictures, places = y.shape[0], group.elements
    residual = (y.float() - group.mean.float()).reshape(pictures, -1)
    log_scale = group.log_scale.float().reshape(pictures, -1)
    channels = group.mask.shape[-1]
    weights = group.weight.float().expand(pictures, channels)[:, places % channels]
    seen, scales, weights = (part.reshape(-1) for part in (residual[:, places], log_scale[:, places], weights))
    symbols = torch.zeros_like(residual)
    symbols[:, places] = _cheaper_by_density(seen, scales, weights, laplace_share).view(pictures, -1)
    return symbols


def _cheaper_by_density(residual: Tensor, log_scale: Tensor, weights: Tensor, laplace_share: float) -> Tensor:
    """What `cheaper` chooses of the nearest symbols of residuals (N,), by the densities: whole numbers, float32.

    log_scale, weights: (N,) float32; the weights as of `SymbolCosts`.
    """
    symbols = residual.round()
    places = symbols.nonzero()[:, 0]
    nearest, residual, weights = symbols[places], residual[places], weights[places]
    lower = nearest - nearest.sign()
    scale = scale_from_log(log_scale[places])
    here, there = (residual_bits(s, scale, laplace_share) + weights * (s - residual) ** 2 for s in (nearest, lower))
    return symbols.index_put((places,), torch.where(there < here, lower, nearest))
