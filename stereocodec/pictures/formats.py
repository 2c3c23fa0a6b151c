"""The formats that decoded pictures are written in, and what each can hold; needs the standard library alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import InvalidInput, OutputError

DEFAULT_QUALITY = 95  # of formats that lose something

_ANY_LENGTH = 2**31 - 1
# A marker segment of JPEG has at most 65533 bytes, of which a name takes some; a profile may have 255 of them.
_IN_JPEG = {"icc_profile": 255 * 65519, "exif": 65527, "xmp": 65504}
# Pillow refuses a PNG whose profile is longer than this when inflated (PngImagePlugin.MAX_TEXT_CHUNK).
_IN_PNG = {"icc_profile": 2**20, "exif": _ANY_LENGTH, "xmp": _ANY_LENGTH}
_IN_OTHERS = dict.fromkeys(_IN_PNG, _ANY_LENGTH)


@dataclass(frozen=True)
class PictureFormat:
    """One format.

    name: as people and Pillow's plug-ins call it. suffixes: of files, in lower case; the first is given to new ones.
    longest_side: in pixels. settings: what Pillow is told, so that as little is lost as the format allows. lossy:
    whether it takes a quality. has_grey: whether a picture of one channel stays one. holds: the metadata that it can
    hold, with the most bytes of each.
    """

    name: str
    suffixes: tuple[str, ...]
    longest_side: int = _ANY_LENGTH
    settings: Mapping[str, Any] = field(default_factory=dict)
    lossy: bool = False
    has_grey: bool = True
    holds: Mapping[str, int] = field(default_factory=dict)


PNG = PictureFormat("PNG", (".png",), holds=_IN_PNG)
JPEG = PictureFormat("JPEG", (".jpg", ".jpeg"), 65500, {"subsampling": 0}, lossy=True, holds=_IN_JPEG)
_AVIF_SIDE = 32768  # that libavif reads, unless it is told otherwise
_ALL = (
    PNG,
    PictureFormat("WebP", (".webp",), 16383, {"lossless": True}, has_grey=False, holds=_IN_OTHERS),
    PictureFormat("AVIF", (".avif",), _AVIF_SIDE, {"subsampling": "4:4:4"}, lossy=True, holds=_IN_OTHERS),
    JPEG,
    PictureFormat("TIFF", (".tif", ".tiff"), settings={"compression": "tiff_lzw"}, holds=_IN_OTHERS),
    PictureFormat("PPM", (".ppm", ".pgm", ".pnm")),
    PictureFormat("BMP", (".bmp",)),
)
FORMATS = {form.name.lower(): form for form in _ALL}
"""Formats by the names that `save_pair` and `bisic decode --format` take."""
SUFFIXES = {suffix: form for form in _ALL for suffix in form.suffixes}
"""Formats by the suffixes of files."""


def check_side(longest: int, size: tuple[int, ...], form: PictureFormat, name: str) -> None:
    """Raises OutputError for a picture of `size` (width, height) whose longest side is above the format's limit."""
    if longest > form.longest_side:
        raise OutputError(
            f"{name} would be {size[0]}x{size[1]}, and {form.name} has sides of up to {form.longest_side} pixels: "
            "use .png, or two files (--layout two)"
        )


def check_quality(quality: int | None, form: PictureFormat) -> None:
    """Raises InvalidInput for a quality that is no whole number from 0 to 100, and for any of a lossless format."""
    if quality is None:
        return
    if not form.lossy:
        raise InvalidInput(f"a quality is of JPEG and AVIF alone, and {form.name} loses nothing: leave it out")
    if isinstance(quality, bool) or not isinstance(quality, int) or not 0 <= quality <= 100:
        raise InvalidInput(f"the quality of {form.name} is {quality!r}; it must be a whole number from 0 to 100")
