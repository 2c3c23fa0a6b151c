"""How random crops are drawn, whatever they are of: which pictures hold one, which is taken, and from where in it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

import numpy as np

from ..errors import TrainingError

# Sides of crops are multiples of this.
_MULTIPLE = 64


class _Sized(Protocol):
    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""


_Picture = TypeVar("_Picture", bound=_Sized)


class AreaWeighted(Generic[_Picture]):
    """Draws pictures in proportion to the square roots of their areas: large ones offer more, small ones are more
    scenes."""

    def __init__(self, pictures: Sequence[_Picture]) -> None:
        self._pictures = pictures
        weights = np.sqrt([picture.size[0] * picture.size[1] for picture in pictures])
        self._probabilities = weights / weights.sum()

    def draw(self, generator: np.random.Generator) -> _Picture:
        """One of the pictures; takes one number of the generator."""
        return self._pictures[generator.choice(len(self._pictures), p=self._probabilities)]


def large_enough(
    pictures: Sequence[_Picture], size: tuple[int, int], noun: str, least_side: int = _MULTIPLE
) -> list[_Picture]:
    """The pictures that hold a crop of a height and width; raises TrainingError, which calls them so, for none.

    least_side: of crops that can be trained on.
    """
    height, width = size
    usable = [picture for picture in pictures if picture.size[0] >= height and picture.size[1] >= width]
    if usable:
        return usable
    fitting = [
        [min(n, limit) // _MULTIPLE * _MULTIPLE for n, limit in zip(p.size, size, strict=True)] for p in pictures
    ]
    large = max((crop for crop in fitting if min(crop) >= least_side), key=math.prod, default=None)
    way_out = (
        f"choose smaller ones with --set crop_height={large[0]} --set crop_width={large[1]}"
        if large
        else f"give larger ones, of at least {least_side}x{least_side} pixels"
    )
    raise TrainingError(f"no {noun} is as large as a crop of {width}x{height}: {way_out}")


def random_place(generator: np.random.Generator, whole: tuple[int, int], part: tuple[int, int]) -> tuple[int, int]:
    """Top and left of a part within the whole, both (height, width), anywhere alike."""
    top, left = (int(generator.integers(a - b + 1)) for a, b in zip(whole, part, strict=True))
    return top, left
