"""Codes pairs unlike any photograph and compares their files with JPEG's and with the raw size.

    python benchmarks/out_of_distribution.py [--patterns NAME ...] [-o POINTS.csv]

Every pattern is coded at five qualities. It holds when every file is smaller than 1.2 times JPEG 4:4:4 at equal PSNR
or smaller than the raw samples, and when PSNR at quality 100 is above 30 dB, views of pure noise left out. The exit
status is 1 when a pattern does not hold.
"""

from __future__ import annotations

import argparse
import csv
import io
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from bd_rates import rising
from markdown_tables import publish, table
from memory_points import coded_point, conditions, load_codec, memory_point, parser
from patterns import MAX_SIZE, Pattern, View, patterns
from PIL import Image
from rd_points import Point, jpeg_bytes

from stereocodec import StereoCodec

QUALITIES = (0, 25, 50, 75, 100)
JPEG_QUALITIES = range(1, 101)
JPEG_LIMIT = 1.2
PSNR_LIMIT = 30.0
MIN_SIDE = 32


@dataclass(frozen=True)
class Comparison:
    """One file beside JPEG 4:4:4 at equal PSNR and the raw samples, all in bytes of both views.

    `jpeg` is None when no JPEG file reaches the PSNR; `beyond` says on which side of JPEG's curve the PSNR lies:
    "below" its smallest file, whose bytes then count, "above" all files, or "".
    """

    point: Point
    jpeg: float | None
    beyond: str
    raw: int

    @property
    def ratio(self) -> float | None:
        """Bytes by JPEG's; None when JPEG does not reach the PSNR."""
        return None if self.jpeg is None else self.point.file_bytes / self.jpeg

    @property
    def share(self) -> float:
        """Bytes by the raw size."""
        return self.point.file_bytes / self.raw

    @property
    def holds(self) -> bool:
        """Whether the file is small enough."""
        return self.share < 1 or (self.ratio is not None and self.ratio < JPEG_LIMIT)


def main() -> int:
    """Measures the patterns, prints the report and says by the exit status whether all hold."""
    options, known = _parser(), {pattern.name: pattern for pattern in patterns()}
    arguments = options.parse_args()
    width, height = arguments.size
    if not (MIN_SIDE <= width <= MAX_SIZE[0] and MIN_SIDE <= height <= MAX_SIZE[1]):
        options.error(f"--size goes from {MIN_SIDE} {MIN_SIDE} to {MAX_SIZE[0]} {MAX_SIZE[1]}")
    unknown = [name for name in arguments.patterns or () if name not in known]
    if unknown:
        options.error(f"unknown pattern '{unknown[0]}'; choose from: {'; '.join(known)}")
    codec = load_codec(arguments)
    results = []
    for pattern in [known[name] for name in arguments.patterns or known]:
        results.append((pattern, measure(codec, pattern, height, width)))
        print(*map(_line, results[-1][1]), sep="\n", file=sys.stderr, flush=True)
    if arguments.output:
        _write(arguments.output, [comparison for _, found in results for comparison in found])
    what = f"pairs of {width}x{height}, qualities {', '.join(map(str, QUALITIES))}"
    publish(report(results, conditions(codec, what)), "out-of-distribution", arguments.markdown)
    return int(any(failures(*result) for result in results))


def _parser() -> argparse.ArgumentParser:
    options = parser(__doc__)
    options.add_argument("--patterns", nargs="+", metavar="NAME", help="only these patterns")
    options.add_argument("--size", type=int, nargs=2, default=(512, 384), metavar=("WIDTH", "HEIGHT"))
    options.add_argument("-o", "--output", type=Path, metavar="CSV", help="write every file's figures here")
    return options


def measure(codec: StereoCodec, pattern: Pattern, height: int, width: int) -> list[Comparison]:
    """A pattern at all qualities."""
    views = pattern.draw(height, width)
    curve = jpeg_curve(pattern.name, views)
    points = [coded_point(codec, pattern.name, "patterns", views, quality) for quality in QUALITIES]
    raw = sum(view.nbytes for view in views)
    return [Comparison(point, *equal_psnr(curve, point.psnr), raw) for point in points]


def jpeg_curve(name: str, views: tuple[View, View]) -> list[Point]:
    """JPEG 4:4:4 at all of Pillow's qualities, in order of bytes, without points that a smaller file equals."""
    points = []
    for quality in JPEG_QUALITIES:
        files = [jpeg_bytes(view, quality, "4:4:4") for view in views]
        decoded = [np.asarray(Image.open(io.BytesIO(file))) for file in files]
        points.append(memory_point(("jpeg444", name, "patterns", f"q{quality}"), views, sum(map(len, files)), decoded))
    return rising(points, "psnr")


