"""Stereo JPEG (.jps) and stereo PNG (.pns): both views side by side in one picture, which mostly says how.

In a JPEG it is a segment APP3 of VRex, Inc., in a PNG the chunk sTER. Where neither is there, programs that write these
files put the right view on the left, for viewing with crossed eyes.

VRex, "JPEG Stereoscopic File Format", 1997, as told by P. Bourke, "Stereo Pair Image File Format", 2000
(https://paulbourke.net/stereographics/stereoimage/); PNG Development Group, "Extensions to the PNG 1.2 Specification",
sTER.
"""

from __future__ import annotations

import shlex
import struct

from ..container.layouts import Layout
from ..errors import InvalidInput
from .jpeg_segments import APP3, JPEG_START, find_segment, segment_bytes
from .packed import split
from .picture import StereoPair
from .shell import shown_path
from .source import PairSource

_MARK = b"_JPSJPS_"
_DESCRIPTOR = struct.Struct(">HBBBB")  # its own length without these two bytes, then as in `_described`
_STEREO, _MONO = 1, 0
_INTERLEAVED, _BESIDE, _ABOVE, _ANAGLYPH = 1, 2, 3, 4
_HALF_HEIGHT, _HALF_WIDTH, _LEFT_FIRST = 1, 2, 4
_SUFFIXES = (".jps", ".pns")

_PNG_START = b"\x89PNG\r\n\x1a\n"
STER = b"sTER"
_CROSSED_CHUNK, _PARALLEL_CHUNK = 0, 1
_ALIGNMENT = 8  # of the right view's first column in a PNG with the chunk


def read_jps(source: PairSource) -> StereoPair | None:
    """The pair of a picture that says how it holds both views, or that its name calls stereo JPEG or PNG.

    A `layout` goes before what the file says.

    Raises InvalidInput: damaged; sides that cannot be halved; one view, or both in each other, as in an anaglyph.
    """
    if source.layout is not None:
        return None
    layout, gap = _jpeg_layout(source) or _png_layout(source) or (None, 0)
    if layout is None:
        if source.suffix not in _SUFFIXES:
            return None
        layout = Layout.SBS_CROSS
    return split(source.picture(views=2), layout, source.name, gap)


def jps_segment(layout: Layout) -> bytes:
    """The segment APP3 that says of a JPEG how it holds both views, from its marker on; it follows APP0 to APP2."""
    flags = 0 if layout.crossed else _LEFT_FIRST
    if layout.half:
        flags |= _HALF_WIDTH if layout.beside else _HALF_HEIGHT
    place = _BESIDE if layout.beside else _ABOVE
    no_comment = bytes(2)
    return segment_bytes(APP3, _MARK + _DESCRIPTOR.pack(4, 0, flags, place, _STEREO) + no_comment)


def ster_content(width: int) -> bytes | None:
    """What the chunk sTER says of a crossed PNG; None for widths whose half is no place for a right view to begin."""
    return None if width % (2 * _ALIGNMENT) else bytes((_CROSSED_CHUNK,))


def _jpeg_layout(source: PairSource) -> tuple[Layout, int] | None:
    """What the segment says, and the pixels between the views; None where there is none."""
    if not source.head.startswith(JPEG_START):
        return None
    with source.open() as file:
        segment = find_segment(file, APP3, _MARK)
    if segment is None:
        return None
    if len(segment.content) < len(_MARK) + _DESCRIPTOR.size:
        raise InvalidInput(f"{source.name} has a damaged stereo segment (APP3): say how it holds both views, --layout")
    _, gap, flags, place, kind = _DESCRIPTOR.unpack_from(segment.content, len(_MARK))
    return _described(kind, place, flags, source), gap


def _described(kind: int, place: int, flags: int, source: PairSource) -> Layout:
    """The layout of a descriptor: kind of picture, where the views lie, and flags."""
    name, file = source.name, shlex.quote(shown_path(source.path))
    if kind == _MONO:
        raise InvalidInput(f"{name} says that it is one view (mono): name the file of the other view, too")
    if kind == _STEREO and place == _ANAGLYPH:
        raise InvalidInput(f"{name} is an anaglyph, in which each view has lost colours: use the pair it was made of")
    if kind == _STEREO and place == _INTERLEAVED:
        order = "irl" if flags & _LEFT_FIRST else "irr"
        raise InvalidInput(
            f"{name} holds rows of both views in turn (interleaved): make it side by side first, "
            f"ffmpeg -i {file} -vf stereo3d={order}:sbsl OUT.png"
        )
    half = flags & (_HALF_WIDTH | _HALF_HEIGHT)
    layouts = {
        (_BESIDE, 0): Layout.SBS,
        (_BESIDE, _HALF_WIDTH): Layout.HALF_SBS,
        (_ABOVE, 0): Layout.TB,
        (_ABOVE, _HALF_HEIGHT): Layout.HALF_TB,
    }
    if kind != _STEREO or (place, half) not in layouts:
        raise InvalidInput(
            f"{name} holds its views in a way that is not known (type {kind}, layout {place}, flags {flags}): "
            "say how, e.g. --layout sbs-cross"
        )
    parallel = layouts[place, half]
    return parallel if flags & _LEFT_FIRST else parallel.exchanged


def _png_layout(source: PairSource) -> tuple[Layout, int] | None:
    """What the chunk says, and the columns between the views, by which the right half begins at a multiple of 8."""
    if not source.head.startswith(_PNG_START):
        return None
    with source.open() as file:
        width, mode = 0, None
        file.seek(len(_PNG_START))
        while len(header := file.read(8)) == 8:
            length, name = int.from_bytes(header[:4], "big"), header[4:]
            if name == b"IDAT":
                break
            if name == b"IHDR":
                width = int.from_bytes(file.read(4), "big")
                length -= 4
            elif name == STER and length == 1:
                mode, length = int.from_bytes(file.read(1), "big"), 0
            file.seek(length + 4, 1)
    if mode not in (_CROSSED_CHUNK, _PARALLEL_CHUNK):
        return None
    start = -(-width // (2 * _ALIGNMENT)) * _ALIGNMENT  # of the right half
    gap = 2 * start - width
    if gap >= _ALIGNMENT:  # of a program that did not move the right half
        gap = 0
    return (Layout.SBS if mode == _PARALLEL_CHUNK else Layout.SBS_CROSS), gap
