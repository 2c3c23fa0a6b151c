"""`bisic eval`."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stereocodec.errors import InvalidInput, OutputError
from stereocodec.text import one_line, reason_of

from ._shared import NamedPath, device_option, quiet_option, wrong_usage

if TYPE_CHECKING:
    from stereocodec.evaluation.codecs.base import Codec
    from stereocodec.evaluation.runner import Progress, Run

_DEFAULT_ANCHORS = "jpeg,webp,avif,jxl,jpeg2000,x265,av1"
_EXTRA = ("bjontegaard", "pytorch_msssim", "matplotlib", "jinja2")
_SHOWN_PAIRS = 6
_TOLD = 10  # pairs that were left out: of the others only the number


def _parts(ctx: click.Context, param: click.Parameter, value: str | None) -> list[str]:
    """The texts between commas; none of `none`."""
    parts = [part.strip() for part in (value or "").split(",") if part.strip()]
    return [] if parts == ["none"] else parts


@click.command("eval")
@click.argument("dataset", type=NamedPath(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=NamedPath(path_type=Path),
    metavar="REPORT",
    help="The report's folder; a report in it is resumed.",
)
@click.option(
    "--models",
    callback=_parts,
    default="bisic-rt",
    show_default=True,
    metavar="NAME|DIR|ORG/NAME,...",
    help="Built-in models, folders of releases and models on the Hub; CURVE=DIR+DIR+... for releases with a single "
    "quality each; none for no model.",
)
@click.option(
    "--anchors",
    callback=_parts,
    default=_DEFAULT_ANCHORS,
    show_default=True,
    metavar="NAME,...",
    help="Codecs to compare with; also jpeg444, x265-intra, networks of CompressAI's zoo, such as mbt2018-mean, "
    "and none.",
)
@click.option(
    "--commands",
    type=NamedPath(path_type=Path, dir_okay=False),
    metavar="TOML",
    help="More codecs: other programs, by command templates.",
)
@click.option(
    "--points",
    type=NamedPath(path_type=Path, dir_okay=False),
    metavar="CSV",
    help="Points of more codecs, measured elsewhere on the same pairs.",
)
@click.option(
    "--qualities",
    callback=_parts,
    metavar="Q,Q,...",
    help="Qualities of the models, 0 to 100. [default: 0,10,25,40,50,60,75,90,100]",
)
@click.option(
    "--settings",
    multiple=True,
    metavar="NAME=N,N,...",
    help="Settings of one of the anchors in place of its own; may be given several times.",
)
@click.option("--reference", metavar="NAME", help="The codec that all are compared with. [default: the first anchor]")
@click.option(
    "--crop",
    metavar="NAME|WxH",
    help="Part of each picture: a size from the middle, or cityscapes-1792x704, cityscapes-1920x768, "
    "instereo2k-1024x832, instereo2k-1056x832.",
)
@click.option("--split", metavar="NAME", help="Only pairs with a folder of this name in their paths, such as test.")
@click.option("--pairs", callback=_parts, default="", metavar="NAME,...", help="Only these pairs.")
@click.option(
    "--list",
    "only_list",
    is_flag=True,
    help="Measure nothing: write the pairs to standard output as a CSV list, and name every picture that is in none.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    metavar="N",
    help="Processes that measure at once.",
)
@device_option
@quiet_option
def evaluate(dataset: Path, output: Path | None, only_list: bool, quiet: bool, **options: Any) -> None:
    """Measure models and other codecs on stereo pairs.

    DATASET is a folder of pairs (NAME_left.*, NAME_right.*, or folders left and right), that of a data set such as
    InStereo2K, Cityscapes, KITTI or Holopix50k, or a list of two files a line. REPORT receives report.html,
    results.json, results.csv, bd.csv, plots, and every measured file; what it holds already is not measured again. The
    exit status is 1 when a pair or a point was left out; a codec whose program is missing is named and skipped.
    """
    if only_list:
        _list_pairs(dataset, options["split"], options["pairs"], quiet)
        return
    if output is None:
        raise click.UsageError("Name the folder of the report with -o, or give --list.")
    missing = [package for package in _EXTRA if find_spec(package) is None]
    if missing:
        raise InvalidInput(f"bisic eval needs {missing[0]}, which is not installed: pip install 'stereocodec[eval]'")
    from stereocodec.evaluation import datasets, results, runner
    from stereocodec.evaluation.points import read_points
    from stereocodec.evaluation.report import write_report
    from stereocodec.evaluation.titles import TITLES

    codecs, models = _codecs(options)
    if not codecs:
        raise click.UsageError("Name models or anchors: there is nothing to measure.")
    others = read_points(options["points"]) if options["points"] else []
    with wrong_usage("--crop"):
        crop = datasets.parse_crop(options["crop"]) if options["crop"] else None
    found = datasets.find_dataset(dataset, crop=crop, split=options["split"], names=options["pairs"])
    reference = options["reference"] and runner.ALIASES.get(options["reference"], options["reference"])
    known = list(dict.fromkeys([c.name for c in codecs] + [p.codec for p in others]))
    if reference and reference not in known:
        text = f"'{options['reference']}' is none of the codecs that are measured: {', '.join(known)}."
        raise click.BadParameter(text, param_hint="'--reference'")
    missing_reference = next((codec.missing() for codec in codecs if codec.name == reference), None)
    if missing_reference is not None:
        raise InvalidInput(f"--reference {options['reference']} cannot be measured: {missing_reference}")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {output}: {reason_of(error)}") from error
    with _progress(quiet) as progress:
        run = runner.evaluate(found, codecs, output, jobs=options["jobs"], shown=_shown(found), progress=progress)
    gathered = results.gather(run, models, others, reference, TITLES)
    results.write_results(gathered, output)
    write_report(gathered, output, dataset.resolve().stem)
    _tell(run, output, quiet)
    if not run.complete:
        raise click.exceptions.Exit(1)


def _list_pairs(dataset: Path, split: str | None, names: list[str], quiet: bool) -> None:
    """Writes the pairs to standard output as a list; on standard error, what is in none, each picture in a line."""
    from stereocodec.evaluation.datasets import find_dataset

    found = find_dataset(dataset, split=split, names=names)
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(("left", "right", "name", "group"))
    lines.writerows((pair.left, pair.right, pair.name, pair.group) for pair in found.pairs)
    click.echo(text.getvalue().encode("utf-8", "surrogateescape"), nl=False)
    for problem in (*found.problems, *(() if quiet else found.unmatched)):
        click.echo(f"bisic: left out {one_line(problem.name)}: {one_line(problem.reason)}", err=True)
    if found.problems:
        raise click.exceptions.Exit(1)


def _codecs(options: dict[str, Any]) -> tuple[list[Codec], list[str]]:
    """The codecs to measure, models first, and the names of the models."""
    from stereocodec.devices import torch_device
    from stereocodec.evaluation.codecs.model import CURVE_QUALITIES, model_codec
    from stereocodec.evaluation.codecs.template import read_templates
    from stereocodec.evaluation.runner import find_anchor

    device = str(torch_device(options["device"])) if options["models"] else "cpu"
    qualities = _qualities(options["qualities"]) if options["qualities"] else CURVE_QUALITIES
    models: list[Codec] = [model_codec(name, qualities, device) for name in options["models"]]
    with wrong_usage("--anchors"):
        anchors: list[Codec] = [find_anchor(name) for name in options["anchors"]]
    anchors += read_templates(options["commands"]) if options["commands"] else []
    chosen = dict(_setting(text) for text in options["settings"])
    unknown = sorted(chosen.keys() - {codec.name for codec in anchors})
    if unknown:
        known = ", ".join(codec.name for codec in anchors) or "there are none"
        raise click.BadParameter(f"'{unknown[0]}' is none of the anchors: {known}.", param_hint="'--settings'")
    return [*models, *(_with(codec, chosen.get(codec.name)) for codec in anchors)], [codec.name for codec in models]


def _with(codec: Codec, values: tuple[float, ...] | None) -> Codec:
    if values is None:
        return codec
    scale = codec.scale
    bad = [v for v in values if not scale.low <= v <= scale.high or (scale.whole and v != int(v))]
    if bad:
        kind = "whole numbers" if scale.whole else "numbers"
        text = f"those of {codec.name} are {kind} from {scale.low:g} to {scale.high:g}, not {bad[0]:g}."
        raise click.BadParameter(text, param_hint="'--settings'")
    changed: Codec = replace(codec, scale=replace(scale, measured=values))  # type: ignore[type-var]
    return changed


def _setting(text: str) -> tuple[str, tuple[float, ...]]:
    from stereocodec.evaluation.runner import ALIASES

    name, _, values = text.partition("=")
    try:
        numbers = tuple(sorted({float(value) for value in values.split(",")}))
    except ValueError as error:
        form = f"'{text}' is not of the form NAME=NUMBER,NUMBER, such as jpeg=10,50,90."
        raise click.BadParameter(form, param_hint="'--settings'") from error
    return ALIASES.get(name, name), numbers


def _qualities(texts: list[str]) -> tuple[int, ...]:
    bad = [text for text in texts if not re.fullmatch(r"\d{1,3}", text) or int(text) > 100]
    if bad:
        text = f"'{bad[0]}' is no quality: they are whole numbers from 0 to 100."
        raise click.BadParameter(text, param_hint="'--qualities'")
    return tuple(int(text) for text in texts)


def _shown(dataset: Any) -> list[str]:
    """The first pair of each group: those that the report shows pictures of."""
    first: dict[str, str] = {}
    for pair in dataset.pairs:
        first.setdefault(pair.group, pair.name)
    return list(first.values())[:_SHOWN_PAIRS]


@contextmanager
def _progress(quiet: bool) -> Iterator[Progress]:
    """A progress bar on standard error where that is a terminal."""
    if quiet or not sys.stderr.isatty():
        yield lambda done, of, what: None
        return
    with click.progressbar(
        length=1, file=sys.stderr, show_pos=True, item_show_func=lambda what: what and one_line(what)
    ) as bar:

        def report(done: int, of: int, what: str) -> None:
            bar.length = of
            bar.update(done - bar.pos, one_line(what))

        yield report


def _tell(run: Run, output: Path, quiet: bool) -> None:
    """What was left out, on standard error, and where the report is."""
    for problem in run.skipped:
        if not quiet:
            click.echo(f"bisic: skipped {one_line(problem.name)}: {one_line(problem.reason)}", err=True)
    problems, unmatched = run.dataset.problems, run.dataset.unmatched
    for problem in problems[:_TOLD]:
        click.echo(f"bisic: left out {one_line(problem.name)}: {one_line(problem.reason)}", err=True)
    everything = one_line(output / "results.json")
    if len(problems) > _TOLD:
        click.echo(f"bisic: left out {len(problems) - _TOLD} more, which {everything} names", err=True)
    if unmatched and not quiet:
        example = one_line(unmatched[0].name)
        click.echo(
            f"bisic: {len(unmatched)} pictures are in no pair, such as {example}; {everything} names all", err=True
        )
    for failure in run.failures:
        click.echo(
            f"bisic: failed {failure.codec} {failure.setting} on {one_line(failure.pair)}: {one_line(failure.reason)}",
            err=True,
        )
    if not quiet:
        pairs, points = len(run.dataset.pairs), len(run.points)
        left_out = len(run.dataset.problems)
        where = one_line(output / "report.html")
        click.echo(f"{where}: {pairs} pairs, {points} points, {left_out} pairs left out")
