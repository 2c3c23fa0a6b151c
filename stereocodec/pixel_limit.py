"""How large a picture may be decoded: files come from anywhere, and a few bytes can ask for gigabytes."""

from __future__ import annotations

import os
import sys

from .errors import InvalidInput, LimitExceeded

DEFAULT_MAX_PIXELS = 25_000_000
"""Of each view with its padding: pairs of phones, up to 24 megapixels, are below it."""

ANY_SIZE = sys.maxsize
"""The limit for files of one's own making."""

MAX_PIXELS_VARIABLE = "STEREOCODEC_MAX_PIXELS"


def require_fewer_pixels(
    size: tuple[int, int], padded: tuple[int, int], max_pixels: int | None, *, in_bands: bool = False
) -> None:
    """Raises LimitExceeded for views that are decoded from more than `max_pixels` pixels each.

    size, padded: sides in pixels without and with what networks need beyond the edges, in one order. max_pixels: at
    least 1; None for the environment's STEREOCODEC_MAX_PIXELS, or else DEFAULT_MAX_PIXELS, and as many as a file may
    have where views are coded in bands, which take far less memory. Raises InvalidInput for another limit.
    """
    limit = _limit(max_pixels, ANY_SIZE if in_bands else DEFAULT_MAX_PIXELS)
    pixels = padded[0] * padded[1]
    if pixels > limit:
        raise LimitExceeded(
            f"views of {size[1]}x{size[0]} pixels are decoded as {padded[1]}x{padded[0]}, and {pixels} pixels are "
            f"above the limit of {limit}: if you trust the file and have the memory, decode with --max-pixels {pixels} "
            f"(max_pixels= in Python, or {MAX_PIXELS_VARIABLE} in the environment)"
        )


def _limit(given: int | None, default: int) -> int:
    if given is not None:
        if isinstance(given, bool) or not isinstance(given, int) or given < 1:
            raise InvalidInput(f"max_pixels is {given!r}; it must be a whole number of pixels above 0")
        return given
    text = os.environ.get(MAX_PIXELS_VARIABLE, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) > 0):
        raise InvalidInput(f"{MAX_PIXELS_VARIABLE} is {text!r:.40}; set it to a whole number above 0, or unset it")
    return int(text)
