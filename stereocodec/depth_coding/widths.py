"""What is learned while coding: how far the network is too sure or too unsure on this map, and where it is no help."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .neighbours import FINE, FINE_BITS, Integers
from .tables import ROWS, SCALES, costs, row_numbers

_SHIFTS = np.array([0, -1, 1, -2, 2, -3, 3, -4, -5, -4, -8, -12, -16, -20, -24])  # of scales
_OF_NETWORK, _OF_MEAN = (
    range(9),
    range(9, 15),
)  # whose expectation is shifted: the network's, or the next neighbours' mean
_KINDS, _GROUPS = 3, (SCALES + 1) // 2
_ENOUGH = 2048  # residuals from which is learned at a time
_LITTLE = 4  # of the costs of all groups a sixteenth counts in each
_MOST_COUNTED = 1 << 19  # a sum of costs, in 1/16 bits


@dataclass(frozen=True)
class Told:
    """What is known of N pixels of one kind of pass before they are coded, each (N,).

    fine, scales, tails: what the network expects, in 1/16 bins, and its table. base: the mean of the next neighbours,
    in 1/16 bins.
    """

    kind: int
    fine: Integers
    base: Integers
    scales: Integers
    tails: Integers

    @property
    def groups(self) -> Integers:
        """Those of which is learned together."""
        return self.kind * _GROUPS + (self.scales >> 1)

    def part(self, every: slice) -> Told:
        """Some of the pixels."""
        return Told(self.kind, self.fine[every], self.base[every], self.scales[every], self.tails[every])


@dataclass(frozen=True)
class Chosen:
    """What pixels are coded with, each (N,).

    bins: those that are expected. signs: what residuals are multiplied by before they are coded. tables: the number of
    the table for its tail, plus ROWS times the tail.
    """

    bins: Integers
    signs: Integers
    tables: Integers


class Widths:
    """Which scale pays best in place of each that the network gives, and where the mean of neighbours does better."""

    def __init__(self) -> None:
        self._costs = np.zeros((_SHIFTS.size, _KINDS * _GROUPS), dtype=np.int64)

    def choose(self, told: Told) -> Chosen:
        """What paid best so far in the group, and a little in all of the kind; the first of those that did."""
        of_kinds = self._costs.reshape(-1, _KINDS, _GROUPS)
        best = (
            (of_kinds + (of_kinds.sum(2, keepdims=True) >> _LITTLE)).reshape(self._costs.shape).argmin(0)[told.groups]
        )
        found = _centred(np.where(best >= _OF_MEAN.start, told.base, told.fine))
        return Chosen(found.bins, found.signs, found.tables(told, _SHIFTS[best]))

    def learn(self, told: Told, coded: Integers) -> None:
        """Counts what bins (N,) cost, and would have cost."""
        every = slice(None, None, max(-(-coded.size // _ENOUGH), 1))
        told, coded = told.part(every), coded[every]
        bits, starts, radii = costs()
        for centre, choices in ((told.fine, _OF_NETWORK), (told.base, _OF_MEAN)):
            found = _centred(centre)
            residuals = (coded - found.bins) * found.signs
            for number in choices:
                tables = found.tables(told, _SHIFTS[number])
                radius = radii[tables]
                positions = starts[tables] + np.where(abs(residuals) > radius, 2 * radius + 1, residuals + radius)
                self._costs[number] += np.bincount(told.groups, bits[positions], _KINDS * _GROUPS).astype(np.int64)
        self._costs[:, self._costs.min(0) > _MOST_COUNTED] >>= 1


@dataclass(frozen=True)
class _Centred:
    """Bins, the signs of residuals, and what is beyond the bins in 1/16 bins, each (N,)."""

    bins: Integers
    signs: Integers
    offsets: Integers

    def tables(self, told: Told, shifts: Integers) -> Integers:
        scales = np.minimum(np.maximum(told.scales + shifts, 0), SCALES - 1)
        rows: Integers = row_numbers()[scales, self.offsets] + told.tails * ROWS
        return rows


def _centred(centre: Integers) -> _Centred:
    bins = centre + FINE // 2 >> FINE_BITS
    offsets = centre - bins * FINE
    return _Centred(bins, np.where(offsets < 0, -1, 1), abs(offsets))
