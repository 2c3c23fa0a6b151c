"""Large pairs: seconds and the most memory of coding them, and what their bands cost in bytes.

    python benchmarks/large_pairs.py --data PAIRS --markdown docs/benchmarks.md

There are no pairs so large among those that are measured elsewhere: these are the pairs of a folder side by side and
one above the other, until 3840x2160 and 7680x4320 are full. Time and memory are those of a process that encodes or
decodes one file with a number of threads; what bands cost is the bytes of a 3840x2160 file against those of the same
pair in a single band, at equal PSNR.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from bd_rates import pair_bd_rate
from markdown_tables import machine, publish, table
from memory_points import coded_point
from mosaics import SIZES, large
from PIL import Image
from rd_points import View, find_pairs

from stereocodec import StereoCodec
from stereocodec.coding import ReleaseCoder

QUALITY, QUALITIES = 40, (15, 40, 60, 80)
VIEWS = "left", "right"
HEADER = ["views", "threads", "encoding", "memory", "decoding", "memory"]

_CHILD = r"""
import json, re, sys, time
from pathlib import Path
from PIL import Image
from stereocodec import StereoCodec
folder, work, threads, quality = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
codec, file = StereoCodec.from_pretrained(device="cpu"), folder / "pair.bsc"
start = time.perf_counter()
if work == "encode":
    views = [Image.open(folder / f"{view}.png") for view in ("left", "right")]
    file.write_bytes(codec.compress(*views, quality=quality, threads=threads))
else:
    for number, view in enumerate(codec.decompress(file.read_bytes(), threads=threads)):
        view.save(folder / f"{number}.ppm")
seconds = time.perf_counter() - start
print(json.dumps([seconds, int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024]))
"""


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of stereo pairs")
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES), help="of the views (default all)")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="page whose marked block gets the table")
    arguments = parser.parse_args()
    pairs = [pair.load() for pair in find_pairs(arguments.data)]
    rows = []
    for name in arguments.sizes:
        views = large(pairs, SIZES[name])
        rows += [[name, str(threads), *measured(views, threads)] for threads in (1, 2)]
    codec = StereoCodec.from_pretrained(device="cpu")
    count, cost = cost_of_bands(codec, large(pairs, SIZES["3840x2160"]))
    what = f"Weights `{codec.name}` ({codec.model_id.hex()}), quality {QUALITY}. {machine('stereocodec', 'torch')}."
    costs = f"The {count} bands of a 3840x2160 pair take {cost:+.2f} % bytes at equal PSNR."
    publish(f"{what}\n\n{table(HEADER, rows)}\n\n{costs}", "large-pairs", arguments.markdown)


def measured(views: tuple[View, View], threads: int) -> list[str]:
    """Seconds and MB of a process that encodes, and of one that decodes."""
    cells = []
    with TemporaryDirectory() as folder:
        for name, view in zip(VIEWS, views, strict=True):
            Image.fromarray(view).save(Path(folder, f"{name}.png"), compress_level=1)
        for work in ("encode", "decode"):
            command = [sys.executable, "-c", _CHILD, folder, work, str(threads), str(QUALITY)]
            seconds, mebibytes = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
            cells += [f"{seconds:.1f} s", f"{mebibytes * 1.048576:,.0f} MB"]
    return cells


def cost_of_bands(codec: StereoCodec, views: tuple[View, View]) -> tuple[int, float]:
    """How many bands a pair has, and what they cost at equal PSNR, %."""
    with mock.patch.object(ReleaseCoder, "band_count", return_value=1):
        once = [coded_point(codec, "large", "", views, quality) for quality in QUALITIES]
    in_bands = [coded_point(codec, "large", "", views, quality) for quality in QUALITIES]
    found = pair_bd_rate(in_bands, once, "psnr")
    if found is None:
        raise SystemExit("the qualities of both have too little in common")
    return codec._coder.band_count(views[0].shape[:2]), found.percent


if __name__ == "__main__":
    main()
