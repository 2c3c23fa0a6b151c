"""Pictures as Pillow gives them: opening files, and what of them a `.bsc` file can hold.

Whatever it cannot hold (transparency, more than 8 bits, other colour spaces, animation) is refused with the way out.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, TiffImagePlugin, UnidentifiedImageError

from ..container.limits import MAX_PIXELS, MAX_SIDE
from ..container.shown import AS_STORED, ORIENTATIONS, Channels
from ..errors import InvalidInput
from ..text import reason_of
from .alpha import Background, flattened
from .bit_depth import is_cut_to_8_bits
from .heif_opener import open_file
from .nclx_profile import profile_of_nclx
from .picture import Picture, channels_of, turning_back
from .picture_metadata import has_colour_profile, metadata_of, orientation_in, tiff_exif
from .several import check_is_single
from .shell import command
from .strips import strips

_T = TypeVar("_T")

# Modes that hold no more than 8-bit RGB does, and alpha.
_EXPANDABLE = ("1", "L", "P", "RGB", "LA", "La", "PA", "RGBA", "RGBa")
_DEEP = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")
_TRANSPOSES = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def load_image(source: str | os.PathLike[str] | IO[bytes], name: str | None = None) -> Image.Image:
    """One picture from a path or a binary file object, upright, in mode L or RGB; raises what `load_picture` raises."""
    return Image.fromarray(load_picture(source, name).shown())


def load_picture(
    source: str | os.PathLike[str] | IO[bytes],
    name: str | None = None,
    background: Background | None = None,
    *,
    views: int = 1,
) -> Picture:
    """Open and fully decode one picture from a path or a binary file object, as it is stored.

    Args:
        source: a path, or a file object open for reading bytes.
        name: what error messages call the picture; the path when not given.
        background: what transparent parts are laid onto.
        views: how many it holds, each of which may be as large as the format allows.

    Raises:
        InvalidInput: missing, unreadable, not a picture, damaged, or one that `pil_picture` refuses. The size
            is checked before the pixels are decoded.
    """
    opened, name = open_image(source, name)
    with opened:
        return pil_picture(opened, name, background, views=views)


def open_image(source: str | os.PathLike[str] | IO[bytes], name: str | None) -> tuple[Image.Image, str]:
    """Open one picture without decoding its pixels; returns it and what error messages call it.

    Raises:
        InvalidInput: missing, unreadable, or not a picture.
    """
    if name is None:
        name = str(Path(source)) if isinstance(source, str | os.PathLike) else "the picture"
    try:
        with warnings.catch_warnings():
            # Pillow warns of very large pictures, which are above the format's limit and refused below, and of lists of
            # further pictures in a JPEG that cannot be read, which is then its first one.
            warnings.simplefilter("ignore")
            return open_file(source, name), name
    except InvalidInput:
        raise
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InvalidInput(_why_not_opened(error, name)) from error
    except Exception as error:  # decoders of damaged files raise whatever comes up, e.g. struct.error
        raise InvalidInput(f"{name} is damaged: {reason_of(error)}") from error


def check_size(width: int, height: int, name: str, views: int = 1) -> None:
    """Raises InvalidInput for a picture of some views without pixels, or with too many for the format."""
    if width < 1 or height < 1:
        raise InvalidInput(f"{name} has no pixels: its size is {width}x{height}")
    if max(width, height) > MAX_SIDE or width * height > views * MAX_PIXELS:
        raise InvalidInput(
            f"{name} is {width}x{height}: a .bsc file holds sides of up to {MAX_SIDE} and "
            f"up to {MAX_PIXELS} pixels per view, scale it down or cut it into tiles"
        )


def pil_picture(
    image: Image.Image, name: str, background: Background | None = None, *, views: int = 1, is_frame: bool = False
) -> Picture:
    """What a PIL image holds, as it is stored; is_frame: of a file that may have others, the frame it is at.

    Its EXIF orientation is kept. (Pillow turns TIFF files while it decodes them; here they are turned back. One that
    was decoded before is upright.)

    Warns (`MetadataLeftOut`) of metadata that cannot be kept.

    Raises:
        InvalidInput: damaged, or what a `.bsc` file cannot hold: several frames, more than 8 bits, transparent parts
            without a `background` (see `alpha.Background`), other colours than RGB and grey.
    """
    _check_open(image, name)
    _check_stored(image, name, views, is_frame)
    exif = tiff_exif(image, name) if isinstance(image, TiffImagePlugin.TiffImageFile) else None
    named_profile = profile_of_nclx(image)
    stored = load_pixels(image, name)
    orientation = stored_orientation(stored) or AS_STORED
    opaque = flattened(stored, name, background)
    pixels = _samples(opaque)
    channels = Channels.GREY if opaque.mode in ("1", "L") else channels_of(pixels)
    if stored.mode in ("P", "PA") and channels is Channels.GREY_RGB and not has_colour_profile(stored):
        channels = Channels.GREY  # a palette of greys
    metadata = metadata_of(stored, channels, name, exif)
    if metadata.icc_profile is None and channels is not Channels.GREY:
        metadata = replace(metadata, icc_profile=named_profile)
    return Picture(pixels, channels, orientation, metadata)


def _samples(image: Image.Image) -> NDArray[np.uint8]:
    """The pixels of an opaque image, (H, W, 3); it and they are all of its size that is in memory meanwhile."""
    pixels = np.empty((image.height, image.width, 3), np.uint8)
    for rows in strips(image.height, image.width):
        pixels[rows] = np.asarray(image.crop((0, rows.start, image.width, rows.stop)).convert("RGB"))
    return pixels


def _check_open(image: Image.Image, name: str) -> None:
    """Refuse a picture that was closed before its pixels were decoded."""
    file = getattr(image, "fp", None)
    if file is not None and not getattr(file, "closed", False):
        return
    try:
        image.load()  # does nothing when the pixels are there
    except MemoryError:
        raise
    except Exception as error:
        raise InvalidInput(
            f"{name} is a picture that was closed: pass it while it is open, or image.copy() made before it is closed"
        ) from error


def _check_stored(image: Image.Image, name: str, views: int, is_frame: bool) -> None:
    """Refuse what cannot be kept; looks at the header alone, the pixels need not be decoded yet."""
    check_size(*image.size, name, views)
    if not is_frame:
        guarded(lambda: check_is_single(image, name), name)
    if image.mode in _DEEP or is_cut_to_8_bits(image):
        raise InvalidInput(
            f"{name} has more than 8 bits per channel (mode {image.mode}), a .bsc file holds 8: reduce it first, "
            f"e.g. with {command(image, '-depth 8')}"
        )
    if image.mode not in _EXPANDABLE:
        raise InvalidInput(
            f"{name} is {image.mode}, not RGB: convert it first, e.g. with {command(image, '-colorspace sRGB')}"
        )


def load_pixels(image: Image.Image, name: str) -> Image.Image:
    """A picture with its pixels decoded, as they are stored, and with its orientation.

    That is `image`, or a copy of a TIFF file, whose pixels Pillow turns upright itself.
    Raises InvalidInput when they are damaged.
    """
    before = stored_orientation(image) if isinstance(image, TiffImagePlugin.TiffImageFile) else None
    undamaged(image.load, name)
    if before is None:
        return image
    stored = image.copy() if before == AS_STORED else image.transpose(_TRANSPOSES[turning_back(before)])
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = before
    stored.info["exif"] = exif.tobytes()
    return stored


def stored_orientation(image: Image.Image) -> int | None:
    """The orientation in a picture's metadata, 1 to 8; None if it has none, or none that can be read."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except MemoryError:
        raise
    except Exception:  # Pillow reports damage by whatever comes up; what can be kept of Exif has one nevertheless
        orientation = orientation_in(image.info.get("exif"))
    return int(orientation) if orientation is not None and orientation in ORIENTATIONS else None


