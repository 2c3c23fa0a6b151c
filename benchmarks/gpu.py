"""What a GPU does: whether it decodes what the processor codes, and how fast it codes and trains.

    python benchmarks/gpu.py --data PAIRS --markdown docs/benchmarks.md

Takes some minutes, and needs what is on a machine that is lent for them: PyTorch, NumPy, Pillow, safetensors and click.
Equality: the golden files and a file of every pair, written by the processor, are decoded by the GPU, whose latents
must have the files' checksums; and the other way round. Pictures may differ by one grey level. Times are medians over
pairs, of codings after a first one; a large pair is coded with its bands together and one by one; training is that of
the recipe on the same pairs.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import TypeVar
from unittest.mock import patch

import numpy as np
import torch
from markdown_tables import publish, table
from memory_points import chosen_pairs, conditions, load_codec, pairs_parser
from mosaics import SIZES, large
from rd_points import View

from stereocodec import StereoCodec
from stereocodec.container import Container
from stereocodec.devices import torch_device
from stereocodec.errors import StereoCodecError
from stereocodec.training.config import TrainingConfig
from stereocodec.training.pairs.data import load_pairs

REPOSITORY = Path(__file__).parent.parent
sys.path.insert(0, str(REPOSITORY / "tools"))

from gpu_probe import probed  # noqa: E402
from gpu_settings import gpu_settings  # noqa: E402

GOLDEN = REPOSITORY / "tests" / "golden"
QUALITY, BATCH = 50, 64
LARGE = "3840x2160"
_R = TypeVar("_R")


def main() -> None:
    """Measures and prints the report."""
    parser = pairs_parser(__doc__)
    parser.set_defaults(device="cuda")
    parser.add_argument("--batch", type=int, default=BATCH, metavar="N", help="crop pairs per step of training")
    parser.add_argument("--seconds", type=float, default=20, help="of training")
    arguments = parser.parse_args()
    try:
        device = torch_device(arguments.device)
    except StereoCodecError as error:
        raise SystemExit(str(error)) from error
    pairs, codec = chosen_pairs(arguments), load_codec(arguments)
    processor = StereoCodec.from_pretrained(arguments.model, device="cpu")
    views = [pair.load() for pair in pairs]
    equal = [golden_equality(codec, processor), pair_equality(codec, processor, views)]
    rows = [
        *equal,
        *times(codec, views, device),
        *times_of_bands(codec, views),
        ["training", training(device, arguments)],
    ]
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
    text = conditions(codec, f"{len(pairs)} pairs at quality {QUALITY}, {name}")
    publish(f"{text}\n\n{table(['', 'result'], rows, text_columns=2)}", "gpu", arguments.markdown)


def golden_equality(codec: StereoCodec, processor: StereoCodec) -> list[str]:
    """Of the golden files of these weights."""
    files = [path.read_bytes() for path in sorted(GOLDEN.glob("*.bsc"))]
    files = [data for data in files if Container.from_bytes(data).model_id == codec.model_id]
    levels = [apart(codec, processor, data) for data in files]
    return [f"{len(files)} golden files, decoded", verdict(levels)]


def pair_equality(codec: StereoCodec, processor: StereoCodec, views: Sequence[tuple[View, View]]) -> list[str]:
    """Of a file of each pair from either device."""
    levels = [
        apart(codec, processor, writer.compress(*pair, quality=QUALITY))
        for pair in views
        for writer in (processor, codec)
    ]
    return [f"{len(levels)} files of pairs, half of them from either device, decoded", verdict(levels)]


def apart(codec: StereoCodec, processor: StereoCodec, data: bytes) -> int | None:
    """How many grey levels the pictures of both devices differ by at most; None where latents do."""
    try:
        mine, others = (np.stack(one.decompress(data, output="numpy")).astype(int) for one in (codec, processor))
    except StereoCodecError:
        return None
    return int(np.abs(mine - others).max())


def verdict(levels: Sequence[int | None]) -> str:
    """In words."""
    wrong = levels.count(None)
    if wrong:
        return f"latents of {wrong} differ"
    most = max((level for level in levels if level is not None), default=0)
    return f"all latents equal, pictures by at most {most} grey levels"


def times(codec: StereoCodec, views: Sequence[tuple[View, View]], device: torch.device) -> list[list[str]]:
    """Milliseconds for a megapixel of a view, pairs in a second, and memory."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    files = [codec.compress(*pair, quality=QUALITY) for pair in views]
    encoding, decoding = [], []
    for pair, data in zip(views, files, strict=True):
        megapixels = pair[0][..., 0].size / 1e6
        encoding.append(1000 * seconds(lambda pair=pair: codec.compress(*pair, quality=QUALITY)) / megapixels)
        decoding.append(1000 * seconds(lambda data=data: codec.decompress(data, output="torch")) / megapixels)
    small = [tuple(view[:384, :512] for view in pair) for pair in views]
    all_of_them = seconds(lambda: [codec.compress(*pair, quality=QUALITY) for pair in small])
    rows = [
        ["encoding, a megapixel of a view", f"{median(encoding):.0f} ms"],
        ["decoding, a megapixel of a view", f"{median(decoding):.0f} ms"],
        ["encoding parts of 512x384, one after the other", f"{len(small) / all_of_them:.1f} pairs/s"],
    ]
    if device.type == "cuda":
        rows.append(["most memory", f"{torch.cuda.max_memory_allocated(device) / 1e6:,.0f} MB"])
    return rows


def times_of_bands(codec: StereoCodec, views: Sequence[tuple[View, View]]) -> list[list[str]]:
    """Seconds to encode and to decode a large pair, with its bands together and one by one."""
    pair, rows = large(views, SIZES[LARGE]), []
    data = codec.compress(*pair, quality=QUALITY)
    for together in (codec._coder.bands_at_once, 1):
        with patch.object(codec._coder, "bands_at_once", together):
            encoding = seconds(lambda: codec.compress(*pair, quality=QUALITY))
            decoding = seconds(lambda: codec.decompress(data, output="torch"))
        rows += [
            [f"encoding {LARGE}, at most {together} bands together", f"{encoding:.2f} s"],
            [f"decoding {LARGE}, at most {together} bands together", f"{decoding:.2f} s"],
        ]
    return rows


def training(device: torch.device, arguments: argparse.Namespace) -> str:
    """Crop pairs in a second, of the recipe with this batch."""
    config = replace(gpu_settings(TrainingConfig.recipe("bisic-rt"), arguments.batch), photo_share=0.0)
    line: str = probed(config, load_pairs([arguments.data]), [], device, 0, None, arguments.seconds)
    return line


def seconds(work: Callable[[], _R]) -> float:
    """Of the second of two runs."""
    work()
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
