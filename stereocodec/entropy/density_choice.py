"""The symbols that a writer of files would choose, by the densities instead of tables, for coders that estimate."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .coders import Group
from .dependent import Dependence
from .distributions import symbol_bits
from .lattice import Lattice
from .trellis import cheapest_symbols


class Chosen(NamedTuple):
    """Symbols of the elements of a group, whole numbers (B, n), and by how much less than their size they stand for,
    0 or 0.5; float32."""

    symbols: Tensor
    halves: Tensor

    @property
    def values(self) -> Tensor:
        """What they stand for, in steps, (B, n)."""
        return self.symbols - self.halves * self.symbols.sign()


@torch.no_grad()
def chosen_symbols(y: Tensor, group: Group, laplace_share: float, dependence: Dependence | None) -> Chosen:
    """Those of a group's elements of y (B, H, W, C), for means as they are. The chains of dependent quantisation go on
    from one picture to the next."""
    assert group.weight is not None
    pictures, places = y.shape[0], group.elements
    residual = (y.float() - group.mean.float()).reshape(pictures, -1)[:, places]
    log_scale = group.log_scale.float().reshape(pictures, -1)[:, places]
    channels = group.mask.shape[-1]
    weights = group.weight.float().expand(pictures, channels)[:, places % channels]
    seen = _Seen(residual.reshape(-1), log_scale.reshape(-1), weights.reshape(-1), laplace_share)
    symbols, halves = seen.residual.round(), torch.zeros_like(seen.residual)
    is_plain = torch.ones_like(residual, dtype=torch.bool)
    if dependence is not None and group.may_depend:
        levels = Lattice().nearest_levels(log_scale)
        is_plain = ~dependence.takes_part(levels, places % channels)
        order = (~is_plain).view(-1).nonzero()[:, 0]
        order = order[levels.view(-1)[order].argsort(stable=True)]
        here = seen.at(order)
        symbols[order], is_half = cheapest_symbols(here.residual, here.costs)
        halves[order] = 0.5 * is_half.float()
    larger = (is_plain.view(-1) & (symbols != 0)).nonzero()[:, 0]
    symbols[larger] = _cheaper(symbols[larger], seen.at(larger))
    return Chosen(symbols.view_as(residual), halves.view_as(residual))


class _Seen(NamedTuple):
    """What is known of elements, (N,) float32 each."""

    residual: Tensor
    log_scale: Tensor
    weights: Tensor
    laplace_share: float

    def at(self, places: Tensor) -> _Seen:
        """The same of the elements of the given numbers."""
        return _Seen(self.residual[places], self.log_scale[places], self.weights[places], self.laplace_share)

    def costs(self, symbols: Tensor, half: float = 0.0) -> Tensor:
        """What symbols cost, of whole steps or, if `half` is 0.5, of half steps: bits with what errors are worth."""
        error = symbols - half * symbols.sign() - self.residual
        halves = torch.full_like(symbols, half)
        return symbol_bits(symbols, halves, self.log_scale, self.laplace_share) + self.weights * error**2


def _cheaper(nearest: Tensor, seen: _Seen) -> Tensor:
    """The nearest symbols, or their neighbours towards zero where these cost less, (N,)."""
    lower = nearest - nearest.sign()
    return torch.where(seen.costs(lower) < seen.costs(nearest), lower, nearest)
