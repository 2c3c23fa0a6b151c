"""Files of several pictures: which of them are one picture with what serves it, and the ways out of the others."""

from __future__ import annotations

import io
import shlex
import warnings
from typing import Any

from PIL import Image

from ..errors import InvalidInput
from .shell import command, file_of

_ENTRIES = 0xB002  # the tag of an MPO file's list of pictures
_VIEWS = "Multi-Frame Image"  # how Pillow's names of the types of views begin: of a panorama, a stereo pair, angles
_THUMBNAILS = "Large Thumbnail"
# What the segments of a JPEG hold whose file has a gain map: of ISO 21496-1, Ultra HDR and Apple.
_GAIN_MAPS = (b"urn:iso:std:iso:ts:21496:-1", b"hdrgm:Version", b"hdrgainmap")


def check_is_single(image: Image.Image, name: str) -> None:
    """Raises InvalidInput for a file of several pictures or frames, with the way out.

    A camera's JPEG with a preview, a gain map or a depth map behind it is its first picture.
    """
    frames = getattr(image, "n_frames", 1)
    if frames == 1 or _is_served_by_others(image):
        return
    if image.format == "MPO":
        raise InvalidInput(
            f"{name} holds {frames} pictures (MPO), as of a stereo camera: take them apart first, e.g. with "
            f"{command(image, output='left.png')} and "
            f"exiftool -b -MPImage2 {shlex.quote(file_of(image))} > right.jpg"
        )
    raise InvalidInput(
        f"{name} holds {frames} frames ({image.format or 'animated'}): take out one for each view, e.g. with "
        f"{command(image, frame=0, output='left.png')} and {command(image, frame=1, output='right.png')}"
    )


def _is_served_by_others(image: Any) -> bool:
    """Whether the other pictures of an MPO file are a preview, gain map or depth map of the first one.

    The types of its list tell views and previews; for others, which cameras leave undefined, size and channels tell.
    """
    if image.format != "MPO" or image.tell() != 0:
        return False
    kinds = [entry["Attribute"]["MPType"] for entry in image.mpinfo[_ENTRIES]]
    if any(kind.startswith(_VIEWS) for kind in kinds):
        return False
    if _has_gain_map(image):
        return True
    numbers = [number for number, kind in enumerate(kinds) if number and not kind.startswith(_THUMBNAILS)]
    try:
        place = image._fp.tell()
        image._fp.seek(0)
        data = image._fp.read()
        image._fp.seek(place)
    except (OSError, ValueError):  # closed
        return False
    with warnings.catch_warnings():
        # Pillow warns of very large pictures; nothing of these is decoded.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        with Image.open(io.BytesIO(data)) as twin:  # a seek that fails would leave the caller's image damaged
            return not any(_is_view_beside(twin, number, (image.size, image.mode)) for number in numbers)


def _is_view_beside(image: Any, number: int, first: tuple[tuple[int, int], str]) -> bool:
    try:
        image.seek(number)
    except MemoryError:
        raise
    except Exception:  # a list whose places are not those of pictures, as when others were cut off: nothing is there
        return False
    return (image.size, image.mode) == first and not _has_gain_map(image)


def _has_gain_map(image: Any) -> bool:
    return any(mark in content for _, content in image.applist for mark in _GAIN_MAPS)
