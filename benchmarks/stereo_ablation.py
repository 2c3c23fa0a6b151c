"""What the cross-view paths are worth: the same network with and without them, trained alike.

    python benchmarks/stereo_ablation.py configs/stereo-ablation.toml --data TRAIN --photos PHOTOS --measure EVAL -o DIR

Both networks start with the weights of `--model` and make the steps of the configuration on the same crops; in one of
them all paths between the views are cut (`stereo = false`). Both become releases, which code the pairs of --measure
in memory. The BD-rate (PSNR) of the whole network against the cut one is the share of bits that the stereo part saves.
Runs that are there already go on or are taken as they are.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

from bd_rates import pair_bd_rate
from markdown_tables import publish, table
from memory_points import coded_point, conditions, parser
from rd_points import Point, find_pairs, manifest_column

from stereocodec import StereoCodec
from stereocodec.training.checkpoint import FILE_NAME
from stereocodec.training.config import TrainingConfig
from stereocodec.training.examples import load_photos
from stereocodec.training.export import export_run
from stereocodec.training.loop import Trainer
from stereocodec.training.pairs.data import load_pairs

QUALITIES = (20, 40, 60, 80)
CLOSE_PX = 40  # median disparity from which a pair counts as close-range


def main() -> None:
    """Trains both networks, measures them and prints the report."""
    options = parser(__doc__)
    options.add_argument("config", type=Path, metavar="CONFIG", help="settings of both runs (TOML)")
    options.add_argument("--data", type=Path, nargs="+", required=True, metavar="DIR", help="pairs to train on")
    options.add_argument("--photos", type=Path, nargs="*", default=[], metavar="DIR", help="single photographs")
    options.add_argument("--measure", type=Path, required=True, metavar="DIR", help="pairs to measure on")
    options.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder of the runs")
    arguments = options.parse_args()
    pairs, photos = load_pairs(arguments.data), load_photos(arguments.photos)
    codecs = []
    for name, stereo in (("cut", False), ("whole", True)):
        config = TrainingConfig.from_toml(arguments.config)
        config = dataclasses.replace(config, model={**config.model, "stereo": stereo})
        run, release = arguments.output / name, arguments.output / f"{name}-release"
        if not release.exists():
            resume = (run / FILE_NAME).exists()
            init = None if resume else arguments.model
            Trainer(config, pairs, run, photos=photos, init=init, resume=resume, report=_tell).run()
            export_run(run, release, name=name, data="for comparison only")
        codecs.append(StereoCodec.from_pretrained(release, device=arguments.device))
    disparities = manifest_column(arguments.measure, "median_disparity_px")
    measured = [(pair, [_curve(codec, pair) for codec in codecs]) for pair in find_pairs(arguments.measure)]
    rows = []
    for pair, (cut, whole) in sorted(measured, key=lambda item: -float(disparities[item[0].name])):
        rate = pair_bd_rate(whole, cut, "psnr")
        rows.append((pair.name, pair.group, float(disparities[pair.name]), rate and rate.percent))
    what = f"both after {config.steps} steps of `{arguments.config.name}` from these weights, pairs: {len(rows)}"
    first_line = conditions(StereoCodec.from_pretrained(arguments.model), what)
    publish(f"{first_line}\n\n{_table(rows)}", "stereo-ablation", arguments.markdown)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _curve(codec: StereoCodec, pair: object) -> list[Point]:
    points = [coded_point(codec, pair.name, pair.group, pair.load(), quality) for quality in QUALITIES]
    _tell(f"{codec.name} {pair.name}: " + ", ".join(f"{p.bpp:.3f} bpp {p.psnr:.2f} dB" for p in points))
    return points


def _table(rows: list[tuple[str, str, float, float | None]]) -> str:
    shown = [
        [name, group, f"{px:.1f}", "-" if percent is None else f"{percent:+.1f}"] for name, group, px, percent in rows
    ]
    for title, members in (
        (f"**mean, median disparity of {CLOSE_PX} px or more**", [r for r in rows if r[2] >= CLOSE_PX]),
        ("**mean**", rows),
    ):
        known = [percent for *_, percent in members if percent is not None]
        shown.append([title, "", "", f"{sum(known) / len(known):+.1f}" if known else "-"])
    return table(["pair", "group", "median disparity, px", "BD-rate against the cut network, %"], shown, text_columns=2)


if __name__ == "__main__":
    main()
