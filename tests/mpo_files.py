"""MPO files made byte by byte, as CIPA DC-007 has them, with attributes that Pillow does not write."""

from __future__ import annotations

import io
import struct

import numpy as np
from PIL import Image

SIZE = 32, 24
UNDEFINED, THUMBNAIL, PANORAMA, DISPARITY, MULTI_ANGLE = 0x000000, 0x010002, 0x020001, 0x020002, 0x020003
PRIMARY, GAIN_MAP = 0x030000, 0x050000
NUMBER, BASE, ANGLE, BASELINE = 0xB101, 0xB204, 0xB205, 0xB206
_FORMATS = {ANGLE: (10, "ll"), BASELINE: (5, "LL")}
GAIN_MAP_MARK = b"urn:iso:std:iso:ts:21496:-1\0" + bytes(4)


def picture(seed=0, size=SIZE, mode="RGB"):
    """Random blocks, which JPEG keeps apart."""
    blocks = np.random.default_rng(seed).integers(0, 256, (-(-size[1] // 8), -(-size[0] // 8), 3), np.uint8)
    pixels = np.kron(blocks, np.ones((8, 8, 1), np.uint8))[: size[1], : size[0]]
    return Image.fromarray(pixels).convert(mode)


def jpeg(image, quality=95, **options):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality, **options)
    return file.getvalue()


def pixels_of(data):
    """What Pillow gives for a JPEG by itself."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def segment(marker, content):
    return bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content


def with_segment(data, marker, content):
    """A JPEG with a segment more, in front of the others."""
    return data[:2] + segment(marker, content) + data[2:]


def mpo(frames, kinds=(DISPARITY, DISPARITY), attributes=(), order="<", offsets=()):
    """An MPO file.

    frames: JPEG files. kinds: their types. attributes: for each, numbers or (numerator, denominator).
    order: of bytes, as of `struct`. offsets: added to the places of the frames in the list.
    """
    attributes = [*attributes, *({} for _ in frames)][: len(frames)]
    offsets = [*offsets, *(0 for _ in frames)]
    behind = [_with_attributes(frame, own, order) for frame, own in zip(frames[1:], attributes[1:], strict=True)]
    own = attributes[0]
    # The list is as long whatever it says, so that a first one tells where the others begin.
    first = frames[0]
    for _ in range(2):
        sizes = [len(first), *map(len, behind)]
        places = np.cumsum([0, *sizes[:-1]])
        base = 2 + 4 + 4  # where offsets count from: behind the mark MPF
        entries = [(kinds[0], sizes[0], 0)]
        entries += [
            (kinds[number], sizes[number], int(places[number]) - base + offsets[number])
            for number in range(1, len(sizes))
        ]
        first = with_segment(frames[0], 0xE2, _index(entries, own, order))
    return first + b"".join(behind)


def _index(entries, own, order):
    data = b"".join(struct.pack(order + "LLLHH", kind, size, max(at, 0), 0, 0) for kind, size, at in entries)
    place = 8 + 2 + 3 * 12 + 4
    behind = place + len(data)
    fields = struct.pack(order + "HHHL4s", 3, 0xB000, 7, 4, b"0100")
    fields += struct.pack(order + "HHLL", 0xB001, 4, 1, len(entries))
    fields += struct.pack(order + "HHLL", 0xB002, 7, len(data), place)
    fields += struct.pack(order + "L", behind if own else 0)
    return _header(order) + fields + data + (_directory(own, behind, order) if own else b"")


def _with_attributes(frame, own, order):
    return with_segment(frame, 0xE2, _header(order) + _directory(own, 8, order)) if own else frame


def _header(order):
    return b"MPF\0" + (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "L", 8)


def _directory(own, place, order):
    """Of fields, at a place behind the mark; fractions follow it."""
    fields, fractions = b"", b""
    behind = place + 2 + 12 * len(own) + 4
    for tag, value in own.items():
        if isinstance(value, tuple):
            kind, code = _FORMATS[tag]
            fields += struct.pack(order + "HHLL", tag, kind, 1, behind + len(fractions))
            fractions += struct.pack(order + code, *value)
        else:
            fields += struct.pack(order + "HHLL", tag, 4, 1, value)
    return struct.pack(order + "H", len(own)) + fields + bytes(4) + fractions
