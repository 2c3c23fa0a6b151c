"""Which setting of a codec gives a file of a wanted size, or of another measure that settings change by factors."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from .codecs.base import Scale
from .points import Point

CLOSE = 0.02
"""Relative difference of measures that counts as equal."""


def bpp(point: Point) -> float:
    """The size of a point's files in bits per pixel of both views."""
    return point.bpp


def next_setting(
    scale: Scale, curve: Sequence[Point], wanted: float, measure: Callable[[Point], float] = bpp
) -> float | None:
    """The setting to try next, given points that are measured; None when one is close or no better one is left.

    measure: what of a point is wanted, positive. Its logarithm is interpolated over the setting (over the setting's own
    logarithm for geometric scales) between the nearest points below and above, and continued beyond the ends.
    """
    tried = sorted({scale.value(p.setting): measure(p) for p in curve}.items())
    if len(tried) < 2 or any(abs(found / wanted - 1) <= CLOSE for _, found in tried):
        return None
    rising = sorted(tried, key=lambda item: item[1])
    above = next((i for i, (_, found) in enumerate(rising) if found > wanted), len(rising))
    low = min(max(above - 1, 0), len(rising) - 2)
    (first, start), (second, end) = rising[low], rising[low + 1]
    if start == end:
        return None
    share = math.log(wanted / start) / math.log(end / start)
    found = first * (second / first) ** share if scale.geometric else first + share * (second - first)
    found = min(max(round(found) if scale.whole else float(f"{found:.4g}"), scale.low), scale.high)
    return None if any(math.isclose(found, value) for value, _ in tried) else found
