"""Log-scales that follow what decoded neighbours deviate from their means, before any network has learned to.

Detail comes in regions: where latents turned out larger than expected, those beside them will too. Runs in the entropy
path, in float64 when files are written and read.
"""

from __future__ import annotations

import math

import torch
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

    @torch.no_grad()
    def add(self, decoded: Tensor, mean: Tensor, log_scale: Tensor, mask: Tensor) -> None:
        """Notes the elements of a step: decoded values, means and log-scales (B, h, w, M), mask (h, w, M)."""
        self.found = torch.where(mask, (decoded - mean).abs(), self.found)
        self.expected = torch.where(mask, expected_deviation(log_scale), self.expected)


class NeighbourScales(nn.Module):
    """What to add to the log-scales of elements that are still to come.

    Two estimates of how much larger than expected they are: from the decoded channels at the same position, and from
    the same channel at decoded positions nearby, which counts by a learned share per channel.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.follow = nn.Parameter(torch.full((channels,), 0.8))
        self.activity = nn.Parameter(torch.full((1,), 0.6))

    def forward(self, deviations: Deviations, log_scale: Tensor) -> Tensor:
        """(B, h, w, M) -> (B, h, w, M)."""
        with torch.no_grad(), torch.autocast(log_scale.device.type, enabled=False):
            expected = expected_deviation(log_scale)
            few = _POSITION_PRIOR * (expected.mean(-1, True) + _LEAST)
            found_here, expected_here = (t.sum(-1, True) + few for t in (deviations.found, deviations.expected))
            here = (found_here / expected_here).log()
            own = _PRIOR_WEIGHT * (expected + _LEAST)
            found_near, expected_near = (_window_sum(t) for t in (deviations.found, deviations.expected))
            found_near += own * (self.activity * here).exp()
            near = (found_near / (expected_near + own)).log_()
        return self.follow * near + (1 - self.follow) * self.activity * here


def expected_deviation(log_scale: Tensor) -> Tensor:
    """The mean distance of whole symbols from 0 when the density's log-scale is given; close for scales above 0.2.

    Scales beyond those that files have count as the nearest of these, so that nothing overflows.
    """
    scale = log_scale.clamp(math.log(SCALE_MIN), math.log(SCALE_MAX)).exp()
    return math.sqrt(2 / math.pi) * scale * torch.exp(-0.085 / scale.square())


def _window_sum(values: Tensor) -> Tensor:
    """Sums over the windows around every position of (B, h, w, M), by products with band matrices: they are fast in
    float64, where pooling is not."""
    batch, height, width, channels = values.shape
    rows, columns = (_band(n, values) for n in (height, width))
    values = (rows @ values.reshape(batch, height, width * channels)).view(batch * height, width, channels)
    return (columns @ values).view(batch, height, width, channels)


def _band(size: int, like: Tensor) -> Tensor:
    place = torch.arange(size, device=like.device)
    return ((place[:, None] - place).abs() <= _REACH).to(like.dtype)
