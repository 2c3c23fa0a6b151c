"""The coder of the last part of a training: it takes the symbols that an encoder of files chooses."""

from __future__ import annotations

import torch
from torch import Tensor

from .coders import Group, RateEstimator
from .distributions import chosen_bits
from .priors import Prior
from .symbol_choice import cheaper_by_density


class ChoosingEstimator(RateEstimator):
    """Chooses symbols as a writer of files does, by the densities, and lets what decodes them learn from them.

    Training before it sees noise in the place of quantisation, and rounded values in that of chosen symbols. With real
    symbols nothing tells an analysis what to change, so that latents are taken as they are: no gradient reaches them
    (Guo et al., "Soft then hard", ICML 2021). A mean learns from the bits of its symbol, and where this is 0 from what
    is decoded, as this is the mean itself; elsewhere a symbol would make up for what moves the mean.
    """

    def __init__(self, prior: Prior, laplace_share: float) -> None:
        super().__init__(prior, laplace_share, noise=False)

    def code_prior(self, z: Tensor | None, shape: tuple[int, ...], *, views: int = 2) -> Tensor:
        assert z is not None
        return super().code_prior(z.detach(), shape, views=views)

    def code(self, y: Tensor | None, group: Group) -> Tensor:
        assert y is not None
        assert group.weight is not None
        places = group.mask.reshape(-1).nonzero()[:, 0] if group.places is None else group.places
        mean = group.mean.float()
        pictures, channels = mean.shape[0], group.mask.shape[-1]
        residual = (y.detach().float() - mean).reshape(pictures, -1)
        log_scale = group.log_scale.float().reshape(pictures, -1)
        symbols = torch.zeros_like(residual)
        with torch.no_grad():
            weights = group.weight.float().expand(pictures, channels)[:, places % channels]
            seen, levels, weights = (t.reshape(-1) for t in (residual[:, places], log_scale[:, places], weights))
            chosen = cheaper_by_density(seen, levels, weights, self._laplace_share)
            symbols[:, places] = chosen.view(pictures, -1)
        bits = chosen_bits(residual + (symbols - residual).detach(), log_scale, places, self._laplace_share, None)
        self._add(group.view, bits)
        symbols = symbols.view_as(mean)
        return torch.where(symbols == 0, mean, symbols + mean.detach()) * group.mask

    def context(self, y: Tensor | None) -> Tensor | None:
        return super().context(None if y is None else y.detach())
