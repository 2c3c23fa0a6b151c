"""ICC profiles: what they are for, what they are called, and pixels of one profile in the terms of another.

The layout is that of ICC.1:2022. Little CMS, which Pillow has, reads them where their colours are needed; nothing else
here needs more than the standard library.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from ..container.shown import Channels
from ..errors import InvalidInput
from ..text import reason_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HEADER_BYTES = 128
_SPACE, _MARK = slice(16, 20), slice(36, 40)  # of the colours of pixels, and that of all profiles
_GREY, _COLOUR = b"GRAY", b"RGB "
_SPACES = {Channels.RGB: _COLOUR, Channels.GREY_RGB: _COLOUR, Channels.GREY: _GREY}
_MODES = {_COLOUR: "RGB", _GREY: "L"}
_MOST_NAME, _MOST_RECORDS = 200, 100


def fits(profile: bytes, channels: Channels) -> bool:
    """Whether a profile is one, and for pictures of these channels; looks at its header alone."""
    return profile[_MARK] == b"acsp" and profile[_SPACE] == _SPACES[channels]


def checked_profile(profile: bytes, channels: Channels) -> bytes:
    """The profile, if pictures of these channels can have it; raises ValueError, which goes on from "the profile"."""
    if len(profile) < _HEADER_BYTES or profile[_MARK] != b"acsp":
        raise ValueError("is no ICC profile")
    if not fits(profile, channels):
        space, own = (name.decode("latin-1").strip() for name in (profile[_SPACE], _SPACES[channels]))
        raise ValueError(f"is for {space}, and the picture is {own}")
    from PIL import ImageCms

    try:
        ImageCms.ImageCmsProfile(BytesIO(profile))
    except ImportError:  # Pillow was built without Little CMS
        return profile
    except (OSError, ImageCms.PyCMSError) as error:
        raise ValueError("is damaged") from error
    return profile


def profile_name(profile: bytes) -> str | None:
    """What a profile calls itself, as far as it can be read."""
    try:
        (count,) = struct.unpack_from(">I", profile, _HEADER_BYTES)
        for index in range(min(count, _MOST_RECORDS)):
            tag, place, size = struct.unpack_from(">4sII", profile, _HEADER_BYTES + 4 + 12 * index)
            if tag == b"desc":
                return _text(profile[place : place + size]) or None
    except struct.error:  # cut off
        pass
    return None


def in_one_profile(
    views: Sequence[NDArray[np.uint8]], profiles: Sequence[bytes | None], channels: Channels
) -> tuple[list[NDArray[np.uint8]], bytes | None]:
    """Pictures (H, W, 3) uint8 with the colours that they had, and the one profile that they then have in common.

    That is the first one that fits their channels; the pixels of others are converted to it, relative to the white.
    A picture without a profile has that of the others. Where none fits there is none. Raises InvalidInput for profiles
    that pixels cannot be converted between.
    """
    target = next((profile for profile in profiles if profile is not None and fits(profile, channels)), None)
    if target is None:
        return list(views), None
    return [
        view if profile is None or _are_alike(profile, target) else _converted(view, profile, target, channels)
        for view, profile in zip(views, profiles, strict=True)
    ], target


def _are_alike(profile: bytes, other: bytes) -> bool:
    """Whether two profiles of one colour space mean the same, though their headers may have other dates."""
    return profile[_SPACE] == other[_SPACE] and profile[_HEADER_BYTES:] == other[_HEADER_BYTES:]


def _converted(view: NDArray[np.uint8], profile: bytes, target: bytes, channels: Channels) -> NDArray[np.uint8]:
    from PIL import Image, ImageCms

    try:
        image = Image.fromarray(view if profile[_SPACE] == _COLOUR else np.ascontiguousarray(view[..., 0]))
        transform: Any = ImageCms.buildTransform(
            BytesIO(profile),
            BytesIO(target),
            _MODES[profile[_SPACE]],
            _MODES[target[_SPACE]],
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
        )
        pixels = np.asarray(ImageCms.applyTransform(image, transform))
    except (ImportError, OSError, ValueError, ImageCms.PyCMSError) as error:
        raise InvalidInput(
            f"left and right have different ICC profiles, and cannot be converted to one ({reason_of(error)}): "
            "convert both to sRGB first"
        ) from error
    grey = pixels if pixels.ndim == 2 else None if channels is Channels.RGB else pixels[..., 1]
    return np.ascontiguousarray(pixels if grey is None else np.repeat(grey[..., None], 3, axis=-1))


def _text(element: bytes) -> str:
    """The text of an element of the types that hold names: of version 2, and of version 4 in several languages."""
    if element[:4] == b"desc":
        (count,) = struct.unpack_from(">I", element, 8)
        return element[12 : 12 + min(count, _MOST_NAME)].split(b"\0")[0].decode("latin-1").strip()
    if element[:4] != b"mluc":
        return ""
    (count,) = struct.unpack_from(">I", element, 8)
    records = [struct.unpack_from(">2s2xII", element, 16 + 12 * index) for index in range(min(count, _MOST_RECORDS))]
    if not records:
        return ""
    _, length, place = next((record for record in records if record[0] == b"en"), records[0])
    raw = element[place : place + min(length, 2 * _MOST_NAME)]
    return raw[: len(raw) // 2 * 2].decode("utf-16-be", "replace").split("\0")[0].strip()
