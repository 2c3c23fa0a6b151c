"""Random crops of pairs, of photographs and of patterns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ...errors import TrainingError
from ..examples import Photo
from ..random_crops import AreaWeighted, large_enough, random_place
from .augmentation import random_window, recoloured, reduced
from .data import Pair
from .patterns import random_pattern
from .pseudo_pairs import PseudoPairs

_UNRELATED = 1 / 8  # of the patterns: views of two pairs


class CropSampler:
    """Random crops at the same place of both views, mirrored or flipped, rescaled and recoloured at random.

    Pairs are drawn as `AreaWeighted` says. The pictures stay on `device` as uint8. What is drawn depends on
    `generator` alone, whose state may be kept and set.

    Args:
        height, width: of the crops in pixels.
        photos: single photographs, of which pairs are made (`PseudoPairs`).
        photo_share: the share of crops, 0 to 1, that is made of them.
        augmentation: as in `TrainingConfig`.
        pattern_share: the share of crops that shows what no camera does: noise, text, drawings, checkerboards,
            stripes, saturated gradients, flat colour (`random_pattern`), or unrelated views.
        rescale_share: the share of the crops of pairs, 0 to 1, that is cut larger and reduced, by 0.5 at most.
        colour_share: the share of the crops of pairs and photographs, 0 to 1, that gets other colours (`recoloured`).

    Raises:
        TrainingError: no pair or no photograph is large enough, or a share is impossible.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        height: int,
        width: int,
        device: torch.device,
        seed: int,
        photos: Sequence[Photo] = (),
        photo_share: float = 0.0,
        pattern_share: float = 0.0,
        augmentation: Literal["mirror", "flips-and-swaps", "none"] = "mirror",
        rescale_share: float = 0.0,
        colour_share: float = 0.0,
    ) -> None:
        if not (min(photo_share, pattern_share) >= 0 and photo_share + pattern_share <= 1):
            raise TrainingError(
                f"the shares of photographs ({photo_share}) and patterns ({pattern_share}) must lie in 0..1 together"
            )
        if not (0 <= rescale_share <= 1 and 0 <= colour_share <= 1):
            raise TrainingError(
                f"the shares of rescaled ({rescale_share}) and recoloured crops ({colour_share}) must lie in 0..1"
            )
        if photo_share and not photos:
            raise TrainingError(
                f"photo_share is {photo_share}, but there are no photographs: give --photos, or --set photo_share=0"
            )
        usable = large_enough(pairs, (height, width), "pair")
        self._pairs = AreaWeighted([pair.to(device) for pair in usable])
        self._height, self._width, self._device = height, width, device
        self._photo_share, self._pattern_share = photo_share, pattern_share
        self._augmentation = augmentation
        self._rescale_share, self._colour_share = rescale_share, colour_share
        self._pseudo_pairs = PseudoPairs(photos, height, width, device, seed) if photo_share else None
        self.generator = np.random.Generator(np.random.PCG64(seed))

    def batch(self, size: int) -> Tensor:
        """Draws crops: (2 * size, height, width, 3) float32 in 0..1, the left ones before the right ones."""
        crops = torch.stack([self.crop() for _ in range(size)])
        return torch.cat([crops[..., :3], crops[..., 3:]]).float().div_(255)

    @property
    def crop_shape(self) -> tuple[int, int, int]:
        """The shape of what `crop` gives: height, width, and the channels of both views."""
        return self._height, self._width, 6

    def crop(self) -> Tensor:
        """Draws a random crop as it is trained on: (height, width, 6) uint8 on the device."""
        return self._augmented(self._crop())

    def _crop(self) -> Tensor:
        """Draws a crop that is not mirrored or flipped yet: (height, width, 6) uint8 on the device."""
        if self._photo_share or self._pattern_share:
            share = self.generator.random()
            if self._pseudo_pairs is not None and share < self._photo_share:
                return self._recoloured(self._pseudo_pairs.draw(self.generator))
            if share < self._photo_share + self._pattern_share:
                return self._pattern()
        return self._recoloured(self._crop_of_pair())

    def _chosen(self, share: float) -> bool:
        # Without a share nothing is drawn, so that what runs of before saw comes again.
        return share > 0 and self.generator.random() < share

    def _recoloured(self, crop: Tensor) -> Tensor:
        return recoloured(crop, self.generator) if self._chosen(self._colour_share) else crop

    def _crop_of_pair(self) -> Tensor:
        pair = self._pairs.draw(self.generator)
        size = window = self._height, self._width
        if self._chosen(self._rescale_share):
            window = random_window(self.generator, size, pair.size)
        return reduced(pair.crop(*random_place(self.generator, pair.size, window), *window).pixels, size)

    def _pattern(self) -> Tensor:
        if self.generator.random() < _UNRELATED:
            return torch.cat([self._crop_of_pair()[..., :3], self._crop_of_pair()[..., 3:].flip(0)], -1)
        return torch.from_numpy(random_pattern(self.generator, self._height, self._width)).to(self._device)

    def _augmented(self, crop: Tensor) -> Tensor:
        if self._augmentation == "mirror":
            return self._mirrored(crop)
        return self._flipped(crop) if self._augmentation == "flips-and-swaps" else crop

    def _mirrored(self, crop: Tensor) -> Tensor:
        if self.generator.random() < 0.5:
            crop = torch.cat([crop[..., 3:], crop[..., :3]], -1).flip(1)
        if self.generator.random() < 0.3:
            crop = crop.flip(0)
        return crop

    def _flipped(self, crop: Tensor) -> Tensor:
        """Flips of both views alike, and swapped views: disparities of both signs (BiSIC, ECCV 2024, its code)."""
        across, down, swapped = self.generator.random(3) < 0.5
        crop = crop.flip([axis for axis, chosen in ((1, across), (0, down)) if chosen])
        return torch.cat([crop[..., 3:], crop[..., :3]], -1) if swapped else crop
