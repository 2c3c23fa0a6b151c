"""The guard list: which way the encoder rounded where another machine might round the other way.

An entry is the position of a parameter in the order of coding and the side taken (0 down, 1 up). The list is stored
as one varint (`container/varint.py`) per entry: the distance to the previous entry's position (from -1 for the first),
minus one, times two, plus the side.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..container.varint import read_varint, write_varint
from ..errors import CorruptFile, DecodingMismatch

_MAX_VARINT_BYTES = 6  # so that no sum of entries overflows 64 bits; real positions need far less


class GuardWriter:
    """Rounds coordinates to integers and notes those within `epsilon` of a rounding boundary."""

    def __init__(self, epsilon: float) -> None:
        self._epsilon = epsilon
        self._position = 0
        self._positions: list[NDArray[np.int64]] = []
        self._sides: list[NDArray[np.int64]] = []

    def round(self, coordinates: NDArray[np.float64]) -> NDArray[np.int64]:
        """Nearest integers of a flat array; raises DecodingMismatch where a coordinate is not finite."""
        below = _floor(coordinates)
        rounded = np.floor(coordinates + 0.5).astype(np.int64)
        near = np.flatnonzero(np.abs(coordinates - below - 0.5) < self._epsilon)
        self._positions.append(near + self._position)
        self._sides.append((rounded - below)[near])
        self._position += coordinates.size
        return rounded

    def to_bytes(self) -> bytes:
        """The list so far, serialised."""
        if not self._positions:
            return b""
        positions, sides = np.concatenate(self._positions), np.concatenate(self._sides)
        gaps = np.diff(positions, prepend=-1) - 1
        return b"".join(write_varint(int(gap) * 2 + int(side)) for gap, side in zip(gaps, sides, strict=True))


class GuardReader:
    """Rounds coordinates as the encoder did."""

    def __init__(self, data: bytes) -> None:
        """Raises CorruptFile when `data` is not a guard list."""
        values = np.fromiter(_varints(data), np.int64)
        self._positions = np.cumsum(values // 2 + 1) - 1
        self._sides = values % 2
        self._position = 0

    def round(self, coordinates: NDArray[np.float64]) -> NDArray[np.int64]:
        """Nearest integers, or the listed side; raises DecodingMismatch where a coordinate is not finite."""
        below = _floor(coordinates)
        rounded = np.floor(coordinates + 0.5).astype(np.int64)
        end = self._position + coordinates.size
        first, last = np.searchsorted(self._positions, (self._position, end))
        listed = self._positions[first:last] - self._position
        rounded[listed] = below[listed] + self._sides[first:last]
        self._position = end
        return rounded

    def close(self) -> None:
        """Raises CorruptFile when entries lie beyond the last parameter."""
        if self._positions.size and self._positions[-1] >= self._position:
            raise CorruptFile("the guard list names parameters that the picture does not have; get the file again")


def count_entries(data: bytes) -> int:
    """Number of entries of a serialised guard list; raises CorruptFile when it is none."""
    return sum(1 for _ in _varints(data))


def _floor(coordinates: NDArray[np.float64]) -> NDArray[np.int64]:
    if not np.isfinite(coordinates).all():
        raise DecodingMismatch(
            "the entropy model gave a value that is not a number; the file or the weights are damaged"
        )
    return np.floor(coordinates).astype(np.int64)


def _varints(data: bytes) -> Iterator[int]:
    position = 0
    while position < len(data):
        try:
            value, position = read_varint(data, position, max_bytes=_MAX_VARINT_BYTES)
        except EOFError as error:
            raise CorruptFile("the guard list ends within a number; get the file again") from error
        except ValueError as error:
            raise CorruptFile("the guard list holds a number that is too long; get the file again") from error
        yield value
