"""`bisic encode`."""

from __future__ import annotations

import re
import sys

import click

from stereocodec.container.depth import DEFAULT_MAX_ERROR
from stereocodec.container.layouts import INPUT_LAYOUTS
from stereocodec.depth_settings import DepthSettings
from stereocodec.effort import DEFAULT_EFFORT, EFFORTS
from stereocodec.releases.folders import DEFAULT_MODEL

from ._calibration import calibration_options
from ._encode_many import ENGINES, ManyOptions, are_many, encode_many
from ._encode_one import encode_one, pictures_of
from ._many import jobs_option
from ._pictures import Goal, PairOptions, checked_colour
from ._shared import NamedPath, device_option, force_option, quiet_option, threads_option

_UNITS = {"": 1, "k": 1000, "M": 1000**2, "G": 1000**3}


def _bytes(_: click.Context, __: click.Parameter, value: str | None) -> int | None:
    """A number of bytes with a unit; refuses anything else as wrong usage."""
    if value is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kMG]?)B?", value)
    if match is None:
        raise click.BadParameter(f"{value!r} is no number of bytes, such as 200000, 200k or 1.5M.")
    return int(min(float(match[1]) * _UNITS[match[2]], sys.maxsize))


@click.command()
@click.argument("files", type=NamedPath(stream=True), nargs=-1, required=True, metavar="LEFT [RIGHT] | DATASET...")
@click.option(
    "-o",
    "--output",
    required=True,
    type=NamedPath(stream=True),
    metavar="FILE|DIR",
    help="The .bsc file, or a folder for it; - for stdout. Of many pairs, the folder of their files.",
)
@click.option(
    "-q",
    "--quality",
    type=click.FloatRange(0, 100),
    show_default="50",
    help="Higher is better and larger; in steps of 1/256. Models with a single quality take none.",
)
@click.option(
    "--target-size",
    callback=_bytes,
    metavar="BYTES",
    help="Instead of a quality: the best one whose file has no more bytes; 200k are 200,000, 1.5M 1,500,000.",
)
@click.option(
    "--target-bpp",
    type=float,
    metavar="BPP",
    help="Instead of a quality: the best one whose file has no more bits per pixel of both views, or of the frame.",
)
@click.option(
    "--target-psnr",
    type=float,
    metavar="DB",
    help="Instead of a quality: the least one that gives this PSNR, mean of both views, or of colour.",
)
@click.option(
    "--effort",
    type=click.IntRange(min(EFFORTS), max(EFFORTS)),
    metavar=f"{min(EFFORTS)}-{max(EFFORTS)}",
    show_default=str(DEFAULT_EFFORT),
    help="How hard to try: more makes smaller files and takes longer, up to minutes; decoding takes equally long.",
)
@click.option(
    "--model",
    show_default=DEFAULT_MODEL,
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
@click.option("--rgbd", is_flag=True, help="DATASET holds frames of colour with depth, not pairs.")
@click.option(
    "--depth-unit",
    metavar="UNIT",
    help="What a step of the depth map is: mm, cm, tum (1/5000 m), kitti (1/256 m), or metres.  [default: mm]",
)
@click.option(
    "--depth-max-error",
    metavar="ERROR",
    help="The most that a measurement may change by: a length such as 5mm, a share of the distance such as 0.5%, or 0 "
    f"for nothing.  [default: {DEFAULT_MAX_ERROR}]",
)
@click.option(
    "--depth-mode",
    type=click.Choice(["linear", "inverse"]),
    help="Of models whose networks code depth; inverse: errors grow with the square of the distance.  "
    "[default: linear]",
)
@click.option(
    "--depth-range",
    type=(float, float),
    metavar="NEAR FAR",
    help="Of such models: the least and the greatest depth that is coded, in metres.  [default: those of the map]",
)
@click.option(
    "--invalid",
    type=int,
    metavar="VALUE",
    help="What says in the depth map that there is no measurement.  [default: 0]",
)
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
    callback=checked_colour,
    help="What transparent parts are laid onto, e.g. white or '#80c0ff'.  [default: they are refused]",
)
@click.option(
    "--no-metadata", is_flag=True, help="Leave out the ICC profile, Exif, XMP and calibration that the pictures have."
)
@device_option
@force_option
@click.option("--no-verify", is_flag=True, help="Do not decode the result: faster, but unchecked and without PSNR.")
@jobs_option
@threads_option
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    default="local",
    show_default=True,
    help="What runs many pairs: processes of this machine, or a Ray cluster.",
)
@click.option(
    "--address", metavar="ADDRESS", help="Of the Ray cluster.  [default: one of this machine, started for it]"
)
@click.option("--json", "as_json", is_flag=True, help="Of many pairs, print one JSON object for each.")
@quiet_option
def encode(
    files: tuple[str, ...],
    output: str,
    quality: float | None,
    target_size: int | None,
    target_bpp: float | None,
    target_psnr: float | None,
    effort: int | None,
    model: str | None,
    swap: bool,
    layout: str | None,
    frame: int | None,
    depth: str | None,
    rgbd: bool,
    depth_unit: str | None,
    depth_max_error: str | None,
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
    jobs: int | None,
    threads: int | None,
    engine: str,
    address: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Compress stereo pairs, or colour with depth, into .bsc files.

    LEFT and RIGHT are the two views of a rectified pair: 8-bit pictures of equal size in any format that
    Pillow reads, or arrays (.npy), in colour or grey; one of them may be - for standard input. LEFT alone is one file
    that holds both views, such as a stereo camera's MPO file or a film; where it does not say how, --layout does. They
    are coded as they are stored, and an Exif orientation is kept for decoding.

    Prints the size, the bits per pixel (8 * bytes / (2 * width * height)) and, after decoding the result
    once, the PSNR over all samples that a decoder will get. The file appears only when all went well.

    ICC profile, Exif and XMP of the pictures are kept, without thumbnails. Damaged ones are left out, with a warning.
    Views that look exchanged, some rows off, or like two scenes are coded, with a warning, too.

    DATASET is a folder of pairs in any layout that bisic eval knows, a list of pairs (.csv, .txt), or one of several
    files that hold both views each. -o is then a folder that mirrors it, with a list of all pairs, manifest.csv. Pairs
    that are done are skipped when the same is run again; those that fail are named, and the exit status is then 1. With
    --rgbd it holds frames of colour with depth, in the layouts that bisic train knows.

    With --depth, LEFT is a colour picture, and the depth map, of 16 or 8 bits, is registered to it pixel by pixel.
    What has no measurement stays so exactly, and measurements change by --depth-max-error at most. Bits are per pixel
    of the frame, and the errors of depth are in millimetres.
    """
    goal = Goal(quality, target_size, target_bpp, target_psnr, effort)
    goal.check_usage()
    cameras = calibration_options(calibration, calibration_unit, output)
    many = ManyOptions(jobs, engine, address, as_json, quiet)
    pair = PairOptions(swap, background, layout, frame)
    of_depth = DepthSettings(depth_unit, depth_max_error, depth_mode, depth_range, invalid)
    if rgbd or are_many(files):
        if any(value is not None for value in (depth, frame, threads)):
            raise click.UsageError("--depth, --frame and --threads are about one pair or frame, but several are named.")
        if rgbd and (swap or layout is not None):
            raise click.UsageError("--swap and --layout are about two views: leave them out with --rgbd.")
        if not rgbd and of_depth != DepthSettings():
            raise click.UsageError("The options of depth need frames of colour with depth: say so with --rgbd.")
        from stereocodec.batch.encoding import EncodeSettings

        settings = EncodeSettings(
            model,
            device,
            **vars(goal),
            **pair.of_many(),
            calibration=cameras.paths,
            calibration_unit=cameras.unit,
            keep_metadata=not no_metadata,
            verify=not no_verify,
            overwrite=force,
            depth=of_depth if rgbd else None,
        )
        encode_many(files, output, settings, many)
        return
    many.check_unused()
    left, right = files[0], files[1] if len(files) == 2 else None
    pictures = pictures_of(left, right, pair, depth, of_depth)
    encode_one(
        pictures,
        cameras,
        goal,
        files,
        output,
        model,
        device,
        threads=threads,
        keep_metadata=not no_metadata,
        force=force,
        verify=not no_verify,
        quiet=quiet,
    )
