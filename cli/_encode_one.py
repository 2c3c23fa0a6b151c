"""`bisic encode` of one pair, or of one frame of colour with depth."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import click

from stereocodec.depth_settings import DepthSettings
from stereocodec.files import check_writable, made_folder, names_folder
from stereocodec.noted import noted

from ._calibration import CalibrationOptions
from ._encode_many import name_of_pair
from ._pictures import FramePictures, Goal, PairOptions, PairPictures, Pictures
from ._shared import STANDARD_STREAM, progress_bar, require_binary_stdout, use_threads, write_data


def pictures_of(
    left: str,
    right: str | None,
    pair: PairOptions,
    depth: str | None,
    options: DepthSettings,
) -> Pictures:
    """The pictures that the arguments name; raises UsageError for options that are not about them."""
    told = pair.layout is not None or pair.frame is not None
    if depth is not None:
        if right is not None:
            raise click.UsageError("With --depth there is one picture, that of colour.")
        if pair.swap or told:
            raise click.UsageError("--swap, --layout and --frame are about two views: leave them out with --depth.")
        return FramePictures(left, depth, options, pair.background)
    if options != DepthSettings():
        raise click.UsageError("The options of depth need a depth map: name it with --depth.")
    if right is not None and told:
        raise click.UsageError("--layout and --frame are about one file that holds both views: leave RIGHT out.")
    return PairPictures((left,) if right is None else (left, right), pair)


def encode_one(
    pictures: Pictures,
    cameras: CalibrationOptions,
    goal: Goal,
    files: tuple[str, ...],
    output: str,
    model: str | None,
    device: str,
    *,
    threads: int | None,
    keep_metadata: bool,
    force: bool,
    verify: bool,
    quiet: bool,
) -> None:
    """Writes the file of one pair or frame, and says what it is."""
    folder = Path(output) if names_folder(output) else None
    output = output if folder is None else str(folder / name_of_pair(files))
    pictures.check_usage(output)
    stdout = require_binary_stdout("name a file with -o") if output == STANDARD_STREAM else None
    if stdout is None:
        check_writable(output, force, makes_folder=folder is not None)
    with noted() as doubts:
        pictures.load()
        if not keep_metadata:
            pictures.leave_out_metadata()
        pictures.add_calibration(cameras)
        codec = pictures.codec(model, device)
        use_threads(threads)
        with progress_bar(quiet) as progress:
            container = pictures.encode(codec, goal, progress)
    data = container.to_bytes()
    # Checked before anything is written: a file that does not decode is never left behind.
    measured = pictures.measured(codec, data, quiet) if verify else None
    with nullcontext() if folder is None else made_folder(folder):
        name = write_data(data, output, stdout, force=force)
    if not quiet:
        for doubt in doubts:
            click.echo(f"bisic: warning: {doubt}", err=True)
        facts = pictures.facts(codec, container, len(data))
        click.echo(f"{name}: {facts}, {codec.name}", err=stdout is not None)
        if measured is not None:
            click.echo(measured, err=stdout is not None)
