"""What the commands share that decode files: their options."""

from __future__ import annotations

import click

from stereocodec.pixel_limit import DEFAULT_MAX_PIXELS, MAX_PIXELS_VARIABLE

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
    help="Refuse views of more pixels, counted with the padding of their edges. [default: "
    f"{MAX_PIXELS_VARIABLE} in the environment, or {DEFAULT_MAX_PIXELS} where views are a single band, whose decoding "
    "takes some 300 bytes of memory per pixel]",
)


def check_model_options(model: str | None, pull: bool) -> None:
    """Raises UsageError for options that contradict each other."""
    if pull and model is not None:
        raise click.UsageError("--pull fetches the model that the file names: leave --model out.")
