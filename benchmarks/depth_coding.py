"""Depth without loss and within a bound, against what depth maps are kept in today.

    pip install opencv-python-headless
    python benchmarks/depth_coding.py --pairs ../shared/data/eval --markdown docs/rgbd.md

Maps are rendered rooms as three kinds of depth cameras measure them, and photographs that OpenCV matches
(`tools/depth_frames.py`). Ours has the bytes of the mask of holes; the others keep holes as zeros, but for those that
are *filled*: they get our mask, and see the last measurement in its holes. Times are those of the processor, on one
core, with the mask. RVL (Wilson, "Fast lossless depth image compression", ISS 2017) is
counted, not timed: in Python it would take as long as Python does.
"""

from __future__ import annotations

import argparse
import io
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import imagecodecs
import numpy as np
from markdown_tables import machine, publish, table
from numpy.typing import NDArray
from PIL import Image
from rgbd import lossless_jpeg_xl, png

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

from depth_frames import DEPTH_WIDTH, DepthFrame, matched_frame, room_frames

from stereocodec.depth_coding import DepthBound, decode_depth, encode_depth
from stereocodec.entropy.masks import decode_mask, encode_mask

Depth = NDArray[np.uint16]
Coder = tuple[Callable[[Depth], bytes], Callable[[bytes], Depth]]

BOUNDS = [DepthBound(steps) for steps in (0, 1, 2, 5, 10, 20)] + [DepthBound(ppm=ppm) for ppm in (1000, 5000, 20000)]
OURS, JPEG_XL, JPEG_LS, NOISE = "ours", "JPEG XL", "JPEG-LS", "noise"


@dataclass(frozen=True)
class Result:
    """Of one map: bytes, processor seconds of coding and decoding, and the largest error in steps and in the bound."""

    size: int
    encoding: float = float("nan")
    decoding: float = float("nan")
    error: int = 0
    kept: bool = True


