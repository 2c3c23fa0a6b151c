"""What changes when a pair is coded as its mirror image with the views swapped.

    python benchmarks/symmetry.py --data DIR

The left view of the mirrored pair is the mirrored right view and the other way round, so that disparities keep their
sign: the pair is as good a stereo pair as before, and a codec that treats its views alike needs the same bytes and
gives the same PSNR.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markdown_tables import publish, table
from memory_points import chosen_pairs, coded_point, conditions, load_codec, pairs_parser
from rd_points import EvaluationPair, Point, View

from stereocodec import StereoCodec

QUALITIES = (25, 50, 75)


@dataclass(frozen=True)
class Change:
    """From one pair to its mirror image at one quality: bytes in per cent, mean PSNR of both views in dB."""

    percent: float
    decibels: float


def main() -> None:
    """Measures the pairs and prints the report."""
    arguments = pairs_parser(__doc__).parse_args()
    pairs, codec = chosen_pairs(arguments), load_codec(arguments)
    changes = {}
    for pair in pairs:
        changes[pair.name] = measure(codec, pair)
        print(f"{pair.name}: {changes[pair.name]}", file=sys.stderr, flush=True)
    what = f"pairs: {len(pairs)}, qualities {', '.join(map(str, QUALITIES))}"
    publish(report(changes, conditions(codec, what)), "symmetry", arguments.markdown)


def mirrored(views: tuple[View, View]) -> tuple[View, View]:
    """The mirror image of a pair: both views (H, W, 3) flipped from left to right, and swapped."""
    left, right = views
    return np.ascontiguousarray(right[:, ::-1]), np.ascontiguousarray(left[:, ::-1])


def measure(codec: StereoCodec, pair: EvaluationPair) -> list[Change]:
    """The changes of a pair at all qualities."""
    views = pair.load()
    return [
        change(*(coded_point(codec, pair.name, pair.group, both, quality) for both in (views, mirrored(views))))
        for quality in QUALITIES
    ]


def change(before: Point, after: Point) -> Change:
    """From one point to another."""
    return Change(100 * (after.file_bytes / before.file_bytes - 1), after.psnr - before.psnr)


def report(changes: Mapping[str, Sequence[Change]], first_line: str) -> str:
    """The table of all pairs, and the mean and largest absolute changes."""
    header = ["pair", *(f"bytes, q{q}, %" for q in QUALITIES), *(f"PSNR, q{q}, dB" for q in QUALITIES)]
    rows = [
        [name, *(f"{c.percent:+.2f}" for c in found), *(f"{c.decibels:+.3f}" for c in found)]
        for name, found in changes.items()
    ]
    by_quality = list(zip(*changes.values(), strict=True))
    percents = [[abs(c.percent) for c in found] for found in by_quality]
    decibels = [[abs(c.decibels) for c in found] for found in by_quality]
    mean = [f"{sum(v) / len(v):.2f}" for v in percents] + [f"{sum(v) / len(v):.3f}" for v in decibels]
    largest = [f"{max(v):.2f}" for v in percents] + [f"{max(v):.3f}" for v in decibels]
    rows += [["**mean absolute change**", *mean], ["**largest absolute change**", *largest]]
    return f"{first_line}\n\n{table(header, rows)}"


if __name__ == "__main__":
    main()
