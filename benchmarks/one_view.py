"""What a view coded alone takes, by the constants that its encoder has for it and by what it sees as the other view.

    python benchmarks/one_view.py --data DIR --pairs NAME ... --markdown docs/rgbd.md

BD-rates (PSNR, means over pairs) of the streams of one view, a part in the middle of the left one of each pair: against
what the file of both views holds of it, and against the view alone as files are written. A process per core measures,
with one thread each. Choose by pairs that are neither trained on nor evaluated: the validation scenes.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from statistics import mean
from typing import NamedTuple
from unittest.mock import patch

import numpy as np
import torch
from effort import QUALITIES, middle, percents
from markdown_tables import publish, table
from memory_points import chosen_pairs, conditions, load_codec, memory_point, pairs_parser
from rd_points import EvaluationPair, Point, View

from stereocodec import StereoCodec
from stereocodec.coding import levels
from stereocodec.container import Channels, ViewKind
from stereocodec.effort import EFFORTS
from stereocodec.models.bisic_rt import entropy, refinement
from stereocodec.models.bisic_rt.blocks import RowAttention

TRIED = (5, 8)  # efforts: without and with refinement
PART = (384, 256)


class Setting(NamedTuple):
    """Of errors the worth at quality 0 and by how much it is less at 100, the parabola's curvature, and what is seen in
    place of the other view: itself, or nothing."""

    propagation: tuple[float, float]
    curvature: float
    seen: str = "itself"

    def __str__(self) -> str:
        at_zero, less = self.propagation
        return f"{at_zero} - {less} q, {self.curvature}, {self.seen}"


WRITTEN = Setting(entropy._PROPAGATION_ALONE, refinement._CURVATURE_ALONE)
SETTINGS = (
    Setting((3.8, 2.0), 0.5),
    Setting((3.8, 2.0), 0.35),
    Setting((4.6, 2.5), 0.35),
    Setting((5.5, 3.0), 0.25),
    Setting((5.5, 3.0), 0.35),
    Setting((5.5, 3.0), 0.5),
    Setting((6.5, 3.5), 0.35),
    WRITTEN._replace(seen="nothing"),
)
Task = tuple[str, str, EvaluationPair, int, Setting | None]
Points = dict[tuple[Setting | None, int], dict[str, list[Point]]]


def main() -> None:
    """Measures all settings and prints the table."""
    arguments = pairs_parser(__doc__).parse_args()
    pairs, codec = chosen_pairs(arguments), load_codec(arguments)
    width, height = PART
    what = f"{len(pairs)} pairs, {width}x{height} of each, at qualities {', '.join(map(str, QUALITIES))}"
    text = f"{conditions(codec, what)}\n\n{report(all_points(arguments, pairs))}"
    publish(text, "one-view", arguments.markdown)


def all_points(arguments: argparse.Namespace, pairs: list[EvaluationPair]) -> Points:
    """The points of each pair by setting and effort; None for the left view in the file of the pair."""
    ways = [(setting, effort) for effort in reversed(TRIED) for setting in (None, *dict.fromkeys((*SETTINGS, WRITTEN)))]
    tasks = [(arguments.model, arguments.device, pair, effort, setting) for setting, effort in ways for pair in pairs]
    points: Points = {way: {} for way in ways}
    with multiprocessing.get_context("spawn").Pool(min(os.cpu_count() or 1, len(tasks))) as pool:
        for (_, _, pair, effort, setting), found in pool.imap(_points, tasks):
            points[setting, effort][pair.name] = found
            print(f"effort {effort}, {setting or 'pair'}: {pair.name}", file=sys.stderr, flush=True)
    return points


def report(points: Points) -> str:
    """The table of all settings, with the one of files in bold."""
    header = ["worth of errors at quality q in 0..1, curvature, seen as the other view"]
    header += [f"effort {n}, against {other}, %" for n in TRIED for other in ("the left view of a pair", "as written")]
    rows = []
    for setting in dict.fromkeys(setting for setting, _ in points if setting):
        against = [(effort, reference) for effort in TRIED for reference in (None, WRITTEN)]
        rates = [mean(percents(points[setting, effort], points[other, effort])) for effort, other in against]
        rows.append([f"**{setting}**" if setting == WRITTEN else str(setting), *(f"{rate:+.2f}" for rate in rates)])
    return table(header, rows)


def _points(task: Task) -> tuple[Task, list[Point]]:
    model, device, pair, effort, setting = task
    torch.set_num_threads(1)
    codec, views = StereoCodec.from_pretrained(model, device=device), middle(pair, PART)
    if setting is None:
        return task, [left_point(codec, views, quality, effort) for quality in QUALITIES]
    with coded_with(setting):
        return task, [left_point(codec, views[:1], quality, effort) for quality in QUALITIES]


def left_point(codec: StereoCodec, views: tuple[View, ...], quality: int, effort: int) -> Point:
    """The point of the left view (H, W, 3) uint8 alone, or of both views in what a file holds of it."""
    parts: list[np.ndarray] = []
    kind = ViewKind.RGB8 if len(views) > 1 else ViewKind.RGB8_BOUNDED_DEPTH
    bands = codec._coder.encode(
        codec._coder.prepare(views, kind, EFFORTS[effort]),
        quality,
        finish=partial(levels, channels=Channels.RGB),
        seen=lambda _, part: parts.append(part[0]),
    )
    size = sum(len(band.streams.z_left) + len(band.streams.y_left) for band in bands)
    # As a pair of the view twice: its bits per pixel, its PSNR.
    decoded = np.concatenate(parts)
    return memory_point((codec.name, "", "", f"q{quality}"), (views[0],) * 2, 2 * size, (decoded,) * 2)


@contextmanager
def coded_with(setting: Setting) -> Iterator[None]:
    """Codes single views with other constants."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(entropy, "_PROPAGATION_ALONE", setting.propagation))
        stack.enter_context(patch.object(refinement, "_CURVATURE_ALONE", setting.curvature))
        if setting.seen == "nothing":
            stack.enter_context(patch.object(RowAttention, "forward", lambda self, x: x))
        yield


if __name__ == "__main__":
    main()
