"""Boxes of the ISO base media file format (ISO/IEC 14496-12), of which HEIF and AVIF files are made."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

_MAX_BOXES = 2**14  # in one box; those of real files are some hundreds


class Box(NamedTuple):
    """kind: four characters, or the 16 bytes that name a box of kind uuid. start, end: of its body in the data."""

    kind: bytes
    start: int
    end: int


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """The boxes that lie one behind the other in part of the data, up to the first whose size is none.

    A box that is longer than what is there ends with it. Raises ValueError for very many boxes.
    """
    limit = len(data) if end is None else min(end, len(data))
    for _ in range(_MAX_BOXES):
        if start + 8 > limit:
            return
        size, kind = struct.unpack_from(">I4s", data, start)
        head = 8
        if size == 1 and start + 16 <= limit:
            (size,) = struct.unpack_from(">Q", data, start + 8)
            head = 16
        if size == 0:
            size = limit - start
        if kind == b"uuid":
            kind = data[start + head : start + head + 16]
            head += 16
        if size < head or start + head > limit:
            return
        yield Box(kind, start + head, min(start + size, limit))
        start += size
    raise ValueError(f"it has more than {_MAX_BOXES} boxes")


class Fields:
    """Numbers of a box's body, one after the other, most significant byte first."""

    def __init__(self, data: bytes, place: int, end: int) -> None:
        self._data, self.place, self._end = data, place, min(end, len(data))

    def take(self, size: int) -> int:
        """The next number of `size` bytes; raises ValueError at the end of the box."""
        return int.from_bytes(self.take_bytes(size), "big")

    def take_signed(self, size: int) -> int:
        """The next number, which may be negative."""
        return int.from_bytes(self.take_bytes(size), "big", signed=True)

    def take_bytes(self, size: int) -> bytes:
        """The next bytes; raises ValueError at the end of the box."""
        taken = self._data[self.place : min(self.place + size, self._end)]
        if len(taken) < size:
            raise ValueError("a box ends too early")
        self.place += size
        return taken
