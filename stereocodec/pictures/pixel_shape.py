"""Sizes of pictures, and the shape of pixels, which are not square where views were squeezed into half of one."""

from __future__ import annotations

from ..container.layouts import Layout

SQUARE = (1, 1)


def pixel_aspect(layout: Layout | None) -> tuple[int, int]:
    """Width and height of a pixel, in any unit, of views in a layout; square where there is none."""
    if layout is None or not layout.half:
        return SQUARE
    return (2, 1) if layout.beside else (1, 2)


def reshaped_size(size: tuple[int, int], aspect: tuple[int, int], wanted: tuple[int, int]) -> tuple[int, int]:
    """Width and height in pixels of what has `size` with pixels of one aspect, with pixels of another one."""
    across, down = size
    if aspect == wanted:
        return size
    return -(-across * aspect[0] // wanted[0]), -(-down * aspect[1] // wanted[1])


def size_within(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """Width and height of what has `size`, scaled down, if need be, to sides of at most `longest`."""
    factor = min(1, longest / max(size))
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))