def undamaged(decode: Callable[[], _T], name: str) -> _T:
    """`decode()` of a file; decoders of damaged ones raise whatever comes up, of which this makes InvalidInput."""
    try:
        return decode()
    except MemoryError:
        raise
    except Exception as error:
        raise InvalidInput(f"{name} is truncated or damaged: {reason_of(error)}") from error


def guarded(read: Callable[[], _T], name: str) -> _T:
    """`read()` of metadata, whose damage Pillow reports by whatever exception comes up."""
    try:
        return read()
    except (MemoryError, InvalidInput):
        raise
    except Exception as error:
        raise InvalidInput(
            f"{name} has damaged metadata ({reason_of(error)}): write the picture again without it"
        ) from error


def _why_not_opened(error: Exception, name: str) -> str:
    if isinstance(error, Image.DecompressionBombError):
        return f"{name} has too many pixels: a .bsc file holds up to {MAX_PIXELS} per view, scale it down"
    if isinstance(error, FileNotFoundError):
        return f"{name}: no such file"
    if isinstance(error, IsADirectoryError):
        return f"{name} is a folder: name a picture"
    if isinstance(error, PermissionError):
        return f"{name} cannot be read: permission denied"
    if isinstance(error, UnidentifiedImageError):
        return f"{name} is not a picture that Pillow can read: use PNG, TIFF, JPEG or another of its formats"
    return f"{name} cannot be read: {reason_of(error)}"
