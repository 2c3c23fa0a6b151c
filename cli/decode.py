"""`bisic decode`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from stereocodec.codec_for_file import codec_for_file
from stereocodec.pictures.formats import DEFAULT_QUALITY, FORMATS
from stereocodec.pictures.output_form import OUTPUT_LAYOUTS, OutputForm

from ._calibration import calibration_file, check_calibration_path
from ._decode_many import decode_many
from ._decode_one import check_all_writable, check_names, frame_saver, outputs_of, pair_saver, paths_of, stdout_of
from ._decoding import check_model_options, max_pixels_option, model_of_file_option, pull_option
from ._many import jobs_option
from ._networks import import_networks
from ._region import read_for, region_option, salvage_option
from ._shared import (
    STANDARD_STREAM,
    NamedPath,
    about,
    device_option,
    display_name,
    force_option,
    progress_bar,
    quiet_option,
    threads_option,
    use_threads,
    wrong_usage,
)

if TYPE_CHECKING:
    from stereocodec.region import Rectangle


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
    "--color", type=NamedPath(stream=True), metavar="FILE", help="Of colour with depth, the colour alone; - for stdout."
)
@click.option(
    "--depth",
    type=NamedPath(stream=True),
    metavar="FILE",
    help="Of colour with depth, the depth map alone: samples as .png .tiff .pgm .npy, or metres as .exr; - for stdout.",
)
@click.option(
    "--calibration",
    type=NamedPath(),
    metavar="FILE",
    help="Also write what the file knows of the cameras, as JSON that encode --calibration takes.",
)
@model_of_file_option
@pull_option
@max_pixels_option
@region_option
@salvage_option
@click.option("--no-metadata", is_flag=True, help="Write the pictures without the metadata that the file holds.")
@device_option
@force_option
@jobs_option
@threads_option
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
    color: str | None,
    depth: str | None,
    calibration: str | None,
    model: str | None,
    pull: bool,
    max_pixels: int | None,
    region: Rectangle | None,
    salvage: bool,
    no_metadata: bool,
    device: str,
    force: bool,
    jobs: int | None,
    threads: int | None,
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

    Large pairs are coded in bands: --region decodes those that it needs, and of a damaged file --salvage writes all
    that is whole.

    A file of colour with depth becomes frame_color.png and frame_depth.png, the depth map as it was given: in the
    same unit and bits, with its holes where they were. --color and --depth name files of their own for either.
    """
    check_model_options(model, pull)
    if len(files) > 1 or os.path.isdir(files[0]):
        of_one = left, right, color, depth, calibration, region, threads
        if any(value is not None for value in of_one) or salvage or STANDARD_STREAM in files:
            raise click.UsageError(
                "--left, --right, --color, --depth, --calibration, --region, --salvage, --threads and - are about one "
                "file, but several are named."
            )
        settings = {"model": model, "pull": pull, "device": device, "max_pixels": max_pixels, "overwrite": force}
        settings |= {"layout": layout, "format": picture_format, "quality": output_quality}
        decode_many(files, output, {**settings, "keep_metadata": not no_metadata}, jobs, as_json=as_json, quiet=quiet)
        return
    if as_json:
        raise click.UsageError("--json is about many files, but one is named.")
    (file,) = files
    named = {"left": left, "right": right, "color": color, "depth": depth}
    views = {view: path for view, path in named.items() if path is not None}
    check_names(file, output, layout, views)
    if salvage and region is not None:
        raise click.UsageError("--salvage is about the whole file: leave --region out.")
    with wrong_usage():
        outputs = outputs_of(file, output, layout, picture_format, output_quality, views)
    stdout = stdout_of(output, views)
    if not isinstance(outputs, OutputForm):
        check_all_writable(paths_of(outputs), force)
    check_calibration_path(calibration, file, force)
    # What is wrong with the file itself is said before torch is imported.
    container, data = read_for(file, to_salvage=salvage)
    with about(file):
        beside = calibration_file(container, calibration)
    if no_metadata:
        container = container.without_metadata()
    size = container.shown_size if region is None else region[2:]
    if container.view_kind.has_depth:
        save = frame_saver(container, outputs, output_quality, force, stdout, beside)
    else:
        save = pair_saver(container, outputs, output_quality, force, stdout, beside, size)
    with about(file), progress_bar(quiet) as progress:
        import_networks()
        codec = codec_for_file(container, model, device=device, pull=pull)
        use_threads(threads)
        arguments: dict[str, Any] = {"output": "numpy", "max_pixels": max_pixels, "progress": progress}
        if salvage:
            first, second, damages = codec.salvage(data, **arguments)
        else:
            arguments |= {} if region is None else {"region": region}
            (first, second), damages = codec.decompress(container, **arguments), ()
    said = save(first, second)
    if not quiet:
        click.echo(said, err=stdout is not None)
    for damage in damages:
        click.echo(f"bisic: {display_name(file)}: in grey: {damage}", err=True)
    if damages:
        raise click.exceptions.Exit(1)
