"""Densities of hyper latents that nothing is known of yet: one per channel."""

from __future__ import annotations

import copy
import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from .density_tables import logistic_tables, residual_tables
from .distributions import LIKELIHOOD_MIN, logistic_bits, lower_bound, residual_bits
from .tables import TableSet

_LOGISTIC_LEAST = -3.0
_WIDTHS = (1, 3, 3, 3, 3, 1)
_INIT_SCALE = 10.0
_QUANTILE_TAIL = 1e-9  # the mass outside the outer quantiles, on both sides together
_TABLE_TAIL = 2.0**-21
_MIN_RADIUS, _MAX_RADIUS = 2, 4096


class Prior(nn.Module, ABC):
    """A density per channel of z, of which files use the integer tables and training the bits.

    per_view: whether the second view's z has densities of its own.
    """

    per_view: bool = False

    @abstractmethod
    def bits(self, z: Tensor) -> Tensor:
        """Bits of each element of z as the coder sees it, (N, H, W, C): what is rounded to integers."""

    @abstractmethod
    def tables(self, view: int = 0) -> TableSet:
        """The densities on integers, one table per channel of a view's z."""

    def auxiliary_parameters(self) -> Iterable[nn.Parameter]:
        """Those that the auxiliary loss alone trains."""
        return ()

    def auxiliary_loss(self) -> Tensor | None:
        """What these learn by, a scalar; None when there are none of them."""
        return None


