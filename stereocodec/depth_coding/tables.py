"""Integer probability tables of residuals: two-sided geometric laws of growing width, about 0 and about 1/2."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from ..entropy.tables import TOTAL, TableSet

SCALES = 64
_UNIT = 1 << 40
_QUARTERS = (4096, 4871, 5793, 6889)  # 2^(k / 4) in 4096ths
_LARGEST_RADIUS = 1023
_WEIGHT_OF_TAIL = 5  # 2^-5 of each table has four times its width


def mean_of(scale: int) -> int:
    """The mean magnitude that a table stands for, in 256ths of a bin."""
    return _QUARTERS[scale % 4] << scale // 4 >> 9


@functools.cache
def residual_tables() -> TableSet:
    """Tables 2 k + h of scale k, symmetric about 0 (h = 0) or about 1/2 (h = 1)."""
    tables, offsets = [], []
    for scale in range(SCALES):
        for half in range(2):
            frequencies, radius = _table(mean_of(scale), half)
            tables.append(frequencies)
            offsets.append(-radius + half)
    return TableSet(tuple(tables), np.array(offsets, dtype=np.int32))


def _table(mean: int, half: int) -> tuple[NDArray[np.uint32], int]:
    radius = min(_LARGEST_RADIUS, 8 + 6 * mean // 256)
    narrow, wide = (_side(mean * factor, radius) for factor in (1, 4))
    total = [sum(side) * 2 - (0 if half else side[0]) for side in (narrow, wide)]
    side = [
        (n * ((1 << _WEIGHT_OF_TAIL) - 1) * _UNIT // total[0] + w * _UNIT // total[1]) >> _WEIGHT_OF_TAIL
        for n, w in zip(narrow, wide, strict=True)
    ]
    left = side[:0:-1] if not half else side[-2::-1]
    weights = [*left, *side]
    room = TOTAL - TOTAL // 4096
    whole = sum(weights)
    counts = [1 + (room - len(weights)) * weight // whole for weight in weights]
    centre = len(left)
    counts.append(TOTAL // 4096)
    counts[centre] += TOTAL - sum(counts)
    return np.array(counts, dtype=np.uint32), radius


def _side(mean: int, radius: int) -> list[int]:
    """Weights of the magnitudes 0 to radius: each is mean / (mean + 1) of the one before."""
    weights, weight = [], _UNIT
    for _ in range(radius + 1):
        weights.append(weight)
        weight = weight * mean // (mean + 256)
    return weights