def equal_psnr(curve: Sequence[Point], psnr: float) -> tuple[float | None, str]:
    """Bytes of a rising curve at a PSNR in dB, and on which side of the curve that lies; see `Comparison`.

    The logarithm of the bytes is interpolated over dB. Next to a lossless point there is nothing to interpolate: the
    file that reaches the PSNR counts.
    """
    above = next((i for i, point in enumerate(curve) if point.psnr >= psnr), None)
    if above is None:
        return None, "above"
    high = curve[above]
    if above == 0:
        return float(high.file_bytes), "below" if high.psnr > psnr else ""
    if math.isinf(high.psnr):
        return float(high.file_bytes), ""
    low = curve[above - 1]
    part = (psnr - low.psnr) / (high.psnr - low.psnr)
    return math.exp((1 - part) * math.log(low.file_bytes) + part * math.log(high.file_bytes)), ""


def checked_psnr(pattern: Pattern, point: Point) -> float | None:
    """Mean PSNR in dB of the views that are not pure noise; None when both are."""
    values = [db for view, db in enumerate((point.psnr_left, point.psnr_right)) if view not in pattern.noise_views]
    return sum(values) / len(values) if values else None


def failures(pattern: Pattern, comparisons: Sequence[Comparison]) -> list[str]:
    """What does not hold: "bytes", "PSNR", both or nothing."""
    best = checked_psnr(pattern, comparisons[-1].point)
    failed = {"bytes": not all(c.holds for c in comparisons), "PSNR": best is not None and best <= PSNR_LIMIT}
    return [name for name, found in failed.items() if found]


def report(results: Sequence[tuple[Pattern, Sequence[Comparison]]], first_line: str) -> str:
    """The table, one row per pattern."""
    header = ["pattern", "PSNR, q100, dB", "bpp, q100", "most bytes / JPEG's", "most bytes / raw"]
    header += ["PSNR outside JPEG's range", "verdict"]
    rows = [_row(pattern, comparisons) for pattern, comparisons in results]
    held = sum(not failures(*result) for result in results)
    over = sum(any((c.ratio or 0) >= JPEG_LIMIT for c in comparisons) for _, comparisons in results)
    summary = (
        f"{held} of {len(results)} patterns hold; {over} need more than {JPEG_LIMIT} times JPEG's bytes somewhere."
    )
    return "\n\n".join([first_line, table(header, rows), summary])


def _row(pattern: Pattern, comparisons: Sequence[Comparison]) -> list[str]:
    best = comparisons[-1].point
    measured = [(c.ratio, c.point.setting) for c in comparisons if c.ratio is not None]
    worst = "{:.2f} ({})".format(*max(measured)) if measured else "-"
    outside = ", ".join(f"{c.point.setting} {c.beyond}" for c in comparisons if c.beyond)
    verdict = " and ".join(failures(pattern, comparisons))
    return [
        pattern.name,
        _decibels(pattern, best),
        f"{best.bpp:.3f}",
        worst,
        f"{max(c.share for c in comparisons):.3f}",
        outside or "-",
        f"**{verdict}**" if verdict else "holds",
    ]


def _decibels(pattern: Pattern, point: Point) -> str:
    if not pattern.noise_views:
        return f"{point.psnr:.2f}"
    return f"{point.psnr_left:.2f}, {point.psnr_right:.2f} (noise)"


def _line(comparison: Comparison) -> str:
    point, jpeg = comparison.point, comparison.jpeg
    beside = "JPEG does not reach it" if jpeg is None else f"JPEG {jpeg:,.0f} {comparison.beyond}".rstrip()
    size = f"{point.file_bytes:,} bytes ({comparison.share:.3f} of raw)"
    return f"{point.pair}, {point.setting}: {size}, {point.psnr:.2f} dB, {beside}"


def _write(path: Path, comparisons: Sequence[Comparison]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["pattern", "setting", "bytes", "psnr_left", "psnr_right", "jpeg444_bytes", "outside", "raw"])
        for c in comparisons:
            decibels = [f"{db:.4f}" for db in (c.point.psnr_left, c.point.psnr_right)]
            jpeg = "" if c.jpeg is None else f"{c.jpeg:.0f}"
            writer.writerow([c.point.pair, c.point.setting, c.point.file_bytes, *decibels, jpeg, c.beyond, c.raw])


if __name__ == "__main__":
    sys.exit(main())
