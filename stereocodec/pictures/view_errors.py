"""How far decoded views are from what they were, told some rows at a time, so that all need never be in memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..container.shown import Channels
from .rgb import psnr_of_error, squared_error


class ViewErrors:
    """The errors of the views of a file, whose rows are those that are stored."""

    def __init__(self, views: Sequence[NDArray[np.uint8]], channels: Channels) -> None:
        """views: (H, W, 3) each, as they were given."""
        self._views = [view[..., 0] if channels is Channels.GREY else view for view in views]
        self._errors = [0] * len(views)

    def add(self, first: int, decoded: NDArray[np.uint8], *, swapped: bool = False) -> None:
        """Takes in rows of all views, (N, R, W, 3), or (N, R, W) of grey ones, of which the top one is row `first`.

        swapped: whether they are exchanged and mirrored, as models take pairs that code the right view first.
        """
        shown = decoded[::-1, :, ::-1] if swapped else decoded
        for number, (view, rows) in enumerate(zip(self._views, shown, strict=True)):
            self._errors[number] += squared_error(view[first : first + len(rows)], rows)

    def psnr(self) -> tuple[float, ...]:
        """The PSNR of each view in dB, when all rows were added."""
        return tuple(psnr_of_error(error, view.size) for error, view in zip(self._errors, self._views, strict=True))
