"""What each choice around the networks brings: BD-rates, times, and errors of the mean colour.

    python benchmarks/encoder_choices.py --data PAIRS [--markdown docs/benchmarks.md]

Codes whole files of the same weights without any of these choices, with each alone, and with all of them. Tables were
fitted to symbols with all choices, so that two choices together may bring more than they do alone. Each pair is coded
in all ways in turns, so that times can be compared.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from statistics import fmean
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from markdown_tables import publish, table
from memory_points import chosen_pairs, conditions, load_codec, pairs_parser
from validation_curves import BANDS, percents

from stereocodec.codec import StereoCodec
from stereocodec.models.bisic_rt import disparity_fields
from stereocodec.models.bisic_rt import entropy as rt_entropy
from stereocodec.models.bisic_rt import model as bisic_rt
from stereocodec.models.bisic_rt.colour_levels import ColourLevels
from stereocodec.pictures.rgb import psnr

QUALITIES = (0, 15, 30, 60, 90)
NONE, ALL = "none", "all, as files are written"
Points = list[list[dict[str, float]]]  # by pair, a point per quality


@contextmanager
def _with_tables(codec: StereoCodec, **changes: Any) -> Iterator[None]:
    release = codec._coder.release
    with patch.object(codec._coder, "release", replace(release, tables=replace(release.tables, **changes))):
        yield


@contextmanager
def unfitted_tables(codec: StereoCodec) -> Iterator[None]:
    """Codes all symbols with the tables of the trained densities."""
    with _with_tables(codec, families={}):
        yield


@contextmanager
def _whole_steps(codec: StereoCodec) -> Iterator[None]:
    """Quantises all symbols by themselves."""
    with _with_tables(codec, dependence=None):
        yield


@contextmanager
def disparities_as_found(codec: StereoCodec) -> Iterator[None]:
    """Codes disparities with tables, as the smooth search finds them."""
    as_found = patch.object(disparity_fields, "cheaper_field", lambda first, second, field, trade_off: field)
    smooth = patch.object(disparity_fields, "_SMOOTHNESS_BEFORE_CHOICE", 1.0)
    with _with_tables(codec, adaptive_disparities=False), smooth, as_found:
        yield


@contextmanager
def _one_weight(codec: StereoCodec) -> Iterator[None]:
    with patch.object(rt_entropy, "_PROPAGATION", ((2.5, 0.0), (2.5, 0.0))):
        yield


@contextmanager
def _colour_not_kept(codec: StereoCodec) -> Iterator[None]:
    none = ColourLevels((), torch.zeros(0, 3), torch.zeros(2, 3))
    with patch.object(bisic_rt.BisicRt, "_levels", return_value=none):
        yield


# Each choice with what undoes it.
CHOICES: dict[str, Callable[[StereoCodec], Any]] = {
    "fitted tables": unfitted_tables,
    "dependent quantisation": _whole_steps,
    "disparities adaptively coded and chosen": disparities_as_found,
    "weights of errors by view and quality": _one_weight,
    "mean colour kept": _colour_not_kept,
}
# The choices that each way of coding makes.
WAYS = {NONE: (), **{name: (name,) for name in CHOICES}, ALL: tuple(CHOICES)}


def main() -> None:
    """Codes all pairs in all ways and prints the tables."""
    options = pairs_parser(__doc__)
    options.add_argument("--qualities", nargs="+", type=int, default=QUALITIES, metavar="Q")
    arguments = options.parse_args()
    pairs, codec = chosen_pairs(arguments), load_codec(arguments)
    found: dict[str, Points] = {name: [] for name in WAYS}
    for index, pair in enumerate(pairs):
        views = np.stack(pair.load())
        points = [in_all_ways(codec, views, quality, index) for quality in arguments.qualities]
        for name in WAYS:
            found[name].append([point[name] for point in points])
        print(pair.name, file=sys.stderr, flush=True)
    line = conditions(codec, f"pairs: {len(pairs)}")
    publish(f"{line}\n\n{_rates(found)}\n\n{_colours(found)}", "encoder-choices", arguments.markdown)


def in_all_ways(codec: StereoCodec, views: np.ndarray, quality: int, first: int) -> dict[str, dict[str, float]]:
    """The points of a pair (2, H, W, 3) uint8 at one quality; first: of the ways, which is measured first."""
    names = list(WAYS)
    turn = first % len(names)
    points = {}
    for name in names[turn:] + names[:turn]:
        with ExitStack() as stack:
            for choice, undone in CHOICES.items():
                if choice not in WAYS[name]:
                    stack.enter_context(undone(codec))
            points[name] = _point(codec, views, quality)
    return points


def _point(codec: StereoCodec, views: np.ndarray, quality: int) -> dict[str, float]:
    """Bits per pixel, mean PSNR, the largest error of a mean colour in grey levels, and seconds."""
    start = time.perf_counter()
    data = codec.compress(*views, quality=quality)
    middle = time.perf_counter()
    decoded = np.stack(codec.decompress(data, output="numpy"))
    end = time.perf_counter()
    return {
        "quality": quality,
        "bpp": 8 * len(data) / (views.size / 3),
        "psnr": fmean(psnr(view, other) for view, other in zip(views, decoded, strict=True)),
        "colour": float(np.abs(decoded.mean((1, 2)) - views.mean((1, 2))).max()),
        "encode": middle - start,
        "decode": end - middle,
    }


def _rates(found: dict[str, Points]) -> str:
    """Mean BD-rates of all ways against none; a band that a pair's curves do not reach counts that pair not."""
    rows = []
    for name in list(WAYS)[1:]:
        each = [percents(test, reference) for test, reference in zip(found[name], found[NONE], strict=True)]
        known = [[float(value) for value in column if value != "-"] for column in zip(*each, strict=True)]
        rates = [f"{fmean(column):+.2f}" if column else "-" for column in known]
        rows.append([name, *rates, *(_times(found, name, part) for part in ("encode", "decode"))])
    return table(["choice", *(f"BD-rate, {band}, %" for band in BANDS), "encoding time", "decoding time"], rows)


def _times(found: dict[str, Points], name: str, part: str) -> str:
    """The median of a way's times over those of none, each of the same pair and quality."""
    mine, none = ([point[part] for points in found[way] for point in points] for way in (name, NONE))
    return f"{np.median(np.divide(mine, none)):.2f}"


def _colours(found: dict[str, Points]) -> str:
    """The largest error of a mean colour: of the worst pair, and the mean over pairs."""
    header = [f"quality {point['quality']:.0f}" for point in found[NONE][0]]
    rows = []
    for name, pairs in found.items():
        columns = [[point["colour"] for point in points] for points in zip(*pairs, strict=True)]
        rows.append([name, *(f"{max(column):.2f} ({fmean(column):.2f})" for column in columns)])
    return table(["choice", *header], rows)


if __name__ == "__main__":
    main()
