"""A small pair to save in all forms, what it is in them, and how tests read it back."""

from __future__ import annotations

import numpy as np
from icc_profiles import DISPLAY_P3, matrix_profile
from PIL import ExifTags, Image

HEIGHT, WIDTH = 6, 16
LEFT, RIGHT = np.random.default_rng(0).integers(0, 256, (2, HEIGHT, WIDTH, 3), dtype=np.uint8)
WIDE = matrix_profile(DISPLAY_P3, "wide")
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'
JOINED = {
    "sbs": np.hstack([LEFT, RIGHT]),
    "sbs-cross": np.hstack([RIGHT, LEFT]),
    "tb": np.vstack([LEFT, RIGHT]),
    "tb-cross": np.vstack([RIGHT, LEFT]),
}


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def exif():
    data = Image.Exif()
    data[ExifTags.Base.Make] = "Camera"
    return data.tobytes().removeprefix(b"Exif\0\0")
