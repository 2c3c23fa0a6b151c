"""Integer probability tables of residuals: logistic laws of growing width, each with a wider one mixed in.

Everything is computed in whole numbers, or from decimals of 50 digits, so that every machine has the same tables.
"""

from __future__ import annotations

import decimal
import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..entropy.tables import TOTAL, TableSet

SCALES = 55
"""Scale k stands for a width of 2^(k / 4 - 4) bins."""
TAILS = 4
"""Tail t: a share of 2^-(2 t + 2) is eight times as wide."""

_QUARTERS = (4096, 4871, 5793, 6889)  # 2^(k / 4) in 4096ths
_BANDS = ((0, 12, 1), (12, 20, 2), (20, 28, 4), (28, SCALES, 16))  # scales, and steps of offsets in 1/16 bins
_WIDEST = 8
_LARGEST_RADIUS = 2047
_ONE = 1 << 32


@dataclass(frozen=True)
class _Row:
    """A table of one tail: its scale and its offset in 1/16 bins, and how far its symbols reach on either side."""

    scale: int
    offset: int

    @property
    def width(self) -> decimal.Decimal:
        """In bins."""
        return decimal.Decimal(_QUARTERS[self.scale % 4] << self.scale // 4) / (4096 * 16)

    @property
    def radius(self) -> int:
        return min(_LARGEST_RADIUS, 8 + (24 * _QUARTERS[self.scale % 4] << self.scale // 4) // (4096 * 16))


_ROWS = [
    _Row(scale, offset) for first, end, step in _BANDS for scale in range(first, end) for offset in range(0, 9, step)
]


@functools.cache
def residual_tables() -> tuple[TableSet, ...]:
    """A set of tables for each tail, all of the same scales and offsets."""
    with decimal.localcontext(decimal.Context(prec=50)):
        laws = [(_masses(row, 1), _masses(row, _WIDEST)) for row in _ROWS]
    offsets = np.array([-row.radius for row in _ROWS], dtype=np.int32)
    return tuple(TableSet(tuple(_frequencies(*law, 2 * tail + 2) for law in laws), offsets) for tail in range(TAILS))


@functools.cache
def row_numbers() -> NDArray[np.int32]:
    """The number of the table of each scale and offset in 1/16 bins, (SCALES, 9)."""
    numbers = np.zeros((SCALES, 9), dtype=np.int32)
    steps = {scale: step for first, end, step in _BANDS for scale in range(first, end)}
    known = {(row.scale, row.offset): number for number, row in enumerate(_ROWS)}
    for scale in range(SCALES):
        for offset in range(9):
            step = steps[scale]
            numbers[scale, offset] = known[scale, min((offset + step // 2) // step * step, 8 // step * step)]
    return numbers


ROWS = len(_ROWS)


def _masses(row: _Row, factor: int) -> NDArray[np.int64]:
    """Probabilities in 2^31sts of -radius to radius, and of what is beyond, for `factor` times the width."""
    each = decimal.Decimal(1) / (row.width * factor)
    ratio = int((-each).exp() * _ONE)
    beyond = []
    for sign in (1, -1):
        # What lies above radius + 1/2, and so on down to 1/2, if the law is centred `offset` up or down.
        term = int((-each * (8 - sign * row.offset) / 16).exp() * _ONE)
        above = []
        for _ in range(row.radius + 1):
            above.append((term << 31) // (_ONE + term))
            term = term * ratio >> 32
        beyond.append(above)
    up, down = (np.array(above, dtype=np.int64) for above in beyond)
    middle = (1 << 31) - up[0] - down[0]
    return np.concatenate([(down[:-1] - down[1:])[::-1], [middle], up[:-1] - up[1:], [up[-1] + down[-1]]])


def _frequencies(narrow: NDArray[np.int64], wide: NDArray[np.int64], weight: int) -> NDArray[np.uint32]:
    """The table of a mixture that has 2^-weight of the wide law; what is lost by rounding goes to the middle."""
    mixed = (narrow * ((1 << weight) - 1) + wide) >> weight
    counts = 1 + (mixed * (TOTAL - mixed.size) >> 31)
    counts[(counts.size - 2) // 2] += TOTAL - counts.sum()
    return counts.astype(np.uint32)


@functools.cache
def costs() -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Costs of all symbols in 1/16 bits, one table after the other, tail by tail; where each table starts; radii."""
    with decimal.localcontext(decimal.Context(prec=50)):
        powers = [decimal.Decimal(2) ** (decimal.Decimal(k) / 16) for k in range(1, 16 * 24 + 1)]
    borders = np.array([int(power.to_integral_value(decimal.ROUND_CEILING)) for power in powers])
    tables = [table for tables in residual_tables() for table in tables.frequencies]
    flat = np.concatenate(tables).astype(np.int64)
    sizes = np.array([table.size for table in tables])
    lost = 16 * 24 - np.searchsorted(borders, flat, side="right")
    return lost.astype(np.int64), np.cumsum(sizes) - sizes, (sizes - 2) // 2
