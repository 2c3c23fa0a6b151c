"""Frames of colour and depth against what they are kept in today: JPEG, WebP or JPEG XL beside 16-bit depth.

    python tools/renderer/render_frames.py -o held-out -n 24 --seed 1000000
    python benchmarks/rgbd.py --frames held-out --markdown docs/rgbd.md

Every frame is coded once; then for each of the others the bytes are searched at which its colour has the same PSNR
and its depth the same root mean square error over measurements. Between two settings the logarithm of the bytes is
interpolated. Depth quantised to whole steps, and lossless depth, keep their holes as zeros; lossy JPEG XL, which does
not, gets filled holes as ours does, and the bytes of our mask.
"""

from __future__ import annotations

import argparse
import io
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from markdown_tables import machine, publish, table
from numpy.typing import NDArray
from PIL import Image

from stereocodec import RgbdCodec
from stereocodec.container import Container
from stereocodec.container.depth import DepthMode
from stereocodec.errors import StereoCodecError
from stereocodec.evaluation.codecs.base import picture_bytes
from stereocodec.pictures.depth import DepthMap, depth_errors, to_network
from stereocodec.pictures.rgb import psnr
from stereocodec.training.config import TrainingConfig
from stereocodec.training.frames.data import Frame, load_frames

Bytes = dict[str, float]
"""Bytes by what they hold, of one frame."""

Coder = Callable[[float], tuple[int, float]]
"""A setting -> bytes, and how good the result is: rises with the bytes."""

QUALITIES = [float(quality) for quality in range(1, 101)]
DISTANCES = [float(distance) for distance in np.geomspace(25, 0.05, 60)]
STEPS = [float(step) for step in np.unique(np.geomspace(2000, 1, 200).round())[::-1]]
COLOR = {"JPEG 4:2:0": "jpeg", "WebP": "webp", "JPEG XL": "jxl"}
DEPTH = {
    "lossless 16-bit PNG": "png",
    "16-bit PNG, quantised": "png steps",
    "lossless JPEG XL": "jxl lossless",
    "lossless JPEG XL, quantised": "jxl steps",
    "lossy JPEG XL and our mask": "jxl lossy",
}


