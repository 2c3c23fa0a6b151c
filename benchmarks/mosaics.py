"""Large pairs, made of smaller ones: there are none so large among those that are measured elsewhere."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from rd_points import View

SIZES = {"3840x2160": (3840, 2160), "7680x4320": (7680, 4320)}


def large(pairs: Sequence[tuple[View, View]], size: tuple[int, int]) -> tuple[View, View]:
    """Both views of all pairs together, of a width and height."""
    first, second = (mosaic([pair[number] for pair in pairs], *size) for number in range(2))
    return first, second


def mosaic(views: Sequence[View], width: int, height: int) -> View:
    """Views side by side, in rows as high as the lowest of them, (height, width, 3)."""
    row_height = min(len(view) for view in views)
    full, following = np.zeros((height, width, 3), np.uint8), itertools.cycle(views)
    for top in range(0, height, row_height):
        left = 0
        while left < width:
            part = next(following)[: min(row_height, height - top), : width - left]
            full[top : top + part.shape[0], left : left + part.shape[1]] = part
            left += part.shape[1]
    return full
