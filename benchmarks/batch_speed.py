"""Pairs per second of one `bisic encode` for a folder, and of a loop that starts it for every pair.

    python benchmarks/batch_speed.py --markdown docs/benchmarks.md

Pairs are crops of the sample pair. Both ways code the same pairs without verification, in turn; start-up is what a
command takes for a pair of 64x64, whose coding takes next to nothing. The rest is shared out to the networks and to
all other coding as it is in one process that encodes one pair again and again.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
from coding_parts import coding_parts
from markdown_tables import machine, publish, table
from PIL import Image

from stereocodec import StereoCodec

SAMPLE = Path(__file__).parent.parent / "docs" / "sample"
BISIC = [sys.executable, "-m", "stereocodec_cli", "encode", "--no-verify", "-Q", "-f"]
WIDTH, HEIGHT = 512, 384


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--pairs", type=int, default=16, metavar="N", help="in the folder; a quarter of them in the loop"
    )
    parser.add_argument("--repeats", type=int, default=2, metavar="N")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="page whose marked block gets the table")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pairs = [crop(folder / "in", number, (WIDTH, HEIGHT)) for number in range(arguments.pairs)]
        small = crop(folder / "small", 0, (64, 64))
        few = pairs[: max(1, arguments.pairs // 4)]
        loops, batches, starts = [], [], []
        for number in range(arguments.repeats):
            loops.append(seconds(*(one(pair, folder) for pair in few)) / len(few))
            batches.append(seconds([*BISIC, str(folder / "in"), "-o", str(folder / f"out{number}")]) / len(pairs))
            starts.append(seconds(one(small, folder)))
        networks = share_of_networks(pairs[0])
    loop, batch, start = median(loops), median(batches), median(starts)
    rows = [
        row("a loop of `bisic encode`", loop, start / loop, networks),
        row("`bisic encode FOLDER`", batch, start / len(pairs) / batch, networks),
    ]
    report = table(["", "a pair takes", "pairs/s", "start-up", "networks", "other coding"], rows)
    text = f"{len(pairs)} pairs of {WIDTH}x{HEIGHT}, {os.cpu_count()} processes. {machine('torch', 'numpy')}."
    publish(
        f"{text}\n\n{report}\n\nThe folder takes {loop / batch:.1f} times as many pairs per second.",
        "batch-speed",
        arguments.markdown,
    )


def row(name: str, seconds: float, start: float, networks: float) -> list[str]:
    """A row of the table: seconds of a pair, the share of start-up in them, and that of the networks in the rest."""
    shares = start, (1 - start) * networks, (1 - start) * (1 - networks)
    return [name, f"{seconds:.2f} s", f"{1 / seconds:.2f}", *(f"{100 * share:.0f} %" for share in shares)]


def share_of_networks(pair: tuple[Path, Path]) -> float:
    """The share of the networks in the time of encoding."""
    codec = StereoCodec.from_pretrained(device="cpu")
    left, right = (np.asarray(Image.open(path)) for path in pair)
    parts, _ = coding_parts(codec, type(codec._coder.model), (left, right), quality=None, repeats=3)
    return (parts["analysis"] + parts["entropy network, float64"]) / parts["total"]


def crop(folder: Path, number: int, size: tuple[int, int]) -> tuple[Path, Path]:
    """A pair of files: a part of the sample pair that differs with its number."""
    folder.mkdir(exist_ok=True)
    left, top = 7 * number % (960 - size[0]), 5 * number % (640 - size[1])
    paths = tuple(folder / f"{number}_{side}.png" for side in ("left", "right"))
    for path, side in zip(paths, ("left", "right"), strict=True):
        with Image.open(SAMPLE / f"{side}.png") as image:
            image.crop((left, top, left + size[0], top + size[1])).save(path)
    return paths[0], paths[1]


def one(pair: tuple[Path, Path], folder: Path) -> list[str]:
    """The command for one pair."""
    return [*BISIC, *map(str, pair), "-o", str(folder / "one.bsc")]


def seconds(*commands: list[str]) -> float:
    """Wall time of commands, one after the other."""
    start = time.perf_counter()
    for command in commands:
        subprocess.run(command, check=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
