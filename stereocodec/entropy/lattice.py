"""The lattice that makes entropy parameters exact: means in steps of 1/64, scales at log-spaced levels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import InvalidRelease
from .distributions import SCALE_MAX, SCALE_MIN

# Decoded latents are stored as 32-bit multiples of the lattice step; no trained model comes near these bounds.
MAX_MEAN_STEPS = 2**21
MAX_WRITTEN_SYMBOL = 2**20
LEAST_SCALE = 1e-3
LEAST_EPSILON = 2.0**-40  # below, float64 sums of other machines differ by more


@dataclass(frozen=True)
class Lattice:
    """Where means and scales are rounded to, and how near to a rounding boundary counts as near.

    `epsilon` is in lattice units: machines whose parameters differ by less decode the same symbols.
    """

    mean_steps: int = 64
    scale_levels: int = 64
    scale_min: float = SCALE_MIN
    scale_max: float = SCALE_MAX
    epsilon: float = 2.0**-24

    def __post_init__(self) -> None:
        values = tuple(vars(self).values())
        whole = isinstance(self.mean_steps, int) and isinstance(self.scale_levels, int)
        real = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
        steps_ok = whole and real and 1 <= self.mean_steps <= 64 and 2 <= self.scale_levels <= 256
        scales_ok = real and LEAST_SCALE <= self.scale_min < self.scale_max < 1e6
        if not (steps_ok and scales_ok and LEAST_EPSILON <= self.epsilon < 0.25):
            raise InvalidRelease(f"impossible lattice in the release: {str(self)[:200]}")

    @property
    def scales(self) -> NDArray[np.float64]:
        """The scale of each level."""
        return np.geomspace(self.scale_min, self.scale_max, self.scale_levels)

    def mean_coordinates(self, mean: Tensor) -> NDArray[np.float64]:
        """Means (float64) in lattice units, clipped to what can be stored."""
        steps = (mean * self.mean_steps).clamp(-MAX_MEAN_STEPS, MAX_MEAN_STEPS)
        return _to_numpy(steps)

    def scale_coordinates(self, log_scale: Tensor) -> NDArray[np.float64]:
        """Log-scales (float64) as fractional levels, clipped to the first and last."""
        return _to_numpy(self._fractional_levels(log_scale))

    def nearest_levels(self, log_scale: Tensor) -> Tensor:
        """The levels of log-scales of any precision, uint8 of their shape: those of files but for precision."""
        return self._fractional_levels(log_scale).round().to(torch.uint8)

    def _fractional_levels(self, log_scale: Tensor) -> Tensor:
        spacing = math.log(self.scale_max / self.scale_min) / (self.scale_levels - 1)
        return ((log_scale - math.log(self.scale_min)) / spacing).clamp(0, self.scale_levels - 1)


def _to_numpy(coordinates: Tensor) -> NDArray[np.float64]:
    assert coordinates.dtype == torch.float64, "the entropy path runs in float64"
    array: NDArray[np.float64] = coordinates.cpu().numpy()
    return array
