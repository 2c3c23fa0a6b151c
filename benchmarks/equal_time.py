"""Settings of training compared at equal processor time from the same start.

    python benchmarks/equal_time.py base.toml wider.toml --data TRAIN --photos PHOTOS --minutes 15 -o runs/compared

Every configuration trains for so many minutes of processor time (of all its threads, so that other work on the machine
matters little) in a folder of its own, and is validated with its averaged weights, at a quarter of the time and at its
end. BD-rates are against the first configuration. A folder with a finished run is taken as it is.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from pathlib import Path
from typing import Any

import as_bisic  # noqa: F401  # before numpy and PyTorch
import torch
from markdown_tables import machine, table
from validation_curves import BANDS, percents, points

from stereocodec.training.config import TrainingConfig
from stereocodec.training.examples import Photo, load_photos
from stereocodec.training.loop import Trainer
from stereocodec.training.pairs.data import Pair, load_pairs
from stereocodec.training.validation import validate

_MARKS = (0.25, 1.0)
_FAR = 10**9  # steps that no comparison reaches, so that learning rates stay


def main() -> None:
    """Trains, validates, and prints a table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("configs", type=Path, nargs="+", metavar="CONFIG", help="settings (TOML), the reference first")
    options.add_argument("--data", type=Path, nargs="+", required=True, metavar="DIR", help="pairs to train on")
    options.add_argument("--photos", type=Path, nargs="*", default=[], metavar="DIR", help="single photographs")
    options.add_argument("--minutes", type=float, default=15.0, help="processor time of each (default 15)")
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder of the runs")
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.set_flush_denormal(True)
    pairs, photos = load_pairs(arguments.data), load_photos(arguments.photos)
    measured = {path.stem: _trained(path, arguments, pairs, photos) for path in arguments.configs}
    reference = measured[arguments.configs[0].stem]
    rows = [
        [
            name,
            f"{mark['minutes']:.0f}",
            f"{mark['step']:,}",
            f"{mark['crop_pairs']:,}",
            *percents(mark["rows"], base["rows"]),
        ]
        for name, marks in measured.items()
        for mark, base in zip(marks, reference, strict=True)
    ]
    print(f"{machine('stereocodec', 'torch', 'numpy')}.\n")
    print(table(["settings", "minutes", "steps", "crop pairs", *(f"BD-rate, {band}, %" for band in BANDS)], rows))


def _trained(path: Path, arguments: argparse.Namespace, pairs: list[Pair], photos: list[Photo]) -> list[dict[str, Any]]:
    """What was measured of one configuration at each of the marks."""
    result = arguments.output / path.stem / "equal_time.json"
    if result.exists():
        return json.loads(result.read_text(encoding="utf-8"))
    config = dataclasses.replace(TrainingConfig.from_toml(path), steps=_FAR, decay_steps=0)
    trainer = Trainer(config, pairs, result.parent, photos=photos if config.photo_share else (), report=_tell)
    marks: list[dict[str, Any]] = []
    started = time.process_time()
    for mark in _MARKS:
        while time.process_time() - started < 60 * mark * arguments.minutes:
            trainer.train_step()
        before = time.process_time()
        rows = validate(trainer.kind, trainer.averaged(), trainer.validation_examples)
        _tell(f"{path.stem} after {trainer.step} steps: {points(rows)}")
        done = {"minutes": mark * arguments.minutes, "step": trainer.step, "crop_pairs": trainer.crop_pairs}
        marks.append({**done, "rows": rows})
        started += time.process_time() - before  # validation does not count
    result.write_text(json.dumps(marks), encoding="utf-8")
    return marks


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
