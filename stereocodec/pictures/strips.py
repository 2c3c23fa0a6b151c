"""Large pictures some rows at a time, for work that would take memory of their size otherwise."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

_PIXELS_AT_ONCE = 2**18


def strips(height: int, width: int, multiple: int = 1) -> Iterator[slice]:
    """The rows of a picture from the first to the last, in slices of about 2^18 pixels.

    multiple: of rows, that every slice but the last one has.
    """
    rows = max(1, _PIXELS_AT_ONCE // (width * multiple)) * multiple
    for top in range(0, height, rows):
        yield slice(top, min(top + rows, height))


def mirror(picture: NDArray[np.uint8]) -> None:
    """Exchanges left and right of a picture (H, W, C) or (H, W), in its own memory."""
    for rows in strips(*picture.shape[:2]):
        picture[rows] = picture[rows, ::-1].copy()
