"""How decoded pictures are shown: in colour or grey, and turned; two fields of the flags of a `.bsc` file.

`docs/format.md` states the same. This module needs the standard library alone.
"""

from __future__ import annotations

import enum

AS_STORED = 1  # the orientation of pictures that are shown as they are stored
ORIENTATIONS = range(AS_STORED, 9)
FLIPS_COLUMNS, FLIPS_ROWS = (2, 3, 6, 7), (3, 4, 7, 8)
_CHANNELS_SHIFT, _ORIENTATION_SHIFT = 1, 3  # bits of the flags


class Channels(enum.IntEnum):
    """What the channels of colour pictures are."""

    RGB = 0
    GREY = 1  # pictures of one channel (since 1.2)
    GREY_RGB = 2  # three channels that are equal everywhere (since 1.2)

    @property
    def words(self) -> str:
        """The same for people."""
        return {"RGB": "RGB", "GREY": "grey"}.get(self.name, "grey in three equal channels")


def to_flags(channels: Channels, orientation: int) -> int:
    """Both fields as bits of the flags."""
    return channels << _CHANNELS_SHIFT | (orientation - AS_STORED) << _ORIENTATION_SHIFT


SHOWN_FLAGS = frozenset(to_flags(channels, orientation) for channels in Channels for orientation in ORIENTATIONS)
"""All values that both fields together can have."""


def from_flags(flags: int) -> tuple[Channels, int]:
    """Channels and orientation of flags whose bits are among SHOWN_FLAGS; other bits are not looked at."""
    return Channels(flags >> _CHANNELS_SHIFT & 3), AS_STORED + (flags >> _ORIENTATION_SHIFT & 7)


def stored_rectangle(
    rectangle: tuple[int, int, int, int], shown_size: tuple[int, int], orientation: int
) -> tuple[int, int, int, int]:
    """Where a part of what is shown is stored: column, row, width and height; shown_size: width and height of all."""
    x, y, width, height = rectangle
    if orientation in FLIPS_COLUMNS:
        x = shown_size[0] - x - width
    if orientation in FLIPS_ROWS:
        y = shown_size[1] - y - height
    return (y, x, height, width) if exchanges_sides(orientation) else (x, y, width, height)


def exchanges_sides(orientation: int) -> bool:
    """Whether width becomes height when a picture of this orientation is shown."""
    return orientation > 4
