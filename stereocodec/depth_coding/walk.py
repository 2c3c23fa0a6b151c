"""The order of coding: from one pixel to all, each pass a few array operations that see earlier passes only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bins = NDArray[np.int64]

CONTEXTS = 120
_MEASURED, _FILLED = 16, 1  # weights of neighbours; of what is not known yet, and beyond the edges, it is 0
_DIRECT = ((-1, 0), (0, -1), (0, 1), (1, 0))
_DIAGONAL = ((-1, -1), (-1, 1), (1, -1), (1, 1))
# Borders between contexts: mean deviations of neighbours from their mean, in quarters of a bin.
_DEVIATIONS = np.array([0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 256, 512, 1024, 4096], dtype=np.int64)


@dataclass(frozen=True)
class Pass:
    """Where the pixels of a pass are: in the picture, and by first row and column in the grid of its step."""

    places: tuple[slice, slice]
    step: int
    kind: int
    row: int
    column: int


def passes(size: tuple[int, int]) -> Iterator[Pass]:
    """All passes but the first, which is the pixel at the upper left."""
    for power in reversed(range((max(size) - 1).bit_length())):
        step = 1 << power
        for kind, (row, column) in enumerate(((1, 1), (0, 1), (1, 0))):
            places = (slice(row * step, None, 2 * step), slice(column * step, None, 2 * step))
            yield Pass(places, step, kind, row, column)


def predictions(filled: Bins, weights: NDArray[np.int64], one: Pass) -> tuple[Bins, NDArray[np.int64]]:
    """Twice the expected bins of a pass, rounded down, and the contexts, both of the shape of its places.

    filled: bins where they are known, in holes what was expected there. weights: of each of them, 0 where it is not
    known.
    """
    values, of_values = (np.pad(array[:: one.step, :: one.step], 1) for array in (filled, weights))
    shape = filled[one.places].shape
    offsets = _DIAGONAL if one.kind == 0 else _DIRECT
    seen = [(_seen(values, one, offset, shape), _seen(of_values, one, offset, shape)) for offset in offsets]
    total = sum(weight for _, weight in seen)
    expected = 2 * sum(value * weight for value, weight in seen)
    expected = (2 * expected + total) // (2 * total)
    deviation = sum(abs(2 * value - expected) * weight for value, weight in seen) * 2 // total
    level = np.searchsorted(_DEVIATIONS, deviation, side="left")
    whole: NDArray[np.bool_] = total == 4 * _MEASURED
    return expected, (level * 2 + whole) * 3 + one.kind


def weights_of(holes: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The weights that pixels have once they are known."""
    return np.where(holes, _FILLED, _MEASURED)


def _seen(padded: NDArray[Any], one: Pass, offset: tuple[int, int], shape: tuple[int, ...]) -> NDArray[Any]:
    """The neighbours of a pass's pixels, of an array with a margin of 1."""
    rows, columns = (
        slice(start + by + 1, start + by + 2 * count, 2)
        for start, by, count in zip((one.row, one.column), offset, shape, strict=True)
    )
    return padded[rows, columns]
