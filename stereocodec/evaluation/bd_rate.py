"""Bjontegaard deltas between rate-distortion curves: BD-rate in per cent and BD-PSNR in dB.

BD-rate is how many per cent more bits a codec needs than another one at equal quality, BD-PSNR how many dB it is
better at equal rate. The curves are log-rate and dB, interpolated by PCHIP (the `bjontegaard` package) on the range
that both cover. A number taken from a sliver of two curves says nothing about them: it is refused.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import IO

import numpy as np

from .points import Point

METRICS = {"psnr": "PSNR", "msssim_db": "MS-SSIM in dB"}
MIN_OVERLAP = 0.5
"""Share of the shorter curve's dB range that both curves must cover."""


@dataclass(frozen=True)
class BdRate:
    """A codec against a reference on one pair.

    `percent` more bits at equal quality over the dB range that both curves cover; `decibels` better at equal rate
    over the common range of rates, None where there is none; `overlap` is the common dB range as a share of the
    shorter curve's.
    """

    metric: str
    reference: str
    codec: str
    pair: str
    group: str
    percent: float
    low_db: float
    high_db: float
    decibels: float | None = None
    overlap: float = 1.0


@dataclass(frozen=True)
class Refused:
    """Two curves that no BD-rate is given for, and why."""

    metric: str
    reference: str
    codec: str
    pair: str
    group: str
    reason: str


def decibels(point: Point, metric: str) -> float:
    """The quality of a point by one of METRICS."""
    return point.psnr if metric == "psnr" else point.msssim_db


def rising(points: Sequence[Point], metric: str) -> list[Point]:
    """The points in order of bytes, without those that are no better than a smaller file.

    Interpolation needs curves that rise strictly; points without a finite quality are left out as well.
    """
    kept: list[Point] = []
    finite = [p for p in points if math.isfinite(decibels(p, metric))]
    for point in sorted(finite, key=lambda p: (p.file_bytes, -decibels(p, metric))):
        if not kept or (
            point.file_bytes > kept[-1].file_bytes and decibels(point, metric) > decibels(kept[-1], metric)
        ):
            kept.append(point)
    return kept


def compare(
    test: Sequence[Point], reference: Sequence[Point], metric: str, min_overlap: float = MIN_OVERLAP
) -> BdRate | Refused:
    """One codec's points on one pair against another's. Both sequences must hold a point."""
    of = (metric, reference[0].codec, test[0].codec, test[0].pair, test[0].group)
    test, reference = rising(test, metric), rising(reference, metric)
    if min(len(test), len(reference)) < 2:
        return Refused(*of, "a curve needs two points or more that rise")
    ranges = [(decibels(curve[0], metric), decibels(curve[-1], metric)) for curve in (test, reference)]
    low, high = max(start for start, _ in ranges), min(end for _, end in ranges)
    overlap = max(0.0, high - low) / min(end - start for start, end in ranges)
    if low >= high or overlap < min_overlap:
        spans = " and ".join(f"{start:.1f} to {end:.1f} dB" for start, end in ranges)
        return Refused(*of, f"the curves ({spans}) share {100 * overlap:.0f} % of the shorter one's range")
    return BdRate(*of, _percent(test, reference, metric), low, high, _gain(test, reference, metric), overlap)


def all_comparisons(test: Sequence[Point], references: Sequence[Point]) -> list[BdRate | Refused]:
    """One codec's points against every codec among `references`, per metric, reference and pair that both have."""
    by_pair = grouped(test, "pair")
    return [
        compare(by_pair[pair], points, metric)
        for metric in METRICS
        for anchors in grouped(references, "codec").values()
        for pair, points in grouped(anchors, "pair").items()
        if pair in by_pair
    ]


def mean_percent(rates: Sequence[BdRate]) -> float:
    """The mean over pairs; NaN of none."""
    return float(np.mean([rate.percent for rate in rates])) if rates else math.nan


def mean_decibels(rates: Sequence[BdRate]) -> float:
    """The mean BD-PSNR over the pairs that have one; NaN of none."""
    known = [rate.decibels for rate in rates if rate.decibels is not None]
    return float(np.mean(known)) if known else math.nan


def write_bd_rates(file: IO[str], rates: Iterable[BdRate]) -> None:
    """Every pair's BD-rate, and the means over all pairs and per group, as CSV."""
    writer = csv.writer(file, lineterminator="\n")
    columns = "metric,reference,codec,pair,group,bd_rate_pct,bd_db,common_lo_db,common_hi_db,n_pairs"
    writer.writerow(columns.split(","))
    for (metric, reference, codec), same in groupby(rates, lambda r: (r.metric, r.reference, r.codec)):
        head, listed = (metric, reference, codec), list(same)
        for r in listed:
            ends = (f"{r.low_db:.2f}", f"{r.high_db:.2f}")
            writer.writerow([*head, r.pair, r.group, f"{r.percent:.2f}", _shown(r.decibels), *ends, 1])
        for group in ("all", *sorted({r.group for r in listed})):
            members = [r for r in listed if group in ("all", r.group)]
            means = (f"{mean_percent(members):.2f}", _shown(mean_decibels(members)))
            writer.writerow([*head, "MEAN", group, *means, "", "", len(members)])


def grouped(points: Iterable[Point], attribute: str) -> dict[str, list[Point]]:
    """Points by the value of one of their attributes, in the order of first appearance."""
    groups: dict[str, list[Point]] = {}
    for point in points:
        groups.setdefault(getattr(point, attribute), []).append(point)
    return groups


def _shown(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else f"{value:.3f}"


def _curve(points: Sequence[Point], metric: str) -> tuple[list[float], list[float]]:
    return [float(p.file_bytes) for p in points], [decibels(p, metric) for p in points]


def _percent(test: Sequence[Point], reference: Sequence[Point], metric: str) -> float:
    from bjontegaard import bd_rate

    curves = (*_curve(reference, metric), *_curve(test, metric))
    return float(bd_rate(*map(np.array, curves), method="pchip", require_matching_points=False, min_overlap=0))


def _gain(test: Sequence[Point], reference: Sequence[Point], metric: str) -> float | None:
    from bjontegaard import bd_psnr

    first, last = (sorted(ends) for ends in ((test[0].bpp, reference[0].bpp), (test[-1].bpp, reference[-1].bpp)))
    if first[1] >= last[0]:
        return None
    curves = (*_curve(reference, metric), *_curve(test, metric))
    return float(bd_psnr(*map(np.array, curves), method="pchip", require_matching_points=False, min_overlap=0))
