"""Parts of pictures that are wanted alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from .container import Container
from .container.shown import stored_rectangle
from .errors import InvalidInput
from .pictures.arguments import plain_number

Rectangle: TypeAlias = tuple[int, int, int, int]
"""Column, row, width and height of a part of a picture, in pixels."""


def stored_region(region: Rectangle | None, container: Container) -> Rectangle:
    """Where a part of what is shown is stored, or all of it.

    Raises InvalidInput for what is no rectangle within the pictures.
    """
    shown = container.shown_size
    if region is None:
        return 0, 0, container.width, container.height
    numbers = tuple(map(plain_number, region)) if isinstance(region, Sequence) else ()
    if len(numbers) != 4 or not all(isinstance(number, int) and not isinstance(number, bool) for number in numbers):
        raise InvalidInput(f"region is {region!r}; give column, row, width and height as whole numbers")
    x, y, width, height = numbers
    if not (0 <= x < x + width <= shown[0] and 0 <= y < y + height <= shown[1]):
        raise InvalidInput(f"region is {x},{y},{width},{height}; it must be within the views of {shown[0]}x{shown[1]}")
    return stored_rectangle((x, y, width, height), shown, container.orientation)
