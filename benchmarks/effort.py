"""What each level of effort takes and saves.

    python benchmarks/effort.py --data DIR --markdown docs/effort.md

Bytes at equal PSNR against the default level (BD-rate) are the mean over the pairs of --data, of each of which a part
in the middle is coded at three qualities, by a process per core with one thread each. Seconds and memory are those of a
part of 1024x832 of the largest pair, at quality 50, alone on the machine and with PyTorch's own number of threads; of
levels that do not refine, the seconds are the least of three.
"""

from __future__ import annotations

import argparse
import functools
import multiprocessing
import os
import resource
import sys
import time
from statistics import mean

import as_bisic  # noqa: F401  # before numpy and PyTorch
import torch
from markdown_tables import publish, table
from memory_points import chosen_pairs, coded_point, conditions, load_codec, pairs_parser
from rd_points import EvaluationPair, Point, View

from stereocodec import StereoCodec
from stereocodec.effort import DEFAULT_EFFORT, EFFORTS
from stereocodec.evaluation.bd_rate import BdRate, compare

QUALITIES = (15, 45, 75)
PART, TIMED_PART = (512, 384), (1024, 832)
REPEATS = 3  # of codings that take seconds
HEADER = ["`--effort`", "encoding takes", "memory", "bytes at equal PSNR", "least", "most"]


def main() -> None:
    """Measures all levels and prints the table."""
    options = pairs_parser(__doc__)
    options.add_argument("--efforts", nargs="+", type=int, default=sorted(EFFORTS), metavar="N")
    arguments = options.parse_args()
    pairs, codec = chosen_pairs(arguments), load_codec(arguments)
    largest = max(pairs, key=lambda pair: pair.load()[0].size)
    whole = middle(largest, TIMED_PART)
    points = all_points(arguments, pairs)
    rows = []
    for effort in arguments.efforts:
        rates = percents(points[effort], points[DEFAULT_EFFORT])
        shown = [f"{of(rates):+.1f} %" for of in (mean, min, max)]
        seconds, megabytes = alone(arguments.model, arguments.device, whole, effort)
        rows.append([str(effort), f"{seconds:.3g} s", f"{megabytes:,} MB", *shown])
    width, height = PART
    qualities = ", ".join(map(str, QUALITIES))
    line = conditions(codec, f"{len(pairs)} pairs, {width}x{height} of each, at qualities {qualities}")
    publish(f"{line}\n\n{table(HEADER, rows)}", "effort", arguments.markdown)


def all_points(arguments: argparse.Namespace, pairs: list[EvaluationPair]) -> dict[int, dict[str, list[Point]]]:
    """The points of each pair at each effort."""
    efforts = sorted({*arguments.efforts, DEFAULT_EFFORT}, reverse=True)  # those that take longest first
    tasks = [(arguments.model, arguments.device, pair, effort) for effort in efforts for pair in pairs]
    points: dict[int, dict[str, list[Point]]] = {effort: {} for effort in efforts}
    with multiprocessing.get_context("spawn").Pool(min(os.cpu_count() or 1, len(tasks))) as pool:
        for effort, name, found in pool.imap_unordered(_points, tasks):
            points[effort][name] = found
            print(f"effort {effort}: {name}", file=sys.stderr, flush=True)
    return points


def _points(task: tuple[str, str, EvaluationPair, int]) -> tuple[int, str, list[Point]]:
    """An effort, a pair's name, and its points."""
    model, device, pair, effort = task
    torch.set_num_threads(1)
    codec, views = _codec(model, device), middle(pair, PART)
    return effort, pair.name, [coded_point(codec, pair.name, pair.group, views, q, effort) for q in QUALITIES]


@functools.cache
def _codec(model: str, device: str) -> StereoCodec:
    return StereoCodec.from_pretrained(model, device=device)


def percents(points: dict[str, list[Point]], reference: dict[str, list[Point]]) -> list[float]:
    """The BD-rate of each pair."""
    rates = [compare(points[name], reference[name], "psnr") for name in points]
    return [rate.percent for rate in rates if isinstance(rate, BdRate)]


def middle(pair: EvaluationPair, size: tuple[int, int]) -> tuple[View, View]:
    """A part of a width and height in the middle, or what there is of it."""
    left, right = pair.load()
    height, width = left.shape[:2]
    x, y = max(0, (width - size[0]) // 2), max(0, (height - size[1]) // 2)
    part = slice(y, y + size[1]), slice(x, x + size[0])
    return left[part], right[part]


def alone(model: str, device: str, views: tuple[View, View], effort: int) -> tuple[float, int]:
    """Seconds of encoding, and MiB that the process takes at most, of a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_encode, (model, device, views, effort))


def _encode(model: str, device: str, views: tuple[View, View], effort: int) -> tuple[float, int]:
    codec = _codec(model, device)
    codec.compress(views[0][:64, :64], views[0][:64, :64])
    seconds = []
    for _ in range(1 if EFFORTS[effort].passes else REPEATS):
        start = time.perf_counter()
        codec.compress(*views, effort=effort)
        seconds.append(time.perf_counter() - start)
    return min(seconds), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


if __name__ == "__main__":
    main()
