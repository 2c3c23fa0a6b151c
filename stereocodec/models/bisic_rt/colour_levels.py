"""Which latent channels carry the mean colour of a picture, as the weights of a synthesis tell."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...entropy.level_keeping import Level
from .transforms import SynthesisTransform

# A channel carries the mean colour where one unit of it changes that at least by this share of what the strongest
# does. With weights of 4200 steps of training three do so, by 0.86 and more; all others stay below 0.015.
_LEAST_SHARE = 0.3
# What rounding may change a view's mean colour by in each of these channels: the length of the change of red, green
# and blue in grey levels. What the networks in between make of it is not known to less than that.
_ALLOWED = 0.1 / 255
# Mean errors in steps that a tint of the networks is made up for by. What needs more is not trained, and would have
# every symbol moved.
_LARGEST_MEAN = 0.25


@dataclass(frozen=True)
class ColourLevels:
    """The channels that carry the mean colour, for one pair.

    colours: the change of the mean (red, green, blue) of a block, in the 0..1 range, by one unit of each channel, (K,
    3). tint: what the networks change the mean colours of both views by without any rounding, (2, 3).
    """

    channels: tuple[int, ...]
    colours: Tensor
    tint: Tensor

    def of_view(self, view: int, gain: Tensor) -> tuple[Level, ...]:
        """What `Group.levelled` takes; gain: (C,), what a step of each channel is in the synthesis' units."""
        wanted = (-self.tint[view] @ torch.linalg.pinv(self.colours)).tolist()
        steps = [float(gain[channel]) for channel in self.channels]
        sizes = self.colours.norm(dim=1).tolist()
        return tuple(
            Level(channel, min(max(mean / step, -_LARGEST_MEAN), _LARGEST_MEAN), _ALLOWED / (size * step))
            for channel, mean, size, step in zip(self.channels, wanted, sizes, steps, strict=True)
        )


@torch.no_grad()
def colour_levels(synthesis: SynthesisTransform, tint: Tensor | None = None) -> ColourLevels:
    """Finds the levels of a synthesis; what lies between its linear layers is left out. tint: none when left out."""
    tail = synthesis.tail.weight.float()  # (8 * 8 * 3, channels8), rows ordered row, column, colour
    up = synthesis.up.linear.weight.float()  # (2 * 2 * channels8, channels16)
    tail, up = tail.reshape(-1, 3, tail.shape[1]).mean(0), up.reshape(4, -1, up.shape[1]).mean(0)
    means = tail @ up @ synthesis.head.weight.float()  # (3, latent channels)
    size = means.norm(dim=0)
    chosen = (size > _LEAST_SHARE * size.max()).nonzero()[:, 0]
    tint = torch.zeros(2, 3) if tint is None else tint
    return ColourLevels(tuple(chosen.tolist()), means[:, chosen].T.cpu().double(), tint.cpu().double())
