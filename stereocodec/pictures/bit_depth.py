"""How many bits the samples of a picture's file have, where Pillow is about to cut them down to 8."""

from __future__ import annotations

import struct

from PIL import Image

from .heif_items import read_items

_HEADER_BYTES = 2**20  # of a file, in which its headers lie
SIZ = b"\xff\x4f\xff\x51"  # how a codestream of JPEG 2000 begins: SOC, then SIZ


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
        if tile[0] == "SGI16" or (tile[0] == "sgi_rle" and arguments[-1] == 2):  # bytes of a sample
            return True
    return False


def _bits_in_file(image: Image.Image) -> int:
    """What the headers of a JPEG 2000, AVIF or HEIF file say; 0 for other files and where they say nothing."""
    if image.format == "HEIF":  # pillow-heif has read them
        return int(image.info.get("bit_depth", 0))
    read = {"JPEG2000": _jpeg2000_bits, "AVIF": _avif_bits}.get(image.format or "")
    if read is None:
        return 0
    try:
        return read(file_start(image))
    except (IndexError, ValueError, struct.error):  # cut off or damaged: decoding says so
        return 0


def file_start(image: Image.Image) -> bytes:
    """The first bytes of an opened image's file, which hold its headers; none once it is decoded."""
    file = getattr(image, "fp", None)
    if file is None or not getattr(image, "tile", ()):
        return b""
    before = file.tell()
    file.seek(0)
    start: bytes = file.read(_HEADER_BYTES)
    file.seek(before)
    return start


def _jpeg2000_bits(start: bytes) -> int:
    """The most bits of any component, as of the SIZ marker segment."""
    place = start.find(SIZ)
    if place < 0:
        return 0
    (components,) = struct.unpack_from(">H", start, place + 40)
    return max((start[place + 42 + 3 * index] & 0x7F) + 1 for index in range(components)) if components else 0


def _avif_bits(start: bytes) -> int:
    """The bits of the primary item, as of its `pixi` or `av1C` property."""
    items = read_items(start)
    properties = () if items is None else items.properties.get(items.primary, ())
    return max((_property_bits(box.kind, start[box.start : box.end]) for box in properties), default=0)


def _property_bits(kind: bytes, body: bytes) -> int:
    if kind == b"pixi":
        return max(body[5 : 5 + body[4]], default=0)
    if kind == b"av1C":
        return (12 if body[2] & 0x20 else 10) if body[2] & 0x40 else 8
    return 0
