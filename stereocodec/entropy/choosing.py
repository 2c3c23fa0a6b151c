"""The coder of training on symbols as an encoder of files chooses them."""

from __future__ import annotations

import torch
from torch import Tensor

from .coders import Group, RateEstimator
from .density_choice import chosen_symbols
from .dependent import Dependence
from .distributions import chosen_bits
from .priors import Prior


class ChoosingEstimator(RateEstimator):
    """Chooses symbols as a writer of files does, by the densities, and lets what decodes them learn from them.

    With noise instead, rates are too high where little is spent, and what is decoded is what no file holds. A mean
    learns from the bits of its symbol, and where this is 0 from what is decoded, as this is the mean itself; elsewhere
    a symbol would make up for what moves the mean. No derivative of a symbol tells latents what to change: those that
    have gradients get that which noise would give their rates, and that of rounding straight through. What is decoded
    and its bits are the same for all that; only z, of which nothing is chosen, has the bits of noise then.
    """

    def __init__(self, prior: Prior, laplace_share: float, dependence: Dependence | None) -> None:
        """dependence: what files quantise dependently, as of `CodingTables`."""
        super().__init__(prior, laplace_share, noise=False)
        self._dependence = dependence

    def code_prior(self, z: Tensor | None, shape: tuple[int, ...], *, views: int = 2) -> Tensor:
        assert z is not None
        return self._rounded_prior(z, views, noise=z.requires_grad)

    def code(self, y: Tensor | None, group: Group) -> Tensor:
        assert y is not None
        y, mean, share, places = y.float(), group.mean.float(), self._laplace_share, group.elements
        pictures = mean.shape[0]
        residual = (y.detach() - mean).reshape(pictures, -1)
        log_scale = group.log_scale.float().reshape(pictures, -1)
        chosen = chosen_symbols(y, group, share, self._dependence)
        symbols, values = (torch.zeros_like(residual) for _ in range(2))
        symbols[:, places], values[:, places] = chosen.symbols, chosen.values
        bits = chosen_bits(residual + (symbols - residual).detach(), log_scale, places, share, None, chosen.halves)
        values = values.view_as(mean)
        decoded = torch.where(values == 0, mean, values + mean.detach())
        if y.requires_grad:
            noise = symbols.new_empty(pictures, places.numel()).uniform_(-0.5, 0.5)
            seen = (y - mean.detach()).reshape(pictures, -1)
            by_noise = chosen_bits(seen, log_scale.detach(), places, share, noise)
            bits = bits + (by_noise - by_noise.detach())
            decoded = decoded + (y - y.detach())
        self._add(group.view, bits)
        return decoded * group.mask
