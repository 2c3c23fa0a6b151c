"""Decodes damaged and forged `.bsc` files, and reports what became of them.

    .venv/bin/python tools/fuzz.py --cases 2000
    .venv/bin/python tools/fuzz.py --cases 1 --start 1234 --folder failures      # case 1234 again

Each case is a small valid file that was changed at random, mostly so that its lengths and CRC are right again. It must
be refused by one of this package's errors, or give the picture of the file that it was made of; a picture with fewer
rows or columns counts as that, because a file may say that it has fewer, and of frames only the colour counts where
what the file says of the depth was changed. All else is a failure: another exception, another picture, or more than
60 seconds. Failures are saved, the summary is printed as JSON, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import json
import random
import resource
import signal
import sys
import time
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from fuzz_mutations import MUTATIONS, SIDE, Seed
from PIL import ExifTags, Image, ImageCms
from stereocodec_cli.info import as_text, describe

from stereocodec import RgbdCodec, StereoCodec
from stereocodec.coding import ReleaseCoder
from stereocodec.container import Chunk, Container, Layout, Metadata, ViewKind, read_bounded
from stereocodec.errors import StereoCodecError
from stereocodec.pictures.picture_metadata import with_metadata

SAMPLE = Path(__file__).parent.parent / "docs" / "sample"
MAX_PIXELS = 4 * SIDE * SIDE
LIMIT_SECONDS = 60
VIEWS = "left", "right"
_PER_TASK = 200
GOOD = ("refused", "same")


@dataclass
class Summary:
    """What became of cases: how many by mutation and outcome, the slowest, and the most memory of a process."""

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    failures: list[tuple[int, str, bytes, str]] = field(default_factory=list)
    seconds: float = 0.0
    slowest: int = 0
    mebibytes: int = 0

    def add(self, other: Summary) -> None:
        """Takes those of another process."""
        self.outcomes += other.outcomes
        self.failures += other.failures
        self.mebibytes = max(self.mebibytes, other.mebibytes)
        if other.seconds > self.seconds:
            self.seconds, self.slowest = other.seconds, other.slowest


class Fuzzer:
    """The codecs of the built-in releases, and files of theirs with every feature of the format."""

    def __init__(self) -> None:
        torch.set_num_threads(1)
        self.pairs = StereoCodec.from_pretrained(device="cpu")
        self.frames, self.bounded = (RgbdCodec.from_pretrained(name, device="cpu") for name in ("rgbd-rooms", None))
        self.seeds = [self._seed(container) for container in self._containers()]

    def _containers(self) -> list[Container]:
        left, right = (_crop(SAMPLE / f"{view}.png") for view in VIEWS)
        noise = np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3), dtype=np.uint8)
        depth = 1000 + 20 * np.add.outer(np.arange(SIDE), np.arange(SIDE)).astype(np.uint16)
        holes = np.where(left[..., 0] > 128, 0, depth).astype(np.uint16)
        plain = self.pairs.encode(left, right, quality=50)
        chunks = (Chunk("MODL", b"{}"), Chunk("REPO", b"org/name@" + b"0" * 40), Chunk("TEXT", b"{}"))
        exif, calibration = Image.Exif(), {"size": [SIDE, SIDE], "left": {"focal_length": [50, 50.5]}, "baseline": 0.1}
        exif[ExifTags.Base.Make], exif[ExifTags.Base.Orientation], exif[ExifTags.IFD.Exif] = "maker", 1, {0x9003: "now"}
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        metadata = Metadata(profile, exif.tobytes(), b"<r tiff:Orientation='1'/>" * 9, calibration, Layout.HALF_TB)
        return [
            plain,
            dataclasses.replace(plain, chunks=(*chunks, Chunk("more", b"\0" * 9)), version=(0, 0)),
            dataclasses.replace(plain, chunks=metadata.to_chunks(), version=(0, 0)),
            dataclasses.replace(plain, orientation=6, version=(0, 0)),
            self.pairs.encode(left[..., 1], right[..., 1], quality=30),
            self.pairs.encode(left, left, quality=0),
            self.pairs.encode(left[:33, :50], right[:33, :50], quality=90),
            self.pairs.encode(*noise, quality=60),
            self._in_bands(),
            self.frames.encode(left, depth, metadata=metadata),
            self.frames.encode(left, holes, depth_mode="inverse"),
            self.frames.encode(left, (holes >> 8).astype(np.uint8), depth_unit=0.1),
            self.bounded.encode(left, holes, metadata=metadata),
            self.bounded.encode(left, (holes >> 8).astype(np.uint8), depth_unit=0.1, depth_max_error=0, quality=20),
            self._frame_in_bands(),
        ]

    def _in_bands(self) -> Container:
        """A high pair, coded in bands as much larger ones are."""
        views = [np.asarray(Image.open(SAMPLE / f"{view}.png").convert("RGB"))[: 4 * SIDE, :SIDE] for view in VIEWS]
        with mock.patch.object(ReleaseCoder, "band_count", return_value=2):
            return self.pairs.encode(*views, quality=40)

    def _frame_in_bands(self) -> Container:
        """The same of colour with depth."""
        color = np.asarray(Image.open(SAMPLE / "left.png").convert("RGB"))[: 4 * SIDE, :SIDE]
        with mock.patch.object(ReleaseCoder, "band_count", return_value=2):
            return self.bounded.encode(color, color[..., 0].astype(np.uint16) * 9, depth_max_error="4mm", quality=40)

    def _seed(self, container: Container) -> Seed:
        return Seed(container.to_bytes(), container, self._decoded(_as_stored(container, container)))

    def _decoded(self, container: Container) -> tuple[Any, Any]:
        codec = {ViewKind.RGB8: self.pairs, ViewKind.RGB8_DEPTH: self.frames}.get(container.view_kind, self.bounded)
        return codec.decompress(container, output="numpy", max_pixels=MAX_PIXELS)

    def case(self, number: int) -> tuple[str, Seed, bytes]:
        """The mutation, what was changed, and the changed file of a case."""
        rng = random.Random(number)
        seed = rng.choice(self.seeds)
        name = rng.choices(list(MUTATIONS), [weight for weight, _ in MUTATIONS.values()])[0]
        return name, seed, MUTATIONS[name][1](rng, seed, rng.choice(self.seeds))

    def outcome(self, data: bytes, seed: Seed) -> tuple[str, str]:
        """One word, of GOOD if it is as it must be, and what is known beside it."""
        signal.signal(signal.SIGALRM, _too_long)
        signal.alarm(LIMIT_SECONDS)
        try:
            container = Container.from_bytes(data)
            if container.to_bytes() != data or read_bounded(io.BytesIO(data)) != data:
                return "respelled", "to_bytes or read_bounded gives other bytes"
            as_text("the file", describe(data))
            with_metadata(Image.new("RGB", (1, 1)), container.metadata)
            pictures = self._decoded(container)
            stored = _as_stored(container, seed.container)
            if stored != container:
                pictures = self._decoded(stored)
            return ("same", "") if _agree(pictures, container, seed) else ("other", "the picture is another one")
        except StereoCodecError as error:
            return "refused", str(error)
        except TimeoutError:
            return "hang", traceback.format_exc()
        except Exception:
            return "crash", traceback.format_exc()
        finally:
            signal.alarm(0)

    def run(self, numbers: range) -> Summary:
        """All of these cases."""
        summary = Summary()
        for number in numbers:
            name, seed, data = self.case(number)
            start = time.perf_counter()
            outcome, text = self.outcome(data, seed)
            seconds = time.perf_counter() - start
            if seconds > summary.seconds:
                summary.seconds, summary.slowest = seconds, number
            summary.outcomes[name, outcome] += 1
            if outcome not in GOOD:
                summary.failures.append((number, f"{name}: {outcome}", data, text))
        summary.mebibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        return summary


def _as_stored(container: Container, seed: Container) -> Container:
    """Shown with the seed's channels and not turned: a file may say otherwise of the same picture."""
    if (container.orientation, container.channels) == (1, seed.channels):
        return container
    return dataclasses.replace(container, orientation=1, channels=seed.channels, version=(0, 0))


