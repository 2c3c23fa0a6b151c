"""Tells early when a run goes astray: the loss hardly shows it at first, the norm of gradients does."""

from __future__ import annotations

import math
from collections import deque
from statistics import median

# Rows of the log, of which each is a mean over 20 steps. Runs of `bisic-rt` that went astray are told of within 160
# steps, and no other run is (docs/training-log.md).
_RECENT, _USUAL = 5, 50
_LEAST_USUAL = 25
_TIMES = 2.5


class GradientWatch:
    """Compares the norms of the last rows with those of before."""

    def __init__(self) -> None:
        self._norms = deque[float](maxlen=_RECENT + _USUAL)

    def growth(self, norm: float) -> float:
        """Takes a row's norm: how many times the usual one the last five have, by medians; 0 if that is below 2.5.

        Norms that are not finite are steps that changed nothing, and do not count.
        """
        if not math.isfinite(norm):
            return 0.0
        self._norms.append(norm)
        norms = list(self._norms)
        usual, recent = norms[:-_RECENT], norms[-_RECENT:]
        if len(usual) < _LEAST_USUAL:
            return 0.0
        growth = median(recent) / median(usual)
        return growth if growth >= _TIMES else 0.0
