"""Frames of colour and depth against what they are kept in today: JPEG XL for both, or classic formats for colour.

    pip install opencv-python-headless  # matches the photographs
    python benchmarks/rgbd.py --rooms 2 --pairs ../shared/data/eval --markdown docs/rgbd.md

Frames are rendered rooms as three kinds of depth cameras measure them, and photographs with the depth that OpenCV
matches (`tools/depth_frames.py`); or those of folders (`--frames`). Every frame is coded once without loss of depth and
once within a bound. JPEG XL keeps lossless depth with its holes as zeros, depth of whole steps whose middle is within
the bound, or depth with loss whose largest error is within it, holes filled, beside our mask. Colour is compared at
equal PSNR: between two settings the logarithm of the bytes is interpolated.
"""

from __future__ import annotations

import argparse
import io
import math
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from markdown_tables import machine, publish, table
from numpy.typing import NDArray
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

from depth_frames import DepthFrame, matched_frame, room_frames

from stereocodec import RgbdCodec
from stereocodec.container import Container
from stereocodec.container.depth import DepthMode
from stereocodec.datasets.frames import find_frames
from stereocodec.errors import StereoCodecError
from stereocodec.evaluation.codecs.base import picture_bytes
from stereocodec.pictures.depth import DepthMap, to_network
from stereocodec.pictures.rgb import psnr

Numbers = dict[str, float]
"""Bytes, seconds, PSNR and errors by what they are of, of one frame."""

Coder = Callable[[float], tuple[int, float]]
"""A setting -> bytes, and how good the result is: rises with the bytes."""

QUALITIES = [float(quality) for quality in range(1, 101)]
DISTANCES = [float(distance) for distance in np.geomspace(25, 0.05, 60)]
DEPTH_DISTANCES = [float(distance) for distance in np.geomspace(15, 0.01, 60)]
COLOR = {"JPEG 4:2:0": "jpeg", "WebP": "webp", "AVIF 4:4:4": "avif", "JPEG XL": "jxl"}


