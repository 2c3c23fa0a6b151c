"""The bytes of a picture in one of the formats, with its metadata."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from ..container.metadata import EXIF_MARK, NO_METADATA, Metadata
from ..errors import OutputError
from ..text import reason_of
from .formats import DEFAULT_QUALITY, PictureFormat, check_side
from .picture_metadata import with_metadata
from .pixel_shape import SQUARE

_WORDS = {"icc_profile": "ICC profile", "exif": "Exif", "xmp": "XMP"}
_PNG_HEADER_BYTES = 33
# Exif data are tags of a TIFF file itself. Of those that TIFF defines, others than these tell how samples lie in it;
# newer ones may stand there but for a profile, and for those from 50706 on, by which it would be a camera's raw file.
_DESCRIPTIVE = frozenset({269, 270, 271, 272, 274, 282, 283, 285, 296, 297, 305, 306, 315, 316, 318, 319})
_XMP_TAG, _ICC_TAG, _DNG_TAG = 700, 34675, 50706
_NO_UNIT = 1  # of a TIFF file's resolution, which then is an aspect ratio


@dataclass(frozen=True)
class EncodedPicture:
    """The bytes of a file, and which metadata it does not have, each with the reason."""

    data: bytes
    left_out: tuple[str, ...] = ()


def encode_picture(
    pixels: NDArray[np.uint8] | Image.Image,
    form: PictureFormat,
    name: str,
    *,
    quality: int | None = None,
    metadata: Metadata = NO_METADATA,
    pixel_aspect: tuple[int, int] = SQUARE,
) -> EncodedPicture:
    """A picture in a format.

    Args:
        pixels: (H, W, 3), or (H, W) for grey; or an image of mode RGB or L.
        form: the format.
        name: what error messages call the file.
        quality: 0 to 100, of formats that lose something.
        metadata: what is too long for the format, or does not fit the picture, is left out.
        pixel_aspect: width and height of a pixel in any unit; PNG, JPEG, TIFF and BMP say so.

    Raises:
        OutputError: a side that is too long for the format, or a format that this Pillow was built without.
    """
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    check_side(max(image.size), image.size, form, name)
    kept, left_out = _fitting(metadata, form, image.mode if form.has_grey else "RGB")
    settings = _settings(form, quality, image.mode, pixel_aspect)
    while True:
        try:
            data = _saved(image, form, settings, kept)
            return EncodedPicture(_with_aspect(data, form, pixel_aspect), left_out)
        except MemoryError:
            raise
        except Exception as error:  # Pillow reads Exif data to write some formats, and odd ones raise whatever comes up
            if kept.pop("exif", None) is None:
                raise OutputError(_why_not(error, form, name)) from error
            left_out = (*left_out, f"Exif ({form.name} cannot hold it: {reason_of(error)})")


def _settings(form: PictureFormat, quality: int | None, mode: str, pixel_aspect: tuple[int, int]) -> dict[str, Any]:
    """What Pillow is told of a format, but for metadata."""
    settings = dict(form.settings)
    if form.lossy:
        settings["quality"] = DEFAULT_QUALITY if quality is None else quality
    if form.name == "AVIF" and mode == "L":
        settings["subsampling"] = "4:0:0"
    if pixel_aspect != SQUARE:
        across, down = pixel_aspect[::-1]  # pixels in a unit of length
        if form.name == "BMP":  # in whole pixels per metre, of which the ratio alone is meant
            settings["dpi"] = (25.4 * across, 25.4 * down)
        elif form.name == "TIFF":
            settings |= {"resolution_unit": _NO_UNIT, "x_resolution": across, "y_resolution": down}
    return settings


def _fitting(metadata: Metadata, form: PictureFormat, mode: str) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """What of the metadata the file of a picture of a mode will hold, and what not and why."""
    usable = with_metadata(Image.new(mode, (1, 1)), metadata).info
    kept: dict[str, bytes] = {}
    left_out = []
    for key, word in _WORDS.items():
        if getattr(metadata, key) is None:
            continue
        value = usable.get(key, b"").removeprefix(EXIF_MARK)
        if key not in form.holds:
            left_out.append(f"{word} ({form.name} holds none)")
        elif len(value) > form.holds[key]:
            left_out.append(f"{word} ({len(value):,} bytes, {form.name} holds {form.holds[key]:,})")
        elif not value:
            left_out.append(f"{word} (it is damaged, or does not fit the picture)")
        else:
            kept[key] = value
    return kept, tuple(left_out)


def _saved(
    image: Image.Image, form: PictureFormat, settings: Mapping[str, Any], metadata: Mapping[str, bytes]
) -> bytes:
    told: dict[str, Any] = {**settings, **metadata}
    if form.name == "PNG" and "xmp" in metadata:
        told["pnginfo"] = PngImagePlugin.PngInfo()
        told["pnginfo"].add(b"iTXt", b"XML:com.adobe.xmp" + bytes(5) + metadata["xmp"])
    elif form.name == "JPEG" and "exif" in metadata:
        told["exif"] = EXIF_MARK + metadata["exif"]
    elif form.name == "TIFF":
        told.pop("exif", None)
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of damaged Exif data
        image.save(file, format=form.name.upper(), **told)
        return _with_tags(file.getvalue(), metadata) if form.name == "TIFF" else file.getvalue()


def _with_tags(data: bytes, metadata: Mapping[str, bytes]) -> bytes:
    """A TIFF file with Exif data and XMP as tags of its own, for which it gets another directory at its end.

    Pillow cannot write Exif data into a compressed one. Its own tags tell how the samples lie, and go before others.
    """
    tags = Image.Exif()
    if "exif" in metadata:
        tags.load(EXIF_MARK + metadata["exif"])
        for tag in [tag for tag in tags if not _is_descriptive(tag)]:
            del tags[tag]
    if "xmp" in metadata:
        tags[_XMP_TAG] = metadata["xmp"]
    if not tags:
        return data
    order = tags.endian = "<" if data.startswith(b"II") else ">"
    data += bytes(len(data) % 2)
    directory = tags.tobytes(len(data))[len(EXIF_MARK) + 8 :]  # behind the header of a TIFF file
    entries = _entries(directory, 0, order) | _entries(data, struct.unpack_from(f"{order}I", data, 4)[0], order)
    merged = struct.pack(f"{order}H", len(entries)) + b"".join(entry for _, entry in sorted(entries.items())) + bytes(4)
    place = struct.pack(f"{order}I", len(data) + len(directory))
    return data[:4] + place + data[8:] + directory + merged


def _is_descriptive(tag: int) -> bool:
    return tag in _DESCRIPTIVE or (_XMP_TAG < tag < _DNG_TAG and tag != _ICC_TAG)


def _entries(data: bytes, start: int, order: str) -> dict[int, bytes]:
    """The entries of the directory of a TIFF file that begins at `start`, by their tags."""
    (count,) = struct.unpack_from(f"{order}H", data, start)
    entries = (data[place : place + 12] for place in range(start + 2, start + 2 + 12 * count, 12))
    return {struct.unpack_from(f"{order}H", entry)[0]: entry for entry in entries}


def _with_aspect(data: bytes, form: PictureFormat, pixel_aspect: tuple[int, int]) -> bytes:
    """The file of a PNG or JPEG that tells the ratio of its pixels' sides; Pillow can tell them in inches only."""
    if pixel_aspect == SQUARE:
        return data
    across, down = pixel_aspect[::-1]  # pixels in a unit of length
    if form.name == "PNG":
        return with_png_chunk(data, b"pHYs", struct.pack(">IIB", across, down, 0))
    if form.name == "JPEG" and data[6:11] == b"JFIF\0":
        return data[:13] + struct.pack(">BHH", 0, across, down) + data[18:]
    return data


def with_png_chunk(data: bytes, name: bytes, content: bytes) -> bytes:
    """A PNG file with one more chunk, behind its header, which is the first one."""
    checksum = struct.pack(">I", zlib.crc32(name + content))
    chunk = struct.pack(">I", len(content)) + name + content + checksum
    return data[:_PNG_HEADER_BYTES] + chunk + data[_PNG_HEADER_BYTES:]


def _why_not(error: Exception, form: PictureFormat, name: str) -> str:
    Image.init()
    if form.name.upper() not in Image.SAVE:
        return f"{name} cannot be written: this Pillow was built without {form.name}; use .png"
    return f"{name} cannot be written as {form.name}: {reason_of(error)}; use .png"
