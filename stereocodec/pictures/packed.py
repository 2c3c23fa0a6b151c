"""Two views in one picture: taken apart, and put together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..container.layouts import Layout
from ..errors import InvalidInput
from .picture import Picture, StereoPair, as_pair
from .pixel_shape import reshaped_size
from .strips import strips


def split(picture: Picture, layout: Layout, name: str, gap: int = 0) -> StereoPair:
    """The pair in a picture that holds both views.

    The picture is made upright first, because a layout is about what is seen. The pair's metadata name the layout.
    gap: columns (views side by side) or rows between the views, which belong to neither.
    Raises InvalidInput for an odd width (views side by side) or height (top and bottom), or a gap that fills it.
    """
    pixels = picture.upright().pixels
    axis = 1 if layout.beside else 0
    side = (pixels.shape[axis] - gap) // 2
    if 2 * side + gap != pixels.shape[axis] or side < 1:
        what = "width" if layout.beside else "height"
        between = f" with {gap} between the views" if gap else ""
        raise InvalidInput(
            f"{name} has a {what} of {pixels.shape[axis]} pixels{between}, which is not that of two views of one size: "
            f"{layout.value} needs them, crop it"
        )
    first, second = (np.ascontiguousarray(half) for half in np.split(pixels, (side, side + gap), axis=axis)[::2])
    left, right = (second, first) if layout.crossed else (first, second)
    metadata = replace(picture.metadata, layout=layout)
    return replace(as_pair(Picture(left, picture.channels), Picture(right, picture.channels)), metadata=metadata)


def join(left: NDArray[np.uint8], right: NDArray[np.uint8], layout: Layout) -> Image.Image:
    """Both views, (H, W, 3) or (H, W), as one picture. Those of half layouts are squeezed already."""
    height, width = left.shape[:2]
    size = (2 * width, height) if layout.beside else (width, 2 * height)
    both = Image.new("L" if left.ndim == 2 else "RGB", size)
    for number, view in enumerate((right, left) if layout.crossed else (left, right)):
        x, y = (number * width, 0) if layout.beside else (0, number * height)
        for rows in strips(height, width):
            both.paste(Image.fromarray(view[rows]), (x, y + rows.start))
    return both


def reshaped(view: NDArray[np.uint8], aspect: tuple[int, int], wanted: tuple[int, int]) -> NDArray[np.uint8]:
    """A view (H, W, 3) or (H, W), stretched or squeezed to pixels of another aspect, by Pillow's Lanczos filter.

    Half of an odd number is rounded up.
    """
    if aspect == wanted:
        return view
    size = reshaped_size((view.shape[1], view.shape[0]), aspect, wanted)
    return np.asarray(Image.fromarray(view).resize(size, Image.Resampling.LANCZOS))
