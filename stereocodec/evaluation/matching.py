"""Which setting of a codec gives a file of a wanted size."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .codecs.base import Scale
from .points import Point

CLOSE = 0.02
"""Relative difference of sizes that counts as equal."""


def next_setting(scale: Scale, curve: Sequence[Point], bpp: float) -> float | None:
    """The setting to try next, given points that are measured; None when one is close or no better one is left.

    The logarithm of the size is interpolated over the setting (over its logarithm for geometric scales) between the
    nearest points below and above, and continued beyond the ends of the curve.
    """
    tried = sorted({scale.value(p.setting): p for p in curve}.items())
    if len(tried) < 2 or any(abs(p.bpp / bpp - 1) <= CLOSE for _, p in tried):
        return None
    rising = sorted(tried, key=lambda item: item[1].bpp)
    above = next((i for i, (_, p) in enumerate(rising) if p.bpp > bpp), len(rising))
    low = min(max(above - 1, 0), len(rising) - 2)
    (first, start), (second, end) = rising[low], rising[low + 1]
    if start.bpp == end.bpp:
        return None
    share = math.log(bpp / start.bpp) / math.log(end.bpp / start.bpp)
    found = first * (second / first) ** share if scale.geometric else first + share * (second - first)
    found = min(max(round(found) if scale.whole else float(f"{found:.4g}"), scale.low), scale.high)
    return None if any(math.isclose(found, value) for value, _ in tried) else found
