"""Keeps the mean of channels: an encoder's choice among symbols, which readers need not know.

Where few bits are spent, a constant colour that the networks expect wrongly by less than a step is rounded away at
every position alike, and the whole picture takes on a tint. What costs least is to move as many symbols by one as the
rounding errors sum up to beyond what is allowed: those for which bits and squared error grow least.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Judge = Callable[[NDArray[np.int32]], tuple[NDArray[np.float64], NDArray[np.float64]]]
# In steps: no single element is made more wrong than this.
_LARGEST_ERROR = 1.0


class Level(NamedTuple):
    """What a channel's errors, decoded less original, shall be on average, in steps, and what they may be off by."""

    channel: int
    mean: float
    allowed: float


class LevelKeeper:
    """Carries the sums of signed errors from one group of elements to the next, and bounds them."""

    def __init__(self) -> None:
        self._sums: dict[Hashable, tuple[float, int]] = {}  # and the number of elements

    def kept(self, key: Hashable, symbols: NDArray[np.int32], judge: Judge, level: Level) -> NDArray[np.int32]:
        """The symbols (N,) int32, some of them moved by one, so that the mean error is what `level` says.

        Over all elements of a key so far that may be half a step off besides what it allows.
        key: which sum they belong to. judge: for symbols (N,), what each costs and its signed error in steps, both
        (N,) float64. The sum stays larger where too few elements can be moved.
        """
        cost, error = judge(symbols)
        total, count = self._sums.get(key, (0.0, 0))
        total, count = total + float(error.sum()) - level.mean * symbols.size, count + symbols.size
        moves = int(np.rint(max(0.0, abs(total) - level.allowed * count)))
        if moves:
            moved = (symbols - np.sign(total)).astype(np.int32)
            moved_cost, moved_error = judge(moved)
            movable = np.flatnonzero(np.abs(moved_error) <= _LARGEST_ERROR)
            order = np.argsort((moved_cost - cost)[movable], kind="stable")
            cheapest = movable[order[:moves]]
            symbols = symbols.copy()
            symbols[cheapest] = moved[cheapest]
            total += float((moved_error - error)[cheapest].sum())
        self._sums[key] = total, count
        return symbols
