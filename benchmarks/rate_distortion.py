"""Measures a release on stereo pairs and compares it with other codecs by BD-rate.

    python benchmarks/rate_distortion.py --data DIR [--anchors points.csv] -o RESULTS

DIR holds pairs NAME_left.png, NAME_right.png, and a manifest.csv (columns name, group) if results are to be averaged
per group. The anchors are points of other codecs on the same pairs, in the columns of the points.csv that this
script writes; without them, JPEG 4:2:0 is measured here. Files are written to RESULTS and read back; rows that
RESULTS/points.csv already has for the same weights are not measured again.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import torch
from bd_rates import bd_rates, write_bd_rates
from markdown_tables import machine, publish
from rd_points import (
    JPEG,
    JPEG_QUALITIES,
    Pair,
    Point,
    append_point,
    find_pairs,
    measure_jpeg,
    measure_release,
    read_points,
)
from rd_report import report

from stereocodec import StereoCodec
from stereocodec.errors import StereoCodecError
from stereocodec.releases import find_release, model_id_of

QUALITIES = (0, 10, 25, 40, 50, 60, 75, 90, 100)

# Set once in every measuring process.
_codec: StereoCodec


def main() -> None:
    """Measures what is missing, then writes bd.csv and prints the report."""
    arguments = _parser().parse_args()
    results: Path = arguments.output
    pairs = [p for p in find_pairs(arguments.data) if not arguments.pairs or p.name in arguments.pairs]
    try:
        release = find_release(arguments.model)
        model_id = model_id_of(release).hex()
    except StereoCodecError as error:
        raise SystemExit(str(error)) from error
    results.mkdir(parents=True, exist_ok=True)
    path = results / "points.csv"
    _measure_missing(arguments, pairs, model_id, path)
    names = {pair.name for pair in pairs}
    measured = [p for p in read_points(path) if p.pair in names] if path.exists() else []
    wanted = {f"q{q}" for q in arguments.qualities}
    points = [p for p in measured if p.model_id == model_id and p.setting in wanted]
    references = read_points(arguments.anchors) if arguments.anchors else [p for p in measured if p.codec == JPEG]
    references = [p for p in references if p.pair in names]
    rates = bd_rates(points, references)
    write_bd_rates(results / "bd.csv", rates)
    qualities = ", ".join(map(str, arguments.qualities))
    conditions = f"Weights `{points[0].codec}` ({model_id}), pairs: {len(pairs)}, qualities {qualities}. "
    conditions += machine("stereocodec", "torch", "numpy") + "."
    publish(report(points, references, rates, conditions), "rate-distortion", arguments.markdown)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of stereo pairs")
    parser.add_argument("--anchors", type=Path, metavar="CSV", help="points of other codecs; default: measure JPEG")
    parser.add_argument("--pairs", nargs="+", metavar="NAME", help="only these pairs")
    parser.add_argument("--model", default="bisic-rt", metavar="NAME|DIR")
    parser.add_argument("--qualities", type=_qualities, default=QUALITIES, metavar="Q,Q,...")
    parser.add_argument("--device", default="cpu", help="auto, cpu or cuda (default cpu)")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes, which share torch's threads")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="page whose marked block gets the report")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="RESULTS")
    return parser


def _qualities(text: str) -> tuple[int, ...]:
    qualities = tuple(sorted({int(part) for part in text.split(",")}))
    if not all(0 <= q <= 100 for q in qualities):
        raise ValueError("qualities are whole numbers from 0 to 100")
    return qualities


def _measure_missing(arguments: argparse.Namespace, pairs: Sequence[Pair], model_id: str, path: Path) -> None:
    done = {(p.model_id, p.pair, p.setting) for p in read_points(path)} if path.exists() else set()
    measurements = [(_release_point, model_id, model_id, arguments.qualities)]
    if not arguments.anchors:
        measurements.append((measure_jpeg, "", JPEG, JPEG_QUALITIES))
    tasks = [
        (measure, pair, quality, path.parent / folder)
        for measure, key, folder, qualities in measurements
        for pair in pairs
        for quality in qualities
        if (key, pair.name, f"q{quality}") not in done
    ]
    if not tasks:
        return
    for *_, folder in tasks:
        folder.mkdir(exist_ok=True)
    with ProcessPoolExecutor(
        max_workers=arguments.jobs,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_process,
        initargs=(arguments.model, arguments.device, arguments.jobs),
    ) as processes:
        running = [processes.submit(measure, pair, quality, folder) for measure, pair, quality, folder in tasks]
        try:
            for count, future in enumerate(as_completed(running), 1):
                point = future.result()
                append_point(path, point)
                line = f"{point.codec} {point.pair} {point.setting}: {point.bpp:.3f} bpp, {point.psnr:.2f} dB"
                print(f"{count}/{len(running)} {line}", file=sys.stderr, flush=True)
        except BaseException:
            processes.shutdown(cancel_futures=True)
            raise


def _start_process(model: str, device: str, jobs: int) -> None:
    global _codec
    torch.set_num_threads(max(1, torch.get_num_threads() // jobs))
    _codec = StereoCodec.from_pretrained(model, device=device)


def _release_point(pair: Pair, quality: int, folder: Path) -> Point:
    return measure_release(_codec, pair, quality, folder)


if __name__ == "__main__":
    main()
