"""A picture as it is stored, with what is needed to show it: how it is turned, and whether it is grey."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from ..container.metadata import NO_METADATA, Metadata
from ..container.shown import AS_STORED, FLIPS_COLUMNS, FLIPS_ROWS, Channels, exchanges_sides
from ..errors import InvalidInput
from .icc import in_one_profile

_Array = TypeVar("_Array", bound=NDArray[Any])


@dataclass(frozen=True)
class Picture:
    """A picture in 8 bits, as it is stored.

    pixels: (H, W, 3) uint8, C-contiguous; three equal channels where `channels` is not RGB. orientation: how it is
    turned to be shown, 1 to 8 as in Exif. metadata: what its file says of it otherwise.
    """

    pixels: NDArray[np.uint8]
    channels: Channels = Channels.RGB
    orientation: int = AS_STORED
    metadata: Metadata = NO_METADATA

    def upright(self) -> Picture:
        """The picture as it is shown, which needs no more turning."""
        if self.orientation == AS_STORED:
            return self
        return replace(self, pixels=turned(self.pixels, self.orientation), orientation=AS_STORED)

    def shown(self) -> NDArray[np.uint8]:
        """What a decoder gives for it: upright, (H, W, 3), or (H, W) for one channel."""
        pixels = self.upright().pixels
        return np.ascontiguousarray(pixels[..., 0]) if self.channels is Channels.GREY else pixels

    def __repr__(self) -> str:
        """Its size, and what is known of it."""
        return f"Picture({_described(self, self.metadata)})"

    def _repr_png_(self) -> bytes:
        """What a notebook shows."""
        from .preview import preview_png

        return preview_png([self.shown()], self.metadata)


@dataclass(frozen=True)
class StereoPair:
    """Two views of one size that are shown alike, and what is known of both; see `as_pair`."""

    left: Picture
    right: Picture
    metadata: Metadata = NO_METADATA

    def __iter__(self) -> Iterator[Picture]:
        """The two views."""
        return iter((self.left, self.right))

    def __repr__(self) -> str:
        """The size of a view, and what is known of both."""
        return f"StereoPair({_described(self.left, self.metadata)})"

    def _repr_png_(self) -> bytes:
        """What a notebook shows: both views side by side."""
        from .preview import preview_png

        return preview_png([view.shown() for view in self], self.metadata)


def _described(picture: Picture, metadata: Metadata) -> str:
    height, width = picture.pixels.shape[:2]
    parts = [f"{width}x{height}", picture.channels.name]
    if picture.orientation != AS_STORED:
        parts.append(f"orientation={picture.orientation}")
    if metadata.layout is not None:
        parts.append(f"layout={metadata.layout.value}")
    parts += [name for name in ("icc_profile", "exif", "xmp", "calibration") if getattr(metadata, name) is not None]
    return ", ".join(parts)


def turned(array: _Array, orientation: int) -> _Array:
    """What is stored with an orientation of Exif, (H, W) or (H, W, C), as it is shown; C-contiguous."""
    shown: Any = array.swapaxes(0, 1) if exchanges_sides(orientation) else array
    if orientation in FLIPS_COLUMNS:
        shown = shown[:, ::-1]
    if orientation in FLIPS_ROWS:
        shown = shown[::-1]
    return cast("_Array", np.ascontiguousarray(shown))


def turning_back(orientation: int) -> int:
    """The orientation that undoes another one: what is shown, turned by it, is what was stored."""
    return {6: 8, 8: 6}.get(orientation, orientation)


def as_pair(left: Picture, right: Picture) -> StereoPair:
    """Two views of one size that are shown alike.

    Metadata are those of the left view; what it has none of is taken from the right one. Both views get one ICC profile
    (`icc.in_one_profile`), and the pixels of the right one are converted to it where they had another.

    Both keep an orientation that they share; of different ones, both are made upright. A pair is grey where both views
    are: it has one channel where both had, and otherwise three equal ones.

    Raises InvalidInput for views of different size (width x height in pixels), and for profiles that pixels cannot be
    converted between.
    """
    before = left.orientation, right.orientation
    if left.orientation != right.orientation:
        left, right = left.upright(), right.upright()
    (left_height, left_width), (right_height, right_width) = (view.pixels.shape[:2] for view in (left, right))
    if (left_height, left_width) != (right_height, right_width):
        raise InvalidInput(
            f"left is {left_width}x{left_height}, right is {right_width}x{right_height}{turned_text(*before)}: "
            "the two views of a rectified pair have one size, crop or rectify them first"
        )
    channels = _in_common(left.channels, right.channels)
    metadata = (left.metadata, right.metadata)
    pixels, profile = in_one_profile([left.pixels, right.pixels], [known.icc_profile for known in metadata], channels)
    left, right = (
        Picture(view, channels, left.orientation, replace(known, icc_profile=profile))
        for view, known in zip(pixels, metadata, strict=True)
    )
    return StereoPair(left, right, left.metadata.filled_from(right.metadata))


def turned_text(first: int, second: int) -> str:
    """What a message on the sizes of two pictures adds where they are turned differently."""
    return "" if first == second else f" when shown (Exif orientations {first} and {second})"


def _in_common(first: Channels, second: Channels) -> Channels:
    if Channels.RGB in (first, second):
        return Channels.RGB
    return first if first is second else Channels.GREY_RGB


def channels_of(pixels: NDArray[Any]) -> Channels:
    """What three channels (H, W, 3) hold: RGB, or one picture three times."""
    some_rows = pixels[:: max(1, len(pixels) // 16)]  # tell most pictures in colour at a fraction of the time
    return Channels.GREY_RGB if _is_grey(some_rows) and _is_grey(pixels) else Channels.RGB


def _is_grey(pixels: NDArray[Any]) -> bool:
    green = pixels[..., 1]
    return np.array_equal(pixels[..., 0], green) and np.array_equal(pixels[..., 2], green)
