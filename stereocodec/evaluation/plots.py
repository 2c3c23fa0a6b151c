"""Rate-distortion plots: one per group of pairs and metric, as PNG and SVG."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .bd_rate import METRICS, decibels, grouped
from .points import Point
from .results import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLOURS = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
    "#7f3c8d",
    "#6b6b6b",
    "#8c564b",
    "#b8a300",
    "#003f5c",
    "#ff5ca8",
    "#2f4f2f",
    "#a05a00",
)
_MARKERS = "osD^v<>Pphd*"
_UNITS = {"psnr": "PSNR over RGB, dB", "msssim_db": "MS-SSIM, dB"}


@dataclass(frozen=True)
class Plot:
    """A figure by its file's name; `svg` and `png` are the files."""

    name: str
    title: str
    svg: str
    png: bytes


def draw_plots(results: Results) -> list[Plot]:
    """Draws PSNR and MS-SSIM over rate for every group of pairs, and for all pairs where there are several groups."""
    groups = grouped(results.points, "group")
    chosen = list(groups.items()) if len(groups) == 1 else [("all", results.points), *groups.items()]
    plots = []
    for group, points in chosen:
        for metric in METRICS:
            curves = mean_curves(points, metric)
            if any(curves.values()):
                count = len({p.pair for p in points})
                title = f"{'All pairs' if group == 'all' else group} ({count} pair{'s' * (count > 1)})"
                plots.append(_plot(f"rd_{group}_{metric}", title, curves, metric, results))
    return plots


def mean_curves(points: Sequence[Point], metric: str) -> dict[str, list[tuple[float, float]]]:
    """Per codec, the mean (bpp, dB) over pairs of every setting that all pairs have, in order of rate.

    A codec that lacks a pair has no curve: its mean would be over other pictures than the others'.
    """
    curves: dict[str, list[tuple[float, float]]] = {}
    pairs = {p.pair for p in points}
    for codec, own in grouped(points, "codec").items():
        finite = [p for p in own if math.isfinite(decibels(p, metric))]
        settings = [same for same in grouped(finite, "setting").values() if {p.pair for p in same} == pairs]
        means = [
            (float(np.mean([p.bpp for p in same])), float(np.mean([decibels(p, metric) for p in same])))
            for same in settings
        ]
        curves[codec] = sorted(means)
    return curves


def _plot(name: str, title: str, curves: dict[str, list[tuple[float, float]]], metric: str, results: Results) -> Plot:
    from matplotlib import rc_context

    # Fixed identifiers and no date: the same results make the same file.
    with rc_context({"svg.hashsalt": "stereocodec", "svg.fonttype": "path"}):
        figure = _figure(title, curves, metric, results)
        svg, png = io.StringIO(), io.BytesIO()
        figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None}, bbox_inches="tight")
        figure.savefig(png, format="png", dpi=150, metadata={"Software": None}, bbox_inches="tight")
    return Plot(name, title, svg.getvalue(), png.getvalue())


def _figure(title: str, curves: dict[str, list[tuple[float, float]]], metric: str, results: Results) -> Figure:
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter

    figure = Figure(figsize=(6.4, 5.4))
    axes = figure.add_subplot()
    for number, codec in enumerate(results.titles):
        line = curves.get(codec)
        if not line:
            continue
        ours = codec in results.models
        axes.plot(
            *zip(*line, strict=True),
            color=_COLOURS[number % len(_COLOURS)],
            marker=_MARKERS[number % len(_MARKERS)],
            markersize=5 if ours else 4,
            linewidth=2.4 if ours else 1.2,
            zorder=3 if ours else 2,
            label=results.titles[codec],
        )
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.xaxis.set_minor_formatter(FuncFormatter(lambda x, _: f"{x:g}" if f"{x:e}"[0] in "25" else ""))
    axes.set_xlabel("bits per view pixel (log scale)")
    axes.set_ylabel(_UNITS[metric])
    axes.set_title(f"{title}: {METRICS[metric]}", fontsize=11)
    axes.grid(which="both", color="#dddddd", linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=8, frameon=False, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.13))
    return figure
