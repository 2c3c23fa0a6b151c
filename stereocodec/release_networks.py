"""A release's networks on a device, as files need them, and the sizes that they take."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from .devices import exact_device, made_on, run_elsewhere
from .models import StereoModel
from .releases.release import Release

Finish = Callable[[Tensor], NDArray[Any]]
"""Makes of decoded pictures (N, H, W, C) within 0..1, float32 or float64, what is wanted of them, (N, H, W, ...)."""

# Pictures with about as many pixels, and half as many again, are coded as one band; larger ones in bands of so many.
_BAND_PIXELS = 2**20
_LEAST_BAND_ROWS = 256
# So many bands of pairs a GPU codes together: the maps of one, a sixteenth of its sides, are too small to fill it.
_BANDS_AT_ONCE = 4


class ReleaseNetworks:
    """A release's networks on a device.

    The release's network is taken over: it is moved to the device, and what leads to probabilities turns to float64.
    Load the release again for others. A device without float64 gets the transforms alone; home: where all else runs.
    """

    def __init__(self, release: Release, device: torch.device) -> None:
        self.release = release
        self.device = device
        self.home = exact_device(device)
        self.bands_at_once = _BANDS_AT_ONCE if self.home.type == "cuda" else 1
        self.model = release.model.to(self.home)
        self.model.make_exact()
        if self.home != device:
            for transform in self.model.inexact_transforms():
                run_elsewhere(transform, device)

    def band_count(self, size: tuple[int, int]) -> int:
        """In how many bands views of a size (H, W) are coded."""
        if not self.model.band_margin:
            return 1
        height, width = self.padded_size(size)
        rows = max(_LEAST_BAND_ROWS, _BAND_PIXELS // width)
        return max(1, round(height / rows))

    def padded_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """A size (H, W) with what the model takes beyond the edges."""
        return self._padded_side(size[0]), self._padded_side(size[1])

    def _padded_side(self, side: int) -> int:
        side, multiple = max(side, self.model.least_side), self.model.multiple
        return -(-side // multiple) * multiple

    @contextmanager
    def exact(self) -> Iterator[None]:
        """Where networks run as files need it."""
        with torch.inference_mode(), torch.autocast(self.home.type, enabled=False), made_on(self.home):
            yield

    def qualities(self, quality: float, views: int) -> Tensor:
        """Of so many views as the networks take them, for a quality of 0 to 100."""
        return torch.full((views,), quality / 100, dtype=torch.float64, device=self.home)

    @cached_property
    def float32_copy(self) -> StereoModel:
        """The model as it was before it was made exact, where gradients need not be exact and are sooner there."""
        with torch.inference_mode(False):
            model = copy.deepcopy(self.model)
            for module in model.modules():
                vars(module).pop("forward", None)  # that of `run_elsewhere`, which runs the original
            return model.to(self.home).float().requires_grad_(False)
