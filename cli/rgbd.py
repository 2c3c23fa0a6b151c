"""What `bisic encode` and `bisic decode` do with colour and depth."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from stereocodec.files import check_writable, write_together

from ._shared import STANDARD_STREAM, display_name, progress_bar, require_binary_stdout, same_file, write_data

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from stereocodec import RgbdCodec
    from stereocodec.pictures.depth import DepthMap

_MAX_PICTURE_BYTES = 2**30
_KINDS = ("color", "depth")


@dataclass(frozen=True)
class DepthOptions:
    """What `bisic encode` was told of the depth map."""

    path: str
    unit: str | None
    mode: str
    limits: tuple[float, float] | None
    invalid: int


def encode_frame(
    color: str,
    depth: DepthOptions,
    output: str,
    *,
    quality: int | None,
    model: str | None,
    device: str,
    force: bool,
    verify: bool,
    quiet: bool,
) -> None:
    """Compresses colour and depth into one file, and says what a decoder will get."""
    if color == depth.path == STANDARD_STREAM:
        raise click.UsageError("Only one of colour and depth can come from standard input.")
    if any(same_file(output, picture) for picture in (color, depth.path)):
        raise click.UsageError("The output is one of the two pictures: give it a name of its own.")
    stdout = require_binary_stdout("name a file with -o") if output == STANDARD_STREAM else None
    if stdout is None:
        check_writable(output, force)
    picture, samples = _load(color, depth)

    from stereocodec import RgbdCodec

    codec = RgbdCodec.from_pretrained(model, device=device)
    with progress_bar(quiet) as progress:
        data = codec.compress(
            picture,
            samples.samples,
            depth_unit=samples.metres_per_step,
            depth_mode=depth.mode,
            depth_range=depth.limits,
            invalid=depth.invalid,
            quality=quality,
            progress=progress,
        )
    measured = _measured(codec, data, picture, samples, quiet) if verify else None
    name = write_data(data, output, stdout, force=force)
    if not quiet:
        click.echo(f"{name}: {_size_text(data, picture)}, {codec.name}", err=stdout is not None)
        if measured is not None:
            click.echo(measured, err=stdout is not None)


def decode_frame(
    file: str, data: bytes, folder: str | None, model: str | None, *, pull: bool, device: str, force: bool, quiet: bool
) -> None:
    """Writes the colour picture and the depth map of a file, as PNG."""
    if file == STANDARD_STREAM and folder is None:
        raise click.UsageError("Standard input has no name: say where to write, with -o.")
    where = Path(folder) if folder is not None else Path(file).parent
    stem = "" if file == STANDARD_STREAM else f"{Path(file).stem}_"
    paths = [str(where / f"{stem}{kind}.png") for kind in _KINDS]
    for path in paths:
        check_writable(path, force)

    from stereocodec import RgbdCodec

    codec = RgbdCodec.for_file(data, model, device=device, pull=pull)
    with progress_bar(quiet) as progress:
        pictures = codec.decompress(data, progress=progress)
    files = [(path, partial(_save, picture)) for path, picture in zip(paths, pictures, strict=True)]
    write_together(files, overwrite=force)
    if not quiet:
        width, height = pictures[0].size
        click.echo(f"{', '.join(map(click.format_filename, paths))}: {width}x{height}")


def _save(picture: Image.Image, file: BinaryIO) -> None:
    picture.save(file, format="PNG")


def _load(color: str, depth: DepthOptions) -> tuple[NDArray[np.uint8], DepthMap]:
    from stereocodec.pictures.depth import load_depth, to_depth_map
    from stereocodec.pictures.pil import load_image
    from stereocodec.pictures.rgb import to_rgb8
    from stereocodec.rgbd_codec import check_sizes

    name = display_name(depth.path)
    picture = to_rgb8(load_image(_source(color), display_name(color)), display_name(color))
    samples = to_depth_map(load_depth(_source(depth.path), name), name, unit=depth.unit, invalid=depth.invalid)
    check_sizes(picture, samples.samples)
    return picture, samples


def _source(path: str) -> Any:
    """Pillow needs to move back and forth in a file, which a pipe cannot."""
    return BytesIO(sys.stdin.buffer.read(_MAX_PICTURE_BYTES)) if path == STANDARD_STREAM else path


def _size_text(data: bytes, picture: NDArray[np.uint8]) -> str:
    from stereocodec.container import Container

    height, width = picture.shape[:2]
    depth = Container.from_bytes(data).depth
    mask = 0 if depth is None else len(depth.mask)
    return f"{len(data):,} bytes, {8 * len(data) / (width * height):.4f} bpp, {width}x{height}, mask {mask:,} bytes"


def _measured(codec: RgbdCodec, data: bytes, picture: NDArray[np.uint8], samples: DepthMap, quiet: bool) -> str:
    """What a decoder will get."""
    from stereocodec.pictures.depth import depth_errors
    from stereocodec.pictures.rgb import psnr

    with progress_bar(quiet) as progress:
        color, depth = codec.decode(data, progress=progress)
    rmse, largest = depth_errors(samples, depth)
    return f"color: PSNR {psnr(picture, color):.2f} dB; depth: RMSE {rmse:.2f} mm, largest error {largest:.2f} mm"
