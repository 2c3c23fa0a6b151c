"""Pictures with an alpha channel or a transparent colour, which a `.bsc` file cannot hold: laid onto a colour."""

from __future__ import annotations

from typing import Any, TypeAlias

from PIL import Image, ImageColor

from ..errors import InvalidInput
from .shell import command

Background: TypeAlias = str | tuple[int, int, int]
"""A colour: its name, such as "white", "#ffffff" or "rgb(255, 255, 255)" as of Pillow, or three levels of 0 to 255."""


def background_levels(background: Any) -> tuple[int, int, int]:
    """The levels of a `Background`; raises InvalidInput for anything else, and for colours that are not opaque."""
    levels = _named(background) if isinstance(background, str) else background
    if isinstance(levels, tuple | list) and len(levels) == 4 and levels[3] == 255:
        levels = levels[:3]
    if not (isinstance(levels, tuple | list) and len(levels) == 3 and all(_is_level(level) for level in levels)):
        raise InvalidInput(
            f"the background is {background!r}: give an opaque colour, by a name such as white, as #RRGGBB, or in "
            "Python by three levels of 0 to 255"
        )
    red, green, blue = map(int, levels)
    return red, green, blue


def flattened(image: Image.Image, name: str, background: Background | None) -> Image.Image:
    """A decoded image without transparency: itself where it has none, and else in mode L or RGB.

    Raises InvalidInput for transparent parts where there is no background to lay them onto.
    """
    levels = None if background is None else background_levels(background)
    if not image.has_transparency_data:
        return image
    is_grey = image.mode in ("1", "L", "LA", "La")
    rgba = (image.convert("LA") if image.mode == "La" else image).convert("RGBA")
    least, _ = rgba.getchannel("A").getextrema()
    if least != 255:
        if levels is None:
            raise InvalidInput(
                f"{name} has an alpha channel or a transparent colour (mode {image.mode}), which a .bsc file cannot "
                "hold: lay it onto a colour with --background white (in Python background='white'), or with "
                + command(image, "-background white -alpha remove -alpha off")
            )
        is_grey = is_grey and len(set(levels)) == 1
        rgba = Image.alpha_composite(Image.new("RGBA", rgba.size, (*levels, 255)), rgba)
    return rgba.convert("RGB").getchannel("R") if is_grey else rgba.convert("RGB")


def _named(text: str) -> Any:
    try:
        return ImageColor.getrgb(text)
    except ValueError:
        return None


def _is_level(level: Any) -> bool:
    return isinstance(level, int) and not isinstance(level, bool) and 0 <= level <= 255
