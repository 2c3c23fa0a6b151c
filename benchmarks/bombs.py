"""What decoding the smallest files of large pictures takes: seconds, and the most memory of the process.

    .venv/bin/python benchmarks/bombs.py --megapixels 1 4

Such files are made by somebody who wants to stop a service. An "empty" one has streams that begin as they must and hold
nothing else. A "cheapest" one has for z the symbols that take the fewest bytes, and nothing for y. Neither gives a
picture, but what is refused late has taken nearly as much. A "black" one is a true file, of two black views or of
black and a flat depth map, at quality 0. The first row of either kind is what loading the weights takes.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from markdown_tables import table

from stereocodec import RgbdCodec, StereoCodec
from stereocodec.container import Band, Container, ViewKind
from stereocodec.container.depth import DepthView
from stereocodec.entropy.streams import StreamWriter
from stereocodec.releases.folders import DEFAULT_MODEL, find_release
from stereocodec.releases.release import Release, load_release

RELEASES = {"pair": DEFAULT_MODEL, "frame": "rgbd-rooms"}
CONTENTS = ("empty", "cheapest", "black")

# Each file has a process of its own, which prints seconds, MiB and the outcome. What getrusage calls the peak would
# count the memory of the process that started it, too.
_CHILD = r"""
import json, re, sys, time
from pathlib import Path
import torch, stereocodec
torch.set_num_threads(1)
codec = {"pair": stereocodec.StereoCodec, "frame": stereocodec.RgbdCodec}[sys.argv[1]]
data = Path(sys.argv[2]).read_bytes()
start = time.perf_counter()
try:
    codec.for_file(data, device="cpu").decompress(data, output="numpy")
    outcome = "decoded"
except stereocodec.errors.StereoCodecError as error:
    outcome = type(error).__name__
seconds = time.perf_counter() - start
peak = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024
print(json.dumps([seconds, peak, outcome]))
"""


def bomb(release: Release, width: int, height: int, *, cheapest: bool) -> bytes:
    """A file of this size for a built-in release, of no picture."""
    has_depth = release.model.view_kind is ViewKind.RGB8_DEPTH
    writer = StreamWriter(release.lattice, release.tables)
    if not has_depth:
        for _ in ("the order of the views", "their balance"):
            writer.code_field(0, torch.zeros(1, 1, 1, dtype=torch.int64), (1, 1))
    if cheapest:
        tables = [release.tables.of_prior(view) for view in (0, 1)]
        modes = [[int(f.argmax() + o) for f, o in zip(t.frequencies, t.offsets, strict=True)] for t in tables]
        rows, columns = (-(-max(side, release.model.least_side) // 64) for side in (height, width))
        z = torch.tensor(modes, dtype=torch.float64)[:, None, None].expand(2, rows, columns, -1)
        writer.code_prior(z, tuple(z.shape))
    streams, guard = writer.finish()
    return Container(
        width=width,
        height=height,
        quality=0,
        model_id=release.model_id,
        view_kind=release.model.view_kind,
        depth=DepthView(16, 0.001, 0, 1, 1) if has_depth else None,
        bands=(Band(guard, streams, 0),),
    ).to_bytes()


def black(kind: str, width: int, height: int) -> bytes:
    """A true file of this size with little in it."""
    view = np.zeros((height, width, 3), np.uint8)
    if kind == "pair":
        return StereoCodec.from_pretrained(device="cpu").compress(view, view, quality=0)
    return RgbdCodec.from_pretrained(RELEASES[kind], device="cpu").compress(view, np.ones((height, width), np.uint16))


def measured(kind: str, data: bytes) -> tuple[float, float, str]:
    """Seconds, peak memory in MiB, and what became of it."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "bomb.bsc"
        path.write_bytes(data)
        command = [sys.executable, "-c", _CHILD, kind, str(path)]
        environment = os.environ | {"STEREOCODEC_MAX_PIXELS": str(2**26)}
        run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    seconds, peak, outcome = json.loads(run.stdout)
    return seconds, peak, outcome


def main() -> None:
    """Measures the files and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megapixels", type=float, nargs="+", default=[1, 4], help="of each view, in 2^20 pixels")
    parser.add_argument("--kinds", nargs="+", choices=RELEASES, default=[*RELEASES])
    parser.add_argument("--contents", nargs="+", choices=CONTENTS, default=[*CONTENTS])
    arguments = parser.parse_args()
    sizes = [(65535, 1), *((2 * side, side) for side in map(_short_side, arguments.megapixels))]
    rows = []
    for kind in arguments.kinds:
        release = load_release(find_release(RELEASES[kind]))
        cases = [("black", 64, 64), *((content, *size) for size in sizes for content in arguments.contents)]
        for content, width, height in cases:
            is_black = content == "black"
            data = black(kind, width, height) if is_black else bomb(release, width, height, cheapest=content != "empty")
            seconds, peak, outcome = measured(kind, data)
            size = f"{width}x{height}"
            rows.append([kind, content, size, outcome, f"{len(data):,}", f"{seconds:.1f}", f"{peak:,.0f}"])
            print(*rows[-1], file=sys.stderr, flush=True)
    print(table(["file", "content", "pixels", "outcome", "bytes", "seconds", "MiB"], rows, text_columns=4))


def _short_side(megapixels: float) -> int:
    return round(math.sqrt(megapixels / 2) * 1024)


if __name__ == "__main__":
    main()
