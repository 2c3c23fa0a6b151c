"""What a picture's file says beside its pixels, as a `.bsc` file keeps it, and back into Pillow's `info`."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from PIL import ExifTags, Image

from ..callers import warn_caller
from ..container.limits import MAX_METADATA_BYTES
from ..container.metadata import EXIF_MARK, Metadata
from ..container.shown import ORIENTATIONS, Channels
from ..errors import MetadataLeftOut
from ..text import reason_of
from .exif import exif_orientation, kept_exif
from .icc import checked_profile, fits

_T = TypeVar("_T")
_XMP_ORIENTATION = re.compile(rb"""(tiff:Orientation(?:\s*=\s*["']|\s*>)\s*)[0-9]""")
_RAW_EXIF = "Raw profile type exif"  # a text of PNG files, of ImageMagick before version 7.1
# The tags of a TIFF file that are about the picture, and not about how its samples are stored.
_PICTURE_TAGS = (
    *(ExifTags.Base[name] for name in ("ImageDescription", "Make", "Model", "XResolution", "YResolution")),
    *(ExifTags.Base[name] for name in ("ResolutionUnit", "Software", "DateTime", "Artist")),
    *(ExifTags.Base[name] for name in ("HostComputer", "Copyright", "Rating", "XPTitle", "XPComment", "XPAuthor")),
    *(ExifTags.Base[name] for name in ("XPKeywords", "XPSubject")),
)
_DIRECTORIES = (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)


def metadata_of(image: Image.Image, channels: Channels, name: str, exif: bytes | None = None) -> Metadata:
    """The profile, Exif and XMP of a decoded image (`kept`); exif: what stands for its own."""
    exif = image.info.get("exif") if exif is None else exif
    if exif is None and isinstance(raw := image.info.get(_RAW_EXIF), str):
        exif = _from_hex(raw)
    return kept(channels, name, image.info.get("icc_profile"), exif, image.info.get("xmp"))


def kept(channels: Channels, name: str, profile: Any = None, exif: Any = None, xmp: Any = None) -> Metadata:
    """What a `.bsc` file keeps of a picture's metadata.

    Orientations become 1, because they stand elsewhere, and Exif has no thumbnail. What is empty is none. What is
    damaged, larger than a file may hold, or for pictures of other channels is left out with a warning
    (`MetadataLeftOut`) that names the picture.
    """

    def cleaned(what: str, value: Any, clean: Callable[[bytes], bytes]) -> bytes | None:
        data = _bytes_or_none(value)
        if data is None:
            return None
        try:
            if len(data) > MAX_METADATA_BYTES:
                raise ValueError(f"has {len(data)} bytes, a .bsc file holds {MAX_METADATA_BYTES}")
            return clean(data) or None
        except ValueError as error:
            _warn_left_out(name, f"its {what} {error}")
            return None

    return Metadata(
        cleaned("ICC profile", profile, partial(checked_profile, channels=channels)),
        cleaned("Exif", exif, lambda data: kept_exif(data.removeprefix(EXIF_MARK))),
        cleaned("XMP", xmp, _upright_xmp),
    )


def tiff_exif(image: Image.Image, name: str) -> bytes:
    """Exif data of what the tags of a TIFF file say of the picture but its orientation; none where they are damaged.

    To be asked before its pixels are decoded, because Pillow may close the file then.
    """
    exif = Image.Exif()
    try:
        tags = image.getexif()
        for tag in _PICTURE_TAGS:
            if tag in tags:
                exif[tag] = tags[tag]
        for directory in _DIRECTORIES:
            if directory in tags and (inner := dict(tags.get_ifd(directory))):
                inner.pop(ExifTags.IFD.Interop, None)  # a place in the file
                exif[directory] = inner
        return exif.tobytes() if exif else b""
    except MemoryError:
        raise
    except Exception as error:  # Pillow reports damage by whatever comes up
        _warn_left_out(name, f"what its TIFF tags say is damaged ({reason_of(error)})")
        return b""


def orientation_in(exif: Any) -> int | None:
    """The orientation, 1 to 8, that the Exif data of an image's `info` say, whatever else is damaged in them."""
    data = _bytes_or_none(exif)
    orientation = None if data is None else _value_or_none(exif_orientation, data.removeprefix(EXIF_MARK))
    return orientation if orientation in ORIENTATIONS else None


def has_colour_profile(image: Image.Image) -> bool:
    """Whether an image has a profile of RGB, which tells what greys in a palette look like."""
    profile = _bytes_or_none(image.info.get("icc_profile"))
    return profile is not None and fits(profile, Channels.RGB)


def with_metadata(image: Image.Image, metadata: Metadata) -> Image.Image:
    """The decoded image, with what Pillow's own formats put into `info`; damaged Exif and unfit profiles are not."""
    channels = Channels.GREY if image.mode == "L" else Channels.RGB
    if metadata.icc_profile is not None and fits(metadata.icc_profile, channels):
        image.info["icc_profile"] = metadata.icc_profile
    exif = None if metadata.exif is None else _value_or_none(kept_exif, metadata.exif)
    if exif:
        image.info["exif"] = EXIF_MARK + exif
    if metadata.xmp is not None:
        image.info["xmp"] = _upright_xmp(metadata.xmp)
    return image


def _warn_left_out(name: str, reason: str) -> None:
    warn_caller(f"{name}: {reason}; it is left out", MetadataLeftOut)


def _upright_xmp(packet: bytes) -> bytes:
    return _XMP_ORIENTATION.sub(rb"\g<1>1", packet)


def _from_hex(text: str) -> bytes | None:
    """The data in a text of lines: an empty one, a name, a length, then hexadecimal digits."""
    return _value_or_none(bytes.fromhex, "".join(text.split("\n")[3:]))


def _value_or_none(read: Callable[[Any], _T], value: Any) -> _T | None:
    try:
        return read(value)
    except ValueError:
        return None


def _bytes_or_none(value: Any) -> bytes | None:
    """Some of Pillow's formats give text."""
    data = value.encode("utf-8", "replace") if isinstance(value, str) else value
    return bytes(data) if isinstance(data, bytes | bytearray) and data else None