class FactorizedPrior(Prior):
    """Independent logistic density per channel of the hyper latent z."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(channels))
        self.log_scale = nn.Parameter(torch.zeros(channels))

    def bits(self, z: Tensor) -> Tensor:
        """Bits of each element of z, (N, H, W, C)."""
        return logistic_bits(z - self.mean, lower_bound(self.log_scale, _LOGISTIC_LEAST).exp())

    def tables(self, view: int = 0) -> TableSet:
        """One table per channel."""
        means = self.mean.detach().double().cpu().numpy()
        return logistic_tables(means, np.exp(self.log_scale.detach().double().cpu().numpy().clip(_LOGISTIC_LEAST)))


class LaplacePrior(Prior):
    """Independent Laplace density per channel, of mean 0 where the coder sees it (ECSIC, WACV 2024).

    scale: the parameter b of each channel, of any shape; values below 0.1 count as 0.1.
    """

    def __init__(self, scale: nn.Parameter) -> None:
        super().__init__()
        self.scale = scale

    def bits(self, z: Tensor) -> Tensor:
        """Bits of each element of z, (N, H, W, C)."""
        return residual_bits(z, self._deviations(), 1.0)

    def tables(self, view: int = 0) -> TableSet:
        """One table per channel."""
        return residual_tables(self._deviations().detach().double().cpu().numpy(), laplace_share=1.0)

    def _deviations(self) -> Tensor:
        return math.sqrt(2) * lower_bound(self.scale.flatten(), 0.1)


class CumulativePrior(Prior):
    """Learned density per channel of z, centred on its median where the coder sees it.

    (The factorised prior of Ballé et al., ICLR 2018, appendix 6.1, as CompressAI trains it.) Each channel's cumulative
    distribution is the sigmoid of a small monotone network. quantiles: (C, 1, 3), parameters of their own that the
    auxiliary loss moves; the middle one is the median.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.matrices, self.biases, self.factors = nn.ParameterList(), nn.ParameterList(), nn.ParameterList()
        scale = _INIT_SCALE ** (1 / (len(_WIDTHS) - 1))
        for inputs, outputs in itertools.pairwise(_WIDTHS):
            start = math.log(math.expm1(1 / scale / outputs))
            self.matrices.append(torch.full((channels, outputs, inputs), start))
            self.biases.append(torch.empty(channels, outputs, 1).uniform_(-0.5, 0.5))
        for outputs in _WIDTHS[1:-1]:
            self.factors.append(torch.zeros(channels, outputs, 1))
        self.quantiles = nn.Parameter(torch.tensor([-_INIT_SCALE, 0.0, _INIT_SCALE]).expand(channels, 1, 3).clone())

    @property
    def medians(self) -> Tensor:
        """The median of each channel, (C,); only the auxiliary loss trains it."""
        return self.quantiles[:, 0, 1].detach()

    def bits(self, z: Tensor) -> Tensor:
        """Bits of each element of z less its median, (N, H, W, C)."""
        values = (z + self.medians).movedim(-1, 0)
        lower, upper = self._edge_logits(values.reshape(values.shape[0], 1, -1))
        mass = lower_bound(_mass(lower, upper), LIKELIHOOD_MIN)
        return -mass.log2().reshape(values.shape).movedim(0, -1)

    def auxiliary_parameters(self) -> Iterable[nn.Parameter]:
        """The quantiles."""
        yield self.quantiles

    def auxiliary_loss(self) -> Tensor:
        """How far the quantiles are from where they belong, in logits summed over channels; trains nothing else."""
        logits = self._logits(self.quantiles, fixed=True)
        target = math.log(2 / _QUANTILE_TAIL - 1)
        return (logits - logits.new_tensor([-target, 0.0, target])).abs().sum()

    @torch.no_grad()
    def tables(self, view: int = 0) -> TableSet:
        """One table per channel, for symbols z less the median; raises InvalidInput when the weights are damaged."""
        prior = copy.deepcopy(self).double().cpu()
        radius = 8
        while True:
            symbols = torch.arange(-radius, radius + 1, dtype=torch.float64)
            lower, upper = prior._edge_logits((symbols + prior.medians[:, None])[:, None])
            below, above = torch.sigmoid(upper)[:, 0].numpy(), torch.sigmoid(-lower)[:, 0].numpy()
            if radius >= _MAX_RADIUS or max(below[:, 0].max(), above[:, -1].max()) <= _TABLE_TAIL:
                break
            radius *= 2
        used = (below > _TABLE_TAIL) & (above > _TABLE_TAIL)
        used[:, radius - _MIN_RADIUS : radius + _MIN_RADIUS + 1] = True
        ranges = [_extent(row) for row in used]
        masses = _mass(lower, upper)[:, 0].numpy()
        pmfs = [mass[first:last] for mass, (first, last) in zip(masses, ranges, strict=True)]
        return TableSet.from_probabilities(pmfs, [first - radius for first, _ in ranges])

    def _edge_logits(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the cumulative distribution at values (C, 1, N) -+ 0.5."""
        return self._logits(values - 0.5), self._logits(values + 0.5)

    def _logits(self, x: Tensor, *, fixed: bool = False) -> Tensor:
        """Logits of the cumulative distribution at x, (C, 1, N). fixed: whether the distribution is a constant."""

        def tensors(parameters: Iterable[Tensor]) -> list[Tensor]:
            return [p.detach() if fixed else p for p in parameters]

        factors: list[Tensor | None] = [*tensors(self.factors), None]
        x = x.to(self.quantiles.dtype)
        for matrix, bias, factor in zip(tensors(self.matrices), tensors(self.biases), factors, strict=True):
            x = F.softplus(matrix) @ x + bias
            if factor is not None:
                x = x + torch.tanh(factor) * torch.tanh(x)
        return x


class PairPrior(Prior):
    """The prior of the first view's z and that of the second's, for views of different kinds."""

    per_view = True

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

    def tables(self, view: int = 0) -> TableSet:
        """One table per channel of a view."""
        return (self.first, self.second)[view].tables()

    def auxiliary_parameters(self) -> Iterable[nn.Parameter]:
        """Both priors'."""
        yield from self.first.auxiliary_parameters()
        yield from self.second.auxiliary_parameters()

    def auxiliary_loss(self) -> Tensor:
        """The sum of both priors'."""
        return self.first.auxiliary_loss() + self.second.auxiliary_loss()


def _mass(lower: Tensor, upper: Tensor) -> Tensor:
    """The mass between two logits; on the side of the sigmoid where the digits are."""
    sign = torch.where(lower + upper > 0, -1.0, 1.0).to(lower.dtype)
    return (torch.sigmoid(sign * upper) - torch.sigmoid(sign * lower)).abs()


def _extent(used: NDArray[np.bool_]) -> tuple[int, int]:
    """First used index and the one after the last."""
    indices = np.flatnonzero(used)
    return int(indices[0]), int(indices[-1]) + 1
