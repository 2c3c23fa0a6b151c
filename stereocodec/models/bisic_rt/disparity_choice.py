"""Which disparities are worth their bits: an encoder's second thoughts about a field that was found by matching.

Matching knows grey levels; files have bits. Here both what a field costs and what its errors cost are told in bits,
and blocks take over the disparities of their neighbours where that saves more than it loses (iterated conditional
modes: Besag, "On the statistical analysis of dirty pictures", J. Royal Statistical Society B 48(3), 1986).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from .disparity import BLOCK, brightness, with_half_pixels

# Rows and columns from a block, and what it costs in bits to differ from the one there.
_NEIGHBOURS = ((0, -1), (0, 1), (-1, 0), (1, 0), (-1, -1), (-1, 1), (1, -1), (1, 1))
_DIFFERING = (1.5, 1.5, 1.5, 1.5, 0.5, 0.5, 0.5, 0.5)
# What a disparity costs beside that when none of the neighbours has it.
_NEW = 7.0
_NOTHING = 1 << 20  # beyond the borders
# An error costs bits as if it were spread evenly over so many coefficients of a block, and only a share of that, as the
# networks know better than to take the prediction as it is. On crops of pairs to train on, shares of 0.3 to 0.5 made
# equal files to 0.2 %; the least of them leaves the fewest disparities.
_COEFFICIENTS, _SHARE = 64, 0.3
# The share of a block's mean error that costs nothing, as networks expect different brightness of the views, here and
# there. On such crops a pair of that kind cost 4 to 8 % less than with the mean error of the view alone free, and all
# others 0.1 % on average; with the whole of it, some pairs at low quality cost more.
_EXPECTED = 0.75
# Half of what the nine blocks around a place cost is due to its disparity; a third made equal files to 0.02 %.
_AROUND = 4.5
# More than two sweeps made files of quality 10 smaller by 0.4 %.
_SWEEPS = 4


def cheaper_field(first: Tensor, second: Tensor, field: Tensor, trade_off: float) -> Tensor:
    """A field that costs fewer bits, together with the errors of its prediction.

    first, second: (1, H, W, 3) in 0..1, sides multiples of 16; field: (1, h, w) int64 in half pixels; trade_off: the
    bits per pixel that a mean squared error of one grey level is worth. Returns (1, h, w) int64.
    """
    field = field[0].clone()
    costs = _PredictionCosts(first, second, trade_off)
    cost = costs(*_places(field), field.reshape(-1)).view(field.shape)

    def improved(row: Tensor, column: Tensor) -> Tensor:
        better, cost[row, column] = _improved(costs, field, cost, row, column)
        return better

    _settle(field, improved)
    return field[None]


def best_of_fields(fields: Tensor, costs: Tensor, start: int) -> Tensor:
    """A field that has one of K disparities at each block, whichever costs least together with the field's own bits.

    fields: (K, h, w) int64; costs: (K, h, w) float, the bits that each block costs where each of them is taken as a
    whole, beside those of the field; start: the field that is changed. Returns (h, w) int64.
    """
    field = fields[start].clone()
    # A disparity moves pixels of all blocks around, and the bits of symbols there follow.
    around = _AROUND * F.avg_pool2d(costs[:, None], 3, 1, 1, count_include_pad=False)[:, 0]

    def improved(row: Tensor, column: Tensor) -> Tensor:
        candidates = fields[:, row, column].T
        total = _field_bits(_neighbours(field, row, column), candidates) + around[:, row, column].T
        return candidates.gather(1, total.argmin(1, keepdim=True))[:, 0]

    _settle(field, improved)
    return field


def _places(field: Tensor) -> tuple[Tensor, Tensor]:
    """Row and column of each block, (h * w,)."""
    row, column = torch.meshgrid(*(torch.arange(n, device=field.device) for n in field.shape), indexing="ij")
    return row.reshape(-1), column.reshape(-1)


def _settle(field: Tensor, improved: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Changes a field (h, w) block by block: `improved` gives the values for rows and columns, (N,) each."""
    row, column = _places(field)
    unsettled = torch.ones_like(field, dtype=torch.bool)
    for _ in range(_SWEEPS):
        # Of four sets of blocks, none of which are neighbours of one another, one at a time.
        for part in range(4):
            chosen = ((2 * (row % 2) + column % 2 == part) & unsettled.view(-1)).nonzero()[:, 0]
            places = row[chosen], column[chosen]
            before = field[places]
            field[places] = improved(*places)
            unsettled[places] = False
            # Only where a neighbour has changed can there be another choice.
            changed = torch.zeros(field.shape, dtype=torch.float32, device=field.device)
            changed[places] = (field[places] != before).float()
            unsettled |= F.max_pool2d(changed[None], 3, 1, 1)[0] > 0


