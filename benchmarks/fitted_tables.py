"""What tables fitted at export bring against the tables of the trained densities.

    python benchmarks/fitted_tables.py --data DIR [--model DIR]

The model is a release that was exported with examples. Central crops of the pairs are coded from the same latents
without fitted tables, with those of y alone, and with all of them. Sizes are those of the streams and the guard list;
pictures are those that the encoder's own walk gives, which are the decoder's.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Mapping, Sequence
from dataclasses import astuple, replace

import numpy as np
import torch
from bd_rates import pair_bd_rate
from markdown_tables import machine, publish, table
from memory_points import chosen_pairs, memory_point, pairs_parser
from rd_points import Pair, Point

from stereocodec.entropy.streams import CodingTables, StreamWriter
from stereocodec.releases import Release, load_release
from stereocodec.training.validation import central_crop

QUALITIES = (10, 30, 50, 70, 90, 100)
RANGES = {"10 to 50": (10, 30, 50), "30 to 70": (30, 50, 70), "70 to 100": (70, 90, 100), "all": QUALITIES}
PLAIN, VIEWS, ALL = "none", "y alone", "all"


def main() -> None:
    """Measures the pairs and prints the report."""
    options = pairs_parser(__doc__)
    options.add_argument("--side", type=int, default=512, help="of the crops, at most (default 512)")
    arguments = options.parse_args()
    release = load_release(arguments.model)
    if not release.tables.families:
        raise SystemExit(f"{arguments.model} was exported without examples: its tables are not fitted")
    pairs = chosen_pairs(arguments)
    points = [point for pair in pairs for point in measured(release, pair, arguments.side)]
    what = f"crops of at most {arguments.side}x{arguments.side} of {', '.join(pair.name for pair in pairs)}"
    first_line = f"Weights `{release.name}` ({release.model_id.hex()}), {what}. {machine('stereocodec', 'torch')}."
    publish(f"{first_line}\n\n{report(points)}", "fitted-tables", arguments.markdown)


def variants(tables: CodingTables) -> dict[str, CodingTables]:
    """The tables of a fitted release with parts of what was fitted."""
    views = {name: fitted for name, fitted in tables.families.items() if name != "residual"}
    return {PLAIN: replace(tables, families={}), VIEWS: replace(tables, families=views), ALL: tables}


def measured(release: Release, pair: Pair, side: int) -> list[Point]:
    """All points of a pair's crop, the variants as codecs."""
    model = copy.deepcopy(release.model)
    model.make_exact()
    crop = central_crop(torch.from_numpy(np.stack(pair.load())), side)
    x, points = crop.float() / 255, []
    for quality in QUALITIES:
        qualities = torch.full((2,), quality / 100, dtype=torch.float64)
        with torch.inference_mode():
            latents = model.analyse(x, qualities)
            for name, tables in variants(release.tables).items():
                writer = StreamWriter(release.lattice, tables)
                shown = model.reconstruct(model.walk(writer, latents, qualities, (x.shape[1], x.shape[2])))
                streams, guard = writer.finish()
                size = len(guard) + sum(map(len, astuple(streams)))
                views = shown.clamp(0, 1).mul(255).round().to(torch.uint8).numpy()
                identity = name, pair.name, pair.group, f"q{quality}"
                points.append(memory_point(identity, tuple(crop.numpy()), size, tuple(views)))
                print(*identity, size, f"{points[-1].psnr:.3f}", file=sys.stderr, flush=True)
    return points


def report(points: Sequence[Point]) -> str:
    """Two tables: sizes and PSNR per quality, and BD-rates per range of qualities, means over the pairs."""
    found = {name: [point for point in points if point.codec == name] for name in (PLAIN, VIEWS, ALL)}
    changes = [[name, *(_change(found, name, quality) for quality in QUALITIES)] for name in (VIEWS, ALL)]
    rates = [[name, *(_bd_rate(found, name, range_) for range_ in RANGES.values())] for name in (VIEWS, ALL)]
    sizes = table(["fitted tables", *(f"q{quality}" for quality in QUALITIES)], changes)
    return f"{sizes}\n\n{table(['BD-rate, %, of qualities', *RANGES], rates)}"


def _change(points: Mapping[str, Sequence[Point]], name: str, quality: int) -> str:
    """Bytes and PSNR of a variant against those without fitted tables."""
    matched = zip(points[name], points[PLAIN], strict=True)
    pairs = [(mine, plain) for mine, plain in matched if mine.setting == f"q{quality}"]
    size = np.mean([100 * (mine.file_bytes / plain.file_bytes - 1) for mine, plain in pairs])
    level = np.mean([mine.psnr - plain.psnr for mine, plain in pairs])
    return f"{size:+.1f} %, {level:+.2f} dB"


def _bd_rate(points: Mapping[str, Sequence[Point]], name: str, qualities: Sequence[int]) -> str:
    settings = {f"q{quality}" for quality in qualities}
    rates = []
    for pair in dict.fromkeys(point.pair for point in points[PLAIN]):
        mine, plain = ([p for p in points[v] if p.pair == pair and p.setting in settings] for v in (name, PLAIN))
        rate = pair_bd_rate(mine, plain, "psnr")
        if rate is not None:
            rates.append(rate.percent)
    return f"{np.mean(rates):+.2f}" if rates else "-"


if __name__ == "__main__":
    main()
