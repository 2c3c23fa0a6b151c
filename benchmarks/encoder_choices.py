"""What the encoder's choices between bits and errors bring: BD-rates, and errors of the mean colour.

    python benchmarks/encoder_choices.py --data PAIRS --model RELEASE [--markdown docs/training-log.md]

Codes central crops with and without each choice. Nothing but the encoder differs; pictures are those that a decoder
makes of the latents.
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path
from statistics import fmean
from typing import Any
from unittest import mock

import numpy as np
import torch
from markdown_tables import machine, publish, table
from validation_curves import BANDS, percents

from stereocodec.codec import StereoCodec
from stereocodec.entropy.streams import StreamWriter
from stereocodec.evaluation.datasets import find_pairs, parse_crop
from stereocodec.images import psnr
from stereocodec.models import bisic_rt, rt_entropy

QUALITIES = "0,10,20,30,60,90"
Curves = dict[str, list[list[dict[str, float]]]]  # by variant and pair, a point per quality
Change = Callable[[], contextlib.AbstractContextManager[Any]]


def _one_weight() -> contextlib.AbstractContextManager[Any]:
    return mock.patch.object(rt_entropy, "_PROPAGATION", ((2.5, 0.0), (2.5, 0.0)))


def _levels_not_kept() -> contextlib.AbstractContextManager[Any]:
    return mock.patch.object(bisic_rt.BisicRt, "_levels", return_value=None)


# What each row leaves out; the first one is what the others are compared with.
VARIANTS: dict[str, tuple[Change, ...]] = {
    "neither": (_one_weight, _levels_not_kept),
    "weights of errors by view and quality": (_levels_not_kept,),
    "mean colour kept": (_one_weight,),
    "both, as files are written": (),
}


def main() -> None:
    """Codes all crops in all ways and prints both tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, required=True, metavar="DIR", help="pairs")
    options.add_argument("--model", required=True, metavar="RELEASE", help="a release of bisic-rt 3 or later")
    options.add_argument("--crop", default="256x256", metavar="WxH", help="from the middle; default %(default)s")
    options.add_argument("--qualities", default=QUALITIES, metavar="Q,...", help="default %(default)s")
    options.add_argument("--markdown", type=Path, metavar="FILE", help="page whose marked block gets the tables")
    arguments = options.parse_args()
    codec = StereoCodec.from_pretrained(arguments.model, device="cpu")
    qualities = [int(quality) for quality in arguments.qualities.split(",")]
    curves: Curves = {name: [] for name in VARIANTS}
    for pair in find_pairs(arguments.data, crop=parse_crop(arguments.crop)).pairs:
        views = np.stack(pair.load())
        points = [in_all_ways(codec, views, quality) for quality in qualities]
        for name in VARIANTS:
            curves[name].append([point[name] for point in points])
        print(pair.name, flush=True)
    text = f"{machine('stereocodec', 'torch', 'numpy')}.\n\n{_rates(curves)}\n\n{_colours(curves)}"
    publish(text, "encoder-choices", arguments.markdown)


@torch.inference_mode()
def in_all_ways(codec: StereoCodec, views: np.ndarray, quality: int) -> dict[str, dict[str, float]]:
    """The points of a pair (2, H, W, 3) uint8 at one quality; its analysis is the same for all."""
    x = codec._padded(views).float() / 255
    qualities = codec._qualities(quality)
    latents = codec._model.analyse(x, qualities)
    points = {}
    for name, changes in VARIANTS.items():
        with contextlib.ExitStack() as stack:
            for change in changes:
                stack.enter_context(change())
            points[name] = {"quality": quality} | _point(codec, views, latents, qualities)
    return points


def _point(codec: StereoCodec, views: np.ndarray, latents: Any, qualities: torch.Tensor) -> dict[str, float]:
    """Bits per pixel of the streams, mean PSNR, and the largest error of a mean colour in grey levels."""
    _, height, width, _ = views.shape
    writer = StreamWriter(codec._release.lattice, codec._release.tables)
    size = codec._padded_side(height), codec._padded_side(width)
    decoded = codec._model.reconstruct(codec._model.walk(writer, latents, qualities, size))
    shown = decoded[:, :height, :width].clamp(0, 1).mul(255).round().to(torch.uint8).numpy()
    streams, guard = writer.finish()
    coded = len(guard) + sum(map(len, astuple(streams)))
    return {
        "bpp": 8 * coded / (2 * height * width),
        "psnr": fmean(psnr(view, other) for view, other in zip(views, shown, strict=True)),
        "colour": float(np.abs(shown.mean((1, 2)) - views.mean((1, 2))).max()),
    }


def _rates(curves: Curves) -> str:
    """Mean BD-rates of all variants but the first against it; a band that one of them does not reach counts no pair."""
    first, *others = curves
    rows = []
    for name in others:
        each = [percents(test, reference) for test, reference in zip(curves[name], curves[first], strict=True)]
        known = [[float(value) for value in column if value != "-"] for column in zip(*each, strict=True)]
        rows.append([name, *(f"{fmean(column):+.2f}" if column else "-" for column in known)])
    return table(["choice", *(f"BD-rate, {band}, %" for band in BANDS)], rows)


def _colours(curves: Curves) -> str:
    """The largest error of a mean colour: of the worst pair, and the mean over pairs."""
    first = next(iter(curves.values()))
    header = [f"quality {point['quality']:.0f}" for point in first[0]]
    rows = []
    for name, pairs in curves.items():
        columns = [[point["colour"] for point in points] for points in zip(*pairs, strict=True)]
        rows.append([name, *(f"{max(column):.2f} ({fmean(column):.2f})" for column in columns)])
    return table(["choice", *header], rows)


if __name__ == "__main__":
    main()
