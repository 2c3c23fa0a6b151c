"""What the pictures themselves take in memory when a large pair is coded, beside the views that must be there.

    python benchmarks/picture_memory.py --data PAIRS --markdown docs/benchmarks.md

Each command runs once with a pair of 7680x4320, made as `large_pairs.py` makes it, and once with a pair of 64x64, in a
process whose networks and coder do nothing: bands are empty and as low as they can be, and their pictures come from a
file. The difference of the most memory of both is that of the pictures; the table has it less the samples of both views
(199 MB). What is taken before the networks are there counts less, by what these take. Linux.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from large_pairs import VIEWS
from markdown_tables import machine, publish, table
from mosaics import SIZES, large
from numpy.typing import NDArray
from PIL import Image
from rd_points import View, find_pairs

_RUN = "--run"  # a command of `bisic`, in a process of its own
LARGE, SMALL = SIZES["7680x4320"], (64, 64)
COMMANDS = {
    "`bisic encode`": "encode left.png right.png -o pair.bsc",
    "`bisic encode --no-verify`": "encode left.png right.png -o pair.bsc --no-verify",
    "`bisic encode --target-psnr 20`": "encode left.png right.png -o pair.bsc --no-verify --target-psnr 20",
    "`bisic decode`": "decode pair.bsc -o views/",
    "`bisic decode --format ppm`": "decode pair.bsc -o views/ --format ppm",
    "`bisic decode -o pair.jps`": "decode pair.bsc -o pair.jps",
}


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of stereo pairs")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="page whose marked block gets the table")
    arguments = parser.parse_args()
    pairs = [pair.load() for pair in find_pairs(arguments.data)]
    most = {size: peaks(large(pairs, size)) for size in (LARGE, SMALL)}
    samples = 2 * 3 * (LARGE[0] * LARGE[1] - SMALL[0] * SMALL[1])
    rows = [[name, f"{(most[LARGE][name] - most[SMALL][name] - samples) / 1e6:,.0f} MB"] for name in COMMANDS]
    text = f"{machine('stereocodec', 'torch', 'numpy', 'pillow')}."
    publish(f"{text}\n\n{table(['command', 'beside both views'], rows)}", "picture-memory", arguments.markdown)


def peaks(views: tuple[View, View]) -> dict[str, int]:
    """The bytes that each command takes at most."""
    with TemporaryDirectory() as folder:
        save_views(views, Path(folder))
        return {name: peak(command, Path(folder)) for name, command in COMMANDS.items()}


def save_views(views: tuple[View, View], folder: Path) -> None:
    """Writes the pictures that commands read, and the samples that they decode."""
    for name, view in zip(VIEWS, views, strict=True):
        Image.fromarray(view).save(folder / f"{name}.png", compress_level=1)
        view.tofile(folder / f"{name}.raw")


def peak(command: str, folder: Path) -> int:
    """The bytes that a command takes at most in a folder with views."""
    child = [sys.executable, __file__, _RUN, *command.split(), "--force", "--quiet"]
    return int(subprocess.run(child, check=True, stdout=subprocess.PIPE, text=True, cwd=folder).stdout)


def run_without_networks(arguments: Sequence[str]) -> int:
    """Runs `bisic`; the bytes that this process has taken at most."""
    from stereocodec_cli.main import bisic

    from stereocodec.band_reader import BandReader
    from stereocodec.band_writer import BandWriter
    from stereocodec.release_networks import ReleaseNetworks

    ReleaseNetworks.band_count = lambda _, size: max(1, size[0] // 128)  # as small as can be
    for name, value in {"prepared": prepared, "begin": lambda *_: None, "end": written}.items():
        setattr(BandWriter, name, value)
    for name, value in {"begin": lambda *_: None, "end": read}.items():
        setattr(BandReader, name, value)
    try:
        bisic(arguments, prog_name="bisic")
    except SystemExit as end:
        if end.code:
            raise
    status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


def prepared(writer: Any) -> Any:
    """In place of `BandWriter.prepared`."""
    return writer._prepared


def written(writer: Any, number: int, *_: object) -> tuple[Any, Any]:
    """In place of `BandWriter.end`."""
    from stereocodec.container import Band, Streams

    (first, end), (height, width, _) = writer._rows[number], writer._prepared.views[0].shape
    shown = None
    if writer._finish is not None:
        shown = pictures(first, (min(end, height) - first, width), swapped=writer._swapped)
    return Band(b"", Streams(b"", b"", b"", b""), number), shown


def read(reader: Any, number: int, *_: object) -> tuple[Any, bool]:
    """In place of `BandReader.end`: views in the other order."""
    first, end = reader._rows[number]
    return pictures(first, (end - first, reader._container.width), swapped=True), True


def pictures(first: int, size: tuple[int, int], *, swapped: bool) -> NDArray[np.uint8]:
    """Some rows of both views, (2, R, W, 3), as they are coded; swapped: exchanged and mirrored."""
    places = {"count": 3 * size[0] * size[1], "offset": 3 * first * size[1]}
    views = np.stack([np.fromfile(f"{name}.raw", np.uint8, **places).reshape(*size, 3) for name in VIEWS])
    return views[::-1, :, ::-1] if swapped else views


if __name__ == "__main__":
    if sys.argv[1:2] == [_RUN]:
        print(run_without_networks(sys.argv[2:]))
    else:
        main()
