"""Tables made from what an encoder chose, once, when a release is exported.

The parametric tables (`density_tables.py`) are what training takes the law of symbols for. What a file holds differs
from it: the encoder moves symbols towards zero where that pays, and each family of symbols has its own law.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .density_tables import symmetric_frequencies
from .tables import TOTAL, TableSet

# A parametric table weighs as much as this many observations for each of its likely symbols, so that a level that is
# seldom used keeps it, and tails do. On other pairs than those fitted to, 5 and 80 were within 0.2 % of it.
_PRIOR_STRENGTH = 20.0


class SymbolCounts:
    """How often an encoder chose each symbol, by family and table: the observer of a StreamWriter."""

    def __init__(self, base: TableSet) -> None:
        """base: the tables that the fitted ones start from, each symmetric about zero."""
        self._base = base
        # The integers of a table reach from -radius to radius; what lies beyond is counted as radius + 1.
        self._radius = np.array([(table.size - 2) // 2 for table in base.frequencies])
        self._counts: dict[str, NDArray[np.int64]] = {}

    def see(self, family: str, symbols: NDArray[np.int32], tables: NDArray[np.uint8]) -> None:
        """Counts the symbols of a group by the numbers of their tables, (N,) each."""
        counts = self._counts.get(family)
        if counts is None:
            shape = len(self._base), int(self._radius.max()) + 2
            counts = self._counts[family] = np.zeros(shape, dtype=np.int64)
        np.add.at(counts, (tables, np.minimum(np.abs(symbols), self._radius[tables] + 1)), 1)

    def fitted(self) -> dict[str, TableSet]:
        """Tables for every family that was seen, as many as the base has: symmetric, with its ranges."""
        return {family: self._tables(counts) for family, counts in self._counts.items()}

    def _tables(self, counts: NDArray[np.int64]) -> TableSet:
        """The base tables, each moved towards the magnitudes that were counted for it, (tables, magnitudes)."""
        tables = list(self._base.frequencies)
        for number in np.flatnonzero(counts.any(1)).tolist():
            radius = int(self._radius[number])
            likely = tables[number].astype(np.float64) / TOTAL
            strength = _PRIOR_STRENGTH * 2.0 ** -float(likely @ np.log2(likely))
            seen = counts[number, : radius + 2]
            # Each of a magnitude's two signs gets half its count, but zero has one; the escape is no symbol.
            sides = np.concatenate([seen[radius:0:-1] / 2, seen[:1], seen[1 : radius + 1] / 2])
            blended = (sides + strength * likely[:-1]) / (int(seen.sum()) + strength)
            tables[number] = symmetric_frequencies(blended, number)
        return TableSet(tuple(tables), self._base.offsets)
