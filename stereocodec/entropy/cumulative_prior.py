"""The factorised prior of Ballé et al. (ICLR 2018, appendix 6.1), as CompressAI trains it: learned distributions.

Each channel's cumulative distribution is the sigmoid of a small monotone network. Its median, a parameter of its own
that an auxiliary loss moves, is what the coder sees taken off.
"""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Iterable

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from .distributions import lower_bound
from .tables import TableSet

_WIDTHS = (1, 3, 3, 3, 3, 1)
_INIT_SCALE = 10.0
_LIKELIHOOD_MIN = 1e-9
_QUANTILE_TAIL = 1e-9  # the mass outside the outer quantiles, on both sides together
_TABLE_TAIL = 2.0**-21
_MIN_RADIUS, _MAX_RADIUS = 2, 4096


class CumulativePrior(nn.Module):
    """Learned density per channel of z, centred on its median where the coder sees it.

    quantiles: (C, 1, 3), of which the middle one is the median.
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
        self.quantiles = nn.Parameter(torch.tensor([-_INIT_SCALE, 0.0, _INIT_SCALE]).repeat(channels, 1, 1))

    @property
    def medians(self) -> Tensor:
        """The median of each channel, (C,); only the auxiliary loss trains it."""
        return self.quantiles[:, 0, 1].detach()

    def bits(self, z: Tensor) -> Tensor:
        """Bits of each element of z less its median, (N, H, W, C)."""
        values = (z + self.medians).movedim(-1, 0)
        lower, upper = self._edge_logits(values.reshape(values.shape[0], 1, -1))
        mass = lower_bound(_mass(lower, upper), _LIKELIHOOD_MIN)
        return -mass.log2().reshape(values.shape).movedim(0, -1)

    def auxiliary_loss(self) -> Tensor:
        """How far the quantiles are from where they belong, in logits summed over channels; trains nothing else."""
        logits = self._logits(self.quantiles, fixed=True)
        target = math.log(2 / _QUANTILE_TAIL - 1)
        return (logits - logits.new_tensor([-target, 0.0, target])).abs().sum()

    @torch.no_grad()
    def tables(self) -> TableSet:
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


def _mass(lower: Tensor, upper: Tensor) -> Tensor:
    """The mass between two logits; on the side of the sigmoid where the digits are."""
    sign = torch.where(lower + upper > 0, -1.0, 1.0).to(lower.dtype)
    return (torch.sigmoid(sign * upper) - torch.sigmoid(sign * lower)).abs()


def _extent(used: NDArray[np.bool_]) -> tuple[int, int]:
    """First used index and the one after the last."""
    indices = np.flatnonzero(used)
    return int(indices[0]), int(indices[-1]) + 1
