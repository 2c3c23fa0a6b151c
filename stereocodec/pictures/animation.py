"""Files of several pictures that Pillow reads, other than MPO: animations, and TIFF of several pages."""

from __future__ import annotations

from dataclasses import replace

from PIL import Image

from ..container.layouts import MPO_LAYOUT
from ..container.shown import Channels
from ..errors import InvalidInput
from .picture import Picture, StereoPair, as_pair
from .pil import check_size, open_image, pil_picture, undamaged
from .source import PairSource, beyond_the_end

# How files begin, from which place on: GIF, APNG, WebP, TIFF, BigTIFF, AVIF sequences.
_BEGINNINGS = (
    (0, b"GIF8"),
    (0, b"\x89PNG"),
    (8, b"WEBP"),
    (0, b"II*\0"),
    (0, b"MM\0*"),
    (0, b"II+\0"),
    (0, b"MM\0+"),
    (4, b"ftypavis"),
)


def read_animation(source: PairSource) -> StereoPair | Picture | None:
    """Both views in the two frames or pages of a file, with the layout `mpo`; otherwise frame `source.frame` alone.

    Raises InvalidInput: damaged, a frame beyond the end, more than two views, and neither that layout nor a frame; what
    Pillow gives for a frame is refused as `pil.pil_picture` does.
    """
    if not any(source.head.startswith(mark, place) for place, mark in _BEGINNINGS):
        return None
    with source.open() as file:
        image, name = open_image(file, source.name)
        with image:
            check_size(*image.size, name, views=2)
            count = undamaged(lambda: int(getattr(image, "n_frames", 1)), name)
            if count == 1:
                return None
            if source.layout == MPO_LAYOUT:
                if count != 2 or source.frame is not None:
                    raise InvalidInput(f"{name} holds {count} frames: the layout mpo takes both of two, and no --frame")
                return as_pair(*(_frame(image, number, source, views=1) for number in range(2)))
            if source.frame is None:
                both = ", or --layout mpo if they are the left and the right view" if count == 2 else ""
                raise InvalidInput(
                    f"{name} holds {count} frames ({image.format}): give --frame N and a --layout for one that holds "
                    f"both views{both}"
                )
            if source.frame >= count:
                raise beyond_the_end(name, count, source.frame)
            return _frame(image, source.frame, source, views=2)


def _frame(image: Image.Image, number: int, source: PairSource, views: int) -> Picture:
    undamaged(lambda: image.seek(number), source.name)
    picture = pil_picture(image, source.name, source.background, views=views, is_frame=True)
    # A GIF has palettes alone, but Pillow gives its later frames in RGB.
    is_grey = image.format == "GIF" and picture.channels is Channels.GREY_RGB
    return replace(picture, channels=Channels.GREY) if is_grey else picture