class _PredictionCosts:
    """Bits that a block costs when it is predicted with a disparity."""

    def __init__(self, first: Tensor, second: Tensor, trade_off: float) -> None:
        source, target = brightness(first), brightness(second)
        self._source, self._target = with_half_pixels(source[..., None]).reshape(-1), target.reshape(-1)
        self._width = target.shape[2]
        self._gain = 2 * math.log(2) * trade_off * BLOCK**2 / _COEFFICIENTS

    def __call__(self, row: Tensor, column: Tensor, disparity: Tensor) -> Tensor:
        """What N blocks with a disparity each cost, (N,)."""
        within = torch.arange(BLOCK, device=row.device)
        start = ((row[:, None] * BLOCK + within) * self._width)[:, :, None]
        x = column[:, None] * BLOCK + within
        seen = (2 * x + disparity[:, None]).clamp(0, 2 * self._width - 2)[:, None]
        error = self._source[2 * start + seen] - self._target[start + x[:, None]]
        square = error.square().mean((1, 2)) - _EXPECTED * error.mean((1, 2)).square()
        return _SHARE * _COEFFICIENTS / 2 * torch.log2(1 + self._gain * square.clamp(min=0))


def _improved(
    costs: _PredictionCosts, field: Tensor, cost: Tensor, row: Tensor, column: Tensor
) -> tuple[Tensor, Tensor]:
    """The best of their own and their neighbours' disparities for N blocks, and what these predictions cost."""
    neighbours = _neighbours(field, row, column)
    own = field[row, column]
    candidates = torch.cat([own[:, None], neighbours], 1)
    rate = _field_bits(neighbours, candidates)
    total = torch.full_like(rate, math.inf)
    total[:, 0] = rate[:, 0] + cost[row, column]
    # As predictions cost at least nothing, few candidates are left to be looked at.
    again = (candidates[:, :, None] == candidates[:, None]).tril(-1).any(2)
    block, which = ((candidates != _NOTHING) & ~again & (rate < total[:, :1])).nonzero(as_tuple=True)
    predicted = torch.zeros_like(total)
    predicted[:, 0] = cost[row, column]
    predicted[block, which] = costs(row[block], column[block], candidates[block, which])
    total[block, which] = rate[block, which] + predicted[block, which]
    best = total.argmin(1, keepdim=True)
    return candidates.gather(1, best)[:, 0], predicted.gather(1, best)[:, 0]


def _neighbours(field: Tensor, row: Tensor, column: Tensor) -> Tensor:
    """The disparities around N blocks, (N, 8)."""
    padded = F.pad(field, (1, 1, 1, 1), value=_NOTHING)
    return torch.stack([padded[row + 1 + down, column + 1 + right] for down, right in _NEIGHBOURS], 1)


def _field_bits(neighbours: Tensor, candidates: Tensor) -> Tensor:
    """About what each of K candidates (N, K) costs beside its neighbours (N, 8), (N, K)."""
    differs = candidates[:, :, None] != neighbours[:, None]
    weights = torch.tensor(_DIFFERING, dtype=torch.float32, device=neighbours.device)
    there = (neighbours != _NOTHING)[:, None]
    return (differs & there).float() @ weights + _NEW * differs.all(2).float()
