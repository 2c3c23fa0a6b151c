"""`bisic encode`."""

from __future__ import annotations

import click

from stereocodec.container.layouts import INPUT_LAYOUTS
from stereocodec.files import check_writable
from stereocodec.releases.folders import DEFAULT_DEPTH_MODEL, DEFAULT_MODEL

from ._calibration import calibration_options
from ._pictures import DepthOptions, FramePictures, PairOptions, PairPictures, Pictures, noted
from ._shared import (
    STANDARD_STREAM,
    NamedPath,
    device_option,
    force_option,
    progress_bar,
    quiet_option,
    require_binary_stdout,
    write_data,
    wrong_usage,
)


def _checked_colour(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """Refuses what is no colour as wrong usage."""
    from stereocodec.pictures.alpha import background_levels

    if value is not None:
        with wrong_usage():
            background_levels(value)
    return value


@click.command()
@click.argument("left", type=NamedPath(stream=True))
@click.argument("right", type=NamedPath(stream=True), required=False)
@click.option(
    "-o", "--output", required=True, type=NamedPath(stream=True), metavar="FILE", help="The .bsc file; - for stdout."
)
@click.option(
    "-q",
    "--quality",
    type=click.IntRange(0, 100),
    show_default="50",
    help="Higher is better and larger. Models with a single quality take none.",
)
@click.option(
    "--model",
    show_default=f"{DEFAULT_MODEL}; with --depth {DEFAULT_DEPTH_MODEL}",
    metavar="NAME|DIR|ORG/NAME",
    help="A built-in model, the folder of a release, or a model on the Hub.",
)
@click.option("--swap", is_flag=True, help="The first picture is the right view, and the second one the left.")
@click.option(
    "--layout",
    type=click.Choice(INPUT_LAYOUTS),
    metavar="NAME",
    help=f"How one file holds both views, where it does not tell: {', '.join(INPUT_LAYOUTS)}.",
)
@click.option("--frame", type=click.IntRange(min=0), metavar="N", help="Which picture of a film or animation, from 0.")
@click.option(
    "--depth", type=NamedPath(stream=True), metavar="FILE", help="A depth map: LEFT is then its colour picture."
)
@click.option(
    "--depth-unit",
    metavar="UNIT",
    help="What a step of the depth map is: mm, cm, tum (1/5000 m), kitti (1/256 m), or metres.  [default: mm]",
)
@click.option(
    "--depth-mode",
    type=click.Choice(["linear", "inverse"]),
    help="inverse: errors grow with the square of the distance.  [default: linear]",
)
@click.option(
    "--depth-range",
    type=(float, float),
    metavar="NEAR FAR",
    help="The least and the greatest depth that is coded, in metres.  [default: those of the map]",
)
@click.option("--invalid", type=int, metavar="VALUE", help="What says that there is no measurement.  [default: 0]")
@click.option(
    "--calibration",
    multiple=True,
    type=NamedPath(),
    metavar="FILE",
    help="What the cameras know, kept in the file: of Middlebury, KITTI, OpenCV or ROS, or JSON as decode writes it. "
    "Twice for a file of each camera, left and right, or for intrinsics and extrinsics.",
)
@click.option(
    "--calibration-unit",
    metavar="UNIT",
    help="What lengths in files of OpenCV are, which do not say it: mm, cm, m, or a number of metres.",
)
@click.option(
    "--background",
    metavar="COLOUR",
    callback=_checked_colour,
    help="What transparent parts are laid onto, e.g. white or '#80c0ff'.  [default: they are refused]",
)
@click.option(
    "--no-metadata", is_flag=True, help="Leave out the ICC profile, Exif, XMP and calibration that the pictures have."
)
@device_option
@force_option
@click.option("--no-verify", is_flag=True, help="Do not decode the result: faster, but unchecked and without PSNR.")
@quiet_option
def encode(
    left: str,
    right: str | None,
    output: str,
    quality: int | None,
    model: str | None,
    swap: bool,
    layout: str | None,
    frame: int | None,
    depth: str | None,
    depth_unit: str | None,
    depth_mode: str | None,
    depth_range: tuple[float, float] | None,
    invalid: int | None,
    calibration: tuple[str, ...],
    calibration_unit: str | None,
    background: str | None,
    no_metadata: bool,
    device: str,
    force: bool,
    no_verify: bool,
    quiet: bool,
) -> None:
    """Compress a stereo pair, or colour with depth, into one .bsc file.

    LEFT and RIGHT are the two views of a rectified pair: 8-bit pictures of equal size in any format that
    Pillow reads, or arrays (.npy), in colour or grey; one of them may be - for standard input. LEFT alone is one file
    that holds both views, such as a stereo camera's MPO file or a film; where it does not say how, --layout does. They
    are coded as they are stored, and an Exif orientation is kept for decoding.

    Prints the size, the bits per pixel (8 * bytes / (2 * width * height)) and, after decoding the result
    once, the PSNR over all samples that a decoder will get. The file appears only when all went well.

    Views that look exchanged, some rows off, or like two scenes are coded, with a warning on standard error.

    ICC profile, Exif and XMP of the pictures are kept, without thumbnails. What of them is damaged is left out,
    with a warning.

    With --depth, the one picture is colour and the depth map, of 16 or 8 bits, is registered to it pixel by pixel.
    What has no measurement stays so exactly. Bits are per pixel of the frame, and the errors of depth are in
    millimetres.
    """
    pair = PairOptions(swap, background, layout, frame)
    cameras = calibration_options(calibration, calibration_unit, output)
    pictures = _pictures(left, right, pair, depth, depth_unit, depth_mode, depth_range, invalid)
    pictures.check_usage(output)
    stdout = require_binary_stdout("name a file with -o") if output == STANDARD_STREAM else None
    if stdout is None:
        check_writable(output, force)
    with noted() as doubts:
        pictures.load()
        if no_metadata:
            pictures.leave_out_metadata()
        pictures.add_calibration(cameras)
        codec = pictures.codec(model, device)
        with progress_bar(quiet) as progress:
            container = pictures.encode(codec, quality, progress)
    data = container.to_bytes()
    # Checked before anything is written: a file that does not decode is never left behind.
    measured = None if no_verify else pictures.measured(codec, data, quiet)
    name = write_data(data, output, stdout, force=force)
    if not quiet:
        for doubt in doubts:
            click.echo(f"bisic: warning: {doubt}", err=True)
        facts = pictures.facts(codec, container, len(data))
        click.echo(f"{name}: {facts}, {codec.name}", err=stdout is not None)
        if measured is not None:
            click.echo(measured, err=stdout is not None)


def _pictures(
    left: str,
    right: str | None,
    pair: PairOptions,
    depth: str | None,
    unit: str | None,
    mode: str | None,
    limits: tuple[float, float] | None,
    invalid: int | None,
) -> Pictures:
    """The pictures that the arguments name."""
    told = pair.layout is not None or pair.frame is not None
    if depth is not None:
        if right is not None:
            raise click.UsageError("With --depth there is one picture, that of colour.")
        if pair.swap or told:
            raise click.UsageError("--swap, --layout and --frame are about two views: leave them out with --depth.")
        options = DepthOptions(unit, mode or "linear", limits, invalid or 0)
        return FramePictures(left, depth, options, pair.background)
    if any(value is not None for value in (unit, mode, limits, invalid)):
        raise click.UsageError("The options of depth need a depth map: name it with --depth.")
    if right is not None and told:
        raise click.UsageError("--layout and --frame are about one file that holds both views: leave RIGHT out.")
    return PairPictures((left,) if right is None else (left, right), pair)
