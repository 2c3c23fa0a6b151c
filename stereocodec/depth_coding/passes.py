"""The order of coding: from one pixel to all, each pass a few array operations that see earlier passes only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Pass:
    """Where the pixels of a pass are: in the picture, and by first row and column in the grid of its step.

    kind: 0, 1, 2 for those between diagonal, horizontal and vertical neighbours of the passes before.
    """

    places: tuple[slice, slice]
    step: int
    kind: int
    row: int
    column: int


def passes(size: tuple[int, ...]) -> Iterator[Pass]:
    """All passes of a picture of this size (H, W) after the first, which is the pixel at the upper left."""
    for power in reversed(range((max(size) - 1).bit_length())):
        step = 1 << power
        for kind, (row, column) in enumerate(((1, 1), (0, 1), (1, 0))):
            places = (slice(row * step, None, 2 * step), slice(column * step, None, 2 * step))
            if row * step < size[0] and column * step < size[1]:
                yield Pass(places, step, kind, row, column)
