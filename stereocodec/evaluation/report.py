"""report.html: plots, BD-rates, details side by side and timing in one file that needs nothing else."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

from ..files import write_together
from .bd_rate import METRICS, BdRate, Refused, grouped, mean_decibels, mean_percent
from .measure import safe_name
from .pictures import Scene, scenes
from .plots import Plot, draw_plots
from .points import Point
from .results import Results


@dataclass(frozen=True)
class Table:
    """A table of texts; `note` stands below it."""

    title: str
    header: list[str]
    rows: list[list[str]]
    note: str = ""


def write_report(results: Results, folder: Path, source: str) -> None:
    """report.html and the plots as files; `source` is what the data set is called. Raises OutputError."""
    plots = draw_plots(results)
    html = render(results, plots, scenes(results.run, folder), source)
    (folder / "plots").mkdir(exist_ok=True)
    files: list[tuple[Path, bytes]] = [(folder / "report.html", html.encode())]
    for plot in plots:
        stem = folder / "plots" / safe_name(plot.name)
        files += [(stem.with_suffix(".svg"), plot.svg.encode()), (stem.with_suffix(".png"), plot.png)]
    write_together(files, overwrite=True)


def render(results: Results, plots: Sequence[Plot], shown: Sequence[Scene], source: str) -> str:
    """The page."""
    from jinja2 import Environment, PackageLoader

    environment = Environment(
        loader=PackageLoader("stereocodec.evaluation", "."), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("report.html.jinja").render(
        source=source,
        results=results,
        run=results.run,
        elsewhere=[title for name, title in results.titles.items() if name not in {c.name for c in results.run.codecs}],
        groups=sorted({pair.group for pair in results.run.dataset.pairs}),
        plots=[(plot, _inline(plot, number)) for number, plot in enumerate(plots)],
        tables=[table for metric in METRICS for table in bd_tables(results, metric)],
        pair_tables=[_pair_table(results, name) for name in results.models],
        refused=_refused(results.refused, results.titles),
        timing=timing_table(results),
        scenes=shown,
        caption=caption,
    )


def caption(scene_point: object) -> str:
    """The figures below a detail."""
    if not isinstance(scene_point, Point):
        return "uncompressed"
    p = scene_point
    return f"{p.setting}: {p.bpp:.3f} bpp, {_db(p.psnr_left)} / {_db(p.psnr_right)} dB, gap {p.gap:.2f} dB"


def bd_tables(results: Results, metric: str) -> list[Table]:
    """Every model against each other codec, and every codec against the reference."""
    rates = [rate for rate in results.rates if rate.metric == metric]
    tables = []
    for model in results.models:
        own = [rate for rate in rates if rate.codec == model]
        rows = {rate.reference: [r for r in own if r.reference == rate.reference] for rate in own}
        tables.append(_bd_table(f"{results.titles[model]} against", rows, metric, results))
    if results.reference is not None:
        against = [rate for rate in rates if rate.reference == results.reference]
        rows = {rate.codec: [r for r in against if r.codec == rate.codec] for rate in against}
        title = results.titles[results.reference]
        tables.append(_bd_table(f"All codecs against {title}", rows, metric, results))
    return [table for table in tables if table.rows]


def _bd_table(title: str, rows: dict[str, list[BdRate]], metric: str, results: Results) -> Table:
    groups = sorted({rate.group for rates in rows.values() for rate in rates})
    header = [METRICS[metric], "pairs", "BD-rate, %", *(groups if len(groups) > 1 else []), "BD-PSNR, dB"]
    if metric != "psnr":
        header[-1] = "gain, dB"
    lines = []
    for name, rates in sorted(rows.items(), key=lambda item: mean_percent(item[1])):
        means = [_percent([r for r in rates if r.group == group]) for group in groups] if len(groups) > 1 else []
        overlap = f"{mean(r.low_db for r in rates):.1f} to {mean(r.high_db for r in rates):.1f}"
        least = f"{100 * min(r.overlap for r in rates):.0f} %"
        lines.append(
            [
                results.titles[name],
                str(len(rates)),
                _percent(rates),
                *means,
                _number(mean_decibels(rates)),
                overlap,
                least,
            ]
        )
    return Table(title, [*header, "common range, dB", "least overlap"], lines)


def _pair_table(results: Results, model: str) -> Table:
    rates = {(r.pair, r.reference): r for r in results.rates if r.codec == model and r.metric == "psnr"}
    references = [name for name in results.titles if any(key[1] == name for key in rates)]
    rows = []
    for pair in sorted({key[0] for key in rates}):
        found = [rates.get((pair, reference)) for reference in references]
        rows.append([pair, *(f"{r.percent:+.1f} ({r.low_db:.0f} to {r.high_db:.0f} dB)" if r else "-" for r in found)])
    title = f"{results.titles[model]}, BD-rate per pair, PSNR, %, with the common range"
    return Table(title, ["pair", *(results.titles[name] for name in references)], rows)


def _refused(refused: Iterable[Refused], titles: dict[str, str]) -> list[str]:
    return [
        f"{titles[r.codec]} against {titles[r.reference]} on {r.pair}, {METRICS[r.metric]}: {r.reason}" for r in refused
    ]


def timing_table(results: Results) -> Table:
    """Medians over all points of what encoding and decoding a pair took."""
    rows = []
    for codec, points in grouped(results.points, "codec").items():
        columns: list[list[float | None]] = [
            [p.enc_s for p in points],
            [p.dec_s for p in points],
            [p.enc_wall_s for p in points],
            [p.dec_wall_s for p in points],
        ]
        peaks = [p.peak_mb for p in points if p.peak_mb is not None]
        idle = [p.idle_mb for p in points if p.idle_mb is not None]
        memory = [f"{max(peaks):.0f}" if peaks else "-", f"{median(idle):.0f}" if idle else "-"]
        gaps = [p.gap for p in points if math.isfinite(p.gap)]
        gap = f"{mean(gaps):.2f}" if gaps else "-"
        rows.append([results.titles[codec], *(_median(column) for column in columns), *memory, gap])
    header = ["codec", "encode, CPU s", "decode, CPU s", "encode, s", "decode, s", "peak, MiB", "worker idle, MiB"]
    return Table("Time and memory per pair", [*header, "gap of views, dB"], rows)


def _median(values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None and math.isfinite(value)]
    return f"{median(known):.2f}" if known else "-"


def _percent(rates: Sequence[BdRate]) -> str:
    return _number(mean_percent(rates), 1)


def _number(value: float, digits: int = 2) -> str:
    return "-" if math.isnan(value) else f"{value:+.{digits}f}"


def _db(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "∞"


def _inline(plot: Plot, number: int) -> str:
    """The SVG for use inside a page: identifiers that no other plot has, no fixed size."""
    svg = plot.svg[plot.svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\b(id="|href="#|url\(#)', rf"\g<1>p{number}-", svg)
    return re.sub(
        r'(<svg[^>]*?) width="[^"]*"', r"\1", re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1), count=1
    )
