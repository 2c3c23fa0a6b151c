"""Stereo JPEG (.jps): both views in one picture, and a segment that says how."""

from __future__ import annotations

import struct

from ..container.layouts import Layout
from .jpeg_segments import APP3, segment_bytes

_MARK = b"_JPSJPS_"
_DESCRIPTOR = struct.Struct(">HBBBB")
_STEREO, _BESIDE, _ABOVE = 1, 2, 3
_HALF_HEIGHT, _HALF_WIDTH, _LEFT_FIRST = 1, 2, 4


def jps_segment(layout: Layout) -> bytes:
    """The segment APP3 that says of a JPEG how it holds both views, from its marker on; it follows APP0 to APP2."""
    flags = 0 if layout.crossed else _LEFT_FIRST
    if layout.half:
        flags |= _HALF_WIDTH if layout.beside else _HALF_HEIGHT
    place = _BESIDE if layout.beside else _ABOVE
    return segment_bytes(APP3, _MARK + _DESCRIPTOR.pack(4, 0, flags, place, _STEREO) + bytes(2))
