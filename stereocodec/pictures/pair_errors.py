"""How far decoded views are from a pair, told some rows at a time, so that all of them need never be in memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..container.shown import Channels
from .picture import StereoPair
from .rgb import psnr_of_error, squared_error


class PairErrors:
    """The errors of both views of a pair, whose rows are those that are stored."""

    def __init__(self, pair: StereoPair) -> None:
        grey = pair.left.channels is Channels.GREY
        self._views = [view.pixels[..., 0] if grey else view.pixels for view in pair]
        self._errors = [0, 0]

    def add(self, first: int, decoded: NDArray[np.uint8], *, swapped: bool) -> None:
        """Takes in rows of both views, (2, R, W, 3), or (2, R, W) of a grey pair, of which the top one is row `first`.

        swapped: whether they are exchanged and mirrored, as models take them that code the right view first.
        """
        shown = decoded[::-1, :, ::-1] if swapped else decoded
        for number, (view, rows) in enumerate(zip(self._views, shown, strict=True)):
            self._errors[number] += squared_error(view[first : first + len(rows)], rows)

    def psnr(self) -> tuple[float, float]:
        """The PSNR in dB of the left and of the right view, when all rows were added."""
        left, right = (psnr_of_error(error, view.size) for error, view in zip(self._errors, self._views, strict=True))
        return left, right