def main() -> None:
    """Measures all maps and prints the report."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--pairs", type=Path, required=True, metavar="DIR", help="NAME_left.* and NAME_right.*")
    options.add_argument("--rooms", type=int, default=6)
    options.add_argument("--seed", type=int, default=3_000_000, help="of the first room")
    options.add_argument("--markdown", type=Path, metavar="FILE", help="page whose marked block gets the report")
    arguments = options.parse_args()
    results: dict[str, dict[str, list[Result]]] = defaultdict(lambda: defaultdict(list))
    for name, frame in maps(arguments.pairs, range(arguments.seed, arguments.seed + arguments.rooms)):
        for coder, result in measured(frame).items():
            results[name][coder].append(result)
        print(name, {coder: several[-1].size for coder, several in results[name].items()}, file=sys.stderr, flush=True)
    where = machine("numpy", "pillow", "imagecodecs", "opencv-python-headless")
    publish(f"{where}.\n\n{report(results)}", "depth", arguments.markdown)


def maps(pairs: Path, seeds: Sequence[int]) -> Iterator[tuple[str, DepthFrame]]:
    """The set that each map belongs to, and the map."""
    for seed in seeds:
        for kind, frame in room_frames(seed).items():
            yield f"rooms, {kind}", frame
    for left in sorted(pairs.glob("*_left.*")):
        right = next(pairs.glob(left.name.replace("_left.", "_right.")))
        yield "photographs, matched", matched_frame(left, right)


def measured(frame: DepthFrame) -> dict[str, Result]:
    """What every coder makes of a map."""
    depth = frame.depth
    found = {"RVL": Result(rvl_bytes(depth))}
    if frame.noise_bytes is not None:
        found[NOISE] = Result(round(frame.noise_bytes))
    lossless: dict[str, Coder] = {
        "PNG": (png, lambda data: np.asarray(Image.open(io.BytesIO(data))).astype(np.uint16)),
        "zstd": (lambda d: imagecodecs.zstd_encode(d, level=9), lambda data: as_depth(imagecodecs.zstd_decode(data))),
        JPEG_XL: (lossless_jpeg_xl, lambda data: imagecodecs.jpegxl_decode(data, numthreads=1)),
    }
    lossless[f"{JPEG_XL}, filled"] = with_mask(lossless[JPEG_XL], depth.shape)
    for name, coder in lossless.items():
        found[name] = timed(depth, coder, DepthBound())
    for bound in BOUNDS:
        if not bound.ppm:
            near = bound.steps
            jpeg_ls = (lambda d, near=near: imagecodecs.jpegls_encode(d, level=near), imagecodecs.jpegls_decode)
            found[f"{JPEG_LS} {bound}"] = timed(depth, jpeg_ls, bound)
            found[f"{JPEG_LS}, filled {bound}"] = timed(depth, with_mask(jpeg_ls, depth.shape), bound)
        found[f"{OURS} {bound}"] = timed(depth, ours(bound, depth.shape), bound)
    return found


def as_depth(data: bytes) -> Depth:
    """Bare samples, as one row."""
    return np.frombuffer(data, dtype=np.uint16)


def ours(bound: DepthBound, size: tuple[int, ...]) -> Coder:
    """The mask and the samples, as a file holds them."""

    def encode(depth: Depth) -> bytes:
        return before(depth == 0) + encode_depth(depth, depth == 0, bound, 0)

    def decode(data: bytes) -> Depth:
        holes, data = apart(data, size)
        return decode_depth(data, holes, 16, bound, 0)

    return encode, decode


def with_mask(coder: Coder, size: tuple[int, ...]) -> Coder:
    """A coder that sees no holes, beside our mask of them."""

    def decode(data: bytes) -> Depth:
        holes, data = apart(data, size)
        return np.where(holes, 0, coder[1](data)).astype(np.uint16)

    return lambda depth: before(depth == 0) + coder[0](filled(depth)), decode


def before(holes: NDArray[np.bool_]) -> bytes:
    """A mask with its length."""
    mask = encode_mask(holes)
    return len(mask).to_bytes(4, "little") + mask


def apart(data: bytes, size: tuple[int, ...]) -> tuple[NDArray[np.bool_], bytes]:
    """The mask, and what follows it."""
    start = 4 + int.from_bytes(data[:4], "little")
    return decode_mask(data[4:start], (size[0], size[1])), data[start:]


def filled(depth: Depth) -> Depth:
    """Each hole as the last measurement before it in raster order, or the first one of all."""
    flat = depth.reshape(-1)
    last = np.maximum.accumulate(np.where(flat > 0, np.arange(flat.size), -1))
    first = int(np.argmax(flat > 0))
    return flat[np.where(last < 0, first, last)].reshape(depth.shape)


def timed(depth: Depth, coder: Coder, bound: DepthBound) -> Result:
    """One coding and decoding; JPEG-LS may put values into holes, so that errors are those of measurements."""
    encode, decode = coder
    start = time.process_time()
    data = encode(depth)
    encoded = time.process_time()
    decoded = decode(data)
    end = time.process_time()
    errors = np.abs(decoded.reshape(depth.shape).astype(np.int64) - depth)[depth > 0]
    kept = bool((errors <= bound.permitted(depth[depth > 0])).all())
    return Result(len(data), encoded - start, end - encoded, int(errors.max(initial=0)), kept)


def rvl_bytes(depth: Depth) -> int:
    """Bytes of Wilson's run and variable lengths: nibbles with three bits each, in words of 32 bits."""
    flat = depth.reshape(-1).astype(np.int64)
    measured = flat > 0
    borders = np.flatnonzero(np.diff(measured, prepend=False, append=False))
    begins, ends = borders[::2], borders[1::2]
    empty = begins - np.concatenate([[0], ends[:-1]])
    steps = np.diff(flat[measured], prepend=0)
    numbers = np.concatenate([empty, ends - begins, steps << 1 ^ steps >> 63])
    nibbles = np.maximum(-(-np.frexp(numbers.astype(np.float64))[1] // 3), 1).sum()
    return int(4 * -(-nibbles // 8))


def report(results: dict[str, dict[str, list[Result]]]) -> str:
    """Tables of bytes without loss, of bytes within bounds, and of times."""
    parts = [lossless_table(results), bounded_table(results), time_table(results)]
    broken = [f"{name}: {coder}" for name, of in results.items() for coder, r in of.items() if not all_kept(r)]
    kept = "No measurement was off by more than its bound." if not broken else f"Bounds broken: {broken}"
    noise = [
        f"The noise alone of {name} has an entropy of {mean_size(of[NOISE]):,.0f} bytes."
        for name, of in results.items()
        if NOISE in of
    ]
    return "\n\n".join([parts[0], *noise, *parts[1:], kept])


def all_kept(several: Sequence[Result]) -> bool:
    """Whether every measurement of every map is within its bound."""
    return all(result.kept for result in several)


def mean_size(several: Sequence[Result]) -> float:
    """Bytes."""
    return sum(result.size for result in several) / len(several)


def lossless_table(results: dict[str, dict[str, list[Result]]]) -> str:
    """Bytes per map of each set."""
    others = ["zstd", "RVL", "PNG", f"{JPEG_LS} {BOUNDS[0]}", JPEG_XL, f"{JPEG_XL}, filled"]
    rows = []
    for name, of in results.items():
        mine = mean_size(of[f"{OURS} {BOUNDS[0]}"])
        best = min(mean_size(of[JPEG_XL]), mean_size(of[f"{JPEG_XL}, filled"]))
        sizes = [mean_size(of[other]) for other in others]
        rows.append(
            [f"{name} ({len(of[JPEG_XL])})", *(f"{size:,.0f}" for size in [*sizes, mine]), f"{mine / best:.2f}"]
        )
    header = [
        "without loss, bytes",
        "zstd",
        "RVL",
        "PNG",
        "JPEG-LS",
        "JPEG XL",
        "JPEG XL, filled",
        "**ours**",
        "of the better",
    ]
    return table(header, rows)


def bounded_table(results: dict[str, dict[str, list[Result]]]) -> str:
    """Bytes per map of each set and bound."""
    rows = []
    for name, of in results.items():
        for bound in BOUNDS[1:]:
            mine = of[f"{OURS} {bound}"]
            theirs = of.get(f"{JPEG_LS} {bound}")
            title = f"{bound.steps} mm" if bound.steps else f"{bound.ppm / 10_000:g} %"
            size, compared = mean_size(mine), ["", "", ""]
            if theirs:
                others = [mean_size(theirs), mean_size(of[f"{JPEG_LS}, filled {bound}"])]
                compared = [*(f"{other:,.0f}" for other in others), f"{size / min(others):.2f}"]
            error = max(result.error for result in mine)
            rows.append([name, title, *compared[:2], f"{size:,.0f}", compared[2], f"{error}"])
    header = ["within a bound, bytes", "bound", "JPEG-LS", "JPEG-LS, filled", "**ours**", "of the better"]
    header.append("largest error, mm")
    return table(header, rows, text_columns=2)


def time_table(results: dict[str, dict[str, list[Result]]]) -> str:
    """Processor milliseconds per map of a room."""
    rows = []
    names = {"PNG": "PNG", "zstd": "zstd, level 9", JPEG_XL: "JPEG XL, effort 7", f"{JPEG_LS} {BOUNDS[0]}": JPEG_LS}
    for coder, title in (names | {f"{OURS} {BOUNDS[0]}": "**ours**", f"{OURS} {BOUNDS[3]}": "**ours**, 5 mm"}).items():
        of_rooms = [r for name, of in results.items() if name.startswith("rooms") for r in of[coder]]
        both = [1000 * sum(getattr(r, way) for r in of_rooms) / len(of_rooms) for way in ("encoding", "decoding")]
        rows.append([title, *(f"{milliseconds:.0f}" for milliseconds in both)])
    return table([f"rooms of {DEPTH_WIDTH}x480, one core, ms", "encode", "decode"], rows)


if __name__ == "__main__":
    main()
