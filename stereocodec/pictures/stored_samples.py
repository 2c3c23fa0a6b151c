"""The samples of a depth map as they stand in a picture's file, where Pillow gives scaled ones.

Pillow stretches brightness to the full range of its modes, which is right for pictures to look at and wrong for depth.
What it does is undone here, or refused where samples are lost.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from PIL import Image

from ..errors import InvalidInput
from .bit_depth import SIZ, file_start, is_cut_to_8_bits
from .pil import guarded, load_pixels
from .several import check_is_single

_DEEP_MODES = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")
# Others hold such samples with offsets or factors of their own.
_DEEP_FORMATS = (None, "PNG", "TIFF", "PPM", "JPEG2000", "MPO")
_REMEMBERED = "_stereocodec_factor"
_WRITE_AGAIN = "write it again as a PNG of 16 bits from the sensor's own samples"
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0


def stored_depth(image: Image.Image, name: str) -> Image.Image:
    """An image of one channel with its pixels decoded, as they are stored, and with its orientation.

    Raises InvalidInput: colour, damaged, several pictures in one file, samples that Pillow does not give whole, or an
    image of 16 bits from PGM or JPEG 2000 that was loaded before: whether it was scaled is not known any more.
    """
    _check(image, name)
    factor = getattr(image, _REMEMBERED, None) or _factor(image, name)
    stored = load_pixels(image, name)
    setattr(image, _REMEMBERED, factor)  # so that the same image gives the same samples again
    if factor == 1:
        return stored
    # Pillow's own rounding is undone: there are no more values in the file than in what it makes of them.
    samples = np.asarray(stored)
    unscaled = Image.fromarray(np.rint(samples * float(factor)).astype(samples.dtype))
    unscaled.info["exif"] = stored.getexif().tobytes()
    return unscaled


def _check(image: Image.Image, name: str) -> None:
    if image.mode not in (*_DEEP_MODES, "L"):
        raise InvalidInput(
            f"{name} is a picture of mode {image.mode}, not a depth map of one channel: pass the sensor's own depth, "
            "a PNG of 16 bits, and not a picture of it in colours"
        )
    guarded(lambda: check_is_single(image, name), name)
    if image.mode == "L" and is_cut_to_8_bits(image):
        raise InvalidInput(f"{name} has more than 8 bits, of which 8 would be read: {_WRITE_AGAIN}")
    if image.mode in _DEEP_MODES and image.format not in _DEEP_FORMATS:
        raise InvalidInput(f"{name} is a {image.format} of more than 8 bits, whose scale is not known: {_WRITE_AGAIN}")
    tags = getattr(image, "tag_v2", {})
    if image.format == "TIFF" and tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        raise InvalidInput(f"{name} is a TIFF with inverted samples (white is zero), which is no depth: {_WRITE_AGAIN}")


def _factor(image: Image.Image, name: str) -> Fraction:
    """What Pillow's values are multiplied by to become those of the file, whose image is not loaded yet."""
    if image.format in ("PPM", "JPEG2000") and image.mode in _DEEP_MODES[:-1] and not getattr(image, "tile", ()):
        raise InvalidInput(
            f"{name} was loaded from {image.format} already, which can scale depth: pass Image.open(path) as it comes"
        )
    for tile in getattr(image, "tile", ()):
        arguments = tile[3] if isinstance(tile[3], tuple) else (tile[3],)
        if tile[0] in ("ppm", "ppm_plain"):
            return Fraction(int(arguments[-1]), 65535 if image.mode == "I" else 255)
        if tile[0] == "jpeg2k":
            return _factor_of_jpeg2000(image, name)
        for layout, levels in (("L;2", 3), ("L;4", 15)):
            if layout in arguments:
                return Fraction(levels, 255)
    return Fraction(1)


def _factor_of_jpeg2000(image: Image.Image, name: str) -> Fraction:
    """Samples of 9 to 15 bits are shifted to 16 bits, those of fewer to 8."""
    start = file_start(image)
    place = start.find(SIZ)
    precision = start[place + 42] if 0 <= place < len(start) - 42 else None
    if precision is None or precision > 15:  # the top bit says that samples have a sign
        raise InvalidInput(f"{name} is a JPEG 2000 of signed samples or more than 16 bits: {_WRITE_AGAIN}")
    bits = precision + 1
    return Fraction(1, 2 ** ((8 if bits <= 8 else 16) - bits))
