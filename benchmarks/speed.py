"""Times encoding and decoding of one pair by parts, and takes the peak memory of `bisic encode` and `bisic decode`.

    python benchmarks/speed.py [LEFT RIGHT] [--size 1024x832] [--threads 1 2]

Without LEFT and RIGHT the repository's sample pair is used. Pictures are cropped to the size, or continued by
reflection where they are smaller. Linux and macOS.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import as_bisic  # noqa: F401  # before numpy and PyTorch
import numpy as np
from markdown_tables import machine, publish, table
from numpy.typing import NDArray
from PIL import Image

from stereocodec.pictures.pil import load_image
from stereocodec.pictures.rgb import to_pair

if TYPE_CHECKING:
    from coding_parts import Parts

View = NDArray[np.uint8]
SAMPLE = Path(__file__).parent.parent / "docs" / "sample"


def main() -> None:
    """Measures and prints the tables."""
    arguments = _parser().parse_args()
    if (arguments.left is None) != (arguments.right is None):
        raise SystemExit("name both views, or none for the sample pair")
    paths = (arguments.left or SAMPLE / "left.png", arguments.right or SAMPLE / "right.png")
    width, height = arguments.size
    left, right = (fitted(view, width, height) for view in to_pair(*map(load_image, paths)))
    # Before torch is imported: a child's peak memory is at least its parent's when it was started.
    memory = _memory_table(arguments, (left, right))
    times, walks, limits, coded = _times(arguments, (left, right))
    load = f"load of the machine {os.getloadavg()[0]:.1f}"
    text = (
        f"One pair of {width}x{height} at quality {arguments.quality} ({coded}), device "
        f"{arguments.device}. Medians of {arguments.repeats} runs in wall seconds; CPU time is that of all "
        f"threads. {machine('stereocodec', 'torch', 'numpy')}, {load}."
    )
    publish("\n\n".join([text, times, limits, walks, memory]), "speed", arguments.markdown)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("left", nargs="?", type=Path)
    parser.add_argument("right", nargs="?", type=Path)
    parser.add_argument("--size", type=_size, default=(1024, 832), metavar="WxH")
    parser.add_argument("--quality", type=int, default=50)
    parser.add_argument("--model", default="bisic-rt", metavar="NAME|DIR")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], metavar="N")
    parser.add_argument("--repeats", type=int, default=5, metavar="N")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="page whose marked block gets the tables")
    return parser


def _size(text: str) -> tuple[int, int]:
    width, height = map(int, text.split("x"))
    return width, height


def fitted(view: View, width: int, height: int) -> View:
    """The middle of a view, or the view continued by reflection where it is smaller, (height, width, 3)."""
    short = [max(0, want - have) for want, have in zip((height, width), view.shape, strict=False)]
    view = np.pad(view, [(n // 2, n - n // 2) for n in short] + [(0, 0)], mode="symmetric")
    top, left = (view.shape[0] - height) // 2, (view.shape[1] - width) // 2
    return np.ascontiguousarray(view[top : top + height, left : left + width])


def _times(arguments: argparse.Namespace, views: tuple[View, View]) -> tuple[str, str, str, str]:
    import torch
    from coding_parts import DECODE, ENCODE, coding_parts, walk_precision
    from product_limit import limit_table

    from stereocodec import StereoCodec
    from stereocodec.releases.release import load_release

    codec = StereoCodec.from_pretrained(arguments.model, device=arguments.device)
    model_class = type(load_release(arguments.model).model)
    options = {"quality": arguments.quality, "repeats": arguments.repeats}
    measured, walks, limits = [], [], []
    for threads in arguments.threads:
        torch.set_num_threads(threads)
        measured.append(coding_parts(codec, model_class, views, **options))
        seconds = {
            direction: parts["total"] for direction, parts in zip(("encode", "decode"), measured[-1], strict=True)
        }
        limits.append(limit_table(codec, views, arguments.quality, seconds))
        exact, single = walk_precision(arguments.model, views, device=arguments.device, **options)
        walks.append([str(threads), f"{exact:.2f}", f"{single:.2f}", f"{exact / single:.2f}"])
    rows = _part_rows("encode", ENCODE, [encode for encode, _ in measured])
    rows += _part_rows("decode", DECODE, [decode for _, decode in measured])
    plural = [f"{n} thread{'s' if n > 1 else ''}" for n in arguments.threads]
    walk_header = ["entropy network alone, threads", "float64, s", "float32, s", "float64 / float32"]
    size = len(codec.compress(*views, quality=arguments.quality))
    coded = f"{size:,} bytes with weights `{codec.name}` {codec.model_id.hex()}"
    return table(["", "part", *plural], rows, text_columns=2), table(walk_header, walks), "\n\n".join(limits), coded


def _part_rows(direction: str, parts: Sequence[str], runs: Sequence[Parts]) -> list[list[str]]:
    rows = []
    for part in parts:
        cells = [f"{run[part]:.2f} s ({run[part] / run['total']:.0%})" for run in runs]
        if part in ("total", "CPU time"):
            cells = [f"**{run[part]:.2f} s**" if part == "total" else f"{run[part]:.2f} s" for run in runs]
        rows.append([direction, part, *cells])
    return rows


def _memory_table(arguments: argparse.Namespace, views: tuple[View, View]) -> str:
    threads = max(arguments.threads)
    common = ["--model", arguments.model, "--device", arguments.device, "--quiet"]
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for side, view in zip(("left", "right"), views, strict=True):
            Image.fromarray(view).save(folder / f"{side}.png")
        left, right, pair = (str(folder / name) for name in ("left.png", "right.png", "pair.bsc"))
        encode = ["encode", left, right, "-o", pair, "-q", str(arguments.quality), "--no-verify"]
        for label, command in (
            ("`import torch`", ["-c", "import torch"]),
            ("`bisic encode --no-verify`", ["-m", "stereocodec_cli", *encode, *common]),
            ("`bisic decode`", ["-m", "stereocodec_cli", "decode", pair, *common]),
        ):
            megabytes, seconds = _peak([sys.executable, *command], threads)
            rows.append([label, f"{megabytes:.0f} MB", f"{seconds:.1f} s"])
    return table([f"process, threads: {threads}", "peak memory", "wall time with start-up"], rows)


def _peak(command: Sequence[str], threads: int) -> tuple[float, float]:
    """Peak resident memory in MB (10^6 bytes) and wall seconds of a process."""
    start = time.perf_counter()
    process = subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": str(threads)})
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed with exit status {process.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024
    return usage.ru_maxrss * unit / 1e6, time.perf_counter() - start


if __name__ == "__main__":
    main()
