"""What is learned while coding: by how much the network is too sure or too unsure on this map."""

from __future__ import annotations

import numpy as np

from .neighbours import Integers
from .tables import ROWS, SCALES, costs, row_numbers

_SHIFTS = np.array([0, -1, 1, -2, 2, -3, 3, -4, -5])  # of scales; the first of the cheapest is taken
_KINDS, _GROUPS = 3, (SCALES + 1) // 2
_ENOUGH = 4096  # residuals from which is learned at a time
_MOST_COUNTED = 1 << 19  # a sum of costs, in 1/16 bits


class Widths:
    """Which scale pays best in place of each that the network gives."""

    def __init__(self) -> None:
        self._costs = np.zeros((_SHIFTS.size, _KINDS * _GROUPS), dtype=np.int64)

    def tables(self, kind: int, scales: Integers, offsets: Integers, tails: Integers) -> Integers:
        """The tables for a pass's residuals: the number of the table for its tail, plus ROWS times the tail.

        scales, offsets, tails: as the network gave them, of shape (N,).
        """
        best = _SHIFTS[self._costs.argmin(0)]
        return _tables(scales + best[_groups(kind, scales)], offsets, tails)

    def learn(self, kind: int, scales: Integers, offsets: Integers, tails: Integers, residuals: Integers) -> None:
        """Counts what residuals cost, and would have cost."""
        every = slice(None, None, max(-(-residuals.size // _ENOUGH), 1))
        scales, offsets, tails, residuals = scales[every], offsets[every], tails[every], residuals[every]
        groups = _groups(kind, scales)
        bits, starts, radii = costs()
        for number, shift in enumerate(_SHIFTS):
            tables = _tables(scales + shift, offsets, tails)
            radius = radii[tables]
            positions = np.where(abs(residuals) > radius, 2 * radius + 1, residuals + radius)
            lost = bits[starts[tables] + positions]
            self._costs[number] += np.bincount(groups, weights=lost, minlength=_KINDS * _GROUPS).astype(np.int64)
        self._costs[:, self._costs.min(0) > _MOST_COUNTED] >>= 1


def _groups(kind: int, scales: Integers) -> Integers:
    return kind * _GROUPS + (scales >> 1)


def _tables(scales: Integers, offsets: Integers, tails: Integers) -> Integers:
    rows: Integers = row_numbers()[scales.clip(0, SCALES - 1), offsets] + tails * ROWS
    return rows
