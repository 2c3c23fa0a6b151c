"""Pictures as Pillow gives them: opening files, and what of them a `.bsc` file can hold.

Whatever it cannot hold (alpha, more than 8 bits, other colour spaces, animation) is refused with the way out. (Pillow
itself reads 16-bit RGB JPEG 2000 and 10-bit AVIF as 8 bits, without a trace of it.)
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import IO, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from ..container.limits import MAX_PIXELS, MAX_SIDE
from ..errors import InvalidInput

_T = TypeVar("_T")

# Modes that hold no more than 8-bit RGB does, so that expanding them loses nothing.
_EXPANDABLE = ("1", "L", "P", "RGB")
_DEEP = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")


def load_image(source: str | os.PathLike[str] | IO[bytes], name: str | None = None) -> Image.Image:
    """Open and fully decode one picture from a path or a binary file object, upright and checked.

    Args:
        source: a path, or a file object open for reading bytes.
        name: what error messages call the picture; the path when not given.

    Raises:
        InvalidInput: missing, unreadable, not a picture, damaged, or one that `to_rgb8` refuses. The size
            is checked before the pixels are decoded.
    """
    opened, name = open_image(source, name)
    with opened:
        _check_stored(opened, name)
        load_pixels(opened, name)
        return _upright(opened, name)


def open_image(source: str | os.PathLike[str] | IO[bytes], name: str | None) -> tuple[Image.Image, str]:
    """Open one picture without decoding its pixels; returns it and what error messages call it.

    Raises:
        InvalidInput: missing, unreadable, or not a picture.
    """
    if name is None:
        name = str(Path(source)) if isinstance(source, str | os.PathLike) else "the picture"
    try:
        with warnings.catch_warnings():
            # Pillow warns of very large pictures; they are above the format's limit and refused below.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(source), name
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InvalidInput(_why_not_opened(error, name)) from error
    except Exception as error:  # decoders of damaged files raise whatever comes up, e.g. struct.error
        raise InvalidInput(f"{name} is damaged: {_one_line(error)}") from error


def check_size(width: int, height: int, name: str) -> None:
    """Raises InvalidInput for a picture without pixels or above the pixel limits of the format."""
    if width < 1 or height < 1:
        raise InvalidInput(f"{name} has no pixels: its size is {width}x{height}")
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise InvalidInput(
            f"{name} is {width}x{height}: a .bsc file holds sides of up to {MAX_SIDE} and "
            f"up to {MAX_PIXELS} pixels per view, scale it down or cut it into tiles"
        )


def pil_to_rgb8(image: Image.Image, name: str) -> NDArray[np.uint8]:
    """One view as an H x W x 3 uint8 array; what it takes and raises is said at `pictures.rgb.to_rgb8`."""
    _check_stored(image, name)
    load_pixels(image, name)
    upright = _upright(image, name)
    return np.ascontiguousarray(np.asarray(upright if upright.mode == "RGB" else upright.convert("RGB")))


def _check_stored(image: Image.Image, name: str) -> None:
    """Refuse what cannot be kept; looks at the header alone, the pixels need not be decoded yet."""
    check_size(*image.size, name)
    frames = guarded(lambda: getattr(image, "n_frames", 1), name)
    if frames > 1:
        raise InvalidInput(
            f"{name} holds {frames} frames ({image.format or 'animated'}): pass one at a time, "
            "e.g. image.seek(0); left = image.copy(); image.seek(1); right = image.copy()"
        )
    if image.mode in _DEEP or is_stored_deep(image):
        raise InvalidInput(
            f"{name} has more than 8 bits per channel (mode {image.mode}), a .bsc file holds 8: " + _eight_bits(image)
        )
    if image.has_transparency_data:
        raise InvalidInput(
            f"{name} has an alpha channel or a transparent colour (mode {image.mode}), which a .bsc file "
            "cannot hold: remove it, e.g. image.convert('RGBA').convert('RGB')"
        )
    if image.mode not in _EXPANDABLE:
        way_out = "PIL.ImageCms.profileToProfile" if image.mode == "LAB" else "image.convert('RGB')"
        raise InvalidInput(f"{name} is {image.mode}, not RGB: convert it first, e.g. with {way_out}")


def is_stored_deep(image: Image.Image) -> bool:
    """Whether Pillow is about to cut 16-bit samples down to the 8 bits of the mode it reports.

    Known until the pixels are decoded: the decoder's arguments then name the layout in the file, such as
    "RGB;16B" for PNG and TIFF; for PPM they are the mode and the largest value.
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


def _eight_bits(image: Image.Image) -> str:
    if image.mode in _DEEP:
        return "scale its values to 0..255 first, e.g. Image.fromarray((np.asarray(image) // 257).astype(np.uint8))"
    return "reduce it first, e.g. image.convert('RGB')"


def load_pixels(image: Image.Image, name: str) -> None:
    """Decodes a picture's pixels; raises InvalidInput when they are damaged."""
    try:
        image.load()
    except MemoryError:
        raise
    except Exception as error:  # see load_image
        raise InvalidInput(f"{name} is truncated or damaged: {_one_line(error)}") from error


def _upright(image: Image.Image, name: str) -> Image.Image:
    def turned() -> Image.Image:
        if image.getexif().get(ExifTags.Base.Orientation, 1) == 1:
            return image
        return ImageOps.exif_transpose(image)

    return guarded(turned, name)


def guarded(read: Callable[[], _T], name: str) -> _T:
    """`read()` of metadata, whose damage Pillow reports by whatever exception comes up."""
    try:
        return read()
    except MemoryError:
        raise
    except Exception as error:
        raise InvalidInput(
            f"{name} has damaged metadata ({_one_line(error)}): write the picture again without it"
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
    return f"{name} cannot be read: {_one_line(error)}"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
