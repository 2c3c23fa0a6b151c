"""What the commands share that decode a file: their options, and the way from a file to its pictures."""

from __future__ import annotations

from typing import Any

import click

import stereocodec
from stereocodec.container import Container, ViewKind
from stereocodec.pixel_limit import DEFAULT_MAX_PIXELS, MAX_PIXELS_VARIABLE

from ._quick_imports import quick_imports

model_of_file_option = click.option(
    "--model",
    metavar="NAME|DIR|ORG/NAME",
    help="A built-in model, the folder of a release, or a model on the Hub. [default: the one that wrote the file, "
    "if it is built in or was pulled]",
)
pull_option = click.option(
    "--pull", is_flag=True, help="Fetch the model that the file names from the Hub, if it is not here."
)
max_pixels_option = click.option(
    "--max-pixels",
    type=click.IntRange(min=1),
    metavar="N",
    help="Refuse views of more pixels, counted with the padding of their edges; decoding takes some 300 bytes of "
    f"memory per pixel. [default: {MAX_PIXELS_VARIABLE} in the environment, or {DEFAULT_MAX_PIXELS}]",
)


def check_model_options(model: str | None, pull: bool) -> None:
    """Raises UsageError for options that contradict each other."""
    if pull and model is not None:
        raise click.UsageError("--pull fetches the model that the file names: leave --model out.")


def codec_for(container: Container, model: str | None, *, device: str, pull: bool) -> Any:
    """The codec, of pairs or of frames, that decodes what a file holds."""
    with quick_imports():
        codec = stereocodec.RgbdCodec if container.view_kind is ViewKind.RGB8_DEPTH else stereocodec.StereoCodec
    return codec.for_file(container, model, device=device, pull=pull)
