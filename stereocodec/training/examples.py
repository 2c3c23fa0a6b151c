"""What training knows of any example, whether a pair or a frame; and single photographs, which pairs are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from ..datasets.folders import pictures_in
from ..errors import InvalidInput, TrainingError
from ..pictures.pil import load_image
from ..pictures.rgb import to_rgb8

_LEAST_SIDE = 64
# Networks take sides that are multiples of this.
_MULTIPLE = 64

_Self = TypeVar("_Self")
_OfPicture = TypeVar("_OfPicture", bound="Picture")


class Example(Protocol):
    """Something to train on, in memory."""

    @property
    def name(self) -> str:
        """What it is called; examples are held out by their names."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""

    def crop(self: _Self, top: int, left: int, height: int, width: int) -> _Self:
        """A part of it, under the same name."""


_Example = TypeVar("_Example", bound=Example)


@dataclass(frozen=True)
class Picture:
    """A named picture in memory; `pixels` is (H, W, C) uint8."""

    name: str
    pixels: Tensor

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.pixels.shape[0], self.pixels.shape[1]

    def to(self: _OfPicture, device: torch.device) -> _OfPicture:
        """This picture with its pixels on a device."""
        return replace(self, pixels=self.pixels.to(device))


class Photo(Picture):
    """A photograph, RGB."""


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


def central_part(size: tuple[int, int], max_side: int) -> tuple[int, int, int, int]:
    """Top, left, height and width of the middle of a picture of `size` (height, width), as networks take it.

    Its sides are the largest multiples of 64 up to `max_side`.
    """
    height, width = (min(side, max_side) // _MULTIPLE * _MULTIPLE for side in size)
    return (size[0] - height) // 2, (size[1] - width) // 2, height, width


def central(example: _Example, max_side: int) -> _Example:
    """The middle of an example, see `central_part`."""
    return example.crop(*central_part(example.size, max_side))


def of_scenes(examples: Sequence[_Example], scenes: Sequence[str]) -> list[_Example]:
    """The examples whose name starts with one of the scenes' names; raises TrainingError for a scene without any."""
    missing = [scene for scene in scenes if not any(example.name.startswith(scene) for example in examples)]
    if missing:
        raise TrainingError(f"validation scene '{missing[0]}' is not in the data; give its folder, or name others")
    return [example for example in examples if example.name.startswith(tuple(scenes))]


def split_validation(
    examples: Sequence[_Example], scenes: Sequence[str], least_side: int = _LEAST_SIDE
) -> tuple[list[_Example], list[_Example]]:
    """What to train on and what to validate with; held out is whose name starts with one of the scenes' names.

    Raises TrainingError for a scene that is not there, or smaller than `least_side`, and when nothing is left.
    """
    held_out = of_scenes(examples, scenes)
    small = [e.name for e in held_out if min(e.size) < least_side]
    if small:
        raise TrainingError(f"'{small[0]}' is too small for validation, which needs {least_side}x{least_side} pixels")
    kept = [e for e in examples if not any(e is h for h in held_out)]
    if not kept:
        raise TrainingError("everything is held out for validation; nothing is left to train on")
    return kept, held_out


def spread(examples: Sequence[_Example], count: int, least: tuple[int, int]) -> list[_Example]:
    """Chooses `count` examples, or all, evenly among those of at least a height and width, in the order of names."""
    usable = [e for e in sorted(examples, key=lambda e: e.name) if e.size[0] >= least[0] and e.size[1] >= least[1]]
    count = min(count, len(usable))
    return [usable[(2 * number + 1) * len(usable) // (2 * count)] for number in range(count)]
