"""Pictures of any colour space that a profile describes, in sRGB."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms


def to_srgb(pixels: NDArray[np.uint8], icc_profile: bytes | None) -> NDArray[np.uint8]:
    """A picture, (H, W, 3) or (H, W), converted from its profile: (H, W, 3) in sRGB, relative colorimetric.

    Without a profile, and with one that cannot be used, its values are taken for those of sRGB.
    """
    image = Image.fromarray(pixels)
    if icc_profile is None:
        return np.asarray(image.convert("RGB"))
    try:
        converted = ImageCms.profileToProfile(
            image,
            ImageCms.ImageCmsProfile(io.BytesIO(icc_profile)),
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImportError, ImageCms.PyCMSError, OSError, ValueError):  # no Little CMS, no profile, or of other channels
        return np.asarray(image.convert("RGB"))
    assert converted is not None  # as it is not made in place
    return np.asarray(converted)
