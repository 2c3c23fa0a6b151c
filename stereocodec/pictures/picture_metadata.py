"""What a picture's file says beside its pixels, as a `.bsc` file keeps it, and back into Pillow's `info`."""

from __future__ import annotations

from typing import Any

from PIL import Image

from ..container.metadata import Metadata
from ..container.shown import Channels

# Where an ICC profile names its colour space, and what that must be for the channels.
_SPACE = slice(16, 20)
_SPACES = {Channels.RGB: b"RGB ", Channels.GREY_RGB: b"RGB ", Channels.GREY: b"GRAY"}
_EXIF_MARK = b"Exif\x00\x00"  # stands before the TIFF header in a JPEG


def metadata_of(image: Image.Image, channels: Channels, name: str) -> Metadata:
    """The profile, Exif and XMP of a decoded image; those that are empty or do not fit its channels are left out."""
    profile, xmp = (_bytes_or_none(image.info.get(key)) for key in ("icc_profile", "xmp"))
    if profile is not None and profile[_SPACE] != _SPACES[channels]:
        profile = None
    exif = _bytes_or_none(image.info.get("exif"))
    return Metadata(profile, None if exif is None else exif.removeprefix(_EXIF_MARK), xmp)


def with_metadata(image: Image.Image, metadata: Metadata) -> Image.Image:
    """The image, with what Pillow's own formats put into `info`."""
    for key, value in (("icc_profile", metadata.icc_profile), ("exif", metadata.exif), ("xmp", metadata.xmp)):
        if value is not None:
            image.info[key] = value
    return image


def _bytes_or_none(value: Any) -> bytes | None:
    return value if isinstance(value, bytes) and value else None
