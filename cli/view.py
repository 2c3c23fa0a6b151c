"""`bisic view`."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import webbrowser
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from stereocodec.codec_for_file import codec_for_file
from stereocodec.container import Container
from stereocodec.container.layouts import INPUT_LAYOUTS
from stereocodec.depth_settings import DepthSettings
from stereocodec.errors import OutputError
from stereocodec.files import check_writable, made_folder, write_atomically
from stereocodec.text import one_line
from stereocodec.viewer import DEFAULT_MAX_SIDE

from ._decoding import check_model_options, max_pixels_option, model_of_file_option, pull_option
from ._networks import import_networks
from ._pictures import FramePictures, PairOptions, PairPictures, checked_colour
from ._shared import (
    STANDARD_STREAM,
    NamedPath,
    about,
    device_option,
    display_name,
    force_option,
    progress_bar,
    quiet_option,
    read_file,
    require_binary_stdout,
    same_file,
    write_data,
)

_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")  # one of them is set where a program can open a window
_GIVE_OUTPUT = "write the page with -o page.html, and open it where there is one"


@click.command()
@click.argument("file", type=NamedPath(stream=True))
@click.option(
    "-o",
    "--output",
    type=NamedPath(stream=True),
    metavar="PAGE",
    help="The page, HTML; - for stdout. [default: a temporary file, opened in the browser]",
)
@click.option(
    "--original",
    "originals",
    multiple=True,
    type=NamedPath(stream=True),
    metavar="FILE",
    help="What was encoded, to compare with; twice for two files, the left view (or colour) first.",
)
@click.option(
    "--layout",
    type=click.Choice(INPUT_LAYOUTS),
    metavar="NAME",
    help="How one --original holds both views, as of bisic encode. [default: as the file says]",
)
@click.option("--frame", type=click.IntRange(min=0), metavar="N", help="Which picture of an --original film, from 0.")
@click.option("--swap", is_flag=True, help="The originals were exchanged, as by bisic encode --swap.")
@click.option(
    "--background",
    metavar="COLOUR",
    callback=checked_colour,
    help="What transparent parts of the originals were laid onto.",
)
@click.option(
    "--max-side",
    type=click.IntRange(min=1),
    default=DEFAULT_MAX_SIDE,
    show_default=True,
    metavar="N",
    help="Scale pictures down whose longer side has more pixels; the page gets smaller, too.",
)
@model_of_file_option
@pull_option
@max_pixels_option
@device_option
@force_option
@quiet_option
def view(
    file: str,
    output: str | None,
    originals: tuple[str, ...],
    layout: str | None,
    frame: int | None,
    swap: bool,
    background: str | None,
    max_side: int,
    model: str | None,
    pull: bool,
    max_pixels: int | None,
    device: str,
    force: bool,
    quiet: bool,
) -> None:
    """Look at a .bsc file in the browser, on a page of its own.

    FILE is a .bsc file, or - for standard input. The page shows both views side by side, cross-eyed, in turns, as an
    anaglyph and one by one, and colour with depth as colours and in metres. With --original it compares with what was
    encoded, and has the PSNR. It holds all that it needs, asks nothing of any network, and can be sent to others.

    Without -o the page is a temporary file, which the browser opens.
    """
    check_model_options(model, pull)
    _check_usage(file, output, originals)
    stdout = require_binary_stdout("name a file with -o") if output == STANDARD_STREAM else None
    browser = _browser() if output is None else None
    if output is not None and stdout is None:
        check_writable(output, force, makes_folder=True)
    # What is wrong with the files themselves is said before torch is imported.
    data = read_file(file)
    with about(file):
        container = Container.from_bytes(data)
    options = PairOptions(swap, background, layout, frame)
    original = _original(container, originals, options) if originals else None
    with about(file), progress_bar(quiet) as progress:
        import_networks()
        codec = codec_for_file(container, model, device=device, pull=pull)
        settings = {"max_pixels": max_pixels, "progress": progress}
        page = _page(container, codec, settings, name=_title(file), original=original, max_side=max_side)
    if browser is not None:
        name = _open_in(browser, page)
        said = "opened in the browser"
    else:
        assert output is not None
        with nullcontext() if stdout is not None else made_folder(Path(output).parent):
            name = write_data(page, output, stdout, force=force)
        said = f"{len(page):,} bytes"
    if not quiet:
        click.echo(f"{name}: {said}", err=stdout is not None)


def _check_usage(file: str, output: str | None, originals: tuple[str, ...]) -> None:
    if len(originals) > 2:
        raise click.UsageError("--original is given once for one file, or twice for two.")
    if (file, *originals).count(STANDARD_STREAM) > 1:
        raise click.UsageError("Only one of FILE and the originals can come from standard input.")
    if output is not None and any(same_file(output, path) for path in (file, *originals)):
        raise click.UsageError("The page would replace one of the inputs: give it a name of its own.")


def _original(container: Container, paths: tuple[str, ...], options: PairOptions) -> Any:
    """What was encoded: a pair, or colour and depth; raises InvalidInput when it cannot be that."""
    from stereocodec.viewer.page import check_original_size

    original: Any
    if container.depth is not None:
        original = _frame_originals(container, paths, options)
    else:
        original = _pair_originals(container, paths, options)
    with about(paths[0]):
        check_original_size(container, next(iter(original)))
    return original


def _pair_originals(container: Container, paths: tuple[str, ...], options: PairOptions) -> Any:
    known = container.metadata.layout
    if len(paths) == 2 and (options.layout is not None or options.frame is not None):
        raise click.UsageError("--layout and --frame are about one original that holds both views.")
    if len(paths) == 1 and options.layout is None and known is not None:
        options = replace(options, layout=known.value)
    pictures = PairPictures(paths, options)
    pictures.load()
    return pictures.pair


def _frame_originals(container: Container, paths: tuple[str, ...], options: PairOptions) -> tuple[Any, Any]:
    assert container.depth is not None
    if len(paths) != 2 or options.swap or options.layout is not None or options.frame is not None:
        raise click.UsageError("The file is of colour and depth: give --original for each, and no options of pairs.")
    told = DepthSettings(repr(container.depth.metres_per_step), invalid=container.depth.invalid)
    pictures = FramePictures(paths[0], paths[1], told, options.background)
    pictures.load()
    return pictures.color, pictures.depth


def _page(container: Container, codec: Any, settings: dict[str, Any], **told: Any) -> bytes:
    """Decodes the file, and makes the page."""
    from stereocodec.viewer import frame_page, pair_page

    if not container.view_kind.has_depth:
        views = codec.decompress(container, output="numpy", **settings)
        return pair_page(container, views, model=codec.name, **told)
    color, depth = codec.decode(container, **settings)
    return frame_page(container, color, depth, model=codec.name, **told)


def _title(file: str) -> str:
    return display_name(file if file == STANDARD_STREAM else Path(file).name)


def _browser() -> webbrowser.BaseBrowser:
    """A browser with a window; raises OutputError where there is none."""
    if sys.platform.startswith(("win", "darwin")) or any(map(os.environ.get, _DISPLAYS)):
        try:
            return webbrowser.get()
        except webbrowser.Error as error:
            raise OutputError(f"there is no browser: {_GIVE_OUTPUT}") from error
    raise OutputError(f"there is no display for a browser: {_GIVE_OUTPUT}")


def _open_in(browser: webbrowser.BaseBrowser, page: bytes) -> str:
    """Opens a page that is a temporary file; returns its name. It stays for as long as the system keeps those."""
    folder = Path(tempfile.mkdtemp(prefix="bisic-"))
    path = folder / "pair.html"
    try:
        write_atomically(path, page, overwrite=False)
        if not browser.open(path.as_uri()):
            raise OutputError(f"the browser did not start: {_GIVE_OUTPUT}")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return one_line(path)
