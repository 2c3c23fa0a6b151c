"""`bisic decode`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from stereocodec.container import Container, ViewKind
from stereocodec.errors import FormatError, OutputError
from stereocodec.files import check_writable, write_together

from ._shared import (
    STANDARD_STREAM,
    device_option,
    force_option,
    progress_bar,
    quiet_option,
    read_file,
    require_binary_stdout,
    same_file,
)
from .rgbd import decode_frame

if TYPE_CHECKING:
    from PIL import Image

# Formats that hold 8-bit RGB, by extension: Pillow's name, and settings that lose as little as it allows.
_JPEG: tuple[str, dict[str, Any]] = ("JPEG", {"quality": 95, "subsampling": 0})
FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    ".png": ("PNG", {}),
    ".tif": ("TIFF", {"compression": "tiff_lzw"}),
    ".tiff": ("TIFF", {"compression": "tiff_lzw"}),
    ".webp": ("WEBP", {"lossless": True}),
    ".bmp": ("BMP", {}),
    ".ppm": ("PPM", {}),
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
}
_VIEWS = ("left", "right")


@click.command()
@click.argument("file", type=click.Path())
@click.option("-o", "--output", type=click.Path(), metavar="DIR", help="Folder for both views, as PNG.")
@click.option("--left", type=click.Path(), metavar="FILE", help="The left view; - for stdout, as PNG.")
@click.option("--right", type=click.Path(), metavar="FILE", help="The right view; - for stdout, as PNG.")
@click.option(
    "--model",
    metavar="NAME|DIR|ORG/NAME",
    help="A built-in model, the folder of a release, or a model on the Hub. [default: the one that wrote the file, "
    "if it is built in or was pulled]",
)
@click.option("--pull", is_flag=True, help="Fetch the model that the file names from the Hub, if it is not here.")
@device_option
@force_option
@quiet_option
def decode(
    file: str,
    output: str | None,
    left: str | None,
    right: str | None,
    model: str | None,
    pull: bool,
    device: str,
    force: bool,
    quiet: bool,
) -> None:
    """Restore the two views of a .bsc file, or its colour and depth.

    FILE is a .bsc file, or - for standard input. Without other options, pair.bsc becomes pair_left.png
    and pair_right.png beside it; with -o they stand in that folder (from standard input: left.png and
    right.png). With --left or --right, only the views that are named are written, in the format of the
    extension: .png, .tif, .webp (lossless), .bmp, .ppm or .jpg (quality 95).

    A file of colour with depth becomes frame_color.png and frame_depth.png, the depth map as it was given: in the
    same unit and bits, with its holes where they were.
    """
    if pull and model is not None:
        raise click.UsageError("--pull fetches the model that the file names: leave --model out.")
    if output is not None and Path(output).exists() and not Path(output).is_dir():
        raise click.UsageError(
            f"-o {click.format_filename(output)} is not a folder: name files with --left and --right."
        )
    data = read_file(file) if left is right is None else b""
    if _holds_depth(data):
        decode_frame(file, data, output, model, pull=pull, device=device, force=force, quiet=quiet)
        return
    targets = _targets(file, output, left, right)
    stdout_view = next((view for view, path in targets.items() if path == STANDARD_STREAM), None)
    stdout = require_binary_stdout(f"name a file with --{stdout_view}") if stdout_view else None
    for path in targets.values():
        if path != STANDARD_STREAM:
            check_writable(path, force)
    data = data or read_file(file)
    Container.from_bytes(data)  # what is wrong with the file itself is said before torch is imported

    from stereocodec import StereoCodec

    codec = StereoCodec.for_file(data, model, device=device, pull=pull)
    with progress_bar(quiet) as progress:
        views = dict(zip(_VIEWS, codec.decompress(data, progress=progress), strict=True))
    files = [(path, _writer(views[view], path)) for view, path in targets.items() if view != stdout_view]
    write_together(files, overwrite=force)
    if stdout is not None and stdout_view is not None:
        _writer(views[stdout_view], STANDARD_STREAM)(stdout)
        stdout.flush()
    if not quiet and files:
        width, height = views["left"].size
        names = ", ".join(click.format_filename(path) for path, _ in files)
        click.echo(f"{names}: {width}x{height}", err=stdout is not None)


def _holds_depth(data: bytes) -> bool:
    try:
        return Container.from_bytes(data).view_kind is ViewKind.RGB8_DEPTH
    except FormatError:  # said later, when the command's arguments are known to be right
        return False


def _targets(file: str, output: str | None, left: str | None, right: str | None) -> dict[str, str]:
    """The path of each view that shall be written."""
    named = {view: path for view, path in zip(_VIEWS, (left, right), strict=True) if path is not None}
    if output is not None and named:
        raise click.UsageError("Give either a folder with -o or files with --left and --right, not both.")
    if not named:
        return _default_targets(file, output)
    for view, path in named.items():
        if path != STANDARD_STREAM:
            _check_extension(path)
        if same_file(path, file):
            raise click.UsageError(f"--{view} is the file to decode: give it a name of its own.")
    if len(named) == 2 and (left == right or same_file(*named.values())):
        raise click.UsageError("--left and --right name one file: each view needs its own.")
    return named


def _default_targets(file: str, output: str | None) -> dict[str, str]:
    if file == STANDARD_STREAM:
        if output is None:
            raise click.UsageError("Standard input has no name: say where to write, with -o or --left and --right.")
        names = [f"{view}.png" for view in _VIEWS]
    else:
        names = [f"{Path(file).stem}_{view}.png" for view in _VIEWS]
    folder = Path(file).parent if output is None else Path(output)
    return {view: str(folder / name) for view, name in zip(_VIEWS, names, strict=True)}


def _check_extension(path: str) -> None:
    extension = Path(path).suffix.lower()
    if extension not in FORMATS:
        known = " ".join(FORMATS)
        raise click.UsageError(
            f"{click.format_filename(path)}: the extension {extension or '(none)'} stands for no known "
            f"picture format; use one of {known}"
        )


def _writer(image: Image.Image, path: str) -> Callable[[BinaryIO], None]:
    extension = ".png" if path == STANDARD_STREAM else Path(path).suffix.lower()
    pillow_format, settings = FORMATS[extension]
    return partial(_save, image, path, pillow_format, settings)


def _save(image: Image.Image, path: str, pillow_format: str, settings: dict[str, Any], file: BinaryIO) -> None:
    try:
        image.save(file, format=pillow_format, **settings)
    except (KeyError, ValueError, SystemError) as error:  # not in this Pillow, or a side above its limit
        raise OutputError(f"{path} cannot be written as {pillow_format}: {error}; use .png") from error
