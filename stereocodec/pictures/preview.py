"""Small pictures of what a notebook holds."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..container.metadata import Metadata
from .pixel_shape import SQUARE, pixel_aspect, reshaped_size, size_within

_SIDE = 400  # of each picture: two of noise, which nothing packs, are below a megabyte


def preview_png(pictures: Sequence[NDArray[np.uint8]], metadata: Metadata) -> bytes:
    """Pictures of one size, (H, W, 3) or (H, W), upright, as the bytes of one small PNG file, beside each other.

    metadata: those whose profile the colours have, and whose layout tells whether pixels are square.
    """
    height, width = pictures[0].shape[:2]
    size = size_within(reshaped_size((width, height), pixel_aspect(metadata.layout), SQUARE), _SIDE)
    small = [np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX)) for picture in pictures]
    file = io.BytesIO()
    Image.fromarray(np.hstack(small)).save(file, "PNG", icc_profile=metadata.icc_profile)
    return file.getvalue()
