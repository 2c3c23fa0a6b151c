"""Pictures and depth maps as text in a page."""

from __future__ import annotations

import base64
import io
import zlib
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, features

from ..pictures.pixel_shape import size_within

_Array = TypeVar("_Array", bound=NDArray[Any])
_WEBP_MAX_SIDE = 16383
# Lossless: as small as the slowest settings but for 2 %, and as fast as PNG, which takes half as much again.
_WEBP = {"lossless": True, "quality": 50, "method": 2, "exact": True}


def data_uri(pixels: NDArray[np.uint8], profile: bytes | None) -> str:
    """A picture (H, W, 3), or (H, W) for a grey one, as a data URI, with its ICC profile and without any loss."""
    packed = io.BytesIO()
    # WebP has no grey, so that the profile of a grey picture would not fit.
    as_webp = pixels.ndim == 3 and max(pixels.shape) <= _WEBP_MAX_SIDE and features.check("webp")
    kind, settings = ("webp", _WEBP) if as_webp else ("png", {})
    Image.fromarray(pixels).save(packed, kind, icc_profile=profile, **settings)
    return f"data:image/{kind};base64,{base64.b64encode(packed.getvalue()).decode()}"


def packed_samples(samples: NDArray[np.uint8] | NDArray[np.uint16]) -> str:
    """A depth map (H, W), as `unpacked` of depth.js reads it.

    That is base64 of zlib of the differences to the sample on the left, modulo 2**16 and row by row: all low bytes
    before all high ones.
    """
    differences = samples.astype(np.uint16)
    differences[:, 1:] -= samples[:, :-1]
    planes = (differences & 255).astype(np.uint8).tobytes() + (differences >> 8).astype(np.uint8).tobytes()
    return base64.b64encode(zlib.compress(planes)).decode()


def scaled_down(array: _Array, max_side: int) -> _Array:
    """An array (H, W, 3) or (H, W) with sides of at most `max_side`, or itself.

    Samples of 16 bits are taken as they are, every so many: a mean of depths is at no surface.
    """
    height, width = array.shape[:2]
    if max(height, width) <= max_side:
        return array
    resampling = Image.Resampling.LANCZOS if array.dtype == np.uint8 else Image.Resampling.NEAREST
    resized: Any = np.asarray(Image.fromarray(array).resize(size_within((width, height), max_side), resampling))
    return resized  # type: ignore[no-any-return]
