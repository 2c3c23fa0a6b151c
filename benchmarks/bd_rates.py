"""Bjontegaard rates: how many per cent more bits a codec needs than another one at equal quality.

The curves are log-rate over dB, interpolated by PCHIP on the dB range that both cover (the `bjontegaard` package).
Negative: fewer bits.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from bjontegaard import bd_rate  # type: ignore[import-untyped]
from rd_points import Point

METRICS = {"psnr": "PSNR", "msssim_db": "MS-SSIM in dB"}


@dataclass(frozen=True)
class BdRate:
    """The BD-rate of a codec against a reference on one pair, and the range of dB that both curves cover."""

    metric: str
    reference: str
    codec: str
    pair: str
    group: str
    percent: float
    low_db: float
    high_db: float


def rising(points: Sequence[Point], metric: str) -> list[Point]:
    """The points in order of bytes, without those that are no better than a smaller file.

    Interpolation needs curves that rise strictly. `metric` is one of METRICS.
    """
    kept: list[Point] = []
    for point in sorted(points, key=lambda p: (p.file_bytes, -_decibels(p, metric))):
        if not kept or (
            point.file_bytes > kept[-1].file_bytes and _decibels(point, metric) > _decibels(kept[-1], metric)
        ):
            kept.append(point)
    return kept


def pair_bd_rate(test: Sequence[Point], reference: Sequence[Point], metric: str) -> BdRate | None:
    """The BD-rate of one pair's points against a reference's points; None when no range of dB is common to both."""
    test, reference = rising(test, metric), rising(reference, metric)
    if min(len(test), len(reference)) < 2:
        return None
    rates = [np.array([float(p.file_bytes) for p in points]) for points in (reference, test)]
    quality = [np.array([_decibels(p, metric) for p in points]) for points in (reference, test)]
    low, high = (float(end) for end in (max(q[0] for q in quality), min(q[-1] for q in quality)))
    if low >= high:
        return None
    percent = bd_rate(
        rates[0], quality[0], rates[1], quality[1], method="pchip", require_matching_points=False, min_overlap=0
    )
    first = test[0]
    return BdRate(metric, reference[0].codec, first.codec, first.pair, first.group, float(percent), low, high)


def bd_rates(test: Sequence[Point], references: Sequence[Point]) -> list[BdRate]:
    """BD-rates of one codec's points against every codec among `references`, per metric, reference and pair."""
    by_pair = _grouped(test, "pair")
    found = []
    for metric in METRICS:
        for anchors in _grouped(references, "codec").values():
            for pair, points in _grouped(anchors, "pair").items():
                rate = pair_bd_rate(by_pair.get(pair, ()), points, metric)
                if rate is not None:
                    found.append(rate)
    return found


def mean_percent(rates: Sequence[BdRate]) -> float:
    """The mean over pairs; NaN of none."""
    return float(np.mean([rate.percent for rate in rates])) if rates else float("nan")


def write_bd_rates(path: Path, rates: Sequence[BdRate]) -> None:
    """Every pair's BD-rate, and the means over all pairs and per group, as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        columns = "metric,reference,codec,pair,group,bd_rate_pct,common_lo_db,common_hi_db,n_pairs"
        writer.writerow(columns.split(","))
        for (metric, reference, codec), same in groupby(rates, lambda r: (r.metric, r.reference, r.codec)):
            head, listed = (metric, reference, codec), list(same)
            for r in listed:
                writer.writerow([*head, r.pair, r.group, f"{r.percent:.2f}", f"{r.low_db:.2f}", f"{r.high_db:.2f}", 1])
            for group in ("all", *sorted({r.group for r in listed})):
                members = [r for r in listed if group in ("all", r.group)]
                writer.writerow([*head, "MEAN", group, f"{mean_percent(members):.2f}", "", "", len(members)])


def _decibels(point: Point, metric: str) -> float:
    return point.psnr if metric == "psnr" else point.msssim_db


def _grouped(points: Sequence[Point], attribute: str) -> dict[str, list[Point]]:
    groups: dict[str, list[Point]] = {}
    for point in points:
        groups.setdefault(getattr(point, attribute), []).append(point)
    return groups
