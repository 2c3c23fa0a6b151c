"""What an evaluation leaves behind for programs: results.json, results.csv, bd.csv."""

from __future__ import annotations

import io
import json
import math
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..files import write_together
from .bd_rate import BdRate, Refused, all_comparisons, grouped, write_bd_rates
from .codecs.base import installed
from .points import Point, write_points
from .runner import Run


@dataclass(frozen=True)
class Results:
    """A run with all that is computed from it.

    `points` are those of the run and those measured elsewhere, `titles` what people call the codecs, `models` the
    names of the models among them, `reference` the codec that all are compared with, `comparisons` every model
    against every other codec and every codec against the reference.
    """

    run: Run
    points: list[Point]
    titles: dict[str, str]
    models: list[str]
    reference: str | None
    comparisons: list[BdRate | Refused]
    conditions: str

    @property
    def rates(self) -> list[BdRate]:
        """The comparisons that have a number."""
        return [found for found in self.comparisons if isinstance(found, BdRate)]

    @property
    def refused(self) -> list[Refused]:
        """The comparisons that have none."""
        return [found for found in self.comparisons if isinstance(found, Refused)]


def gather(
    run: Run, models: Sequence[str], others: Sequence[Point], reference: str | None, titles: dict[str, str]
) -> Results:
    """Compares the curves of a run.

    Args:
        run: what was measured.
        models: names of the models among its codecs.
        others: points of further codecs, measured elsewhere; those on pairs of this run count.
        reference: the codec that all are compared with; None takes the first that is no model.
        titles: of the codecs among `others`, by name.
    """
    names = {pair.name: pair.group for pair in run.dataset.pairs}
    own = {codec.name for codec in run.codecs}
    points = run.points + [p for p in others if p.pair in names and p.codec not in own]
    curves = grouped(points, "codec")
    if reference not in curves:
        reference = next((name for name in curves if name not in models), None)
    comparisons: list[BdRate | Refused] = []
    for name, curve in curves.items():
        against = [p for p in points if p.codec != name and (name in models or p.codec == reference)]
        comparisons += all_comparisons(curve, against)
    known = titles | {codec.name: codec.title for codec in run.codecs}
    return Results(
        run=run,
        points=points,
        titles={name: known.get(name, name) for name in curves},
        models=[name for name in models if name in curves],
        reference=reference,
        comparisons=comparisons,
        conditions=machine("stereocodec", "torch", "numpy", "pillow", "imagecodecs"),
    )


def machine(*packages: str) -> str:
    """Processor, logical cores, system, Python and the versions of packages, in one line."""
    found = [f"{package} {installed(package) or '(not installed)'}" for package in packages]
    system = f"{platform.system()} {platform.machine()}"
    return ", ".join([f"{_processor()} ({os.cpu_count()} CPUs)", system, f"Python {platform.python_version()}", *found])


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def write_results(results: Results, folder: Path) -> None:
    """results.json, results.csv (all points) and bd.csv (all BD-rates), together. Raises OutputError."""
    table, rates = io.StringIO(), io.StringIO()
    write_points(table, results.points)
    write_bd_rates(rates, results.rates)
    document = json.dumps(as_json(results), indent=1, ensure_ascii=False, allow_nan=False)
    texts = {"results.json": document + "\n", "results.csv": table.getvalue(), "bd.csv": rates.getvalue()}
    write_together([(folder / name, text.encode()) for name, text in texts.items()], overwrite=True)


def as_json(results: Results) -> dict[str, Any]:
    """Everything as JSON knows it; numbers that are not finite are null."""
    run = results.run
    document = {
        "version": 1,
        "machine": results.conditions,
        "reference": results.reference,
        "codecs": [
            {"name": name, "title": title, "model": name in results.models} for name, title in results.titles.items()
        ],
        "identities": {codec.name: codec.identity() for codec in run.codecs},
        "pairs": [{"name": pair.name, "group": pair.group} for pair in run.dataset.pairs],
        "points": [asdict(point) | {"msssim_db": point.msssim_db, "gap": point.gap} for point in results.points],
        "equal_size_points": [asdict(point) for point in run.matched],
        "bd_rates": [asdict(rate) for rate in results.rates],
        "refused_bd_rates": [asdict(refused) for refused in results.refused],
        "left_out_pairs": [asdict(problem) for problem in run.dataset.problems],
        "unmatched_pictures": [asdict(problem) for problem in run.dataset.unmatched],
        "failed_points": [failure._asdict() for failure in run.failures],
        "skipped_codecs": [asdict(problem) for problem in run.skipped],
    }
    finite: dict[str, Any] = _finite(document)
    return finite


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
