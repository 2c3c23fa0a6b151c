"""How long other codecs take beside a release of this package, on the same pairs, in turns.

    python benchmarks/codec_speed.py --data PAIRS --pairs desk kitti2012 --markdown docs/benchmarks.md

Every codec gets, for each pair, the setting whose PSNR (the mean of both views) is nearest to that of the release at
--quality: found by interpolation in up to five codings, which warm it up as well. Then all codecs encode and decode the
pair one after the other, with one thread and with two, --repeats times. Needs the extras `eval` and `video`.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import mean, median
from tempfile import TemporaryDirectory
from typing import NamedTuple
from unittest import mock

import as_bisic  # noqa: F401  # before numpy and PyTorch
from markdown_tables import machine, publish, table
from memory_points import chosen_pairs, memory_point, pairs_parser
from PIL import AvifImagePlugin
from rd_points import EvaluationPair, Point, View
from two_frames import AvifFilm, PyAvFilm

from stereocodec.evaluation.codecs.base import Codec, JpegXl, PillowCodec
from stereocodec.evaluation.codecs.model import ModelCodec, model_codec
from stereocodec.evaluation.codecs.video import VideoCodec
from stereocodec.evaluation.matching import next_setting
from stereocodec.evaluation.runner import find_anchor

THREADS = 1, 2
MOST_TRIALS = 5
HEADER = ["codec", "settings", "bytes", "PSNR"]


class Seconds(NamedTuple):
    """What coding took, per megapixel of both views."""

    encoding: float
    decoding: float


@dataclass
class Measured:
    """What there is of a codec: the chosen point of each pair, and what every turn took with a number of threads."""

    points: list[Point] = field(default_factory=list)
    turns: dict[int, list[Seconds]] = field(default_factory=lambda: {threads: [] for threads in THREADS})


def main() -> None:
    """Measures all codecs and prints the table."""
    options = pairs_parser(__doc__)
    options.add_argument("--quality", type=int, default=50, help="of the release (default 50)")
    options.add_argument("--repeats", type=int, default=3, metavar="N", help="turns of each pair (default 3)")
    arguments = options.parse_args()
    pairs, release = chosen_pairs(arguments), model_codec(arguments.model, device=arguments.device)
    found: dict[str, Measured] = {title: Measured() for title in codecs(release, 1)}
    for pair in pairs:
        measure(pair, release, arguments.quality, arguments.repeats, found)
    names = ", ".join(pair.name for pair in pairs)
    text = (
        f"Weights `{release.title}` ({release.model_id}) at quality {arguments.quality}, pairs: {names}; turns: "
        f"{arguments.repeats}. {machine('stereocodec', 'torch', 'pillow', 'imagecodecs', 'av')}, "
        f"load of the machine {os.getloadavg()[0]:.1f}."
    )
    publish(f"{text}\n\n{report(found, release.title)}", "codec-speed", arguments.markdown)


def codecs(release: ModelCodec, threads: int) -> dict[str, Codec]:
    """All codecs by their titles, the release first, each coding with so many threads."""
    avif, x265 = find_anchor("avif"), find_anchor("x265")
    assert isinstance(avif, PillowCodec)
    assert isinstance(x265, VideoCodec)
    stills, films = {}, {}
    for speed in (4, 8):
        options = tuple({**dict(avif.options), "speed": speed, "max_threads": threads}.items())
        stills[f"{avif.title}, speed {speed}"] = replace(avif, options=options)
        fields = {**vars(avif), "options": options}
        films[f"AV1, two frames (libaom), speed {speed}"] = AvifFilm(**fields)
    for preset in ("veryslow", "medium"):
        films[f"{x265.title}, {preset}"] = PyAvFilm(x265, threads, preset)
    jxl = JpegXl(threads=threads)
    return {
        release.title: replace(release, threads=threads),
        **stills,
        f"{jxl.title}, effort {jxl.effort}": jxl,
        **films,
    }


def measure(pair: EvaluationPair, release: ModelCodec, quality: int, repeats: int, found: dict[str, Measured]) -> None:
    """Adds to what was found the settings that all codecs get for a pair, and what they take with these."""
    views = pair.load()
    with TemporaryDirectory() as folder:
        stem = Path(folder, pair.name)
        wanted = point(release, release.title, pair, views, quality, stem)
        chosen = {release.title: wanted}
        for title, codec in list(codecs(release, THREADS[-1]).items())[1:]:
            chosen[title] = nearest(codec, title, pair, views, wanted, stem)
        for title, one in chosen.items():
            found[title].points.append(one)
        for turn in range(repeats):
            print(f"{pair.name}: turn {turn + 1} of {repeats}", file=sys.stderr, flush=True)
            for threads in THREADS:
                for title, codec in codecs(release, threads).items():
                    setting = codec.scale.value(chosen[title].setting)
                    found[title].turns[threads].append(seconds(codec, views, setting, threads, stem))


def nearest(
    codec: Codec, title: str, pair: EvaluationPair, views: tuple[View, View], wanted: Point, stem: Path
) -> Point:
    """The point of a codec whose PSNR is nearest to that of another point, of those that were tried."""
    scale = codec.scale
    middle = len(scale.measured) // 2
    curve = [point(codec, title, pair, views, setting, stem) for setting in scale.measured[middle - 1 : middle + 1]]
    while len(curve) < MOST_TRIALS:
        setting = next_setting(scale, curve, signal_to_noise(wanted), signal_to_noise)
        if setting is None:
            break
        curve.append(point(codec, title, pair, views, setting, stem))
    return min(curve, key=lambda one: abs(one.psnr - wanted.psnr))


def signal_to_noise(one: Point) -> float:
    """What PSNR is the logarithm of: 2 % of it are 0.09 dB."""
    return 10 ** (one.psnr / 10)


def point(
    codec: Codec, title: str, pair: EvaluationPair, views: tuple[View, View], setting: float, stem: Path
) -> Point:
    """The point of a codec at a setting."""
    files = codec.encode(views, setting, stem)
    size, decoded = sum(path.stat().st_size for path in files), codec.decode(files, views[0].shape)
    return memory_point((title, pair.name, pair.group, codec.scale.label(setting)), views, size, decoded)


def seconds(codec: Codec, views: tuple[View, View], setting: float, threads: int, stem: Path) -> Seconds:
    """What it takes to write a codec's files and to read them. threads: for Pillow's AVIF decoder."""
    megapixels = 2 * views[0][..., 0].size / 1e6
    start = time.perf_counter()
    files = codec.encode(views, setting, stem)
    encoded = time.perf_counter()
    with mock.patch.object(AvifImagePlugin, "DEFAULT_MAX_THREADS", threads):
        codec.decode(files, views[0].shape)
    return Seconds((encoded - start) / megapixels, (time.perf_counter() - encoded) / megapixels)


def report(found: dict[str, Measured], ours: str) -> str:
    """The table: medians of all turns of all pairs, of seconds and of what they are to ours in the same turn."""
    rows = []
    for title, measured in found.items():
        size, level = (mean(values) for values in zip(*((p.file_bytes, p.psnr) for p in measured.points), strict=True))
        settings = ", ".join(dict.fromkeys(one.setting for one in measured.points))
        row = [title, settings, f"{size:,.0f}", f"{level:.2f} dB"]
        for work in Seconds._fields:
            row += [cell(measured.turns[n], found[ours].turns[n], work) for n in THREADS]
        rows.append(row)
    works = [f"{work}, {n} thread{'s' * (n > 1)}" for work in Seconds._fields for n in THREADS]
    return table([*HEADER, *works], rows, text_columns=2)


def cell(turns: Sequence[Seconds], ours: Sequence[Seconds], work: str) -> str:
    """The median of some seconds, and in brackets that of their ratios to others'."""
    taken, others = ([getattr(turn, work) for turn in turn_list] for turn_list in (turns, ours))
    ratio = median(mine / theirs for mine, theirs in zip(taken, others, strict=True))
    return f"{median(taken):.2g} s ({ratio:.2g})"


if __name__ == "__main__":
    main()