def _agree(pictures: tuple[Any, Any], container: Container, seed: Seed) -> bool:
    parts = list(zip(pictures, seed.pictures, strict=True))
    if container.depth != seed.container.depth:
        del parts[1]
    # A side that is larger within the padding shows more of it, and views that were mirrored lose or gain columns left.
    rows, columns = (min(sides) for sides in zip(parts[0][0].shape[:2], parts[0][1].shape[:2], strict=True))
    return any(
        all(np.array_equal(found[:rows, kept], true[:rows, kept]) for found, true in parts)
        for kept in (slice(0, columns), slice(-columns, None))
    )


def _crop(path: Path) -> Any:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))[200 : 200 + SIDE, 300 : 300 + SIDE]


def _too_long(signum: int, frame: object) -> None:
    raise TimeoutError(f"longer than {LIMIT_SECONDS} seconds")


_fuzzer: list[Fuzzer] = []


def _prepare() -> None:
    _fuzzer[:] = [Fuzzer()]


def _run(numbers: range) -> Summary:
    return _fuzzer[0].run(numbers)


def fuzz(cases: int, start: int, jobs: int) -> Summary:
    """Cases `start` to `start + cases - 1`, in `jobs` processes."""
    tasks = [range(first, min(first + _PER_TASK, start + cases)) for first in range(start, start + cases, _PER_TASK)]
    summary = Summary()
    if jobs == 1:
        _prepare()
        for task in tasks:
            summary.add(_run(task))
        return summary
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_prepare) as pool:
        for part in pool.map(_run, tasks):
            summary.add(part)
    return summary


def main(arguments: list[str] | None = None) -> int:
    """Runs the cases, saves the failures and prints the summary; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--start", type=int, default=0, help="the number of the first case, which decides all of it")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path("fuzz-failures"), help="where failures are saved")
    options = parser.parse_args(arguments)
    begin = time.perf_counter()
    summary = fuzz(options.cases, options.start, options.jobs)
    for number, title, data, text in summary.failures:
        options.folder.mkdir(parents=True, exist_ok=True)
        (options.folder / f"{number}.bsc").write_bytes(data)
        (options.folder / f"{number}.txt").write_text(f"{title}\n{text}\n", encoding="utf-8")
    by_mutation: dict[str, dict[str, int]] = {}
    for (name, outcome), count in sorted(summary.outcomes.items()):
        by_mutation.setdefault(name, {})[outcome] = count
    report = {
        "cases": options.cases,
        "start": options.start,
        "outcomes": by_mutation,
        "failures": len(summary.failures),
        "seconds": round(time.perf_counter() - begin, 1),
        "slowest": {"case": summary.slowest, "seconds": round(summary.seconds, 2)},
        "most memory of a process in MiB": summary.mebibytes,
    }
    print(json.dumps(report, indent=2))
    return 1 if summary.failures else 0


if __name__ == "__main__":
    sys.exit(main())
