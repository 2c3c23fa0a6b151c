"""A coder that writes nothing and tells by a gradient what other symbols would cost."""

from __future__ import annotations

import torch
from torch import Tensor

from .adaptive_fields import adaptive_bits
from .coders import Group, RateEstimator
from .density_choice import chosen_symbols
from .dependent import Dependence
from .distributions import chosen_bits, symbol_bits
from .priors import Prior


class TrialCoder(RateEstimator):
    """Chooses the symbols of one pair as a writer of files does, and adds zeros to what is decoded.

    The gradient of the bits of all symbols, and of errors of pictures, with respect to these zeros says what it costs
    to change a latent. It has what the change does to others, as far as the walk has gradients, but not the bits of its
    own symbol: these the choice weighs, for y; z is rounded.

    After the walk: `y` and `z` as they are decoded, (2, h, w, M) and (2, h', w', Z); `change_y` and `change_z`, the
    zeros; `error_bits`, what a squared error of each latent is worth by `Group.weight`, like y; `place_bits`, those of
    y at each place, (2, h, w), where these are asked for.
    """

    def __init__(
        self,
        prior: Prior,
        laplace_share: float,
        dependence: Dependence | None,
        shape: torch.Size,
        *,
        by_place: bool = False,
    ) -> None:
        """dependence: what files quantise dependently, as of `CodingTables`. shape: of y. by_place: whether to find
        `place_bits`."""
        super().__init__(prior, laplace_share, noise=False)
        self._dependence = dependence
        self.change_y, self.y, self.error_bits = (torch.zeros(shape, dtype=torch.float32) for _ in range(3))
        self.change_y.requires_grad_()
        self.z = self.change_z = torch.zeros((), dtype=torch.float32)
        self.place_bits = torch.zeros(shape[:3], dtype=torch.float32) if by_place else None

    def code_prior(self, z: Tensor | None, shape: tuple[int, ...], *, views: int = 2) -> Tensor:
        assert z is not None
        self.z = z.detach().round()
        self.change_z = torch.zeros_like(self.z).requires_grad_()
        self._add_prior(self._prior.bits(self.z).sum((1, 2, 3)), views)
        return self.z + self.change_z

    def code(self, y: Tensor | None, group: Group) -> Tensor:
        assert y is not None
        assert group.weight is not None
        places, channels = group.elements, group.mask.shape[-1]
        log_scale = group.log_scale.reshape(1, -1).float()
        chosen = chosen_symbols(y, group, self._laplace_share, self._dependence)
        if self.place_bits is not None:
            with torch.no_grad():
                bits = symbol_bits(chosen.symbols[0], chosen.halves[0], log_scale[0, places], self._laplace_share)
                self.place_bits[group.view].view(-1).index_add_(0, places // channels, bits)
        symbols, values = (torch.zeros_like(log_scale) for _ in range(2))
        symbols[:, places], values[:, places] = chosen.symbols, chosen.values
        # A symbol stays the same when its mean moves: what is decoded moves along.
        self._add(group.view, chosen_bits(symbols, log_scale, places, self._laplace_share, None, chosen.halves))
        decoded = (values.view_as(group.mean) + group.mean.float()) * group.mask
        view = slice(group.view, group.view + 1)
        self.y[view] += decoded.detach()
        self.error_bits[view] += group.weight[0].float().expand(channels) * group.mask
        return decoded + self.change_y[view] * group.mask

    def code_disparities(self, view: int, field: Tensor | None, size: tuple[int, int]) -> Tensor:
        """With the bits of the adaptive coding that files have."""
        assert field is not None
        self._add(view, torch.tensor([adaptive_bits(field[0].cpu().numpy())], dtype=torch.float32))
        return field
