"""Measures a release and other codecs on stereo pairs and publishes the tables of the comparison.

    python benchmarks/rate_distortion.py --data DIR [--points points.csv] -o RESULTS [--markdown docs/benchmarks.md]

The same measurement as `bisic eval`, whose report and cache RESULTS gets. DIR holds pairs NAME_left.png,
NAME_right.png, and a manifest.csv (columns name, group) if results are to be averaged per group. --points adds points
of further codecs on the same pairs, measured elsewhere, in the columns of RESULTS/results.csv.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from markdown_tables import publish
from picture_notes import save_noted
from PIL import Image
from rd_report import report

from stereocodec.errors import StereoCodecError
from stereocodec.evaluation.codecs.model import CURVE_QUALITIES, model_codec
from stereocodec.evaluation.datasets import find_dataset
from stereocodec.evaluation.points import read_points
from stereocodec.evaluation.report import write_report
from stereocodec.evaluation.results import Results, gather, write_results
from stereocodec.evaluation.runner import evaluate, find_anchor
from stereocodec.evaluation.titles import TITLES

ANCHORS = ("jpeg", "jpeg444", "webp", "jpeg2000", "jxl", "avif", "x265-intra", "x265", "av1")
PLOT = "rd_all_psnr.png"


def main() -> None:
    """Measures what is missing, then writes the report and prints the tables."""
    arguments = _parser().parse_args()
    try:
        results = _results(arguments)
    except StereoCodecError as error:
        raise SystemExit(str(error)) from error
    own = [p for p in results.points if p.codec == results.models[0]]
    references = [p for p in results.points if p.codec != results.models[0]]
    rates = [rate for rate in results.rates if rate.codec == results.models[0]]
    qualities = ", ".join(map(str, arguments.qualities))
    conditions = f"Weights `{own[0].codec}` ({own[0].model_id}), pairs: {len(results.run.dataset.pairs)}, "
    conditions += f"qualities {qualities}. {results.conditions}."
    publish(report(own, references, rates, conditions), "rate-distortion", arguments.markdown)
    if arguments.plot:
        plots = arguments.output / "plots"
        source = plots / PLOT if (plots / PLOT).is_file() else next(plots.glob("rd_*_psnr.png"))
        with Image.open(source) as plot:
            save_noted(plot, arguments.plot, own[0].codec, str(own[0].model_id))
    if not results.run.complete:
        raise SystemExit("some pairs or points are missing: see report.html")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of stereo pairs")
    parser.add_argument("--anchors", nargs="*", default=ANCHORS, metavar="NAME", help="codecs to compare with")
    parser.add_argument("--points", type=Path, metavar="CSV", help="points of other codecs, measured elsewhere")
    parser.add_argument("--pairs", nargs="+", default=(), metavar="NAME", help="only these pairs")
    parser.add_argument("--model", default="bisic-rt", metavar="NAME|DIR")
    parser.add_argument("--qualities", type=_qualities, default=CURVE_QUALITIES, metavar="Q,Q,...")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default cpu)")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes, which share torch's threads")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="page whose marked block gets the report")
    parser.add_argument("--plot", type=Path, metavar="PNG", help="file that gets the plot over all pairs")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="RESULTS")
    return parser


def _qualities(text: str) -> tuple[int, ...]:
    qualities = tuple(sorted({int(part) for part in text.split(",")}))
    if not all(0 <= q <= 100 for q in qualities):
        raise ValueError("qualities are whole numbers from 0 to 100")
    return qualities


def _results(arguments: argparse.Namespace) -> Results:
    dataset = find_dataset(arguments.data, names=arguments.pairs)
    model = model_codec(arguments.model, arguments.qualities, arguments.device)
    others = read_points(arguments.points) if arguments.points else []
    codecs = [model, *map(find_anchor, arguments.anchors)]
    arguments.output.mkdir(parents=True, exist_ok=True)
    shown = _first_of_groups(dataset.pairs)
    run = evaluate(dataset, codecs, arguments.output, jobs=arguments.jobs, shown=shown, progress=_tell)
    results = gather(run, [model.name], others, None, TITLES)
    write_results(results, arguments.output)
    write_report(results, arguments.output, arguments.data.resolve().stem)
    for problem in (*run.skipped, *run.dataset.problems):
        print(f"{problem.name}: {problem.reason}", file=sys.stderr)
    return results


def _first_of_groups(pairs: Sequence[object]) -> list[str]:
    first: dict[str, str] = {}
    for pair in pairs:
        first.setdefault(pair.group, pair.name)
    return list(first.values())


def _tell(done: int, of: int, what: str) -> None:
    print(f"{done}/{of} {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
