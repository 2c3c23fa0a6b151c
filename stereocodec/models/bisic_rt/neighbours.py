"""Log-scales that follow what decoded neighbours deviate from their means, before any network has learned to.

Detail comes in regions: where latents turned out larger than expected, those beside them will too. Runs in the entropy
path, in float64 when files are written and read.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...entropy.distributions import SCALE_MAX, SCALE_MIN
from ...nn.tiles import by_rows, joined, row_tiles, rows_beside

# Positions beside an element that count as its neighbours, and how many neighbours the network's own scale counts as.
_REACH, _PRIOR_WEIGHT = 2, 4.0
# So many latents of the same position are the network's own word on it.
_POSITION_PRIOR = 8.0
# Symbols are whole numbers: where less than this is expected, a single 1 tells little. On held-out scenes an untrained
# network takes the fewest bits with these numbers; 0.1 takes 1 % more, 0.02 a fifth.
_LEAST = 0.25


class Deviations:
    """How far decoded latents of a view lie from their means, and how far they were expected to."""

    def __init__(self, like: Tensor) -> None:
        """like: means (B, h, w, M)."""
        self.found, self.expected = torch.zeros_like(like), torch.zeros_like(like)
        self.foreseen = self.expected

    @torch.no_grad()
    def add(self, decoded: Tensor, mean: Tensor, log_scale: Tensor, mask: Tensor) -> None:
        """Notes the elements of a step: decoded values, means and log-scales (B, h, w, M), mask (h, w, M).

        `foreseen` is what these log-scales have expected of all elements.
        """
        self.foreseen = by_rows(expected_deviation, log_scale)
        mask = mask[None]
        self.found = by_rows(
            lambda mask, decoded, mean, found: torch.where(mask, (decoded - mean).abs_(), found),
            mask,
            decoded,
            mean,
            self.found,
        )
        self.expected = by_rows(torch.where, mask, self.foreseen, self.expected)


class NeighbourScales(nn.Module):
    """What to add to the log-scales of elements that are still to come.

    Two estimates of how much larger than expected they are: from the decoded channels at the same position, and from
    the same channel at decoded positions nearby, which counts by a learned share per channel.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.follow = nn.Parameter(torch.full((channels,), 0.8))
        self.activity = nn.Parameter(torch.full((1,), 0.6))

    def forward(self, deviations: Deviations) -> Tensor:
        """(B, h, w, M), after the last step's log-scales."""
        foreseen = deviations.foreseen
        return joined((self._of_rows(deviations, *tile) for tile in row_tiles(foreseen)), foreseen.shape[1])

    def _of_rows(self, deviations: Deviations, first: int, foreseen: Tensor) -> Tensor:
        """Of those rows, from the first one on, that have such foreseen deviations."""
        rows = slice(first, first + foreseen.shape[1])
        both = deviations.found, deviations.expected
        with torch.no_grad(), torch.autocast(foreseen.device.type, enabled=False):
            few = _POSITION_PRIOR * (foreseen.mean(-1, True) + _LEAST)
            found_here, expected_here = (t[:, rows].sum(-1, True) + few for t in both)
            here = (found_here / expected_here).log()
            own = (foreseen + _LEAST).mul_(_PRIOR_WEIGHT)
            found_near, expected_near = (_window_sum(t, rows) for t in both)
            found_near.addcmul_(own, (self.activity * here).exp())
            near = found_near.div_(expected_near.add_(own)).log_()
        return (self.follow * near).addcmul_((1 - self.follow) * self.activity, here)


def expected_deviation(log_scale: Tensor) -> Tensor:
    """The mean distance of whole symbols from 0 when the density's log-scale is given; close for scales above 0.2.

    Scales beyond those that files have count as the nearest of these, so that nothing overflows.
    """
    scale = log_scale.clamp(math.log(SCALE_MIN), math.log(SCALE_MAX)).exp_()
    return scale.square().reciprocal_().mul_(-0.085).exp_().mul_(scale).mul_(math.sqrt(2 / math.pi))


def _window_sum(values: Tensor, rows: slice) -> Tensor:
    """Sums over the windows around every position of some rows of (B, h, w, M)."""
    sums = _neighbour_sum(rows_beside(values, rows.start, rows.stop - rows.start, _REACH), 1)
    return _neighbour_sum(F.pad(sums, (0, 0, _REACH, _REACH)), 2)


def _neighbour_sum(padded: Tensor, axis: int) -> Tensor:
    """Sums of neighbours along an axis, which has `_REACH` more of them on either side."""
    size = padded.shape[axis] - 2 * _REACH
    sums = padded.narrow(axis, 0, size).clone()
    for shift in range(1, 2 * _REACH + 1):
        sums += padded.narrow(axis, shift, size)
    return sums
