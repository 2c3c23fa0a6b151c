"""The BD-rates that the scripts use; see stereocodec/evaluation/bd_rate.py."""

from __future__ import annotations

from collections.abc import Sequence

from stereocodec.evaluation.bd_rate import METRICS, MIN_OVERLAP, BdRate, compare, mean_percent, rising
from stereocodec.evaluation.points import Point

__all__ = ["METRICS", "BdRate", "mean_percent", "pair_bd_rate", "rising"]


def pair_bd_rate(
    test: Sequence[Point], reference: Sequence[Point], metric: str, min_overlap: float = MIN_OVERLAP
) -> BdRate | None:
    """As of `compare`, on one pair; None when there are no points or the BD-rate is refused."""
    found = compare(test, reference, metric, min_overlap) if test and reference else None
    return found if isinstance(found, BdRate) else None
