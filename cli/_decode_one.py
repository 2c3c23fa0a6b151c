"""`bisic decode` of one file: what is asked for, and what writes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

import click

from stereocodec.container import Channels, Container
from stereocodec.files import Output, check_writable
from stereocodec.pictures.formats import PNG
from stereocodec.pictures.output_form import (
    TWO_FILES,
    OutputForm,
    Part,
    Single,
    check_parts,
    output_form,
    view_part,
)
from stereocodec.text import one_line

from ._shared import STANDARD_STREAM, require_binary_stdout, same_file

if TYPE_CHECKING:
    from stereocodec.pictures.save_pair import SavedPicture

Outputs: TypeAlias = OutputForm | tuple[Part, ...]
"""What is asked for: a form that the file may still decide, or single views."""


def check_names(file: str, output: str | None, layout: str | None, views: Mapping[str, str]) -> None:
    """Raises UsageError for names that cannot be meant so."""
    if output is not None and views:
        raise click.UsageError("Give either -o or files with --left and --right, not both.")
    if layout is not None and views:
        raise click.UsageError("--left and --right are single views: leave --layout out, or name one picture with -o.")
    if file == STANDARD_STREAM and output is None and not views:
        raise click.UsageError("Standard input has no name: say where to write, with -o or --left and --right.")
    named = views if output is None else {"output": output}
    for option, path in named.items():
        if same_file(path, file):
            raise click.UsageError(f"--{option} is the file to decode: give it a name of its own.")
    if len(views) == 2 and (views["left"] == views["right"] or same_file(views["left"], views["right"])):
        raise click.UsageError("--left and --right name one file: each view needs its own.")


def outputs_of(
    file: str,
    output: str | None,
    layout: str | None,
    picture_format: str | None,
    quality: int | None,
    views: Mapping[str, str],
) -> Outputs:
    """What is asked for; raises InvalidInput."""
    if views:
        paths = {view: None if path == STANDARD_STREAM else Path(path) for view, path in views.items()}
        return tuple(
            view_part(Single(view), path, format=picture_format, quality=quality) for view, path in paths.items()
        )
    target = None if output == STANDARD_STREAM else f"{Path(file).parent}/" if output is None else output
    stem = "" if file == STANDARD_STREAM else Path(file).stem
    return output_form(target, layout=layout, format=picture_format, quality=quality, stem=stem)


def stdout_of(output: str | None, views: Mapping[str, str]) -> BinaryIO | None:
    """Standard output, if a picture goes there."""
    streamed = [f"--{view}" for view, path in views.items() if path == STANDARD_STREAM]
    streamed += ["-o"] if output == STANDARD_STREAM else []
    return require_binary_stdout(f"name a file with {streamed[0]}") if streamed else None


def check_all_writable(paths: Iterable[Path | None], force: bool) -> None:
    """Raises OutputError for files that cannot be written, or that are there already; None stands for none."""
    for path in paths:
        if path is not None:
            check_writable(path, force, makes_folder=True)


def pair_saver(
    container: Container,
    outputs: Outputs,
    quality: int | None,
    force: bool,
    stdout: BinaryIO | None,
    beside: Sequence[Output],
    size: tuple[int, int],
) -> Callable[[Any, Any], str]:
    """What writes the views of a pair, of a width and height, and says in a line what it wrote.

    Raises OutputError for what could not be written.
    """
    grey, metadata = container.channels is Channels.GREY, container.metadata
    parts = outputs if isinstance(outputs, tuple) else outputs.parts(metadata.layout, grey=grey)
    check_all_writable([part.path for part in parts], force)
    check_parts(parts, size, metadata.layout, grey=grey)

    def save(left: Any, right: Any) -> str:
        from stereocodec.pictures.rgb import to_views
        from stereocodec.pictures.save_pair import save_parts

        pair = replace(to_views(left, right), metadata=metadata)
        saved = save_parts(parts, pair, quality=quality, overwrite=force, stream=stdout, beside=beside)
        if stdout is not None:
            stdout.flush()
        return _said(saved)

    return save


def _said(saved: Sequence[SavedPicture]) -> str:
    """Names, size, how one file holds both views, and what of the metadata files do not hold."""
    names = ", ".join("standard output" if one.path is None else one_line(one.path) for one in saved)
    first = saved[0]
    words = "" if first.words in (Single.LEFT.words, Single.RIGHT.words) else f", {first.words}"
    left_out = dict.fromkeys(what for one in saved for what in one.left_out)
    without = f"; without {', '.join(left_out)}" if left_out else ""
    return f"{names}: {first.size[0]}x{first.size[1]}{words}{without}"


def frame_saver(
    container: Container, outputs: Outputs, force: bool, beside: Sequence[Output]
) -> Callable[[Any, Any], str]:
    """What writes colour and depth, and says so.

    Raises UsageError for what a pair alone can be, and OutputError for what could not be written.
    """
    from stereocodec.pictures.save_frame import frame_paths, save_frame

    if isinstance(outputs, tuple):
        raise click.UsageError("The file is of colour and depth: leave --left and --right out.")
    folder = outputs.target if outputs.is_folder else None
    if folder is None or outputs.layout not in (None, TWO_FILES) or outputs.form is not PNG:
        raise click.UsageError(
            "The file is of colour and depth, which become two PNG files: name a folder with -o, and leave --layout "
            "and --format out."
        )
    check_all_writable(frame_paths(folder, outputs.stem), force)

    def save(color: Any, depth: Any) -> str:
        known = container.metadata
        paths = save_frame(color, depth, folder, metadata=known, name=outputs.stem, overwrite=force, beside=beside)
        return f"{', '.join(map(one_line, paths))}: {container.shown_size[0]}x{container.shown_size[1]}"

    return save
