"""How many bits the samples of a picture's file have, where Pillow is about to cut them down to 8."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from PIL import Image

_HEADER_BYTES = 2**20  # of a file, in which its headers lie
_SIZ = b"\xff\x4f\xff\x51"  # how a codestream of JPEG 2000 begins: SOC, then SIZ


def is_cut_to_8_bits(image: Image.Image) -> bool:
    """Whether the file of an opened image has more than 8 bits per sample, though its mode has 8.

    Known until the pixels are decoded; of an image that is not from a file, or was decoded already, this is false.
    """
    return _is_read_as_16_bits(image) or _bits_in_file(image) > 8


def _is_read_as_16_bits(image: Image.Image) -> bool:
    """Whether the decoder's arguments tell of 16 bits.

    They name the layout in the file, such as "RGB;16B" for PNG and TIFF; for PPM they are the mode and the largest
    value.
    """
    for tile in getattr(image, "tile", ()):
        arguments = tile[3] if isinstance(tile[3], tuple) else (tile[3],)
        if any(isinstance(argument, str) and ";16" in argument for argument in arguments):
            return True
        if tile[0] in ("ppm", "ppm_plain") and arguments[-1] > 255:
            return True
    return False


def _bits_in_file(image: Image.Image) -> int:
    """What the headers of a JPEG 2000 or AVIF file say; 0 for other files and where they say nothing."""
    read = {"JPEG2000": _jpeg2000_bits, "AVIF": _avif_bits}.get(image.format or "")
    file = getattr(image, "fp", None)
    if read is None or file is None or not getattr(image, "tile", ()):
        return 0
    before = file.tell()
    file.seek(0)
    start = file.read(_HEADER_BYTES)
    file.seek(before)
    try:
        return read(start)
    except (IndexError, struct.error):  # cut off or damaged: decoding says so
        return 0


def _jpeg2000_bits(start: bytes) -> int:
    """The most bits of any component, as of the SIZ marker segment."""
    place = start.find(_SIZ)
    if place < 0:
        return 0
    (components,) = struct.unpack_from(">H", start, place + 40)
    return max((start[place + 42 + 3 * index] & 0x7F) + 1 for index in range(components)) if components else 0


def _avif_bits(start: bytes) -> int:
    """The bits of the primary item, as of its `pixi` or `av1C` property."""
    meta = next((body[4:] for kind, body in _boxes(start) if kind == b"meta"), b"")
    parts = dict(_boxes(meta))
    if not {b"pitm", b"iprp"} <= parts.keys():
        return 0
    primary = int.from_bytes(parts[b"pitm"][4:], "big")
    groups = list(_boxes(parts[b"iprp"]))
    held = [prop for kind, body in groups if kind == b"ipco" for prop in _boxes(body)]
    indexes = [index for kind, body in groups if kind == b"ipma" for index in _associated(body, primary)]
    return max((_property_bits(*held[index - 1]) for index in indexes if 0 < index <= len(held)), default=0)


def _property_bits(kind: bytes, body: bytes) -> int:
    if kind == b"pixi":
        return max(body[5 : 5 + body[4]], default=0)
    if kind == b"av1C":
        return (12 if body[2] & 0x20 else 10) if body[2] & 0x40 else 8
    return 0


def _associated(body: bytes, item: int) -> Iterator[int]:
    """The numbers of an item's properties, from an `ipma` box; they count from 1."""
    has_long_ids, has_long_numbers = body[0] > 0, body[3] & 1
    (entries,) = struct.unpack_from(">I", body, 4)
    place = 8
    for _ in range(entries):
        (found,) = struct.unpack_from(">I" if has_long_ids else ">H", body, place)
        place += 4 if has_long_ids else 2
        count, place = body[place], place + 1
        for _ in range(count):
            number = struct.unpack_from(">H", body, place)[0] & 0x7FFF if has_long_numbers else body[place] & 0x7F
            place += 2 if has_long_numbers else 1
            if found == item:
                yield number


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kinds and bodies of the boxes of an ISO base media file, or of a box."""
    place = 0
    while place + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, place)
        head = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, place + 8)
            head = 16
        if size == 0:
            size = len(data) - place
        if size < head:
            return
        yield kind, data[place + head : place + size]
        place += size
