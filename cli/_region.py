"""What `bisic decode` makes of a part of a file, or of a damaged one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from stereocodec.container import Container
from stereocodec.container.bounded import MAX_FILE_BYTES
from stereocodec.container.salvage import salvage

from ._shared import about, read_file

if TYPE_CHECKING:
    from stereocodec.region import Rectangle


def _rectangle(_: click.Context, __: click.Parameter, value: str | None) -> Rectangle | None:
    """Column, row, width and height; refuses anything else as wrong usage."""
    if value is None:
        return None
    match = re.fullmatch(r"(\d{1,5}),(\d{1,5}),(\d{1,5}),(\d{1,5})", value)
    if match is None:
        raise click.BadParameter(f"{value!r} is no X,Y,W,H of whole numbers, such as 640,0,320,240.")
    x, y, width, height = map(int, match.groups())
    return x, y, width, height


region_option = click.option(
    "--region",
    callback=_rectangle,
    metavar="X,Y,W,H",
    help="Decode a part of the pictures alone: its column and row, width and height in pixels.",
)
salvage_option = click.option(
    "--salvage",
    is_flag=True,
    help="Of a damaged file of large pictures, write what is whole and the rest in grey; the exit status is then 1.",
)


def read_for(file: str, *, to_salvage: bool) -> tuple[Container, Any]:
    """What a file holds, and the argument of `decompress` or `salvage` for it."""
    if to_salvage:
        data = read_file(file, lambda opened: opened.read(MAX_FILE_BYTES + 1))
        with about(file):
            return salvage(data)[0], data
    data = read_file(file)
    with about(file):
        container = Container.from_bytes(data)
    return container, container
