"""What is known around the pixels of a pass, as small whole numbers for the network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .passes import Pass

Integers = NDArray[np.int64]
Numbers = NDArray[np.float32]
"""Whole numbers, all below 2^24, so that sums of them are exact in any order and on every machine."""

FINE_BITS = 4
FINE = 1 << FINE_BITS  # parts of a bin in which expectations are
UNIT = 64  # what the network calls 1
LARGEST = 255

_MARGIN = 3
_MEASURED, _FILLED = 16, 1  # weights of neighbours, of holes; of what is beyond the edges it is 0
_DIRECT = ((-1, 0), (0, -1), (0, 1), (1, 0))
_DIAGONAL = ((-1, -1), (-1, 1), (1, -1), (1, 1))
_KNIGHTS = ((-1, -2), (-1, 2), (1, -2), (1, 2), (-2, -1), (-2, 1), (2, -1), (2, 1))
_FAR_DIRECT = ((0, -3), (0, 3), (-3, 0), (3, 0))
_FAR_DIAGONAL = ((-1, -3), (-1, 3), (1, -3), (1, 3), (-3, -1), (-3, 1), (3, -1), (3, 1))
_CORNERS = ((-3, -3), (-3, 3), (3, -3), (3, 3))
OFFSETS = (
    _DIAGONAL + _FAR_DIAGONAL + _CORNERS,
    _DIRECT + _KNIGHTS + _FAR_DIRECT,
    _DIRECT + _DIAGONAL + _KNIGHTS + _FAR_DIRECT,
)
"""Of each kind of pass the neighbours that are known, by rows and columns in its grid; the first four are the next."""

NEXT, NEAR = 4, 8  # neighbours that are looked at more closely
_OTHERS = NEXT + 1 + NEXT + 1 + 5
INPUTS = tuple(len(offsets) + NEAR + _OTHERS for offsets in OFFSETS)
"""Of the network, by kind of pass."""


@dataclass(frozen=True)
class Surroundings:
    """Of N pixels: what the network sees, and what its answer refers to.

    inputs: (inputs, N). base: where the bin is expected to be, in 1/16 bins, (N,) int32. magnitude: the binary
    logarithm, rounded down, of how much the neighbours differ, in 1/16 bins, (N,) int32.
    """

    inputs: Numbers
    base: NDArray[np.int32]
    magnitude: NDArray[np.int32]


class Known:
    """What is known of a map so far.

    Of every pixel that is the bin, in holes the expected one, and two errors in 1/16 bins, 0 in holes: by how much the
    mean of the next neighbours was off, and what was expected.
    """

    def __init__(self, holes: NDArray[np.bool_]) -> None:
        self.holes = holes
        self.bins = np.zeros(holes.shape, dtype=np.int32)
        self._roughness = np.zeros(holes.shape, dtype=np.float32)
        self._errors = np.zeros(holes.shape, dtype=np.float32)
        self._grid_step = 0

    def fill_first(self, bin_: int) -> None:
        """Makes the pixel at the upper left known."""
        self.bins[0, 0] = bin_

    def fill(self, one: Pass, bins: Integers, roughness: Integers, errors: Integers) -> None:
        """Makes bins, and both kinds of errors, of a pass known, (N,) each, after its surroundings were looked at."""
        holes = self.holes[one.places].reshape(-1)
        self.bins[one.places] = bins.reshape(self.bins[one.places].shape)
        _put(self._fine, one, bins * FINE)
        for whole, padded, values in (
            (self._roughness, self._seen_roughness, np.where(holes, 0, roughness)),
            (self._errors, self._seen_errors, np.where(holes, 0, errors)),
        ):
            whole[one.places] = values.reshape(whole[one.places].shape)
            _put(padded, one, values)

    def around(self, one: Pass, first: int, end: int) -> Surroundings:
        """What is known around the pixels of rows `first` to `end` of a pass, holes included."""
        if self._grid_step != one.step:
            self._open_grid(one.step)
        offsets = OFFSETS[one.kind]
        count = len(offsets)
        padded = self._fine, self._weights, self._seen_roughness, self._seen_errors
        fine, weights, roughness, errors = (_Shifted(array, one, first, end) for array in padded)
        base = _base(fine, weights, offsets[:NEXT])
        inputs = np.empty((INPUTS[one.kind], *base.shape), dtype=np.float32)
        parts = np.split(inputs, np.cumsum([count, NEAR, NEXT + 1, NEXT + 1]))
        differences, seen_roughness, seen_errors, seen_weights, others = parts
        for row, offset in zip(differences, offsets, strict=True):
            np.subtract(fine.of(offset), base, out=row)
        fine.clear_beyond(differences, offsets)
        roughness.collect(seen_roughness, offsets[:NEAR])
        errors.collect(seen_errors, offsets)
        seen_errors[NEXT] /= 8
        spread = np.floor((np.abs(differences[:NEAR]).sum(0) + seen_roughness.sum(0)) / 8) + FINE
        magnitude = np.frexp(spread)[1] - 1
        scale = np.ldexp(np.float32(UNIT), -magnitude)
        _scale(inputs[: count + NEAR + NEXT + 1], scale)
        weights.collect(seen_weights, offsets)
        seen_weights[:NEXT] *= UNIT // _MEASURED
        np.subtract(_MEASURED * (count - NEXT), seen_weights[NEXT], out=seen_weights[NEXT])
        others[0] = np.floor(spread * scale) - UNIT
        others[1] = (magnitude - FINE_BITS) * 16
        others[2] = (base & FINE - 1) * 8 - UNIT
        others[3] = min(one.step.bit_length() - 1, 7) * 32
        others[4] = UNIT
        return Surroundings(inputs.reshape(len(inputs), -1), base.reshape(-1), magnitude.reshape(-1))

    def _open_grid(self, step: int) -> None:
        """Looks at every `step`th row and column, with a margin of zeros."""
        grid = (slice(None, None, step),) * 2
        weights = np.where(self.holes[grid], np.float32(_FILLED), np.float32(_MEASURED))
        self._fine = np.pad(self.bins[grid].astype(np.float32) * FINE, _MARGIN)
        self._seen_roughness = np.pad(self._roughness[grid], _MARGIN)
        self._seen_errors = np.pad(self._errors[grid], _MARGIN)
        self._weights = np.pad(weights, _MARGIN)
        self._grid_step = step


def _put(padded: Numbers, one: Pass, values: Integers) -> None:
    """Puts values (N,) where the pixels of a pass are in a grid with a margin."""
    place = padded[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN][one.row :: 2, one.column :: 2]
    place[:] = values.reshape(place.shape)


def _scale(numbers: Numbers, scale: Numbers) -> None:
    """Multiplies (n, rows, columns) by powers of two, rounds and limits, in place."""
    numbers *= scale
    np.rint(numbers, out=numbers)
    np.clip(numbers, -LARGEST, LARGEST, out=numbers)


class _Shifted:
    """The neighbours of some rows of a pass, in an array with a margin."""

    def __init__(self, padded: Numbers, one: Pass, first: int, end: int) -> None:
        self._padded = padded
        self._row, self._column = one.row + 2 * first, one.column
        self._rows, self._columns = end - first, (padded.shape[1] - 2 * _MARGIN - one.column + 1) // 2

    def of(self, offset: tuple[int, int]) -> Numbers:
        """Those at an offset, (rows, columns)."""
        row, column = (_MARGIN + start + by for start, by in zip((self._row, self._column), offset, strict=True))
        return self._padded[row : row + 2 * self._rows - 1 : 2, column : column + 2 * self._columns - 1 : 2]

    def collect(self, rows: Numbers, offsets: tuple[tuple[int, int], ...]) -> None:
        """Fills rows, (n, rows, columns), with those at the first offsets; the last with the sum of what is left."""
        alone = min(len(rows), len(offsets)) - (len(rows) < len(offsets))
        for row, offset in zip(rows[:alone], offsets, strict=False):
            row[:] = self.of(offset)
        for number, offset in enumerate(offsets[alone:]):
            np.add(self.of(offset), rows[alone] if number else 0, out=rows[alone])

    def clear_beyond(self, values: Numbers, offsets: tuple[tuple[int, int], ...]) -> None:
        """Sets to 0 what belongs to neighbours beyond the edges; values: (offsets, rows, columns)."""
        for axis, start, count in ((0, self._row, self._rows), (1, self._column, self._columns)):
            side = self._padded.shape[axis] - 2 * _MARGIN
            for value, offset in zip(values, offsets, strict=True):
                along = value if axis == 0 else value.T
                begin = start + offset[axis]
                if begin < 0:
                    along[: (1 - begin) // 2] = 0
                if begin + 2 * (count - 1) >= side:
                    along[max(side - begin + 1, 0) // 2 :] = 0


def _base(fine: _Shifted, weights: _Shifted, offsets: tuple[tuple[int, int], ...]) -> NDArray[np.int32]:
    """The weighed mean of the next neighbours, rounded."""
    total = np.zeros((), dtype=np.int32)
    weighed = np.zeros((), dtype=np.int32)
    for offset in offsets:
        weight = weights.of(offset).astype(np.int32)
        total = total + weight
        weighed = weighed + weight * fine.of(offset).astype(np.int32)
    mean: NDArray[np.int32] = (2 * weighed + total) // (2 * total)
    return mean