def main() -> None:
    """Measures the frames and prints the report."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rooms", type=int, default=0, help="rendered rooms, each by three cameras")
    options.add_argument("--seed", type=int, default=4_000_000, help="of the first room")
    options.add_argument("--pairs", type=Path, metavar="DIR", help="NAME_left.* and NAME_right.*, to be matched")
    options.add_argument("--frames", type=Path, nargs="+", default=[], metavar="DIR", help="folders or CSV lists")
    options.add_argument("--model", metavar="NAME|DIR", help="by default the built-in one")
    options.add_argument("--quality", type=float, default=50)
    options.add_argument("--max-error", type=int, default=5, metavar="MM", help="the bound of depth, in millimetres")
    options.add_argument("--markdown", type=Path, metavar="FILE", help="page whose marked block gets the report")
    arguments = options.parse_args()
    results: dict[str, list[Numbers]] = defaultdict(list)
    try:
        codec = RgbdCodec.from_pretrained(arguments.model, device="cpu")
        for kind, frame in all_frames(arguments):
            results[kind].append(measure(codec, frame, arguments.quality, arguments.max_error))
            told = {name: round(value, 2) for name, value in results[kind][-1].items()}
            print(kind, frame.name, told, file=sys.stderr, flush=True)
    except StereoCodecError as error:
        raise SystemExit(str(error)) from error
    if not results:
        raise SystemExit("there are no frames: name some with --rooms, --pairs or --frames")
    where = machine("torch", "numpy", "pillow", "imagecodecs")
    first = f"Weights `{codec.name}` ({codec.model_id.hex()}), quality {arguments.quality:g}. {where}."
    publish(f"{first}\n\n{report(results, arguments.max_error)}", "rgbd", arguments.markdown)


def all_frames(arguments: argparse.Namespace) -> Iterator[tuple[str, DepthFrame]]:
    """The data set and the frame."""
    for number in range(arguments.rooms):
        yield from room_frames(arguments.seed + number).items()
    for left in sorted(arguments.pairs.glob("*_left.*")) if arguments.pairs else ():
        yield "photographs", matched_frame(left, next(left.parent.glob(left.name.replace("_left.", "_right."))))
    for source in arguments.frames:
        for files in find_frames(source):
            color, depth = files.load()
            millimetres = np.rint(depth.samples * (1000 * depth.metres_per_step)).clip(0, 65535).astype(np.uint16)
            yield source.name, DepthFrame(files.name, np.where(depth.holes, 0, millimetres), color)


def measure(codec: RgbdCodec, frame: DepthFrame, quality: float, bound: int) -> Numbers:
    """Of a frame: our bytes without loss and within the bound, and those of the others."""
    exact, bounded = (_coded(codec, frame, quality, f"{limit}mm" if limit else 0) for limit in (0, bound))
    level, mask = exact["psnr"], int(exact["mask"])
    colors = {name: bytes_at(level, coder, settings) for name, (coder, settings) in color_coders(frame.color).items()}
    start = time.process_time()
    lossless = len(lossless_jpeg_xl(frame.depth))
    seconds = time.process_time() - start
    depths = {name: bytes_at(-bound, *coder) for name, coder in depth_coders(frame, bound, mask).items()}
    ours = {"bounded " + name: value for name, value in bounded.items()} | exact
    return ours | colors | depths | {"jxl lossless": lossless, "jxl seconds": seconds}


def _coded(codec: RgbdCodec, frame: DepthFrame, quality: float, max_error: str | int) -> Numbers:
    """Our bytes, seconds of the processor, PSNR and largest error in millimetres."""
    start = time.process_time()
    data = codec.compress(frame.color, frame.depth, quality=quality, depth_max_error=max_error)
    middle = time.process_time()
    color, depth = codec.decode(data)
    end = time.process_time()
    container = Container.from_bytes(data)
    assert container.depth is not None
    record = len(container.depth.to_bytes())
    holes = frame.depth == 0
    if not np.array_equal(holes, depth.holes):
        raise SystemExit(f"{frame.name}: the holes are others")
    errors = np.abs(depth.samples.astype(int) - frame.depth)
    return {
        "bytes": len(data),
        "color": len(data) - record,
        "mask": len(container.depth.mask),
        "depth": record - len(container.depth.mask),
        "psnr": psnr(frame.color, color),
        "largest": float(errors.max()),
        "encoding": middle - start,
        "decoding": end - middle,
    }


def bytes_at(level: float, coder: Coder, settings: Sequence[float]) -> float:
    """The bytes at which a result is as good as `level`; NaN where no setting is.

    settings: from the smallest files to the largest; one alone is taken as it is.
    """
    if len(settings) == 1:
        return float(coder(settings[0])[0])
    low, high = 0, len(settings) - 1
    tried = {high: coder(settings[high])}
    if tried[high][1] < level:
        return math.nan
    while low < high:
        middle = (low + high) // 2
        tried[middle] = coder(settings[middle])
        low, high = (low, middle) if tried[middle][1] >= level else (middle + 1, high)
    above = tried[high]
    if high == 0:
        return float(above[0])
    below = tried.get(high - 1) or coder(settings[high - 1])
    if not below[1] < level < above[1] < math.inf:
        return float(above[0])
    part = (level - below[1]) / (above[1] - below[1])
    return math.exp((1 - part) * math.log(below[0]) + part * math.log(above[0]))


def color_coders(picture: NDArray[np.uint8]) -> dict[str, tuple[Coder, Sequence[float]]]:
    """By the short names of COLOR."""

    def of_pillow(file_format: str, **options: Any) -> Coder:
        def coder(quality: float) -> tuple[int, float]:
            data = picture_bytes(picture, file_format, {"quality": int(quality), **options})
            return len(data), psnr(picture, np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))

        return coder

    def jpeg_xl(distance: float) -> tuple[int, float]:
        data = imagecodecs.jpegxl_encode(picture, distance=distance, effort=7, numthreads=1)
        return len(data), psnr(picture, imagecodecs.jpegxl_decode(data, numthreads=1))

    return {
        "jpeg": (of_pillow("JPEG", subsampling="4:2:0", optimize=True), QUALITIES),
        "webp": (of_pillow("WEBP", method=6), QUALITIES),
        "avif": (of_pillow("AVIF", subsampling="4:4:4", speed=6), QUALITIES),
        "jxl": (jpeg_xl, DISTANCES),
    }


def depth_coders(frame: DepthFrame, bound: int, mask: int) -> dict[str, tuple[Coder, Sequence[float]]]:
    """JPEG XL of whole steps, and with loss; good is the negative largest error in mm. mask: our bytes of it."""
    holes = frame.depth == 0
    depth = DepthMap(frame.depth, 0.001)
    measured = frame.depth[~holes]
    near, far = (int(measured.min()), int(measured.max())) if measured.size else (0, 1)
    filled = np.rint(65535 * to_network(depth, DepthMode.LINEAR, near, far)).astype(np.uint16)
    step = 2 * bound + 1

    def goodness(samples: NDArray[Any]) -> float:
        return -float(np.abs(samples - frame.depth.astype(float))[~holes].max(initial=0))

    def steps(_: float) -> tuple[int, float]:
        # Small whole numbers in the file, of which a reader makes the middles of their steps.
        levels = np.where(holes, 0, frame.depth // step + 1).astype(np.uint16)
        return len(lossless_jpeg_xl(levels)), goodness((levels - 1.0) * step + bound)

    def lossy(distance: float) -> tuple[int, float]:
        data = imagecodecs.jpegxl_encode(filled, distance=distance, effort=7, numthreads=1)
        decoded = imagecodecs.jpegxl_decode(data, numthreads=1).reshape(filled.shape)
        return len(data) + mask, goodness(np.rint(near + decoded / 65535.0 * (far - near)))

    return {"jxl steps": (steps, [1.0]), "jxl lossy": (_strictly(lossy, bound), DEPTH_DISTANCES)}


def _strictly(coder: Coder, bound: int) -> Coder:
    """Of settings at which the error is within a bound, none is better: nothing is interpolated beyond it."""

    def within(setting: float) -> tuple[int, float]:
        size, goodness = coder(setting)
        return size, math.inf if goodness >= -bound else goodness

    return within


def png(samples: NDArray[np.uint16]) -> bytes:
    """A PNG file of 16 bits, as small as Pillow makes it."""
    buffer = io.BytesIO()
    Image.fromarray(samples).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def lossless_jpeg_xl(samples: NDArray[np.uint16]) -> bytes:
    """A JPEG XL file of 16 bits."""
    data: bytes = imagecodecs.jpegxl_encode(samples, lossless=True, effort=7, numthreads=1)
    return data


def report(results: Mapping[str, Sequence[Numbers]], bound: int) -> str:
    """Whole frames, colour alone, and seconds, of each data set."""
    frames, colors, seconds = [], [], []
    for kind, of_kind in results.items():
        frames += _frame_rows(f"{kind} ({len(of_kind)})", of_kind, bound)
        mean = _means(of_kind)
        others = [f"{mean[name] / mean['color'] * 100 - 100:+.0f} %" for name in COLOR.values()]
        colors.append([f"{kind} ({len(of_kind)})", f"{mean['psnr']:.2f}", f"{mean['color']:,.0f}", *others])
        times = (mean[name] for name in ("encoding", "decoding", "bounded encoding", "bounded decoding"))
        seconds.append([kind, *(f"{value:.2f}" for value in times)])
    header = ["", "colour, bytes", "depth, bytes", "mask, bytes", "all, bytes", "of ours", "error up to, mm"]
    of_color = ["colour", "PSNR, dB", "ours, bytes", *COLOR]
    of_time = ["processor seconds", "encode, lossless", "decode", f"encode, {bound} mm", "decode"]
    tables = table(header, frames), table(of_color, colors), table(of_time, seconds)
    return "\n\n".join(tables)


def _frame_rows(title: str, results: Sequence[Numbers], bound: int) -> list[list[str]]:
    """A row for each way to keep a frame; all have equal PSNR of colour."""
    mean = _means(results)
    rows = []
    for prefix, name, limit, others in (
        ("", "without loss of depth", 0, {"JPEG XL, lossless JPEG XL": "jxl lossless"}),
        (
            "bounded ",
            f"depth within {bound} mm",
            bound,
            {"JPEG XL, lossless JPEG XL of steps": "jxl steps", "JPEG XL, lossy JPEG XL and our mask": "jxl lossy"},
        ),
    ):
        depth, mask, whole = (mean[prefix + part] for part in ("depth", "mask", "bytes"))
        largest = max(result[prefix + "largest"] for result in results)
        sizes = [f"{value:,.0f}" for value in (mean["color"], depth, mask, whole)]
        rows.append([f"**{title}, {name}**", *sizes, "1.00", f"{largest:.0f}"])
        rows += [_row_of_other(other, results, key, prefix, limit) for other, key in others.items()]
    return rows


def _row_of_other(title: str, results: Sequence[Numbers], key: str, prefix: str, limit: int) -> list[str]:
    """Of the frames whose depth the other format has within the limit, with our bytes of the same ones."""
    reached = [result for result in results if not math.isnan(result[key])]
    if len(reached) < len(results):
        title += f", within it in {len(reached)} of {len(results)}"
    if not reached:
        return [title, *["-"] * 6]
    mean = _means(reached)
    total = mean["jxl"] + mean[key]
    sizes = [f"{value:,.0f}" for value in (mean["jxl"], mean[key])]
    return [title, *sizes, "", f"{total:,.0f}", f"{total / mean[prefix + 'bytes']:.2f}", str(limit)]


def _means(results: Sequence[Numbers]) -> Numbers:
    return {name: sum(result[name] for result in results) / len(results) for name in results[0]}


if __name__ == "__main__":
    main()
