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
        self.foreseen = expected_deviation(log_scale)
        self.found = torch.where(mask, (decoded - mean).abs_(), self.found)
        self.expected = torch.where(mask, self.foreseen, self.expected)


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
        expected = deviations.foreseen
        with torch.no_grad(), torch.autocast(expected.device.type, enabled=False):
            few = _POSITION_PRIOR * (expected.mean(-1, True) + _LEAST)
            found_here, expected_here = (t.sum(-1, True) + few for t in (deviations.found, deviations.expected))
            here = (found_here / expected_here).log()
            own = (expected + _LEAST).mul_(_PRIOR_WEIGHT)
            found_near, expected_near = (_window_sum(t) for t in (deviations.found, deviations.expected))
            found_near.addcmul_(own, (self.activity * here).exp())
            near = found_near.div_(expected_near.add_(own)).log_()
        return (self.follow * near).addcmul_((1 - self.follow) * self.activity, here)


def expected_deviation(log_scale: Tensor) -> Tensor:
    """The mean distance of whole symbols from 0 when the density's log-scale is given; close for scales above 0.2.

    Scales beyond those that files have count as the nearest of these, so that nothing overflows.
    """
    scale = log_scale.clamp(math.log(SCALE_MIN), math.log(SCALE_MAX)).exp_()
    return scale.square().reciprocal_().mul_(-0.085).exp_().mul_(scale).mul_(math.sqrt(2 / math.pi))


def _window_sum(values: Tensor) -> Tensor:
    """Sums over the windows around every position of (B, h, w, M)."""
    for axis, padding in ((1, (0, 0, 0, 0, _REACH, _REACH)), (2, (0, 0, _REACH, _REACH))):
        padded = F.pad(values, padding)
        sums = padded.narrow(axis, 0, values.shape[axis]).clone()
        for shift in range(1, 2 * _REACH + 1):
            sums += padded.narrow(axis, shift, values.shape[axis])
        values = sums
    return values