def main() -> None:
    """Measures the frames and prints the report."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--frames", type=Path, nargs="+", required=True, metavar="DIR", help="folders or CSV lists")
    options.add_argument("--model", metavar="NAME|DIR", help="by default the built-in one")
    options.add_argument("--markdown", type=Path, metavar="FILE", help="page whose marked block gets the report")
    arguments = options.parse_args()
    try:
        codec = RgbdCodec.from_pretrained(arguments.model, device="cpu")
        frames = load_frames(arguments.frames, TrainingConfig())
    except StereoCodecError as error:
        raise SystemExit(str(error)) from error
    results = []
    for frame in frames:
        results.append(measure(codec, frame))
        print(frame.name, {name: round(value, 2) for name, value in results[-1].items()}, file=sys.stderr, flush=True)
    what = f"{len(frames)} frames of {frames[0].size[1]}x{frames[0].size[0]}"
    where = machine("torch", "numpy", "pillow", "imagecodecs")
    first = f"Weights `{codec.name}` ({codec.model_id.hex()}), {what}. {where}."
    publish(f"{first}\n\n{report(results)}", "rgbd", arguments.markdown)


def measure(codec: RgbdCodec, frame: Frame) -> Bytes:
    """Bytes of a frame and its parts, PSNR in dB and RMSE in millimetres, and the bytes of the others at these."""
    data = codec.compress(frame.color, frame.depth.samples, depth_unit=frame.depth.metres_per_step)
    color, depth = codec.decode(data)
    container = Container.from_bytes(data)
    mask = len(container.depth.mask) if container.depth else 0
    level, (rmse, largest) = psnr(frame.color, color), depth_errors(frame.depth, depth)
    streams = container.bands[0].streams
    of_color = len(streams.z_left) + len(streams.y_left)
    ours = {"bytes": len(data), "color": of_color, "mask": mask, "psnr": level, "rmse": rmse, "largest": largest}
    colors = {name: bytes_at(level, coder, settings) for name, (coder, settings) in color_coders(frame.color).items()}
    wanted = -math.log(max(rmse, 1e-9))
    depths = {name: bytes_at(wanted, coder, settings) for name, (coder, settings) in depth_coders(frame, mask).items()}
    return ours | colors | depths


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
        "jxl": (jpeg_xl, DISTANCES),
    }


def depth_coders(frame: Frame, mask: int) -> dict[str, tuple[Coder, Sequence[float]]]:
    """By the short names of DEPTH; mask: bytes of ours."""
    depth = frame.depth
    filled = np.rint(65535 * to_network(depth, DepthMode.LINEAR, frame.near, frame.far)).astype(np.uint16)

    def goodness(samples: NDArray[Any]) -> float:
        rmse, _ = depth_errors(depth, DepthMap(samples.astype(np.uint16), depth.metres_per_step))
        return -math.log(rmse) if rmse else math.inf

    def quantised(write: Callable[[NDArray[np.uint16]], bytes]) -> Coder:
        def coder(step: float) -> tuple[int, float]:
            # Small whole numbers in the file, of which a reader makes the middles of their steps.
            levels = np.where(depth.holes, 0, depth.samples // int(step) + 1).astype(np.uint16)
            middles = (levels - 1.0) * step + (step - 1) / 2
            return len(write(levels)), goodness(np.where(depth.holes, 0, np.rint(middles).clip(1)))

        return coder

    def lossy(distance: float) -> tuple[int, float]:
        data = imagecodecs.jpegxl_encode(filled, distance=distance, effort=7, numthreads=1)
        decoded = imagecodecs.jpegxl_decode(data, numthreads=1).reshape(filled.shape)
        samples = np.rint(frame.near + decoded / 65535.0 * (frame.far - frame.near))
        return len(data) + mask, goodness(np.where(depth.holes, 0, samples))

    return {
        "png": (quantised(png), [1.0]),
        "png steps": (quantised(png), STEPS),
        "jxl lossless": (quantised(lossless_jpeg_xl), [1.0]),
        "jxl steps": (quantised(lossless_jpeg_xl), STEPS),
        "jxl lossy": (lossy, DISTANCES),
    }


def png(samples: NDArray[np.uint16]) -> bytes:
    """A PNG file of 16 bits, as small as Pillow makes it."""
    buffer = io.BytesIO()
    Image.fromarray(samples).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def lossless_jpeg_xl(samples: NDArray[np.uint16]) -> bytes:
    """A JPEG XL file of 16 bits."""
    data: bytes = imagecodecs.jpegxl_encode(samples, lossless=True, effort=7, numthreads=1)
    return data


def report(results: Sequence[Mapping[str, float]]) -> str:
    """The table of our mean, and of each pair of formats over the frames where both reach our quality."""
    names = ("bytes", "color", "mask", "psnr", "rmse")
    mean = {name: sum(result[name] for result in results) / len(results) for name in names}
    largest = max(result["largest"] for result in results)
    sizes = [mean["color"], mean["bytes"] - mean["color"], mean["bytes"]]
    rows = [["**this codec, one file**", *(f"{size:,.0f}" for size in sizes), "1.00", str(len(results))]]
    for depth_title, depth in DEPTH.items():
        for color_title, color in COLOR.items():
            reached = [r for r in results if not math.isnan(r[color] + r[depth])]
            if not reached or ("JPEG XL" in depth_title) != (color == "jxl"):
                continue
            colors, depths, ours = (sum(r[name] for r in reached) / len(reached) for name in (color, depth, "bytes"))
            title = f"{color_title}; {depth_title}"
            sizes = [colors, depths, colors + depths]
            factor = f"{(colors + depths) / ours:.2f}"
            rows.append([title, *(f"{size:,.0f}" for size in sizes), factor, str(len(reached))])
    header = ["", "colour, bytes", "depth, bytes", "both, bytes", "of this codec's", "frames"]
    quality = (
        f"Means: colour {mean['psnr']:.2f} dB, depth {mean['rmse']:.1f} mm root mean square error (largest error of "
        f"all frames {largest:,.0f} mm), of our bytes of depth {mean['mask']:,.0f} for the mask of holes."
    )
    return f"{quality}\n\n{table(header, rows)}"


if __name__ == "__main__":
    main()
