"""Segments that are put into a JPEG file which Pillow has just written."""

from __future__ import annotations

import struct

from .jpeg_segments import JPEG_START

_APP0 = 0xE0


def place_behind(jpeg: bytes, last: int) -> int:
    """Where the segments APP0 to `last` end with which the file begins."""
    place = len(JPEG_START)
    while jpeg[place] == 0xFF and _APP0 <= jpeg[place + 1] <= last:
        place += 2 + struct.unpack_from(">H", jpeg, place + 2)[0]
    return place


def inserted(jpeg: bytes, segment: bytes, *, behind: int) -> bytes:
    """The file with one more segment, behind those from APP0 to the given one."""
    place = place_behind(jpeg, behind)
    return jpeg[:place] + segment + jpeg[place:]
