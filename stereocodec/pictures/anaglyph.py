"""Red-cyan anaglyphs: both views in one picture, for glasses whose left filter is red and whose right one is cyan.

The matrices are those of E. Dubois, "Conversion of a stereo pair to anaglyph with the least-squares projection method",
University of Ottawa, March 2009, which follows from his "A projection method to generate anaglyph stereo images",
ICASSP 2001. They are chosen so that each eye sees, through its filter, colours as near to those of its view as can be.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .strips import strips

# Rows are red, green and blue of the anaglyph; columns are those of a view.
DUBOIS_LEFT = ((0.437, 0.449, 0.164), (-0.062, -0.062, -0.024), (-0.048, -0.050, -0.017))
DUBOIS_RIGHT = ((-0.011, -0.032, -0.007), (0.377, 0.761, 0.009), (-0.026, -0.093, 1.234))


def anaglyph(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The anaglyph of two views of one size, (H, W, 3) uint8 in sRGB; so is the result.

    As published, the matrices multiply linear light: values are decoded by the curve of sRGB (IEC 61966-2-1), both
    products are added, cut to 0..1, and encoded again.
    """
    linear = _linear(np.arange(256) / 255).astype(np.float32)
    matrices = np.hstack([DUBOIS_LEFT, DUBOIS_RIGHT]).astype(np.float32).T
    mixed = np.empty_like(left)
    for part in strips(*left.shape[:2]):
        light = linear[np.concatenate([left[part], right[part]], axis=2)] @ matrices
        mixed[part] = np.rint(255 * _encoded(light.clip(0, 1)))
    return mixed


def _linear(values: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _encoded(light: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
