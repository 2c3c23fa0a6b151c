"""`bisic decode`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

import click

from stereocodec.codec_for_file import codec_for_file
from stereocodec.container import Channels, Container, ViewKind
from stereocodec.files import Output, check_writable
from stereocodec.pictures.formats import DEFAULT_QUALITY, FORMATS, PNG
from stereocodec.pictures.output_form import (
    OUTPUT_LAYOUTS,
    TWO_FILES,
    OutputForm,
    Part,
    Single,
    check_parts,
    output_form,
    view_part,
)
from stereocodec.text import one_line

from ._calibration import calibration_file, check_calibration_path
from ._decode_many import decode_many
from ._decoding import check_model_options, max_pixels_option, model_of_file_option, pull_option
from ._many import jobs_option
from ._networks import import_networks
from ._shared import (
    STANDARD_STREAM,
    NamedPath,
    about,
    device_option,
    force_option,
    progress_bar,
    quiet_option,
    read_file,
    require_binary_stdout,
    same_file,
    wrong_usage,
)

if TYPE_CHECKING:
    from stereocodec.pictures.save_pair import SavedPicture

_Outputs: TypeAlias = OutputForm | tuple[Part, ...]
"""What is asked for: a form that the file may still decide, or single views."""


@click.command()
@click.argument("files", type=NamedPath(stream=True), nargs=-1, required=True, metavar="FILE | DIR...")
@click.option(
    "-o",
    "--output",
    type=NamedPath(stream=True),
    metavar="FILE|DIR",
    help="A folder for both views; or one picture of both: .mpo, .jps and .pns are stereo files, others have the views "
    "side by side, or as --layout says; or - for stdout.  [default: two PNG files beside FILE]",
)
@click.option(
    "--layout",
    type=click.Choice(OUTPUT_LAYOUTS),
    metavar="NAME",
    help=f"What is written: {', '.join(OUTPUT_LAYOUTS)}; two are two files.  [default: as -o or the file says]",
)
@click.option(
    "--format",
    "picture_format",
    type=click.Choice(tuple(FORMATS)),
    metavar="NAME",
    help=f"Of files in a folder and of stdout: {', '.join(FORMATS)}.  [default: png]",
)
@click.option(
    "--output-quality",
    type=click.IntRange(0, 100),
    metavar="N",
    help=f"Of JPEG, AVIF, MPO and JPS, 0 to 100.  [default: {DEFAULT_QUALITY}]",
)
@click.option("--left", type=NamedPath(stream=True), metavar="FILE", help="The left view alone; - for stdout.")
@click.option("--right", type=NamedPath(stream=True), metavar="FILE", help="The right view alone; - for stdout.")
@click.option(
    "--calibration",
    type=NamedPath(),
    metavar="FILE",
    help="Also write what the file knows of the cameras, as JSON that encode --calibration takes.",
)
@model_of_file_option
@pull_option
@max_pixels_option
@click.option("--no-metadata", is_flag=True, help="Write the pictures without the metadata that the file holds.")
@device_option
@force_option
@jobs_option
@click.option("--json", "as_json", is_flag=True, help="Of many files, print one JSON object for each.")
@quiet_option
def decode(
    files: tuple[str, ...],
    output: str | None,
    layout: str | None,
    picture_format: str | None,
    output_quality: int | None,
    left: str | None,
    right: str | None,
    calibration: str | None,
    model: str | None,
    pull: bool,
    max_pixels: int | None,
    no_metadata: bool,
    device: str,
    force: bool,
    jobs: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Restore the views of .bsc files, or their colour and depth.

    FILE is a .bsc file, or - for standard input. pair.bsc becomes pair_left.png and pair_right.png beside it, in the
    folder that -o names, or in files of any names with --left and --right; one of these alone writes one view. The
    suffix gives the format: .png .tiff .webp .ppm .bmp keep every pixel, .jpg and .avif do not. Existing files are kept
    unless -f is given.

    A picture that -o names holds both views: -o pair.mpo is what 3D cameras write, -o pair.jps is side by side with
    the right view on the left, -o pair.png --layout anaglyph is for red-cyan glasses. A file whose views were squeezed
    into one picture (half-sbs, half-tb) becomes that picture again.

    DIR is a folder of .bsc files, with all below, which the folder of -o mirrors; several files are decoded alike.
    decoded.csv in it lists all pictures. Those that are whole are skipped when the same is run again; files that fail
    are named, and the exit status is then 1.

    A file of colour with depth becomes frame_color.png and frame_depth.png, the depth map as it was given: in the
    same unit and bits, with its holes where they were.
    """
    check_model_options(model, pull)
    if len(files) > 1 or os.path.isdir(files[0]):
        if (left, right, calibration) != (None, None, None) or STANDARD_STREAM in files:
            raise click.UsageError("--left, --right, --calibration and - are about one file, but several are named.")
        settings = {"model": model, "pull": pull, "device": device, "max_pixels": max_pixels, "overwrite": force}
        settings |= {"layout": layout, "format": picture_format, "quality": output_quality}
        decode_many(files, output, {**settings, "keep_metadata": not no_metadata}, jobs, as_json=as_json, quiet=quiet)
        return
    if as_json:
        raise click.UsageError("--json is about many files, but one is named.")
    (file,) = files
    views = {view: path for view, path in (("left", left), ("right", right)) if path is not None}
    _check_names(file, output, layout, views)
    with wrong_usage():
        outputs = _outputs(file, output, layout, picture_format, output_quality, views)
    stdout = _stdout(output, views)
    if isinstance(outputs, tuple):
        _check_writable([part.path for part in outputs], force)
    check_calibration_path(calibration, file, force)
    # What is wrong with the file itself is said before torch is imported.
    data = read_file(file)
    with about(file):
        container = Container.from_bytes(data)
        beside = calibration_file(container, calibration)
    if no_metadata:
        container = container.without_metadata()
    if container.view_kind is ViewKind.RGB8_DEPTH:
        save = _frame_saver(container, outputs, force, beside)
    else:
        save = _pair_saver(container, outputs, output_quality, force, stdout, beside)
    with about(file), progress_bar(quiet) as progress:
        import_networks()
        codec = codec_for_file(container, model, device=device, pull=pull)
        decoded = codec.decompress(container, output="numpy", max_pixels=max_pixels, progress=progress)
    said = save(*decoded)
    if not quiet:
        click.echo(said, err=stdout is not None)


