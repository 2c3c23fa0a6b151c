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


def split(picture: Picture, layout: Layout, name: str) -> StereoPair:
    """The pair in a picture that holds both views.

    The picture is made upright first, because a layout is about what is seen. The pair's metadata name the layout.
    Raises InvalidInput for an odd width (views side by side) or height (top and bottom).
    """
    pixels = picture.upright().pixels
    axis = 1 if layout.beside else 0
    if pixels.shape[axis] % 2:
        side = "width" if layout.beside else "height"
        raise InvalidInput(
            f"{name} has an odd {side}, {pixels.shape[axis]} pixels: {layout.value} needs two views of one size, "
            "crop it"
        )
    first, second = (np.ascontiguousarray(half) for half in np.split(pixels, 2, axis=axis))
    left, right = (second, first) if layout.crossed else (first, second)
    metadata = replace(picture.metadata, layout=layout)
    return replace(as_pair(Picture(left, picture.channels), Picture(right, picture.channels)), metadata=metadata)


def join(left: NDArray[np.uint8], right: NDArray[np.uint8], layout: Layout) -> NDArray[np.uint8]:
    """Both views, (H, W, 3) or (H, W), as one picture. Those of half layouts are squeezed already."""
    views = (right, left) if layout.crossed else (left, right)
    return np.concatenate(views, axis=1 if layout.beside else 0)


def reshaped(view: NDArray[np.uint8], aspect: tuple[int, int], wanted: tuple[int, int]) -> NDArray[np.uint8]:
    """A view (H, W, 3) or (H, W), stretched or squeezed to pixels of another aspect, by Pillow's Lanczos filter.

    Half of an odd number is rounded up.
    """
    if aspect == wanted:
        return view
    size = reshaped_size((view.shape[1], view.shape[0]), aspect, wanted)
    return np.asarray(Image.fromarray(view).resize(size, Image.Resampling.LANCZOS))
