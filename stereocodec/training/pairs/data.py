"""Pairs of photographs in memory, and random crops of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...datasets.pairs import find_pairs
from ...datasets.sources import find_all, pictures_in
from ...errors import InvalidInput, TrainingError
from ...pictures.pil import load_image
from ...pictures.rgb import to_rgb8
from .augmentation import random_window, recoloured, reduced
from .patterns import random_pattern
from .pseudo_pairs import Photo, PseudoPairs

__all__ = [
    "CropSampler",
    "Example",
    "Pair",
    "Photo",
    "area_probabilities",
    "load_pairs",
    "load_photos",
    "split_validation",
]

_SMALLEST_VALIDATED = 64
_UNRELATED = 1 / 8


class Example(Protocol):
    """Something to train on."""

    @property
    def name(self) -> str:
        """By which it is held out."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""


_Example = TypeVar("_Example", bound=Example)


@dataclass(frozen=True)
class Pair:
    """A named pair; `views` is (H, W, 6) uint8, left RGB then right RGB."""

    name: str
    views: Tensor

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.views.shape[0], self.views.shape[1]

    def stacked(self) -> Tensor:
        """(2, H, W, 3) uint8."""
        return torch.stack([self.views[..., :3], self.views[..., 3:]])


def load_pairs(sources: Iterable[Path]) -> list[Pair]:
    """All pairs of folders and CSV lists (`find_pairs`), decoded, with names that differ.

    Raises what `find_pairs` and `PairFiles.load` raise: InvalidInput, which names the source or the file.
    """
    found = find_all(find_pairs, sources)
    return [Pair(files.name, torch.from_numpy(np.concatenate(files.load(), -1))) for files in found]


def load_photos(sources: Iterable[Path]) -> list[Photo]:
    """All photographs of folders with all below them, and those given as files, decoded; names are file names.

    Raises InvalidInput, naming the source or the file, for what is neither, for folders without pictures and for what
    is no 8-bit RGB picture.
    """
    photos = []
    for source in sources:
        if source.is_file():
            paths = [source]
        elif source.is_dir():
            paths = pictures_in(source)
        else:
            raise InvalidInput(f"{source} is not a folder; give folders of photographs")
        if not paths:
            raise InvalidInput(f"no photographs in {source}; expected files such as NAME.png, NAME.jpg or NAME.webp")
        # Copied: what Pillow hands out may not be written to, of which PyTorch warns.
        photos += [Photo(p.stem, torch.from_numpy(to_rgb8(load_image(p), str(p)).copy())) for p in paths]
    return photos


def split_validation(
    examples: Sequence[_Example], scenes: Sequence[str], least_side: int = _SMALLEST_VALIDATED
) -> tuple[list[_Example], list[_Example]]:
    """What to train on and what to validate with; held out is whose name starts with one of the scenes' names."""
    held_out = [e for e in examples if e.name.startswith(tuple(scenes))] if scenes else []
    unused = [s for s in scenes if not any(e.name.startswith(s) for e in examples)]
    if unused:
        raise TrainingError(f"validation scene '{unused[0]}' is not in the data")
    small = [e.name for e in held_out if min(e.size) < least_side]
    if small:
        raise TrainingError(f"'{small[0]}' is too small for validation, which needs {least_side}x{least_side} pixels")
    kept = [e for e in examples if not any(e is h for h in held_out)]
    if not kept:
        raise TrainingError("everything is held out for validation; nothing is left to train on")
    return kept, held_out


def area_probabilities(examples: Sequence[Example]) -> NDArray[np.float64]:
    """How often each is drawn, (N,): in proportion to the square root of its area.

    Large pictures offer more, small ones are more scenes.
    """
    weights = np.sqrt([example.size[0] * example.size[1] for example in examples])
    probabilities: NDArray[np.float64] = weights / weights.sum()
    return probabilities


class CropSampler:
    """Random crops at the same place of both views, mirrored or flipped, rescaled and recoloured at random.

    Pairs are drawn by `area_probabilities`. The pictures stay on `device` as uint8. What is drawn depends on
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
            raise TrainingError("a share of the crops is to be made of photographs, but there are none")
        usable = [p for p in pairs if p.views.shape[0] >= height and p.views.shape[1] >= width]
        if not usable:
            raise TrainingError(f"no pair is as large as a crop of {width}x{height}; use smaller crops")
        self._views = [p.views.to(device) for p in usable]
        self._probabilities = area_probabilities(usable)
        self._height, self._width = height, width
        self._photo_share, self._pattern_share = photo_share, pattern_share
        self._augmentation = augmentation
        self._rescale_share, self._colour_share = rescale_share, colour_share
        self._pseudo_pairs = PseudoPairs(photos, height, width, device, seed) if photo_share else None
        self.generator = np.random.Generator(np.random.PCG64(seed))

    def batch(self, size: int) -> Tensor:
        """(2 * size, height, width, 3) float32 in 0..1: left crops, then the right ones."""
        crops = torch.stack([self.crop() for _ in range(size)])
        return torch.cat([crops[..., :3], crops[..., 3:]]).float().div_(255)

    @property
    def crop_shape(self) -> tuple[int, int, int]:
        """Of a crop of a pair: height, width, and the channels of both views."""
        return self._height, self._width, 6

    def crop(self) -> Tensor:
        """(height, width, 6) uint8 on the device: a random crop as it is trained on."""
        return self._augmented(self._crop())

    def _crop(self) -> Tensor:
        """(height, width, 6) uint8 on the device."""
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
        views = self._views[self.generator.choice(len(self._views), p=self._probabilities)]
        size = height, width = self._height, self._width
        if self._chosen(self._rescale_share):
            height, width = random_window(self.generator, size, (views.shape[0], views.shape[1]))
        top = self.generator.integers(views.shape[0] - height + 1)
        left = self.generator.integers(views.shape[1] - width + 1)
        return reduced(views[top : top + height, left : left + width], size)

    def _pattern(self) -> Tensor:
        if self.generator.random() < _UNRELATED:
            return torch.cat([self._crop_of_pair()[..., :3], self._crop_of_pair()[..., 3:].flip(0)], -1)
        return torch.from_numpy(random_pattern(self.generator, self._height, self._width)).to(self._views[0].device)

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