def _check_names(file: str, output: str | None, layout: str | None, views: Mapping[str, str]) -> None:
    """Raises UsageError for names that cannot be meant so."""
    if output is not None and views:
        raise click.UsageError("Give either -o or files with --left and --right, not both.")
    if layout is not None and views:
        raise click.UsageError("--left and --right are single views: leave --layout out, or name one picture with -o.")
    if file == STANDARD_STREAM and output is None and not views:
        raise click.UsageError("Standard input has no name: say where to write, with -o or --left and --right.")
    named = views if output is None else {"output": output}
    for option, path in named.items():
        if same_file(path, file):
            raise click.UsageError(f"--{option} is the file to decode: give it a name of its own.")
    if len(views) == 2 and (views["left"] == views["right"] or same_file(views["left"], views["right"])):
        raise click.UsageError("--left and --right name one file: each view needs its own.")


def _outputs(
    file: str,
    output: str | None,
    layout: str | None,
    picture_format: str | None,
    quality: int | None,
    views: Mapping[str, str],
) -> _Outputs:
    """What is asked for; raises InvalidInput."""
    if views:
        paths = {view: None if path == STANDARD_STREAM else Path(path) for view, path in views.items()}
        return tuple(
            view_part(Single(view), path, format=picture_format, quality=quality) for view, path in paths.items()
        )
    target = None if output == STANDARD_STREAM else f"{Path(file).parent}/" if output is None else output
    stem = "" if file == STANDARD_STREAM else Path(file).stem
    return output_form(target, layout=layout, format=picture_format, quality=quality, stem=stem)


def _stdout(output: str | None, views: Mapping[str, str]) -> BinaryIO | None:
    """Standard output, if a picture goes there."""
    streamed = [f"--{view}" for view, path in views.items() if path == STANDARD_STREAM]
    streamed += ["-o"] if output == STANDARD_STREAM else []
    return require_binary_stdout(f"name a file with {streamed[0]}") if streamed else None


def _check_writable(paths: Iterable[Path | None], force: bool) -> None:
    for path in paths:
        if path is not None:
            check_writable(path, force, makes_folder=True)


def _pair_saver(
    container: Container,
    outputs: _Outputs,
    quality: int | None,
    force: bool,
    stdout: BinaryIO | None,
    beside: Sequence[Output],
) -> Callable[[Any, Any], str]:
    """What writes the views of a pair, and says in a line what it wrote.

    Raises OutputError for what could not be written.
    """
    grey, metadata = container.channels is Channels.GREY, container.metadata
    parts = outputs if isinstance(outputs, tuple) else outputs.parts(metadata.layout, grey=grey)
    _check_writable([part.path for part in parts], force)
    check_parts(parts, container.shown_size, metadata.layout, grey=grey)

    def save(left: Any, right: Any) -> str:
        from stereocodec.pictures.rgb import to_views
        from stereocodec.pictures.save_pair import save_parts

        pair = replace(to_views(left, right), metadata=metadata)
        saved = save_parts(parts, pair, quality=quality, overwrite=force, stream=stdout, beside=beside)
        if stdout is not None:
            stdout.flush()
        return _said(saved)

    return save


def _said(saved: Sequence[SavedPicture]) -> str:
    """Names, size, how one file holds both views, and what of the metadata files do not hold."""
    names = ", ".join("standard output" if one.path is None else one_line(one.path) for one in saved)
    first = saved[0]
    words = "" if first.words in (Single.LEFT.words, Single.RIGHT.words) else f", {first.words}"
    left_out = dict.fromkeys(what for one in saved for what in one.left_out)
    without = f"; without {', '.join(left_out)}" if left_out else ""
    return f"{names}: {first.size[0]}x{first.size[1]}{words}{without}"


def _frame_saver(
    container: Container, outputs: _Outputs, force: bool, beside: Sequence[Output]
) -> Callable[[Any, Any], str]:
    """What writes colour and depth, and says so.

    Raises UsageError for what a pair alone can be, and OutputError for what could not be written.
    """
    from stereocodec.pictures.save_frame import frame_paths, save_frame

    if isinstance(outputs, tuple):
        raise click.UsageError("The file is of colour and depth: leave --left and --right out.")
    folder = outputs.target if outputs.is_folder else None
    if folder is None or outputs.layout not in (None, TWO_FILES) or outputs.form is not PNG:
        raise click.UsageError(
            "The file is of colour and depth, which become two PNG files: name a folder with -o, and leave --layout "
            "and --format out."
        )
    _check_writable(frame_paths(folder, outputs.stem), force)

    def save(color: Any, depth: Any) -> str:
        known = container.metadata
        paths = save_frame(color, depth, folder, metadata=known, name=outputs.stem, overwrite=force, beside=beside)
        return f"{', '.join(map(one_line, paths))}: {container.shown_size[0]}x{container.shown_size[1]}"

    return save
