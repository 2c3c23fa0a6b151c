"""`bisic encode`."""

from __future__ import annotations

import sys
from io import BytesIO
from typing import TYPE_CHECKING

import click

from stereocodec.container import Container
from stereocodec.files import check_writable
from stereocodec.releases.folders import DEFAULT_DEPTH_MODEL, DEFAULT_MODEL

from ._shared import (
    STANDARD_STREAM,
    device_option,
    display_name,
    force_option,
    progress_bar,
    quiet_option,
    require_binary_stdout,
    same_file,
    write_data,
)
from .rgbd import DepthOptions, encode_frame

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from stereocodec import StereoCodec

    View = NDArray[np.uint8]

_MAX_PICTURE_BYTES = 2**30  # read from standard input; 8-bit RGB of the largest view is a tenth of that


@click.command()
@click.argument("left", type=click.Path())
@click.argument("right", type=click.Path(), required=False)
@click.option("-o", "--output", required=True, type=click.Path(), metavar="FILE", help="The .bsc file; - for stdout.")
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
@click.option("--depth", type=click.Path(), metavar="FILE", help="A depth map: LEFT is then its colour picture.")
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
    depth: str | None,
    depth_unit: str | None,
    depth_mode: str | None,
    depth_range: tuple[float, float] | None,
    invalid: int | None,
    device: str,
    force: bool,
    no_verify: bool,
    quiet: bool,
) -> None:
    """Compress a stereo pair, or colour with depth, into one .bsc file.

    LEFT and RIGHT are the two views of a rectified pair: 8-bit pictures of equal size in any format that
    Pillow reads; one of them may be - for standard input.

    Prints the size, the bits per pixel (8 * bytes / (2 * width * height)) and, after decoding the result
    once, the PSNR over RGB that a decoder will get. The file appears only when all went well.

    With --depth, the one picture is colour and the depth map, of 16 or 8 bits, is registered to it pixel by pixel.
    What has no measurement stays so exactly. Bits are per pixel of the frame, and the errors of depth are in
    millimetres.
    """
    if depth is not None:
        if right is not None:
            raise click.UsageError("With --depth there is one picture, that of colour.")
        options = DepthOptions(depth, depth_unit, depth_mode or "linear", depth_range, invalid or 0)
        encode_frame(
            left,
            options,
            output,
            quality=quality,
            model=model,
            device=device,
            force=force,
            verify=not no_verify,
            quiet=quiet,
        )
        return
    if any(value is not None for value in (depth_unit, depth_mode, depth_range, invalid)):
        raise click.UsageError("The options of depth need a depth map: name it with --depth.")
    if right is None:
        raise click.UsageError("Missing argument 'RIGHT'.")
    _check_usage(left, right, output)
    stdout = require_binary_stdout("name a file with -o") if output == STANDARD_STREAM else None
    if stdout is None:
        check_writable(output, force)
    views = _load_pair(left, right)

    from stereocodec import StereoCodec

    codec = StereoCodec.from_pretrained(model, device=device)
    with progress_bar(quiet) as progress:
        data = codec.compress(*views, quality=quality, progress=progress)
    # Checked before anything is written: a file that does not decode is never left behind.
    levels = None if no_verify else _decoded_psnr(codec, data, views, quiet)
    name = write_data(data, output, stdout, force=force)
    if not quiet:
        size = _size_text(len(data), views[0])
        chosen = f"quality {Container.from_bytes(data).quality}, " if codec.has_qualities else ""
        click.echo(f"{name}: {size}, {chosen}{codec.name}", err=stdout is not None)
        if levels is not None:
            click.echo(_psnr_text(*levels), err=stdout is not None)


def _size_text(count: int, view: View) -> str:
    height, width = view.shape[:2]
    return f"{count:,} bytes, {8 * count / (2 * width * height):.4f} bpp, {width}x{height}"


def _psnr_text(left: float, right: float) -> str:
    return f"PSNR: left {left:.2f} dB, right {right:.2f} dB, mean {(left + right) / 2:.2f} dB"


def _check_usage(left: str, right: str, output: str) -> None:
    if left == right == STANDARD_STREAM:
        raise click.UsageError("Only one of the two views can come from standard input.")
    if any(same_file(output, view) for view in (left, right)):
        raise click.UsageError("The output is one of the two pictures: give it a name of its own.")


def _load_pair(left: str, right: str) -> tuple[View, View]:
    from stereocodec.pictures.rgb import to_pair, to_rgb8

    # Converted one by one first, so that an error names the file.
    first, second = (to_rgb8(_load(path), display_name(path)) for path in (left, right))
    return to_pair(first, second)


def _load(path: str) -> Image.Image:
    from stereocodec.pictures.pil import load_image

    if path != STANDARD_STREAM:
        return load_image(path)
    # Pillow needs to move back and forth in a file, which a pipe cannot.
    return load_image(BytesIO(sys.stdin.buffer.read(_MAX_PICTURE_BYTES)), display_name(path))


def _decoded_psnr(codec: StereoCodec, data: bytes, views: tuple[View, View], quiet: bool) -> tuple[float, float]:
    from stereocodec.pictures.rgb import psnr

    with progress_bar(quiet) as progress:
        left, right = codec.decompress(data, output="numpy", progress=progress)
    return psnr(views[0], left), psnr(views[1], right)
