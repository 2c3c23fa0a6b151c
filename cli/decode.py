"""`bisic decode`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from stereocodec.container import Container, ViewKind
from stereocodec.errors import OutputError
from stereocodec.files import check_writable, made_folder, write_together
from stereocodec.text import one_line

from ._decoding import check_model_options, codec_for, max_pixels_option, model_of_file_option, pull_option
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
)

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
_NAMES = {ViewKind.RGB8: _VIEWS, ViewKind.RGB8_DEPTH: ("color", "depth")}


@click.command()
@click.argument("file", type=NamedPath(stream=True))
@click.option("-o", "--output", type=NamedPath(), metavar="DIR", help="Folder for both views, as PNG; made if missing.")
@click.option("--left", type=NamedPath(stream=True), metavar="FILE", help="The left view; - for stdout, as PNG.")
@click.option("--right", type=NamedPath(stream=True), metavar="FILE", help="The right view; - for stdout, as PNG.")
@model_of_file_option
@pull_option
@max_pixels_option
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
    max_pixels: int | None,
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
    check_model_options(model, pull)
    if output is not None and Path(output).exists() and not Path(output).is_dir():
        raise click.UsageError(f"-o {one_line(output)} is not a folder: name files with --left and --right.")
    if output is not None and _looks_like_a_picture(output):
        raise click.UsageError(f"-o takes a folder: name the picture {one_line(output)} with --left or --right.")
    targets = _named_targets(file, left, right)
    if output is not None and targets:
        raise click.UsageError("Give either a folder with -o or files with --left and --right, not both.")
    if file == STANDARD_STREAM and output is None and not targets:
        raise click.UsageError("Standard input has no name: say where to write, with -o or --left and --right.")
    stdout_view = next((view for view, path in targets.items() if path == STANDARD_STREAM), None)
    stdout = require_binary_stdout(f"name a file with --{stdout_view}") if stdout_view else None
    _check_writable(targets, force)
    # What is wrong with the file itself is said before torch is imported.
    data = read_file(file)
    with about(file):
        container = Container.from_bytes(data)
    names = _NAMES[container.view_kind]
    if not targets:
        targets = _default_targets(file, output, names)
        if output is None or Path(output).exists():  # a folder that is not there is made at the end
            _check_writable(targets, force)
    elif container.view_kind is not ViewKind.RGB8:
        raise click.UsageError("The file is of colour and depth: leave --left and --right out.")
    with about(file), progress_bar(quiet) as progress:
        codec = codec_for(container, model, device=device, pull=pull)
        decoded = codec.decompress(container, max_pixels=max_pixels, progress=progress)
        pictures = dict(zip(names, decoded, strict=True))
    files = [(path, _writer(pictures[name], path)) for name, path in targets.items() if name != stdout_view]
    with nullcontext() if output is None else made_folder(Path(output)):
        write_together(files, overwrite=force)
    if stdout is not None and stdout_view is not None:
        _writer(pictures[stdout_view], STANDARD_STREAM)(stdout)
        stdout.flush()
    if not quiet and files:
        written = ", ".join(one_line(path) for path, _ in files)
        click.echo(f"{written}: {container.shown_size[0]}x{container.shown_size[1]}", err=stdout is not None)


def _check_writable(targets: Mapping[str, str], force: bool) -> None:
    for path in targets.values():
        if path != STANDARD_STREAM:
            check_writable(path, force)


def _named_targets(file: str, left: str | None, right: str | None) -> dict[str, str]:
    """The path of each view that --left and --right name."""
    named = {view: path for view, path in zip(_VIEWS, (left, right), strict=True) if path is not None}
    for view, path in named.items():
        if path != STANDARD_STREAM:
            _check_extension(path)
        if same_file(path, file):
            raise click.UsageError(f"--{view} is the file to decode: give it a name of its own.")
    if left is not None and right is not None and (left == right or same_file(left, right)):
        raise click.UsageError("--left and --right name one file: each view needs its own.")
    return named


def _default_targets(file: str, output: str | None, names: Sequence[str]) -> dict[str, str]:
    """A PNG file for each picture, beside the file or in the folder."""
    stem = "" if file == STANDARD_STREAM else f"{Path(file).stem}_"
    folder = Path(file).parent if output is None else Path(output)
    return {name: str(folder / f"{stem}{name}.png") for name in names}


def _looks_like_a_picture(folder: str) -> bool:
    """Whether what is named as a folder is not there and more likely meant as one of the pictures."""
    is_there = folder.endswith(("/", os.sep)) or Path(folder).is_dir()
    return not is_there and Path(folder).suffix.lower() in FORMATS


def _check_extension(path: str) -> None:
    extension = Path(path).suffix.lower()
    if extension not in FORMATS:
        known = " ".join(FORMATS)
        raise click.UsageError(
            f"{one_line(path)}: the extension {extension or '(none)'} stands for no known "
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
